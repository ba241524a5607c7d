//! The random baselines of a record: those recorded in it, or gold steps of other records of the file.

use serde_json::Value;

use crate::core::problem_file::decoded::Record;
use crate::verify::paper::baselines;

/// Gold steps of another record.
pub struct Baseline<'a> {
    /// The index of that record.
    pub source_index: Value,
    /// Its steps.
    pub steps: &'a [String],
}

/// All records by their number of steps.
pub struct RecordPool<'a> {
    records: &'a [Record],
    of: baselines::BaselinePool,
}

impl<'a> RecordPool<'a> {
    /// Groups the records by their number of steps.
    #[must_use]
    pub fn new(records: &'a [Record]) -> Self {
        let steps = records.iter().map(|record| record.gold_steps.as_slice());
        Self {
            records,
            of: baselines::BaselinePool::new(steps),
        }
    }

    /// Returns the places of the other records with the same number of gold steps.
    pub fn equals(&self, place: usize) -> impl Iterator<Item = usize> {
        self.of.equals(place)
    }

    /// Returns the baselines of a record: those recorded in it, or else the [drawn](Self::drawn) ones.
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

    /// Returns up to five records with the same number of steps, some result of which is not among the record's own.
    #[must_use]
    pub fn drawn(&self, place: usize) -> Vec<Baseline<'a>> {
        let drawn = self.of.drawn(place).into_iter();
        let drawn = drawn.map(|other| Baseline {
            source_index: self.records[other]
                .index
                .clone()
                .unwrap_or_else(|| other.into()),
            steps: &self.records[other].gold_steps,
        });
        drawn.collect()
    }
}
