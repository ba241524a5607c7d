//! Invertible edits of the analyst's work: notes, tags and the set of latents that are off.
//!
//! Every edit carries the previous state, so undo applies the inverse. Pure data; results of the model are never edited.

use std::fmt;

use super::{Note, Session, Tag, Target};
use crate::core::types::{Ablation, LatentIdx};

/// A change that can be applied and reverted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Edit {
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
    /// Sets or removes the tag of a note.
    SetTag {
        /// The index of the note.
        at: usize,
        /// The target of the note.
        target: Target,
        /// The previous tag.
        before: Option<Tag>,
        /// The new tag.
        after: Option<Tag>,
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

impl Edit {
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

    /// Creates the edit that sets or removes a tag; `None` if there is no such note or its tag stays the same.
    #[cfg(test)]
    fn set_tag(session: &Session, at: usize, after: Option<Tag>) -> Option<Self> {
        let Note { target, tag, .. } = *session.notes.get(at)?;
        (tag != after).then_some(Self::SetTag {
            at,
            target,
            before: tag,
            after,
        })
    }

    /// Creates the edit that switches one latent off, or on again.
    #[cfg(test)]
    fn toggle_latent(ablation: &Ablation, latent: LatentIdx) -> Self {
        let mut after = ablation.clone();
        if !after.off.remove(&latent) {
            after.off.insert(latent);
        }
        Self::SetAblation {
            before: ablation.clone(),
            after,
        }
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
            Self::SetTag {
                at,
                target,
                before,
                after,
            } => match notes.get_mut(*at) {
                Some(note) if note.tag == *before && note.target == *target => note.tag = *after,
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
            Self::SetTag {
                at,
                target,
                before,
                after,
            } => Self::SetTag {
                at,
                target,
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
            Self::SetTag {
                target,
                after: Some(tag),
                ..
            } => format!("tag {} as {}", place(*target), tag.as_str()),
            Self::SetTag { target, .. } => format!("remove the tag from {}", place(*target)),
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
    done: Vec<Edit>,
    undone: Vec<Edit>,
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
        edit: Edit,
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

    /// Describes the edit that undo would revert.
    #[cfg(test)]
    fn next_undo(&self) -> Option<String> {
        self.done.last().map(Edit::describe)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::types::AblationValue;

    fn note(target: Target, text: &str) -> Note {
        Note {
            target,
            tag: None,
            text: text.to_owned(),
            author: "ada".to_owned(),
            written_at: 1,
        }
    }

    fn off(latents: &[usize], value: AblationValue) -> Ablation {
        Ablation {
            off: latents.iter().copied().map(LatentIdx).collect(),
            value,
            ..Ablation::default()
        }
    }

    #[test]
    fn edits_say_what_they_do() {
        let latent = Target::Latent(LatentIdx(3));
        let clean = Ablation::default();
        let table = [
            (
                Edit::toggle_latent(&clean, LatentIdx(3)),
                "ablate latent 3",
                "restore latent 3",
            ),
            (
                Edit::SetAblation {
                    before: clean.clone(),
                    after: off(&[1, 2], AblationValue::Zero),
                },
                "ablate latents 1, 2, ablate by zero",
                "restore latents 1, 2, ablate by resample",
            ),
            (
                Edit::AddNote {
                    at: 0,
                    note: note(latent, "x"),
                },
                "add a note on latent 3",
                "remove a note on latent 3",
            ),
            (
                Edit::SetTag {
                    at: 0,
                    target: Target::Verdict,
                    before: None,
                    after: Some(Tag::FollowUp),
                },
                "tag the verdict as follow-up",
                "remove the tag from the verdict",
            ),
        ];
        for (edit, said, inverse) in table {
            assert_eq!(edit.describe(), said);
            assert_eq!(edit.invert().describe(), inverse);
            assert_eq!(edit.invert().invert(), edit);
        }
    }

    #[test]
    fn stale_edits_change_nothing() {
        let mut session = Session {
            notes: vec![note(Target::Problem, "kept")],
            ..Session::default()
        };
        let mut ablation = off(&[1], AblationValue::Mean);
        let before = (session.clone(), ablation.clone());
        let stranger = note(Target::Verdict, "other");
        let stale = [
            Edit::AddNote {
                at: 2,
                note: stranger.clone(),
            },
            Edit::RemoveNote {
                at: 0,
                note: stranger.clone(),
            },
            Edit::ChangeNote {
                at: 0,
                before: stranger.clone(),
                after: stranger.clone(),
            },
            Edit::SetTag {
                at: 0,
                target: Target::Problem,
                before: Some(Tag::Confirmed),
                after: None,
            },
            Edit::toggle_latent(&Ablation::default(), LatentIdx(1)),
        ];
        for edit in stale {
            let mut history = History::default();
            assert_eq!(
                history.apply(edit.clone(), &mut session, &mut ablation),
                Err(Stale),
                "{edit:?}"
            );
            assert!(!history.can_undo());
            assert_eq!((&session, &ablation), (&before.0, &before.1));
        }
    }

    #[test]
    fn a_new_edit_forgets_what_was_undone() {
        let (mut session, mut ablation) = (Session::default(), Ablation::default());
        let mut history = History::default();
        let first = Edit::toggle_latent(&ablation, LatentIdx(1));
        history
            .apply(first, &mut session, &mut ablation)
            .expect("fits");
        assert_eq!(
            history.undo(&mut session, &mut ablation),
            Ok(Some("undid: ablate latent 1".to_owned()))
        );
        assert!(history.can_redo());
        let second = Edit::toggle_latent(&ablation, LatentIdx(2));
        history
            .apply(second, &mut session, &mut ablation)
            .expect("fits");
        assert!(!history.can_redo());
        assert_eq!(history.redo(&mut session, &mut ablation), Ok(None));
        assert_eq!(history.next_undo().as_deref(), Some("ablate latent 2"));
    }

    /// One random action of an analyst; indices are wrapped to existing notes.
    #[derive(Debug, Clone)]
    enum Wish {
        Add(String),
        Remove(usize),
        Change(usize, String),
        Tag(usize, usize),
        Toggle(usize),
        Value(usize),
    }

    fn wish() -> impl Strategy<Value = Wish> {
        prop_oneof![
            ".{0,8}".prop_map(Wish::Add),
            (0usize..9).prop_map(Wish::Remove),
            (0usize..9, ".{0,8}").prop_map(|(at, text)| Wish::Change(at, text)),
            (0usize..9, 0usize..6).prop_map(|(at, tag)| Wish::Tag(at, tag)),
            (1usize..7).prop_map(Wish::Toggle),
            (0usize..4).prop_map(Wish::Value),
        ]
    }

    fn as_edit(wish: &Wish, session: &Session, ablation: &Ablation) -> Option<Edit> {
        let at = |i: usize| i % session.notes.len().max(1);
        match wish {
            Wish::Add(text) => Some(Edit::add_note(session, note(Target::Problem, text))),
            Wish::Remove(i) => Edit::remove_note(session, at(*i)),
            Wish::Change(i, text) => {
                Edit::change_note(session, at(*i), note(Target::Latent(LatentIdx(1)), text))
            }
            Wish::Tag(i, tag) => Edit::set_tag(session, at(*i), Tag::ALL.get(*tag).copied()),
            Wish::Toggle(latent) => Some(Edit::toggle_latent(ablation, LatentIdx(*latent))),
            Wish::Value(i) => Edit::set_ablation(
                ablation,
                Ablation {
                    off: ablation.off.clone(),
                    value: AblationValue::ALL[*i],
                    ..Ablation::default()
                },
            ),
        }
    }

    proptest! {
        #[test]
        fn undo_all_is_initial_and_redo_all_is_final(wishes in prop::collection::vec(wish(), 0..40)) {
            let initial = (Session::default(), Ablation::default());
            let (mut session, mut ablation) = initial.clone();
            let mut history = History::default();
            for wish in &wishes {
                if let Some(edit) = as_edit(wish, &session, &ablation) {
                    prop_assert_eq!(history.apply(edit, &mut session, &mut ablation), Ok(()));
                }
            }
            let last = (session.clone(), ablation.clone());
            while history.can_undo() {
                prop_assert!(history.undo(&mut session, &mut ablation).is_ok_and(|said| said.is_some()));
            }
            prop_assert_eq!((&session, &ablation), (&initial.0, &initial.1));
            while history.can_redo() {
                prop_assert!(history.redo(&mut session, &mut ablation).is_ok_and(|said| said.is_some()));
            }
            prop_assert_eq!((&session, &ablation), (&last.0, &last.1));
        }
    }
}
