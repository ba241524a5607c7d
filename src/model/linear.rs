//! A linear layer stored `[in, out]` as GPT-2 does, with an optional low-rank branch kept apart (methods.md 8.5).

use candle_core::Tensor;

use super::error::Result;
use super::weights::Weights;

/// `y = x W + b (+ x A' B')`, all in `f32`.
pub(crate) struct Linear {
    weight: Tensor,
    bias: Tensor,
    low_rank: Option<(Tensor, Tensor)>,
}

impl Linear {
    /// Takes `{name}.weight` `[input, output]` and `{name}.bias`; with `lora_alpha`, the names that peft writes.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        name: &str,
        input: usize,
        output: usize,
        lora_alpha: Option<f64>,
    ) -> Result<Self> {
        let Some(alpha) = lora_alpha else {
            return Ok(Self {
                weight: weights.take(&format!("{name}.weight"), &[input, output])?,
                bias: weights.take(&format!("{name}.bias"), &[output])?,
                low_rank: None,
            });
        };
        let a = weights.take_matrix(&format!("{name}.lora_A.default.weight"), None, Some(input))?;
        let rank = a.dims()[0];
        let b = weights.take_matrix(
            &format!("{name}.lora_B.default.weight"),
            Some(output),
            Some(rank),
        )?;
        #[expect(clippy::cast_precision_loss, reason = "a rank is far below 2^52")]
        let scaling = alpha / rank as f64;
        Ok(Self {
            weight: weights.take(&format!("{name}.base_layer.weight"), &[input, output])?,
            bias: weights.take(&format!("{name}.base_layer.bias"), &[output])?,
            low_rank: Some((a.t()?.contiguous()?, (b.t()?.contiguous()? * scaling)?)),
        })
    }

    /// Takes a layer stored `[output, input]`, as PyTorch's own linear layers are.
    pub(crate) fn take_transposed(
        weights: &mut Weights<'_>,
        name: &str,
        input: usize,
        output: usize,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights
                .take(&format!("{name}.weight"), &[output, input])?
                .t()?
                .contiguous()?,
            bias: weights.take(&format!("{name}.bias"), &[output])?,
            low_rank: None,
        })
    }

    /// (n, in) -> (n, out)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight)?.broadcast_add(&self.bias)?;
        match &self.low_rank {
            Some((a, b)) => Ok((y + x.matmul(a)?.matmul(b)?)?),
            None => Ok(y),
        }
    }
}

/// A layer norm with scale and shift.
pub(crate) struct Norm {
    weight: Tensor,
    bias: Tensor,
    eps: f32,
}

impl Norm {
    /// Takes `{name}.weight` and `{name}.bias`.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        name: &str,
        width: usize,
        eps: f32,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights.take(&format!("{name}.weight"), &[width])?,
            bias: weights.take(&format!("{name}.bias"), &[width])?,
            eps,
        })
    }

    /// (.., width) -> (.., width)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        // The fused op has no backward pass; nothing is trained here.
        Ok(candle_nn::ops::layer_norm(
            x,
            &self.weight,
            &self.bias,
            self.eps,
        )?)
    }
}
