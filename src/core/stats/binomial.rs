//! The binomial distribution: point masses and upper tails. Terms are computed in logarithms, so that thousands of trials neither
//! overflow nor underflow.

use super::{float, ratio};

/// Returns P(X = k) for k from 0 to `n`, X binomial with `n` trials at `rate`, which is clamped to 0..1.
#[must_use]
pub fn masses(n: usize, rate: f64) -> Vec<f64> {
    let rate = rate.clamp(0.0, 1.0);
    let (ln_hit, ln_miss) = (rate.ln(), (-rate).ln_1p());
    // Avoids 0 * -inf for an impossible outcome that never occurs.
    let times = |count: usize, ln: f64| if count == 0 { 0.0 } else { float(count) * ln };
    let mut ln_choose = 0.0;
    (0..=n)
        .map(|k| {
            if k > 0 {
                ln_choose += ratio(n - k + 1, k).ln();
            }
            (ln_choose + times(k, ln_hit) + times(n - k, ln_miss)).exp()
        })
        .collect()
}

/// Returns P(X >= hits), X binomial with `n` trials at `rate`: the exact one-sided tail. 1 for no hits, 0 for more than `n`.
#[must_use]
pub fn at_least(hits: usize, n: usize, rate: f64) -> f64 {
    if hits == 0 {
        return 1.0;
    }
    masses(n, rate).iter().skip(hits).sum::<f64>().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_exact() {
        // By hand: 8 of 8 at 1/2 is 1/256; 7 or 8 of 8 is 9/256; scipy.stats.binom.sf(4, 10, 0.2) = 0.032793497.
        for (hits, n, rate, expected) in [
            (8, 8, 0.5, 1.0 / 256.0),
            (7, 8, 0.5, 9.0 / 256.0),
            (5, 10, 0.2, 0.032_793_497_6),
            (0, 8, 0.01, 1.0),
            (3, 3, 1.0, 1.0),
            (1, 3, 0.0, 0.0),
            (4, 3, 0.5, 0.0),
            (0, 0, 0.5, 1.0),
        ] {
            let tail = at_least(hits, n, rate);
            assert!(
                (tail - expected).abs() < 1e-9,
                "{hits} of {n} at {rate}: {tail}"
            );
        }
    }

    #[test]
    fn masses_add_up_to_one() {
        for (n, rate) in [(0, 0.3), (1, 0.0), (7, 1.0), (40, 0.01), (5000, 0.37)] {
            let sum: f64 = masses(n, rate).iter().sum();
            assert!((sum - 1.0).abs() < 1e-9, "{n} at {rate}: {sum}");
        }
    }
}
