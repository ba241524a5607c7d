//! The worked behaviours of the published searches (docs/methods.md M6.12 and M12).

use crate::core::datasets::templates::Template;

use super::chain::{ChainingColumns, ChainingResult, chain};
use super::check::{CheckSettings, Checker, VariableEdit, edited_question};
use super::grid::{Grid, tests::grid};
use super::numbers::chaining_numbers;
use super::select::Selection;
use super::step::{Operand, OperandOrigin, Operation, Rank, Step};
use super::tokens::{Cut as _, Tokens};
use super::tree::{Tree, build};

const CODI: ChainingColumns = ChainingColumns {
    answer_column: 11,
    offset: 2,
    question_numbers: true,
};

fn settings(required: usize) -> CheckSettings<'static> {
    CheckSettings {
        required,
        max_rank: 1,
        answer_column: CODI.answer_column,
        tokens: &Tokens::Gpt2,
    }
}

fn text(step: &Step) -> String {
    let values: Vec<String> = step.operands.iter().map(|o| o.value.to_string()).collect();
    let rank = step.rank.value();
    format!("{} {} ({rank:.2})", step.operation.code(), values.join(","))
}

/// A step on numbers of the question.
fn step(operation: Operation, values: &[i128], result: i128, column: usize) -> Step {
    let operand = |value: &i128| Operand {
        value: *value,
        rank: 1000,
        is_intermediate: false,
        source: OperandOrigin::Question,
        in_question: true,
    };
    Step {
        operation,
        operands: values.iter().map(operand).collect(),
        result,
        place: OperandOrigin::Column(column - 2),
        column,
        result_rank: 0,
        rank: Rank::Mean(1000.0),
        is_explainable: true,
        verified: None,
    }
}

/// docs/methods.md M12: candidates and their order at one column.
#[test]
fn candidates_come_in_the_published_order() {
    let layout = ChainingColumns {
        answer_column: 1,
        offset: 1,
        question_numbers: true,
    };
    let candidates = |result: &str| {
        let grid = grid(&["6| x|y|4", result]);
        let chain = chain(&grid, &[2], layout, Selection::ByRank);
        let at_0 = chain.candidates.first().map(|(_, steps)| steps.clone());
        at_0.unwrap_or_default()
            .iter()
            .map(text)
            .collect::<Vec<_>>()
    };
    assert_eq!(candidates("24"), ["* 6,4 (1.50)"]);
    assert_eq!(
        candidates("12"),
        [
            "+ 6,6 (0.00)",
            "* 6,2 (500.00)",
            "+ 6,4,2 (334.33)",
            "*/ 6,4,2 (334.33)",
            "*/ 4,6,2 (334.33)"
        ]
    );
    // The verifier is called in the order of priorities, then length, then rank.
    let mut checked = Vec::new();
    let mut none = |step: &Step, _: &[Step]| {
        checked.push(text(step));
        false
    };
    let grid = grid(&["6| x|y|4", "12"]);
    let chain = chain(&grid, &[2], layout, Selection::Verified(&mut none));
    assert_eq!(checked, candidates("12"));
    assert_eq!(text(&chain.selected[0]), "+ 6,6 (0.00)");
    assert_eq!(chain.selected[0].verified, Some(false));
}

/// The new values in the edits of a step's first variable.
fn values(question: &str, operation: Operation, operands: &[i128], tokens: Tokens) -> Vec<i128> {
    let template = Template::new(0, question);
    let result = operation.apply(operands).expect("a value");
    let mut runner = |_: &str| None;
    let settings = CheckSettings {
        tokens: &tokens,
        ..settings(1)
    };
    let mut checker = Checker::new(&template, settings, &mut runner);
    let verdict = checker.check(&step(operation, operands, result, 2), &[]);
    verdict.checks.iter().map(|check| check.edit.new).collect()
}

/// docs/methods.md M12: the stream of edited values, of which three are used.
#[test]
fn edits_take_the_published_values() {
    for tokens in [Tokens::Gpt2, Tokens::Llama3] {
        let plus_5 = |number: i128| {
            let question = format!("There are {number} here.");
            values(&question, Operation::Add, &[number, 5], tokens)
        };
        assert_eq!(plus_5(40), [50, 30, 60]);
        assert_eq!(plus_5(7), [8, 6, 9]);
        assert_eq!(plus_5(300), [400, 200, 500]);
        assert_eq!(plus_5(100), [200, 300, 400]);
        assert_eq!(plus_5(1), [2, 3, 4]);
    }
    // 70 * 30 = 2100 is two GPT-2 tokens and 1200 is one, so the first three edits agree but the fifth would differ.
    let times_30 = |tokens| values("There are 40 here.", Operation::Mul, &[40, 30], tokens);
    assert_eq!(times_30(Tokens::Gpt2), [50, 30, 60]);
    assert_eq!(times_30(Tokens::Llama3), [50, 30, 60]);
}

/// The longer streams of docs/methods.md M12, through six edits of one variable.
#[test]
fn six_values_of_one_variable_are_the_published_ones() {
    let stream = |number: i128, tokens: Tokens, value: &dyn Fn(i128) -> i128| {
        let template = Template::new(0, &format!("There are {number} here."));
        let original = value(number);
        let single = |value: i128| tokens.is_single(&value.to_string());
        let accepts = |values: &[i128]| {
            let new = value(values[0]);
            new != original && (!single(original) || single(new))
        };
        let mut used = Vec::new();
        while used.len() < 6 {
            let edit = super::check::next_edit(&template, &[number], 0, &used, &tokens, &accepts);
            used.push(edit.expect("there are six").new);
        }
        used
    };
    for tokens in [Tokens::Gpt2, Tokens::Llama3] {
        let plus_5 = |number| stream(number, tokens, &|v| v + 5);
        assert_eq!(plus_5(40), [50, 30, 60, 20, 70, 10]);
        assert_eq!(plus_5(7), [8, 6, 9, 5, 10, 4]);
        assert_eq!(plus_5(300), [400, 200, 500, 100, 600, 700]);
        assert_eq!(plus_5(100), [200, 300, 400, 500, 600, 110]);
        assert_eq!(plus_5(1), [2, 3, 4, 5, 6, 10]);
    }
    let times_30 = |tokens| stream(40, tokens, &|v| v * 30);
    assert_eq!(times_30(Tokens::Gpt2), [50, 30, 60, 20, 10, 100]);
    assert_eq!(times_30(Tokens::Llama3), [50, 30, 60, 20, 70, 10]);
}

/// The edits of a step as (name of the variable, new value).
fn edits(question: &str, operation: Operation, operands: &[i128]) -> Vec<(String, i128)> {
    let template = Template::new(0, question);
    let result = operation.apply(operands).expect("a value");
    let mut runner = |_: &str| None;
    let mut checker = Checker::new(&template, settings(1), &mut runner);
    let verdict = checker.check(&step(operation, operands, result, 2), &[]);
    let checks = verdict.checks.iter();
    checks
        .map(|check| (format!("VAR_{}", check.edit.variable + 1), check.edit.new))
        .collect()
}

#[test]
fn variables_take_turns_in_the_order_of_their_names_as_text() {
    let question = "3 4 5 6 7 8 9 11 13 40";
    let owned = |edits: &[(&str, i128)]| -> Vec<(String, i128)> {
        edits
            .iter()
            .map(|(name, new)| ((*name).to_owned(), *new))
            .collect()
    };
    // VAR_10 comes before VAR_2 (docs/methods.md M12).
    assert_eq!(
        edits(question, Operation::Add, &[4, 40]),
        owned(&[("VAR_10", 50), ("VAR_2", 5), ("VAR_10", 30)])
    );
    // Only words: two other divisors, one other multiplier; never three (Q26).
    assert_eq!(edits("half of it", Operation::Mul, &[2, 2]), []);
    assert_eq!(edits("twice as many", Operation::Mul, &[2, 2]), []);
    // A divisor and a number: half has other words, 12 / 3 and 16 / 2 are whole.
    assert_eq!(
        edits("half of 12", Operation::Div, &[12, 2]),
        owned(&[("VAR_1", 3), ("VAR_2", 14), ("VAR_1", 4)])
    );
    // No variable.
    assert_eq!(edits("none", Operation::Add, &[12, 24]), []);
    // Both halves of a compound fraction must be accepted, though one is edited (Q24): phrases with a whole part of 12.
    assert_eq!(
        edits("two-thirds of 12", Operation::MulDiv, &[12, 2, 3])[0],
        ("VAR_1".to_owned(), 1)
    );
}

/// docs/methods.md M3.5 and M6.7(d).
#[test]
fn the_unedited_template_is_a_normalised_rewrite() {
    let pie = "Twenty-five kids ate three-fourths of a pie, double the half of 3/4 of 1,000.";
    let template = Template::new(0, pie);
    let values = [20, 5, 3, 4, 2, 2, 3, 4, 1000];
    assert_eq!(
        edited_question(&template, &values),
        "20-5 kids ate three-quarters of a pie, twice the half of 3/4 of 1000."
    );
    let edited = [20, 5, 3, 7, 3, 4, 3, 4, 1000];
    assert_eq!(
        edited_question(&template, &edited),
        "20-5 kids ate 3/7 of a pie, triple the quarter of 3/4 of 1000."
    );
    // VAR_1 matches the start of VAR_10 (Q22), and "%" is lost (Q23).
    let ten = Template::new(0, "1% 2 3 4 5 6 7 8 9 12");
    assert_eq!(
        edited_question(&ten, &[50, 2, 3, 4, 5, 6, 7, 8, 9, 12]),
        "50 2 3 4 5 6 7 8 9 500"
    );
}

/// The question and "model" of the worked check: for three numbers a, b, c the latents hold a - b, a + (a - b) and the product of
/// that with c.
const WORKED: &str = "Ann has 22 pens and gives away 5, then sells each for 10 cents.";

/// The grid for a question with three numbers; the answer is off by one if c equals `slips`.
fn worked(question: &str, slips: i128) -> Option<Grid> {
    let digits = question.split(|c: char| !c.is_ascii_digit());
    let numbers: Vec<i128> = digits.filter_map(|n| n.parse().ok()).collect();
    let [a, b, c] = *numbers else { return None };
    let left = a - b;
    let both = a + left;
    let answer = both * c + i128::from(c == slips);
    let row = |text: String| vec![text];
    let mut columns = vec![row("-".to_owned()); 13];
    columns[2] = row(left.to_string());
    columns[4] = row(both.to_string());
    columns[11] = row(answer.to_string());
    columns[12] = row("<|endoftext|>".to_owned());
    Some(Grid::new(columns, 10))
}

/// docs/methods.md M6.12, the paper's instance 290, on a model that subtracts, adds and multiplies, and errs once.
#[test]
fn the_worked_check_passes_as_published() {
    let template = Template::new(0, WORKED);
    // The third edit of the last step changes c from 10 to 20.
    let mut runner = |question: &str| worked(question, 20);
    let mut checker = Checker::new(&template, settings(2), &mut runner);
    let mut passes = |step: &Step, selected: &[Step]| {
        let verdict = checker.check(step, selected);
        assert_eq!(verdict.checks.len(), 3);
        verdict.passes()
    };
    let accidental = step(Operation::AddSub, &[5, 22, 10], 17, 2);
    let difference = step(Operation::Sub, &[22, 5], 17, 2);
    let mut sum = step(Operation::Add, &[22, 17], 39, 4);
    let mut product = step(Operation::Mul, &[39, 10], 390, 11);
    let result = |operand: &mut Operand, column| {
        (operand.is_intermediate, operand.in_question) = (true, false);
        operand.source = OperandOrigin::Column(column);
    };
    result(&mut sum.operands[1], 2);
    result(&mut product.operands[0], 4);
    let selected = [difference.clone(), sum.clone()];
    assert_eq!(passes(&accidental, &[]), 1);
    assert_eq!(passes(&difference, &[]), 3);
    assert_eq!(passes(&sum, &selected[..1]), 3);
    assert_eq!(passes(&product, &selected), 2);
}

/// The complete search with the verifier, for each number of required passes.
fn verified(required: usize) -> (ChainingResult, Option<Tree>) {
    let template = Template::new(0, WORKED);
    let mut runner = |question: &str| worked(question, 20);
    let mut checker = Checker::new(&template, settings(required), &mut runner);
    let grid = worked(WORKED, 0).expect("three numbers");
    let numbers = chaining_numbers(WORKED);
    let mut chain = chain(&grid, &numbers, CODI, Selection::Verified(&mut checker));
    let answer = grid.spelled(CODI.answer_column);
    let tree = build(&mut chain.selected, answer, &grid, CODI, &numbers, false);
    (chain, tree)
}

/// Whether every step is verified: the published verdict on a prediction.
fn is_verified(tree: &Tree, selected: &[Step]) -> bool {
    let mut steps = tree.steps.iter();
    steps.all(|step| selected[*step].verified == Some(true))
}

#[test]
fn the_worked_tree_is_verified_for_one_and_two_passes_but_not_for_three() {
    for (required, expected) in [(1, true), (2, true), (3, false)] {
        let (chain, tree) = verified(required);
        let tree = tree.expect("a tree");
        let steps: Vec<String> = tree
            .steps
            .iter()
            .map(|step| text(&chain.selected[*step]))
            .collect();
        assert_eq!(steps.len(), 3, "{steps:?}");
        assert!(steps[0].starts_with("- 22,5"), "{steps:?}");
        assert_eq!(is_verified(&tree, &chain.selected), expected, "{required}");
    }
}

#[test]
fn edits_and_observations_are_reported() {
    let template = Template::new(0, WORKED);
    let mut runs = 0;
    let mut runner = |question: &str| {
        runs += 1;
        worked(question, 20)
    };
    let mut checker = Checker::new(&template, settings(3), &mut runner);
    let difference = step(Operation::Sub, &[22, 5], 17, 2);
    let verdict = checker.check(&difference, &[]);
    assert_eq!(checker.check(&difference, &[]), verdict);
    let edit = VariableEdit {
        variable: 0,
        old: 22,
        new: 23,
    };
    let first = &verdict.checks[0];
    assert_eq!(
        (first.edit, first.expected, first.observed, first.passed),
        (edit, Some(18), Some(18), true)
    );
    assert_eq!(runs, 3, "a verdict is kept");
    // A dropped run fails its check.
    let mut dropped = |_: &str| None;
    let mut checker = Checker::new(&template, settings(1), &mut dropped);
    let verdict = checker.check(&difference, &[]);
    assert_eq!((verdict.checks.len(), verdict.passes()), (3, 0));
}

/// A refuted step below a verified one is cut from the tree, and the operand becomes a cell of the operand column (Q31).
#[test]
fn refuted_sources_are_pruned_from_under_verified_steps() {
    let grid = grid(&[
        "-", "-", "7|9", "-", "14", "-", "-", "-", "-", "-", "-", "28", "x",
    ]);
    let mut only_last = |step: &Step, _: &[Step]| step.column == 11;
    let mut chain = chain(&grid, &[3, 4], CODI, Selection::Verified(&mut only_last));
    let before: Vec<usize> = chain.selected.iter().map(|step| step.column).collect();
    assert_eq!(before, [2, 4, 11]);
    let answer = grid.spelled(11);
    let tree = build(&mut chain.selected, answer, &grid, CODI, &[3, 4], false).expect("a tree");
    let last = &chain.selected[*tree.steps.last().expect("a step")];
    // Only the refuted step itself is removed: the steps behind it stay (docs/methods.md M6.8).
    assert_eq!((tree.steps.len(), last.verified), (2, Some(true)));
    assert!(
        last.operands
            .iter()
            .all(|operand| !operand.is_intermediate || operand.is_question())
    );
    assert!(
        !is_verified(&tree, &chain.selected),
        "what stays is not verified"
    );
}

#[test]
fn answers_come_from_combinations_where_no_step_gives_them() {
    // 7 = 3 + 4 and 12 = 3 * 4 are read; only 7 + 12 gives 19.
    let grid = grid(&[
        "-", "-", "7", "-", "12", "-", "-", "-", "-", "-", "-", "-", "x",
    ]);
    let mut chain = chain(&grid, &[3, 4], CODI, Selection::ByRank);
    let tree = build(&mut chain.selected, Some(19), &grid, CODI, &[3, 4], false).expect("a tree");
    let combination = tree.combination.as_ref().expect("a combination");
    assert_eq!(
        (&combination.values[..], combination.operation),
        (&[7, 12][..], Operation::Add)
    );
    assert_eq!(
        build(&mut chain.selected, Some(1), &grid, CODI, &[3, 4], false),
        None
    );
    assert_eq!(
        build(&mut chain.selected, None, &grid, CODI, &[3, 4], false),
        None
    );
    // With copies enabled, the earliest step that gives the answer is copied to it.
    let tree = build(&mut chain.selected, Some(7), &grid, CODI, &[3, 4], true).expect("a tree");
    assert_eq!((tree.copied, tree.steps.len()), (Some(0), 1));
}

#[test]
fn a_hostile_grid_ends_soon() {
    let column = |from: i128| {
        let values = (from..from + 900).map(|value| value.to_string());
        values.collect::<Vec<_>>()
    };
    let columns: Vec<Vec<String>> = (0..40).map(|i| column(1 + i)).collect();
    let grid = Grid::new(columns, 1000);
    let layout = ChainingColumns {
        answer_column: 38,
        ..CODI
    };
    let numbers: Vec<i128> = (1000..5000).collect();
    let chain = chain(&grid, &numbers, layout, Selection::ByRank);
    assert!(chain.is_capped);
}
