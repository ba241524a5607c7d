//! The data-set view: its keys, its prompts, and the events of runs.

use std::collections::HashMap;
use std::path::PathBuf;

use super::command::{offered, to_go_on};
use super::filter::{Filter, Wrong};
use super::protocol::{RunEvent, RunRequest};
use super::{Dataset, OpenRun, RunActivity, differs};
use crate::core::problem::Problem;
use crate::core::types::{EarlyExit, Mode, Verdict};
use crate::explorer::app::action::Table;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::field::Field;
use crate::explorer::app::live::JobState;
use crate::explorer::app::overlay::{Overlay, Prompt, PromptKind};
use crate::explorer::app::page::Page;
use crate::explorer::app::{App, Tone, drafts};
use crate::explorer::session::store::Noted;
use crate::lab::rows::calibration::Calibration;
use crate::lab::rows::row::{Body, Row};
use crate::lab::rows::summary::key;

pub(in crate::explorer::app) fn perform(app: &mut App, action: Table) -> Vec<Effect> {
    let dataset = &mut app.dataset;
    match action {
        Table::OpenRow => return read_row(app),
        Table::PauseRun => return pause_or_go_on(app),
        Table::SortNext | Table::SortPrevious => {
            dataset.sort = dataset.sort.next(action == Table::SortNext);
            resort(app);
        }
        Table::Reverse => {
            dataset.reversed = !dataset.reversed;
            resort(app);
        }
        Table::OnlyFigures => dataset.only_figures = !dataset.only_figures,
        Table::Filter => {
            let text = dataset.filter.to_string();
            ask(app, PromptKind::Filter(None), &text);
        }
        Table::OpenRun => {
            let folder = dataset
                .run
                .as_ref()
                .map_or(&dataset.runs_folder, |run| &run.folder);
            let text = folder.to_string_lossy().into_owned();
            ask(app, PromptKind::OpenRun, &text);
        }
        Table::StartRun => {
            let text = match &dataset.started {
                Some((model, options)) if *model == app.model.name => options.clone(),
                _ => offered(dataset, &app.model.name),
            };
            ask(app, PromptKind::StartRun, &text);
        }
    }
    Vec::new()
}

fn ask(app: &mut App, kind: PromptKind, text: &str) {
    drafts::open(app, Prompt::new(kind, Field::line(text)));
}

/// Sorts again and puts the cursor on the first row instead of following its problem.
fn resort(app: &mut App) {
    app.dataset.row = 0;
    app.dataset.shown.clear();
    app.dataset.refresh();
}

/// Stores the notes of all saved sessions.
pub(in crate::explorer::app) fn noted(app: &mut App, noted: Vec<Noted>) {
    let mut saved: HashMap<u64, Vec<Noted>> = HashMap::new();
    for noted in noted {
        saved
            .entry(key(&noted.key.question))
            .or_default()
            .push(noted);
    }
    app.dataset.saved = saved;
    entered(app);
}

/// Updates notes and rows when the page is opened.
pub(in crate::explorer::app) fn entered(app: &mut App) {
    app.dataset.notes = app.all_notes();
    app.dataset.refresh();
}

/// Sets a typed filter; one that does not parse leaves the old one, and its prompt stays open with the reason.
pub(in crate::explorer::app) fn set_filter(app: &mut App, mut prompt: Prompt) {
    match Filter::parse(prompt.field.text()) {
        Ok(filter) => {
            app.dataset.filter = filter;
            app.dataset.refresh();
        }
        Err(wrong) => {
            prompt.kind = PromptKind::Filter(Some(wrong));
            app.chrome.overlay = Some(Overlay::Prompt(prompt));
        }
    }
}

/// Returns the syntax error of the last filter submitted in this prompt.
#[must_use]
pub fn wrong(kind: &PromptKind) -> Option<&Wrong> {
    match kind {
        PromptKind::Filter(wrong) => wrong.as_ref(),
        _ => None,
    }
}

/// Opens the run of a folder.
pub(in crate::explorer::app) fn watch(app: &mut App, folder: PathBuf) -> Vec<Effect> {
    let dataset = &mut app.dataset;
    dataset.ticket += 1;
    dataset.opening = Some(folder.clone());
    dataset.failure = None;
    let ticket = dataset.ticket;
    vec![Effect::Runs(RunRequest::Watch { ticket, folder })]
}

/// Starts a run of the loaded model with these options.
pub(in crate::explorer::app) fn start(app: &mut App, options: String) -> Vec<Effect> {
    let model = app.model.name.clone();
    compute(app, model, options)
}

fn compute(app: &mut App, model: String, options: String) -> Vec<Effect> {
    let dataset = &mut app.dataset;
    dataset.failure = None;
    dataset.work = RunActivity::Running;
    dataset.started = Some((model.clone(), options.clone()));
    // The ticket stays: a resumed run continues in the open table.
    let ticket = dataset.ticket;
    vec![Effect::Runs(RunRequest::Start {
        ticket,
        model,
        options,
    })]
}

fn pause_or_go_on(app: &mut App) -> Vec<Effect> {
    let dataset = &mut app.dataset;
    if dataset.work == RunActivity::Running {
        dataset.work = RunActivity::Pausing;
        return vec![Effect::Runs(RunRequest::Pause)];
    }
    let Some(run) = &dataset.run else {
        return Vec::new();
    };
    let (model, options) = match &dataset.started {
        Some(started) => started.clone(),
        None => (
            run.header.model.name.clone(),
            to_go_on(dataset, &run.folder, &run.header),
        ),
    };
    compute(app, model, options)
}

/// Opens the problem in a row of the table.
pub(in crate::explorer::app) fn open_row(app: &mut App, row: usize) -> Vec<Effect> {
    if app.model.info().is_none() {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    }
    app.dataset.row = row;
    read_row(app)
}

fn read_row(app: &mut App) -> Vec<Effect> {
    let dataset = &app.dataset;
    let (Some(run), Some(item)) = (&dataset.run, dataset.item()) else {
        return Vec::new();
    };
    vec![Effect::Runs(RunRequest::Read {
        ticket: dataset.ticket,
        folder: run.folder.clone(),
        header: run.header.clone(),
        index: item.index,
        offset: item.offset,
    })]
}

/// Handles an event of a run; events of runs no longer open are dropped.
pub(in crate::explorer::app) fn on_event(
    app: &mut App,
    ticket: u64,
    event: RunEvent,
) -> Vec<Effect> {
    if ticket != app.dataset.ticket {
        return Vec::new();
    }
    let dataset = &mut app.dataset;
    match event {
        RunEvent::Opened { folder, header } => opened(app, folder, header),
        RunEvent::Items(items) => {
            if let Some(run) = &mut dataset.run {
                run.items.extend(items);
                dataset.refresh();
            }
        }
        RunEvent::Read => {
            if let Some(run) = &mut dataset.run
                && !run.is_read
            {
                run.is_read = true;
                if app.chrome.page != Page::Data {
                    let said = format!("a run of {} problems is open, D shows it", run.items.len());
                    app.say(Tone::Info, said);
                }
            }
        }
        RunEvent::Started { folder } => {
            let is_open = dataset.run.as_ref().is_some_and(|run| run.folder == folder);
            if !is_open {
                return watch(app, folder);
            }
        }
        RunEvent::Ended { code, said } => ended(app, code, &said),
        RunEvent::Problem { rows } => return open_problem(app, rows),
        RunEvent::Failed(why) => {
            dataset.opening = None;
            dataset.failure = Some(why);
        }
        RunEvent::Refused(why) => {
            dataset.opening = None;
            if dataset.work == RunActivity::Running {
                dataset.work = RunActivity::None;
            }
            app.say(Tone::Warning, why);
        }
    }
    Vec::new()
}

fn opened(app: &mut App, folder: PathBuf, header: Box<crate::lab::rows::RowsHeader>) {
    app.dataset.open = None;
    let dataset = &mut app.dataset;
    dataset.opening = None;
    dataset.failure = None;
    let of = header.problems().count();
    // The options of another run must not resume this one.
    if dataset.work == RunActivity::None {
        dataset.started = None;
    }
    dataset.run = Some(OpenRun {
        folder,
        header,
        of,
        items: Vec::new(),
        is_read: false,
    });
    dataset.row = 0;
    dataset.refresh();
}

fn ended(app: &mut App, code: Option<i32>, said: &str) {
    /// The exit codes of a `run` that was told to stop: 128 plus the signal's number.
    const STOPPED: [i32; 3] = [129, 130, 143];
    let was_asked = app.dataset.work == RunActivity::Pausing;
    app.dataset.work = RunActivity::None;
    match code {
        Some(0) => app.say(Tone::Info, "the run is complete"),
        Some(code) if STOPPED.contains(&code) => {
            app.say(
                Tone::Info,
                "the run is paused, press p in the data set to resume",
            );
        }
        None if was_asked => app.say(
            Tone::Info,
            "the run is paused, press p in the data set to resume",
        ),
        _ => app.dataset.failure = Some(format!("the run ended: {said}")),
    }
}

/// Opens a problem with the results in its rows.
fn open_problem(app: &mut App, rows: Vec<Row>) -> Vec<Effect> {
    let (mut problem, mut verdict, mut exits) = (None, None, Vec::new());
    let index = rows.first().map_or(0, |row| row.index);
    for row in rows {
        match row.body {
            Body::Problem(Some(found)) => {
                problem = Some(Problem {
                    question: found.question,
                    steps: found.gold_steps,
                    answer: found.gold_answer,
                });
            }
            Body::EarlyStopping(Some(found)) => exits = found.exits,
            Body::Verdict(Some(found)) => verdict = Some(found.verdict),
            _ => {}
        }
    }
    let (Some(problem), Some(run), Some(info)) = (problem, &app.dataset.run, app.model.info())
    else {
        return Vec::new();
    };
    let name = run.name();
    let origin = format!("{} #{index}, run {name}", run.header.data.origin);
    let usual = info.modes.first().map(String::as_str);
    let mode = app
        .model
        .mode
        .map(Mode::as_str)
        .filter(|mode| Some(*mode) != usual);
    let other = differs(info, &run.header)
        .or_else(|| mode.map(|mode| format!("the model answers in {mode} mode here")));
    app.chrome.page = Page::Run;
    app.library.open = None;
    app.dataset.open = Some(index);
    let effects = app.open(problem, origin);
    match other {
        Some(other) if verdict.is_some() => {
            app.say(Tone::Warning, format!("its verdict is not shown: {other}"));
        }
        Some(_) => {}
        None => show_recorded(app, verdict, exits, name),
    }
    effects
}

/// Shows results recorded in a run; results computed here take precedence.
fn show_recorded(app: &mut App, verdict: Option<Verdict>, exits: Vec<EarlyExit>, name: String) {
    let session = &mut app.run.session;
    if session.early_exit.is_empty() && !exits.is_empty() {
        session.early_exit = exits;
        app.run.live.exits = JobState::Done;
    }
    if session.verdict.is_none()
        && let Some(verdict) = verdict
    {
        session.verdict = Some(verdict);
        app.run.live.verdict = JobState::Done;
        app.run.kept.recorded = Some(name);
    }
}

impl Dataset {
    /// Creates the initial state of the view.
    #[must_use]
    pub fn new(
        runs_folder: PathBuf,
        data: Option<PathBuf>,
        calibrations: Vec<Calibration>,
    ) -> Self {
        Self {
            runs_folder,
            data,
            calibrations,
            ..Self::default()
        }
    }
}
