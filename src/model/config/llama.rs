//! The sizes of a Llama backbone, from its config.json or, where there is none, from the published sizes.

use candle_transformers::models::llama::{
    Llama3RopeConfig, Llama3RopeType, LlamaConfig as File, LlamaEosToks,
};
use serde::Deserialize;

use crate::model::options::Base;

/// The largest base of rotation frequencies; published ones go up to 1e8.
const MOST_THETA: f32 = 1e12;

/// The sizes of a Llama backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaConfig {
    /// Hidden width.
    pub width: usize,
    /// Query heads.
    pub heads: usize,
    /// Heads of keys and values, each shared by `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// Positions that the model was made for.
    pub positions: usize,
    /// Width inside the MLP.
    pub inner: usize,
    /// Epsilon of every norm.
    pub norm_eps: f32,
    /// Base of the rotation frequencies.
    pub rope_theta: f32,
    /// How the frequencies are stretched.
    pub rope_scaling: Option<RopeScaling>,
    /// Rows of the vocabulary before special tokens were added to it.
    pub vocab: usize,
    /// Whether the output table is the input table.
    pub tied: bool,
    /// The end tokens.
    pub eos: Vec<u32>,
}

/// Llama 3's rule for stretching the rotation frequencies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RopeScaling {
    /// How much the slow frequencies are slowed down.
    pub factor: f32,
    /// Wavelengths above `original_positions / low` count as slow.
    pub low: f32,
    /// Wavelengths below `original_positions / high` count as fast and stay as they are.
    pub high: f32,
    /// Positions before stretching.
    pub original_positions: usize,
}

/// What the library's configuration leaves out.
#[derive(Deserialize)]
struct Rest {
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    head_dim: Option<usize>,
    attention_dropout: Option<f64>,
}

impl LlamaConfig {
    /// Reads and validates a config.json; the error names the field.
    pub(super) fn parse(json: &str) -> Result<Self, String> {
        let file: File = serde_json::from_str(json).map_err(|e| format!("config.json: {e}"))?;
        let rest: Rest = serde_json::from_str(json).map_err(|e| format!("config.json: {e}"))?;
        if let Some(other) = rest.hidden_act.filter(|a| a != "silu") {
            return Err(format!("hidden_act {other:?} is not supported (silu is)"));
        }
        if rest.attention_bias == Some(true) || rest.mlp_bias == Some(true) {
            return Err("attention_bias and mlp_bias are not supported".into());
        }
        let (heads, kv_heads) = (file.num_attention_heads, file.num_key_value_heads());
        super::in_bounds(&[
            ("hidden_size", file.hidden_size),
            ("intermediate_size", file.intermediate_size),
            ("num_attention_heads", heads),
            ("num_key_value_heads", kv_heads),
            ("num_hidden_layers", file.num_hidden_layers),
            ("max_position_embeddings", file.max_position_embeddings),
            ("vocab_size", file.vocab_size),
        ])?;
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!(
                "num_attention_heads {heads} is not a multiple of num_key_value_heads {kv_heads}"
            ));
        }
        let head_width = match rest.head_dim {
            Some(width) => width,
            None if file.hidden_size.is_multiple_of(heads) => file.hidden_size / heads,
            None => {
                return Err(format!(
                    "hidden_size {} is not a multiple of num_attention_heads {heads}",
                    file.hidden_size
                ));
            }
        };
        super::in_bounds(&[("head_dim", head_width)])?;
        if !head_width.is_multiple_of(2) {
            return Err(format!("head_dim {head_width} is odd"));
        }
        #[expect(
            clippy::cast_possible_truncation,
            reason = "an epsilon is given to a few digits"
        )]
        let norm_eps = file.rms_norm_eps as f32;
        super::check_epsilon("rms_norm_eps", norm_eps)?;
        super::check_dropouts(&[("attention_dropout", rest.attention_dropout)])?;
        if !(file.rope_theta > 1.0 && file.rope_theta <= MOST_THETA) {
            return Err(format!(
                "rope_theta is {}, and must be above 1 and at most {MOST_THETA:e}",
                file.rope_theta
            ));
        }
        Ok(Self {
            width: file.hidden_size,
            heads,
            kv_heads,
            head_width,
            layers: file.num_hidden_layers,
            positions: file.max_position_embeddings,
            inner: file.intermediate_size,
            norm_eps,
            rope_theta: file.rope_theta,
            rope_scaling: file
                .rope_scaling
                .as_ref()
                .map(scaling)
                .transpose()?
                .flatten(),
            vocab: file.vocab_size,
            tied: file.tie_word_embeddings.unwrap_or(false),
            eos: match file.eos_token_id {
                None => Vec::new(),
                Some(LlamaEosToks::Single(id)) => vec![id],
                Some(LlamaEosToks::Multiple(ids)) => ids,
            },
        })
    }

    /// The published sizes of Llama 3.2 (methods.md 2.5).
    pub(super) fn published(width: usize, layers: usize) -> Option<Self> {
        let (heads, head_width, inner) = match (width, layers) {
            (2048, 16) => (32, 64, 8192),
            (3072, 28) => (24, 128, 8192),
            _ => return None,
        };
        Some(Self {
            width,
            heads,
            kv_heads: 8,
            head_width,
            layers,
            positions: 131_072,
            inner,
            norm_eps: 1e-5,
            rope_theta: 500_000.0,
            rope_scaling: Some(RopeScaling {
                factor: 32.0,
                low: 1.0,
                high: 4.0,
                original_positions: 8192,
            }),
            vocab: Base::Llama32.vocab(),
            tied: true,
            eos: vec![128_001, 128_008, 128_009],
        })
    }
}

fn scaling(file: &Llama3RopeConfig) -> Result<Option<RopeScaling>, String> {
    if matches!(file.rope_type, Llama3RopeType::Default) {
        return Ok(None);
    }
    let sound = |x: f32| x.is_finite() && x > 0.0;
    if !(file.factor.is_finite()
        && file.factor >= 1.0
        && sound(file.low_freq_factor)
        && file.high_freq_factor > file.low_freq_factor
        && file.high_freq_factor.is_finite()
        && file.original_max_position_embeddings > 0)
    {
        return Err(
            "rope_scaling needs a factor of at least 1 and a positive low_freq_factor below high_freq_factor"
                .into(),
        );
    }
    Ok(Some(RopeScaling {
        factor: file.factor,
        low: file.low_freq_factor,
        high: file.high_freq_factor,
        original_positions: file.original_max_position_embeddings,
    }))
}
