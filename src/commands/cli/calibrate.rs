//! The options of `calibrate`.

use std::path::PathBuf;

use clap::Args;

use super::{BudgetArgs, at_least_one};

/// The largest number of problems of each kind and size.
const MOST: usize = 10_000;

fn problems(text: &str) -> Result<usize, String> {
    at_least_one(text)
        .ok()
        .filter(|n| *n <= MOST)
        .ok_or_else(|| format!("expected a number from 1 to {MOST}"))
}

/// Options of `calibrate`.
#[derive(Debug, Clone, Args)]
pub struct CalibrateArgs {
    /// The kinds of models to judge [default: every kind]
    #[arg(value_name = "PLANT")]
    pub plants: Vec<String>,
    /// Problems of each kind and size
    #[arg(short, long, value_name = "N", default_value_t = 100, value_parser = problems)]
    pub n: usize,
    /// Draws models and problems
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u32,
    /// The budget of the verdicts.
    #[command(flatten)]
    pub budget: BudgetArgs,
    /// Write the models and problems too, a folder each
    #[arg(long, value_name = "DIR")]
    pub save: Option<PathBuf>,
    /// Write Markdown
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Print JSON, schema undertone.calibrate/1
    #[arg(long)]
    pub json: bool,
}
