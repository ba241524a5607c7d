//! Runs the experiments on every problem of a data set and produces their rows (`rows`).
//!
//! Problems are split into fixed batches, so that rows depend neither on interruptions nor on the number of jobs. Each kind
//! of experiment has its file; `run` is the main loop.

mod ablation;
mod accuracy;
mod chaining;
mod exits;
mod gold;
mod problem;
pub mod run;
mod subject;
mod tokens;

pub use problem::Work;
