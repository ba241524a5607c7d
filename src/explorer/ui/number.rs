//! On-screen number formats: fixed decimals, true minus signs, no value rounded to a false 0 or 1.

use crate::core::stats::Share;
use crate::explorer::ui::glyphs::Glyphs;
use crate::lab::present::number;
pub use crate::lab::present::number::probability;

/// A number with fixed decimals.
#[must_use]
pub fn plain(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    number::plain(value, decimals).replace('−', glyphs.minus)
}

/// A difference, always signed except for zero.
#[must_use]
pub fn signed(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    number::signed(value, decimals).replace('−', glyphs.minus)
}

/// Like [`probability`], for an `f64`.
#[must_use]
pub fn probability_of(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "three decimals are shown")]
    probability(value as f32)
}

/// A share with its interval: `93 % [90, 95]`.
#[must_use]
pub fn percent(share: &Share) -> String {
    let (low, high) = share.ci95;
    let whole = whole_percent(share);
    format!("{whole} % [{:.0}, {:.0}]", 100.0 * low, 100.0 * high)
}

/// A share in whole percent, with one decimal where rounding would give 0 or 100.
#[must_use]
pub fn whole_percent(share: &Share) -> String {
    let percent = 100.0 * share.accuracy;
    let is_some = 0 < share.hits && share.hits < share.n;
    if is_some && !(0.5..99.5).contains(&percent) {
        return format!("{:.1}", percent.clamp(0.1, 99.9));
    }
    format!("{percent:.0}")
}

/// A parameter count in three digits: 676k, 124M, 1.24B.
#[must_use]
pub fn parameters(n: usize) -> String {
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let n = n as f64;
    let (scaled, unit) = match n {
        n if n >= 1e9 => (n / 1e9, "B"),
        n if n >= 1e6 => (n / 1e6, "M"),
        n if n >= 1e3 => (n / 1e3, "k"),
        n => (n, ""),
    };
    let digits = match scaled {
        s if unit.is_empty() || s >= 100.0 => 0,
        s if s >= 10.0 => 1,
        _ => 2,
    };
    format!("{scaled:.digits$}{unit} params")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_have_three_digits() {
        for (n, text) in [
            (12, "12 params"),
            (676_224, "676k params"),
            (1_360_000, "1.36M params"),
            (12_400_000, "12.4M params"),
            (124_439_808, "124M params"),
            (1_235_814_400, "1.24B params"),
        ] {
            assert_eq!(parameters(n), text);
        }
    }

    #[test]
    fn shares_are_never_rounded_to_none_or_all() {
        for (hits, n, text) in [
            (199, 200, "99.5 % [97, 100]"),
            (1, 900, "0.1 % [0, 1]"),
            (20, 20, "100 % [84, 100]"),
            (0, 20, "0 % [0, 16]"),
            (1, 2, "50 % [9, 91]"),
        ] {
            assert_eq!(percent(&Share::new(hits, n)), text);
        }
    }
}
