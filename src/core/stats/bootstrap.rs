//! Percentile bootstrap: the interval of any statistic over rows, by drawing rows again with replacement (Efron and Tibshirani 1993,
//! chapter 13). Whole clusters are drawn, so that rows of one problem stay together. A draw is a weight for every row: how often
//! it was drawn.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};

use super::clusters::numbered;
use super::float;

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bootstrap {
    /// How many times all clusters are drawn again.
    pub resamples: usize,
    /// Seed of the draws; the same seed gives the same interval on every machine.
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

/// An interval by the bootstrap.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BootstrapInterval {
    /// The 2.5 % and 97.5 % quantiles of the statistic over the resamples on which it is defined, in its own unit.
    pub ci95: (f64, f64),
    /// How many resamples were drawn.
    pub resamples: usize,
    /// On how many of them the statistic is not defined; they are left out.
    pub undefined: usize,
}

impl Bootstrap {
    /// The interval of a statistic of which row `i` belongs to the cluster named `clusters[i]`. The statistic is given a weight for
    /// each row, the same for all rows of a cluster; what is none or not finite is left out and counted. Two scores are compared on the
    /// same draws by a statistic that is their difference. None without rows, or where the statistic is defined on no resample. One
    /// cluster alone gives an interval of no width.
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

    /// The same where every one of `n` rows stands for itself.
    pub fn interval_of_rows(
        &self,
        n: usize,
        statistic: impl FnMut(&[u32]) -> Option<f64>,
    ) -> Option<BootstrapInterval> {
        let clusters: Vec<usize> = (0..n).collect();
        self.interval(&clusters, statistic)
    }
}

/// The mean of values, each as often as its weight says; none where all weights are zero.
#[must_use]
pub fn weighted_mean(values: &[f64], weights: &[u32]) -> Option<f64> {
    let total: f64 = weights.iter().copied().map(f64::from).sum();
    let pairs = values.iter().zip(weights);
    let sum: f64 = pairs
        .map(|(value, weight)| value * f64::from(*weight))
        .sum();
    (total > 0.0).then(|| sum / total)
}

/// The quantile of values in rising order, linear between neighbours (definition 7 of Hyndman and Fan 1996, numpy's default). A share
/// outside 0 to 1 counts as the nearer end. None without values.
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
