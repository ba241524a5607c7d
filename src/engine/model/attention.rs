//! Attention over the two parts of the cache, with query heads that may share keys and values.
//!
//! Letters: K key-value heads, G query heads per key-value head, b rows, t new positions, w head width, S shared positions
//! (the prefix), T private ones (the tail, including the new positions).

use candle_core::{D, Tensor};

use super::cache::{Kv, LayerCache};
use super::cpu_ops::{softmax, tail_mix, tail_scores};
use super::error::Result;

/// Mixes values by attention: maps scaled queries (K, b, G t, w) and the new positions' keys and values (K, b, t, w) to
/// (K, b, G t, w) and the grown cache. `mask` is (1, 1 or b, t, S + T).
pub(crate) fn attend(
    q: &Tensor,
    k: Tensor,
    v: Tensor,
    groups: usize,
    past: &LayerCache,
    mask: Option<&Tensor>,
) -> Result<(Tensor, LayerCache)> {
    let (heads, rows, queries, width) = q.dims4()?;
    let tail = match &past.tail {
        Some(old) => Kv {
            k: Tensor::cat(&[&old.k, &k], 2)?,
            v: Tensor::cat(&[&old.v, &v], 2)?,
        },
        None => Kv { k, v },
    };
    let private = tail.k.dims()[2];
    let over_tail = tail_scores(q, &tail.k)?;

    let mixed = if let Some(prefix) = &past.prefix {
        let shared = prefix.v.dims()[1];
        // Rows fold into the queries: the prefix needs one product per head, for any number of rows.
        let over_prefix = q
            .reshape((heads, rows * queries, width))?
            .matmul(&prefix.k)?
            .reshape((heads, rows, queries, shared))?;
        let scores = Tensor::cat(&[&over_prefix, &over_tail], D::Minus1)?;
        let weights = weigh(scores, groups, mask)?;
        // (K, b G t, S) (K, S, w) + (K, b, G t, T) (K, b, T, w)
        let to_prefix = weights
            .narrow(D::Minus1, 0, shared)?
            .contiguous()?
            .reshape((heads, rows * queries, shared))?
            .matmul(&prefix.v)?
            .reshape((heads, rows, queries, width))?;
        let to_tail = weights.narrow(D::Minus1, shared, private)?.contiguous()?;
        (to_prefix + tail_mix(&to_tail, &tail.v)?)?
    } else {
        tail_mix(&weigh(over_tail, groups, mask)?, &tail.v)?
    };
    Ok((
        mixed,
        LayerCache {
            prefix: past.prefix.clone(),
            tail: Some(tail),
        },
    ))
}

/// Computes the softmax over the last dimension of masked scores, (K, b, G t, S + T).
fn weigh(scores: Tensor, groups: usize, mask: Option<&Tensor>) -> Result<Tensor> {
    let Some(mask) = mask else {
        return Ok(softmax(scores)?);
    };
    let (heads, rows, queries, keys) = scores.dims4()?;
    if groups == 1 {
        return Ok(softmax(scores.broadcast_add(mask)?)?);
    }
    let grouped = scores.reshape((heads, rows, groups, queries / groups, keys))?;
    let masked = grouped.broadcast_add(&mask.unsqueeze(2)?)?;
    Ok(softmax(masked.reshape((heads, rows, queries, keys))?)?)
}
