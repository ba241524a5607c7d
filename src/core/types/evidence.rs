//! The evidence for rungs above PRESENT: question edits (TRACKS), latent replacements (USED), and the log of attempts.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, Null, TraceStep};

/// The result of testing one step of a trace, or one place of the question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Behaves as the trace predicts, more often than chance explains.
    Holds,
    /// The tests refute it, e.g. the answer moves with an edit and the latent does not, or the reverse.
    Contradicted,
    /// Neither is established.
    Open,
    /// Too few trials, or results that cannot be trusted.
    Untested,
}

impl Standing {
    /// Returns the word used on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Holds => "holds",
            Self::Contradicted => "contradicted",
            Self::Open => "open",
            Self::Untested => "untested",
        }
    }
}

/// The readout of one latent of the trace under one edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRead {
    /// The index of the trace step, from 0.
    pub step: usize,
    /// The latent at which the step is read.
    pub latent: LatentIdx,
    /// The value that the trace predicts here.
    pub expected: String,
    /// The value read here: the first value of the top-k.
    pub observed: Option<String>,
    /// Whether the edit concerns the step. If not, it is a control and must leave the value unchanged.
    pub concerns: bool,
    /// Whether the expected value is read here.
    pub shown: bool,
}

/// One edited question and its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRun {
    /// The change: `12 to 14`.
    pub change: String,
    /// The edited question.
    pub question: String,
    /// The answer that the trace predicts.
    pub expected: String,
    /// The model's answer.
    pub answer: Option<String>,
    /// Whether the two answers match. If not, the edit is no test of the latents, but it counts against the trace.
    pub eligible: bool,
    /// One entry per step that is read at a latent.
    pub reads: Vec<EditRead>,
}

/// How the answers to edits of one place of the question bear on a trace (docs/methods.md M7). Every edit that was run counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceTest {
    /// The text at the place: a number, a node, or `facts beside the chain`.
    pub text: String,
    /// Its first byte in the question; `None` if it occurs in several places.
    pub start: Option<usize>,
    /// Whether the trace uses it. If not, editing it must leave the answer unchanged.
    pub used: bool,
    /// Number of edits that test it. For a number that the trace uses: edits whose predicted answer depends on the change here;
    /// for a name that it uses: all; for an unused place: edits that touch nothing the trace uses.
    pub edits: usize,
    /// Number of them that the model answered as the trace predicts.
    pub answered: usize,
    /// Number of them answered as if the place were unedited.
    pub ignored: usize,
    /// The result.
    pub standing: Standing,
}

impl PlaceTest {
    /// Returns the counts in one line: `7 at byte 45: 6 of 6 answered as predicted, 0 left the answer unchanged: holds`.
    #[must_use]
    pub fn summary(&self) -> String {
        let Self {
            text,
            edits,
            answered,
            ignored,
            ..
        } = self;
        let at = self
            .start
            .map_or_else(String::new, |start| format!(" at byte {start}"));
        let role = if self.used {
            format!("{ignored} left the answer unchanged")
        } else {
            "control".to_owned()
        };
        let standing = self.standing.as_str();
        format!("{text}{at}: {answered} of {edits} answered as predicted, {role}: {standing}")
    }
}

/// Another trace that reaches the answer, scored on the same edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Its steps.
    pub steps: Vec<TraceStep>,
    /// Number of edits answered as it predicts.
    pub answered: usize,
    /// Number of edits for which it makes a prediction.
    pub edits: usize,
}

impl Rival {
    /// Returns its steps in one line.
    #[must_use]
    pub fn text(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|s| s.text.as_str()).collect();
        steps.join("; ")
    }
}

/// The result for TRACKS of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTracks {
    /// The index of the trace step, from 0.
    pub step: usize,
    /// The latent at which it is read.
    pub latent: LatentIdx,
    /// Number of eligible edits that concern it.
    pub edits: usize,
    /// Number of those after which the latent shows the predicted value.
    pub moved: usize,
    /// Number of ineligible edits that concern it: the model's own answer is not the predicted one.
    pub ineligible: usize,
    /// Number of ineligible edits that left the answer unchanged.
    pub stayed: usize,
    /// Number of those after which the latent shows the predicted value anyway.
    pub moved_stayed: usize,
    /// Number of eligible edits that do not concern it.
    pub controls: usize,
    /// Number of those after which the latent still shows its value.
    pub still: usize,
    /// How often a predicted value appears where it should not, at other steps' latents under the same edits: (hits, n).
    pub coincidence_steps: (usize, usize),
    /// The same count at this latent in other problems.
    pub coincidence_others: (usize, usize),
    /// The larger of both rates, each (1 + hits) / (1 + n); a rate without trials is ignored. 1 if neither has trials.
    pub pi0: f64,
    /// Probability of at least `moved` hits by chance: binomial, one-sided, exact, uncorrected.
    pub p_value: f64,
    /// The result.
    pub standing: Standing,
}

/// TRACKS: the latents move as the trace predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracks {
    /// Every edit that was run.
    pub edits: Vec<EditRun>,
    /// One entry per step that is read at a latent.
    pub steps: Vec<StepTracks>,
    /// Number of edits, of all that were run, that the model answered as the trace predicts.
    #[serde(default)]
    pub answered: usize,
    /// One entry per edited place.
    #[serde(default)]
    pub places: Vec<PlaceTest>,
    /// Competing traces, best first. The trace is distinguished from them only if it scores higher.
    #[serde(default)]
    pub rivals: Vec<Rival>,
    /// Number of traces tested up to and including this one. The p-values of test n are multiplied by n (n + 1), which keeps the
    /// family-wise error rate at the level.
    pub tests: usize,
    /// The result over all steps.
    pub standing: Standing,
    /// The reason, in one clause.
    pub reason: String,
}

/// One replaced latent and the resulting answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// The index of the trace step, from 0.
    pub step: usize,
    /// The latent that was replaced.
    pub latent: LatentIdx,
    /// The question that supplied the latent.
    pub donor: String,
    /// The value that the donor's latent shows.
    pub value: String,
    /// Whether that is the step's own value, in which case the answer must stay.
    pub same: bool,
    /// The answer that the trace predicts.
    pub expected: String,
    /// The model's answer to the donor's own question. If it differs from `expected`, the donor separates an answer computed from
    /// the latent from one carried over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// Other latents replaced together with it because they show the same value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<LatentIdx>,
    /// The model's answer after the replacement.
    pub answer: Option<String>,
    /// Change in log-probability of the clean answer, in nats.
    pub delta_clean: f64,
    /// Change in log-probability of the expected answer, in nats.
    pub delta_expected: f64,
    /// |replacement - latent| / |latent|.
    pub relative_size: f64,
    /// Whether the answer is the expected one.
    pub passed: bool,
}

/// Counts over donors whose own answer is not the predicted one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discriminating {
    /// Number of such donors.
    pub n: usize,
    /// Number after which the answer is the predicted one.
    pub predicted: usize,
    /// Number after which the answer is the donor's own.
    pub own: usize,
    /// Number after which the answer is neither.
    pub neither: usize,
}

/// The USED result of one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepUse {
    /// The index of the trace step, from 0.
    pub step: usize,
    /// The latent at which it is read.
    pub latent: LatentIdx,
    /// Number of donors with another value.
    pub different: usize,
    /// Number of those that moved the answer to the predicted one.
    pub moved: usize,
    /// Number of donors with the same value.
    pub same: usize,
    /// Number of those that left the answer unchanged.
    pub kept: usize,
    /// Among donors with another value, those whose own answer is not the predicted one.
    #[serde(default)]
    pub different_discriminating: Discriminating,
    /// Among donors with the same value, those whose own answer is not the clean one.
    #[serde(default)]
    pub same_discriminating: Discriminating,
    /// Whether the step's value is the answer itself, so that computing and carrying over cannot be distinguished.
    #[serde(default)]
    pub is_answer: bool,
    /// If several latents show the value and were replaced together: (donors that moved the answer with this latent alone, donors tried).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<(usize, usize)>,
    /// How often the answer after one donor is the one that the trace predicts for a different donor: (hits, n).
    pub coincidence: (usize, usize),
    /// (1 + hits) / (1 + n).
    pub pi0: f64,
    /// Probability of at least `moved` hits by chance: binomial, one-sided, exact, uncorrected.
    pub p_value: f64,
    /// Mean change in log-probability of the clean answer after a donor with another value.
    pub delta_clean: Option<f64>,
    /// Mean change in log-probability of the predicted answer after such a donor.
    pub delta_expected: Option<f64>,
    /// The result.
    pub standing: Standing,
}

/// USED: the answer depends on the latents as the trace predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Every replacement that was run.
    pub patches: Vec<Patch>,
    /// One entry per step that is read at a latent.
    pub steps: Vec<StepUse>,
    /// Largest difference in any first-answer logit when each latent's own value is written back.
    pub sham_max_diff: f64,
    /// Largest change in log-probability of the clean answer, in nats, when each latent is replaced by the one from a rerun of
    /// the same question among the donors. This covers the whole replacement path; only rounding may move it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sham_path: Option<f64>,
    /// Number of traces tested up to and including this one, as in [`Tracks::tests`].
    pub tests: usize,
    /// The result over all steps.
    pub standing: Standing,
    /// The reason, in one clause.
    pub reason: String,
}

/// One strategy of the search, with its cost and its null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Attempt {
    /// The strategy: `projection, top 5`.
    pub name: String,
    /// Number of candidate steps.
    pub candidates: usize,
    /// Number of traces that reach the answer.
    pub traces: usize,
    /// Whether a limit truncated the listing.
    pub capped: bool,
    /// The null of this strategy.
    pub null: Null,
    /// Number of traces tested with edits.
    pub tested: usize,
    /// The best TRACKS result among them; `None` if no trace was tested.
    pub tracks: Option<Standing>,
    /// The best USED result among them; `None` if no trace was tested.
    pub used: Option<Standing>,
    /// Number of model runs.
    pub runs: usize,
    /// Elapsed time in milliseconds. Exports and sessions omit it, so that equal requests give equal bytes.
    #[serde(skip)]
    pub elapsed_ms: f64,
}

/// A node of a logic question that appears among a latent's top tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeMass {
    /// Its word.
    pub node: String,
    /// The total probability of the tokens that name it.
    pub probability: f64,
    /// Number of facts from the question's subject to it; `None` if no chain of facts reaches it.
    pub facts: Option<usize>,
}

/// The nodes that compete at one latent, which may hold several branches of the search at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentNodes {
    /// The latent.
    pub latent: LatentIdx,
    /// Its nodes, most probable first.
    pub nodes: Vec<NodeMass>,
}

impl LatentNodes {
    /// Returns the total probability of all nodes, that of nodes reached by a chain of facts, and that of the top node.
    #[must_use]
    pub fn masses(&self) -> (f64, f64, f64) {
        let sum = |counts: &dyn Fn(&NodeMass) -> bool| {
            let nodes = self.nodes.iter().filter(|node| counts(node));
            nodes.map(|node| node.probability).sum::<f64>()
        };
        let top = self.nodes.first().map_or(0.0, |node| node.probability);
        (sum(&|_| true), sum(&|node| node.facts.is_some()), top)
    }
}
