//! CPU kernels for the hot spots of small models outside large matrix products: biases, the GELU's `tanh`, the softmax's
//! `exp`, and attention of one new position per row over a short tail, which would need a product per row and head.
//!
//! Functions that take a tensor by value modify it: it must be fresh, not a view of a tensor still in use.

use candle_core::{
    CpuStorage, CustomOp2, DType, InplaceOp1, InplaceOp2, Layout, Result, Shape, Tensor,
};
use rayon::prelude::*;

pub(crate) fn add_bias(x: Tensor, bias: &Tensor) -> Result<Tensor> {
    if !can_modify(&x) {
        return x.broadcast_add(bias);
    }
    x.inplace_op2(bias, &AddBias)?;
    Ok(x)
}

/// Computes GELU with the tanh formula (`gelu_new`), as the equivalent `x * sigmoid(2 u)`.
pub(crate) fn gelu(x: Tensor) -> Result<Tensor> {
    if !can_modify(&x) {
        return x.gelu();
    }
    x.inplace_op1(&Gelu)?;
    Ok(x)
}

pub(crate) fn softmax(x: Tensor) -> Result<Tensor> {
    if !can_modify(&x) {
        return candle_nn::ops::softmax_last_dim(&x);
    }
    x.inplace_op1(&Softmax)?;
    Ok(x)
}

/// Computes the scores of one query per row, (H, b, 1, w) and (H, b, T, w) -> (H, b, 1, T).
pub(crate) fn tail_scores(q: &Tensor, k: &Tensor) -> Result<Tensor> {
    if is_single(q) {
        q.apply_op2_no_bwd(k, &TailScores)
    } else {
        q.matmul(&k.t()?)
    }
}

/// Mixes values by one row of weights per row, (H, b, 1, T) and (H, b, T, w) -> (H, b, 1, w).
pub(crate) fn tail_mix(weights: &Tensor, v: &Tensor) -> Result<Tensor> {
    if is_single(weights) {
        weights.apply_op2_no_bwd(v, &TailMix)
    } else {
        weights.matmul(v)
    }
}

fn is_single(x: &Tensor) -> bool {
    has_kernels(x) && x.dims()[2] == 1
}

fn can_modify(x: &Tensor) -> bool {
    has_kernels(x) && x.is_contiguous()
}

/// Returns whether the kernels apply; other types and devices use the library's operations.
fn has_kernels(x: &Tensor) -> bool {
    x.device().is_cpu() && x.dtype() == DType::F32
}

struct AddBias;
struct Gelu;
struct Softmax;
struct TailScores;
struct TailMix;

impl InplaceOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        x: &mut CpuStorage,
        layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<()> {
        let bias = values(bias, bias_layout, self.name())?;
        by_rows(values_mut(x, layout, self.name())?, bias.len(), |row| {
            for (x, b) in row.iter_mut().zip(bias) {
                *x += b;
            }
        });
        Ok(())
    }
}

impl InplaceOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu-tanh"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let width = last_dim(layout);
        by_rows(values_mut(x, layout, self.name())?, width, |row| {
            for x in row.iter_mut() {
                *x = gelu_one(*x);
            }
        });
        Ok(())
    }
}

impl InplaceOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, x: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let width = last_dim(layout);
        by_rows(values_mut(x, layout, self.name())?, width, |row| {
            let max = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            for x in row.iter_mut() {
                // The short exponential never reaches zero, but masked values must.
                let shifted = *x - max;
                *x = if shifted < -87.0 { 0.0 } else { exp(shifted) };
            }
            let sum: f32 = row.iter().sum();
            for x in row.iter_mut() {
                *x /= sum;
            }
        });
        Ok(())
    }
}

/// Applies a function to every row; on all cores if there is enough work.
fn by_rows(x: &mut [f32], width: usize, on_row: impl Fn(&mut [f32]) + Sync) {
    /// Fewer values finish before another core wakes up.
    const MANY: usize = 1 << 15;
    if width == 0 {
        return;
    }
    if x.len() < MANY {
        x.chunks_exact_mut(width).for_each(on_row);
        return;
    }
    let rows = (MANY / 4).div_ceil(width);
    x.par_chunks_mut(rows * width)
        .for_each(|part| part.chunks_exact_mut(width).for_each(&on_row));
}

fn last_dim(layout: &Layout) -> usize {
    layout.dims().last().copied().unwrap_or(1)
}

impl CustomOp2 for TailScores {
    fn name(&self) -> &'static str {
        "tail-scores"
    }

    fn cpu_fwd(
        &self,
        q: &CpuStorage,
        q_layout: &Layout,
        k: &CpuStorage,
        k_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (q, k) = (
            values(q, q_layout, self.name())?,
            values(k, k_layout, self.name())?,
        );
        let (heads, rows, tail, width) = k_layout.shape().dims4()?;
        let mut out = Vec::with_capacity(heads * rows * tail);
        for (q, k) in q.chunks_exact(width).zip(k.chunks_exact(tail * width)) {
            out.extend(k.chunks_exact(width).map(|k| dot(q, k)));
        }
        Ok((CpuStorage::F32(out), (heads, rows, 1, tail).into()))
    }
}

impl CustomOp2 for TailMix {
    fn name(&self) -> &'static str {
        "tail-mix"
    }

    fn cpu_fwd(
        &self,
        weights: &CpuStorage,
        weights_layout: &Layout,
        v: &CpuStorage,
        v_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let weights = values(weights, weights_layout, self.name())?;
        let v = values(v, v_layout, self.name())?;
        let (heads, rows, tail, width) = v_layout.shape().dims4()?;
        let mut out = vec![0f32; heads * rows * width];
        let inputs = weights.chunks_exact(tail).zip(v.chunks_exact(tail * width));
        for (out, (weights, v)) in out.chunks_exact_mut(width).zip(inputs) {
            for (weight, v) in weights.iter().zip(v.chunks_exact(width)) {
                for (out, v) in out.iter_mut().zip(v) {
                    *out += weight * v;
                }
            }
        }
        Ok((CpuStorage::F32(out), (heads, rows, 1, width).into()))
    }
}

/// Returns the values of a contiguous tensor.
fn values<'a>(storage: &'a CpuStorage, layout: &Layout, name: &str) -> Result<&'a [f32]> {
    match layout.contiguous_offsets() {
        Some((start, end)) => Ok(&storage.as_slice::<f32>()?[start..end]),
        None => candle_core::bail!("{name} needs a contiguous tensor"),
    }
}

/// Returns the values of a contiguous tensor, mutably.
fn values_mut<'a>(
    storage: &'a mut CpuStorage,
    layout: &Layout,
    name: &str,
) -> Result<&'a mut [f32]> {
    match (layout.contiguous_offsets(), storage) {
        (Some((start, end)), CpuStorage::F32(values)) => Ok(&mut values[start..end]),
        _ => candle_core::bail!("{name} needs a contiguous f32 tensor"),
    }
}

/// Computes the dot product in eight partial sums, which the compiler can vectorize.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (mut sums, mut rest) = ([0f32; 8], 0.0);
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    for (a, b) in a8.remainder().iter().zip(b8.remainder()) {
        rest += a * b;
    }
    for (a, b) in a8.zip(b8) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

fn gelu_one(x: f32) -> f32 {
    // 2 sqrt(2 / pi)
    const TWICE: f32 = 1.595_769_2;
    x / (1.0 + exp(-TWICE * (x + 0.044_715 * x * x * x)))
}

/// Computes e^x, with |x| clamped to 87: accurate to two units in the last place, without calls, so that loops vectorize.
fn exp(x: f32) -> f32 {
    /// Adding 1.5 * 2^23 rounds to an integer, held in the low bits.
    const ROUND: f32 = 12_582_912.0;
    /// ln 2 in two parts, the first one exact in few bits.
    const LN_2: (f32, f32) = (0.693_359_4, -2.121_944_4e-4);
    /// Cephes expf, highest power first.
    const TERMS: [f32; 6] = [
        1.987_569_1e-4,
        1.398_2e-3,
        8.333_452e-3,
        4.166_579_6e-2,
        1.666_666_5e-1,
        0.5,
    ];
    let x = x.clamp(-87.0, 87.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let whole = shifted - ROUND;
    let r = (x - whole * LN_2.0) - whole * LN_2.1;
    let series = TERMS.iter().fold(0.0, |sum, term| sum * r + term) * r * r + r + 1.0;
    let exponent = shifted
        .to_bits()
        .wrapping_sub(ROUND.to_bits())
        .wrapping_add(127)
        << 23;
    series * f32::from_bits(exponent)
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn gelu_is_the_tanh_formula() {
        for i in -4000..=4000 {
            let x = f64::from(i) / 100.0;
            let expected =
                0.5 * x * (1.0 + (0.797_884_560_802_865_4 * (x + 0.044_715 * x.powi(3))).tanh());
            #[expect(clippy::cast_possible_truncation, reason = "the point of the test")]
            let found = f64::from(gelu_one(x as f32));
            assert!(
                (found - expected).abs() <= 5e-7 * x.abs().max(1.0),
                "{x}: {found} {expected}"
            );
        }
        assert!(gelu_one(f32::NAN).is_nan());
    }

    #[test]
    fn softmax_is_the_librarys_and_hides_what_is_masked() {
        let mut x = Tensor::randn(0f32, 5.0, (7, 33), &Device::Cpu)
            .and_then(|t| t.to_vec2::<f32>())
            .expect("random");
        x[2][5..].fill(f32::NEG_INFINITY);
        x[3][0] = 200.0;
        let x = Tensor::new(x, &Device::Cpu).expect("tensor");
        let rows = |t: Result<Tensor>| t.and_then(|t| t.to_vec2::<f32>()).expect("rows");
        let (found, expected) = (
            rows(softmax(x.copy().expect("copy"))),
            rows(candle_nn::ops::softmax_last_dim(&x)),
        );
        for (a, b) in found.iter().flatten().zip(expected.iter().flatten()) {
            assert!((a - b).abs() <= 1e-6, "{a} {b}");
        }
        assert!(found[2][5..].iter().all(|&p| p == 0.0));
        let not_a_number = Tensor::new(&[[f32::NAN, 1.0]], &Device::Cpu).expect("tensor");
        assert!(rows(softmax(not_a_number))[0][1].is_nan());
    }

    #[test]
    fn large_and_small_inputs_are_treated_alike() {
        // On one core and on all cores.
        for rows in [3, 700] {
            let x = Tensor::randn(0f32, 2.0, (rows, 96), &Device::Cpu).expect("x");
            let bias = Tensor::randn(0f32, 1.0, 96, &Device::Cpu).expect("bias");
            let copy = || x.copy().expect("copy");
            let pairs = [
                (add_bias(copy(), &bias), x.broadcast_add(&bias)),
                (gelu(copy()), x.gelu()),
                (softmax(copy()), candle_nn::ops::softmax_last_dim(&x)),
            ];
            for (found, expected) in pairs {
                let difference = (found.expect("ours") - expected.expect("theirs"))
                    .and_then(|d| d.abs()?.max_all()?.to_scalar::<f32>());
                assert!(difference.expect("difference") <= 2e-6, "{rows} rows");
            }
        }
    }

    #[test]
    fn the_tail_kernels_are_matrix_products() {
        let random =
            |shape: (usize, usize, usize, usize)| Tensor::randn(0f32, 1.0, shape, &Device::Cpu);
        // Also a width that is not a multiple of eight.
        for width in [4, 19, 32] {
            let (q, k) = (
                random((3, 5, 1, width)).expect("q"),
                random((3, 5, 7, width)).expect("k"),
            );
            let scores = tail_scores(&q, &k).expect("scores");
            let mix = tail_mix(&scores, &k).expect("mix");
            let expected_scores = q.matmul(&k.t().expect("t")).expect("scores");
            let expected_mix = expected_scores.matmul(&k).expect("mix");
            for (found, expected) in [(scores, expected_scores), (mix, expected_mix)] {
                assert_eq!(found.dims(), expected.dims());
                let scale = expected
                    .abs()
                    .and_then(|t| t.max_all()?.to_scalar::<f32>())
                    .expect("scale");
                let difference =
                    (found - expected).and_then(|t| t.abs()?.max_all()?.to_scalar::<f32>());
                assert!(
                    difference.expect("difference") <= 1e-5 * scale.max(1.0),
                    "width {width}"
                );
            }
        }
    }
}
