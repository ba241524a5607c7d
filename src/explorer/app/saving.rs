//! Saving: when sessions are saved, failed saves, and the warning before quitting with unsaved changes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::iter;

use crate::core::text::count;
use crate::explorer::app::effect::{Effect, Save};
use crate::explorer::app::run_view::Kept;
use crate::explorer::app::{App, Tone};
use crate::explorer::session::{Note, Session, SessionKey, Target};

/// The longest delay before a result is saved, in milliseconds. Notes and tags are saved at once.
const RESULTS_MS: u64 = 2_000;
/// The delay before a failed save is tried again, in milliseconds.
const RETRY_MS: u64 = 5_000;

/// A session with changes that are not on disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsaved {
    /// When it is to be saved, on the clock of the ticks; `None` while the save is in progress.
    due_ms: Option<u64>,
    /// The error of the last failed save.
    pub failure: Option<String>,
}

/// The sessions of this process and what of them is on disk.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The sessions whose changes are not on disk.
    unsaved: BTreeMap<SessionKey, Unsaved>,
    /// The sessions whose notes were changed here; only these are saved.
    edited: BTreeSet<SessionKey>,
    /// Whether the user is quitting, and how far that is.
    leaving: Leaving,
    /// The sessions of problems that are not open.
    pub(super) shelf: HashMap<SessionKey, (Session, Kept)>,
}

/// Whether the user is quitting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Leaving {
    #[default]
    No,
    /// Yes, after this many saves have finished.
    After(usize),
    /// Yes, but a save failed. A second request quits without it.
    Refused,
}

/// The notes of an earlier session on the same question and model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recalled {
    /// Its key.
    pub key: SessionKey,
    /// Its notes.
    pub notes: Vec<Note>,
    /// Its file; untrusted text.
    pub path: String,
    /// Whether the model had other weights at that time.
    pub other_weights: bool,
}

/// A session with changes that are not on disk.
#[derive(Debug, Clone, Copy)]
pub struct Lost<'a> {
    /// The session.
    pub session: &'a Session,
    /// Its notes when this process last read or saved it.
    base: &'a [Note],
}

impl Lost<'_> {
    /// Returns the number of notes added, changed or removed since. A changed note counts once.
    fn n_changes(self) -> usize {
        let missing = |of: &[Note], from: &[Note]| of.iter().filter(|n| !from.contains(n)).count();
        let (here, there) = (&self.session.notes, self.base);
        missing(here, there).max(missing(there, here))
    }
}

impl App {
    /// Schedules an immediate save after a change of the open session's notes or tags.
    pub(super) fn notes_changed(&mut self) {
        let key = self.run.session.key();
        self.saving.edited.insert(key.clone());
        self.unsaved_by(key, self.clock.now_ms);
    }

    /// Schedules a save of a new result, if the session's notes were changed here.
    pub(super) fn result_landed(&mut self) {
        let key = self.run.session.key();
        if self.saving.edited.contains(&key) {
            self.unsaved_by(key, self.clock.now_ms + RESULTS_MS);
        }
    }

    /// Schedules a save; later changes never postpone it.
    fn unsaved_by(&mut self, key: SessionKey, due_ms: u64) {
        let entry = self.saving.unsaved.entry(key).or_insert(Unsaved {
            due_ms: Some(due_ms),
            failure: None,
        });
        entry.due_ms = Some(entry.due_ms.map_or(due_ms, |due| due.min(due_ms)));
    }

    /// Returns when the next save is due.
    pub(super) fn next_save_ms(&self) -> Option<u64> {
        self.saving
            .unsaved
            .values()
            .filter_map(|one| one.due_ms)
            .min()
    }

    /// Saves the sessions due by a time.
    pub(super) fn saves_due(&mut self, at_ms: u64) -> Vec<Effect> {
        let mut due = Vec::new();
        for (key, unsaved) in &mut self.saving.unsaved {
            if unsaved.due_ms.take_if(|due| *due <= at_ms).is_none() {
                continue;
            }
            due.push(key.clone());
        }
        let saves = due.iter().filter_map(|key| {
            let mut works = self.works();
            works.find(|(session, _)| session.key() == *key)
        });
        saves
            .map(|(session, base)| {
                Effect::Save(Box::new(Save {
                    session: session.clone(),
                    base: base.to_vec(),
                }))
            })
            .collect()
    }

    /// Handles a finished save. Returns the effects of quitting if that was the last one awaited.
    pub(super) fn on_saved(&mut self, save: Save, result: Result<String, String>) -> Vec<Effect> {
        let key = save.session.key();
        match result {
            Ok(_) => {
                // A later change has its own due time.
                self.saving
                    .unsaved
                    .retain(|of, one| *of != key || one.due_ms.is_some());
                if let Some(base) = self.base_of(&key) {
                    *base = save.session.notes;
                }
            }
            Err(why) => {
                let retry = self.clock.now_ms + RETRY_MS;
                if let Some(unsaved) = self.saving.unsaved.get_mut(&key) {
                    unsaved.due_ms.get_or_insert(retry);
                    unsaved.failure = Some(why.clone());
                }
                self.say(Tone::Warning, format!("not saved: {why}"));
            }
        }
        match self.saving.leaving {
            Leaving::After(n) if n > 1 => self.saving.leaving = Leaving::After(n - 1),
            Leaving::After(_) => return self.leave(),
            Leaving::No | Leaving::Refused => {}
        }
        Vec::new()
    }

    /// Saves all changes and quits; if a save fails, the user has to ask again.
    pub(super) fn quit(&mut self) -> Vec<Effect> {
        if self.saving.leaving == Leaving::Refused {
            return vec![Effect::Quit];
        }
        let saves = self.saves_due(u64::MAX);
        if saves.is_empty() {
            return self.leave();
        }
        self.saving.leaving = Leaving::After(saves.len());
        saves
    }

    fn leave(&mut self) -> Vec<Effect> {
        let Some(why) = self
            .saving
            .unsaved
            .values()
            .find_map(|one| one.failure.clone())
        else {
            return vec![Effect::Quit];
        };
        self.saving.leaving = Leaving::Refused;
        let what = match self.lost().map(Lost::n_changes).sum() {
            0 => "the last results are".to_owned(),
            1 => "1 note change is".to_owned(),
            n => format!("{n} note changes are"),
        };
        let text = format!("{what} not saved, q again leaves without, x exports: {why}");
        self.say(Tone::Warning, text);
        Vec::new()
    }

    /// Cancels a refused quit when another key is pressed.
    pub(super) fn stay(&mut self) {
        if self.saving.leaving == Leaving::Refused {
            self.saving.leaving = Leaving::No;
        }
    }

    /// Returns all sessions of this process, the open one first, each with its notes when last read or saved.
    fn works(&self) -> impl Iterator<Item = (&Session, &[Note])> {
        let runs = iter::once(&self.run).chain(self.before.iter().map(|before| &before.run));
        let runs = runs.map(|run| (&run.session, &run.kept));
        let shelf = self.saving.shelf.values();
        runs.chain(shelf.map(|(session, kept)| (session, kept)))
            .map(|(session, kept)| (session, kept.base.as_slice()))
    }

    /// Returns all sessions of this process, the open one first.
    pub(super) fn sessions(&self) -> impl Iterator<Item = &Session> {
        self.works().map(|(session, _)| session)
    }

    /// Returns the notes of the session with this key when it was last read or saved.
    fn base_of(&mut self, key: &SessionKey) -> Option<&mut Vec<Note>> {
        let before = self.before.iter_mut().map(|before| &mut before.run);
        let runs = iter::once(&mut self.run).chain(before);
        let runs = runs.map(|run| (&run.session, &mut run.kept));
        let shelf = self.saving.shelf.values_mut();
        let mut all = runs.chain(shelf.map(|(session, kept)| (&*session, kept)));
        let of = all.find(|(session, _)| session.key() == *key);
        of.map(|(_, kept)| &mut kept.base)
    }

    /// Returns the sessions with changes that are not on disk.
    pub fn lost(&self) -> impl Iterator<Item = Lost<'_>> {
        self.works()
            .filter(|(session, _)| self.saving.unsaved.contains_key(&session.key()))
            .map(|(session, base)| Lost { session, base })
    }

    /// Returns the notes that were started but never accepted: target and text.
    #[must_use]
    pub fn drafted(&self) -> Vec<(Target, String)> {
        self.chrome.drafts.notes()
    }

    /// Returns the save state of the open session; `None` if it is on disk.
    #[must_use]
    pub fn unsaved_now(&self) -> Option<&Unsaved> {
        self.saving.unsaved.get(&self.run.session.key())
    }

    /// Takes over the notes of an earlier session on the open question, if that has none yet.
    pub(super) fn on_recalled(&mut self, recalled: Recalled) {
        let Recalled {
            key,
            notes,
            path,
            other_weights,
        } = recalled;
        if key != self.run.session.key() || !self.run.session.notes.is_empty() || notes.is_empty() {
            return;
        }
        let n = count(notes.len(), "note");
        let weights = if other_weights {
            ", written with other weights of this model"
        } else {
            ""
        };
        self.say(
            Tone::Info,
            format!("{n} of an earlier session{weights}, kept in {path}"),
        );
        self.run.kept.base.clone_from(&notes);
        self.run.session.notes = notes;
    }

    /// Sets the model of the open session, which changes its key.
    pub(super) fn set_session_model(&mut self) -> Option<Effect> {
        let before = self.run.session.key();
        self.run.session.model = self.model.info().cloned();
        let after = self.run.session.key();
        if after == before {
            return None;
        }
        if let Some(unsaved) = self.saving.unsaved.remove(&before) {
            self.saving.unsaved.insert(after.clone(), unsaved);
        }
        if self.saving.edited.remove(&before) {
            self.saving.edited.insert(after.clone());
        }
        Some(Effect::Rekey { before, after })
    }
}
