//! The verifier: does the top-k of the latents hold a valid trace that ends in the model's own answer?
//!
//! It takes and returns plain data: the question, the top-k of each latent and the model's answer. The gold answer is never an
//! input. A trace that the search finds is only ever *consistent with* an answer. Whether the latents track it (`tracks`) and
//! whether the answer uses them (`used`) is scored here too, on runs that the caller made: of edited questions (`edits`), and
//! with replaced latents.

pub mod chance;
pub mod edits;
pub mod facts;
pub mod last_step;
pub mod necessity;
pub mod nodes;
pub mod null;
pub mod paper;
#[cfg(test)]
mod replay;

mod arithmetic;
mod judge;
mod logic;
mod places;
#[cfg(test)]
mod tests;
mod tracks;
mod used;
mod values;

use std::cmp::Reverse;
use std::fmt;

pub use judge::{Evidence, TraceEvidence, judge};
pub use necessity::{AblatedAnswer, Without, decide};
pub use null::{Hits, null, null_answers};
pub use tracks::{Observation, Trial, tracks};
pub use used::{Replaced, used};
pub use values::Values;

use crate::core::problem::numbers;
use crate::core::types::{LatentIdx, Task, TokenRead, TraceStep, ValueSource};

/// Settings of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSettings {
    /// Depth of the top-k lists; more depth adds little signal and many chance hits (docs/methods.md M9.3).
    pub top_k: usize,
    /// Whether to try steps of three operands of one precedence (`16 - 3 - 4 = 9`).
    pub three_operands: bool,
    /// Whether several steps may use one number of the question.
    pub reuse_numbers: bool,
    /// Maximum number of traces listed.
    pub max_traces: usize,
    /// Minimum distance in positions between a result and the results that it uses; 1 allows any later position.
    pub offset: usize,
    /// The position of the answer, from 0 like the latents'; `None` for the one after the last latent.
    pub answer_position: Option<usize>,
    /// Maximum number of traces returned, the best included.
    pub list: usize,
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            top_k: 5,
            three_operands: false,
            reuse_numbers: false,
            max_traces: 2000,
            offset: 1,
            answer_position: None,
            list: 1,
        }
    }
}

/// A question with the model's answer.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// The task, which selects the verifier.
    pub task: Task,
    /// The question as given.
    pub question: &'a str,
    /// Words of the question that the vocabulary lacks.
    pub unknown_words: &'a [String],
    /// The model's answer value (`Answer::value`).
    pub answer: Option<&'a str>,
}

/// The reason why a case cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abstain {
    /// The model gave no answer.
    NoAnswer,
    /// No latent token ran.
    NoLatents,
    /// No verifier applies to the model's task.
    UnknownTask,
    /// No requested strategy can read the model.
    NoStrategy,
    /// The vocabulary lacks these words of the question.
    UnknownWords(Vec<String>),
    /// The question contains no number.
    NoNumbers,
    /// The answer is not a number, or names nothing in the question.
    AnswerUnread(String),
    /// The answer is about another entity.
    OtherEntity(String),
    /// The question contains no fact.
    NoFacts,
    /// A sentence is neither a fact nor the query.
    SentenceUnread(String),
    /// The last sentence is not a readable query.
    NoQuery,
}

impl fmt::Display for Abstain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAnswer => f.write_str("The model gave no answer to judge"),
            Self::NoLatents => f.write_str("No latent token ran, so there is nothing to decode"),
            Self::UnknownTask => {
                f.write_str("The model's task is not known, so no verifier applies")
            }
            Self::NoStrategy => f.write_str("No requested strategy can read this model"),
            Self::UnknownWords(words) => {
                write!(
                    f,
                    "The model's vocabulary lacks these words of the question: {}",
                    words.join(", ")
                )
            }
            Self::NoNumbers => f.write_str("The question holds no number to start a trace from"),
            Self::AnswerUnread(answer) => {
                write!(
                    f,
                    "The answer \"{answer}\" cannot be read as a result of this question"
                )
            }
            Self::OtherEntity(name) => {
                write!(f, "The answer is about {name}, but the question is not")
            }
            Self::NoFacts => f.write_str("The question holds no fact to start a trace from"),
            Self::SentenceUnread(text) => write!(
                f,
                "This sentence is not a fact that can be read: \"{text}\""
            ),
            Self::NoQuery => f.write_str("The last sentence is not a query that can be read"),
        }
    }
}

/// The result of a search.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SearchResult {
    /// The best trace that reaches the answer; empty if there is none.
    pub steps: Vec<TraceStep>,
    /// The number of valid steps that start from the question or an earlier candidate and whose result is read at a later latent
    /// (or is the answer), whether or not they lead to the answer.
    pub candidates: usize,
    /// Other traces that reach the answer, best first, within [`SearchSettings::list`].
    pub competing: Vec<Vec<TraceStep>>,
    /// The number of traces with distinct steps that reach the answer.
    pub traces: usize,
    /// Whether a limit cut the listing short, so that `traces` is a lower bound.
    pub capped: bool,
    /// Whether one step from the question alone reaches the answer, without any latent.
    pub from_question_alone: bool,
    /// The closest miss, if no trace was found.
    pub near_miss: Option<String>,
    /// The reason why the search could not run.
    pub abstain: Option<Abstain>,
}

/// Searches the top-k of the latents (in order, each best first) for traces that end in the model's answer.
///
/// The best trace explains the top-1 of most latents; ties go to one that ends at a latent rather than at the answer position,
/// then to the lowest sum of ranks, then to fewer steps, then to the one that uses the question's numbers most nearly in reading
/// order, then to earlier latents.
#[must_use]
pub fn search(
    settings: &SearchSettings,
    case: &Case<'_>,
    latents: &[Vec<TokenRead>],
) -> SearchResult {
    match Prepared::new(case) {
        Ok(Prepared::Math(question)) => question.search(settings, latents),
        Ok(Prepared::Logic(question)) => question.search(settings, latents),
        Err(why) => SearchResult {
            abstain: Some(why),
            ..SearchResult::default()
        },
    }
}

/// Warns about unread signs, contradictory facts and an answer outside the options. The search ignores them, so the verdict
/// carries the warnings separately.
#[must_use]
pub fn warnings(case: &Case<'_>) -> Vec<String> {
    match case.task {
        Task::Math => signs(case.question),
        Task::Logic => facts::parse(case.question)
            .map_or_else(|_| Vec::new(), |facts| doubts(&facts, case.answer)),
        Task::Unknown => Vec::new(),
    }
}

fn signs(question: &str) -> Vec<String> {
    let signed = numbers::negative_numbers(question).into_iter();
    signed
        .map(|number| format!("\"{number}\" is not read: no trace starts from a negative number"))
        .collect()
}

fn doubts(facts: &facts::Facts, answer: Option<&str>) -> Vec<String> {
    let mut notes: Vec<String> = facts
        .contradictions()
        .into_iter()
        .map(|node| {
            let entity = &facts.nodes[facts.entity];
            format!("The facts are contradictory: {entity} both is and is not {node}")
        })
        .collect();
    if let (facts::Query::Which { options }, Some(answer)) = (&facts.query, answer) {
        let names: Vec<&str> = options.iter().map(|o| facts.nodes[*o].as_str()).collect();
        let words = || answer.split(|c: char| !c.is_alphanumeric());
        let is_option = |word: &str| {
            let node = facts.node(&word.to_lowercase());
            node.is_some_and(|node| options.contains(&node))
        };
        if options
            .iter()
            .enumerate()
            .any(|(at, option)| options[..at].contains(option))
        {
            notes.push(format!("The options are equal ({})", names.join(", ")));
        }
        if !words().any(is_option) {
            notes.push(format!(
                "The answer \"{answer}\" is not one of the options ({})",
                names.join(", ")
            ));
        }
    }
    notes
}

/// A question parsed once for searches of many sets of latents.
enum Prepared {
    Math(arithmetic::ArithmeticQuestion),
    Logic(logic::LogicQuestion),
}

impl Prepared {
    fn new(case: &Case<'_>) -> Result<Self, Abstain> {
        let answer = case
            .answer
            .map(str::trim)
            .filter(|a| !a.is_empty())
            .ok_or(Abstain::NoAnswer)?;
        if !case.unknown_words.is_empty() {
            return Err(Abstain::UnknownWords(case.unknown_words.to_vec()));
        }
        match case.task {
            Task::Math => {
                arithmetic::ArithmeticQuestion::new(case.question, answer).map(Self::Math)
            }
            Task::Logic => logic::LogicQuestion::new(case.question, answer).map(Self::Logic),
            Task::Unknown => Err(Abstain::UnknownTask),
        }
    }

    /// Does the work that the searches of many sets of latents share.
    fn prepare(&mut self, settings: &SearchSettings, all: &[&Vec<Vec<TokenRead>>]) {
        if let Self::Math(question) = self {
            question.prepare(settings, all);
        }
    }

    fn reach(&self, settings: &SearchSettings, latents: &[Vec<TokenRead>]) -> Reach {
        match self {
            Self::Math(question) => question.reach(settings, latents),
            Self::Logic(question) => question.reach(settings, latents),
        }
    }
}

/// The part of a search's result that the null needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// Whether any trace reaches the answer.
    reached: bool,
    /// As [`SearchResult::candidates`].
    candidates: usize,
}

/// The order of traces, best first, as documented at [`search`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    top1: Reverse<usize>,
    ends_at_answer: bool,
    rank_sum: usize,
    n_steps: usize,
    inversions: usize,
    latents: Vec<usize>,
    /// The steps as text: a final tie-break, so that the choice never depends on the search order.
    key: String,
}

impl Score {
    /// Scores results given as (latent from 0, rank), `None` for the answer position.
    fn new(results: &[Option<(usize, usize)>], inversions: usize, key: String) -> Self {
        let read = || results.iter().flatten();
        Self {
            top1: Reverse(read().filter(|(_, rank)| *rank == 0).count()),
            ends_at_answer: read().count() < results.len(),
            rank_sum: read().map(|(_, rank)| rank).sum(),
            n_steps: results.len(),
            inversions,
            latents: read().map(|(latent, _)| *latent).collect(),
            key,
        }
    }
}

/// The source of a result: the answer position if it was not read.
fn result_source(read: Option<(usize, usize, f32)>) -> ValueSource {
    read.map_or(ValueSource::Answer, |(latent, rank, prob)| {
        ValueSource::Latent {
            latent: LatentIdx(latent + 1),
            rank,
            prob,
        }
    })
}
