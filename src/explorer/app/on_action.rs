//! The actions of the explorer.

use crate::core::types::{AblationValue, LatentIdx, Mode};
use crate::explorer::app::action::{Action, Section};
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::enabled::enabled;
use crate::explorer::app::field::Field;
use crate::explorer::app::live::{Job, Phase};
use crate::explorer::app::opening::{neighbour, open_listed};
use crate::explorer::app::overlay::{List, ListKind, Overlay, Prompt, PromptKind};
use crate::explorer::app::pane::Pane;
use crate::explorer::app::prompts::{DEFAULT_FORMAT, export_prompt, note_prompt};
use crate::explorer::app::results::{ask_results, edit_session, forget_results, settle};
use crate::explorer::app::{App, Model, Tone, drafts, on_manner, on_page};
use crate::explorer::keymap::{Code, Key};
use crate::explorer::session::edit::Edit;
use crate::explorer::worker::protocol::Request;

/// Performs an action, or shows why it cannot be performed.
pub(super) fn perform(app: &mut App, action: Action, key: Key) -> Vec<Effect> {
    if let Err(reason) = enabled(app, action) {
        // Escape with nothing to cancel needs no message.
        if action != Action::Cancel {
            app.say(Tone::Warning, reason);
        }
        return Vec::new();
    }
    match action {
        Action::StepLeft
        | Action::StepRight
        | Action::FirstToken
        | Action::LastToken
        | Action::JumpLatent => step(app, action, key),
        Action::ToggleLatent | Action::ToggleAll => ablate(app, action),
        Action::CycleValue
        | Action::CycleSite
        | Action::CyclePropagation
        | Action::CycleDirection
        | Action::MatchSteps => on_manner::cycle(app, action),
        Action::NextProblem | Action::PreviousProblem => match neighbour(app, action) {
            Some(row) if app.in_table.is_some() => on_dataset::open_row(app, row),
            Some(index) => open_listed(app, index),
            None => Vec::new(),
        },
        Action::CycleMode => next_mode(app),
        Action::Rerun => rerun(app),
        Action::Undo | Action::Redo => unwind(app, action),
        Action::Interrupt => interrupt(app),
        Action::Cancel => cancel(app),
        Action::Copy => vec![Effect::Copy(app.focus)],
        Action::Redraw => vec![Effect::Redraw],
        Action::Suspend => vec![Effect::Suspend],
        Action::Quit => app.quit(),
        Action::NextPane | Action::PreviousPane | Action::ZoomPane => {
            focus(app, action);
            Vec::new()
        }
        Action::ScrollUp
        | Action::ScrollDown
        | Action::PageUp
        | Action::PageDown
        | Action::ScrollTop
        | Action::ScrollBottom => {
            scroll(app, action);
            Vec::new()
        }
        Action::OpenProblems
        | Action::PickModel
        | Action::PickTag
        | Action::PickValue
        | Action::Help
        | Action::Palette => {
            open_list(app, action);
            Vec::new()
        }
        Action::EditQuestion
        | Action::NewQuestion
        | Action::WriteNote
        | Action::Export
        | Action::PickDonor
        | Action::PickLayers => {
            open_prompt(app, action);
            Vec::new()
        }
        _ if action.spec().section == Section::Data => on_dataset::perform(app, action),
        _ => match on_page::page_of(action) {
            Some(page) => on_page::open(app, page),
            None => on_a_page(app, action),
        },
    }
}

/// Performs an action of a page.
fn on_a_page(app: &mut App, action: Action) -> Vec<Effect> {
    match action {
        Action::MoveLeft
        | Action::MoveRight
        | Action::MoveUp
        | Action::MoveDown
        | Action::MovePageUp
        | Action::MovePageDown
        | Action::MoveFirst
        | Action::MoveLast => {
            on_page::step(app, action);
            Vec::new()
        }
        Action::EnterCell => on_page::enter(app),
        Action::LeavePage => on_page::back(app),
        Action::SwitchLeft => {
            on_page::switch_left(app);
            Vec::new()
        }
        Action::FollowToken => {
            on_page::follow_next(app);
            Vec::new()
        }
        _ => Vec::new(),
    }
}

fn step(app: &mut App, action: Action, key: Key) -> Vec<Effect> {
    let target = match (action, key.code) {
        (Action::StepLeft, _) => app.live.cursor.saturating_sub(1),
        (Action::StepRight, _) => app.live.cursor + 1,
        (Action::FirstToken, _) => 0,
        (Action::JumpLatent, Code::Char(c)) => {
            let wanted = c.to_digit(10).and_then(|d| usize::try_from(d).ok());
            let Some(index) = wanted.and_then(|n| app.live.index_of(LatentIdx(n))) else {
                app.say(Tone::Warning, format!("there is no latent {c}"));
                return Vec::new();
            };
            index
        }
        (Action::JumpLatent, _) => app.live.index_of(LatentIdx(1)).unwrap_or(app.live.cursor),
        _ => usize::MAX,
    };
    app.live.move_to(target);
    app.scroll[Pane::Detail.index()] = 0;
    Vec::new()
}

fn ablate(app: &mut App, action: Action) -> Vec<Effect> {
    let mut after = app.ablation.clone();
    match action {
        Action::ToggleAll if after.off.is_empty() => {
            after.off = (1..=app.live.n_latents()).map(LatentIdx).collect();
        }
        Action::ToggleAll => after.off.clear(),
        _ => {
            if let Some(latent) = app.latent_under_cursor()
                && !after.off.remove(&latent)
            {
                after.off.insert(latent);
            }
        }
    }
    match Edit::set_ablation(&app.ablation, after) {
        Some(edit) => edit_session(app, edit),
        None => Vec::new(),
    }
}

fn rerun(app: &mut App) -> Vec<Effect> {
    if app.model == Model::Failed {
        return app.load_model();
    }
    if let Some(name) = app.dismiss() {
        return app.switch_model(name);
    }
    if app.info().is_none() {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    }
    on_page::retry(app);
    let jobs = [app.live.exits, app.live.verdict, app.live.ablation];
    let is_stopped = jobs.contains(&Job::Stopped) || app.live.declined.is_some();
    if app.live.phase == Phase::Done && is_stopped {
        app.failure = None;
        // `update` requests the phrases of the latent under the cursor once they are no longer declined.
        app.live.declined = None;
        let mut effects = if app.lacks_answer() {
            settle(app)
        } else {
            Vec::new()
        };
        effects.extend(ask_results(app));
        return effects;
    }
    if app.wish().is_some_and(|wish| !app.studies.has(&wish)) {
        // On a page the key means the missing study, which `update` requests.
        return Vec::new();
    }
    forget_results(app);
    app.run()
}

/// Runs the question again in the model's next mode.
fn next_mode(app: &mut App) -> Vec<Effect> {
    let Some(info) = app.info() else {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    };
    let modes: Vec<Mode> = info.modes.iter().filter_map(|m| Mode::parse(m)).collect();
    let present = app.mode.or(modes.first().copied());
    let at = modes.iter().position(|m| Some(*m) == present).unwrap_or(0);
    if modes.len() < 2 {
        let only = modes.first().map_or("latent", |m| m.as_str());
        app.say(Tone::Warning, format!("this model has one mode: {only}"));
        return Vec::new();
    }
    let next = modes[(at + 1) % modes.len()];
    app.mode = Some(next);
    app.say(Tone::Info, format!("answering in {} mode", next.as_str()));
    app.keep_other();
    forget_results(app);
    app.run()
}

fn unwind(app: &mut App, action: Action) -> Vec<Effect> {
    let (notes, wanted) = (app.session.notes.clone(), app.ablation.clone());
    let done = if action == Action::Undo {
        app.history.undo(&mut app.session, &mut app.ablation)
    } else {
        app.history.redo(&mut app.session, &mut app.ablation)
    };
    match done {
        Ok(Some(said)) => app.say(Tone::Info, said),
        Ok(None) => {}
        Err(stale) => app.say(Tone::Warning, stale.to_string()),
    }
    if app.session.notes != notes {
        app.notes_changed();
    }
    if app.ablation == wanted {
        Vec::new()
    } else {
        settle(app)
    }
}

fn cancel(app: &mut App) -> Vec<Effect> {
    if app.zoomed {
        app.zoomed = false;
        return Vec::new();
    }
    if app.dismiss().is_some() {
        return Vec::new();
    }
    let stopped_at = match app.live.phase {
        Phase::Running => format!(
            "stopped at latent {} of {}",
            app.live.n_latents(),
            app.n_latents()
        ),
        _ => "stopped".to_owned(),
    };
    app.say(Tone::Info, stopped_at);
    app.live.stop();
    app.studies.stop();
    vec![Effect::Send(Request::Cancel)]
}

fn interrupt(app: &mut App) -> Vec<Effect> {
    if app.zoomed || app.is_busy() {
        return cancel(app);
    }
    if app.quit_armed {
        return app.quit();
    }
    app.quit_armed = true;
    app.say(Tone::Info, "press ctrl-c again to quit");
    Vec::new()
}

fn focus(app: &mut App, action: Action) {
    match action {
        Action::ZoomPane => app.zoomed = !app.zoomed,
        _ => app.focus = app.focus.cycled(action == Action::NextPane),
    }
    if Pane::TABS.contains(&app.focus) {
        app.tab = app.focus;
    }
}

fn scroll(app: &mut App, action: Action) {
    let index = app.focus.index();
    let page = app.view.height[index].saturating_sub(1).max(1);
    let last = app.view.max_scroll[index];
    let at = app.scroll[index];
    app.scroll[index] = match action {
        Action::ScrollUp => at.saturating_sub(1),
        Action::ScrollDown => (at + 1).min(last),
        Action::PageUp => at.saturating_sub(page),
        Action::PageDown => (at + page).min(last),
        Action::ScrollTop => 0,
        _ => last,
    };
}

fn open_list(app: &mut App, action: Action) {
    let kind = match action {
        Action::OpenProblems => ListKind::Problems,
        Action::PickModel => ListKind::Models,
        Action::PickTag => ListKind::Tags(app.note_target()),
        Action::PickValue => ListKind::Values,
        Action::Palette => ListKind::Palette,
        _ => ListKind::Help,
    };
    if kind == ListKind::Problems {
        on_dataset::entered(app);
    }
    let mut list = List::new(kind);
    list.selected = match kind {
        ListKind::Problems => app.library.open.unwrap_or(0),
        ListKind::Models => {
            let loaded = app.models.iter().position(|m| m.name == app.model_name);
            loaded.unwrap_or(0)
        }
        ListKind::Values => {
            let mut all = AblationValue::ALL.iter();
            all.position(|value| *value == app.ablation.value)
                .unwrap_or(0)
        }
        _ => 0,
    };
    app.overlay = Some(Overlay::List(list));
}

fn open_prompt(app: &mut App, action: Action) {
    let prompt = match action {
        Action::EditQuestion => {
            let question = app.session.problem.as_ref().map(|p| p.question.as_str());
            let field = Field::line(question.unwrap_or_default());
            Prompt::new(PromptKind::EditQuestion, field)
        }
        Action::NewQuestion => Prompt::new(PromptKind::NewQuestion, Field::default()),
        Action::WriteNote => note_prompt(app),
        Action::PickDonor => {
            let donor = app.ablation.donor.or(app.last_donor);
            let text = donor.map_or_else(String::new, |donor| match donor.latent {
                Some(latent) => format!("{}/{latent}", donor.problem),
                None => donor.problem.to_string(),
            });
            Prompt::new(PromptKind::Donor, Field::line(&text))
        }
        Action::PickLayers => {
            let layers = app.ablation.layers;
            let text = layers.map_or_else(String::new, |layers| layers.to_string());
            Prompt::new(PromptKind::Layers, Field::line(&text))
        }
        _ => export_prompt(app, DEFAULT_FORMAT),
    };
    drafts::open(app, prompt);
}
