//! The key-value cache: a frozen prefix shared by all rows, and a private tail per row.
//!
//! Tensors are concatenated, never modified in place, so a clone is a branch: it copies handles, not values.

use std::ops::Range;
use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::apart::Apart;
use super::error::{ModelError, Result};
use super::vectors::row_index;

/// Keys and values of one layer.
#[derive(Debug, Clone)]
pub(crate) struct Kv {
    pub(crate) k: Tensor,
    pub(crate) v: Tensor,
}

/// One layer. Prefix: keys (heads, head width, prefix), values (heads, prefix, head width). Tail: both (heads, rows,
/// tail, head width). Heads come first so that the rows fold into the query dimension without a copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct LayerCache {
    pub(crate) prefix: Option<Kv>,
    pub(crate) tail: Option<Kv>,
}

/// The keys and values of all positions so far.
#[derive(Debug, Clone)]
pub(crate) struct Cache {
    pub(crate) layers: Vec<LayerCache>,
    rows: usize,
    prefix_len: usize,
    tail_len: usize,
    /// The differences between rows; `None` if there are none.
    apart: Option<Arc<Apart>>,
}

/// The change to a row's last entries at some layers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entry {
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
            apart: None,
        }
    }

    /// Returns the differences between rows, if any.
    pub(crate) fn apart(&self) -> Option<&Apart> {
        self.apart.as_deref()
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
            apart: self.apart.clone(),
            ..*self
        }
    }

    /// Moves the tail of a single row into the prefix.
    pub(crate) fn freeze(&self) -> Result<Self> {
        if self.rows != 1 || self.apart.is_some() {
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
            apart: None,
        })
    }

    /// Returns the given rows, in that order; rows may repeat. The prefix is unchanged.
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
            apart: self
                .apart
                .as_ref()
                .map(|apart| Arc::new(apart.select(rows))),
            ..*self
        })
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
        let stacked = |at: usize| -> Result<LayerCache> {
            // Rows without a tail take their shape from one that has it.
            let like = caches.iter().find_map(|c| c.layers[at].tail.as_ref());
            let tail = match like {
                None => None,
                Some(like) => {
                    let side = |of: &dyn Fn(&Kv) -> &Tensor| -> Result<Tensor> {
                        let parts = caches
                            .iter()
                            .map(|c| {
                                let own = c.layers[at].tail.as_ref().map(of);
                                padded(own, of(like), c.rows, longest)
                            })
                            .collect::<Result<Vec<_>>>()?;
                        Ok(Tensor::cat(&parts, 1)?)
                    };
                    Some(Kv {
                        k: side(&|kv| &kv.k)?,
                        v: side(&|kv| &kv.v)?,
                    })
                }
            };
            Ok(LayerCache {
                prefix: first.layers[at].prefix.clone(),
                tail,
            })
        };
        let layers = (0..first.layers.len())
            .map(stacked)
            .collect::<Result<_>>()?;
        let mut apart = Apart::none(0);
        for cache in caches {
            let own = cache.apart().cloned();
            let own = own.unwrap_or_else(|| Apart::none(cache.rows));
            apart.extend(own.padded(longest - cache.tail_len))?;
        }
        Ok(Self {
            layers,
            rows: caches.iter().map(|c| c.rows).sum(),
            prefix_len: first.prefix_len,
            tail_len: longest,
            apart: (!apart.is_none()).then(|| Arc::new(apart)),
        })
    }

    /// Drops the last `n` positions, which must lie in the tail.
    pub(crate) fn rewound(&self, n: usize) -> Result<Self> {
        let Some(kept) = self.tail_len.checked_sub(n) else {
            return Err(ModelError::input("a shared prefix cannot be shortened"));
        };
        if n == 0 {
            return Ok(self.clone());
        }
        let shorten = |layer: &LayerCache| -> Result<LayerCache> {
            let tail = match &layer.tail {
                Some(t) if kept > 0 => Some(Kv {
                    k: t.k.narrow(2, 0, kept)?.contiguous()?,
                    v: t.v.narrow(2, 0, kept)?.contiguous()?,
                }),
                _ => None,
            };
            Ok(LayerCache {
                prefix: layer.prefix.clone(),
                tail,
            })
        };
        let layers = self.layers.iter().map(shorten).collect::<Result<_>>()?;
        let apart = self.apart().map(|apart| apart.clone().cut(kept));
        Ok(Self {
            layers,
            tail_len: kept,
            apart: apart.filter(|apart| !apart.is_none()).map(Arc::new),
            ..*self
        })
    }

    /// Replaces the last position's entries at some layers (counted from 0), row by row.
    pub(crate) fn patched(&self, entries: &[Entry], layers: &Range<usize>) -> Result<Self> {
        if entries.len() != self.rows || self.tail_len == 0 {
            return Err(ModelError::input("nothing there to be replaced"));
        }
        let last = self.tail_len - 1;
        let patch = |side: &Tensor| -> Result<Tensor> {
            let device = side.device();
            let from: Vec<usize> = entries
                .iter()
                .enumerate()
                .map(|(row, entry)| match entry {
                    Entry::Of(other) => *other,
                    Entry::Own | Entry::Zeros => row,
                })
                .collect();
            let kept: Vec<f32> = entries
                .iter()
                .map(|entry| if *entry == Entry::Zeros { 0.0 } else { 1.0 })
                .collect();
            let new = side.narrow(2, last, 1)?.contiguous()?;
            let new = new.index_select(&row_index(&from, self.rows, device)?, 1)?;
            let kept = Tensor::from_vec(kept, (1, self.rows, 1, 1), device)?;
            let new = new.broadcast_mul(&kept.to_dtype(side.dtype())?)?;
            if last == 0 {
                return Ok(new);
            }
            Ok(Tensor::cat(&[&side.narrow(2, 0, last)?, &new], 2)?)
        };
        let mut patched = self.clone();
        for layer in patched
            .layers
            .iter_mut()
            .take(layers.end)
            .skip(layers.start)
        {
            if let Some(tail) = &layer.tail {
                layer.tail = Some(Kv {
                    k: patch(&tail.k)?,
                    v: patch(&tail.v)?,
                });
            }
        }
        Ok(patched)
    }

    /// Hides the given rows' last position from later positions at some layers.
    pub(crate) fn block_last(&self, rows: &[usize], layers: &Range<usize>) -> Result<Self> {
        let Some(last) = self.tail_len.checked_sub(1) else {
            return Err(ModelError::input("nothing there to be blocked"));
        };
        let apart = self.apart().cloned();
        let mut apart = apart.unwrap_or_else(|| Apart::none(self.rows));
        apart.layers.clone_from(layers);
        for &row in rows {
            apart.blocked[row].push(last);
        }
        Ok(Self {
            apart: Some(Arc::new(apart)),
            ..self.clone()
        })
    }
}

/// Pads a tail, (heads, rows, own length, width), with empty places at its start up to `length`.
fn padded(own: Option<&Tensor>, like: &Tensor, rows: usize, length: usize) -> Result<Tensor> {
    let (heads, _, _, width) = like.dims4()?;
    let present = own.map_or(0, |own| own.dims()[2]);
    let missing = length - present;
    if missing == 0
        && let Some(own) = own
    {
        return Ok(own.clone());
    }
    let empty = Tensor::zeros((heads, rows, missing, width), like.dtype(), like.device())?;
    Ok(match own {
        Some(own) => Tensor::cat(&[&empty, own], 2)?,
        None => empty,
    })
}
