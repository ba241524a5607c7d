//! Edits a question by replacing a text that must occur exactly once as a whole word or number.

use crate::commands::cli::EditArgument;
use crate::core::error::{Error, Result};

/// Returns the edited question.
///
/// # Errors
/// A usage error when the text does not occur exactly once.
pub fn apply(edit: &EditArgument, question: &str) -> Result<String> {
    let places: Vec<usize> = question
        .char_indices()
        .map(|(at, _)| at)
        .filter(|at| question[*at..].starts_with(&edit.from))
        .filter(|at| is_whole(question, *at, *at + edit.from.len()))
        .collect();
    match places[..] {
        [at] => Ok(format!(
            "{}{}{}",
            &question[..at],
            edit.to,
            &question[at + edit.from.len()..]
        )),
        [] => Err(Error::usage_with_hint(
            format!("{:?} is not a word or number of the question", edit.from),
            "give a text exactly as it is in the question, whole words and numbers only",
        )),
        _ => Err(Error::usage_with_hint(
            format!(
                "{:?} occurs in the question {} times, so which one to replace is ambiguous",
                edit.from,
                places.len()
            ),
            "name more of the text around it, as in --edit \"12 apples=15 apples\"",
        )),
    }
}

/// Returns whether no word or number continues beyond either end.
fn is_whole(text: &str, start: usize, end: usize) -> bool {
    let inside = &text[start..end];
    let (mut before, mut after) = (text[..start].chars().rev(), text[end..].chars());
    let (first, last) = (inside.chars().next(), inside.chars().next_back());
    !goes_on(first, before.next(), before.next(), true)
        && !goes_on(last, after.next(), after.next(), false)
}

/// Returns whether a word or number continues from the character at an end to the two beyond it.
fn goes_on(end: Option<char>, next: Option<char>, second: Option<char>, backwards: bool) -> bool {
    let is_word = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    let is_digit = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
    if is_word(end) && is_word(next) {
        return true;
    }
    // 1,200, 2.5 and .5 are one number each.
    is_digit(end)
        && match next {
            Some('.') => is_digit(second) || (backwards && !is_word(second)),
            Some(',') => is_digit(second),
            _ => false,
        }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edited(question: &str, from: &str, to: &str) -> Option<String> {
        let edit = EditArgument {
            from: from.to_owned(),
            to: to.to_owned(),
        };
        apply(&edit, question).ok()
    }

    #[test]
    fn whole_words_and_numbers_are_replaced() {
        for (question, from, to, want) in [
            (
                "Tom has 12 apples and 120 pears.",
                "12",
                "15",
                "Tom has 15 apples and 120 pears.",
            ),
            ("It is 12.", "12", "15", "It is 15."),
            ("It is 12, then 7.", "12", "15", "It is 15, then 7."),
            ("Tom's 3", "Tom", "Ann", "Ann's 3"),
            ("12 a 12 b", "12 b", "13 b", "12 a 13 b"),
            ("$5 and 5%", "$5", "$6", "$6 and 5%"),
            ("pay 1,200 now", "1,200", "1,300", "pay 1,300 now"),
            ("2.5 and 2", "2", "3", "2.5 and 3"),
            ("Every é is ét", "é", "ö", "Every ö is ét"),
            ("twenty-five", "five", "six", "twenty-six"),
        ] {
            assert_eq!(edited(question, from, to).as_deref(), Some(want));
        }
    }

    #[test]
    fn parts_and_repeats_are_refused() {
        for (question, from) in [
            ("Tom has 120 apples", "12"),
            ("Tom has 1,200 apples", "200"),
            ("Tom has 1,200 apples", "1"),
            ("2.5 litres", "5"),
            ("2.5 litres", "2"),
            (".5 litres", "5"),
            ("Tommy", "Tom"),
            ("no number", "12"),
            ("12 and 12", "12"),
            ("1 1 1", "1 1"),
            ("", "12"),
        ] {
            assert_eq!(edited(question, from, "9"), None, "{from} in {question}");
        }
        let edit = EditArgument {
            from: "12".to_owned(),
            to: "9".to_owned(),
        };
        let error = apply(&edit, "12 and 12").expect_err("twice");
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("2 times"), "{error}");
        assert!(error.hint().is_some_and(|hint| hint.contains("around")));
    }
}
