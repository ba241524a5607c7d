//! Edits of an arithmetic question: replaces one number at a time.

use crate::core::problem::Ratio;
use crate::core::problem::numbers::{Number, question_numbers};
use crate::core::types::{Operand, TraceStep, ValueSource};

use super::wording::{Rewording, rewordings};
use super::{Means, QuestionEdit, Touch};
use crate::verify::chance::MIN_TRIALS;

/// Maximum number of replacements of each place that are combined in pairs.
const PAIRED: usize = 24;

/// Number of familiar edits of two places that are enough to choose from.
const ENOUGH: usize = 16;

/// Edits by number of the question, in reading order; numbers that the trace does not use are controls. A number with too few
/// replacements for a test is also changed together with each of the others.
pub(super) fn edits(
    question: &str,
    steps: &[TraceStep],
    means: &Means<'_>,
    each: usize,
) -> Vec<Vec<QuestionEdit>> {
    let Some(editor) = Editor::new(question, steps, means) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    for at in (0..editor.numbers.len()).filter(|at| editor.is_number(*at)) {
        let news = editor.rewordings(at);
        let mut edits: Vec<QuestionEdit> =
            news.filter_map(|new| editor.edit(&[(at, new)])).collect();
        editor.familiar_first(&mut edits);
        if edits.len() < MIN_TRIALS && editor.is_used(at) {
            let is_here = |touch: &Touch| touch.start == Some(editor.numbers[at].start);
            let mut more: Vec<QuestionEdit> = editor.pairs_with(at);
            more.retain(|edit| {
                let touch = edit.touches.iter().find(|t| is_here(t));
                touch.is_some_and(|t| t.without.as_ref().is_some_and(|a| *a != edit.answer))
            });
            edits.extend(more);
        }
        // Unfamiliar edits tell little about the model, so they only fill up to the minimum that a test needs.
        let familiar = edits.iter().filter(|edit| editor.is_familiar(edit)).count();
        edits.truncate(each.min(familiar.max(MIN_TRIALS)));
        out.push(edits);
    }
    out
}

/// Edits of two numbers that make discriminating donors, by pair: those that change the step's result, but whose answer is not
/// the one predicted here from that result; those that keep the step's result; and the latter with a number of a later step
/// changed too.
pub(super) fn donors(
    question: &str,
    steps: &[TraceStep],
    step: usize,
    means: &Means<'_>,
) -> Vec<Vec<QuestionEdit>> {
    let Some(editor) = Editor::new(question, steps, means) else {
        return Vec::new();
    };
    let mut out = Vec::new();
    let used: Vec<usize> = (0..editor.numbers.len())
        .filter(|at| editor.is_used(*at))
        .collect();
    for (i, a) in used.iter().enumerate() {
        for b in &used[i + 1..] {
            let (mut crossed, mut alike) = (Vec::new(), Vec::new());
            let mut familiar = 0;
            for news in editor.pairs(*a, *b) {
                // Most pairs are of one kind, and a few of them are enough.
                let results = editor.results(&news.iter());
                let stays = results.is_some_and(|r| r[step] == editor.original[step]);
                if !stays && familiar == ENOUGH {
                    continue;
                }
                let Some(edit) = editor.edit(&news) else {
                    continue;
                };
                let predicted = answer_if(steps, step, &edit.results[step], means.readable);
                if stays {
                    alike.push((news, edit));
                } else if predicted.is_some_and(|answer| answer != edit.answer) {
                    familiar += usize::from(editor.is_familiar(&edit));
                    crossed.push(edit);
                }
            }
            editor.familiar_first(&mut crossed);
            alike.sort_by_cached_key(|(_, edit)| !editor.is_familiar(edit));
            for c in used.iter().filter(|c| **c != *a && **c != *b) {
                let mut later = editor.and_one_more(&alike, *c);
                later.retain(|e| !e.concerns[step]);
                out.push(later);
            }
            let alike = alike.into_iter().map(|(_, edit)| edit).collect();
            out.push(crossed);
            out.push(alike);
        }
    }
    out
}

/// The answer that a trace predicts for an edit.
pub(super) fn answer_to(steps: &[TraceStep], edit: &QuestionEdit) -> Option<String> {
    let new_at = |start: usize| {
        let touch = edit.touches.iter().find(|t| t.start == Some(start))?;
        Ratio::parse(&touch.new)
    };
    last_result(&results_with(steps, &new_at)?)
}

/// The same steps with one operand taken from another place that holds an equal number.
pub(super) fn twins(question: &str, steps: &[TraceStep]) -> Vec<Vec<TraceStep>> {
    let numbers = question_numbers(question);
    let mut out = Vec::new();
    for (i, step) in steps.iter().enumerate() {
        for (j, operand) in step.operands.iter().enumerate() {
            let ValueSource::Question { start, .. } = operand.source else {
                continue;
            };
            let Some(own) = numbers.iter().find(|n| n.start == start) else {
                continue;
            };
            let is_twin =
                |n: &&Number| n.value == own.value && n.kind == own.kind && !uses(steps, n.start);
            for twin in numbers.iter().filter(is_twin) {
                let mut steps = steps.to_vec();
                steps[i].operands[j].source = ValueSource::Question {
                    start: twin.start,
                    end: twin.end,
                };
                out.push(steps);
            }
        }
    }
    out
}

/// Replacements of numbers, by index of the number.
type News = Vec<(usize, Rewording)>;

struct Editor<'a> {
    question: &'a str,
    steps: &'a [TraceStep],
    means: &'a Means<'a>,
    numbers: Vec<Number>,
    original: Vec<Ratio>,
}

impl<'a> Editor<'a> {
    fn new(question: &'a str, steps: &'a [TraceStep], means: &'a Means<'a>) -> Option<Self> {
        Some(Self {
            question,
            steps,
            means,
            numbers: question_numbers(question),
            original: results_with(steps, &|_| None)?,
        })
    }

    fn is_used(&self, at: usize) -> bool {
        uses(self.steps, self.numbers[at].start)
    }

    /// Replacements for a number, except values of the question or the trace, which could be read by chance.
    fn rewordings(&self, at: usize) -> impl Iterator<Item = Rewording> {
        let news = rewordings(self.question, &self.numbers[at]);
        let is_taken = |value: Ratio| {
            self.original.contains(&value) || self.numbers.iter().any(|n| n.value == value)
        };
        let news = news.into_iter().filter(move |new| !is_taken(new.value));
        news.filter(|new| new.reads_in(self.question))
    }

    /// Whether a place holds a number: an unused `one` is mostly a pronoun (`a new one`).
    fn is_number(&self, at: usize) -> bool {
        let number = &self.numbers[at];
        self.is_used(at) || !self.question[number.start..number.end].eq_ignore_ascii_case("one")
    }

    fn is_familiar(&self, edit: &QuestionEdit) -> bool {
        self.means.familiar.has(self.question, edit)
    }

    fn familiar_first(&self, edits: &mut [QuestionEdit]) {
        edits.sort_by_cached_key(|edit| !self.is_familiar(edit));
    }

    /// Edits of a number together with each other number of the trace.
    fn pairs_with(&self, at: usize) -> Vec<QuestionEdit> {
        let others = (0..self.numbers.len()).filter(|b| *b != at && self.is_used(*b));
        let news = others.flat_map(|b| self.pairs(at.min(b), at.max(b)));
        let mut edits: Vec<QuestionEdit> = news.filter_map(|news| self.edit(&news)).collect();
        self.familiar_first(&mut edits);
        edits
    }

    /// Replacements of two numbers at once, along diagonals, so that the first ones cover many values of both.
    fn pairs(&self, a: usize, b: usize) -> Vec<News> {
        let firsts: Vec<Rewording> = self.rewordings(a).take(PAIRED).collect();
        let seconds: Vec<Rewording> = self.rewordings(b).take(PAIRED).collect();
        let mut pairs = Vec::new();
        for by in 0..seconds.len() {
            for (i, first) in firsts.iter().enumerate() {
                let second = &seconds[(i + by) % seconds.len()];
                if first.value != second.value {
                    pairs.push(vec![(a, first.clone()), (b, second.clone())]);
                }
            }
        }
        pairs
    }

    /// Extends each edit by a replacement of one more number, cycling through its values.
    fn and_one_more(&self, edits: &[(News, QuestionEdit)], at: usize) -> Vec<QuestionEdit> {
        let more: Vec<Rewording> = self.rewordings(at).take(PAIRED).collect();
        let edits = edits.iter().take(PAIRED).zip(more.iter().cycle());
        let edits = edits.filter_map(|((news, _), new)| {
            let mut news = news.clone();
            news.push((at, new.clone()));
            news.sort_by_key(|(place, _)| *place);
            self.edit(&news)
        });
        let mut edits: Vec<QuestionEdit> = edits.collect();
        self.familiar_first(&mut edits);
        edits
    }

    /// The results of all steps after replacements.
    fn results<'n>(
        &self,
        news: &(impl Iterator<Item = &'n (usize, Rewording)> + Clone),
    ) -> Option<Vec<Ratio>> {
        results_with(self.steps, &|start| {
            let mut news = news.clone();
            let new = news.find(|(at, _)| self.numbers[*at].start == start);
            new.map(|(_, new)| new.value)
        })
    }

    /// Applies replacements to the question; returns `None` if a latent could not show one of the results.
    fn edit(&self, news: &[(usize, Rewording)]) -> Option<QuestionEdit> {
        let results = self.results(&news.iter())?;
        if !are_plausible(self.steps, &self.original, &results, self.means.readable) {
            return None;
        }
        let mut question = self.question.to_owned();
        let mut changes = Vec::new();
        // From the end, so that earlier byte ranges stay valid.
        for (at, new) in news.iter().rev() {
            let number = &self.numbers[*at];
            let old = &self.question[number.start..number.end];
            question.replace_range(new.range.clone(), &new.text);
            changes.insert(0, format!("{old} to {}", new.text));
        }
        let touch = |(i, (at, new)): (usize, &(usize, Rewording))| {
            let number = &self.numbers[*at];
            let rest = news.iter().enumerate().filter(|(j, _)| *j != i);
            let without = self.results(&rest.map(|(_, new)| new));
            Touch {
                text: self.question[number.start..number.end].to_owned(),
                start: Some(number.start),
                used: self.is_used(*at),
                new: new.value.to_string(),
                without: without.and_then(|results| last_result(&results)),
            }
        };
        Some(QuestionEdit {
            touches: news.iter().enumerate().map(touch).collect(),
            change: changes.join(", "),
            question,
            answer: last_result(&results).unwrap_or_default(),
            concerns: self
                .original
                .iter()
                .zip(&results)
                .map(|(before, after)| before != after)
                .collect(),
            results: results.iter().map(Ratio::to_string).collect(),
        })
    }
}

/// Whether latents could show the new results: whole, positive, one token each.
fn are_plausible(
    steps: &[TraceStep],
    before: &[Ratio],
    after: &[Ratio],
    readable: &dyn Fn(&str) -> bool,
) -> bool {
    steps
        .iter()
        .zip(before)
        .zip(after)
        .all(|((step, before), after)| {
            let at_latent = matches!(step.result.source, ValueSource::Latent { .. });
            let positive = after.to_integer().is_some_and(|n| n > 0);
            // Results that were not whole before are exempt.
            (before.to_integer().is_none() || positive)
                && (!at_latent || readable(&after.to_string()))
        })
}

/// The last result if a step's result is replaced by `value`; `None` if a later result is no longer whole and positive where it
/// was, or could not be read at its latent.
pub(super) fn answer_if(
    steps: &[TraceStep],
    step: usize,
    value: &str,
    readable: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let value_of = |operand: &Operand| Ratio::parse(&operand.text);
    let before = results_with(steps, &|_| None)?;
    let after = recompute(steps, &value_of, Some((step, Ratio::parse(value)?)))?;
    are_plausible(steps, &before, &after, readable)
        .then(|| last_result(&after))
        .flatten()
}

/// Whether a trace uses the number that starts at this byte.
fn uses(steps: &[TraceStep], start: usize) -> bool {
    let mut operands = steps.iter().flat_map(|s| &s.operands);
    operands.any(|o| matches!(o.source, ValueSource::Question { start: s, .. } if s == start))
}

/// The results of all steps with numbers of the question replaced, by their start byte.
fn results_with(
    steps: &[TraceStep],
    new_at: &dyn Fn(usize) -> Option<Ratio>,
) -> Option<Vec<Ratio>> {
    let value_of = |operand: &Operand| match operand.source {
        ValueSource::Question { start, .. } => {
            new_at(start).or_else(|| Ratio::parse(&operand.text))
        }
        _ => Ratio::parse(&operand.text),
    };
    recompute(steps, &value_of, None)
}

fn last_result(results: &[Ratio]) -> Option<String> {
    results.last().map(Ratio::to_string)
}

/// The results of all steps, given the question's numbers and optionally one fixed result; `None` if one is undefined.
fn recompute(
    steps: &[TraceStep],
    value_of: &dyn Fn(&Operand) -> Option<Ratio>,
    set: Option<(usize, Ratio)>,
) -> Option<Vec<Ratio>> {
    let mut results: Vec<Ratio> = Vec::with_capacity(steps.len());
    for (i, step) in steps.iter().enumerate() {
        if let Some((at, value)) = set
            && at == i
        {
            results.push(value);
            continue;
        }
        let value = |operand: &Operand| match operand.source {
            ValueSource::Step { step } => results.get(step).copied(),
            _ => value_of(operand),
        };
        let mut operands = step.operands.iter().map(value);
        let mut result = operands.next()??;
        for (operator, operand) in step.operator.split(' ').zip(operands) {
            result = apply(operator, result, operand?)?;
        }
        results.push(result);
    }
    Some(results)
}

fn apply(operator: &str, left: Ratio, right: Ratio) -> Option<Ratio> {
    match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
