//! User options for a checkpoint, which supplement or override its files.

use super::family::{Base, Family};
use crate::core::types::Task;

/// The compute precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Everything in `f32`: required for a verdict.
    #[default]
    F32,
    /// As in the published code: CODI's base in `bf16`, its low-rank branch and the rest in `f32` (docs/methods.md M1.7, M8.5).
    Reference,
    /// Weights and activations in `bf16`.
    Bf16,
    /// Weights and activations in `f16`.
    F16,
    /// Matrices in blocks of eight-bit numbers, the rest in `f32`; for large models on a CPU: half the memory.
    Q8,
}

impl Precision {
    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Reference => "reference",
            Self::Bf16 => "bf16",
            Self::F16 => "f16",
            Self::Q8 => "q8_0",
        }
    }
}

/// Whether the published code's known oddities are reproduced (docs/methods.md M10, the mended ones).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Behaviour {
    /// As in the published code.
    Reference,
    /// Corrected.
    #[default]
    Fixed,
}

impl Behaviour {
    /// Returns the name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Fixed => "fixed",
        }
    }
}

/// The ids of special tokens, for checkpoints where neither the tokenizer nor the number of rows reveals them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Opens the latent phase.
    pub start: u32,
    /// Closes the latent phase.
    pub end: u32,
    /// Placeholder of a latent, if there is one.
    pub latent: Option<u32>,
}

/// The user's options for a checkpoint; everything else comes from its files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// The kind of model.
    pub family: Option<Family>,
    /// The base model, if there is no config.json.
    pub base: Option<Base>,
    /// The task, which selects the verifier.
    pub task: Option<Task>,
    /// The default number of latent tokens.
    pub latents: Option<usize>,
    /// Alpha of the low-rank branches.
    pub lora_alpha: Option<f64>,
    /// Ids of the special tokens.
    pub special_tokens: Option<SpecialTokens>,
    /// The compute precision.
    pub precision: Precision,
    /// Whether known oddities are reproduced.
    pub behaviour: Behaviour,
    /// A control: shuffles the values of every matrix with this seed, which removes all knowledge but keeps the model's other
    /// properties.
    pub shuffled: Option<u64>,
}
