//! Plain data shared by every layer: tokens, latent tokens, answers, ablations, traces and verdicts.
//!
//! No logic beyond constructors and small views, no tensors, no I/O. Log-probabilities are natural logarithms.

mod ablation;
mod evidence;
mod learned;
mod study;
mod variants;
mod verdict;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use self::ablation::{
    Ablation, AblationValue, Direction, DonorRef, Donors, Effect, Layers, Outcome, Propagation,
    Site, most_unseen,
};
pub use self::evidence::{
    Attempt, Discriminating, EditRead, EditRun, LatentNodes, NodeMass, Patch, PlaceTest, Rival,
    Standing, StepTracks, StepUse, Tracks, Used,
};
pub use self::learned::{LearnedCell, LearnedReads, LearnedRow};
pub use self::study::{
    AnswerInfluence, Cost, Influence, Input, LatentInfluence, Lattice, LayerCell, LayerLens,
    LayerRow, Pair, Role, Study, StudyCell, StudyKind, Sweep, SweepCell,
};
pub use self::variants::{AnswerOutcome, FlipRate, OutcomeCounts, Variants, wilson};
pub(crate) use self::variants::{Z, serde_with_outcome};
pub use self::verdict::{
    Necessity, Null, Operand, Rung, Stage, Stood, TraceStep, ValueSource, Verdict, VerdictProgress,
};

/// The index of a latent token in its run, from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LatentIdx(pub usize);

impl fmt::Display for LatentIdx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// The loaded model: enough for the screen and every export to name the source of a number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModelInfo {
    /// The bundled name (`mini-math`) or the path that was opened.
    pub name: String,
    /// `coconut`, `multimode-coconut`, `codi`, ...
    pub family: String,
    /// The source of `family`: `config.json`, `meta.json`, `the weights` or `--family`.
    #[serde(default)]
    pub family_from: String,
    /// `gpt2` or `llama`.
    pub arch: String,
    /// Default number of latent tokens.
    pub n_latents: usize,
    /// The numeric type of computation: `f32`, `reference`, `bf16` or `f16`.
    pub dtype: String,
    /// Whether known quirks of the published code are reproduced: `reference` or `fixed`.
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
    /// Number of vocabulary rows.
    pub vocab: usize,
    /// `math`, `logic` or `unknown`; selects the verifier.
    pub task: Task,
    /// The modes the model was trained in, e.g. `latent`, `written`, `direct`.
    pub modes: Vec<String>,
    /// The phrase decoder: `roll-out` or `latent-prefix`.
    pub phrase_decoder: String,
}

/// How a question is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Latent tokens between the markers.
    #[default]
    Latent,
    /// The answer directly after the question.
    Direct,
    /// The steps written out before the answer.
    Written,
}

impl Mode {
    /// Returns the name used in config.json, on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Latent => "latent",
            Self::Direct => "direct",
            Self::Written => "written",
        }
    }

    /// Parses a name; the published code calls the written mode "verbalized".
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

/// The kind of problem a model answers; selects the verifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Task {
    /// Arithmetic word problems.
    Math,
    /// Is-a problems (ProsQA-like and PrOntoQA-like).
    Logic,
    /// Unknown: no verifier applies.
    Unknown,
}

/// One token of a top-k list; its rank is its index in the list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TokenRead {
    /// Vocabulary id.
    pub id: u32,
    /// The decoded token alone; untrusted text, to be sanitized before display.
    pub text: String,
    /// Raw logit.
    pub logit: f32,
    /// Softmax probability over the whole vocabulary.
    pub prob: f32,
}

/// A logit-lens readout: final norm and unembedding, applied once (docs/methods.md M2.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Projection {
    /// Best first; ties in order of id.
    pub top: Vec<TokenRead>,
    /// Entropy over the whole vocabulary, in nats.
    pub entropy: f32,
}

/// The kind of a position in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PositionKind {
    /// A token of the question.
    Question,
    /// The marker that opens the latent phase.
    Start,
    /// A latent token.
    Latent(LatentIdx),
    /// A token of the written steps, in modes that reason in words.
    Written,
    /// The marker that closes the latent phase.
    End,
    /// A generated token (delimiter and end token included).
    Answer,
}

/// One position of a run's timeline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Position {
    /// Its kind.
    pub kind: PositionKind,
    /// The token's id; `None` for a latent token.
    pub id: Option<u32>,
    /// The token's text; for a latent token, its top decoded token.
    pub text: String,
    /// Whether the tokenizer did not know the word here.
    pub unknown: bool,
    /// For a latent token, the logit lens of the vector that is fed (for CODI, of the state before its projection); for a written
    /// token, the distribution it was chosen from; otherwise the model's next-token distribution after this position. `None` for
    /// question tokens before the last.
    pub projection: Option<Projection>,
    /// L2 norm of the vector fed at this position (before position embeddings), for latent tokens.
    pub norm: Option<f32>,
}

/// A generated answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// Every generated id, including the delimiter but not the end token.
    pub ids: Vec<u32>,
    /// The decoded ids.
    pub text: String,
    /// The text after the delimiter, trimmed, commas removed (docs/methods.md M3.6); `None` without a delimiter.
    pub value: Option<String>,
    /// Summed log-probability of the value's tokens given the delimiter; `None` without a value.
    pub logprob: Option<f64>,
    /// Whether it equals the gold answer by docs/methods.md M3.6; `None` if the gold answer is unknown.
    pub correct: Option<bool>,
}

/// The clean run of one question: all positions and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The question as given.
    pub question: String,
    /// The mode in which it was answered.
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
    /// Log-probability of the gold answer, teacher-forced after the delimiter, if it is known.
    pub gold_logprob: Option<f64>,
    /// The tuned lens readout, if a lens fitted to the model's weights is loaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub learned: Option<LearnedReads>,
}

impl Run {
    /// Returns the tuned lens readout at a latent, if a lens was fitted to it.
    #[must_use]
    pub fn learned_at(&self, latent: LatentIdx) -> Option<&Projection> {
        let learned = self.learned.as_ref()?;
        learned.latents.get(latent.0.checked_sub(1)?)?.as_ref()
    }

    /// Returns the latent positions in order.
    pub fn latents(&self) -> impl Iterator<Item = (LatentIdx, &Position)> {
        self.positions.iter().filter_map(|p| match p.kind {
            PositionKind::Latent(idx) => Some((idx, p)),
            _ => None,
        })
    }
}

/// The forced answer after k latents (docs/methods.md M4.1).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EarlyExit {
    /// Number of latents that were run.
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
    /// `logprob` minus that of the same tokens decoded from the mean latent at that position.
    pub lift: Option<f64>,
    /// Whether it only marks the end of thinking (the end marker): filler, never a step.
    pub filler: bool,
}
