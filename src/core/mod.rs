//! The lowest layer: plain data, text, errors, files, statistics and data sets.
//!
//! Independent of tensors, models and screens; depends on general-purpose crates only. Start at [`types`] for runs, interventions
//! and verdicts, and at [`text`] for the display of untrusted text.

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
