//! Headers and rows for tests.

use super::SCHEMA;
use super::header::{Data, Protocol, RecordedBudget, RowsHeader, RunSettings, Shard};
use super::row::{AccuracyRow, Body, Confidence, Experiment, Row, RowAnswer, RowProblem};
use crate::core::types::{AblationValue, ModelInfo, Task};

/// Returns the header of a run of `n` problems in batches of two, with the problem and accuracy experiments.
pub(crate) fn header(n: usize, shard: Shard) -> RowsHeader {
    RowsHeader {
        schema: SCHEMA.to_owned(),
        version: "0.0.0".to_owned(),
        model: ModelInfo {
            name: "tiny".to_owned(),
            family: "coconut".to_owned(),
            family_from: "weights".to_owned(),
            arch: "gpt2".to_owned(),
            n_latents: 3,
            dtype: "f32".to_owned(),
            behaviour: "fixed".to_owned(),
            device: "cpu".to_owned(),
            sha256: "ab".repeat(32),
            parameters: 1000,
            layers: 2,
            width: 8,
            vocab: 20,
            task: Task::Math,
            modes: vec!["latent".to_owned()],
            phrase_decoder: "roll-out".to_owned(),
        },
        control: None,
        data: Data {
            origin: "generated test problems, seed 0".to_owned(),
            sha256: "cd".repeat(32),
            n,
            task: Task::Math,
        },
        experiments: vec![Experiment::Problem, Experiment::Accuracy],
        settings: RunSettings {
            mode: Protocol::Default,
            latents: 3,
            most_tokens: 64,
            top_k: 5,
            value: AblationValue::Mean,
            batch: 2,
            seed: 0,
            reference: "256 generated training problems, seed 1".to_owned(),
            verdict: RecordedBudget {
                strategies: vec!["projection-5".to_owned()],
                more_edits: 0,
                edits: 8,
                donors: 8,
                traces: 3,
            },
        },
        shard,
    }
}

/// Returns a row for [`header`]; every third answer is wrong.
pub(crate) fn row(index: usize, experiment: Experiment) -> Row {
    let correct = index % 3 != 2;
    let body = match experiment {
        Experiment::Problem => Body::Problem(Some(RowProblem {
            question: format!("What is {index} + 1?\u{1b}[31m\n"),
            gold_steps: vec![format!("<<{index}+1={}>>", index + 1)],
            gold_answer: (index + 1).to_string(),
        })),
        Experiment::Accuracy => Body::Accuracy(Some(AccuracyRow {
            main: RowAnswer {
                answer: Some((index + usize::from(correct)).to_string()),
                correct: Some(correct),
                tokens: 9,
            },
            confidence: Some(Confidence {
                logprob: -0.1,
                first_probability: 0.904_837_418_035_959_6,
                entropy: 0.3,
            }),
            ..AccuracyRow::default()
        })),
        other => Body::none(other),
    };
    Row {
        index,
        steps: 1,
        correct: Some(correct),
        refused: None,
        body,
    }
}

pub(crate) fn rows(header: &RowsHeader) -> Vec<Row> {
    header
        .plan()
        .map(|(i, experiment)| row(i, experiment))
        .collect()
}
