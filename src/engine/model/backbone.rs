//! The interface of a transformer to the latent loop, implemented in `gpt2.rs` and `llama.rs`.
//!
//! Input and output vectors are `f32`, whatever the compute type.

use candle_core::Tensor;

use super::cache::{Cache, LayerCache};
use super::error::{ModelError, Result};
use super::ragged::Masks;

/// One forward pass over new positions of every row.
pub(crate) struct Pass<'a> {
    /// Input vectors, (rows, t, width), before position embeddings.
    pub(crate) vectors: &'a Tensor,
    /// Position numbers of the t new positions; `None` continues the cache.
    pub(crate) positions: Option<&'a [u32]>,
    /// Whether to keep the states after every block.
    pub(crate) keep_layers: bool,
}

impl<'a> Pass<'a> {
    /// Creates a pass that continues the cache, attends to all of it, and keeps only the last state.
    pub(crate) fn new(vectors: &'a Tensor) -> Self {
        Self {
            vectors,
            positions: None,
            keep_layers: false,
        }
    }
}

/// The result of a pass.
pub(crate) struct Output {
    /// Output of the last block, before the final norm, (rows, t, width).
    pub(crate) last: Tensor,
    /// Output of every block, first block first, if requested.
    pub(crate) layers: Vec<Tensor>,
    /// The cache, grown by t positions.
    pub(crate) cache: Cache,
}

pub(crate) trait Backbone: Send + Sync {
    /// Returns an empty cache for `rows` rows.
    fn new_cache(&self, rows: usize) -> Cache;
    /// Embeds ids, (n) -> (n, width).
    fn embed(&self, ids: &Tensor) -> Result<Tensor>;
    /// Runs new positions on top of a cache, which is not changed.
    fn forward(&self, pass: &Pass<'_>, cache: &Cache) -> Result<Output>;
    /// Applies the final norm, (.., width) -> (.., width).
    fn norm(&self, hidden: &Tensor) -> Result<Tensor>;
    /// Multiplies normed states by the output table, (n, width) -> (n, vocab).
    fn unembed(&self, normed: &Tensor) -> Result<Tensor>;
    /// Returns the number of rows of the output table.
    fn vocab(&self) -> usize;
}

/// Runs blocks in order on the states of a pass, (rows t, width). A block returns its output and its grown part of the cache.
pub(crate) fn through<B>(
    blocks: &[B],
    pass: &Pass<'_>,
    cache: &Cache,
    mut states: Tensor,
    run: impl Fn(&B, Tensor, &LayerCache, Option<&Tensor>) -> Result<(Tensor, LayerCache)>,
) -> Result<Output> {
    let shape = pass.vectors.dims3()?;
    let masks = Masks::new(shape.1, cache, states.dtype(), states.device())?;
    let mut layers = Vec::new();
    let mut caches = Vec::with_capacity(blocks.len());
    for (i, (block, past)) in blocks.iter().zip(&cache.layers).enumerate() {
        let grown;
        (states, grown) = run(block, states, past, masks.at(i))?;
        caches.push(grown);
        if pass.keep_layers {
            layers.push(states.reshape(shape)?);
        }
    }
    Ok(Output {
        last: states.reshape(shape)?,
        layers,
        cache: cache.grown(caches, shape.1),
    })
}

/// Rejects vectors whose number of rows differs from the cache's.
pub(crate) fn check_rows(rows: usize, cache: &Cache) -> Result<()> {
    if rows == cache.rows() {
        return Ok(());
    }
    Err(ModelError::input(format!(
        "{rows} rows of vectors for {} rows of cache",
        cache.rows()
    )))
}
