//! The options of the commands that make or prepare problems.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::at_least_one;
use crate::core::problem::{Family, Split};

/// Options of `problems`.
#[derive(Debug, Clone, Args)]
pub struct ProblemsArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: ProblemsCommand,
}

/// The commands of `problems`.
#[derive(Debug, Clone, Subcommand)]
pub enum ProblemsCommand {
    /// Generate problems; the same options always give the same file
    Generate(GenerateArgs),
}

/// Options of `problems generate`.
#[derive(Debug, Clone, Args)]
pub struct GenerateArgs {
    /// The kind of problem
    #[arg(long, value_enum)]
    pub family: Family,
    /// How many
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub n: usize,
    /// The seed
    #[arg(long)]
    pub seed: u64,
    /// The split; no problem is in two of them
    #[arg(long, value_enum, default_value_t = Split::Test)]
    pub split: Split,
    /// How many steps: 2 or 1-3 [default: as the split has]
    #[arg(long, value_name = "MIN-MAX", value_parser = range)]
    pub steps: Option<RangeInclusive<usize>>,
    /// How many facts beyond the needed ones, for logic [default: as the split has]
    #[arg(long, value_name = "MIN-MAX", value_parser = range)]
    pub extra_facts: Option<RangeInclusive<usize>>,
    /// The file to write, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
}

/// Options of `data`.
#[derive(Debug, Clone, Args)]
pub struct DataArgs {
    /// The subcommand.
    #[command(subcommand)]
    pub command: DataCommand,
}

/// The commands of `data`.
#[derive(Debug, Clone, Subcommand)]
pub enum DataCommand {
    /// Make the test sets of a paper from the files it started from
    Prepare(PrepareArgs),
}

/// Options of `data prepare`.
#[derive(Debug, Clone, Args)]
pub struct PrepareArgs {
    /// The data set.
    #[command(subcommand)]
    pub command: PrepareCommand,
}

/// A data set that can be prepared.
#[derive(Debug, Clone, Subcommand)]
pub enum PrepareCommand {
    /// GSM8k-Aug: original, valid-gold-reasoning-trace, vocab-projection-friendly
    Gsm8k(Gsm8kArgs),
}

/// Options of `data prepare gsm8k`.
#[derive(Debug, Clone, Args)]
pub struct Gsm8kArgs {
    /// The raw test set: lines of QUESTION || STEP STEP ## ANSWER, or JSON
    #[arg(long, value_name = "FILE")]
    pub raw: PathBuf,
    /// Alternative solutions, in the order of the raw set: MultiChain's test split as JSON
    #[arg(long, value_name = "FILE")]
    pub multichain: Option<PathBuf>,
    /// The tokenizers for which a number has to be one token: files, or folders with a tokenizer.json
    #[arg(long, value_name = "DIR,DIR", value_delimiter = ',', required = true)]
    pub tokenizer: Vec<PathBuf>,
    /// The folder to write to
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Print the manifest, schema undertone.data/1
    #[arg(long)]
    pub json: bool,
}

/// Parses `3` or `1-3`.
pub(super) fn range(text: &str) -> Result<RangeInclusive<usize>, String> {
    let (min, max) = text.split_once('-').unwrap_or((text, text));
    match (min.trim().parse(), max.trim().parse()) {
        (Ok(min), Ok(max)) if min <= max => Ok(min..=max),
        (Ok(_), Ok(_)) => Err("the first number must not be the larger one".to_owned()),
        _ => Err("expected a number or a range, as in 2 or 1-3".to_owned()),
    }
}
