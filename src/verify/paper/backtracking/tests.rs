//! Tests of backtracking.

use super::super::grid::tests::grid;
use super::*;

const LAYOUT: BacktrackingColumns = BacktrackingColumns {
    reasoning_columns: 8,
    answer_column: 8,
    answer_required: true,
};

fn search(
    columns: &[&str],
    steps: &[&str],
    numbers: &[f64],
    layout: BacktrackingColumns,
) -> BacktrackingResult {
    let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
    let grid = grid(columns);
    let search = Backtracking::new(&grid, &super::super::tokens::Tokens::Gpt2);
    search.search(&Solution::parse(&steps), numbers, layout)
}

/// docs/methods.md M12: `<<4*5=20>> <<20+3=23>>`.
#[test]
fn the_worked_behaviours_are_those_of_the_published_code() {
    let steps = ["<<4*5=20>>", "<<20+3=23>>"];
    let columns = ["x", "4| 5", "20", "x", "x", " 3", "x", "x", "23"];
    let result = search(&columns, &steps, &[], LAYOUT);
    assert_eq!(result.count, 1);
    // 4 and 5 at column 1, 20 at 2, 3 at 5, 23 at the answer; all ranks 0 except that of the 5.
    assert_eq!(result.score, Some((0, 10 + 11 + 20 + 50 + 80)));
    let nodes = result.best.expect("found").nodes;
    assert_eq!(nodes.len(), 5);
    assert_eq!(nodes[0], ((20.0, Some(2), 0), Role::Intermediate));
    assert_eq!(nodes[4], ((23.0, Some(8), 0), Role::Final));

    // 20 only beside its operands.
    let beside = ["x", "4| 5|20", "x", "x", "x", " 3", "x", "x", "23"];
    assert_eq!(search(&beside, &steps, &[], LAYOUT).count, 0);

    // 3 only in the question.
    let without = ["x", "4| 5", "20", "x", "x", "x", "x", "x", "23"];
    assert_eq!(search(&without, &steps, &[], LAYOUT).count, 0);
    let result = search(&without, &steps, &[3.0], LAYOUT);
    assert_eq!((result.count, result.score), (1, Some((1, 121))));

    // 20 in no column, only in the question.
    let none = ["x", "4| 5", "x", "x", "x", " 3", "x", "x", "23"];
    assert_eq!(search(&none, &steps, &[20.0], LAYOUT).count, 0);
}

#[test]
fn the_answer_is_required_in_its_column_or_past_blanks() {
    let steps = ["<<4*5=20>>"];
    let at = |tail: [&str; 3]| {
        let columns = [&["4", "5", "x", "x", "x", "x", "x", "x"], &tail[..]].concat();
        search(&columns, &steps, &[], LAYOUT).count
    };
    assert_eq!(at(["20", "x", "x"]), 1);
    assert_eq!((at([" ", "20", "x"]), at([" ", "\n", "20"])), (1, 1));
    assert_eq!(
        (at([" ", "<|endoftext|>", "20"]), at(["x", "20", "x"])),
        (0, 0)
    );
    let anywhere = BacktrackingColumns {
        answer_required: false,
        ..LAYOUT
    };
    let columns = ["20| 4", "5", "20", "20"];
    let result = search(&columns, &steps, &[], anywhere);
    // Columns 2 and 3 are after both operands; the earlier one scores better.
    assert_eq!((result.count, result.score), (2, Some((0, 1 + 10 + 20))));
}

#[test]
fn identity_steps_duplicates_and_lost_steps_are_taken_as_published() {
    // <<40=40>> is a leaf although it is also a step.
    let columns = ["40", "x", "2", "x", "x", "x", "x", "x", "80"];
    assert_eq!(
        search(&columns, &["<<40=40>>", "<<40*2=80>>"], &[], LAYOUT).count,
        1
    );
    // 5 * 5 may use one cell twice.
    let columns = ["5", "x", "x", "x", "x", "x", "x", "x", "25"];
    assert_eq!(search(&columns, &["<<5*5=25>>"], &[], LAYOUT).count, 1);
    // The operator is ignored (Q14).
    assert_eq!(search(&columns, &["<<5-5=25>>"], &[], LAYOUT).count, 1);
    assert!(search(&columns, &["<<1/2=1/2>>", "<<5*5=25>>"], &[], LAYOUT).is_impossible);
    assert_eq!(
        search(&columns, &[], &[], LAYOUT),
        BacktrackingResult::default()
    );
    assert_eq!(search(&[], &["<<5*5=25>>"], &[], LAYOUT).count, 0);
}

#[test]
fn products_beyond_the_limit_take_the_best_alone() {
    // Eight places for each of five operands: 8^5 is above the limit, 8^4 below.
    let columns = ["7", "7", "7", "7", "7", "7", "7", "7", "28"];
    let four = search(&columns, &["<<7+7+7+7=28>>"], &[], LAYOUT);
    assert_eq!((four.count, four.score), (4096, Some((0, 80))));
    let five = search(&columns, &["<<7+7+7+7+7=28>>"], &[], LAYOUT);
    assert_eq!((five.count, five.score), (1, Some((0, 80))));
}

#[test]
fn a_tree_too_large_to_draw_is_still_counted() {
    // Each step uses the previous result forty times: 40^7 leaves.
    let columns = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let steps: Vec<String> = (1..9)
        .map(|i| format!("<<{}={}>>", vec![i.to_string(); 40].join("+"), i + 1))
        .collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let result = search(&columns, &steps, &[], LAYOUT);
    assert_eq!((result.count, result.best), (1, None));
    assert!(result.score.is_some());
}

#[test]
fn a_long_solution_takes_no_time() {
    let row = (0..40).map(|n| n.to_string()).collect::<Vec<_>>().join("|");
    let columns: Vec<&str> = (0..9).map(|_| row.as_str()).collect();
    let steps: Vec<String> = (0..3000)
        .map(|i| format!("<<{}+{}+{}={}>>", i % 37, (i + 1) % 39, i % 5, (i + 2) % 40))
        .collect();
    let steps: Vec<&str> = steps.iter().map(String::as_str).collect();
    let result = search(&columns, &steps, &[1.0, 2.0], LAYOUT);
    assert!(!result.is_impossible);
}
