//! Comparisons of shares: two shares on the same rows, two on different rows, and one against a published value. Tests are exact
//! and two-sided; intervals of differences are Newcombe's, built from Wilson's.

use serde::{Deserialize, Serialize};

use super::binomial::{at_least, masses};
use super::{Share, float, ratio, wilson};

/// What came of the same rows under two conditions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Pairs {
    /// Rows that hold under both.
    pub both: usize,
    /// Rows that hold under the first alone.
    pub first_only: usize,
    /// Rows that hold under the second alone.
    pub second_only: usize,
    /// Rows that hold under neither.
    pub neither: usize,
}

/// A difference of two shares, first less second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Difference {
    /// The difference, from -1 to 1.
    pub difference: f64,
    /// Its interval at 95 %.
    pub ci95: (f64, f64),
}

impl Pairs {
    /// Counts pairs; none where the slices differ in length.
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

    /// How many rows there are.
    #[must_use]
    pub fn n(&self) -> usize {
        self.both + self.discordant() + self.neither
    }

    /// How many rows hold under one condition alone.
    #[must_use]
    pub fn discordant(&self) -> usize {
        self.first_only + self.second_only
    }

    /// The p-value of McNemar's exact test that both conditions hold equally often: two-sided binomial at 1/2 on the discordant
    /// rows. One where there are none.
    #[must_use]
    pub fn mcnemar(&self) -> f64 {
        let more = self.first_only.max(self.second_only);
        (2.0 * at_least(more, self.discordant(), 0.5)).min(1.0)
    }

    /// The difference of the two shares with the interval of Newcombe 1998 (Statistics in Medicine 17, 2635), method 10: Wilson's
    /// intervals of both shares, joined under their correlation, which is corrected for continuity. None without rows.
    #[must_use]
    pub fn difference(&self) -> Option<Difference> {
        let n = self.n();
        let (first, second) = (self.both + self.first_only, self.both + self.second_only);
        (n > 0).then(|| joined((first, n), (second, n), self.correlation()))
    }

    /// Newcombe's phi; zero where one of the conditions holds on all rows or none.
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

/// The difference of the shares of two independent groups with the interval of Newcombe 1998 (Statistics in Medicine 17, 873),
/// method 10: both Wilson intervals joined, without continuity correction. None where a group is empty.
#[must_use]
pub fn independent_difference(first: &Share, second: &Share) -> Option<Difference> {
    let some = first.n > 0 && second.n > 0;
    some.then(|| joined((first.hits, first.n), (second.hits, second.n), 0.0))
}

/// Newcombe's interval of a difference of two shares, each as (hits, n), from Wilson's intervals and their correlation.
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

/// The p-value of the exact two-sided binomial test that the share behind `hits` of `n` is `published`: the chance of all counts
/// that are no likelier than the one seen (as in scipy's `binomtest`). One for no trials.
#[must_use]
pub fn binomial_test(hits: usize, n: usize, published: f64) -> f64 {
    let chances = masses(n, published);
    // Counts as likely as the one seen may differ from it by rounding.
    let seen = chances.get(hits).copied().unwrap_or(0.0) * (1.0 + 1e-7);
    let rarer = chances.iter().filter(|chance| **chance <= seen);
    rarer.sum::<f64>().min(1.0)
}
