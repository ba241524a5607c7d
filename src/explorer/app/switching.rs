//! Switching models; if the new one cannot be loaded, the state from before is restored.

use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{JobState, Live, Phase};
use crate::explorer::app::results::{ask_results, settle};
use crate::explorer::app::{App, Failure, Library, ModelState, Recording, RunView};

/// The state of the screen when another model was picked.
#[derive(Debug)]
pub(super) struct Before {
    name: String,
    state: ModelState,
    library: Library,
    pub(super) run: RunView,
}

impl App {
    /// Requests another model; it answers the open problem again if its task is the same.
    pub(super) fn switch_model(&mut self, name: String) -> Vec<Effect> {
        let mut effects = self.saves_due(u64::MAX);
        let session = &self.run.session;
        let open = session.problem.clone();
        let open = open.map(|problem| (problem, session.origin.clone()));
        if let Some(info) = self.model.info() {
            let task = info.task;
            self.pending.reopen = open.map(|(problem, origin)| (task, problem, origin));
            let other = self.run.other.clone();
            self.run.keep_other();
            let next = RunView {
                ablation: self.run.ablation.clone(),
                shown: self.run.shown.clone(),
                last_donor: self.run.last_donor,
                left: self.run.left,
                other: std::mem::replace(&mut self.run.other, other),
                ..RunView::default()
            };
            self.before = Some(Box::new(Before {
                name: self.model.name.clone(),
                state: self.model.state.clone(),
                library: std::mem::take(&mut self.library),
                run: std::mem::replace(&mut self.run, next),
            }));
        } else {
            // Replaces a model that is still loading; a state saved before that stays saved.
            if self.run.recording != Recording::None {
                self.run.recording = Recording::None;
                let task = self.run.session.model.as_ref().map(|info| info.task);
                self.pending.reopen = task
                    .zip(open)
                    .map(|(task, (problem, origin))| (task, problem, origin));
            }
            self.shelve();
            self.run.live = Live::default();
            self.library = Library::default();
            self.run.forget_studies();
        }
        self.model.name = name;
        effects.extend(self.load_model());
        effects
    }

    /// Puts the session of the previous model on the shelf, since that model is gone.
    pub(super) fn switched(&mut self) {
        if let Some(before) = self.before.take() {
            self.put_on_shelf(before.run.session, before.run.kept);
        }
    }

    /// Handles a failed load. If the previous model is still loaded (`kept`), restores its state.
    pub(super) fn not_loaded(&mut self, mut failure: Failure, kept: bool) -> Vec<Effect> {
        if !kept {
            self.switched();
        }
        let Some(before) = self.before.take() else {
            self.run.live.stop();
            self.model.state = ModelState::Failed;
            self.chrome.failure = Some(failure);
            return Vec::new();
        };
        failure.model = Some(std::mem::replace(&mut self.model.name, before.name));
        failure.hint += &format!(
            "; {} stays loaded (r tries again, esc dismisses this)",
            self.model.name
        );
        self.model.state = before.state;
        self.library = before.library;
        self.pending.reopen = None;
        self.run = before.run;
        let effects = self.go_on();
        self.chrome.failure = Some(failure);
        effects
    }

    /// Returns whether Escape has something to cancel, unzoom or dismiss.
    pub(super) fn can_cancel(&self) -> bool {
        let is_refusal = |failure: &Failure| failure.model.is_some();
        self.is_busy() || self.chrome.zoomed || self.chrome.failure.as_ref().is_some_and(is_refusal)
    }

    /// Dismisses the failure of a model switch and returns that model.
    pub(super) fn dismiss(&mut self) -> Option<String> {
        let refusal = self
            .chrome
            .failure
            .take_if(|failure| failure.model.is_some());
        refusal.and_then(|refusal| refusal.model)
    }

    /// Repeats the requests that the worker dropped when another model was requested.
    fn go_on(&mut self) -> Vec<Effect> {
        self.run.studies.drop_asked();
        if self.run.live.phase == Phase::Running {
            return self.start_run();
        }
        self.run.live.phrases = None;
        let waited = |job: JobState| job == JobState::Waiting;
        let mut effects = Vec::new();
        if waited(self.run.live.ablation) {
            effects.extend(settle(self));
        }
        if waited(self.run.live.verdict) {
            // A verdict still being computed is preliminary.
            self.run.session.verdict = None;
        }
        if waited(self.run.live.verdict) || waited(self.run.live.exits) {
            effects.extend(ask_results(self));
        }
        effects
    }
}
