//! Intervals for figures on screen and in reports: Wilson and Clopper-Pearson for shares, Student's t for means over donors.

use serde::{Deserialize, Serialize};

use super::binomial::at_least;
use super::{Z, float, halve, ratio};
use crate::core::types::{most_unseen, wilson};

/// A share with its count and 95 % interval; never shown without `n`.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Share {
    /// Number of trials.
    pub n: usize,
    /// Number of hits among them.
    pub hits: usize,
    /// `hits / n`; 0 without trials.
    pub accuracy: f64,
    /// Wilson score interval at 95 %.
    pub ci95: (f64, f64),
}

impl Share {
    /// Creates the share of `hits` in `n`.
    #[must_use]
    pub fn new(hits: usize, n: usize) -> Self {
        let accuracy = if n == 0 { 0.0 } else { ratio(hits, n) };
        Self {
            n,
            hits,
            accuracy,
            ci95: wilson(hits, n),
        }
    }
}

/// Returns the share of true values.
pub fn count(holds: impl IntoIterator<Item = bool>) -> Share {
    let (mut hits, mut n) = (0, 0);
    for holds in holds {
        hits += usize::from(holds);
        n += 1;
    }
    Share::new(hits, n)
}

/// Returns the Clopper-Pearson interval at 95 %, which is exact for small counts. With no hits or only hits it is one-sided, so
/// that 0 of 64 means "below 4.6 %".
#[must_use]
pub fn exact_interval(hits: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    if hits == 0 {
        return (0.0, most_unseen(n));
    }
    if hits == n {
        return (1.0 - most_unseen(n), 1.0);
    }
    // P(X >= hits) rises with the rate and P(X <= hits) falls, so both ends are found by bisection.
    let low = halve(0.0, 1.0, |rate| at_least(hits, n, rate) - 0.025);
    let high = halve(0.0, 1.0, |rate| 0.025 - (1.0 - at_least(hits + 1, n, rate)));
    (low, high)
}

/// Returns the mean of the samples; 0 if there are none.
#[must_use]
pub fn mean(samples: &[f64]) -> f64 {
    if samples.is_empty() {
        0.0
    } else {
        samples.iter().sum::<f64>() * ratio(1, samples.len())
    }
}

/// Returns the 95 % interval of the mean by Student's t; `None` for fewer than two samples.
#[must_use]
pub fn mean_interval(samples: &[f64]) -> Option<(f64, f64)> {
    if samples.len() < 2 {
        return None;
    }
    let m = mean(samples);
    let freedom = samples.len() - 1;
    let variance = samples.iter().map(|x| (x - m).powi(2)).sum::<f64>() * ratio(1, freedom);
    let half = t_quantile(freedom) * (variance * ratio(1, samples.len())).sqrt();
    Some((m - half, m + half))
}

/// Returns the 97.5 % quantile of Student's t: tabulated up to 30 degrees of freedom, by Cornish-Fisher expansion beyond.
fn t_quantile(freedom: usize) -> f64 {
    const TABLE: [f64; 30] = [
        12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
        2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056,
        2.052, 2.048, 2.045, 2.042,
    ];
    let z = Z;
    TABLE
        .get(freedom.wrapping_sub(1))
        .copied()
        .unwrap_or_else(|| {
            let g = 1.0 / float(freedom.max(1));
            z + (z.powi(3) + z) * g / 4.0
                + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) * g * g / 96.0
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 1e-3
    }

    #[test]
    fn wilson_matches_published_values() {
        // 10 of 100 (0.0552, 0.1744) and 0 of 20 (0, 0.1611), from tables of the score interval.
        let (lo, hi) = wilson(10, 100);
        assert!(close(lo, 0.0552) && close(hi, 0.1744));
        let (lo, hi) = wilson(0, 20);
        assert!(close(lo, 0.0) && close(hi, 0.1611));
        assert_eq!(wilson(0, 0), (0.0, 1.0));
    }

    #[test]
    fn the_exact_interval_matches_published_values() {
        // 10 of 100: (0.0490, 0.1762); 1 of 10: (0.0025, 0.4450).
        let (lo, hi) = exact_interval(10, 100);
        assert!(close(lo, 0.0490) && close(hi, 0.1762), "{lo} {hi}");
        let (lo, hi) = exact_interval(1, 10);
        assert!(close(lo, 0.0025) && close(hi, 0.4450), "{lo} {hi}");
        let (lo, hi) = exact_interval(0, 64);
        assert!(lo == 0.0 && close(hi, 0.0457), "{hi}");
        assert!(close(exact_interval(64, 64).0, 0.9543));
    }

    #[test]
    fn the_mean_interval_uses_students_t() {
        let (lo, hi) = mean_interval(&[1.0, 2.0, 3.0, 4.0]).unwrap();
        // Mean 2.5, s = 1.29099, t(3) = 3.182.
        assert!(close(lo, 2.5 - 2.0540) && close(hi, 2.5 + 2.0540));
        assert!(close(t_quantile(60), 2.0003));
        assert_eq!(mean_interval(&[7.0]), None);
        assert_eq!(mean_interval(&[]), None);
    }
}
