//! Tests of the search in is-a problems.

use super::*;
use crate::verify::tests::tokens;

const PROSQA: &str = "Every gorpus is a bompus. Tom is a gorpus. Every bompus is a flonk. Tom is a dorvin. \
                      Every dorvin is a flonk. Ben is a zelkit. Is Tom a flonk or zelkit?";
const PRONTOQA: &str = "Gorpuses are bompuses. Every bompus is not happy. Tom is a gorpus. Every bompus is loud. \
                        Every zelkit is happy. True or false: Tom is happy.";

fn search(question: &str, answer: &str, latents: &[&[&str]]) -> Result<SearchResult, Abstain> {
    let latents: Vec<_> = latents.iter().map(|l| tokens(l)).collect();
    let question = LogicQuestion::new(question, answer)?;
    let (reach, result) = (
        question.reach(&SearchSettings::default(), &latents),
        question.search(&SearchSettings::default(), &latents),
    );
    assert_eq!(reach.reached, !result.steps.is_empty());
    assert_eq!(reach.candidates, result.candidates);
    Ok(result)
}

/// `operator result @ latent:rank` of every step, then traces and candidates.
fn show(question: &str, answer: &str, latents: &[&[&str]]) -> String {
    let result = match search(question, answer, latents) {
        Ok(result) => result,
        Err(why) => return format!("{why:?}"),
    };
    let step = |s: &TraceStep| match s.result.source {
        ValueSource::Latent { latent, rank, .. } => {
            format!("{} {}@{latent}:{rank}", s.operator, s.result.text)
        }
        _ => format!("{} {}@answer", s.operator, s.result.text),
    };
    let steps: Vec<String> = result.steps.iter().map(step).collect();
    let near = result.near_miss.unwrap_or_default();
    format!(
        "{}{near} ({}, {})",
        steps.join(", "),
        result.traces,
        result.candidates
    )
}

#[test]
fn chains_are_found_and_missed() {
    for (question, answer, latents, expected) in [
        (
            PROSQA,
            "Tom is a flonk.",
            &[&["gorpus"][..], &["bompus"], &["flonk"]][..],
            "is-a gorpus@1:0, is-a bompus@2:0, is-a flonk@3:0 (1, 4)",
        ),
        (
            PROSQA,
            "flonk",
            &[&["x", "gorpus"], &["is a", "is not"], &["bompus"]],
            "is-a gorpus@1:1, is-a bompus@3:0, is-a flonk@answer (1, 3)",
        ),
        (
            PROSQA,
            "Tom is a flonk.",
            &[&["gorpus", "dorvin"], &["bompus"]],
            "is-a gorpus@1:0, is-a bompus@2:0, is-a flonk@answer (2, 5)",
        ),
        (
            PROSQA,
            "Tom is a flonk.",
            &[&["bompus"], &["gorpus"]],
            "0 of the 2 nodes of the shortest chain are read at any latent (0, 1)",
        ),
        (
            PROSQA,
            "Tom is a zelkit.",
            &[&["gorpus"], &["zelkit"]],
            "the facts of the question do not lead to this answer (0, 1)",
        ),
        (
            PROSQA,
            "Tom is a gorpus.",
            &[&["bompus"], &["flonk"]],
            "0 of the 1 nodes of the shortest chain are read at any latent (0, 0)",
        ),
        (
            PROSQA,
            "Tom is a gorpus.",
            &[&["is a gorpus"], &["flonk"]],
            "is-a gorpus@1:0 (1, 1)",
        ),
        (
            PRONTOQA,
            "False",
            &[&["gorpus"], &["Bompuses"], &["happy"]],
            "is-a gorpus@1:0, is-a bompus@2:0, is-not happy@3:0 (1, 4)",
        ),
        (
            PRONTOQA,
            "False",
            &[&["gorpus"], &["bompus"], &["is happy", "is not happy"]],
            "is-a gorpus@1:0, is-a bompus@2:0, is-not happy@3:1 (1, 4)",
        ),
        (
            PRONTOQA,
            "True",
            &[&["gorpus"], &["bompus"], &["happy"]],
            "the facts of the question do not lead to this answer (0, 3)",
        ),
        (PRONTOQA, "Maybe", &[], "AnswerUnread(\"Maybe\")"),
        (PROSQA, "Ben is a zelkit.", &[], "OtherEntity(\"ben\")"),
        (
            PROSQA,
            "Tom is a wug.",
            &[],
            "AnswerUnread(\"Tom is a wug.\")",
        ),
    ] {
        assert_eq!(
            show(question, answer, latents),
            expected,
            "{answer} {latents:?}"
        );
    }
}

#[test]
fn an_answer_that_one_fact_gives_is_flagged() {
    assert!(
        search(PROSQA, "gorpus", &[]).is_ok_and(|f| f.from_question_alone && f.steps.is_empty())
    );
    assert!(search(PROSQA, "flonk", &[]).is_ok_and(|f| !f.from_question_alone));
}

#[test]
fn cycles_end() {
    let cycle = "Every a1 is a b1. Every b1 is a a1. Tom is a a1. Is Tom a c1 or b1?";
    assert_eq!(
        show(cycle, "b1", &[&["a1"], &["b1"], &["a1"], &["b1"]]),
        "is-a a1@1:0, is-a b1@2:0 (1, 5)"
    );
}
