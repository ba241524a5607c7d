//! Tests of edits of math problems.

use super::*;
use crate::core::types::Task;
use crate::verify::edits::{Familiar, edits as all};
use crate::verify::tests::tokens;
use crate::verify::{Case, SearchSettings, search};

fn trace(question: &str, answer: &str, latents: &[&[&str]]) -> Vec<TraceStep> {
    let latents: Vec<_> = latents.iter().map(|l| tokens(l)).collect();
    let case = case(question, answer);
    search(&SearchSettings::default(), &case, &latents).steps
}

fn case<'a>(question: &'a str, answer: &'a str) -> Case<'a> {
    Case {
        task: Task::Math,
        question,
        unknown_words: &[],
        answer: Some(answer),
    }
}

fn show(question: &str, answer: &str, latents: &[&[&str]], each: usize) -> Vec<String> {
    let steps = trace(question, answer, latents);
    assert!(!steps.is_empty(), "no trace in {question}");
    let means = Means {
        familiar: &Familiar::default(),
        readable: &|text| text.parse().is_ok_and(|n: i64| n < 100),
        spares: &[],
    };
    let show = |e: &QuestionEdit| {
        let marks: Vec<String> = e
            .results
            .iter()
            .zip(&e.concerns)
            .map(|(r, c)| format!("{r}{}", if *c { "!" } else { "" }))
            .collect();
        format!("{}: {} -> {}", e.change, marks.join(" "), e.answer)
    };
    all(&case(question, answer), &steps, &means, each)
        .iter()
        .map(show)
        .collect()
}

const PENS: &str = "Tom is 30. Tom has 12 red and 7 blue pens. He doubles them.";

#[test]
fn every_number_is_edited_in_turn_and_the_trace_recomputed() {
    assert_eq!(
        show(PENS, "38", &[&["19"], &["38"]], 3),
        [
            "30 to 31: 19 38 -> 38",
            "12 to 13: 20! 40! -> 40",
            "7 to 8: 20! 40! -> 40",
            "doubles to triples: 19 57! -> 57",
            "30 to 29: 19 38 -> 38",
            "12 to 11: 18! 36! -> 36",
            "7 to 6: 18! 36! -> 36",
            "doubles to quadruples: 19 76! -> 76",
            "30 to 32: 19 38 -> 38",
            "12 to 14: 21! 42! -> 42",
            "7 to 9: 21! 42! -> 42",
            // Two alternative words are too few for a test.
            "12 to 13, doubles to triples: 20! 60! -> 60",
        ]
    );
}

#[test]
fn the_rest_of_the_question_stays_letter_by_letter() {
    let steps = trace(PENS, "38", &[&["19"], &["38"]]);
    let means = Means {
        familiar: &Familiar::default(),
        readable: &|_| true,
        spares: &[],
    };
    let first = all(&case(PENS, "38"), &steps, &means, 2);
    assert_eq!(
        first[1].question,
        "Tom is 30. Tom has 13 red and 7 blue pens. He doubles them."
    );
    assert!(!first[0].touches[0].used && first[1].touches[0].used);
}

#[test]
fn results_stay_whole_positive_and_readable() {
    // 24 / 3 = 8: 24 is replaced by multiples of 3, and 3 by other divisors of 24.
    assert_eq!(
        show("24 pens are shared by 3.", "8", &[&["8"]], 3),
        [
            "24 to 27: 9! -> 9",
            "3 to 4: 6! -> 6",
            "24 to 21: 7! -> 7",
            "3 to 2: 12! -> 12",
            "24 to 30: 10! -> 10",
            "3 to 1: 24! -> 24",
        ]
    );
    assert!(
        show("Ann has 98 and 1.", "99", &[&["99"]], 9)
            .iter()
            .all(|e| !e.contains("100"))
    );
}

#[test]
fn a_changed_step_changes_the_later_ones() {
    let steps = trace(PENS, "38", &[&["19"], &["38"]]);
    let predicted = |step, value| {
        crate::verify::edits::answer_if(&case(PENS, "38"), &steps, step, value, &|text| {
            text.parse().is_ok_and(|n: i64| n < 100)
        })
    };
    assert_eq!(predicted(0, "20").as_deref(), Some("40"));
    assert_eq!(predicted(1, "20").as_deref(), Some("20"));
    assert_eq!(predicted(0, "19"), None, "the same answer is no prediction");
    assert_eq!(predicted(0, "x"), None);
    assert_eq!(predicted(0, "60"), None, "120 cannot be read at a latent");
}
