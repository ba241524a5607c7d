//! Events of the worker: those of a superseded run are dropped, all others change the session.

use crate::core::types::{LatentIdx, ModelInfo, Outcome, Phrase, Run};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::opening::{open_listed, typed_problem};
use crate::explorer::app::results::{ask_phrases, ask_results, forget_results, settle};
use crate::explorer::app::{App, Failure, Library, ModelState, Recording, Tone};
use crate::explorer::session::compare::compare;
use crate::explorer::worker::protocol::{Event, JobKind, RunId};

/// Handles an event of the worker.
pub(super) fn on_event(app: &mut App, event: Event) -> Vec<Effect> {
    if run_of(&event).is_some_and(|id| id != app.run.live.id) {
        return Vec::new();
    }
    match event {
        // The user has since picked another model.
        Event::Loading { model, .. }
        | Event::Ready { model, .. }
        | Event::NotLoaded { model, .. }
            if model != app.model.name =>
        {
            Vec::new()
        }
        Event::Loading { stage, bytes, .. } => {
            app.model.state = ModelState::Loading { stage, bytes };
            Vec::new()
        }
        Event::Ready {
            info,
            elapsed_ms,
            note,
            ..
        } => {
            if let Some(note) = note {
                app.say(Tone::Warning, note);
            }
            on_ready(app, info, elapsed_ms)
        }
        Event::Reference { done, all } => {
            app.model.reference = Some((done, all)).filter(|_| done < all);
            Vec::new()
        }
        Event::Step { position, .. } => {
            if app.run.live.phase == Phase::Running {
                app.run.live.push(position);
            }
            Vec::new()
        }
        Event::RunDone { run, .. } => on_run_done(app, run),
        Event::Ahead { outcome, .. } => {
            // Preliminary outcomes are shown only for the wanted ablation, and are not stored.
            if outcome.ablation == app.run.ablation
                && app.run.outcome_of(&app.run.ablation).is_none()
            {
                app.run.shown = app.run.ablation.clone();
                app.run.live.ahead = Some(outcome);
            }
            Vec::new()
        }
        Event::Ablated { outcome, .. } => on_ablated(app, outcome),
        Event::Phrases {
            latent, phrases, ..
        } => {
            on_phrases(app, latent, phrases);
            Vec::new()
        }
        Event::EarlyExit { exits, .. } => {
            app.run.session.early_exit = exits;
            app.run.live.exits = JobState::Done;
            app.result_landed();
            Vec::new()
        }
        Event::Study { study, .. } => {
            app.run.studies.land(*study);
            Vec::new()
        }
        Event::Verifying { progress, .. } => {
            app.run.live.verifying = Some(progress);
            Vec::new()
        }
        Event::Verified { verdict, done, .. } => {
            app.run.session.verdict = Some(*verdict);
            app.run.kept.recorded = None;
            if done {
                app.run.live.verdict = JobState::Done;
                compare_with_recording(app);
                app.result_landed();
            }
            Vec::new()
        }
        // Cancelled jobs are already marked as stopped; a superseded job continues as its newer request.
        Event::Cancelled { .. } => Vec::new(),
        Event::NotLoaded {
            message,
            hint,
            kept,
            ..
        } => app.not_loaded(failure(message, hint), kept),
        Event::Failed {
            work,
            message,
            hint,
            ..
        } => {
            on_failed(app, work, failure(message, hint));
            Vec::new()
        }
    }
}

fn failure(message: String, hint: String) -> Failure {
    Failure {
        message,
        hint,
        model: None,
    }
}

/// Records a failure. A failed ablation or study does not stop the other jobs.
fn on_failed(app: &mut App, work: JobKind, failure: Failure) {
    match work {
        JobKind::Ablation => {
            app.run.live.ablation = JobState::Stopped;
            app.chrome.failure = Some(failure);
            return;
        }
        JobKind::Study => return app.run.studies.fail(&failure),
        JobKind::Run | JobKind::Results => {}
    }
    app.run.live.stop();
    app.chrome.failure = Some(failure);
}

fn run_of(event: &Event) -> Option<RunId> {
    match event {
        Event::Loading { .. }
        | Event::Ready { .. }
        | Event::NotLoaded { .. }
        | Event::Reference { .. } => None,
        Event::Failed { id, .. } => *id,
        Event::Step { id, .. }
        | Event::RunDone { id, .. }
        | Event::Ahead { id, .. }
        | Event::Ablated { id, .. }
        | Event::Phrases { id, .. }
        | Event::EarlyExit { id, .. }
        | Event::Study { id, .. }
        | Event::Verifying { id, .. }
        | Event::Verified { id, .. }
        | Event::Cancelled { id } => Some(*id),
    }
}

fn on_ready(app: &mut App, info: ModelInfo, elapsed_ms: u64) -> Vec<Effect> {
    let task = info.task;
    app.switched();
    app.model.reference = None;
    // The new model may not have the mode.
    app.model.mode = app
        .model
        .mode
        .filter(|mode| info.modes.iter().any(|m| m == mode.as_str()));
    let mut effects = vec![Effect::LoadProblems(Box::new(info.clone()))];
    app.model.state = ModelState::Ready {
        info: Box::new(info),
        elapsed_ms,
    };
    app.chrome.failure = None;
    if let Recording::Shown(recorded) = &app.run.recording {
        if app.run.session.problem.is_none() {
            let question = recorded.run.as_ref().map(|run| run.question.clone());
            app.run.session.problem = question.map(typed_problem);
        }
        forget_results(app);
        effects.extend(app.start_run());
    } else if let Some(question) = app.pending.question.take() {
        effects.extend(app.open(typed_problem(question), "typed".to_owned()));
    } else if let Some((was, problem, origin)) = app.pending.reopen.take()
        && was == task
    {
        effects.extend(app.open(problem, origin));
    }
    effects
}

/// Sets the list of problems; opens the first one if nothing else is open.
pub(super) fn on_problems(app: &mut App, result: Result<Library, String>) -> Vec<Effect> {
    match result {
        Ok(library) => {
            app.library = library;
            app.library.open = app.run.session.problem.as_ref().and_then(|open| {
                let mut listed = app.library.problems.iter();
                listed.position(|problem| problem.question == open.question)
            });
            if app.run.session.problem.is_none() && app.run.session.run.is_none() {
                let first = std::mem::take(&mut app.pending.index);
                return open_listed(app, first);
            }
        }
        Err(message) => app.say(Tone::Warning, format!("no problems: {message}")),
    }
    Vec::new()
}

fn on_run_done(app: &mut App, run: Run) -> Vec<Effect> {
    let was_stopped = app.run.live.phase == Phase::Stopped;
    app.run.live.show(&run);
    app.run.session.run = Some(run);
    let mut effects: Vec<Effect> = app.set_session_model().into_iter().collect();
    app.result_landed();
    if was_stopped {
        // The run completed before the worker saw the cancellation; request nothing further for it.
        app.run.live.exits = JobState::Stopped;
        app.run.live.verdict = JobState::Stopped;
        return effects;
    }
    if app.run.is_stale() {
        effects.extend(settle(app));
    }
    effects.extend(ask_phrases(app));
    effects.extend(ask_results(app));
    effects
}

fn on_ablated(app: &mut App, outcome: Outcome) -> Vec<Effect> {
    let wanted = outcome.ablation == app.run.ablation;
    match app
        .run
        .session
        .outcomes
        .iter_mut()
        .find(|o| o.ablation == outcome.ablation)
    {
        Some(known) => *known = outcome,
        None => app.run.session.outcomes.push(outcome),
    }
    app.result_landed();
    // An outcome for an older ablation is stored but not shown.
    if wanted { settle(app) } else { Vec::new() }
}

fn on_phrases(app: &mut App, latent: LatentIdx, phrases: Vec<Phrase>) {
    app.run.live.phrases.take_if(|asked| *asked == latent);
    app.run.session.phrases.retain(|(l, _)| *l != latent);
    app.run.session.phrases.push((latent, phrases));
    app.run.session.phrases.sort_by_key(|(l, _)| *l);
    app.result_landed();
}

/// Compares the recording with the recomputed session.
fn compare_with_recording(app: &mut App) {
    let Recording::Shown(recorded) = &app.run.recording else {
        return;
    };
    let mut recorded = recorded.as_ref().clone();
    // Ablations and phrases are recomputed only on request.
    let again = &app.run.session;
    recorded
        .outcomes
        .retain(|o| again.outcomes.iter().any(|a| a.ablation == o.ablation));
    recorded
        .phrases
        .retain(|(l, _)| again.phrases.iter().any(|(a, _)| a == l));
    app.run.recording = Recording::Compared(compare(&recorded, again).summary());
}
