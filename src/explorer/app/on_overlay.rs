//! Lists and prompts: their keys, and the effects of choosing and accepting.

use crate::explorer::app::action::{self, Context, Text};
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::{Effect, Export};
use crate::explorer::app::on_action;
use crate::explorer::app::opening::{open_listed, typed_problem};
use crate::explorer::app::overlay::{Choice, Overlay, Prompt, PromptKind};
use crate::explorer::app::prompts::{export_prompt, text_note};
use crate::explorer::app::results::edit_session;
use crate::explorer::app::{App, Page, Tone, drafts, on_ablate};
use crate::explorer::keymap::{Code, Key};
use crate::explorer::session::edit::SessionEdit;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Note, Tag, Target};

/// The number of entries in a page of a list.
const PAGE: usize = 10;

pub(super) fn in_list(app: &mut App, action: action::List) -> Vec<Effect> {
    use action::List;
    let Some(Overlay::List(mut list)) = app.chrome.overlay.take() else {
        return Vec::new();
    };
    let at = list.selected;
    list.selected = match action {
        List::Up => at.saturating_sub(1),
        List::Down => at + 1,
        List::PageUp => at.saturating_sub(PAGE),
        List::PageDown => at + PAGE,
        List::Accept => at,
        List::Close => return Vec::new(),
    }
    .min(list.len(app).saturating_sub(1));
    if action == List::Accept {
        let entry = list.entries(app, list.selected..list.selected + 1).pop();
        match entry.map(|entry| (entry.disabled, entry.choice)) {
            Some((Some(reason), _)) => app.say(Tone::Warning, reason),
            Some((None, choice)) => return choose(app, choice),
            None => {}
        }
    }
    app.chrome.overlay = Some(Overlay::List(list));
    Vec::new()
}

fn choose(app: &mut App, choice: Choice) -> Vec<Effect> {
    match choice {
        // Help lists the actions of pages, but they cannot be performed from the run.
        Choice::Act(action)
            if matches!(action.spec().context, Context::Page | Context::Data)
                && app.chrome.page == Page::Run =>
        {
            Vec::new()
        }
        Choice::Act(action) => {
            let key = app.keymap.keys_of(action).next();
            on_action::perform(app, action, key.unwrap_or(Key::plain(Code::Enter)))
        }
        Choice::Open(index) => open_listed(app, index),
        Choice::Load(name) => app.switch_model(name),
        Choice::Value(value) => on_ablate::choose(app, value),
        Choice::Tag(target, tag) => toggle_tag(app, target, tag),
    }
}

fn toggle_tag(app: &mut App, target: Target, tag: Tag) -> Vec<Effect> {
    let set =
        app.run.session.notes.iter().position(|note| {
            note.target == target && note.tag == Some(tag) && note.text.is_empty()
        });
    let edit = match set {
        Some(at) => SessionEdit::remove_note(&app.run.session, at),
        None => Some(SessionEdit::add_note(
            &app.run.session,
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
        written_at: app.clock.unix_s,
    }
}

pub(super) fn in_prompt(app: &mut App, action: Text) -> Vec<Effect> {
    let Some(Overlay::Prompt(mut prompt)) = app.chrome.overlay.take() else {
        return Vec::new();
    };
    match action {
        Text::Accept => return accept(app, prompt),
        Text::Close => {
            drafts::close(app, &prompt);
            return Vec::new();
        }
        Text::Newline => prompt.field.newline(),
        Text::Switch => switch_format(app, &mut prompt),
    }
    app.chrome.overlay = Some(Overlay::Prompt(prompt));
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
            let taken = on_ablate::set_donor(app, &text);
            unless_refused(app, prompt, taken)
        }
        PromptKind::Layers => {
            let taken = on_ablate::set_layers(app, &text);
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
            app.chrome.overlay = Some(Overlay::Prompt(prompt));
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
        session: app.run.session.clone(),
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
        app.chrome.overlay = Some(Overlay::Prompt(prompt));
        Vec::new()
    })
}

fn ask(app: &mut App, question: String) -> Result<Vec<Effect>, &'static str> {
    let unchanged = app
        .run
        .session
        .problem
        .as_ref()
        .is_some_and(|problem| problem.question == question);
    if question.is_empty() || unchanged {
        return Ok(Vec::new());
    }
    if app.model.info().is_none() {
        return Err("the model is not ready");
    }
    app.library.open = None;
    app.dataset.open = None;
    // The gold answer of the old wording does not apply to the new one.
    Ok(app.open(typed_problem(question), "typed".to_owned()))
}

/// Saves the note being written, because the process was told to exit.
pub(super) fn keep_open_note(app: &mut App) -> Vec<Effect> {
    let Some(Overlay::Prompt(prompt)) = app.chrome.overlay.take() else {
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
        None => Some(SessionEdit::add_note(&app.run.session, note)),
        Some(at) if note.text.is_empty() => SessionEdit::remove_note(&app.run.session, at),
        Some(at)
            if app
                .run
                .session
                .notes
                .get(at)
                .is_some_and(|n| n.text == note.text) =>
        {
            None
        }
        Some(at) => SessionEdit::change_note(&app.run.session, at, note),
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
