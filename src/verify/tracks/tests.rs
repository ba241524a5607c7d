//! Tests of the evidence from edits.

use super::*;
use crate::core::types::Operand;
use crate::verify::edits::Touch;
use crate::verify::tests::tokens;

const QUESTION: &str = "Tom has 12 red and 7 blue pens and is 30.";

fn trace() -> Vec<TraceStep> {
    let question = |text: &str| Operand {
        text: text.to_owned(),
        source: ValueSource::Question { start: 0, end: 0 },
    };
    vec![TraceStep {
        text: "12 + 7 = 19".to_owned(),
        operands: vec![question("12"), question("7")],
        operator: "+".to_owned(),
        result: Operand {
            text: "19".to_owned(),
            source: ValueSource::Latent {
                latent: LatentIdx(1),
                rank: 0,
                prob: 0.9,
            },
        },
    }]
}

/// An edit with the predicted result `due`, the answer and the value that the latent shows.
fn seen(due: &str, answer: &str, shown: &str) -> Observation {
    Observation {
        edit: QuestionEdit {
            change: String::new(),
            question: QUESTION.to_owned(),
            results: vec![due.to_owned()],
            concerns: vec![due != "19"],
            answer: due.to_owned(),
            touches: vec![Touch {
                text: if due == "19" { "30" } else { "12" }.to_owned(),
                start: Some(if due == "19" { 30 } else { 12 }),
                used: due != "19",
                new: "1".to_owned(),
                without: Some("19".to_owned()),
            }],
        },
        answer: Some(answer.to_owned()),
        reads: vec![tokens(&[shown, "3"])],
    }
}

fn scored(observed: &[Observation]) -> Tracks {
    let (steps, clean) = (trace(), vec![tokens(&["19", "3"])]);
    let others: Vec<_> = (40..140).map(|n| vec![tokens(&[&n.to_string()])]).collect();
    let trial = Trial {
        task: Task::Math,
        question: QUESTION,
        answer: "19",
        steps: &steps,
        clean: &clean,
        others: &others,
        top_k: 5,
        rivals: &[],
        tests: 1,
    };
    tracks(&trial, observed)
}

#[test]
fn the_result_of_a_step_follows_from_its_edits_and_controls() {
    let moves = |n: usize| {
        (0..n).map(|i| {
            let due = (20 + i).to_string();
            seen(&due, &due, &due)
        })
    };
    let stays = |n: usize| {
        (0..n).map(|i| {
            let due = (20 + i).to_string();
            seen(&due, &due, "19")
        })
    };
    let alone = |n: usize| {
        (0..n).map(|i| {
            let due = (20 + i).to_string();
            seen(&due, "19", &due)
        })
    };
    let wrong = |n: usize| {
        (0..n).map(|i| {
            let due = (20 + i).to_string();
            seen(&due, "77", &due)
        })
    };
    let still = |n: usize| (0..n).map(|_| seen("19", "19", "19"));
    let refute = |n: usize| (0..n).map(|_| seen("19", "77", "19"));
    let stirred = |n: usize| (0..n).map(|_| seen("19", "19", "5"));
    for (name, observed, want) in [
        ("moves", moves(8).collect::<Vec<_>>(), Standing::Holds),
        (
            "moves, controls still",
            moves(4).chain(still(4)).collect(),
            Standing::Holds,
        ),
        (
            "moves, and so do controls",
            moves(4).chain(stirred(4)).collect(),
            Standing::Open,
        ),
        (
            "the answer moves alone",
            stays(8).collect(),
            Standing::Contradicted,
        ),
        (
            "the latent moves alone",
            alone(8).collect(),
            Standing::Contradicted,
        ),
        (
            "half move",
            moves(4).chain(stays(4)).collect(),
            Standing::Open,
        ),
        ("too few", moves(2).collect(), Standing::Untested),
        (
            "answers that are neither leave it open at best",
            wrong(8).collect(),
            Standing::Untested,
        ),
        (
            "a number beside the trace moves the answer",
            moves(8).chain(refute(4)).collect(),
            Standing::Contradicted,
        ),
        (
            "a third is answered otherwise",
            moves(8).chain(wrong(4)).collect(),
            Standing::Open,
        ),
        ("nothing was run", Vec::new(), Standing::Untested),
    ] {
        let tracks = scored(&observed);
        assert_eq!(tracks.standing, want, "{name}: {tracks:?}");
    }
}

#[test]
fn chance_is_measured_in_other_problems() {
    let step = scored(&[seen("50", "50", "50"), seen("20", "20", "20")])
        .steps
        .remove(0);
    // One of a hundred others shows 50, none shows 20.
    assert_eq!(step.coincidence_others, (1, 200));
    assert!((step.pi0 - 2.0 / 201.0).abs() < 1e-12);
}
