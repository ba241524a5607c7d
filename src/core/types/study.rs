//! Studies: many ablations of one run looked at together, and the lens by layer.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::{Ablation, AblationValue, LatentIdx, Tally, TokenRead, Variants, serde_with_outcome};

/// Which study.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StudyKind {
    /// Every latent, necessary and sufficient, by every value.
    Sweep,
    /// Every set of latents.
    Lattice,
    /// Latent to latent and latent to answer.
    Influence,
    /// The vocabulary projection after every layer.
    Layers,
}

/// A study, or as much of it as is computed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "study", rename_all = "kebab-case")]
pub enum Study {
    /// Every latent by every value.
    Sweep(Sweep),
    /// Every set.
    Lattice(Lattice),
    /// Latent to latent.
    Influence(Influence),
    /// Layer by layer.
    Layers(LayerLens),
}

impl Study {
    /// Which one it is.
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

/// What it took to compute.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Runs that were asked for, variants counted.
    pub runs: usize,
    /// Latent steps computed, rows counted; runs that share a beginning share its steps.
    pub latent_steps: usize,
    /// Latent steps that the same runs would take one at a time.
    pub latent_steps_alone: usize,
    /// Milliseconds.
    pub elapsed_ms: f64,
}

/// One set of latents that is off, in short.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Cell {
    /// The latents that are off.
    pub off: BTreeSet<LatentIdx>,
    /// The most frequent answer.
    pub answer: Option<String>,
    /// Whether the answer differs from the clean one in more than half of the variants.
    pub flipped: bool,
    /// Change in log-probability of the clean answer, mean over variants.
    pub delta_logprob: f64,
    /// Variants tried: donors, draws or orders; 1 where there is nothing to vary.
    pub n: usize,
    /// How many of them changed the answer.
    pub flips: usize,
}

serde_with_outcome!(Cell);

impl Cell {
    /// The variants behind it, and how many of them changed the answer.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// All sets of latents, under one value, site and propagation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lattice {
    /// How latents are switched off; its own set is empty.
    pub manner: Ablation,
    /// Latents of the run.
    pub n_latents: usize,
    /// The clean answer.
    pub clean_answer: Option<String>,
    /// Its log-probability.
    pub clean_logprob: f64,
    /// The sets computed so far, the empty one first, then by size and by latent.
    pub cells: Vec<Cell>,
    /// Whether every set is here.
    pub complete: bool,
    /// The smallest set of latents that, kept alone, keeps the answer in every variant (of equals the one whose log-probability
    /// falls least); known once all are computed.
    pub keeps: Option<BTreeSet<LatentIdx>>,
    /// The smallest set that, off, breaks the answer in every variant (of equals the one whose log-probability falls most).
    pub breaks: Option<BTreeSet<LatentIdx>>,
    /// Largest difference of any first-answer logit in the sham run, all latents written back.
    pub sham_max_diff: f64,
    /// What it took.
    pub cost: Cost,
}

impl Lattice {
    /// The name for running only some latents, with all others off. How they run depends on the manner.
    pub const KEPT_ALONE: &'static str = "kept alone";

    /// How many sets with something off came to each outcome.
    #[must_use]
    pub fn tally(&self) -> Tally {
        let off = self.cells.iter().filter(|cell| !cell.off.is_empty());
        Tally::of(off.map(|cell| cell.variants().outcome()))
    }

    /// The cell of a set.
    #[must_use]
    pub fn cell(&self, off: &BTreeSet<LatentIdx>) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.off == *off)
    }
}

/// What a cell of the sweep asks of a latent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// It alone is off.
    Necessary,
    /// All others are off, and its clean value is put back.
    Sufficient,
}

impl Role {
    /// What it is called on screen and in texts.
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
    /// What is asked of it.
    pub role: Role,
    /// What stands in place of what is off.
    pub value: AblationValue,
    /// What came out.
    pub cell: Option<Cell>,
    /// Why it cannot be asked, if so.
    pub refused: Option<String>,
}

/// Two latents off together against each alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Pair {
    /// What stands in their place.
    pub value: AblationValue,
    /// The two.
    pub latents: (LatentIdx, LatentIdx),
    /// Both off.
    pub cell: Cell,
    /// The sum of the two single changes in log-probability.
    pub sum_of_singles: f64,
    /// Whether the pair's change differs from that sum by more than [`Pair::ADDITIVE`] nats, or the pair flips the answer in more
    /// than half of the variants and neither does alone in any.
    pub non_additive: bool,
}

impl Pair {
    /// Nats within which a pair's change counts as the sum of the single ones.
    pub const ADDITIVE: f64 = 0.5;
}

/// Position x {necessary, sufficient} x value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Sweep {
    /// Site, propagation and donors; its set is not used, and its value is that of the pairs.
    pub manner: Ablation,
    /// Latents of the run.
    pub n_latents: usize,
    /// The clean answer.
    pub clean_answer: Option<String>,
    /// The cells computed so far, by value, role and latent.
    pub cells: Vec<SweepCell>,
    /// Pairs under the chosen value.
    pub pairs: Vec<Pair>,
    /// Whether everything is here.
    pub complete: bool,
    /// Largest difference of any first-answer logit in the sham runs.
    pub sham_max_diff: f64,
    /// What it took.
    pub cost: Cost,
}

impl Sweep {
    /// How many values came to each outcome for a latent in a role.
    #[must_use]
    pub fn tally(&self, latent: LatentIdx, role: Role) -> Tally {
        let asked = self.cells.iter();
        let asked = asked.filter(|cell| (cell.latent, cell.role) == (latent, role));
        let found = asked.filter_map(|cell| cell.cell.as_ref());
        Tally::of(found.map(|cell| cell.variants().outcome()))
    }

    /// The cell of a latent, role and value.
    #[must_use]
    pub fn cell(&self, latent: LatentIdx, role: Role, value: AblationValue) -> Option<&SweepCell> {
        self.cells
            .iter()
            .find(|c| (c.latent, c.role, c.value) == (latent, role, value))
    }
}

/// What switching one latent off does to a later one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LatentInfluence {
    /// The latent that is off.
    pub from: LatentIdx,
    /// The later latent.
    pub to: LatentIdx,
    /// |h' - h| / |h| of its state, mean over variants.
    pub relative_change: f64,
    /// In how many variants its top decoded token changed.
    pub top_changed: usize,
    /// Variants.
    pub n: usize,
}

/// What switching one latent off does to the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AnswerInfluence {
    /// The latent that is off.
    pub from: LatentIdx,
    /// Later latents recomputed.
    pub total: Cell,
    /// Later latents held at their clean values.
    pub direct: Cell,
}

/// Latent to latent, and latent to answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Influence {
    /// How a latent is switched off; its own set is empty.
    pub manner: Ablation,
    /// Latents of the run.
    pub n_latents: usize,
    /// Later latents, by `from` and `to`.
    pub latents: Vec<LatentInfluence>,
    /// The answer, by `from`.
    pub answers: Vec<AnswerInfluence>,
    /// Largest difference of any first-answer logit in the sham runs.
    pub sham_max_diff: f64,
    /// What it took.
    pub cost: Cost,
}

/// What one layer says at one position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerCell {
    /// Probability of the chosen token.
    pub prob: f32,
    /// Its rank, from 0.
    pub rank: usize,
    /// The top token.
    pub top: TokenRead,
}

/// What one layer says at every position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerRow {
    /// The layer, counted from 1; the last one is the model's own output.
    pub layer: usize,
    /// One per column.
    pub cells: Vec<LayerCell>,
}

/// The vector fed at a latent, seen from the input side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Input {
    /// The latent.
    pub latent: LatentIdx,
    /// Tokens whose input embeddings are nearest, by cosine, nearest first: `prob` holds the cosine, `logit` the dot product.
    pub nearest: Vec<TokenRead>,
}

/// Final norm and unembedding after every layer, at the latents and the answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LayerLens {
    /// The chosen token.
    pub token: u32,
    /// Its text.
    pub text: String,
    /// What stands at each column: `start`, `1`, `2`, .., the tokens of the answer. A column shows what its position says comes
    /// next.
    pub columns: Vec<String>,
    /// First layer first.
    pub rows: Vec<LayerRow>,
    /// The second decoder.
    pub inputs: Vec<Input>,
}
