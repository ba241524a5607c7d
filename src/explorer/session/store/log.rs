//! The session file as an append-only log: a header line, then one event per line; folding the events gives the session.
//!
//! The text of each line is kept, so that events and fields of other versions survive a round trip. A line that cannot be read
//! does not affect the others. No I/O here.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::event::{Event, SessionHeader, heading_of};
use super::unread::{self, Unread, What};
use crate::core::error::{Error, Result};
use crate::explorer::session::{Note, SCHEMA, Session};

/// The parent of the first event: the header.
const ROOT: u64 = 0;
/// Ids from here on are not continued: no session has that many events.
const MAX_ID: u64 = 1 << 53;
/// The longest line that is parsed, in bytes: a hundred times the longest ever seen, and small enough to parse.
pub(super) const MAX_LINE: usize = 16 << 20;

/// A line as it is written: the event with its id and the id of the event it builds on.
#[derive(Debug, Serialize)]
struct Entry<'a> {
    id: u64,
    parent: u64,
    #[serde(flatten)]
    event: &'a Event,
}

#[derive(Debug, Clone, PartialEq)]
struct Line {
    text: String,
    /// `None` for an event that this version cannot read.
    event: Option<Event>,
}

/// A session file that was read, with its damage.
#[derive(Debug, Clone, PartialEq)]
pub struct Loaded {
    /// The file.
    pub file: SessionFile,
    /// The parts that could not be read, in line order.
    pub unread: Vec<Unread>,
}

/// A session file in memory: the header and its events.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFile {
    header: SessionHeader,
    header_text: String,
    lines: Vec<Line>,
    last_id: u64,
    /// The id of the newest event of each kind, by name; later events refer to it as their parent.
    newest: BTreeMap<&'static str, u64>,
    /// The notes of the newest `annotate` event as they were read, including those of other versions; written again with the rest.
    raw_notes: Vec<(Option<Note>, Value)>,
}

impl SessionFile {
    /// Creates the file of a session, with the events in their natural order.
    #[must_use]
    pub fn new(header: SessionHeader, session: &Session) -> Self {
        let mut file = Self {
            header_text: String::new(),
            header: SessionHeader {
                model: session.model.clone(),
                origin: session.origin.clone(),
                ..header
            },
            lines: Vec::new(),
            last_id: ROOT,
            newest: BTreeMap::new(),
            raw_notes: Vec::new(),
        };
        file.header_text = to_line(&file.header);
        file.append_from_open(session);
        file
    }

    /// Returns the session that the events build.
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

    /// Returns every note in any event, including those changed or removed later.
    pub fn notes_ever(&self) -> impl Iterator<Item = &Note> {
        let events = self.lines.iter().filter_map(|line| line.event.as_ref());
        events.flat_map(|event| match event {
            Event::Annotate { notes } => notes.as_slice(),
            _ => &[],
        })
    }

    /// Appends events for everything new in `session`; returns whether there was anything. Results of the same run that `session`
    /// lacks are kept.
    pub fn update(&mut self, session: &Session) -> bool {
        let events = Event::between(&self.session(), session, &self.header);
        let is_new = !events.is_empty();
        for event in events {
            self.append(event);
        }
        is_new
    }

    /// Creates a new file that continues this one with a newer session. It starts with the notes of this one, so that notes removed
    /// since are on record and do not come back.
    #[must_use]
    pub fn followed_by(&self, session: &Session) -> Self {
        let notes = self.session().notes;
        let mut file = Self::new(
            self.header.clone(),
            &Session {
                notes,
                ..session.clone()
            },
        );
        file.update(session);
        file
    }

    /// Returns the whole file. Lines that were read are unchanged, except for a cut-off last line, a damaged header, CRLF line ends
    /// and bytes that are not UTF-8.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut text = self.header_text.clone();
        text.push('\n');
        text += &self.text_from(0);
        text
    }

    /// Returns the header as it is written.
    pub(super) fn header_text(&self) -> &str {
        &self.header_text
    }

    /// Returns the number of lines after the header.
    pub(super) fn n_lines(&self) -> usize {
        self.lines.len()
    }

    /// Returns the lines from index `first` on, counted from 0 after the header.
    pub(super) fn text_from(&self, first: usize) -> String {
        let mut text = String::new();
        for line in self.lines.get(first..).unwrap_or_default() {
            text.push_str(&line.text);
            text.push('\n');
        }
        text
    }

    /// Parses a session file; `path` is used in errors only.
    ///
    /// # Errors
    /// If this is no session file, or one of another schema. Any other damage is limited to its line and reported in [`Loaded::unread`].
    pub fn parse(text: &str, path: &Path) -> Result<Loaded> {
        Self::read(text.as_bytes(), path)
    }

    /// Parses a session file from bytes: bytes that are not UTF-8 are replaced and reported.
    ///
    /// # Errors
    /// See [`Self::parse`].
    pub fn read(bytes: &[u8], path: &Path) -> Result<Loaded> {
        // Some editors write a byte order mark.
        let bytes = bytes.strip_prefix("\u{feff}".as_bytes()).unwrap_or(bytes);
        let is_ended = bytes.is_empty() || bytes.ends_with(b"\n");
        let rows = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        let mut rows = rows
            .split(|byte| *byte == b'\n')
            .map(|row| row.strip_suffix(b"\r").unwrap_or(row))
            .enumerate()
            .peekable();
        while rows
            .next_if(|(_, row)| row.trim_ascii().is_empty())
            .is_some()
        {}
        let Some((place, first)) = rows.next() else {
            let hint = "open a file that undertone saved";
            return Err(Error::data(path, None, "the file is empty", hint));
        };
        let mut unread = Vec::new();
        let first = unread::text(first, place + 1, &mut unread);
        let (header, damaged) = read_header(&first, place + 1, path)?;
        let mut file = Self {
            header_text: if damaged.is_some() {
                to_line(&header)
            } else {
                first.into_owned()
            },
            header,
            lines: Vec::new(),
            last_id: ROOT,
            newest: BTreeMap::new(),
            raw_notes: Vec::new(),
        };
        let fields = file
            .header
            .extra
            .keys()
            .map(|name| format!("header.{name}"));
        unread.extend(fields.map(|name| Unread::new(place + 1, What::Field(name))));
        while let Some((place, row)) = rows.next() {
            let line = place + 1;
            let is_last = rows.peek().is_none();
            let row = unread::text(row, line, &mut unread);
            if let Err(what) = file.read_line(&row, line, &mut unread) {
                let is_cut = is_last
                    && !is_ended
                    && row.len() <= MAX_LINE
                    && matches!(what, What::Damaged(_));
                if !is_cut {
                    let text = row.into_owned();
                    file.lines.push(Line { text, event: None });
                    unread.push(Unread::new(line, what));
                    continue;
                }
                unread.push(Unread::new(line, What::Cut { bytes: row.len() }));
            }
        }
        if let Some(damaged) = damaged {
            // Files of other kinds have no events.
            if file.lines.iter().all(|line| line.event.is_none()) {
                return Err(damaged);
            }
            unread.insert(0, Unread::new(place + 1, What::Header));
        }
        Ok(Loaded { file, unread })
    }

    fn read_line(
        &mut self,
        row: &str,
        line: usize,
        unread: &mut Vec<Unread>,
    ) -> std::result::Result<(), What> {
        if row.trim().is_empty() {
            self.lines.push(Line {
                text: row.to_owned(),
                event: None,
            });
            return Ok(());
        }
        if row.len() > MAX_LINE {
            return Err(What::Damaged(format!(
                "it exceeds the limit of {} MiB",
                MAX_LINE >> 20
            )));
        }
        let damaged = |why: serde_json::Error| What::Damaged(why.to_string());
        let mut value: Value = serde_json::from_str(row).map_err(damaged)?;
        if !value.is_object() {
            return Err(What::Damaged("it is not an object".to_owned()));
        }
        let name = value.get("event").and_then(Value::as_str);
        let known = Event::NAMES.into_iter().find(|n| Some(*n) == name);
        let stated = value.get("id").and_then(Value::as_u64);
        // Leaves room for the ids that follow.
        let id = stated.filter(|id| *id < MAX_ID);
        let Some(known) = known else {
            self.last_id = self.last_id.max(id.unwrap_or(ROOT));
            return Err(What::Event(name.unwrap_or("no event").to_owned()));
        };
        if id.is_none_or(|id| id <= self.last_id) {
            unread.push(Unread::new(
                line,
                What::Order {
                    id: stated,
                    last: self.last_id,
                },
            ));
        }
        let raw_notes = Self::take_notes(known, &mut value, line, unread);
        let event: Event = serde_json::from_value(value.clone()).map_err(|why| What::Misfit {
            event: known,
            why: why.to_string(),
        })?;
        let id = id.unwrap_or(self.last_id + 1);
        self.last_id = self.last_id.max(id);
        self.newest.insert(known, id);
        if let Some(raw_notes) = raw_notes {
            self.raw_notes = raw_notes;
        }
        if let Ok(again) = serde_json::to_value(Entry {
            id,
            parent: ROOT,
            event: &event,
        }) {
            let fields = unread::unknown_fields(&value, &again, known);
            unread.extend(
                fields
                    .into_iter()
                    .map(|name| Unread::new(line, What::Field(name))),
            );
        }
        self.lines.push(Line {
            text: row.to_owned(),
            event: Some(event),
        });
        Ok(())
    }

    /// Parses the notes of an `annotate` event one by one and removes the unreadable ones from the value, so that they do not cost the
    /// others.
    fn take_notes(
        event: &str,
        value: &mut Value,
        line: usize,
        unread: &mut Vec<Unread>,
    ) -> Option<Vec<(Option<Note>, Value)>> {
        let notes = value
            .get_mut("notes")
            .filter(|_| event == "annotate")?
            .as_array_mut()?;
        let read = notes.iter().map(|raw| {
            let note = serde_json::from_value::<Note>(raw.clone());
            let note =
                note.map_err(|why| unread.push(Unread::new(line, What::Note(why.to_string()))));
            (note.ok(), raw.clone())
        });
        let read: Vec<(Option<Note>, Value)> = read.collect();
        let known = read.iter().filter(|(note, _)| note.is_some());
        *notes = known.map(|(_, raw)| raw.clone()).collect();
        Some(read)
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
        // A result builds on the run, the run on the problem, and a note on the newest event.
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
        let entry = Entry {
            id,
            parent,
            event: &event,
        };
        let text = match &event {
            Event::Annotate { notes } => self.annotate(&entry, notes),
            _ => to_line(&entry),
        };
        let event = Some(event);
        self.lines.push(Line { text, event });
    }

    /// Returns an `annotate` line: notes that were read keep their original form, and those of other versions stay.
    fn annotate(&mut self, entry: &Entry<'_>, notes: &[Note]) -> String {
        let mut foreign = Vec::new();
        let mut known: HashMap<Note, Vec<Value>> = HashMap::new();
        for (note, raw) in self.raw_notes.drain(..) {
            match note {
                Some(note) => known.entry(note).or_default().push(raw),
                None => foreign.push((None, raw)),
            }
        }
        let as_read = notes.iter().map(|note| {
            let raw = known.get_mut(note).and_then(Vec::pop);
            let raw = raw.unwrap_or_else(|| serde_json::to_value(note).unwrap_or_default());
            (Some(note.clone()), raw)
        });
        self.raw_notes = as_read.collect();
        self.raw_notes.extend(foreign);
        let mut value = serde_json::to_value(entry).unwrap_or_default();
        value["notes"] = self.raw_notes.iter().map(|(_, raw)| raw.clone()).collect();
        to_line(&value)
    }

    fn newest_of(&self, name: &str) -> u64 {
        self.newest.get(name).copied().unwrap_or(ROOT)
    }
}

/// Parses the first line. A damaged header comes with an error, to be returned if no events follow.
fn read_header(first: &str, line: usize, path: &Path) -> Result<(SessionHeader, Option<Error>)> {
    let value: Value = serde_json::from_str(first).unwrap_or_default();
    let salvaged = || SessionHeader::new("unknown", 0, serde_json::Map::new());
    let failed = |message: String, hint: &str| Error::data(path, Some(line), message, hint);
    match value.get("schema").and_then(Value::as_str) {
        Some(SCHEMA) => Ok(match serde_json::from_value(value) {
            Ok(header) => (header, None),
            Err(why) => {
                let hint = "repair that line, or open an earlier copy of the session";
                let incomplete = failed(format!("the header is incomplete: {why}"), hint);
                (salvaged(), Some(incomplete))
            }
        }),
        Some(other) if other.starts_with("undertone.session/") => Err(failed(
            format!("the file has schema {other:?}, this version reads {SCHEMA:?}"),
            "open it with the version of undertone that wrote it",
        )),
        _ => {
            let hint = "open a file that undertone saved; problems are read with --data";
            let other = failed("this is not an undertone session".to_owned(), hint);
            Ok((salvaged(), Some(other)))
        }
    }
}

/// Serialises a value as one line of JSON.
fn to_line(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data with text keys always serialises")
}
