//! The options of `run` and `merge`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::{BudgetArgs, CheckpointArgs, at_least_one, top_k};
use crate::core::problem::Split;
use crate::core::types::AblationValue;
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
    #[arg(long, value_enum, value_name = "LIST", value_delimiter = ',', default_values_t = Experiment::value_variants().to_vec())]
    pub experiments: Vec<Experiment>,
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
    #[arg(long, value_enum, default_value_t = Protocol::Default)]
    pub mode: Protocol,
    /// How many top tokens of a latent searches read [default: 5; 10 in paper mode]
    #[arg(hide_short_help = true, long, value_name = "K", value_parser = top_k)]
    pub top_k: Option<usize>,
    /// What single latents are replaced by when needed ones are looked for, as in `ablate`
    #[arg(hide_short_help = true, long, value_enum, default_value_t = AblationValue::Mean, hide_possible_values = true)]
    pub value: AblationValue,
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

/// The kind of a control run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ControlName {
    /// The values of every matrix in a drawn order
    RandomWeights,
}
