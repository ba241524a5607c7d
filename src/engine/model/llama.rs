//! Llama 3: rotary positions, grouped queries, gated MLP, no biases (docs/methods.md M1.11). Names mirror the checkpoint.

use candle_core::{DType, Device, Tensor};
use candle_nn::rotary_emb::rope;

use super::attention::attend;
use super::backbone::{Backbone, Output, Pass, check_rows, through};
use super::cache::{Cache, LayerCache};
use super::config::{LlamaConfig, RopeScaling};
use super::error::Result;
use super::linear::{Linear, RmsNorm, Stored};
use super::ragged::positions;
use super::table::Table;
use super::weights::Weights;

pub(crate) struct Llama {
    table: Table,
    layers: Vec<Block>,
    norm: RmsNorm,
    /// Angle per position of each pair of dimensions, (head width / 2).
    frequencies: Vec<f32>,
    positions: usize,
    dtype: DType,
    device: Device,
}

struct Block {
    input_layernorm: RmsNorm,
    attn: Attention,
    post_attention_layernorm: RmsNorm,
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

struct Attention {
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    /// Key-value heads.
    heads: usize,
    /// Query heads per key-value head.
    groups: usize,
    width: usize,
    scale: f64,
}

impl Llama {
    /// Takes the backbone's tensors; `prefix` precedes every name, `rows` is the height of the token table, and a `lora_alpha` means
    /// that blocks have low-rank branches.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        config: &LlamaConfig,
        prefix: &str,
        rows: usize,
        lora_alpha: Option<f64>,
    ) -> Result<Self> {
        let (d, eps) = (config.width, config.norm_eps);
        let table = Table::take(
            weights,
            [
                &format!("{prefix}model.embed_tokens.weight"),
                &format!("{prefix}lm_head.weight"),
            ],
            [rows, d],
            config.tied,
        )?;
        let mut layers = Vec::with_capacity(config.layers);
        for i in 0..config.layers {
            layers.push(Block::take(
                weights,
                &format!("{prefix}model.layers.{i}"),
                config,
                lora_alpha,
            )?);
        }
        let norm = RmsNorm::take(weights, &format!("{prefix}model.norm"), d, eps)?;
        Ok(Self {
            table,
            layers,
            norm,
            frequencies: frequencies(config),
            positions: config.positions,
            dtype: weights.dtype(),
            device: weights.device().clone(),
        })
    }

    /// Returns cosines and sines of the t new positions, both (t, head width / 2) or (rows, t, head width / 2).
    fn rotation(&self, pass: &Pass<'_>, cache: &Cache, t: usize) -> Result<(Tensor, Tensor)> {
        let positions = positions(pass.positions, t, cache, self.positions)?;
        let shape = match positions.len() / t {
            1 => vec![t, self.frequencies.len()],
            rows => vec![rows, t, self.frequencies.len()],
        };
        #[expect(
            clippy::cast_precision_loss,
            reason = "the reference multiplies in f32 too, and positions are below 2^24"
        )]
        let angles: Vec<f32> = positions
            .iter()
            .flat_map(|&p| self.frequencies.iter().map(move |f| p as f32 * f))
            .collect();
        let angles = Tensor::from_vec(angles, shape, &self.device)?;
        Ok((
            angles.cos()?.to_dtype(self.dtype)?,
            angles.sin()?.to_dtype(self.dtype)?,
        ))
    }
}

impl Backbone for Llama {
    fn new_cache(&self, rows: usize) -> Cache {
        Cache::new(self.layers.len(), rows)
    }

    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        self.table.embed(ids)
    }

    #[expect(
        clippy::many_single_char_names,
        reason = "tensor letters, each with its shape"
    )]
    fn forward(&self, pass: &Pass<'_>, cache: &Cache) -> Result<Output> {
        let (b, t, d) = pass.vectors.dims3()?;
        check_rows(b, cache)?;
        let rotation = self.rotation(pass, cache, t)?;
        let states = pass.vectors.to_dtype(self.dtype)?.reshape((b * t, d))?;
        through(&self.layers, pass, cache, states, |block, x, past, mask| {
            let normed = block.input_layernorm.forward(&x)?;
            let (y, grown) = block.attn.forward(&normed, b, t, past, &rotation, mask)?;
            let x = (x + y)?;
            let normed = block.post_attention_layernorm.forward(&x)?;
            let gate = block.gate_proj.forward(&normed)?.silu()?;
            let inner = (gate * block.up_proj.forward(&normed)?)?;
            Ok(((x + block.down_proj.forward(&inner)?)?, grown))
        })
    }

    fn norm(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(self
            .norm
            .forward(&hidden.contiguous()?)?
            .to_dtype(DType::F32)?)
    }

    fn unembed(&self, normed: &Tensor) -> Result<Tensor> {
        self.table.unembed(normed)
    }

    fn vocab(&self) -> usize {
        self.table.rows()
    }
}

impl Block {
    fn take(
        weights: &mut Weights<'_>,
        name: &str,
        config: &LlamaConfig,
        lora_alpha: Option<f64>,
    ) -> Result<Self> {
        let (d, eps) = (config.width, config.norm_eps);
        let mut linear = |part: &str, input, output| {
            let stored = Stored {
                input,
                output,
                output_first: true,
                bias: false,
                lora_alpha,
            };
            Linear::take(weights, &format!("{name}.{part}"), stored)
        };
        let queries = config.heads * config.head_width;
        let keys = config.kv_heads * config.head_width;
        #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
        let scale = 1.0 / (config.head_width as f64).sqrt();
        let attn = Attention {
            q_proj: linear("self_attn.q_proj", d, queries)?,
            k_proj: linear("self_attn.k_proj", d, keys)?,
            v_proj: linear("self_attn.v_proj", d, keys)?,
            o_proj: linear("self_attn.o_proj", queries, d)?,
            heads: config.kv_heads,
            groups: config.heads / config.kv_heads,
            width: config.head_width,
            scale,
        };
        let gate_proj = linear("mlp.gate_proj", d, config.inner)?;
        let up_proj = linear("mlp.up_proj", d, config.inner)?;
        let down_proj = linear("mlp.down_proj", config.inner, d)?;
        let mut norm = |part: &str| RmsNorm::take(weights, &format!("{name}.{part}"), d, eps);
        Ok(Self {
            input_layernorm: norm("input_layernorm")?,
            attn,
            post_attention_layernorm: norm("post_attention_layernorm")?,
            gate_proj,
            up_proj,
            down_proj,
        })
    }
}

impl Attention {
    /// Maps (b t, d) -> (b t, d) and returns the grown cache.
    #[expect(
        clippy::many_single_char_names,
        reason = "tensor letters, each with its shape"
    )]
    fn forward(
        &self,
        x: &Tensor,
        b: usize,
        t: usize,
        past: &LayerCache,
        (cos, sin): &(Tensor, Tensor),
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, LayerCache)> {
        let (heads, groups, w) = (self.heads, self.groups, self.width);
        // (b t, H w) -> (b, H, t, w), as the rotation requires.
        let apart = |y: Tensor, heads: usize| -> Result<Tensor> {
            Ok(y.reshape((b, t, heads, w))?.transpose(1, 2)?.contiguous()?)
        };
        let q = rope(&apart(self.q_proj.forward(x)?, heads * groups)?, cos, sin)?;
        let k = rope(&apart(self.k_proj.forward(x)?, heads)?, cos, sin)?;
        let v = apart(self.v_proj.forward(x)?, heads)?;
        // Query head i uses keys i / G: (b, K G, t, w) -> (K, b, G t, w).
        let q = (q * self.scale)?
            .reshape((b, heads, groups * t, w))?
            .transpose(0, 1)?
            .contiguous()?;
        let (k, v) = (
            k.transpose(0, 1)?.contiguous()?,
            v.transpose(0, 1)?.contiguous()?,
        );
        let (mixed, grown) = attend(&q, k, v, groups, past, mask)?;
        let mixed = mixed
            .reshape((heads, b, groups, t, w))?
            .permute((1, 3, 0, 2, 4))?
            .contiguous()?
            .reshape((b * t, heads * groups * w))?;
        Ok((self.o_proj.forward(&mixed)?, grown))
    }
}

/// Returns the angle per position of each pair of dimensions, scaled as configured.
fn frequencies(config: &LlamaConfig) -> Vec<f32> {
    #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^23")]
    let plain = (0..config.head_width)
        .step_by(2)
        .map(|i| 1.0 / config.rope_theta.powf(i as f32 / config.head_width as f32));
    match config.rope_scaling {
        None => plain.collect(),
        Some(scaling) => plain.map(|f| stretched(f, scaling)).collect(),
    }
}

/// Scales a frequency. By Llama 3's rule high ones are unchanged, low ones are divided by the factor, and those in between are
/// blended.
fn stretched(frequency: f32, scaling: RopeScaling) -> f32 {
    let (factor, low, high, original_positions) = match scaling {
        RopeScaling::Linear { factor } => return frequency / factor,
        RopeScaling::Llama3 {
            factor,
            low,
            high,
            original_positions,
        } => (factor, low, high, original_positions),
    };
    #[expect(clippy::cast_precision_loss, reason = "positions are below 2^24")]
    let turns = original_positions as f32 * frequency / std::f32::consts::TAU;
    if turns > high {
        return frequency;
    }
    if turns < low {
        return frequency / factor;
    }
    let fast = (turns - low) / (high - low);
    (1.0 - fast) * frequency / factor + fast * frequency
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_frequencies_are_stretched_and_fast_ones_stay() {
        let scaling = RopeScaling::Llama3 {
            factor: 8.0,
            low: 1.0,
            high: 4.0,
            original_positions: 64,
        };
        let of_turns = |turns: f32| turns * std::f32::consts::TAU / 64.0;
        for (turns, kept) in [(5.0, 1.0), (0.5, 0.125), (2.5, 0.5 * 0.125 + 0.5)] {
            let f = of_turns(turns);
            let found = stretched(f, scaling) / f;
            assert!((found - kept).abs() < 1e-5, "{turns} turns: {found}");
        }
        let linear = stretched(0.5, RopeScaling::Linear { factor: 4.0 });
        assert!((linear - 0.125).abs() < 1e-9);
    }
}
