//! A session file that is written during work: every save appends new events, which are on disk when it returns.
//!
//! Several processes may write one file. Each locks it for the duration of a save, first reads what the others added, and
//! changes only the notes that its own user changed; so no note is lost, and no lock outlives its process.

use std::collections::HashSet;
use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::log::MAX_LINE;
use super::{EXTENSION, Loaded, MAX_LEN, SessionFile};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::paths::create_folder;
use crate::explorer::session::{Note, Session};

/// The number of attempts to lock a file, and the pause between them: one second in all.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// A session file in use.
#[derive(Debug)]
pub struct SavedFile {
    path: PathBuf,
    /// The content on disk, as far as known.
    file: SessionFile,
    /// Its length in bytes; `None` while nothing is on disk.
    len: Option<u64>,
    /// An upper bound on its number of JSON values.
    n_values: usize,
    /// Notes of older files that are shown with this one's. The first save copies them here, so that removing one later is
    /// recorded.
    adopted: Vec<Note>,
}

impl SavedFile {
    /// Creates a file that the first save writes.
    #[must_use]
    pub fn new(path: PathBuf, file: SessionFile) -> Self {
        Self {
            path,
            file,
            len: None,
            n_values: 0,
            adopted: Vec::new(),
        }
    }

    /// Wraps a file that was read, with notes adopted from older files.
    #[must_use]
    pub fn opened(path: PathBuf, file: SessionFile, adopted: Vec<Note>) -> Self {
        Self {
            path,
            file,
            // Differs from the real length, so the next save reads the file again.
            len: Some(0),
            n_values: 0,
            adopted,
        }
    }

    /// Returns its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the session, as far as known.
    #[must_use]
    pub fn session(&self) -> Session {
        self.file.session()
    }

    /// Returns its notes, including the adopted ones.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        with(self.file.session().notes, &self.adopted)
    }

    /// Saves the changes of a session. `base` holds the user's notes at the last save: only differences from it change the file.
    ///
    /// # Errors
    /// The file, if it cannot be written; its content is then unchanged, and the next save tries everything again.
    pub fn save(&mut self, session: &Session, base: &[Note]) -> Result<()> {
        if let Some(folder) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            create_folder(folder)?;
        }
        match self.len.map(|_| lock(&self.path)) {
            Some(Ok(disk)) => self.append(&disk, session, base),
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                Err(Error::io("write", &self.path, error))
            }
            // The file was removed: write all of it again.
            Some(Err(_)) => self.write(self.path.clone(), self.updated(session, base)),
            None => {
                let mut file = self.file.clone();
                file.update(session);
                self.write(self.path.clone(), file)
            }
        }
    }

    fn write(&mut self, path: PathBuf, file: SessionFile) -> Result<()> {
        let text = file.to_text();
        let (len, n_values) = (text.len() as u64, file::values_in(text.as_bytes()));
        if !fits(len, n_values) {
            return Err(too_long(&path));
        }
        self.check(&file.text_from(0))?;
        file::write_atomic(&path, text.as_bytes())?;
        self.path = path;
        self.len = Some(len);
        self.n_values = n_values;
        self.file = file;
        self.adopted.clear();
        Ok(())
    }

    fn append(&mut self, disk: &Locked, session: &Session, base: &[Note]) -> Result<()> {
        let failed = |source| Error::io("write", &self.path, source);
        let mut len = disk.0.metadata().map_err(failed)?.len();
        let mut start = "";
        if self.len != Some(len) {
            let bytes = file::read_whole(&disk.0, MAX_LEN).map_err(failed)?;
            let Loaded { file, unread } = SessionFile::read(&bytes, &self.path)?;
            if let Some(summary) = super::summary(&unread) {
                tracing::warn!("{:?}: {summary}", self.path);
            }
            self.file = file;
            self.n_values = file::values_in(&bytes);
            len = bytes.len() as u64;
            // A cut-off last line stays a separate line.
            if bytes.last().is_some_and(|byte| *byte != b'\n') {
                start = "\n";
            }
        }
        let before = self.file.n_lines();
        let file = self.updated(session, base);
        if file.n_lines() == before {
            self.len = Some(len);
            return Ok(());
        }
        let lines = file.text_from(before);
        let added = format!("{start}{lines}");
        let n_values = self.n_values + file::values_in(added.as_bytes());
        if !fits(len + added.len() as u64, n_values) {
            // This file stays unchanged; the session continues in a new one.
            return self.write(
                free_beside(&self.path),
                self.file.followed_by(&file.session()),
            );
        }
        self.check(&lines)?;
        let mut out = &disk.0;
        let written = out
            .write_all(added.as_bytes())
            .and_then(|()| out.sync_data());
        if let Err(error) = written {
            // Half a line would be reported as damage forever. If truncation fails too, the next save starts a new line.
            let _ = out.set_len(len);
            self.len = Some(0);
            return Err(failed(error));
        }
        self.file = file;
        self.len = Some(len + added.len() as u64);
        self.n_values = n_values;
        self.adopted.clear();
        Ok(())
    }

    /// Returns the file with the session's changes and the notes of other processes.
    fn updated(&self, session: &Session, base: &[Note]) -> SessionFile {
        let mut file = self.file.clone();
        let mut seen = file.session();
        seen.notes = with(seen.notes, &self.adopted);
        if !self.adopted.is_empty() {
            file.update(&seen);
        }
        file.update(&Session {
            notes: merged(base, seen.notes, &session.notes),
            ..session.clone()
        });
        file
    }

    /// Checks that lines can be read back. A figure that is not finite affects only its own line, and is logged.
    fn check(&self, lines: &str) -> Result<()> {
        if lines.lines().any(|line| line.len() > MAX_LINE) {
            return Err(too_long(&self.path));
        }
        let whole = format!("{}\n{lines}", self.file.header_text());
        match SessionFile::parse(&whole, &self.path) {
            Ok(Loaded { unread, .. }) => {
                if let Some(summary) = super::summary(&unread) {
                    tracing::warn!(
                        "what is saved in {:?} will not be read back: {summary}",
                        self.path
                    );
                }
            }
            Err(error) => tracing::error!("a session that is saved will not be read back: {error}"),
        }
        Ok(())
    }
}

/// Returns whether a file of this length, with at most this many values, can be read back.
fn fits(len: u64, n_values: usize) -> bool {
    len <= MAX_LEN && n_values <= file::MOST_VALUES
}

fn too_long(path: &Path) -> Error {
    let message = "its notes are longer than what can be read back".to_owned();
    Error::data(
        path,
        None,
        message,
        "shorten the longest note, or export the session with x",
    )
}

/// Returns an unused name beside a file, for the file that continues it.
fn free_beside(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut names = (2_u32..).map(|n| path.with_file_name(format!("{stem}-{n}.{EXTENSION}")));
    names
        .find(|name| !name.exists())
        .expect("a folder has fewer files than there are numbers")
}

/// A file that only this process writes while the value lives.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    /// Unlocks explicitly: after a close alone, a child process being started may still hold a copy of the handle and the lock.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "a session cannot be unlocked");
        }
    }
}

/// Opens a file for appending and waits until no other process writes it.
fn lock(path: &Path) -> io::Result<Locked> {
    for _ in 0..LOOKS {
        let file = file::extend(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => return Ok(Locked(file)),
            // The file was replaced before it was locked.
            Ok(()) => drop(Locked(file)),
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks; the save then appends after whatever others wrote.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "a session cannot be locked");
                return Ok(Locked(file));
            }
        }
        thread::sleep(PAUSE);
    }
    let busy = "another process has been writing it for a second";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, busy))
}

/// Returns whether a path still leads to an open file.
fn is_at(file: &File, path: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        let id = |of: fs::Metadata| (of.dev(), of.ino());
        let (open, there) = (file.metadata().map(id), fs::metadata(path).map(id));
        open.ok()
            .is_some_and(|open| there.is_ok_and(|there| there == open))
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        fs::exists(path).unwrap_or(true)
    }
}

/// Applies the user's changes since `base` to the notes on disk. If nobody else wrote, the result is the user's notes.
fn merged(base: &[Note], disk: Vec<Note>, own: &[Note]) -> Vec<Note> {
    if disk == base {
        return own.to_vec();
    }
    let (had, has): (HashSet<&Note>, HashSet<&Note>) =
        (base.iter().collect(), own.iter().collect());
    let mut notes = disk;
    notes.retain(|note| has.contains(note) || !had.contains(note));
    let new: Vec<Note> = own
        .iter()
        .filter(|note| !had.contains(note))
        .cloned()
        .collect();
    with(notes, &new)
}

/// Appends those of `others` that are not among the notes.
fn with(mut notes: Vec<Note>, others: &[Note]) -> Vec<Note> {
    let there: HashSet<&Note> = notes.iter().collect();
    let missing = others.iter().filter(|note| !there.contains(note));
    let missing: Vec<Note> = missing.cloned().collect();
    notes.extend(missing);
    notes
}
