//! The worker: one thread owns the model and does one job at a time. Requests are queued by the thread that sends them.
//!
//! A superseded job stops within one forward step, and a panic becomes `Event::Failed` without ending the worker. Events
//! go through a bounded channel: a slow screen slows the model down instead of filling memory.

use std::any::Any;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use tokio::sync::mpsc as events;

use super::cache::{Cache, RunKey};
use super::load::Loaded;
use super::protocol::{Event, JobKind, Request, RunId, RunRequest, StudyRequest};
use super::queue::{Preemption, Queue};
use crate::core::types::{Outcome, Position, Study};
use crate::engine::model::{Cancel, ModelError, Placement};
use crate::engine::model_source::{OpenError, Opener};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::analysis::verdict::{Budget, InterimVerdict};
use crate::lab::reference_files;

/// The capacity of the event channel.
const EVENTS: usize = 256;

/// The depth of the top-k lists on screen.
const TOP_K: usize = 10;

/// The explorer's ends of the connection to the worker.
#[derive(Debug)]
pub struct Link {
    /// Accepts requests.
    pub requests: Requests,
    /// Yields events.
    pub events: events::Receiver<Event>,
}

/// Starts the worker, without a model. `cache` is the folder where answers and reference sets are kept for later sessions.
///
/// # Errors
/// If the system cannot start a thread.
pub fn spawn(
    placement: Placement,
    opener: Opener,
    cache: Option<PathBuf>,
) -> std::io::Result<Link> {
    let (out, receiver) = events::channel(EVENTS);
    let shared = Arc::new(Shared::default());
    let requests = Requests(Arc::clone(&shared));
    thread::Builder::new()
        .name("model".to_owned())
        .spawn(move || Worker::new(placement, opener, cache.as_deref(), out).work(&shared))?;
    Ok(Link {
        requests,
        events: receiver,
    })
}

/// The state shared by the worker and the senders of requests.
#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    queue: Queue,
    current: Option<(Request, Cancel)>,
    /// Whether the current job only yields and has to be repeated.
    again: bool,
    /// The model whose loading was cancelled before it began.
    called_off: Option<String>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // The state is consistent between statements, so a panic elsewhere does not invalidate it.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sends requests; dropping it ends the worker. A request that supersedes the current job cancels it at once, so that it stops within one
/// forward step.
pub struct Requests(Arc<Shared>);

impl fmt::Debug for Requests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    /// Queues a request.
    pub fn send(&self, request: Request) {
        let mut guard = self.0.lock();
        let state = &mut *guard;
        match &request {
            // A second Cancel finds no waiting load and must not erase the first.
            Request::Cancel => {
                if let Some(model) = state.queue.waiting_load() {
                    state.called_off = Some(model.to_owned());
                }
            }
            Request::Load { .. } => state.called_off = None,
            _ => {}
        }
        let current = state.current.as_ref().map(|(current, _)| current);
        let preemption = state.queue.push(request, current);
        if let (Preemption::Stop | Preemption::Yield, Some((_, cancel))) =
            (preemption, &state.current)
        {
            // Stop overrides an earlier yield, and is not revoked by a later one.
            state.again =
                preemption == Preemption::Yield && (state.again || !cancel.is_cancelled());
            cancel.cancel();
        }
        self.0.changed.notify_one();
    }
}

impl Drop for Requests {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.closed = true;
        if let Some((_, cancel)) = &state.current {
            cancel.cancel();
        }
        self.0.changed.notify_one();
    }
}

/// The owner of the model.
pub(super) struct Worker {
    pub(super) placement: Placement,
    pub(super) opener: Opener,
    pub(super) out: events::Sender<Event>,
    pub(super) explorer: Option<Workbench>,
    /// The origin of the loaded model.
    pub(super) loaded: Option<Loaded>,
    pub(super) clean: Option<(RunId, CleanRun)>,
    exits: Option<Vec<crate::core::types::EarlyExit>>,
    pub(super) cache: Cache,
    /// The folder of reference sets.
    pub(super) references: Option<PathBuf>,
    /// Outcomes sent before the reference set was ready, which still lack the figures that need it.
    pub(super) owed: Vec<Outcome>,
    /// An interrupted study with its partial result.
    pub(super) partial: Option<(StudyRequest, Study)>,
}

/// The reason why a job ended early.
#[derive(Debug)]
pub(super) enum Stopped {
    Cancelled,
    Failed { message: String, hint: String },
    ScreenGone,
}

impl From<ModelError> for Stopped {
    fn from(error: ModelError) -> Self {
        if matches!(error, ModelError::Cancelled) {
            Self::Cancelled
        } else {
            Self::Failed {
                message: error.to_string(),
                hint: error.hint(),
            }
        }
    }
}

impl From<OpenError> for Stopped {
    fn from(error: OpenError) -> Self {
        if error.is_cancelled() {
            return Self::Cancelled;
        }
        Self::Failed {
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl Worker {
    pub(super) fn new(
        placement: Placement,
        opener: Opener,
        cache: Option<&Path>,
        out: events::Sender<Event>,
    ) -> Self {
        Self {
            placement,
            opener,
            out,
            explorer: None,
            loaded: None,
            clean: None,
            exits: None,
            cache: Cache::new(cache.map(|cache| cache.join("answers"))),
            references: cache.map(reference_files::folder),
            owed: Vec::new(),
            partial: None,
        }
    }

    fn work(mut self, shared: &Shared) {
        loop {
            let mut state = shared.lock();
            let job = loop {
                if state.closed {
                    return;
                }
                if let Some(model) = state.called_off.take() {
                    drop(state);
                    if self.tell(self.stopped(&model)).is_err() {
                        return;
                    }
                    state = shared.lock();
                    continue;
                }
                if let Some(job) = state.queue.pop() {
                    break job;
                }
                state = shared
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            };
            let cancel = Cancel::new();
            state.current = Some((job.clone(), cancel.clone()));
            state.again = false;
            drop(state);

            let id = job.run();
            let result = catch_unwind(AssertUnwindSafe(|| self.perform(&job, &cancel)))
                .unwrap_or_else(|panic| {
                    Err(Stopped::Failed {
                        message: said(panic.as_ref()),
                        hint: AFTER_PANIC.to_owned(),
                    })
                });

            let mut state = shared.lock();
            state.current = None;
            let again = state.again && matches!(result, Err(Stopped::Cancelled));
            let superseded = state.queue.waiting_load().is_some();
            if again {
                state.queue.put_back(job.clone());
            }
            drop(state);
            let told = match result {
                Ok(()) => Ok(()),
                Err(Stopped::Cancelled) if again => Ok(()),
                Err(Stopped::Cancelled) if !superseded && let Request::Load { model } = &job => {
                    self.tell(self.stopped(model))
                }
                Err(Stopped::Failed { message, hint }) if let Request::Load { model } = &job => {
                    // A newer load replaces this one.
                    if superseded {
                        Ok(())
                    } else {
                        self.tell(Event::NotLoaded {
                            model: model.clone(),
                            message,
                            hint,
                            kept: self.explorer.is_some(),
                        })
                    }
                }
                Err(Stopped::Cancelled) => {
                    id.map_or(Ok(()), |id| self.tell(Event::Cancelled { id }))
                }
                Err(Stopped::Failed { message, hint }) => {
                    let work = work(&job);
                    self.tell(Event::Failed {
                        id,
                        work,
                        message,
                        hint,
                    })
                }
                Err(Stopped::ScreenGone) => return,
            };
            if told.is_err() {
                return;
            }
        }
    }

    /// Returns the event of a cancelled load.
    fn stopped(&self, model: &str) -> Event {
        Event::NotLoaded {
            model: model.to_owned(),
            message: format!("loading {model} was stopped"),
            hint: "r resumes it, m picks another model".to_owned(),
            kept: self.explorer.is_some(),
        }
    }

    pub(super) fn tell(&self, event: Event) -> Result<(), Stopped> {
        self.out
            .blocking_send(event)
            .map_err(|_| Stopped::ScreenGone)
    }

    /// Sends an event about work in progress. If the screen is gone, the event that ends the work finds out.
    pub(super) fn mention(&self, event: Event) {
        let _ = self.out.blocking_send(event);
    }

    pub(super) fn perform(&mut self, request: &Request, cancel: &Cancel) -> Result<(), Stopped> {
        match *request {
            Request::Load { ref model } => self.load(model, cancel),
            Request::Run(ref asked) => self.run(asked, cancel),
            Request::Ablate { id, ref ablation } => self.ablate(id, ablation, cancel),
            Request::EarlyExit { id } => {
                let exits = self.early_exits(id, cancel)?;
                self.tell(Event::EarlyExit { id, exits })
            }
            Request::Phrases { id, latent } => {
                self.ensure_reference(cancel)?;
                let (explorer, clean) = self.of(id)?;
                let phrases = explorer.phrases(clean, latent, cancel)?;
                self.tell(Event::Phrases {
                    id,
                    latent,
                    phrases,
                })
            }
            Request::Study(ref wanted) => self.study(wanted, cancel),
            Request::Verify { id } => self.verify(id, cancel),
            // Takes effect when it is sent.
            Request::Cancel => Ok(()),
        }
    }

    fn verify(&mut self, id: RunId, cancel: &Cancel) -> Result<(), Stopped> {
        let exits = self.early_exits(id, cancel)?;
        self.ensure_reference(cancel)?;
        let (explorer, clean) = self.of(id)?;
        let mut part = |part: InterimVerdict<'_>| {
            self.mention(match part {
                InterimVerdict::Settled(verdict) => Event::Verified {
                    id,
                    verdict: Box::new(verdict.clone()),
                    done: false,
                },
                InterimVerdict::Progress(progress) => Event::Verifying { id, progress },
            });
        };
        let budget = Budget::default();
        let verdict = explorer.verdict(clean, &exits, &budget, &mut part, cancel)?;
        let verdict = Box::new(verdict);
        let done = true;
        self.tell(Event::Verified { id, verdict, done })
    }

    fn run(&mut self, asked: &RunRequest, cancel: &Cancel) -> Result<(), Stopped> {
        self.forget();
        let id = asked.id;
        let explorer = self.explorer.as_ref().ok_or_else(no_model)?;
        let mut on_position = |position: &Position| {
            let position = position.clone();
            self.mention(Event::Step { id, position });
        };
        let clean = clean_run(explorer, asked, &mut on_position, cancel)?;
        let run = clean.run.clone();
        self.clean = Some((id, clean));
        if let Some(loaded) = &mut self.loaded {
            loaded.asked = Some(asked.clone());
        }
        self.tell(Event::RunDone { id, run })
    }

    /// Returns everything that an answer about the present run depends on.
    pub(super) fn key(&self, id: RunId) -> Result<RunKey, Stopped> {
        let (explorer, clean) = self.of(id)?;
        let model = explorer.model();
        let model = (model.info(), model.settings());
        Ok(RunKey::new(model, explorer.reference_origin(), clean))
    }

    /// Returns the early exits of the present run, computed once.
    fn early_exits(
        &mut self,
        id: RunId,
        cancel: &Cancel,
    ) -> Result<Vec<crate::core::types::EarlyExit>, Stopped> {
        let (explorer, clean) = self.of(id)?;
        if let Some(exits) = &self.exits {
            return Ok(exits.clone());
        }
        let exits = explorer.early_exits(clean, cancel)?;
        self.exits = Some(exits.clone());
        Ok(exits)
    }

    pub(super) fn of(&self, id: RunId) -> Result<(&Workbench, &CleanRun), Stopped> {
        let explorer = self.explorer.as_ref().ok_or_else(no_model)?;
        match &self.clean {
            Some((present, clean)) if *present == id => Ok((explorer, clean)),
            // The run was superseded: nobody waits for the answer.
            _ => Err(Stopped::Cancelled),
        }
    }

    pub(super) fn forget(&mut self) {
        self.clean = None;
        self.exits = None;
        self.partial = None;
        self.owed.clear();
    }
}

/// Runs a question with the explorer's settings.
pub(super) fn clean_run(
    explorer: &Workbench,
    asked: &RunRequest,
    on_position: &mut dyn FnMut(&Position),
    cancel: &Cancel,
) -> Result<CleanRun, ModelError> {
    let model = explorer.model();
    let ask = Ask {
        question: &asked.question,
        gold: asked.gold.as_deref(),
        steps: asked.steps,
        mode: asked.mode.unwrap_or(model.main_mode()),
        n_latents: model.n_latents(),
        top_k: TOP_K,
        most_tokens: None,
    };
    explorer.run(&ask, cancel, on_position)
}

const AFTER_PANIC: &str = "this is a bug: press r to try again; the log has the details";

pub(super) fn no_model() -> Stopped {
    Stopped::Failed {
        message: "no model is loaded".to_owned(),
        hint: "pick one with m".to_owned(),
    }
}

fn work(request: &Request) -> JobKind {
    match request {
        // A failed load has its own event.
        Request::Load { .. } | Request::Run(_) | Request::Cancel => JobKind::Run,
        Request::Ablate { .. } => JobKind::Ablation,
        Request::Study(_) => JobKind::Study,
        Request::EarlyExit { .. } | Request::Phrases { .. } | Request::Verify { .. } => {
            JobKind::Results
        }
    }
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|s| (*s).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!(
        "the model stopped: {}",
        text.unwrap_or_else(|| "no message".to_owned())
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_cancel_does_not_unsay_that_a_load_was_called_off() {
        let shared = Arc::new(Shared::default());
        let requests = Requests(Arc::clone(&shared));
        let model = "mini-logic".to_owned();
        let load = Request::Load {
            model: model.clone(),
        };
        for request in [load, Request::Cancel, Request::Cancel] {
            requests.send(request);
        }
        drop(requests);
        assert_eq!(shared.lock().called_off, Some(model));
    }
}
