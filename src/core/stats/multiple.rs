//! Multiple testing: p-values adjusted to control the false discovery rate.

use super::ratio;

/// Returns the q-values of Benjamini and Hochberg 1995, in the order of the p-values: the lowest false discovery rate at which
/// each test is significant, valid for independent and positively dependent tests. NaN counts as 1; p-values are clamped to 0..1.
#[must_use]
pub fn benjamini_hochberg(p_values: &[f64]) -> Vec<f64> {
    let clamped = |p: f64| if p.is_nan() { 1.0 } else { p.clamp(0.0, 1.0) };
    let mut ranked: Vec<(usize, f64)> = p_values.iter().copied().map(clamped).enumerate().collect();
    ranked.sort_by(|(_, a), (_, b)| a.total_cmp(b));
    // The quotient is computed first: it is at least 1, so rounding cannot push a q-value below its p-value.
    let mut q_values = vec![1.0; p_values.len()];
    let mut least: f64 = 1.0;
    for (below, (place, p)) in ranked.into_iter().enumerate().rev() {
        least = least.min(p * ratio(p_values.len(), below + 1));
        q_values[place] = least;
    }
    q_values
}
