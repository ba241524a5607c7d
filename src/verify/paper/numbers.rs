//! The numbers of a question as the two published searches read them (docs/methods.md M5.3 and M6.2), quirks included: they differ from
//! each other and from our own parser (`core::problem::numbers`).

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::LazyLock;

use regex::Regex;

use crate::core::datasets::numbers::{COMMA_GROUPS, ascii_digits, float, int, python_words};
use crate::core::datasets::pattern;
use crate::core::datasets::words::{MULTIPLIERS, NUMBER_WORDS};

static DECIMALS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d+\.\d+"));
static DIGITS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\b\d+"));
static NUMBERS: LazyLock<Regex> = LazyLock::new(|| pattern(r"\d+(?:\.\d+)?"));
static PERCENT: LazyLock<Regex> = LazyLock::new(|| pattern(r"%|\bpercent\b"));

/// Fraction words of forward chaining.
const PARTS: [(&str, i128); 20] = [
    ("half", 2),
    ("halves", 2),
    ("third", 3),
    ("thirds", 3),
    ("fourth", 4),
    ("fourths", 4),
    ("quarter", 4),
    ("quarters", 4),
    ("fifth", 5),
    ("fifths", 5),
    ("sixth", 6),
    ("sixths", 6),
    ("seventh", 7),
    ("sevenths", 7),
    ("eighth", 8),
    ("eighths", 8),
    ("ninth", 9),
    ("ninths", 9),
    ("tenth", 10),
    ("tenths", 10),
];
/// Further words of forward chaining.
const MORE: [(&str, i128); 3] = [("thrice", 3), ("dozen", 12), ("dozens", 12)];

fn chaining_words() -> impl Iterator<Item = (&'static str, i128)> {
    let table = NUMBER_WORDS.iter().chain(&MULTIPLIERS);
    let table = table.filter(|(word, _)| *word != "million");
    let table = table.map(|(word, value)| (*word, i128::from(*value)));
    table.chain(PARTS).chain(MORE)
}

/// Words of backtracking with their values, matched as whole words in any case.
static WORDS: LazyLock<Vec<(Regex, f64)>> = LazyLock::new(|| {
    let whole = |word: &str| pattern(&format!(r"(?i)\b{word}\b"));
    let table = NUMBER_WORDS.iter().chain(&MULTIPLIERS);
    let table = table.filter(|(word, value)| *value > 0 && *word != "million");
    #[allow(clippy::cast_precision_loss, reason = "the table ends at a thousand")]
    let table = table.map(|(word, value)| (whole(word), *value as f64));
    table.chain([(whole("half"), 0.5)]).collect()
});

/// Words of forward chaining with their values, matched as whole words.
static WHOLE_WORDS: LazyLock<Vec<(Regex, i128)>> = LazyLock::new(|| {
    chaining_words()
        .map(|(word, value)| (pattern(&format!(r"\b{word}\b")), value))
        .collect()
});

/// Returns the numbers that backtracking takes from a question, ascending (docs/methods.md M5.3): "%" is dropped, "half" is 0.5, words
/// count as whole words, zeros do not count.
#[must_use]
pub fn backtracking_numbers(question: &str) -> Vec<f64> {
    let mut values = digit_numbers(question);
    let words = python_words(question);
    let present = WORDS.iter().filter(|(word, _)| word.is_match(&words));
    values.extend(present.map(|(_, value)| *value));
    ascending(values)
}

/// Returns the numbers that forward chaining takes from a question, ascending (docs/methods.md M6.2): of 1,200 the first group, of 1.2
/// its digits, words as parts of any word (Q20), 100 for "%" or "percent".
/// Values beyond 127 bits are dropped.
#[must_use]
pub fn chaining_numbers(question: &str) -> Vec<i128> {
    let words = python_words(question);
    let mut numbers = BTreeSet::new();
    let mut used: Vec<Range<usize>> = Vec::new();
    for group in COMMA_GROUPS.find_iter(&words) {
        let mut parts = question[group.range()].split(',').filter_map(int);
        numbers.extend(parts.find(|value| *value != 0));
        used.push(group.range());
    }
    let is_free = |used: &[Range<usize>], start: usize| {
        let after = used.partition_point(|range| range.start <= start);
        after == 0 || !used[after - 1].contains(&start)
    };
    let decimals = DECIMALS.find_iter(&words);
    let decimals: Vec<_> = decimals
        .map(|decimal| decimal.range())
        .filter(|range| is_free(&used, range.start))
        .collect();
    for range in decimals {
        numbers.extend(int(&question[range.clone()].replace('.', "")));
        used.push(range);
    }
    used.sort_by_key(|range| range.start);
    for digits in DIGITS.find_iter(&words) {
        if is_free(&used, digits.start()) {
            numbers.extend(int(&question[digits.range()]));
        }
    }
    let lower = question.to_lowercase();
    numbers
        .extend(chaining_words().filter_map(|(word, value)| lower.contains(word).then_some(value)));
    if question.contains('%') || lower.contains("percent") {
        numbers.insert(100);
    }
    numbers.into_iter().collect()
}

/// Returns the values of forward chaining's numbers and words as whole words, ascending: digits with their commas and decimals
/// are one number, and "%" and "percent" are 100 (the reading measured in docs/methods.md M9.3).
#[must_use]
pub fn whole_words(question: &str) -> Vec<f64> {
    let mut values = digit_numbers(question);
    let lower = question.to_lowercase();
    let words = python_words(&lower);
    let present = WHOLE_WORDS.iter().filter(|(word, _)| word.is_match(&words));
    #[allow(clippy::cast_precision_loss, reason = "the table ends at a thousand")]
    values.extend(present.map(|(_, value)| *value as f64));
    if PERCENT.is_match(&words) {
        values.push(100.0);
    }
    ascending(values)
}

/// The numbers in digits without zeros, after removing dollar signs and commas between digits.
fn digit_numbers(question: &str) -> Vec<f64> {
    let text = ascii_digits(question);
    let mut kept = String::with_capacity(text.len());
    let mut rest = text.chars().filter(|c| *c != '$').peekable();
    let mut after_digit = false;
    while let Some(c) = rest.next() {
        let between = c == ',' && after_digit && rest.peek().is_some_and(char::is_ascii_digit);
        if !between {
            kept.push(c);
            after_digit = c.is_ascii_digit();
        }
    }
    let numbers = NUMBERS.find_iter(&kept).filter_map(|m| float(m.as_str()));
    numbers
        .filter(|value| *value != 0.0 && value.is_finite())
        .collect()
}

/// Sorts and drops repeats.
fn ascending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_by(f64::total_cmp);
    values.dedup_by(|a, b| a.total_cmp(b).is_eq());
    values
}

#[cfg(test)]
#[allow(
    clippy::float_cmp,
    reason = "the values are whole or written down exactly"
)]
mod tests {
    use super::*;

    #[test]
    fn the_two_readings_differ_as_published() {
        // docs/methods.md M12; the sets are those of the original extractors.
        let kids = "Half of the 1,200 kids paid $2.50, twice.";
        assert_eq!(backtracking_numbers(kids), [0.5, 2.0, 2.5, 1200.0]);
        assert_eq!(chaining_numbers(kids), [1, 2, 250]);
        let often = "Someone often runs 30mph for 20% of 1.5 hours.";
        assert_eq!(chaining_numbers(often), [1, 10, 15, 20, 30, 100]);
        assert_eq!(backtracking_numbers(often), [1.5, 20.0, 30.0]);
    }

    #[test]
    fn backtracking_reads_whole_words_and_drops_signs() {
        let table: [(&str, &[f64]); 8] = [
            ("$1,234,567 or $0", &[1_234_567.0]),
            ("150% of 1,2", &[12.0, 150.0]),
            ("someone, weight, fourteenth", &[]),
            ("TWENTY-five and Half", &[0.5, 5.0, 20.0]),
            ("a million dozen thirds", &[]),
            ("double, triple, a thousand", &[2.0, 3.0, 1000.0]),
            ("x7y 3/4", &[3.0, 4.0, 7.0]),
            ("1.20.5", &[1.2, 5.0]),
        ];
        for (question, values) in table {
            assert_eq!(backtracking_numbers(question), values, "{question:?}");
        }
    }

    #[test]
    fn chaining_reads_parts_of_words_and_of_numbers() {
        let table: [(&str, &[i128]); 10] = [
            ("80,000", &[80]),
            // Only a zero group; the number itself is not read again.
            ("0,000", &[]),
            ("0.0 and 007", &[0, 7]),
            ("x5, 30mph", &[30]),
            ("1,200.50", &[1, 50]),
            ("phone money", &[1]),
            ("fourteen", &[4, 14]),
            ("two-thirds", &[2, 3]),
            ("two dozen, thrice", &[2, 3, 12]),
            ("forty percent", &[40, 100]),
        ];
        for (question, values) in table {
            assert_eq!(chaining_numbers(question), values, "{question:?}");
        }
        // "weight" contains "eight", and so does "freighter".
        assert_eq!(chaining_numbers("weight freighter"), [8]);
        assert_eq!(chaining_numbers(&"9".repeat(60)), [0; 0]);
    }

    #[test]
    fn whole_words_are_the_same_numbers_without_the_quirks() {
        let question = "Someone often pays 20% of $1,200.50, a third of 30mph weight, two dozen";
        assert_eq!(
            whole_words(question),
            [2.0, 3.0, 12.0, 20.0, 30.0, 100.0, 1200.5]
        );
    }
}
