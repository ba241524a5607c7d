//! The sizes of a Llama backbone, from its config.json or, without one, from the published sizes.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::{self, Ids};
use super::rope::{Rope, RopeScaling};
use crate::engine::model::family::Base;

/// The sizes of a Llama backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct LlamaConfig {
    /// Hidden width.
    pub width: usize,
    /// Query heads.
    pub heads: usize,
    /// Key-value heads, each shared by `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_width: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// The number of positions it was trained for.
    pub positions: usize,
    /// Width inside the MLP.
    pub inner: usize,
    /// Epsilon of every norm.
    pub norm_eps: f32,
    /// Base of the rotation frequencies.
    pub rope_theta: f32,
    /// The scaling of the frequencies.
    pub rope_scaling: Option<RopeScaling>,
    /// Rows of the vocabulary before special tokens were added.
    pub vocab: usize,
    /// Whether the output table is the input table.
    pub tied: bool,
    /// The end tokens.
    pub eos: Vec<u32>,
}

/// The fields of config.json read here; `rope` reads its own.
#[derive(Deserialize)]
struct File {
    hidden_size: usize,
    intermediate_size: usize,
    num_attention_heads: usize,
    num_key_value_heads: Option<usize>,
    num_hidden_layers: usize,
    max_position_embeddings: usize,
    vocab_size: usize,
    rms_norm_eps: f64,
    tie_word_embeddings: Option<bool>,
    eos_token_id: Option<Ids>,
    hidden_act: Option<String>,
    attention_bias: Option<bool>,
    mlp_bias: Option<bool>,
    head_dim: Option<usize>,
    attention_dropout: Option<f64>,
}

impl LlamaConfig {
    pub(super) fn parse(config: &Map<String, Value>) -> Result<Self, String> {
        let file: File = keys::read(config.clone())?;
        keys::check(config)?;
        let rope = Rope::parse(config)?;
        if let Some(other) = file.hidden_act.as_deref().filter(|a| *a != "silu") {
            return Err(format!("hidden_act {other:?} is not supported (silu is)"));
        }
        if file.attention_bias == Some(true) || file.mlp_bias == Some(true) {
            return Err("attention_bias and mlp_bias are not supported".into());
        }
        let heads = file.num_attention_heads;
        let kv_heads = file.num_key_value_heads.unwrap_or(heads);
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
        let head_width = match file.head_dim {
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
        super::check_dropouts(&[("attention_dropout", file.attention_dropout)])?;
        Ok(Self {
            width: file.hidden_size,
            heads,
            kv_heads,
            head_width,
            layers: file.num_hidden_layers,
            positions: rope.positions.map_or(file.max_position_embeddings, |n| {
                n.min(file.max_position_embeddings)
            }),
            inner: file.intermediate_size,
            norm_eps,
            rope_theta: rope.theta,
            rope_scaling: rope.scaling,
            vocab: file.vocab_size,
            tied: file.tie_word_embeddings.unwrap_or(false),
            eos: file.eos_token_id.map_or_else(Vec::new, Ids::into_list),
        })
    }

    /// Returns the published sizes of Llama 3.2 (docs/methods.md M1.11).
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
            rope_scaling: Some(RopeScaling::Llama3 {
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
