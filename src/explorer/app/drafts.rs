//! Drafts: texts of prompts closed without being accepted, kept while the explorer runs and restored when the prompt reopens.

use std::collections::HashMap;

use crate::explorer::app::action::{Ablate, Action, Keep, Problem, Table};
use crate::explorer::app::overlay::{Overlay, Prompt, PromptKind};
use crate::explorer::app::{App, Tone};
use crate::explorer::session::Target;
use crate::explorer::session::export::Format;

/// The prompt that a draft belongs to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Slot {
    /// The id of the action that opens the prompt.
    opened_by: &'static str,
    /// The model or question it belongs to; empty if it belongs to neither.
    of: String,
    /// The target of a note.
    target: Option<Target>,
}

/// The drafts, by prompt.
#[derive(Debug, Clone, Default)]
pub struct Drafts(HashMap<Slot, String>);

impl Drafts {
    /// Returns the notes that were started but never accepted: target and text.
    pub(super) fn notes(&self) -> Vec<(Target, String)> {
        let note = |(slot, text): (&Slot, &String)| Some((slot.target?, text.clone()));
        self.0.iter().filter_map(note).collect()
    }
}

/// Returns the action that opens a prompt; `None` for one that only follows another.
fn opened_by(kind: &PromptKind) -> Option<Action> {
    Some(match kind {
        PromptKind::EditQuestion => Action::Problem(Problem::Edit),
        PromptKind::NewQuestion => Action::Problem(Problem::New),
        PromptKind::Note(_) => Action::Keep(Keep::Note),
        PromptKind::Donor => Action::Ablate(Ablate::Donor),
        PromptKind::Layers => Action::Ablate(Ablate::Layers),
        PromptKind::Filter(_) => Action::Table(Table::Filter),
        PromptKind::OpenRun => Action::Table(Table::OpenRun),
        PromptKind::StartRun => Action::Table(Table::StartRun),
        PromptKind::Export(_) => Action::Keep(Keep::Export),
        PromptKind::Overwrite { .. } => return None,
    })
}

fn slot(app: &App, kind: &PromptKind) -> Option<Slot> {
    let question = || {
        let problem = app.run.session.problem.as_ref();
        let question = problem.map_or("", |problem| problem.question.as_str());
        format!("{}\n{question}", app.run.session.origin)
    };
    Some(Slot {
        opened_by: opened_by(kind)?.spec().id,
        of: match kind {
            PromptKind::Note(_) | PromptKind::EditQuestion | PromptKind::Export(_) => question(),
            PromptKind::StartRun => app.model.name.clone(),
            _ => String::new(),
        },
        target: match kind {
            PromptKind::Note(target) => Some(*target),
            _ => None,
        },
    })
}

/// Opens a prompt, with its draft if there is one.
pub(super) fn open(app: &mut App, mut prompt: Prompt) {
    let draft = slot(app, &prompt.kind).and_then(|slot| app.chrome.drafts.0.get(&slot));
    if let Some(draft) = draft {
        prompt.field.set(draft);
        app.say(Tone::Info, "your draft is back, ctrl-u clears it");
    }
    app.chrome.overlay = Some(Overlay::Prompt(prompt));
}

/// Keeps a changed text as a draft when its prompt is closed without being accepted, and says so.
pub(super) fn close(app: &mut App, prompt: &Prompt) {
    let (kind, text) = match &prompt.kind {
        // The path was typed; the confirmation is not worth keeping.
        PromptKind::Overwrite { format, path } => (&PromptKind::Export(*format), path.as_str()),
        kind => (kind, prompt.field.text()),
    };
    let Some(slot) = slot(app, kind) else {
        return;
    };
    if text.trim().is_empty() || text == prompt.offered {
        app.chrome.drafts.0.remove(&slot);
        return;
    }
    app.chrome.drafts.0.insert(slot, text.to_owned());
    let key = opened_by(kind).and_then(|action| app.keymap.keys_of(action).next());
    app.say(
        Tone::Info,
        match key {
            Some(key) => format!("the draft is kept, {key} brings it back"),
            None => "the draft is kept".to_owned(),
        },
    );
}

/// Keeps the path of a failed export, so that the prompt offers it again.
pub(super) fn keep_path(app: &mut App, format: Format, path: String) {
    if let Some(slot) = slot(app, &PromptKind::Export(format)) {
        app.chrome.drafts.0.insert(slot, path);
    }
}

/// Forgets a draft once its text was accepted.
pub(super) fn forget(app: &mut App, kind: &PromptKind) {
    if let Some(slot) = slot(app, kind) {
        app.chrome.drafts.0.remove(&slot);
    }
}
