//! Tests of the explorer as a whole: key scripts on a scripted worker, drawn on a test backend.

mod dataset;
mod drafts;
mod drawing;
pub mod fixture;
mod harness;
mod hostile;
mod pages;
mod reducer;
mod scenario;
