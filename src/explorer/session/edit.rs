//! Invertible edits of the analyst's work: notes, tags and the set of latents that are off.
//!
//! Every edit carries the previous state, so undo applies the inverse. Pure data; results of the model are never edited.

use std::fmt;

use super::{Note, Session, Target};
use crate::core::types::{Ablation, LatentIdx};

/// A change that can be applied and reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionEdit {
    /// Inserts a note into the list of notes.
    AddNote {
        /// The index to insert at.
        at: usize,
        /// The note.
        note: Note,
    },
    /// Removes a note.
    RemoveNote {
        /// Its index.
        at: usize,
        /// The note.
        note: Note,
    },
    /// Replaces a note.
    ChangeNote {
        /// Its index.
        at: usize,
        /// The previous note.
        before: Note,
        /// The new note.
        after: Note,
    },
    /// Switches latents off or on, or changes the manner of ablation.
    SetAblation {
        /// The previous ablation.
        before: Ablation,
        /// The new ablation.
        after: Ablation,
    },
}

/// The error of an edit made for another state; nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the session has changed since this edit was made")]
pub struct Stale;

impl SessionEdit {
    /// Creates the edit that adds a note at the end of the list.
    #[must_use]
    pub fn add_note(session: &Session, note: Note) -> Self {
        Self::AddNote {
            at: session.notes.len(),
            note,
        }
    }

    /// Creates the edit that removes a note; `None` if there is no such note.
    #[must_use]
    pub fn remove_note(session: &Session, at: usize) -> Option<Self> {
        let note = session.notes.get(at)?.clone();
        Some(Self::RemoveNote { at, note })
    }

    /// Creates the edit that replaces a note; `None` if there is no such note or it stays the same.
    #[must_use]
    pub fn change_note(session: &Session, at: usize, after: Note) -> Option<Self> {
        let before = session.notes.get(at)?.clone();
        (before != after).then_some(Self::ChangeNote { at, before, after })
    }

    /// Creates the edit from one ablation to another; `None` if they are equal.
    #[must_use]
    pub fn set_ablation(before: &Ablation, after: Ablation) -> Option<Self> {
        (*before != after).then(|| Self::SetAblation {
            before: before.clone(),
            after,
        })
    }

    /// Applies the edit.
    ///
    /// # Errors
    /// [`Stale`] if the edit was made for another state; the state is then unchanged.
    pub fn apply(&self, session: &mut Session, ablation: &mut Ablation) -> Result<(), Stale> {
        let notes = &mut session.notes;
        match self {
            Self::AddNote { at, note } => {
                if *at > notes.len() {
                    return Err(Stale);
                }
                notes.insert(*at, note.clone());
            }
            Self::RemoveNote { at, note } => {
                if notes.get(*at) != Some(note) {
                    return Err(Stale);
                }
                notes.remove(*at);
            }
            Self::ChangeNote { at, before, after } => match notes.get_mut(*at) {
                Some(note) if note == before => *note = after.clone(),
                _ => return Err(Stale),
            },
            Self::SetAblation { before, after } => {
                if ablation != before {
                    return Err(Stale);
                }
                *ablation = after.clone();
            }
        }
        Ok(())
    }

    /// Returns the edit that reverts this one.
    #[must_use]
    pub fn invert(&self) -> Self {
        match self.clone() {
            Self::AddNote { at, note } => Self::RemoveNote { at, note },
            Self::RemoveNote { at, note } => Self::AddNote { at, note },
            Self::ChangeNote { at, before, after } => Self::ChangeNote {
                at,
                before: after,
                after: before,
            },
            Self::SetAblation { before, after } => Self::SetAblation {
                before: after,
                after: before,
            },
        }
    }

    /// Describes the edit for the status line: `ablate latent 3`.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::AddNote { note, .. } => format!("add a note on {}", place(note.target)),
            Self::RemoveNote { note, .. } => format!("remove a note on {}", place(note.target)),
            Self::ChangeNote { after, .. } => format!("change a note on {}", place(after.target)),
            Self::SetAblation { before, after } => describe_ablation(before, after),
        }
    }
}

/// Returns `the problem`, `latent 3` or `the verdict`.
fn place(target: Target) -> String {
    match target {
        Target::Problem | Target::Verdict => format!("the {target}"),
        Target::Latent(_) => target.to_string(),
    }
}

/// Describes the change between two ablations.
fn describe_ablation(before: &Ablation, after: &Ablation) -> String {
    let mut parts = Vec::new();
    for (verb, mut latents) in [
        ("ablate", after.off.difference(&before.off).peekable()),
        ("restore", before.off.difference(&after.off).peekable()),
    ] {
        if latents.peek().is_some() {
            let names: Vec<String> = latents.map(LatentIdx::to_string).collect();
            let noun = if names.len() == 1 {
                "latent"
            } else {
                "latents"
            };
            parts.push(format!("{verb} {noun} {}", names.join(", ")));
        }
    }
    let nothing = std::collections::BTreeSet::new;
    if before.with_off(nothing()) != after.with_off(nothing()) {
        parts.push(format!("ablate by {}", after.manner()));
    }
    if parts.is_empty() {
        return "change nothing".to_owned();
    }
    parts.join(", ")
}

/// The edits done and undone, newest last.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct History {
    done: Vec<SessionEdit>,
    undone: Vec<SessionEdit>,
}

/// The direction of a step in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Undo,
    Redo,
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Undo => "undid",
            Self::Redo => "redid",
        })
    }
}

impl History {
    /// Applies a new edit and records it; undone edits can no longer be redone.
    ///
    /// # Errors
    /// [`Stale`] if the edit does not fit the state; nothing is changed or recorded.
    pub fn apply(
        &mut self,
        edit: SessionEdit,
        session: &mut Session,
        ablation: &mut Ablation,
    ) -> Result<(), Stale> {
        edit.apply(session, ablation)?;
        self.done.push(edit);
        self.undone.clear();
        Ok(())
    }

    /// Reverts the newest edit and describes it: `undid: ablate latent 3`; returns `None` if there is nothing to undo.
    ///
    /// # Errors
    /// [`Stale`] if the state was changed outside the history; nothing is changed.
    pub fn undo(
        &mut self,
        session: &mut Session,
        ablation: &mut Ablation,
    ) -> Result<Option<String>, Stale> {
        let Some(edit) = self.done.last() else {
            return Ok(None);
        };
        edit.invert().apply(session, ablation)?;
        Ok(self.shift(Way::Undo))
    }

    /// Applies the last undone edit and describes it; returns `None` if there is nothing to redo.
    ///
    /// # Errors
    /// [`Stale`] if the state was changed outside the history; nothing is changed.
    pub fn redo(
        &mut self,
        session: &mut Session,
        ablation: &mut Ablation,
    ) -> Result<Option<String>, Stale> {
        let Some(edit) = self.undone.last() else {
            return Ok(None);
        };
        edit.apply(session, ablation)?;
        Ok(self.shift(Way::Redo))
    }

    /// Moves the newest edit of one stack to the other and describes it.
    fn shift(&mut self, way: Way) -> Option<String> {
        let (from, to) = match way {
            Way::Undo => (&mut self.done, &mut self.undone),
            Way::Redo => (&mut self.undone, &mut self.done),
        };
        let edit = from.pop()?;
        let said = format!("{way}: {}", edit.describe());
        to.push(edit);
        Some(said)
    }

    /// Returns whether there is an edit to undo.
    #[must_use]
    pub fn can_undo(&self) -> bool {
        !self.done.is_empty()
    }

    /// Returns whether there is an edit to redo.
    #[must_use]
    pub fn can_redo(&self) -> bool {
        !self.undone.is_empty()
    }
}

#[cfg(test)]
mod tests;
