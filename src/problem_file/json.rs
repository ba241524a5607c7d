//! Rows of JSON: one array of objects, or one object a line. Rows, their size and their number are bounded.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::path::Path;

use serde::de::{DeserializeOwned, DeserializeSeed, Deserializer, Error as _, SeqAccess, Visitor};

use super::raw::{too_long, too_many};
use super::source::{MAX_ROW_BYTES, MAX_ROWS};
use crate::error::{Error, Result};

/// The longest message of the parser that is passed on; it quotes what it refuses.
const MAX_MESSAGE: usize = 200;

/// A row that a file can hold.
pub(crate) trait Row: DeserializeOwned {
    /// How many bytes of text it keeps.
    fn size(&self) -> usize;
}

/// Reads a JSON array; `hint` says what was expected.
///
/// # Errors
/// Names the line and, since an array may be all on one line, the row, counted from 1.
pub(crate) fn read_array<T: Row>(text: &str, path: &Path, hint: &str) -> Result<Vec<T>> {
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

/// Reads JSON Lines, passing over blank ones; `hint` says what was expected.
///
/// # Errors
/// Names the line.
pub(crate) fn read_lines<T: Row>(text: &str, path: &Path, hint: &str) -> Result<Vec<T>> {
    let failed = |line, message: String| Error::data(path, Some(line), message, hint);
    let mut rows = Vec::new();
    for (line, number) in text.lines().zip(1..) {
        if line.trim().is_empty() {
            continue;
        }
        if line.len() > MAX_ROW_BYTES {
            return Err(failed(number, too_long(line.len())));
        }
        if rows.len() == MAX_ROWS {
            return Err(failed(number, too_many()));
        }
        rows.push(serde_json::from_str(line).map_err(|why| failed(number, message(&why)))?);
    }
    Ok(rows)
}

/// The rows of an array, of which it counts those that were started, so that an error can name its row.
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
        loop {
            self.started.set(rows.len() + 1);
            let Some(row) = array.next_element::<T>()? else {
                self.started.set(0);
                return Ok(rows);
            };
            if row.size() > MAX_ROW_BYTES {
                return Err(A::Error::custom(too_long(row.size())));
            }
            if rows.len() == MAX_ROWS {
                return Err(A::Error::custom(too_many()));
            }
            rows.push(row);
        }
    }
}

/// The parser's message without its own line and column, which count from the start of one row, and not too long.
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
