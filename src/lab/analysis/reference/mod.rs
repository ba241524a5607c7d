//! The reference set: other problems' latents, for resample donors, means per position and the null of the search.

mod build;
mod draw;
mod stored;
#[cfg(test)]
mod tests;

use super::group::{DEPTH, can_read, prefill, same_length};
pub use build::Builder;
pub use stored::{Key, LONGEST};

use std::sync::{Arc, OnceLock};

use crate::core::problem::Problem;
use crate::core::types::{DonorRef, LatentIdx, TokenRead};
use crate::engine::decode::spoken::Spoken;
use crate::engine::model::{Cancel, Model, ModelError};

use draw::Lender;

use super::thoughts::{Want, before_last, think};

/// How many problems the reference set holds: enough for a null of at least 200.
pub const SIZE: usize = 256;

/// The error of a donor's latent that is not there.
pub(super) fn no_latent(problem: usize, latent: usize, there: usize) -> ModelError {
    ModelError::refused(
        format!("problem {problem} of the reference set has no latent {latent}: it has {there}"),
        format!("name one of its latents from 1 to {there}"),
    )
}

/// One problem of the reference set.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// Its place in the list that the set was made of.
    pub problem: usize,
    /// Its question: a problem is never its own donor.
    pub question: String,
    /// How many steps its gold solution has: donors can be matched on it.
    pub steps: usize,
    /// Its gold answer: the null asks for it in other problems' latents.
    pub answer: String,
    /// The vectors fed at latents 1..N, each of the model's width.
    pub fed: Vec<Arc<[f32]>>,
    /// The states that became them (another vector for CODI only).
    pub states: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N.
    pub top: Vec<Vec<TokenRead>>,
}

/// Latents of other problems under the same model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// Where the problems came from, for exports.
    pub origin: String,
    items: Vec<Item>,
    /// How many of the items hold words that the model cannot see, once that was asked.
    unseen: OnceLock<usize>,
    fed: Vec<Moments>,
    states: Vec<Moments>,
    /// What else was read, once it was asked for: what is spoken, then what 1, 2, ... layers before the last read.
    decoded: Vec<OnceLock<Vec<Reads>>>,
}

/// Top-k lists of one run's latents.
type Reads = Vec<Vec<TokenRead>>;

/// Mean and standard deviation, value by value, of one latent's vectors over the set.
#[derive(Debug, Clone, PartialEq)]
pub struct Moments {
    /// The mean.
    pub mean: Arc<[f32]>,
    /// The standard deviation (of the population).
    pub deviation: Arc<[f32]>,
}

impl Reference {
    /// Runs every problem cleanly and keeps its latents. Questions that do not fit the model are left out.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn build(
        model: &Model,
        origin: &str,
        problems: &[Problem],
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let mut builder = Builder::new(model, origin, problems);
        while builder.advance(model, cancel)? {}
        Ok(builder.finish(model))
    }

    /// A set of these items, in this order.
    fn of(origin: &str, items: Vec<Item>, model: &Model) -> Self {
        let (latents, width) = (model.n_latents(), model.width());
        let over = |of: &dyn Fn(&Item) -> &Arc<[f32]>| moments(items.iter().map(of), width);
        let (fed, states) = (0..latents)
            .map(|at| (over(&|item| &item.fed[at]), over(&|item| &item.states[at])))
            .unzip();
        Self {
            origin: origin.to_owned(),
            unseen: OnceLock::new(),
            items,
            fed,
            states,
            decoded: vec![OnceLock::new(); model.info().layers.max(1)],
        }
    }

    /// What is wrong with the set, if anything. Latents cannot hold a word that the model does not see, so donors, means and chance rates
    /// are then not those of the questions in the set.
    #[must_use]
    pub fn warning(&self, model: &Model) -> Option<String> {
        let is_unseen = |item: &&Item| !can_read(model, &item.question);
        let count = || self.items.iter().filter(is_unseen).count();
        let (unseen, all) = (*self.unseen.get_or_init(count), self.len());
        (unseen > 0).then(|| {
            format!("{unseen} of the {all} problems of the reference set hold words that the model cannot see")
        })
    }

    /// How many problems it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds nothing, so that nothing can be resampled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Every problem but the given question, in order.
    pub fn others(&self, question: &str) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(move |item| item.question.trim() != question.trim())
    }

    /// `n` donors for a question, of those with so many steps if asked for: drawn, not the first at hand; see `draw`. The same
    /// request has the same donors, and fewer donors are the first of more.
    #[must_use]
    pub fn donors(&self, question: &str, n: usize, steps: Option<usize>, seed: u64) -> Vec<&Item> {
        let lenders = self.items.iter().map(|item| Lender {
            problem: item.problem,
            question: &item.question,
            steps: item.steps,
        });
        let drawn = draw::donors(lenders, question, n, steps, seed).into_iter();
        let item = |problem| self.items.iter().find(|item| item.problem == problem);
        drawn.filter_map(item).collect()
    }

    /// A problem of the set, counted from 0.
    #[must_use]
    pub fn item(&self, number: usize) -> Option<&Item> {
        self.items.get(number)
    }

    /// The problem of a donor that was chosen by number.
    ///
    /// # Errors
    /// [`ModelError::Input`] with the range when there is no such problem, or it has no such latent.
    pub fn donor(&self, donor: DonorRef) -> Result<&Item, ModelError> {
        let DonorRef { problem, latent } = donor;
        let item = self.item(problem).ok_or_else(|| {
            let last = self.len().saturating_sub(1);
            ModelError::refused(
                format!(
                    "the reference set has no problem {problem}: it holds {}",
                    self.len()
                ),
                format!("name a donor from 0 to {last}"),
            )
        })?;
        match latent {
            Some(latent) if latent.0 == 0 || latent.0 > item.fed.len() => {
                Err(no_latent(problem, latent.0, item.fed.len()))
            }
            _ => Ok(item),
        }
    }

    /// All problems, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// The answers of other problems with so many steps, each once.
    #[must_use]
    pub fn answers(&self, question: &str, steps: usize) -> Vec<&str> {
        let mut answers: Vec<&str> = Vec::new();
        for item in self.others(question).filter(|item| item.steps == steps) {
            if !answers.contains(&item.answer.as_str()) {
                answers.push(&item.answer);
            }
        }
        answers
    }

    /// What is said on from the latents of every problem, in order; worked out when first asked for.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn spoken(
        &self,
        model: &Model,
        how: Spoken,
        cancel: &Cancel,
    ) -> Result<&[Reads], ModelError> {
        self.kept(0, || {
            let questions: Vec<&str> = self.items.iter().map(|i| i.question.as_str()).collect();
            let want = Want {
                latents: model.n_latents(),
                answer: None,
                spoken: Some(how),
            };
            let thoughts = think(model, &questions, &want, cancel)?.into_iter();
            Ok(thoughts
                .map(|thought| thought.map(|t| t.decoded).unwrap_or_default())
                .collect())
        })
    }

    /// What the layer so many (at least 1) before the last reads at the latents of every problem, in order; worked out when first
    /// asked for.
    ///
    /// # Errors
    /// When there is no such layer, the model fails, or the work is cancelled.
    pub fn before_last(
        &self,
        model: &Model,
        layers: usize,
        cancel: &Cancel,
    ) -> Result<&[Reads], ModelError> {
        self.kept(layers, || {
            let runs = self.items.iter();
            let runs: Vec<_> = runs
                .map(|i| (i.question.as_str(), i.fed.as_slice()))
                .collect();
            before_last(model, &runs, layers, cancel)
        })
    }

    /// What stands at a place of `decoded`, made where it is not there yet; nothing of a set that is empty.
    fn kept(
        &self,
        place: usize,
        make: impl FnOnce() -> Result<Vec<Reads>, ModelError>,
    ) -> Result<&[Reads], ModelError> {
        let Some(kept) = self.decoded.get(place) else {
            return Ok(&[]);
        };
        if let Some(made) = kept.get() {
            return Ok(made);
        }
        let made = make()?;
        Ok(kept.get_or_init(|| made))
    }

    /// The moments of the vectors fed at a latent.
    #[must_use]
    pub fn fed(&self, latent: LatentIdx) -> Option<&Moments> {
        self.fed.get(latent.0.checked_sub(1)?)
    }

    /// The moments of the projected states at a latent (they differ from the fed vectors' for CODI only).
    #[must_use]
    pub fn states(&self, latent: LatentIdx) -> Option<&Moments> {
        self.states.get(latent.0.checked_sub(1)?)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "moments of f32 values fit f32"
)]
fn moments<'a>(vectors: impl Iterator<Item = &'a Arc<[f32]>> + Clone, width: usize) -> Moments {
    let count = vectors.clone().count().max(1) as f64;
    let mut mean = vec![0f64; width];
    for vector in vectors.clone() {
        for (sum, x) in mean.iter_mut().zip(vector.iter()) {
            *sum += f64::from(*x);
        }
    }
    for sum in &mut mean {
        *sum /= count;
    }
    let mut squares = vec![0f64; width];
    for vector in vectors {
        for ((sum, x), mean) in squares.iter_mut().zip(vector.iter()).zip(&mean) {
            *sum += (f64::from(*x) - mean).powi(2);
        }
    }
    Moments {
        mean: mean.iter().map(|m| *m as f32).collect(),
        deviation: squares.iter().map(|s| (s / count).sqrt() as f32).collect(),
    }
}
