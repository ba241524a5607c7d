//! The single entry point for untrusted text: model output, tokenizer pieces, prompts, notes and file names.
//!
//! Everything drawn, printed or exported passes [`sanitize`] first, so that no control character or bidirectional override
//! reaches a terminal. Widths are counted by grapheme, as the renderer does.
//!
//! Substitutions:
//!
//! - Control characters, which could command the terminal, become their pictures (`␛`, `␊`, `␡`); a tab becomes four spaces.
//! - Zero-width characters and those that reorder or hide their neighbours become their names: `<U+202E>`. These are the
//!   bidirectional controls and marks (LRM, RLM, ALM, embeddings, overrides, isolates), the zero-width space, the word joiner,
//!   the byte-order mark, the soft hyphen, blank fillers, tags and format controls. Right-to-left scripts stay readable without
//!   them.
//! - ZWJ and ZWNJ are kept where they have an effect: between the parts of an emoji, and after a letter of Arabic, an Indic
//!   script or another joined script. Elsewhere they are named.
//! - A variation selector is kept after a character that has such a form (an emoji, a key, an ideograph, a Mongolian letter), one
//!   each; flag tags are kept in a flag. Elsewhere they could carry hidden text and are named.
//! - A base keeps up to five combining marks; the rest are named and counted: `<U+0301 ×495>`.
//!
//! Sanitizing is idempotent. [`Page`] does the same for multi-line text; in its JSON output these characters are escaped instead,
//! so that it parses back unchanged.

mod csv;
mod nearest;
mod page;
mod scan;

use std::borrow::Cow;
use std::fmt::{self, Write as _};
use std::ops::Deref;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

pub use csv::csv_field;
pub use nearest::nearest;
pub use page::Page;
use scan::{Scan, is_clean, is_control};

/// The replacement for a tab.
const TAB: &str = "    ";
/// The end of a truncated text, and the replacement for a grapheme wider than the whole row.
const ELLIPSIS: char = '…';
/// The replacement for a character that could not be decoded.
const REPLACEMENT: char = '\u{fffd}';

/// Text free of control characters, tabs, newlines, and characters that hide or reorder others.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Clean<'a>(Cow<'a, str>);

/// How a line break inside a one-line text is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Newline {
    /// As a visible picture, `␊`.
    #[default]
    Picture,
    /// As a space, for prose that its author wrapped.
    Space,
}

/// Returns the text with everything unprintable made visible; line breaks become `␊`.
#[must_use]
pub fn sanitize(text: &str) -> Clean<'_> {
    sanitize_with(text, Newline::Picture)
}

/// Returns the text with everything unprintable made visible and line breaks shown as requested.
#[must_use]
pub fn sanitize_with(text: &str, newline: Newline) -> Clean<'_> {
    if is_clean(text) {
        return Clean(Cow::Borrowed(text));
    }
    let mut clean = String::with_capacity(text.len() + TAB.len());
    let mut chars = Scan::new(text);
    // The character being named, and the length of its run.
    let mut named: Option<(char, usize)> = None;
    while let Some((c, is_fit)) = chars.next() {
        if let Some((same, n)) = &mut named {
            if !is_fit && c == *same {
                *n += 1;
                continue;
            }
            push_name(&mut clean, *same, *n);
            named = None;
        }
        match c {
            c if is_fit => clean.push(c),
            '\t' => clean.push_str(TAB),
            // CRLF is one break if breaks read as spaces; as pictures, both stay visible.
            '\r' if newline == Newline::Space && chars.peek() == Some('\n') => {}
            '\n' | '\u{2028}' | '\u{2029}' => clean.push(match newline {
                Newline::Picture => '␊',
                Newline::Space => ' ',
            }),
            c if is_control(c) => clean.push(picture(c)),
            c => named = Some((c, 1)),
        }
    }
    if let Some((c, n)) = named {
        push_name(&mut clean, c, n);
    }
    Clean(Cow::Owned(clean))
}

/// Writes the code point of a character that cannot be shown.
fn push_name(clean: &mut String, c: char, n: usize) {
    let number = u32::from(c);
    let _ = match n {
        1 => write!(clean, "<U+{number:04X}>"),
        n => write!(clean, "<U+{number:04X} ×{n}>"),
    };
}

/// Returns one clean text for each line; line ends (`\n` and `\r\n`) are dropped.
#[must_use]
pub fn sanitize_lines(text: &str) -> Vec<Clean<'_>> {
    text.lines().map(sanitize).collect()
}

/// Returns the visible replacement of a control character, one cell wide.
fn picture(c: char) -> char {
    match c {
        '\u{0}'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or(REPLACEMENT),
        '\u{7f}' => '␡',
        // C1 has no pictures. A C1 character acts as ESC plus the character 0x40 lower, so it is shown as an escape.
        '\u{80}'..='\u{9f}' => '␛',
        _ => REPLACEMENT,
    }
}

/// Returns the width of a text in cells: the sum over its graphemes, as the renderer counts.
#[must_use]
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(UnicodeWidthStr::width).sum()
}

/// Returns the text truncated at a grapheme boundary to at most `max_width` cells; a truncated text ends in `…`.
#[must_use]
pub fn truncate(text: &str, max_width: usize) -> String {
    if width(text) <= max_width {
        return text.to_owned();
    }
    if max_width == 0 {
        return String::new();
    }
    let mut cut = String::new();
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        used += grapheme.width();
        if used >= max_width {
            break;
        }
        cut.push_str(grapheme);
    }
    cut.push(ELLIPSIS);
    cut
}

/// Wraps the text into rows of at most `max_width` cells, between words if possible. A percent sign stays with its number.
///
/// Words longer than a row are split at a grapheme boundary. The space at a row break is dropped; all others stay. An empty text
/// gives one empty row; a width of 0 gives no rows.
#[must_use]
pub fn wrap(text: &str, max_width: usize) -> Vec<String> {
    if max_width == 0 {
        return Vec::new();
    }
    let mut rows = Rows {
        max_width,
        done: Vec::new(),
        row: String::new(),
        used: 0,
    };
    let mut words = text.split(' ').peekable();
    let mut after_space = false;
    while let Some(word) = words.next() {
        let mut word = Cow::Borrowed(word);
        while let Some(sign) = words.next_if(|next| next.starts_with('%')) {
            word = Cow::Owned(format!("{word} {sign}"));
        }
        rows.push_word(&word, after_space);
        after_space = true;
    }
    rows.done.push(rows.row);
    rows.done
}

/// The rows filled by [`wrap`].
struct Rows {
    max_width: usize,
    done: Vec<String>,
    row: String,
    used: usize,
}

impl Rows {
    fn break_row(&mut self) {
        self.done.push(std::mem::take(&mut self.row));
        self.used = 0;
    }

    fn push_word(&mut self, word: &str, after_space: bool) {
        let word_width = width(word);
        if after_space {
            if self.used + 1 + word_width <= self.max_width
                || (word_width > self.max_width && self.used + 1 < self.max_width)
            {
                self.row.push(' ');
                self.used += 1;
            } else {
                self.break_row();
            }
        }
        for grapheme in word.graphemes(true) {
            let cells = grapheme.width();
            if self.used + cells > self.max_width && self.used > 0 {
                self.break_row();
            }
            if cells > self.max_width {
                self.row.push(ELLIPSIS);
                self.used += 1;
            } else {
                self.row.push_str(grapheme);
                self.used += cells;
            }
        }
    }
}

impl<'a> Clean<'a> {
    /// Wraps a literal of this program that is known to be clean.
    #[must_use]
    pub fn literal(text: &'static str) -> Clean<'static> {
        debug_assert!(is_clean(text), "a literal must be clean");
        Clean(Cow::Borrowed(text))
    }

    /// Returns the text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the text as an owned string.
    #[must_use]
    pub fn into_string(self) -> String {
        self.0.into_owned()
    }

    /// Returns an owned copy.
    #[must_use]
    pub fn into_owned(self) -> Clean<'static> {
        Clean(Cow::Owned(self.0.into_owned()))
    }

    /// Returns its width in cells.
    #[must_use]
    pub fn width(&self) -> usize {
        width(&self.0)
    }

    /// Returns the text truncated to at most `max_width` cells; see [`truncate`].
    #[must_use]
    pub fn truncate(&self, max_width: usize) -> Clean<'static> {
        Clean(Cow::Owned(truncate(&self.0, max_width)))
    }

    /// Returns the text wrapped into rows; see [`wrap`].
    #[must_use]
    pub fn wrap(&self, max_width: usize) -> Vec<Clean<'static>> {
        wrap(&self.0, max_width)
            .into_iter()
            .map(|row| Clean(Cow::Owned(row)))
            .collect()
    }

    /// Returns the text in ASCII: common substitutes where they exist, `\u{e9}` for the rest.
    ///
    /// Nothing is dropped, so different texts rarely look alike.
    #[must_use]
    pub fn plain_ascii(&self) -> Clean<'a> {
        if self.0.is_ascii() {
            return self.clone();
        }
        let mut plain = String::with_capacity(self.0.len());
        for c in self.0.chars() {
            match c {
                '\0'..='\x7f' => plain.push(c),
                '␊' => plain.push_str("\\n"),
                '␡' => plain.push_str("^?"),
                '\u{2400}'..='\u{241f}' => {
                    plain.push('^');
                    plain.push(char::from_u32(u32::from(c) - 0x2400 + 0x40).unwrap_or('?'));
                }
                '…' => plain.push_str("..."),
                '‘' | '’' => plain.push('\''),
                '“' | '”' => plain.push('"'),
                '‐' | '‑' | '–' | '—' | '−' => plain.push('-'),
                '×' => plain.push('x'),
                '÷' => plain.push('/'),
                '\u{a0}' => plain.push(' '),
                REPLACEMENT => plain.push('?'),
                c => {
                    let _ = write!(plain, "\\u{{{:x}}}", u32::from(c));
                }
            }
        }
        Clean(Cow::Owned(plain))
    }
}

impl Deref for Clean<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Clean<'_> {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Clean<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Formats a number of bytes in decimal units, as download pages do.
#[must_use]
pub fn megabytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes / 100_000 % 10),
    }
}

/// Returns the bytes as lower-case hexadecimal digits.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    let digit = |four: u8| char::from_digit(u32::from(four), 16).unwrap_or('0');
    bytes
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect()
}

/// Formats a count with its noun.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

#[cfg(test)]
mod tests;
