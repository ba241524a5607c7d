//! Edits of a question: the next value of a variable, and the resulting question (docs/methods.md M6.7b and d).

use crate::core::datasets::templates::{Half, Template, TemplateWord, WordType};
use crate::core::datasets::words::{COMPOUND_FRACTIONS, DIVISORS, MULTIPLIERS};
use crate::verify::paper::tokens::Cut;

/// A variable with a new value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VariableEdit {
    /// The variable, from 0.
    pub variable: usize,
    /// Its value in the question.
    pub old: i128,
    /// Its new value.
    pub new: i128,
}

/// Returns the next edit of a variable: the first new value in the published order that is not `used`, suits the kind of
/// variable, and passes `accepts` with the values of all variables. `None` if there is no such value.
pub(in crate::verify::paper) fn next(
    template: &Template,
    values: &[i128],
    variable: usize,
    used: &[i128],
    tokens: &dyn Cut,
    accepts: &dyn Fn(&[i128]) -> bool,
) -> Option<VariableEdit> {
    let old = *values.get(variable)?;
    let is_new = |new: i128| new != old && !used.contains(&new);
    let with = |changes: &[(usize, i128)]| {
        let mut edited = values.to_vec();
        for (variable, value) in changes {
            if let Some(place) = edited.get_mut(*variable) {
                *place = *value;
            }
        }
        edited
    };
    let suits = |new: &i128| is_new(*new) && accepts(&with(&[(variable, *new)]));
    let word = template.var_metadata.get(variable)?.as_ref();
    let new = match word.map(|word| (word.word_type, word)) {
        None => {
            let single = |new: &i128| tokens.is_single(&new.to_string());
            numbers(old).find(|new| *new > 0 && is_new(*new) && single(new) && suits(new))
        }
        Some((WordType::Divisor, _)) => DIVISORS.iter().map(|word| word.1.into()).find(suits),
        Some((WordType::Multiplier, _)) => MULTIPLIERS.iter().map(|word| word.1.into()).find(suits),
        Some((WordType::CompoundFraction, word)) => {
            let (numerator, is_numerator) = half(word, variable)?;
            // Both halves are checked together, though only one will be edited (Q24).
            let others = COMPOUND_FRACTIONS.iter();
            let others = others.filter(|(phrase, _)| *phrase != word.original_text);
            let pairs = others.map(|(_, parts)| parts.map(i128::from));
            let mut new = pairs.map(|pair| (pair, pair[usize::from(!is_numerator)]));
            new.find(|([above, below], new)| {
                let both = [(numerator, *above), (numerator + 1, *below)];
                is_new(*new) && accepts(&with(&both))
            })
            .map(|(_, new)| new)
        }
    };
    new.map(|new| VariableEdit { variable, old, new })
}

/// The variable of a compound fraction's numerator, and whether `variable` is that one.
fn half(word: &TemplateWord, variable: usize) -> Option<(usize, bool)> {
    match word.half {
        Some(Half::Numerator { .. }) => Some((variable, true)),
        Some(Half::Denominator { .. }) => Some((variable.checked_sub(1)?, false)),
        None => None,
    }
}

/// The candidate values for a number, in order.
fn numbers(old: i128) -> impl Iterator<Item = i128> {
    let round = |by: i128| old >= by && old % by == 0;
    let step = [100, 10].into_iter().find(|by| round(*by)).unwrap_or(1);
    let about = |from: i128, by: i128, times: std::ops::RangeInclusive<i128>| {
        times.flat_map(move |n| [from + n * by, from - n * by])
    };
    let near = about(old, step, 1..=5);
    let rounded = [10, 50, 100].into_iter();
    let rounded = rounded.flat_map(move |by| about(by * old.div_euclid(by), by, 1..=2));
    near.chain(rounded).chain(about(old, 1, 1..=20))
}

/// Returns the question with these values of all variables: numbers as digits, words as words, compound fractions as the phrase
/// for both halves or `3/7` (Q23: "%" and commas are lost, "double" becomes "twice").
///
/// Variables are replaced as text and in order, so from ten variables on `VAR_1` matches the start of `VAR_10` (Q22).
#[must_use]
pub fn edited_question(template: &Template, values: &[i128]) -> String {
    let mut text = template.template_question.clone();
    for (i, (value, word)) in values.iter().zip(&template.var_metadata).enumerate() {
        let name = format!("VAR_{}", i + 1);
        match word {
            None => text = text.replace(&name, &value.to_string()),
            Some(word) => match word.word_type {
                WordType::Divisor => text = text.replace(&name, &word_for(&DIVISORS, *value)),
                WordType::Multiplier => text = text.replace(&name, &word_for(&MULTIPLIERS, *value)),
                WordType::CompoundFraction => {
                    if let (Some((_, true)), Some(below)) = (half(word, i), values.get(i + 1)) {
                        let phrase = word.original_text.to_uppercase();
                        text = text.replace(&phrase, &fraction(*value, *below));
                    }
                }
            },
        }
    }
    text
}

/// The first word for a value, or its digits.
fn word_for(words: &[(&str, u64)], value: i128) -> String {
    let word = words
        .iter()
        .find(|(_, number)| i128::from(*number) == value);
    word.map_or_else(|| value.to_string(), |(word, _)| (*word).to_owned())
}

/// The first phrase for a fraction, or its digits.
fn fraction(above: i128, below: i128) -> String {
    let phrase = COMPOUND_FRACTIONS
        .iter()
        .find(|(_, parts)| parts.map(i128::from) == [above, below]);
    phrase.map_or_else(
        || format!("{above}/{below}"),
        |(phrase, _)| (*phrase).to_owned(),
    )
}
