//! What can be done to latents, and what came of it (field-map.md 5.2).

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Answer, LatentIdx, Variants, serde_with_outcome};

/// What a latent that is switched off is replaced by.
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
    /// Gaussian noise with the mean and standard deviation, value by value, of that position over the reference set;
    /// several draws, reported as a distribution.
    Noise,
    /// The latents that are off change places, none stays; several orders, reported as a distribution.
    Permute,
    /// The latents are left out: a rollout shorter by as many.
    Skip,
    /// The input embedding of the latent's top decoded token: what survives being put into a word.
    Token,
    /// A chosen latent of a chosen problem of the reference set.
    Donor,
    /// The latent is kept, but no later position may attend to it.
    KvBlock,
}

impl AblationValue {
    /// Every value in the order in which the explorer cycles them.
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

    /// The name used on the command line, on screen and in exports.
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

    /// Whether what stands in place of a latent is drawn from other problems' latents.
    #[must_use]
    pub fn needs_others(self) -> bool {
        matches!(
            self,
            Self::Resample | Self::Mean | Self::Noise | Self::Donor
        )
    }

    /// What one of several variants is called, for the values that are reported as a distribution.
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

/// Where the replacement goes in.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Site {
    /// The input embedding of the next position: the vector that is fed.
    #[default]
    Input,
    /// The hidden state that becomes the latent, ahead of CODI's projection; elsewhere it is what is fed.
    Hidden,
    /// The key-value entries that the latent leaves at a range of layers; its own state goes on untouched.
    Kv,
}

impl Site {
    /// Every site in the order in which the explorer cycles them.
    pub const ALL: [Self; 3] = [Self::Input, Self::Hidden, Self::Kv];

    /// The name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Input => "input",
            Self::Hidden => "hidden",
            Self::Kv => "kv",
        }
    }
}

/// What happens to the latents after a replacement.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Propagation {
    /// They are recomputed.
    #[default]
    Total,
    /// They are held at their clean values.
    Direct,
}

impl Propagation {
    /// The name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Total => "total",
            Self::Direct => "direct",
        }
    }
}

/// Which question an ablation answers.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Direction {
    /// Is a latent necessary? It is switched off in a clean run.
    #[default]
    Noising,
    /// Is a latent sufficient? It gets its clean value back in a run where the others are off.
    Denoising,
}

impl Direction {
    /// The name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Noising => "noising",
            Self::Denoising => "denoising",
        }
    }
}

/// A range of layers, counted from 1, both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Layers {
    /// The first.
    pub first: usize,
    /// The last.
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
    /// Which problem of the reference set, counted from 0.
    pub problem: usize,
    /// Which of its latents; none for the one at the same position.
    pub latent: Option<LatentIdx>,
}

/// Which latents are off, and what stands in their place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
pub struct Ablation {
    /// The latents that are off.
    pub off: BTreeSet<LatentIdx>,
    /// What stands in their place.
    pub value: AblationValue,
    /// Where it goes in.
    #[serde(default)]
    pub site: Site,
    /// What happens to the latents after it.
    #[serde(default)]
    pub propagation: Propagation,
    /// Whether the latents that are on keep what the run gives them (noising) or get their clean values (denoising).
    #[serde(default)]
    pub direction: Direction,
    /// For `kv` and `kv-block`: which layers; none for all.
    #[serde(default)]
    pub layers: Option<Layers>,
    /// For `donor`: whose latent.
    #[serde(default)]
    pub donor: Option<DonorRef>,
    /// For `resample`: only donors whose gold solution has as many steps.
    #[serde(default)]
    pub matched: bool,
    /// For `resample`, `noise` and `permute`: how many variants are tried; none for 16.
    #[serde(default)]
    pub variants: Option<usize>,
    /// For `noise` and `permute`: what the draws start from.
    #[serde(default)]
    pub seed: u64,
}

impl Ablation {
    /// Some latents, counted from 1, off by a value, everything else as usual.
    #[must_use]
    pub fn of(latents: impl IntoIterator<Item = usize>, value: AblationValue) -> Self {
        Self {
            off: latents.into_iter().map(LatentIdx).collect(),
            value,
            ..Self::default()
        }
    }

    /// Whether nothing is off, which makes the run the clean one.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.off.is_empty()
    }

    /// The same with other latents off.
    #[must_use]
    pub fn with_off(&self, off: BTreeSet<LatentIdx>) -> Self {
        Self {
            off,
            ..self.clone()
        }
    }

    /// What happens to the latents that are on, as a predicate.
    #[must_use]
    pub fn fate_of_on(&self) -> &'static str {
        match (self.direction, self.propagation) {
            (Direction::Denoising, _) => "get their clean values back",
            (Direction::Noising, Propagation::Direct) => "keep their clean values",
            (Direction::Noising, Propagation::Total) => "are recomputed",
        }
    }

    /// How it is done, without the latents: `mean`, `resample matched`, `zero at kv 3-5, direct`.
    #[must_use]
    pub fn manner(&self) -> String {
        let mut said = self.value.as_str().to_owned();
        if let (AblationValue::Donor, Some(donor)) = (self.value, self.donor) {
            said.push_str(&format!(" {}", donor.problem));
            if let Some(latent) = donor.latent {
                said.push_str(&format!(" latent {latent}"));
            }
        }
        if self.matched {
            said.push_str(" matched");
        }
        if self.site != Site::Input && self.value != AblationValue::KvBlock {
            said.push_str(&format!(" at {}", self.site.as_str()));
        }
        if let Some(layers) = self.layers {
            said.push_str(&format!(" layers {layers}"));
        }
        if self.direction == Direction::Denoising {
            said.push_str(", denoising");
        } else if self.propagation == Propagation::Direct {
            said.push_str(", direct");
        }
        said
    }
}

/// What an ablation did, with the proof that it did something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(remote = "Self")]
pub struct Effect {
    /// Whether the answer differs from the clean one (for several variants: that of more than half).
    pub flipped: bool,
    /// Change in log-probability of the clean answer, natural log, summed over its tokens, teacher-forced (for several
    /// variants: the mean).
    pub delta_logprob: f64,
    /// The same for the gold answer, when it is known.
    pub delta_logprob_gold: Option<f64>,
    /// KL divergence, clean from ablated, at the first answer token, in nats (for several variants: the mean).
    pub kl: f64,
    /// |replacement - latent| / |latent|, mean over the latents that are off and over variants; none where no vector is
    /// replaced.
    pub relative_size: Option<f64>,
    /// Share of the reference set's own latents at these positions whose difference from the latent is smaller than the
    /// change, in percent.
    #[serde(default)]
    pub size_percentile: Option<f64>,
    /// Largest difference of any first-answer logit when each latent's own value is written back.
    pub sham_max_diff: f64,
    /// The distribution over variants: donors, draws or orders.
    pub donors: Option<Donors>,
}

serde_with_outcome!(Effect);

impl Effect {
    /// A change larger than this share of natural differences, in percent, is off the distribution.
    pub const OFF_DISTRIBUTION: f64 = 99.0;

    /// Whether the change is larger than nearly all natural differences.
    #[must_use]
    pub fn is_off_distribution(&self) -> bool {
        self.size_percentile
            .is_some_and(|percentile| percentile > Self::OFF_DISTRIBUTION)
    }

    /// The variants behind it, and how many of them changed the answer.
    #[must_use]
    pub fn variants(&self) -> Variants {
        let one = || Variants::one(self.flipped);
        self.donors.as_ref().map_or_else(one, Donors::variants)
    }
}

/// The largest rate of an event that none of `n` tries shows with a chance of 5 %: 1 - 0.05^(1/n). 0 of 64 leaves room for 4.6 %.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn most_unseen(n: usize) -> f64 {
    1.0 - 0.05f64.powf(1.0 / n.max(1) as f64)
}

/// The distribution of an ablation over its donors, draws or orders.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Donors {
    /// How many were tried.
    pub n: usize,
    /// How many of them changed the answer.
    pub flips: usize,
    /// 95 % interval of the rate of flips: Clopper-Pearson, one-sided where none or all flipped.
    #[serde(default)]
    pub flip_rate_ci95: Option<(f64, f64)>,
    /// 95 % interval of the mean change in log-probability (t distribution over variants); `None` for one variant.
    pub delta_logprob_ci95: Option<(f64, f64)>,
    /// Answers with their counts, most frequent first.
    pub answers: Vec<(Option<String>, usize)>,
}

impl Donors {
    /// How many there are, and how many of them changed the answer.
    #[must_use]
    pub fn variants(&self) -> Variants {
        Variants {
            flips: self.flips,
            n: self.n,
        }
    }
}

/// An ablated run beside the clean one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// What was done.
    pub ablation: Ablation,
    /// The answer under it (for several variants: the most frequent one, with the first such variant's ids).
    pub answer: Answer,
    /// What changed.
    pub effect: Effect,
    /// Top decoded token of each latent position in the ablated run (first variant that gave the answer).
    pub latents_after: Vec<String>,
}
