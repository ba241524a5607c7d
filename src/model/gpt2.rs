//! GPT-2: learned positions, pre-norm blocks, tanh GELU (methods.md 2.5). Names mirror the checkpoint.

use candle_core::{D, DType, Device, Tensor};
use candle_transformers::utils::build_additive_causal_mask;

use super::backbone::{Backbone, Output, Pass};
use super::cache::{Cache, Kv, LayerCache};
use super::config::Gpt2Config;
use super::cpu_ops::{gelu, softmax, tail_mix, tail_scores};
use super::error::{ModelError, Result};
use super::linear::{Linear, Norm};
use super::weights::Weights;

/// A GPT-2 backbone in `f32`.
pub(crate) struct Gpt2 {
    wte: Tensor,
    wpe: Tensor,
    h: Vec<Block>,
    ln_f: Norm,
    /// (width, vocab)
    head: Tensor,
    positions: usize,
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
    /// Takes the backbone's tensors; `prefix` goes before every name, `lora_alpha` says that blocks are adapted.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        config: &Gpt2Config,
        prefix: &str,
        lora_alpha: Option<f64>,
        device: &Device,
    ) -> Result<Self> {
        let (d, eps) = (config.width, config.norm_eps);
        let wte = weights.take_table(
            &format!("{prefix}transformer.wte.weight"),
            config.base_vocab,
            d,
        )?;
        let wpe = weights.take(
            &format!("{prefix}transformer.wpe.weight"),
            &[config.positions, d],
        )?;
        let rows = wte.dims()[0];
        let mut h = Vec::with_capacity(config.layers);
        for i in 0..config.layers {
            let name = format!("{prefix}transformer.h.{i}");
            let mut linear = |part: &str, input, output| {
                Linear::take(
                    weights,
                    &format!("{name}.{part}"),
                    input,
                    output,
                    lora_alpha,
                )
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
        let head_name = format!("{prefix}lm_head.weight");
        let head = if config.tied {
            // The reference ties after loading: where both are stored, the input table wins (methods.md 8.7).
            weights.drop_alias(&head_name, &[rows, d])?;
            untransposed(&wte)?
        } else {
            weights.take(&head_name, &[rows, d])?.t()?
        };
        Ok(Self {
            wte,
            wpe,
            h,
            ln_f,
            head,
            positions: config.positions,
            device: device.clone(),
        })
    }

    /// Position embeddings of the t new positions, (t, width).
    fn position_vectors(&self, pass: &Pass<'_>, start: usize, t: usize) -> Result<Tensor> {
        let highest = pass
            .positions
            .and_then(|p| p.iter().max())
            .map_or(start + t, |&p| p as usize + 1);
        if highest > self.positions {
            return Err(ModelError::input(format!(
                "the text needs {highest} positions, the model has {}",
                self.positions
            )));
        }
        match pass.positions {
            Some(positions) => Ok(self
                .wpe
                .index_select(&Tensor::new(positions, &self.device)?, 0)?),
            None => Ok(self.wpe.narrow(0, start, t)?),
        }
    }

    /// The additive mask of a pass, (1, 1 or rows, t, cached + t); none if every position may be seen.
    fn mask(&self, pass: &Pass<'_>, cached: usize, t: usize) -> Result<Option<Tensor>> {
        let causal = (t > 1)
            .then(|| build_additive_causal_mask(t, cached, None, &self.device, DType::F32))
            .transpose()?;
        Ok(match (causal, pass.mask) {
            (Some(causal), Some(mask)) => Some(causal.broadcast_add(&mask.unsqueeze(0)?)?),
            (None, Some(mask)) => Some(mask.unsqueeze(0)?),
            (causal, None) => causal,
        })
    }
}

impl Backbone for Gpt2 {
    fn new_cache(&self, rows: usize) -> Cache {
        Cache::new(self.h.len(), rows)
    }

    fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        Ok(self.wte.index_select(ids, 0)?)
    }

    #[expect(
        clippy::many_single_char_names,
        reason = "tensor letters, each with its shape"
    )]
    fn forward(&self, pass: &Pass<'_>, cache: &Cache) -> Result<Output> {
        let (b, t, d) = pass.vectors.dims3()?;
        if b != cache.rows() {
            return Err(ModelError::input(format!(
                "{b} rows of vectors for {} rows of cache",
                cache.rows()
            )));
        }
        let mask = self.mask(pass, cache.len(), t)?;
        let positions = self.position_vectors(pass, cache.len(), t)?;
        // (b, t, d) -> (b t, d): every linear layer is then one plain matrix product.
        let mut x = pass
            .vectors
            .broadcast_add(&positions)?
            .reshape((b * t, d))?;
        let mut layers = Vec::new();
        let mut caches = Vec::with_capacity(self.h.len());
        for (block, past) in self.h.iter().zip(&cache.layers) {
            let (y, grown) =
                block
                    .attn
                    .forward(&block.ln_1.forward(&x)?, b, t, past, mask.as_ref())?;
            x = (x + y)?;
            let inner = gelu(&block.c_fc.forward(&block.ln_2.forward(&x)?)?)?;
            x = (x + block.c_proj.forward(&inner)?)?;
            caches.push(grown);
            if pass.keep_layers {
                layers.push(x.reshape((b, t, d))?);
            }
        }
        Ok(Output {
            last: x.reshape((b, t, d))?,
            layers,
            cache: cache.grown(caches, t),
        })
    }

    fn norm(&self, hidden: &Tensor) -> Result<Tensor> {
        self.ln_f.forward(&hidden.contiguous()?)
    }

    fn unembed(&self, normed: &Tensor) -> Result<Tensor> {
        Ok(normed.matmul(&self.head)?)
    }

    fn vocab(&self) -> usize {
        self.wte.dims()[0]
    }
}

impl Attention {
    /// (b t, d) -> (b t, d) and the grown cache. H heads of width w, S shared positions, T private ones.
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
        // (b t, 3 d) -> (3, H, b t, w): rows sit beside each other under each head, so that against the shared
        // prefix they fold into the query dimension, (H, b t, w), and against the tail unfold, (H, b, t, w).
        let qkv = self
            .c_attn
            .forward(x)?
            .reshape((n, 3, heads, w))?
            .permute((1, 2, 0, 3))?
            .contiguous()?;
        let q = (qkv.get(0)? * self.scale)?;
        let k = qkv.get(1)?.reshape((heads, b, t, w))?;
        let v = qkv.get(2)?.reshape((heads, b, t, w))?;
        let tail = match &past.tail {
            Some(old) => Kv {
                k: Tensor::cat(&[&old.k, &k], 2)?,
                v: Tensor::cat(&[&old.v, &v], 2)?,
            },
            // Cached handles must not keep the queries alive.
            None => Kv {
                k: k.copy()?,
                v: v.copy()?,
            },
        };
        let private = tail.k.dims()[2];
        let over_tail = tail_scores(&q.reshape((heads, b, t, w))?, &tail.k)?;

        let mixed = if let Some(prefix) = &past.prefix {
            let shared = prefix.v.dims()[1];
            let over_prefix = q.matmul(&prefix.k)?.reshape((heads, b, t, shared))?;
            let scores = Tensor::cat(&[&over_prefix, &over_tail], D::Minus1)?;
            let weights = attend(&scores, mask)?;
            // (H, b t, S) (H, S, w) + (H, b, t, T) (H, b, T, w)
            let to_prefix = weights
                .narrow(D::Minus1, 0, shared)?
                .contiguous()?
                .reshape((heads, n, shared))?;
            let to_tail = weights.narrow(D::Minus1, shared, private)?.contiguous()?;
            (to_prefix.matmul(&prefix.v)? + tail_mix(&to_tail, &tail.v)?.reshape((heads, n, w))?)?
        } else {
            tail_mix(&attend(&over_tail, mask)?, &tail.v)?.reshape((heads, n, w))?
        };
        let y = self
            .c_proj
            .forward(&mixed.transpose(0, 1)?.contiguous()?.reshape((n, d))?)?;
        Ok((
            y,
            LayerCache {
                prefix: past.prefix.clone(),
                tail: Some(tail),
            },
        ))
    }
}

/// The table as (width, vocab). A small one is copied to rows, which multiply twice as fast; a large one is only viewed.
fn untransposed(table: &Tensor) -> Result<Tensor> {
    const SMALL: usize = 1 << 22;
    let table = table.t()?;
    Ok(if table.elem_count() <= SMALL {
        table.contiguous()?
    } else {
        table
    })
}

/// Softmax over the last dimension of masked scores.
fn attend(scores: &Tensor, mask: Option<&Tensor>) -> Result<Tensor> {
    let scores = match mask {
        Some(mask) => scores.broadcast_add(mask)?,
        None => scores.clone(),
    };
    Ok(softmax(&scores)?)
}
