//! The laboratory: analyses of a single question, and experiments over a data set.
//!
//! Combines models, decoding and verification without a user interface; may use `core`, `verify` and `engine`. Verdicts are made
//! in `analysis::verdict`, reference sets and donors in `analysis::reference`, a run's rows in [`rows`], its tables in [`report`],
//! and the writers of documents in [`present`].

pub mod analysis;
pub mod batch;
pub mod evaluation;
mod inquiry;
pub mod parity;
pub mod present;
pub mod reference_files;
pub mod report;
pub mod rows;

pub use analysis::Workbench;
pub use inquiry::Inquiry;
