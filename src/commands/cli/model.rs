//! The options that select a model, its kind and its device; shared by every command that runs a model.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};

use crate::core::types::{Mode, Task};

use super::DEFAULT_MODEL;
use crate::engine::model::{Base, Behaviour, Family, Precision, SpecialTokens};

/// The value name of `--model` in the help; completion scripts recognise the option by it.
pub(super) const MODEL_VALUE: &str = "NAME|PATH|ID";
/// The help heading of options that most checkpoints do not need.
const KIND: &str = "Checkpoints that do not say what they are";

/// The model, its kind, its device and its mode.
#[derive(Debug, Clone, Args)]
pub struct ModelArgs {
    /// The model, its kind and its device.
    #[command(flatten)]
    pub checkpoint: CheckpointArgs,
    /// How to answer: latent, direct or written
    #[arg(long, value_enum, hide_possible_values = true)]
    pub mode: Option<Mode>,
}

impl std::ops::Deref for ModelArgs {
    type Target = CheckpointArgs;

    fn deref(&self) -> &CheckpointArgs {
        &self.checkpoint
    }
}

/// The model, its kind and its device.
#[derive(Debug, Clone, Args)]
pub struct CheckpointArgs {
    /// A bundled model, a checkpoint folder or file, or a published id
    #[arg(long, value_name = MODEL_VALUE, default_value = DEFAULT_MODEL)]
    pub model: String,
    /// auto, cpu, cuda, cuda:1 or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto", value_parser = Device::from_str)]
    pub device: Device,
    /// What numbers are computed in
    #[arg(hide_short_help = true, long, value_enum, value_name = "TYPE", default_value_t = Precision::F32)]
    pub dtype: Precision,
    /// Whether known bugs of the published code are reproduced or fixed
    #[arg(hide_short_help = true, long, value_enum, value_name = "HOW", default_value_t = Behaviour::Fixed)]
    pub behaviour: Behaviour,
    /// Latent tokens to run [default: as trained]
    #[arg(long, value_name = "K")]
    pub latents: Option<usize>,
    /// The kind of the checkpoint.
    #[command(flatten)]
    pub kind: KindArgs,
}

impl CheckpointArgs {
    /// Selects a model with default options.
    #[must_use]
    pub fn of(model: &str, device: Device) -> Self {
        Self {
            model: model.to_owned(),
            device,
            dtype: Precision::F32,
            behaviour: Behaviour::Fixed,
            latents: None,
            kind: KindArgs::default(),
        }
    }

    /// Returns the options as arguments for a model. Options about the kind of model are left out if it is another one.
    #[must_use]
    pub fn arguments(&self, model: &str) -> Vec<OsString> {
        let mut arguments: Vec<OsString> = vec!["--model".into(), model.into()];
        let mut add = |name: &str, value: OsString| arguments.extend([name.into(), value]);
        add("--device", self.device.to_string().into());
        add("--dtype", named(&self.dtype));
        add("--behaviour", named(&self.behaviour));
        let kind = &self.kind;
        if model == self.model {
            if let Some(latents) = self.latents {
                add("--latents", latents.to_string().into());
            }
            let names = [
                ("--family", kind.family.as_ref().map(named)),
                ("--base", kind.base.as_ref().map(named)),
                ("--task", kind.task.as_ref().map(named)),
                (
                    "--lora-alpha",
                    kind.lora_alpha.map(|a| a.to_string().into()),
                ),
                ("--tokenizer", kind.tokenizer.clone().map(Into::into)),
                (
                    "--special-tokens",
                    kind.special_tokens.map(|ids| ids.to_string().into()),
                ),
            ];
            for (name, value) in names {
                if let Some(value) = value {
                    add(name, value);
                }
            }
        }
        if kind.offline {
            arguments.push("--offline".into());
        }
        arguments
    }
}

/// Returns the name of a value on the command line.
fn named<T: ValueEnum>(value: &T) -> OsString {
    let name = value.to_possible_value();
    name.map_or_else(OsString::new, |name| name.get_name().into())
}

/// The kind of the checkpoint, for files that omit it or are wrong.
#[derive(Debug, Clone, Default, Args)]
pub struct KindArgs {
    /// The kind of model [default: inferred from the weights]
    #[arg(help_heading = KIND, hide_short_help = true, long, value_enum)]
    pub family: Option<Family>,
    /// The base model [default: inferred from the weights]
    #[arg(help_heading = KIND, hide_short_help = true, long, value_enum)]
    pub base: Option<Base>,
    /// The kind of problem, which decides the verifier [default: inferred from the name]
    #[arg(help_heading = KIND, hide_short_help = true, long, value_enum)]
    pub task: Option<Task>,
    /// Alpha of the low-rank branches [default: 32 for rank 128]
    #[arg(help_heading = KIND, hide_short_help = true, long, value_name = "ALPHA", value_parser = positive)]
    pub lora_alpha: Option<f64>,
    /// The tokenizer: a tokenizer.json or its folder [default: beside the weights, else the base's]
    #[arg(help_heading = KIND, hide_short_help = true, long, value_name = "FILE")]
    pub tokenizer: Option<PathBuf>,
    /// Ids of the special tokens, as start=50257,end=50258,latent=50259
    #[arg(help_heading = KIND, hide_short_help = true, long, value_name = "IDS", value_parser = SpecialTokens::from_str)]
    pub special_tokens: Option<SpecialTokens>,
    /// Use what is on this machine alone
    #[arg(help_heading = KIND, hide_short_help = true, long)]
    pub offline: bool,
}

/// The device of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Device {
    /// The best that this build and machine have
    #[default]
    Auto,
    /// The processor
    Cpu,
    /// An NVIDIA card by number, in builds with the feature `cuda`
    Cuda(usize),
    /// An Apple card, in builds with the feature `metal`
    Metal,
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Cpu => f.write_str("cpu"),
            Self::Cuda(0) => f.write_str("cuda"),
            Self::Cuda(n) => write!(f, "cuda:{n}"),
            Self::Metal => f.write_str("metal"),
        }
    }
}

impl FromStr for Device {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "cpu" => Ok(Self::Cpu),
            "cuda" => Ok(Self::Cuda(0)),
            "metal" => Ok(Self::Metal),
            other => other
                .strip_prefix("cuda:")
                .and_then(|n| n.parse().ok())
                .map(Self::Cuda)
                .ok_or_else(|| "expected auto, cpu, cuda, cuda:N or metal".to_owned()),
        }
    }
}

/// A published shape.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ShapeName {
    /// GPT-2 small, 124 million parameters
    Gpt2,
    /// Llama 3.2 1B
    #[value(name = "llama-3.2-1b")]
    Llama1b,
}

impl fmt::Display for SpecialTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "start={},end={}", self.start, self.end)?;
        self.latent
            .map_or(Ok(()), |latent| write!(f, ",latent={latent}"))
    }
}

impl FromStr for SpecialTokens {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const FORM: &str = "expected start=ID,end=ID or start=ID,end=ID,latent=ID";
        let (mut start, mut end, mut latent) = (None, None, None);
        for part in text.split(',') {
            let (name, id) = part.split_once('=').ok_or(FORM)?;
            let slot = match name.trim() {
                "start" => &mut start,
                "end" => &mut end,
                "latent" => &mut latent,
                _ => return Err(FORM.into()),
            };
            let id = id.trim().parse().map_err(|_| FORM)?;
            if slot.replace(id).is_some() {
                return Err(format!("{name} is given twice"));
            }
        }
        Ok(Self {
            start: start.ok_or(FORM)?,
            end: end.ok_or(FORM)?,
            latent,
        })
    }
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(x) if x.is_finite() && x > 0.0 => Ok(x),
        _ => Err("expected a positive number".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_come_back_from_the_arguments_made_of_them() {
        use super::super::{Command, RunArgs, parse};
        let read = |arguments: Vec<OsString>| -> RunArgs {
            let words = ["undertone", "run", "--out", "x"].map(OsString::from);
            let cli = parse(words.into_iter().chain(arguments)).expect("valid");
            match cli.command {
                Some(Command::Run(args)) => args,
                other => panic!("{other:?}"),
            }
        };
        for line in [
            "--model mini-logic",
            "--model a/b --device cuda:1 --dtype bf16 --behaviour reference --latents 3 --offline",
            "--model a/b --family codi --base gpt2 --task math --lora-alpha 12.5 --tokenizer t.json \
             --special-tokens start=1,end=2,latent=3",
        ] {
            let args = read(line.split_whitespace().map(OsString::from).collect());
            let model = args.model.model.clone();
            let again = read(args.model.arguments(&model));
            assert_eq!(format!("{again:?}"), format!("{args:?}"));
            let other = read(args.model.arguments("mini-math"));
            assert!(other.model.kind.family.is_none() && other.model.latents.is_none());
        }
    }

    #[test]
    fn devices_have_numbers() {
        for (text, device) in [
            ("auto", Device::Auto),
            ("cpu", Device::Cpu),
            ("cuda", Device::Cuda(0)),
            ("cuda:3", Device::Cuda(3)),
            ("metal", Device::Metal),
        ] {
            assert_eq!(text.parse(), Ok(device));
        }
        for text in ["gpu", "cuda:", "cuda:x", "cuda:-1", ""] {
            assert!(text.parse::<Device>().is_err(), "{text}");
        }
    }

    #[test]
    fn special_tokens_are_named() {
        let ids = "start=7, end=8,latent=9".parse::<SpecialTokens>();
        assert_eq!(
            ids,
            Ok(SpecialTokens {
                start: 7,
                end: 8,
                latent: Some(9)
            })
        );
        for text in [
            "",
            "start=7",
            "start=7,end=8,end=9",
            "start=7,end=-1",
            "begin=7,end=8",
        ] {
            assert!(text.parse::<SpecialTokens>().is_err(), "{text}");
        }
        assert!(positive("0").is_err() && positive("inf").is_err() && positive("6").is_ok());
    }
}
