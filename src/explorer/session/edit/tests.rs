//! Tests of edits.

use proptest::prelude::*;

use super::*;
use crate::core::types::AblationValue;

impl SessionEdit {
    /// Creates the edit that switches one latent off, or on again.
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
}

impl History {
    /// Describes the edit that undo would revert.
    fn next_undo(&self) -> Option<String> {
        self.done.last().map(SessionEdit::describe)
    }
}

fn note(target: Target, text: &str) -> Note {
    Note {
        target,
        tag: None,
        text: text.to_owned(),
        author: "ada".to_owned(),
        written_at: 1,
    }
}

#[test]
fn edits_say_what_they_do() {
    let latent = Target::Latent(LatentIdx(3));
    let clean = Ablation::default();
    let table = [
        (
            SessionEdit::toggle_latent(&clean, LatentIdx(3)),
            "ablate latent 3",
            "restore latent 3",
        ),
        (
            SessionEdit::SetAblation {
                before: clean.clone(),
                after: Ablation::new([1, 2], AblationValue::Zero),
            },
            "ablate latents 1, 2, ablate by zero",
            "restore latents 1, 2, ablate by resample",
        ),
        (
            SessionEdit::AddNote {
                at: 0,
                note: note(latent, "x"),
            },
            "add a note on latent 3",
            "remove a note on latent 3",
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
    let mut ablation = Ablation::new([1], AblationValue::Mean);
    let before = (session.clone(), ablation.clone());
    let stranger = note(Target::Verdict, "other");
    let stale = [
        SessionEdit::AddNote {
            at: 2,
            note: stranger.clone(),
        },
        SessionEdit::RemoveNote {
            at: 0,
            note: stranger.clone(),
        },
        SessionEdit::ChangeNote {
            at: 0,
            before: stranger.clone(),
            after: stranger.clone(),
        },
        SessionEdit::toggle_latent(&Ablation::default(), LatentIdx(1)),
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
    let first = SessionEdit::toggle_latent(&ablation, LatentIdx(1));
    history
        .apply(first, &mut session, &mut ablation)
        .expect("fits");
    assert_eq!(
        history.undo(&mut session, &mut ablation),
        Ok(Some("undid: ablate latent 1".to_owned()))
    );
    assert!(history.can_redo());
    let second = SessionEdit::toggle_latent(&ablation, LatentIdx(2));
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
    Toggle(usize),
    Value(usize),
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        ".{0,8}".prop_map(Wish::Add),
        (0usize..9).prop_map(Wish::Remove),
        (0usize..9, ".{0,8}").prop_map(|(at, text)| Wish::Change(at, text)),
        (1usize..7).prop_map(Wish::Toggle),
        (0usize..4).prop_map(Wish::Value),
    ]
}

fn as_edit(wish: &Wish, session: &Session, ablation: &Ablation) -> Option<SessionEdit> {
    let at = |i: usize| i % session.notes.len().max(1);
    match wish {
        Wish::Add(text) => Some(SessionEdit::add_note(session, note(Target::Problem, text))),
        Wish::Remove(i) => SessionEdit::remove_note(session, at(*i)),
        Wish::Change(i, text) => {
            SessionEdit::change_note(session, at(*i), note(Target::Latent(LatentIdx(1)), text))
        }
        Wish::Toggle(latent) => Some(SessionEdit::toggle_latent(ablation, LatentIdx(*latent))),
        Wish::Value(i) => SessionEdit::set_ablation(
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
