//! The verifier: does the top-k of the latents hold a valid trace that ends in the model's own answer?
//!
//! Plain data in, plain data out: the question, the top-k of each latent and the model's answer. The gold answer is
//! never an input. What the search finds is only ever *consistent with* an answer. Whether the latents track it (`tracks`)
//! and whether the answer uses them (`used`) is scored here too, on runs that the caller made: of edited questions
//! (`edits`), and with latents replaced.

pub mod chance;
pub mod edits;
pub mod facts;
pub mod last_step;
pub mod necessity;
pub mod nodes;
pub mod null;
pub mod paper;
pub mod replay;

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

pub use judge::{Grounds, judge};
pub use necessity::{Stand, Without, decide};
pub use null::{Hits, null, null_answers};
pub use replay::{Fault, Finding, replay};
pub use tracks::{Observation, Trial, tracks};
pub use used::{Replaced, used};
pub use values::Values;

use crate::core::problem::numbers;
use crate::core::types::{LatentIdx, Source, Task, TokenRead, TraceStep};

/// Settings of the search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// How many of a latent's top tokens are read; more depth buys little signal and many chance hits (field-map.md 6).
    pub top_k: usize,
    /// Whether steps of three operands of one precedence are tried (`16 - 3 - 4 = 9`).
    pub three_operands: bool,
    /// Whether one number of the question may serve in several steps.
    pub reuse_numbers: bool,
    /// How many traces are listed before the count is cut short.
    pub max_traces: usize,
    /// How many positions after the results it rests on a result has to be read: 1 is any later one.
    pub offset: usize,
    /// The position of the answer, counted like the latents' from 0; none is the one after the last latent.
    pub answer_position: Option<usize>,
    /// How many of the traces that reach the answer are returned, the best included.
    pub list: usize,
}

impl Default for Search {
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

/// One question with the answer that the model gave.
#[derive(Debug, Clone, Copy)]
pub struct Case<'a> {
    /// Which verifier applies.
    pub task: Task,
    /// The question as given.
    pub question: &'a str,
    /// Words of the question that the vocabulary lacks.
    pub unknown_words: &'a [String],
    /// The model's answer value (`Answer::value`).
    pub answer: Option<&'a str>,
}

/// Why a case cannot be judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Abstain {
    /// The model gave no answer.
    NoAnswer,
    /// No latent token ran.
    NoLatents,
    /// No verifier applies to the model's task.
    UnknownTask,
    /// None of the strategies that were asked for can read the model.
    NoStrategy,
    /// The model could not see these words of the question.
    UnknownWords(Vec<String>),
    /// The question holds no number.
    NoNumbers,
    /// The answer is no number, or names nothing of the question.
    AnswerUnread(String),
    /// The answer is about somebody else.
    OtherEntity(String),
    /// The question holds no fact.
    NoFacts,
    /// A sentence is neither a fact nor the query.
    SentenceUnread(String),
    /// The last sentence is no query that can be read.
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
            Self::NoStrategy => {
                f.write_str("None of the strategies that were asked for can read this model")
            }
            Self::UnknownWords(words) => {
                write!(
                    f,
                    "The model cannot see these words of the question: {}",
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
            Self::OtherEntity(name) => write!(
                f,
                "The answer speaks of {name}, whom the question does not ask about"
            ),
            Self::NoFacts => f.write_str("The question holds no fact to start a trace from"),
            Self::SentenceUnread(text) => write!(
                f,
                "This sentence is not a fact that can be read: \"{text}\""
            ),
            Self::NoQuery => f.write_str("The last sentence is not a query that can be read"),
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Found {
    /// The best trace that reaches the answer; empty when there is none.
    pub steps: Vec<TraceStep>,
    /// Candidate steps: each valid step that starts from the question or from a candidate before it, and whose result
    /// is read at a later latent (or is the answer); whether or not it leads to the answer.
    pub candidates: usize,
    /// Other traces that reach the answer, best first, as many as [`Search::list`] has room for.
    pub competing: Vec<Vec<TraceStep>>,
    /// How many traces with different steps reach the answer.
    pub traces: usize,
    /// Whether a limit cut the listing short, so that `traces` is a lower bound.
    pub capped: bool,
    /// Whether one step from the question alone reaches the answer, with nothing read.
    pub from_question_alone: bool,
    /// What came closest, when nothing was found.
    pub near_miss: Option<String>,
    /// Why nothing could be searched.
    pub abstain: Option<Abstain>,
}

/// Searches the top-k of the latents (in order, each best first) for traces that end in the model's answer.
///
/// Of all traces the best is kept: the one that explains the top-1 of most latents; then one that ends at a latent
/// rather than at the answer position; then the lowest sum of ranks; then fewer steps; then the one that takes the
/// question's numbers most nearly in reading order; then earlier latents.
#[must_use]
pub fn search(settings: &Search, case: &Case<'_>, latents: &[Vec<TokenRead>]) -> Found {
    match Prepared::new(case) {
        Ok(Prepared::Math(question)) => question.search(settings, latents),
        Ok(Prepared::Logic(question)) => question.search(settings, latents),
        Err(why) => Found {
            abstain: Some(why),
            ..Found::default()
        },
    }
}

/// Warns about signs that are not read, contradictory facts and an answer outside the options. The search does not depend on any of
/// them, so the verdict carries the warnings separately.
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
        let says = |word: &str| {
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
        if !words().any(says) {
            notes.push(format!(
                "The answer \"{answer}\" is not one of the options ({})",
                names.join(", ")
            ));
        }
    }
    notes
}

/// A question taken apart once, to be searched with many sets of latents.
enum Prepared {
    Math(arithmetic::Question),
    Logic(logic::Question),
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
            Task::Math => arithmetic::Question::new(case.question, answer).map(Self::Math),
            Task::Logic => logic::Question::new(case.question, answer).map(Self::Logic),
            Task::Unknown => Err(Abstain::UnknownTask),
        }
    }

    /// Does once what all searches of many sets of latents have in common.
    fn prepare(&mut self, settings: &Search, all: &[&Vec<Vec<TokenRead>>]) {
        if let Self::Math(question) = self {
            question.prepare(settings, all);
        }
    }

    fn reach(&self, settings: &Search, latents: &[Vec<TokenRead>]) -> Reach {
        match self {
            Self::Math(question) => question.reach(settings, latents),
            Self::Logic(question) => question.reach(settings, latents),
        }
    }
}

/// The part of a search that the null needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// Whether any trace reaches the answer.
    reached: bool,
    /// As [`Found::candidates`].
    candidates: usize,
}

/// Orders traces, best first; the doc of [`search`] says why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Score {
    top1: Reverse<usize>,
    ends_at_answer: bool,
    rank_sum: usize,
    n_steps: usize,
    inversions: usize,
    latents: Vec<usize>,
    /// The steps as text: a last tie-break, so that the choice never depends on the order of the search.
    key: String,
}

impl Score {
    /// Scores results given as (latent from 0, rank), none for the answer position.
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

/// The source of a result: the answer position without a read.
fn result_source(read: Option<(usize, usize, f32)>) -> Source {
    read.map_or(Source::Answer, |(latent, rank, prob)| Source::Latent {
        latent: LatentIdx(latent + 1),
        rank,
        prob,
    })
}
