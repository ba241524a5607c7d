//! The laboratory: what can be asked about a question, and every experiment over a data set.
//!
//! Puts models, decoding and verification together; knows no screen. It may use `core`, `verify` and `engine`. A verdict is made in
//! `analysis::verdict`, a reference set and its donors in `analysis::reference`, the rows of a run in [`rows`], its tables in [`report`].

pub mod analysis;
pub mod batch;
mod inquiry;
pub mod parity;
pub mod report;
pub mod rows;

pub use analysis::Workbench;
pub use inquiry::Inquiry;
