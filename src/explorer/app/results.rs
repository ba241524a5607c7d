//! Applying edits, and requesting the results that a run needs.

use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::{App, Tone};
use crate::explorer::session::Session;
use crate::explorer::session::edit::SessionEdit;
use crate::explorer::worker::protocol::Request;

/// Applies an edit so that it can be undone.
pub(super) fn edit_session(app: &mut App, edit: SessionEdit) -> Vec<Effect> {
    let is_note = !matches!(edit, SessionEdit::SetAblation { .. });
    match app
        .run
        .kept
        .history
        .apply(edit, &mut app.run.session, &mut app.run.ablation)
    {
        Ok(()) if is_note => {
            app.notes_changed();
            Vec::new()
        }
        Ok(()) => settle(app),
        Err(stale) => {
            app.say(Tone::Warning, stale.to_string());
            Vec::new()
        }
    }
}

/// Brings the shown answer in line with the wanted ablation, from stored outcomes or by a request to the worker.
pub(super) fn settle(app: &mut App) -> Vec<Effect> {
    if app.run.live.ablation == JobState::Stopped && app.run.live.phase == Phase::Done {
        // The failure of the previous ablation does not apply to this one.
        app.chrome.failure = None;
    }
    let known = app.run.ablation.is_clean() || app.run.outcome_of(&app.run.ablation).is_some();
    if known {
        app.run.shown = app.run.ablation.clone();
        app.run.live.ablation = JobState::Done;
        return Vec::new();
    }
    if app.run.live.phase != Phase::Done {
        return Vec::new();
    }
    if app.model.info().is_none() {
        app.run.live.ablation = JobState::Stopped;
        app.say(Tone::Warning, "not in the recording, and no model is ready");
        return Vec::new();
    }
    app.run.live.ablation = JobState::Waiting;
    vec![Effect::Send(Request::Ablate {
        id: app.run.live.id,
        ablation: app.run.ablation.clone(),
    })]
}

/// Requests the results that every complete run needs and this one lacks.
pub(super) fn ask_results(app: &mut App) -> Vec<Effect> {
    let id = app.run.live.id;
    let mut effects = Vec::new();
    app.run.live.verifying = None;
    if app.run.session.early_exit.is_empty() {
        app.run.live.exits = JobState::Waiting;
        effects.push(Effect::Send(Request::EarlyExit { id }));
    } else {
        app.run.live.exits = JobState::Done;
    }
    if app.run.session.verdict.is_none() {
        app.run.live.verdict = JobState::Waiting;
        effects.push(Effect::Send(Request::Verify { id }));
    } else {
        app.run.live.verdict = JobState::Done;
    }
    effects
}

/// Requests the phrases of the latent under the cursor, once.
pub(super) fn ask_phrases(app: &mut App) -> Option<Effect> {
    let latent = app.run.latent_under_cursor()?;
    let known = app.run.session.phrases.iter().any(|(l, _)| *l == latent);
    let ready = app.model.info().is_some() && app.run.live.phase == Phase::Done;
    if known || !ready || [app.run.live.phrases, app.run.live.declined].contains(&Some(latent)) {
        return None;
    }
    app.run.live.phrases = Some(latent);
    Some(Effect::Send(Request::Phrases {
        id: app.run.live.id,
        latent,
    }))
}

/// Drops all results on the open problem; notes stay.
pub(super) fn forget_results(app: &mut App) {
    let Session {
        run,
        outcomes,
        phrases,
        early_exit,
        verdict,
        ..
    } = &mut app.run.session;
    app.run.kept.recorded = None;
    *run = None;
    *verdict = None;
    outcomes.clear();
    phrases.clear();
    early_exit.clear();
}
