//! The session file as an append-only log: a header line, then one event a line; folding them gives the session.
//!
//! Lines are kept as they were read, so that events and fields of another version survive a round trip
//! unharmed. No I/O here.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::event::{Event, Header, heading_of};
use crate::error::{Error, Result};
use crate::session::{SCHEMA, Session};

/// The parent of the first event: the header.
const ROOT: u64 = 0;
/// What to do about a file that is no session, or no longer one.
const HINT_CORRUPT: &str = "mend or remove that line, or open an earlier copy of the session";

/// A line as it is written: the event with its own id and that of the event it builds on.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: u64,
    parent: u64,
    #[serde(flatten)]
    event: &'a Event,
}

/// One line after the header.
#[derive(Debug, Clone, PartialEq)]
struct Line {
    text: String,
    /// None for an event that this version does not know.
    event: Option<Event>,
}

/// The last line was cut off, as by a crash, and was left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repair {
    /// Which line, from 1.
    pub line: usize,
    /// How many bytes were dropped.
    pub bytes: usize,
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { line, bytes } = self;
        write!(f, "line {line} was cut off and left out ({bytes} bytes)")
    }
}

/// A session file that was read.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The file.
    pub file: SessionFile,
    /// What had to be left out, if anything.
    pub repaired: Option<Repair>,
}

/// A session file in memory: the header and its events.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFile {
    header: Header,
    header_text: String,
    lines: Vec<Line>,
    last_id: u64,
    /// The newest event of each kind, by name: what later events build on.
    newest: BTreeMap<&'static str, u64>,
}

impl SessionFile {
    /// Makes the file of a session, with the events in their natural order.
    #[must_use]
    pub fn new(header: Header, session: &Session) -> Self {
        let mut file = Self {
            header_text: String::new(),
            header: Header {
                model: session.model.clone(),
                origin: session.origin.clone(),
                ..header
            },
            lines: Vec::new(),
            last_id: ROOT,
            newest: BTreeMap::new(),
        };
        file.write_header();
        file.append_from_open(session);
        file
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the session that the events make.
    #[must_use]
    pub fn session(&self) -> Session {
        let mut session = Session {
            origin: self.header.origin.clone(),
            model: self.header.model.clone(),
            ..Session::default()
        };
        for event in self.lines.iter().filter_map(|line| line.event.as_ref()) {
            event.fold(&mut session, &self.header);
        }
        session
    }

    /// Appends events for whatever changed, so that the file makes `session`; returns whether anything did.
    pub fn update(&mut self, session: &Session) -> bool {
        if self.session() == *session {
            return false;
        }
        if self.header.model.is_none() && session.model.is_some() {
            self.header.model.clone_from(&session.model);
            self.write_header();
        }
        for event in Event::between(&self.session(), session, &self.header) {
            self.append(event);
        }
        if self.session() != *session {
            // A result was taken away, which only opening the problem anew can say.
            self.append_from_open(session);
        }
        true
    }

    /// Records that the session was exported.
    pub fn record_export(&mut self, format: &str, path: &str) {
        self.append(Event::Export {
            format: format.to_owned(),
            path: path.to_owned(),
        });
    }

    /// Returns the whole file. What was read is returned byte for byte.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.header_text.clone();
        text.push('\n');
        for line in &self.lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// Reads a session file; `path` only serves its errors.
    ///
    /// # Errors
    /// Names the line that cannot be understood. A last line without a line end that does not parse was cut
    /// off in writing; it is left out and reported, not an error.
    pub fn parse(text: &str, path: &Path) -> Result<Loaded> {
        let mut rows = text.lines().enumerate().map(|(i, row)| (i + 1, row));
        let Some((_, first)) = rows.next() else {
            let hint = "open a file that undertone saved";
            return Err(Error::data(path, None, "the file is empty", hint));
        };
        let mut file = Self {
            header: parse_header(first, path)?,
            header_text: first.to_owned(),
            lines: Vec::new(),
            last_id: ROOT,
            newest: BTreeMap::new(),
        };
        let n_rows = text.lines().count();
        let mut repaired = None;
        for (line, row) in rows {
            match file.read_line(row) {
                Ok(()) => {}
                Err(Unreadable::Syntax(_)) if line == n_rows && !text.ends_with('\n') => {
                    let bytes = row.len();
                    repaired = Some(Repair { line, bytes });
                }
                Err(unreadable) => {
                    return Err(Error::data(
                        path,
                        Some(line),
                        unreadable.to_string(),
                        HINT_CORRUPT,
                    ));
                }
            }
        }
        Ok(Loaded { file, repaired })
    }

    /// Reads one line after the header.
    fn read_line(&mut self, row: &str) -> Result<(), Unreadable> {
        let value: Value = serde_json::from_str(row).map_err(Unreadable::Syntax)?;
        let name = value.get("event").and_then(Value::as_str);
        let known = Event::NAMES.into_iter().find(|n| Some(*n) == name);
        let id = value.get("id").and_then(Value::as_u64);
        let event = match known {
            Some(name) => {
                let id = id.filter(|id| *id > self.last_id);
                let id = id.ok_or(Unreadable::Id {
                    after: self.last_id,
                })?;
                self.newest.insert(name, id);
                let event = serde_json::from_value(value);
                Some(event.map_err(|why| Unreadable::Event { name, why })?)
            }
            None => None,
        };
        self.last_id = self.last_id.max(id.unwrap_or(ROOT));
        self.lines.push(Line {
            text: row.to_owned(),
            event,
        });
        Ok(())
    }

    fn write_header(&mut self) {
        self.header_text = to_line(&self.header);
    }

    fn append_from_open(&mut self, session: &Session) {
        self.append(Event::open(session, &self.header));
        for event in Event::between(&heading_of(session), session, &self.header) {
            self.append(event);
        }
    }

    fn append(&mut self, event: Event) {
        self.last_id += 1;
        let id = self.last_id;
        // A result builds on the run, the run on the problem, and a note on whatever is newest.
        let (name, parent) = match &event {
            Event::Open { .. } => ("open", ROOT),
            Event::Run { .. } => ("run", self.newest_of("open")),
            Event::Ablate { .. } => ("ablate", self.newest_of("run")),
            Event::Phrases { .. } => ("phrases", self.newest_of("run")),
            Event::EarlyExit { .. } => ("early_exit", self.newest_of("run")),
            Event::Verify { .. } => ("verify", self.newest_of("run")),
            Event::Annotate { .. } => ("annotate", id - 1),
            Event::Export { .. } => ("export", id - 1),
        };
        self.newest.insert(name, id);
        let text = to_line(&Entry {
            id,
            parent,
            event: &event,
        });
        let event = Some(event);
        self.lines.push(Line { text, event });
    }

    fn newest_of(&self, name: &str) -> u64 {
        self.newest.get(name).copied().unwrap_or(ROOT)
    }
}

/// Why a line cannot be understood.
#[derive(Debug, thiserror::Error)]
enum Unreadable {
    #[error("not a JSON object: {0}")]
    Syntax(serde_json::Error),
    #[error("the id of the event is missing or not above {after}")]
    Id { after: u64 },
    #[error("the `{name}` event is incomplete: {why}")]
    Event {
        name: &'static str,
        why: serde_json::Error,
    },
}

/// Reads the first line.
fn parse_header(first: &str, path: &Path) -> Result<Header> {
    let value: Value = serde_json::from_str(first).unwrap_or_default();
    let schema = value.get("schema").and_then(Value::as_str);
    let (message, hint) = match schema {
        Some(SCHEMA) => match serde_json::from_value(value) {
            Ok(header) => return Ok(header),
            Err(why) => (format!("the header is incomplete: {why}"), HINT_CORRUPT),
        },
        Some(other) if other.starts_with("undertone.session/") => (
            format!("the file has schema {other:?}, this version reads {SCHEMA:?}"),
            "open it with the version of undertone that wrote it",
        ),
        _ => (
            "this is not an undertone session".to_owned(),
            "open a file that undertone saved; problems are read with --data",
        ),
    };
    Err(Error::data(path, Some(1), message, hint))
}

/// One line of JSON.
fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys always serialises")
}
