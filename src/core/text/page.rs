//! A sanitized text of several lines, to be printed or written to a report.

use std::fmt;
use std::ops::Deref;

use serde::Serialize;

use super::scan::Scan;
use super::{is_clean, sanitize};

/// The layout characters of a page: line ends, and tabs between columns.
const LAYOUT: [char; 2] = ['\n', '\t'];

/// Several lines free of control, hidden and reordering characters. Output functions accept nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page(String);

impl Page {
    /// Sanitizes a text line by line. Line ends (`\n` and `\r\n`) stay as `\n`; tabs stay between columns.
    ///
    /// This is the last check before the terminal or file. Untrusted text inside a line must be sanitized beforehand, or its line ends
    /// and tabs count as the page's.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        if text.split(LAYOUT).all(is_clean) {
            return Self(text);
        }
        let mut page = String::with_capacity(text.len());
        for line in text.split_inclusive(LAYOUT) {
            let (body, end) = match line.strip_suffix(LAYOUT) {
                Some(body) => (body, &line[body.len()..]),
                None => (line, ""),
            };
            let body = if end == "\n" {
                body.strip_suffix('\r').unwrap_or(body)
            } else {
                body
            };
            page.push_str(&sanitize(body));
            page.push_str(end);
        }
        Self(page)
    }

    /// Formats a value as indented JSON, with untrusted characters escaped.
    ///
    /// # Errors
    /// If serialization fails, which would be a bug.
    pub fn json<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::to_string_pretty(value).map(Self::escaped)
    }

    /// Formats a value as JSON on one line, with untrusted characters escaped.
    ///
    /// # Errors
    /// If serialization fails, which would be a bug.
    pub fn json_line<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Self> {
        serde_json::to_string(value).map(Self::escaped)
    }

    /// Escapes as `\uXXXX` every character of a JSON text that may not be shown unchanged. JSON requires this only of characters
    /// below U+0020, which are already escaped.
    fn escaped(json: String) -> Self {
        if json.split('\n').all(is_clean) {
            return Self(json);
        }
        let mut escaped = String::with_capacity(json.len());
        for (c, is_fit) in Scan::new(&json) {
            if is_fit || c == '\n' {
                escaped.push(c);
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    escaped.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
        Self(escaped)
    }

    /// Returns the page in ASCII; see [`super::Clean::plain_ascii`].
    #[must_use]
    pub fn plain_ascii(&self) -> Self {
        let lines: Vec<String> = self
            .0
            .split('\n')
            .map(|line| sanitize(line).plain_ascii().into_string())
            .collect();
        Self(lines.join("\n"))
    }

    /// Returns the page with a line end after its last line.
    #[must_use]
    pub fn ended(mut self) -> Self {
        if !self.0.ends_with('\n') {
            self.0.push('\n');
        }
        self
    }
}

impl Deref for Page {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for Page {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn lines_stay_and_other_control_characters_are_shown() {
        for (text, page) in [
            ("", ""),
            ("one\ntwo\n", "one\ntwo\n"),
            ("one\r\n\u{1b}[31mtwo\t3\r\t", "one\n␛[31mtwo\t3␍\t"),
            ("a\u{202e}b\u{9b}31m\u{7f}", "a<U+202E>b␛31m␡"),
        ] {
            assert_eq!(&*Page::new(text), page, "{text:?}");
        }
    }

    #[test]
    fn json_escapes_unprintable_characters_and_reads_back() {
        let foreign =
            "a\u{1b}\u{7f}\u{9b}31m \u{202e}b\u{2028}\n\t\\\u{200b}\u{feff}\u{e0041} \u{e9}👩‍👩‍👧";
        let json = Page::json(&[foreign]).expect("a text serialises");
        for escape in [
            "\\u009b31m",
            "\\u202e",
            "\\u200b",
            "\\ufeff",
            "\\udb40\\udc41",
            "\u{e9}👩‍👩‍👧",
        ] {
            assert!(json.contains(escape), "{escape}: {json}");
        }
        assert!(!json.chars().any(|c| c.is_control() && c != '\n'), "{json}");
        let back: Vec<String> = serde_json::from_str(&json).expect("it is JSON");
        assert_eq!(back, [foreign]);
    }

    proptest! {
        #[test]
        fn a_page_is_clean_and_json_reads_back(text in any::<String>()) {
            let page = Page::new(text.clone());
            prop_assert!(page.split(LAYOUT).all(is_clean));
            prop_assert_eq!(Page::new(page.to_string()), page);
            for json in [Page::json(&text), Page::json_line(&text)] {
                let json = json.expect("a text serialises");
                prop_assert!(json.split('\n').all(is_clean));
                prop_assert_eq!(&serde_json::from_str::<String>(&json).expect("JSON"), &text);
            }
        }
    }
}
