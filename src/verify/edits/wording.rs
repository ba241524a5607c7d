//! Rewrites a number in place in the same style: digits keep their commas and decimals, words stay words.

use std::ops::Range;

use super::with_case;
use crate::core::problem::Ratio;
use crate::core::problem::numbers::{Number, NumberForm, question_numbers};

/// A replacement of a number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rewording {
    /// The value, in the question parser's terms.
    pub(super) value: Ratio,
    /// The new text.
    pub(super) text: String,
    /// The byte range of the question that it replaces.
    pub(super) range: Range<usize>,
}

impl Rewording {
    /// Whether the edited question parses as intended: the new number could merge with its neighbour ("9" before "250 ml"), or
    /// replace only a part of the old one ("1'500").
    pub(super) fn reads_in(&self, question: &str) -> bool {
        let (start, end) = (self.range.start, self.range.end);
        let edited = [&question[..start], &self.text, &question[end..]].concat();
        let overlaps = |n: &Number| n.start < start + self.text.len() && start < n.end;
        let mut numbers = question_numbers(&edited).into_iter();
        numbers.any(|n| overlaps(&n) && n.value == self.value)
    }
}

/// Maximum distance of a replacement from the number.
const REACH: i64 = 40;

const WORDS: [&str; 13] = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
    "eleven", "twelve",
];

/// Words that multiply, by form: 2, 3, 4.
const MULTIPLIERS: [[&str; 3]; 4] = [
    ["double", "triple", "quadruple"],
    ["doubles", "triples", "quadruples"],
    ["doubled", "tripled", "quadrupled"],
    ["twice", "three times", "four times"],
];

/// Words that divide, with their article.
const DIVISORS: [(&str, i64); 4] = [
    ("half", 2),
    ("a third", 3),
    ("a quarter", 4),
    ("a fifth", 5),
];

/// Replacements of a number, the nearest first.
pub(super) fn rewordings(question: &str, number: &Number) -> Vec<Rewording> {
    let text = &question[number.start..number.end];
    match number.kind {
        NumberForm::Plain | NumberForm::Percent
            if text.starts_with(|c: char| c.is_ascii_digit()) =>
        {
            digits(number, text)
        }
        NumberForm::Plain => words(number, text),
        NumberForm::Multiplier => multipliers(number, text),
        NumberForm::Divisor => divisors(question, number, text),
        NumberForm::Percent | NumberForm::Fraction => Vec::new(),
    }
}

/// `n + 1, n - 1, n + 2, ...`, in units of the last written digit.
fn digits(number: &Number, text: &str) -> Vec<Rewording> {
    let len = text
        .bytes()
        .take_while(|b| b.is_ascii_digit() || matches!(b, b',' | b'.'))
        .count();
    let written = text[..len].trim_end_matches(['.', ',']);
    let places = written.split_once('.').map_or(0, |(_, part)| part.len());
    let plain: String = written.chars().filter(char::is_ascii_digit).collect();
    let Ok(value) = plain.parse::<i64>() else {
        return Vec::new();
    };
    // Scale words ("2 dozen") multiply the written number.
    let factor = Ratio::parse(written).and_then(|as_written| number.value.checked_div(as_written));
    // A part of a mixed number ("3 1/2") cannot be replaced alone.
    let scales =
        |factor: &Ratio| factor.to_integer().is_some() || number.kind == NumberForm::Percent;
    let Some(factor) = factor.filter(scales) else {
        return Vec::new();
    };
    let commas = written.contains(',');
    nearest(value)
        .filter_map(|new| {
            let text = spelled(new, places, commas);
            Some(Rewording {
                value: Ratio::parse(&text)?.checked_mul(factor)?,
                range: number.start..number.start + written.len(),
                text,
            })
        })
        .collect()
}

fn nearest(value: i64) -> impl Iterator<Item = i64> {
    (1..=REACH)
        .flat_map(move |by| [value.checked_add(by), value.checked_sub(by)])
        .flatten()
        .filter(|new| *new > 0)
}

fn spelled(value: i64, places: usize, commas: bool) -> String {
    let digits = format!("{value:0width$}", width = places + 1);
    let (whole, part) = digits.split_at(digits.len() - places);
    let whole = if commas {
        grouped(whole)
    } else {
        whole.to_owned()
    };
    if places == 0 {
        whole
    } else {
        format!("{whole}.{part}")
    }
}

fn grouped(digits: &str) -> String {
    let mut out = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Number words become words up to twelve and digits beyond; other wordings become digits.
fn words(number: &Number, text: &str) -> Vec<Rewording> {
    let Some(value) = number.value.to_integer() else {
        return Vec::new();
    };
    let single = WORDS.contains(&text.to_lowercase().as_str());
    nearest(value)
        .map(|new| {
            let word = usize::try_from(new).ok().and_then(|n| WORDS.get(n));
            let text = match word.filter(|_| single && new >= 2) {
                Some(word) => with_case(text, word),
                None => new.to_string(),
            };
            Rewording {
                value: Ratio::integer(new),
                text,
                range: number.start..number.end,
            }
        })
        .collect()
}

fn multipliers(number: &Number, text: &str) -> Vec<Rewording> {
    let lower = text.to_lowercase();
    let Some(form) = MULTIPLIERS
        .iter()
        .find(|form| form.contains(&lower.as_str()))
    else {
        return Vec::new();
    };
    form.iter()
        .zip(2..)
        .filter(|(word, _)| **word != lower)
        .map(|(word, value)| Rewording {
            value: Ratio::integer(value),
            text: with_case(text, word),
            range: number.start..number.end,
        })
        .collect()
}

/// Replaces a divisor together with its article, if it has one.
fn divisors(question: &str, number: &Number, text: &str) -> Vec<Rewording> {
    let before = &question[..number.start];
    let bare = ["a ", "A "].iter().find_map(|a| before.strip_suffix(a));
    let start = match bare {
        Some(rest) if rest.is_empty() || rest.ends_with(' ') => rest.len(),
        _ => number.start,
    };
    let old = &question[start..number.end];
    // "The third of them" and "two thirds" are left alone.
    if !DIVISORS
        .iter()
        .any(|(word, _)| word.eq_ignore_ascii_case(old))
    {
        return Vec::new();
    }
    DIVISORS
        .iter()
        .filter(|(word, _)| !word.ends_with(&text.to_lowercase()))
        .map(|(word, value)| Rewording {
            value: Ratio::integer(*value),
            text: with_case(old, word),
            range: start..number.end,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(question: &str) -> Vec<String> {
        let number = &question_numbers(question)[0];
        let show = |r: &Rewording| {
            let edited = format!(
                "{}{}{}",
                &question[..r.range.start],
                r.text,
                &question[r.range.end..]
            );
            format!("{edited} = {}", r.value)
        };
        rewordings(question, number)
            .iter()
            .filter(|new| new.reads_in(question))
            .take(3)
            .map(show)
            .collect()
    }

    #[test]
    fn rewordings_that_parse_as_another_number_are_skipped() {
        for question in [
            "It has 1'500 pens.",
            "It has 1 500 000 pens.",
            "It has 2 1/2 dozen pens.",
            "It has 3 1/2 pens.",
        ] {
            assert_eq!(show(question), [""; 0], "{question}");
        }
        // 9 before 250 would be read as 9 250.
        assert!(show("He puts 12 in the box.").len() == 3);
    }

    #[test]
    fn a_rewording_keeps_the_style_of_the_number() {
        for (question, expected) in [
            (
                "has 12 pens",
                &["has 13 pens = 13", "has 11 pens = 11", "has 14 pens = 14"][..],
            ),
            (
                "$2.50 each",
                &[
                    "$2.51 each = 2.51",
                    "$2.49 each = 2.49",
                    "$2.52 each = 2.52",
                ],
            ),
            (
                "1,000 kids",
                &["1,001 kids = 1001", "999 kids = 999", "1,002 kids = 1002"],
            ),
            ("30mph", &["31mph = 31", "29mph = 29", "32mph = 32"]),
            (
                "20% off",
                &["21% off = 0.21", "19% off = 0.19", "22% off = 0.22"],
            ),
            (
                "2 dozen eggs",
                &[
                    "3 dozen eggs = 36",
                    "1 dozen eggs = 12",
                    "4 dozen eggs = 48",
                ],
            ),
            (
                "three pens",
                &["four pens = 4", "two pens = 2", "five pens = 5"],
            ),
            (
                "Twelve pens",
                &["13 pens = 13", "Eleven pens = 11", "14 pens = 14"],
            ),
            (
                "a dozen pens",
                &["13 pens = 13", "11 pens = 11", "14 pens = 14"],
            ),
            (
                "Ann doubles it",
                &["Ann triples it = 3", "Ann quadruples it = 4"],
            ),
            (
                "Twice as many",
                &["Three times as many = 3", "Four times as many = 4"],
            ),
            (
                "only half of it",
                &[
                    "only a third of it = 3",
                    "only a quarter of it = 4",
                    "only a fifth of it = 5",
                ],
            ),
            (
                "keeps a quarter of it",
                &[
                    "keeps half of it = 2",
                    "keeps a third of it = 3",
                    "keeps a fifth of it = 5",
                ],
            ),
            (
                "Half of it",
                &[
                    "A third of it = 3",
                    "A quarter of it = 4",
                    "A fifth of it = 5",
                ],
            ),
            ("two thirds of it", &[]),
            ("3/4 of it", &[]),
        ] {
            assert_eq!(show(question), expected, "{question}");
        }
    }
}
