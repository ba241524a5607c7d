//! Power: the smallest true difference of two shares that a two-sided test at 5 % detects with 80 % power, by the normal
//! approximation. For clustered rows, n is their effective number (Kish 1965).

use super::{Z, halve};

/// The 80 % quantile of the standard normal distribution.
const Z_POWER: f64 = 0.841_621_233_572_914_3;

/// Returns the detectable difference of two shares on the same `n` rows by McNemar's test, where a share `discordant` of rows
/// holds under exactly one condition: the d that solves n d² = (z₀.₉₇₅ √ψ + z₀.₈ √(ψ - d²))², with ψ the discordant share (Connor
/// 1987). `None` if even the largest possible difference, d = ψ, is not detectable.
#[must_use]
pub fn paired_detectable(n: f64, discordant: f64) -> Option<f64> {
    if !(n > Z * Z && discordant > 0.0 && discordant <= 1.0) {
        return None;
    }
    // With d = √ψ sin t the equation becomes √n sin t - z₀.₈ cos t = z₀.₉₇₅.
    let angle = (Z_POWER / n.sqrt()).atan() + (Z / n.sqrt().hypot(Z_POWER)).asin();
    let difference = discordant.sqrt() * angle.sin();
    (difference <= discordant).then_some(difference)
}

/// Returns the detectable increase over the share `baseline` of `n_1` independent rows in `n_2` others: the d that solves d =
/// z₀.₉₇₅ √(p̄ (1 - p̄) (1/n₁ + 1/n₂)) + z₀.₈ √(p₁ (1 - p₁) / n₁ + p₂ (1 - p₂) / n₂), with p₂ = p₁ + d and p̄ the pooled share
/// (Fleiss 1981). A decrease is an increase over `1 - baseline`. `None` if even an increase to 1 is not detectable.
#[must_use]
pub fn independent_detectable(baseline: f64, n_1: f64, n_2: f64) -> Option<f64> {
    if !(n_1 > 0.0 && n_2 > 0.0 && (0.0..1.0).contains(&baseline)) {
        return None;
    }
    let spread = |share: f64| share * (1.0 - share);
    let excess = |d: f64| {
        let other = baseline + d;
        let pooled = (n_1 * baseline + n_2 * other) / (n_1 + n_2);
        let null = spread(pooled).max(0.0) * (1.0 / n_1 + 1.0 / n_2);
        let apart = spread(baseline) / n_1 + spread(other).max(0.0) / n_2;
        d - Z * null.sqrt() - Z_POWER * apart.sqrt()
    };
    let most = 1.0 - baseline;
    // Roots of concave functions are subtracted from d, so the excess is convex and crosses zero once.
    (excess(most) >= 0.0).then(|| halve(0.0, most, excess))
}
