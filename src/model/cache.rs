//! The key-value cache: a frozen prefix that all rows share, and a private tail per row.
//!
//! Tensors are concatenated, never written in place, so a clone is a branch: handles are copied, values are not.

use candle_core::{Device, Tensor};

use super::error::{ModelError, Result};
use super::vectors::row_index;

/// Keys and values of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Kv {
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
}

/// One layer. Prefix: keys (heads, head width, prefix), values (heads, prefix, head width). Tail: both (heads, rows,
/// tail, head width).
///
/// Heads come first so that the rows fold into the query dimension without a copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerCache {
    pub(crate) prefix: Option<Kv>,
    pub(crate) tail: Option<Kv>,
}

/// What the positions so far left behind in every layer.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    pub(crate) layers: Vec<LayerCache>,
    rows: usize,
    prefix_len: usize,
    tail_len: usize,
}

impl Cache {
    /// Returns a cache of no positions.
    pub(crate) fn new(layers: usize, rows: usize) -> Self {
        Self {
            layers: vec![LayerCache::default(); layers],
            rows,
            prefix_len: 0,
            tail_len: 0,
        }
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn prefix_len(&self) -> usize {
        self.prefix_len
    }

    /// Positions so far; the next one has this number.
    pub(crate) fn len(&self) -> usize {
        self.prefix_len + self.tail_len
    }

    /// Takes over the layers' caches after `n` more positions.
    pub(crate) fn grown(&self, layers: Vec<LayerCache>, n: usize) -> Self {
        Self {
            layers,
            tail_len: self.tail_len + n,
            ..*self
        }
    }

    /// Moves the tail of a single row into the prefix.
    pub(crate) fn freeze(&self) -> Result<Self> {
        if self.rows != 1 {
            return Err(ModelError::input(
                "only a single row can become a shared prefix",
            ));
        }
        let freeze = |layer: &LayerCache| -> Result<LayerCache> {
            let Some(tail) = &layer.tail else {
                return Ok(layer.clone());
            };
            // (H, 1, T, w) -> keys (H, w, T), which every later query multiplies as they stand, and values (H, T, w)
            let (k, v) = (tail.k.squeeze(1)?.t()?.contiguous()?, tail.v.squeeze(1)?);
            let prefix = match &layer.prefix {
                Some(p) => Kv {
                    k: Tensor::cat(&[&p.k, &k], 2)?,
                    v: Tensor::cat(&[&p.v, &v], 1)?,
                },
                None => Kv { k, v },
            };
            Ok(LayerCache {
                prefix: Some(prefix),
                tail: None,
            })
        };
        let layers = self.layers.iter().map(freeze).collect::<Result<_>>()?;
        Ok(Self {
            layers,
            rows: 1,
            prefix_len: self.len(),
            tail_len: 0,
        })
    }

    /// Picks rows, in that order, each as often as it is named. The prefix is not touched.
    pub(crate) fn select(&self, rows: &[usize], device: &Device) -> Result<Self> {
        let picked = row_index(rows, self.rows, device)?;
        let select = |layer: &LayerCache| -> Result<LayerCache> {
            let tail = match &layer.tail {
                Some(t) => Some(Kv {
                    k: t.k.index_select(&picked, 1)?,
                    v: t.v.index_select(&picked, 1)?,
                }),
                None => None,
            };
            Ok(LayerCache {
                prefix: layer.prefix.clone(),
                tail,
            })
        };
        let layers = self.layers.iter().map(select).collect::<Result<_>>()?;
        Ok(Self {
            layers,
            rows: rows.len(),
            ..*self
        })
    }
}
