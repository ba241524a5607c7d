//! Converts questions to prompts, and generated ids to answers (docs/methods.md M1.4, M3.6).

use super::error::{ModelError, Result};
use super::tokenizer::UnknownWord;
use super::{Markers, Mode, Model};

/// A question as input of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    /// The ids; the mode's marker is last.
    pub ids: Vec<u32>,
    /// The number of ids before the marker, including the question's newline and an end of turn.
    pub n_question: usize,
    /// The byte range in the question of each of these ids; empty for an added newline.
    pub offsets: Vec<(usize, usize)>,
    /// The words missing from the vocabulary.
    pub unknown: Vec<UnknownWord>,
    /// The mode.
    pub mode: Mode,
}

impl Model {
    /// Builds a question's prompt, up to and including the start marker (latent, written) or the end marker (direct).
    ///
    /// # Errors
    /// [`ModelError::Input`] if the question is empty, contains a control token or does not fit, or if the model was not trained in
    /// the mode.
    pub fn prompt(&self, question: &str, mode: Mode) -> Result<Prompt> {
        if question.trim().is_empty() {
            return Err(ModelError::refused(
                "the question is empty",
                "type a question of at least one word",
            ));
        }
        if !self.config.modes.contains(&mode) {
            return Err(ModelError::refused(
                format!(
                    "{} was not trained in {} mode",
                    self.info.name,
                    mode.as_str()
                ),
                format!(
                    "choose a mode that it was trained in: {}",
                    self.info.modes.join(", ")
                ),
            ));
        }
        let markers = &self.markers;
        // The newline is encoded together with the question: some vocabularies merge the two.
        let needs_newline = markers.newline && !question.ends_with('\n');
        let newline = if needs_newline { "\n" } else { "" };
        let mut encoded = (self.tokenizer).encoded(&format!("{question}{newline}"), true)?;
        if let Some(&id) = encoded.ids.iter().find(|&&id| markers.is_control(id)) {
            let text = self.token_text(id);
            return Err(ModelError::refused(
                format!("the question holds the control token {text:?}"),
                "leave it out: it steers the model and is not part of a question",
            ));
        }
        for (start, end) in &mut encoded.offsets {
            *end = (*end).min(question.len());
            *start = (*start).min(*end);
        }
        let unknown = self.tokenizer.unknown_words(question, &encoded);
        let mut ids = encoded.ids;
        ids.extend(markers.turn_end);
        let n_question = ids.len();
        let needed = n_question + 2 + self.config.n_latents + markers.delimiter.len() + 1;
        if needed > self.max_positions() {
            return Err(ModelError::refused(
                format!(
                    "the question is too long: with latents and answer it needs {needed} positions, {} has {}",
                    self.info.name,
                    self.max_positions()
                ),
                "shorten the question, or choose a model that takes longer ones",
            ));
        }
        ids.extend(if mode == Mode::Direct {
            markers.end
        } else {
            markers.start
        });
        Ok(Prompt {
            ids,
            n_question,
            offsets: encoded.offsets,
            unknown,
            mode,
        })
    }

    /// Encodes a text unchanged, without newline and special tokens.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer fails.
    pub fn encode_text(&self, text: &str) -> Result<Vec<u32>> {
        self.tokenizer.encode(text)
    }

    /// Encodes an answer as it follows the delimiter: with a leading space if the vocabulary has one.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer fails, or merges delimiter and answer.
    pub fn encode_continuation(&self, answer: &str) -> Result<Vec<u32>> {
        let Markers {
            delimiter,
            delimiter_text,
            ..
        } = &self.markers;
        let ids = self
            .tokenizer
            .encode(&format!("{delimiter_text} {}", answer.trim()))?;
        ids.strip_prefix(delimiter.as_slice())
            .map(<[u32]>::to_vec)
            .ok_or_else(|| {
                let reason = format!("it merges the delimiter with the answer {answer:?}");
                ModelError::tokenizer(&self.info.name, reason)
            })
    }

    /// Returns one token's text, decoded alone; untrusted text.
    #[must_use]
    pub fn token_text(&self, id: u32) -> String {
        self.tokenizer.token_text(id)
    }

    /// Returns whether an id is the unknown token.
    #[must_use]
    pub fn is_unknown(&self, id: u32) -> bool {
        self.tokenizer.is_unknown(id)
    }

    /// Decodes ids, special tokens included; untrusted text.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer fails.
    pub fn decode(&self, ids: &[u32]) -> Result<String> {
        self.tokenizer.decode(ids, false)
    }

    /// Returns the answer in generated ids: the text after the last delimiter, trimmed, without commas.
    ///
    /// A forced delimiter must precede the ids. Returns `None` if there is no delimiter.
    ///
    /// # Errors
    /// [`ModelError::Tokenizer`] if the tokenizer fails.
    pub fn extract_value(&self, ids: &[u32]) -> Result<Option<String>> {
        let text = self.tokenizer.decode(ids, true)?;
        Ok(value_after(
            &text,
            &[self.markers.delimiter_text, "The answer is:"],
        ))
    }
}

/// Returns the text after the last occurrence of the first delimiter found.
fn value_after(text: &str, delimiters: &[&str]) -> Option<String> {
    let tail = delimiters.iter().find_map(|d| text.rsplit_once(d))?.1;
    Some(tail.trim().replace(',', ""))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tiny_model;
    use super::*;

    #[test]
    fn the_value_is_what_follows_the_last_delimiter() {
        let cases = [
            ("### 21", Some("21")),
            ("### 3 ### 1,200 ", Some("1200")),
            ("The answer is: 7", Some("7")),
            ("The answer is: 7 ### 8", Some("8")),
            ("###", Some("")),
            ("21", None),
        ];
        for (text, expected) in cases {
            assert_eq!(
                value_after(text, &["###", "The answer is:"]).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn unknown_words_keep_their_text_and_place() {
        let model = tiny_model(0);
        let question = "Tom has 3 zeppelins and 4 apples, caf\u{e9}\u{e9}.";
        let prompt = model.prompt(question, Mode::Latent).expect("prompt");
        let words: Vec<_> = prompt.unknown.iter().map(|w| w.text.as_str()).collect();
        assert_eq!(words, ["zeppelins", "caf\u{e9}\u{e9}"]);
        assert_eq!(&question[prompt.unknown[0].range.clone()], "zeppelins");
        assert!(model.is_unknown(prompt.ids[prompt.unknown[0].position]));
        let (start, end) = prompt.offsets[2];
        assert_eq!(&question[start..end], "3");
        assert_eq!(
            prompt.offsets[prompt.n_question - 1],
            (question.len(), question.len())
        );
    }

    #[test]
    fn modes_differ_in_the_last_marker_only() {
        let model = tiny_model(0);
        let ids = |mode| model.prompt("Tom has 3 apples.", mode).expect("prompt").ids;
        let (latent, direct, written) = (ids(Mode::Latent), ids(Mode::Direct), ids(Mode::Written));
        assert_eq!(latent, written);
        assert_eq!(latent.last().copied(), model.markers().start);
        assert_eq!(direct.last().copied(), model.markers().end);
        assert_eq!(latent[..latent.len() - 1], direct[..direct.len() - 1]);
        assert_eq!(model.token_text(latent[latent.len() - 2]), "\n");
    }

    #[test]
    fn unusable_questions_are_refused_with_a_reason() {
        let model = tiny_model(0);
        for (question, reason) in [
            (" \n".to_owned(), "empty"),
            ("Tom <|bocot|> has".to_owned(), "control token"),
            ("Tom ".repeat(200), "too long"),
        ] {
            let error = model
                .prompt(&question, Mode::Latent)
                .expect_err(reason)
                .to_string();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn a_continuation_is_what_follows_the_delimiter() {
        let model = tiny_model(0);
        let ids = model.encode_continuation(" 7 ").expect("ids");
        assert_eq!(ids, model.encode_text("7").expect("ids"));
        let all = [model.markers().delimiter.clone(), ids].concat();
        assert_eq!(
            model.extract_value(&all).expect("decodes").as_deref(),
            Some("7")
        );
    }
}
