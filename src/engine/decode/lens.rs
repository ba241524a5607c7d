//! The logit lens: turns a row of logits into a top-k list with probabilities and entropy.
//!
//! The model has already applied the final norm and the unembedding (docs/methods.md M2.1); nothing is filtered here.

use crate::core::types::{Projection, TokenRead};
use crate::engine::model::Model;

/// Reads the `k` most likely tokens from one row of a model's logits; see [`projection`].
#[must_use]
pub fn read(model: &Model, logits: &[f32], k: usize) -> Projection {
    projection(logits, k, |id| model.token_text(id))
}

/// Reads the `k` most likely tokens from one row of logits (length: vocabulary). Ties are in order of id.
///
/// `text` returns the text of a single token. Probabilities are a softmax over the whole row, in f64.
pub fn projection(logits: &[f32], k: usize, text: impl Fn(u32) -> String) -> Projection {
    let top = top_ids(logits, k);
    let highest = top.first().map_or(0.0, |&id| f64::from(logits[id]));
    let mut mass = 0.0;
    let mut weighted = 0.0;
    for &logit in logits {
        let shifted = f64::from(logit) - highest;
        let weight = shifted.exp();
        mass += weight;
        weighted += weight * shifted;
    }
    let log_mass = mass.ln();
    Projection {
        top: top
            .into_iter()
            .map(|index| {
                let id = u32::try_from(index).unwrap_or(u32::MAX);
                let prob = (f64::from(logits[index]) - highest - log_mass).exp();
                #[allow(clippy::cast_possible_truncation, reason = "a probability fits f32")]
                TokenRead {
                    id,
                    text: text(id),
                    logit: logits[index],
                    prob: prob as f32,
                }
            })
            .collect(),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "an entropy in nats fits f32"
        )]
        entropy: (log_mass - weighted / mass) as f32,
    }
}

/// Returns the indices of the `k` largest logits, largest first; ties by lower index. NaN counts as smallest.
#[must_use]
pub fn top_ids(logits: &[f32], k: usize) -> Vec<usize> {
    let key = |i: usize| {
        if logits[i].is_nan() {
            f32::NEG_INFINITY
        } else {
            logits[i]
        }
    };
    let order = |a: &usize, b: &usize| key(*b).total_cmp(&key(*a)).then(a.cmp(b));
    let mut ids: Vec<usize> = (0..logits.len()).collect();
    let k = k.min(ids.len());
    if k == 0 {
        return Vec::new();
    }
    if k < ids.len() {
        ids.select_nth_unstable_by(k - 1, order);
        ids.truncate(k);
    }
    ids.sort_by(order);
    ids
}

/// Returns the KL divergence in nats of `changed` from `clean`: sum of `p_clean * (log p_clean - log p_changed)`.
#[must_use]
pub fn kl_divergence(clean: &[f32], changed: &[f32]) -> f64 {
    let (p, q) = (log_softmax(clean), log_softmax(changed));
    let sum: f64 = p.iter().zip(&q).map(|(p, q)| p.exp() * (p - q)).sum();
    // Rounding can make a zero slightly negative.
    sum.max(0.0)
}

/// Returns the natural log-softmax in f64.
#[must_use]
pub fn log_softmax(logits: &[f32]) -> Vec<f64> {
    let highest = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let log_mass = logits
        .iter()
        .map(|&l| (f64::from(l) - highest).exp())
        .sum::<f64>()
        .ln();
    logits
        .iter()
        .map(|&l| f64::from(l) - highest - log_mass)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn top_k_is_sorted_with_ties_by_id_and_probabilities_of_the_whole_row() {
        let logits = [1.0, 3.0, 3.0, f32::NAN, 0.0];
        assert_eq!(top_ids(&logits, 3), [1, 2, 0]);
        assert_eq!(top_ids(&logits, 0), Vec::<usize>::new());
        let read = projection(&[0.0, 2f32.ln(), 0.0], 2, |id| format!("t{id}"));
        assert_eq!(read.top.iter().map(|t| t.id).collect::<Vec<_>>(), [1, 0]);
        assert!((read.top[0].prob - 0.5).abs() < 1e-6);
        let entropy = 0.5 * 2f32.ln() + 0.5 * 4f32.ln();
        assert!((read.entropy - entropy).abs() < 1e-6);
    }

    #[test]
    fn kl_of_equal_rows_is_zero_and_of_known_rows_is_right() {
        assert!(kl_divergence(&[1.0, 2.0], &[1.0, 2.0]).abs() < 1e-12);
        // p = (1/2, 1/2), q = (1/4, 3/4).
        let want = 0.5 * (0.5f64 / 0.25).ln() + 0.5 * (0.5f64 / 0.75).ln();
        assert!((kl_divergence(&[0.0, 0.0], &[0.0, 3f32.ln()]) - want).abs() < 1e-6);
    }
}
