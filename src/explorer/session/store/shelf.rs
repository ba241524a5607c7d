//! The folder of saved sessions: a name for a new one, and those that are about a question and a model.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::{EXTENSION, SavedFile, SessionFile, load};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::explorer::session::{Key, Note};

/// How much of the origin a file's name carries, in bytes.
const MAX_SLUG: usize = 40;
/// How much of a file is read to see what it is about, in bytes: header, problem and question are its first lines.
const START: u64 = 256 << 10;

/// The folder in which sessions are saved, and what is known of the files in it.
#[derive(Debug)]
pub struct Shelf {
    folder: PathBuf,
    /// What each file that was looked at is about.
    about: HashMap<OsString, About>,
    /// The number of the next new file.
    serial: u64,
}

impl Shelf {
    /// The shelf in a folder, which need not exist.
    #[must_use]
    pub fn new(folder: PathBuf) -> Self {
        Self {
            folder,
            about: HashMap::new(),
            serial: 0,
        }
    }

    /// A free name for a new file: it says what the session is about; process and serial make it unique among those that run.
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

    /// The sessions on this question and model, as one: the newest file, with those notes of older files that no newer file has ever
    /// held. A model is recognised by its name, or by its weights if it has moved. None if there is no file.
    pub fn recall(&mut self, key: &Key, sha256: &str) -> Option<SavedFile> {
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

    /// The files about a key, with the time of their last change; files that are new since the last look are looked into.
    fn paths_about(&mut self, key: &Key, sha256: &str) -> Vec<(PathBuf, SystemTime)> {
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

/// What a file is about.
#[derive(Debug, Default)]
struct About {
    key: Key,
    /// The hash of the model's weights.
    sha256: Option<String>,
}

/// What a file is about, by its first lines; nothing if it cannot be read.
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

/// The start of a name that says where a problem came from.
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

/// The session files of a folder in order of their names, with the time of their last change; a missing folder has none.
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
    /// What they are about.
    pub key: Key,
    /// They.
    pub notes: Vec<Note>,
}

/// The notes of all sessions in a folder, in order of the files' names. Files that cannot be read as sessions are left out and logged.
///
/// # Errors
/// Names the folder when it cannot be listed; a missing folder is an empty list.
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
