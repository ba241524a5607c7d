//! The numbers of a question and the bytes that spell them: one grammar for the verifier, the edits and the screen.
//!
//! Only whole words match: "someone" contains no 1 and "weight" no 8, which substring matching (docs/methods.md Q20) would find.
//! Ordinals ("3rd", "first half") are not quantities. A written number is read whole or not at all: "3 1/2", "$4k" and "12 000"
//! are read; "3:30", "1.000,50", "2024-01-05", "-5", "1h30" and "5²" are not, nor is any part of them.

mod context;
mod words;
mod written;

use super::Ratio;
pub(super) use context::is_ordinal;
use context::{unread_words, without_ranges};
use words::{cardinal, fraction_word, is_scale, joined, multiplier, word};
use written::{BLANKS, PERCENT, letters, written_number};
pub(super) use written::{CURRENCY, DASHES};

/// The form of a number in a question, which decides the operators it may occur with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NumberForm {
    /// A quantity in digits or words; any operator.
    Plain,
    /// A percentage; the value is a hundredth of the written number.
    Percent,
    /// A fraction, `3/4` or "two thirds".
    Fraction,
    /// A multiplying word: twice, doubles, triple, thrice.
    Multiplier,
    /// A dividing word: half, a third of, a quarter of; the value is the divisor.
    Divisor,
}

impl NumberForm {
    /// Returns whether the number only scales another one and is never added, subtracted or divided itself.
    #[must_use]
    pub fn is_factor(self) -> bool {
        self != Self::Plain
    }
}

/// One number of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number {
    /// Its exact value.
    pub value: Ratio,
    /// Its form.
    pub kind: NumberForm,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

impl Number {
    /// Returns the number as a step writes it: `12`, `20%`, `3/4`.
    #[must_use]
    pub fn label(&self) -> String {
        match (self.kind, self.value.checked_mul(Ratio::integer(100))) {
            (NumberForm::Percent, Some(hundredths)) => format!("{hundredths}%"),
            (NumberForm::Fraction, _) => self.value.to_fraction(),
            _ => self.value.to_string(),
        }
    }
}

/// Returns every number of a question in reading order; byte ranges do not overlap.
#[must_use]
pub fn question_numbers(question: &str) -> Vec<Number> {
    let words = split(question);
    let mut numbers = Vec::new();
    let mut at = 0;
    while at < words.len() {
        // Skip the scale word after an unread number: "-5 thousand", "several dozen".
        if is_scale(&words, at) && joined(question, &words, at) && follows_unread(&words, at) {
            at += 1;
            continue;
        }
        match number_at(question, &words, at) {
            Some((number, used)) => {
                let unread = unread_words(question, &words, at, used, &number);
                if unread.is_none() {
                    numbers.push(number);
                }
                at += used + unread.unwrap_or(0);
            }
            None => at += 1,
        }
    }
    without_ranges(question, &mut numbers);
    numbers
}

/// Returns whether the preceding word is an unread number, or a vague one ("several").
fn follows_unread(words: &[Word], at: usize) -> bool {
    const VAGUE: [&str; 6] = ["several", "few", "many", "some", "couple", "baker's"];
    let before = at.checked_sub(1).map(|before| &words[before].content);
    match before {
        Some(What::Other | What::Signed { .. }) => true,
        Some(What::Letters(name)) => {
            let couple = at.checked_sub(2).and_then(|before| word(words, before)) == Some("couple");
            // "A quarter million" is unsupported.
            VAGUE.contains(&name.as_str())
                || name == "of" && couple
                || fraction_word(name).is_some()
        }
        _ => false,
    }
}

/// Returns every number with a minus sign, starting at the sign; [`question_numbers`] excludes them. A minus between two numbers
/// ("5 - 3", "2-3 days") is not a sign.
#[must_use]
pub fn negative_numbers(question: &str) -> Vec<&str> {
    let signed = split(question)
        .into_iter()
        .filter_map(|word| match word.content {
            What::Signed { from } => question.get(from..word.end),
            _ => None,
        });
    signed.collect()
}

/// A run of letters or a written number.
#[derive(Debug)]
struct Word {
    start: usize,
    end: usize,
    content: What,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// Lower-case letters.
    Letters(String),
    /// A number in digits.
    Digits(Ratio),
    /// A fraction in digits.
    Slashed(Ratio),
    /// A negative number in digits, which starts at that byte.
    Signed { from: usize },
    /// A mix of digits and letters that is not a quantity.
    Other,
}

/// Splits a text into words and written numbers; everything else is a separator.
fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut from = 0;
    while let Some(offset) = text[from..].find(char::is_alphanumeric) {
        let start = from + offset;
        let (start, (len, content)) = if text[start..].starts_with(|c: char| c.is_ascii_digit()) {
            // ".5" at the start of a number, as in "$.5".
            let opens =
                |c: char| c.is_whitespace() || "([-=+*/".contains(c) || CURRENCY.contains(&c);
            let before = text[..start].strip_suffix('.');
            let has_point = before.is_some_and(|left| left.is_empty() || left.ends_with(opens));
            let start = start - usize::from(has_point);
            (start, written_number(text, start))
        } else {
            (start, letters(&text[start..]))
        };
        words.push(Word {
            start,
            end: start + len,
            content,
        });
        from = start + len;
    }
    words
}

/// Parses the number that begins at a word; also returns the number of words used.
fn number_at(text: &str, words: &[Word], at: usize) -> Option<(Number, usize)> {
    let first = &words[at];
    let make = |value, kind, used: usize| {
        let last = &words[at + used - 1];
        let after = text[last.end..].trim_start_matches(BLANKS);
        let percent = kind == NumberForm::Plain && after.starts_with(PERCENT);
        let in_words = kind == NumberForm::Plain && word(words, at + used) == Some("percent");
        let (mut end, mut used, mut kind, mut value) = (last.end, used, kind, value);
        if percent || in_words {
            value = Ratio::checked_div(value, Ratio::integer(100))?;
            kind = NumberForm::Percent;
            end = if in_words {
                words[at + used].end
            } else {
                end + text[end..].find(PERCENT)? + after.chars().next().map_or(1, char::len_utf8)
            };
            used += usize::from(in_words);
        }
        let start = first.start;
        Some((
            Number {
                value,
                kind,
                start,
                end,
            },
            used,
        ))
    };
    if let What::Slashed(value) = first.content {
        // "1/2 %" is not supported.
        let after = text[first.end..].trim_start_matches(BLANKS);
        let is_percent = after.starts_with(PERCENT) || word(words, at + 1) == Some("percent");
        return if is_percent {
            None
        } else {
            make(value, NumberForm::Fraction, 1)
        };
    }
    if let Some((value, used)) = cardinal(text, words, at) {
        // "two thirds", "3 quarters", "one half".
        if joined(text, words, at + used)
            && let Some((below, _)) = word(words, at + used).and_then(fraction_word)
        {
            return if value == Ratio::ONE {
                make(Ratio::integer(below), NumberForm::Divisor, used + 1)
            } else {
                make(
                    value.checked_div(Ratio::integer(below))?,
                    NumberForm::Fraction,
                    used + 1,
                )
            };
        }
        return make(value, NumberForm::Plain, used);
    }
    let name = word(words, at)?;
    if let Some(value) = multiplier(name) {
        return make(Ratio::integer(value), NumberForm::Multiplier, 1);
    }
    let (below, always) = fraction_word(name)?;
    let before = at.checked_sub(1).and_then(|i| word(words, i));
    let is_share = matches!(word(words, at + 1), Some("of" | "as"));
    let and = at.checked_sub(2).and_then(|i| word(words, i)) == Some("and");
    // "An hour and a half" is unsupported.
    if before == Some("a") && and && !is_share {
        return None;
    }
    let is_divisor = if always {
        // "The first half" is a place, not a share.
        !matches!(before, Some("first" | "second"))
    } else {
        // "A third of", but neither "the third day" nor the coin.
        matches!(before, Some("a" | "the")) && is_share
    };
    is_divisor
        .then(|| make(Ratio::integer(below), NumberForm::Divisor, 1))
        .flatten()
}

#[cfg(test)]
mod tests;
