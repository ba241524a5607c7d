//! Linear layers and norms as checkpoints store them, with an optional separate low-rank branch (docs/methods.md M8.5).

use candle_core::quantized::{GgmlDType, QMatMul, QTensor};
use candle_core::{DType, Module, Tensor};

use super::cpu_ops::add_bias;
use super::error::Result;
use super::weights::Weights;

/// The format of quantized matrices: blocks of 32 bytes with one scale each.
pub(crate) const QUANTIZED: GgmlDType = GgmlDType::Q8_0;

/// The storage layout of a linear layer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// Whether weights are `[output, input]`, as in PyTorch, instead of GPT-2's `[input, output]`.
    pub(crate) output_first: bool,
    pub(crate) bias: bool,
    /// Alpha of the low-rank branch, if there is one, stored under peft's names.
    pub(crate) lora_alpha: Option<f64>,
}

impl Stored {
    /// PyTorch's linear layer with a bias.
    pub(crate) fn torch(input: usize, output: usize) -> Self {
        Self {
            input,
            output,
            output_first: true,
            bias: true,
            lora_alpha: None,
        }
    }
}

/// `y = x W + b (+ x A' B')`.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    /// (input, rank) and (rank, output), scaled; in `f32` regardless of the weight's type.
    low_rank: Option<(Tensor, Tensor)>,
}

enum Weight {
    /// (input, output)
    Full(Tensor),
    Quantized(QMatMul),
}

impl Linear {
    /// Takes `{name}.weight` and `{name}.bias`; with a low-rank branch, peft's names.
    pub(crate) fn take(weights: &mut Weights<'_>, name: &str, stored: Stored) -> Result<Self> {
        let Stored {
            input,
            output,
            output_first,
            bias,
            lora_alpha,
        } = stored;
        let (base, low_rank) = match lora_alpha {
            None => (name.to_owned(), None),
            Some(alpha) => (
                format!("{name}.base_layer"),
                Some(low_rank(weights, name, input, output, alpha)?),
            ),
        };
        let weight = format!("{base}.weight");
        let weight = if output_first {
            weights.take(&weight, &[output, input])?.t()?
        } else {
            weights.take(&weight, &[input, output])?
        };
        let weight = if weights.quantizes(input) {
            let blocks = QTensor::quantize(&weight.t()?.contiguous()?, QUANTIZED)?;
            Weight::Quantized(QMatMul::from_qtensor(blocks)?)
        } else {
            Weight::Full(weight)
        };
        let bias = bias
            .then(|| weights.take(&format!("{base}.bias"), &[output]))
            .transpose()?;
        Ok(Self {
            weight,
            bias,
            low_rank,
        })
    }

    /// Applies the layer, (n, in) -> (n, out).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = match &self.weight {
            Weight::Full(weight) => x.matmul(weight)?,
            Weight::Quantized(weight) => weight.forward(&x.contiguous()?)?,
        };
        if let Some(bias) = &self.bias {
            y = add_bias(y, bias)?;
        }
        let Some((a, b)) = &self.low_rank else {
            return Ok(y);
        };
        // The sum is rounded once, after the branch is added.
        let branch = x.to_dtype(DType::F32)?.matmul(a)?.matmul(b)?;
        Ok((y.to_dtype(DType::F32)? + branch)?.to_dtype(x.dtype())?)
    }
}

fn low_rank(
    weights: &mut Weights<'_>,
    name: &str,
    input: usize,
    output: usize,
    alpha: f64,
) -> Result<(Tensor, Tensor)> {
    let a = format!("{name}.lora_A.default.weight");
    let a = weights.take_matrix(&a, None, Some(input))?;
    let rank = a.dims()[0];
    let b = format!("{name}.lora_B.default.weight");
    let b = weights.take_matrix(&b, Some(output), Some(rank))?;
    #[expect(clippy::cast_precision_loss, reason = "a rank is far below 2^52")]
    let scaling = alpha / rank as f64;
    Ok((a.t()?.contiguous()?, (b.t()?.contiguous()? * scaling)?))
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

    /// Applies the norm, (.., width) -> (.., width).
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

/// A root-mean-square norm with scale.
pub(crate) struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    /// Takes `{name}.weight`.
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        name: &str,
        width: usize,
        eps: f32,
    ) -> Result<Self> {
        Ok(Self {
            weight: weights.take(&format!("{name}.weight"), &[width])?,
            eps,
        })
    }

    /// Applies the norm, (.., width) -> (.., width).
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(candle_nn::ops::rms_norm(x, &self.weight, self.eps)?)
    }
}
