//! Edits of a question in place, with what a trace says will follow: the questions that E2 asks (field-map.md 5.1).
//!
//! No template and no gold answer: a number is written over, a noun renamed or swapped, a fact removed. Everything else of
//! the question stays letter by letter. What the trace predicts is recomputed from its own steps.

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

/// One edited question, and what the trace says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// What was changed: `12 to 14`.
    pub change: String,
    /// The edited question.
    pub question: String,
    /// What each step's result becomes.
    pub results: Vec<String>,
    /// Whether that is another result than before.
    pub concerns: Vec<bool>,
    /// What the answer becomes.
    pub answer: String,
    /// The places that were changed.
    pub touches: Vec<Touch>,
}

/// A place of the question that an edit changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// What stood there.
    pub text: String,
    /// Its first byte; none for what stands in several places.
    pub start: Option<usize>,
    /// Whether the trace rests on it.
    pub used: bool,
    /// What stands there now: a number's value, or a name.
    pub new: String,
    /// What the trace says the answer is without this change and with all others of the edit; none if it does not say.
    pub without: Option<String>,
}

/// Values that a model meets in problems of its kind. Edits keep to them where they can: what it says of others tells as much of
/// its range as of its trace.
#[derive(Debug, Clone, Default)]
pub struct Familiar {
    /// Numbers of questions, by what stands around them.
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

    fn has(&self, question: &str, edit: &Edit) -> bool {
        let known = |touch: &Touch| {
            let start = touch.start.unwrap_or(0);
            let around = around(question, start, start + touch.text.len());
            // A place like none before is held to numbers of any place.
            let values = self.numbers.get(&around).or_else(|| self.numbers.get(""));
            values.is_none_or(|values| values.contains(&touch.new))
        };
        edit.touches.iter().all(known)
            && (self.results.is_empty() || edit.results.iter().all(|r| self.results.contains(r)))
    }
}

/// What stands around a number: the word before it, and whether a noun can follow it. `has 18 hats` and `now has two.` are different
/// places, and models meet different numbers there.
fn around(question: &str, start: usize, end: usize) -> String {
    let is_word = |c: char| c.is_alphanumeric();
    let before = question[..start].split(|c: char| !is_word(c));
    let before = before.rev().find(|w| !w.is_empty()).unwrap_or_default();
    let after = question[end..].trim_start().chars().next();
    let ends = if after.is_some_and(is_word) { "" } else { "." };
    format!("{}{ends}", before.to_lowercase())
}

/// What edits may use.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Whether a value can stand in a latent's top-k as one token.
    pub readable: &'a dyn Fn(&str) -> bool,
    /// Words for renaming, of other questions.
    pub spares: &'a [Spare],
    /// Values that other questions hold.
    pub familiar: &'a Familiar,
}

/// Edits of every place that the trace rests on and of those that it does not, at most `each` of a place, the places in turn;
/// no question twice. Which are made depends on no answer, so that all of them can be counted.
#[must_use]
pub fn edits(case: &Case<'_>, steps: &[TraceStep], means: &Means<'_>, each: usize) -> Vec<Edit> {
    let by_place = match case.task {
        Task::Math => math::edits(case.question, steps, means, each),
        Task::Logic => {
            let answer = case.answer.unwrap_or_default();
            logic::edits(case.question, answer, steps, means, each)
        }
        Task::Unknown => Vec::new(),
    };
    in_turn(by_place, case.question, usize::MAX)
}

/// The answer that another trace says an edit leads to; none if it does not say, or says what every other says too.
#[must_use]
pub fn answer_to(task: Task, steps: &[TraceStep], edit: &Edit) -> Option<String> {
    match task {
        Task::Math => math::answer_to(steps, edit),
        // Every chain ends in the answer's node, so all say the same.
        Task::Logic | Task::Unknown => None,
    }
}

/// The same steps with another of equal numbers of the question in the place of one.
#[must_use]
pub fn twins(task: Task, question: &str, steps: &[TraceStep]) -> Vec<Vec<TraceStep>> {
    match task {
        Task::Math => math::twins(question, steps),
        Task::Logic | Task::Unknown => Vec::new(),
    }
}

/// Edits made to lend a latent, beside [`edits`]; at most `most`. For arithmetic two numbers change: one of the step and one of a
/// later step, so that the donor's own answer is not what the trace predicts here, or two so that the step's result stays; for
/// is-a problems a node is swapped with one from which the chain settles the query differently.
#[must_use]
pub fn donors(
    case: &Case<'_>,
    steps: &[TraceStep],
    step: usize,
    means: &Means<'_>,
    most: usize,
) -> Vec<Edit> {
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
    in_turn(by_place, case.question, most)
}

/// What the answer becomes when a step's result is another value and everything else stays; none if the trace does not say,
/// or says the same answer.
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

/// Whether two answers say the same: equal values, or equal words without case and final period.
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

/// Words of a question that may rename things in another: nouns and properties with their forms.
#[must_use]
pub fn spares(question: &str) -> Vec<Spare> {
    facts::parse(question).map_or_else(|_| Vec::new(), |facts| logic::spares(&facts))
}

/// One edit of each place, then the next of each.
fn in_turn(by_place: Vec<Vec<Edit>>, question: &str, most: usize) -> Vec<Edit> {
    let mut seen: HashSet<String> = HashSet::from([question.to_owned()]);
    let mut places: Vec<_> = by_place.into_iter().map(Vec::into_iter).collect();
    let mut out = Vec::new();
    loop {
        let round: Vec<Edit> = places.iter_mut().filter_map(Iterator::next).collect();
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
