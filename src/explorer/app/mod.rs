//! The state of the explorer and the one function that changes it. No terminal, no clock, no files, no model:
//! messages come in, effects go out, and `ui` draws what is here.

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
    /// Nothing was asked for yet.
    Absent,
    /// It is being loaded.
    Loading {
        /// What is being done.
        stage: String,
        /// How much of a download is here, and of how much.
        bytes: Option<(u64, Option<u64>)>,
    },
    /// It answers.
    Ready {
        /// What was loaded.
        info: Box<ModelInfo>,
        /// How long it took, in milliseconds.
        elapsed_ms: u64,
    },
    /// It could not be loaded.
    Failed,
}

/// The problems to pick from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Library {
    /// Where they come from.
    pub origin: String,
    /// The split of the generator that they are of; none for those of a file.
    pub split: Option<Split>,
    /// The problems.
    pub problems: Vec<Problem>,
    /// Which one is open.
    pub open: Option<usize>,
}

/// How a message in the status line is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Something was done.
    Info,
    /// Something could not be done.
    Warning,
}

/// A message in the status line that goes away by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// What it says.
    pub text: String,
    /// How it is meant.
    pub tone: Tone,
    /// When it goes away.
    pub until_ms: u64,
}

/// A failure that stays on screen until it is retried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What happened.
    pub message: String,
    /// What to do next.
    pub hint: String,
    /// The model that was not loaded, if that is what failed and another one answers still.
    pub model: Option<String>,
}

/// Work on a problem that is not open now, kept so that coming back to it loses nothing.
#[derive(Debug, Default)]
struct Shelved {
    session: Session,
    /// Its notes when it was last read or saved here.
    base: Vec<Note>,
    history: History,
    recorded: Option<String>,
}

/// How the recording of an opened session compares with the run that followed.
#[derive(Debug, Clone, PartialEq)]
pub enum Recording {
    /// Nothing was opened from a file, or it has been left.
    None,
    /// Shown as it was recorded.
    Shown(Box<Session>),
    /// Run again; the sentence says how much was reproduced.
    Compared(String),
}

/// The whole state.
#[derive(Debug)]
pub struct App {
    /// The name of the model in use or asked for.
    pub model_name: String,
    /// How questions are answered; none for the model's usual mode.
    pub mode: Option<Mode>,
    /// Its state.
    pub model: Model,
    /// What can be picked.
    pub models: Vec<ModelChoice>,
    /// Who writes the notes.
    pub author: String,
    /// Where the log goes.
    pub log_path: Option<String>,
    /// The keys in force.
    pub keymap: Keymap,
    /// The problems to pick from.
    pub library: Library,
    /// The open session.
    pub session: Session,
    /// Its notes when it was last read or saved here.
    base: Vec<Note>,
    /// The run on screen.
    pub live: Live,
    /// How far the reference set is, of how many problems, while it is being made.
    pub reference: Option<(usize, usize)>,
    /// What the user wants to be off.
    pub ablation: Ablation,
    /// What the shown answer was computed with; stale while it differs from `ablation`.
    pub shown: Ablation,
    /// The studies of the run.
    pub studies: Studies,
    /// What the body of the screen shows.
    pub page: Page,
    /// The cursor of each page.
    pub at: [At; Page::ALL.len()],
    /// What stands at the left of the comparison.
    pub left: Left,
    /// The session that was open before this one, with its run.
    pub other: Option<Box<Session>>,
    /// The token that the lens by layer follows; none for the answer's first.
    pub follow: Option<u32>,
    /// The donor that was chosen last.
    pub last_donor: Option<DonorRef>,
    /// Undo and redo.
    pub history: History,
    /// The recording that the session was opened from.
    pub recording: Recording,
    /// The run over a data set that the verdict was recorded by, if it was not computed here.
    pub recorded: Option<String>,
    /// The data-set view.
    pub dataset: Dataset,
    /// Which problem of the run the open one is, if it was opened from the table: its neighbours are those of the table.
    pub in_table: Option<usize>,
    /// The pane that scrolls, copies and takes notes.
    pub focus: Pane,
    /// The pane shown in the tabbed part of small screens.
    pub tab: Pane,
    /// Whether the focused pane has the screen for itself.
    pub zoomed: bool,
    /// First visible row of each pane.
    pub scroll: [usize; Pane::ALL.len()],
    /// What the last frame could show.
    pub view: View,
    /// What lies over the panes.
    pub overlay: Option<Overlay>,
    /// Texts of boxes that were closed.
    drafts: drafts::Drafts,
    /// A passing message.
    pub notice: Option<Notice>,
    /// A standing failure.
    pub failure: Option<Failure>,
    /// The time of the last tick, in milliseconds of a clock that never goes back.
    pub now_ms: u64,
    /// The same by the calendar, in seconds since 1970-01-01 UTC.
    pub unix_s: u64,
    /// The sessions whose notes are not on disk, by what they are about.
    pub unsaved: BTreeMap<SessionKey, Unsaved>,
    /// The sessions whose notes were changed here: only these are saved.
    edited: BTreeSet<SessionKey>,
    /// Whether the user wants to leave, and how far that is.
    leaving: Leaving,
    /// Whether one more Ctrl-C quits.
    pub quit_armed: bool,
    /// Whether the screen no longer shows the state.
    pub dirty: bool,
    /// The question to open once the model is ready.
    first_question: Option<String>,
    /// The problem of the list to open first.
    first_index: usize,
    /// The run to open at the start.
    first_run: Option<PathBuf>,
    /// The problem to open again under another model, if that model answers the same task.
    reopen: Option<(Task, Problem, String)>,
    /// What was on screen when the model that is being loaded was picked.
    before: Option<Box<switching::Before>>,
    shelf: HashMap<SessionKey, Shelved>,
    last_run: RunId,
}

impl App {
    /// The state before anything was loaded.
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

    /// What to do once the first frame is on screen.
    pub fn start(&mut self) -> Vec<Effect> {
        let mut effects = self.load_model();
        effects.push(Effect::Runs(RunRequest::Noted));
        if let Some(folder) = self.first_run.take() {
            effects.extend(dataset::on_dataset::watch(self, folder));
        }
        effects
    }

    /// The context in which the next key is read.
    #[must_use]
    pub fn context(&self) -> Context {
        match &self.overlay {
            None => self.context_below(),
            Some(Overlay::List(_)) => Context::List,
            Some(Overlay::Prompt(_)) => Context::Text,
        }
    }

    /// The context below what lies over the panes.
    #[must_use]
    pub fn context_below(&self) -> Context {
        match self.page {
            Page::Run => Context::Main,
            Page::Data => Context::Data,
            _ => Context::Page,
        }
    }

    /// The model, if it answers.
    #[must_use]
    pub fn info(&self) -> Option<&ModelInfo> {
        match &self.model {
            Model::Ready { info, .. } => Some(info),
            _ => None,
        }
    }

    /// How many latents the run has or will have.
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

    /// The latent under the cursor.
    #[must_use]
    pub fn latent_under_cursor(&self) -> Option<LatentIdx> {
        match self.live.positions.get(self.live.cursor)?.kind {
            PositionKind::Latent(idx) => Some(idx),
            _ => None,
        }
    }

    /// What a note would be about.
    #[must_use]
    pub fn note_target(&self) -> Target {
        match (self.focus, self.latent_under_cursor()) {
            (Pane::Verdict, _) => Target::Verdict,
            (Pane::Problem, _) | (_, None) => Target::Problem,
            (_, Some(latent)) => Target::Latent(latent),
        }
    }

    /// The ablated run with exactly this ablation, if it was computed.
    #[must_use]
    pub fn outcome_of(&self, ablation: &Ablation) -> Option<&Outcome> {
        self.session
            .outcomes
            .iter()
            .find(|outcome| outcome.ablation == *ablation)
    }

    /// The ablated run that the answer pane shows; none while it shows the clean one.
    #[must_use]
    pub fn shown_outcome(&self) -> Option<&Outcome> {
        self.outcome_of(&self.shown).or(self.ahead())
    }

    /// The shown ablated run where it is not the last word: more donors are awaited.
    #[must_use]
    pub fn ahead(&self) -> Option<&Outcome> {
        let ahead = self.live.ahead.as_ref();
        ahead.filter(|ahead| ahead.ablation == self.shown && self.outcome_of(&self.shown).is_none())
    }

    /// Whether the shown answer is not the one that was asked for.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shown != self.ablation
    }

    /// Whether what is shown is not, or not all, of what was asked for.
    #[must_use]
    pub fn lacks_answer(&self) -> bool {
        self.is_stale() || self.ahead().is_some()
    }

    /// Whether the worker has something to do for this session.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.model, Model::Loading { .. })
            || self.live.is_busy()
            || self.studies.asked().is_some()
    }

    /// When the reducer wants the next tick; none means that nothing changes with time.
    #[must_use]
    pub fn next_tick_ms(&self) -> Option<u64> {
        let notice = self.notice.as_ref().map(|n| n.until_ms);
        let search = self.is_searching().then_some(self.now_ms);
        [notice, self.next_save_ms(), search]
            .into_iter()
            .flatten()
            .min()
    }

    /// Whether the open list is still being searched.
    fn is_searching(&self) -> bool {
        matches!(&self.overlay, Some(Overlay::List(list)) if !list.is_searched(self))
    }

    /// Searches the open list a portion further.
    fn search_on(&mut self) {
        if let Some(Overlay::List(list)) = &mut self.overlay
            && list.kind == ListKind::Problems
        {
            list.search_on(&self.library.problems);
            self.dirty = true;
        }
    }

    /// Says something in the status line for a few seconds.
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

    /// Asks for the model in `model_name`.
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
