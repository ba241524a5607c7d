//! The options of `trace`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{ReportArgs, at_least_one, top_k};
use crate::core::error::{Error, Result};

/// Options of `trace`.
#[derive(Debug, Clone, Args)]
pub struct TraceArgs {
    /// Decoded latents, a record a line: question, latents, `table_tail`, ...
    #[arg(long, value_name = "FILE")]
    pub latents: PathBuf,
    /// Our own search with its null, or the published ones bit for bit
    #[arg(long, value_enum, default_value_t = TraceMode::Default)]
    pub mode: TraceMode,
    /// What our own search looks for: whole traces, or any last step
    #[arg(long, value_enum, default_value_t = SearchName::Trace)]
    pub search: SearchName,
    /// Try other records' answers of equal step count
    #[arg(long)]
    pub answers: bool,
    /// How many tokens of each position are read [default: 5; all in paper mode]
    #[arg(long, value_name = "K", value_parser = top_k)]
    pub top_k: Option<usize>,
    /// How many operands a step of our own search may have, 2 or 3
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u8).range(2..=3))]
    pub operands: u8,
    /// Which integers may be operands of a last step [default: published]
    #[arg(long, value_enum)]
    pub reads: Option<ReadsName>,
    /// How many positions after its operands a result is read [default: 1; in paper mode 2 for codi, 1 for coconut]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub offset: Option<usize>,
    /// The position that predicts the answer [default: 4 after the last latent for codi, 1 for coconut]
    #[arg(long, value_name = "P", value_parser = at_least_one)]
    pub answer_column: Option<usize>,
    /// Whose positions they are
    #[arg(long, value_enum, default_value_t = RecordShape::Codi)]
    pub shape: RecordShape,
    /// Whose tokens they are, in paper mode
    #[arg(long, value_enum, default_value_t = TokensName::Gpt2)]
    pub tokens: TokensName,
    /// How many other records the null takes at most
    #[arg(long, value_name = "N", default_value_t = 1000)]
    pub others: usize,
    /// How many traces of a record are listed at most
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub list: usize,
    /// The output format.
    #[command(flatten)]
    pub report: ReportArgs,
}

impl TraceArgs {
    /// Refuses options that have no effect in the mode.
    ///
    /// # Errors
    /// A usage error that names the option.
    pub fn check(&self) -> Result<()> {
        let paper = self.mode == TraceMode::Paper;
        if paper && (self.answers || self.search != SearchName::Trace) {
            return Err(Error::usage_with_hint(
                "--answers and --search are settings of our own search",
                "leave them out with --mode paper",
            ));
        }
        if self.reads.is_some() && self.search != SearchName::LastStep {
            return Err(Error::usage_with_hint(
                "--reads is a setting of the search for a last step",
                "pass --search last-step with it",
            ));
        }
        if !paper && self.tokens != TokensName::Gpt2 {
            return Err(Error::usage_with_hint(
                "--tokens is a setting of the published searches",
                "pass --mode paper with it",
            ));
        }
        Ok(())
    }
}

/// The searches to run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TraceMode {
    /// Our own search, its null, and a summary
    Default,
    /// Backtracking and forward chaining as published
    Paper,
}

/// The target of our search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SearchName {
    /// Traces from the question to the answer, every result read at a later position
    Trace,
    /// One step to the answer from any numbers that are read, whatever gave them
    LastStep,
}

/// The integers of the latents that may be operands of a last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReadsName {
    /// All of the last latent and the first of each earlier one
    Published,
    /// All of every latent
    All,
}

/// The model family that defines a record's positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum RecordShape {
    /// The end marker and 'The answer is:' before the answer
    Codi,
    /// The end marker and '###' before the answer
    Coconut,
}

/// The tokenizer of a record's tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum TokensName {
    /// GPT-2
    Gpt2,
    /// Llama 3
    Llama3,
}
