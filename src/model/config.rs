//! `config.json` as structs, validated once: the GPT-2 shape, and how the latent phase is run.

use serde::Deserialize;

use super::error::{ModelError, Result};
use crate::trace::Task;

/// A kind of latent reasoning model: decides prompts, feedback and key prefixes (methods.md 1.5 to 2.2, 8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Coconut: the state after the final norm is fed back.
    Coconut,
    /// Coconut trained with direct, written and latent mode side by side.
    MultimodeCoconut,
    /// CODI: the state goes through a projection before it is fed back.
    Codi,
}

impl Family {
    /// The name used in config.json, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coconut => "coconut",
            Self::MultimodeCoconut => "multimode-coconut",
            Self::Codi => "codi",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        // The training code writes underscores, we write dashes.
        match name.replace('_', "-").as_str() {
            "coconut" => Some(Self::Coconut),
            "multimode-coconut" => Some(Self::MultimodeCoconut),
            "codi" => Some(Self::Codi),
            _ => None,
        }
    }
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Latent tokens between the markers.
    Latent,
    /// The end marker straight after the question.
    Direct,
    /// The steps written out after the start marker.
    Written,
}

impl Mode {
    /// The name used in config.json and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latent => "latent",
            Self::Direct => "direct",
            Self::Written => "written",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        match name {
            "latent" => Some(Self::Latent),
            "direct" => Some(Self::Direct),
            // The published code calls it so.
            "written" | "verbalized" | "verbalised" => Some(Self::Written),
            _ => None,
        }
    }
}

/// The sizes of a GPT-2 backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpt2Config {
    /// Hidden width.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Positions that have an embedding.
    pub positions: usize,
    /// Width inside the MLP.
    pub inner: usize,
    /// Epsilon of every layer norm.
    pub norm_eps: f32,
    /// Rows of the vocabulary before special tokens were added to it.
    pub base_vocab: usize,
    /// Whether the output table is the input table.
    pub tied: bool,
    /// The end token.
    pub eos: Option<u32>,
}

/// Everything that is known about a checkpoint besides its tensors.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// The backbone.
    pub gpt2: Gpt2Config,
    /// The kind of latent reasoning model.
    pub family: Family,
    /// Latent tokens unless asked otherwise.
    pub n_latents: usize,
    /// Which verifier applies.
    pub task: Task,
    /// The modes it was trained in.
    pub modes: Vec<Mode>,
    /// How phrases are decoded: `roll-out` or `latent-prefix`.
    pub phrase_decoder: String,
    /// CODI: alpha of the low-rank branches, which no checkpoint file holds.
    pub lora_alpha: Option<f64>,
}

/// The `undertone` object of config.json, or what a `meta.json` beside a published checkpoint says.
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Hints {
    family: Option<String>,
    #[serde(alias = "num_latents")]
    n_latents: Option<usize>,
    task: Option<Task>,
    modes: Option<Vec<String>>,
    phrase_decoder: Option<String>,
    lora_alpha: Option<f64>,
}

#[derive(Deserialize)]
struct File {
    model_type: Option<String>,
    activation_function: Option<String>,
    n_embd: usize,
    n_head: usize,
    n_layer: usize,
    n_positions: usize,
    n_inner: Option<usize>,
    layer_norm_epsilon: Option<f32>,
    vocab_size: usize,
    eos_token_id: Option<u32>,
    tie_word_embeddings: Option<bool>,
    scale_attn_weights: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
    undertone: Option<Hints>,
}

impl Config {
    /// Reads and validates a config.json; `meta` (the text of a meta.json) fills in for a missing `undertone` object.
    ///
    /// # Errors
    /// [`ModelError::Config`] naming the field.
    pub fn parse(model: &str, json: &str, meta: Option<&str>) -> Result<Self> {
        let fail = |reason: String| ModelError::Config {
            model: model.into(),
            reason,
        };
        let file: File =
            serde_json::from_str(json).map_err(|e| fail(format!("config.json: {e}")))?;
        let hints = match (file.undertone.clone(), meta) {
            (Some(hints), _) => hints,
            (None, Some(meta)) => {
                serde_json::from_str(meta).map_err(|e| fail(format!("meta.json: {e}")))?
            }
            (None, None) => Hints::default(),
        };
        let gpt2 = file.gpt2().map_err(fail)?;

        let name = hints
            .family
            .ok_or_else(|| fail("no \"undertone.family\"".into()))?;
        let family = Family::parse(&name).ok_or_else(|| {
            fail(format!(
                "family {name:?} is not one of coconut, multimode-coconut, codi"
            ))
        })?;
        let n_latents = hints
            .n_latents
            .ok_or_else(|| fail("no \"undertone.n_latents\"".into()))?;
        if n_latents >= gpt2.positions {
            return Err(fail(format!(
                "n_latents {n_latents} does not fit n_positions {}",
                gpt2.positions
            )));
        }
        if family == Family::Codi && hints.lora_alpha.is_none() {
            return Err(fail(
                "a codi checkpoint needs \"lora_alpha\": its weights do not say it".into(),
            ));
        }
        let trained = match hints.modes {
            Some(names) => names
                .iter()
                .map(|m| {
                    Mode::parse(m).ok_or_else(|| {
                        fail(format!("mode {m:?} is not one of latent, direct, written"))
                    })
                })
                .collect::<Result<_>>()?,
            None if family == Family::MultimodeCoconut => {
                vec![Mode::Latent, Mode::Direct, Mode::Written]
            }
            None => vec![Mode::Latent],
        };
        if !trained.contains(&Mode::Latent) {
            return Err(fail("modes must hold \"latent\"".into()));
        }
        Ok(Self {
            gpt2,
            family,
            n_latents,
            task: hints.task.unwrap_or(Task::Unknown),
            modes: trained,
            phrase_decoder: hints.phrase_decoder.unwrap_or_else(|| "roll-out".into()),
            lora_alpha: hints.lora_alpha,
        })
    }
}

impl File {
    fn gpt2(&self) -> std::result::Result<Gpt2Config, String> {
        match self.model_type.as_deref() {
            Some("gpt2") => {}
            other => return Err(format!("model_type {other:?} is not supported (gpt2 is)")),
        }
        match self.activation_function.as_deref() {
            None | Some("gelu_new" | "gelu_pytorch_tanh") => {}
            Some(other) => {
                return Err(format!(
                    "activation_function {other:?} is not supported (gelu_new is)"
                ));
            }
        }
        if self.scale_attn_weights == Some(false)
            || self.scale_attn_by_inverse_layer_idx == Some(true)
        {
            return Err("scale_attn_weights and scale_attn_by_inverse_layer_idx must have their usual values".into());
        }
        for (field, value) in [
            ("n_embd", self.n_embd),
            ("n_head", self.n_head),
            ("n_layer", self.n_layer),
            ("n_positions", self.n_positions),
            ("vocab_size", self.vocab_size),
        ] {
            if value == 0 {
                return Err(format!("{field} is 0"));
            }
        }
        if !self.n_embd.is_multiple_of(self.n_head) {
            return Err(format!(
                "n_embd {} is not a multiple of n_head {}",
                self.n_embd, self.n_head
            ));
        }
        Ok(Gpt2Config {
            width: self.n_embd,
            heads: self.n_head,
            layers: self.n_layer,
            positions: self.n_positions,
            inner: self.n_inner.unwrap_or(4 * self.n_embd),
            norm_eps: self.layer_norm_epsilon.unwrap_or(1e-5),
            base_vocab: self.vocab_size,
            tied: self.tie_word_embeddings.unwrap_or(true),
            eos: self.eos_token_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(extra: &str) -> String {
        format!(
            r#"{{"model_type":"gpt2","n_embd":16,"n_head":2,"n_layer":2,"n_positions":64,"vocab_size":40{extra}}}"#
        )
    }

    #[test]
    fn the_undertone_object_wins_over_meta() {
        let text = json(
            r#","undertone":{"family":"multimode-coconut","n_latents":4,"task":"math","modes":["latent","written"]}"#,
        );
        let config =
            Config::parse("m", &text, Some(r#"{"family":"codi","num_latents":6}"#)).expect("valid");
        assert_eq!(config.family, Family::MultimodeCoconut);
        assert_eq!(config.n_latents, 4);
        assert_eq!(config.task, Task::Math);
        assert_eq!(config.modes, [Mode::Latent, Mode::Written]);
        assert_eq!(config.gpt2.inner, 64);
    }

    #[test]
    fn meta_json_of_a_published_checkpoint_is_understood() {
        let meta = r#"{"family":"multimode_coconut","num_latents":6,"arch":"gpt2"}"#;
        let config = Config::parse("m", &json(""), Some(meta)).expect("valid");
        assert_eq!(config.family, Family::MultimodeCoconut);
        assert_eq!(config.modes.len(), 3);
    }

    #[test]
    fn every_refusal_names_the_field() {
        let cases = [
            (json(""), None, "undertone.family"),
            (
                json(""),
                Some(r#"{"family":"huginn","num_latents":6}"#),
                "huginn",
            ),
            (json(""), Some(r#"{"family":"coconut"}"#), "n_latents"),
            (
                json(""),
                Some(r#"{"family":"coconut","num_latents":64}"#),
                "n_positions",
            ),
            (
                json(""),
                Some(r#"{"family":"codi","num_latents":6}"#),
                "lora_alpha",
            ),
            (json(r#","activation_function":"relu""#), None, "relu"),
            (json(r#","scale_attn_weights":false"#), None, "scale_attn"),
            (
                json("").replace("\"n_embd\":16", "\"n_embd\":15"),
                None,
                "n_head",
            ),
            (json("").replace("\"n_layer\":2,", ""), None, "n_layer"),
            (json("").replace("gpt2", "bert"), None, "bert"),
            (
                json(r#","undertone":{"family":"coconut","n_latents":1,"modes":["loud"]}"#),
                None,
                "loud",
            ),
        ];
        for (text, meta, expected) in cases {
            let error = Config::parse("m", &text, meta)
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected), "{error} does not name {expected}");
        }
    }
}
