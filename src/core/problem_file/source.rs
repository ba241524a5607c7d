//! The text of a data file, size-checked and validated as text, and its form.
//!
//! The form depends on the contents alone, not on the name.

use std::borrow::Cow;
use std::path::Path;

use crate::core::error::{Error, Result};
use crate::core::file;

/// The largest file that is read, in bytes; the largest published set (GSM8k-Aug's training set) is two fifths of it.
pub(crate) const MAX_BYTES: u64 = 256 << 20;
pub(crate) const FORMS: &str = "expected a JSON array or JSON Lines of {\"question\", \"steps\", \"answer\"} or \
     {\"problem\", \"solution\", \"answer\"}, or lines of QUESTION || STEP STEP ## ANSWER";

/// The form of a data file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// One JSON array of objects.
    Array,
    /// One JSON object per line.
    Lines,
    /// One JSON object of PrOntoQA's examples.
    Examples,
    /// One `QUESTION || STEP STEP ## ANSWER` per line.
    Raw,
}

/// Unsupported file formats: leading bytes, description, and hint.
const UNREAD: &[(&[u8], &str, &str)] = &[
    (b"PK\x03\x04", "it is a zip archive", "unpack it first"),
    (
        b"PAR1",
        "it is a Parquet file",
        "convert it to JSON Lines first",
    ),
    (
        b"ARROW1",
        "it is an Arrow file",
        "convert it to JSON Lines first",
    ),
    (
        b"SQLite format 3",
        "it is an SQLite database",
        "write its rows as JSON Lines first",
    ),
    (
        b"\xff\xfe",
        "it is UTF-16 text",
        "save it as UTF-8: iconv -f UTF-16 -t UTF-8",
    ),
    (
        b"\xfe\xff",
        "it is UTF-16 text",
        "save it as UTF-8: iconv -f UTF-16 -t UTF-8",
    ),
];

/// Returns the text of a data file, including a byte order mark.
///
/// # Errors
/// Names the file if it cannot be read, is too long, or is not UTF-8 text (then with the line).
pub(crate) fn read_text(path: &Path) -> Result<String> {
    let bytes = file::read_at_most(path, MAX_BYTES)?.ok_or_else(|| {
        let most = format!("the file exceeds the limit of {} MiB", MAX_BYTES >> 20);
        Error::data(path, None, most, "split it into several files")
    })?;
    decode(bytes, path)
}

/// Returns bytes as text; `path` is only used in errors.
pub(crate) fn decode(bytes: Vec<u8>, path: &Path) -> Result<String> {
    if let Some(foreign) = file::foreign(&bytes) {
        return Err(Error::data(path, None, foreign.what, foreign.way_out));
    }
    for (begin, what, hint) in UNREAD {
        if bytes.starts_with(begin) {
            return Err(Error::data(path, None, *what, *hint));
        }
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        Error::data(
            path,
            Some(line),
            "the bytes are not UTF-8 text",
            "check that it is the right file, and save it as UTF-8",
        )
    })
}

/// Strips the byte order mark that some editors add.
pub(crate) fn without_mark(text: &str) -> &str {
    text.strip_prefix('\u{feff}').unwrap_or(text)
}

/// Returns a text with all line ends replaced by `\n`.
pub(super) fn universal_newlines(text: &str) -> Cow<'_, str> {
    if text.contains('\r') {
        Cow::Owned(text.replace("\r\n", "\n").replace('\r', "\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// Strips surrounding white space as Python defines it, which includes four separators more than Unicode.
pub(crate) fn strip(text: &str) -> &str {
    text.trim_matches(|c: char| c.is_whitespace() || ('\u{1c}'..='\u{1f}').contains(&c))
}

/// Detects the form of a text from its first characters.
///
/// A question may also begin with a bracket, so a bracket counts as JSON only if it is followed as in JSON, or if the line has no `||`.
pub(crate) fn form(text: &str) -> Form {
    let text = text.trim_start();
    let first_line = text.lines().next().unwrap_or_default();
    let json = |open: char, next: &[char]| {
        text.strip_prefix(open).is_some_and(|rest| {
            let rest = rest.trim_start();
            rest.is_empty() || rest.starts_with(next) || !first_line.contains("||")
        })
    };
    if json('[', &['{', ']']) {
        Form::Array
    } else if json('{', &['"', '}']) {
        let name = text.strip_prefix('{').map_or("", str::trim_start);
        let example = name.strip_prefix("\"example").unwrap_or_default();
        if example.starts_with(|c: char| c.is_ascii_digit()) {
            Form::Examples
        } else {
            Form::Lines
        }
    } else {
        Form::Raw
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_detected_by_content() {
        let table = [
            ("[{\"question\":\"a||b##c\"}]", Form::Array),
            ("  \n[\n {}", Form::Array),
            ("[", Form::Array),
            ("[]", Form::Array),
            ("[7]", Form::Array),
            ("{\"question\":\"a||b##c\"}", Form::Lines),
            ("\n\n{ \"question\"", Form::Lines),
            ("{", Form::Lines),
            ("{oops", Form::Lines),
            ("{\n \"example1\": {", Form::Examples),
            ("{\"examples\": 1}", Form::Lines),
            ("Tom has 3||<<1+2=3>> #### 3", Form::Raw),
            ("[Easy] Tom has 3||<<1+2=3>> #### 3", Form::Raw),
            ("{x} is 3||<<1+2=3>> #### 3", Form::Raw),
            ("", Form::Raw),
            ("<!doctype html>", Form::Raw),
        ];
        for (text, expected) in table {
            assert_eq!(form(text), expected, "{text:?}");
        }
    }

    #[test]
    fn a_file_that_is_no_text_is_named_with_a_hint() {
        let path = Path::new("test.txt");
        let table: [(&[u8], &str); 8] = [
            (b"\x1f\x8b\x08", "gzip"),
            (b"PAR1", "Parquet"),
            (b"PK\x03\x04", "zip"),
            (b"\x28\xb5\x2f\xfd", "zstd"),
            (b"\xff\xfeQ\0", "UTF-16"),
            (b"\xfe\xff\0Q", "UTF-16"),
            (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
            (
                b"one\ntwo\n\xc3(",
                "\"test.txt\", line 3: the bytes are not UTF-8",
            ),
        ];
        for (bytes, expected) in table {
            let error = decode(bytes.to_vec(), path).expect_err("refused");
            assert!(error.to_string().contains(expected), "{error}");
            assert!(error.to_string().contains("test.txt") && error.hint().is_some());
        }
    }

    #[test]
    fn a_huge_file_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("huge.json");
        let huge = std::fs::File::create(&path).expect("created");
        // A sparse file takes no disk space.
        huge.set_len(MAX_BYTES + 1)
            .expect("a file system with holes");
        let error = read_text(&path).expect_err("refused");
        assert!(
            error.to_string().contains("exceeds the limit of 256 MiB"),
            "{error}"
        );
    }
}
