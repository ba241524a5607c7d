//! Events of the worker: those of a superseded run are dropped, all others change the session.

use crate::core::types::{LatentIdx, ModelInfo, Outcome, Phrase, Run};
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{Job, Phase};
use crate::explorer::app::opening::{open_listed, typed_problem};
use crate::explorer::app::results::{ask_phrases, ask_results, forget_results, settle};
use crate::explorer::app::{App, Failure, Library, Model, Recording, Tone};
use crate::explorer::session::compare::compare;
use crate::explorer::worker::protocol::{Event, RunId, Work};

/// Handles an event of the worker.
pub(super) fn on_event(app: &mut App, event: Event) -> Vec<Effect> {
    if run_of(&event).is_some_and(|id| id != app.live.id) {
        return Vec::new();
    }
    match event {
        // The user has since picked another model.
        Event::Loading { model, .. }
        | Event::Ready { model, .. }
        | Event::NotLoaded { model, .. }
            if model != app.model_name =>
        {
            Vec::new()
        }
        Event::Loading { stage, bytes, .. } => {
            app.model = Model::Loading { stage, bytes };
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
            app.reference = Some((done, all)).filter(|_| done < all);
            Vec::new()
        }
        Event::Step { position, .. } => {
            if app.live.phase == Phase::Running {
                app.live.push(position);
            }
            Vec::new()
        }
        Event::RunDone { run, .. } => on_run_done(app, run),
        Event::Ahead { outcome, .. } => {
            // Preliminary outcomes are shown only for the wanted ablation, and are not stored.
            if outcome.ablation == app.ablation && app.outcome_of(&app.ablation).is_none() {
                app.shown = app.ablation.clone();
                app.live.ahead = Some(outcome);
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
            app.session.early_exit = exits;
            app.live.exits = Job::Done;
            app.result_landed();
            Vec::new()
        }
        Event::Study { study, .. } => {
            app.studies.land(*study);
            Vec::new()
        }
        Event::Verifying { progress, .. } => {
            app.live.verifying = Some(progress);
            Vec::new()
        }
        Event::Verified { verdict, done, .. } => {
            app.session.verdict = Some(*verdict);
            app.recorded = None;
            if done {
                app.live.verdict = Job::Done;
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
fn on_failed(app: &mut App, work: Work, failure: Failure) {
    match work {
        Work::Ablation => {
            app.live.ablation = Job::Stopped;
            app.failure = Some(failure);
            return;
        }
        Work::Study => return app.studies.fail(&failure),
        Work::Run | Work::Results => {}
    }
    app.live.stop();
    app.failure = Some(failure);
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
    app.reference = None;
    // The new model may not have the mode.
    app.mode = app
        .mode
        .filter(|mode| info.modes.iter().any(|m| m == mode.as_str()));
    let mut effects = vec![Effect::LoadProblems(Box::new(info.clone()))];
    app.model = Model::Ready {
        info: Box::new(info),
        elapsed_ms,
    };
    app.failure = None;
    if let Recording::Shown(recorded) = &app.recording {
        if app.session.problem.is_none() {
            let question = recorded.run.as_ref().map(|run| run.question.clone());
            app.session.problem = question.map(typed_problem);
        }
        forget_results(app);
        effects.extend(app.run());
    } else if let Some(question) = app.first_question.take() {
        effects.extend(app.open(typed_problem(question), "typed".to_owned()));
    } else if let Some((was, problem, origin)) = app.reopen.take()
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
            app.library.open = app.session.problem.as_ref().and_then(|open| {
                let mut listed = app.library.problems.iter();
                listed.position(|problem| problem.question == open.question)
            });
            if app.session.problem.is_none() && app.session.run.is_none() {
                let first = std::mem::take(&mut app.first_index);
                return open_listed(app, first);
            }
        }
        Err(message) => app.say(Tone::Warning, format!("no problems: {message}")),
    }
    Vec::new()
}

fn on_run_done(app: &mut App, run: Run) -> Vec<Effect> {
    let was_stopped = app.live.phase == Phase::Stopped;
    app.live.show(&run);
    app.session.run = Some(run);
    let mut effects: Vec<Effect> = app.set_session_model().into_iter().collect();
    app.result_landed();
    if was_stopped {
        // The run completed before the worker saw the cancellation; request nothing further for it.
        app.live.exits = Job::Stopped;
        app.live.verdict = Job::Stopped;
        return effects;
    }
    if app.is_stale() {
        effects.extend(settle(app));
    }
    effects.extend(ask_phrases(app));
    effects.extend(ask_results(app));
    effects
}

fn on_ablated(app: &mut App, outcome: Outcome) -> Vec<Effect> {
    let wanted = outcome.ablation == app.ablation;
    match app
        .session
        .outcomes
        .iter_mut()
        .find(|o| o.ablation == outcome.ablation)
    {
        Some(known) => *known = outcome,
        None => app.session.outcomes.push(outcome),
    }
    app.result_landed();
    // An outcome for an older ablation is stored but not shown.
    if wanted { settle(app) } else { Vec::new() }
}

fn on_phrases(app: &mut App, latent: LatentIdx, phrases: Vec<Phrase>) {
    app.live.phrases.take_if(|asked| *asked == latent);
    app.session.phrases.retain(|(l, _)| *l != latent);
    app.session.phrases.push((latent, phrases));
    app.session.phrases.sort_by_key(|(l, _)| *l);
    app.result_landed();
}

/// Compares the recording with the recomputed session.
fn compare_with_recording(app: &mut App) {
    let Recording::Shown(recorded) = &app.recording else {
        return;
    };
    let mut recorded = recorded.as_ref().clone();
    // Ablations and phrases are recomputed only on request.
    let again = &app.session;
    recorded
        .outcomes
        .retain(|o| again.outcomes.iter().any(|a| a.ablation == o.ablation));
    recorded
        .phrases
        .retain(|(l, _)| again.phrases.iter().any(|(a, _)| a == l));
    app.recording = Recording::Compared(compare(&recorded, again).summary());
}
