//! The state of the explorer and the one function that changes it. No terminal, clock, files or model:
//! messages come in, effects go out, and `ui` draws the state.

pub mod action;
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
pub mod msg;
mod on_action;
mod on_key;
pub mod on_manner;
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
mod saving;
pub mod search;
pub mod studies;
mod switching;
pub mod update;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::PathBuf;

use crate::core::problem::{Problem, Split};
use crate::core::types::{
    Ablation, DonorRef, LatentIdx, Mode, ModelInfo, Outcome, PositionKind, Task,
};
use crate::explorer::app::action::Context;
use crate::explorer::keymap::Keymap;
use crate::explorer::session::edit::History;
use crate::explorer::session::{Key as SessionKey, Note, Session, Target};
use crate::explorer::worker::protocol::{Request, RunId};

pub use dataset::{Dataset, RunRequest};
pub use effect::Effect;
pub use live::{Job, Live, Phase};
pub use msg::Msg;
pub use options::{ModelChoice, Options, Place};
use overlay::ListKind;
pub use overlay::Overlay;
pub use page::{At, Left, Page};
pub use pane::{Pane, View};
use saving::Leaving;
pub use saving::{Recalled, Unsaved};
pub use studies::Studies;
pub use update::update;

/// The state of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// None was requested yet.
    Absent,
    /// It is being loaded.
    Loading {
        /// The current stage.
        stage: String,
        /// The bytes downloaded, and the total if known.
        bytes: Option<(u64, Option<u64>)>,
    },
    /// It is loaded and answers.
    Ready {
        /// Its description.
        info: Box<ModelInfo>,
        /// The loading time, in milliseconds.
        elapsed_ms: u64,
    },
    /// It could not be loaded.
    Failed,
}

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

/// The tone of a message in the status line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Info,
    /// Something could not be done.
    Warning,
}

/// A message in the status line that disappears by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// The message.
    pub text: String,
    /// Its tone.
    pub tone: Tone,
    /// When it disappears, on the clock of `now_ms`.
    pub until_ms: u64,
}

/// A failure that stays on screen until it is retried or dismissed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The error message.
    pub message: String,
    /// A hint on what to do next.
    pub hint: String,
    /// The model that failed to load while the previous one stays loaded.
    pub model: Option<String>,
}

/// Work on a problem that is not open, kept for when it is opened again.
#[derive(Debug, Default)]
struct Shelved {
    session: Session,
    /// Its notes when this process last read or saved it.
    base: Vec<Note>,
    history: History,
    recorded: Option<String>,
}

/// A recording, and its comparison with the run that followed.
#[derive(Debug, Clone, PartialEq)]
pub enum Recording {
    /// No recording was opened, or it was left.
    None,
    /// Shown as it was recorded.
    Shown(Box<Session>),
    /// Run again; the sentence reports the part reproduced.
    Compared(String),
}

/// The whole state of the explorer.
#[derive(Debug)]
pub struct App {
    /// The name of the model loaded or requested.
    pub model_name: String,
    /// The answer mode; `None` for the model's usual one.
    pub mode: Option<Mode>,
    /// The state of the model.
    pub model: Model,
    /// The models that can be picked.
    pub models: Vec<ModelChoice>,
    /// The author of new notes.
    pub author: String,
    /// The path of the log.
    pub log_path: Option<String>,
    /// The current key bindings.
    pub keymap: Keymap,
    /// The problems to pick from.
    pub library: Library,
    /// The open session.
    pub session: Session,
    /// Its notes when this process last read or saved it.
    base: Vec<Note>,
    /// The run on screen.
    pub live: Live,
    /// The progress of the reference set while it is computed: problems done, and problems in all.
    pub reference: Option<(usize, usize)>,
    /// The ablation that the user wants.
    pub ablation: Ablation,
    /// The ablation of the shown answer; the answer is stale while it differs from `ablation`.
    pub shown: Ablation,
    /// The studies of the run.
    pub studies: Studies,
    /// The page shown.
    pub page: Page,
    /// The cursor of each page.
    pub at: [At; Page::ALL.len()],
    /// The left side of the comparison.
    pub left: Left,
    /// The session opened before this one, with its run.
    pub other: Option<Box<Session>>,
    /// The token that the layer lens follows; `None` for the answer's first.
    pub follow: Option<u32>,
    /// The donor chosen last.
    pub last_donor: Option<DonorRef>,
    /// Undo and redo.
    pub history: History,
    /// The recording that the session was opened from.
    pub recording: Recording,
    /// The run over a data set that recorded the verdict, if it was not computed here.
    pub recorded: Option<String>,
    /// The data-set view.
    pub dataset: Dataset,
    /// The index of the open problem if it was opened from the table: its neighbours are then those of the table.
    pub in_table: Option<usize>,
    /// The pane that scrolls, copies and takes notes.
    pub focus: Pane,
    /// The pane shown in the tabbed part of small screens.
    pub tab: Pane,
    /// Whether the focused pane fills the screen.
    pub zoomed: bool,
    /// First visible row of each pane.
    pub scroll: [usize; Pane::ALL.len()],
    /// The sizes of the last frame.
    pub view: View,
    /// The list or prompt over the panes.
    pub overlay: Option<Overlay>,
    drafts: drafts::Drafts,
    /// A passing message.
    pub notice: Option<Notice>,
    /// A failure that stays on screen.
    pub failure: Option<Failure>,
    /// The time of the last tick, in milliseconds of a monotonic clock.
    pub now_ms: u64,
    /// The calendar time of the last tick, in seconds since 1970-01-01 UTC.
    pub unix_s: u64,
    /// The sessions whose changes are not on disk.
    pub unsaved: BTreeMap<SessionKey, Unsaved>,
    /// The sessions whose notes were changed here; only these are saved.
    edited: BTreeSet<SessionKey>,
    /// Whether the user is quitting, and how far that is.
    leaving: Leaving,
    /// Whether one more Ctrl-C quits.
    pub quit_armed: bool,
    /// Whether the screen is out of date.
    pub dirty: bool,
    /// The question to open once the model is ready.
    first_question: Option<String>,
    /// The index of the problem to open first.
    first_index: usize,
    /// The run to open at the start.
    first_run: Option<PathBuf>,
    /// The problem to reopen under another model, if that model answers the same task.
    reopen: Option<(Task, Problem, String)>,
    /// The state of the screen when the model now loading was picked.
    before: Option<Box<switching::Before>>,
    shelf: HashMap<SessionKey, Shelved>,
    last_run: RunId,
}

impl App {
    /// Creates the state before anything is loaded.
    #[must_use]
    pub fn new(options: Options) -> Self {
        let mut app = Self {
            model_name: options.model,
            mode: options.mode,
            model: Model::Absent,
            models: options.models,
            author: options.author,
            log_path: options.log_path,
            keymap: Keymap::default(),
            library: Library::default(),
            session: Session::default(),
            base: Vec::new(),
            live: Live::default(),
            reference: None,
            ablation: Ablation::default(),
            shown: Ablation::default(),
            studies: Studies::default(),
            page: Page::default(),
            at: page::starts(),
            left: Left::default(),
            other: None,
            follow: None,
            last_donor: None,
            history: History::default(),
            recording: Recording::None,
            recorded: None,
            dataset: Dataset::new(options.runs_folder, options.data, options.calibrations),
            in_table: None,
            focus: Pane::Detail,
            tab: Pane::Detail,
            zoomed: false,
            scroll: [0; Pane::ALL.len()],
            view: View::default(),
            overlay: None,
            drafts: drafts::Drafts::default(),
            notice: None,
            failure: None,
            now_ms: 0,
            unix_s: 0,
            unsaved: BTreeMap::new(),
            edited: BTreeSet::new(),
            leaving: Leaving::No,
            quit_armed: false,
            dirty: true,
            first_question: options.question,
            first_index: options.index,
            first_run: options.run,
            reopen: None,
            before: None,
            shelf: HashMap::new(),
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
        if let Some(folder) = self.first_run.take() {
            effects.extend(dataset::on_dataset::watch(self, folder));
        }
        effects
    }

    /// Returns the context in which the next key is looked up.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.overlay {
            None => self.context_below(),
            Some(Overlay::List(_)) => Context::List,
            Some(Overlay::Prompt(_)) => Context::Text,
        }
    }

    /// Returns the context ignoring any overlay.
    #[must_use]
    pub fn context_below(&self) -> Context {
        match self.page {
            Page::Run => Context::Main,
            Page::Data => Context::Data,
            _ => Context::Page,
        }
    }

    /// Returns the description of the loaded model; `None` unless it is ready.
    #[must_use]
    pub fn info(&self) -> Option<&ModelInfo> {
        match &self.model {
            Model::Ready { info, .. } => Some(info),
            _ => None,
        }
    }

    /// Returns the number of latents that the run has or will have.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        let computed = self.live.n_latents();
        match self.live.phase {
            Phase::Running => self
                .info()
                .map_or(computed, |info| info.n_latents.max(computed)),
            _ => computed,
        }
    }

    /// Returns the latent under the cursor.
    #[must_use]
    pub fn latent_under_cursor(&self) -> Option<LatentIdx> {
        match self.live.positions.get(self.live.cursor)?.kind {
            PositionKind::Latent(idx) => Some(idx),
            _ => None,
        }
    }

    /// Returns the target of a new note.
    #[must_use]
    pub fn note_target(&self) -> Target {
        match (self.focus, self.latent_under_cursor()) {
            (Pane::Verdict, _) => Target::Verdict,
            (Pane::Problem, _) | (_, None) => Target::Problem,
            (_, Some(latent)) => Target::Latent(latent),
        }
    }

    /// Returns the ablated run with exactly this ablation, if it was computed.
    #[must_use]
    pub fn outcome_of(&self, ablation: &Ablation) -> Option<&Outcome> {
        self.session
            .outcomes
            .iter()
            .find(|outcome| outcome.ablation == *ablation)
    }

    /// Returns the ablated run in the answer pane; `None` if it shows the clean run.
    #[must_use]
    pub fn shown_outcome(&self) -> Option<&Outcome> {
        self.outcome_of(&self.shown).or(self.ahead())
    }

    /// Returns the shown ablated run while it is preliminary, that is, until the remaining donors arrive.
    #[must_use]
    pub fn ahead(&self) -> Option<&Outcome> {
        let ahead = self.live.ahead.as_ref();
        ahead.filter(|ahead| ahead.ablation == self.shown && self.outcome_of(&self.shown).is_none())
    }

    /// Returns whether the shown answer belongs to another ablation than the wanted one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shown != self.ablation
    }

    /// Returns whether the shown answer is stale or preliminary.
    #[must_use]
    pub fn lacks_answer(&self) -> bool {
        self.is_stale() || self.ahead().is_some()
    }

    /// Returns whether the worker has work for this session.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.model, Model::Loading { .. })
            || self.live.is_busy()
            || self.studies.asked().is_some()
    }

    /// Returns when the reducer needs the next tick; `None` if nothing changes with time.
    #[must_use]
    pub fn next_tick_ms(&self) -> Option<u64> {
        let notice = self.notice.as_ref().map(|n| n.until_ms);
        let search = self.is_searching().then_some(self.now_ms);
        [notice, self.next_save_ms(), search]
            .into_iter()
            .flatten()
            .min()
    }

    fn is_searching(&self) -> bool {
        matches!(&self.overlay, Some(Overlay::List(list)) if !list.is_searched(self))
    }

    /// Searches the next portion of the open list.
    fn search_on(&mut self) {
        if let Some(Overlay::List(list)) = &mut self.overlay
            && list.kind == ListKind::Problems
        {
            list.search_on(&self.library.problems);
            self.dirty = true;
        }
    }

    /// Shows a message in the status line for a few seconds.
    pub(crate) fn say(&mut self, tone: Tone, text: impl Into<String>) {
        const SHOWN_FOR_MS: u64 = 5_000;
        self.notice = Some(Notice {
            text: text.into(),
            tone,
            until_ms: self.now_ms + SHOWN_FOR_MS,
        });
    }

    fn show_recording(&mut self, session: Session) {
        if let Some(run) = &session.run {
            self.live.show(run);
        }
        self.recording = Recording::Shown(Box::new(session.clone()));
        self.base.clone_from(&session.notes);
        self.session = session;
    }

    /// Requests the model in `model_name`.
    fn load_model(&mut self) -> Vec<Effect> {
        self.failure = None;
        self.model = Model::Loading {
            stage: "starting".to_owned(),
            bytes: None,
        };
        vec![Effect::Send(Request::Load {
            model: self.model_name.clone(),
        })]
    }
}
