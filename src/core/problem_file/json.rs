//! JSON rows: one array of objects, or one object per line. The size of a row, and the size and number of all rows, are limited.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::Deserialize;
use serde::de::{
    DeserializeOwned, DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Visitor,
};

use super::bounds::{Kept, MAX_ROW_BYTES, MAX_ROWS, too_long, too_many};
use super::source::universal_newlines;
use crate::core::error::{Error, Result};

/// The longest parser message that is passed on, in bytes; it quotes the input.
const MAX_MESSAGE: usize = 200;

/// The longest object of examples that is read, in bytes, since its rows have no separate limit. Published ones are a fifth of it.
const LONGEST_EXAMPLES: usize = 32 << 20;

/// A type of row that a file can hold.
pub(crate) trait Row: DeserializeOwned {
    /// Returns the number of bytes of text it keeps.
    fn size(&self) -> usize;

    /// Returns the number of texts, lists and other values it keeps.
    fn count(&self) -> usize;
}

/// Reads a JSON array; `hint` describes the expected form.
///
/// # Errors
/// Names the line and, since an array may be on one line, the row, from 1.
pub(crate) fn read_array<T: Row>(text: &str, path: &Path, hint: &str) -> Result<Vec<T>> {
    if let Some(long) = long_element(text) {
        let message = format!("{} (row {})", too_long(long.bytes), long.row);
        return Err(Error::data(path, Some(long.line), message, hint));
    }
    let started = Cell::new(0);
    let mut parser = serde_json::Deserializer::from_str(text);
    let rows = Rows {
        started: &started,
        rows: PhantomData,
    };
    let read = rows.deserialize(&mut parser);
    read.and_then(|rows| parser.end().map(|()| rows))
        .map_err(|why| {
            let message = match started.get() {
                0 => message(&why),
                row => format!("{} (row {row})", message(&why)),
            };
            Error::data(path, Some(why.line()), message, hint)
        })
}

/// Reads JSON Lines, skipping blank lines; `hint` describes the expected form.
///
/// # Errors
/// Names the line.
pub(crate) fn read_lines<T: Row>(text: &str, path: &Path, hint: &str) -> Result<Vec<T>> {
    let failed = |line, message: String| Error::data(path, Some(line), message, hint);
    let mut rows: Vec<T> = Vec::new();
    let mut kept = Kept::default();
    for (line, number) in universal_newlines(text).split('\n').zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        if line.len() > MAX_ROW_BYTES {
            return Err(failed(number, too_long(line.len())));
        }
        if rows.len() == MAX_ROWS {
            return Err(failed(number, too_many()));
        }
        let row: T = serde_json::from_str(line).map_err(|why| failed(number, message(&why)))?;
        kept.add(row.size(), row.count())
            .map_err(|why| failed(number, why))?;
        rows.push(row);
    }
    Ok(rows)
}

/// Reads PrOntoQA in its generator's format: one object of examples, each with prompt examples and one test example.
///
/// # Errors
/// Names the line and the example.
pub(crate) fn read_examples<T: Row>(text: &str, path: &Path, hint: &str) -> Result<Vec<T>> {
    if text.len() > LONGEST_EXAMPLES {
        let message =
            format!("an object of examples of more than {LONGEST_EXAMPLES} bytes is not read");
        return Err(Error::data(
            path,
            None,
            message,
            "write its examples as JSON Lines",
        ));
    }
    let started = Cell::new(0);
    let mut parser = serde_json::Deserializer::from_str(text);
    let rows = Rows {
        started: &started,
        rows: PhantomData,
    };
    let read = parser.deserialize_map(rows);
    read.and_then(|rows| parser.end().map(|()| rows))
        .map_err(|why| {
            let message = format!("{} (example {})", message(&why), started.get());
            Error::data(path, Some(why.line()), message, hint)
        })
}

/// One of PrOntoQA's examples.
#[derive(Deserialize)]
struct Example<T> {
    test_example: T,
}

/// The visitor for rows; it counts started rows, so that an error can name its row.
struct Rows<'a, T> {
    started: &'a Cell<usize>,
    rows: PhantomData<T>,
}

impl<'de, T: Row> DeserializeSeed<'de> for Rows<'_, T> {
    type Value = Vec<T>;

    fn deserialize<D: Deserializer<'de>>(self, parser: D) -> Result<Vec<T>, D::Error> {
        parser.deserialize_seq(self)
    }
}

impl<'de, T: Row> Visitor<'de> for Rows<'_, T> {
    type Value = Vec<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Vec<T>, A::Error> {
        let mut rows: Vec<T> = Vec::new();
        let mut kept = Kept::default();
        loop {
            self.started.set(rows.len() + 1);
            let Some(row) = array.next_element::<T>()? else {
                self.started.set(0);
                return Ok(rows);
            };
            push(&mut rows, &mut kept, row).map_err(A::Error::custom)?;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Vec<T>, A::Error> {
        let mut rows: Vec<T> = Vec::new();
        let mut kept = Kept::default();
        while map.next_key::<IgnoredAny>()?.is_some() {
            self.started.set(rows.len() + 1);
            let row = map.next_value::<Example<T>>()?.test_example;
            push(&mut rows, &mut kept, row).map_err(A::Error::custom)?;
        }
        Ok(rows)
    }
}

/// Adds a row unless that exceeds a limit.
fn push<T: Row>(rows: &mut Vec<T>, kept: &mut Kept, row: T) -> Result<(), String> {
    kept.add(row.size(), row.count())?;
    if rows.len() == MAX_ROWS {
        return Err(too_many());
    }
    rows.push(row);
    Ok(())
}

/// An array element that exceeds the row limit.
struct Long {
    bytes: usize,
    line: usize,
    row: usize,
}

/// Finds the first such element, before the parser loads it into memory.
fn long_element(text: &str) -> Option<Long> {
    let bytes = text.as_bytes();
    let first = 1 + bytes.iter().position(|byte| *byte == b'[')?;
    let mut start = first;
    let (mut depth, mut in_string, mut escaped, mut row) = (0_usize, false, false, 1);
    for at in first..=bytes.len() {
        let ends = match bytes.get(at) {
            None => true,
            Some(_) if escaped => {
                escaped = false;
                false
            }
            Some(b'\\') if in_string => {
                escaped = true;
                false
            }
            Some(b'"') => {
                in_string = !in_string;
                false
            }
            Some(_) if in_string => false,
            Some(b'[' | b'{') => {
                depth += 1;
                false
            }
            Some(b']' | b'}') if depth > 0 => {
                depth -= 1;
                false
            }
            Some(byte) => depth == 0 && matches!(byte, b',' | b']'),
        };
        if !ends {
            continue;
        }
        let element = bytes[start..at].trim_ascii_start();
        if element.len() > MAX_ROW_BYTES {
            let before = &bytes[..at - element.len()];
            let lines = before.split(|byte| *byte == b'\n').count();
            return Some(Long {
                bytes: element.trim_ascii_end().len(),
                line: lines,
                row,
            });
        }
        (start, row) = (at + 1, row + 1);
    }
    None
}

/// Returns the parser's message, shortened and without its line and column, which may be relative to one row.
fn message(why: &serde_json::Error) -> String {
    let mut message = why.to_string();
    if let Some(end) = message.rfind(" at line ") {
        message.truncate(end);
    }
    if message.len() > MAX_MESSAGE {
        message.truncate(message.floor_char_boundary(MAX_MESSAGE));
        message.push('…');
    }
    message
}
