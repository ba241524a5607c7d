//! The explorer's effects on files: problems, saved sessions and exports; and its closing messages about them.

use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::{Given, LISTED, Opened, command};
use crate::commands;
use crate::commands::cli::CheckpointArgs;
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::paths;
use crate::core::problem::Split;
use crate::core::text::sanitize;
use crate::core::types::ModelInfo;
use crate::explorer::app::effect::{Export, ExportError, Save};
use crate::explorer::app::{Library, Recalled};
use crate::explorer::session::store::{EXTENSION, SavedFile, SessionFile, SessionHeader, Shelf};
use crate::explorer::session::{Session, SessionKey, Tag, export as exports};
use crate::explorer::term::{Ending, Performer, RunCommand, unix_s};
use crate::lab::analysis::problems;

/// Performs the effects that touch files.
pub(super) struct Files {
    given: Option<Given>,
    /// The file of the given problems.
    data: Option<PathBuf>,
    /// The requested model, for runs over data sets.
    checkpoint: CheckpointArgs,
    /// The folder for sessions without a file.
    shelf: Shelf,
    /// The files of the open sessions.
    open: HashMap<SessionKey, SavedFile>,
    saved: BTreeSet<PathBuf>,
}

impl Performer for Files {
    fn load_problems(&mut self, model: &ModelInfo) -> std::result::Result<Library, String> {
        if let Some((origin, problems)) = &self.given {
            return Ok(Library {
                origin: origin.clone(),
                problems: problems.clone(),
                ..Library::default()
            });
        }
        let (split, seed) = (Split::Test, problems::LIST_SEED);
        let problems =
            problems::for_task(model.task, split, LISTED, seed).map_err(|e| e.to_string())?;
        Ok(Library {
            origin: format!("{} {split} problems, seed {seed}", model.name),
            split: Some(split),
            problems,
            open: None,
        })
    }

    fn save(&mut self, save: &Save) -> std::result::Result<String, String> {
        let Save { session, base } = save;
        let file = self.open.entry(session.key()).or_insert_with(|| {
            let path = self.shelf.fresh(&session.origin);
            SavedFile::new(path, SessionFile::new(header(), session))
        });
        file.save(session, base)
            .map_err(|error| error.to_string())?;
        self.saved.insert(file.path().to_owned());
        Ok(file.path().display().to_string())
    }

    fn rekey(&mut self, before: &SessionKey, after: SessionKey) {
        if !self.open.contains_key(&after)
            && let Some(file) = self.open.remove(before)
        {
            self.open.insert(after, file);
        }
    }

    fn recall(&mut self, key: &SessionKey, sha256: &str) -> Option<Recalled> {
        let file = match self.open.entry(key.clone()) {
            Entry::Occupied(open) => open.into_mut(),
            Entry::Vacant(free) => free.insert(self.shelf.recall(key, sha256)?),
        };
        let then = file.session().model.map(|model| model.sha256);
        Some(Recalled {
            key: key.clone(),
            notes: file.notes(),
            path: file.path().display().to_string(),
            other_weights: then.is_some_and(|then| then != sha256),
        })
    }

    fn export(&mut self, export: &Export) -> std::result::Result<String, ExportError> {
        let target = &paths::typed(&export.path);
        let failed = |error: Error| ExportError::Failed {
            path: export.path.clone(),
            message: error.to_string(),
        };
        let mut files = file::Outputs::default();
        let read = self.open.values().map(SavedFile::path);
        for path in read.chain(self.data.as_deref()) {
            files.reads(path);
        }
        files.spares(target).map_err(failed)?;
        if target.exists() && !export.overwrite {
            return Err(ExportError::Exists {
                path: export.path.clone(),
            });
        }
        let text = exports::export(&export.session, export.format);
        file::write_out(target, text.as_bytes()).map_err(failed)?;
        let path = std::path::absolute(target).unwrap_or_else(|_| target.clone());
        Ok(path.display().to_string())
    }

    fn run_command(
        &mut self,
        model: &str,
        options: &str,
    ) -> std::result::Result<RunCommand, String> {
        let program = std::env::current_exe()
            .map_err(|why| format!("this program cannot be found again: {why}"))?;
        command::command(program, &self.checkpoint, model, options)
    }
}

impl Files {
    /// Creates the effects. New sessions are saved in `folder`, an opened one in its own file. Given problems, with their file, replace
    /// the generated ones.
    pub(super) fn new(
        folder: PathBuf,
        (given, data): (Option<Given>, Option<PathBuf>),
        checkpoint: CheckpointArgs,
        opened: Option<Opened>,
    ) -> Self {
        let opened = opened.map(|(path, file)| {
            let path = std::path::absolute(&path).unwrap_or(path);
            (
                file.session().key(),
                SavedFile::opened(path, file, Vec::new()),
            )
        });
        Self {
            given,
            data,
            checkpoint,
            shelf: Shelf::new(folder),
            open: opened.into_iter().collect(),
            saved: BTreeSet::new(),
        }
    }

    /// Returns lines on where the work was saved and what was lost. Sessions that could not be saved are rescued first.
    fn farewell(&self, ending: &Ending) -> Vec<String> {
        let mut lines = Vec::new();
        for session in &ending.lost {
            match rescue(session) {
                Ok(path) => lines.push(format!(
                    "not saved where it belongs, but in {path:?}: undertone open reads it"
                )),
                Err(error) => {
                    lines.push(format!("error: not saved: {error}"));
                    lines.extend(error.hint().map(|hint| format!("hint: {hint}")));
                    lines.extend(session.notes.iter().map(|note| {
                        let tag = note.tag.map_or("", Tag::as_str);
                        format!("lost, on the {}: {tag} {}", note.target, note.text)
                    }));
                }
            }
        }
        for (target, text) in &ending.drafts {
            lines.push(format!("not entered, a note on the {target}: {text}"));
        }
        let saved = self.saved.iter().next();
        match (saved, self.saved.len()) {
            (Some(path), 1) => lines.push(format!("saved to {path:?}")),
            (Some(path), n) => {
                let folder = path.parent().unwrap_or(path);
                lines.push(format!("{n} sessions saved in {folder:?}"));
            }
            (None, _) => {}
        }
        lines
    }
}

/// Prints the closing messages to standard error; returns the exit code. It does not wait for a blocked terminal, because the
/// process was told to end.
pub(super) fn part(files: &Files, ending: &Ending) -> u8 {
    const PATIENCE: Duration = Duration::from_secs(1);
    let lines = files.farewell(ending);
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        for line in lines {
            commands::print_note(&sanitize(&line));
        }
        sender.send(())
    });
    // A timeout is ignored.
    let _ = said.recv_timeout(PATIENCE);
    ending.exit_code()
}

/// Writes a session that could not be saved to the temporary folder. Other users can write there too, so no existing file is
/// overwritten and no link is followed.
fn rescue(session: &Session) -> Result<PathBuf> {
    const MOST: u32 = 1_000;
    let text = SessionFile::new(header(), session).to_text();
    let process = std::process::id();
    let mut n = 0;
    loop {
        let path = std::env::temp_dir().join(format!("undertone-{process}-{n}.{EXTENSION}"));
        match file::write_new(&path, text.as_bytes()) {
            Ok(()) => return Ok(path),
            Err(Error::Io { source, .. })
                if source.kind() == ErrorKind::AlreadyExists && n < MOST =>
            {
                n += 1;
            }
            Err(error) => return Err(error),
        }
    }
}

fn header() -> SessionHeader {
    SessionHeader::new(env!("CARGO_PKG_VERSION"), unix_s(), serde_json::Map::new())
}
