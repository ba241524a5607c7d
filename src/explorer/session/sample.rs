//! A small hand-made session with every part filled in, for tests.

use std::collections::BTreeSet;

use serde_json::json;

use super::{Note, Session, Tag, Target};
use crate::core::problem::Problem;
use crate::core::types::{
    Ablation, AblationValue, Answer, Donors, EarlyExit, Effect, LatentIdx, LearnedReads, ModelInfo,
    Necessity, Null, Operand, Outcome, Phrase, Position, PositionKind, Projection, Run, Rung, Task,
    TokenRead, TraceStep, ValueSource, Verdict,
};

pub(crate) fn model() -> ModelInfo {
    ModelInfo {
        name: "mini-math".to_owned(),
        family: "multimode-coconut".to_owned(),
        family_from: "config.json".to_owned(),
        arch: "gpt2".to_owned(),
        n_latents: 2,
        dtype: "f32".to_owned(),
        behaviour: "fixed".to_owned(),
        device: "cpu".to_owned(),
        sha256: "0123456789abcdef".repeat(4),
        parameters: 630_000,
        layers: 3,
        width: 128,
        vocab: 400,
        task: Task::Math,
        modes: vec!["latent".to_owned(), "written".to_owned()],
        phrase_decoder: "roll-out".to_owned(),
    }
}

fn answer(value: &str, logprob: f64) -> Answer {
    Answer {
        ids: vec![4, 119],
        text: format!("### {value}"),
        value: Some(value.to_owned()),
        logprob: Some(logprob),
        correct: Some(value == "38"),
    }
}

fn projection(top: &[(&str, f32)]) -> Option<Projection> {
    let top: Vec<TokenRead> = (100..)
        .zip(top)
        .map(|(id, (text, prob))| TokenRead {
            id,
            text: (*text).to_owned(),
            logit: 10.0 + prob.ln(),
            prob: *prob,
        })
        .collect();
    (!top.is_empty()).then_some(Projection { top, entropy: 0.1 })
}

fn position(kind: PositionKind, text: &str, top: &[(&str, f32)]) -> Position {
    let latent = matches!(kind, PositionKind::Latent(_));
    Position {
        kind,
        id: (!latent).then_some(7),
        text: text.to_owned(),
        unknown: false,
        projection: projection(top),
        norm: latent.then_some(11.313_708),
    }
}

fn run() -> Run {
    Run {
        question: "Ann has 12 pens and buys 7. Bob has twice as many. How many has Bob ?"
            .to_owned(),
        mode: crate::core::types::Mode::Latent,
        unknown_words: vec!["Ann".to_owned()],
        input_ids: vec![1, 2, 3],
        positions: vec![
            position(PositionKind::Question, "?", &[]),
            position(PositionKind::Start, "<start>", &[]),
            position(
                PositionKind::Latent(LatentIdx(1)),
                "19",
                &[("19", 0.93), ("18", 0.04)],
            ),
            position(
                PositionKind::Latent(LatentIdx(2)),
                "38",
                &[("38", 0.71), ("|\u{1b}", 0.1)],
            ),
            position(PositionKind::End, "<end>", &[]),
            position(PositionKind::Answer, "38", &[("38", 0.987_654_3)]),
        ],
        answer: answer("38", -0.012_345_678_901_234_5),
        gold_logprob: Some(-0.012_345_678_901_234_5),
        learned: Some(LearnedReads {
            lens: "the lens of \u{1b}[2Jsomeone".to_owned(),
            latents: vec![projection(&[("19", 0.99), ("|\u{1b}", 0.004)]), None],
        }),
    }
}

fn outcome(off: &[usize], value: AblationValue) -> Outcome {
    Outcome {
        ablation: Ablation {
            off: off.iter().copied().map(LatentIdx).collect::<BTreeSet<_>>(),
            value,
            ..Ablation::default()
        },
        answer: answer("24", -0.7),
        effect: Effect {
            flipped: true,
            delta_logprob: -7.25,
            delta_logprob_gold: Some(-7.25),
            kl: 6.5,
            relative_size: (value != AblationValue::Skip).then_some(1.0 / 3.0),
            size_percentile: Some(75.0),
            sham_max_diff: 0.0,
            donors: (value == AblationValue::Resample).then(|| Donors {
                n: 16,
                flips: 15,
                flip_rate_ci95: Some((0.698, 0.998)),
                delta_logprob_ci95: Some((-8.0, -6.5)),
                answers: vec![(Some("24".to_owned()), 9), (None, 7)],
            }),
        },
        latents_after: vec!["24".to_owned(), "24".to_owned()],
    }
}

fn verdict() -> Verdict {
    let latent = |latent, text: &str, prob| Operand {
        text: text.to_owned(),
        source: ValueSource::Latent {
            latent: LatentIdx(latent),
            rank: 0,
            prob,
        },
    };
    let read = |text: &str, start| Operand {
        text: text.to_owned(),
        source: ValueSource::Question {
            start,
            end: start + text.len(),
        },
    };
    Verdict {
        rung: Rung::Present,
        reason: "every step is valid and the last one is the model's answer".to_owned(),
        necessity: Necessity {
            answer_without_latents: Some("24".to_owned()),
            delta_without_latents: Some(-7.5),
            donors: 16,
            donors_kept: 1,
            delta_resampled: Some(-7.25),
            threshold: 0.1,
            needed: true,
            fell: vec!["resampled".to_owned()],
            ..Necessity::default()
        },
        steps: vec![
            TraceStep {
                text: "12 + 7 = 19".to_owned(),
                operands: vec![read("12", 8), read("7", 25)],
                operator: "+".to_owned(),
                result: latent(1, "19", 0.93),
            },
            TraceStep {
                text: "19 * 2 = 38".to_owned(),
                operands: vec![
                    Operand {
                        text: "19".to_owned(),
                        source: ValueSource::Step { step: 0 },
                    },
                    read("twice", 36),
                ],
                operator: "*".to_owned(),
                result: latent(2, "38", 0.71),
            },
        ],
        candidates: 41,
        traces: 1,
        top_k: 5,
        null: Null {
            n: 100,
            hits: 4,
            p_value: Some(5.0 / 101.0),
            searches: 1,
            candidates_p95: 60,
        },
        decoder: "projection".to_owned(),
        ..Verdict::default()
    }
}

/// A session with a run, ablations, phrases, early exits, a verdict and notes.
pub(crate) fn session() -> Session {
    Session {
        problem: Some(Problem {
            question: run().question,
            steps: vec!["<<12+7=19>>".to_owned(), "<<19*2=38>>".to_owned()],
            answer: "38".to_owned(),
        }),
        origin: "mini-math test seed 7 #12".to_owned(),
        model: Some(model()),
        run: Some(run()),
        outcomes: vec![
            outcome(&[1], AblationValue::Resample),
            outcome(&[1, 2], AblationValue::Skip),
        ],
        phrases: vec![(
            LatentIdx(1),
            vec![
                Phrase {
                    text: "19 = 12 + 7".to_owned(),
                    ids: vec![119, 5, 112],
                    logprob: -0.11,
                    lift: Some(9.1),
                    filler: false,
                },
                Phrase {
                    text: "<end>".to_owned(),
                    ids: vec![6],
                    logprob: -4.0,
                    lift: None,
                    filler: true,
                },
            ],
        )],
        early_exit: vec![
            EarlyExit {
                k: 0,
                value: Some("24".to_owned()),
                logprob: Some(-0.7),
                clean_logprob: Some(-7.5),
            },
            EarlyExit {
                k: 2,
                value: Some("38".to_owned()),
                logprob: Some(-0.012),
                clean_logprob: Some(-0.012),
            },
        ],
        verdict: Some(verdict()),
        notes: vec![
            Note {
                target: Target::Latent(LatentIdx(1)),
                tag: Some(Tag::Interesting),
                text: "holds the *sum*\nof step 1 | really".to_owned(),
                author: "ada".to_owned(),
                written_at: 1_790_000_000,
            },
            Note {
                target: Target::Verdict,
                tag: Some(Tag::Confirmed),
                text: String::new(),
                author: "ada".to_owned(),
                written_at: 1_790_000_060,
            },
        ],
    }
}

/// Returns the sample with every field that a verdict can have.
pub(crate) fn whole() -> Session {
    let session = session();
    let mut verdict = serde_json::to_value(&session.verdict).expect("JSON");
    verdict["competing"] = json!([[verdict["steps"][0].clone()]]);
    verdict["nodes"] =
        json!([{"latent": 1, "nodes": [{"node": "wumpus", "probability": 0.5, "facts": 1}]}]);
    verdict["tracks"] = json!({
        "edits": [{
            "change": "12 to 14", "question": "Ann has 14 pens", "expected": "42", "answer": "42", "eligible": true,
            "reads": [{"step": 0, "latent": 1, "expected": "21", "observed": "20", "concerns": true, "shown": false}],
        }],
        "steps": [{
            "step": 0, "latent": 1, "edits": 8, "moved": 7, "ineligible": 1, "stayed": 0, "moved_stayed": 0, "controls": 3,
            "still": 3, "coincidence_steps": [0, 9], "coincidence_others": [1, 90], "pi0": 0.1, "p_value": 1e-5,
            "standing": "holds",
        }],
        "tests": 1, "standing": "holds", "reason": "every step moved",
    });
    verdict["used"] = json!({
        "patches": [{
            "step": 0, "latent": 1, "donor": "Bob has 3 pens", "value": "17", "same": false, "expected": "34", "answer": "34",
            "delta_clean": -7.0, "delta_expected": 5.0, "relative_size": 1.1, "passed": true,
        }],
        "steps": [{
            "step": 0, "latent": 1, "different": 4, "moved": 4, "same": 2, "kept": 2, "coincidence": [0, 9], "pi0": 0.1,
            "p_value": 1e-4, "delta_clean": -7.0, "delta_expected": 5.0, "standing": "holds",
        }],
        "sham_max_diff": 0.0, "tests": 1, "standing": "holds", "reason": "the answer moved",
    });
    verdict["tried"] = json!([{
        "name": "projection, top 5", "candidates": 3, "traces": 1, "capped": false, "null": verdict["null"].clone(), "tested": 1,
        "tracks": "holds", "used": null, "runs": 9,
    }]);
    let verdict: Verdict = serde_json::from_value(verdict).expect("a verdict");
    Session {
        verdict: Some(verdict),
        ..session
    }
}
