//! Plain data that every layer speaks: tokens, latent tokens, answers, ablations, traces and verdicts.
//!
//! No logic beyond constructors and small views, no tensors, no I/O. Log-probabilities are natural logarithms.

mod ablation;
mod learned;
mod study;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::ablation::{
    Ablation, AblationValue, Direction, DonorRef, Donors, Effect, Layers, Outcome, Propagation,
    Site, most_unseen,
};
pub use self::learned::{LearnedCell, LearnedRow};
pub use self::study::{
    AnswerInfluence, Cell, Cost, Influence, Input, LatentInfluence, Lattice, LayerCell, LayerLens,
    LayerRow, Pair, Role, Study, StudyKind, Sweep, SweepCell,
};

/// The number of a latent token in its run, counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LatentIdx(pub usize);

impl fmt::Display for LatentIdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// What is loaded: enough to say on screen, and in every export, where a number came from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The bundled name (`mini-math`) or the path that was opened.
    pub name: String,
    /// `coconut`, `multimode-coconut`, `codi`, ...
    pub family: String,
    /// What said so: `config.json`, `meta.json`, `the weights` or `--family`.
    #[serde(default)]
    pub family_from: String,
    /// `gpt2` or `llama`.
    pub arch: String,
    /// How many latent tokens the model is run with unless asked otherwise.
    pub n_latents: usize,
    /// What numbers are computed in: `f32`, `reference`, `bf16` or `f16`.
    pub dtype: String,
    /// Whether known oddities of the published code are reproduced: `reference` or `fixed`.
    #[serde(default)]
    pub behaviour: String,
    /// `cpu`, `cuda:0`, `metal`.
    pub device: String,
    /// SHA-256 of the weights file, lower-case hex.
    pub sha256: String,
    /// Number of parameters; tied tables count once.
    pub parameters: usize,
    /// Number of transformer blocks.
    pub layers: usize,
    /// Hidden width.
    pub width: usize,
    /// Rows of the vocabulary.
    pub vocab: usize,
    /// `math`, `logic` or `unknown`: which verifier applies.
    pub task: Task,
    /// The modes the model was trained in, e.g. `latent`, `written`, `direct`.
    pub modes: Vec<String>,
    /// How phrases are decoded: `roll-out` or `latent-prefix`.
    pub phrase_decoder: String,
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Latent tokens between the markers.
    #[default]
    Latent,
    /// The answer straight after the question.
    Direct,
    /// The steps written out before the answer.
    Written,
}

impl Mode {
    /// The name used in config.json, on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latent => "latent",
            Self::Direct => "direct",
            Self::Written => "written",
        }
    }

    /// Reads a name; the published code calls the written mode verbalized.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "latent" => Some(Self::Latent),
            "direct" => Some(Self::Direct),
            "written" | "verbalized" | "verbalised" => Some(Self::Written),
            _ => None,
        }
    }
}

/// The kind of problem a model answers; decides which verifier applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Arithmetic word problems.
    Math,
    /// Is-a problems (ProsQA-like and PrOntoQA-like).
    Logic,
    /// Not known: no verifier applies.
    Unknown,
}

/// One token of a top-k list; its rank is its place in the list, from 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRead {
    /// Vocabulary id.
    pub id: u32,
    /// The token alone, decoded; foreign text, to be cleaned before it is drawn.
    pub text: String,
    /// Raw logit.
    pub logit: f32,
    /// Softmax probability over the whole vocabulary.
    pub prob: f32,
}

/// A vocabulary projection: final norm and unembedding applied once (methods.md 3.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// Best first; equal logits in order of id.
    pub top: Vec<TokenRead>,
    /// Entropy over the whole vocabulary, in nats.
    pub entropy: f32,
}

/// What stands at a position of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionKind {
    /// A token of the question.
    Question,
    /// The marker that opens the latent phase.
    Start,
    /// A latent token.
    Latent(LatentIdx),
    /// A token of the written steps, in the modes that think in words.
    Written,
    /// The marker that closes the latent phase.
    End,
    /// A generated token (delimiter and end token included).
    Answer,
}

/// One position of a run's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// What it is.
    pub kind: PositionKind,
    /// The token's id; none for a latent token.
    pub id: Option<u32>,
    /// The token's text; for a latent token its top decoded token.
    pub text: String,
    /// Whether the tokenizer did not know the word that stands here.
    pub unknown: bool,
    /// For a latent token the projection of the very vector that is fed, and for a written token the distribution it
    /// was chosen from; elsewhere the model's next-token distribution after this position. Empty for question tokens
    /// before the last.
    pub projection: Option<Projection>,
    /// L2 norm of the vector fed at this position (before position embeddings), for latent tokens.
    pub norm: Option<f32>,
}

/// A generated answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Every generated id, the delimiter included, the end token left out.
    pub ids: Vec<u32>,
    /// The decoded ids.
    pub text: String,
    /// The text after the delimiter, trimmed, commas removed (methods.md 1.7); none if there was no delimiter.
    pub value: Option<String>,
    /// Log-probability of the value's tokens given the delimiter, summed; none if there is no value.
    pub logprob: Option<f64>,
    /// Whether it equals the gold answer by methods.md 1.7; none if the gold answer is not known.
    pub correct: Option<bool>,
}

/// The clean run of one question: all positions and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The question as given.
    pub question: String,
    /// How it was answered.
    #[serde(default)]
    pub mode: Mode,
    /// Words of the question that the vocabulary lacks, in order of appearance.
    pub unknown_words: Vec<String>,
    /// Prompt ids up to and including the start marker.
    pub input_ids: Vec<u32>,
    /// The whole timeline.
    pub positions: Vec<Position>,
    /// The answer.
    pub answer: Answer,
    /// Log-probability of the gold answer, teacher-forced after the delimiter, when it is known.
    pub gold_logprob: Option<f64>,
}

impl Run {
    /// The latent positions in order.
    pub fn latents(&self) -> impl Iterator<Item = (LatentIdx, &Position)> {
        self.positions.iter().filter_map(|p| match p.kind {
            PositionKind::Latent(idx) => Some((idx, p)),
            _ => None,
        })
    }
}

/// The forced answer after k latents (methods.md 4).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyExit {
    /// How many latents were run.
    pub k: usize,
    /// The answer with the delimiter forced.
    pub value: Option<String>,
    /// Log-probability of that answer's tokens.
    pub logprob: Option<f64>,
    /// Log-probability of the clean answer's tokens in this run.
    pub clean_logprob: Option<f64>,
}

/// A decoded phrase of a latent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Phrase {
    /// The words.
    pub text: String,
    /// Its token ids.
    pub ids: Vec<u32>,
    /// Joint log-probability of its tokens.
    pub logprob: f64,
    /// The same less the log-probability of the same tokens from the mean latent at that position.
    pub lift: Option<f64>,
    /// Whether it only says that thinking has ended (the end marker): filler, never a step.
    pub filler: bool,
}

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

/// The rungs of field-map.md 5.1; TRACKS and USED are not run yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Rung {
    /// The answer and its log-probability stand without the latents.
    #[serde(rename = "NOT NEEDED")]
    NotNeeded,
    /// A valid, grounded trace that ends in the model's own answer is in the top-k.
    Present,
    /// No such trace was found.
    #[serde(rename = "NONE FOUND")]
    NoneFound,
    /// The verifier cannot judge this case; the reason is in `Verdict::reason`.
    Abstain,
}

impl Rung {
    /// The word on screen.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotNeeded => "NOT NEEDED",
            Self::Present => "PRESENT",
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
}

/// Necessity: the answer with no latents and with all latents resampled.
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
    /// The change beyond which log-probability no longer "stands", in nats.
    pub threshold: f64,
    /// Whether answer and log-probability stand in both tests.
    pub needed: bool,
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
    /// (1 + hits) / (1 + n).
    pub p_value: f64,
    /// 95th percentile of the number of candidates under the null.
    pub candidates_p95: usize,
}

impl Null {
    /// A p-value above this does not hide a trace, but it is said that chance may explain it.
    pub const CHANCE: f64 = 0.05;

    /// Whether the search succeeds so often with other problems' latents that chance may explain a trace.
    #[must_use]
    pub fn chance_may_explain(&self) -> bool {
        self.p_value > Self::CHANCE
    }
}
