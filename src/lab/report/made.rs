//! A synthetic run for tests, here and in `tests/commands/report.rs`: rows of every experiment, drawn by simple rules.

use undertone::core::types::{
    AblationValue, EarlyExit, ModelInfo, Necessity, Null, Operand, Rung, Task, TraceStep,
    ValueSource, Verdict,
};
use undertone::lab::rows::header::{Protocol, RecordedBudget, RunSettings, Shard};
use undertone::lab::rows::row::{
    AblationAnswer, AblationRow, AccuracyRow, Backtracking, CheckedStep, Confidence, EarlyStopping,
    ForwardChaining, GoldRead, JudgedAnswer, PublishedSearch, Required, Rewrite, RowAnswer,
    RowProblem,
};
use undertone::lab::rows::{Body, Data, Experiment, Row, RowsHeader, SCHEMA};

/// Latents of the run.
pub const LATENTS: usize = 6;

/// A text that must never be printed unescaped.
pub const HOSTILE: &str =
    "<script>alert('x')</script>|[a](javascript:b)\u{1b}[31m\u{202e}\n\"&amp;";

/// Returns a pseudorandom number from 0 to 1.
pub fn noise(index: usize, salt: u64) -> f64 {
    let mut x = (index as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ salt.wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    #[allow(clippy::cast_precision_loss, reason = "53 bits of it")]
    let part = ((x ^ (x >> 31)) >> 11) as f64;
    part / (1_u64 << 53) as f64
}

pub fn is_correct(index: usize) -> bool {
    noise(index, 1) < 0.55
}

/// Returns the header of an unsharded run of Coconut on GPT-2 in paper mode.
pub fn header(n: usize) -> RowsHeader {
    RowsHeader {
        schema: SCHEMA.to_owned(),
        version: "0.1.0".to_owned(),
        model: ModelInfo {
            name: "gpt2-gsm-coconut".to_owned(),
            family: "coconut".to_owned(),
            family_from: "weights".to_owned(),
            arch: "gpt2".to_owned(),
            n_latents: LATENTS,
            dtype: "f32".to_owned(),
            behaviour: "fixed".to_owned(),
            device: "cpu".to_owned(),
            sha256: "ab".repeat(32),
            parameters: 124_442_112,
            layers: 12,
            width: 768,
            vocab: 50_260,
            task: Task::Math,
            modes: vec!["latent".to_owned()],
            phrase_decoder: "roll-out".to_owned(),
        },
        control: None,
        data: Data {
            origin: "gsm_valid-gold-reasoning-trace_test.json".to_owned(),
            sha256: "cd".repeat(32),
            n,
            task: Task::Math,
        },
        experiments: Experiment::ALL.to_vec(),
        settings: RunSettings {
            mode: Protocol::Paper,
            latents: LATENTS,
            most_tokens: 64,
            top_k: 10,
            value: AblationValue::Mean,
            batch: 8,
            seed: 0,
            reference: "256 other problems of the file".to_owned(),
            verdict: RecordedBudget {
                strategies: vec!["projection-5".to_owned(), "values".to_owned()],
                more_edits: 0,
                edits: 8,
                donors: 8,
                traces: 3,
            },
        },
        shard: Shard::default(),
    }
}

pub fn rows(header: &RowsHeader) -> Vec<Row> {
    header
        .plan()
        .map(|(i, experiment)| row(i, experiment))
        .collect()
}

pub fn row(index: usize, experiment: Experiment) -> Row {
    let body = match experiment {
        Experiment::Problem => Body::Problem(Some(RowProblem {
            question: format!("What is {index} + 1? {HOSTILE}"),
            gold_steps: vec![format!("<<{index}+1={}>>", index + 1)],
            gold_answer: gold(index),
        })),
        Experiment::Accuracy => Body::Accuracy(Some(accuracy(index))),
        Experiment::EarlyStopping => Body::EarlyStopping(Some(early(index))),
        Experiment::Ablation => Body::Ablation(Some(ablation(index))),
        Experiment::Backtracking => Body::Backtracking(Some(backtracking(index))),
        Experiment::ForwardChaining => Body::ForwardChaining(Some(chaining(index))),
        Experiment::Verdict => Body::Verdict(Some(Box::new(JudgedAnswer {
            verdict: verdict(index),
            answer: Some(answer(index)),
            phrases: Vec::new(),
        }))),
    };
    Row {
        index,
        steps: 1 + index % 4,
        correct: Some(is_correct(index)),
        refused: None,
        body,
    }
}

fn gold(index: usize) -> String {
    (index + 1).to_string()
}

fn answer(index: usize) -> String {
    (index + usize::from(is_correct(index))).to_string()
}

/// Draws an event whose probability depends on the correctness of the answer.
fn likely(index: usize, salt: u64, correct: f64, wrong: f64) -> bool {
    noise(index, salt) < if is_correct(index) { correct } else { wrong }
}

fn said(index: usize, keeps: bool, tokens: usize) -> RowAnswer {
    let value = if keeps { answer(index) } else { "0".to_owned() };
    RowAnswer {
        correct: Some(value == gold(index)),
        answer: Some(value),
        tokens,
    }
}

fn accuracy(index: usize) -> AccuracyRow {
    let doubt = noise(index, 2) * if is_correct(index) { 0.5 } else { 1.2 };
    AccuracyRow {
        main: said(index, true, 9 + index % 2),
        no_latents: Some(said(index, likely(index, 3, 0.4, 0.3), 3)),
        confidence: Some(Confidence {
            logprob: -1.3 * doubt,
            first_probability: (-doubt).exp(),
            entropy: doubt + 0.1 * noise(index, 4),
        }),
        ..AccuracyRow::default()
    }
}

fn early(index: usize) -> EarlyStopping {
    // The answer settles after some latents, in some problems with one relapse; a few never give the free answer.
    let settled = (noise(index, 5) * 7.9) as usize;
    let relapse = index.is_multiple_of(5).then_some(settled + 1);
    let is_free = |k: usize| k >= settled && relapse != Some(k);
    let value = |k: usize| {
        if is_free(k) {
            answer(index)
        } else {
            format!("-{k}")
        }
    };
    let last = value(LATENTS);
    let stable = (0..=LATENTS).rev().take_while(|k| value(*k) == last).last();
    EarlyStopping {
        of: LATENTS,
        exits: (0..=LATENTS)
            .map(|k| EarlyExit {
                k,
                value: Some(value(k)),
                logprob: Some(-0.1),
                clean_logprob: Some(-0.1),
            })
            .collect(),
        first_match: (0..=LATENTS).find(|k| is_free(*k)),
        stable_match: stable.unwrap_or(LATENTS),
    }
}

fn ablation(index: usize) -> AblationRow {
    let off = |latents: Vec<usize>, value, keeps: bool| AblationAnswer {
        off: latents,
        value,
        answer: Some(if keeps { answer(index) } else { "0".to_owned() }),
        flipped: !keeps,
        correct: Some(keeps && is_correct(index)),
        delta_logprob: -0.5,
        n: 1,
        flips: usize::from(!keeps),
    };
    let needed: Vec<usize> = (1..=LATENTS)
        .filter(|l| noise(index, 10 + *l as u64) < 0.1)
        .collect();
    AblationRow {
        each: (1..=LATENTS)
            .map(|l| off(vec![l], AblationValue::Mean, !needed.contains(&l)))
            .collect(),
        all: [
            (AblationValue::Resample, 0.25),
            (AblationValue::Mean, 0.35),
            (AblationValue::Zero, 0.3),
        ]
        .map(|(value, keeps)| off((1..=LATENTS).collect(), value, noise(index, 6) < keeps))
        .to_vec(),
        needed,
        sham_max_diff: 0.0,
    }
}

fn backtracking(index: usize) -> Backtracking {
    let in_order = likely(index, 20, 0.7, 0.2);
    let any = likely(index, 21, 0.62, 0.15);
    Backtracking {
        reads: (0..=index % 4)
            .map(|step| GoldRead {
                step,
                result: (index + step).to_string(),
                latent: (noise(index, 22 + step as u64) < 0.7).then_some(step + 1),
                rank: Some(0),
                probability: Some(0.5),
                rank_in_turn: None,
            })
            .collect(),
        in_order: (!index.is_multiple_of(4)).then_some(in_order),
        in_order_others: (0..5).map(|i| noise(index, 30 + i) < 0.06).collect(),
        published: Some(PublishedSearch {
            impossible: index % 40 == 7,
            without: any && !index.is_multiple_of(6),
            with: any,
            any_without: any,
            any_with: any || likely(index, 24, 0.8, 0.2),
            baselines: (0..index % 6)
                .map(|i| {
                    (
                        noise(index, 40 + i as u64) < 0.01,
                        noise(index, 50 + i as u64) < 0.03,
                    )
                })
                .collect(),
            gold_in_top10: is_correct(index) || noise(index, 25) < 0.5,
        }),
    }
}

fn chaining(index: usize) -> ForwardChaining {
    let strength = noise(index, 60) * if is_correct(index) { 1.25 } else { 0.6 };
    let found = strength > 0.12;
    let required = [(1, 0.2), (2, 0.3), (3, 0.45)].map(|(passes, needs)| Required {
        passes,
        found,
        verified: found && strength > needs,
        explainable: found,
        steps: (0..index % 3)
            .map(|i| CheckedStep {
                text: HOSTILE.to_owned(),
                column: i,
                verified: strength > needs,
                checks: Vec::new(),
            })
            .collect(),
    });
    ForwardChaining {
        answer: Some(answer(index)),
        candidates: 40,
        found,
        steps: Vec::new(),
        null: None,
        required: required.to_vec(),
        rewrite: Some(Rewrite {
            question: HOSTILE.to_owned(),
            answer: Some(answer(index)),
            same: noise(index, 61) < 0.85,
        }),
    }
}

pub fn rung(index: usize) -> Rung {
    let height = noise(index, 70) * if is_correct(index) { 1.0 } else { 0.62 };
    match height {
        h if h > 0.78 => Rung::Used,
        h if h > 0.62 => Rung::Tracks,
        h if h > 0.45 => Rung::Present,
        h if h > 0.28 => Rung::NotNeeded,
        h if h > 0.12 => Rung::NoneFound,
        h if h > 0.05 => Rung::Contradicted,
        _ => Rung::Abstain,
    }
}

fn verdict(index: usize) -> Verdict {
    let rung = rung(index);
    let has_trace = rung.is_sound() || (rung == Rung::NotNeeded && index.is_multiple_of(2));
    let hits = (noise(index, 71) * 12.0) as usize;
    let null = |n: usize, hits: usize| Null {
        n,
        hits,
        p_value: Some((1 + hits) as f64 / (1 + n) as f64),
        searches: 1,
        candidates_p95: 12,
    };
    let operand = |text: &str| Operand {
        text: text.to_owned(),
        source: ValueSource::Answer,
    };
    let step = TraceStep {
        text: HOSTILE.to_owned(),
        operands: vec![operand("1")],
        operator: "+".to_owned(),
        result: operand("2"),
    };
    Verdict {
        rung,
        reason: HOSTILE.to_owned(),
        necessity: Necessity {
            delta_without_latents: Some(-1.0),
            donors: 16,
            donors_kept: 3,
            delta_resampled: Some(-2.0),
            threshold: 0.1,
            needed: rung != Rung::NotNeeded,
            ..Necessity::default()
        },
        steps: if has_trace { vec![step] } else { Vec::new() },
        candidates: 30,
        traces: usize::from(has_trace),
        top_k: 5,
        null: null(256, hits),
        null_answers: (!index.is_multiple_of(3)).then(|| null(40, hits / 4)),
        decoder: "projection-5".to_owned(),
        ..Verdict::default()
    }
}
