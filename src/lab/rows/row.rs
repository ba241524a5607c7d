//! One row: what one experiment found on one problem. Values are as they were computed, nothing is rounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::types::{AblationValue, EarlyExit, Variants, Verdict, serde_with_outcome};

/// What can be computed of a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// The problem itself: always the first row of each.
    Problem,
    /// The answer in every mode of the model, and how sure it was (methods.md 1.7).
    Accuracy,
    /// The answer forced after 0..N latents (methods.md 4).
    EarlyStopping,
    /// Single latents and all of them switched off.
    Ablation,
    /// The gold trace in what is decoded of the latents (methods.md 5).
    Backtracking,
    /// A trace without the gold one: the published search with its verifier in paper mode (methods.md 6), else ours.
    ForwardChaining,
    /// Our verdict with all its evidence (field-map.md 5.1).
    Verdict,
}

impl Experiment {
    /// All of them, in the order of the rows of one problem.
    pub const ALL: [Self; 7] = [
        Self::Problem,
        Self::Accuracy,
        Self::EarlyStopping,
        Self::Ablation,
        Self::Backtracking,
        Self::ForwardChaining,
        Self::Verdict,
    ];

    /// The name used on the command line and in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Problem => "problem",
            Self::Accuracy => "accuracy",
            Self::EarlyStopping => "early-stopping",
            Self::Ablation => "ablation",
            Self::Backtracking => "backtracking",
            Self::ForwardChaining => "forward-chaining",
            Self::Verdict => "verdict",
        }
    }
}

/// A row of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// Which problem of the data set, from 0.
    pub index: usize,
    /// How many steps the gold solution has.
    pub steps: usize,
    /// Whether the model's own answer is the gold one; null where there is no gold answer or the model could not run.
    pub correct: Option<bool>,
    /// Why there is no result; null where there is one.
    pub refused: Option<String>,
    /// The experiment and its result.
    #[serde(flatten)]
    pub body: Body,
}

/// An experiment's result; null where the row says why there is none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "experiment", content = "result", rename_all = "kebab-case")]
pub enum Body {
    /// The problem.
    Problem(Option<Problem>),
    /// The answers.
    Accuracy(Option<Accuracy>),
    /// The answers forced early.
    EarlyStopping(Option<EarlyStopping>),
    /// The answers with latents off.
    Ablation(Option<Ablation>),
    /// The gold trace.
    Backtracking(Option<Backtracking>),
    /// A trace without the gold one.
    ForwardChaining(Option<ForwardChaining>),
    /// The verdict.
    Verdict(Option<Box<Judged>>),
}

impl Body {
    /// Which experiment it is.
    #[must_use]
    pub fn experiment(&self) -> Experiment {
        match self {
            Self::Problem(_) => Experiment::Problem,
            Self::Accuracy(_) => Experiment::Accuracy,
            Self::EarlyStopping(_) => Experiment::EarlyStopping,
            Self::Ablation(_) => Experiment::Ablation,
            Self::Backtracking(_) => Experiment::Backtracking,
            Self::ForwardChaining(_) => Experiment::ForwardChaining,
            Self::Verdict(_) => Experiment::Verdict,
        }
    }

    /// Whether there is no result.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::none(self.experiment())
    }

    /// An experiment without a result.
    #[must_use]
    pub fn none(of: Experiment) -> Self {
        match of {
            Experiment::Problem => Self::Problem(None),
            Experiment::Accuracy => Self::Accuracy(None),
            Experiment::EarlyStopping => Self::EarlyStopping(None),
            Experiment::Ablation => Self::Ablation(None),
            Experiment::Backtracking => Self::Backtracking(None),
            Experiment::ForwardChaining => Self::ForwardChaining(None),
            Experiment::Verdict => Self::Verdict(None),
        }
    }
}

/// A problem of the data set, as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// The question.
    pub question: String,
    /// The gold steps.
    pub gold_steps: Vec<String>,
    /// The gold answer.
    pub gold_answer: String,
}

/// The answers of the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Accuracy {
    /// As the model is meant to answer: with all its latents; of a model without latents, with its steps in words.
    pub main: Said,
    /// With no latent at all.
    pub no_latents: Option<Said>,
    /// In the direct mode of a multi-mode model.
    pub direct: Option<Said>,
    /// In the written mode of a multi-mode model.
    pub written: Option<Said>,
    /// How sure the main answer was.
    pub confidence: Option<Confidence>,
    /// Why there is no answer in a mode that the model has, by mode.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Said {
    /// The answer; null where none can be read off the text.
    pub answer: Option<String>,
    /// Whether it is the gold one; null where there is none.
    pub correct: Option<bool>,
    /// Output tokens as Table 1 of the paper counts them: latents, or written steps, and the answer from its delimiter on with
    /// the end token (methods.md 1.7).
    pub tokens: usize,
}

/// How sure an answer was: the baselines that a verdict is compared with. Natural logarithm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Log-probability of the whole answer after the delimiter, in nats.
    pub logprob: f64,
    /// The largest probability at the answer's first token.
    pub first_probability: f64,
    /// Entropy at the answer's first token, in nats.
    pub entropy: f64,
}

/// The answers that were forced early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// How many latents, or written steps, the full run has.
    pub of: usize,
    /// The answer after 0 to `of` of them; of written steps, after each.
    pub exits: Vec<EarlyExit>,
    /// The smallest number after which the free answer is given; null where none.
    pub first_match: Option<usize>,
    /// The smallest number from which on the last forced answer is always given.
    pub stable_match: usize,
}

/// The answers with latents off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Ablation {
    /// Each latent alone, in order.
    pub each: Vec<Off>,
    /// All of them, by each value.
    pub all: Vec<Off>,
    /// The latents that change the answer when they alone are off, in more than half of the runs.
    pub needed: Vec<usize>,
    /// The largest difference that writing back the latents' own values made to a first-answer logit.
    pub sham_max_diff: f64,
}

/// One set of latents off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Off {
    /// The latents, from 1.
    pub off: Vec<usize>,
    /// What they were replaced by.
    pub value: AblationValue,
    /// The most frequent answer.
    pub answer: Option<String>,
    /// Whether more than half of the runs gave another answer than the model's own.
    pub flipped: bool,
    /// Whether it is the gold one; null where there is none.
    pub correct: Option<bool>,
    /// Mean change of the log-probability of the model's own answer, in nats.
    pub delta_logprob: f64,
    /// Runs: donors for `resample`, else one.
    pub n: usize,
    /// Runs with another answer.
    pub flips: usize,
}

serde_with_outcome!(Off);

impl Off {
    /// The runs behind it, and how many of them gave another answer.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// Where the gold trace stands in what is decoded.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtracking {
    /// Each gold step's result at the latent that has it highest.
    pub reads: Vec<GoldRead>,
    /// Whether every result but the last is among the top tokens, each at a later latent than the one before; null for a
    /// solution of one step, which has no such result.
    pub in_order: Option<bool>,
    /// The same of the gold steps of other problems with as many steps (at most five): the chance that this happens.
    pub in_order_others: Vec<bool>,
    /// The published search; null for tasks that it is not defined on and for runs with too few positions.
    pub published: Option<Published>,
}

/// A gold step and where its result is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldRead {
    /// The step, from 0.
    pub step: usize,
    /// Its result, as it is looked for.
    pub result: String,
    /// The latent that has it highest, from 1; null where none has it among the top tokens.
    pub latent: Option<usize>,
    /// Its rank there, from 0.
    pub rank: Option<usize>,
    /// Its probability there.
    pub probability: Option<f32>,
}

/// The published backtracking search on one problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a figure of its own in the paper"
)]
pub struct Published {
    /// Whether the published code cannot represent the gold solution; it then counts as not found.
    pub impossible: bool,
    /// Whether the gold trace is found: without and with the numbers of the question.
    pub without: bool,
    /// With the numbers of the question.
    pub with: bool,
    /// Any of the gold solutions, without the numbers of the question.
    pub any_without: bool,
    /// Any of the gold solutions, with them.
    pub any_with: bool,
    /// For each of up to five other problems' solutions: found without, and with, the numbers of the question.
    pub baselines: Vec<(bool, bool)>,
    /// Whether the gold answer is among the ten tokens of the answer's column (Table 14).
    pub gold_in_top10: bool,
}

/// A trace found without the gold one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForwardChaining {
    /// The answer that the search ends in; null where none can be read.
    pub answer: Option<String>,
    /// Candidate steps, or candidate last steps, that were enumerated.
    pub candidates: usize,
    /// Whether a trace was found. In paper mode see `required` for each setting of the verifier.
    pub found: bool,
    /// The trace.
    pub steps: Vec<String>,
    /// The chance rate of our search on other problems' latents; null in paper mode, which has none.
    pub null: Option<crate::core::types::Null>,
    /// The published search with 1, 2 and 3 of three edits required to pass; empty outside paper mode.
    pub required: Vec<Required>,
    /// The answer to the unedited question as the published template rewrites it, and whether it is the model's own: the
    /// control of the rewriting. Null outside paper mode.
    pub rewrite: Option<Rewrite>,
}

/// The published search under one setting of its verifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Required {
    /// How many of three edits have to pass.
    pub passes: usize,
    /// Whether a tree was found.
    pub found: bool,
    /// Whether every step of it is verified.
    pub verified: bool,
    /// Whether every step of it leads back to the question.
    pub explainable: bool,
    /// Its steps.
    pub steps: Vec<CheckedStep>,
}

/// A step of a published tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedStep {
    /// The step in words.
    pub text: String,
    /// The column where its result is read.
    pub column: usize,
    /// Whether it is verified.
    pub verified: bool,
    /// Its edits: none if fewer than three were possible.
    pub checks: Vec<Check>,
}

/// An edit of the published verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The variable, as `VAR_1`.
    pub variable: String,
    /// Its value.
    pub old: String,
    /// The value that it was given.
    pub new: String,
    /// What the step then gives; null where a division is inexact.
    pub expected: Option<String>,
    /// What was read; null where nothing was.
    pub observed: Option<String>,
    /// Whether the two agree.
    pub passed: bool,
}

/// The control of the published rewriting.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The question as rewritten, nothing edited.
    pub question: String,
    /// The answer to it.
    pub answer: Option<String>,
    /// Whether that is the answer to the question itself.
    pub same: bool,
}

/// A verdict of ours.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// The verdict with all its evidence.
    pub verdict: Verdict,
    /// The answer that was judged.
    pub answer: Option<String>,
}
