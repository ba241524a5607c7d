//! The options of `lens` and of `lens fit`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::{ModelArgs, ProblemArgs, ReportArgs, at_least_one};

const LENS: &str = "\
undertone lens [OPTIONS] <--question <TEXT>|--data <FILE>>
       undertone lens fit [OPTIONS] --out <DIR>";

/// Options of `lens`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = LENS, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub struct LensArgs {
    /// The subcommand, if any.
    #[command(subcommand)]
    pub command: Option<LensCommand>,
    /// The options of reading a question.
    #[command(flatten)]
    pub read: ReadArgs,
}

/// The subcommands of `lens`.
#[derive(Debug, Clone, Subcommand)]
pub enum LensCommand {
    /// Fit a learned lens to a model, supervised on gold steps
    Fit(Box<FitArgs>),
}

/// The options of reading a question.
#[derive(Debug, Clone, Args)]
pub struct ReadArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The question.
    #[command(flatten)]
    pub problem: ProblemArgs,
    /// The token to follow, as text [default: the answer's first]
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub token: Option<String>,
    /// The token to follow, by its id
    #[arg(long, value_name = "N", conflicts_with = "token")]
    pub token_id: Option<u32>,
    /// A learned lens beside the plain one: the model's bundled one, or that of a folder
    #[arg(long, value_name = "DIR")]
    #[expect(
        clippy::option_option,
        reason = "the flag may be given without a folder"
    )]
    pub learned: Option<Option<PathBuf>>,
    /// The output format.
    #[command(flatten)]
    pub report: ReportArgs,
}

/// Options of `lens fit`.
#[derive(Debug, Clone, Args)]
pub struct FitArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// Problems with gold steps [default: generated training problems]
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The folder for lens.safetensors and lens.json
    #[arg(long, value_name = "DIR")]
    pub out: PathBuf,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Layers, counted from 1: 3 or 1-3 or 2,4 [default: the last]
    #[arg(long, value_name = "LAYERS", value_delimiter = ',', value_parser = super::range)]
    pub layers: Vec<std::ops::RangeInclusive<usize>>,
    /// Latent tokens that stand for one step
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = at_least_one)]
    pub latents_per_step: usize,
    /// Problems fitted at most
    #[arg(long, value_name = "N", default_value_t = 2000, value_parser = at_least_one)]
    pub n: usize,
    /// Problems held out for the figures; half as many more decide when to stop
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = at_least_one)]
    pub held_out: usize,
    /// Rank of the change that a map makes, or full
    #[arg(long, value_name = "R", default_value = "16", value_parser = rank)]
    pub rank: Rank,
    /// The seed of the split, of first values and of generated problems
    #[arg(long, value_name = "S", default_value_t = 1)]
    pub seed: u64,
    /// `AdamW`'s step
    #[arg(hide_short_help = true, long, value_name = "X", default_value_t = 0.003, value_parser = positive)]
    pub learning_rate: f64,
    /// Decay of the maps towards the identity
    #[arg(long, value_name = "X", default_value_t = 0.1, value_parser = not_negative)]
    pub decay: f64,
    /// Latents in a batch
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 128, value_parser = at_least_one)]
    pub batch: usize,
    /// Passes without a gain before it stops
    #[arg(hide_short_help = true, long, value_name = "N", default_value_t = 10, value_parser = at_least_one)]
    pub patience: usize,
    /// Passes over the problems at most
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = at_least_one)]
    pub epochs: usize,
    /// Print the card, schema undertone.lens-card/1
    #[arg(long)]
    pub json: bool,
    /// Print ASCII characters alone in text
    #[arg(long)]
    pub ascii: bool,
}

/// The rank of a map's change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// A full matrix.
    Full,
    /// Two factors.
    Of(usize),
}

fn rank(text: &str) -> Result<Rank, String> {
    if text == "full" {
        return Ok(Rank::Full);
    }
    at_least_one(text)
        .map(Rank::Of)
        .map_err(|_| "expected a number, at least 1, or full".to_owned())
}

fn not_negative(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|x: &f64| x.is_finite() && *x >= 0.0)
        .ok_or_else(|| "expected a number, at least 0".to_owned())
}

fn positive(text: &str) -> Result<f64, String> {
    not_negative(text)
        .ok()
        .filter(|x| *x > 0.0)
        .ok_or_else(|| "expected a number above 0".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;
    use crate::commands::cli::{Cli, Command};

    fn parse(line: &str) -> Result<LensArgs, ErrorKind> {
        match Cli::try_parse_from(line.split_whitespace())
            .map_err(|error| error.kind())?
            .command
        {
            Some(Command::Lens(args)) => Ok(args),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn fit(rest: &str) -> Result<FitArgs, ErrorKind> {
        match parse(&format!("undertone lens fit {rest}"))?.command {
            Some(LensCommand::Fit(args)) => Ok(*args),
            None => panic!("{rest}: no subcommand"),
        }
    }

    #[test]
    fn lines_are_taken_or_refused() {
        use ErrorKind::{
            ArgumentConflict, InvalidSubcommand, MissingRequiredArgument, UnknownArgument,
            ValueValidation,
        };
        for (line, refused) in [
            ("--question a --token 19 --json", None),
            ("--question a --learned --json", None),
            ("--learned runs/lens --data p --index 0", None),
            ("", Some(MissingRequiredArgument)),
            ("--learned", Some(MissingRequiredArgument)),
            ("fit --out d", None),
            (
                "fit --out d --data p --layers 1-2,4 --rank full --json",
                None,
            ),
            ("fit", Some(MissingRequiredArgument)),
            ("fit --out d --question a", Some(UnknownArgument)),
            ("fit --out d --rank 0", Some(ValueValidation)),
            ("fit --out d --layers 3-1", Some(ValueValidation)),
            ("fit --out d --n 0", Some(ValueValidation)),
            ("fit --out d --decay=-1", Some(ValueValidation)),
            ("fit --out d --learning-rate 0", Some(ValueValidation)),
            ("--question a fit --out d", Some(ArgumentConflict)),
            ("fitt --out d", Some(InvalidSubcommand)),
        ] {
            let found = parse(&format!("undertone lens {line}")).err();
            assert_eq!(found, refused, "{line}");
        }
    }

    #[test]
    fn options_mean_what_they_say() {
        let learned = |line: &str| parse(&format!("undertone lens --question a {line}"));
        let learned = |line: &str| learned(line).expect("taken").read.learned;
        assert_eq!(learned(""), None);
        assert_eq!(learned("--learned"), Some(None));
        assert_eq!(learned("--learned d"), Some(Some("d".into())));
        let plain = fit("--out d").expect("taken");
        assert_eq!(
            (plain.n, plain.held_out, plain.rank),
            (2000, 500, Rank::Of(16))
        );
        let full = fit("--out d --rank full --layers 1-2,4").expect("taken");
        assert_eq!(full.rank, Rank::Full);
        assert_eq!(full.layers, [1..=2, 4..=4]);
    }
}
