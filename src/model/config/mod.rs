//! Everything that is known about a checkpoint besides its tensors, from config.json, what the weights look like, and what
//! the user said; validated once.

mod family;
mod gpt2;
mod keys;
mod llama;
mod lora;
mod rope;

use serde::Deserialize;

pub use self::family::Family;
pub use self::gpt2::Gpt2Config;
pub use self::llama::LlamaConfig;
pub use self::rope::RopeScaling;
use super::discover::Layout;
use super::error::{ModelError, Result, short};
use super::options::{Base, Behaviour, LoadOptions, Precision};
use super::source::in_place_of_it;
use crate::trace::{Mode, Task};

/// Latents at test time unless a file says otherwise (methods.md 1.5).
const PUBLISHED_LATENTS: usize = 6;

/// The most latents: every one of them is a pass through the model at every load.
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
    /// The name on screen and in exports.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::Gpt2(_) => "gpt2",
            Self::Llama(_) => "llama",
        }
    }

    /// Hidden width.
    #[must_use]
    pub fn width(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.width,
            Self::Llama(c) => c.width,
        }
    }

    /// Transformer blocks.
    #[must_use]
    pub fn layers(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.layers,
            Self::Llama(c) => c.layers,
        }
    }

    /// Positions that a run may have.
    #[must_use]
    pub fn positions(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.positions,
            Self::Llama(c) => c.positions,
        }
    }

    /// Rows of the vocabulary as config.json states them.
    fn stated_vocab(&self) -> usize {
        match self {
            Self::Gpt2(c) => c.vocab,
            Self::Llama(c) => c.vocab,
        }
    }

    /// The end tokens that config.json names.
    #[must_use]
    pub fn eos(&self) -> Vec<u32> {
        match self {
            Self::Gpt2(c) => c.eos.into_iter().collect(),
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

/// Everything that is known about a checkpoint besides its tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The backbone.
    pub arch: Arch,
    /// The kind of model.
    pub family: Family,
    /// What said so: `--family`, `config.json`, `meta.json` or `the weights`.
    pub family_from: &'static str,
    /// Latent tokens unless asked otherwise; 0 for the kinds that have none.
    pub n_latents: usize,
    /// Which verifier applies.
    pub task: Task,
    /// The modes it was trained in, the usual one first.
    pub modes: Vec<Mode>,
    /// How phrases are decoded: `roll-out`, `latent-prefix` or `step-decoder`.
    pub phrase_decoder: String,
    /// CODI: alpha of the low-rank branches, which no checkpoint file holds.
    pub lora_alpha: Option<f64>,
    /// Rows of the vocabulary before special tokens were added; none if the tokenizer has to name them.
    pub base_vocab: Option<usize>,
    /// What numbers are computed in.
    pub precision: Precision,
    /// Whether known oddities of the published code are reproduced.
    pub behaviour: Behaviour,
}

/// The `undertone` object of config.json, or what a `meta.json` beside a published checkpoint says.
#[derive(Debug, Clone, Default, Deserialize)]
struct Hints {
    family: Option<String>,
    #[serde(alias = "num_latents")]
    n_latents: Option<usize>,
    task: Option<Task>,
    modes: Option<Vec<String>>,
    phrase_decoder: Option<String>,
    /// How the written steps stand that the model was trained on; nothing follows from it.
    step_order: Option<String>,
    lora_alpha: Option<f64>,
}

#[derive(Default, Deserialize)]
struct File {
    model_type: Option<String>,
    undertone: Option<Hints>,
}

/// How phrases can be decoded; the last one only where the checkpoint brings the decoder.
const PHRASE_DECODERS: [&str; 3] = ["roll-out", "latent-prefix", STEP_DECODER];
const STEP_DECODER: &str = "step-decoder";
/// How written steps can stand.
const STEP_ORDERS: [&str; 3] = ["result-first", "operands-first", "path"];
/// How many rows the weights may have beyond the stated vocabulary: the tokens that training added, and filling up to a multiple.
const MOST_ADDED_ROWS: usize = 3 + 256;

/// What a configuration is made from.
pub(crate) struct Given<'a> {
    /// The model's name, for messages; the data set and a missing chain of thought may be read off it.
    pub(crate) name: &'a str,
    /// The text of config.json.
    pub(crate) json: Option<&'a str>,
    /// The text of a meta.json, which fills in for a missing `undertone` object.
    pub(crate) meta: Option<&'a str>,
    /// The text of an `adapter_config.json`, which says the alpha that no weights hold.
    pub(crate) adapter: Option<&'a str>,
    /// What the user said.
    pub(crate) options: &'a LoadOptions,
    /// What the weights look like.
    pub(crate) layout: &'a Layout,
}

impl Config {
    /// Puts together and validates what is known.
    ///
    /// # Errors
    /// [`ModelError::Config`] naming the field.
    pub(crate) fn resolve(given: &Given<'_>) -> Result<Self> {
        let (options, layout) = (given.options, given.layout);
        let fail = |reason: String| ModelError::Config {
            model: given.name.into(),
            reason: short(reason),
        };
        let read = |text: &str| {
            if let Some(what) = in_place_of_it(text.as_bytes()).filter(|_| !text.trim().is_empty())
            {
                return Err(fail(format!("config.json: {what}")));
            }
            serde_json::from_str::<File>(text).map_err(|e| {
                let word = ["NaN", "Infinity"]
                    .into_iter()
                    .find(|word| text.contains(word));
                let why = word.map_or_else(
                    || e.to_string(),
                    |word| format!("it holds {word}, which no JSON number is ({e})"),
                );
                fail(format!("config.json: {why}"))
            })
        };
        let file = given.json.map(read).transpose()?.unwrap_or_default();
        given.json.map_or(Ok(()), keys::check_hints).map_err(fail)?;
        let (hints, hints_from) = match (file.undertone.clone(), given.meta) {
            (Some(hints), _) => (hints, "config.json"),
            (None, Some(meta)) => (
                serde_json::from_str(meta).map_err(|e| fail(format!("meta.json: {e}")))?,
                "meta.json",
            ),
            (None, None) => (Hints::default(), ""),
        };
        let arch = arch(given, &file).map_err(fail)?;
        if arch.base() != layout.base {
            return Err(fail(format!(
                "it says {}, and the weights are those of {}",
                arch.as_str(),
                layout.base.arch()
            )));
        }
        for (what, stated, found) in [
            ("hidden width", arch.width(), layout.width),
            ("number of blocks", arch.layers(), layout.layers),
        ] {
            if stated != found {
                return Err(fail(format!(
                    "the {what} is {stated} there, and {found} in the weights"
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
                layout.family(vocab, given.name).map_err(|seen| {
                    fail(format!(
                        "{seen}: name it with --family (one of {}) or as \"family\" in config.json",
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
        let lora_alpha = lora::alpha(given, hints.lora_alpha).map_err(fail)?;
        Ok(Self {
            family,
            family_from,
            n_latents,
            task: options
                .task
                .or(hints.task)
                .unwrap_or_else(|| task_in(given.name)),
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

/// The vocabulary that config.json states against the rows that there are.
fn fits_rows(vocab: usize, rows: usize) -> std::result::Result<(), String> {
    match rows.checked_sub(vocab) {
        Some(added) if added <= MOST_ADDED_ROWS && added <= vocab / 2 => Ok(()),
        _ => Err(format!(
            "vocab_size is {vocab}, and the weights have {rows} rows: it must be the number of rows, or what it was before \
             training added some (at most {MOST_ADDED_ROWS})"
        )),
    }
}

/// Refuses a name that is none of those that are known.
fn one_of(field: &str, name: Option<&str>, known: &[&str]) -> std::result::Result<(), String> {
    match name {
        Some(name) if !known.contains(&name) => Err(format!(
            "{field} {name:?} is not one of {}",
            known.join(", ")
        )),
        _ => Ok(()),
    }
}

/// How phrases are decoded: as the file says, else as the weights allow.
fn phrase_decoder(named: Option<String>, layout: &Layout) -> std::result::Result<String, String> {
    one_of("phrase_decoder", named.as_deref(), &PHRASE_DECODERS)?;
    match (named, layout.step_decoder) {
        (Some(name), None) if name == STEP_DECODER => Err(format!(
            "phrase_decoder is {name:?}, and the weights hold no step decoder"
        )),
        (Some(name), _) => Ok(name),
        (None, Some(_)) => Ok(STEP_DECODER.into()),
        (None, None) => Ok(PHRASE_DECODERS[0].into()),
    }
}

/// How many latents are run unless asked otherwise.
fn latents(
    family: Family,
    stated: Option<usize>,
    arch: &Arch,
) -> std::result::Result<usize, String> {
    if !family.has_latents() {
        return Ok(0);
    }
    let n = stated.unwrap_or(PUBLISHED_LATENTS);
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

/// The backbone: as config.json says, else the published one of these sizes.
fn arch(given: &Given<'_>, file: &File) -> std::result::Result<Arch, String> {
    let arch = stated_arch(given, file)?;
    match given.options.base {
        Some(base) if base != arch.base() => Err(format!(
            "--base says {}, and config.json {}",
            base.arch(),
            arch.as_str()
        )),
        _ => Ok(arch),
    }
}

fn stated_arch(given: &Given<'_>, file: &File) -> std::result::Result<Arch, String> {
    let layout = given.layout;
    match (file.model_type.as_deref(), given.json) {
        (Some("gpt2"), Some(json)) => Gpt2Config::parse(json).map(Arch::Gpt2),
        (Some("llama"), Some(json)) => LlamaConfig::parse(json).map(Arch::Llama),
        (Some(other), _) => Err(format!(
            "model_type {other:?} is not supported (gpt2 and llama are)"
        )),
        // Some published folders hold an empty config.json.
        (None, _) => {
            let base = given.options.base.unwrap_or(layout.base);
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

/// Rows before special tokens were added: what config.json states, unless it was written after adding them.
fn base_vocab(arch: &Arch, layout: &Layout) -> Option<usize> {
    [arch.stated_vocab(), arch.base().vocab()]
        .into_iter()
        .find(|&vocab| {
            let added = layout.rows.checked_sub(vocab);
            added.is_some_and(|n| matches!(n, 2 | 3) || (n == 0 && layout.prefix.is_empty()))
        })
}

/// The modes of a family, or those that a file names.
fn modes(family: Family, named: Option<Vec<String>>) -> std::result::Result<Vec<Mode>, String> {
    let Some(names) = named else {
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

/// The published names say the data set.
fn task_in(name: &str) -> Task {
    let name = name.to_lowercase();
    if name.contains("gsm8k") {
        Task::Math
    } else if name.contains("prosqa") || name.contains("prontoqa") {
        Task::Logic
    } else {
        Task::Unknown
    }
}

/// Sizes that are zero, or so large that products of them would overflow, are refused by name.
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

/// An epsilon that keeps a norm from dividing by nothing, and what it norms from vanishing.
fn check_epsilon(field: &str, eps: f32) -> std::result::Result<(), String> {
    if eps > 0.0 && eps <= 0.1 {
        return Ok(());
    }
    Err(format!(
        "{field} is {eps}, and must be above 0 and at most 0.1"
    ))
}

/// Shares of what training leaves out, which do nothing here, but tell a file that means something else.
fn check_dropouts(shares: &[(&str, Option<f64>)]) -> std::result::Result<(), String> {
    for (field, share) in shares {
        if let Some(share) = share.filter(|share| !(0.0..1.0).contains(share)) {
            return Err(format!("{field} is {share}, and must be from 0 to below 1"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(rows: usize) -> Layout {
        Layout {
            base: Base::Gpt2,
            prefix: "base_causallm.".into(),
            rows,
            width: 16,
            layers: 2,
            lora_rank: None,
            projection: false,
            alias: Some(true),
            pause: false,
            step_decoder: None,
        }
    }

    fn json(extra: &str) -> String {
        format!(
            r#"{{"model_type":"gpt2","n_embd":16,"n_head":2,"n_layer":2,"n_positions":64,"vocab_size":40{extra}}}"#
        )
    }

    fn resolve(json: Option<&str>, meta: Option<&str>, layout: &Layout) -> Result<Config> {
        let options = &LoadOptions::default();
        Config::resolve(&Given {
            name: "m",
            json,
            meta,
            adapter: None,
            options,
            layout,
        })
    }

    fn width_of(config: &Config) -> usize {
        config.arch.width()
    }

    #[test]
    fn the_undertone_object_wins_over_meta() {
        let text = json(
            r#","undertone":{"family":"multimode-coconut","n_latents":4,"task":"math","modes":["latent","written"]}"#,
        );
        let meta = Some(r#"{"family":"coconut","num_latents":6}"#);
        let config = resolve(Some(&text), meta, &layout(40)).expect("valid");
        assert_eq!(config.family, Family::MultimodeCoconut);
        assert_eq!((config.n_latents, config.task), (4, Task::Math));
        assert_eq!(config.modes, [Mode::Latent, Mode::Written]);
        assert_eq!(config.base_vocab, None, "the tokenizer has the markers");
        assert_eq!(width_of(&config), 16);
    }

    #[test]
    fn the_user_wins_over_every_file_and_the_weights_speak_last() {
        let meta = Some(r#"{"family":"multimode_coconut","num_latents":5}"#);
        let options = LoadOptions {
            family: Some(Family::Coconut),
            latents: Some(3),
            ..LoadOptions::default()
        };
        let given = Given {
            name: "x/gpt2-prosqa-coconut",
            json: Some(&json("")),
            meta,
            adapter: None,
            options: &options,
            layout: &layout(43),
        };
        let config = Config::resolve(&given).expect("valid");
        assert_eq!(
            (config.family, config.family_from),
            (Family::Coconut, "--family")
        );
        assert_eq!((config.n_latents, config.task), (3, Task::Logic));
        assert_eq!(config.base_vocab, Some(40));

        let config = resolve(Some(&json("")), None, &layout(43)).expect("valid");
        assert_eq!(
            (config.family, config.family_from),
            (Family::Coconut, "the weights")
        );
        assert_eq!(config.n_latents, PUBLISHED_LATENTS);
    }

    #[test]
    fn a_bare_checkpoint_of_a_published_size_needs_no_config() {
        let mut bare = layout(50260);
        (bare.width, bare.layers) = (768, 12);
        for text in [None, Some("{}")] {
            let config = resolve(text, None, &bare).expect("GPT-2 small");
            assert!(matches!(&config.arch, Arch::Gpt2(c) if c.heads == 12 && c.eos == Some(50256)));
            assert_eq!(config.base_vocab, Some(50257));
        }
        (bare.base, bare.rows, bare.width, bare.layers) = (Base::Llama32, 128_258, 2048, 16);
        let config = resolve(None, None, &bare).expect("Llama 3.2 1B");
        assert!(matches!(&config.arch, Arch::Llama(c) if (c.kv_heads, c.head_width) == (8, 64)));
        // A config.json that was written after tokens were added.
        (bare.base, bare.rows, bare.width, bare.layers) = (Base::Gpt2, 50260, 16, 2);
        let resized = json("").replace(":40", ":50260");
        let config = resolve(Some(&resized), None, &bare).expect("resized");
        assert_eq!(config.base_vocab, Some(50257));
    }

    #[test]
    fn alpha_is_known_for_the_published_rank_and_asked_for_otherwise() {
        let mut codi = layout(43);
        (codi.projection, codi.lora_rank) = (true, Some(128));
        let config = resolve(Some(&json("")), None, &codi).expect("published rank");
        assert_eq!(
            (config.family, config.lora_alpha),
            (Family::Codi, Some(32.0))
        );
        codi.lora_rank = Some(4);
        let error = resolve(Some(&json("")), None, &codi)
            .expect_err("unknown")
            .to_string();
        assert!(
            error.contains("--lora-alpha") && error.contains("rank 4"),
            "{error}"
        );
        let meta = Some(r#"{"lora_alpha":6}"#);
        let config = resolve(Some(&json("")), meta, &codi).expect("stated");
        assert_eq!(config.lora_alpha, Some(6.0));
        let peft =
            |more: &str| lora::adapter_alpha(&format!(r#"{{"r":4,"lora_alpha":6{more}}}"#), 4);
        assert_eq!(peft(""), Ok(6.0));
        assert_eq!(
            peft(r#","use_rslora":true"#),
            Ok(12.0),
            "6 / sqrt(4) is 12 / 4"
        );
        for more in [
            r#""use_dora":true"#,
            r#""alpha_pattern":{"c_attn":64}"#,
            r#""peft_type":"IA3""#,
        ] {
            assert!(peft(&format!(",{more}")).is_err(), "{more}");
        }
        assert!(lora::adapter_alpha(r#"{"r":8,"lora_alpha":6}"#, 4).is_err());
    }

    #[test]
    fn llama_configurations_are_read_with_their_rope_scaling() {
        let text = r#"{"model_type":"llama","hidden_size":16,"intermediate_size":48,"num_attention_heads":4,
            "num_key_value_heads":2,"num_hidden_layers":2,"rms_norm_eps":1e-5,"rope_theta":500000.0,"vocab_size":40,
            "max_position_embeddings":512,"tie_word_embeddings":true,"eos_token_id":[7,9],
            "rope_scaling":{"factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,
            "original_max_position_embeddings":64,"rope_type":"llama3"}}"#;
        let mut llama = layout(43);
        llama.base = Base::Llama32;
        let config = resolve(Some(text), None, &llama).expect("valid");
        let Arch::Llama(c) = &config.arch else {
            panic!("a llama");
        };
        assert_eq!((c.heads, c.kv_heads, c.head_width), (4, 2, 4));
        assert!(matches!(
            c.rope_scaling,
            Some(RopeScaling::Llama3 {
                original_positions: 64,
                ..
            })
        ));
        assert_eq!(config.arch.eos(), [7, 9]);
        for (from, to, expected) in [
            (
                "\"num_key_value_heads\":2",
                "\"num_key_value_heads\":3",
                "num_key_value_heads",
            ),
            (
                "\"low_freq_factor\":1.0",
                "\"low_freq_factor\":5.0",
                "rope_scaling",
            ),
            ("\"tie_word", "\"hidden_act\":\"relu\",\"tie_word", "relu"),
            ("\"tie_word", "\"mlp_bias\":true,\"tie_word", "mlp_bias"),
            ("1e-5", "0", "rms_norm_eps is 0"),
            ("500000.0", "0.5", "rope_theta is 0.5, and must be"),
            ("500000.0", "1e30", "rope_theta is"),
            ("\"factor\":8.0", "\"factor\":0.5", "rope_scaling"),
            ("llama3", "yarn", "yarn"),
            (
                "\"tie_word",
                "\"attention_dropout\":1.5,\"tie_word",
                "attention_dropout is 1.5",
            ),
            (
                "\"intermediate_size\":48",
                "\"intermediate_size\":0",
                "intermediate_size",
            ),
        ] {
            let error = resolve(Some(&text.replace(from, to)), None, &llama).expect_err(expected);
            assert!(error.to_string().contains(expected), "{error}");
        }
    }

    #[test]
    #[expect(clippy::too_many_lines, reason = "a table")]
    fn every_refusal_names_the_field() {
        let meta = |text: &'static str| Some(text);
        let cases = [
            (json(""), meta(r#"{"family":"huginn"}"#), "huginn"),
            (json(""), meta(r#"{"num_latents":64}"#), "n_positions"),
            (json(""), meta("[]"), "meta.json"),
            (json(r#","activation_function":"relu""#), None, "relu"),
            (
                json("").replace("size\":40", "size\":1"),
                None,
                "vocab_size is 1, and the weights have 43 rows",
            ),
            (
                json("").replace("size\":40", "size\":44"),
                None,
                "vocab_size is 44",
            ),
            (
                json("").replace("\"n_head\":2", "\"n_head\":0"),
                None,
                "n_head is 0, and must be from 1",
            ),
            (
                json(r#","layer_norm_epsilon":0"#),
                None,
                "layer_norm_epsilon is 0, and must be above 0",
            ),
            (
                json(r#","layer_norm_epsilon":-1e-5"#),
                None,
                "must be above 0",
            ),
            (
                json(r#","layer_norm_epsilon":1e-320"#),
                None,
                "must be above 0",
            ),
            (json(r#","layer_norm_epsilon":0.5"#), None, "at most 0.1"),
            (json(r#","layer_norm_epsilon":NaN"#), None, "config.json"),
            (
                json(r#","attn_pdrop":1.0"#),
                None,
                "attn_pdrop is 1, and must be",
            ),
            (json(r#","embd_pdrop":-0.1"#), None, "embd_pdrop is -0.1"),
            (json(r#","resid_pdrop":7"#), None, "resid_pdrop is 7"),
            (
                json(r#","undertone":{"phrase_decoder":"oracle"}"#),
                None,
                "phrase_decoder \"oracle\" is not one of roll-out, latent-prefix, step-decoder",
            ),
            (
                json(r#","undertone":{"phrase_decoder":"step-decoder"}"#),
                None,
                "hold no step decoder",
            ),
            (
                json(""),
                meta(r#"{"step_order":"sideways"}"#),
                "step_order \"sideways\" is not one of result-first, operands-first, path",
            ),
            (
                json(r#","undertone":{"family":"coconut","n_latents":0}"#),
                None,
                "n_latents is 0",
            ),
            (json(r#","scale_attn_weights":false"#), None, "scale_attn"),
            (
                json("").replace("\"n_head\":2", "\"n_head\":3"),
                None,
                "n_head",
            ),
            (json("").replace("\"n_layer\":2,", ""), None, "n_layer"),
            (
                json("").replace("\"n_layer\":2", "\"n_layer\":3"),
                None,
                "number of blocks",
            ),
            (
                json("").replace("\"n_embd\":16", "\"n_embd\":32"),
                None,
                "hidden width",
            ),
            (json("").replace(":64", ":99999999999"), None, "n_positions"),
            (json("").replace("gpt2", "bert"), None, "bert"),
            ("<html>".to_owned(), None, "config.json"),
            ("{}".to_owned(), None, "16 wide"),
            (
                json(r#","undertone":{"family":"coconut","modes":["loud"]}"#),
                None,
                "loud",
            ),
            (
                json(r#","undertone":{"family":"coconut","modes":["direct"]}"#),
                None,
                "do not fit",
            ),
        ];
        for (text, meta, expected) in cases {
            let error = resolve(Some(&text), meta, &layout(43))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error} does not name {expected}");
        }
        let llama = r#"{"model_type":"llama","hidden_size":16,"intermediate_size":48,"num_attention_heads":4,
            "num_hidden_layers":2,"rms_norm_eps":1e-5,"vocab_size":40,"max_position_embeddings":512,"rope_theta":10000.0}"#;
        let error = resolve(Some(llama), None, &layout(43)).expect_err("another base");
        assert!(
            error.to_string().contains("weights are those of gpt2"),
            "{error}"
        );
    }
}
