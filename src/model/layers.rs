//! The run seen layer by layer, and a fed vector seen from the input side.

use candle_core::{DType, Tensor};

use super::Model;
use super::backbone::{Output, Pass};
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::latent::Rollout;
use super::vectors::Vectors;

/// How many embeddings are compared at a time.
const EMBEDDINGS: u32 = 8192;

impl Model {
    /// The output of every block, after the final norm, at the last position of a prompt, at the latents after it and at the ids
    /// after those: by layer, one row per position. One pass without a cache.
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
                let there = layer.squeeze(0)?.narrow(0, prompt.len() - 1, positions)?;
                Ok(Vectors::new(self.backbone.norm(&there)?))
            })
            .collect()
    }

    /// The output of the last block, ahead of the final norm, at every position of a prompt and the latents after it:
    /// all of them in one pass without a cache.
    ///
    /// # Errors
    /// [`ModelError::Input`] for unknown ids, too many positions or a rollout of several rows.
    pub fn last_block(&self, ids: &[u32], rollout: &Rollout) -> Result<Vec<Vec<f32>>> {
        let output = self.uncached(ids, rollout, &[], false)?;
        Ok(output.last.squeeze(0)?.to_dtype(DType::F32)?.to_vec2()?)
    }

    /// A prompt, the latents after it and the ids after those: all positions in one pass on an empty cache.
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
            return Err(ModelError::input("only a single row can be run at once"));
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

    /// The tokens whose input embeddings are nearest to each vector: id, cosine and dot product, nearest first.
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
                let read = ids.iter().zip(dots).zip(&lengths);
                best.extend(read.map(|((id, dot), length)| {
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
