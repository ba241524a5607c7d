//! Runs over whole data sets: every experiment on every problem, as rows (`rows`).
//!
//! Problems are worked on in batches of a fixed size and place, so that what stands in a row depends neither on where a run was
//! interrupted nor on how many jobs share the work. One file a kind of experiment; `run` is the loop.

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
