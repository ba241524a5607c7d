//! The actions of the explorer, each passed on to the area that performs it, and those that belong to none.

use crate::core::types::{Ablation, LatentIdx, Mode};
use crate::explorer::app::action::{self, Action, Focus, Keep, Open, Program, Step};
use crate::explorer::app::dataset::on_dataset;
use crate::explorer::app::effect::{Effect, Movement};
use crate::explorer::app::enabled::enabled;
use crate::explorer::app::field::Field;
use crate::explorer::app::live::{JobState, Phase};
use crate::explorer::app::opening::{neighbour, open_listed};
use crate::explorer::app::overlay::{ListKind, Prompt, PromptKind};
use crate::explorer::app::prompts::{DEFAULT_FORMAT, export_prompt, list, note_prompt};
use crate::explorer::app::results::{ask_results, forget_results, settle};
use crate::explorer::app::{App, ModelState, Page, Pane, Tone, drafts, on_ablate, on_page};
use crate::explorer::keymap::{Code, Key};
use crate::explorer::session::Session;
use crate::explorer::session::edit::{History, Stale};
use crate::explorer::worker::protocol::Request;

/// Performs an action, or shows why it cannot be performed.
pub(super) fn perform(app: &mut App, action: Action, key: Key) -> Vec<Effect> {
    if let Err(reason) = enabled(app, action) {
        // Escape with nothing to cancel needs no message.
        if action != Action::Program(Program::Cancel) {
            app.say(Tone::Warning, reason);
        }
        return Vec::new();
    }
    match action {
        Action::Step(to) => step(app, to, key),
        Action::Ablate(how) => return on_ablate::perform(app, how),
        Action::Open(page) => on_page::open(app, page_of(page)),
        Action::Table(action) => return on_dataset::perform(app, action),
        Action::Move(to) => return vec![Effect::Measure(Movement::Cursor(to))],
        Action::Cell(action) => return on_page::perform(app, action),
        Action::Problem(action) => return problem(app, action),
        Action::Focus(to) => focus(app, to),
        Action::Scroll(to) => return vec![Effect::Measure(Movement::Scroll(to))],
        Action::Keep(action) => return keep(app, action),
        Action::Program(action) => return program(app, action),
        // Only the open list or prompt performs these.
        Action::List(_) | Action::Text(_) => {}
    }
    Vec::new()
}

fn step(app: &mut App, to: Step, key: Key) {
    let live = &mut app.run.live;
    let target = match to {
        Step::Left => live.cursor.saturating_sub(1),
        Step::Right => live.cursor + 1,
        Step::First => 0,
        Step::Last => usize::MAX,
        Step::Jump => {
            let c = match key.code {
                Code::Char(c) => c,
                _ => '1',
            };
            let wanted = c.to_digit(10).and_then(|d| usize::try_from(d).ok());
            let Some(index) = wanted.and_then(|n| live.index_of(LatentIdx(n))) else {
                return app.say(Tone::Warning, format!("there is no latent {c}"));
            };
            index
        }
    };
    live.move_to(target);
    app.chrome.scroll.remove(&Pane::Detail);
}

fn page_of(page: Open) -> Page {
    match page {
        Open::Sweep => Page::Sweep,
        Open::Lattice => Page::Lattice,
        Open::Influence => Page::Influence,
        Open::Exits => Page::Exits,
        Open::Compare => Page::Compare,
        Open::Layers => Page::Layers,
        Open::Evidence => Page::Evidence,
        Open::Data => Page::Data,
    }
}

fn problem(app: &mut App, action: action::Problem) -> Vec<Effect> {
    use action::Problem;
    match action {
        Problem::Pick => {
            on_dataset::entered(app);
            let open = app.library.open;
            list(app, ListKind::Problems, open)
        }
        Problem::Next | Problem::Previous => match neighbour(app, action == Problem::Next) {
            Some(row) if app.dataset.open.is_some() => on_dataset::open_row(app, row),
            Some(index) => open_listed(app, index),
            None => Vec::new(),
        },
        Problem::Edit => {
            let question = app.run.session.problem.as_ref();
            let question = question.map(|problem| problem.question.as_str());
            let field = Field::line(question.unwrap_or_default());
            prompt(app, Prompt::new(PromptKind::EditQuestion, field))
        }
        Problem::New => {
            let field = Field::default();
            prompt(app, Prompt::new(PromptKind::NewQuestion, field))
        }
        Problem::Model => {
            let mut choices = app.model.choices.iter();
            let loaded = choices.position(|model| model.name == app.model.name);
            list(app, ListKind::Models, loaded)
        }
        Problem::Mode => next_mode(app),
        Problem::Rerun => rerun(app),
    }
}

fn focus(app: &mut App, to: Focus) {
    let chrome = &mut app.chrome;
    match to {
        Focus::Next => chrome.focus = chrome.focus.cycled(true),
        Focus::Previous => chrome.focus = chrome.focus.cycled(false),
        Focus::Zoom => chrome.zoomed = !chrome.zoomed,
    }
    if Pane::TABS.contains(&chrome.focus) {
        chrome.tab = chrome.focus;
    }
}

fn keep(app: &mut App, action: Keep) -> Vec<Effect> {
    match action {
        Keep::Note => {
            let note = note_prompt(app);
            prompt(app, note)
        }
        Keep::Tag => {
            let target = app.note_target();
            list(app, ListKind::Tags(target), None)
        }
        Keep::Export => {
            let export = export_prompt(app, DEFAULT_FORMAT);
            prompt(app, export)
        }
        Keep::Copy => vec![Effect::Copy(app.chrome.focus)],
        Keep::Undo => unwind(app, History::undo),
        Keep::Redo => unwind(app, History::redo),
    }
}

fn program(app: &mut App, action: Program) -> Vec<Effect> {
    match action {
        Program::Help => list(app, ListKind::Help, None),
        Program::Palette => list(app, ListKind::Palette, None),
        Program::Cancel => cancel(app),
        Program::Interrupt => interrupt(app),
        Program::Suspend => vec![Effect::Suspend],
        Program::Redraw => vec![Effect::Redraw],
        Program::Quit => app.quit(),
    }
}

fn prompt(app: &mut App, prompt: Prompt) -> Vec<Effect> {
    drafts::open(app, prompt);
    Vec::new()
}

fn rerun(app: &mut App) -> Vec<Effect> {
    if app.model.state == ModelState::Failed {
        return app.load_model();
    }
    if let Some(name) = app.dismiss() {
        return app.switch_model(name);
    }
    if app.model.info().is_none() {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    }
    on_page::retry(app);
    let jobs = [
        app.run.live.exits,
        app.run.live.verdict,
        app.run.live.ablation,
    ];
    let is_stopped = jobs.contains(&JobState::Stopped) || app.run.live.declined.is_some();
    if app.run.live.phase == Phase::Done && is_stopped {
        app.chrome.failure = None;
        // `update` requests the phrases of the latent under the cursor once they are no longer declined.
        app.run.live.declined = None;
        let mut effects = if app.run.lacks_answer() {
            settle(app)
        } else {
            Vec::new()
        };
        effects.extend(ask_results(app));
        return effects;
    }
    if app.wish().is_some_and(|wish| !app.run.studies.has(&wish)) {
        // On a page the key means the missing study, which `update` requests.
        return Vec::new();
    }
    forget_results(app);
    app.start_run()
}

/// Runs the question again in the model's next mode.
fn next_mode(app: &mut App) -> Vec<Effect> {
    let Some(info) = app.model.info() else {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    };
    let modes: Vec<Mode> = info.modes.iter().filter_map(|m| Mode::parse(m)).collect();
    let present = app.model.mode.or(modes.first().copied());
    let at = modes.iter().position(|m| Some(*m) == present).unwrap_or(0);
    if modes.len() < 2 {
        let only = modes.first().map_or("latent", |m| m.as_str());
        app.say(Tone::Warning, format!("this model has one mode: {only}"));
        return Vec::new();
    }
    let next = modes[(at + 1) % modes.len()];
    app.model.mode = Some(next);
    app.say(Tone::Info, format!("answering in {} mode", next.as_str()));
    app.run.keep_other();
    forget_results(app);
    app.start_run()
}

fn unwind(
    app: &mut App,
    way: fn(&mut History, &mut Session, &mut Ablation) -> Result<Option<String>, Stale>,
) -> Vec<Effect> {
    let run = &mut app.run;
    let (notes, wanted) = (run.session.notes.clone(), run.ablation.clone());
    let done = way(&mut run.kept.history, &mut run.session, &mut run.ablation);
    match done {
        Ok(Some(said)) => app.say(Tone::Info, said),
        Ok(None) => {}
        Err(stale) => app.say(Tone::Warning, stale.to_string()),
    }
    if app.run.session.notes != notes {
        app.notes_changed();
    }
    if app.run.ablation == wanted {
        Vec::new()
    } else {
        settle(app)
    }
}

fn cancel(app: &mut App) -> Vec<Effect> {
    if app.chrome.zoomed {
        app.chrome.zoomed = false;
        return Vec::new();
    }
    if app.dismiss().is_some() {
        return Vec::new();
    }
    let stopped_at = match app.run.live.phase {
        Phase::Running => format!(
            "stopped at latent {} of {}",
            app.run.live.n_latents(),
            app.n_latents()
        ),
        _ => "stopped".to_owned(),
    };
    app.say(Tone::Info, stopped_at);
    app.run.live.stop();
    app.run.studies.stop();
    vec![Effect::Send(Request::Cancel)]
}

fn interrupt(app: &mut App) -> Vec<Effect> {
    if app.chrome.zoomed || app.is_busy() {
        return cancel(app);
    }
    if app.chrome.quit_armed {
        return app.quit();
    }
    app.chrome.quit_armed = true;
    app.say(Tone::Info, "press ctrl-c again to quit");
    Vec::new()
}
