//! `undertone problems generate`: writes generated problems as JSONL.

use crate::commands::cli::GenerateArgs;
use crate::core::error::{Error, Result};
use crate::core::file::Outputs;
use crate::core::problem::{self, Spec};
use crate::core::problem_file;

/// Generates problems and writes them.
///
/// # Errors
/// When the options do not fit the family, or the file cannot be written.
pub fn generate(args: &GenerateArgs) -> Result<()> {
    let spec = Spec {
        family: args.family,
        split: args.split,
        steps: args.steps.clone(),
        extra_facts: args.extra_facts.clone(),
    };
    let problems = problem::generate(&spec, args.n, args.seed)
        .map_err(|error| Error::usage(error.to_string()))?;
    Outputs::new(args.force).writes(&args.out)?;
    problem_file::write(&args.out, &problems)
}
