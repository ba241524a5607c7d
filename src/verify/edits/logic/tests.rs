//! Tests of edits of is-a questions.

use super::*;
use crate::core::types::Task;
use crate::verify::edits::Familiar;
use crate::verify::edits::{answer_if as if_set, edits as all, spares as spares_of};
use crate::verify::tests::tokens;
use crate::verify::{Case, SearchSettings, search};

const PROSQA: &str = "Every gorpus is a bompus. Tom is a gorpus. Every bompus is a flonk. Tom is a dorvin. \
                      Every dorvin is a zelkit. Is Tom a flonk or wug?";
const PRONTOQA: &str = "Gorpuses are bompuses. Every bompus is not happy. Tom is a gorpus. Every dorvin is happy. \
                        True or false: Tom is happy.";

fn case<'a>(question: &'a str, answer: &'a str) -> Case<'a> {
    Case {
        task: Task::Logic,
        question,
        unknown_words: &[],
        answer: Some(answer),
    }
}

fn made(question: &str, answer: &str, latents: &[&str]) -> Vec<QuestionEdit> {
    let latents: Vec<_> = latents.iter().map(|l| tokens(&[l])).collect();
    let case = case(question, answer);
    let steps = search(&SearchSettings::default(), &case, &latents).steps;
    assert!(!steps.is_empty());
    let spares = spares_of(
        "Every felkin is a rastle. Every felkin is red. Ann is a felkin. True or false: Ann is red.",
    );
    let means = Means {
        familiar: &Familiar::default(),
        readable: &|_| true,
        spares: &spares,
    };
    all(&case, &steps, &means, 40)
}

fn find<'a>(edits: &'a [QuestionEdit], change: &str) -> &'a QuestionEdit {
    let edit = edits.iter().find(|e| e.change == change);
    edit.unwrap_or_else(|| {
        panic!(
            "{change:?} is not among {:?}",
            edits.iter().map(|e| &e.change).collect::<Vec<_>>()
        )
    })
}

#[test]
fn renaming_and_swapping_keep_the_graph() {
    let edits = made(PROSQA, "Tom is a flonk.", &["gorpus", "bompus", "flonk"]);
    let edit = find(&edits, "gorpus renamed felkin");
    assert_eq!(edit.question, PROSQA.replace("gorpus", "felkin"));
    assert_eq!(edit.results, ["felkin", "bompus", "flonk"]);
    assert_eq!(edit.concerns, [true, false, false]);
    assert_eq!(edit.answer, "Tom is a flonk.");
    let edit = find(&edits, "flonk and wug swapped");
    assert!(edit.question.ends_with(
        "Every bompus is a wug. Tom is a dorvin. Every dorvin is a zelkit. Is Tom a wug or flonk?"
    ));
    assert_eq!(
        (edit.results[2].as_str(), edit.answer.as_str()),
        ("wug", "Tom is a wug.")
    );
    let edit = find(&edits, "tom renamed ann");
    assert!(
        edit.touches.iter().all(|t| !t.used)
            && edit.answer == "Ann is a flonk."
            && edit.question.contains("Ann is a gorpus.")
    );
}

#[test]
fn facts_beside_the_chain_are_added_and_removed() {
    let edits = made(PROSQA, "Tom is a flonk.", &["gorpus", "bompus", "flonk"]);
    let edit = find(&edits, "without \"Every dorvin is a zelkit\"");
    assert!(
        edit.touches.iter().all(|t| !t.used)
            && edit
                .question
                .ends_with("Tom is a dorvin. Is Tom a flonk or wug?")
    );
    assert!(
        !edits
            .iter()
            .any(|e| e.change.contains("without \"Every gorpus"))
    );
    let edit = find(&edits, "with \"Every dorvin is a felkin.\"");
    assert!(
        edit.touches.iter().all(|t| !t.used)
            && edit
                .question
                .starts_with("Every dorvin is a felkin. Every gorpus")
    );
}

#[test]
fn plurals_and_properties_keep_their_forms() {
    let edits = made(PRONTOQA, "False", &["gorpus", "bompus", "happy"]);
    let edit = find(&edits, "bompus renamed felkin");
    assert!(
        edit.question
            .starts_with("Gorpuses are felkins. Every felkin is not happy.")
    );
    let edit = find(&edits, "happy renamed red");
    assert!(
        edit.question
            .ends_with("Every dorvin is red. True or false: Tom is red.")
    );
    assert_eq!(
        (edit.results[2].as_str(), edit.answer.as_str()),
        ("red", "False")
    );
}

#[test]
fn another_node_leads_to_another_answer() {
    let steps = |question, answer, latents: &[&str]| {
        let latents: Vec<_> = latents.iter().map(|l| tokens(&[l])).collect();
        search(
            &SearchSettings::default(),
            &case(question, answer),
            &latents,
        )
        .steps
    };
    let question = "Tom is a gorpus. Every gorpus is a flonk. Tom is a dorvin. Every zelkit is a wug. \
                    Every felkin is a wug. Every felkin is a flonk. Is Tom a flonk or wug?";
    let trace = steps(question, "Tom is a flonk.", &["gorpus", "flonk"]);
    let predicted = |step, value| {
        if_set(
            &case(question, "Tom is a flonk."),
            &trace,
            step,
            value,
            &|_| true,
        )
    };
    assert_eq!(predicted(0, "zelkit").as_deref(), Some("Tom is a wug."));
    assert_eq!(predicted(0, "felkin"), None, "it leads to both");
    assert_eq!(predicted(0, "dorvin"), None, "it leads nowhere");
    assert_eq!(predicted(1, "wug").as_deref(), Some("Tom is a wug."));
    assert_eq!(
        predicted(1, "zelkit"),
        None,
        "the last node must be an option"
    );
    let trace = steps(PRONTOQA, "False", &["gorpus", "bompus", "happy"]);
    assert_eq!(
        if_set(&case(PRONTOQA, "False"), &trace, 1, "dorvin", &|_| true).as_deref(),
        Some("True")
    );
}
