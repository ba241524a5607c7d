//! Numbers that are part of something longer. Neither the number nor any part of that is read.

use std::sync::LazyLock;

use regex::Regex;

use super::words::{joined, scale, small_word, word};
use super::written::{CURRENCY, DASHES, FRACTIONS, pattern};
use super::{Number, NumberForm, Ratio, What, Word};

/// Words after a number that change it into an unsupported one.
const ALTERING: [&str; 38] = [
    "dozens",
    "scores",
    "score",
    "gross",
    "tens",
    "hundreds",
    "thousands",
    "thou",
    "grand",
    "millions",
    "mil",
    "mill",
    "mln",
    "mio",
    "mn",
    "mm",
    "billions",
    "bil",
    "bn",
    "trillion",
    "trillions",
    "tn",
    "quadrillion",
    "quadrillions",
    "lakh",
    "lakhs",
    "crore",
    "crores",
    "k",
    "kk",
    "squared",
    "cubed",
    "pct",
    "factorial",
    "mille",
    "permille",
    "percentage",
    "halfs",
];
/// The same, after an amount of money.
const OF_MONEY: [&str; 3] = ["m", "b", "t"];
/// Ordinals in the singular.
const ORDINALS: [&str; 31] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
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
    "thirtieth",
    "fortieth",
    "fiftieth",
    "sixtieth",
    "seventieth",
    "eightieth",
    "ninetieth",
    "hundredth",
    "thousandth",
    "millionth",
    "billionth",
];
/// Nouns after which an ordinal is not a share: "one third grader".
const NUMBERED: [&str; 14] = [
    "grader",
    "graders",
    "grade",
    "place",
    "floor",
    "time",
    "day",
    "person",
    "row",
    "year",
    "class",
    "cousin",
    "cousins",
    "generation",
];
/// A power after a number: "2 x 10^3", "2 ^ 5".
static POWER: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"^\s*(?:[×x*]\s*10\s*(?:\^|\*\*|[⁰¹²³⁴-⁹])|\^|\*\*)"));

/// Detects a number that is part of a longer, unsupported expression: "minus five", "5 squared", "two point five", "twenty-first", "5 per
/// cent", "5 degrees below zero", "1 / 2". Returns the number of further words of that expression, or `None` if the number is complete.
pub(super) fn unread_words(
    text: &str,
    words: &[Word],
    at: usize,
    used: usize,
    number: &Number,
) -> Option<usize> {
    let next = at + used;
    let after = &text[number.end..];
    if has_sign_word(text, words, at, number)
        || after.trim_start().starts_with('‰')
        || after.trim_start().starts_with(|c| FRACTIONS.contains(c))
        || POWER.is_match(after)
        || has_half_behind_its_unit(text, words, next)
    {
        return Some(0);
    }
    let last = word(words, next - 1);
    match number.kind {
        // "Two third graders"; "5 quarters and 8 dimes"; "open 24/7".
        NumberForm::Fraction
            if last.is_some_and(|last| ORDINALS.contains(&last))
                || number.value >= Ratio::ONE && word(words, next) != Some("of") =>
        {
            return Some(0);
        }
        NumberForm::Fraction if number.value >= Ratio::ONE && last.is_some() => return Some(0),
        NumberForm::Divisor
            if used > 1 && word(words, next).is_some_and(|noun| NUMBERED.contains(&noun)) =>
        {
            return Some(1);
        }
        _ => {}
    }
    if is_over(text, words, next, number) || ends_unread_range(text, words, next, number) {
        return Some(1);
    }
    if let Some(more) =
        below_zero(text, words, next).or_else(|| continuation(text, words, at, next))
    {
        return Some(more);
    }
    let name = word(words, next).filter(|_| joined(text, words, next))?;
    let is_money = text[..number.start].trim_end().ends_with(CURRENCY);
    if ALTERING.contains(&name) || is_money && OF_MONEY.contains(&name) {
        return Some(1);
    }
    if number.kind == NumberForm::Plain && makes_ordinal(name, last.is_some()) {
        return Some(1);
    }
    let follows =
        |n: usize, name: &str| joined(text, words, next + n) && word(words, next + n) == Some(name);
    match name {
        "per" if follows(1, "cent") || follows(1, "mille") => Some(2),
        "point" if joined(text, words, next + 1) && is_number(words, next + 1) => Some(2),
        "to" if follows(1, "the") && follows(2, "power") => Some(5),
        _ => None,
    }
}

/// Returns whether a word is a number, or scales one.
fn is_number(words: &[Word], at: usize) -> bool {
    words.get(at).is_some_and(|word| match &word.content {
        What::Letters(name) => small_word(name).is_some() || scale(name).is_some(),
        content => *content != What::Other,
    })
}

/// Returns whether "minus" or "negative" precedes a number and no other number precedes that: "8 minus 5" has two numbers.
fn has_sign_word(text: &str, words: &[Word], at: usize, number: &Number) -> bool {
    let Some(before) = at.checked_sub(1) else {
        return false;
    };
    let is_sign = matches!(word(words, before), Some("minus" | "negative"));
    let between = text.get(words[before].end..number.start).unwrap_or("?");
    let is_joined = between
        .chars()
        .all(|c| c.is_whitespace() || c == '-' || CURRENCY.contains(&c));
    let is_operator = joined(text, words, before)
        && before
            .checked_sub(1)
            .is_some_and(|first| is_number(words, first));
    is_sign && is_joined && !is_operator
}

/// Returns whether a half follows the unit of a number: "3 hours and a half", but not "3 pens and a half of the rest".
fn has_half_behind_its_unit(text: &str, words: &[Word], next: usize) -> bool {
    let is = |n: usize, names: &[&str]| {
        joined(text, words, next + n)
            && word(words, next + n).is_some_and(|name| names.contains(&name))
    };
    joined(text, words, next)
        && word(words, next).is_some()
        && is(1, &["and"])
        && is(2, &["a", "one"])
        && is(3, &["half", "quarter", "third"])
        && !matches!(word(words, next + 4), Some("of" | "as"))
}

/// Returns how many further words a number has that mixes words and digits, names a year, or joins its parts by hyphens: "5 thousand 3
/// hundred", "1 hundred and 5", "nineteen eighty-four", "five-and-twenty".
fn continuation(text: &str, words: &[Word], at: usize, next: usize) -> Option<usize> {
    let last = word(words, next - 1);
    let run = |from: usize| {
        (from..words.len())
            .take_while(|at| joined(text, words, *at) && is_number(words, *at))
            .count()
    };
    let and = usize::from(word(words, next) == Some("and") && joined(text, words, next));
    let is_scaled = last.and_then(scale).is_some_and(|scale| scale >= 100);
    if is_scaled && run(next + and) > 0 {
        return Some(and + run(next + and));
    }
    let hyphenated = words
        .get(next)
        .is_some_and(|word| text.get(words[next - 1].end..word.start) == Some("-") && and > 0);
    if hyphenated && run(next + 1) > 0 {
        return Some(1 + run(next + 1));
    }
    let two_digits = |at: usize| {
        word(words, at)
            .and_then(small_word)
            .is_some_and(|n| n >= 10)
    };
    let is_year = two_digits(at) && joined(text, words, next) && two_digits(next);
    is_year.then(|| run(next))
}

/// Returns whether an ordinal after a number makes it an ordinal or an unsupported fraction: "twenty first", "3 sevenths". "5 seconds" is a
/// time.
fn makes_ordinal(name: &str, in_words: bool) -> bool {
    let single = name.strip_suffix('s').unwrap_or(name);
    match single {
        "second" => in_words && name == "second",
        single => is_ordinal(single),
    }
}

/// Returns whether a word is an ordinal in the singular, "second" included.
pub(in crate::core::problem) fn is_ordinal(name: &str) -> bool {
    ORDINALS.contains(&name)
}

/// Returns whether the number is the first of a range whose other end is unsupported: "$5-10k".
fn ends_unread_range(text: &str, words: &[Word], next: usize, number: &Number) -> bool {
    let Some(end) = words.get(next).filter(|end| end.content == What::Other) else {
        return false;
    };
    let between = text.get(number.end..end.start).map(str::trim);
    between.is_some_and(|between| {
        between.len() < 4 && between.chars().all(|c| DASHES.contains(&c)) && !between.is_empty()
    })
}

/// Returns whether a larger number follows after a spaced slash: "1 / 2" is a fraction, "8 / 2" a division.
fn is_over(text: &str, words: &[Word], next: usize, number: &Number) -> bool {
    let Some((end, What::Digits(below))) = words.get(next).map(|word| (word.start, &word.content))
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
    let is_below = ["below", "under"]
        .map(Some)
        .contains(&word(words, next + units));
    let is_zero = words
        .get(next + units + 1)
        .is_some_and(|zero| match &zero.content {
            What::Letters(name) => ["zero", "freezing"].contains(&name.as_str()),
            What::Digits(value) => *value == Ratio::integer(0),
            _ => false,
        });
    let is_joined = (0..units + 2)
        .all(|n| joined(text, words, next + n) || after_degree(text, words, next + n));
    (is_below && is_zero && is_joined).then_some(units + 2)
}

/// Returns whether a degree sign separates a word from the one before it.
fn after_degree(text: &str, words: &[Word], at: usize) -> bool {
    let between = at
        .checked_sub(1)
        .and_then(|before| text.get(words.get(before)?.end..words.get(at)?.start));
    between.is_some_and(|between| between.trim() == "°")
}

/// Removes both ends of a range whose unit is written once: "10-15 percent", "5 to 10 %", "2-3 million", "$5-10k".
pub(super) fn without_ranges(text: &str, numbers: &mut Vec<Number>) {
    let is_scaled = |number: &Number| {
        let own = text[number.start..number.end].to_lowercase();
        let scale = |word: &str| scale(word).is_some();
        own.ends_with('k') || own.split(|c: char| !c.is_alphabetic()).any(scale)
    };
    let mut ends = vec![false; numbers.len()];
    for (i, pair) in numbers.windows(2).enumerate() {
        let [first, second] = pair else { continue };
        let between = text.get(first.end..second.start).unwrap_or_default();
        let between = between.trim_end_matches(CURRENCY).trim();
        let is_range = matches!(
            between,
            "-" | "\u{2013}" | "\u{2014}" | "\u{2011}" | "to" | "or"
        );
        let percent = second.kind == NumberForm::Percent && first.kind == NumberForm::Plain;
        if is_range && (percent || is_scaled(second) && !is_scaled(first)) {
            (ends[i], ends[i + 1]) = (true, true);
        }
    }
    let mut ends = ends.into_iter();
    numbers.retain(|_| !ends.next().unwrap_or_default());
}
