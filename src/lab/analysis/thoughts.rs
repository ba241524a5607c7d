//! Runs many questions and keeps their latents and answers: edited questions, and the reference set for decoders that need more
//! than its projections.

use std::sync::Arc;

use rayon::prelude::*;

use super::group::{DEPTH, Group, can_read, prefill, same_length};
use crate::core::types::TokenRead;
use crate::engine::decode::lens;
use crate::engine::decode::spoken::{self, Spoken};
use crate::engine::model::{Cancel, Mode, Model, ModelError, Overrides, Vectors};

/// Rows of one batch.
const ROWS: usize = 64;

/// The results of one question's run.
#[derive(Debug, Clone)]
pub struct Thought {
    /// The answer; `None` if it was not requested, or not given.
    pub answer: Option<String>,
    /// The vectors fed at latents 1..N.
    pub fed: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N.
    pub top: Vec<Vec<TokenRead>>,
    /// The states behind them, as the logit lens reads them.
    pub states: Vec<Arc<[f32]>>,
    /// The reading of another decoder at latents 1..N, if requested.
    pub decoded: Vec<Vec<TokenRead>>,
}

/// The parts of a run to keep.
#[derive(Debug, Clone, Copy)]
pub struct Want {
    /// The number of latents.
    pub latents: usize,
    /// Maximum number of answer tokens; `None` runs no answer.
    pub answer: Option<usize>,
    /// The roll-out of values from each latent, if any.
    pub spoken: Option<Spoken>,
}

/// Runs questions cleanly in batches. Returns `None` for a question that the model cannot take or that has a word it does not
/// know.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn think(
    model: &Model,
    questions: &[&str],
    want: &Want,
    cancel: &Cancel,
) -> Result<Vec<Option<Thought>>, ModelError> {
    let mut thoughts = vec![None; questions.len()];
    let known: Vec<(usize, &str)> = questions
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, question)| can_read(model, question))
        .collect();
    let texts = known.iter().map(|(_, question)| *question);
    let groups = same_length(model, texts, Mode::Latent, ROWS);
    for batch in batches(&groups) {
        let indices = batch.iter().flat_map(|group| &group.indices);
        for (at, thought) in indices.zip(of_batch(model, batch, want, cancel)?) {
            thoughts[known[*at].0] = Some(thought);
        }
    }
    Ok(thoughts)
}

/// Groups that run as one batch.
fn batches<'g, 'a>(groups: &'g [Group<'a>]) -> Vec<&'g [Group<'a>]> {
    let (mut batches, mut from, mut rows) = (Vec::new(), 0, 0);
    for (at, group) in groups.iter().enumerate() {
        if rows + group.indices.len() > ROWS && at > from {
            batches.push(&groups[from..at]);
            (from, rows) = (at, 0);
        }
        rows += group.indices.len();
    }
    if from < groups.len() {
        batches.push(&groups[from..]);
    }
    batches
}

fn of_batch(
    model: &Model,
    groups: &[Group<'_>],
    want: &Want,
    cancel: &Cancel,
) -> Result<Vec<Thought>, ModelError> {
    let branch = prefill(model, groups, cancel)?;
    let rollout = model.rollout(
        &branch,
        want.latents,
        &Overrides::none(branch.rows()),
        cancel,
    )?;
    let mut thoughts = vec![
        Thought {
            answer: None,
            fed: Vec::new(),
            top: Vec::new(),
            states: Vec::new(),
            decoded: Vec::new(),
        };
        branch.rows()
    ];
    for (j, latent) in rollout.latents.iter().enumerate() {
        let tops = tops(model, &latent.state)?;
        let values = match want.spoken {
            Some(voice) => {
                let from = spoken::From {
                    before: rollout.after(j),
                    fed: &latent.fed,
                    tops: &tops,
                };
                spoken::values(model, voice, &from, cancel)?
            }
            None => vec![Vec::new(); tops.len()],
        };
        let vectors = latent
            .fed
            .to_rows()?
            .into_iter()
            .zip(latent.state.to_rows()?);
        let read = tops.into_iter().zip(values);
        for ((thought, (fed, state)), (top, decoded)) in thoughts.iter_mut().zip(vectors).zip(read)
        {
            thought.fed.push(fed.into());
            thought.states.push(state.into());
            thought.top.push(top);
            thought.decoded.push(decoded);
        }
    }
    if let Some(most) = want.answer {
        let closed = model.close(rollout.last(), false, cancel)?;
        let generated = model.generate(&closed, most, &mut |_| (), cancel)?;
        for (thought, generated) in thoughts.iter_mut().zip(generated) {
            thought.answer = model.extract_value(&generated.ids)?;
        }
    }
    Ok(thoughts)
}

/// The top tokens of each row.
fn tops(model: &Model, states: &Vectors) -> Result<Vec<Vec<TokenRead>>, ModelError> {
    let logits = model.project(states)?;
    Ok(logits
        .par_iter()
        .map(|row| lens::projection(row, DEPTH, |id| model.token_text(id)).top)
        .collect())
}

/// Reads the latents of runs by the logit lens `layers` before the last, given each run's question and fed vectors, by run and
/// latent. Empty for a question that the model cannot take.
///
/// # Errors
/// When there is no such layer, the model fails, or the work is cancelled.
pub fn before_last(
    model: &Model,
    runs: &[(&str, &[Arc<[f32]>])],
    layers: usize,
    cancel: &Cancel,
) -> Result<Vec<Vec<Vec<TokenRead>>>, ModelError> {
    let layer = model.info().layers.saturating_sub(layers);
    let mut reads = vec![Vec::new(); runs.len()];
    let questions = runs.iter().map(|(question, _)| *question);
    for group in same_length(model, questions, Mode::Latent, ROWS) {
        let prompts: Vec<&[u32]> = group.prompts.iter().map(Vec::as_slice).collect();
        let latents = group.indices.iter().map(|at| runs[*at].1.len()).min();
        let fed: Vec<Vectors> = (0..latents.unwrap_or(0))
            .map(|j| {
                let rows: Vec<Arc<[f32]>> = group
                    .indices
                    .iter()
                    .map(|at| Arc::clone(&runs[*at].1[j]))
                    .collect();
                model.vectors(&rows)
            })
            .collect::<Result<_, _>>()?;
        for states in model
            .latent_states(&prompts, &fed, &[layer], cancel)?
            .remove(0)
        {
            for (at, top) in group.indices.iter().zip(tops(model, &states)?) {
                reads[*at].push(top);
            }
        }
    }
    Ok(reads)
}
