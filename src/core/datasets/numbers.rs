//! Numbers in questions and steps as the published preparation finds them (docs/methods.md M3.3), parsed as Python's `float` does. The
//! verifier's own reading of a question is stricter (`problem::numbers`).

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::pattern;
use super::solution::result_texts;
use super::words::{COMPOUND_FRACTIONS, DIVISORS, MULTIPLIERS};
use crate::core::problem_file::source::strip;

pub(crate) static COMMA_GROUPS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"\b\d{1,3}(?:,\d{3})+\b"));
static DECIMALS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+\.\d+"));
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+"));
static WHOLE_DECIMALS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d+\.\d+\b"));
static WHOLE_DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d+\b"));
static IN_STEP: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+\.?\d*|\.\d+"));
pub(super) static STEP_RESULT: LazyLock<Regex> = LazyLock::new(|| pattern(r"<<.*?=([^>]+)>>"));
static DIGIT: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d"));
static NUMERALS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\p{N}--\d]"));
static NO_WORDS: LazyLock<Regex> = LazyLock::new(|| pattern(r"[\w--[\p{L}\p{N}_]]"));
static FACTOR_WORDS: LazyLock<Vec<(Regex, u64)>> = LazyLock::new(|| {
    let words = DIVISORS.iter().chain(&MULTIPLIERS);
    words
        .map(|(word, value)| (pattern(&format!(r"\b{word}\b")), *value))
        .collect()
});

/// Returns every number string of a step: operands and results.
#[must_use]
pub fn step_strings(step: &str) -> Vec<&str> {
    IN_STEP.find_iter(step).map(|m| m.as_str()).collect()
}

/// Returns the number strings of a question: comma groups, then decimals, then digits. Each kind is removed before the next is searched.
#[must_use]
pub fn question_strings(question: &str) -> Vec<String> {
    let mut text = python_words(question).into_owned();
    let mut strings = Vec::new();
    for kind in [&*COMMA_GROUPS, &*DECIMALS, &*DIGITS] {
        text = move_matches(kind, &text, &mut strings);
    }
    strings
}

/// Returns the values of a question that rule 3 counts: each occurrence of a whole-word number; each of the words half, third,
/// quarter, twice, double, triple once; both parts of each compound fraction that occurs.
///
/// Number words such as "three" do not count. A compound fraction's word may count in addition ("one-half" is 2, 1 and 2).
#[must_use]
pub fn values_of_question(question: &str) -> Vec<f64> {
    let mut text = python_words(question).into_owned();
    let mut strings = Vec::new();
    for kind in [&*COMMA_GROUPS, &*WHOLE_DECIMALS, &*WHOLE_DIGITS] {
        text = move_matches(kind, &text, &mut strings);
    }
    let values = strings.iter().filter_map(|text| without_commas(text));
    let mut values: Vec<f64> = values.collect();
    let lower = question.to_lowercase();
    let words = python_words(&lower);
    for (word, value) in &*FACTOR_WORDS {
        if word.is_match(&words) {
            values.push(small(*value));
        }
    }
    for (phrase, parts) in COMPOUND_FRACTIONS {
        if lower.contains(phrase) {
            values.extend(parts.map(small));
        }
    }
    values
}

/// Returns the step results that rule 3 counts: the texts between the first `=` and `>>` that are numbers.
#[must_use]
pub fn results_of_steps(steps: &[String]) -> Vec<f64> {
    let results = steps.iter().flat_map(|step| result_texts(step));
    results.filter_map(without_commas).collect()
}

/// Returns whether a value occurs twice.
#[must_use]
pub fn has_repeats(values: &[f64]) -> bool {
    let mut seen = HashSet::new();
    // Adding zero merges both zeros; NaN equals nothing.
    let mut numbers = values.iter().filter(|value| !value.is_nan());
    !numbers.all(|value| seen.insert((value + 0.0).to_bits()))
}

/// Parses a text as Python's `float` does.
///
/// Surrounding white space, a sign, an exponent, underscores between digits, digits of any script, `inf` and `nan` are accepted;
/// commas are not.
#[must_use]
pub fn float(text: &str) -> Option<f64> {
    let text = ascii_digits(strip(text));
    let bytes = text.as_bytes();
    let is_digit = |i: usize| bytes.get(i).is_some_and(u8::is_ascii_digit);
    for (i, _) in text.match_indices('_') {
        if i == 0 || !is_digit(i - 1) || !is_digit(i + 1) {
            return None;
        }
    }
    text.replace('_', "").parse().ok()
}

/// Parses a text as Python's `int` does; returns `None` if the value does not fit.
///
/// Surrounding white space, a sign, underscores between digits and digits of any script are accepted.
#[must_use]
pub fn int(text: &str) -> Option<i128> {
    let text = ascii_digits(strip(text));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(&text);
    let grouped = digits.split('_');
    let mut whole = String::with_capacity(text.len());
    if text.starts_with('-') {
        whole.push('-');
    }
    for group in grouped {
        if group.is_empty() || !group.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        whole.push_str(group);
    }
    whole.parse().ok()
}

/// Returns whether Python's `strip` would leave nothing of a text.
#[must_use]
pub fn is_blank(text: &str) -> bool {
    strip(text).is_empty()
}

/// Parses a number with thousands commas.
fn without_commas(text: &str) -> Option<f64> {
    float(&strip(text).replace(',', ""))
}

/// Returns a text with the digits of every script replaced by ASCII.
pub(crate) fn ascii_digits(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let digit = |c: char| DIGIT.is_match(c.encode_utf8(&mut [0; 4]));
    // Unicode puts the ten digits of a script side by side, zero first, and some scripts' blocks of ten next to each other.
    let value = |c: char| {
        let before = (1..u32::from(c)).take_while(|back| {
            let neighbour = char::from_u32(u32::from(c) - back);
            neighbour.is_some_and(digit)
        });
        char::from_digit(u32::try_from(before.count() % 10).unwrap_or(0), 10)
    };
    let ascii = |c: char| if digit(c) { value(c).unwrap_or(c) } else { c };
    Cow::Owned(text.chars().map(ascii).collect())
}

/// Returns a text of the same length in which `\b` of our patterns matches where Python's would.
///
/// In Python, letters and all numerals ("½", "²") are word characters; marks and joiners are not.
pub(crate) fn python_words(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    let filled = NUMERALS.replace_all(text, |word: &Captures| "_".repeat(word[0].len()));
    let parted = NO_WORDS.replace_all(&filled, |word: &Captures| " ".repeat(word[0].len()));
    Cow::Owned(parted.into_owned())
}

/// Moves a pattern's matches out of a text; the surrounding parts are joined.
fn move_matches(kind: &Regex, text: &str, strings: &mut Vec<String>) -> String {
    strings.extend(kind.find_iter(text).map(|m| m.as_str().to_owned()));
    kind.replace_all(text, "").into_owned()
}

/// Converts a table value, all of which are small.
#[allow(
    clippy::cast_precision_loss,
    reason = "the tables hold values up to five"
)]
fn small(value: u64) -> f64 {
    value as f64
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    reason = "the values are whole or written down exactly"
)]
mod tests {
    use super::*;

    #[test]
    fn number_strings_of_questions_come_kind_by_kind() {
        let table: [(&str, &[&str]); 9] = [
            ("5 of 1,200 at $2.50, 7", &["1,200", "2.50", "5", "7"]),
            ("20% of 1/2, (3)", &["20", "1", "2", "3"]),
            ("no three", &[]),
            // A group must be a whole word; otherwise its parts are separate numbers.
            ("x1,200", &["1", "200"]),
            ("1,200,3000", &["1,200", "3000"]),
            ("12,34", &["12", "34"]),
            // The parts around a removed number are joined.
            ("1 1,200 2", &["1,200", "1", "2"]),
            ("9.1,200.9", &["1,200", "9", "9"]),
            ("2½ cups", &["2"]),
        ];
        for (question, strings) in table {
            assert_eq!(question_strings(question), strings, "{question:?}");
        }
    }

    #[test]
    fn number_strings_of_steps_are_operands_and_results() {
        let table: [(&str, &[&str]); 4] = [
            ("<<16-3-4=9>>", &["16", "3", "4", "9"]),
            ("<<.5*3.=1.50>>", &[".5", "3.", "1.50"]),
            ("<<20%*1,200=-240>>", &["20", "1", "200", "240"]),
            ("1.2.3", &["1.2", ".3"]),
        ];
        for (step, strings) in table {
            assert_eq!(step_strings(step), strings, "{step:?}");
        }
    }

    #[test]
    fn values_of_questions_count_words_once_and_digits_each_time() {
        let table: [(&str, &[f64]); 12] = [
            ("3 and 3 and three", &[3.0, 3.0]),
            ("1,200 at 2.50 for 7", &[1200.0, 2.5, 7.0]),
            // Only whole words count, in digits and in letters.
            ("30mph, x7, 5th, halfway, thirds", &[]),
            ("Half of half, twice, a third", &[2.0, 3.0, 2.0]),
            ("double or triple a quarter", &[4.0, 2.0, 3.0]),
            // A compound fraction counts once; its word also counts if it is one of the six.
            ("one-half and One-Half", &[2.0, 1.0, 2.0]),
            ("two-thirds of it", &[2.0, 3.0]),
            ("forty-two-thirdsmen", &[2.0, 3.0]),
            ("20% or $5 or 1/2", &[20.0, 5.0, 1.0, 2.0]),
            ("2½ or 3²", &[]),
            ("half\u{301} ٣", &[3.0, 2.0]),
            ("", &[]),
        ];
        for (question, values) in table {
            assert_eq!(values_of_question(question), values, "{question:?}");
        }
    }

    #[test]
    fn results_follow_the_first_equals_sign() {
        let steps = |step: &str| results_of_steps(&[step.to_owned()]);
        assert_eq!(steps("<<1+2=3>>"), [3.0]);
        assert_eq!(steps("<<600*2=1,200>>"), [1200.0]);
        assert_eq!(steps("<<1+2= 3 >>3 <<3*2=6.0>>"), [3.0, 6.0]);
        assert_eq!(steps("<<3=1+2=3>>"), [0.0; 0], "1+2=3 is no number");
        assert_eq!(steps("<<1+2>>"), [0.0; 0]);
        assert_eq!(steps("<<1+2=>>"), [0.0; 0]);
        assert_eq!(steps("1+2=3"), [0.0; 0]);
    }

    #[test]
    fn repeats_are_of_values() {
        assert!(has_repeats(&[3.0, 1.0, 3.0]) && has_repeats(&[0.0, -0.0]));
        assert!(!has_repeats(&[]) && !has_repeats(&[3.0, 3.5]));
        assert!(!has_repeats(&[f64::NAN, f64::NAN]));
    }

    #[test]
    fn ints_are_those_of_python() {
        for (text, value) in [
            ("18", 18),
            (" 05\n", 5),
            ("-3", -3),
            ("+4", 4),
            ("1_000", 1000),
            ("\u{664}\u{665}", 45),
            ("000", 0),
            ("99999999999999999999", 99_999_999_999_999_999_999),
        ] {
            assert_eq!(int(text), Some(value), "{text:?}");
        }
        let long = "9".repeat(60);
        for text in [
            "", " ", "-", "+-3", "1__0", "_1", "1_", "1 0", "1.0", "1,000", "²", "x1", "½", &long,
        ] {
            assert_eq!(int(text), None, "{text:?}");
        }
        assert!(is_blank(" \u{1c}\n") && is_blank("") && !is_blank(" -"));
    }

    #[test]
    fn floats_are_those_of_python() {
        let table = [
            ("18", 18.0),
            (" 18.50\n", 18.5),
            ("-3", -3.0),
            ("+.5", 0.5),
            ("5.", 5.0),
            ("1e3", 1000.0),
            ("1_000", 1000.0),
            ("٣٤", 34.0),
            ("\u{1d7db}", 3.0),
            ("\u{1c}7", 7.0),
            ("inf", f64::INFINITY),
        ];
        for (text, value) in table {
            assert_eq!(float(text), Some(value), "{text:?}");
        }
        assert!(float("nan").is_some_and(f64::is_nan));
        for text in [
            "", " ", "1,000", "1__0", "_1", "1_", "1 0", "0x1", "1e", "$3", "20%", "½", ".",
        ] {
            assert_eq!(float(text), None, "{text:?}");
        }
    }
}
