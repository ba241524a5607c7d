//! Opening and running a problem: shelving the present session, restoring an earlier one.

use crate::core::problem::Problem;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::run_view::Kept;
use crate::explorer::app::{App, Live, Recording, Tone};
use crate::explorer::session::{Session, SessionKey};
use crate::explorer::worker::protocol::{Request, RunId, RunRequest};

impl App {
    /// Opens a problem: puts the present session on the shelf and runs the new question.
    pub(super) fn open(&mut self, problem: Problem, origin: String) -> Vec<Effect> {
        let mut effects = self.saves_due(u64::MAX);
        self.shelve();
        let key = SessionKey::of(self.model.info(), &problem.question);
        let shelved = self.saving.shelf.remove(&key);
        let is_new = shelved.is_none();
        (self.run.session, self.run.kept) = shelved.unwrap_or_default();
        self.run.session.origin = origin;
        self.run.session.model = self.model.info().cloned();
        self.run.session.problem = Some(problem);
        self.run.recording = Recording::None;
        self.chrome.scroll.clear();
        if let Some(info) = self.model.info().filter(|_| is_new) {
            let sha256 = info.sha256.clone();
            effects.push(Effect::Recall { key, sha256 });
        }
        effects.extend(self.start_run());
        effects
    }

    /// Runs the open question again from the start, with every latent on.
    pub(super) fn start_run(&mut self) -> Vec<Effect> {
        let Some(problem) = &self.run.session.problem else {
            return Vec::new();
        };
        let question = problem.question.clone();
        let gold = Some(problem.answer.clone()).filter(|gold| !gold.is_empty());
        let steps = self.run.steps();
        self.run.forget_studies();
        self.last_run = RunId(self.last_run.0 + 1);
        self.run.live = Live::running(self.last_run);
        self.chrome.failure = None;
        self.run.ablation.off.clear();
        self.run.shown = self.run.ablation.clone();
        vec![Effect::Send(Request::Run(RunRequest {
            id: self.last_run,
            question,
            gold,
            steps,
            mode: self.model.mode,
        }))]
    }

    pub(super) fn shelve(&mut self) {
        self.run.keep_other();
        let session = std::mem::take(&mut self.run.session);
        let kept = std::mem::take(&mut self.run.kept);
        self.put_on_shelf(session, kept);
    }

    /// Keeps a session until its problem is opened again under its model.
    pub(super) fn put_on_shelf(&mut self, session: Session, kept: Kept) {
        if session.problem.is_some() || session.run.is_some() {
            self.saving.shelf.insert(session.key(), (session, kept));
        }
    }
}

/// Returns the problem before or after the open one: its index in the list, or its row if the problem was opened from the table.
pub(super) fn neighbour(app: &App, next: bool) -> Option<usize> {
    if let Some(index) = app.dataset.open {
        return app.dataset.neighbour(index, next);
    }
    let index = match (app.library.open, next) {
        (Some(open), true) => open + 1,
        (Some(open), false) => open.checked_sub(1)?,
        (None, true) => 0,
        (None, false) => return None,
    };
    (index < app.library.problems.len()).then_some(index)
}

pub(super) fn open_listed(app: &mut App, index: usize) -> Vec<Effect> {
    let Some(problem) = app.library.problems.get(index).cloned() else {
        return Vec::new();
    };
    if app.model.info().is_none() {
        app.say(Tone::Warning, "the model is not ready");
        return Vec::new();
    }
    app.library.open = Some(index);
    app.dataset.open = None;
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
