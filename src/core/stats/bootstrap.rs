//! Percentile bootstrap: the interval of any statistic over rows, by resampling with replacement (Efron and Tibshirani 1993, chapter 13).
//! Whole clusters are drawn, so rows of one problem stay together. A draw is given as row weights: how often each row was drawn.

use std::collections::BTreeMap;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::float;

/// The settings of the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// Number of resamples.
    pub resamples: usize,
    /// Random seed; the same seed gives the same interval on every machine.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            resamples: 2000,
            seed: 0,
        }
    }
}

/// A bootstrap interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootstrapInterval {
    /// The 2.5 % and 97.5 % quantiles of the statistic over the resamples on which it is defined, in the unit of the statistic.
    pub ci95: (f64, f64),
    /// Number of resamples drawn.
    pub resamples: usize,
    /// Number of resamples on which the statistic is undefined; they are excluded.
    pub undefined: usize,
}

impl Bootstrap {
    /// Returns the interval of a statistic; row `i` belongs to cluster `clusters[i]`. The statistic receives one weight per row,
    /// equal within a cluster. `None` and non-finite values are excluded and counted. To compare two scores on the same draws,
    /// pass their difference as the statistic. Returns `None` without rows, or if the statistic is defined on no resample. A
    /// single cluster gives an interval of width zero.
    pub fn interval(
        &self,
        clusters: &[usize],
        mut statistic: impl FnMut(&[u32]) -> Option<f64>,
    ) -> Option<BootstrapInterval> {
        let (rows, sizes) = numbered(clusters);
        let count = u32::try_from(sizes.len()).ok().filter(|count| *count > 0)?;
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        let mut drawn = vec![0_u32; sizes.len()];
        let mut weights = vec![0_u32; rows.len()];
        let mut values = Vec::with_capacity(self.resamples);
        for _ in 0..self.resamples {
            drawn.fill(0);
            for _ in 0..count {
                drawn[rng.random_range(0..count) as usize] += 1;
            }
            for (weight, cluster) in weights.iter_mut().zip(&rows) {
                *weight = drawn[*cluster];
            }
            values.extend(statistic(&weights).filter(|value| value.is_finite()));
        }
        values.sort_unstable_by(f64::total_cmp);
        Some(BootstrapInterval {
            ci95: (quantile(&values, 0.025)?, quantile(&values, 0.975)?),
            resamples: self.resamples,
            undefined: self.resamples - values.len(),
        })
    }

    /// Like [`Self::interval`], with each of `n` rows as its own cluster.
    pub fn interval_of_rows(
        &self,
        n: usize,
        statistic: impl FnMut(&[u32]) -> Option<f64>,
    ) -> Option<BootstrapInterval> {
        let clusters: Vec<usize> = (0..n).collect();
        self.interval(&clusters, statistic)
    }
}

/// Numbers clusters from 0 in order of their names; returns the number of each row's cluster, and the size of each cluster.
fn numbered(clusters: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for name in clusters {
        *sizes.entry(*name).or_default() += 1;
    }
    let numbers: BTreeMap<usize, usize> = sizes.keys().copied().zip(0..).collect();
    let rows = clusters.iter().map(|name| numbers[name]).collect();
    (rows, sizes.into_values().collect())
}

/// Returns the weighted mean of values; `None` if all weights are zero.
#[must_use]
pub fn weighted_mean(values: &[f64], weights: &[u32]) -> Option<f64> {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let pairs = values.iter().zip(weights);
    let sum: f64 = pairs
        .map(|(value, weight)| value * f64::from(*weight))
        .sum();
    (total > 0.0).then(|| sum / total)
}

/// Returns a quantile of ascending values, interpolated linearly (definition 7 of Hyndman and Fan 1996, numpy's default). The
/// share is clamped to 0..1. `None` without values.
#[must_use]
pub fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    let place = share.clamp(0.0, 1.0) * float(last);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the slice"
    )]
    let below = place.floor() as usize;
    let low = *sorted.get(below)?;
    let high = sorted.get(below + 1).copied().unwrap_or(low);
    Some(low + (high - low) * (place - float(below)))
}
