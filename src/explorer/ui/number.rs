//! On-screen number formats: fixed decimals, true minus signs, no value rounded to a false 0 or 1.

use crate::core::stats::Share;
use crate::explorer::ui::glyphs::Glyphs;

/// A number with fixed decimals.
#[must_use]
pub fn plain(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    signed_text(value, decimals, "", glyphs)
}

/// A difference, always signed except for zero.
#[must_use]
pub fn signed(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    signed_text(value, decimals, "+", glyphs)
}

fn signed_text(value: f64, decimals: usize, plus: &str, glyphs: &Glyphs) -> String {
    if !value.is_finite() {
        return if value.is_nan() {
            "not a number".to_owned()
        } else {
            format!("{}inf", if value < 0.0 { glyphs.minus } else { plus })
        };
    }
    let digits = format!("{:.*}", decimals, value.abs());
    if digits.bytes().all(|b| matches!(b, b'0' | b'.')) {
        return digits;
    }
    format!("{}{digits}", if value < 0.0 { glyphs.minus } else { plus })
}

/// A probability with three decimals, never rounded to a certainty.
#[must_use]
pub fn probability(value: f32) -> String {
    if value > 0.0 && value < 0.0005 {
        "<0.001".to_owned()
    } else if (0.9995..1.0).contains(&value) {
        ">0.999".to_owned()
    } else {
        format!("{value:.3}")
    }
}

/// A p-value with three decimals, or in scientific notation below 0.0005; `none` for `None`.
#[must_use]
pub fn p_value(value: impl Into<Option<f64>>) -> String {
    let Some(value) = value.into() else {
        return "none".to_owned();
    };
    if value > 0.0 && value < 0.000_5 {
        format!("{value:.1e}")
    } else {
        format!("{value:.3}")
    }
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
    use crate::explorer::ui::glyphs::{ASCII, UNICODE};

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
    fn signs_and_zeroes() {
        assert_eq!(plain(-0.001, 2, &UNICODE), "0.00");
        assert_eq!(plain(-7.421, 2, &UNICODE), "−7.42");
        assert_eq!(signed(7.421, 2, &UNICODE), "+7.42");
        assert_eq!(signed(-7.421, 1, &ASCII), "-7.4");
        assert_eq!(signed(0.0, 2, &UNICODE), "0.00");
        assert_eq!(plain(f64::NEG_INFINITY, 2, &ASCII), "-inf");
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

    #[test]
    fn probabilities_are_never_rounded_to_certainty() {
        for (value, text) in [
            (0.0, "0.000"),
            (0.0001, "<0.001"),
            (0.5, "0.500"),
            (0.9996, ">0.999"),
            (1.0, "1.000"),
        ] {
            assert_eq!(probability(value), text);
        }
    }
}
