//! Number words: cardinals with scale words, mixed numbers in words, and words that multiply or divide.

use super::{Kind, Number, Ratio, What, Word};

/// Reads a cardinal: digits or number words, with scale words ("2 dozen", "two hundred and five").
pub(super) fn cardinal(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    let (mut value, mut used) = whole(text, words, at)?;
    if let Some((part, more)) = and_a_part(text, words, at + used) {
        // "A dozen and a half" is 18.
        let of = word(words, at + used - 1).and_then(scale).unwrap_or(1);
        let part = part.checked_mul(Ratio::integer(of))?;
        (value, used) = (value.checked_add(part)?, used + more);
    }
    // Hundreds and dozens of number words are already included.
    let least = if word(words, at).is_some() { 1000 } else { 0 };
    while joined(text, words, at + used)
        && let Some(factor) = word(words, at + used).and_then(scale)
        && factor >= least
    {
        value = value.checked_mul(Ratio::integer(factor))?;
        used += 1;
    }
    Some((value, used))
}

/// Words after a number that change it into an unsupported one.
const ALTERING: [&str; 20] = [
    "trillion",
    "trillions",
    "millions",
    "billions",
    "lakh",
    "lakhs",
    "crore",
    "crores",
    "mil",
    "grand",
    "gross",
    "score",
    "k",
    "bn",
    "mn",
    "mm",
    "squared",
    "cubed",
    "pct",
    "tens",
];
/// Ordinals that are never fractions. Those that can be ("third") are detected by the number before them.
const ORDINALS: [&str; 18] = [
    "first",
    "second",
    "seventh",
    "ninth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
    "twentieth",
    "hundredth",
    "hundredths",
    "thousandth",
    "thousandths",
];

/// Detects a number that is part of a longer, unsupported expression: "minus five", "5 squared", "two point five", "twenty-first", "5 per
/// cent", "5 degrees below zero", "1 / 2". Returns the number of further words of that expression, or `None` if the number is complete.
pub(super) fn unread(
    text: &str,
    words: &[Word],
    at: usize,
    used: usize,
    number: &Number,
) -> Option<usize> {
    let is_number = |at: usize| match &words[at].is {
        What::Letters(name) => small_word(name).is_some() || scale(name).is_some(),
        is => !matches!(is, What::Other),
    };
    let sign = at.checked_sub(1).and_then(|before| word(words, before));
    // "8 minus 5" has two numbers.
    let is_signed = matches!(sign, Some("minus" | "negative")) && joined(text, words, at);
    if is_signed && at.checked_sub(2).is_none_or(|before| !is_number(before)) {
        return Some(0);
    }
    if text[number.end..].trim_start().starts_with('‰') {
        return Some(0);
    }
    let last = word(words, at + used - 1);
    let is_ordinal = matches!(
        last,
        Some("third" | "fourth" | "fifth" | "sixth" | "eighth" | "tenth")
    );
    if number.kind == Kind::Fraction && is_ordinal {
        return Some(0);
    }
    let next = at + used;
    if is_over(text, words, next, number) {
        return Some(1);
    }
    if let Some(more) = below_zero(text, words, next) {
        return Some(more);
    }
    let name = word(words, next).filter(|_| joined(text, words, next))?;
    if ALTERING.contains(&name) {
        return Some(1);
    }
    if ORDINALS.contains(&name) && number.kind == Kind::Plain && last.is_some() {
        return Some(1);
    }
    let follows = joined(text, words, next + 1);
    match name {
        "per" if follows && word(words, next + 1) == Some("cent") => Some(2),
        "point" if follows && words.get(next + 1).is_some() && is_number(next + 1) => Some(2),
        _ => None,
    }
}

/// Returns whether a larger number follows after a spaced slash: "1 / 2" is a fraction, "8 / 2" a division.
fn is_over(text: &str, words: &[Word], next: usize, number: &Number) -> bool {
    let Some((end, What::Digits(below))) = words.get(next).map(|word| (word.start, &word.is))
    else {
        return false;
    };
    let between = text.get(number.end..end).map(str::trim);
    between == Some("/") && number.value < *below
}

/// Returns the number of words that make the preceding number negative: "below zero", "degrees Celsius below freezing".
fn below_zero(text: &str, words: &[Word], next: usize) -> Option<usize> {
    const UNITS: [&str; 8] = [
        "degree",
        "degrees",
        "celsius",
        "centigrade",
        "fahrenheit",
        "c",
        "f",
        "points",
    ];
    let is_unit = |n: &usize| word(words, next + n).is_some_and(|name| UNITS.contains(&name));
    let units = (0..2).take_while(is_unit).count();
    let said = ["below", "under"]
        .map(Some)
        .contains(&word(words, next + units))
        && matches!(word(words, next + units + 1), Some("zero" | "freezing"));
    let together = (0..units + 2)
        .all(|n| joined(text, words, next + n) || after_degree(text, words, next + n));
    (said && together).then_some(units + 2)
}

/// Returns whether a degree sign separates a word from the one before it.
fn after_degree(text: &str, words: &[Word], at: usize) -> bool {
    let between = at
        .checked_sub(1)
        .and_then(|before| text.get(words.get(before)?.end..words.get(at)?.start));
    between.is_some_and(|between| between.trim() == "°")
}

/// Returns whether a word only scales the number before it.
pub(super) fn is_scale(words: &[Word], at: usize) -> bool {
    word(words, at).and_then(scale).is_some()
}

/// Reads "and a half", "and three quarters" or "and 1/2" after a number.
fn and_a_part(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    let follows = |n: usize| joined(text, words, at + n);
    if !follows(0) || word(words, at) != Some("and") || !follows(1) {
        return None;
    }
    // "5 and a third of the rest" has two quantities.
    let is_share = |n: usize| matches!(word(words, at + n), Some("of" | "as"));
    if let What::Slashed(part) = words.get(at + 1)?.is {
        return (part < Ratio::ONE && !is_share(2)).then_some((part, 2));
    }
    let (below, _) = word(words, at + 2)
        .filter(|_| follows(2))
        .and_then(fraction_word)?;
    let parts = match &words[at + 1].is {
        What::Letters(name) if matches!(name.as_str(), "a" | "an") => 1,
        What::Letters(name) => small_word(name)?,
        What::Digits(value) => value.to_integer()?,
        _ => return None,
    };
    let part = Ratio::integer(parts).checked_div(Ratio::integer(below))?;
    (part < Ratio::ONE && parts > 0 && !is_share(3)).then_some((part, 3))
}

/// Reads digits, or number words with scale words.
fn whole(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    if let What::Digits(value) = words[at].is {
        return Some((value, 1));
    }
    let article = matches!(word(words, at)?, "a" | "an");
    // `thousands` is the sum of the finished thousands, millions and billions; each may occur once, larger ones first.
    let (mut thousands, mut below, mut last) = (0_i64, None::<i64>, i64::MAX);
    let mut used = usize::from(article);
    let mut read = 0;
    while read == 0 && !article || joined(text, words, at + used) {
        let and = usize::from(read > 0 && word(words, at + used) == Some("and"));
        if and > 0 && !joined(text, words, at + used + 1) {
            break;
        }
        let next = at + used + and;
        if let Some(factor) = word(words, next).and_then(scale).filter(|_| and == 0) {
            let times = below.unwrap_or(1);
            match factor {
                1000.. if factor < last && (below.is_some() || thousands == 0) => {
                    thousands = thousands.checked_add(times.checked_mul(factor)?)?;
                    (below, last) = (None, factor);
                }
                // After a thousand, or after 112, a scale word begins a new number.
                ..1000 if times < 100 && (below.is_some() || thousands == 0) => {
                    below = Some(times * factor);
                }
                _ => break,
            }
        } else if let Some((more, took)) = small(text, words, next)
            && (!article || read > 0)
            && below.map_or(and == 0 || thousands > 0, |b| b % 100 == 0 && b > 0)
        {
            below = Some(below.unwrap_or(0) + more);
            used += took - 1;
        } else {
            break;
        }
        used += and + 1;
        read += 1;
    }
    (read > 0).then(|| (Ratio::integer(thousands + below.unwrap_or(0)), used))
}

/// Reads zero to ninety-nine in words; also returns the number of words used.
fn small(text: &str, words: &[Word], at: usize) -> Option<(i64, usize)> {
    let value = small_word(word(words, at)?)?;
    if value >= 20
        && value % 10 == 0
        && joined(text, words, at + 1)
        && let Some(unit @ 1..=9) = word(words, at + 1).and_then(small_word)
    {
        return Some((value + unit, 2));
    }
    Some((value, 1))
}

/// Returns whether only spaces or one hyphen separate a word from the one before it.
pub(super) fn joined(text: &str, words: &[Word], at: usize) -> bool {
    let between = at
        .checked_sub(1)
        .and_then(|before| text.get(words.get(before)?.end..words.get(at)?.start));
    between.is_some_and(|b| b == "-" || (!b.is_empty() && b.bytes().all(|c| c == b' ')))
        || (between.is_none() && at == 0)
}

pub(super) fn word(words: &[Word], at: usize) -> Option<&str> {
    match &words.get(at)?.is {
        What::Letters(name) => Some(name),
        _ => None,
    }
}

fn small_word(name: &str) -> Option<i64> {
    const UNITS: [&str; 20] = [
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
    ];
    const TENS: [&str; 8] = [
        "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety",
    ];
    let place = |list: &[&str]| {
        list.iter()
            .position(|w| *w == name)
            .and_then(|i| i64::try_from(i).ok())
    };
    place(&UNITS).or_else(|| Some((place(&TENS)? + 2) * 10))
}

fn scale(name: &str) -> Option<i64> {
    match name {
        "dozen" => Some(12),
        "hundred" => Some(100),
        "thousand" => Some(1000),
        "million" => Some(1_000_000),
        "billion" => Some(1_000_000_000),
        _ => None,
    }
}

pub(super) fn multiplier(name: &str) -> Option<i64> {
    match name {
        "twice" | "double" | "doubles" | "doubled" => Some(2),
        "thrice" | "triple" | "triples" | "tripled" => Some(3),
        "quadruple" | "quadruples" | "quadrupled" => Some(4),
        _ => None,
    }
}

/// Returns the denominator, and whether the word needs no "a ... of" around it.
pub(super) fn fraction_word(name: &str) -> Option<(i64, bool)> {
    match name {
        "half" | "halves" => Some((2, true)),
        "third" | "thirds" => Some((3, false)),
        "quarter" | "quarters" | "fourth" | "fourths" => Some((4, false)),
        "fifth" | "fifths" => Some((5, false)),
        "sixth" | "sixths" => Some((6, false)),
        "eighth" | "eighths" => Some((8, false)),
        "tenth" | "tenths" => Some((10, false)),
        _ => None,
    }
}
