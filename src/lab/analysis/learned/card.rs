//! The card of a tuned lens: training data, recipe, and held-out figures compared with the logit lens.

use serde::{Deserialize, Serialize};

use super::Recipe;
use super::score::{LensScores, Reads};
use crate::core::stats::Share;
use crate::core::types::LatentIdx;
use crate::engine::decode::learned::LensHeader;

/// A card, as stored in `lens.json`. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Card {
    /// The fields needed for loading.
    #[serde(flatten)]
    pub header: LensHeader,
    /// The version of the program that fitted the lens.
    pub version: String,
    /// The origin of the problems.
    #[serde(flatten)]
    pub origin: Origin,
    /// The numbers of problems in each part.
    pub counts: Counts,
    /// The recipe of the fit.
    pub recipe: Recipe,
    /// Held-out figures by layer, over all its latents. The intervals ignore that several latents come from one problem.
    pub overall: Vec<LayerFigures>,
    /// Held-out figures by layer and latent.
    pub places: Vec<PlaceFigures>,
}

/// The origin of a fit's problems.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Origin {
    /// The command that fitted the lens, if one did.
    pub command: Option<String>,
    /// The file, or a description of the generator.
    pub data: String,
    /// SHA-256 of the file, or of the generated problems as JSON Lines.
    pub data_sha256: String,
}

/// The numbers of problems in each part.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Problems given.
    pub problems: usize,
    /// Distinct questions among them.
    pub distinct: usize,
    /// Used for fitting.
    pub fit: usize,
    /// Used for early stopping.
    pub stopping: usize,
    /// Held out.
    pub held_out: usize,
    /// Problems of these three parts that the model could not take.
    pub not_runnable: usize,
    /// Their steps that have a latent but a result that the vocabulary cannot express.
    pub unlabelled_steps: usize,
}

/// The score of one way of reading on the held-out latents.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CardScore {
    /// Mean cross-entropy of the labels, in nats.
    pub cross_entropy: f64,
    /// How often a label is the top token.
    pub top1: Share,
    /// How often it is among the top five.
    pub top5: Share,
}

/// Top-1 rate with the gold labels minus that of a control.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Selectivity {
    /// Against labels shuffled among problems.
    pub shuffled: f64,
    /// Against labels renamed by a fixed permutation.
    pub renamed: f64,
}

/// Figures on held-out latents, the same for all ways of reading.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Figures {
    /// The number of latents.
    pub n: usize,
    /// The tuned lens.
    pub learned: CardScore,
    /// The logit lens on the same states.
    pub plain: CardScore,
    /// Latents whose label is top-1 in the tuned lens only.
    pub only_learned: usize,
    /// Latents whose label is top-1 in the logit lens only.
    pub only_plain: usize,
    /// Mean KL divergence in nats of the tuned lens from the logit lens: sum of `p_plain * (log p_plain - log p_learned)`.
    pub kl: f64,
    /// A lens fitted to shuffled labels, scored on shuffled labels.
    pub shuffled: CardScore,
    /// A lens fitted to renamed labels, scored on renamed labels.
    pub renamed: CardScore,
    /// The gain of the gold labels over the controls.
    pub selectivity: Selectivity,
}

/// Figures of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct LayerFigures {
    /// The layer, counted from 1.
    pub layer: usize,
    /// The figures.
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
    /// Latents used for fitting.
    pub fitted: usize,
    /// Latents used for early stopping.
    pub stopping: usize,
    /// Epochs until training ended.
    pub epochs: usize,
    /// The epoch whose map was kept; 0 is the identity.
    pub best_epoch: usize,
    /// Updates until training ended.
    pub steps: usize,
    /// Cross-entropy of the kept map on the stopping part, in nats.
    pub stopping_cross_entropy: f64,
    /// The figures.
    #[serde(flatten)]
    pub figures: Figures,
}

impl From<&Reads> for CardScore {
    fn from(reads: &Reads) -> Self {
        Self {
            cross_entropy: reads.mean_cross_entropy(),
            top1: Share::new(reads.top1, reads.n),
            top5: Share::new(reads.top5, reads.n),
        }
    }
}

impl From<&LensScores> for Figures {
    fn from(tally: &LensScores) -> Self {
        let learned = CardScore::from(&tally.learned);
        let (shuffled, renamed) = (
            CardScore::from(&tally.shuffled),
            CardScore::from(&tally.renamed),
        );
        let over = |control: CardScore| learned.top1.accuracy - control.top1.accuracy;
        Self {
            n: tally.learned.n,
            learned,
            plain: CardScore::from(&tally.plain),
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
