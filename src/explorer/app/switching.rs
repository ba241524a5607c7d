//! Switching models; if the new one cannot be loaded, the state from before is restored.

use crate::core::types::Ablation;
use crate::explorer::app::effect::Effect;
use crate::explorer::app::live::{Job, Live, Phase};
use crate::explorer::app::page::At;
use crate::explorer::app::results::ask_results;
use crate::explorer::app::results::settle;
use crate::explorer::app::{App, Failure, Library, Model, Page, Recording, Shelved, Studies};
use crate::explorer::session::Session;

/// The state of the screen when another model was picked.
#[derive(Debug)]
pub(super) struct Before {
    model_name: String,
    model: Model,
    library: Library,
    pub(super) shelved: Shelved,
    recording: Recording,
    live: Live,
    ablation: Ablation,
    shown: Ablation,
    studies: Studies,
    at: [At; Page::ALL.len()],
    follow: Option<u32>,
    other: Option<Box<Session>>,
}

impl App {
    /// Requests another model; it answers the open problem again if its task is the same.
    pub(super) fn switch_model(&mut self, name: String) -> Vec<Effect> {
        let mut effects = self.saves_due(u64::MAX);
        if let Some(info) = self.info() {
            let task = info.task;
            let origin = self.session.origin.clone();
            let problem = self.session.problem.clone();
            self.reopen = problem.map(|problem| (task, problem, origin));
            let other = self.other.clone();
            self.keep_other();
            self.before = Some(Box::new(Before {
                model_name: self.model_name.clone(),
                model: self.model.clone(),
                library: std::mem::take(&mut self.library),
                shelved: self.take_session(),
                recording: std::mem::replace(&mut self.recording, Recording::None),
                live: std::mem::take(&mut self.live),
                ablation: self.ablation.clone(),
                shown: self.shown.clone(),
                studies: std::mem::take(&mut self.studies),
                at: self.at,
                follow: self.follow,
                other,
            }));
        } else {
            // Replaces a model that is still loading; a state saved before that stays saved.
            if self.recording != Recording::None {
                self.recording = Recording::None;
                let task = self.session.model.as_ref().map(|info| info.task);
                self.reopen = task
                    .zip(self.session.problem.clone())
                    .map(|(task, problem)| (task, problem, self.session.origin.clone()));
            }
            self.shelve();
            self.live = Live::default();
            self.library = Library::default();
        }
        self.forget_studies();
        self.model_name = name;
        effects.extend(self.load_model());
        effects
    }

    /// Puts the session of the previous model on the shelf, since that model is gone.
    pub(super) fn switched(&mut self) {
        if let Some(before) = self.before.take() {
            self.put_on_shelf(before.shelved);
        }
    }

    /// Handles a failed load. If the previous model is still loaded (`kept`), restores its state.
    pub(super) fn not_loaded(&mut self, mut failure: Failure, kept: bool) -> Vec<Effect> {
        if !kept {
            self.switched();
        }
        let Some(before) = self.before.take() else {
            self.live.stop();
            self.model = Model::Failed;
            self.failure = Some(failure);
            return Vec::new();
        };
        failure.model = Some(std::mem::replace(&mut self.model_name, before.model_name));
        failure.hint += &format!(
            "; {} stays loaded (r tries again, esc dismisses this)",
            self.model_name
        );
        self.model = before.model;
        self.library = before.library;
        self.reopen = None;
        let Shelved {
            session,
            base,
            history,
            recorded,
        } = before.shelved;
        self.session = session;
        self.base = base;
        self.history = history;
        self.recorded = recorded;
        self.recording = before.recording;
        self.live = before.live;
        self.ablation = before.ablation;
        self.shown = before.shown;
        self.studies = before.studies;
        self.at = before.at;
        self.follow = before.follow;
        self.other = before.other;
        let effects = self.go_on();
        self.failure = Some(failure);
        effects
    }

    /// Returns whether Escape has something to cancel, unzoom or dismiss.
    pub(super) fn can_cancel(&self) -> bool {
        let is_refusal = |failure: &Failure| failure.model.is_some();
        self.is_busy() || self.zoomed || self.failure.as_ref().is_some_and(is_refusal)
    }

    /// Dismisses the failure of a model switch and returns that model.
    pub(super) fn dismiss(&mut self) -> Option<String> {
        let refusal = self.failure.take_if(|failure| failure.model.is_some());
        refusal.and_then(|refusal| refusal.model)
    }

    /// Repeats the requests that the worker dropped when another model was requested.
    fn go_on(&mut self) -> Vec<Effect> {
        self.studies.drop_asked();
        if self.live.phase == Phase::Running {
            return self.run();
        }
        self.live.phrases = None;
        let waited = |job: Job| job == Job::Waiting;
        let mut effects = Vec::new();
        if waited(self.live.ablation) {
            effects.extend(settle(self));
        }
        if waited(self.live.verdict) {
            // A verdict still being computed is preliminary.
            self.session.verdict = None;
        }
        if waited(self.live.verdict) || waited(self.live.exits) {
            effects.extend(ask_results(self));
        }
        effects
    }
}
