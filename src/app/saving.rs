//! What is not on disk yet: when it is saved, what could not be, and that nobody leaves without knowing it.

use crate::app::effect::Effect;
use crate::app::{App, Tone};
use crate::session::{Key, Note, Session};

/// The longest that a result waits to be saved, in milliseconds. Notes and tags do not wait.
const RESULTS_MS: u64 = 2_000;
/// How long after a failed save the next is tried, in milliseconds.
const RETRY_MS: u64 = 5_000;

/// A session that is not on disk as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// When it is saved, by the clock of the ticks; None while the save is under way.
    due_ms: Option<u64>,
    /// Why the last save failed.
    pub failure: Option<String>,
}

/// Whether the user wants to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leaving {
    /// No.
    No,
    /// Yes, as soon as these many saves are answered.
    After(usize),
    /// Yes, but something could not be saved. Asking once more leaves without it.
    Refused,
}

/// What an earlier session on the same question and model left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// What it is about.
    pub key: Key,
    /// Its notes.
    pub notes: Vec<Note>,
    /// Its file; foreign text.
    pub path: String,
    /// Whether the model had other weights then.
    pub other_weights: bool,
}

impl App {
    /// The notes or tags of the open session were changed: they are saved at once.
    pub(super) fn notes_changed(&mut self) {
        let key = self.session.key();
        self.edited.insert(key.clone());
        self.unsaved_by(key, self.now_ms);
    }

    /// A result has arrived: a session whose notes were changed here is saved with it, soon.
    pub(super) fn result_landed(&mut self) {
        let key = self.session.key();
        if self.edited.contains(&key) {
            self.unsaved_by(key, self.now_ms + RESULTS_MS);
        }
    }

    /// Later changes never put a save off.
    fn unsaved_by(&mut self, key: Key, due_ms: u64) {
        let entry = self.unsaved.entry(key).or_insert(Unsaved {
            due_ms: Some(due_ms),
            failure: None,
        });
        entry.due_ms = Some(entry.due_ms.map_or(due_ms, |due| due.min(due_ms)));
    }

    /// When the next save is due.
    pub(super) fn next_save_ms(&self) -> Option<u64> {
        self.unsaved.values().filter_map(|one| one.due_ms).min()
    }

    /// Saves what is due by a time.
    pub(super) fn saves_due(&mut self, at_ms: u64) -> Vec<Effect> {
        let mut due = Vec::new();
        for (key, unsaved) in &mut self.unsaved {
            if unsaved.due_ms.take_if(|due| *due <= at_ms).is_none() {
                continue;
            }
            due.push(key.clone());
        }
        let saves = due.iter().filter_map(|key| {
            let mut sessions = self.sessions();
            sessions.find(|session| session.key() == *key)
        });
        saves
            .map(|session| Effect::Save(Box::new(session.clone())))
            .collect()
    }

    /// A save is over. Returns what follows for a user who wants to leave.
    pub(super) fn on_saved(&mut self, key: &Key, result: Result<String, String>) -> Vec<Effect> {
        match result {
            Ok(_) => {
                // A change since then has a time of its own.
                self.unsaved
                    .retain(|of, one| of != key || one.due_ms.is_some());
            }
            Err(why) => {
                let retry = self.now_ms + RETRY_MS;
                if let Some(unsaved) = self.unsaved.get_mut(key) {
                    unsaved.due_ms.get_or_insert(retry);
                    unsaved.failure = Some(why.clone());
                }
                self.say(Tone::Warning, format!("not saved: {why}"));
            }
        }
        match self.leaving {
            Leaving::After(n) if n > 1 => self.leaving = Leaving::After(n - 1),
            Leaving::After(_) => return self.leave(),
            Leaving::No | Leaving::Refused => {}
        }
        Vec::new()
    }

    /// Saves what is unsaved and leaves; what cannot be saved keeps the user here until asked again.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        if self.leaving == Leaving::Refused {
            return vec![Effect::Quit];
        }
        let saves = self.saves_due(u64::MAX);
        if saves.is_empty() {
            return self.leave();
        }
        self.leaving = Leaving::After(saves.len());
        saves
    }

    fn leave(&mut self) -> Vec<Effect> {
        let Some(why) = self.unsaved.values().find_map(|one| one.failure.clone()) else {
            return vec![Effect::Quit];
        };
        self.leaving = Leaving::Refused;
        let n: usize = self.lost().map(|session| session.notes.len()).sum();
        let notes = match n {
            1 => "1 note is".to_owned(),
            n => format!("{n} notes are"),
        };
        let text = format!("{notes} not saved, q again leaves without, x exports: {why}");
        self.say(Tone::Warning, text);
        Vec::new()
    }

    /// Some other key was pressed: the user stays.
    pub(super) fn stay(&mut self) {
        if self.leaving == Leaving::Refused {
            self.leaving = Leaving::No;
        }
    }

    /// All sessions of this process: the open one first.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        let shelved = self.shelf.values().map(|shelved| &shelved.session);
        let before = self.before.iter().map(|before| before.session());
        [&self.session].into_iter().chain(shelved).chain(before)
    }

    /// The sessions that are not on disk as they are.
    pub fn lost(&self) -> impl Iterator<Item = &Session> {
        self.sessions()
            .filter(|session| self.unsaved.contains_key(&session.key()))
    }

    /// Whether the open session is not on disk as it is, and why not if a save failed.
    #[must_use]
    pub fn unsaved_now(&self) -> Option<&Unsaved> {
        self.unsaved.get(&self.session.key())
    }

    /// The notes of an earlier session on the open question are here.
    pub(super) fn on_recalled(&mut self, recalled: Recalled) {
        let Recalled {
            key,
            notes,
            path,
            other_weights,
        } = recalled;
        if key != self.session.key() || !self.session.notes.is_empty() {
            return;
        }
        let n = match notes.len() {
            1 => "1 note".to_owned(),
            n => format!("{n} notes"),
        };
        let weights = if other_weights {
            ", written with other weights of this model"
        } else {
            ""
        };
        self.say(
            Tone::Info,
            format!("{n} of an earlier session{weights}, kept in {path}"),
        );
        self.session.notes = notes;
    }

    /// The model of the open session became known, or is another one.
    pub(super) fn set_session_model(&mut self) {
        let before = self.session.key();
        self.session.model = self.info().cloned();
        let after = self.session.key();
        if after != before {
            if let Some(unsaved) = self.unsaved.remove(&before) {
                self.unsaved.insert(after.clone(), unsaved);
            }
            if self.edited.remove(&before) {
                self.edited.insert(after);
            }
        }
    }
}
