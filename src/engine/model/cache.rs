//! The key-value cache: a frozen prefix shared by all rows, and a private tail per row.
//!
//! Tensors are concatenated, never modified in place, so a clone is a branch: it copies handles, not values.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::error::{ModelError, Result};
use super::ragged::Apart;
use super::vectors::row_index;

/// Keys and values of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Kv {
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
}

impl Kv {
    fn map(&self, side: impl Fn(&Tensor) -> Result<Tensor>) -> Result<Self> {
        Ok(Self {
            k: side(&self.k)?,
            v: side(&self.v)?,
        })
    }
}

/// One layer. Prefix: keys (heads, head width, prefix), values (heads, prefix, head width). Tail: both (heads, rows,
/// tail, head width). Heads come first so that the rows fold into the query dimension without a copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerCache {
    pub(crate) prefix: Option<Kv>,
    pub(crate) tail: Option<Kv>,
}

impl LayerCache {
    /// Replaces keys and values of the tail, if there is one.
    fn map_tail(&mut self, side: impl Fn(&Tensor) -> Result<Tensor>) -> Result<()> {
        if let Some(tail) = &mut self.tail {
            *tail = tail.map(side)?;
        }
        Ok(())
    }
}

/// The keys and values of all positions so far.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    pub(crate) layers: Vec<LayerCache>,
    rows: usize,
    prefix_len: usize,
    tail_len: usize,
    /// The differences between rows; `None` if there are none.
    ragged: Option<Arc<Apart>>,
}

/// The change to a row's last entries at some layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CacheWrite {
    /// Keeps its own entries.
    Own,
    /// Takes the entries of another row.
    Of(usize),
    /// Sets keys and values to zeros.
    Zeros,
}

impl Cache {
    /// Returns a cache of no positions.
    pub(crate) fn new(layers: usize, rows: usize) -> Self {
        Self {
            layers: vec![LayerCache::default(); layers],
            rows,
            prefix_len: 0,
            tail_len: 0,
            ragged: None,
        }
    }

    /// Returns the differences between rows, if any.
    pub(crate) fn ragged(&self) -> Option<&Apart> {
        self.ragged.as_deref()
    }

    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    pub(crate) fn prefix_len(&self) -> usize {
        self.prefix_len
    }

    /// Returns the number of positions so far, which is also the next position's number.
    pub(crate) fn len(&self) -> usize {
        self.prefix_len + self.tail_len
    }

    /// Returns a cache with the layers' caches after `n` more positions.
    pub(crate) fn grown(&self, layers: Vec<LayerCache>, n: usize) -> Self {
        Self {
            layers,
            tail_len: self.tail_len + n,
            ragged: self.ragged.clone(),
            ..*self
        }
    }

    /// Moves the tail of a single row into the prefix.
    pub(crate) fn freeze(&self) -> Result<Self> {
        if self.rows != 1 || self.ragged.is_some() {
            return Err(ModelError::input(
                "only a single row can become a shared prefix",
            ));
        }
        let freeze = |layer: &LayerCache| -> Result<LayerCache> {
            let Some(tail) = &layer.tail else {
                return Ok(layer.clone());
            };
            // (H, 1, T, w) -> keys (H, w, T), which later queries multiply directly, and values (H, T, w)
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
            ragged: None,
        })
    }

    /// Returns the given rows, in that order; rows may repeat. The prefix is unchanged.
    pub(crate) fn select(&self, rows: &[usize], device: &Device) -> Result<Self> {
        let picked = row_index(rows, self.rows, device)?;
        let mut cache = self.clone();
        for layer in &mut cache.layers {
            layer.map_tail(|side| Ok(side.index_select(&picked, 1)?))?;
        }
        cache.rows = rows.len();
        cache.ragged = self.ragged().map(|ragged| Arc::new(ragged.select(rows)));
        Ok(cache)
    }

    /// Stacks the rows of several caches, which share one prefix; shorter tails are aligned at their ends.
    pub(crate) fn stack(caches: &[&Self]) -> Result<Self> {
        let [first, ..] = caches else {
            return Err(ModelError::input("no rows to put side by side"));
        };
        if caches.len() == 1 {
            return Ok((*first).clone());
        }
        let shared = |cache: &Self| {
            let prefix = cache.layers.first().and_then(|layer| layer.prefix.as_ref());
            prefix.map(|kv| kv.k.id())
        };
        if caches
            .iter()
            .any(|c| c.prefix_len != first.prefix_len || shared(c) != shared(first))
        {
            return Err(ModelError::input(
                "only rows that share one prefix can run side by side",
            ));
        }
        let longest = caches.iter().map(|c| c.tail_len).max().unwrap_or(0);
        let stacked = |layer: usize| -> Result<LayerCache> {
            let tails = || caches.iter().map(|c| c.layers[layer].tail.as_ref());
            let side = |side: fn(&Kv) -> &Tensor| -> Result<Option<Tensor>> {
                // Rows without a tail take their shape from one that has it.
                let Some(like) = tails().flatten().next().map(side) else {
                    return Ok(None);
                };
                let parts = tails().zip(caches);
                let parts = parts.map(|(tail, c)| padded(tail.map(side), like, c.rows, longest));
                Ok(Some(Tensor::cat(&parts.collect::<Result<Vec<_>>>()?, 1)?))
            };
            Ok(LayerCache {
                prefix: first.layers[layer].prefix.clone(),
                tail: side(|kv| &kv.k)?
                    .zip(side(|kv| &kv.v)?)
                    .map(|(k, v)| Kv { k, v }),
            })
        };
        let layers = (0..first.layers.len())
            .map(stacked)
            .collect::<Result<_>>()?;
        let mut ragged = Apart::none(0);
        for cache in caches {
            ragged.extend(cache.to_ragged().padded(longest - cache.tail_len))?;
        }
        Ok(Self {
            layers,
            rows: caches.iter().map(|c| c.rows).sum(),
            prefix_len: first.prefix_len,
            tail_len: longest,
            ragged: (!ragged.is_none()).then(|| Arc::new(ragged)),
        })
    }

    /// Drops the last `n` positions, which must lie in the tail.
    pub(crate) fn rewound(&self, n: usize) -> Result<Self> {
        let Some(length) = self.tail_len.checked_sub(n) else {
            return Err(ModelError::input("a shared prefix cannot be shortened"));
        };
        let mut cache = self.clone();
        if n == 0 {
            return Ok(cache);
        }
        for layer in &mut cache.layers {
            layer.tail.take_if(|_| length == 0);
            layer.map_tail(|side| Ok(side.narrow(2, 0, length)?.contiguous()?))?;
        }
        cache.tail_len = length;
        let ragged = self.ragged().map(|ragged| ragged.clone().cut(length));
        cache.ragged = ragged.filter(|ragged| !ragged.is_none()).map(Arc::new);
        Ok(cache)
    }

    /// Replaces the last position's entries at some layers (counted from 0), row by row.
    pub(crate) fn patched(&self, entries: &[CacheWrite], layers: &Range<usize>) -> Result<Self> {
        if entries.len() != self.rows || self.tail_len == 0 {
            return Err(ModelError::input("there is no position to replace"));
        }
        let last = self.tail_len - 1;
        let patch = |side: &Tensor| -> Result<Tensor> {
            let device = side.device();
            let from: Vec<usize> = entries
                .iter()
                .enumerate()
                .map(|(row, entry)| match entry {
                    CacheWrite::Of(other) => *other,
                    CacheWrite::Own | CacheWrite::Zeros => row,
                })
                .collect();
            let factors: Vec<f32> = entries
                .iter()
                .map(|entry| {
                    if *entry == CacheWrite::Zeros {
                        0.0
                    } else {
                        1.0
                    }
                })
                .collect();
            let new = side.narrow(2, last, 1)?.contiguous()?;
            let new = new.index_select(&row_index(&from, self.rows, device)?, 1)?;
            let factors = Tensor::from_vec(factors, (1, self.rows, 1, 1), device)?;
            let new = new.broadcast_mul(&factors.to_dtype(side.dtype())?)?;
            if last == 0 {
                return Ok(new);
            }
            Ok(Tensor::cat(&[&side.narrow(2, 0, last)?, &new], 2)?)
        };
        let mut patched = self.clone();
        let all = patched.layers.iter_mut();
        for layer in all.take(layers.end).skip(layers.start) {
            layer.map_tail(patch)?;
        }
        Ok(patched)
    }

    /// Hides the given rows' last position from later positions at some layers.
    pub(crate) fn block_last(&self, rows: &[usize], layers: &Range<usize>) -> Result<Self> {
        let Some(last) = self.tail_len.checked_sub(1) else {
            return Err(ModelError::input("there is no position to block"));
        };
        let mut ragged = self.to_ragged();
        ragged.layers.clone_from(layers);
        for &row in rows {
            ragged.blocked[row].push(last);
        }
        Ok(Self {
            ragged: Some(Arc::new(ragged)),
            ..self.clone()
        })
    }

    /// Returns a copy of the differences between rows.
    fn to_ragged(&self) -> Apart {
        let ragged = self.ragged().cloned();
        ragged.unwrap_or_else(|| Apart::none(self.rows))
    }
}

/// Pads a tail, (heads, rows, tail, width), with empty places at its start up to `length`.
fn padded(tail: Option<&Tensor>, like: &Tensor, rows: usize, length: usize) -> Result<Tensor> {
    let (heads, _, _, width) = like.dims4()?;
    let present = tail.map_or(0, |tail| tail.dims()[2]);
    let missing = length - present;
    if missing == 0
        && let Some(tail) = tail
    {
        return Ok(tail.clone());
    }
    let empty = Tensor::zeros((heads, rows, missing, width), like.dtype(), like.device())?;
    Ok(match tail {
        Some(tail) => Tensor::cat(&[&empty, tail], 2)?,
        None => empty,
    })
}
