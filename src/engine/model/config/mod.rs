//! The validated configuration of a checkpoint, from config.json, the layout of the weights and the user's options.

mod gpt2;
mod keys;
mod llama;
mod lora;
mod rope;

use serde::Deserialize;
use serde_json::{Map, Value};

pub use self::gpt2::Gpt2Config;
pub use self::llama::LlamaConfig;
pub use self::rope::RopeScaling;
use super::discover::{Layout, own_name};
use super::error::{ModelError, Result};
use super::family::{Base, Family};
use super::options::{Behaviour, LoadOptions, Precision};
use crate::core::types::{Mode, Task};

/// The number of latents at test time unless a file overrides it (docs/methods.md M1.5).
const PUBLISHED_LATENTS: usize = 6;

/// The maximum number of latents: each one costs a pass through the model at every load.
const MOST_LATENTS: usize = 512;

/// The backbone.
#[derive(Debug, Clone, PartialEq)]
pub enum Arch {
    /// GPT-2.
    Gpt2(Gpt2Config),
    /// Llama 3.
    Llama(LlamaConfig),
}

impl Arch {
    /// Returns the name on screen and in exports.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Gpt2(_) => "gpt2",
            Self::Llama(_) => "llama",
        }
    }

    /// Returns the hidden width.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.width,
            Self::Llama(c) => c.width,
        }
    }

    /// Returns the number of transformer blocks.
    #[must_use]
    pub fn layers(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.layers,
            Self::Llama(c) => c.layers,
        }
    }

    /// Returns the maximum number of positions.
    #[must_use]
    pub fn positions(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.positions,
            Self::Llama(c) => c.positions,
        }
    }

    /// Returns the vocabulary size stated in config.json.
    fn stated_vocab(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.vocab,
            Self::Llama(c) => c.vocab,
        }
    }

    /// Returns the end tokens named in config.json.
    #[must_use]
    pub fn eos(&self) -> Vec<u32> {
        match self {
            Self::Gpt2(c) => c.eos.clone(),
            Self::Llama(c) => c.eos.clone(),
        }
    }

    fn base(&self) -> Base {
        match self {
            Self::Gpt2(_) => Base::Gpt2,
            Self::Llama(_) => Base::Llama32,
        }
    }

    fn published(base: Base, width: usize, layers: usize) -> Option<Self> {
        match base {
            Base::Gpt2 => Gpt2Config::published(width, layers).map(Self::Gpt2),
            Base::Llama32 => LlamaConfig::published(width, layers).map(Self::Llama),
        }
    }
}

/// The configuration of a checkpoint.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The backbone.
    pub arch: Arch,
    /// The kind of model.
    pub family: Family,
    /// The source of `family`: `--family`, `config.json`, `meta.json`, `the weights` or `its name`.
    pub family_from: &'static str,
    /// The default number of latent tokens; 0 for the kinds that have none.
    pub n_latents: usize,
    /// The task, which selects the verifier.
    pub task: Task,
    /// The modes it was trained in, the default first.
    pub modes: Vec<Mode>,
    /// The phrase decoder: `roll-out`, `latent-prefix` or `step-decoder`.
    pub phrase_decoder: String,
    /// CODI: alpha of the low-rank branches, which no weights file stores.
    pub lora_alpha: Option<f64>,
    /// The vocabulary size before special tokens were added; `None` if the tokenizer must supply them.
    pub base_vocab: Option<usize>,
    /// The compute precision.
    pub precision: Precision,
    /// Whether known oddities of the published code are reproduced.
    pub behaviour: Behaviour,
}

/// The `undertone` object of config.json, or the content of a `meta.json` beside a published checkpoint.
#[derive(Debug, Clone, Default, Deserialize)]
struct Hints {
    family: Option<String>,
    #[serde(alias = "num_latents")]
    n_latents: Option<usize>,
    task: Option<Task>,
    modes: Option<Vec<String>>,
    phrase_decoder: Option<String>,
    /// The order within the training data's written steps; validated, but not used.
    step_order: Option<String>,
    lora_alpha: Option<f64>,
}

#[derive(Default, Deserialize)]
struct File {
    model_type: Option<String>,
    undertone: Option<Hints>,
}

/// The phrase decoders; the last one requires a decoder in the checkpoint.
const PHRASE_DECODERS: [&str; 3] = ["roll-out", "latent-prefix", STEP_DECODER];
const STEP_DECODER: &str = "step-decoder";
/// The possible orders within written steps.
const STEP_ORDERS: [&str; 3] = ["result-first", "operands-first", "path"];
/// The maximum number of rows beyond the stated vocabulary: tokens added in training, and padding to a multiple.
pub(super) const MOST_ADDED_ROWS: usize = 3 + 256;

/// The inputs of a configuration.
pub(crate) struct Given<'a> {
    /// The model's name, for messages; may imply the data set and the absence of a chain of thought.
    pub(crate) name: &'a str,
    pub(crate) json: Option<&'a str>,
    /// The text of a meta.json, used if there is no `undertone` object.
    pub(crate) meta: Option<&'a str>,
    /// The text of an `adapter_config.json`, which states the alpha that the weights lack.
    pub(crate) adapter: Option<&'a str>,
    pub(crate) options: &'a LoadOptions,
    pub(crate) layout: &'a Layout,
}

impl Config {
    /// Assembles and validates the configuration.
    ///
    /// # Errors
    /// [`ModelError::Config`] naming the field.
    pub(crate) fn resolve(inputs: &Given<'_>) -> Result<Self> {
        let (options, layout) = (inputs.options, inputs.layout);
        let fail = |reason: String| ModelError::config(inputs.name, reason);
        let json = inputs.json.map(keys::parse).transpose().map_err(fail)?;
        let fields = json.unwrap_or_default();
        keys::check_hints(&fields).map_err(fail)?;
        let mut file: File = keys::read(fields.clone()).map_err(fail)?;
        let (hints, hints_from) = match (file.undertone.take(), inputs.meta) {
            (Some(hints), _) => (hints, "config.json"),
            (None, Some(meta)) => {
                let hints =
                    serde_json::from_str(meta).map_err(|e| fail(format!("meta.json: {e}")))?;
                keys::check_meta(meta).map_err(fail)?;
                (hints, "meta.json")
            }
            (None, None) => (Hints::default(), ""),
        };
        let arch = arch(inputs, &file, &fields).map_err(fail)?;
        if arch.base() != layout.base {
            return Err(fail(format!(
                "it says {}, and the weights are those of {}",
                arch.as_str(),
                layout.base.arch()
            )));
        }
        for (what, stated, actual) in [
            ("hidden width", arch.width(), layout.width),
            ("number of blocks", arch.layers(), layout.layers),
        ] {
            if stated != actual {
                return Err(fail(format!(
                    "config.json states a {what} of {stated}, but the weights have {actual}"
                )));
            }
        }
        fits_rows(arch.stated_vocab(), layout.rows).map_err(fail)?;
        one_of("step_order", hints.step_order.as_deref(), &STEP_ORDERS).map_err(fail)?;
        let base_vocab = base_vocab(&arch, layout);
        let (family, family_from) = match (options.family, hints.family) {
            (Some(family), _) => (family, "--family"),
            (None, Some(name)) => {
                let family = Family::parse(&name).ok_or_else(|| {
                    fail(format!("family {name:?} is not one of {}", Family::names()))
                })?;
                (family, hints_from)
            }
            (None, None) => {
                let vocab = base_vocab.unwrap_or_else(|| arch.stated_vocab());
                layout.family(vocab, inputs.name).map_err(|evidence| {
                    fail(format!(
                        "{evidence}: name it with --family (one of {}) or as \"family\" in config.json",
                        Family::names()
                    ))
                })?
            }
        };
        if hints.n_latents == Some(0) && family.has_latents() {
            return Err(fail(format!(
                "n_latents is 0, and a {} has from 1 to {MOST_LATENTS}",
                family.as_str()
            )));
        }
        let n_latents = options.latents.or(hints.n_latents);
        let n_latents = latents(family, n_latents, &arch).map_err(fail)?;
        let lora_alpha = lora::alpha(inputs, hints.lora_alpha).map_err(fail)?;
        Ok(Self {
            family,
            family_from,
            n_latents,
            task: options
                .task
                .or(hints.task)
                .unwrap_or_else(|| task_in(&own_name(inputs.name))),
            modes: modes(family, hints.modes).map_err(fail)?,
            phrase_decoder: phrase_decoder(hints.phrase_decoder, layout).map_err(fail)?,
            lora_alpha,
            base_vocab,
            precision: options.precision,
            behaviour: options.behaviour,
            arch,
        })
    }
}

/// Checks the vocabulary size of config.json against the number of rows.
fn fits_rows(vocab: usize, rows: usize) -> std::result::Result<(), String> {
    match rows.checked_sub(vocab) {
        Some(added) if added <= MOST_ADDED_ROWS && added <= vocab / 2 => Ok(()),
        _ => Err(format!(
            "vocab_size is {vocab}, and the weights have {rows} rows: it must be the number of rows, or what it was before \
             training added some (at most {MOST_ADDED_ROWS})"
        )),
    }
}

/// Rejects a name that is not in `names`.
fn one_of(field: &str, name: Option<&str>, names: &[&str]) -> std::result::Result<(), String> {
    match name {
        Some(name) if !names.contains(&name) => Err(format!(
            "{field} {name:?} is not one of {}",
            names.join(", ")
        )),
        _ => Ok(()),
    }
}

/// Returns the phrase decoder: the named one, else the one that the weights support.
fn phrase_decoder(name: Option<String>, layout: &Layout) -> std::result::Result<String, String> {
    one_of("phrase_decoder", name.as_deref(), &PHRASE_DECODERS)?;
    match (name, layout.step_decoder) {
        (Some(name), None) if name == STEP_DECODER => Err(format!(
            "phrase_decoder is {name:?}, and the weights hold no step decoder"
        )),
        (Some(name), _) => Ok(name),
        (None, Some(_)) => Ok(STEP_DECODER.into()),
        (None, None) => Ok(PHRASE_DECODERS[0].into()),
    }
}

/// Returns the default number of latents.
fn latents(
    family: Family,
    n_latents: Option<usize>,
    arch: &Arch,
) -> std::result::Result<usize, String> {
    if !family.has_latents() {
        return Ok(0);
    }
    let n = n_latents.unwrap_or(PUBLISHED_LATENTS);
    if n > MOST_LATENTS {
        return Err(format!(
            "n_latents is {n}, and at most {MOST_LATENTS} are run"
        ));
    }
    if n >= arch.positions() {
        let positions = arch.positions();
        return Err(format!("{n} latents do not fit n_positions {positions}"));
    }
    Ok(n)
}

/// Returns the backbone: the one in config.json, else the published one of these sizes.
fn arch(
    inputs: &Given<'_>,
    file: &File,
    fields: &Map<String, Value>,
) -> std::result::Result<Arch, String> {
    let arch = stated_arch(inputs, file, fields)?;
    match inputs.options.base {
        Some(base) if base != arch.base() => Err(format!(
            "--base says {}, and config.json {}",
            base.arch(),
            arch.as_str()
        )),
        _ => Ok(arch),
    }
}

fn stated_arch(
    inputs: &Given<'_>,
    file: &File,
    fields: &Map<String, Value>,
) -> std::result::Result<Arch, String> {
    let layout = inputs.layout;
    match file.model_type.as_deref() {
        Some("gpt2") => Gpt2Config::parse(fields).map(Arch::Gpt2),
        Some("llama") => LlamaConfig::parse(fields).map(Arch::Llama),
        Some(other) => Err(format!(
            "model_type {other:?} is not supported (gpt2 and llama are)"
        )),
        // Some published folders contain an empty config.json.
        None => {
            let base = inputs.options.base.unwrap_or(layout.base);
            Arch::published(base, layout.width, layout.layers).ok_or_else(|| {
                format!(
                    "there is no config.json with a model_type, and no published {} is {} wide with {} blocks",
                    base.arch(),
                    layout.width,
                    layout.layers
                )
            })
        }
    }
}

/// Returns the vocabulary size before special tokens: the stated one, unless config.json was written after adding them.
fn base_vocab(arch: &Arch, layout: &Layout) -> Option<usize> {
    [arch.stated_vocab(), arch.base().vocab()]
        .into_iter()
        .find(|&vocab| {
            let added = layout.rows.checked_sub(vocab);
            added.is_some_and(|n| matches!(n, 2 | 3) || (n == 0 && layout.prefix.is_empty()))
        })
}

/// Returns the modes of a family, or those that a file names.
fn modes(family: Family, names: Option<Vec<String>>) -> std::result::Result<Vec<Mode>, String> {
    let Some(names) = names else {
        return Ok(family.modes().to_vec());
    };
    let modes: Vec<Mode> = names
        .iter()
        .map(|m| {
            Mode::parse(m)
                .ok_or_else(|| format!("mode {m:?} is not one of latent, direct, written"))
        })
        .collect::<std::result::Result<_, _>>()?;
    if modes.is_empty() || modes.contains(&Mode::Latent) != family.has_latents() {
        return Err(format!(
            "modes {names:?} do not fit the family {}",
            family.as_str()
        ));
    }
    Ok(modes)
}

/// Returns the task that the name of a model or data set implies.
pub(crate) fn task_in(name: &str) -> Task {
    let name = name.to_lowercase();
    if name.contains("gsm8k") {
        Task::Math
    } else if name.contains("prosqa") || name.contains("prontoqa") {
        Task::Logic
    } else {
        Task::Unknown
    }
}

/// Rejects sizes that are zero, or large enough for their products to overflow.
fn in_bounds(sizes: &[(&str, usize)]) -> std::result::Result<(), String> {
    const LARGEST: usize = 1 << 24;
    for (field, value) in sizes {
        if *value == 0 || *value > LARGEST {
            return Err(format!(
                "{field} is {value}, and must be from 1 to {LARGEST}"
            ));
        }
    }
    Ok(())
}

/// Rejects an epsilon that could divide by zero or dominate the values it norms.
fn check_epsilon(field: &str, eps: f32) -> std::result::Result<(), String> {
    if eps > 0.0 && eps <= 0.1 {
        return Ok(());
    }
    Err(format!(
        "{field} is {eps}, and must be above 0 and at most 0.1"
    ))
}

/// Checks dropout shares: inference ignores them, but invalid values indicate a foreign file.
fn check_dropouts(shares: &[(&str, Option<f64>)]) -> std::result::Result<(), String> {
    for (field, share) in shares {
        if let Some(share) = share.filter(|share| !(0.0..1.0).contains(share)) {
            return Err(format!("{field} is {share}, and must be from 0 to below 1"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
