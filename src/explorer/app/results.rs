//! Applying edits, and requesting the results that a run needs.

use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{Job, Phase};
use crate::explorer::app::{App, Tone};
use crate::explorer::session::Session;
use crate::explorer::session::edit::Edit;
use crate::explorer::worker::protocol::Request;

/// Applies an edit so that it can be undone.
pub(super) fn edit_session(app: &mut App, edit: Edit) -> Vec<Effect> {
    let is_note = !matches!(edit, Edit::SetAblation { .. });
    match app.history.apply(edit, &mut app.session, &mut app.ablation) {
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
    if app.live.ablation == Job::Stopped && app.live.phase == Phase::Done {
        // The failure of the previous ablation does not apply to this one.
        app.failure = None;
    }
    let known = app.ablation.is_clean() || app.outcome_of(&app.ablation).is_some();
    if known {
        app.shown = app.ablation.clone();
        app.live.ablation = Job::Done;
        return Vec::new();
    }
    if app.live.phase != Phase::Done {
        return Vec::new();
    }
    if app.info().is_none() {
        app.live.ablation = Job::Stopped;
        app.say(Tone::Warning, "not in the recording, and no model is ready");
        return Vec::new();
    }
    app.live.ablation = Job::Waiting;
    vec![Effect::Send(Request::Ablate {
        id: app.live.id,
        ablation: app.ablation.clone(),
    })]
}

/// Requests the results that every complete run needs and this one lacks.
pub(super) fn ask_results(app: &mut App) -> Vec<Effect> {
    let id = app.live.id;
    let mut effects = Vec::new();
    app.live.verifying = None;
    if app.session.early_exit.is_empty() {
        app.live.exits = Job::Waiting;
        effects.push(Effect::Send(Request::EarlyExit { id }));
    } else {
        app.live.exits = Job::Done;
    }
    if app.session.verdict.is_none() {
        app.live.verdict = Job::Waiting;
        effects.push(Effect::Send(Request::Verify { id }));
    } else {
        app.live.verdict = Job::Done;
    }
    effects
}

/// Requests the phrases of the latent under the cursor, once.
pub(super) fn ask_phrases(app: &mut App) -> Option<Effect> {
    let latent = app.latent_under_cursor()?;
    let known = app.session.phrases.iter().any(|(l, _)| *l == latent);
    let ready = app.info().is_some() && app.live.phase == Phase::Done;
    if known || !ready || [app.live.phrases, app.live.declined].contains(&Some(latent)) {
        return None;
    }
    app.live.phrases = Some(latent);
    Some(Effect::Send(Request::Phrases {
        id: app.live.id,
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
    } = &mut app.session;
    app.recorded = None;
    *run = None;
    *verdict = None;
    outcomes.clear();
    phrases.clear();
    early_exit.clear();
}
