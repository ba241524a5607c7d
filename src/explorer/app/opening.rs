//! Opening and running a problem: shelving the present session, restoring an earlier one, dropping studies.

use crate::core::problem::Problem;
use crate::explorer::app::action::Action;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::{App, Live, Pane, Recording, Shelved, Studies, Tone, page};
use crate::explorer::session::Key;
use crate::explorer::worker::protocol::{Request, RunId, RunRequest};

impl App {
    /// Opens a problem: puts the present session on the shelf and runs the new question.
    pub(super) fn open(&mut self, problem: Problem, origin: String) -> Vec<Effect> {
        let mut effects = self.saves_due(u64::MAX);
        self.shelve();
        let key = Key::of(self.info(), &problem.question);
        let kept = self.shelf.remove(&key);
        let is_new = kept.is_none();
        let kept = kept.unwrap_or_default();
        self.session = kept.session;
        self.base = kept.base;
        self.history = kept.history;
        self.session.origin = origin;
        self.session.model = self.info().cloned();
        self.session.problem = Some(problem);
        self.recording = Recording::None;
        self.recorded = kept.recorded;
        self.scroll = [0; Pane::ALL.len()];
        if let Some(info) = self.info().filter(|_| is_new) {
            let sha256 = info.sha256.clone();
            effects.push(Effect::Recall { key, sha256 });
        }
        effects.extend(self.run());
        effects
    }

    /// Runs the open question again from the start, with every latent on.
    pub(super) fn run(&mut self) -> Vec<Effect> {
        let Some(problem) = &self.session.problem else {
            return Vec::new();
        };
        let question = problem.question.clone();
        let gold = Some(problem.answer.clone()).filter(|gold| !gold.is_empty());
        let steps = self.steps();
        self.forget_studies();
        self.last_run = RunId(self.last_run.0 + 1);
        self.live = Live::running(self.last_run);
        self.failure = None;
        self.ablation.off.clear();
        self.shown = self.ablation.clone();
        vec![Effect::Send(Request::Run(RunRequest {
            id: self.last_run,
            question,
            gold,
            steps,
            mode: self.mode,
        }))]
    }

    /// Drops the studies, which belong to one run.
    pub(super) fn forget_studies(&mut self) {
        self.studies = Studies::default();
        self.at = page::starts();
        self.follow = None;
    }

    /// Keeps the open session for comparison with the next one.
    pub(super) fn keep_other(&mut self) {
        if self.session.run.is_some() {
            self.other = Some(Box::new(self.session.clone()));
        }
    }

    pub(super) fn shelve(&mut self) {
        self.keep_other();
        let shelved = self.take_session();
        self.put_on_shelf(shelved);
    }

    /// Takes the open session out of the state, with its last saved notes, history and recorded run.
    pub(super) fn take_session(&mut self) -> Shelved {
        Shelved {
            session: std::mem::take(&mut self.session),
            base: std::mem::take(&mut self.base),
            history: std::mem::take(&mut self.history),
            recorded: self.recorded.take(),
        }
    }

    /// Keeps a session until its problem is opened again under its model.
    pub(super) fn put_on_shelf(&mut self, shelved: Shelved) {
        let session = &shelved.session;
        if session.problem.is_some() || session.run.is_some() {
            let key = session.key();
            self.shelf.insert(key, shelved);
        }
    }
}

/// Returns the problem before or after the open one: its index in the list, or its row if the problem was opened from the table.
pub(super) fn neighbour(app: &App, action: Action) -> Option<usize> {
    if let Some(index) = app.in_table {
        return app.dataset.neighbour(index, action == Action::NextProblem);
    }
    let index = match (app.library.open, action) {
        (Some(open), Action::NextProblem) => open + 1,
        (Some(open), _) => open.checked_sub(1)?,
        (None, Action::NextProblem) => 0,
        (None, _) => return None,
    };
    (index < app.library.problems.len()).then_some(index)
}

pub(super) fn open_listed(app: &mut App, index: usize) -> Vec<Effect> {
    let Some(problem) = app.library.problems.get(index).cloned() else {
        return Vec::new();
    };
    if app.info().is_none() {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    }
    app.library.open = Some(index);
    app.in_table = None;
    let origin = format!("{} #{index}", app.library.origin);
    app.open(problem, origin)
}

/// Creates a problem from a question alone.
pub(super) fn typed_problem(question: String) -> Problem {
    Problem {
        question,
        steps: Vec::new(),
        answer: String::new(),
    }
}
