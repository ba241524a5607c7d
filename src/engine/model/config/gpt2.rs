//! The sizes of a GPT-2 backbone, from its config.json or, without one, from the published sizes.

use serde::Deserialize;
use serde_json::{Map, Value};

use super::keys::{self, Ids};
use crate::engine::model::family::Base;

/// Alternative field names that transformers also accepts for GPT-2.
const ALIASES: [(&str, &str); 4] = [
    ("hidden_size", "n_embd"),
    ("max_position_embeddings", "n_positions"),
    ("num_attention_heads", "n_head"),
    ("num_hidden_layers", "n_layer"),
];

/// The sizes of a GPT-2 backbone.
#[derive(Debug, Clone, PartialEq)]
pub struct Gpt2Config {
    /// Hidden width.
    pub width: usize,
    /// Attention heads.
    pub heads: usize,
    /// Transformer blocks.
    pub layers: usize,
    /// The number of position embeddings.
    pub positions: usize,
    /// Width inside the MLP.
    pub inner: usize,
    /// Epsilon of every layer norm.
    pub norm_eps: f32,
    /// Rows of the vocabulary before special tokens were added.
    pub vocab: usize,
    /// Whether the output table is the input table.
    pub tied: bool,
    /// The end tokens.
    pub eos: Vec<u32>,
}

#[derive(Deserialize)]
struct File {
    activation_function: Option<String>,
    n_embd: usize,
    n_head: usize,
    n_layer: usize,
    n_positions: usize,
    n_inner: Option<usize>,
    layer_norm_epsilon: Option<f32>,
    vocab_size: usize,
    eos_token_id: Option<Ids>,
    tie_word_embeddings: Option<bool>,
    attn_pdrop: Option<f64>,
    embd_pdrop: Option<f64>,
    resid_pdrop: Option<f64>,
    scale_attn_weights: Option<bool>,
    add_cross_attention: Option<bool>,
    scale_attn_by_inverse_layer_idx: Option<bool>,
}

impl Gpt2Config {
    pub(super) fn parse(config: &Map<String, Value>) -> Result<Self, String> {
        let file: File = keys::read(keys::without_aliases(config, &ALIASES)?)?;
        keys::check(config)?;
        if file.add_cross_attention == Some(true) {
            return Err("add_cross_attention is not supported".into());
        }
        match file.activation_function.as_deref() {
            None | Some("gelu_new" | "gelu_pytorch_tanh") => {}
            Some(other) => {
                return Err(format!(
                    "activation_function {other:?} is not supported (gelu_new is)"
                ));
            }
        }
        if file.scale_attn_weights == Some(false)
            || file.scale_attn_by_inverse_layer_idx == Some(true)
        {
            return Err("scale_attn_weights and scale_attn_by_inverse_layer_idx must have their usual values".into());
        }
        super::in_bounds(&[
            ("n_embd", file.n_embd),
            ("n_head", file.n_head),
            ("n_layer", file.n_layer),
            ("n_positions", file.n_positions),
            ("vocab_size", file.vocab_size),
            ("n_inner", file.n_inner.unwrap_or(1)),
        ])?;
        if !file.n_embd.is_multiple_of(file.n_head) {
            return Err(format!(
                "n_embd {} is not a multiple of n_head {}",
                file.n_embd, file.n_head
            ));
        }
        let norm_eps = file.layer_norm_epsilon.unwrap_or(1e-5);
        super::check_epsilon("layer_norm_epsilon", norm_eps)?;
        super::check_dropouts(&[
            ("attn_pdrop", file.attn_pdrop),
            ("embd_pdrop", file.embd_pdrop),
            ("resid_pdrop", file.resid_pdrop),
        ])?;
        Ok(Self {
            width: file.n_embd,
            heads: file.n_head,
            layers: file.n_layer,
            positions: file.n_positions,
            inner: file.n_inner.unwrap_or(4 * file.n_embd),
            norm_eps,
            vocab: file.vocab_size,
            tied: file.tie_word_embeddings.unwrap_or(true),
            eos: file.eos_token_id.map_or_else(Vec::new, Ids::into_list),
        })
    }

    /// Returns the published sizes (docs/methods.md M1.11), all with heads 64 wide.
    pub(super) fn published(width: usize, layers: usize) -> Option<Self> {
        const SIZES: [(usize, usize); 4] = [(768, 12), (1024, 24), (1280, 36), (1600, 48)];
        SIZES.contains(&(width, layers)).then_some(Self {
            width,
            heads: width / 64,
            layers,
            positions: 1024,
            inner: 4 * width,
            norm_eps: 1e-5,
            vocab: Base::Gpt2.vocab(),
            tied: true,
            eos: vec![50256],
        })
    }
}
