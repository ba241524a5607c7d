//! Bounded reading of whole files, the end of a file, and lines.

use std::fs::File;
use std::io::{self, BufRead, Read as _, Seek as _, SeekFrom};
use std::path::Path;

use super::kind::{open, open_input};
use crate::core::error::{Error, Result};

/// The default limit for text files, far above what this program writes for itself.
const LONGEST_TEXT: u64 = 16 << 20;

/// The most JSON values a file may hold if it is read into memory whole. A value takes up to about 60 bytes in memory but as
/// little as two bytes of text, so a limit on the text alone does not bound memory.
pub const MOST_VALUES: usize = 8 << 20;

/// Returns the contents of a short text file.
///
/// # Errors
/// As [`read_text_at_most`].
pub fn read_text(path: &Path) -> Result<String> {
    read_text_at_most(path, LONGEST_TEXT)
}

/// Returns the contents of a text file of at most `limit` bytes.
///
/// # Errors
/// Names the file if it cannot be read, is too long, or is not UTF-8.
pub fn read_text_at_most(path: &Path, limit: u64) -> Result<String> {
    let bytes = read_at_most(path, limit)?.ok_or_else(|| too_long(path, limit))?;
    let not_text = |_| Error::io("read", path, io::ErrorKind::InvalidData.into());
    String::from_utf8(bytes).map_err(not_text)
}

/// Returns the error for a file above the limit.
fn too_long(path: &Path, limit: u64) -> Error {
    let most = match limit {
        0..0x10_0000 => format!("{limit} bytes"),
        _ => format!("{} MiB", limit >> 20),
    };
    Error::data(
        path,
        None,
        format!("it exceeds the limit of {most}"),
        "check that it is the right file",
    )
}

/// Returns the bytes of a file, or `None` if it is longer than `limit`.
///
/// A pipe does not report its length; at most `limit` + 1 bytes of it are read.
///
/// # Errors
/// Names the file if it cannot be read, or is neither a regular file nor a stream that this process was given.
pub fn read_at_most(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let failed = |source| Error::io("read", path, source);
    let file = open_input(path).map_err(failed)?;
    let stated = file.metadata().map_err(failed)?.len();
    if stated > limit {
        return Ok(None);
    }
    bounded(file, stated, limit).map_err(failed)
}

/// Returns standard input as text of at most `limit` bytes.
///
/// # Errors
/// If it cannot be read, is longer, or is not UTF-8.
pub fn read_stdin(limit: u64) -> Result<String> {
    let name = Path::new("standard input");
    let failed = |source| Error::io("read", name, source);
    let bytes = bounded(io::stdin().lock(), 0, limit).map_err(failed)?;
    let bytes = bytes.ok_or_else(|| too_long(name, limit))?;
    String::from_utf8(bytes).map_err(|_| failed(io::ErrorKind::InvalidData.into()))
}

/// Reads all of a reader, or returns `None` if it exceeds the limit.
fn bounded(reader: impl io::Read, stated: u64, limit: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = Vec::with_capacity(usize::try_from(stated).unwrap_or(0));
    let read = reader
        .take(limit.saturating_add(1))
        .read_to_end(&mut bytes)?;
    Ok((read as u64 <= limit).then_some(bytes))
}

/// Returns up to `most` bytes from the start of a regular file.
///
/// # Errors
/// Names the file if it cannot be read.
pub fn read_start(path: &Path, most: u64) -> Result<Vec<u8>> {
    let read = |file: File| {
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let read = open(path).and_then(read);
    read.map_err(|source| Error::io("read", path, source))
}

/// Returns all of an open file from its start, up to `limit` bytes.
///
/// # Errors
/// If it cannot be read, or is longer.
pub fn read_whole(mut file: &File, limit: u64) -> io::Result<Vec<u8>> {
    file.rewind()?;
    bounded(file, 0, limit)?.ok_or_else(|| io::ErrorKind::FileTooLarge.into())
}

/// Returns up to `most` bytes from the end of a regular file.
///
/// # Errors
/// Names the file if it cannot be read.
pub fn read_tail(path: &Path, most: u64) -> Result<Vec<u8>> {
    let read = |mut file: File| {
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(length.saturating_sub(most)))?;
        // Ignores bytes appended meanwhile.
        let mut bytes = Vec::new();
        file.take(most).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let read = open(path).and_then(read);
    read.map_err(|source| Error::io("read", path, source))
}

/// Reads one line, including its line end, into `line`, which is cleared first. Returns false if no line end occurs within `limit` bytes.
///
/// At the end of the input, `line` is empty or holds a last line without line end.
///
/// # Errors
/// If the input cannot be read.
pub fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>, limit: u64) -> io::Result<bool> {
    line.clear();
    let read = input.take(limit).read_until(b'\n', line)?;
    Ok(line.last() == Some(&b'\n') || (read as u64) < limit)
}

/// Returns an upper bound on the number of JSON values in a text, without parsing: counts commas and brackets outside strings.
#[must_use]
pub fn values_in(json: &[u8]) -> usize {
    let (mut values, mut in_string, mut escaped) = (1, false, false);
    for byte in json {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b',' | b'[' | b'{' if !in_string => values += 1,
            _ => {}
        }
    }
    values
}
