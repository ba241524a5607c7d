//! One row: the result of one experiment on one problem, with unrounded values.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::core::types::{AblationValue, EarlyExit, Variants, Verdict, serde_with_outcome};

/// The experiments on a problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Experiment {
    /// The problem itself: always the first row of each.
    Problem,
    /// The answer in every mode of the model, with its confidence (docs/methods.md M3.6).
    Accuracy,
    /// The answer forced after 0..N latents (docs/methods.md M4.1).
    EarlyStopping,
    /// Single latents and all of them switched off.
    Ablation,
    /// The gold trace in the decoded latents (docs/methods.md M5).
    Backtracking,
    /// A trace found without the gold one: by the published search and verifier in paper mode (docs/methods.md M6), else by ours.
    ForwardChaining,
    /// Our verdict with its evidence (docs/methods.md M7).
    Verdict,
}

impl Experiment {
    /// All experiments, in the order of a problem's rows.
    pub const ALL: [Self; 7] = [
        Self::Problem,
        Self::Accuracy,
        Self::EarlyStopping,
        Self::Ablation,
        Self::Backtracking,
        Self::ForwardChaining,
        Self::Verdict,
    ];

    /// Returns the name used on the command line and in the file.
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
    /// Index of the problem in the data set, from 0.
    pub index: usize,
    /// Number of steps of the gold solution.
    pub steps: usize,
    /// Whether the model's answer is the gold one; null if there is no gold answer or the model could not run.
    pub correct: Option<bool>,
    /// Why there is no result; null if there is one.
    pub refused: Option<String>,
    /// The experiment and its result.
    #[serde(flatten)]
    pub body: Body,
}

/// An experiment's result; null if the row was refused.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "experiment", content = "result", rename_all = "kebab-case")]
pub enum Body {
    /// The problem.
    Problem(Option<RowProblem>),
    /// The answers.
    Accuracy(Option<AccuracyRow>),
    /// The answers forced early.
    EarlyStopping(Option<EarlyStopping>),
    /// The answers with latents off.
    Ablation(Option<AblationRow>),
    /// The gold trace.
    Backtracking(Option<Backtracking>),
    /// A trace without the gold one.
    ForwardChaining(Option<ForwardChaining>),
    /// The verdict.
    Verdict(Option<Box<JudgedAnswer>>),
}

impl Body {
    /// Returns the experiment.
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

    /// Returns whether the result is missing.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::none(self.experiment())
    }

    /// Returns the body of an experiment without a result.
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

/// A problem of the data set, as read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowProblem {
    /// The question.
    pub question: String,
    /// The gold steps.
    pub gold_steps: Vec<String>,
    /// The gold answer.
    pub gold_answer: String,
}

/// The answers of the model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct AccuracyRow {
    /// The answer in the model's main mode: with all latents, or with written steps if the model has no latents.
    pub main: RowAnswer,
    /// The answer without any latent.
    pub no_latents: Option<RowAnswer>,
    /// The answer after one latent fewer than the gold solution has steps; null for a solution of fewer than two.
    pub one_fewer: Option<RowAnswer>,
    /// The answer with all latents replaced by zeros.
    pub off_zero: Option<RowAnswer>,
    /// The answer with each latent replaced by the mean at its position.
    pub off_mean: Option<RowAnswer>,
    /// The answer with all latents replaced by those of one problem of the reference set, another for each index.
    pub off_resample: Option<RowAnswer>,
    /// The answer in the direct mode of a multi-mode model.
    pub direct: Option<RowAnswer>,
    /// The answer in the written mode of a multi-mode model.
    pub written: Option<RowAnswer>,
    /// Confidence in the main answer.
    pub confidence: Option<Confidence>,
    /// Reasons for missing answers, by mode.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub refused: BTreeMap<String, String>,
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct RowAnswer {
    /// The answer; null if the text contains none.
    pub answer: Option<String>,
    /// Whether it is the gold answer; null if there is no gold answer.
    pub correct: Option<bool>,
    /// Output tokens as counted in Table 1 of the paper: latents or written steps, and the answer from its delimiter on
    /// including the end token (docs/methods.md M3.7).
    pub tokens: usize,
}

/// Confidence in an answer: the baselines that a verdict is compared with. Natural logarithms.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Confidence {
    /// Log-probability of the whole answer after the delimiter, in nats.
    pub logprob: f64,
    /// The largest probability at the answer's first token.
    pub first_probability: f64,
    /// Entropy at the answer's first token, in nats.
    pub entropy: f64,
}

/// The answers forced early.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyStopping {
    /// Number of latents or written steps of the full run.
    pub of: usize,
    /// The answers after 0 to `of` of them.
    pub exits: Vec<EarlyExit>,
    /// The smallest number that already gives the free answer; null if none does.
    pub first_match: Option<usize>,
    /// The smallest number from which on every forced answer equals the last one.
    pub stable_match: usize,
}

/// The answers with latents off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AblationRow {
    /// Each latent off alone, in order.
    pub each: Vec<AblationAnswer>,
    /// All latents off, by each value.
    pub all: Vec<AblationAnswer>,
    /// The latents that, off alone, change the answer in more than half of the runs.
    pub needed: Vec<usize>,
    /// The largest change of a first-answer logit when the latents' own values are written back.
    pub sham_max_diff: f64,
}

/// One set of latents switched off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct AblationAnswer {
    /// The latents, from 1.
    pub off: Vec<usize>,
    /// The replacement.
    pub value: AblationValue,
    /// The most frequent answer.
    pub answer: Option<String>,
    /// Whether more than half of the runs changed the model's answer.
    pub flipped: bool,
    /// Whether it is the gold answer; null if there is no gold answer.
    pub correct: Option<bool>,
    /// Mean change of the log-probability of the model's answer, in nats.
    pub delta_logprob: f64,
    /// Number of runs: donors, draws or orders; 1 if the value has no variants.
    pub n: usize,
    /// Number of runs with another answer.
    pub flips: usize,
}

serde_with_outcome!(AblationAnswer);

impl AblationAnswer {
    /// Returns the number of runs and of those with another answer.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// Where the gold trace appears in the decoded latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Backtracking {
    /// Each gold step's result, at the latent that ranks it highest.
    pub reads: Vec<GoldRead>,
    /// Whether every result but the last is among the top tokens, each at a later latent than the previous one; null for a
    /// solution of one step.
    pub in_order: Option<bool>,
    /// The same for the gold steps of up to five other problems with the same number of steps: the chance rate.
    pub in_order_others: Vec<bool>,
    /// The published search; null for tasks on which it is undefined and for runs with too few positions.
    pub published: Option<PublishedSearch>,
}

/// A gold step and the latent at which its result is read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct GoldRead {
    /// Index of the step, from 0.
    pub step: usize,
    /// Its result, as searched for.
    pub result: String,
    /// The latent that ranks it highest, from 1; null if it is among no latent's top tokens.
    pub latent: Option<usize>,
    /// Its rank there, from 0.
    pub rank: Option<usize>,
    /// Its probability there.
    pub probability: Option<f32>,
    /// Its rank, from 0, at the latent with the number of the step; null if it is not among its ten top tokens.
    pub rank_in_turn: Option<usize>,
}

/// The published backtracking search on one problem.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a figure of its own in the paper"
)]
pub struct PublishedSearch {
    /// Whether the published code cannot represent the gold solution, which then counts as not found.
    pub impossible: bool,
    /// Whether the gold trace is found without the numbers of the question.
    pub without: bool,
    /// Whether it is found with them.
    pub with: bool,
    /// Whether any gold solution is found without the numbers of the question.
    pub any_without: bool,
    /// Whether any gold solution is found with them.
    pub any_with: bool,
    /// Whether each of up to five other problems' solutions is found without and with the numbers of the question.
    pub baselines: Vec<(bool, bool)>,
    /// Whether the gold answer is among the top ten of the first column, from the answer's on, whose top token is a non-zero
    /// integer (Table 14).
    pub gold_in_top10: bool,
}

/// A trace found without knowing the gold one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ForwardChaining {
    /// The answer at which the search ends; null if none can be read.
    pub answer: Option<String>,
    /// Number of candidate steps, or of candidate last steps.
    pub candidates: usize,
    /// Whether a trace was found. `required` has the settings of the verifier in paper mode.
    pub found: bool,
    /// The trace.
    pub steps: Vec<String>,
    /// The chance rate of our search on other problems' latents; null in paper mode.
    pub null: Option<crate::core::types::Null>,
    /// The published search, requiring 1, 2 and 3 of three edits to pass; empty outside paper mode.
    pub required: Vec<Required>,
    /// The control for the published rewriting of questions; null outside paper mode.
    pub rewrite: Option<Rewrite>,
}

/// The published search under one setting of its verifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Required {
    /// Number of edits, of three, that must pass.
    pub passes: usize,
    /// Whether a tree was found.
    pub found: bool,
    /// Whether all its steps are verified.
    pub verified: bool,
    /// Whether all its steps lead back to the question.
    pub explainable: bool,
    /// Its steps.
    pub steps: Vec<CheckedStep>,
}

/// A step of a published tree.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CheckedStep {
    /// The step as text.
    pub text: String,
    /// The column at which its result is read.
    pub column: usize,
    /// Whether it is verified.
    pub verified: bool,
    /// Its edits; empty if fewer than three were possible.
    pub checks: Vec<RowCheck>,
}

/// An edit of the published verifier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowCheck {
    /// The variable, as `VAR_1`.
    pub variable: String,
    /// Its value.
    pub old: String,
    /// The value after the edit.
    pub new: String,
    /// The result that the step then has; null for an inexact division.
    pub expected: Option<String>,
    /// The value read; null if none was.
    pub observed: Option<String>,
    /// Whether the two agree.
    pub passed: bool,
}

/// The control for the published rewriting: the unedited question, as its template rewrites it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rewrite {
    /// The rewritten question.
    pub question: String,
    /// The answer to it.
    pub answer: Option<String>,
    /// Whether it equals the answer to the original question.
    pub same: bool,
}

/// Our verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JudgedAnswer {
    /// The verdict with all its evidence.
    pub verdict: Verdict,
    /// The judged answer.
    pub answer: Option<String>,
    /// The first phrase of each latent that has a gold step, in order.
    #[serde(default)]
    pub phrases: Vec<GoldPhrase>,
}

/// The first phrase of the latent with the number of a gold step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GoldPhrase {
    /// The phrase; null if none was decoded.
    pub text: Option<String>,
    /// Whether it states the step.
    pub is_step: bool,
}
