//! A run in memory: one small item per problem (`rows::summary`). Rows are read one at a time; evidence is counted and dropped.

use std::collections::BTreeMap;
use std::path::Path;

use crate::core::error::{Error, Result};
use crate::lab::rows::journal::Reader;
use crate::lab::rows::summary::RunItem;
use crate::lab::rows::{Body, Experiment, FILE, Row, RowsHeader};

/// The number of distinct refusal reasons kept per experiment.
const MOST_REASONS: usize = 8;

/// The parts of a run that the report needs.
#[derive(Debug, Clone, PartialEq)]
pub struct GatheredRun {
    /// How the rows were made.
    pub header: RowsHeader,
    /// The run's folder, as named by the user.
    pub folder: String,
    /// Whether the last line was truncated.
    pub is_torn: bool,
    /// Number of rows read.
    pub rows: usize,
    /// Number of rows of a complete run of the header's shard.
    pub planned: usize,
    /// One item per problem.
    pub items: Vec<RunItem>,
    /// Counts of rows without a result, by experiment and reason.
    pub refused: BTreeMap<(Experiment, String), Refused>,
    /// The gold answer of the last item.
    gold: Option<String>,
}

/// Rows without a result, for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Number of rows.
    pub rows: usize,
    /// Number of rows whose answer is correct.
    pub correct: usize,
    /// Number of rows whose answer is wrong; the rest are unknown.
    pub wrong: usize,
}

impl GatheredRun {
    /// Starts a run without rows.
    #[must_use]
    pub fn new(header: RowsHeader) -> Self {
        Self {
            folder: String::new(),
            is_torn: false,
            rows: 0,
            planned: planned(&header),
            items: Vec::new(),
            refused: BTreeMap::new(),
            gold: None,
            header,
        }
    }

    /// Reads a run's folder.
    ///
    /// # Errors
    /// Names the file and the line that is not a row or not the planned one.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut reader = Reader::open(folder)?;
        let mut plan = reader.header().plan();
        let mut run = Self::new(reader.header().clone());
        run.folder = folder.to_string_lossy().into_owned();
        while let Some(row) = reader.row()? {
            if plan.next() != Some((row.index, row.body.experiment())) {
                let message = format!(
                    "row out of order: problem {} {}",
                    row.index,
                    row.body.experiment().as_str()
                );
                let hint =
                    "the file was changed since it was written: run again into another folder";
                return Err(Error::data(
                    &folder.join(FILE),
                    Some(run.rows + 2),
                    message,
                    hint,
                ));
            }
            run.add(row);
        }
        run.is_torn = reader.is_torn();
        Ok(run)
    }

    /// Returns whether the run holds every row of every shard.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows == self.planned && self.header.shard.of == 1 && !self.is_torn
    }

    /// Adds a row; rows come in the order of the file.
    pub fn add(&mut self, row: Row) {
        self.rows += 1;
        let experiment = row.body.experiment();
        if let Some(reason) = &row.refused {
            self.refuse(experiment, reason.clone(), row.correct);
        }
        if let Body::Accuracy(Some(found)) = &row.body {
            for (mode, reason) in &found.refused {
                self.refuse(experiment, format!("{mode} mode: {reason}"), row.correct);
            }
        }
        if self.items.last().is_none_or(|item| item.index != row.index) {
            self.gold = None;
            self.items.push(RunItem::new(row.index, 0));
        }
        if let Some(item) = self.items.last_mut() {
            item.add(row, &mut self.gold);
        }
    }

    /// Counts a refusal. Reasons beyond the first [`MOST_REASONS`] are counted together.
    fn refuse(&mut self, experiment: Experiment, reason: String, correct: Option<bool>) {
        let kept = self.refused.keys().filter(|(of, _)| *of == experiment);
        let is_full = kept.count() >= MOST_REASONS;
        let key = (experiment, reason);
        let key = if is_full && !self.refused.contains_key(&key) {
            (experiment, "other reasons".to_owned())
        } else {
            key
        };
        let refused = self.refused.entry(key).or_default();
        refused.rows += 1;
        refused.correct += usize::from(correct == Some(true));
        refused.wrong += usize::from(correct == Some(false));
    }
}

/// Returns the number of rows of a complete run of the header's shard, without iterating over its plan.
fn planned(header: &RowsHeader) -> usize {
    let (n, batch, shard) = (header.data.n, header.settings.batch.max(1), header.shard);
    let (full, rest) = (n / batch, n % batch);
    let held = full.saturating_add(shard.of - shard.index) / shard.of;
    let last = if shard.holds(full) { rest } else { 0 };
    let problems = held.saturating_mul(batch).saturating_add(last);
    problems.saturating_mul(header.experiments.len())
}
