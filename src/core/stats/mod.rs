//! Statistics of shares, scores and comparisons, for the figures on screen and in reports on data sets.
//!
//! Everything takes counts or plain slices and knows no model. Intervals are at 95 %, tests two-sided unless they say
//! otherwise. A statistic that is not defined for its input is `None`; the few that give a number all the same say which.

pub mod binomial;
pub mod bootstrap;
pub mod calibration;
pub mod clusters;
mod intervals;
pub mod multiple;
pub mod paired;
pub mod power;
pub mod ranking;
#[cfg(test)]
mod tests;

use crate::core::types::Z;

pub use crate::core::types::wilson;
pub use intervals::{Share, exact_interval, mean, mean_interval};

/// A count as a number.
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
#[must_use]
pub fn float(count: usize) -> f64 {
    count as f64
}

/// `hits / n`; not a number where both are zero.
fn ratio(hits: usize, n: usize) -> f64 {
    float(hits) / float(n)
}

/// Where a rising function crosses zero between two values; the end that is nearer to zero if it does not.
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
