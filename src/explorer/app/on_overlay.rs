//! Lists and prompts: their keys, and the effects of choosing and accepting.

use crate::explorer::app::action::{Action, Context};
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::{Effect, Export};
use crate::explorer::app::on_action;
use crate::explorer::app::opening::{open_listed, typed_problem};
use crate::explorer::app::overlay::{Choice, List, Overlay, Prompt, PromptKind};
use crate::explorer::app::prompts::{export_prompt, text_note};
use crate::explorer::app::results::edit_session;
use crate::explorer::app::{App, Page, Tone, drafts, on_manner};
use crate::explorer::keymap::{Code, Key};
use crate::explorer::session::edit::Edit;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Note, Tag, Target};

/// The number of entries in a page of a list.
const PAGE: usize = 10;

pub(super) fn perform(app: &mut App, action: Action) -> Vec<Effect> {
    match app.overlay.take() {
        Some(Overlay::List(list)) => in_list(app, list, action),
        Some(Overlay::Prompt(prompt)) => in_prompt(app, prompt, action),
        None => Vec::new(),
    }
}

fn in_list(app: &mut App, mut list: List, action: Action) -> Vec<Effect> {
    let lowest = list.len(app).saturating_sub(1);
    list.selected = match action {
        Action::ListUp => list.selected.saturating_sub(1),
        Action::ListDown => list.selected + 1,
        Action::ListPageUp => list.selected.saturating_sub(PAGE),
        Action::ListPageDown => list.selected + PAGE,
        _ => list.selected,
    }
    .min(lowest);
    let entry = list.entries(app, list.selected..list.selected + 1).pop();
    match (action, entry) {
        (Action::ListClose, _) => Vec::new(),
        (Action::ListAccept, Some(entry)) => match entry.disabled {
            Some(reason) => {
                app.say(Tone::Warning, reason);
                app.overlay = Some(Overlay::List(list));
                Vec::new()
            }
            None => choose(app, entry.choice),
        },
        _ => {
            app.overlay = Some(Overlay::List(list));
            Vec::new()
        }
    }
}

fn choose(app: &mut App, choice: Choice) -> Vec<Effect> {
    match choice {
        // Help lists the actions of dialogs and pages, but they cannot be performed from there.
        Choice::Act(action) if matches!(action.spec().context, Context::List | Context::Text) => {
            Vec::new()
        }
        Choice::Act(action)
            if matches!(action.spec().context, Context::Page | Context::Data)
                && app.page == Page::Run =>
        {
            Vec::new()
        }
        Choice::Act(action) => {
            let key = app.keymap.keys_of(action).next();
            on_action::perform(app, action, key.unwrap_or(Key::plain(Code::Enter)))
        }
        Choice::Open(index) => open_listed(app, index),
        Choice::Load(name) => app.switch_model(name),
        Choice::Value(value) => on_manner::choose(app, value),
        Choice::Tag(target, tag) => toggle_tag(app, target, tag),
    }
}

fn toggle_tag(app: &mut App, target: Target, tag: Tag) -> Vec<Effect> {
    let set =
        app.session.notes.iter().position(|note| {
            note.target == target && note.tag == Some(tag) && note.text.is_empty()
        });
    let edit = match set {
        Some(at) => Edit::remove_note(&app.session, at),
        None => Some(Edit::add_note(
            &app.session,
            new_note(app, target, Some(tag), String::new()),
        )),
    };
    edit.map_or_else(Vec::new, |edit| edit_session(app, edit))
}

fn new_note(app: &App, target: Target, tag: Option<Tag>, text: String) -> Note {
    Note {
        target,
        tag,
        text,
        author: app.author.clone(),
        written_at: app.unix_s,
    }
}

fn in_prompt(app: &mut App, mut prompt: Prompt, action: Action) -> Vec<Effect> {
    match action {
        Action::TextAccept => return accept(app, prompt),
        Action::TextClose => {
            drafts::close(app, &prompt);
            return Vec::new();
        }
        Action::TextNewline => prompt.field.newline(),
        Action::TextSwitch => switch_format(app, &mut prompt),
        _ => {}
    }
    app.overlay = Some(Overlay::Prompt(prompt));
    Vec::new()
}

fn accept(app: &mut App, prompt: Prompt) -> Vec<Effect> {
    let text = prompt.field.text().trim().to_owned();
    drafts::forget(app, &prompt.kind);
    match prompt.kind {
        PromptKind::EditQuestion | PromptKind::NewQuestion => {
            let taken = ask(app, text);
            unless_refused(app, prompt, taken)
        }
        PromptKind::Note(target) => write_note(app, target, text),
        PromptKind::Donor if text.is_empty() => Vec::new(),
        PromptKind::Donor => {
            let taken = on_manner::set_donor(app, &text);
            unless_refused(app, prompt, taken)
        }
        PromptKind::Layers => {
            let taken = on_manner::set_layers(app, &text);
            unless_refused(app, prompt, taken)
        }
        PromptKind::Filter(_) => {
            on_dataset::set_filter(app, prompt);
            Vec::new()
        }
        PromptKind::OpenRun if !text.is_empty() => on_dataset::watch(app, text.into()),
        PromptKind::StartRun if !text.is_empty() => on_dataset::start(app, text),
        PromptKind::Export(format) if !text.is_empty() => {
            let effect = export(app, format, text, false);
            // Kept open until the file is written, so that a refusal does not lose the path.
            app.overlay = Some(Overlay::Prompt(prompt));
            effect
        }
        PromptKind::Overwrite { format, path } if text.eq_ignore_ascii_case("yes") => {
            export(app, format, path, true)
        }
        PromptKind::Overwrite { .. } => {
            drafts::close(app, &prompt);
            app.say(Tone::Info, "not exported, the file is unchanged");
            Vec::new()
        }
        PromptKind::Export(_) | PromptKind::OpenRun | PromptKind::StartRun => Vec::new(),
    }
}

fn export(app: &App, format: Format, path: String, overwrite: bool) -> Vec<Effect> {
    vec![Effect::Export(Box::new(Export {
        session: app.session.clone(),
        format,
        path,
        overwrite,
    }))]
}

/// Reopens the prompt with the reason if its text was refused.
fn unless_refused(
    app: &mut App,
    prompt: Prompt,
    taken: Result<Vec<Effect>, &'static str>,
) -> Vec<Effect> {
    taken.unwrap_or_else(|why| {
        app.say(Tone::Warning, why);
        app.overlay = Some(Overlay::Prompt(prompt));
        Vec::new()
    })
}

fn ask(app: &mut App, question: String) -> Result<Vec<Effect>, &'static str> {
    let unchanged = app
        .session
        .problem
        .as_ref()
        .is_some_and(|problem| problem.question == question);
    if question.is_empty() || unchanged {
        return Ok(Vec::new());
    }
    if app.info().is_none() {
        return Err("the model is not ready");
    }
    app.library.open = None;
    app.in_table = None;
    // The gold answer of the old wording does not apply to the new one.
    Ok(app.open(typed_problem(question), "typed".to_owned()))
}

/// Saves the note being written, because the process was told to exit.
pub(super) fn keep_open_note(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt)) = app.overlay.take() else {
        return Vec::new();
    };
    let text = prompt.field.text().trim().to_owned();
    match prompt.kind {
        PromptKind::Note(target) if !text.is_empty() => write_note(app, target, text),
        _ => Vec::new(),
    }
}

fn write_note(app: &mut App, target: Target, text: String) -> Vec<Effect> {
    let note = new_note(app, target, None, text);
    let edit = match text_note(app, target) {
        None if note.text.is_empty() => None,
        None => Some(Edit::add_note(&app.session, note)),
        Some(at) if note.text.is_empty() => Edit::remove_note(&app.session, at),
        Some(at)
            if app
                .session
                .notes
                .get(at)
                .is_some_and(|n| n.text == note.text) =>
        {
            None
        }
        Some(at) => Edit::change_note(&app.session, at, note),
    };
    edit.map_or_else(Vec::new, |edit| edit_session(app, edit))
}

fn switch_format(app: &App, prompt: &mut Prompt) {
    let PromptKind::Export(format) = prompt.kind else {
        return;
    };
    let other = match format {
        Format::Json => Format::Markdown,
        Format::Markdown => Format::Json,
    };
    let (old, new) = (format.extension(), other.extension());
    match prompt.field.text().strip_suffix(old) {
        Some(stem) => {
            let path = format!("{stem}{new}");
            prompt.field.set(&path);
            prompt.kind = PromptKind::Export(other);
        }
        None if prompt.field.text().is_empty() => *prompt = export_prompt(app, other),
        None => prompt.kind = PromptKind::Export(other),
    }
}
