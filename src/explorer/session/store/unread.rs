//! The parts of a session file that could not be read, in words: damage, and content of later versions.

use crate::core::text::count;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// The number of parts named before the rest is only counted.
const NAMED: usize = 3;

/// A part that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// Its line, from 1.
    pub line: usize,
    /// Its kind.
    pub what: What,
}

/// The kind of an unreadable part. [`SessionFile`](super::SessionFile) keeps its text, except for a cut-off line or a damaged header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The last line was cut off, e.g. by a crash.
    Cut {
        /// The number of bytes left of it.
        bytes: usize,
    },
    /// The header is damaged: its information on the model is lost.
    Header,
    /// A line is damaged; the text says how.
    Damaged(String),
    /// Some bytes of a line are not UTF-8; they are shown as �.
    Bytes,
    /// An event of a kind unknown to this version.
    Event(String),
    /// A known event that cannot be deserialised; a later version may have extended it.
    Misfit {
        /// The name of the event.
        event: &'static str,
        /// The reason.
        why: String,
    },
    /// A note that cannot be deserialised, with the reason.
    Note(String),
    /// A field unknown to this version.
    Field(String),
    /// An event whose id is missing or not above the previous one: lines were duplicated, moved or merged.
    Order {
        /// The id.
        id: Option<u64>,
        /// The largest id before it.
        last: u64,
    },
}

impl Unread {
    /// Creates the report of an unreadable part.
    pub(super) fn new(line: usize, what: What) -> Self {
        Self { line, what }
    }

    /// Returns whether it makes something missing from the session shown.
    #[must_use]
    pub fn is_loss(&self) -> bool {
        !matches!(self.what, What::Order { .. } | What::Bytes)
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let line = self.line;
        match &self.what {
            What::Cut { bytes } => {
                write!(f, "line {line} was cut off and is left out ({bytes} bytes)")
            }
            What::Header => write!(f, "line {line}, the header, is damaged"),
            What::Damaged(why) => write!(f, "line {line} is damaged and is left out: {why}"),
            What::Bytes => write!(
                f,
                "line {line} has bytes that are not UTF-8, shown as \u{fffd}"
            ),
            What::Event(name) => write!(
                f,
                "line {line}: the event {name:?} is not known to this version"
            ),
            What::Misfit { event, why } => {
                write!(
                    f,
                    "line {line}: the event {event:?} cannot be read by this version: {why}"
                )
            }
            What::Note(why) => write!(
                f,
                "line {line}: a note cannot be read by this version: {why}"
            ),
            What::Field(name) => write!(
                f,
                "line {line}: the field {name} is not known to this version"
            ),
            What::Order { id: Some(id), last } => {
                write!(f, "line {line}: id {id} comes after id {last}")
            }
            What::Order { id: None, .. } => write!(f, "line {line} has no id"),
        }
    }
}

/// Summarises the unreadable parts in one sentence for the status line, naming the first few; `None` if everything was read.
#[must_use]
pub fn summary(unread: &[Unread]) -> Option<String> {
    let lost = unread.iter().filter(|one| one.is_loss()).count();
    let head = match (lost, unread.len()) {
        (_, 0) => return None,
        (0, n) => format!("{} on this file", count(n, "remark")),
        (lost, _) => format!("{} in this file cannot be shown", count(lost, "item")),
    };
    // Losses come first.
    let mut named: Vec<&Unread> = unread.iter().collect();
    named.sort_by_key(|one| !one.is_loss());
    let named: Vec<String> = named.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match unread.len() - named.len() {
        0 => String::new(),
        n => format!("; and {n} more"),
    };
    Some(format!("{head}: {}{more}", named.join("; ")))
}

/// Returns a line as text; bytes that are not UTF-8 are replaced and reported.
pub(super) fn text<'a>(row: &'a [u8], line: usize, unread: &mut Vec<Unread>) -> Cow<'a, str> {
    let text = String::from_utf8_lossy(row);
    if matches!(text, Cow::Owned(_)) {
        unread.push(Unread::new(line, What::Bytes));
    }
    text
}

/// Returns the fields that deserialisation ignored, each once: `verdict.tried[].mood`. Empty fields are not reported.
pub(super) fn unknown_fields(written: &Value, read: &Value, place: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    collect(written, read, place, &mut found);
    found
}

fn collect(written: &Value, read: &Value, place: &str, found: &mut BTreeSet<String>) {
    match (written, read) {
        (Value::Object(written), Value::Object(read)) => {
            for (name, value) in written.iter().filter(|(_, value)| !is_nothing(value)) {
                let place = format!("{place}.{name}");
                match read.get(name) {
                    Some(read) => collect(value, read, &place, found),
                    None => {
                        found.insert(place);
                    }
                }
            }
        }
        (Value::Array(written), Value::Array(read)) => {
            let place = format!("{place}[]");
            for (written, read) in written.iter().zip(read) {
                collect(written, read, &place, found);
            }
        }
        _ => {}
    }
}

/// Returns whether a value is equivalent to an absent field: null, or an empty array or object.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(of) => of.is_empty(),
        Value::Object(of) => of.is_empty(),
        _ => false,
    }
}
