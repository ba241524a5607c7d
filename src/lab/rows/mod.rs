//! The rows of a batch run: their contents (`row`), the header with their settings (`header`), their file (`journal`), the
//! summary of a problem's rows (`summary`, of parts in `kept`), the calibration of rungs (`calibration`), and reading a growing file (`watch`).
//! docs/rows.md describes the format.
//!
//! A run's folder holds `rows.jsonl`: a header line, then one line per problem and experiment, with problems in the order of
//! the data set and experiments in that of [`Experiment::ALL`]. The file does not depend on time, speed or thread count, so
//! that a resumed or merged run equals an uninterrupted one byte for byte.

pub mod calibration;
pub mod header;
pub mod journal;
pub mod kept;
mod lines;
#[cfg(test)]
pub(crate) mod made;
pub mod merge;
pub mod parquet;
pub mod row;
pub mod summary;
#[cfg(test)]
mod tests;
pub mod watch;

pub use header::{Data, Protocol, RowsHeader, RunSettings, Shard};
pub use row::{Body, Experiment, Row};

/// The schema of the file. Fields are only added without a new number.
pub const SCHEMA: &str = "undertone.rows/1";

/// The file's name in a run's folder.
pub const FILE: &str = "rows.jsonl";
