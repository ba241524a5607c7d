//! GPT-2: learned positions, pre-norm blocks, tanh GELU (docs/methods.md M1.11). Names mirror the checkpoint.

use candle_core::{DType, Device, Tensor};

use super::attention::attend;
use super::backbone::{Backbone, Output, Pass, check_rows, through};
use super::cache::{Cache, LayerCache};
use super::config::Gpt2Config;
use super::cpu_ops::gelu;
use super::error::Result;
use super::linear::{Linear, Norm, Stored};
use super::ragged::positions;
use super::table::Table;
use super::weights::Weights;

pub(crate) struct Gpt2 {
    table: Table,
    wpe: Tensor,
    h: Vec<Block>,
    ln_f: Norm,
    positions: usize,
    dtype: DType,
    device: Device,
}

struct Block {
    ln_1: Norm,
    attn: Attention,
    ln_2: Norm,
    c_fc: Linear,
    c_proj: Linear,
}

struct Attention {
    c_attn: Linear,
    c_proj: Linear,
    heads: usize,
    scale: f64,
}

impl Gpt2 {
    /// Takes the backbone's tensors; `prefix` precedes every name, `rows` is the height of the token table, and a `lora_alpha` means
    /// that blocks have low-rank branches.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        config: &Gpt2Config,
        prefix: &str,
        rows: usize,
        lora_alpha: Option<f64>,
    ) -> Result<Self> {
        let (d, eps) = (config.width, config.norm_eps);
        let table = Table::take(
            weights,
            [
                &format!("{prefix}transformer.wte.weight"),
                &format!("{prefix}lm_head.weight"),
            ],
            [rows, d],
            config.tied,
        )?;
        let wpe = weights.take(
            &format!("{prefix}transformer.wpe.weight"),
            &[config.positions, d],
        )?;
        let mut h = Vec::with_capacity(config.layers);
        for i in 0..config.layers {
            let name = format!("{prefix}transformer.h.{i}");
            let mut linear = |part: &str, input, output| {
                let stored = Stored {
                    input,
                    output,
                    output_first: false,
                    bias: true,
                    lora_alpha,
                };
                Linear::take(weights, &format!("{name}.{part}"), stored)
            };
            let c_attn = linear("attn.c_attn", d, 3 * d)?;
            let attn_proj = linear("attn.c_proj", d, d)?;
            let c_fc = linear("mlp.c_fc", d, config.inner)?;
            let c_proj = linear("mlp.c_proj", config.inner, d)?;
            #[expect(clippy::cast_precision_loss, reason = "a head width is far below 2^52")]
            let scale = 1.0 / ((d / config.heads) as f64).sqrt();
            h.push(Block {
                ln_1: Norm::take(weights, &format!("{name}.ln_1"), d, eps)?,
                attn: Attention {
                    c_attn,
                    c_proj: attn_proj,
                    heads: config.heads,
                    scale,
                },
                ln_2: Norm::take(weights, &format!("{name}.ln_2"), d, eps)?,
                c_fc,
                c_proj,
            });
        }
        let ln_f = Norm::take(weights, &format!("{prefix}transformer.ln_f"), d, eps)?;
        Ok(Self {
            table,
            wpe,
            h,
            ln_f,
            positions: config.positions,
            dtype: weights.dtype(),
            device: weights.device().clone(),
        })
    }

    /// Returns position embeddings of the t new positions, (1 or rows, t, width).
    fn position_vectors(&self, pass: &Pass<'_>, cache: &Cache, t: usize) -> Result<Tensor> {
        let numbers = positions(pass.positions, t, cache, self.positions)?;
        let rows = numbers.len() / t;
        let numbers = Tensor::new(numbers, &self.device)?;
        let vectors = self.wpe.index_select(&numbers, 0)?;
        Ok(vectors.reshape((rows, t, self.wpe.dims()[1]))?)
    }
}

impl Backbone for Gpt2 {
    fn new_cache(&self, rows: usize) -> Cache {
        Cache::new(self.h.len(), rows)
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
        let positions = self.position_vectors(pass, cache, t)?;
        // (b, t, d) -> (b t, d), so that every linear layer is one plain matrix product.
        let states = pass
            .vectors
            .to_dtype(self.dtype)?
            .broadcast_add(&positions)?
            .reshape((b * t, d))?;
        through(&self.h, pass, cache, states, |block, x, past, mask| {
            let normed = block.ln_1.forward(&x)?;
            let (y, grown) = block.attn.forward(&normed, b, t, past, mask)?;
            let x = (x + y)?;
            let inner = gelu(block.c_fc.forward(&block.ln_2.forward(&x)?)?)?;
            Ok(((x + block.c_proj.forward(&inner)?)?, grown))
        })
    }

    fn norm(&self, hidden: &Tensor) -> Result<Tensor> {
        Ok(self
            .ln_f
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
        mask: Option<&Tensor>,
    ) -> Result<(Tensor, LayerCache)> {
        let (n, d) = x.dims2()?;
        let (heads, w) = (self.heads, d / self.heads);
        // (b t, 3 d) -> (3, H, b t, w): rows are adjacent under each head, so that they fold into the query dimension against the
        // shared prefix, and unfold, (H, b, t, w), against the tail.
        let qkv = self
            .c_attn
            .forward(x)?
            .reshape((n, 3, heads, w))?
            .permute((1, 2, 0, 3))?
            .contiguous()?;
        let part = |i: usize| qkv.get(i)?.reshape((heads, b, t, w));
        let q = (part(0)? * self.scale)?;
        // Cached handles must not keep the queries alive.
        let (k, v) = (part(1)?.copy()?, part(2)?.copy()?);
        let (mixed, grown) = attend(&q, k, v, 1, past, mask)?;
        let mixed = mixed.reshape((heads, n, w))?.transpose(0, 1)?;
        let y = self.c_proj.forward(&mixed.contiguous()?.reshape((n, d))?)?;
        Ok((y, grown))
    }
}
