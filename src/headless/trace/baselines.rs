//! Gold steps of other records, as random baselines of backtracking (methods.md 5.5).
//!
//! The published draws need Python's generator and the whole data set, so a record may bring its own; where it does not,
//! other records of the file are drawn in an order that depends on nothing but the two records' places.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use crate::problem_file::decoded::Record;
use crate::verify::paper::solution::Solution;

/// How many are drawn, as published.
const DRAWS: usize = 5;
/// How many records are looked at for one draw.
const MAX_TRIED: usize = 2000;

/// Gold steps of another record.
pub struct Baseline<'a> {
    /// Which record.
    pub source_index: Value,
    /// Its steps.
    pub steps: &'a [String],
}

/// All records by their number of steps.
pub struct Pool<'a> {
    records: &'a [Record],
    by_steps: HashMap<usize, Vec<usize>>,
    results: Vec<HashSet<u64>>,
}

impl<'a> Pool<'a> {
    /// Sorts the records.
    #[must_use]
    pub fn new(records: &'a [Record]) -> Self {
        let mut by_steps: HashMap<usize, Vec<usize>> = HashMap::new();
        for (place, record) in records.iter().enumerate() {
            if !record.gold_steps.is_empty() {
                by_steps
                    .entry(record.gold_steps.len())
                    .or_default()
                    .push(place);
            }
        }
        let results = records.iter().map(|record| {
            let solution = Solution::parse(&record.gold_steps);
            solution.results().map(f64::to_bits).collect()
        });
        Self {
            records,
            by_steps,
            results: results.collect(),
        }
    }

    /// Returns the places of the records with as many gold steps as one, itself left out.
    pub fn equals(&self, place: usize) -> impl Iterator<Item = usize> {
        let steps = self.records[place].gold_steps.len();
        let equals = self.by_steps.get(&steps).into_iter().flatten().copied();
        equals.filter(move |other| *other != place)
    }

    /// Returns the baselines of a record: those it brings, or else up to five with as many steps of which not every result
    /// is one of its own.
    #[must_use]
    pub fn baselines(&self, place: usize) -> Vec<Baseline<'a>> {
        let record = &self.records[place];
        if let Some(recorded) = record
            .backtracking
            .as_ref()
            .and_then(|b| b.baselines.as_ref())
        {
            let own = recorded.iter().map(|baseline| Baseline {
                source_index: baseline.source_index.clone().unwrap_or_default(),
                steps: &baseline.steps,
            });
            return own.collect();
        }
        self.drawn(place)
    }

    /// Returns up to five records with as many steps of which not every result is one of a record's own.
    #[must_use]
    pub fn drawn(&self, place: usize) -> Vec<Baseline<'a>> {
        let mut others: Vec<usize> = self.equals(place).take(MAX_TRIED).collect();
        others.sort_by_cached_key(|other| mixed(place, *other));
        let others = others
            .into_iter()
            .filter(|other| !self.results[*other].is_subset(&self.results[place]));
        let drawn = others.take(DRAWS).map(|other| Baseline {
            source_index: self.records[other]
                .index
                .clone()
                .unwrap_or_else(|| other.into()),
            steps: &self.records[other].gold_steps,
        });
        drawn.collect()
    }
}

/// A number in which two places are well mixed (the finaliser of `SplitMix64`).
fn mixed(place: usize, other: usize) -> u64 {
    let wide = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    let mut x = wide(place).wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ wide(other);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
