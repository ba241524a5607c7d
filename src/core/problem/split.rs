//! Problem families, and splits that never share a problem: a stable hash of a problem's skeleton assigns it to train or test,
//! independent of the seed; hard problems have more steps.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::GenerateError;

/// A kind of problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Family {
    /// Word problems with a chain of whole-number operations.
    Math,
    /// Graph search: to which of two nouns does a person's noun lead?
    Prosqa,
    /// A chain of rules that ends in a property: true or false?
    Prontoqa,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 3] = [Self::Math, Self::Prosqa, Self::Prontoqa];

    /// Returns the name used on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Math => "math",
            Self::Prosqa => "prosqa",
            Self::Prontoqa => "prontoqa",
        }
    }

    /// Returns the default number of extra facts of a logic problem.
    pub(super) fn default_extra_facts(self, split: Split) -> RangeInclusive<usize> {
        match (self, split) {
            (Self::Math, _) => 0..=0,
            // A longer chain needs more facts around it; otherwise its decoy would be the shorter one.
            (_, Split::Hard) => 6..=10,
            (Self::Prosqa, _) => 4..=8,
            (Self::Prontoqa, _) => 3..=6,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Family {
    type Err = GenerateError;

    fn from_str(text: &str) -> Result<Self, GenerateError> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == text)
            .ok_or_else(|| GenerateError::UnknownName(text.to_owned()))
    }
}

/// A part of the problem space.
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

    /// Returns the name used on the command line and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Test => "test",
            Self::Hard => "hard",
        }
    }

    /// Returns the step counts allowed in this split.
    #[must_use]
    pub fn allowed_steps(self, family: Family) -> RangeInclusive<usize> {
        match (self, family) {
            (Self::Hard, Family::Math) => 5..=6,
            (Self::Hard, _) => 5..=8,
            (_, Family::Math) => 1..=4,
            (_, _) => 2..=4,
        }
    }

    /// Returns the default step counts.
    #[must_use]
    pub fn default_steps(self, family: Family) -> RangeInclusive<usize> {
        match self {
            Self::Hard => 5..=6,
            _ => self.allowed_steps(family),
        }
    }

    /// Returns whether a problem with this skeleton belongs to the split.
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

/// Returns FNV-1a with a final mix. Without the mix, the lowest bit is the parity of the text, and the test split would contain
/// only one parity of digits.
pub(super) fn stable_hash(text: &str) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in text.bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_never_changes() {
        // A change would move problems between the splits on which models were trained.
        assert_eq!(stable_hash(""), 0xf52a_15e9_a9b5_e89b);
        assert_eq!(stable_hash("<<12+7=19>>"), 0x26ae_063c_b831_c31c);
    }

    #[test]
    fn a_tenth_of_the_skeletons_is_for_test_whatever_their_parity() {
        for parity in 0..2 {
            let skeletons = (0..10_000).map(|i| format!("<<{}>>", 2 * i + parity));
            let test = skeletons.filter(|s| Split::Test.admits(s)).count();
            assert!((900..=1100).contains(&test), "{test}");
        }
    }

    #[test]
    fn hard_problems_have_more_steps_than_any_other() {
        for family in Family::ALL {
            let most = Split::Train.allowed_steps(family);
            assert_eq!(most, Split::Test.allowed_steps(family));
            assert!(Split::Hard.allowed_steps(family).start() > most.end());
        }
    }

    #[test]
    fn names_read_back() {
        for split in Split::ALL {
            assert_eq!(split.to_string().parse(), Ok(split));
        }
        for family in Family::ALL {
            assert_eq!(family.to_string().parse(), Ok(family));
        }
        assert!("dev".parse::<Split>().is_err());
    }
}
