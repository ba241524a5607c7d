//! Data-set runs, outside the reducer: a thread that reads a run's file as it grows, and the process that computes it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::core::file;
use crate::core::paths;
use crate::explorer::app::Msg;
use crate::explorer::app::dataset::{RunEvent, RunRequest};
use crate::explorer::session::store;
use crate::explorer::term::Performer;
use crate::lab::rows::watch::{Watch, problem};

/// Interval between checks of the file and the process.
const EVERY: Duration = Duration::from_millis(300);
/// Bytes of a file read before the screen is updated.
const PORTION: u64 = 4 << 20;
/// Receives the output of a process, in the run's folder.
const LOG: &str = "run.log";
/// Bytes read from its end for the last message.
const LAST_WORDS: u64 = 4_096;

/// A command that computes a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunCommand {
    pub program: PathBuf,
    pub arguments: Vec<OsString>,
    pub folder: PathBuf,
}

/// The computing process, shared with the watcher threads; `None` while none is running.
type Shared = Arc<Mutex<Option<Child>>>;

/// The open run and its process. Dropping it asks the process to end.
pub(super) struct Runs {
    sender: Sender<Msg>,
    /// Where sessions are saved.
    sessions: PathBuf,
    child: Shared,
    /// Ends the watcher thread.
    closed: Arc<AtomicBool>,
}

impl Runs {
    /// Creates it without a run, together with the receiver of its messages. `sessions` is the folder of saved sessions.
    pub(super) fn new(sessions: PathBuf) -> (Self, Receiver<Msg>) {
        let (sender, receiver) = channel(8);
        let runs = Self {
            sender,
            sessions,
            child: Shared::default(),
            closed: Arc::new(AtomicBool::new(false)),
        };
        (runs, receiver)
    }

    /// Performs a request; returns the answer if it is immediate.
    pub(super) fn perform(
        &mut self,
        request: RunRequest,
        performer: &mut dyn Performer,
    ) -> Option<Msg> {
        let (ticket, event) = match request {
            RunRequest::Noted => {
                let (sessions, sender) = (self.sessions.clone(), self.sender.clone());
                thread::spawn(move || say_noted(&sessions, &sender));
                return None;
            }
            RunRequest::Watch { ticket, folder } => {
                let folder = folder.to_str().map(paths::typed).unwrap_or(folder);
                self.watch(ticket, folder);
                return None;
            }
            RunRequest::Pause => {
                if let Some(child) = locked(&self.child).as_mut() {
                    ask_to_end(child);
                }
                return None;
            }
            RunRequest::Read {
                ticket,
                folder,
                header,
                index,
                offset,
            } => {
                let rows = problem(&folder, &header, index, offset);
                let event = match rows {
                    Ok(rows) => RunEvent::Problem { rows },
                    Err(error) => RunEvent::Refused(error.to_string()),
                };
                (ticket, event)
            }
            RunRequest::Start {
                ticket,
                model,
                options,
            } => {
                let started = performer
                    .run_command(&model, &options)
                    .and_then(|command| self.start(&command));
                let event = match started {
                    Ok(folder) => RunEvent::Started { folder },
                    Err(why) => RunEvent::Refused(why),
                };
                (ticket, event)
            }
        };
        Some(Msg::Run { ticket, event })
    }

    fn start(&mut self, command: &RunCommand) -> Result<PathBuf, String> {
        let mut child = locked(&self.child);
        if child.is_some() {
            return Err("a run is under way already".to_owned());
        }
        let folder = &command.folder;
        let failed = |what: &str, why: std::io::Error| format!("cannot {what} {folder:?}: {why}");
        fs::create_dir_all(folder).map_err(|why| failed("create", why))?;
        let log = file::append(&folder.join(LOG)).map_err(|why| failed("write the log in", why))?;
        let errors = log
            .try_clone()
            .map_err(|why| failed("write the log in", why))?;
        let mut process = Command::new(&command.program);
        process
            .args(&command.arguments)
            .stdin(Stdio::null())
            .stdout(log)
            .stderr(errors);
        // In its own process group: suspending the explorer does not suspend the run.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut process, 0);
        let started = process.spawn();
        *child = Some(started.map_err(|why| format!("the run cannot be started: {why}"))?);
        Ok(folder.clone())
    }

    /// Watches a folder instead of the previous one.
    fn watch(&mut self, ticket: u64, folder: PathBuf) {
        self.closed.store(true, Ordering::Relaxed);
        self.closed = Arc::new(AtomicBool::new(false));
        let watcher = Watcher {
            ticket,
            folder,
            sessions: self.sessions.clone(),
            sender: self.sender.clone(),
            child: Arc::clone(&self.child),
            closed: Arc::clone(&self.closed),
        };
        thread::spawn(move || watcher.run());
    }
}

impl Drop for Runs {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        if let Some(child) = locked(&self.child).as_mut() {
            ask_to_end(child);
        }
    }
}

fn locked(of: &Shared) -> MutexGuard<'_, Option<Child>> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Asks a process to finish its current work. Without signals it is killed, which its file survives.
fn ask_to_end(child: &mut Child) {
    #[cfg(unix)]
    let asked = {
        use rustix::process::{Pid, Signal, kill_process};
        kill_process(Pid::from_child(child), Signal::TERM).map_err(std::io::Error::from)
    };
    #[cfg(not(unix))]
    let asked = child.kill();
    if let Err(error) = asked {
        tracing::warn!(%error, "the run's process cannot be asked to end");
    }
}

/// Reads one run's file until closed.
struct Watcher {
    ticket: u64,
    folder: PathBuf,
    sessions: PathBuf,
    sender: Sender<Msg>,
    child: Shared,
    closed: Arc<AtomicBool>,
}

impl Watcher {
    fn run(self) {
        let mut watch = None;
        let mut is_read = false;
        while !self.closed.load(Ordering::Relaxed) {
            // Checked first: what a process wrote before it ended is read below.
            let ended = self.ended();
            match self.read(&mut watch, &mut is_read) {
                Ok(true) => {
                    if ended.is_some() {
                        self.say_ended(ended);
                    }
                    continue;
                }
                Ok(false) => {}
                Err(why) => {
                    self.say(RunEvent::Failed(why));
                    self.say_ended(ended);
                    return self.wait_for_child();
                }
            }
            self.say_ended(ended);
            thread::sleep(EVERY);
        }
    }

    /// Waits for the process to end after its file could not be read.
    fn wait_for_child(&self) {
        while !self.closed.load(Ordering::Relaxed) {
            self.say_ended(self.ended());
            thread::sleep(EVERY);
        }
    }

    fn say(&self, event: RunEvent) {
        let msg = Msg::Run {
            ticket: self.ticket,
            event,
        };
        if self.sender.blocking_send(msg).is_err() {
            self.closed.store(true, Ordering::Relaxed);
        }
    }

    /// Reads the added rows; returns whether more may follow at once.
    fn read(&self, watch: &mut Option<Watch>, is_read: &mut bool) -> Result<bool, String> {
        if watch.is_none() {
            let found = Watch::open(&self.folder).map_err(|error| error.to_string())?;
            let Some(found) = found else {
                if locked(&self.child).is_none() && !*is_read {
                    return Err(format!("there is no run in {:?}", self.folder));
                }
                return Ok(false);
            };
            self.say(RunEvent::Opened {
                folder: self.folder.clone(),
                header: Box::new(found.header().clone()),
            });
            *watch = Some(found);
        }
        let Some(watch) = watch else {
            return Ok(false);
        };
        let added = watch.read(PORTION).map_err(|error| error.to_string())?;
        if !added.items.is_empty() {
            self.say(RunEvent::Items(added.items));
        }
        if !added.more && !*is_read {
            *is_read = true;
            self.say(RunEvent::Read);
            say_noted(&self.sessions, &self.sender);
        }
        Ok(added.more)
    }

    /// The exit status of the process, if it has ended since the last check.
    fn ended(&self) -> Option<ExitStatus> {
        let mut child = locked(&self.child);
        let status = child.as_mut()?.try_wait().ok()??;
        *child = None;
        Some(status)
    }

    fn say_ended(&self, ended: Option<ExitStatus>) {
        if let Some(status) = ended {
            let said = last_words(&self.folder.join(LOG));
            self.say(RunEvent::Ended {
                code: status.code(),
                said,
            });
        }
    }
}

/// Sends the notes of all saved sessions. A run can be viewed without them.
fn say_noted(sessions: &Path, sender: &Sender<Msg>) {
    match store::noted(sessions) {
        // The explorer may have ended.
        Ok(noted) => drop(sender.blocking_send(Msg::Noted(noted))),
        Err(error) => tracing::warn!("saved notes are not shown: {error}"),
    }
}

/// The last message of a process: from its last error on, else its last line.
fn last_words(log: &Path) -> String {
    let text = file::read_tail(log, LAST_WORDS).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let lines: Vec<&str> = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let error = lines.iter().rposition(|line| line.starts_with("error"));
    let from = error.unwrap_or(lines.len().saturating_sub(1));
    let said = lines.get(from..).unwrap_or_default().join(" ");
    if said.is_empty() {
        return format!("it said nothing, see {log:?}");
    }
    said
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_last_error_or_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log = folder.path().join(LOG);
        assert!(last_words(&log).contains("it said nothing"));
        fs::write(&log, "3 of 9 problems\n\n4 of 9 problems\n").expect("written");
        assert_eq!(last_words(&log), "4 of 9 problems");
        fs::write(&log, "1 of 9\nerror: no model\nhint: give one\n").expect("written");
        assert_eq!(last_words(&log), "error: no model hint: give one");
    }
}
