//! The kinds of model, including the controls, and their base models.

use std::fmt;

use crate::core::types::Mode;

/// A kind of model: decides prompts, feedback and key prefixes (docs/methods.md M1, M8.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// Coconut: the state after the final norm is fed back.
    Coconut,
    /// Coconut trained with direct, written and latent mode side by side.
    MultimodeCoconut,
    /// CODI: the state goes through a projection before it is fed back.
    Codi,
    /// CODI trained with direct, written and latent mode side by side.
    MultimodeCodi,
    /// A control of Coconut: one learned vector is fed at every latent position, independent of the state.
    Pause,
    /// A control without latents: the steps are written out.
    Cot,
    /// A control without latents: the answer follows the question.
    NoCot,
}

impl Family {
    /// Every family, in the order of the documentation.
    pub const ALL: [Self; 7] = [
        Self::Coconut,
        Self::MultimodeCoconut,
        Self::Codi,
        Self::MultimodeCodi,
        Self::Pause,
        Self::Cot,
        Self::NoCot,
    ];

    /// Returns the name used in config.json, on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Coconut => "coconut",
            Self::MultimodeCoconut => "multimode-coconut",
            Self::Codi => "codi",
            Self::MultimodeCodi => "multimode-codi",
            Self::Pause => "pause",
            Self::Cot => "cot",
            Self::NoCot => "no-cot",
        }
    }

    /// Parses a name; accepts the training code's underscores as dashes.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let name = name.replace('_', "-").to_lowercase();
        Self::ALL.into_iter().find(|f| f.as_str() == name)
    }

    /// Returns the names of all families, for messages.
    #[must_use]
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Returns whether latents go through CODI's projection, and answers follow "The answer is:".
    #[must_use]
    pub fn is_codi(self) -> bool {
        matches!(self, Self::Codi | Self::MultimodeCodi)
    }

    /// Returns whether the model has latent tokens.
    #[must_use]
    pub fn has_latents(self) -> bool {
        !matches!(self, Self::Cot | Self::NoCot)
    }

    /// Returns the modes it is trained in, the default first.
    #[must_use]
    pub fn modes(self) -> &'static [Mode] {
        match self {
            Self::Coconut | Self::Codi | Self::Pause => &[Mode::Latent],
            Self::MultimodeCoconut | Self::MultimodeCodi => {
                &[Mode::Latent, Mode::Direct, Mode::Written]
            }
            Self::Cot => &[Mode::Written],
            Self::NoCot => &[Mode::Direct],
        }
    }

    /// Returns the number of special tokens that training added to the vocabulary (docs/methods.md M1.3).
    pub(crate) fn added_tokens(self) -> usize {
        match self {
            Self::Coconut | Self::MultimodeCoconut | Self::Codi | Self::Pause => 3,
            Self::MultimodeCodi => 2,
            Self::Cot | Self::NoCot => 0,
        }
    }
}

/// A base model whose sizes and vocabulary are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Base {
    /// GPT-2, any of its published sizes.
    Gpt2,
    /// Llama 3.2, 1B or 3B.
    Llama32,
}

impl Base {
    /// Returns the number of rows of its published vocabulary.
    #[must_use]
    pub fn vocab(self) -> usize {
        match self {
            Self::Gpt2 => 50_257,
            Self::Llama32 => 128_256,
        }
    }

    /// Returns the name of its architecture.
    #[must_use]
    pub fn arch(self) -> &'static str {
        match self {
            Self::Gpt2 => "gpt2",
            Self::Llama32 => "llama",
        }
    }
}

impl fmt::Display for Base {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gpt2 => "gpt2",
            Self::Llama32 => "llama-3.2-1b",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back_in_both_spellings() {
        for family in Family::ALL {
            assert_eq!(Family::parse(family.as_str()), Some(family));
            let underscored = family.as_str().replace('-', "_");
            assert_eq!(Family::parse(&underscored), Some(family));
            assert_eq!(
                family.has_latents(),
                family.modes().contains(&Mode::Latent),
                "{family:?}"
            );
            for mode in family.modes() {
                assert_eq!(Mode::parse(mode.as_str()), Some(*mode));
            }
        }
        assert_eq!(Family::parse("huginn"), None);
    }
}
