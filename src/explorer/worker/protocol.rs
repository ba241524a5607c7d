//! The protocol between the UI and the model worker: plain data, no tensors, no channels.

use serde::{Deserialize, Serialize};

use crate::core::types::{
    Ablation, EarlyExit, LatentIdx, Mode, ModelInfo, Outcome, Phrase, Position, Run, Study,
    StudyKind, Verdict, VerdictProgress,
};

/// The number of a clean run. Every event about the run carries it, and events of a superseded run are dropped.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RunId(pub u64);

/// A question to run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The new run's number.
    pub id: RunId,
    /// The question as typed or read.
    pub question: String,
    /// The gold answer, if known; used only to report correctness.
    pub gold: Option<String>,
    /// The number of steps of the gold solution, if known; donors can be matched on it.
    pub steps: Option<usize>,
    /// The answer mode; `None` for the model's usual one.
    pub mode: Option<Mode>,
}

/// A study to compute.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyRequest {
    /// The run it belongs to.
    pub id: RunId,
    /// The kind of study.
    pub kind: StudyKind,
    /// The manner of ablation; its set of latents is ignored.
    pub manner: Ablation,
    /// For the layer lens: the token to follow; `None` for the answer's first.
    pub token: Option<u32>,
}

/// A request of the UI. Requests about an older run are dropped by the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Load a model by bundled name, folder or hub id; replaces the loaded one if that succeeds.
    Load {
        /// Name, path or hub id.
        model: String,
    },
    /// Run a question cleanly. Supersedes the previous run and all requests about it.
    Run(RunRequest),
    /// Run with some latents off. A newer `Ablate` replaces one that has not started.
    Ablate {
        /// The run it belongs to.
        id: RunId,
        /// The ablation.
        ablation: Ablation,
    },
    /// Decode phrases of one latent of the clean run. A newer request replaces one that has not started.
    Phrases {
        /// The run it belongs to.
        id: RunId,
        /// The latent.
        latent: LatentIdx,
    },
    /// Compute the answer after 0..N latents.
    EarlyExit {
        /// The run it belongs to.
        id: RunId,
    },
    /// Find and judge a trace.
    Verify {
        /// The run it belongs to.
        id: RunId,
    },
    /// Compute many ablations of the run together, or the layer lens. A newer request replaces one that has not started.
    Study(StudyRequest),
    /// Stop the running job and drop waiting ones; partial results stay.
    Cancel,
}

impl Request {
    /// Returns the run that it is about; `None` for those about none.
    pub(super) fn run(&self) -> Option<RunId> {
        match self {
            Self::Load { .. } | Self::Cancel => None,
            Self::Run(asked) => Some(asked.id),
            Self::Study(wanted) => Some(wanted.id),
            Self::Ablate { id, .. }
            | Self::Phrases { id, .. }
            | Self::EarlyExit { id }
            | Self::Verify { id } => Some(*id),
        }
    }
}

/// The kind of a job, in failure events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// The clean run.
    Run,
    /// An ablated run.
    Ablation,
    /// A study.
    Study,
    /// Early exits, phrases or the verdict.
    Results,
}

/// An event that the worker sends to the UI.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Loading has made progress.
    Loading {
        /// The model.
        model: String,
        /// The current stage, e.g. `weights`, `self-tests`, or the file that is downloaded.
        stage: String,
        /// The bytes downloaded, and the total if known.
        bytes: Option<(u64, Option<u64>)>,
    },
    /// A model is ready.
    Ready {
        /// The model as requested.
        model: String,
        /// Its description.
        info: ModelInfo,
        /// The time since the request, in milliseconds.
        elapsed_ms: u64,
        /// Why it runs on another device than expected, if it does.
        note: Option<String>,
    },
    /// Progress of the reference set, which other work waits for; the last such event reports it complete.
    Reference {
        /// Problems done.
        done: usize,
        /// Problems in all.
        all: usize,
    },
    /// A position of the clean run was computed (in order, starting with the question's tokens).
    Step {
        /// The run.
        id: RunId,
        /// The position.
        position: Position,
    },
    /// The clean run is complete.
    RunDone {
        /// The run.
        id: RunId,
        /// The whole run.
        run: Run,
    },
    /// A resample ablation over the first donors drawn, ahead of the reference set. [`Event::Ablated`] follows with all donors.
    Ahead {
        /// The run.
        id: RunId,
        /// The preliminary outcome.
        outcome: Outcome,
    },
    /// An ablated run is complete. One answered before the reference set was ready is sent again with the figures that need it.
    Ablated {
        /// The run.
        id: RunId,
        /// The outcome, with its ablation.
        outcome: Outcome,
        /// Whether it came from the worker's cache.
        cached: bool,
    },
    /// Phrases of a latent.
    Phrases {
        /// The run.
        id: RunId,
        /// The latent.
        latent: LatentIdx,
        /// Best first.
        phrases: Vec<Phrase>,
    },
    /// Early exits, k = 0..N in order.
    EarlyExit {
        /// The run.
        id: RunId,
        /// One per k.
        exits: Vec<EarlyExit>,
    },
    /// Progress of the work on the verdict.
    Verifying {
        /// The run.
        id: RunId,
        /// The current step and its progress.
        progress: VerdictProgress,
    },
    /// The verdict.
    Verified {
        /// The run.
        id: RunId,
        /// The verdict, possibly partial; replaces the previous one.
        verdict: Box<Verdict>,
        /// Whether it is final; if not, tests are still running.
        done: bool,
    },
    /// A study, possibly partial; replaces the previous one.
    Study {
        /// The run.
        id: RunId,
        /// The study so far.
        study: Box<Study>,
    },
    /// The running job was cancelled.
    Cancelled {
        /// The run it belonged to.
        id: RunId,
    },
    /// The requested model is not loaded: loading failed or was stopped.
    NotLoaded {
        /// The model as requested.
        model: String,
        /// The error message.
        message: String,
        /// A hint on what to do next.
        hint: String,
        /// Whether the previous model is still loaded, with its run. If not, only `Load` can be requested.
        kept: bool,
    },
    /// A job failed; the worker continues.
    Failed {
        /// The run it belonged to, if any.
        id: Option<RunId>,
        /// The kind of job.
        work: JobKind,
        /// The error message.
        message: String,
        /// A hint on what to do next.
        hint: String,
    },
}
