//! What the user may say about a checkpoint that its files do not say, or say wrongly.

use super::family::{Base, Family};
use crate::core::types::Task;

/// What numbers are computed in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Precision {
    /// Everything in `f32`: what a verdict needs.
    #[default]
    F32,
    /// As the published code runs it: CODI's base in `bf16` with the low-rank branch in `f32`, the rest in `f32`
    /// (methods.md 2.2, 8.5).
    Reference,
    /// Weights and activations in `bf16`.
    Bf16,
    /// Weights and activations in `f16`.
    F16,
    /// The matrices in blocks of eight-bit numbers, the rest in `f32`: half the memory, for large models on a
    /// CPU.
    Q8,
}

impl Precision {
    /// The name used on the command line, on screen and in exports.
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

/// Whether the published code's known oddities are reproduced (methods.md 9, the items with a star).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Behaviour {
    /// As the published code does.
    Reference,
    /// Mended.
    #[default]
    Fixed,
}

impl Behaviour {
    /// The name used on the command line, on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Fixed => "fixed",
        }
    }
}

/// Ids of the special tokens, where neither the tokenizer nor the number of rows tells them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpecialTokens {
    /// Opens the latent phase.
    pub start: u32,
    /// Closes it.
    pub end: u32,
    /// Placeholder of a latent, where there is one.
    pub latent: Option<u32>,
}

/// What the user says about a checkpoint; everything else is read from its files.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct LoadOptions {
    /// The kind of model.
    pub family: Option<Family>,
    /// The base model, where there is no config.json.
    pub base: Option<Base>,
    /// Which verifier applies.
    pub task: Option<Task>,
    /// Latent tokens unless asked otherwise.
    pub latents: Option<usize>,
    /// Alpha of the low-rank branches.
    pub lora_alpha: Option<f64>,
    /// Ids of the special tokens.
    pub special_tokens: Option<SpecialTokens>,
    /// What numbers are computed in.
    pub precision: Precision,
    /// Whether known oddities are reproduced.
    pub behaviour: Behaviour,
    /// A control: the values of every matrix put in an order drawn from this seed, so that the model knows nothing and has
    /// everything else of the one it is made from.
    pub shuffled: Option<u64>,
}
