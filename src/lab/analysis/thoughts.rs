//! Runs many questions through their latents in batches and keeps what is asked for: states, top tokens, roll-outs, answers and
//! early exits. Edited questions, the reference set, the examples of a lens and early stopping over a data set run here; `run` has
//! the run of a single question, position by position.

use std::sync::Arc;

use rayon::prelude::*;

use super::early_exit;
use super::group::{DEPTH, Group, can_read, prefill, same_length};
use crate::core::types::{EarlyExit, TokenRead};
use crate::engine::decode::lens;
use crate::engine::decode::spoken::{self, Spoken};
use crate::engine::model::{Branch, Cancel, Model, ModelError, Overrides, Vectors};

/// Rows of one batch.
const ROWS: usize = 64;

/// The results of one question's run.
#[derive(Debug, Clone, Default)]
pub struct Thought {
    /// The ids of the text after the latents; empty if it was not requested.
    pub said: Vec<u32>,
    /// The answer; `None` if it was not requested, or not given.
    pub answer: Option<String>,
    /// The vectors fed at latents 1..N, each of the model's width.
    pub fed: Vec<Arc<[f32]>>,
    /// The states behind them, as the logit lens reads them (different vectors for CODI only).
    pub states: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N, if requested.
    pub top: Vec<Vec<TokenRead>>,
    /// The roll-out of values from latents 1..N, or the reading of another decoder, if requested.
    pub decoded: Vec<Vec<TokenRead>>,
    /// The answers after 0..N latents, if requested.
    pub exits: Vec<EarlyExit>,
}

impl Thought {
    /// Adds the vectors of a latent, sharing them if they are one.
    pub(super) fn push(&mut self, fed: Arc<[f32]>, state: Arc<[f32]>) {
        let bits = |of: &Arc<[f32]>| of.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        let is_one = bits(&fed) == bits(&state);
        self.states
            .push(if is_one { Arc::clone(&fed) } else { state });
        self.fed.push(fed);
    }
}

/// The parts of a run to keep beside its vectors.
#[derive(Debug, Clone, Copy, Default)]
pub struct Keep {
    /// The number of latents.
    pub latents: usize,
    /// Whether the top tokens of each latent are read.
    pub top: bool,
    /// Maximum number of answer tokens; `None` runs no answer.
    pub answer: Option<usize>,
    /// The roll-out of values from each latent, if any.
    pub spoken: Option<Spoken>,
    /// Whether the answer is forced after every number of latents too; needs `answer`.
    pub exits: bool,
}

/// Runs questions cleanly in batches. Returns `None` for a question that the model cannot take or that has a word it does not
/// know.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn think(
    model: &Model,
    questions: &[&str],
    want: &Keep,
    cancel: &Cancel,
) -> Result<Vec<Option<Thought>>, ModelError> {
    let mut thoughts = vec![None; questions.len()];
    let (known, texts): (Vec<usize>, Vec<&str>) = (questions.iter().copied().enumerate())
        .filter(|(_, question)| can_read(model, question))
        .unzip();
    let mut keep = |batch: Vec<(usize, Thought)>| {
        for (at, thought) in batch {
            thoughts[known[at]] = Some(thought);
        }
        Ok(())
    };
    each_batch(model, &texts, want, &mut keep, cancel)?;
    Ok(thoughts)
}

/// Runs questions cleanly; `on_batch` receives the results of every batch, each with its question's index. Returns the questions
/// that the model cannot take, with the reasons.
///
/// # Errors
/// When the model or `on_batch` fails, or the work is cancelled.
pub fn each_batch(
    model: &Model,
    questions: &[&str],
    want: &Keep,
    on_batch: &mut dyn FnMut(Vec<(usize, Thought)>) -> Result<(), ModelError>,
    cancel: &Cancel,
) -> Result<Vec<(usize, ModelError)>, ModelError> {
    let (groups, refused) = same_length(model, questions.iter().copied(), ROWS);
    for batch in batches(&groups) {
        let start = prefill(model, batch, cancel)?;
        let thoughts = from_start(model, &start, want, cancel)?;
        let indices = batch.iter().flat_map(|group| group.indices.iter().copied());
        on_batch(indices.zip(thoughts).collect())?;
    }
    Ok(refused)
}

/// Groups that run as one batch.
fn batches(groups: &[Group]) -> Vec<&[Group]> {
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

/// Runs the rows of a batch on from their prompts.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub(super) fn from_start(
    model: &Model,
    start: &Branch,
    want: &Keep,
    cancel: &Cancel,
) -> Result<Vec<Thought>, ModelError> {
    let rollout = model.rollout(start, want.latents, &Overrides::none(start.rows()), cancel)?;
    let mut thoughts = vec![Thought::default(); start.rows()];
    for (j, latent) in rollout.latents.iter().enumerate() {
        let vectors = latent.fed.to_rows()?.into_iter();
        for (thought, (fed, state)) in thoughts
            .iter_mut()
            .zip(vectors.zip(latent.state.to_rows()?))
        {
            thought.push(fed.into(), state.into());
        }
        if !want.top && want.spoken.is_none() {
            continue;
        }
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
        for (thought, (top, decoded)) in thoughts.iter_mut().zip(tops.into_iter().zip(values)) {
            thought.top.push(top);
            thought.decoded.push(decoded);
        }
    }
    if let Some(most) = want.answer {
        let closed = model.close(rollout.last(), false, cancel)?;
        let generated = model.generate(&closed, most, &mut |_| (), cancel)?;
        for (thought, generated) in thoughts.iter_mut().zip(generated) {
            thought.answer = model.extract_value(&generated.ids)?;
            thought.said = generated.ids;
        }
        if want.exits {
            let said: Vec<&[u32]> = thoughts.iter().map(|t| t.said.as_slice()).collect();
            let exits = early_exit::of_rows(model, &rollout.branches, &said, most, cancel)?;
            for (thought, exits) in thoughts.iter_mut().zip(exits) {
                thought.exits = exits;
            }
        }
    }
    Ok(thoughts)
}

/// The top tokens of each row.
fn tops(model: &Model, states: &Vectors) -> Result<Vec<Vec<TokenRead>>, ModelError> {
    let logits = model.project(states)?;
    let read = |row: &Vec<f32>| lens::read(model, row, DEPTH).top;
    Ok(logits.par_iter().map(read).collect())
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
    let states = at_layers(model, runs, &[layer], cancel)?.remove(0);
    let mut reads = Vec::with_capacity(runs.len());
    for states in states {
        reads.push(if states.is_empty() {
            Vec::new()
        } else {
            tops(model, &model.vectors(&states)?)?
        });
    }
    Ok(reads)
}

/// States by layer, run and latent.
pub(super) type ByLayer = Vec<Vec<Vec<Arc<[f32]>>>>;

/// Computes the states of runs at some layers, given each run's question and fed vectors. A question that the model cannot take has
/// none.
///
/// # Errors
/// When there is no such layer, the model fails, or the work is cancelled.
pub(super) fn at_layers(
    model: &Model,
    runs: &[(&str, &[Arc<[f32]>])],
    layers: &[usize],
    cancel: &Cancel,
) -> Result<ByLayer, ModelError> {
    let mut found = vec![vec![Vec::new(); runs.len()]; layers.len()];
    let questions = runs.iter().map(|(question, _)| *question);
    for group in same_length(model, questions, ROWS).0 {
        let prompts: Vec<&[u32]> = group.prompts.iter().map(Vec::as_slice).collect();
        let latents = group.indices.iter().map(|at| runs[*at].1.len()).min();
        let fed = |j: usize| {
            let rows = group.indices.iter().map(|at| &runs[*at].1[j]);
            model.vectors(&rows.collect::<Vec<_>>())
        };
        let fed: Vec<Vectors> = (0..latents.unwrap_or(0))
            .map(fed)
            .collect::<Result<_, _>>()?;
        let states = model.latent_states(&prompts, &fed, layers, cancel)?;
        for (found, states) in found.iter_mut().zip(states) {
            for states in states {
                for (at, state) in group.indices.iter().zip(states.to_rows()?) {
                    found[*at].push(state.into());
                }
            }
        }
    }
    Ok(found)
}
