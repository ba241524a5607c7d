//! What a rung above PRESENT rests on: edits of the question (E2), replaced latents (E3), and the log of what was tried.

use serde::{Deserialize, Serialize};

use super::{LatentIdx, Null, TraceStep};

/// How a step of a trace came out of a test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// It did as the trace predicts, more often than chance does.
    Holds,
    /// It did not, where the answer did; or it did, where the answer did not.
    Contradicted,
    /// Neither is established.
    Open,
    /// Nothing could be tested.
    Untested,
}

impl Standing {
    /// The word on screen and in exports.
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

/// What one latent of the trace showed under one edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRead {
    /// Which step of the trace, from 0.
    pub step: usize,
    /// The latent at which the step is read.
    pub latent: LatentIdx,
    /// What the trace says stands there now.
    pub expected: String,
    /// What stands there: the first value of the top-k.
    pub observed: Option<String>,
    /// Whether the edit concerns the step; if not it is a control, which must leave the value as it was.
    pub concerns: bool,
    /// Whether the expected value is read there.
    pub shown: bool,
}

/// One edited question and its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditRun {
    /// What was changed: `12 to 14`.
    pub change: String,
    /// The edited question.
    pub question: String,
    /// What the trace says the answer becomes.
    pub expected: String,
    /// The model's answer.
    pub answer: Option<String>,
    /// Whether they are the same; if not, the edit says nothing about the latents, but it counts against the trace.
    pub eligible: bool,
    /// One for each step that is read at a latent.
    pub reads: Vec<EditRead>,
}

/// What the answers to edits of one place of the question say of a trace (field-map.md 5.1): every edit that was run counts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PlaceTest {
    /// What stands there: a number, a node, or `beside the chain`.
    pub text: String,
    /// Its first byte in the question; none for what stands in several places.
    pub start: Option<usize>,
    /// Whether the trace rests on it; if not, edits of it must leave the answer.
    pub used: bool,
    /// Edits of it: those whose predicted answer would be another without the change at this place, or, where the trace does
    /// not rest on it, all.
    pub edits: usize,
    /// How many of them the model answered as the trace says.
    pub answered: usize,
    /// How many it answered as if the place had not been changed.
    pub ignored: usize,
    /// What that comes to.
    pub standing: Standing,
}

impl PlaceTest {
    /// The counts in one line: `7 at byte 45: 6 of 6 answered as the trace says, 0 left the answer: holds`.
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
            format!("{ignored} left the answer")
        } else {
            "control".to_owned()
        };
        let standing = self.standing.as_str();
        format!("{text}{at}: {answered} of {edits} answered as the trace says, {role}: {standing}")
    }
}

/// Another trace that reaches the answer, scored on the same edits.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rival {
    /// Its steps.
    pub steps: Vec<TraceStep>,
    /// Edits that were answered as it says.
    pub answered: usize,
    /// Edits for which it says something.
    pub edits: usize,
}

impl Rival {
    /// Its steps in one line.
    #[must_use]
    pub fn text(&self) -> String {
        let steps: Vec<&str> = self.steps.iter().map(|s| s.text.as_str()).collect();
        steps.join("; ")
    }
}

/// E2 for one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepTracks {
    /// Which step of the trace, from 0.
    pub step: usize,
    /// The latent at which it is read.
    pub latent: LatentIdx,
    /// Eligible edits that concern it.
    pub edits: usize,
    /// In how many of them the latent shows what the trace predicts.
    pub moved: usize,
    /// Edits that concern it but are not eligible: the model's own answer is not what the trace predicts.
    pub ineligible: usize,
    /// In how many of those the answer stays as it was.
    pub stayed: usize,
    /// In how many of these the latent shows what the trace predicts all the same.
    pub moved_stayed: usize,
    /// Eligible edits that do not concern it.
    pub controls: usize,
    /// In how many of them the latent still shows its value.
    pub still: usize,
    /// How often a predicted value stands where it should not: at other steps' latents under the same edits.
    pub coincidence_steps: (usize, usize),
    /// The same at this latent in other problems.
    pub coincidence_others: (usize, usize),
    /// The larger of both rates, (1 + hits) / (1 + n).
    pub pi0: f64,
    /// Chance of so many moves or more: binomial, one-sided, exact; not corrected.
    pub p_value: f64,
    /// What that comes to.
    pub standing: Standing,
}

/// E2: the latents move as the trace predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Tracks {
    /// Every edit that was run.
    pub edits: Vec<EditRun>,
    /// One for each step that is read at a latent.
    pub steps: Vec<StepTracks>,
    /// How many edits the model answered as the trace says, of all that were run.
    #[serde(default)]
    pub answered: usize,
    /// One for each place that was edited.
    #[serde(default)]
    pub places: Vec<PlaceTest>,
    /// Other traces, best first: a trace is told from them only where it scores higher.
    #[serde(default)]
    pub rivals: Vec<Rival>,
    /// How many traces were put to the test up to this one: the p-values of test n are multiplied by n (n + 1), which keeps the
    /// chance of any false success at the level.
    pub tests: usize,
    /// Of all steps together.
    pub standing: Standing,
    /// Why, in one clause.
    pub reason: String,
}

/// One replaced latent and the answer after it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    /// Which step of the trace, from 0.
    pub step: usize,
    /// The latent that was replaced.
    pub latent: LatentIdx,
    /// The question that the latent was taken from.
    pub donor: String,
    /// What the donor's latent shows.
    pub value: String,
    /// Whether that is the step's own value, so that the answer must stay.
    pub same: bool,
    /// What the trace says the answer becomes.
    pub expected: String,
    /// The model's answer to the donor's own question. Where it is not the expected one, the donor tells an answer that is
    /// computed from the latent from one that is carried over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<String>,
    /// Other latents that were replaced with it, because they show the same value.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<LatentIdx>,
    /// The model's answer.
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

/// Donors whose own answer is not the one that the trace predicts, and what the answer became.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discriminating {
    /// How many there are.
    pub n: usize,
    /// The answer is what the trace predicts.
    pub predicted: usize,
    /// The answer is the donor's own.
    pub own: usize,
    /// It is neither.
    pub neither: usize,
}

/// E3 for one step.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StepUse {
    /// Which step of the trace, from 0.
    pub step: usize,
    /// The latent at which it is read.
    pub latent: LatentIdx,
    /// Donors with another value.
    pub different: usize,
    /// How many of them moved the answer to what the trace computes.
    pub moved: usize,
    /// Donors with the same value.
    pub same: usize,
    /// How many of them left the answer.
    pub kept: usize,
    /// Of the donors with another value, those whose own answer is not the predicted one.
    #[serde(default)]
    pub different_discriminating: Discriminating,
    /// Of the donors with the same value, those whose own answer is not the clean one.
    #[serde(default)]
    pub same_discriminating: Discriminating,
    /// Whether the step's value is the answer itself, so that computing and carrying over are the same.
    #[serde(default)]
    pub is_answer: bool,
    /// Where several latents show the value and were replaced together: how many donors moved the answer with this latent
    /// alone, and how many were tried.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alone: Option<(usize, usize)>,
    /// How often the answer after one donor, with the same value or another, is what the trace computes for a different
    /// one: hits of n.
    pub coincidence: (usize, usize),
    /// (1 + hits) / (1 + n).
    pub pi0: f64,
    /// Chance of so many moves or more: binomial, one-sided, exact; not corrected.
    pub p_value: f64,
    /// Mean change in log-probability of the clean answer after a donor with another value.
    pub delta_clean: Option<f64>,
    /// Mean change in log-probability of the predicted answer after such a donor.
    pub delta_expected: Option<f64>,
    /// What that comes to.
    pub standing: Standing,
}

/// E3: the answer depends on the latents as the trace predicts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Used {
    /// Every replacement that was run.
    pub patches: Vec<Patch>,
    /// One for each step that is read at a latent.
    pub steps: Vec<StepUse>,
    /// Largest difference of any first-answer logit when each latent's own value is written back.
    pub sham_max_diff: f64,
    /// Largest change in log-probability of the clean answer, in nats, when each latent is replaced by the one that the same
    /// question leaves when it is run again among the donors: the whole path of a replacement, which rounding alone may move.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sham_path: Option<f64>,
    /// How many traces were put to the test up to this one, as in [`Tracks::tests`].
    pub tests: usize,
    /// Of all steps together.
    pub standing: Standing,
    /// Why, in one clause.
    pub reason: String,
}

/// One strategy of the search, with its cost and its null.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// What was done: `projection, top 5`.
    pub name: String,
    /// Candidate steps.
    pub candidates: usize,
    /// Traces that reach the answer.
    pub traces: usize,
    /// Whether a limit cut the listing short.
    pub capped: bool,
    /// The null of this strategy.
    pub null: Null,
    /// How many of the traces were put to the test of edits.
    pub tested: usize,
    /// What the best of them came to; none if none was tested.
    pub tracks: Option<Standing>,
    /// The same for replaced latents.
    pub used: Option<Standing>,
    /// Runs of the model.
    pub runs: usize,
    /// Time, in milliseconds. It is the clock's word and no result: exports and sessions leave it out, so that the same request
    /// gives the same bytes.
    #[serde(skip)]
    pub elapsed_ms: f64,
}

/// A node of a logic question among a latent's top tokens.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct NodeMass {
    /// Its word.
    pub node: String,
    /// The probability of the tokens that name it, together.
    pub probability: f64,
    /// How many facts lead to it from the one who is asked about; none if no chain of facts does.
    pub facts: Option<usize>,
}

/// The nodes that compete at one latent: a latent may hold several branches of the search at once.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentNodes {
    /// The latent.
    pub latent: LatentIdx,
    /// Its nodes, the likeliest first.
    pub nodes: Vec<NodeMass>,
}

impl LatentNodes {
    /// The probability of all nodes together, of those that a chain of facts reaches, and of the likeliest.
    #[must_use]
    pub fn masses(&self) -> (f64, f64, f64) {
        let sum = |of: &dyn Fn(&NodeMass) -> bool| {
            let nodes = self.nodes.iter().filter(|node| of(node));
            nodes.map(|node| node.probability).sum::<f64>()
        };
        let top = self.nodes.first().map_or(0.0, |node| node.probability);
        (sum(&|_| true), sum(&|node| node.facts.is_some()), top)
    }
}
