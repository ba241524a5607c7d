//! In-place edits of a question with the trace's predictions: the questions of TRACKS (docs/methods.md M7).
//!
//! Uses no template and no gold answer: a number is replaced, a noun renamed or swapped, a fact removed or added. The rest of the
//! question is kept verbatim. Predictions are recomputed from the trace's own steps.

mod logic;
mod math;
mod wording;

use std::collections::{HashMap, HashSet};

use crate::core::types::{Task, TraceStep};

pub use logic::Spare;

use super::Case;
use super::facts;
use crate::core::problem::Ratio;
use crate::core::problem::numbers::question_numbers;

/// An edited question with the trace's predictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuestionEdit {
    /// Description of the change: `12 to 14`.
    pub change: String,
    /// The edited question.
    pub question: String,
    /// The predicted result of each step.
    pub results: Vec<String>,
    /// Whether the predicted result of each step differs from the original one.
    pub concerns: Vec<bool>,
    /// The predicted answer.
    pub answer: String,
    /// The changed places.
    pub touches: Vec<Touch>,
}

/// A place of the question that an edit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The original text.
    pub text: String,
    /// Its first byte; `None` for a word that occurs in several places.
    pub start: Option<usize>,
    /// Whether the trace uses it.
    pub used: bool,
    /// The replacement: a number's value, or a name.
    pub new: String,
    /// The answer that the trace predicts for the edit's other changes alone; `None` if it predicts none.
    pub without: Option<String>,
}

/// Values that occur in other problems of the model's kind. Edits prefer them: answers to other values depend on the model's
/// range as much as on its trace.
#[derive(Debug, Clone, Default)]
pub struct Familiar {
    /// Numbers of questions, by their context.
    numbers: HashMap<String, HashSet<String>>,
    /// Results and answers.
    results: HashSet<String>,
}

impl Familiar {
    /// Adds the numbers of a question.
    pub fn add_question(&mut self, question: &str) {
        for number in question_numbers(question) {
            let around = around(question, number.start, number.end);
            let value = number.value.to_string();
            self.numbers
                .entry(around)
                .or_default()
                .insert(value.clone());
            self.numbers.entry(String::new()).or_default().insert(value);
        }
    }

    /// Adds a result or an answer.
    pub fn add_result(&mut self, result: String) {
        self.results.insert(result);
    }

    fn has(&self, question: &str, edit: &QuestionEdit) -> bool {
        let is_familiar = |touch: &Touch| {
            let start = touch.start.unwrap_or(0);
            let around = around(question, start, start + touch.text.len());
            // An unknown context is compared with the numbers of all contexts.
            let values = self.numbers.get(&around).or_else(|| self.numbers.get(""));
            values.is_none_or(|values| values.contains(&touch.new))
        };
        edit.touches.iter().all(is_familiar)
            && (self.results.is_empty() || edit.results.iter().all(|r| self.results.contains(r)))
    }
}

/// The context of a number: the word before it, and whether a word follows. `has 18 hats` and `now has two.` are different
/// contexts, in which models meet different numbers.
fn around(question: &str, start: usize, end: usize) -> String {
    let is_word = |c: char| c.is_alphanumeric();
    let before = question[..start].split(|c: char| !is_word(c));
    let before = before.rev().find(|w| !w.is_empty()).unwrap_or_default();
    let after = question[end..].trim_start().chars().next();
    let ends = if after.is_some_and(is_word) { "" } else { "." };
    format!("{}{ends}", before.to_lowercase())
}

/// The resources of an editor.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Whether a value can appear in a latent's top-k as one token.
    pub readable: &'a dyn Fn(&str) -> bool,
    /// Words of other questions, for renaming.
    pub spares: &'a [Spare],
    /// Values of other questions.
    pub familiar: &'a Familiar,
}

/// Edits of every place, used by the trace or not, at most `each` per place, interleaved and without duplicates. The choice does
/// not depend on any answer, so every edit can be counted.
#[must_use]
pub fn edits(
    case: &Case<'_>,
    steps: &[TraceStep],
    means: &Means<'_>,
    each: usize,
) -> Vec<QuestionEdit> {
    let by_place = match case.task {
        Task::Math => math::edits(case.question, steps, means, each),
        Task::Logic => {
            let answer = case.answer.unwrap_or_default();
            logic::edits(case.question, answer, steps, means, each)
        }
        Task::Unknown => Vec::new(),
    };
    interleaved(by_place, case.question, usize::MAX)
}

/// The answer that another trace predicts for an edit; `None` if it predicts none, or if all traces agree.
#[must_use]
pub fn answer_to(task: Task, steps: &[TraceStep], edit: &QuestionEdit) -> Option<String> {
    match task {
        Task::Math => math::answer_to(steps, edit),
        // Every chain ends in the answer's node, so all predictions agree.
        Task::Logic | Task::Unknown => None,
    }
}

/// The same steps with one operand taken from another place of the question that holds an equal number.
#[must_use]
pub fn twins(task: Task, question: &str, steps: &[TraceStep]) -> Vec<Vec<TraceStep>> {
    match task {
        Task::Math => math::twins(question, steps),
        Task::Logic | Task::Unknown => Vec::new(),
    }
}

/// Edits that serve as donors, in addition to [`edits`]; at most `most`. For arithmetic two numbers change: one of the step and
/// one of a later step, so that the donor's own answer is not the prediction here, or two that keep the step's result. For is-a
/// problems a node is swapped with one from which the chain settles the query differently.
#[must_use]
pub fn donors(
    case: &Case<'_>,
    steps: &[TraceStep],
    step: usize,
    means: &Means<'_>,
    most: usize,
) -> Vec<QuestionEdit> {
    let by_place = match case.task {
        Task::Logic => logic::donors(
            case.question,
            case.answer.unwrap_or_default(),
            steps,
            step,
            means,
        ),
        Task::Math => math::donors(case.question, steps, step, means),
        Task::Unknown => Vec::new(),
    };
    interleaved(by_place, case.question, most)
}

/// The predicted answer if a step's result is replaced and everything else stays; `None` if the trace predicts none, or the same
/// answer.
#[must_use]
pub fn answer_if(
    case: &Case<'_>,
    steps: &[TraceStep],
    step: usize,
    value: &str,
    readable: &dyn Fn(&str) -> bool,
) -> Option<String> {
    let answer = case.answer?;
    let predicted = match case.task {
        Task::Math => math::answer_if(steps, step, value, readable),
        Task::Logic => logic::answer_if(case.question, answer, steps, step, value),
        Task::Unknown => None,
    }?;
    (!same_answer(case.task, &predicted, answer)).then_some(predicted)
}

/// Whether two answers are equal as values, or as words without case and final period.
#[must_use]
pub fn same_answer(task: Task, a: &str, b: &str) -> bool {
    let (a, b) = (a.trim(), b.trim());
    if task == Task::Math
        && let (Some(a), Some(b)) = (Ratio::parse(a), Ratio::parse(b))
    {
        return a == b;
    }
    let plain = |text: &str| text.trim_end_matches('.').to_lowercase();
    plain(a) == plain(b)
}

/// Nouns and properties of a question, with their forms, for renaming in other questions.
#[must_use]
pub fn spares(question: &str) -> Vec<Spare> {
    facts::parse(question).map_or_else(|_| Vec::new(), |facts| logic::spares(&facts))
}

/// Interleaves the edits: one of each place, then the next of each, without duplicates.
fn interleaved(by_place: Vec<Vec<QuestionEdit>>, question: &str, most: usize) -> Vec<QuestionEdit> {
    let mut seen: HashSet<String> = HashSet::from([question.to_owned()]);
    let mut places: Vec<_> = by_place.into_iter().map(Vec::into_iter).collect();
    let mut out = Vec::new();
    loop {
        let round: Vec<QuestionEdit> = places.iter_mut().filter_map(Iterator::next).collect();
        if round.is_empty() {
            return out;
        }
        for edit in round {
            if out.len() == most {
                return out;
            }
            if seen.insert(edit.question.clone()) {
                out.push(edit);
            }
        }
    }
}

/// Capitalises a word if the text that it replaces is capitalised.
fn with_case(old: &str, word: &str) -> String {
    let mut letters = word.chars();
    match letters.next() {
        Some(first) if old.starts_with(char::is_uppercase) => {
            first.to_uppercase().chain(letters).collect()
        }
        _ => word.to_owned(),
    }
}
