//! A session file that is written while the analyst works: every save appends what is new, and is on disk when it returns.
//!
//! Several processes may write one file. Each holds its lock for the moment of a save, reads first what the others added, and
//! changes only the notes that were changed by its own user; so no note is lost, and no lock outlives its process.

use std::fs::{self, File, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use super::{Loaded, MAX_LEN, SessionFile};
use crate::error::{Error, Result};
use crate::file;
use crate::paths::create_folder;
use crate::session::{Note, Session};

/// How often a save looks whether another process has finished its own, and how long it waits in between: a second in all.
const LOOKS: u32 = 200;
const PAUSE: Duration = Duration::from_millis(5);

/// A session file that is being worked on.
#[derive(Debug)]
pub struct SavedFile {
    path: PathBuf,
    /// What is on disk, as far as it is known.
    file: SessionFile,
    /// How long that is, in bytes; None while there is nothing on disk.
    len: Option<u64>,
    /// The notes as the user had them at the last save: what differs from them was changed since.
    base: Vec<Note>,
}

impl SavedFile {
    /// A file that the first save creates.
    #[must_use]
    pub fn new(path: PathBuf, file: SessionFile) -> Self {
        Self {
            path,
            base: file.session().notes,
            file,
            len: None,
        }
    }

    /// A file that was read, with the notes that its user sees.
    #[must_use]
    pub fn opened(path: PathBuf, file: SessionFile, base: Vec<Note>) -> Self {
        Self {
            path,
            file,
            // Whatever its length is now, the next save reads what was added.
            len: Some(0),
            base,
        }
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Saves what is new in the session.
    ///
    /// # Errors
    /// Names the file when it cannot be written; what was on disk is then as before, and the next save tries all of it again.
    pub fn save(&mut self, session: &Session) -> Result<()> {
        if let Some(folder) = self.path.parent().filter(|p| !p.as_os_str().is_empty()) {
            create_folder(folder)?;
        }
        match self.len.map(|_| lock(&self.path)) {
            Some(Ok(disk)) => self.append(&disk, session)?,
            Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::io("write", &self.path, error));
            }
            // It is new, or somebody took it away: all of it is written.
            _ => self.create(session)?,
        }
        self.base.clone_from(&session.notes);
        Ok(())
    }

    fn create(&mut self, session: &Session) -> Result<()> {
        self.file.update(&self.wanted(session));
        let text = self.file.to_text();
        self.check(&self.file.text_from(0));
        file::write_atomic(&self.path, text.as_bytes())?;
        self.len = Some(text.len() as u64);
        Ok(())
    }

    fn append(&mut self, disk: &Locked, session: &Session) -> Result<()> {
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
            len = bytes.len() as u64;
            // A last line that was cut off stays a line of its own.
            if bytes.last().is_some_and(|byte| *byte != b'\n') {
                start = "\n";
            }
        }
        let wanted = self.wanted(session);
        let mut file = self.file.clone();
        let before = file.n_lines();
        if !file.update(&wanted) {
            self.len = Some(len);
            return Ok(());
        }
        let lines = file.text_from(before);
        self.check(&lines);
        let added = format!("{start}{lines}");
        let mut out = &disk.0;
        let written = out
            .write_all(added.as_bytes())
            .and_then(|()| out.sync_data());
        if let Err(error) = written {
            // Half a line would be reported as damage for ever. If even that fails, the next save starts a line of its own.
            let _ = out.set_len(len);
            self.len = Some(0);
            return Err(failed(error));
        }
        self.file = file;
        self.len = Some(len + added.len() as u64);
        Ok(())
    }

    /// The session as it is to be on disk: with the notes that other processes wrote.
    fn wanted(&self, session: &Session) -> Session {
        let notes = merged(&self.base, self.file.session().notes, &session.notes);
        Session {
            notes,
            ..session.clone()
        }
    }

    /// Logs which of the lines to be written would not be read back: a figure that is not finite costs its own line, never the notes.
    fn check(&self, lines: &str) {
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
    }
}

/// A file that this process alone writes while the value lives.
#[derive(Debug)]
struct Locked(File);

impl Drop for Locked {
    /// Closing alone would leave the file locked as long as a process that is just being started has a copy of the handle.
    fn drop(&mut self) {
        if let Err(error) = self.0.unlock() {
            tracing::debug!(%error, "a session cannot be unlocked");
        }
    }
}

/// Opens a file to append to it and waits until no other process writes it.
fn lock(path: &Path) -> io::Result<Locked> {
    for _ in 0..LOOKS {
        let file = file::extend(path)?;
        match file.try_lock() {
            Ok(()) if is_at(&file, path) => return Ok(Locked(file)),
            // It was replaced before it was locked.
            Ok(()) => drop(Locked(file)),
            Err(TryLockError::WouldBlock) => {}
            // Some network file systems have no locks; what another process adds meanwhile is then appended to.
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

/// Whether a path still leads to an open file.
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

/// The notes on disk with the user's own changes since `base` made to them. Where nobody else wrote, these are the user's notes.
fn merged(base: &[Note], disk: Vec<Note>, own: &[Note]) -> Vec<Note> {
    if disk == base {
        return own.to_vec();
    }
    let mut notes = disk;
    for gone in base.iter().filter(|note| !own.contains(note)) {
        notes.retain(|note| note != gone);
    }
    for new in own.iter().filter(|note| !base.contains(note)) {
        if !notes.contains(new) {
            notes.push(new.clone());
        }
    }
    notes
}
