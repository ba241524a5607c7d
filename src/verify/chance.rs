//! How likely chance alone does as well: the exact one-sided binomial tail, and a measured rate that is never zero.

/// A test holds at this level, after correction for the number of traces that were put to it.
pub const ALPHA: f64 = 0.05;

/// Fewer trials than this settle nothing.
pub const MIN_TRIALS: usize = 3;

/// (1 + hits) / (1 + n): what was never seen is not impossible.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn rate(hits: usize, n: usize) -> f64 {
    (1 + hits) as f64 / (1 + n) as f64
}

/// P(X >= hits) for X binomial of `n` trials at `rate`.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn at_least(hits: usize, n: usize, rate: f64) -> f64 {
    if hits == 0 || rate >= 1.0 {
        return 1.0;
    }
    let ln_choose = |k: usize| -> f64 {
        (1..=k)
            .map(|i| ((n - k + i) as f64).ln() - (i as f64).ln())
            .sum()
    };
    let term = |k: usize| {
        let (k_f, rest) = (k as f64, (n - k) as f64);
        (ln_choose(k) + k_f * rate.ln() + rest * (1.0 - rate).ln()).exp()
    };
    (hits..=n).map(term).sum::<f64>().min(1.0)
}

/// Whether at least three quarters of the trials went this way.
pub(super) fn most(hits: usize, n: usize) -> bool {
    hits * 4 >= n * 3
}

/// Whether at most a quarter of them did.
pub(super) fn few(hits: usize, n: usize) -> bool {
    hits * 4 <= n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_exact() {
        // By hand: 8 of 8 at 1/2 is 1/256; 7 or 8 of 8 is 9/256; scipy.stats.binom.sf(4, 10, 0.2) = 0.032793497.
        for (hits, n, rate, want) in [
            (8, 8, 0.5, 1.0 / 256.0),
            (7, 8, 0.5, 9.0 / 256.0),
            (5, 10, 0.2, 0.032_793_497_6),
            (0, 8, 0.01, 1.0),
            (3, 3, 1.0, 1.0),
        ] {
            let got = at_least(hits, n, rate);
            assert!((got - want).abs() < 1e-9, "{hits} of {n} at {rate}: {got}");
        }
        assert!((rate(0, 255) - 1.0 / 256.0).abs() < 1e-12);
        assert!(
            (rate(0, 0) - 1.0).abs() < 1e-12,
            "nothing measured rules nothing out"
        );
    }
}
