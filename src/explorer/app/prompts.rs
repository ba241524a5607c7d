//! Lists as they open, and the prompts with an initial text: a note, and the path of an export.

use crate::explorer::app::App;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::field::Field;
use crate::explorer::app::overlay::{List, ListKind, Overlay, Prompt, PromptKind};
use crate::explorer::session::Target;
use crate::explorer::session::export::Format;

/// The export format offered first.
pub(super) const DEFAULT_FORMAT: Format = Format::Markdown;

pub(super) fn text_note(app: &App, target: Target) -> Option<usize> {
    app.run
        .session
        .notes
        .iter()
        .position(|note| note.target == target && note.tag.is_none())
}

/// Opens a list with an entry selected, or else the first.
pub(super) fn list(app: &mut App, kind: ListKind, selected: Option<usize>) -> Vec<Effect> {
    let mut list = List::new(kind);
    list.selected = selected.unwrap_or(0);
    app.chrome.overlay = Some(Overlay::List(list));
    Vec::new()
}

/// Creates the prompt for a note; an existing note is edited.
pub(super) fn note_prompt(app: &App) -> Prompt {
    let target = app.note_target();
    let text = text_note(app, target)
        .and_then(|at| app.run.session.notes.get(at))
        .map_or("", |note| note.text.as_str());
    Prompt::new(PromptKind::Note(target), Field::lines(text))
}

/// Creates the prompt for an export, with a path made of the model's name and the question's first words.
pub(super) fn export_prompt(app: &App, format: Format) -> Prompt {
    let question = app
        .run
        .session
        .problem
        .as_ref()
        .map_or("", |p| p.question.as_str());
    let words: Vec<String> = question
        .split_whitespace()
        .map(|word| {
            word.chars()
                .filter(char::is_ascii_alphanumeric)
                .collect::<String>()
        })
        .filter(|word| !word.is_empty())
        .take(4)
        .collect();
    let model: String = app
        .model
        .name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .collect();
    let stem = format!("{}-{}", model.trim_matches('-'), words.join("-")).to_lowercase();
    let path = format!("{}.{}", stem.trim_end_matches('-'), format.extension());
    Prompt::new(PromptKind::Export(format), Field::line(&path))
}
