//! Reads latents through a tuned lens: those of a run, those of the reference set for the null, and every layer compared with the
//! logit lens.

use std::sync::Arc;

use crate::core::types::{LatentIdx, LearnedCell, LearnedRow, Projection, TokenRead};
use crate::engine::decode::learned::LearnedLens;
use crate::engine::decode::lens;
use crate::engine::model::{Cancel, LensFiles, Model, ModelError, Vectors};
use crate::lab::analysis::counterfactual::layers::cell;
use crate::lab::analysis::no_answer;
use crate::lab::analysis::reference::Reference;
use crate::lab::analysis::run::CleanRun;

use super::card::Card;

/// Tokens listed for every latent of the grid.
const LISTED: usize = 5;

/// A tuned lens with its card.
#[derive(Debug, Clone)]
pub struct Learned {
    lens: LearnedLens,
    card: Card,
}

impl Learned {
    /// Loads a lens with strict checks; see [`LearnedLens::load`].
    ///
    /// # Errors
    /// [`ModelError::Lens`] with the lens and the mismatch.
    pub fn load(files: &LensFiles, model: &Model) -> Result<Self, ModelError> {
        let lens = LearnedLens::load(files, model)?;
        let card = serde_json::from_str(files.card()).map_err(|error| ModelError::Lens {
            lens: files.name().to_owned(),
            reason: format!("its card cannot be read: {error}"),
        })?;
        Ok(Self { lens, card })
    }

    /// Returns the bundled lens for this model's weights, if there is one.
    ///
    /// # Errors
    /// As [`Learned::load`].
    pub fn bundled(model: &Model) -> Result<Option<Self>, ModelError> {
        let files = LearnedLens::bundled_files(model);
        files.map(|files| Self::load(&files, model)).transpose()
    }

    /// Returns its folder, or the model of a bundled lens.
    #[must_use]
    pub fn name(&self) -> &str {
        self.lens.name()
    }

    /// Returns the maps.
    #[must_use]
    pub fn lens(&self) -> &LearnedLens {
        &self.lens
    }

    /// Returns the card with the training data and held-out figures.
    #[must_use]
    pub fn card(&self) -> &Card {
        &self.card
    }

    /// Returns the top `k` of every latent of a run at its last layer; `None` at a latent that the lens was not fitted to.
    ///
    /// # Errors
    /// When the lens has no map for the last layer, or the model fails.
    pub fn projections(
        &self,
        model: &Model,
        clean: &CleanRun,
        k: usize,
    ) -> Result<Vec<Option<Projection>>, ModelError> {
        let layer = self.last_layer(model)?;
        let mut projections = Vec::new();
        for (at, latent) in clean.rollout.latents.iter().enumerate() {
            let read = (self.lens).read(model, (layer, LatentIdx(at + 1)), &latent.state, k)?;
            projections.push(read.and_then(|rows| rows.into_iter().next()));
        }
        Ok(projections)
    }

    /// Returns the top `k` for every problem of the reference set except the given question, in order, for the null of a search.
    /// By problem and latent; empty at a latent that the lens was not fitted to.
    ///
    /// # Errors
    /// As [`Learned::projections`].
    pub fn others(
        &self,
        model: &Model,
        reference: &Reference,
        question: &str,
        k: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Vec<TokenRead>>>, ModelError> {
        let states: Vec<&[Arc<[f32]>]> = reference
            .others(question)
            .map(|item| item.states.as_slice())
            .collect();
        self.tops(model, &states, k, cancel)
    }

    /// Returns the top `k` of every latent of many runs, given their last-layer states, by run and latent; empty at a latent that
    /// the lens was not fitted to.
    ///
    /// # Errors
    /// As [`Learned::projections`].
    pub fn tops(
        &self,
        model: &Model,
        states: &[&[Arc<[f32]>]],
        k: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Vec<TokenRead>>>, ModelError> {
        const ROWS: usize = 64;
        let layer = self.last_layer(model)?;
        let mut reads: Vec<Vec<Vec<TokenRead>>> = Vec::with_capacity(states.len());
        for runs in states.chunks(ROWS) {
            cancel.check()?;
            let latents = runs.first().map_or(0, |states| states.len());
            let mut of_runs = vec![vec![Vec::new(); latents]; runs.len()];
            for at in 0..latents {
                let states: Vec<_> = runs.iter().map(|states| &states[at]).collect();
                let states = model.vectors(&states)?;
                let read = (self.lens).read(model, (layer, LatentIdx(at + 1)), &states, k)?;
                for (of_run, read) in of_runs.iter_mut().zip(read.into_iter().flatten()) {
                    of_run[at] = read.top;
                }
            }
            reads.extend(of_runs);
        }
        Ok(reads)
    }

    /// Compares the lens with the logit lens at every layer and latent that it covers, for a token; `None` selects the answer's
    /// first. Latents that the run does not have are left out.
    ///
    /// # Errors
    /// When there is no such token, the model fails or the work is cancelled.
    pub fn grid(
        &self,
        model: &Model,
        clean: &CleanRun,
        token: Option<u32>,
        cancel: &Cancel,
    ) -> Result<Vec<LearnedRow>, ModelError> {
        let token = token.or(clean.answer_ids.first().copied());
        let token = token.ok_or_else(no_answer)?;
        if token as usize >= model.vocab() {
            return Err(ModelError::refused(
                format!(
                    "there is no token {token}: the vocabulary has {}",
                    model.vocab()
                ),
                format!("name an id from 0 to {}", model.vocab() - 1),
            ));
        }
        if clean.rollout.latents.is_empty() {
            return Ok(Vec::new());
        }
        let (shape, prompt) = (self.lens.shape(), &clean.run.input_ids);
        let latents = clean.rollout.latents.iter();
        let fed: Vec<Vectors> = latents.map(|latent| latent.fed.clone()).collect();
        let states = model.latent_states(&[prompt], &fed, &shape.layers, cancel)?;
        let mut rows = Vec::new();
        for (layer, states) in shape.layers.iter().zip(&states) {
            let mut cells = Vec::new();
            for (latent, state) in (1..).map(LatentIdx).zip(states) {
                cells.extend(self.cell(model, (*layer, latent), state, token)?);
            }
            rows.push(LearnedRow {
                layer: *layer,
                cells,
            });
        }
        Ok(rows)
    }

    fn cell(
        &self,
        model: &Model,
        (layer, latent): (usize, LatentIdx),
        state: &Vectors,
        token: u32,
    ) -> Result<Option<LearnedCell>, ModelError> {
        let Some(learned) = self.lens.logits(model, layer, latent, state)? else {
            return Ok(None);
        };
        let plain = model.project(state)?;
        let (Some(plain), Some(learned)) = (plain.first(), learned.first()) else {
            return Ok(None);
        };
        Ok(Some(LearnedCell {
            latent,
            plain: cell(model, plain, token),
            learned: cell(model, learned, token),
            top: lens::read(model, learned, LISTED).top,
        }))
    }

    /// Whether the lens covers the states that runs and the reference set keep.
    #[must_use]
    pub fn reads_runs(&self, model: &Model) -> bool {
        self.last_layer(model).is_ok()
    }

    /// The layer whose states runs and the reference set keep.
    fn last_layer(&self, model: &Model) -> Result<usize, ModelError> {
        let (last, there) = (model.info().layers, &self.lens.shape().layers);
        if there.contains(&last) {
            return Ok(last);
        }
        Err(ModelError::Lens {
            lens: self.name().to_owned(),
            reason: format!("it was fitted to layers {there:?}, and runs are read at layer {last}"),
        })
    }
}
