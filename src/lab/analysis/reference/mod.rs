//! The reference set: other problems' latents, for resample donors, means per position and the null of the search.

mod build;
mod draw;
mod stored;
#[cfg(test)]
mod tests;

use super::group::{DEPTH, can_read};
pub use build::Builder;
pub use stored::{LONGEST, ReferenceKey};

use std::sync::{Arc, OnceLock};

use crate::core::problem::Problem;
use crate::core::types::{DonorRef, LatentIdx, TokenRead};
use crate::engine::decode::spoken::Spoken;
use crate::engine::model::{Cancel, Model, ModelError};

use draw::Lender;

use super::thoughts::{Keep, before_last, think};

/// Number of problems in the reference set: enough for a null of at least 200.
pub const SIZE: usize = 256;

/// The error of a missing latent of a donor.
pub(super) fn no_latent(problem: usize, latent: usize, there: usize) -> ModelError {
    ModelError::refused(
        format!("problem {problem} of the reference set has no latent {latent}: it has {there}"),
        format!("name one of its latents from 1 to {there}"),
    )
}

/// One problem of the reference set.
#[derive(Debug, Clone, PartialEq)]
pub struct ReferenceProblem {
    /// Its index in the list that the set was built from.
    pub problem: usize,
    /// Its question: a problem is never its own donor.
    pub question: String,
    /// The number of steps of its gold solution, on which donors can be matched.
    pub steps: usize,
    /// Its gold answer, which the null searches for in other problems' latents.
    pub answer: String,
    /// The vectors fed at latents 1..N, each of the model's width.
    pub fed: Vec<Arc<[f32]>>,
    /// The states behind them (different vectors for CODI only).
    pub states: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N.
    pub top: Vec<Vec<TokenRead>>,
}

/// Latents of other problems under the same model.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Reference {
    /// The origin of the problems, for exports.
    pub origin: String,
    items: Vec<ReferenceProblem>,
    /// The number of items with words that the model does not know, computed lazily.
    unseen: OnceLock<usize>,
    fed: Vec<Moments>,
    states: Vec<Moments>,
    /// Other readings, computed lazily: rolled-out values, then the logit lens 1, 2, ... layers before the last.
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
    /// Runs every problem cleanly and keeps its latents. Drops questions that do not fit the model.
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

    fn of(origin: &str, items: Vec<ReferenceProblem>, model: &Model) -> Self {
        let (latents, width) = (model.n_latents(), model.width());
        let over =
            |of: &dyn Fn(&ReferenceProblem) -> &Arc<[f32]>| moments(items.iter().map(of), width);
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

    /// Returns a warning if questions of the set contain words that the model does not know. Latents cannot hold such words, so
    /// donors, means and chance rates are then not those of the questions.
    #[must_use]
    pub fn warning(&self, model: &Model) -> Option<String> {
        let is_unseen = |item: &&ReferenceProblem| !can_read(model, &item.question);
        let count = || self.items.iter().filter(is_unseen).count();
        let (unseen, all) = (*self.unseen.get_or_init(count), self.len());
        (unseen > 0).then(|| {
            format!(
                "{unseen} of {all} reference problems contain words outside the model's vocabulary"
            )
        })
    }

    /// Returns the number of problems.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether the set is empty, so that nothing can be resampled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns every problem except the given question, in order.
    pub fn others(&self, question: &str) -> impl Iterator<Item = &ReferenceProblem> {
        self.items
            .iter()
            .filter(move |item| item.question.trim() != question.trim())
    }

    /// Draws `n` donors for a question, of those with `steps` steps if given; see `draw`. The same arguments give the same
    /// donors, and fewer donors are a prefix of more.
    #[must_use]
    pub fn donors(
        &self,
        question: &str,
        n: usize,
        steps: Option<usize>,
        seed: u64,
    ) -> Vec<&ReferenceProblem> {
        let lenders = self.items.iter().map(|item| Lender {
            problem: item.problem,
            question: &item.question,
            steps: item.steps,
        });
        let drawn = draw::donors(lenders, question, n, steps, seed).into_iter();
        let item = |problem| self.items.iter().find(|item| item.problem == problem);
        drawn.filter_map(item).collect()
    }

    /// Returns a problem of the set, counted from 0.
    #[must_use]
    pub fn item(&self, number: usize) -> Option<&ReferenceProblem> {
        self.items.get(number)
    }

    /// Returns the problem of a donor chosen by number.
    ///
    /// # Errors
    /// [`ModelError::Input`] with the valid range if there is no such problem or latent.
    pub fn donor(&self, donor: DonorRef) -> Result<&ReferenceProblem, ModelError> {
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

    /// Returns all problems, in order.
    pub fn items(&self) -> impl Iterator<Item = &ReferenceProblem> {
        self.items.iter()
    }

    /// Returns the distinct answers of other problems with `steps` steps.
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

    /// Returns the rolled-out values of every problem's latents, in order, computed lazily.
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
            let want = Keep {
                latents: model.n_latents(),
                spoken: Some(how),
                ..Keep::default()
            };
            let thoughts = think(model, &questions, &want, cancel)?.into_iter();
            Ok(thoughts
                .map(|thought| thought.map(|t| t.decoded).unwrap_or_default())
                .collect())
        })
    }

    /// Returns the logit lens `layers` (at least 1) before the last for every problem's latents, in order, computed lazily.
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

    /// Returns the reading at an index of `decoded`, computing it if missing; empty for an empty set.
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

    /// Returns the moments of the vectors fed at a latent.
    #[must_use]
    pub fn fed(&self, latent: LatentIdx) -> Option<&Moments> {
        self.fed.get(latent.0.checked_sub(1)?)
    }

    /// Returns the moments of the projected states at a latent (they differ from the fed vectors' for CODI only).
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
