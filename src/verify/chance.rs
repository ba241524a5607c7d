//! Decision rules of the tests: level, minimum number of trials, and a measured rate that is never zero. The exact tail is in
//! `stats::binomial`.

/// Significance level of a test, after correction for the number of tested traces.
pub const ALPHA: f64 = 0.05;

/// Whether the n-th test of a trace is significant. Testing stops at the first success, so test n gets the share 1 / (n (n + 1))
/// of the level; over any number of tests these shares add up to at most the level.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a few traces")]
pub fn holds_at(p: f64, n: usize) -> bool {
    p * (n * (n + 1)) as f64 <= ALPHA
}

/// With fewer trials a test is inconclusive.
pub const MIN_TRIALS: usize = 3;

/// Returns (1 + hits) / (1 + n): an event that was never observed is not impossible.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn rate(hits: usize, n: usize) -> f64 {
    (1 + hits) as f64 / (1 + n) as f64
}

/// Whether at least three quarters of the trials are hits.
pub(super) fn most(hits: usize, n: usize) -> bool {
    hits * 4 >= n * 3
}

/// Whether at most a quarter of the trials are hits.
pub(super) fn few(hits: usize, n: usize) -> bool {
    hits * 4 <= n
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tests_without_end_share_the_level() {
        let level = |n: usize| {
            let mut p = 1.0f64;
            while !holds_at(p, n) {
                p /= 1.001;
            }
            p
        };
        let all: f64 = (1..=200).map(level).sum();
        assert!((0.045..=ALPHA).contains(&all), "{all}");
    }

    #[test]
    fn a_rate_is_never_zero() {
        assert!((rate(0, 255) - 1.0 / 256.0).abs() < 1e-12);
        assert!(
            (rate(0, 0) - 1.0).abs() < 1e-12,
            "nothing measured rules nothing out"
        );
    }
}
