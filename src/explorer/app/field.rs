//! A text field with the usual editing keys, which act on whole graphemes. Control characters never enter it.

use unicode_segmentation::UnicodeSegmentation;

use crate::explorer::keymap::{Code, Key};

/// A text field.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Field {
    text: String,
    /// Byte offset of the cursor, always on a character boundary; after every key, on a grapheme boundary.
    cursor: usize,
    multiline: bool,
}

impl Field {
    /// Creates a field of one line with the cursor at the end of the text.
    #[must_use]
    pub fn line(text: &str) -> Self {
        Self::new(text, false)
    }

    /// Creates a field that may hold line breaks.
    #[must_use]
    pub fn lines(text: &str) -> Self {
        Self::new(text, true)
    }

    fn new(text: &str, multiline: bool) -> Self {
        let mut field = Self {
            multiline,
            ..Self::default()
        };
        field.insert_str(text);
        field
    }

    /// Returns the text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the text before and after the cursor.
    #[must_use]
    pub fn split(&self) -> (&str, &str) {
        self.text.split_at(self.cursor)
    }

    /// Replaces the text.
    pub fn set(&mut self, text: &str) {
        self.text.clear();
        self.cursor = 0;
        self.insert_str(text);
    }

    /// Inserts text at the cursor: line breaks become spaces in a field of one line, tabs become spaces,
    /// other control characters are dropped.
    pub fn insert_str(&mut self, text: &str) {
        for c in text.replace("\r\n", "\n").replace('\r', "\n").chars() {
            match c {
                '\n' if self.multiline => self.insert('\n'),
                '\n' | '\t' => self.insert(' '),
                c if c.is_control() => {}
                c => self.insert(c),
            }
        }
    }

    /// Starts a new line if the field allows several.
    pub fn newline(&mut self) {
        if self.multiline {
            self.insert('\n');
        }
    }

    /// Handles an editing key; returns false for any other key.
    pub fn key(&mut self, key: Key) -> bool {
        match (key.code, key.ctrl, key.alt) {
            (Code::Left, false, false) | (Code::Char('b'), true, false) => {
                self.cursor = self.before();
            }
            (Code::Right, false, false) | (Code::Char('f'), true, false) => {
                self.cursor = self.after();
            }
            (Code::Left, ..) | (Code::Char('b'), false, true) => {
                self.cursor = self.word_start();
            }
            (Code::Right, ..) | (Code::Char('f'), false, true) => {
                self.cursor = self.word_end();
            }
            (Code::Home, ..) | (Code::Char('a'), true, false) => self.cursor = 0,
            (Code::End, ..) | (Code::Char('e'), true, false) => self.cursor = self.text.len(),
            // Many terminals send ctrl-h for Backspace.
            (Code::Backspace, false, false) | (Code::Char('h'), true, false) => {
                self.cut(self.before());
            }
            (Code::Char('w'), true, false)
            | (Code::Char('h'), true, true)
            | (Code::Backspace, ..) => {
                self.cut(self.word_start());
            }
            (Code::Char('u'), true, false) => self.cut(0),
            (Code::Char('k'), true, false) => self.text.truncate(self.cursor),
            (Code::Delete, ..) | (Code::Char('d'), true, false) => {
                let end = self.after();
                self.text.replace_range(self.cursor..end, "");
            }
            _ => match key.typed() {
                Some(c) if !c.is_control() => self.insert(c),
                _ => return false,
            },
        }
        true
    }

    fn insert(&mut self, c: char) {
        self.text.insert(self.cursor, c);
        self.cursor += c.len_utf8();
    }

    fn cut(&mut self, from: usize) {
        self.text.replace_range(from..self.cursor, "");
        self.cursor = from;
    }

    fn before(&self) -> usize {
        let (head, _) = self.split();
        let mut graphemes = head.grapheme_indices(true);
        graphemes.next_back().map_or(0, |(at, _)| at)
    }

    fn after(&self) -> usize {
        let (_, tail) = self.split();
        self.cursor + tail.graphemes(true).next().map_or(0, str::len)
    }

    fn word_start(&self) -> usize {
        let head = self.split().0.trim_end();
        head.char_indices()
            .rev()
            .find(|(_, c)| c.is_whitespace())
            .map_or(0, |(at, c)| at + c.len_utf8())
    }

    fn word_end(&self) -> usize {
        let tail = self.split().1;
        let gap = tail.len() - tail.trim_start().len();
        let word = tail[gap..]
            .find(char::is_whitespace)
            .unwrap_or(tail.len() - gap);
        self.cursor + gap + word
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(field: &mut Field, keys: &str) {
        for name in keys.split(' ') {
            let key = name.parse().expect("a valid key name");
            assert!(field.key(key), "{name} is an editing key");
        }
    }

    #[test]
    fn editing_keys_do_what_they_do_elsewhere() {
        for (start, keys, expected) in [
            ("", "a b space c", "ab c"),
            ("ab", "left backspace x", "xb"),
            ("one two", "ctrl-w z", "one z"),
            ("one two", "home delete O", "One two"),
            ("one two", "ctrl-left ctrl-k", "one "),
            ("é日", "left left right backspace", "日"),
            ("one two", "home ctrl-right ctrl-u", " two"),
            ("one two", "alt-left x home alt-right y", "oney xtwo"),
            ("abcd", "ctrl-h ctrl-h", "ab"),
            ("one two", "ctrl-alt-h", "one "),
            ("xe\u{301}", "backspace", "x"),
            ("x👨‍👩‍👧", "backspace", "x"),
            ("x🇩🇪🇫🇷", "backspace", "x🇩🇪"),
            ("🇩🇪🇫🇷", "left backspace", "🇫🇷"),
            ("a👍🏽b", "left left x", "ax👍🏽b"),
            ("1️⃣2", "home right backspace", "2"),
            ("e\u{301}x", "home delete", "x"),
            ("", "e ́ backspace", ""),
        ] {
            let mut field = Field::line(start);
            typed(&mut field, keys);
            assert_eq!(field.text(), expected, "{start:?} + {keys}");
        }
    }

    #[test]
    fn a_paste_is_text_and_nothing_else() {
        let mut line = Field::line("");
        line.insert_str("q\u{1b}[2J\r\nnext\tend");
        assert_eq!(line.text(), "q[2J next end");
        let mut lines = Field::lines("");
        lines.insert_str("a\r\nb\rc");
        assert_eq!(lines.text(), "a\nb\nc");
    }

    #[test]
    fn other_keys_are_left_alone() {
        let mut field = Field::line("x");
        for name in ["up", "f1", "ctrl-x", "enter"] {
            assert!(!field.key(name.parse().expect("valid")), "{name}");
        }
        assert_eq!(field.text(), "x");
    }
}
