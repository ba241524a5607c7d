//! How a loaded model's tokenizer splits numbers, for the published searches (docs/methods.md M5.2, M6.7b).

use crate::core::datasets::numbers::int;
use crate::engine::model::Model;
use crate::verify::paper::tokens::Cut;

/// The tokenizer of a loaded model.
pub(super) struct Own<'a>(pub(super) &'a Model);

impl Own<'_> {
    fn pieces(&self, text: &str) -> Vec<String> {
        let ids = self.0.encode_text(text).unwrap_or_default();
        ids.into_iter().map(|id| self.0.token_text(id)).collect()
    }

    /// Returns the first token that is a non-zero integer, else the first token.
    fn representative(&self, text: &str) -> String {
        let pieces = self.pieces(text);
        let is_number = |piece: &&String| int(piece).is_some_and(|value| value != 0);
        let found = pieces.iter().find(is_number).or(pieces.first());
        found.cloned().unwrap_or_default()
    }
}

impl Cut for Own<'_> {
    fn representatives(&self, number: &str) -> [String; 2] {
        [number.to_owned(), format!(" {number}")].map(|text| self.representative(&text))
    }

    fn is_single(&self, number: &str) -> bool {
        let ids = self.0.encode_text(number).unwrap_or_default();
        matches!(ids.as_slice(), [id] if !self.0.is_unknown(*id))
    }
}
