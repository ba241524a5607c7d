//! `undertone trace`: searches decoded latents from other programs for reasoning traces, without a model.

pub mod baselines;
pub mod json;
pub mod last_step;
pub mod ours;
pub mod paper;
pub mod paper_summary;
pub mod summary;

use super::print_note;
use crate::commands::cli::{RecordShape, TraceArgs, TraceMode};
use crate::core::error::Result;
use crate::core::problem_file::decoded;
use crate::core::text::sanitize;

/// Reads the records, searches them, and prints the results.
///
/// # Errors
/// When options are incompatible, or the file cannot be read as decoded latents.
pub fn run(args: &TraceArgs) -> Result<()> {
    args.check()?;
    let records = decoded::read(&args.latents)?;
    if decoded::is_unreadable(&records) {
        let path = &args.latents;
        print_note(&sanitize(&format!(
            "no token of any latent in {path:?} has a letter or a digit: decode the ids with the tokenizer of the model first"
        )));
    }
    match args.mode {
        TraceMode::Paper => paper::run(args, &records),
        TraceMode::Default => ours::run(args, &records),
    }
}

/// Returns the position that predicts the answer of a record with `latents` latent positions.
fn answer_column(args: &TraceArgs, latents: usize) -> usize {
    let behind = match args.shape {
        RecordShape::Codi => 4,
        RecordShape::Coconut => 1,
    };
    args.answer_column.unwrap_or(latents + behind)
}
