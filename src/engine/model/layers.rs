//! States of a run by layer, and the tokens nearest to a fed vector.

use std::ops::Range;

use candle_core::{DType, Tensor};

use super::Model;
use super::backbone::{Output, Pass};
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::latent::Rollout;
use super::vectors::Vectors;

/// The number of embeddings compared at a time.
const EMBEDDINGS: u32 = 8192;

impl Model {
    /// Returns every block's output, after the final norm, at the last prompt position, the latents and the ids after them: by layer,
    /// one row per position. One pass without a cache.
    ///
    /// # Errors
    /// [`ModelError::Input`] for unknown ids, too many positions or a rollout of several rows; [`ModelError::Cancelled`].
    pub fn every_layer(
        &self,
        prompt: &[u32],
        rollout: &Rollout,
        after: &[u32],
        cancel: &Cancel,
    ) -> Result<Vec<Vectors>> {
        cancel.check()?;
        if prompt.is_empty() {
            return Err(ModelError::input("the prompt is empty"));
        }
        let output = self.uncached(prompt, rollout, after, true)?;
        let positions = rollout.latents.len() + after.len() + 1;
        output
            .layers
            .iter()
            .map(|layer| {
                let states = layer.squeeze(0)?.narrow(0, prompt.len() - 1, positions)?;
                Ok(Vectors::new(self.backbone.norm(&states)?))
            })
            .collect()
    }

    /// Returns the last block's output, before the final norm, at every position of a prompt and its latents, in one pass without a
    /// cache.
    ///
    /// # Errors
    /// [`ModelError::Input`] for unknown ids, too many positions or a rollout of several rows.
    pub fn last_block(&self, ids: &[u32], rollout: &Rollout) -> Result<Vec<Vec<f32>>> {
        let output = self.uncached(ids, rollout, &[], false)?;
        Ok(output.last.squeeze(0)?.to_dtype(DType::F32)?.to_vec2()?)
    }

    /// Runs a prompt, its latents and the ids after them in one pass on an empty cache.
    ///
    /// # Errors
    /// [`ModelError::Input`] for unknown ids, too many positions or a rollout of several rows.
    pub(super) fn uncached(
        &self,
        prompt: &[u32],
        rollout: &Rollout,
        after: &[u32],
        keep_layers: bool,
    ) -> Result<Output> {
        if rollout.last().rows() != 1 {
            return Err(ModelError::input(
                "a pass without a cache runs a single row only",
            ));
        }
        let (before, behind) = (self.embed(prompt)?, self.embed(after)?);
        let mut parts = vec![&before];
        parts.extend(rollout.latents.iter().map(|latent| latent.fed.tensor()));
        parts.push(&behind);
        let vectors = Tensor::cat(&parts, 0)?.unsqueeze(0)?;
        let pass = Pass {
            keep_layers,
            ..Pass::new(&vectors)
        };
        self.backbone.forward(&pass, &self.backbone.new_cache(1))
    }

    /// Returns the states that latents 1..N are read from, after the final norm, by layer (those in `layers`, counted from 1) and
    /// latent, one row per prompt, given the fed vectors of each latent. Runs without a cache.
    ///
    /// # Errors
    /// [`ModelError::Input`] for a missing layer, unknown ids or prompts of unequal length; [`ModelError::Cancelled`].
    pub fn latent_states(
        &self,
        prompts: &[&[u32]],
        fed: &[Vectors],
        layers: &[usize],
        cancel: &Cancel,
    ) -> Result<Vec<Vec<Vectors>>> {
        cancel.check()?;
        let n = fed.len();
        let length = prompts.first().map_or(0, |prompt| prompt.len());
        if n == 0 || length == 0 || prompts.iter().any(|prompt| prompt.len() != length) {
            return Err(ModelError::input(
                "prompts must be of equal length, not empty, and followed by latents",
            ));
        }
        let at_once = self.rows_at_once(length + n);
        let mut parts: Vec<Vec<Vec<Tensor>>> = Vec::new();
        for (at, prompts) in prompts.chunks(at_once).enumerate() {
            cancel.check()?;
            let rows = at * at_once..at * at_once + prompts.len();
            parts.push(self.states_of_rows(prompts, fed, rows, layers)?);
        }
        let stack = |layer: usize, latent: usize| {
            let states: Vec<&Tensor> = parts.iter().map(|part| &part[layer][latent]).collect();
            Ok(Vectors::new(Tensor::cat(&states, 0)?))
        };
        (0..layers.len())
            .map(|layer| (0..n).map(|latent| stack(layer, latent)).collect())
            .collect()
    }

    /// Computes the states of some rows, by layer and latent: (rows, width) each.
    fn states_of_rows(
        &self,
        prompts: &[&[u32]],
        fed: &[Vectors],
        rows: Range<usize>,
        layers: &[usize],
    ) -> Result<Vec<Vec<Tensor>>> {
        let n = fed.len();
        let length = prompts.first().map_or(0, |prompt| prompt.len());
        let embedded = self.embed(&prompts.concat())?;
        let mut parts = vec![embedded.reshape((rows.len(), length, self.width()))?];
        // Latent N is read at the position before it, so it need not be fed.
        for fed in &fed[..n - 1] {
            let fed = fed.tensor().narrow(0, rows.start, rows.len())?;
            parts.push(fed.unsqueeze(1)?);
        }
        let vectors = Tensor::cat(&parts, 1)?;
        let pass = Pass {
            keep_layers: true,
            ..Pass::new(&vectors)
        };
        let output = self
            .backbone
            .forward(&pass, &self.backbone.new_cache(rows.len()))?;
        let states = |layer: &usize| {
            let output = layer.checked_sub(1).and_then(|at| output.layers.get(at));
            let output =
                output.ok_or_else(|| ModelError::input(format!("there is no layer {layer}")))?;
            (0..n)
                .map(|j| {
                    let state = output.narrow(1, length - 1 + j, 1)?.squeeze(1)?;
                    self.backbone.norm(&state)
                })
                .collect()
        };
        layers.iter().map(states).collect()
    }

    /// Returns the tokens whose input embeddings are nearest to each vector: id, cosine and dot product, nearest first.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails; [`ModelError::Cancelled`].
    pub fn nearest_tokens(
        &self,
        vectors: &Vectors,
        k: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Vec<(u32, f32, f32)>>> {
        let norms = vectors.norms()?;
        let mut nearest: Vec<Vec<(u32, f32, f32)>> = vec![Vec::new(); vectors.rows()];
        let vocab = u32::try_from(self.vocab()).unwrap_or(u32::MAX);
        for from in (0..vocab).step_by(EMBEDDINGS as usize) {
            cancel.check()?;
            let to = vocab.min(from.saturating_add(EMBEDDINGS));
            let ids: Vec<u32> = (from..to).collect();
            let table = self.embed(&ids)?;
            let lengths = Vectors::new(table.clone()).norms()?;
            let dots: Vec<Vec<f32>> = vectors.tensor().matmul(&table.t()?)?.to_vec2()?;
            for ((best, dots), norm) in nearest.iter_mut().zip(dots).zip(&norms) {
                let tokens = ids.iter().zip(dots).zip(&lengths);
                best.extend(tokens.map(|((id, dot), length)| {
                    let cosine = dot / (norm * length).max(f32::MIN_POSITIVE);
                    (*id, cosine, dot)
                }));
                best.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
                best.truncate(k);
            }
        }
        Ok(nearest)
    }
}
