//! The token tables: map ids to input vectors and states to logits; a single table if they are tied.

use candle_core::quantized::{QMatMul, QTensor};
use candle_core::{DType, Module, Tensor};
use std::sync::Arc;

use super::error::Result;
use super::weights::Weights;

/// The largest table, in values, that is copied to rows, which multiply twice as fast; larger ones are only viewed.
const SMALL: usize = 1 << 22;

/// Both tables of a backbone.
pub(crate) struct Table {
    kind: Kind,
    rows: usize,
    /// The type that logits are computed in.
    dtype: DType,
}

enum Kind {
    /// (rows, width) and (width, rows)
    Full { input: Tensor, output: Tensor },
    Quantized {
        input: Arc<QTensor>,
        output: QMatMul,
    },
}

impl Table {
    /// Takes the input table and, unless they are tied, the output table, both (rows, width).
    ///
    /// The reference ties after loading: if both are stored, the input table wins (docs/methods.md M8.7).
    pub(crate) fn take(
        weights: &mut Weights<'_>,
        [input, output]: [&str; 2],
        shape: [usize; 2],
        tied: bool,
    ) -> Result<Self> {
        if tied {
            weights.drop_tied(input, output, &shape)?;
        }
        let kind = if weights.quantizes(shape[1]) {
            let table = Arc::new(weights.take_quantized(input, shape)?);
            let other = if tied {
                Arc::clone(&table)
            } else {
                Arc::new(weights.take_quantized(output, shape)?)
            };
            Kind::Quantized {
                input: table,
                output: QMatMul::from_arc(other)?,
            }
        } else {
            let table = weights.take(input, &shape)?;
            let other = if tied {
                table.t()?
            } else {
                weights.take(output, &shape)?.t()?
            };
            let output = if other.elem_count() <= SMALL {
                other.contiguous()?
            } else {
                other
            };
            Kind::Full {
                input: table,
                output,
            }
        };
        Ok(Self {
            kind,
            rows: shape[0],
            dtype: weights.dtype(),
        })
    }

    /// Returns the number of rows, that is of ids.
    pub(crate) fn rows(&self) -> usize {
        self.rows
    }

    /// Embeds ids, (n) -> (n, width), in `f32`.
    pub(crate) fn embed(&self, ids: &Tensor) -> Result<Tensor> {
        Ok(match &self.kind {
            Kind::Full { input, .. } => input.index_select(ids, 0)?.to_dtype(DType::F32)?,
            Kind::Quantized { input, .. } => input.embedding(ids)?,
        })
    }

    /// Returns logits, (n, width) -> (n, rows), in `f32`.
    pub(crate) fn unembed(&self, normed: &Tensor) -> Result<Tensor> {
        Ok(match &self.kind {
            Kind::Full { output, .. } => normed
                .to_dtype(self.dtype)?
                .matmul(output)?
                .to_dtype(DType::F32)?,
            Kind::Quantized { output, .. } => output.forward(&normed.contiguous()?)?,
        })
    }
}
