//! Keys and pastes: an action if the context binds the key, else text for the open field.

use crate::explorer::app::action::{Action, Program};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::field::Field;
use crate::explorer::app::overlay::{Overlay, Prompt, PromptKind};
use crate::explorer::app::{App, Tone, drafts, on_action, on_overlay};
use crate::explorer::keymap::Key;

/// Handles a key press.
pub(super) fn on_key(app: &mut App, key: Key) -> Vec<Effect> {
    let action = app.keymap.lookup(app.context(), key);
    if action != Some(Action::Program(Program::Interrupt)) {
        app.chrome.quit_armed = false;
    }
    if !matches!(
        action,
        Some(Action::Program(Program::Interrupt | Program::Quit))
    ) {
        app.stay();
    }
    match action {
        Some(Action::List(action)) => return on_overlay::in_list(app, action),
        Some(Action::Text(action)) => return on_overlay::in_prompt(app, action),
        Some(action) => return on_action::perform(app, action, key),
        None => {}
    }
    match &mut app.chrome.overlay {
        Some(Overlay::List(list)) => {
            let was_taken = list.filter.key(key);
            if was_taken {
                list.selected = 0;
                app.search_on();
            }
        }
        Some(Overlay::Prompt(prompt)) => {
            prompt.field.key(key);
        }
        None => {
            if let Some(c) = key.typed().filter(|c| !c.is_ascii() && c.is_alphabetic()) {
                let hint = format!("no key {c} here, is another keyboard layout on?");
                app.say(Tone::Warning, hint);
            }
        }
    }
    Vec::new()
}

/// Inserts pasted text into the open field, or else opens it as a new question, which runs only when accepted.
pub(super) fn on_paste(app: &mut App, text: &str) -> Vec<Effect> {
    match &mut app.chrome.overlay {
        Some(Overlay::List(list)) => {
            list.filter.insert_str(text);
            list.selected = 0;
            app.search_on();
        }
        Some(Overlay::Prompt(prompt)) => prompt.field.insert_str(text),
        None => {
            drafts::open(app, Prompt::new(PromptKind::NewQuestion, Field::default()));
            if let Some(Overlay::Prompt(prompt)) = &mut app.chrome.overlay {
                if !prompt.field.text().is_empty() {
                    prompt.field.insert_str(" ");
                }
                prompt.field.insert_str(text.trim());
            }
        }
    }
    Vec::new()
}
