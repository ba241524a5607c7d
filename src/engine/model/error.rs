//! Errors of the model layer; each names the file, flag or tensor and a remedy.

use std::path::Path;

use thiserror::Error;

/// The result type of the model layer.
pub type Result<T> = std::result::Result<T, ModelError>;

/// An error of the model layer.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ModelError {
    /// The name is neither a bundled model nor a path.
    #[error("no model called {name:?}")]
    UnknownModel {
        /// The requested name.
        name: String,
    },
    /// A file could not be read.
    #[error("cannot read {path}: {reason}")]
    Read {
        /// The file.
        path: String,
        /// The operating system's reason.
        reason: String,
    },
    /// The configuration is unusable.
    #[error("cannot use the configuration of {model}: {reason}")]
    Config {
        /// The model.
        model: String,
        /// The field and the problem.
        reason: String,
    },
    /// The weights file is invalid.
    #[error("cannot read the weights of {model}: {reason}")]
    Weights {
        /// The model.
        model: String,
        /// The reason.
        reason: String,
    },
    /// The weights differ from those published under this name.
    #[error(
        "the weights of {model} are damaged: their SHA-256 is {actual}, but the hub stated {stated}"
    )]
    Damaged {
        /// The published id.
        model: String,
        /// The actual hash.
        actual: String,
        /// The hash that the hub stated.
        stated: String,
    },
    /// The file lacks a tensor that the architecture needs.
    #[error("{file}: no tensor {name:?} (expected shape {expected})")]
    MissingTensor {
        /// The checkpoint.
        file: String,
        /// The tensor's name in the file.
        name: String,
        /// The expected shape.
        expected: String,
    },
    /// A tensor has the wrong shape or type.
    #[error("{file}: tensor {name:?} is {actual}, expected {expected}")]
    WrongTensor {
        /// The checkpoint.
        file: String,
        /// The tensor's name in the file.
        name: String,
        /// The actual shape or type.
        actual: String,
        /// The expected shape or type.
        expected: String,
    },
    /// The file contains tensors that the architecture does not use.
    #[error("{file}: unexpected tensor {name:?} ({count} unexpected in all)")]
    UnexpectedTensor {
        /// The checkpoint.
        file: String,
        /// The name of the first one.
        name: String,
        /// The number of unexpected tensors.
        count: usize,
    },
    /// A tuned lens is unusable, in general or with this model.
    #[error("cannot use {lens}: {reason}")]
    Lens {
        /// The lens's folder, or the model whose bundled lens it is.
        lens: String,
        /// The reason.
        reason: String,
    },
    /// The tokenizer is unusable or failed.
    #[error("cannot use the tokenizer of {model}: {reason}")]
    Tokenizer {
        /// The tokenizer's file, or the model if there is no file.
        model: String,
        /// The reason.
        reason: String,
    },
    /// There is no tokenizer beside the checkpoint, and the base's is not available.
    #[error("no tokenizer.json for {model}")]
    NoTokenizer {
        /// The model.
        model: String,
        /// The base whose tokenizer it needs.
        base: String,
    },
    /// The model cannot process a question or call.
    #[error("{reason}")]
    Input {
        /// The reason.
        reason: String,
        /// The remedy.
        hint: String,
    },
    /// A self-test at load failed: the results cannot be trusted.
    #[error(
        "{model}: self-test \"{check}\" failed: difference {difference:.3e}, tolerance {tolerance:.0e}"
    )]
    SelfTest {
        /// The model.
        model: String,
        /// The name of the check.
        check: &'static str,
        /// The measured difference.
        difference: f64,
        /// The allowed difference.
        tolerance: f64,
    },
    /// The device is out of memory.
    #[error("not enough memory on the device: {0}")]
    OutOfMemory(String),
    /// The tensor library reported an error.
    #[error("computation failed: {0}")]
    Compute(String),
    /// The work was cancelled.
    #[error("cancelled")]
    Cancelled,
}

/// Errors that the user can fix become usage errors, all others model errors.
impl From<ModelError> for crate::core::error::Error {
    fn from(error: ModelError) -> Self {
        match error.kind() {
            ErrorKind::Usage => Self::usage_with_hint(error.to_string(), error.hint()),
            _ => Self::model(error.to_string(), error.hint()),
        }
    }
}

/// The kind of failure; decides the exit code and whether a retry makes sense.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The user can fix the name, path or question.
    Usage,
    /// The checkpoint is unusable.
    Checkpoint,
    /// The engine failed.
    Engine,
    /// The work was cancelled; not a failure.
    Cancelled,
}

impl ModelError {
    /// Returns the kind of failure.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::UnknownModel { .. } | Self::Input { .. } => ErrorKind::Usage,
            Self::Read { .. }
            | Self::Config { .. }
            | Self::Weights { .. }
            | Self::Damaged { .. }
            | Self::MissingTensor { .. }
            | Self::WrongTensor { .. }
            | Self::UnexpectedTensor { .. }
            | Self::Lens { .. }
            | Self::Tokenizer { .. }
            | Self::NoTokenizer { .. } => ErrorKind::Checkpoint,
            Self::SelfTest { .. } | Self::OutOfMemory(_) | Self::Compute(_) => ErrorKind::Engine,
            Self::Cancelled => ErrorKind::Cancelled,
        }
    }

    /// Returns a hint for the user, in one sentence.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::UnknownModel { .. } => format!(
                "name a bundled model ({}) or a checkpoint folder",
                super::bundled_names().join(", ")
            ),
            Self::Read { .. } => {
                "name a checkpoint file, or a folder that holds one with its config.json and tokenizer.json".into()
            }
            Self::Config { .. } => {
                "docs/checkpoints.md names the fields of config.json and of its \"undertone\" object".into()
            }
            Self::Weights { .. } => {
                "check that the file is a whole checkpoint (`undertone fetch ID` downloads and verifies published ones)".into()
            },
            Self::Damaged { model, .. } => format!(
                "with network access, run `undertone fetch {model}` to download the damaged files again"
            ),
            Self::MissingTensor { name, .. } if name.ends_with("lm_head.weight") => {
                "take a file that holds the output table, or set \"tie_word_embeddings\": true in config.json if the model was trained so".into()
            }
            Self::MissingTensor { .. } => {
                "this looks like a checkpoint of another family or architecture; check \"family\" in config.json".into()
            }
            Self::WrongTensor { expected, .. } if expected.starts_with("F16") => {
                "save the weights again as F32, F16 or BF16".into()
            }
            Self::WrongTensor { expected, .. } if expected == "finite values" => {
                "the training diverged or the file is damaged: take another checkpoint".into()
            }
            Self::WrongTensor { .. } => {
                "config.json and the weights do not belong together; check the sizes in config.json".into()
            }
            Self::UnexpectedTensor { name, .. } => unexpected(name).into(),
            Self::Lens { .. } => {
                "fit one to this very model: undertone lens fit --model M --data FILE --out DIR".into()
            }
            Self::Tokenizer { .. } => "use the tokenizer.json that the model was trained with".into(),
            Self::NoTokenizer { base, .. } => {
                format!("put the tokenizer.json of {base} beside it, or name it with --tokenizer FILE")
            }
            Self::Input { hint, .. } => hint.clone(),
            Self::SelfTest { .. } => {
                "no figure of this model can be trusted here; try the CPU build, or report the checkpoint".into()
            }
            Self::OutOfMemory(_) => {
                "pass --device cpu, or --dtype bf16 for half the memory, or close other programs that use the GPU".into()
            }
            Self::Compute(_) => "try again; if the error persists, report it with the model's name".into(),
            Self::Cancelled => "run it again to get a result".into(),
        }
    }

    /// Converts the error to one of loading `model`, so that errors about a question or the engine name the checkpoint.
    pub(crate) fn at_load(self, model: &str) -> Self {
        match self {
            Self::Input { reason, .. } => Self::config(
                model,
                format!("it cannot run the question of the self-tests: {reason}"),
            ),
            Self::Compute(reason) => {
                Self::weights(model, format!("they cannot be computed with: {reason}"))
            }
            other => other,
        }
    }

    /// Creates the error for an unreadable file; long reasons are truncated, as in the following ones.
    pub(crate) fn read(path: &Path, reason: impl Into<String>) -> Self {
        Self::Read {
            path: path.display().to_string(),
            reason: short(reason.into()),
        }
    }

    /// Creates the error for an unusable configuration.
    pub(crate) fn config(model: &str, reason: impl Into<String>) -> Self {
        Self::Config {
            model: model.to_owned(),
            reason: short(reason.into()),
        }
    }

    /// Creates the error for an invalid weights file.
    pub(crate) fn weights(model: &str, reason: impl Into<String>) -> Self {
        Self::Weights {
            model: model.to_owned(),
            reason: short(reason.into()),
        }
    }

    /// Creates the error for an unusable tokenizer.
    pub(crate) fn tokenizer(model: &str, reason: impl Into<String>) -> Self {
        Self::Tokenizer {
            model: model.to_owned(),
            reason: short(reason.into()),
        }
    }

    /// Creates the error for a call that this program should not have made.
    pub(crate) fn input(reason: impl Into<String>) -> Self {
        Self::refused(
            reason,
            "this is a bug: please report it with the command or the keys that led here",
        )
    }

    /// Creates the error for a user request that cannot be served: the reason and a remedy.
    pub(crate) fn refused(reason: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Input {
            reason: reason.into(),
            hint: hint.into(),
        }
    }
}

/// Returns a hint about an unexpected tensor, based on its name.
fn unexpected(name: &str) -> &'static str {
    let ends = |with: &[&str]| with.iter().any(|end| name.ends_with(end));
    let is_head = ["score.", "classifier.", "v_head.", "qa_outputs."];
    if name.contains("lora_") {
        "low-rank branches are read as CODI stores them (lora_A.default.weight and lora_B.default.weight); merge others into the weights first"
    } else if ends(&["_proj.bias", "q_norm.weight", "k_norm.weight"]) {
        "it belongs to another architecture, such as Qwen; only GPT-2 and Llama are supported"
    } else if is_head.iter().any(|head| name.starts_with(head)) {
        "it is a head for another task: save the model without it"
    } else {
        "nothing is loaded in part: save the model without what does not belong to it, or check \"family\" and \"model_type\" in config.json"
    }
}

/// Truncates a reason to screen size: parsers quote invalid input at any length.
fn short(mut reason: String) -> String {
    const LONGEST: usize = 400;
    if reason.len() > LONGEST {
        reason.truncate(reason.floor_char_boundary(LONGEST));
        reason.push('…');
    }
    reason
}

impl From<candle_core::Error> for ModelError {
    fn from(error: candle_core::Error) -> Self {
        // A backtrace follows the first line.
        let text = error.to_string();
        let first = text.lines().next().unwrap_or_default().to_owned();
        // The library passes the driver's message through without an error kind.
        let words = first.to_lowercase();
        if words.contains("out of memory") || words.contains("out_of_memory") {
            Self::OutOfMemory(first)
        } else {
            Self::Compute(first)
        }
    }
}
