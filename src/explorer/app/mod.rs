//! The state of the explorer and the one function that changes it. No terminal, clock, files or model:
//! messages come in, effects go out, and `ui` draws the state.

pub mod action;
mod chrome;
pub mod commitment;
pub mod dataset;
mod drafts;
pub mod effect;
pub mod enabled;
mod entries;
pub mod evidence;
pub mod field;
pub mod filter;
pub mod live;
mod model;
pub mod msg;
pub mod on_ablate;
mod on_action;
mod on_key;
mod on_move;
mod on_overlay;
pub mod on_page;
mod on_worker;
mod opening;
mod options;
pub mod overlay;
pub mod page;
pub mod pane;
mod prompts;
mod results;
mod run_view;
mod saving;
pub mod search;
pub mod studies;
mod switching;
pub mod update;

use std::path::PathBuf;

use crate::core::problem::{Problem, Split};
use crate::core::types::Task;
use crate::explorer::app::action::Context;
use crate::explorer::keymap::Keymap;
use crate::explorer::session::{Session, Target};
use crate::explorer::worker::protocol::{Request, RunId};

pub use chrome::{Chrome, Failure, Notice, Tone};
pub use dataset::{Dataset, RunRequest};
pub use effect::Effect;
pub use live::{JobState, Live, Phase};
pub use model::{Model, ModelState};
pub use msg::{Clock, Msg};
pub use options::{ModelChoice, ModelPlace, StartOptions};
use overlay::ListKind;
pub use overlay::Overlay;
pub use page::{At, Left, Page};
pub use pane::{Fit, Pane};
pub use run_view::{Recording, RunView};
pub use saving::Recalled;
use saving::Saving;
pub use studies::Studies;
pub use update::update;

/// The list of problems to pick from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Library {
    /// Their origin.
    pub origin: String,
    /// The generator's split; `None` for problems from a file.
    pub split: Option<Split>,
    /// The problems.
    pub problems: Vec<Problem>,
    /// The index of the open problem.
    pub open: Option<usize>,
}

/// What to open once the model is ready.
#[derive(Debug, Default)]
struct Pending {
    /// A question.
    question: Option<String>,
    /// The index of a problem.
    index: usize,
    /// A run over a data set, which is opened at once.
    run: Option<PathBuf>,
    /// The problem to reopen under another model, if that model answers the same task.
    reopen: Option<(Task, Problem, String)>,
}

/// The whole state of the explorer.
#[derive(Debug)]
pub struct App {
    /// The author of new notes.
    pub author: String,
    /// The path of the log.
    pub log_path: Option<String>,
    /// The current key bindings.
    pub keymap: Keymap,
    /// The time of the last tick.
    pub clock: Clock,
    /// The model.
    pub model: Model,
    /// The problems to pick from.
    pub library: Library,
    /// The problem at hand.
    pub run: RunView,
    /// The data-set view.
    pub dataset: Dataset,
    /// What surrounds the contents on screen.
    pub chrome: Chrome,
    saving: Saving,
    pending: Pending,
    /// The state of the screen when the model now loading was picked.
    before: Option<Box<switching::Before>>,
    last_run: RunId,
}

impl App {
    /// Creates the state before anything is loaded.
    #[must_use]
    pub fn new(options: StartOptions) -> Self {
        let mut app = Self {
            author: options.author,
            log_path: options.log_path,
            keymap: Keymap::default(),
            clock: Clock::default(),
            model: Model {
                name: options.model,
                mode: options.mode,
                choices: options.models,
                ..Model::default()
            },
            library: Library::default(),
            run: RunView::default(),
            dataset: Dataset::new(options.runs_folder, options.data, options.calibrations),
            chrome: Chrome {
                dirty: true,
                ..Chrome::default()
            },
            saving: Saving::default(),
            pending: Pending {
                question: options.question,
                index: options.index,
                run: options.run,
                reopen: None,
            },
            before: None,
            last_run: RunId::default(),
        };
        if let Some(session) = options.session {
            app.show_recording(session);
        }
        if let Some(warning) = options.warning {
            app.say(Tone::Warning, warning);
        }
        app
    }

    /// Returns the effects to run once the first frame is on screen.
    pub fn start(&mut self) -> Vec<Effect> {
        let mut effects = self.load_model();
        effects.push(Effect::Runs(RunRequest::Noted));
        if let Some(folder) = self.pending.run.take() {
            effects.extend(dataset::on_dataset::watch(self, folder));
        }
        effects
    }

    /// Returns the context in which the next key is looked up.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.chrome.overlay {
            None => self.context_below(),
            Some(Overlay::List(_)) => Context::List,
            Some(Overlay::Prompt(_)) => Context::Text,
        }
    }

    /// Returns the context ignoring any overlay.
    #[must_use]
    pub fn context_below(&self) -> Context {
        match self.chrome.page {
            Page::Run => Context::Main,
            Page::Data => Context::Data,
            _ => Context::Page,
        }
    }

    /// Returns the number of latents that the run has or will have.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        let computed = self.run.live.n_latents();
        match self.run.live.phase {
            Phase::Running => self
                .model
                .info()
                .map_or(computed, |info| info.n_latents.max(computed)),
            _ => computed,
        }
    }

    /// Returns the target of a new note.
    #[must_use]
    pub fn note_target(&self) -> Target {
        match (self.chrome.focus, self.run.latent_under_cursor()) {
            (Pane::Verdict, _) => Target::Verdict,
            (Pane::Problem, _) | (_, None) => Target::Problem,
            (_, Some(latent)) => Target::Latent(latent),
        }
    }

    /// Returns whether the worker has work for this session.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.model.state, ModelState::Loading { .. })
            || self.run.live.is_busy()
            || self.run.studies.asked().is_some()
    }

    /// Returns when the reducer needs the next tick; `None` if nothing changes with time.
    #[must_use]
    pub fn next_tick_ms(&self) -> Option<u64> {
        let notice = self.chrome.notice.as_ref().map(|n| n.until_ms);
        let search = self.is_searching().then_some(self.clock.now_ms);
        [notice, self.next_save_ms(), search]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_searching(&self) -> bool {
        matches!(&self.chrome.overlay, Some(Overlay::List(list)) if !list.is_searched(self))
    }

    /// Searches the next portion of the open list.
    fn search_on(&mut self) {
        if let Some(Overlay::List(list)) = &mut self.chrome.overlay
            && list.kind == ListKind::Problems
        {
            list.search_on(&self.library.problems);
            self.chrome.dirty = true;
        }
    }

    /// Shows a message in the status line for a few seconds.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        const SHOWN_FOR_MS: u64 = 5_000;
        self.chrome.notice = Some(Notice {
            text: text.into(),
            tone,
            until_ms: self.clock.now_ms + SHOWN_FOR_MS,
        });
    }

    fn show_recording(&mut self, session: Session) {
        if let Some(run) = &session.run {
            self.run.live.show(run);
        }
        self.run.recording = Recording::Shown(Box::new(session.clone()));
        self.run.kept.base.clone_from(&session.notes);
        self.run.session = session;
    }

    /// Requests the model in `model_name`.
    fn load_model(&mut self) -> Vec<Effect> {
        self.chrome.failure = None;
        self.model.state = ModelState::Loading {
            stage: "starting".to_owned(),
            bytes: None,
        };
        vec![Effect::Send(Request::Load {
            model: self.model.name.clone(),
        })]
    }
}
