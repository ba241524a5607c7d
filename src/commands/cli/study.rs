//! The options of `ablate`, `sweep`, `lattice` and `influence`, some of which `lens` shares.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{ArgGroup, Args};

use super::{MannerArgs, ModelArgs, OffArgument};
use crate::core::error::{Error, Result};
use crate::core::types::{Ablation, AblationValue, Direction, LatentIdx};

/// The options that select a question.
#[derive(Debug, Clone, Args)]
#[command(group = ArgGroup::new("problem").required(true).args(["question", "data"]))]
pub struct ProblemArgs {
    /// The question; - reads it from standard input
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    pub question: Option<String>,
    /// Problems: JSON Lines, a JSON array or raw text
    #[arg(long, value_name = "FILE", requires = "index")]
    pub data: Option<PathBuf>,
    /// Which problem of the file, counted from 0
    #[arg(long, value_name = "I", requires = "data", conflicts_with = "question")]
    pub index: Option<usize>,
    /// The right answer to a typed question
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with = "data"
    )]
    pub gold: Option<String>,
}

/// The options of the output format.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
#[derive(Debug, Clone, Copy, Args)]
pub struct ReportArgs {
    /// Print JSON; docs/studies.md has the schemas
    #[arg(long)]
    pub json: bool,
    /// Print text (the default)
    #[arg(long, conflicts_with = "json")]
    pub text: bool,
    /// Print comma-separated values
    #[arg(long, conflicts_with_all = ["json", "text"])]
    pub csv: bool,
    /// Print ASCII characters alone in text
    #[arg(long)]
    pub ascii: bool,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportFormat {
    /// One object.
    Json,
    /// One line per cell, after a header line.
    Csv,
    /// Plain-text tables.
    Text,
}

impl ReportArgs {
    /// Returns the requested format.
    #[must_use]
    pub fn format(self) -> ReportFormat {
        match (self.json, self.csv) {
            (true, _) => ReportFormat::Json,
            (_, true) => ReportFormat::Csv,
            _ => ReportFormat::Text,
        }
    }
}

/// The usage of `ablate`, which is too long for one line.
const ABLATE: &str = "\
undertone ablate [OPTIONS] <--question <TEXT>|--data <FILE>>
           [--off <LATENTS>|--restore <LATENTS>|--each|--edit <FROM=TO>]";

/// Options of `ablate`.
#[derive(Debug, Clone, Args)]
#[command(override_usage = ABLATE)]
pub struct AblateArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The question.
    #[command(flatten)]
    pub problem: ProblemArgs,
    /// Latent tokens off: 2,4 or 1-3 or all; may repeat
    #[arg(long, value_name = "LATENTS")]
    pub off: Vec<OffArgument>,
    /// With denoising: all are off but these
    #[arg(long, value_name = "LATENTS")]
    pub restore: Vec<OffArgument>,
    /// Every latent token in turn [default: if nothing else is requested]
    #[arg(long)]
    pub each: bool,
    /// Run the question with FROM replaced by TO too
    #[arg(long, value_name = "FROM=TO", allow_hyphen_values = true, value_parser = EditArgument::from_str)]
    pub edit: Option<EditArgument>,
    /// The output format.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The ablation.
    #[command(flatten)]
    pub manner: MannerArgs,
}

impl AblateArgs {
    /// Returns the requested ablation.
    ///
    /// # Errors
    /// A usage error for incompatible options.
    pub fn ablation(&self) -> Result<Ablation> {
        if !self.restore.is_empty() && self.manner.direction != Direction::Denoising {
            return Err(Error::usage_with_hint(
                "--restore asks what latents do in a run where the others are off",
                "pass --direction denoising with it, or --off",
            ));
        }
        if self.report.csv && self.edit.is_some() {
            return Err(Error::usage_with_hint(
                "--csv has a line for each ablation and none for an edited question",
                "pass --json or --text with --edit",
            ));
        }
        self.manner.ablation(&[])
    }

    /// Returns whether any latent is to be switched off.
    #[must_use]
    pub fn switches_off(&self) -> bool {
        self.takes_each() || !self.off.is_empty() || !self.restore.is_empty()
    }

    /// Returns whether every latent is switched off in turn.
    fn takes_each(&self) -> bool {
        let asks = !self.off.is_empty() || !self.restore.is_empty() || self.edit.is_some();
        self.each || !asks
    }

    /// Returns the sets to switch off of `n_latents`, in order: one per `--off`, one per `--restore`, and with `--each` one
    /// per latent.
    ///
    /// # Errors
    /// A usage error when a latent is beyond `n_latents`, or a set is empty.
    pub fn sets(&self, n_latents: usize) -> Result<Vec<BTreeSet<LatentIdx>>> {
        let all = || (1..=n_latents).map(LatentIdx);
        let but = |on: &BTreeSet<LatentIdx>| all().filter(|latent| !on.contains(latent)).collect();
        let mut sets = Vec::new();
        for off in &self.off {
            sets.push(off.latents(n_latents)?);
        }
        for on in &self.restore {
            sets.push(but(&on.latents(n_latents)?));
        }
        if self.takes_each() {
            sets.extend(all().map(|latent| match self.manner.direction {
                Direction::Noising => BTreeSet::from([latent]),
                Direction::Denoising => but(&BTreeSet::from([latent])),
            }));
        }
        if sets.iter().any(BTreeSet::is_empty) {
            return Err(Error::usage_with_hint(
                "nothing would be off: every latent is restored",
                "name fewer latents",
            ));
        }
        Ok(sets)
    }
}

/// Options of `sweep`.
#[derive(Debug, Clone, Args)]
pub struct SweepArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The question.
    #[command(flatten)]
    pub problem: ProblemArgs,
    /// What replaces latents, in turn; --value is for pairs
    #[arg(
        long,
        value_enum,
        value_name = "VALUES",
        value_delimiter = ',',
        hide_possible_values = true,
        default_value = "resample,mean,zero,noise,token,kv-block"
    )]
    pub values: Vec<AblationValue>,
    /// The output format.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The ablation.
    #[command(flatten)]
    pub manner: MannerArgs,
}

impl SweepArgs {
    /// Returns the requested ablation.
    ///
    /// # Errors
    /// A usage error for incompatible options.
    pub fn ablation(&self) -> Result<Ablation> {
        self.manner.ablation(&self.values)
    }

    /// Returns the values in the order given, without duplicates.
    #[must_use]
    pub fn values(&self) -> Vec<AblationValue> {
        let mut values: Vec<AblationValue> = Vec::new();
        for value in &self.values {
            let value = *value;
            if !values.contains(&value) {
                values.push(value);
            }
        }
        values
    }
}

/// Options of `lattice` and `influence`.
#[derive(Debug, Clone, Args)]
pub struct StudyArgs {
    /// The model.
    #[command(flatten)]
    pub model: ModelArgs,
    /// The question.
    #[command(flatten)]
    pub problem: ProblemArgs,
    /// The output format.
    #[command(flatten)]
    pub report: ReportArgs,
    /// The ablation.
    #[command(flatten)]
    pub manner: MannerArgs,
}

/// An edit of a question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditArgument {
    /// The text to replace.
    pub from: String,
    /// The replacement.
    pub to: String,
}

impl FromStr for EditArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (from, to) = text
            .split_once('=')
            .map(|(from, to)| (from.trim(), to.trim()))
            .filter(|(from, to)| !from.is_empty() && !to.is_empty())
            .ok_or("expected FROM=TO, as in 12=15")?;
        if from == to {
            return Err("the two are the same, so nothing would change".to_owned());
        }
        Ok(Self {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use clap::error::ErrorKind;

    use super::*;
    use crate::commands::cli::{Cli, Command};
    use crate::core::types::{Direction, DonorRef, Layers, Propagation, Site};

    fn parse(line: &str) -> Result<Command, ErrorKind> {
        Cli::try_parse_from(line.split_whitespace())
            .map(|cli| cli.command.expect("a command was given"))
            .map_err(|error| error.kind())
    }

    fn ablate(rest: &str) -> AblateArgs {
        match parse(&format!("undertone ablate --question a {rest}")) {
            Ok(Command::Ablate(args)) => args,
            other => panic!("{rest}: {other:?}"),
        }
    }

    fn sweep(rest: &str) -> SweepArgs {
        match parse(&format!("undertone sweep --question a {rest}")) {
            Ok(Command::Sweep(args)) => args,
            other => panic!("{rest}: {other:?}"),
        }
    }

    fn set(latents: &[usize]) -> BTreeSet<LatentIdx> {
        latents.iter().copied().map(LatentIdx).collect()
    }

    #[test]
    fn lines_are_taken_or_refused() {
        use ErrorKind::{
            ArgumentConflict, InvalidValue, MissingRequiredArgument, UnknownArgument,
            ValueValidation,
        };
        let table = [
            ("ablate --question a --off 2,4 --off all --json", None),
            ("ablate --question - --each --csv", None),
            (
                "ablate --data p --index 0 --edit 12=15 --text --ascii",
                None,
            ),
            ("ablate --question a --gold -3 --edit -3=-4", None),
            ("ablate --question a", None),
            ("ablate --off 2", Some(MissingRequiredArgument)),
            ("ablate --data p --off 2", Some(MissingRequiredArgument)),
            (
                "ablate --data p --index 0 --gold 3 --off 2",
                Some(ArgumentConflict),
            ),
            (
                "ablate --question a --off 2 --json --csv",
                Some(ArgumentConflict),
            ),
            (
                "ablate --question a --off 2 --text --csv",
                Some(ArgumentConflict),
            ),
            ("ablate --question a --off none", Some(ValueValidation)),
            ("ablate --question a --edit 12", Some(ValueValidation)),
            ("ablate --question a --edit =12", Some(ValueValidation)),
            ("ablate --question a --edit 12=12", Some(ValueValidation)),
            (
                "ablate --question a --off 2 --value none",
                Some(InvalidValue),
            ),
            ("ablate --question a --off 2 --site out", Some(InvalidValue)),
            (
                "ablate --question a --off 2 --donors 0",
                Some(ValueValidation),
            ),
            (
                "ablate --question a --off 2 --seed=-1",
                Some(ValueValidation),
            ),
            (
                "ablate --question a --off 2 --donor 1/0",
                Some(ValueValidation),
            ),
            (
                "ablate --question a --off 2 --layers 0-3",
                Some(ValueValidation),
            ),
            ("sweep --question a --values zero,mean --value skip", None),
            ("sweep --question a --values zero,none", Some(InvalidValue)),
            ("lattice --question a --direction denoising --csv", None),
            ("lattice --question a --values zero", Some(UnknownArgument)),
            ("lattice --question a --off 2", Some(UnknownArgument)),
            (
                "influence --data p --index 3 --value kv-block --layers 1-2",
                None,
            ),
            ("lens --question a --token 19 --json", None),
            ("lens --question a --token-id 7 --csv --mode written", None),
            (
                "lens --question a --token 19 --token-id 7",
                Some(ArgumentConflict),
            ),
            ("lens --question a --value zero", Some(UnknownArgument)),
        ];
        for (line, refused) in table {
            assert_eq!(parse(&format!("undertone {line}")).err(), refused, "{line}");
        }
    }

    #[test]
    fn every_option_reaches_the_ablation() {
        let asked = ablate(
            "--off 1 --value donor --donor 7/2 --site kv --propagation direct --direction denoising \
             --layers 3-5 --donors 4 --seed 9 --reference r",
        );
        let want = Ablation {
            value: AblationValue::Donor,
            site: Site::Kv,
            propagation: Propagation::Direct,
            direction: Direction::Denoising,
            layers: Some(Layers { first: 3, last: 5 }),
            donor: Some(DonorRef {
                problem: 7,
                latent: Some(LatentIdx(2)),
            }),
            variants: Some(4),
            seed: 9,
            ..Ablation::default()
        };
        assert_eq!(asked.ablation().ok(), Some(want));
        assert_eq!(asked.manner.reference, Some("r".into()));
        assert_eq!(
            ablate("--off 1").ablation().ok(),
            Some(Ablation::default()),
            "the defaults are those of the trace"
        );
        let matched = ablate("--off 1 --match-steps").ablation();
        assert!(matched.is_ok_and(|ablation| ablation.matched));
    }

    #[test]
    fn options_that_do_not_go_together_are_usage_errors() {
        for (rest, names) in [
            ("--off 1 --layers 3-5", "--layers"),
            ("--off 1 --layers 3-5 --site hidden", "--layers"),
            ("--off 1 --donor 3", "--donor"),
            ("--off 1 --value donor", "no donor is given"),
            ("--off 1 --value zero --match-steps", "--match-steps"),
            ("--restore 1", "--restore"),
            ("--off 1 --edit 1=2 --csv", "--csv"),
        ] {
            let error = ablate(rest).ablation().expect_err(rest);
            assert_eq!(error.exit_code(), 2, "{rest}");
            assert!(error.to_string().contains(names), "{rest}: {error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("pass")));
        }
        for rest in [
            "--off 1 --layers 3-5 --site kv",
            "--off 1 --layers 3 --value kv-block",
            "--off 1 --value donor --donor 3",
            "--restore 1 --direction denoising",
        ] {
            assert!(ablate(rest).ablation().is_ok(), "{rest}");
        }
        assert!(sweep("--values donor").ablation().is_err());
        assert!(sweep("--values donor --donor 1").ablation().is_ok());
        assert!(sweep("--values zero --layers 1-2").ablation().is_err());
        assert!(sweep("--layers 1-2").ablation().is_ok(), "kv-block is in");
    }

    #[test]
    fn sets_are_in_the_order_asked_for() {
        let sets = |rest: &str| ablate(rest).sets(3).map_err(|error| error.to_string());
        assert_eq!(
            sets("--each --off 2,3 --off all"),
            Ok(vec![
                set(&[2, 3]),
                set(&[1, 2, 3]),
                set(&[1]),
                set(&[2]),
                set(&[3])
            ])
        );
        assert_eq!(
            sets("--restore 1 --off 1-2 --direction denoising"),
            Ok(vec![set(&[1, 2]), set(&[2, 3])])
        );
        assert_eq!(
            sets("--each --direction denoising"),
            Ok(vec![set(&[2, 3]), set(&[1, 3]), set(&[1, 2])])
        );
        assert!(sets("--off 9").is_err_and(|said| said.contains("latent 9")));
        assert!(sets("--restore 9 --direction denoising").is_err());
        assert!(sets("--restore all --direction denoising").is_err());
        assert!(!ablate("--edit 1=2").switches_off() && ablate("--each").switches_off());
    }

    #[test]
    fn a_sweep_takes_each_value_once() {
        let names = |rest: &str| -> Vec<&str> {
            let values = sweep(rest).values();
            values.iter().map(|value| value.as_str()).collect()
        };
        assert_eq!(
            names(""),
            ["resample", "mean", "zero", "noise", "token", "kv-block"]
        );
        assert_eq!(names("--values zero,mean,zero"), ["zero", "mean"]);
    }

    #[test]
    fn reports_are_text_unless_asked_otherwise() {
        assert_eq!(ablate("--each").report.format(), ReportFormat::Text);
        assert_eq!(ablate("--each --csv").report.format(), ReportFormat::Csv);
        assert_eq!(ablate("--each --json").report.format(), ReportFormat::Json);
    }

    #[test]
    fn edits_keep_what_stands_after_the_first_equals_sign() {
        let edit = "12 apples= 13=x ".parse();
        assert_eq!(
            edit,
            Ok(EditArgument {
                from: "12 apples".to_owned(),
                to: "13=x".to_owned()
            })
        );
    }
}
