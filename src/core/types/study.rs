//! Studies: many ablations of one run viewed together, and the layer-by-layer lens.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{
    Ablation, AblationValue, LatentIdx, OutcomeCounts, TokenRead, Variants, serde_with_outcome,
};

/// The kind of a study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StudyKind {
    /// Necessity and sufficiency of every latent, for every value.
    Sweep,
    /// Every subset of latents.
    Lattice,
    /// Effects of each latent on later latents and on the answer.
    Influence,
    /// The logit lens after every layer.
    Layers,
}

/// A study, possibly still incomplete.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "study", rename_all = "kebab-case")]
pub enum Study {
    /// Every latent by every value.
    Sweep(Sweep),
    /// Every subset.
    Lattice(Lattice),
    /// Latent to latent and to answer.
    Influence(Influence),
    /// Layer by layer.
    Layers(LayerLens),
}

impl Study {
    /// Returns its kind.
    #[must_use]
    pub fn kind(&self) -> StudyKind {
        match self {
            Self::Sweep(_) => StudyKind::Sweep,
            Self::Lattice(_) => StudyKind::Lattice,
            Self::Influence(_) => StudyKind::Influence,
            Self::Layers(_) => StudyKind::Layers,
        }
    }
}

/// The compute cost of a study.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Requested runs, counting variants.
    pub runs: usize,
    /// Latent steps computed, counting batch rows. Runs with a common prefix share its steps.
    pub latent_steps: usize,
    /// Latent steps that the same runs would take one at a time.
    pub latent_steps_alone: usize,
    /// Elapsed milliseconds.
    pub elapsed_ms: f64,
}

/// A summary of one ablated set of latents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct StudyCell {
    /// The latents that are off.
    pub off: BTreeSet<LatentIdx>,
    /// The most frequent answer.
    pub answer: Option<String>,
    /// Whether the answer differs from the clean one in more than half of the variants.
    pub flipped: bool,
    /// Change in log-probability of the clean answer, in nats; the mean over variants.
    pub delta_logprob: f64,
    /// Number of variants tried: donors, draws or orders; 1 if the value does not vary.
    pub n: usize,
    /// Number of variants that changed the answer.
    pub flips: usize,
}

serde_with_outcome!(StudyCell);

impl StudyCell {
    /// Returns the counts of variants and of flips.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// All subsets of latents, under one value, site and propagation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lattice {
    /// How latents are switched off; the set in it is empty.
    pub manner: Ablation,
    /// Number of latents in the run.
    pub n_latents: usize,
    /// The clean answer.
    pub clean_answer: Option<String>,
    /// Its log-probability.
    pub clean_logprob: f64,
    /// The sets computed so far: the empty one first, then by size and latent.
    pub cells: Vec<StudyCell>,
    /// Whether every set is computed.
    pub complete: bool,
    /// The smallest set that, kept alone, keeps the answer in every variant; ties go to the smallest fall in log-probability.
    /// `None` if there is none, or until all sets are computed.
    pub keeps: Option<BTreeSet<LatentIdx>>,
    /// The smallest set that, off, breaks the answer in every variant; ties go to the largest fall in log-probability.
    pub breaks: Option<BTreeSet<LatentIdx>>,
    /// Largest difference in any first-answer logit in the sham run (all latents written back).
    pub sham_max_diff: f64,
    /// The compute cost.
    pub cost: Cost,
}

impl Lattice {
    /// The label for running only some latents with all others off. How they run depends on the manner.
    pub const KEPT_ALONE: &'static str = "kept alone";

    /// Counts the outcomes of all non-empty sets.
    #[must_use]
    pub fn tally(&self) -> OutcomeCounts {
        let off = self.cells.iter().filter(|cell| !cell.off.is_empty());
        OutcomeCounts::new(off.map(|cell| cell.variants().outcome()))
    }

    /// Returns the cell of a set.
    #[must_use]
    pub fn cell(&self, off: &BTreeSet<LatentIdx>) -> Option<&StudyCell> {
        self.cells.iter().find(|cell| cell.off == *off)
    }
}

/// The question that a sweep cell asks about a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Only this latent is off.
    Necessary,
    /// All other latents are off; this one gets its clean value back.
    Sufficient,
}

impl Role {
    /// Returns the label used on screen and in texts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Necessary => "off alone",
            Self::Sufficient => "put back alone",
        }
    }
}

/// One cell of the sweep.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SweepCell {
    /// The latent.
    pub latent: LatentIdx,
    /// The question asked about it.
    pub role: Role,
    /// The replacement value.
    pub value: AblationValue,
    /// The result.
    pub cell: Option<StudyCell>,
    /// Why the question cannot be asked, if it cannot.
    pub refused: Option<String>,
}

/// Two latents off together, compared with each alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// The replacement value.
    pub value: AblationValue,
    /// The two latents.
    pub latents: (LatentIdx, LatentIdx),
    /// The result with both off.
    pub cell: StudyCell,
    /// The sum of the two single changes in log-probability.
    pub sum_of_singles: f64,
    /// Whether the pair's change differs from that sum by more than [`Pair::ADDITIVE`] nats, or the pair flips the answer in most
    /// variants while neither latent alone flips it in any.
    pub non_additive: bool,
}

impl Pair {
    /// The largest difference, in nats, at which a pair's change still counts as additive.
    pub const ADDITIVE: f64 = 0.5;
}

/// Position x {necessary, sufficient} x value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Site, propagation and donors. Its set is unused; its value is that of the pairs.
    pub manner: Ablation,
    /// Number of latents in the run.
    pub n_latents: usize,
    /// The clean answer.
    pub clean_answer: Option<String>,
    /// The cells computed so far, by value, role and latent.
    pub cells: Vec<SweepCell>,
    /// Pairs, under the manner's value.
    pub pairs: Vec<Pair>,
    /// Whether every cell and pair is computed.
    pub complete: bool,
    /// Largest difference in any first-answer logit in the sham runs.
    pub sham_max_diff: f64,
    /// The compute cost.
    pub cost: Cost,
}

impl Sweep {
    /// Counts the outcomes over values for a latent in a role.
    #[must_use]
    pub fn tally(&self, latent: LatentIdx, role: Role) -> OutcomeCounts {
        let cells = self.cells.iter();
        let cells = cells.filter(|cell| (cell.latent, cell.role) == (latent, role));
        let results = cells.filter_map(|cell| cell.cell.as_ref());
        OutcomeCounts::new(results.map(|cell| cell.variants().outcome()))
    }

    /// Returns the cell of a latent, role and value.
    #[must_use]
    pub fn cell(&self, latent: LatentIdx, role: Role, value: AblationValue) -> Option<&SweepCell> {
        self.cells
            .iter()
            .find(|c| (c.latent, c.role, c.value) == (latent, role, value))
    }
}

/// The effect of switching one latent off on a later latent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentInfluence {
    /// The latent that is off.
    pub from: LatentIdx,
    /// The later latent.
    pub to: LatentIdx,
    /// |h' - h| / |h| of its state; the mean over variants.
    pub relative_change: f64,
    /// Number of variants that changed its top decoded token.
    pub top_changed: usize,
    /// Number of variants.
    pub n: usize,
}

/// The effect of switching one latent off on the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerInfluence {
    /// The latent that is off.
    pub from: LatentIdx,
    /// With later latents recomputed.
    pub total: StudyCell,
    /// With later latents held at their clean values.
    pub direct: StudyCell,
}

/// Effects of each latent on later latents and on the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// How a latent is switched off; the set in it is empty.
    pub manner: Ablation,
    /// Number of latents in the run.
    pub n_latents: usize,
    /// Effects on later latents, by `from` and `to`.
    pub latents: Vec<LatentInfluence>,
    /// Effects on the answer, by `from`.
    pub answers: Vec<AnswerInfluence>,
    /// Largest difference in any first-answer logit in the sham runs.
    pub sham_max_diff: f64,
    /// The compute cost.
    pub cost: Cost,
}

/// The readout of one layer at one position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerCell {
    /// Probability of the chosen token.
    pub prob: f32,
    /// Its rank, from 0.
    pub rank: usize,
    /// The top token.
    pub top: TokenRead,
}

/// The readout of one layer at every position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// The layer, counted from 1; the last one is the model's own output.
    pub layer: usize,
    /// One per column.
    pub cells: Vec<LayerCell>,
}

/// The input embeddings nearest to the vector fed at a latent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The latent.
    pub latent: LatentIdx,
    /// Tokens by cosine to the vector, nearest first: `prob` holds the cosine, `logit` the dot product.
    pub nearest: Vec<TokenRead>,
}

/// The logit lens after every layer, at the latents and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerLens {
    /// The chosen token.
    pub token: u32,
    /// Its text.
    pub text: String,
    /// Column labels: `start`, `1`, `2`, ..., the answer's tokens. A column shows the next-token prediction at its position.
    pub columns: Vec<String>,
    /// First layer first.
    pub rows: Vec<LayerRow>,
    /// The nearest input embeddings: a second decoder.
    pub inputs: Vec<Input>,
}
