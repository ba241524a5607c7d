//! The causal attention mask.

use candle_core::{DType, Device, Tensor};
use candle_transformers::utils::build_additive_causal_mask;

use super::error::Result;

/// Returns the additive mask of t new positions after `cached` ones, (1, 1 or b, t, cached + t); `None` if nothing is hidden.
///
/// `extra`, (1 or b, t, cached + t), is added to it.
pub(crate) fn causal_mask(
    t: usize,
    cached: usize,
    extra: Option<&Tensor>,
    dtype: DType,
    device: &Device,
) -> Result<Option<Tensor>> {
    let causal = (t > 1)
        .then(|| build_additive_causal_mask(t, cached, None, device, dtype))
        .transpose()?;
    let extra = extra
        .map(|mask| mask.unsqueeze(0)?.to_dtype(dtype))
        .transpose()?;
    Ok(match (causal, extra) {
        (Some(causal), Some(extra)) => Some(causal.broadcast_add(&extra)?),
        (causal, extra) => causal.or(extra),
    })
}
