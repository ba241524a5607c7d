//! The verdict on a run: the trace, its rung, and the evidence for it.

use serde::{Deserialize, Serialize};

use super::{Attempt, LatentIdx, LatentNodes, Tracks, Used};

/// Where a value of a trace was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum ValueSource {
    /// The question; byte range of the number or sentence.
    Question {
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// The result of an earlier step of the trace.
    Step {
        /// The index of that step, from 0.
        step: usize,
    },
    /// The top-k of a latent.
    Latent {
        /// The latent.
        latent: LatentIdx,
        /// Rank in the top-k, from 0.
        rank: usize,
        /// Its probability.
        prob: f32,
    },
    /// The model's answer.
    Answer,
}

/// A value and where it was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Operand {
    /// Number or node, as text.
    pub text: String,
    /// Where it was read.
    pub source: ValueSource,
}

/// One step of a decoded trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceStep {
    /// `12 + 7 = 19`, or `Every gorpus is a bompus`.
    pub text: String,
    /// The operands (math), or the premises (logic).
    pub operands: Vec<Operand>,
    /// The operator (`+ - * /`), or `is-a`, `is`, `is-not` for logic.
    pub operator: String,
    /// The result and where it was read.
    pub result: Operand,
}

/// The rungs of docs/methods.md M7, and the outcomes that are not rungs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Rung {
    /// The answer and its log-probability hold without the content of the latents.
    #[serde(rename = "NOT NEEDED")]
    NotNeeded,
    /// The top-k contains a valid, grounded trace that ends in the model's own answer.
    Present,
    /// Also, the latents change as the trace predicts when the question is edited.
    Tracks,
    /// Also, the answer changes as the trace predicts when a latent is replaced by one holding another value.
    Used,
    /// The top-k contains a trace, but edits of the question refute it (TRACKS is contradicted).
    Contradicted,
    /// No such trace was found.
    #[serde(rename = "NONE FOUND")]
    NoneFound,
    /// The verifier cannot judge this case; the reason is in `Verdict::reason`.
    #[default]
    Abstain,
}

impl Rung {
    /// All variants in the order of tables and plots: the ladder from the top, then the other outcomes.
    pub const ALL: [Self; 7] = [
        Self::Used,
        Self::Tracks,
        Self::Present,
        Self::NotNeeded,
        Self::NoneFound,
        Self::Contradicted,
        Self::Abstain,
    ];

    /// Returns the strength of the claim as a rank, fixed before any data was seen. The three outcomes without a sound trace
    /// share rank 0; NOT NEEDED makes no claim about the trace and ranks below the rest of the ladder.
    #[must_use]
    pub fn strength(self) -> u8 {
        match self {
            Self::NoneFound | Self::Contradicted | Self::Abstain => 0,
            Self::NotNeeded => 1,
            Self::Present => 2,
            Self::Tracks => 3,
            Self::Used => 4,
        }
    }

    /// Returns whether a trace was found and no test contradicts it.
    #[must_use]
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Present | Self::Tracks | Self::Used)
    }

    /// Returns the word shown on screen; `by_chance` marks a trace that chance may explain.
    #[must_use]
    pub fn word(self, by_chance: bool) -> &'static str {
        match self {
            Self::Present if by_chance => "PRESENT?",
            rung => rung.as_str(),
        }
    }

    /// Returns the rung's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "NOT NEEDED",
            Self::Present => "PRESENT",
            Self::Tracks => "TRACKS",
            Self::Used => "USED",
            Self::Contradicted => "CONTRADICTED",
            Self::NoneFound => "NONE FOUND",
            Self::Abstain => "ABSTAIN",
        }
    }
}

/// The verdict on one run, with its evidence. It never depends on the gold answer.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Verdict {
    /// The highest rung that holds.
    pub rung: Rung,
    /// The reason, in one sentence.
    pub reason: String,
    /// Evidence for or against NOT NEEDED.
    pub necessity: Necessity,
    /// The trace, if one was found (also shown, greyed, under NOT NEEDED).
    pub steps: Vec<TraceStep>,
    /// Number of valid steps whose result is read at a latent or is the answer.
    pub candidates: usize,
    /// Number of distinct traces that reach the answer.
    pub traces: usize,
    /// Whether one step from the question alone gives the answer, with no latent read.
    pub from_question_alone: bool,
    /// Top-k depth of the search.
    pub top_k: usize,
    /// The null: the same search with other problems' latents.
    pub null: Null,
    /// The same search in this run's latents for the answers of other problems with as many steps as the trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_answers: Option<Null>,
    /// The decoder that read the latents.
    #[serde(default)]
    pub decoder: String,
    /// TRACKS: effects of question edits on the latents; `None` if no trace was tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Tracks>,
    /// USED: effects of latent replacements on the answer; `None` if not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// Other traces that reach the answer, best first, up to the listing limit.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub competing: Vec<Vec<TraceStep>>,
    /// Every attempt, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Attempt>,
    /// For a logic question, the nodes that compete at each latent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<LatentNodes>,
    /// Whether the rung is PRESENT and chance may explain the trace: the search succeeds as often with other problems' latents.
    #[serde(default)]
    pub by_chance: bool,
    /// Warnings about the question or answer, such as contradictory facts or an answer outside the options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// The progress of the work for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerdictProgress {
    /// The current stage.
    pub stage: Stage,
    /// Units done.
    pub done: usize,
    /// Units in total.
    pub all: usize,
}

/// A stage of the work for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Runs with all latents off, in each of several ways.
    Necessity,
    /// A search, then the same search in other problems.
    Search,
    /// Runs of edited questions.
    Edits,
    /// Replacement of the trace's latents by those of other questions, step by step.
    Replacements,
}

impl std::fmt::Display for VerdictProgress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { stage, done, all } = self;
        match stage {
            Stage::Necessity => write!(f, "all latents off {done} of {all}"),
            Stage::Search => write!(f, "search {done} of {all}"),
            Stage::Edits => write!(f, "edits {done} of {all}"),
            Stage::Replacements => write!(f, "latents replaced {done} of {all}"),
        }
    }
}

impl Verdict {
    /// Returns the rung as shown: PRESENT gets a question mark if chance may explain the trace.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.rung.word(self.by_chance)
    }

    /// Returns whether a trace was found, sound or not.
    #[must_use]
    pub fn has_trace(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// Necessity: the effect on the answer of replacing, hiding or removing the latents (docs/methods.md M4.5). Content
/// (what they hold) and places (that they are there) are separate claims.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Necessity {
    /// The answer with zero latents (delimiter forced).
    pub answer_without_latents: Option<String>,
    /// Change in log-probability of the clean answer with zero latents, in nats.
    pub delta_without_latents: Option<f64>,
    /// Number of donors tried with all latents resampled.
    pub donors: usize,
    /// Number of donors that kept the answer.
    pub donors_kept: usize,
    /// Mean change in log-probability of the clean answer over donors, in nats.
    pub delta_resampled: Option<f64>,
    /// Result with all latents replaced by their means over the reference set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Stood>,
    /// Result with all latents in place but hidden from every later position.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Stood>,
    /// The largest loss of log-probability, in nats, at which the answer still holds.
    pub threshold: f64,
    /// Whether the content of the latents is needed: true unless the answer and its log-probability hold when all latents are
    /// resampled, replaced by their means, and hidden in place. A test that was not run counts as failed.
    pub needed: bool,
    /// The content tests that did not pass, by name, including those not run.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fell: Vec<String>,
    /// Whether the places are needed: the answer or its log-probability falls with no latents at all, although the content is not
    /// needed. `None` if the content is needed or the run without latents is missing.
    #[serde(default)]
    pub places: Option<bool>,
}

/// The fate of the clean answer in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// The answer in that run.
    pub answer: Option<String>,
    /// Change in log-probability of the clean answer, in nats.
    pub delta_logprob: f64,
    /// Whether the answer and its log-probability both hold.
    pub stands: bool,
}

impl Necessity {
    /// Returns whether anything was tested; if not, `needed` carries no information.
    #[must_use]
    pub fn is_tested(&self) -> bool {
        self.donors > 0 || self.delta_without_latents.is_some()
    }
}

/// The null distribution of the trace search (docs/methods.md M9.1).
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Null {
    /// Number of other problems whose latents were searched.
    pub n: usize,
    /// Number of them in which the same search reached this run's answer.
    pub hits: usize,
    /// (1 + hits) / (1 + n); `None` if nothing was found or nothing was searched.
    pub p_value: Option<f64>,
    /// Number of searches pooled: a problem is a hit if any of them succeeds in it, so p covers all of them.
    #[serde(default = "one")]
    pub searches: usize,
    /// 95th percentile of the number of candidates under the null.
    pub candidates_p95: usize,
}

impl Null {
    /// Above this p-value, the trace is still shown but marked as possibly due to chance.
    pub const CHANCE: f64 = 0.05;

    /// Returns whether the search succeeds often enough with other problems' latents that chance may explain the trace.
    #[must_use]
    pub fn chance_may_explain(&self) -> bool {
        self.p_value.is_some_and(|p| p > Self::CHANCE)
    }
}

fn one() -> usize {
    1
}
