//! Fits a tuned lens: for each chosen layer and latent an affine map from the state to the label of the gold step, read through
//! the model's own frozen unembedding. docs/lens.md is the user documentation; the design decisions are:
//!
//! - **States.** The state that latent j is read from (docs/methods.md M2.1), after the model's final norm at every layer, as in the
//!   logit lens: one scale for all layers and latents, last-layer states that runs and the reference set keep anyway, and a
//!   convex fit with a full matrix.
//! - **Map.** h -> h + h F + b, initialised with F = 0 and b = 0: the untrained lens is exactly the logit lens. Weight decay
//!   pulls F towards zero, so the map towards the identity, and leaves b alone. F has rank 16 by default: on mini-math-sim (n
//!   1,242) a full matrix has 23.0 % top-1 and a cross-entropy of 3.53 nats, rank 16 22.8 % and 3.70 with a quarter of the file
//!   size.
//! - **Labels.** Latent j belongs to step ceil(j / latents per step). Its label is the step's result (a number, or the new node
//!   of a chain) as text: every token with this text, ignoring spaces, counts, in loss and hits, for the tuned and the logit lens
//!   alike. A result of several tokens is labelled by its first. Latents beyond the last step have no label and are left out.
//! - **Parts.** Problems are deduplicated by question, shuffled by the seed and split in three: fitting, stopping, held out.
//!   Training stops on the second part and figures come from the third, so no choice depends on the reported data.
//! - **Controls** (Hewitt and Liang 2019), fitted in the same way. *Shuffled*: each latent gets the label of another problem,
//!   fixed throughout; the score reflects label frequencies alone. *Renamed*: labels are permuted by a fixed permutation; the
//!   score shows how well the map learns arbitrary names for the latent's content, which come from the lens and not from the
//!   model. Selectivity is the top-1 rate with the real labels minus that of the control.

pub mod card;
mod examples;
mod read;
mod score;
#[cfg(test)]
mod tests;
mod train;

use std::collections::BTreeMap;

use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use crate::core::problem::Problem;
use crate::core::text::Page;
use crate::core::types::LatentIdx;
use crate::engine::decode::learned::{LearnedLens, LensHeader, SCHEMA};
use crate::engine::model::{
    Affine, Cancel, LensFiles, Model, ModelError, Precision, TranslatorShape, Translators, Vectors,
};

use card::{Card, Figures, LayerFigures, Origin, PlaceFigures};
use examples::{Examples, LensPlace};
use score::LensScores;
use train::{Targets, Trained};

pub use read::Learned;

/// Size of the stopping part relative to the held-out part.
const STOPPING_SHARE: f64 = 0.5;

/// The settings of a fit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// Maximum number of problems used for fitting.
    pub fit: usize,
    /// Problems held out for the figures; half as many more are used for stopping.
    pub held_out: usize,
    /// Layers, counted from 1; empty for the last one.
    pub layers: Vec<usize>,
    /// Rank of F; `None` for a full matrix.
    pub rank: Option<usize>,
    /// Latents per step: 1 for the bundled models, 2 for the published Coconut ones.
    pub latents_per_step: usize,
    /// Seed of the shuffles, the initial values and the batch order.
    pub seed: u64,
    /// `AdamW`'s learning rate.
    pub learning_rate: f64,
    /// `AdamW`'s weight decay of F, towards the identity.
    pub weight_decay: f64,
    /// Latents in a batch.
    pub batch: usize,
    /// Epochs without a better cross-entropy on the stopping part after which training ends.
    pub patience: usize,
    /// Maximum number of epochs.
    pub most_epochs: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            fit: 2000,
            held_out: 500,
            layers: Vec::new(),
            rank: Some(16),
            latents_per_step: 1,
            seed: 1,
            learning_rate: 3e-3,
            weight_decay: 0.1,
            batch: 128,
            patience: 10,
            most_epochs: 200,
        }
    }
}

impl Recipe {
    /// Returns the number of problems for stopping.
    #[must_use]
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a share of a small count"
    )]
    pub fn stopping(&self) -> usize {
        ((self.held_out as f64 * STOPPING_SHARE) as usize).max(1)
    }

    /// Returns the total number of problems.
    #[must_use]
    pub fn problems(&self) -> usize {
        self.fit + self.stopping() + self.held_out
    }
}

/// The labels that a map is fitted to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Task {
    Real,
    Shuffled,
    Renamed,
}

impl Task {
    const ALL: [Self; 3] = [Self::Real, Self::Shuffled, Self::Renamed];

    fn name(self) -> &'static str {
        match self {
            Self::Real => "gold labels",
            Self::Shuffled => "shuffled labels",
            Self::Renamed => "renamed labels",
        }
    }
}

/// The context that the fits of all places and tasks share.
struct Fit<'a> {
    model: &'a Model,
    recipe: &'a Recipe,
    examples: &'a Examples,
    cancel: &'a Cancel,
}

/// Fits a lens to a model; `progress` receives the task, the work done and its total.
///
/// # Errors
/// When the model has no latents or does not compute in f32, a layer does not exist, too few problems have steps, the model
/// fails, or the work is cancelled.
pub fn fit(
    model: &Model,
    recipe: &Recipe,
    origin: &Origin,
    problems: &[Problem],
    progress: &mut dyn FnMut(&str, usize, usize),
    cancel: &Cancel,
) -> Result<(LensFiles, Card), ModelError> {
    check(model, recipe)?;
    let layers = layers(model, recipe)?;
    let examples = Examples::collect(model, recipe, &layers, problems, progress, cancel)?;
    let fit = Fit {
        model,
        recipe,
        examples: &examples,
        cancel,
    };
    let mut fitted: Vec<[Trained; 3]> = Vec::new();
    let total = examples.places.len() * Task::ALL.len();
    for place in &examples.places {
        let mut of = |task: Task| {
            let what = format!("layer {}, latent {}", place.layer, place.latent);
            progress(
                &format!("{what}, {}", task.name()),
                done(fitted.len(), task),
                total,
            );
            fit.train(place, task)
        };
        fitted.push([of(Task::Real)?, of(Task::Shuffled)?, of(Task::Renamed)?]);
    }
    progress("fitted", total, total);
    let latents: Vec<LatentIdx> = (examples.places.iter())
        .filter(|place| place.layer == layers[0])
        .map(|place| place.latent)
        .collect();
    let shape = TranslatorShape {
        width: model.width(),
        rank: recipe.rank,
        layers,
        latents,
    };
    let maps: BTreeMap<(usize, LatentIdx), Affine> = (examples.places.iter().zip(&fitted))
        .map(|(place, [real, ..])| ((place.layer, place.latent), real.map.clone()))
        .collect();
    let bytes = Translators::new(shape.clone(), maps).to_bytes()?;
    let (files, header) = packed(model, &shape, bytes)?;
    // Figures are measured on the stored lens, with its rounded values.
    let lens = LearnedLens::load(&files, model)?;
    let (places, overall) = fit.figures(&lens, &fitted)?;
    let card = Card {
        header,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        origin: origin.clone(),
        counts: examples.counts.clone(),
        recipe: recipe.clone(),
        overall,
        places,
    };
    let text = Page::json(&card)
        .map_err(|error| ModelError::Compute(format!("the card cannot be written: {error}")))?;
    Ok((files.with_card(text.ended().to_string()), card))
}

/// The number of maps fitted when a task begins, after that many places.
fn done(places: usize, task: Task) -> usize {
    let of_place = Task::ALL.iter().position(|other| *other == task);
    places * Task::ALL.len() + of_place.unwrap_or(0)
}

/// Refuses models that a lens cannot be fitted to.
fn check(model: &Model, recipe: &Recipe) -> Result<(), ModelError> {
    if !model.family().has_latents() || model.n_latents() == 0 {
        return Err(ModelError::refused(
            format!(
                "{} has no latents, so there is nothing to fit a lens to",
                model.info().name
            ),
            "choose a model that has latents",
        ));
    }
    if model.config().precision != Precision::F32 {
        return Err(ModelError::refused(
            "a lens is fitted in single precision",
            "pass --dtype f32",
        ));
    }
    if recipe
        .rank
        .is_some_and(|rank| rank == 0 || rank > model.width())
    {
        return Err(ModelError::refused(
            "there is no map of this rank",
            format!("name a rank from 1 to the model's width, {}", model.width()),
        ));
    }
    Ok(())
}

/// The requested layers, sorted and distinct; by default the last one.
fn layers(model: &Model, recipe: &Recipe) -> Result<Vec<usize>, ModelError> {
    let there = model.info().layers;
    let mut layers = recipe.layers.clone();
    if layers.is_empty() {
        layers.push(there);
    }
    layers.sort_unstable();
    layers.dedup();
    match layers.iter().find(|layer| **layer == 0 || **layer > there) {
        Some(layer) => Err(ModelError::refused(
            format!("there is no layer {layer}: the model has {there}"),
            format!("name layers from 1 to {there}"),
        )),
        None => Ok(layers),
    }
}

/// Packs the maps with their header as loadable files.
fn packed(
    model: &Model,
    shape: &TranslatorShape,
    bytes: Vec<u8>,
) -> Result<(LensFiles, LensHeader), ModelError> {
    let files = LensFiles::from_parts("the fitted lens", String::new(), bytes);
    let header = LensHeader {
        schema: SCHEMA.to_owned(),
        model: model.info().clone(),
        tensors_sha256: files.tensors_sha256()?,
        stored: "f16".to_owned(),
        rank: shape.rank,
        layers: shape.layers.clone(),
        latents: shape.latents.clone(),
    };
    let text = serde_json::to_string(&header)
        .map_err(|error| ModelError::Compute(format!("the card cannot be written: {error}")))?;
    Ok((files.with_card(text), header))
}

impl Fit<'_> {
    /// A generator that depends only on the seed, the place, the task and the purpose.
    fn rng(&self, place: &LensPlace, task: Task, what: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::seed_from_u64(self.recipe.seed);
        let of_task = Task::ALL.iter().position(|other| *other == task);
        let at = [place.layer, place.latent.0, of_task.unwrap_or(0)];
        let at = at.iter().fold(0, |sum, n| sum * 1024 + *n as u64);
        rng.set_stream(at * 16 + what);
        rng
    }

    fn train(&self, place: &LensPlace, task: Task) -> Result<Trained, ModelError> {
        let [fit, stop, _] = self.labels(place, task);
        let forms = &self.examples.forms;
        train::train(
            self.model,
            self.recipe,
            (&place.fit.states, &Targets::new(self.model, &fit, forms)?),
            (&place.stop.states, &Targets::new(self.model, &stop, forms)?),
            &mut self.rng(place, task, 0),
            self.cancel,
        )
    }

    /// The labels of a place's three parts under a task.
    fn labels(&self, place: &LensPlace, task: Task) -> [Vec<usize>; 3] {
        let mut labels = [&place.fit, &place.stop, &place.held_out].map(|part| part.labels.clone());
        let mut rng = self.rng(place, task, 1);
        match task {
            Task::Real => {}
            Task::Shuffled => labels.iter_mut().for_each(|part| part.shuffle(&mut rng)),
            Task::Renamed => {
                let mut used: Vec<usize> = labels.concat();
                used.sort_unstable();
                used.dedup();
                let mut other = used.clone();
                other.shuffle(&mut rng);
                let renamed: BTreeMap<usize, usize> = used.into_iter().zip(other).collect();
                for label in labels.iter_mut().flatten() {
                    *label = renamed[label];
                }
            }
        }
        labels
    }

    /// The held-out figures of every place, and of every layer over its latents.
    fn figures(
        &self,
        lens: &LearnedLens,
        fitted: &[[Trained; 3]],
    ) -> Result<(Vec<PlaceFigures>, Vec<LayerFigures>), ModelError> {
        let mut pooled: BTreeMap<usize, LensScores> = BTreeMap::new();
        let mut places = Vec::new();
        for (place, trained) in self.examples.places.iter().zip(fitted) {
            let tally = self.measure(lens, place, trained)?;
            pooled.entry(place.layer).or_default().add(&tally);
            let [real, ..] = trained;
            places.push(PlaceFigures {
                layer: place.layer,
                latent: place.latent,
                fitted: place.fit.labels.len(),
                stopping: place.stop.labels.len(),
                epochs: real.epochs,
                best_epoch: real.best_epoch,
                steps: real.steps,
                stopping_cross_entropy: real.stopping,
                figures: Figures::from(&tally),
            });
        }
        let overall = pooled.iter().map(|(layer, tally)| LayerFigures {
            layer: *layer,
            figures: Figures::from(tally),
        });
        Ok((places, overall.collect()))
    }

    fn measure(
        &self,
        lens: &LearnedLens,
        place: &LensPlace,
        [_, shuffled, renamed]: &[Trained; 3],
    ) -> Result<LensScores, ModelError> {
        const ROWS: usize = 128;
        let forms = &self.examples.forms;
        let control = |task: Task| {
            let [_, _, held_out] = self.labels(place, task);
            held_out
        };
        let (of_shuffled, of_renamed) = (control(Task::Shuffled), control(Task::Renamed));
        let mut tally = LensScores::default();
        let all: Vec<usize> = (0..place.held_out.labels.len()).collect();
        for rows in all.chunks(ROWS) {
            self.cancel.check()?;
            let states = Vectors::new(place.held_out.states.clone()).select(rows)?;
            let plain = self.model.project(&states)?;
            let learned = lens.logits(self.model, place.layer, place.latent, &states)?;
            let learned = learned.expect("the lens has a map for every place it was fitted at");
            let shuffled = self.model.project_through(&shuffled.map, &states)?;
            let renamed = self.model.project_through(&renamed.map, &states)?;
            for (i, row) in rows.iter().enumerate() {
                let label = |labels: &[usize]| forms[labels[*row]].as_slice();
                tally.pair(&plain[i], &learned[i], label(&place.held_out.labels));
                tally.shuffled.row(&shuffled[i], label(&of_shuffled));
                tally.renamed.row(&renamed[i], label(&of_renamed));
            }
        }
        Ok(tally)
    }
}
