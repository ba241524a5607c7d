//! The special ids of a family and its prompt rules (methods.md 1.5, 1.6, 2.1, 2.2).

use super::config::{Config, Family};
use super::error::{ModelError, Result};
use super::tokenizer::Tokenizer;

/// Ids and rules that turn a question into a prompt and a generation into an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// Opens the latent phase.
    pub start: u32,
    /// Closes it.
    pub end: u32,
    /// Placeholder id of a latent, where the family has one.
    pub latent: Option<u32>,
    /// The ids before an answer.
    pub delimiter: Vec<u32>,
    /// The same as text.
    pub delimiter_text: &'static str,
    /// Ids that end a generation.
    pub stop: Vec<u32>,
    /// Whether a newline follows the question.
    pub newline: bool,
    /// Only ids below this are ever generated; CODI leaves out its end marker.
    pub answer_vocab: usize,
    /// Whether the first generated id is kept even if it is a stop id (methods.md 9, Q1).
    pub keeps_first: bool,
}

impl Markers {
    /// Finds the ids: by name in the tokenizer, else by their place after the base vocabulary.
    ///
    /// # Errors
    /// [`ModelError::Config`] or [`ModelError::Tokenizer`] if an id cannot be told.
    pub(crate) fn find(
        model: &str,
        config: &Config,
        tokenizer: &Tokenizer,
        vocab: usize,
    ) -> Result<Self> {
        let fail = |reason: String| ModelError::Config {
            model: model.into(),
            reason,
        };
        let names: Option<[&str; 3]> = match config.family {
            Family::Coconut => Some(["<|start-latent|>", "<|end-latent|>", "<|latent|>"]),
            Family::MultimodeCoconut => Some(["<|bocot|>", "<|eocot|>", "<|latent|>"]),
            // CODI adds rows to the model only.
            Family::Codi => None,
        };
        let by_name = names.and_then(|names| {
            let [start, end, latent] = names.map(|n| tokenizer.id_of(n));
            Some((start?, end?, latent?))
        });
        let (start, end, latent) = if let Some((start, end, latent)) = by_name {
            (start, end, Some(latent))
        } else {
            let base = config.gpt2.base_vocab;
            if vocab != base + 3 {
                return Err(fail(format!(
                    "the vocabulary has {vocab} rows, and {} needs vocab_size + 3 = {} or markers in the tokenizer",
                    config.family.as_str(),
                    base + 3
                )));
            }
            let row =
                |i| u32::try_from(base + i).map_err(|_| fail("vocab_size is too large".into()));
            match config.family {
                Family::Codi => (row(1)?, row(2)?, None),
                Family::Coconut | Family::MultimodeCoconut => (row(0)?, row(1)?, Some(row(2)?)),
            }
        };
        let eos = config
            .gpt2
            .eos
            .or_else(|| tokenizer.id_of("<|endoftext|>"))
            .ok_or_else(|| fail("no eos_token_id".into()))?;
        for id in [start, end, eos].into_iter().chain(latent) {
            if id as usize >= vocab {
                return Err(fail(format!(
                    "special id {id} is outside the {vocab} rows of the vocabulary"
                )));
            }
        }
        let codi = config.family == Family::Codi;
        let delimiter_text = if codi { "The answer is:" } else { "###" };
        let delimiter = tokenizer.encode(delimiter_text)?;
        if delimiter.is_empty() || delimiter.iter().any(|&id| tokenizer.is_unknown(id)) {
            return Err(ModelError::Tokenizer {
                model: model.into(),
                reason: format!("it cannot encode the delimiter {delimiter_text:?}"),
            });
        }
        Ok(Self {
            start,
            end,
            latent,
            delimiter,
            delimiter_text,
            stop: vec![eos],
            newline: !codi,
            answer_vocab: if codi { end as usize } else { vocab },
            keeps_first: !codi,
        })
    }

    /// Whether an id is a marker or an end token, which no question may hold.
    #[must_use]
    pub fn is_control(&self, id: u32) -> bool {
        id == self.start || id == self.end || self.latent == Some(id) || self.stop.contains(&id)
    }
}
