//! Tuned lens readouts, next to the logit lens of the same states.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, LayerCell, Projection, TokenRead};

/// Tuned lens readouts at the latents of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedReads {
    /// The lens's folder, or the model whose bundled lens it is; untrusted text.
    pub lens: String,
    /// By latent; `None` for latents that the lens was not fitted to.
    pub latents: Vec<Option<Projection>>,
}

/// One latent at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedCell {
    /// The latent.
    pub latent: LatentIdx,
    /// The logit lens.
    pub plain: LayerCell,
    /// The tuned lens.
    pub learned: LayerCell,
    /// The top tokens of the tuned lens, best first.
    pub top: Vec<TokenRead>,
}

/// One layer at every latent that the lens was fitted to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedRow {
    /// The layer, counted from 1; the last one is the model's own output.
    pub layer: usize,
    /// One per latent.
    pub cells: Vec<LearnedCell>,
}
