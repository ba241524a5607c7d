//! How numbers are written on screen: always the same decimals, true minus signs, no false zeroes or ones.

use crate::ui::glyphs::Glyphs;

/// A number with fixed decimals.
#[must_use]
pub fn plain(value: f64, decimals: usize, glyphs: &Glyphs) -> String {
    signed_text(value, decimals, "", glyphs)
}

/// A difference: the sign is always there, except for zero.
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

/// A probability: three decimals, and never rounded to a certainty.
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

/// A p-value: three decimals, more when it is small.
#[must_use]
pub fn p_value(value: f64) -> String {
    if value > 0.0 && value < 0.000_5 {
        format!("{value:.1e}")
    } else {
        format!("{value:.3}")
    }
}

/// A count with its noun.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::glyphs::{ASCII, UNICODE};

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
