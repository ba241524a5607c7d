//! Splits that never share a problem: a stable hash of a problem's skeleton sends it to
//! train or test whatever the seed, and hard problems have more steps than either.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{Family, GenerateError};

/// Which part of the problem space to draw from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Split {
    /// Nine skeletons in ten.
    Train,
    /// The remaining skeletons, with the same step counts as train.
    Test,
    /// More steps than any train problem.
    Hard,
}

impl Split {
    /// Every split.
    pub const ALL: [Self; 3] = [Self::Train, Self::Test, Self::Hard];

    /// The name used on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Hard => "hard",
        }
    }

    /// The step counts a problem of this split may have.
    #[must_use]
    pub fn allowed_steps(self, family: Family) -> RangeInclusive<usize> {
        match (self, family) {
            (Self::Hard, Family::Math) => 5..=6,
            (Self::Hard, _) => 5..=8,
            (_, Family::Math) => 1..=4,
            (_, _) => 2..=4,
        }
    }

    /// The step counts drawn when a request does not say.
    #[must_use]
    pub fn default_steps(self, family: Family) -> RangeInclusive<usize> {
        match self {
            Self::Hard => 5..=6,
            _ => self.allowed_steps(family),
        }
    }

    /// Whether a problem with this skeleton belongs to the split.
    #[must_use]
    pub fn admits(self, skeleton: &str) -> bool {
        match self {
            Self::Hard => true,
            Self::Test => stable_hash(skeleton).is_multiple_of(10),
            Self::Train => !stable_hash(skeleton).is_multiple_of(10),
        }
    }
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Split {
    type Err = GenerateError;

    fn from_str(text: &str) -> Result<Self, GenerateError> {
        Self::ALL
            .into_iter()
            .find(|split| split.name() == text)
            .ok_or_else(|| GenerateError::UnknownName(text.to_owned()))
    }
}

/// FNV-1a with a final mix. Without the mix the lowest bit is just the parity of the
/// text, and the test split would be made of one parity of digits only.
pub(super) fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
