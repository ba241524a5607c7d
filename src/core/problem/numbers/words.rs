//! Number words: cardinals with scale words, mixed numbers in words, and words that multiply or divide.

use super::written::{BLANKS, DASHES};
use super::{Ratio, What, Word};

/// Reads a cardinal: digits or number words, with scale words ("2 dozen", "two hundred and five").
pub(super) fn cardinal(text: &str, words: &[Word], at: usize) -> Option<(Ratio, usize)> {
    let (mut value, mut used) = whole(text, words, at)?;
    // Hundreds and dozens of number words are already included.
    let mut least = if word(words, at).is_some() { 1000 } else { 0 };
    if let Some((part, more)) = and_a_part(text, words, at + used) {
        // "One and a half dozen" is 18.
        least = 0;
        // "A dozen and a half" is 18.
        let unit = word(words, at + used - 1).and_then(scale).unwrap_or(1);
        let part = part.checked_mul(Ratio::integer(unit))?;
        (value, used) = (value.checked_add(part)?, used + more);
    }
    while joined(text, words, at + used)
        && let Some(factor) = word(words, at + used).and_then(scale)
        && factor >= least
    {
        value = value.checked_mul(Ratio::integer(factor))?;
        used += 1;
    }
    Some((value, used))
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
    if let What::Slashed(part) = words.get(at + 1)?.content {
        return (part < Ratio::ONE && !is_share(2)).then_some((part, 2));
    }
    let (below, _) = word(words, at + 2)
        .filter(|_| follows(2))
        .and_then(fraction_word)?;
    let parts = match &words[at + 1].content {
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
    if let What::Digits(value) = words[at].content {
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
        } else if let Some((more, n_words)) = small(text, words, next)
            && (!article || read > 0)
            && below.map_or(and == 0 || thousands > 0, |b| b % 100 == 0 && b > 0)
        {
            below = Some(below.unwrap_or(0) + more);
            used += n_words - 1;
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

/// Returns whether only blanks or one hyphen separate a word from the one before it.
pub(super) fn joined(text: &str, words: &[Word], at: usize) -> bool {
    let between = at
        .checked_sub(1)
        .and_then(|before| text.get(words.get(before)?.end..words.get(at)?.start));
    let is_blank = |c: char| BLANKS.contains(&c) || c == '\n';
    between.is_some_and(|b| {
        let mut chars = b.chars();
        let is_hyphen = chars.next().is_some_and(|c| DASHES.contains(&c)) && chars.next().is_none();
        is_hyphen || !b.is_empty() && b.chars().all(is_blank)
    }) || (between.is_none() && at == 0)
}

pub(super) fn word(words: &[Word], at: usize) -> Option<&str> {
    match &words.get(at)?.content {
        What::Letters(name) => Some(name),
        _ => None,
    }
}

pub(super) fn small_word(name: &str) -> Option<i64> {
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

pub(super) fn scale(name: &str) -> Option<i64> {
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
