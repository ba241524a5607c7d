//! Gold steps of other problems, as random baselines of backtracking (docs/methods.md M5.5).
//!
//! The published draws need Python's generator. Here other problems are drawn in an order that depends only on the indices of the
//! two problems.

use std::collections::{HashMap, HashSet};

use super::solution::Solution;

/// Number of draws, as published.
pub const DRAWS: usize = 5;
/// Problems considered for one draw.
const MAX_TRIED: usize = 2000;

/// All problems by their number of gold steps.
pub struct BaselinePool {
    by_steps: HashMap<usize, Vec<usize>>,
    n_steps: Vec<usize>,
    results: Vec<HashSet<u64>>,
}

impl BaselinePool {
    /// Groups the problems by their number of gold steps.
    #[must_use]
    pub fn new<'a>(steps: impl Iterator<Item = &'a [String]>) -> Self {
        let mut by_steps: HashMap<usize, Vec<usize>> = HashMap::new();
        let (mut n_steps, mut results) = (Vec::new(), Vec::new());
        for (place, steps) in steps.enumerate() {
            if !steps.is_empty() {
                by_steps.entry(steps.len()).or_default().push(place);
            }
            n_steps.push(steps.len());
            let solution = Solution::parse(steps);
            results.push(solution.results().map(f64::to_bits).collect());
        }
        Self {
            by_steps,
            n_steps,
            results,
        }
    }

    /// Returns the other problems with the same number of gold steps.
    pub fn equals(&self, place: usize) -> impl Iterator<Item = usize> {
        let equals = self.by_steps.get(&self.n_steps[place]);
        let equals = equals.into_iter().flatten().copied();
        equals.filter(move |other| *other != place)
    }

    /// Returns the other problems with the same number of steps, in an order specific to this problem.
    #[must_use]
    pub fn mixed(&self, place: usize) -> Vec<usize> {
        let mut others: Vec<usize> = self.equals(place).take(MAX_TRIED).collect();
        others.sort_by_cached_key(|other| mixed(place, *other));
        others
    }

    /// Returns up to five problems with the same number of steps whose results are not all among this problem's own.
    #[must_use]
    pub fn drawn(&self, place: usize) -> Vec<usize> {
        let others = self.mixed(place).into_iter();
        let others = others.filter(|other| !self.results[*other].is_subset(&self.results[place]));
        others.take(DRAWS).collect()
    }
}

/// Hashes two indices (the finaliser of `SplitMix64`).
fn mixed(place: usize, other: usize) -> u64 {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let mut x = wide(place).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ wide(other);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
