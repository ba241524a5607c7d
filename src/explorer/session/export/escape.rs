//! Untrusted text and missing values in Markdown.

use crate::core::text::{self, Newline};

/// The content of a cell without a value.
pub(super) const NONE: &str = "-";

/// Returns untrusted text so that it renders literally: cleaned, on one line, every Markdown mark escaped.
pub(super) fn foreign(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text::sanitize_with(text, Newline::Space).chars() {
        if matches!(
            c,
            '\\' | '`'
                | '*'
                | '_'
                | '['
                | ']'
                | '<'
                | '>'
                | '|'
                | '#'
                | '~'
                | '&'
                | '$'
                | '!'
                | '@'
        ) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    // Addresses become links even without brackets.
    escaped = escaped.replace("://", "\\://").replace("www.", "www\\.");
    // At the start of a line these would begin a list, a quotation or a heading.
    let trimmed = escaped.trim_start();
    let digits = trimmed.bytes().take_while(u8::is_ascii_digit).count();
    if trimmed.starts_with(['-', '+', '=']) {
        escaped = format!("\\{trimmed}");
    } else if digits > 0 && trimmed[digits..].starts_with(['.', ')']) {
        escaped = format!("{}\\{}", &trimmed[..digits], &trimmed[digits..]);
    }
    escaped
}

pub(super) fn optional(text: Option<&str>) -> String {
    text.map_or_else(|| NONE.to_owned(), foreign)
}

pub(super) fn number(value: Option<f64>) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.3}"))
}

pub(super) fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    if items.is_empty() {
        return NONE.to_owned();
    }
    items.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_reads_as_itself() {
        let table = [
            ("plain 12.5 text", "plain 12.5 text"),
            ("*bold* | <b> `x`", "\\*bold\\* \\| \\<b\\> \\`x\\`"),
            ("![x](http://e.x)", "\\!\\[x\\](http\\://e.x)"),
            ("a\nb\u{1b}[0m", "a b␛\\[0m"),
            ("- item", "\\- item"),
            ("2. item", "2\\. item"),
            ("# head", "\\# head"),
        ];
        for (text, escaped) in table {
            assert_eq!(foreign(text), escaped);
        }
    }
}
