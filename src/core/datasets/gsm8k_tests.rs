//! Tests of the three sets: rows on both sides of each rule, and every kept row rechecked by a simple independent implementation
//! of the rules.

use proptest::prelude::*;

use super::*;

/// A tokenizer in which whole numbers up to 999, except 521, are single tokens.
fn is_single(number: &str) -> bool {
    number.len() <= 3 && number != "521" && number.bytes().all(|byte| byte.is_ascii_digit())
}

fn problem(question: &str, steps: &str, answer: &str) -> Problem {
    Problem {
        question: question.to_owned(),
        steps: steps.split(' ').map(str::to_owned).collect(),
        answer: answer.to_owned(),
    }
}

fn chain(problem: &Problem, others: &[&str]) -> MultiChainRow {
    MultiChainRow {
        problem: problem.question.clone(),
        solution: problem.steps.concat(),
        answer: problem.answer.clone(),
        gen_solutions: Some(others.iter().map(|other| (*other).to_owned()).collect()),
    }
}

fn prepared(problems: &[Problem], chains: Option<&[MultiChainRow]>) -> Prepared {
    prepare(problems.to_vec(), chains, &mut |number| {
        Ok(is_single(number))
    })
    .expect("nothing fails")
}

/// Returns the sizes of the second and third set.
fn sizes(question: &str, steps: &str, answer: &str) -> (usize, usize) {
    let made = prepared(&[problem(question, steps, answer)], None);
    (made.valid.len(), made.friendly.len())
}

#[test]
fn a_valid_trace_is_not_blank_and_ends_in_the_answer() {
    let table = [
        ("<<3+4=7>>", "7", true),
        ("<<3+4=7>> <<7*2=14>>", "14", true),
        ("<<3+4=7.0>>", "7", true),
        ("<<3+4=\t7\t>>", " 7 ", true),
        ("<<600*2=1,200>>", "1,200", true),
        ("<<600*2=1,200>>", "1200", false),
        ("<<3+4=7>>", "8", false),
        ("<<3+4=7>> <<7*2=14>>", "7", false),
        ("<<3+4=7>> ", "7", false),
        ("<<7=3+4>>", "7", false),
        ("", "7", false),
        ("", "", false),
        ("7", "7", false),
    ];
    for (steps, answer, is_kept) in table {
        assert_eq!(
            sizes("q", steps, answer).0 == 1,
            is_kept,
            "{steps:?} {answer:?}"
        );
    }
}

#[test]
fn a_friendly_row_has_short_numbers_that_differ() {
    let table = [
        ("3 and 4", "<<3+4=7>>", "7", true),
        ("20% of $50 and 1/2, three", "<<20*50=100>>", "100", true),
        // Rule 1: operands and results of steps are single tokens.
        ("a few", "<<520+1=522>>", "522", true),
        ("a few", "<<521+1=522>>", "522", false),
        ("a few", "<<999+1=1000>>", "1000", false),
        ("a few", "<<.5*4=2>>", "2", false),
        // Rule 2: so are the question's numbers.
        ("999 of them", "<<3+4=7>>", "7", true),
        ("521 of them", "<<3+4=7>>", "7", false),
        ("1,200 of them", "<<3+4=7>>", "7", false),
        ("$2.50 of them", "<<3+4=7>>", "7", false),
        ("x1000y", "<<3+4=7>>", "7", false),
        // Rule 3: no value occurs twice among question and results.
        ("3 and 3", "<<3+4=7>>", "7", false),
        ("3 and 7", "<<3+4=7>>", "7", false),
        ("3 and 4", "<<3+4=7>> <<8-1=7>>", "7", false),
        ("3 and 4", "<<3+3=6>> <<6+1=7>>", "7", true),
        ("2 of half", "<<3+4=7>>", "7", false),
        ("twice or half", "<<3+4=7>>", "7", false),
        ("2 of halves", "<<3+4=7>>", "7", true),
        ("one-half of", "<<3+4=7>>", "7", false),
        ("two-thirds of", "<<3+4=7>>", "7", true),
        ("two-thirds of 3", "<<3+4=7>>", "7", false),
        ("7th of", "<<3+4=7>>", "7", true),
        ("seven of", "<<3+4=7>>", "7", true),
    ];
    for (question, steps, answer, is_kept) in table {
        assert_eq!(
            sizes(question, steps, answer),
            (1, usize::from(is_kept)),
            "{question:?} {steps:?}"
        );
    }
}

#[test]
fn counts_name_the_rule_that_dropped_a_row() {
    let rows = [
        problem("3 and 4", "<<3+4=7>>", "7"),
        problem("q", "", "7"),
        problem("q", "<<3+4=7>>", "8"),
        problem("521 and 521", "<<521+521=1042>>", "1042"),
        problem("3 and 3", "<<3+4=7>>", "7"),
    ];
    let made = prepared(&rows, None);
    assert_eq!(
        (made.original.len(), made.valid.len(), made.friendly.len()),
        (5, 3, 1)
    );
    let stopped = |rows, first| Stopped { rows, first };
    let valid = &made.valid_counts;
    assert_eq!(
        (valid.blank_steps, valid.other_result),
        (stopped(1, 1), stopped(2, 1))
    );
    let friendly = &made.friendly_counts;
    assert_eq!(friendly.long_number_in_steps, stopped(1, 1));
    assert_eq!(friendly.long_number_in_question, stopped(1, 0));
    assert_eq!(friendly.repeated_value, stopped(2, 1));
    assert_eq!(made.joined, None);
}

#[test]
fn solutions_are_joined_by_row_and_filtered_by_the_rules_of_the_set() {
    let rows = [
        problem("dropped", "", "7"),
        problem("3 and 4", "<<3+4=7>>", "7"),
        problem("5 and 6", "<<5+6=11>>", "11"),
        problem("8 and 9", "<<8+9=17>>", "17"),
    ];
    let mut chains = [
        chain(&rows[0], &["<<9-2=7>>"]),
        // A long number; a value of the question as a result; a kept one.
        chain(
            &rows[1],
            &["<<1007-1000=7>>", "<<1+2=3>> <<3+4=7>>", "<<7=9-2>>"],
        ),
        chain(&rows[2], &["<<1000+6=11>>"]),
        chain(&rows[3], &["<<8+9=16>>"]),
    ];
    let made = prepared(&rows, Some(&chains));
    let given = |set: &[Example], row: usize| set[row].gen_solutions.clone();
    assert_eq!(given(&made.valid, 0).expect("some").len(), 3);
    let kept = vec![vec!["<<9-2=7>>".to_owned()]];
    assert_eq!(
        given(&made.friendly, 0),
        Some(kept),
        "the one that stays, normalised"
    );
    assert_eq!(
        given(&made.friendly, 1),
        Some(Vec::new()),
        "all were filtered"
    );
    assert_eq!(given(&made.friendly, 2), None, "there was none before");
    assert_eq!(made.valid_counts.rows_with_gen_solutions, 2);
    assert_eq!(
        made.valid_counts.gen_solutions.given, 5,
        "of the rows that are kept"
    );
    let counts = &made.friendly_counts;
    assert_eq!(
        (counts.gen_solutions_given, counts.gen_solutions_kept),
        (4, 1)
    );
    let joined = Joined {
        rows: 4,
        other_question: Vec::new(),
    };
    assert_eq!(made.joined, Some(joined));

    chains[2].problem = "another".to_owned();
    let again = prepared(&rows, Some(&chains));
    assert_eq!(
        again.friendly, made.friendly,
        "the published join does not look at the question"
    );
    assert_eq!(again.joined.expect("joined").other_question, [2]);
}

#[test]
fn templates_follow_the_last_set() {
    let rows = [
        problem("q", "", "7"),
        problem("3 and 3", "<<3+4=7>>", "7"),
        problem("3 and 4", "<<3+4=7>>", "7"),
    ];
    let made = prepared(&rows, None);
    assert_eq!(made.templates, [Template::new(1, "3 and 4")]);
}

/// Returns the values that rule 3 counts in a question of our alphabet, by splitting on spaces.
fn values_by_hand(question: &str) -> Vec<u64> {
    let words: Vec<&str> = question.split(' ').collect();
    let mut values: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    for (word, value) in [
        ("half", 2),
        ("third", 3),
        ("quarter", 4),
        ("twice", 2),
        ("double", 2),
        ("triple", 3),
    ] {
        // The alphabet has this one compound, which contains a counted word.
        let is_there = words.contains(&word) || (word == "half" && words.contains(&"one-half"));
        values.extend(is_there.then_some(value));
    }
    if words.contains(&"one-half") {
        values.extend([1, 2]);
    }
    values
}

/// Returns whether a row of our alphabet follows every rule, checked independently.
fn is_friendly_by_hand(example: &Example, steps: &[String]) -> bool {
    let mut values = values_by_hand(&example.question);
    for step in steps {
        let inside = step.trim_start_matches("<<").trim_end_matches(">>");
        let (expression, result) = inside.split_once('=').expect("an equation");
        for number in expression.split(['+', '*', '-']).chain([result]) {
            if !is_single(number) {
                return false;
            }
        }
        values.push(result.parse().expect("a whole number"));
    }
    let numbers = example
        .question
        .split(' ')
        .filter(|word| word.parse::<u64>().is_ok());
    let mut sorted = values.clone();
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len() == values.len() && numbers.into_iter().all(is_single)
}

fn a_question() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        3 => (1u32..30).prop_map(|n| n.to_string()),
        1 => (990u32..1010).prop_map(|n| n.to_string()),
        1 => Just("521".to_owned()),
        3 => prop::sample::select(vec!["apples", "three", "half", "twice", "one-half", "triple", "quarter"])
            .prop_map(str::to_owned),
    ];
    prop::collection::vec(word, 0..6).prop_map(|words| words.join(" "))
}

fn a_solution() -> impl Strategy<Value = Vec<String>> {
    let number = || prop_oneof![5 => 1u32..40, 1 => 515u32..525, 1 => 995u32..1005];
    let step = (
        number(),
        prop::sample::select(vec!["+", "*", "-"]),
        number(),
        number(),
    );
    let step = step.prop_map(|(a, operator, b, result)| format!("<<{a}{operator}{b}={result}>>"));
    prop::collection::vec(step, 1..4)
}

fn last(steps: &[String]) -> String {
    let (_, result) = steps
        .last()
        .and_then(|step| step.rsplit_once('='))
        .expect("a step");
    result.trim_end_matches(">>").to_owned()
}

proptest! {
    #[test]
    fn the_sets_are_nested_and_every_kept_row_keeps_the_rules(
        rows in prop::collection::vec(
            (a_question(), a_solution(), any::<bool>(), prop::collection::vec(a_solution(), 0..4)),
            0..12,
        ),
    ) {
        let problems: Vec<Problem> = rows
            .iter()
            .map(|(question, steps, is_right, _)| Problem {
                question: question.clone(),
                steps: steps.clone(),
                answer: if *is_right { last(steps) } else { "0".to_owned() },
            })
            .collect();
        let chains: Vec<MultiChainRow> = problems
            .iter()
            .zip(&rows)
            .map(|(problem, (.., others))| MultiChainRow {
                gen_solutions: Some(others.iter().map(|steps| steps.join(" ")).collect()),
                ..chain(problem, &[])
            })
            .collect();
        let made = prepared(&problems, Some(&chains));

        // Recomputed independently, in one pass.
        let right: Vec<&Problem> = problems.iter().filter(|p| last(&p.steps) == p.answer).collect();
        prop_assert_eq!(made.valid.len(), right.len());
        for (example, problem) in made.valid.iter().zip(right) {
            prop_assert_eq!((&example.question, &example.steps), (&problem.question, &problem.steps));
            for other in example.gen_solutions.iter().flatten() {
                prop_assert_eq!(last(other), example.answer.clone());
                prop_assert_ne!(other, &example.steps);
            }
        }
        let short: Vec<&Example> = made.valid.iter().filter(|e| is_friendly_by_hand(e, &e.steps)).collect();
        prop_assert_eq!(made.friendly.len(), short.len());
        for (example, before) in made.friendly.iter().zip(short) {
            prop_assert_eq!((&example.question, &example.steps), (&before.question, &before.steps));
            let by_hand = before.gen_solutions.clone().map(|mut all| {
                all.retain(|steps| is_friendly_by_hand(before, steps));
                all
            });
            prop_assert_eq!(&example.gen_solutions, &by_hand);
        }
        let (valid, friendly) = (&made.valid_counts, &made.friendly_counts);
        prop_assert_eq!(valid.blank_steps.first + valid.other_result.first, problems.len() - made.valid.len());
        let dropped = friendly.long_number_in_steps.first
            + friendly.long_number_in_question.first
            + friendly.repeated_value.first;
        prop_assert_eq!(dropped, made.valid.len() - made.friendly.len());
        prop_assert_eq!(made.templates.len(), made.friendly.len());
    }

    #[test]
    fn any_text_can_be_prepared(question in any::<String>(), step in "[<>=0-9a-z+* ,.]{0,20}", answer in any::<String>()) {
        let row = Problem { question, steps: vec![step.clone()], answer };
        let chains = [chain(&row, &[&step])];
        let _ = prepared(&[row], Some(&chains));
    }
}
