//! The rows of a batch run: what they hold (`row`), the header that says how they were made (`header`), and the file that keeps
//! them (`journal`), what a problem's rows come to in a table (`summary`), what a whole run
//! says of the rungs (`calibration`), and reading a file while it grows (`watch`). The format is described in docs/rows.md.
//!
//! A run's folder holds `rows.jsonl`: a header line, then one line a problem and experiment, problems in the order of the data
//! set and experiments in that of [`Experiment::ALL`]. Nothing in it depends on when, how fast or on how many threads it was
//! made, so that an interrupted run, or a merged one, is the undisturbed one byte for byte.

pub mod calibration;
pub mod header;
pub mod journal;
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

pub use header::{Data, Header, Protocol, Settings, Shard};
pub use row::{Body, Experiment, Row};

/// The schema of the file; fields are only ever added under one number.
pub const SCHEMA: &str = "undertone.rows/1";

/// The file's name in a run's folder.
pub const FILE: &str = "rows.jsonl";
