//! Comparisons of shares: two on the same rows, two on different rows, and one against a published value. Tests are exact and
//! two-sided; intervals of differences are Newcombe's, based on Wilson's.

use serde::{Deserialize, Serialize};

use super::binomial::{at_least, masses};
use super::{Share, float, ratio, wilson};

/// Counts of the same rows under two conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pairs {
    /// Rows that hold under both.
    pub both: usize,
    /// Rows that hold only under the first.
    pub first_only: usize,
    /// Rows that hold only under the second.
    pub second_only: usize,
    /// Rows that hold under neither.
    pub neither: usize,
}

/// A difference of two shares, first minus second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference, from -1 to 1.
    pub difference: f64,
    /// Its interval at 95 %.
    pub ci95: (f64, f64),
}

impl Pairs {
    /// Counts pairs; returns `None` if the lengths differ.
    #[must_use]
    pub fn count(first: &[bool], second: &[bool]) -> Option<Self> {
        if first.len() != second.len() {
            return None;
        }
        let mut pairs = Self::default();
        for pair in first.iter().zip(second) {
            match pair {
                (true, true) => pairs.both += 1,
                (true, false) => pairs.first_only += 1,
                (false, true) => pairs.second_only += 1,
                (false, false) => pairs.neither += 1,
            }
        }
        Some(pairs)
    }

    /// Returns the number of rows.
    #[must_use]
    pub fn n(&self) -> usize {
        self.both + self.discordant() + self.neither
    }

    /// Returns the number of rows that hold under exactly one condition.
    #[must_use]
    pub fn discordant(&self) -> usize {
        self.first_only + self.second_only
    }

    /// Returns the p-value of McNemar's exact test that both conditions hold equally often: two-sided binomial at 1/2 on the
    /// discordant rows; 1 if there are none.
    #[must_use]
    pub fn mcnemar(&self) -> f64 {
        let more = self.first_only.max(self.second_only);
        (2.0 * at_least(more, self.discordant(), 0.5)).min(1.0)
    }

    /// Returns the difference of the two shares with the interval of Newcombe 1998 (Statistics in Medicine 17, 2635), method 10:
    /// the Wilson intervals of both shares, combined with their continuity-corrected correlation. `None` without rows.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let n = self.n();
        let (first, second) = (self.both + self.first_only, self.both + self.second_only);
        (n > 0).then(|| joined((first, n), (second, n), self.correlation()))
    }

    /// Returns Newcombe's phi; 0 if a condition holds on all rows or none.
    fn correlation(&self) -> f64 {
        let [both, first_only, second_only, neither] =
            [self.both, self.first_only, self.second_only, self.neither].map(float);
        let scale = (both + first_only)
            * (second_only + neither)
            * (both + second_only)
            * (first_only + neither);
        if scale == 0.0 {
            return 0.0;
        }
        let excess = both * neither - first_only * second_only;
        let half = float(self.n()) / 2.0;
        let corrected = if excess > 0.0 {
            (excess - half).max(0.0)
        } else {
            excess
        };
        corrected / scale.sqrt()
    }
}

/// Returns the difference of two independent shares with the interval of Newcombe 1998 (Statistics in Medicine 17, 873), method
/// 10: both Wilson intervals combined, without continuity correction. `None` if a group is empty.
#[must_use]
pub fn independent_difference(first: &Share, second: &Share) -> Option<Difference> {
    let some = first.n > 0 && second.n > 0;
    some.then(|| joined((first.hits, first.n), (second.hits, second.n), 0.0))
}

/// Returns Newcombe's interval of a difference of two shares, each as (hits, n), from their Wilson intervals and correlation.
fn joined(first: (usize, usize), second: (usize, usize), correlation: f64) -> Difference {
    let (share_1, share_2) = (ratio(first.0, first.1), ratio(second.0, second.1));
    let ((low_1, high_1), (low_2, high_2)) = (wilson(first.0, first.1), wilson(second.0, second.1));
    let reach = |a: f64, b: f64| (a * a - 2.0 * correlation * a * b + b * b).max(0.0).sqrt();
    let difference = share_1 - share_2;
    Difference {
        difference,
        ci95: (
            (difference - reach(share_1 - low_1, high_2 - share_2)).max(-1.0),
            (difference + reach(high_1 - share_1, share_2 - low_2)).min(1.0),
        ),
    }
}

/// Returns the p-value of the exact two-sided binomial test that the true share is `published`: the total probability of counts
/// at most as likely as the observed one (as in scipy's `binomtest`). 1 without trials.
#[must_use]
pub fn binomial_test(hits: usize, n: usize, published: f64) -> f64 {
    let chances = masses(n, published);
    // Equally likely counts may differ by rounding.
    let seen = chances.get(hits).copied().unwrap_or(0.0) * (1.0 + 1e-7);
    let rarer = chances.iter().filter(|chance| **chance <= seen);
    rarer.sum::<f64>().min(1.0)
}
