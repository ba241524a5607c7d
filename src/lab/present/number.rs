//! Numbers in words: fixed decimals, true minus signs, no value rounded to a false 0 or 1.

/// Formats a number with fixed decimals.
#[must_use]
pub fn plain(value: f64, decimals: usize) -> String {
    signed_text(value, decimals, "")
}

/// Formats a difference, always signed except for zero.
#[must_use]
pub fn signed(value: f64, decimals: usize) -> String {
    signed_text(value, decimals, "+")
}

fn signed_text(value: f64, decimals: usize, plus: &str) -> String {
    if value.is_nan() {
        return "not a number".to_owned();
    }
    let digits = format!("{:.*}", decimals, value.abs());
    if digits.bytes().all(|b| matches!(b, b'0' | b'.')) {
        return digits;
    }
    format!("{}{digits}", if value < 0.0 { "−" } else { plus })
}

/// Formats a probability with three decimals, never rounded to a certainty.
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

/// Formats a p-value with three decimals, or in scientific notation below 0.0005; `none` for `None`. One that is too small for a
/// float is not rounded to 0.
#[must_use]
pub fn p_value(value: impl Into<Option<f64>>) -> String {
    let Some(value) = value.into() else {
        return "none".to_owned();
    };
    if value == 0.0 {
        "<1e−300".to_owned()
    } else if value < 0.000_5 {
        tiny(value)
    } else {
        plain(value, 3)
    }
}

/// Formats a number of unknown magnitude in scientific notation; `0` for zero.
#[must_use]
pub fn tiny(value: f64) -> String {
    if value == 0.0 {
        return "0".to_owned();
    }
    format!("{value:.1e}").replace('-', "−")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_and_zeroes() {
        assert_eq!(plain(-0.001, 2), "0.00");
        assert_eq!(plain(-7.421, 2), "−7.42");
        assert_eq!(signed(7.421, 2), "+7.42");
        assert_eq!(signed(0.0, 2), "0.00");
        assert_eq!(plain(f64::NEG_INFINITY, 2), "−inf");
    }

    #[test]
    fn p_values_are_never_rounded_to_zero() {
        for (value, text) in [
            (0.0, "<1e−300"),
            (1e-7, "1.0e−7"),
            (0.000_7, "0.001"),
            (0.05, "0.050"),
            (1.0, "1.000"),
        ] {
            assert_eq!(p_value(value), text);
        }
        assert_eq!(p_value(None), "none");
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
