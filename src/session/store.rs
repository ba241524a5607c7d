//! Session files on disk: atomic save, load with repair, autosave, and the notes of what was saved. The format is in `event` and `log`.

mod event;
mod log;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use event::{Header, Tool};
pub use log::{Loaded, Repair, SessionFile};

use super::{Note, Session};
use crate::error::{Error, Result};
use crate::file;

/// The ending of session files.
pub const EXTENSION: &str = "jsonl";
/// How much of the origin an autosave's name carries, in bytes.
const MAX_SLUG: usize = 40;

/// The longest session that is read, in bytes; five thousand notes take a hundredth of it.
const LONGEST: u64 = 128 << 20;

/// Returns the text of a session, or of a JSON export of one.
///
/// # Errors
/// Names the file when it cannot be read, or takes more memory than a session may.
pub fn read_text(path: &Path) -> Result<String> {
    let text = file::read_text_at_most(path, LONGEST)?;
    if file::values_in(text.as_bytes()) > file::MOST_VALUES {
        let hint = "open a file that undertone saved";
        return Err(Error::data(
            path,
            None,
            "it holds too many values to be a session",
            hint,
        ));
    }
    Ok(text)
}

/// Reads a session file.
///
/// # Errors
/// Names the file, the line that cannot be understood, and what to do.
pub fn load(path: &Path) -> Result<Loaded> {
    SessionFile::parse(&read_text(path)?, path)
}

/// Saves a session file: either the old file or the whole new one is there, never a part.
///
/// # Errors
/// Names the file when it cannot be written; the old one is then untouched. A file that could not be read
/// back, as one with a number that is not finite, is not written.
pub fn save(session_file: &SessionFile, path: &Path) -> Result<()> {
    let text = session_file.to_text();
    let reread = SessionFile::parse(&text, path)?;
    if reread.repaired.is_some() || reread.file.session() != session_file.session() {
        return Err(Error::internal(format!(
            "the session would not read back as it is, so {path:?} was not written"
        )));
    }
    file::write_atomic(path, text.as_bytes())
}

/// Returns where a session is autosaved: the name says what it is about, process and serial make it unique among those that run;
/// a number that is taken, by a process long gone, is passed over.
#[must_use]
pub fn autosave_path(recovery_dir: &Path, origin: &str, process: u32, serial: u64) -> PathBuf {
    let mut slug = String::new();
    for c in origin.chars() {
        if slug.len() == MAX_SLUG {
            break;
        }
        if c.is_ascii_alphanumeric() {
            slug.push(c.to_ascii_lowercase());
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    let slug = if slug.is_empty() { "session" } else { slug };
    let path = |serial| recovery_dir.join(format!("{slug}-{process}-{serial}.{EXTENSION}"));
    let free = (serial..=u64::MAX).map(path).find(|path| !path.exists());
    free.unwrap_or_else(|| path(serial))
}

/// The notes of one autosaved session.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// The question that they are about; foreign text.
    pub question: String,
    /// They.
    pub notes: Vec<Note>,
}

/// The notes of the sessions that were autosaved before a time, in order of the files' names. Files that cannot be read as sessions
/// are left out and logged.
///
/// # Errors
/// Names the folder when it cannot be listed; a missing folder is an empty list.
pub fn noted(recovery_dir: &Path, before: SystemTime) -> Result<Vec<Noted>> {
    let failed = |source| Error::io("list", recovery_dir, source);
    let entries = match fs::read_dir(recovery_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut paths = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let written = entry.metadata().and_then(|metadata| metadata.modified());
        let path = entry.path();
        let is_session = path.extension().is_some_and(|ending| ending == EXTENSION);
        if is_session && written.is_ok_and(|written| written < before) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        match load(&path) {
            Ok(loaded) => {
                let Session {
                    problem,
                    run,
                    notes,
                    ..
                } = loaded.file.session();
                let question = problem.map(|problem| problem.question);
                let question = question.or(run.map(|run| run.question));
                if let Some(question) = question.filter(|_| !notes.is_empty()) {
                    found.push(Noted { question, notes });
                }
            }
            Err(error) => tracing::warn!("a saved session cannot be read: {error}"),
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
