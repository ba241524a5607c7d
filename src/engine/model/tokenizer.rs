//! Converts text to ids and back, with byte offsets, and finds words missing from the vocabulary.

use std::collections::HashMap;
use std::ops::Range;

use serde::Deserialize;
use serde_json::Value;
use tokenizers::models::ModelWrapper;

use super::error::{ModelError, Result};
use super::guard::guarded;
use super::source::{foreign_file, without_bom};

/// A loaded tokenizer.json.
pub struct Tokenizer {
    inner: tokenizers::Tokenizer,
    model: String,
    unknown: Option<u32>,
}

/// A word of the question missing from the vocabulary; the model gets the unknown token instead.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnknownWord {
    /// Position of its first token in the prompt.
    pub position: usize,
    /// The word as typed.
    pub text: String,
    /// Its byte range in the question.
    pub range: Range<usize>,
}

/// An encoded text.
pub(crate) struct Encoded {
    pub(crate) ids: Vec<u32>,
    /// The byte range of each token in the text; empty for tokens without text.
    pub(crate) offsets: Vec<(usize, usize)>,
}

impl Tokenizer {
    /// Reads a tokenizer.json.
    pub(crate) fn parse(model: &str, json: &[u8]) -> Result<Self> {
        let fail = |reason: String| ModelError::tokenizer(model, reason);
        let json = without_bom(json);
        check(json).map_err(fail)?;
        let inner = guarded(|| tokenizers::Tokenizer::from_bytes(json).map_err(|e| e.to_string()));
        let mut inner = inner
            .unwrap_or_else(|| Err("its parts contradict each other".to_owned()))
            .map_err(fail)?;
        // Truncation and padding serve training batches; questions are used unchanged.
        inner.with_padding(None);
        if inner.with_truncation(None).is_err() {
            return Err(fail("its truncation settings are invalid".to_owned()));
        }
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
            // Byte-level vocabularies cover every text.
            _ => None,
        };
        Ok(Self {
            inner,
            model: model.into(),
            unknown,
        })
    }

    /// Returns whether it adds a token before every text.
    pub(crate) fn adds_a_start(&self) -> Result<bool> {
        let (plain, special) = (self.encoded("a", false)?, self.encoded("a", true)?);
        Ok(special.ids.first() != plain.ids.first())
    }

    /// Returns the largest id plus one.
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

    /// Encodes a text unchanged, without special tokens.
    pub(crate) fn encode(&self, text: &str) -> Result<Vec<u32>> {
        Ok(self.encoded(text, false)?.ids)
    }

    /// Encodes a text with byte offsets; `special` adds the tokenizer's special tokens (Llama's BOS).
    pub(crate) fn encoded(&self, text: &str, special: bool) -> Result<Encoded> {
        let encoding = self.call(|inner| inner.encode(text, special))?;
        Ok(Encoded {
            ids: encoding.get_ids().to_vec(),
            offsets: encoding.get_offsets().to_vec(),
        })
    }

    /// Decodes ids; special tokens are kept unless `skip_special`.
    pub(crate) fn decode(&self, ids: &[u32], skip_special: bool) -> Result<String> {
        self.call(|inner| inner.decode(ids, skip_special))
    }

    /// Calls the library; both its errors and its panics mean that the tokenizer cannot handle this text.
    fn call<T>(
        &self,
        call: impl FnOnce(&tokenizers::Tokenizer) -> tokenizers::Result<T>,
    ) -> Result<T> {
        let result = guarded(|| call(&self.inner).map_err(|e| e.to_string()));
        result
            .unwrap_or_else(|| {
                Err("the rules of tokenizer.json do not work on every text".to_owned())
            })
            .map_err(|reason| ModelError::tokenizer(&self.model, reason))
    }

    /// Returns one token's text; `<|id|>` for ids that the tokenizer lacks.
    pub(crate) fn token_text(&self, id: u32) -> String {
        if self.inner.id_to_token(id).is_none() {
            return format!("<|{id}|>");
        }
        self.decode(&[id], false)
            .unwrap_or_else(|_| format!("<|{id}|>"))
    }

    /// Lists the unknown words of a question; adjacent unknown tokens form one word.
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

/// The fields that are checked before the library reads the file.
#[derive(Deserialize)]
struct Looked {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    decoder: Value,
    model: Option<LookedModel>,
}

#[derive(Deserialize)]
struct LookedModel {
    #[serde(rename = "type")]
    kind: Option<String>,
    continuing_subword_prefix: Option<String>,
}

/// The maximum growth factor of a text in normalization.
const MOST_GROWTH: f64 = 4096.0;

/// Rejects files that the library would fail on without an error.
fn check(json: &[u8]) -> std::result::Result<(), String> {
    if let Some(what) = foreign_file(json) {
        return Err(what);
    }
    let file: Looked = serde_json::from_slice(json).map_err(|e| e.to_string())?;
    let Some(model) = file.model else {
        let words: std::result::Result<HashMap<String, u32>, _> = serde_json::from_slice(json);
        return Err(match words {
            Ok(_) => "it is a vocab.json, without tokenization rules; name the tokenizer.json",
            Err(_) => "it has no \"model\": it is not a tokenizer.json of the tokenizers library",
        }
        .to_owned());
    };
    // The library cuts this number of bytes off a word regardless of character boundaries. Only WordPiece vocabularies need a prefix.
    let prefix = model.continuing_subword_prefix.unwrap_or_default();
    if model.kind.as_deref() != Some("WordPiece") && !prefix.is_empty() {
        return Err("continuing_subword_prefix is not supported but for WordPiece".to_owned());
    }
    let rules = [file.normalizer, file.pre_tokenizer, file.decoder];
    // A few rules that each double a text would exhaust memory.
    if rules.iter().any(|rule| growth(rule) > MOST_GROWTH) {
        return Err("its rules could expand a text thousands of times".to_owned());
    }
    Ok(())
}

/// Returns an upper bound on the growth factor of some rules.
fn growth(rules: &Value) -> f64 {
    match rules {
        Value::Array(list) => list.iter().map(growth).product(),
        Value::Object(map) => {
            #[expect(clippy::cast_precision_loss, reason = "only the size matters")]
            let length = |field| {
                let text = map.get(field).and_then(Value::as_str);
                text.map_or(1.0, |text| 1.0 + text.len() as f64)
            };
            let own = match map.get("type").and_then(Value::as_str) {
                Some("Replace") => length("content"),
                Some("Prepend") => length("prepend"),
                Some("Metaspace") => length("replacement"),
                Some("ByteLevel") => 2.0,
                _ => 1.0,
            };
            own * map.values().map(growth).product::<f64>()
        }
        _ => 1.0,
    }
}
