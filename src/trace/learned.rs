//! What a learned lens reads, beside the plain projection of the same states.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, LayerCell, TokenRead};

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
