//! The verdict on a run: the trace, the rung that it reaches, and what the rung rests on.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, LatentNodes, Tracks, Try, Used};

/// Where a value of a trace was read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "from", rename_all = "kebab-case")]
pub enum Source {
    /// The question; byte range of the number or sentence.
    Question {
        /// First byte.
        start: usize,
        /// One past the last byte.
        end: usize,
    },
    /// The result of an earlier step of the trace (index from 0).
    Step {
        /// Which step.
        step: usize,
    },
    /// A latent's projection.
    Latent {
        /// Which latent.
        latent: LatentIdx,
        /// Rank in the top-k, from 0.
        rank: usize,
        /// Probability there.
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
    pub source: Source,
}

/// One step of a decoded trace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TraceStep {
    /// `12 + 7 = 19`, or `Every gorpus is a bompus`.
    pub text: String,
    /// The operands (math), or what the step follows from (logic).
    pub operands: Vec<Operand>,
    /// The operator (`+ - * /`), or `is-a`, `is`, `is-not` for logic.
    pub operator: String,
    /// The result with the place where it was read.
    pub result: Operand,
}

/// The rungs of field-map.md 5.1, and the ends that are none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Rung {
    /// The answer and its log-probability stand without the latents.
    #[serde(rename = "NOT NEEDED")]
    NotNeeded,
    /// A valid, grounded trace that ends in the model's own answer is in the top-k.
    Present,
    /// The latents also move as the trace predicts when the question is edited.
    Tracks,
    /// The answer also moves as the trace predicts when a latent is replaced by one that holds another value.
    Used,
    /// A trace is in the top-k, but the answer moves with an edit and its latents do not, or the reverse.
    Contradicted,
    /// No such trace was found.
    #[serde(rename = "NONE FOUND")]
    NoneFound,
    /// The verifier cannot judge this case; the reason is in `Verdict::reason`.
    Abstain,
}

impl Rung {
    /// All of them, in the order of tables and plots: the ladder from its top, then the ends that are none.
    pub const ALL: [Self; 7] = [
        Self::Used,
        Self::Tracks,
        Self::Present,
        Self::NotNeeded,
        Self::NoneFound,
        Self::Contradicted,
        Self::Abstain,
    ];

    /// How much it says for a trace, as a rank: fixed before any data was seen, and not fitted. Three ends say that no trace stands
    /// and share the lowest; NOT NEEDED says nothing of the trace and stands between; then the ladder.
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

    /// Whether a trace stands: it was found, and nothing speaks against it.
    #[must_use]
    pub fn is_sound(self) -> bool {
        matches!(self, Self::Present | Self::Tracks | Self::Used)
    }

    /// The word on screen, given whether chance may explain the trace.
    #[must_use]
    pub fn word(self, by_chance: bool) -> &'static str {
        match self {
            Self::Present if by_chance => "PRESENT?",
            rung => rung.as_str(),
        }
    }

    /// The word of the rung alone.
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

/// The verdict on one run, with its evidence. It never looks at the gold answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Verdict {
    /// The highest rung that holds.
    pub rung: Rung,
    /// Why, in one sentence.
    pub reason: String,
    /// Evidence for or against NOT NEEDED.
    pub necessity: Necessity,
    /// The trace that was found, if any (also shown, greyed, under NOT NEEDED).
    pub steps: Vec<TraceStep>,
    /// How many candidate steps the search tried.
    pub candidates: usize,
    /// How many different traces reach the answer.
    pub traces: usize,
    /// Whether a trace exists from the question alone, with no latent read (its lift is then nil).
    pub from_question_alone: bool,
    /// Top-k depth of the search.
    pub top_k: usize,
    /// The null: the same search with other problems' latents.
    pub null: Null,
    /// The same search in this run's latents for other problems' answers, those with as many steps.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub null_answers: Option<Null>,
    /// Which decoder read the latents.
    #[serde(default)]
    pub decoder: String,
    /// E2: what edits of the question did to the latents; none if no trace was put to the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tracks: Option<Tracks>,
    /// E3: what replaced latents did to the answer; none if that was not tested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Used>,
    /// Other traces that reach the answer, best first, as far as they are listed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub competing: Vec<Vec<TraceStep>>,
    /// Everything that was tried, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tried: Vec<Try>,
    /// Of a logic question: the nodes that compete at each latent.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<LatentNodes>,
    /// Whether the rung is PRESENT and chance may explain the trace: the search succeeds as often with other problems' latents.
    #[serde(default)]
    pub by_chance: bool,
    /// Warnings about the question or the answer, such as contradictory facts or an answer outside the options.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

/// How far the work for a verdict is: what is being done, how much of it is done, and how much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// How much of it is done.
    pub done: usize,
    /// How much there is.
    pub all: usize,
}

/// A kind of work for a verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// All latents off, in one way after the other: whether they are needed.
    Necessity,
    /// A search, and the same search in other problems.
    Search,
    /// Edited questions.
    Edits,
    /// Latents of other questions in place of the trace's, step by step.
    Replacements,
}

impl std::fmt::Display for Progress {
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
    /// The rung as it is shown: PRESENT with a question mark where chance may explain the trace.
    #[must_use]
    pub fn word(&self) -> &'static str {
        self.rung.word(self.by_chance)
    }

    /// Whether the verdict rests on a trace that was found, sound or not.
    #[must_use]
    pub fn has_trace(&self) -> bool {
        !self.steps.is_empty()
    }
}

/// Necessity: what becomes of the answer when the latents say something else, cannot be seen, or do not stand there at all
/// (methods.md 4, field-map.md 5.2). Content and places are two claims.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Necessity {
    /// The answer with zero latents (delimiter forced).
    pub answer_without_latents: Option<String>,
    /// Change in log-probability of the clean answer with zero latents.
    pub delta_without_latents: Option<f64>,
    /// Donors tried with all latents resampled.
    pub donors: usize,
    /// How many of them kept the answer.
    pub donors_kept: usize,
    /// Mean change in log-probability of the clean answer over donors.
    pub delta_resampled: Option<f64>,
    /// All latents replaced by their means over the reference set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mean: Option<Stood>,
    /// All latents in place, but no later position may attend to them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hidden: Option<Stood>,
    /// The change beyond which log-probability no longer "stands", in nats.
    pub threshold: f64,
    /// Whether the content of the latents is needed: answer or log-probability falls when all are resampled, replaced by their
    /// means, or hidden in place.
    pub needed: bool,
    /// The tests of content that failed, by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fell: Vec<String>,
    /// Whether the places are needed: the content is not, and yet answer or log-probability falls when there are no latents, so
    /// that every later position moves. None where the content is needed, which says nothing of the places.
    #[serde(default)]
    pub places: Option<bool>,
}

/// What became of the clean answer in one run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Stood {
    /// The answer there.
    pub answer: Option<String>,
    /// Change in log-probability of the clean answer, in nats.
    pub delta_logprob: f64,
    /// Whether both stand.
    pub stands: bool,
}

impl Necessity {
    /// Whether anything was tested; if not, `needed` says nothing.
    #[must_use]
    pub fn is_tested(&self) -> bool {
        self.donors > 0 || self.delta_without_latents.is_some()
    }
}

/// The null distribution of the trace search (field-map.md 5.4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Null {
    /// How many other problems' latents were searched.
    pub n: usize,
    /// In how many of them the same search reached this run's answer.
    pub hits: usize,
    /// (1 + hits) / (1 + n); none where nothing was found, or nothing was searched.
    pub p_value: Option<f64>,
    /// How many searches count: a hit is another problem in whose latents any of them succeeds, so p stands for the whole.
    #[serde(default = "one")]
    pub searches: usize,
    /// 95th percentile of the number of candidates under the null.
    pub candidates_p95: usize,
}

impl Null {
    /// A p-value above this does not hide a trace, but it is said that chance may explain it.
    pub const CHANCE: f64 = 0.05;

    /// Whether the search succeeds so often with other problems' latents that chance may explain a trace.
    #[must_use]
    pub fn chance_may_explain(&self) -> bool {
        self.p_value.is_some_and(|p| p > Self::CHANCE)
    }
}

fn one() -> usize {
    1
}
