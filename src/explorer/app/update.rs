//! The reducer: one message in, state changed, effects out. It dispatches; each area has its own file.

use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::{Effect, ExportError};
use crate::explorer::app::field::Field;
use crate::explorer::app::msg::{Clock, Msg};
use crate::explorer::app::overlay::{Overlay, Prompt, PromptKind};
use crate::explorer::app::{
    App, Failure, ModelState, Tone, drafts, on_key, on_move, on_overlay, on_worker, prompts,
    results, studies,
};

/// Changes the state by one message and returns the effects.
pub fn update(app: &mut App, msg: Msg) -> Vec<Effect> {
    if let Msg::Tick(clock) = msg {
        return on_tick(app, clock);
    }
    app.chrome.dirty = true;
    let mut effects = match msg {
        Msg::Tick(_) | Msg::Resized | Msg::Resumed => Vec::new(),
        Msg::Key(key) => on_key::on_key(app, key),
        Msg::Measured { movement, fit } => {
            on_move::perform(app, movement, fit);
            Vec::new()
        }
        Msg::Paste(text) => on_key::on_paste(app, &text),
        Msg::Worker(event) => on_worker::on_event(app, event),
        Msg::WorkerLost => {
            on_worker_lost(app);
            Vec::new()
        }
        Msg::Problems(result) => on_worker::on_problems(app, result),
        Msg::Saved { save, result } => app.on_saved(*save, result),
        Msg::Recalled(recalled) => {
            app.on_recalled(recalled);
            Vec::new()
        }
        Msg::Noted(notes) => {
            on_dataset::noted(app, notes);
            Vec::new()
        }
        Msg::Exported(result) => {
            on_exported(app, result);
            Vec::new()
        }
        Msg::Copied(result) => {
            match result {
                Ok(bytes) => app.say(Tone::Info, format!("{bytes} bytes sent to terminal")),
                Err(message) => app.say(Tone::Warning, message),
            }
            Vec::new()
        }
        Msg::Run { ticket, event } => on_dataset::on_event(app, ticket, event),
        Msg::Terminated => {
            let mut effects = on_overlay::keep_open_note(app);
            effects.extend(app.saves_due(u64::MAX));
            effects
        }
    };
    effects.extend(results::ask_phrases(app));
    effects.extend(studies::ask(app));
    effects.extend(app.saves_due(app.clock.now_ms));
    effects
}

fn on_tick(app: &mut App, clock: Clock) -> Vec<Effect> {
    let now_ms = clock.now_ms;
    app.clock = clock;
    if app.is_searching() {
        app.search_on();
    }
    if app
        .chrome
        .notice
        .take_if(|n| n.until_ms <= now_ms)
        .is_some()
    {
        app.chrome.quit_armed = false;
        app.chrome.dirty = true;
    }
    app.saves_due(now_ms)
}

fn on_worker_lost(app: &mut App) {
    app.run.live.stop();
    app.run.studies.stop();
    app.model.state = ModelState::Failed;
    app.chrome.failure = Some(Failure {
        message: "the model worker has stopped".to_owned(),
        hint: "export the session and restart".to_owned(),
        model: None,
    });
}

fn on_exported(app: &mut App, result: Result<String, ExportError>) {
    let format = match &app.chrome.overlay {
        Some(Overlay::Prompt(Prompt {
            kind: PromptKind::Export(format),
            ..
        })) => *format,
        _ => prompts::DEFAULT_FORMAT,
    };
    match result {
        Ok(path) => {
            app.chrome.overlay = None;
            app.say(Tone::Info, format!("exported to {path}"));
        }
        Err(ExportError::Exists { path }) => {
            let kind = PromptKind::Overwrite { format, path };
            app.chrome.overlay = Some(Overlay::Prompt(Prompt::new(kind, Field::default())));
        }
        Err(ExportError::Failed { path, message }) => {
            if app.chrome.overlay.is_none() {
                drafts::keep_path(app, format, path);
            }
            app.say(Tone::Warning, format!("not exported: {message}"));
        }
    }
}
