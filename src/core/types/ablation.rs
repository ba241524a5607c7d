//! Interventions on latents and their effects (docs/methods.md M4.3).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Answer, LatentIdx, Variants, serde_with_outcome};

/// The replacement for a latent that is switched off.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum AblationValue {
    /// Another problem's latent at the same position; several donors, reported as a distribution.
    #[default]
    Resample,
    /// The mean at that position over the reference set.
    Mean,
    /// The zero vector; at the site `kv`, entries of zeros.
    Zero,
    /// Gaussian noise with the elementwise mean and standard deviation of that position over the reference set; several draws,
    /// reported as a distribution.
    Noise,
    /// A permutation of the latents that are off with no fixed point; several orders, reported as a distribution.
    Permute,
    /// The latents are left out, which shortens the rollout.
    Skip,
    /// The input embedding of the latent's top decoded token: the part that survives discretization.
    Token,
    /// A chosen latent of a chosen problem of the reference set.
    Donor,
    /// The latent is kept, but no later position may attend to it.
    KvBlock,
}

impl AblationValue {
    /// All values, in the order in which the explorer cycles them.
    pub const ALL: [Self; 9] = [
        Self::Resample,
        Self::Mean,
        Self::Zero,
        Self::Noise,
        Self::Permute,
        Self::Skip,
        Self::Token,
        Self::Donor,
        Self::KvBlock,
    ];

    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Resample => "resample",
            Self::Mean => "mean",
            Self::Zero => "zero",
            Self::Noise => "noise",
            Self::Permute => "permute",
            Self::Skip => "skip",
            Self::Token => "token",
            Self::Donor => "donor",
            Self::KvBlock => "kv-block",
        }
    }

    /// Returns whether the replacement is drawn from other problems' latents.
    #[must_use]
    pub fn needs_others(self) -> bool {
        matches!(
            self,
            Self::Resample | Self::Mean | Self::Noise | Self::Donor
        )
    }

    /// Returns the noun for one variant, for values that are reported as a distribution.
    #[must_use]
    pub fn variant_name(self) -> Option<&'static str> {
        match self {
            Self::Resample => Some("donor"),
            Self::Noise => Some("draw"),
            Self::Permute => Some("order"),
            _ => None,
        }
    }
}

impl fmt::Display for AblationValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Where the replacement is written.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// The input embedding of the next position: the vector that is fed.
    #[default]
    Input,
    /// The hidden state that becomes the latent, before CODI's projection; in other families, the vector that is fed.
    Hidden,
    /// The key-value entries that the latent leaves at a range of layers; its own state is unchanged.
    Kv,
}

impl Site {
    /// All sites, in the order in which the explorer cycles them.
    pub const ALL: [Self; 3] = [Self::Input, Self::Hidden, Self::Kv];

    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Hidden => "hidden",
            Self::Kv => "kv",
        }
    }
}

/// The treatment of the latents after a replacement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    /// Later latents are recomputed.
    #[default]
    Total,
    /// Later latents are held at their clean values.
    Direct,
}

impl Propagation {
    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Direct => "direct",
        }
    }
}

/// The question that an ablation answers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Is a latent necessary? It is switched off in a clean run.
    #[default]
    Noising,
    /// Is a latent sufficient? It gets its clean value back in a run with the others off.
    Denoising,
}

impl Direction {
    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Noising => "noising",
            Self::Denoising => "denoising",
        }
    }
}

/// A range of layers, from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Layers {
    /// The first layer.
    pub first: usize,
    /// The last layer.
    pub last: usize,
}

impl fmt::Display for Layers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.first, self.last)
    }
}

/// A chosen latent of a chosen problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct DonorRef {
    /// The problem's index in the reference set, from 0.
    pub problem: usize,
    /// The latent; `None` for the one at the same position.
    pub latent: Option<LatentIdx>,
}

/// A set of latents that are off, and how they are replaced.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Ablation {
    /// The latents that are off.
    pub off: BTreeSet<LatentIdx>,
    /// The replacement value.
    pub value: AblationValue,
    /// Where it is written.
    #[serde(default)]
    pub site: Site,
    /// The treatment of later latents.
    #[serde(default)]
    pub propagation: Propagation,
    /// Whether the latents that are on keep the run's values (noising) or get their clean values (denoising).
    #[serde(default)]
    pub direction: Direction,
    /// For `kv` and `kv-block`: the layers; `None` for all.
    #[serde(default)]
    pub layers: Option<Layers>,
    /// For `donor`: the source of the latent.
    #[serde(default)]
    pub donor: Option<DonorRef>,
    /// For `resample`: only donors whose gold solution has the same number of steps.
    #[serde(default)]
    pub matched: bool,
    /// For `resample`, `noise` and `permute`: number of variants; `None` for 16.
    #[serde(default)]
    pub variants: Option<usize>,
    /// For `resample`, `noise` and `permute`: the random seed.
    #[serde(default)]
    pub seed: u64,
}

impl Ablation {
    /// Creates an ablation of these latents (from 1) by a value, with defaults otherwise.
    #[must_use]
    pub fn new(latents: impl IntoIterator<Item = usize>, value: AblationValue) -> Self {
        Self {
            off: latents.into_iter().map(LatentIdx).collect(),
            value,
            ..Self::default()
        }
    }

    /// Returns whether nothing is off, i.e. the run is the clean one.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.off.is_empty()
    }

    /// Returns a copy with another set of latents off.
    #[must_use]
    pub fn with_off(&self, off: BTreeSet<LatentIdx>) -> Self {
        Self {
            off,
            ..self.clone()
        }
    }

    /// Describes, as a predicate, what happens to the latents that are on.
    #[must_use]
    pub fn fate_of_on(&self) -> &'static str {
        match (self.direction, self.propagation) {
            (Direction::Denoising, _) => "get their clean values back",
            (Direction::Noising, Propagation::Direct) => "keep their clean values",
            (Direction::Noising, Propagation::Total) => "are recomputed",
        }
    }

    /// Describes the method without the latents: `mean`, `resample matched`, `zero at kv layers 3-5, direct`.
    #[must_use]
    pub fn manner(&self) -> String {
        let mut text = self.value.as_str().to_owned();
        if let (AblationValue::Donor, Some(donor)) = (self.value, self.donor) {
            text.push_str(&format!(" {}", donor.problem));
            if let Some(latent) = donor.latent {
                text.push_str(&format!(" latent {latent}"));
            }
        }
        if self.matched {
            text.push_str(" matched");
        }
        if self.site != Site::Input && self.value != AblationValue::KvBlock {
            text.push_str(&format!(" at {}", self.site.as_str()));
        }
        if let Some(layers) = self.layers {
            text.push_str(&format!(" layers {layers}"));
        }
        if self.direction == Direction::Denoising {
            text.push_str(", denoising");
        } else if self.propagation == Propagation::Direct {
            text.push_str(", direct");
        }
        text
    }
}

/// The effect of an ablation, with evidence that the intervention changed the run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Effect {
    /// Whether the answer differs from the clean one (with several variants: in more than half).
    pub flipped: bool,
    /// Change in log-probability of the clean answer in nats, summed over its tokens, teacher-forced (with several variants: the mean).
    pub delta_logprob: f64,
    /// The same for the gold answer, if it is known.
    pub delta_logprob_gold: Option<f64>,
    /// KL divergence, clean from ablated, at the first answer token, in nats (with several variants: the mean).
    pub kl: f64,
    /// |replacement - latent| / |latent|, mean over ablated latents and variants; `None` if no vector is replaced.
    pub relative_size: Option<f64>,
    /// Percentage of the reference set's latents at these positions that differ from the latent by less than the change does.
    #[serde(default)]
    pub size_percentile: Option<f64>,
    /// Largest difference in any first-answer logit when each latent's own value is written back.
    pub sham_max_diff: f64,
    /// The distribution over variants: donors, draws or orders.
    pub donors: Option<Donors>,
}

serde_with_outcome!(Effect);

impl Effect {
    /// A change above this percentile of natural differences is off the distribution.
    pub const OFF_DISTRIBUTION: f64 = 99.0;

    /// Returns whether the change is larger than nearly all natural differences.
    #[must_use]
    pub fn is_off_distribution(&self) -> bool {
        self.size_percentile
            .is_some_and(|percentile| percentile > Self::OFF_DISTRIBUTION)
    }

    /// Returns the counts of variants and of flips.
    #[must_use]
    pub fn variants(&self) -> Variants {
        let one = || Variants::one(self.flipped);
        self.donors.as_ref().map_or_else(one, Donors::variants)
    }
}

/// Returns the largest event rate that has a 5 % chance of no event in `n` tries: 1 - 0.05^(1/n). For 0 of 64 it is 4.6 %.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn most_unseen(n: usize) -> f64 {
    1.0 - 0.05f64.powf(1.0 / n.max(1) as f64)
}

/// The distribution of an ablation over its donors, draws or orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Donors {
    /// Number of variants tried.
    pub n: usize,
    /// Number of variants that changed the answer.
    pub flips: usize,
    /// 95 % interval of the flip rate: Clopper-Pearson, one-sided if none or all flipped.
    #[serde(default)]
    pub flip_rate_ci95: Option<(f64, f64)>,
    /// 95 % interval of the mean change in log-probability (t distribution over variants); `None` for one variant.
    pub delta_logprob_ci95: Option<(f64, f64)>,
    /// Answers with their counts, most frequent first.
    pub answers: Vec<(Option<String>, usize)>,
}

impl Donors {
    /// Returns the counts of variants and of flips.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// An ablated run compared with the clean one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// The intervention.
    pub ablation: Ablation,
    /// The answer under it (with several variants: the most frequent one, with the ids of the first variant that gave it).
    pub answer: Answer,
    /// The change.
    pub effect: Effect,
    /// Top decoded token of each latent position in the ablated run (first variant that gave the answer).
    pub latents_after: Vec<String>,
}
