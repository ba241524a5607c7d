//! A scripted worker: one four-step problem under `mini-math`, with the answers a real model would give to every
//! request about it. Numbers are made up, but fit together.

use std::collections::VecDeque;

use crate::app::ModelChoice;
use crate::problem::Problem;
use crate::trace::{
    Ablation, AblationValue, Answer, Donors, EarlyExit, Effect, LatentIdx, ModelInfo, Necessity, Null,
    Operand, Outcome, Phrase, Position, PositionKind, Projection, Rung, Run, Source, Task, TokenRead,
    TraceStep, Verdict,
};
use crate::worker::protocol::{Event, Request, RunId};

/// The question of the first problem.
pub const QUESTION: &str = "Tom has 12 apples. His sister brings him 7 more. Then he has twice as many. \
     A dog runs off with 6 apples. He makes 4 equal piles and keeps one. How many apples does Tom have now?";

/// The model that the script plays.
#[must_use]
pub fn model() -> ModelInfo {
    ModelInfo {
        name: "mini-math".to_owned(),
        family: "coconut".to_owned(),
        arch: "gpt2".to_owned(),
        n_latents: 4,
        dtype: "f32".to_owned(),
        device: "cpu".to_owned(),
        sha256: "3f9a21c07be4d1885a6f".to_owned(),
        parameters: 1_212_416,
        layers: 4,
        width: 160,
        vocab: 612,
        task: Task::Math,
        modes: vec!["latent".to_owned(), "written".to_owned()],
        phrase_decoder: "roll-out".to_owned(),
    }
}

/// What the model picker offers.
#[must_use]
pub fn models() -> Vec<ModelChoice> {
    [
        ("mini-math", "arithmetic, latents readable by projection"),
        ("mini-math-sim", "arithmetic, latents readable by a decoder"),
        ("mini-math-idle", "arithmetic, the control: latents do nothing"),
        ("mini-logic", "is-a problems"),
    ]
    .into_iter()
    .map(|(name, about)| ModelChoice {
        name: name.to_owned(),
        about: about.to_owned(),
    })
    .collect()
}

/// The problems to pick from.
#[must_use]
pub fn problems() -> Vec<Problem> {
    [
        (QUESTION, "<<12+7=19>> <<19*2=38>> <<38-6=32>> <<32/4=8>>", "8"),
        ("Mia has 3 boxes with 6 shells each. She gives away 4. How many shells does Mia have left?", "<<3*6=18>> <<18-4=14>>", "14"),
        ("Leo had 40 cards and sold 15 of them. How many cards does Leo have now?", "<<40-15=25>>", "25"),
        ("Ruth has 9 coins. Then she wins 16 coins. She triples her coins. How many coins does she have?", "<<9+16=25>> <<25*3=75>>", "75"),
        ("Omar made 5 rows of 7 stones. His brother takes 8 of them. How many stones are left?", "<<5*7=35>> <<35-8=27>>", "27"),
    ]
    .into_iter()
    .map(|(question, steps, answer)| Problem {
        question: question.to_owned(),
        steps: steps.split(' ').map(ToOwned::to_owned).collect(),
        answer: answer.to_owned(),
    })
    .collect()
}

fn projection(top: &[(&str, f32)], entropy: f32) -> Projection {
    let best = top.first().map_or(1.0, |(_, prob)| *prob);
    Projection {
        top: top
            .iter()
            .zip(0..)
            .map(|((text, prob), id)| TokenRead {
                id,
                text: (*text).to_owned(),
                logit: 14.2 + (prob / best).ln(),
                prob: *prob,
            })
            .collect(),
        entropy,
    }
}

fn position(kind: PositionKind, text: &str) -> Position {
    Position {
        kind,
        id: Some(7),
        text: text.to_owned(),
        unknown: false,
        projection: None,
        norm: None,
    }
}

fn latent(n: usize, norm: f32, entropy: f32, top: &[(&str, f32)]) -> Position {
    Position {
        id: None,
        projection: Some(projection(top, entropy)),
        norm: Some(norm),
        ..position(PositionKind::Latent(LatentIdx(n)), top.first().map_or("", |(text, _)| text))
    }
}

fn predicting(kind: PositionKind, text: &str, top: &[(&str, f32)]) -> Position {
    Position {
        projection: Some(projection(top, 0.05)),
        ..position(kind, text)
    }
}

fn answer(value: &str, logprob: f64, gold: Option<&str>) -> Answer {
    Answer {
        ids: vec![4, 21],
        text: format!("### {value}"),
        value: Some(value.to_owned()),
        logprob: Some(logprob),
        correct: gold.map(|gold| gold == value),
    }
}

/// The clean run of a question.
#[must_use]
pub fn run(question: &str, gold: Option<&str>) -> Run {
    let spaced = question.replace('.', " .").replace('?', " ?");
    let mut positions: Vec<Position> = spaced
        .split_whitespace()
        .map(|word| position(PositionKind::Question, word))
        .collect();
    let unknown_words: Vec<String> = ["zorbs", "gleeps"]
        .into_iter()
        .filter(|word| question.contains(word))
        .map(ToOwned::to_owned)
        .collect();
    for position in &mut positions {
        position.unknown = unknown_words.contains(&position.text);
    }
    if let Some(last) = positions.last_mut() {
        last.projection = Some(projection(&[("<start>", 0.998), ("How", 0.001)], 0.02));
    }
    positions.push(predicting(PositionKind::Start, "<start>", &[("19", 0.41), ("12", 0.22), ("7", 0.09)]));
    positions.push(latent(1, 11.3, 0.31, &[
        ("19", 0.931), ("18", 0.032), ("20", 0.011), ("12", 0.008), ("7", 0.006),
        ("21", 0.003), ("17", 0.002), ("9", 0.001), ("=", 0.0007), ("38", 0.0004),
    ]));
    positions.push(latent(2, 12.7, 0.62, &[
        ("38", 0.842), ("36", 0.071), ("19", 0.034), ("40", 0.018), ("37", 0.009),
        ("2", 0.006), ("39", 0.004), ("*", 0.002), ("28", 0.001), ("8", 0.0006),
    ]));
    positions.push(latent(3, 12.1, 0.88, &[
        ("32", 0.774), ("34", 0.098), ("31", 0.041), ("38", 0.029), ("33", 0.021),
        ("6", 0.012), ("30", 0.008), ("44", 0.004), ("-", 0.002), ("26", 0.001),
    ]));
    positions.push(latent(4, 10.9, 0.44, &[
        ("8", 0.903), ("9", 0.044), ("7", 0.019), ("32", 0.011), ("16", 0.006),
        ("4", 0.005), ("10", 0.003), ("/", 0.002), ("6", 0.001), ("24", 0.0008),
    ]));
    positions.push(predicting(PositionKind::End, "<end>", &[("###", 0.9991), (";", 0.0004)]));
    positions.push(predicting(PositionKind::Answer, "###", &[("8", 0.962), ("9", 0.021), ("7", 0.008)]));
    positions.push(predicting(PositionKind::Answer, "8", &[("<eos>", 0.9995)]));
    Run {
        question: question.to_owned(),
        unknown_words,
        input_ids: (0..positions.len()).zip(0..).map(|(_, id)| id).collect(),
        positions,
        answer: answer("8", -0.04, gold),
        gold_logprob: gold.map(|_| -0.04),
    }
}

/// What an ablation does: the more is off, the further the answer moves.
#[must_use]
pub fn outcome(ablation: &Ablation, gold: Option<&str>) -> Outcome {
    let off = u32::try_from(ablation.off.len()).unwrap_or(0);
    let flipped = off > 0 && ablation.off.iter().any(|latent| latent.0 >= 2);
    let value = if flipped { "17" } else { "8" };
    let delta = if flipped { -5.0 - 1.21 * f64::from(off) } else { -0.31 };
    let donors = (ablation.value == AblationValue::Resample).then(|| Donors {
        n: 16,
        flips: if flipped { 15 } else { 2 },
        delta_logprob_ci95: (delta - 0.82, delta + 0.82),
        answers: [("17", 6), ("11", 4), ("24", 3), ("9", 2), ("8", 1)]
            .into_iter()
            .map(|(value, n)| (Some(value.to_owned()), n))
            .collect(),
    });
    let kept = (1..=4).filter(|n| {
        ablation.value != AblationValue::Skip || !ablation.off.contains(&LatentIdx(*n))
    });
    let first_off = ablation.off.first().map_or(usize::MAX, |latent| latent.0);
    Outcome {
        ablation: ablation.clone(),
        answer: answer(value, -1.31, gold),
        effect: Effect {
            flipped,
            delta_logprob: delta,
            delta_logprob_gold: gold.map(|_| delta),
            kl: 4.83,
            relative_size: (ablation.value != AblationValue::Skip).then_some(1.38),
            sham_max_diff: 0.0,
            donors,
        },
        latents_after: kept
            .map(|n| {
                let (before, after) = [("19", "23"), ("38", "46"), ("32", "40"), ("8", "10")][n - 1];
                if n < first_off { before } else { after }.to_owned()
            })
            .collect(),
    }
}

fn phrases(latent: LatentIdx) -> Vec<Phrase> {
    let phrase = |text: &str, logprob, lift, filler| Phrase {
        text: text.to_owned(),
        ids: vec![1, 2, 3],
        logprob,
        lift: Some(lift),
        filler,
    };
    let step = ["19 = 12 + 7 ;", "38 = 19 * 2 ;", "32 = 38 - 6 ;", "8 = 32 / 4 ;"];
    let other = ["18 = 12 + 6 ;", "36 = 18 * 2 ;", "34 = 38 - 4 ;", "9 = 36 / 4 ;"];
    let at = latent.0.clamp(1, 4) - 1;
    vec![
        phrase(step[at], -0.21, 8.42, false),
        phrase(other[at], -3.94, 2.17, false),
        phrase("20 = 12 + 8 ;", -5.02, 0.66, false),
        phrase("12 = 12 + 0 ;", -6.71, -0.48, false),
        phrase("<end>", -7.30, -1.92, true),
    ]
}

fn exits() -> Vec<EarlyExit> {
    [("19", -1.02, -9.13), ("19", -0.63, -8.40), ("38", -0.35, -6.22), ("32", -0.18, -4.07), ("8", -0.04, -0.04)]
        .into_iter()
        .enumerate()
        .map(|(k, (value, logprob, clean))| EarlyExit {
            k,
            value: Some(value.to_owned()),
            logprob: Some(logprob),
            clean_logprob: Some(clean),
        })
        .collect()
}

fn operand(text: &str, source: Source) -> Operand {
    Operand {
        text: text.to_owned(),
        source,
    }
}

/// The verdict on the first problem.
#[must_use]
pub fn verdict(rung: Rung) -> Verdict {
    let question = |text: &str, start: usize| {
        operand(text, Source::Question { start, end: start + text.len() })
    };
    let read = |text: &str, n: usize, prob: f32| {
        operand(text, Source::Latent { latent: LatentIdx(n), rank: 0, prob })
    };
    let step = |text: &str, operator: &str, operands: Vec<Operand>, result: Operand| TraceStep {
        text: text.to_owned(),
        operands,
        operator: operator.to_owned(),
        result,
    };
    let steps = vec![
        step("12 + 7 = 19", "+", vec![question("12", 8), question("7", 41)], read("19", 1, 0.931)),
        step("19 * 2 = 38", "*", vec![operand("19", Source::Step { step: 0 }), question("2", 60)], read("38", 2, 0.842)),
        step("38 - 6 = 32", "-", vec![operand("38", Source::Step { step: 1 }), question("6", 91)], read("32", 3, 0.774)),
        step("32 / 4 = 8", "/", vec![operand("32", Source::Step { step: 2 }), question("4", 111)], operand("8", Source::Answer)),
    ];
    let needed = rung != Rung::NotNeeded;
    Verdict {
        rung,
        reason: match rung {
            Rung::Present => "A trace of 4 valid steps, grounded in the question, ends in the model's own answer",
            Rung::NotNeeded => "The answer and its log-probability stand without the latents",
            Rung::NoneFound => "No valid trace in the top 10 ends in the model's own answer",
            Rung::Abstain => "The answer is not a number",
        }
        .to_owned(),
        necessity: Necessity {
            answer_without_latents: Some(if needed { "19" } else { "8" }.to_owned()),
            delta_without_latents: Some(if needed { -9.09 } else { -0.02 }),
            donors: 16,
            donors_kept: if needed { 0 } else { 16 },
            delta_resampled: Some(if needed { -8.31 } else { -0.03 }),
            threshold: 0.5,
            needed,
        },
        steps: if matches!(rung, Rung::Present | Rung::NotNeeded) { steps } else { Vec::new() },
        candidates: 142,
        traces: 3,
        from_question_alone: false,
        top_k: 10,
        null: Null {
            n: 200,
            hits: 0,
            p_value: 1.0 / 201.0,
            candidates_p95: 187,
        },
    }
}

/// The worker that plays the script. Each request yields its events at once.
#[derive(Debug, Default)]
pub struct Script {
    run: Option<(RunId, Option<String>)>,
}

impl Script {
    /// What the worker says to a request.
    pub fn answer(&mut self, request: Request) -> VecDeque<Event> {
        let gold = self.run.as_ref().and_then(|(_, gold)| gold.clone());
        match request {
            Request::Load { model: name } => [
                Event::Loading { model: name.clone(), stage: "weights".to_owned() },
                Event::Loading { model: name.clone(), stage: "self-tests".to_owned() },
                Event::Ready { info: ModelInfo { name, ..model() }, elapsed_ms: 412 },
            ]
            .into(),
            Request::Run { id, question, gold } => {
                self.run = Some((id, gold.clone()));
                let run = run(&question, gold.as_deref());
                let steps = run.positions.clone();
                let mut events: VecDeque<Event> = steps
                    .into_iter()
                    .map(|position| Event::Step { id, position })
                    .collect();
                events.push_back(Event::RunDone { id, run });
                events
            }
            Request::Ablate { id, ablation } => [Event::Ablated {
                id,
                outcome: outcome(&ablation, gold.as_deref()),
                cached: false,
            }]
            .into(),
            Request::Phrases { id, latent } => [Event::Phrases {
                id,
                latent,
                phrases: phrases(latent),
            }]
            .into(),
            Request::EarlyExit { id } => [Event::EarlyExit { id, exits: exits() }].into(),
            Request::Verify { id } => [Event::Verified {
                id,
                verdict: Box::new(verdict(Rung::Present)),
            }]
            .into(),
            Request::Cancel => match self.run.take() {
                Some((id, _)) => [Event::Cancelled { id }].into(),
                None => VecDeque::new(),
            },
        }
    }
}
