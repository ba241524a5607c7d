//! The training examples of a lens: the states of every problem's latents, computed once, with the labels of its gold steps.
//!
//! Memory: problems x latents x layers x width values of four bytes; 2,750 problems with 6 latents in a model of width 768 take
//! 51 MB per layer.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use candle_core::Tensor;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

use super::Recipe;
use super::card::Counts;
use crate::core::problem::{Problem, step_result};
use crate::core::types::LatentIdx;
use crate::engine::model::{Cancel, Model, ModelError};
use crate::lab::analysis::thoughts::{self, ByLayer, Keep, Thought, at_layers};

/// Labelled latents that a place needs in each part: fitting, stopping, held out.
const LEAST: [usize; 3] = [20, 5, 5];

/// States and labels of one place in one part.
pub struct ExamplePart {
    /// (n, width)
    pub states: Tensor,
    /// The label of each state.
    pub labels: Vec<usize>,
}

pub struct LensPlace {
    pub layer: usize,
    pub latent: LatentIdx,
    pub fit: ExamplePart,
    pub stop: ExamplePart,
    pub held_out: ExamplePart,
}

/// The examples of all places.
pub struct Examples {
    /// Ordered by layer, then latent.
    pub places: Vec<LensPlace>,
    /// The token ids of each label.
    pub forms: Vec<Vec<u32>>,
    pub counts: Counts,
}

/// State and label of one latent of one problem.
struct Seen {
    problem: usize,
    state: Arc<[f32]>,
    label: usize,
}

impl Examples {
    /// Runs the problems cleanly and keeps the labelled latents.
    pub fn collect(
        model: &Model,
        recipe: &Recipe,
        layers: &[usize],
        problems: &[Problem],
        progress: &mut dyn FnMut(&str, usize, usize),
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let parts = split(problems, recipe);
        let mut counts = Counts {
            problems: problems.len(),
            distinct: distinct(problems).len(),
            fit: parts[0].len(),
            stopping: parts[1].len(),
            held_out: parts[2].len(),
            ..Counts::default()
        };
        let mut labels = Labels::of(model);
        let chosen: Vec<usize> = parts.concat();
        let seen = run(
            model,
            recipe,
            layers,
            (problems, &chosen),
            (&mut labels, &mut counts),
            progress,
            cancel,
        )?;
        let part_of: HashMap<usize, usize> = (parts.iter().enumerate())
            .flat_map(|(part, members)| members.iter().map(move |problem| (*problem, part)))
            .collect();
        let mut places = Vec::new();
        for ((layer, latent), seen) in seen {
            let mut split: [Vec<Seen>; 3] = Default::default();
            for one in seen {
                split[part_of[&one.problem]].push(one);
            }
            if split
                .iter()
                .zip(LEAST)
                .any(|(part, least)| part.len() < least)
            {
                continue;
            }
            let [fit, stop, held_out] = split.map(|part| ExamplePart::of(model, part));
            places.push(LensPlace {
                layer,
                latent,
                fit: fit?,
                stop: stop?,
                held_out: held_out?,
            });
        }
        if places.is_empty() {
            return Err(ModelError::refused(
                format!(
                    "too few steps to fit a lens: of {} different problems {} serve, and no latent has {} fitted, {} stopping and {} \
                 held-out ones with a result that the vocabulary can show",
                    counts.distinct,
                    chosen.len(),
                    LEAST[0],
                    LEAST[1],
                    LEAST[2]
                ),
                "pass more problems with gold steps (--data, --n)",
            ));
        }
        Ok(Self {
            places,
            forms: labels.forms,
            counts,
        })
    }
}

impl ExamplePart {
    /// Sorted by problem, so that the result does not depend on the batches.
    fn of(model: &Model, mut seen: Vec<Seen>) -> Result<Self, ModelError> {
        seen.sort_by_key(|one| one.problem);
        let labels = seen.iter().map(|one| one.label).collect();
        let states: Vec<Arc<[f32]>> = seen.into_iter().map(|one| one.state).collect();
        let states = model.vectors(&states)?.tensor().clone();
        Ok(Self { states, labels })
    }
}

/// The first problem of every question, ignoring surrounding whitespace.
fn distinct(problems: &[Problem]) -> Vec<usize> {
    let mut questions = HashSet::new();
    (0..problems.len())
        .filter(|&i| questions.insert(problems[i].question.trim()))
        .collect()
}

/// Splits distinct problems into fitting, stopping and held-out parts, in proportion if there are too few.
pub(super) fn split(problems: &[Problem], recipe: &Recipe) -> [Vec<usize>; 3] {
    let mut order = distinct(problems);
    order.shuffle(&mut ChaCha8Rng::seed_from_u64(recipe.seed));
    let (there, wanted) = (order.len(), recipe.problems());
    let share = |n: usize| {
        if there < wanted {
            there * n / wanted
        } else {
            n
        }
    };
    let (held_out, stopping) = (share(recipe.held_out), share(recipe.stopping()));
    let mut rest = order.into_iter();
    let held_out: Vec<usize> = rest.by_ref().take(held_out).collect();
    let stopping: Vec<usize> = rest.by_ref().take(stopping).collect();
    [rest.take(recipe.fit).collect(), stopping, held_out]
}

/// Labelled states by layer and latent.
type ByPlace = BTreeMap<(usize, LatentIdx), Vec<Seen>>;

fn run(
    model: &Model,
    recipe: &Recipe,
    layers: &[usize],
    (problems, chosen): (&[Problem], &[usize]),
    (labels, counts): (&mut Labels, &mut Counts),
    progress: &mut dyn FnMut(&str, usize, usize),
    cancel: &Cancel,
) -> Result<ByPlace, ModelError> {
    let mut seen = ByPlace::new();
    let (mut done, total) = (0, chosen.len());
    let questions: Vec<&str> = (chosen.iter())
        .map(|&i| problems[i].question.as_str())
        .collect();
    let want = Keep {
        latents: model.n_latents(),
        ..Keep::default()
    };
    progress("latents", done, total);
    let mut keep = |batch: Vec<(usize, Thought)>| {
        let runs: Vec<_> = (batch.iter())
            .map(|(at, run)| (questions[*at], run.fed.as_slice()))
            .collect();
        let mut states = ByLayer::new();
        if *layers == [model.info().layers] {
            // The runs already have the last layer's states.
            states.push(batch.iter().map(|(_, run)| run.states.clone()).collect());
        } else {
            states = at_layers(model, &runs, layers, cancel)?;
        }
        for j in 0..want.latents {
            let latent = LatentIdx(j + 1);
            for (row, (at, _)) in batch.iter().enumerate() {
                let problem = chosen[*at];
                let Some(step) = problems[problem].steps.get(j / recipe.latents_per_step) else {
                    continue;
                };
                let Some(label) = labels.label(model, step)? else {
                    counts.unlabelled_steps += 1;
                    continue;
                };
                for (layer, states) in layers.iter().zip(&states) {
                    seen.entry((*layer, latent)).or_default().push(Seen {
                        problem,
                        state: Arc::clone(&states[row][j]),
                        label,
                    });
                }
            }
        }
        done += batch.len();
        progress("latents", done, total);
        Ok(())
    };
    let refused = thoughts::each_batch(model, &questions, &want, &mut keep, cancel)?;
    counts.not_runnable = refused.len();
    Ok(seen)
}

/// The results of steps as labels of the vocabulary.
pub(super) struct Labels {
    by_text: HashMap<String, Vec<u32>>,
    known: HashMap<String, Option<usize>>,
    at: HashMap<Vec<u32>, usize>,
    /// The token ids of each label.
    pub forms: Vec<Vec<u32>>,
}

impl Labels {
    /// Starts without labels; indexes the text of every token once.
    pub fn of(model: &Model) -> Self {
        let mut by_text: HashMap<String, Vec<u32>> = HashMap::new();
        for id in 0..u32::try_from(model.vocab()).unwrap_or(u32::MAX) {
            let text = model.token_text(id);
            let text = text.trim();
            if !text.is_empty() && !model.is_unknown(id) {
                by_text.entry(text.to_owned()).or_default().push(id);
            }
        }
        Self {
            by_text,
            known: HashMap::new(),
            at: HashMap::new(),
            forms: Vec::new(),
        }
    }

    /// Returns the label of a step; `None` if it has no result, or the vocabulary lacks the word.
    pub fn label(&mut self, model: &Model, step: &str) -> Result<Option<usize>, ModelError> {
        let Some(result) = step_result(step).filter(|result| !result.is_empty()) else {
            return Ok(None);
        };
        if let Some(label) = self.known.get(result) {
            return Ok(*label);
        }
        let ids = match self.by_text.get(result) {
            Some(ids) => Some(ids),
            // Several tokens: the first is the one that the logit lens could show.
            None => (model.encode_text(result)?.first())
                .filter(|first| !model.is_unknown(**first))
                .and_then(|first| self.by_text.get(model.token_text(*first).trim())),
        };
        let label = ids.map(|ids| {
            *self.at.entry(ids.clone()).or_insert_with(|| {
                self.forms.push(ids.clone());
                self.forms.len() - 1
            })
        });
        self.known.insert(result.to_owned(), label);
        Ok(label)
    }
}
