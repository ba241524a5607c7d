//! The special ids and prompt rules of a family (docs/methods.md M1.3, M1.4, M1.6, M1.7).

use super::config::{Arch, Config};
use super::error::{ModelError, Result};
use super::family::Family;
use super::options::{Behaviour, SpecialTokens};
use super::tokenizer::Tokenizer;
use crate::core::types::Task;

/// The ids and rules that turn a question into a prompt and a generation into an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Markers {
    /// Opens the latent phase; `None` for the kinds without latents.
    pub start: Option<u32>,
    /// Closes the latent phase.
    pub end: Option<u32>,
    /// Placeholder id of a latent, if the family has one.
    pub latent: Option<u32>,
    /// Precedes the marker after the question: the multi-mode kinds on Llama end the user's turn.
    pub turn_end: Option<u32>,
    /// The ids before an answer.
    pub delimiter: Vec<u32>,
    /// The delimiter as text.
    pub delimiter_text: &'static str,
    /// Ids that end a generation.
    pub stop: Vec<u32>,
    /// Whether a newline follows the question.
    pub newline: bool,
    /// The upper bound of generated ids; CODI excludes its end marker.
    pub answer_vocab: usize,
    /// Whether the first generated id is kept even if it is a stop id (docs/methods.md Q1).
    pub keeps_first: bool,
}

impl Markers {
    /// Finds the ids: from the user's options, by name in the tokenizer, else by position after the base vocabulary.
    ///
    /// # Errors
    /// [`ModelError::Config`] or [`ModelError::Tokenizer`] if an id cannot be determined.
    pub(crate) fn find(
        model: &str,
        config: &Config,
        options: Option<SpecialTokens>,
        tokenizer: &Tokenizer,
        vocab: usize,
    ) -> Result<Self> {
        let fail = |reason: String| ModelError::config(model, reason);
        let family = config.family;
        let special = match options {
            _ if !family.has_latents() => None,
            Some(tokens) => Some(tokens),
            None => Some(match by_name(family, tokenizer) {
                Some(tokens) => tokens,
                None => by_place(config, vocab).map_err(fail)?,
            }),
        };
        let multimode = matches!(family, Family::MultimodeCoconut | Family::MultimodeCodi);
        let llama = matches!(config.arch, Arch::Llama(_));
        let turn_end = (multimode && llama)
            .then(|| {
                let id = tokenizer.id_of(TURN_END);
                id.ok_or_else(|| fail(format!("the tokenizer has no {TURN_END}")))
            })
            .transpose()?;
        let stop = stop_ids(config, tokenizer);
        if stop.is_empty() {
            return Err(fail("no eos_token_id".into()));
        }
        let (start, end) = (special.map(|s| s.start), special.map(|s| s.end));
        let latent = special.and_then(|s| s.latent);
        for id in [start, end, latent]
            .into_iter()
            .flatten()
            .chain(stop.clone())
        {
            if id as usize >= vocab {
                return Err(fail(format!(
                    "special id {id} is outside the {vocab} rows of the vocabulary"
                )));
            }
        }
        let delimiter_text = if family.is_codi() {
            "The answer is:"
        } else {
            "###"
        };
        let delimiter = tokenizer.encode(delimiter_text)?;
        if delimiter.is_empty() || delimiter.iter().any(|&id| tokenizer.is_unknown(id)) {
            let reason = format!("it cannot encode the delimiter {delimiter_text:?}");
            return Err(ModelError::tokenizer(model, reason));
        }
        let answer_vocab = match (family, end) {
            (Family::Codi, Some(end)) => end as usize,
            _ => vocab,
        };
        Ok(Self {
            start,
            end,
            latent,
            turn_end,
            delimiter,
            delimiter_text,
            stop,
            newline: !family.is_codi() || mends_newline(config),
            answer_vocab,
            keeps_first: family.has_latents() && !family.is_codi(),
        })
    }

    /// Returns whether an id is a marker or an end token, which questions must not contain.
    #[must_use]
    pub fn is_control(&self, id: u32) -> bool {
        [self.start, self.end, self.latent, self.turn_end].contains(&Some(id))
            || self.stop.contains(&id)
    }
}

/// The end of a turn in Llama's Instruct vocabulary, and of generations in most kinds.
const TURN_END: &str = "<|eot_id|>";

fn by_name(family: Family, tokenizer: &Tokenizer) -> Option<SpecialTokens> {
    let [start, end, latent] = match family {
        Family::Coconut | Family::Pause => ["<|start-latent|>", "<|end-latent|>", "<|latent|>"],
        Family::MultimodeCoconut => ["<|bocot|>", "<|eocot|>", "<|latent|>"],
        // CODI adds rows to the model only.
        Family::Codi | Family::MultimodeCodi | Family::Cot | Family::NoCot => return None,
    };
    Some(SpecialTokens {
        start: tokenizer.id_of(start)?,
        end: tokenizer.id_of(end)?,
        latent: Some(tokenizer.id_of(latent)?),
    })
}

fn by_place(config: &Config, vocab: usize) -> std::result::Result<SpecialTokens, String> {
    let family = config.family;
    let added = family.added_tokens();
    let base = config
        .base_vocab
        .filter(|base| base + added == vocab)
        .ok_or_else(|| {
            format!(
                "the vocabulary has {vocab} rows, which is not a known base and the {added} special tokens of \
                 {}: name their ids with --special-tokens, or the kind with --family",
                family.as_str()
            )
        })?;
    let row = |i: usize| u32::try_from(base + i).map_err(|_| "vocab_size is too large".to_owned());
    Ok(match family {
        // CODI's first added row is its padding.
        Family::Codi => SpecialTokens {
            start: row(1)?,
            end: row(2)?,
            latent: None,
        },
        _ => SpecialTokens {
            start: row(0)?,
            end: row(1)?,
            latent: (added == 3).then(|| row(2)).transpose()?,
        },
    })
}

/// Returns whether a CODI question gets the newline that its model saw in training on the logic sets, and that the published
/// evaluation omits (docs/methods.md Q3).
fn mends_newline(config: &Config) -> bool {
    config.behaviour == Behaviour::Fixed && config.task == Task::Logic
}

/// Returns the stop ids: the end of turn for latent kinds on Llama, else the ids in config.json, else `<|endoftext|>`
/// (docs/methods.md M1.9).
fn stop_ids(config: &Config, tokenizer: &Tokenizer) -> Vec<u32> {
    let listed = config.arch.eos();
    if config.family.has_latents()
        && matches!(config.arch, Arch::Llama(_))
        && let Some(id) = tokenizer.id_of(TURN_END)
    {
        return vec![id];
    }
    if listed.is_empty() {
        return tokenizer.id_of("<|endoftext|>").into_iter().collect();
    }
    listed
}
