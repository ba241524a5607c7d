//! The folder of saved sessions: names for new files, and the search for sessions by question and model.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{EXTENSION, SavedFile, SessionFile, load};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::explorer::session::{Note, SessionKey};

/// The longest part of the origin in a file name, in bytes.
const MAX_SLUG: usize = 40;
/// The length of the prefix read to identify a file, in bytes: header, problem and question are its first lines.
const START: u64 = 256 << 10;

/// The folder of saved sessions, and the known subjects of its files.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    /// The subject of each file examined.
    about: HashMap<OsString, About>,
    /// The number of the next new file.
    serial: u64,
}

impl Shelf {
    /// Creates the shelf of a folder, which need not exist.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            about: HashMap::new(),
            serial: 0,
        }
    }

    /// Returns an unused name for a new file, made of the origin; process id and serial number make it unique among running processes.
    pub fn fresh(&mut self, origin: &str) -> PathBuf {
        let slug = slug(origin);
        let process = std::process::id();
        loop {
            let name = format!("{slug}-{process}-{}.{EXTENSION}", self.serial);
            self.serial += 1;
            let path = self.folder.join(name);
            if !path.exists() {
                return path;
            }
        }
    }

    /// Returns the sessions on this question and model as one: the newest file, with those notes of older files that no newer file has
    /// ever held. A model is recognised by its name, or by its weights if it has moved. Returns `None` if there is no file.
    pub fn recall(&mut self, key: &SessionKey, sha256: &str) -> Option<SavedFile> {
        let mut found = Vec::new();
        for (path, modified) in self.paths_about(key, sha256) {
            match load(&path) {
                Ok(loaded) => found.push((modified, path, loaded.file)),
                Err(error) => tracing::warn!("a saved session cannot be read: {error}"),
            }
        }
        found.sort_by(|a, b| b.0.cmp(&a.0).then_with(|| b.1.cmp(&a.1)));
        let mut ever: HashSet<&Note> = HashSet::new();
        let mut adopted = Vec::new();
        for (n, (_, _, file)) in found.iter().enumerate() {
            if n > 0 {
                let notes = file.session().notes.into_iter();
                adopted.extend(notes.filter(|note| !ever.contains(note)));
            }
            ever.extend(file.notes_ever());
        }
        let (_, path, file) = found.into_iter().next()?;
        Some(SavedFile::opened(path, file, adopted))
    }

    /// Returns the files about a key, with their modification times; new files are examined first.
    fn paths_about(&mut self, key: &SessionKey, sha256: &str) -> Vec<(PathBuf, SystemTime)> {
        let files = match files(&self.folder) {
            Ok(files) => files,
            Err(error) => {
                tracing::warn!("saved sessions are not found: {error}");
                return Vec::new();
            }
        };
        let mut found = Vec::new();
        for (path, modified) in files {
            let Some(name) = path.file_name().map(ToOwned::to_owned) else {
                continue;
            };
            let about = self.about.entry(name).or_insert_with(|| about(&path));
            let is_same_model =
                about.key.model == key.model || about.sha256.as_deref() == Some(sha256);
            if about.key.question == key.question && is_same_model {
                found.push((path, modified));
            }
        }
        found
    }
}

/// The subject of a file.
#[derive(Debug, Default)]
struct About {
    key: SessionKey,
    /// The hash of the model's weights.
    sha256: Option<String>,
}

/// Returns the subject of a file from its first lines; empty if it cannot be read.
fn about(path: &Path) -> About {
    let start = file::read_start(path, START);
    let read = start.and_then(|start| SessionFile::read(&start, path));
    read.map_or_else(
        |error| {
            tracing::warn!("a saved session cannot be read: {error}");
            About::default()
        },
        |loaded| {
            let session = loaded.file.session();
            About {
                key: session.key(),
                sha256: session.model.map(|model| model.sha256),
            }
        },
    )
}

/// Returns the part of a file name that describes the origin of a problem.
fn slug(origin: &str) -> String {
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
    match slug.trim_end_matches('-') {
        "" => "session".to_owned(),
        slug => slug.to_owned(),
    }
}

/// Returns the session files of a folder by name, with their modification times; none if the folder is missing.
fn files(folder: &Path) -> Result<Vec<(PathBuf, SystemTime)>> {
    let failed = |source| Error::io("list", folder, source);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let modified = entry.metadata().and_then(|metadata| metadata.modified());
        let path = entry.path();
        if path.extension().is_some_and(|ending| ending == EXTENSION) {
            found.push((path, modified.unwrap_or(SystemTime::UNIX_EPOCH)));
        }
    }
    found.sort();
    Ok(found)
}

/// The notes of a saved session.
#[derive(Debug, Clone, PartialEq)]
pub struct Noted {
    /// The session's key.
    pub key: SessionKey,
    /// Its notes.
    pub notes: Vec<Note>,
}

/// Returns the notes of all sessions in a folder, by file name; unreadable files are skipped and logged.
///
/// # Errors
/// The folder, if it cannot be listed; a missing folder gives an empty list.
pub fn noted(folder: &Path) -> Result<Vec<Noted>> {
    let mut found = Vec::new();
    for (path, _) in files(folder)? {
        match load(&path) {
            Ok(loaded) => {
                let session = loaded.file.session();
                if !session.question().is_empty() && !session.notes.is_empty() {
                    let key = session.key();
                    let notes = session.notes;
                    found.push(Noted { key, notes });
                }
            }
            Err(error) => tracing::warn!("a saved session cannot be read: {error}"),
        }
    }
    Ok(found)
}
