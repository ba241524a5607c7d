//! The options of `run` and `merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BudgetArgs, CheckpointArgs, Split, Value, at_least_one, top_k};
use crate::lab::rows::{Experiment, Protocol, Shard};

/// Options of `run`.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// The model.
    #[command(flatten)]
    pub model: CheckpointArgs,
    /// Problems; without it, generated ones of the model's own kind
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// What is computed of each problem
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_values_t = ExperimentName::ALL)]
    pub experiments: Vec<ExperimentName>,
    /// The run's folder; a run in it is resumed
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// How many problems [default: 1000, or all of a file]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub limit: Option<usize>,
    /// Which part of the problems, as 2/4: the 2nd of 4
    #[arg(long, value_name = "I/N", value_parser = Shard::parse, default_value = "1/1")]
    pub shard: Shard,
    /// The seed of generated problems and of what is drawn
    #[arg(long, value_name = "S", default_value_t = 0)]
    pub seed: u64,
    /// The split of generated problems
    #[arg(hide_short_help = true, long, value_enum, default_value_t = Split::Test, conflicts_with = "data")]
    pub split: Split,
    /// Whose definitions are followed
    #[arg(long, value_enum, default_value_t = ProtocolName::Default)]
    pub mode: ProtocolName,
    /// How many top tokens of a latent searches read [default: 5; 10 in paper mode]
    #[arg(hide_short_help = true, long, value_name = "K", value_parser = top_k)]
    pub top_k: Option<usize>,
    /// What single latents are replaced by when needed ones are looked for, as in `ablate`
    #[arg(hide_short_help = true, long, value_enum, default_value_t = Value::Mean, hide_possible_values = true)]
    pub value: Value,
    /// Batches that are worked on side by side [default: as many as suits the model]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = at_least_one)]
    pub jobs: Option<usize>,
    /// Problems of a batch [default: as many as suits the model]
    #[arg(hide_short_help = true, long, value_name = "N", value_parser = at_least_one)]
    pub batch: Option<usize>,
    /// A control: the model with the values of every matrix in a drawn order
    #[arg(hide_short_help = true, long, value_enum, value_name = "KIND")]
    pub control: Option<ControlName>,
    /// Write Parquet too, a file for each experiment
    #[arg(long)]
    pub parquet: bool,
    /// The budget of a verdict.
    #[command(flatten)]
    pub budget: BudgetArgs,
}

/// Options of `merge`.
#[derive(Debug, Clone, Args)]
pub struct MergeArgs {
    /// The folders of all shards of one run
    #[arg(value_name = "DIR", required = true)]
    pub folders: Vec<PathBuf>,
    /// The folder of the whole
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Write Parquet too, a file for each experiment
    #[arg(long)]
    pub parquet: bool,
}

/// The experiments on a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ExperimentName {
    /// The answer in every mode
    Accuracy,
    /// The answer forced after each number of latents
    EarlyStopping,
    /// Latents switched off
    Ablation,
    /// The gold trace in the decoded latents
    Backtracking,
    /// A trace without the gold one
    ForwardChaining,
    /// The verdict with its evidence
    Verdict,
}

impl ExperimentName {
    /// All experiments.
    pub const ALL: [Self; 6] = [
        Self::Accuracy,
        Self::EarlyStopping,
        Self::Ablation,
        Self::Backtracking,
        Self::ForwardChaining,
        Self::Verdict,
    ];
}

impl From<ExperimentName> for Experiment {
    fn from(name: ExperimentName) -> Self {
        match name {
            ExperimentName::Accuracy => Self::Accuracy,
            ExperimentName::EarlyStopping => Self::EarlyStopping,
            ExperimentName::Ablation => Self::Ablation,
            ExperimentName::Backtracking => Self::Backtracking,
            ExperimentName::ForwardChaining => Self::ForwardChaining,
            ExperimentName::Verdict => Self::Verdict,
        }
    }
}

impl std::fmt::Display for ExperimentName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = self.to_possible_value();
        f.write_str(name.as_ref().map_or("", |name| name.get_name()))
    }
}

/// The definitions that experiments follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ProtocolName {
    /// Ours: five tokens a latent, exact numbers, a null for every search
    Default,
    /// The paper's: ten tokens a latent, its searches and its verifier
    Paper,
}

impl From<ProtocolName> for Protocol {
    fn from(name: ProtocolName) -> Self {
        match name {
            ProtocolName::Default => Self::Default,
            ProtocolName::Paper => Self::Paper,
        }
    }
}

/// The kind of a control run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControlName {
    /// The values of every matrix in a drawn order
    RandomWeights,
}
