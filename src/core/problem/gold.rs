//! Normalization of the gold answers of data sets to what a model can output (docs/methods.md M3.6 compares strings).

use super::Ratio;
use super::numbers::{CURRENCY, DASHES, is_ordinal, question_numbers};

/// Normalizes a gold answer: `17.0`, `$17`, `17 apples`, `#### 17`, `\boxed{17}`, `17.` and `40 %` become the number, U+2212 a
/// hyphen. A text that is not a single number loses only its answer mark, bold type, box and math signs.
#[must_use]
pub fn plain_answer(gold: &str) -> String {
    let text = without_markup(gold);
    number(text).unwrap_or_else(|| text.to_owned())
}

/// Returns whether a normalized answer is a number: digits with optional sign, groups of thousands, decimals, or a fraction.
#[must_use]
pub fn is_number(answer: &str) -> bool {
    let digits = answer.strip_prefix('-').unwrap_or(answer);
    digits.starts_with(|c: char| c.is_ascii_digit()) && Ratio::parse(answer).is_some()
}

/// Strips the answer mark, bold type, a box, and math dollar signs.
fn without_markup(gold: &str) -> &str {
    let mut text = gold.trim();
    loop {
        let before = text;
        text = text.trim_start_matches('#').trim_start();
        let bold = text
            .strip_prefix("**")
            .and_then(|text| text.strip_suffix("**"));
        text = bold.unwrap_or(text);
        let closed = text.strip_suffix('.').filter(|text| text.ends_with('}'));
        text = closed.unwrap_or(text);
        let boxed = text
            .strip_prefix(r"\boxed{")
            .or_else(|| text.strip_prefix(r"\text{"));
        if let Some(inner) = boxed.and_then(|inner| inner.strip_suffix('}')) {
            text = inner.trim();
        }
        let math = text.strip_prefix('$').and_then(|t| t.strip_suffix('$'));
        if let Some(inner) = math.filter(|inner| !inner.is_empty()) {
            text = inner.trim();
        }
        if text == before {
            return text;
        }
    }
}

/// Returns the only number of a text in plain notation: `-1234.5`.
fn number(text: &str) -> Option<String> {
    let (negative, rest) = signed(text.strip_prefix('+').unwrap_or(text));
    let rest = rest.trim_start_matches('\\');
    // "US$17".
    let after_code = rest.trim_start_matches(|c: char| c.is_ascii_uppercase());
    let rest = if after_code.starts_with(CURRENCY) {
        after_code
    } else {
        rest
    };
    let is_money = rest.starts_with(CURRENCY);
    let rest = rest.trim_start_matches(CURRENCY).trim_start();
    let (negative, rest) = if negative { (true, rest) } else { signed(rest) };
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, ',' | '.' | '/');
    let len = rest.find(|c: char| !is_part(c)).unwrap_or(rest.len());
    let (spelled, unit) = rest.split_at(len);
    let spelled = spelled.trim_end_matches(['.', ',', '/']);
    if spelled.is_empty() || !is_unit(unit, is_money) {
        return None;
    }
    let grouped = |text: &str| {
        let mut groups = text.split(',');
        let first = groups
            .next()
            .is_some_and(|group| (1..=3).contains(&group.len()));
        first && groups.all(|group| group.len() == 3)
    };
    let (whole, part) = spelled.split_once('.').unwrap_or((spelled, ""));
    let is_grouped = whole.contains(',');
    let sign = if negative { "-" } else { "" };
    if spelled.contains('/') {
        let is_fraction = Ratio::parse(spelled).is_some() && !is_grouped;
        return is_fraction.then(|| format!("{sign}{spelled}"));
    }
    // "1.000" may be a thousand.
    let may_be_grouped = part == "000" && (1..=3).contains(&whole.len());
    if part.contains(['.', ',']) || is_grouped && !grouped(whole) || may_be_grouped {
        return None;
    }
    let whole: String = whole.chars().filter(|c| *c != ',').collect();
    let part = part.trim_end_matches('0');
    Some(match (whole.as_str(), part) {
        ("", "") => return None,
        ("", part) => format!("{sign}0.{part}"),
        (whole, "") => format!("{sign}{whole}"),
        (whole, part) => format!("{sign}{whole}.{part}"),
    })
}

/// Returns whether the text after a number is only its unit: "apples", "km/h", "m²", "%". Not accepted: "3 of 4", "17:30", "1e5",
/// "17k", "17 million", "17 and a half", "17 to twenty".
fn is_unit(text: &str, is_money: bool) -> bool {
    const MORE: [&str; 40] = [
        "and",
        "or",
        "to",
        "of",
        "out",
        "minus",
        "plus",
        "times",
        "not",
        "by",
        "over",
        "half",
        "halves",
        "hundred",
        "thousand",
        "million",
        "billion",
        "trillion",
        "quadrillion",
        "dozen",
        "tens",
        "score",
        "gross",
        "grand",
        "lakh",
        "crore",
        "point",
        "squared",
        "cubed",
        "pi",
        "through",
        "below",
        "under",
        "negative",
        "factorial",
        "mille",
        "thou",
        "mil",
        "mln",
        "mio",
    ];
    const GLUED: [&str; 15] = [
        "k", "mn", "mm", "bn", "tn", "bil", "e", "x", "st", "nd", "rd", "th", "i", "π", "kk",
    ];
    const OF_MONEY: [&str; 3] = ["m", "b", "t"];
    let text = text.trim_end_matches(['.', ' ', '\n']);
    // ASDiv: "9 (apples)".
    let text = text.trim_start();
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    let text = inner.unwrap_or(text);
    let glued = text.trim().to_lowercase();
    let is_large =
        ["M", "B"].contains(&text.trim()) || is_money && OF_MONEY.contains(&glued.as_str());
    if GLUED.contains(&glued.as_str()) || is_large {
        return false;
    }
    let words = || {
        text.split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
    };
    let mut before = ' ';
    let signs = text.chars().all(|c| {
        let fits = match c {
            // Between letters ("km/h") or after them ("m²").
            '/' | '-' | '\'' | '²' | '³' => before.is_alphabetic(),
            '%' | '°' => true,
            _ if CURRENCY.contains(&c) => true,
            _ => c.is_alphabetic() || c.is_whitespace(),
        };
        before = c;
        fits
    });
    let is_more = |word: &str| {
        let word = word.to_lowercase();
        let plain = word.strip_suffix('s').unwrap_or(&word);
        is_ordinal(plain)
            || MORE.contains(&word.as_str())
            || MORE.contains(&plain)
            || !question_numbers(&word).is_empty()
    };
    signs && !text.ends_with(['/', '-']) && !words().any(is_more)
}

/// Returns whether a text begins with a minus sign, and the rest.
fn signed(text: &str) -> (bool, &str) {
    match text.strip_prefix(DASHES) {
        Some(rest) => (true, rest.trim_start()),
        None => (false, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_and_units_are_stripped_from_a_number() {
        for gold in [
            "17 (apples)",
            "+17",
            "US$17",
            r"\boxed{17}.",
            "**17**",
            "17",
            " 17 ",
            "17.",
            "17.0",
            "17.00",
            "$17",
            "$17.00",
            r"\$17",
            "17 apples",
            "#### 17",
            "### 17",
            "##17",
            r"\boxed{17}",
            r"$\boxed{17}$",
            "$17$",
            "17 %",
            "17%",
            "17 km/h",
            "17€",
            "17°C",
            "17 dollars.",
            "€ 17",
        ] {
            assert_eq!(plain_answer(gold), "17", "{gold:?}");
        }
        for (gold, plain) in [
            ("\u{2212}5", "-5"),
            ("-$5", "-5"),
            ("$-5.50", "-5.5"),
            ("1,200", "1200"),
            ("12,345,678.90", "12345678.9"),
            (".5", "0.5"),
            ("3/4", "3/4"),
            ("12345678901234567890123", "12345678901234567890123"),
            ("12 m²", "12"),
            ("3 half-hours", "3 half-hours"),
            ("0", "0"),
            ("0.0", "0"),
        ] {
            assert_eq!(plain_answer(gold), plain, "{gold:?}");
            assert!(is_number(plain) || plain.len() > 10, "{plain}");
        }
    }

    #[test]
    fn text_that_is_no_single_number_stays() {
        for gold in [
            "True",
            "Tom is a bompus.",
            "3 of 4",
            "17 and 18",
            "17:30",
            "1e5",
            "1,23",
            "1.000,50",
            "12,5",
            "x = 17",
            "1.2.3",
            "20-30",
            "",
            "seventeen",
            "A",
            "17 million",
            "2 dozen",
            "17k",
            "$4k",
            "$1.7M",
            "10th",
            "10²",
            "1.000",
            "17 and a half",
            "17 to twenty",
            "17 out of twenty",
            "17 minus two",
            "17 - x",
            "17x",
            "17-",
            "17 feet six inches",
            "17 thousand",
        ] {
            assert_eq!(plain_answer(gold), gold, "{gold:?}");
        }
        assert!(!is_number("True") && !is_number("") && !is_number("$17"));
    }
}
