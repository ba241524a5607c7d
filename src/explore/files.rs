//! What the explorer does with files: problems, saved sessions, exports; and the words in which it says at the end where they are.

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Given, LISTED, Opened, command};
use crate::analysis::problems;
use crate::app::Recalled;
use crate::app::effect::{Export, ExportError};
use crate::cli::CheckpointArgs;
use crate::error::Result;
use crate::problem::{Problem, Split};
use crate::session::store::{Header, SavedFile, SessionFile, Shelf};
use crate::session::{Key, Session, Tag, export as exports};
use crate::term::{Ending, Performer, RunCommand};
use crate::text::sanitize;
use crate::trace::ModelInfo;
use crate::{file, headless, paths};

/// Performs the effects that touch files.
pub(super) struct Files {
    given: Option<Given>,
    /// The model as the user asked for it, for runs over data sets.
    checkpoint: CheckpointArgs,
    /// Where sessions are saved that have no file yet.
    shelf: Shelf,
    /// The files of the sessions that were opened here.
    open: HashMap<Key, SavedFile>,
    /// The files that were written.
    saved: BTreeSet<PathBuf>,
}

impl Performer for Files {
    fn load_problems(
        &mut self,
        model: &ModelInfo,
    ) -> std::result::Result<(String, Vec<Problem>), String> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let problems = problems::for_task(model.task, Split::Test, LISTED, problems::LIST_SEED)
            .map_err(|e| e.to_string())?;
        Ok((
            format!("{} test problems, seed {}", model.name, problems::LIST_SEED),
            problems,
        ))
    }

    fn save(&mut self, session: &Session) -> std::result::Result<String, String> {
        let key = session.key();
        if !self.open.contains_key(&key) {
            // A recording may have become that of a model.
            let before = Key::of(None, &key.question);
            let file = self.open.remove(&before).unwrap_or_else(|| {
                let path = self.shelf.fresh(&session.origin);
                SavedFile::new(path, SessionFile::new(header(), session))
            });
            self.open.insert(key.clone(), file);
        }
        let Some(file) = self.open.get_mut(&key) else {
            return Err("the session has no file".to_owned());
        };
        file.save(session).map_err(|error| error.to_string())?;
        self.saved.insert(file.path().to_owned());
        Ok(file.path().display().to_string())
    }

    fn recall(&mut self, key: &Key, sha256: &str) -> Option<Recalled> {
        if self.open.contains_key(key) {
            return None;
        }
        let found = self.shelf.recall(key)?;
        let path = found.file.path().display().to_string();
        self.open.insert(key.clone(), found.file);
        Some(Recalled {
            key: key.clone(),
            notes: found.notes,
            path,
            other_weights: found.sha256.is_some_and(|then| then != sha256),
        })
    }

    fn export(&mut self, export: &Export) -> std::result::Result<String, ExportError> {
        let target = &paths::typed(&export.path);
        if target.exists() && !export.overwrite {
            return Err(ExportError::Exists {
                path: export.path.clone(),
            });
        }
        let text = exports::export(&export.session, export.format);
        file::write_out(target, text.as_bytes())
            .map_err(|error| ExportError::Failed(error.to_string()))?;
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
    /// Nothing was saved yet; new sessions go into `folder`. Problems that were given take the place of generated ones; a session
    /// that was opened goes on in its own file.
    pub(super) fn new(
        folder: PathBuf,
        given: Option<Given>,
        checkpoint: CheckpointArgs,
        opened: Option<Opened>,
    ) -> Self {
        let opened = opened.map(|(path, file)| {
            let session = file.session();
            let path = std::path::absolute(&path).unwrap_or(path);
            (session.key(), SavedFile::opened(path, file, session.notes))
        });
        Self {
            given,
            checkpoint,
            shelf: Shelf::new(folder),
            open: opened.into_iter().collect(),
            saved: BTreeSet::new(),
        }
    }

    /// Where the work is, or what of it could not be saved, in lines. What could not be saved where it belongs is written elsewhere.
    fn farewell(&self, ending: &Ending) -> Vec<String> {
        let mut lines = Vec::new();
        for (n, session) in ending.lost.iter().enumerate() {
            match rescue(session, n) {
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

/// Says on standard error where the work is; gives the exit code. A terminal that does not read is not waited for: the process was
/// told to end.
pub(super) fn part(files: &Files, ending: &Ending) -> u8 {
    const PATIENCE: Duration = Duration::from_secs(1);
    let lines = files.farewell(ending);
    let (sender, said) = mpsc::channel();
    thread::spawn(move || {
        for line in lines {
            headless::print_note(&sanitize(&line));
        }
        sender.send(())
    });
    // Whether it was read changes nothing.
    let _ = said.recv_timeout(PATIENCE);
    ending.exit_code()
}

/// Writes a session that could not be saved where it belongs into the folder of temporary files.
fn rescue(session: &Session, n: usize) -> Result<PathBuf> {
    let name = format!("undertone-{}-{n}.jsonl", std::process::id());
    let path = std::env::temp_dir().join(name);
    let file = SessionFile::new(header(), session);
    file::write_atomic(&path, file.to_text().as_bytes())?;
    Ok(path)
}

fn header() -> Header {
    Header::new(env!("CARGO_PKG_VERSION"), now(), serde_json::Map::new())
}

fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs())
}
