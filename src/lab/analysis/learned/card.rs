//! The card of a learned lens: what it was fitted to, how, and what it reads on held-out problems beside the plain projection.

use serde::{Deserialize, Serialize};

use super::Recipe;
use super::score::{Reads, Tally};
use crate::core::stats::Share;
use crate::core::types::LatentIdx;
use crate::engine::decode::learned::Header;

/// A card, as it stands in `lens.json`. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// What loading needs.
    #[serde(flatten)]
    pub header: Header,
    /// The version of the program that fitted it.
    pub version: String,
    /// Where the problems came from.
    #[serde(flatten)]
    pub origin: Origin,
    /// How many problems served for what.
    pub counts: Counts,
    /// How it was fitted.
    pub recipe: Recipe,
    /// Held-out figures by layer, over all its latents. Several latents come from one problem, which the intervals do not know.
    pub overall: Vec<LayerFigures>,
    /// Held-out figures by layer and latent.
    pub places: Vec<PlaceFigures>,
}

/// Where the problems of a fit came from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The command that fitted the lens, if one did.
    pub command: Option<String>,
    /// The file, or the generator's words for it.
    pub data: String,
    /// SHA-256 of the file, or of the generated problems as JSON Lines.
    pub data_sha256: String,
}

/// How many problems served for what.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Problems given.
    pub problems: usize,
    /// Different questions among them.
    pub distinct: usize,
    /// Fitted.
    pub fit: usize,
    /// For stopping.
    pub stopping: usize,
    /// Held out.
    pub held_out: usize,
    /// Of these three, those that the model could not take.
    pub not_runnable: usize,
    /// Of their steps that a latent stands for, those whose result the vocabulary cannot show.
    pub unlabelled_steps: usize,
}

/// What one way of reading reaches on the held-out latents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Mean cross-entropy of the labels, in nats.
    pub cross_entropy: f64,
    /// How often a label is the first token.
    pub top1: Share,
    /// How often it is among the first five.
    pub top5: Share,
}

/// Top-1 rate with the gold labels less that of a control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selectivity {
    /// Against labels shuffled among problems.
    pub shuffled: f64,
    /// Against labels renamed by a fixed permutation.
    pub renamed: f64,
}

/// Figures on held-out latents; all ways of reading see the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// How many latents.
    pub n: usize,
    /// The learned lens.
    pub learned: Score,
    /// The plain projection of the same states.
    pub plain: Score,
    /// Latents whose label only the learned lens has first.
    pub only_learned: usize,
    /// Latents whose label only the plain projection has first.
    pub only_plain: usize,
    /// Mean KL divergence in nats of the learned lens's distribution from the plain projection's: sum of
    /// `p_plain * (log p_plain - log p_learned)`.
    pub kl: f64,
    /// A lens fitted to shuffled labels, read with such labels.
    pub shuffled: Score,
    /// A lens fitted to renamed labels, read with such labels.
    pub renamed: Score,
    /// How much the gold labels gain over the controls.
    pub selectivity: Selectivity,
}

/// Figures of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerFigures {
    /// The layer, counted from 1.
    pub layer: usize,
    /// What was read.
    #[serde(flatten)]
    pub figures: Figures,
}

/// Figures of one layer and latent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct PlaceFigures {
    /// The layer, counted from 1.
    pub layer: usize,
    /// The latent.
    pub latent: LatentIdx,
    /// Latents fitted.
    pub fitted: usize,
    /// Latents for stopping.
    pub stopping: usize,
    /// Passes until training ended.
    pub epochs: usize,
    /// The pass whose map was kept; 0 is the identity.
    pub best_epoch: usize,
    /// Updates until training ended.
    pub steps: usize,
    /// Cross-entropy of the kept map on the stopping part, in nats.
    pub stopping_cross_entropy: f64,
    /// What was read.
    #[serde(flatten)]
    pub figures: Figures,
}

impl From<&Reads> for Score {
    fn from(reads: &Reads) -> Self {
        Self {
            cross_entropy: reads.mean_cross_entropy(),
            top1: Share::new(reads.top1, reads.n),
            top5: Share::new(reads.top5, reads.n),
        }
    }
}

impl From<&Tally> for Figures {
    fn from(tally: &Tally) -> Self {
        let learned = Score::from(&tally.learned);
        let (shuffled, renamed) = (Score::from(&tally.shuffled), Score::from(&tally.renamed));
        let over = |control: Score| learned.top1.accuracy - control.top1.accuracy;
        Self {
            n: tally.learned.n,
            learned,
            plain: Score::from(&tally.plain),
            only_learned: tally.only_learned,
            only_plain: tally.only_plain,
            kl: tally.mean_kl(),
            shuffled,
            renamed,
            selectivity: Selectivity {
                shuffled: over(shuffled),
                renamed: over(renamed),
            },
        }
    }
}
