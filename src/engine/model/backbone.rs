//! What a transformer must offer to the latent loop; `gpt2.rs` and `llama.rs` do.
//!
//! Vectors that go in and come out are `f32`, whatever is computed in between.

use candle_core::Tensor;

use super::cache::Cache;
use super::error::{ModelError, Result};

/// One forward pass over new positions of every row.
pub(crate) struct Pass<'a> {
    /// Input vectors, (rows, t, width), before position embeddings.
    pub(crate) vectors: &'a Tensor,
    /// Position numbers of the t new positions; `None` continues the cache.
    pub(crate) positions: Option<&'a [u32]>,
    /// Whether the states after every block are kept.
    pub(crate) keep_layers: bool,
}

impl<'a> Pass<'a> {
    /// A pass that continues the cache, sees everything before it, and keeps only the last state.
    pub(crate) fn new(vectors: &'a Tensor) -> Self {
        Self {
            vectors,
            positions: None,
            keep_layers: false,
        }
    }
}

/// What a pass computed.
pub(crate) struct Output {
    /// Output of the last block, before the final norm, (rows, t, width).
    pub(crate) last: Tensor,
    /// Output of every block, first block first, if asked for.
    pub(crate) layers: Vec<Tensor>,
    /// The cache, grown by t positions.
    pub(crate) cache: Cache,
}

/// A decoder-only transformer.
pub(crate) trait Backbone: Send + Sync {
    /// Returns an empty cache for so many rows.
    fn new_cache(&self, rows: usize) -> Cache;
    /// (n) ids -> (n, width)
    fn embed(&self, ids: &Tensor) -> Result<Tensor>;
    /// Runs new positions on top of a cache, which stays as it is.
    fn forward(&self, pass: &Pass<'_>, cache: &Cache) -> Result<Output>;
    /// Applies the final norm, (.., width) -> (.., width).
    fn norm(&self, hidden: &Tensor) -> Result<Tensor>;
    /// Multiplies normed states by the output table, (n, width) -> (n, vocab).
    fn unembed(&self, normed: &Tensor) -> Result<Tensor>;
    /// Rows of the output table.
    fn vocab(&self) -> usize;
}

/// Refuses vectors whose rows are not those of the cache.
pub(crate) fn check_rows(rows: usize, cache: &Cache) -> Result<()> {
    if rows == cache.rows() {
        return Ok(());
    }
    Err(ModelError::input(format!(
        "{rows} rows of vectors for {} rows of cache",
        cache.rows()
    )))
}
