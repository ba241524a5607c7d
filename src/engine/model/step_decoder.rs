//! The decoder that SIM-CoT trains beside the model: with a latent as prefix, it writes the step that the latent represents.
//!
//! A checkpoint may store it under `decoder.` (CODI: separate token table, positions from 0, preceded by `pj_in`) or
//! `expainable_llm.` (Coconut: the model's token table, positions from 1). Source: the published training code of both; the
//! released test scripts never call it.

use std::sync::Arc;

use candle_core::Tensor;

use super::backbone::{Backbone, Pass};
use super::branch::Branch;
use super::cancel::Cancel;
use super::config::Arch;
use super::error::{ModelError, Result};
use super::linear::{Linear, Stored};
use super::vectors::Vectors;
use super::weights::Weights;
use super::{Model, take_backbone};

/// A decoder and its input projection.
pub(crate) struct StepDecoder {
    backbone: Arc<dyn Backbone>,
    /// Maps the model's width to the decoder's.
    input: Option<Linear>,
    /// Whether tokens are looked up in the model's table.
    model_table: bool,
    first_position: u32,
}

impl StepDecoder {
    /// Takes the tensors under `prefix`, with the model's architecture, and `pj_in`; `pj_out` is for training only.
    pub(crate) fn take(weights: &mut Weights<'_>, arch: &Arch, prefix: &str) -> Result<Self> {
        let table = match arch {
            Arch::Gpt2(_) => "transformer.wte.weight",
            Arch::Llama(_) => "model.embed_tokens.weight",
        };
        let rows = weights
            .shape_of(&format!("{prefix}{table}"))
            .and_then(|shape| shape.first().copied())
            .unwrap_or(0);
        let backbone = take_backbone(weights, arch, prefix, rows, None)?;
        let is_codi = prefix == "decoder.";
        let input = weights
            .shape_of("pj_in.weight")
            .is_some()
            .then(|| {
                let stored = Stored::torch(arch.width(), arch.width());
                Linear::take(weights, "pj_in", stored)
            })
            .transpose()?;
        weights.drop_under("pj_out.");
        Ok(Self {
            backbone,
            input,
            model_table: !is_codi,
            first_position: u32::from(!is_codi),
        })
    }
}

impl Model {
    /// Returns whether the checkpoint has a step decoder.
    #[must_use]
    pub fn has_step_decoder(&self) -> bool {
        self.step_decoder.is_some()
    }

    /// Starts the step decoder from one fed latent per row; [`Model::decoder_step`] continues the branch.
    ///
    /// # Errors
    /// [`ModelError::Input`] if the checkpoint has no such decoder; [`ModelError::Cancelled`].
    pub fn decoder_prefill(&self, fed: &Vectors, cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        let decoder = self.decoder()?;
        let vectors = match &decoder.input {
            Some(input) => input.forward(fed.tensor())?,
            None => fed.tensor().clone(),
        };
        let cache = decoder.backbone.new_cache(fed.rows());
        decoder.feed(
            &Branch {
                cache,
                hidden: vectors.clone(),
            },
            &vectors,
        )
    }

    /// Feeds one id to each row of a decoder's branch.
    ///
    /// # Errors
    /// [`ModelError::Input`] without such a decoder, if ids and rows do not match, or for unknown ids; [`ModelError::Cancelled`].
    pub fn decoder_step(&self, branch: &Branch, ids: &[u32], cancel: &Cancel) -> Result<Branch> {
        cancel.check()?;
        let decoder = self.decoder()?;
        branch.check_ids(ids)?;
        let vectors = if decoder.model_table {
            self.embed(ids)?
        } else {
            decoder.backbone.embed(&Tensor::new(ids, &self.device)?)?
        };
        decoder.feed(branch, &vectors)
    }

    /// Returns the decoder's next-token logits of every row.
    ///
    /// # Errors
    /// [`ModelError::Input`] if the checkpoint has no such decoder.
    pub fn decoder_logits(&self, branch: &Branch) -> Result<Vec<Vec<f32>>> {
        Ok(self
            .decoder()?
            .backbone
            .unembed(&branch.hidden)?
            .to_vec2()?)
    }

    fn decoder(&self) -> Result<&StepDecoder> {
        self.step_decoder
            .as_deref()
            .ok_or_else(|| ModelError::input("this checkpoint has no step decoder"))
    }
}

impl StepDecoder {
    /// Feeds one vector per row, (rows, width), at the next position.
    fn feed(&self, branch: &Branch, vectors: &Tensor) -> Result<Branch> {
        let position = u32::try_from(branch.cache.len()).unwrap_or(u32::MAX - 1);
        let positions = [self.first_position + position];
        let vectors = vectors.unsqueeze(1)?;
        let pass = Pass {
            positions: Some(&positions),
            ..Pass::new(&vectors)
        };
        let output = self.backbone.forward(&pass, &branch.cache)?;
        Ok(Branch {
            cache: output.cache,
            hidden: self.backbone.norm(&output.last.squeeze(1)?)?,
        })
    }
}
