//! What of a session file could not be read, in words: damage, and what a later version wrote.

use crate::core::text::count;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

/// How many of them are named before the rest is only counted.
const NAMED: usize = 3;

/// One thing that could not be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unread {
    /// In which line, from 1.
    pub line: usize,
    /// What it is.
    pub what: What,
}

/// What could not be read. The file keeps all of it, but for a line that was cut off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// The last line was cut off, as by a crash.
    Cut {
        /// How many bytes of it there are.
        bytes: usize,
    },
    /// The header is damaged: what it says of the model is not known.
    Header,
    /// A line is damaged; in words how.
    Damaged(String),
    /// Some bytes of a line are not UTF-8; they are shown as �.
    Bytes,
    /// An event of a kind that this version does not know.
    Event(String),
    /// A known event that does not fit its form: a later version may know more.
    Misfit {
        /// Which event.
        event: &'static str,
        /// In what it does not fit.
        why: String,
    },
    /// A note that does not fit its form; in words how.
    Note(String),
    /// A field that this version does not know.
    Field(String),
    /// An event whose id is missing or not above the one before: lines were doubled, moved or merged.
    Order {
        /// Its id.
        id: Option<u64>,
        /// The largest id before it.
        last: u64,
    },
}

impl Unread {
    /// Something that could not be read in a line.
    pub(super) fn new(line: usize, what: What) -> Self {
        Self { line, what }
    }

    /// Whether something is missing from what is shown.
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

/// All of it in one sentence for the status line, the first few by name; None if everything was read.
#[must_use]
pub fn summary(unread: &[Unread]) -> Option<String> {
    let lost = unread.iter().filter(|one| one.is_loss()).count();
    let things = |n: usize| count(n, "thing");
    let head = match (lost, unread.len()) {
        (_, 0) => return None,
        (0, n) => format!("{} to know about this file", things(n)),
        (lost, _) => format!("{} in this file cannot be shown", things(lost)),
    };
    // What is missing comes first.
    let mut named: Vec<&Unread> = unread.iter().collect();
    named.sort_by_key(|one| !one.is_loss());
    let named: Vec<String> = named.iter().take(NAMED).map(ToString::to_string).collect();
    let more = match unread.len() - named.len() {
        0 => String::new(),
        n => format!("; and {n} more"),
    };
    Some(format!("{head}: {}{more}", named.join("; ")))
}

/// A line as text; bytes that are not UTF-8 are replaced and reported.
pub(super) fn text<'a>(row: &'a [u8], line: usize, unread: &mut Vec<Unread>) -> Cow<'a, str> {
    let text = String::from_utf8_lossy(row);
    if matches!(text, Cow::Owned(_)) {
        unread.push(Unread::new(line, What::Bytes));
    }
    text
}

/// The fields of a value that its reading does not know, each once: `verdict.tried[].mood`. A field without a value says nothing.
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

/// Whether a field with this value says no more than none would.
fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(of) => of.is_empty(),
        Value::Object(of) => of.is_empty(),
        _ => false,
    }
}
