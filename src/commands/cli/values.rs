//! The values of options that are types of the library: their names, and the help that is shown for each.

use clap::ValueEnum;
use clap::builder::PossibleValue;

use crate::core::problem;
use crate::core::types::{AblationValue, Direction, Mode, Propagation, Site, Task};
use crate::engine::model::{Base, Behaviour, Family, Precision};
use crate::lab::rows::header::Protocol;
use crate::lab::rows::row::Experiment;

/// Lets an option take the values of a type, except those that are named as such.
macro_rules! option_values {
    ($type:ty $(, except $($other:ident),+)? { $($value:ident $name:literal $(or $alias:literal)?: $help:literal),+ $(,)? }) => {
        impl ValueEnum for $type {
            fn value_variants<'a>() -> &'a [Self] {
                &[$(Self::$value),+]
            }

            fn to_possible_value(&self) -> Option<PossibleValue> {
                match self {
                    $(Self::$value => Some(PossibleValue::new($name)$(.alias($alias))?.help($help)),)+
                    $($(Self::$other => None,)+)?
                }
            }
        }
    };
}

option_values!(AblationValue {
    Resample "resample": "Other problems' latents at the same position, several in turn",
    Mean "mean": "The mean at that position",
    Zero "zero": "The zero vector",
    Noise "noise": "Noise with the mean and spread of that position, several draws",
    Permute "permute": "The latents that are off are permuted, several permutations",
    Skip "skip": "Nothing: the latent is left out",
    Token "token": "The input embedding of the latent's top decoded token",
    Donor "donor": "A chosen latent of a chosen problem",
    KvBlock "kv-block": "The latent itself, which no later position may attend to",
});

option_values!(Site {
    Input "input": "The vector that is fed",
    Hidden "hidden": "The hidden state that becomes the latent, ahead of CODI's projection",
    Kv "kv": "The key-value entries that the latent leaves",
});

option_values!(Propagation {
    Total "total": "They are recomputed",
    Direct "direct": "They are held at their clean values",
});

option_values!(Direction {
    Noising "noising": "Is it necessary: latents are switched off in a clean run",
    Denoising "denoising": "Is it sufficient: latents get their clean values in a run where the others are off",
});

option_values!(Experiment, except Problem {
    Accuracy "accuracy": "The answer in every mode",
    EarlyStopping "early-stopping": "The answer forced after each number of latents",
    Ablation "ablation": "Latents switched off",
    Backtracking "backtracking": "The gold trace in the decoded latents",
    ForwardChaining "forward-chaining": "A trace without the gold one",
    Verdict "verdict": "The verdict with its evidence",
});

option_values!(Protocol {
    Default "default": "Ours: five tokens a latent, exact numbers, a null for every search",
    Paper "paper": "The paper's: ten tokens a latent, its searches and its verifier",
});

option_values!(Precision {
    F32 "f32": "Single precision throughout",
    Reference "reference": "As the published code: CODI's base in bf16, the rest in f32",
    Bf16 "bf16": "Half the memory, three digits",
    F16 "f16": "Half the memory, small range",
    Q8 "q8_0": "Half the memory and faster answers, two digits, on the CPU",
});

option_values!(Behaviour {
    Fixed "fixed": "Fixed",
    Reference "reference": "As published",
});

option_values!(Mode {
    Latent "latent": "With latent tokens",
    Direct "direct": "The answer straight after the question",
    Written "written": "The steps in words first",
});

option_values!(Family {
    Coconut "coconut": "The state is fed back",
    MultimodeCoconut "multimode-coconut": "Coconut with a direct and a written mode",
    Codi "codi": "The state is fed back through a projection",
    MultimodeCodi "multimode-codi": "CODI with a direct and a written mode",
    Pause "pause": "A control: a learned vector is fed",
    Cot "cot": "A control: steps in words",
    NoCot "no-cot": "A control: no steps",
});

option_values!(Base {
    Gpt2 "gpt2": "GPT-2, any published size",
    Llama32 "llama-3.2-1b" or "llama-3.2-3b": "Llama 3.2",
});

option_values!(Task, except Unknown {
    Math "math": "Arithmetic word problems",
    Logic "logic": "Is-a problems",
});

option_values!(problem::Family {
    Math "math": "Arithmetic word problems",
    Prosqa "prosqa": "Which of two nouns a person's noun leads to",
    Prontoqa "prontoqa": "Whether a chain of rules holds",
});

option_values!(problem::Split {
    Train "train": "What models are trained on",
    Test "test": "What they are measured on",
    Hard "hard": "More steps than in training",
});

#[cfg(test)]
mod tests {
    use super::*;

    fn name(value: &impl ValueEnum) -> String {
        let value = value.to_possible_value().expect("it can be given");
        value.get_name().to_owned()
    }

    #[test]
    fn values_have_the_names_of_the_library() {
        for value in AblationValue::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Site::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Propagation::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Direction::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Mode::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Family::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Precision::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Behaviour::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Protocol::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Experiment::value_variants() {
            assert_eq!(name(value), value.as_str());
        }
        for value in Base::value_variants() {
            assert_eq!(name(value), value.to_string());
        }
        assert_eq!(AblationValue::value_variants(), AblationValue::ALL);
        assert!(Task::Unknown.to_possible_value().is_none());
    }
}
