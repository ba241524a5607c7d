//! Edits of a question in place, with what a trace says will follow: the questions that E2 asks (field-map.md 5.1).
//!
//! No template and no gold answer: a number is written over, a noun renamed or swapped, a fact removed. Everything else of
//! the question stays letter by letter. What the trace predicts is recomputed from its own steps.

mod logic;
mod math;
mod wording;

use std::collections::HashSet;

use crate::trace::{Task, TraceStep};

pub use logic::Spare;

use super::Case;
use super::facts;
use super::ratio::Ratio;

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
}

impl Edit {
    /// Whether no step of the trace has to do with it.
    #[must_use]
    pub fn is_control(&self) -> bool {
        !self.concerns.contains(&true)
    }
}

/// What edits may use.
#[derive(Clone, Copy)]
pub struct Means<'a> {
    /// Whether a value can stand in a latent's top-k as one token.
    pub readable: &'a dyn Fn(&str) -> bool,
    /// Words for renaming, of other questions.
    pub spares: &'a [Spare],
}

/// Edits of everything that the trace uses, most telling first and the places in turn, and of some things that it does not;
/// at most `most`, no question twice.
#[must_use]
pub fn edits(case: &Case<'_>, steps: &[TraceStep], means: &Means<'_>, most: usize) -> Vec<Edit> {
    match case.task {
        Task::Math => {
            let mut out = in_turn(
                math::edits(case.question, steps, means),
                case.question,
                most,
            );
            if out.len() < most {
                let pairs = math::pairs(case.question, steps, means);
                out.extend(in_turn(pairs, case.question, most - out.len()));
            }
            out
        }
        Task::Logic => {
            let answer = case.answer.unwrap_or_default();
            in_turn(
                logic::edits(case.question, answer, steps, means),
                case.question,
                most,
            )
        }
        Task::Unknown => Vec::new(),
    }
}

/// Edits made to lend a latent, beside [`edits`]; at most `most`. For arithmetic two numbers change so that the step's result
/// stays; for is-a problems a node is swapped with one from which the chain settles the query differently.
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
        Task::Math => math::compensated(case.question, steps, step, means),
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
