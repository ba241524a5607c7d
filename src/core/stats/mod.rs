//! Statistics of shares, scores and comparisons, for figures on screen and in reports.
//!
//! All functions take counts or plain slices, not models. Intervals are at 95 %; tests are two-sided unless noted. An undefined
//! statistic is `None`; the few functions that return a number instead document it.

pub mod binomial;
pub mod bootstrap;
pub mod calibration;
mod intervals;
pub mod multiple;
pub mod paired;
pub mod power;
pub mod ranking;
#[cfg(test)]
mod tests;

use crate::core::types::Z;

pub use crate::core::types::wilson;
pub use intervals::{Share, count, exact_interval, mean, mean_interval};

/// Converts a count.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
#[must_use]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// Returns `hits / n`; NaN if both are zero.
fn ratio(hits: usize, n: usize) -> f64 {
    float(hits) / float(n)
}

/// Finds by bisection where a rising function crosses zero; without a crossing, returns the end nearer to zero.
fn halve(mut low: f64, mut high: f64, rising: impl Fn(f64) -> f64) -> f64 {
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if rising(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
    }
    f64::midpoint(low, high)
}
