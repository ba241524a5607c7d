//! The command line as clap types, shared by parsing, help and completions. Doc comments of options and values are help texts.

mod ablation;
mod batch;
mod calibrate;
mod completions;
mod data;
mod lens;
mod model;
mod report;
mod study;
mod trace;
mod values;
mod verdict;

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};

use crate::core::error::{Error, Result};
use crate::core::problem::Split;
use crate::core::types::{AblationValue, LatentIdx};

pub use self::ablation::{ALL, MannerArgs};
pub use self::batch::{ControlName, MergeArgs, RunArgs};
pub use self::calibrate::CalibrateArgs;
pub use self::completions::CompletionsArgs;
use self::data::range;
pub use self::data::{
    DataArgs, DataCommand, GenerateArgs, Gsm8kArgs, PrepareCommand, ProblemsArgs, ProblemsCommand,
};
pub use self::lens::{FitArgs, LensArgs, LensCommand, Rank, ReadArgs};
pub use self::model::{CheckpointArgs, Device, ModelArgs, ShapeName};
pub use self::report::RunReportArgs;
pub use self::study::{
    AblateArgs, EditArgument, ProblemArgs, ReportArgs, ReportFormat, StudyArgs, SweepArgs,
};
pub use self::trace::{ReadsName, RecordShape, SearchName, TokensName, TraceArgs, TraceMode};
pub use verdict::BudgetArgs;

/// The default model.
pub const DEFAULT_MODEL: &str = "mini-math";
/// The largest number of tokens shown of a projection.
const MAX_TOP_K: usize = 1000;

/// The text after the options in the long help.
const AFTER_HELP: &str = "\
Exit codes: 0 ok, 1 verdict not sound (with --check), 2 usage or configuration,
            3 model or data, 101 bug";

/// A terminal explorer for latent reasoning models.
///
/// Without a command, opens the explorer: step through a run token by token, read what each latent token
/// decodes to, switch latent tokens off and see the answer change, and read a verifier's verdict.
#[derive(Debug, Clone, Parser)]
#[command(
    name = "undertone",
    version,
    max_term_width = 80,
    args_conflicts_with_subcommands = true,
    after_long_help = AFTER_HELP
)]
pub struct Cli {
    /// The options of the explorer.
    #[command(flatten)]
    pub explore: ExploreArgs,
    /// The command, if any.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The parser's message when there is nothing to run: help, version, or a usage error.
#[derive(Debug, Clone)]
pub struct ParserMessage {
    /// The text, not sanitised: an error quotes the arguments.
    pub text: String,
    /// Whether it is a usage error, printed to standard error.
    pub is_refusal: bool,
}

/// Parses arguments; the first is the program's name.
///
/// # Errors
/// A usage error, and also help and version, since there is nothing to run.
pub fn parse(args: impl IntoIterator<Item = OsString>) -> Result<Cli, ParserMessage> {
    parse_here(args, "")
}

/// Parses like [`parse`], and appends `folders`, a text on where files are, to the long help.
///
/// # Errors
/// As [`parse`].
pub fn parse_here(
    args: impl IntoIterator<Item = OsString>,
    folders: &str,
) -> Result<Cli, ParserMessage> {
    let command = Cli::command().after_long_help(format!("{AFTER_HELP}\n\n{folders}"));
    let args: Vec<OsString> = args.into_iter().collect();
    let behind = behind_the_command(&command, &args);
    let parse = |args: Vec<OsString>| {
        let matches = command.clone().try_get_matches_from(args);
        matches.and_then(|matches| Cli::from_arg_matches(&matches))
    };
    // Options before the command are taken as the command's own unless they parse as the explorer's.
    let parsed = parse(args).or_else(|said| match behind.map(parse) {
        Some(Ok(cli)) => Ok(cli),
        // The command knows its options; the error is another one and more helpful.
        Some(Err(other)) if other.kind() != clap::error::ErrorKind::UnknownArgument => Err(other),
        _ => Err(said),
    });
    parsed.map_err(|said| ParserMessage {
        text: said.render().to_string(),
        is_refusal: said.use_stderr(),
    })
}

/// Moves arguments given before the command's name to after it. Returns `None` if no argument precedes the name.
fn behind_the_command(command: &clap::Command, args: &[OsString]) -> Option<Vec<OsString>> {
    let is_command = |arg: &OsString| {
        arg.to_str()
            .is_some_and(|name| command.find_subcommand(name).is_some())
    };
    let at = args.iter().skip(1).position(is_command)? + 1;
    let mut args = args.to_vec();
    args[1..=at].rotate_right(1);
    (at > 1).then_some(args)
}

/// The options of the explorer.
#[derive(Debug, Clone, Args)]
pub struct ExploreArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Problems to pick from, in any published form
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// Which problem of the file to open first, counted from 0
    #[arg(
        hide_short_help = true,
        long,
        value_name = "I",
        default_value_t = 0,
        requires = "data"
    )]
    pub index: usize,
    /// The run that D shows: the folder of `run --out`
    #[arg(long, value_name = "DIR")]
    pub run: Option<PathBuf>,
    /// The display.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// The options of the display.
#[derive(Debug, Clone, Args)]
pub struct ScreenArgs {
    /// Colour: always, never, or auto as `NO_COLOR` says
    #[arg(hide_short_help = true, long, value_enum, value_name = "WHEN", hide_possible_values = true, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Draw with ASCII characters alone
    #[arg(hide_short_help = true, long)]
    pub ascii: bool,
}

/// Whether to use colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless `NO_COLOR` is set
    #[default]
    Auto,
    /// Always
    Always,
    /// Never; emphasis stays
    Never,
}

/// The commands.
#[derive(Debug, Clone, Subcommand)]
pub enum Command {
    /// List the bundled models and the published checkpoints
    Models(ModelsArgs),
    /// Download a published checkpoint from the Hugging Face hub
    Fetch(FetchArgs),
    /// Run one problem and report what its latent tokens hold
    Inspect(InspectArgs),
    /// Switch latent tokens off, or edit the question
    Ablate(AblateArgs),
    /// Ask of every latent token whether it is necessary or sufficient
    Sweep(SweepArgs),
    /// Switch every set of latent tokens off
    Lattice(StudyArgs),
    /// Measure what each latent token does to later ones and the answer
    Influence(StudyArgs),
    /// Read latent tokens after every layer, or fit a learned lens
    Lens(LensArgs),
    /// Search decoded top tokens from elsewhere for reasoning traces
    Trace(TraceArgs),
    /// Measure a model's accuracy with and without its latent tokens
    Eval(EvalArgs),
    /// Run experiments over a data set, a row for each problem
    #[command(
        long_about = "Run experiments over a data set, a row for each problem and experiment; run again, it resumes"
    )]
    Run(RunArgs),
    /// Put the shards of one run together
    Merge(MergeArgs),
    /// Say what a run is worth, with controls and published values
    Report(RunReportArgs),
    /// Count how often verdicts are right on models whose truth is known
    #[command(
        long_about = "Judge models whose truth is known, and count how often what each rung claims is true"
    )]
    Calibrate(CalibrateArgs),
    /// Make problems
    Problems(ProblemsArgs),
    /// Prepare published data sets
    Data(DataArgs),
    /// Turn a saved session into a report
    Export(ExportArgs),
    /// Open a saved session in the explorer
    Open(OpenArgs),
    /// Print a completion script for a shell
    Completions(CompletionsArgs),
    /// Show the keys of the explorer
    Keys(KeysArgs),
    /// Measure how fast a model loads and runs here
    Bench(BenchArgs),
    /// Check the engine against the reference's outputs
    Selftest(SelftestArgs),
}

/// Options of `bench`.
#[derive(Debug, Clone, Args)]
pub struct BenchArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// What is timed: forward passes, or a question's counterfactuals
    #[arg(long, value_enum, default_value_t = Suite::Forward)]
    pub suite: Suite,
    /// How often each part is timed; the fastest counts
    #[arg(long, value_name = "N", default_value_t = 5, value_parser = at_least_one)]
    pub repeats: usize,
    /// Write a random checkpoint of this shape instead
    #[arg(long, value_enum, requires = "out")]
    pub make: Option<ShapeName>,
    /// Where to write it
    #[arg(long, value_name = "DIR", requires = "make")]
    pub out: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long, requires = "make")]
    pub force: bool,
    /// A program that times the same on the folder that is its last argument, for ratios
    #[arg(long, value_name = "CMD", conflicts_with = "make")]
    pub reference: Option<String>,
    /// Print JSON, schema undertone.bench/1
    #[arg(long)]
    pub json: bool,
}

/// The suites of `bench`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Suite {
    /// Loading, prompt, latent steps and answers
    #[default]
    Forward,
    /// Early exits, single ablations and the lattice
    Counterfactual,
}

/// Options of `selftest`.
#[derive(Debug, Clone, Args)]
pub struct SelftestArgs {
    /// A folder with checkpoints/ and golden/
    #[arg(long, value_name = "DIR")]
    pub fixtures: PathBuf,
    /// Where the model runs
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = Device::from_str)]
    pub device: Device,
    /// Print JSON, schema undertone.selftest/1
    #[arg(long)]
    pub json: bool,
}

/// Options of `models`.
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Options of `fetch`.
#[derive(Debug, Clone, Args)]
pub struct FetchArgs {
    /// OWNER/NAME, or OWNER/NAME/FOLDER where a repository holds several
    pub id: String,
    /// Use what is in the cache and no network
    #[arg(long)]
    pub offline: bool,
    /// Print JSON, schema undertone.fetch/1
    #[arg(long)]
    pub json: bool,
}

/// Options of `inspect`.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("problem").required(true).args(["question", "data"]))]
pub struct InspectArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The question; - reads it from standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub question: Option<String>,
    /// Problems: JSON Lines, a JSON array or raw text
    #[arg(long, value_name = "FILE", requires = "index")]
    pub data: Option<PathBuf>,
    /// Which problem of the file, counted from 0
    #[arg(long, value_name = "I", requires = "data", conflicts_with = "question")]
    pub index: Option<usize>,
    /// Latent tokens to switch off: 2,4 or 1-3 or all
    #[arg(long, value_name = "LATENTS")]
    pub off: Option<OffArgument>,
    /// What replaces those latents
    #[arg(long, value_enum, default_value_t = AblationValue::Resample, requires = "off")]
    pub value: AblationValue,
    /// How many tokens of each projection to show
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = top_k)]
    pub top_k: usize,
    /// Look for a trace and judge it
    #[arg(long)]
    pub verdict: bool,
    /// Exit with 1 unless the verdict is sound
    #[arg(long, requires = "verdict")]
    pub check: bool,
    /// The budget of the verdict.
    #[command(flatten)]
    pub budget: BudgetArgs,
    /// Print JSON, schema undertone.inspect/1
    #[arg(long)]
    pub json: bool,
    /// Print text (the default)
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
    /// Print ASCII characters alone in text
    #[arg(long)]
    pub ascii: bool,
}

/// The latents to switch off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OffArgument {
    /// All of them.
    All,
    /// These, counted from 1.
    Some(BTreeSet<LatentIdx>),
}

impl OffArgument {
    /// Returns the latents that are off when `n_latents` are run.
    ///
    /// # Errors
    /// A usage error that names the first latent beyond `n_latents`.
    pub fn latents(&self, n_latents: usize) -> Result<BTreeSet<LatentIdx>> {
        let latents = match self {
            Self::All => (1..=n_latents).map(LatentIdx).collect(),
            Self::Some(latents) => latents.clone(),
        };
        match latents.iter().find(|latent| latent.0 > n_latents) {
            Some(latent) => Err(Error::usage(format!(
                "cannot switch latent {latent} off: the run has {n_latents}"
            ))),
            None => Ok(latents),
        }
    }
}

impl FromStr for OffArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "all" {
            return Ok(Self::All);
        }
        let mut latents = BTreeSet::new();
        for part in text.split(',') {
            let part = range(part).ok().filter(|part| *part.start() > 0);
            // No model has that many; the bound keeps a typo from filling the memory.
            let part = part.filter(|part| *part.end() <= 10_000);
            let part = part.ok_or("expected latents counted from 1, as in 2,4 or 1-3, or all")?;
            latents.extend(part.map(LatentIdx));
        }
        Ok(Self::Some(latents))
    }
}

/// Options of `eval`.
#[derive(Debug, Clone, Args)]
pub struct EvalArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Problems; without it, test problems of the model's own kind
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// How many problems [default: 1000, or all of the file]
    #[arg(long, value_name = "N", value_parser = at_least_one)]
    pub n: Option<usize>,
    /// The seed of the generated problems [default: 0], or of the order in which those of a file are taken
    #[arg(long, value_name = "S")]
    pub seed: Option<u64>,
    /// The split of the generated problems
    #[arg(long, value_enum, default_value_t = Split::Test, conflicts_with = "data")]
    pub split: Split,
    /// Judge the first N problems too: verdicts beside correctness, and the null's rate
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub verdicts: usize,
    /// The budget of a verdict.
    #[command(flatten)]
    pub budget: BudgetArgs,
    /// Print JSON, schema undertone.eval/1
    #[arg(long)]
    pub json: bool,
}

/// Options of `export`.
#[derive(Debug, Clone, Args)]
pub struct ExportArgs {
    /// A saved session
    pub session: PathBuf,
    /// The format
    #[arg(long, value_enum)]
    pub format: Format,
    /// The file to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
}

/// The format of an exported report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One object with every value, schema undertone.export/1
    Json,
    /// A Markdown report to read
    Md,
}

/// Options of `open`.
#[derive(Debug, Clone, Args)]
pub struct OpenArgs {
    /// A saved session; shown as recorded, and compared where its model is at hand
    pub file: PathBuf,
    /// Where the model runs
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = Device::from_str)]
    pub device: Device,
    /// The display.
    #[command(flatten)]
    pub screen: ScreenArgs,
}

/// Options of `keys`.
#[derive(Debug, Clone, Args)]
pub struct KeysArgs {
    /// Print one line a key, for scripts
    #[arg(long)]
    pub list: bool,
}

fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|n| *n > 0)
        .ok_or_else(|| "expected a number, at least 1".to_owned())
}

fn top_k(text: &str) -> Result<usize, String> {
    at_least_one(text)
        .ok()
        .filter(|k| *k <= MAX_TOP_K)
        .ok_or_else(|| format!("expected a number from 1 to {MAX_TOP_K}"))
}

#[cfg(test)]
mod tests;
