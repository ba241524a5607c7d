//! The ground floor: plain data, text, errors, files, statistics and data sets.
//!
//! Knows no tensor, no model and no screen. It may use crates of general use, and nothing else of ours. Start at [`types`] for what a run,
//! an intervention and a verdict are; at [`text`] for how foreign text is shown.

pub mod answers;
pub mod datasets;
pub mod error;
pub(crate) mod file;
pub(crate) mod logging;
pub(crate) mod paths;
pub mod problem;
pub mod problem_file;
pub mod stats;
pub mod text;
pub mod types;
