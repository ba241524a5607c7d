//! Text to ids and back, with byte offsets, and the words that the vocabulary lacks.

use std::ops::Range;

use tokenizers::models::ModelWrapper;

use super::error::{ModelError, Result};

/// A loaded tokenizer.json.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    model: String,
    unknown: Option<u32>,
}

/// A word of the question that the vocabulary lacks; the model sees the unknown token in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// Position of its first token in the prompt.
    pub position: usize,
    /// The word as typed.
    pub text: String,
    /// Its bytes in the question.
    pub range: Range<usize>,
}

/// An encoded text.
pub(crate) struct Encoded {
    pub(crate) ids: Vec<u32>,
    /// Byte range of each token in the text; empty for tokens that stand for no text.
    pub(crate) offsets: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    pub(crate) fn parse(model: &str, json: &[u8]) -> Result<Self> {
        let fail = |reason: String| ModelError::Tokenizer {
            model: model.into(),
            reason,
        };
        let inner = tokenizers::Tokenizer::from_bytes(json)
            .map_err(|e| fail(format!("tokenizer.json: {e}")))?;
        let unknown = match inner.get_model() {
            ModelWrapper::WordLevel(words) => {
                let name = &words.unk_token;
                // Without it the library drops words silently.
                Some(
                    inner
                        .token_to_id(name)
                        .ok_or_else(|| fail(format!("no unknown token {name:?}")))?,
                )
            }
            // Byte-level vocabularies know every text.
            _ => None,
        };
        Ok(Self {
            inner,
            model: model.into(),
            unknown,
        })
    }

    /// One past the largest id.
    pub(crate) fn vocab(&self) -> usize {
        let largest = self.inner.get_vocab(true).into_values().max();
        largest.map_or(0, |id| id as usize + 1)
    }

    pub(crate) fn id_of(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    pub(crate) fn is_unknown(&self, id: u32) -> bool {
        self.unknown == Some(id)
    }

    /// Encodes a text as it stands, without special tokens.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.encoded(text, false)?.ids)
    }

    /// Encodes a text with byte offsets; `special` adds what the tokenizer puts around a text (Llama's BOS).
    pub(crate) fn encoded(&self, text: &str, special: bool) -> Result<Encoded> {
        let encoding = self
            .inner
            .encode(text, special)
            .map_err(|e| ModelError::Tokenizer {
                model: self.model.clone(),
                reason: e.to_string(),
            })?;
        Ok(Encoded {
            ids: encoding.get_ids().to_vec(),
            offsets: encoding.get_offsets().to_vec(),
        })
    }

    /// Decodes ids; special tokens are kept unless `skip_special`.
    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        self.inner
            .decode(ids, skip_special)
            .map_err(|e| ModelError::Tokenizer {
                model: self.model.clone(),
                reason: e.to_string(),
            })
    }

    /// Returns one token's text; `<|id|>` for ids that only the model knows.
    pub(crate) fn token_text(&self, id: u32) -> String {
        if self.inner.id_to_token(id).is_none() {
            return format!("<|{id}|>");
        }
        self.inner
            .decode(&[id], false)
            .unwrap_or_else(|_| format!("<|{id}|>"))
    }

    /// Lists the unknown words of a question; unknown tokens that touch are one word.
    pub(crate) fn unknown_words(&self, question: &str, encoded: &Encoded) -> Vec<UnknownWord> {
        let mut words: Vec<UnknownWord> = Vec::new();
        for (position, (&id, &(start, end))) in encoded.ids.iter().zip(&encoded.offsets).enumerate()
        {
            if !self.is_unknown(id) || start >= end {
                continue;
            }
            match words.last_mut() {
                Some(word) if word.range.end == start => word.range.end = end,
                _ => words.push(UnknownWord {
                    position,
                    text: String::new(),
                    range: start..end,
                }),
            }
        }
        for word in &mut words {
            question
                .get(word.range.clone())
                .unwrap_or_default()
                .clone_into(&mut word.text);
        }
        words
    }
}
