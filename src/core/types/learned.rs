//! What a learned lens reads, beside the plain projection of the same states.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, LayerCell, Projection, TokenRead};

/// What a learned lens reads at the latents of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedReads {
    /// Its folder, or whose bundled lens it is; foreign text.
    pub lens: String,
    /// By latent; none at one that it was not fitted to.
    pub latents: Vec<Option<Projection>>,
}

/// One latent at one layer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LearnedCell {
    /// The latent.
    pub latent: LatentIdx,
    /// The plain projection.
    pub plain: LayerCell,
    /// The learned lens.
    pub learned: LayerCell,
    /// The first tokens of the learned lens, best first.
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
