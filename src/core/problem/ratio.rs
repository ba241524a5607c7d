//! Exact rational numbers with four operations, parsing, and a text form.
//!
//! Values that do not fit are `None`, so an overflow can never look like a result.

use std::cmp::Ordering;
use std::fmt;

/// A rational number in lowest terms with a positive denominator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    num: i64,
    den: i64,
}

impl Ratio {
    /// Zero.
    pub const ZERO: Self = Self::integer(0);
    /// One.
    pub const ONE: Self = Self::integer(1);

    /// Returns a whole number.
    #[must_use]
    pub const fn integer(value: i64) -> Self {
        Self { num: value, den: 1 }
    }

    /// Returns `num / den` in lowest terms; `None` if the denominator is zero or the result does not fit.
    #[must_use]
    pub fn new(num: i128, den: i128) -> Option<Self> {
        let divisor = i128::try_from(gcd(num.unsigned_abs(), den.unsigned_abs())).ok()?;
        if den == 0 || divisor == 0 {
            return None;
        }
        let divisor = if den < 0 { -divisor } else { divisor };
        Some(Self {
            num: i64::try_from(num.checked_div(divisor)?).ok()?,
            den: i64::try_from(den.checked_div(divisor)?).ok()?,
        })
    }

    /// Returns the value if it is an integer.
    #[must_use]
    pub fn to_integer(self) -> Option<i64> {
        (self.den == 1).then_some(self.num)
    }

    /// Returns the value as a fraction: `3/4`.
    #[must_use]
    pub fn to_fraction(self) -> String {
        format!("{}/{}", self.num, self.den)
    }

    /// Parses an optionally signed integer, decimal, fraction `a/b` or percentage in ASCII digits, with or without comma groups;
    /// a leading currency sign and one trailing full stop are ignored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let text = text.strip_suffix('.').unwrap_or(text);
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let text = text.strip_prefix(['$', '£', '€']).unwrap_or(text);
        let (percent, text) = match text.strip_suffix('%') {
            Some(rest) => (true, rest.trim_end()),
            None => (false, text),
        };
        let value = match text.split_once('/') {
            Some((num, den)) => decimal(num)?.checked_div(decimal(den)?)?,
            None => decimal(text)?,
        };
        let value = if percent {
            value.checked_div(Self::integer(100))?
        } else {
            value
        };
        if negative {
            Self::ZERO.checked_sub(value)
        } else {
            Some(value)
        }
    }

    /// Returns the exact sum.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        if self.den == 1 && other.den == 1 {
            return self.num.checked_add(other.num).map(Self::integer);
        }
        let [a, b, c, d] = [self.num, self.den, other.num, other.den].map(i128::from);
        Self::new((a * d).checked_add(c * b)?, b * d)
    }

    /// Returns the exact difference.
    #[must_use]
    pub fn checked_sub(self, other: Self) -> Option<Self> {
        let negated = Self {
            num: other.num.checked_neg()?,
            den: other.den,
        };
        self.checked_add(negated)
    }

    /// Returns the exact product.
    #[must_use]
    pub fn checked_mul(self, other: Self) -> Option<Self> {
        if self.den == 1 && other.den == 1 {
            return self.num.checked_mul(other.num).map(Self::integer);
        }
        let [a, b, c, d] = [self.num, self.den, other.num, other.den].map(i128::from);
        Self::new(a * c, b * d)
    }

    /// Returns the exact quotient; `None` for a zero divisor.
    #[must_use]
    pub fn checked_div(self, other: Self) -> Option<Self> {
        if self.den == 1
            && other.den == 1
            && other.num != 0
            && self.num.checked_rem(other.num)? == 0
        {
            return self.num.checked_div(other.num).map(Self::integer);
        }
        let [a, b, c, d] = [self.num, self.den, other.num, other.den].map(i128::from);
        Self::new(a * d, b * c)
    }
}

impl Ord for Ratio {
    fn cmp(&self, other: &Self) -> Ordering {
        let [a, b, c, d] = [self.num, self.den, other.num, other.den].map(i128::from);
        (a * d).cmp(&(c * b))
    }
}

impl PartialOrd for Ratio {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Ratio {
    /// Writes an integer, a finite decimal of at most nine places, or `a/b`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.den == 1 {
            return write!(f, "{}", self.num);
        }
        let mut scale: i128 = 1;
        for places in 1..=9_usize {
            scale *= 10;
            if scale % i128::from(self.den) == 0 {
                let scaled = i128::from(self.num) * (scale / i128::from(self.den));
                let sign = if scaled < 0 { "-" } else { "" };
                let (whole, part) = (scaled.abs() / scale, scaled.abs() % scale);
                return write!(f, "{sign}{whole}.{part:0places$}");
            }
        }
        write!(f, "{}/{}", self.num, self.den)
    }
}

/// Parses an unsigned integer or decimal, with or without comma groups.
fn decimal(text: &str) -> Option<Ratio> {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
    let mut groups = whole.split(',');
    let first = groups.next()?;
    let mut all = String::with_capacity(text.len());
    all.push_str(first);
    for group in groups {
        if group.len() != 3 || !(1..=3).contains(&first.len()) {
            return None;
        }
        all.push_str(group);
    }
    if !digits(&all) || !digits(part) || (all.is_empty() && part.is_empty()) {
        return None;
    }
    all.push_str(part);
    let places = u32::try_from(part.len()).ok()?;
    Ratio::new(all.parse().ok()?, 10_i128.checked_pow(places)?)
}

fn gcd(mut a: u128, mut b: u128) -> u128 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts_read_and_print() {
        for (text, shown) in [
            ("12", "12"),
            (" 1,200 ", "1200"),
            ("2.50", "2.5"),
            ("-3", "-3"),
            ("$18", "18"),
            ("18.", "18"),
            ("20%", "0.2"),
            ("1/3", "1/3"),
            ("-2/6", "-1/3"),
            ("3/4", "0.75"),
            (".5", "0.5"),
            ("0.0", "0"),
        ] {
            assert_eq!(
                Ratio::parse(text).map(|r| r.to_string()).as_deref(),
                Some(shown),
                "{text}"
            );
        }
        for text in [
            "",
            ".",
            "-",
            "1,20",
            "1234,567",
            "1/0",
            "x",
            "1 2",
            "٣",
            "99999999999999999999",
            "1e3",
            "1..2",
        ] {
            assert_eq!(Ratio::parse(text), None, "{text}");
        }
    }

    #[test]
    fn overflow_and_division_by_zero_are_no_value() {
        let (max, min) = (Ratio::integer(i64::MAX), Ratio::integer(i64::MIN));
        assert_eq!(max.checked_add(Ratio::ONE), None);
        assert_eq!(max.checked_mul(max), None);
        assert_eq!(Ratio::ZERO.checked_sub(min), None);
        assert_eq!(min.checked_div(Ratio::integer(-1)), None);
        assert_eq!(Ratio::ONE.checked_div(Ratio::ZERO), None);
    }

    proptest! {
        #[test]
        fn operations_undo_each_other(a in -9999_i128..9999, b in 1_i128..99, c in -9999_i128..9999, d in 1_i128..99) {
            let (x, y) = (Ratio::new(a, b).expect("b > 0"), Ratio::new(c, d).expect("d > 0"));
            prop_assert_eq!(x.checked_add(y).and_then(|s| s.checked_sub(y)), Some(x));
            if c != 0 {
                prop_assert_eq!(x.checked_mul(y).and_then(|s| s.checked_div(y)), Some(x));
            }
            prop_assert_eq!(Ratio::parse(&x.to_string()), Some(x));
        }

        #[test]
        fn nothing_panics(a: i64, b: i64, c: i64, d: i64, text: String) {
            let (x, y) = (Ratio::new(a.into(), b.into()), Ratio::new(c.into(), d.into()));
            if let (Some(x), Some(y)) = (x, y) {
                _ = (x.checked_add(y), x.checked_sub(y), x.checked_mul(y), x.checked_div(y));
                _ = x.to_string();
            }
            _ = Ratio::parse(&text);
        }
    }
}
