//! Linear layers and norms as the checkpoints store them, with an optional low-rank branch kept apart (methods.md 8.5).

use std::borrow::Cow;

use candle_core::quantized::{GgmlDType, QMatMul, QStorage, QTensor};
use candle_core::{DType, Module, Tensor};

use super::error::Result;
use super::weights::Weights;

/// What quantized matrices hold: blocks of 32 bytes with a scale each.
pub(crate) const QUANTIZED: GgmlDType = GgmlDType::Q8_0;

/// A matrix in blocks, (rows, columns). A large one goes some rows at a time: the library copies what it is given.
pub(crate) fn quantized(matrix: &Tensor) -> Result<QTensor> {
    const ROWS: usize = 4096;
    let (rows, _) = matrix.dims2()?;
    if rows <= ROWS {
        return Ok(QTensor::quantize(&matrix.contiguous()?, QUANTIZED)?);
    }
    let mut blocks = Vec::new();
    for from in (0..rows).step_by(ROWS) {
        let part = matrix.narrow(0, from, ROWS.min(rows - from))?;
        // A part of a matrix shares its storage, of which the library would take all: this makes one of its own.
        let part = QTensor::quantize(&part.affine(1.0, 0.0)?, QUANTIZED)?;
        blocks.extend_from_slice(&part.data()?);
    }
    let storage = QStorage::from_data(Cow::Owned(blocks), matrix.device(), QUANTIZED)?;
    Ok(QTensor::new(storage, matrix.shape())?)
}

/// How a linear layer is stored.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stored {
    pub(crate) input: usize,
    pub(crate) output: usize,
    /// `[output, input]`, as PyTorch's own linear layers are, rather than GPT-2's `[input, output]`.
    pub(crate) output_first: bool,
    pub(crate) bias: bool,
    /// Alpha of the low-rank branch, if there is one, under the names that peft writes.
    pub(crate) lora_alpha: Option<f64>,
}

/// `y = x W + b (+ x A' B')`.
pub(crate) struct Linear {
    weight: Weight,
    bias: Option<Tensor>,
    /// (input, rank) and (rank, output), scaled; in `f32` whatever the weight is in.
    low_rank: Option<(Tensor, Tensor)>,
}

enum Weight {
    /// (input, output)
    Full(Tensor),
    Quantized(QMatMul),
}

impl Linear {
    /// Takes `{name}.weight` and `{name}.bias`; with a low-rank branch, the names that peft writes.
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
            Weight::Quantized(QMatMul::from_qtensor(quantized(&weight.t()?)?)?)
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

    /// (n, in) -> (n, out)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let mut y = match &self.weight {
            Weight::Full(weight) => x.matmul(weight)?,
            Weight::Quantized(weight) => weight.forward(&x.contiguous()?)?,
        };
        if let Some(bias) = &self.bias {
            y = y.broadcast_add(bias)?;
        }
        let Some((a, b)) = &self.low_rank else {
            return Ok(y);
        };
        // The sum is rounded once, after the branch was added.
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

/// A norm by the root of the mean square, with scale.
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

    /// (.., width) -> (.., width)
    pub(crate) fn forward(&self, x: &Tensor) -> Result<Tensor> {
        Ok(candle_nn::ops::rms_norm(x, &self.weight, self.eps)?)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn a_large_matrix_is_quantized_as_if_at_once() {
        let matrix = Tensor::randn(0f32, 1.0, (9000, 32), &Device::Cpu).expect("matrix");
        let whole = QTensor::quantize(&matrix, QUANTIZED).expect("at once");
        let parts = quantized(&matrix).expect("in parts");
        assert_eq!(parts.shape(), whole.shape());
        assert_eq!(parts.data().expect("bytes"), whole.data().expect("bytes"));
    }
}
