//! Session files on disk: atomic save, load with repair, autosave and recovery. The format is in `event` and `log`.

mod event;
mod log;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

pub use event::{Header, Tool};
pub use log::{Loaded, Repair, SessionFile};

use super::Session;
use crate::error::{Error, Result};
use crate::file;

/// The ending of session files.
pub const EXTENSION: &str = "jsonl";
/// How much of the origin an autosave's name carries, in bytes.
const MAX_SLUG: usize = 40;

/// Reads a session file.
///
/// # Errors
/// Names the file, the line that cannot be understood, and what to do.
pub fn load(path: &Path) -> Result<Loaded> {
    SessionFile::parse(&file::read_text(path)?, path)
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

/// Returns where a session is autosaved: the name says what it is about, process and serial make it unique.
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
    recovery_dir.join(format!("{slug}-{process}-{serial}.{EXTENSION}"))
}

/// An autosaved session that can be recovered.
#[derive(Debug, Clone, PartialEq)]
pub struct Recovery {
    /// Its file.
    pub path: PathBuf,
    /// When it was written.
    pub modified: SystemTime,
    /// Where its problem came from.
    pub origin: String,
    /// The question; foreign text.
    pub question: String,
    /// How many notes it holds.
    pub notes: usize,
}

/// Lists the autosaved sessions, newest first. Files that cannot be read as sessions are left out and logged.
///
/// # Errors
/// Names the folder when it cannot be listed; a missing folder is an empty list.
pub fn recoverable(recovery_dir: &Path) -> Result<Vec<Recovery>> {
    let failed = |source| Error::io("list", recovery_dir, source);
    let entries = match fs::read_dir(recovery_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_none_or(|ending| ending != EXTENSION) {
            continue;
        }
        match recovery(&path) {
            Ok(recovery) => found.push(recovery),
            Err(error) => tracing::warn!("not recoverable: {error}"),
        }
    }
    found.sort_by(|a, b| (b.modified, &b.path).cmp(&(a.modified, &a.path)));
    Ok(found)
}

/// Reads what a recovery list shows of one file.
fn recovery(path: &Path) -> Result<Recovery> {
    let failed = |source| Error::io("read", path, source);
    let modified = fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .map_err(failed)?;
    let Session {
        problem,
        run,
        origin,
        notes,
        ..
    } = load(path)?.file.session();
    let question = problem.map(|problem| problem.question);
    Ok(Recovery {
        path: path.to_owned(),
        modified,
        origin,
        question: question.or(run.map(|run| run.question)).unwrap_or_default(),
        notes: notes.len(),
    })
}

/// Removes an autosaved session; one that is gone already is fine.
///
/// # Errors
/// Names the file when it cannot be removed.
pub fn discard(path: &Path) -> Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::io("remove", path, error))
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
