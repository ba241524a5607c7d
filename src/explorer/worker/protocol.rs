//! The only words that the UI and the model worker share: plain data, no tensors, no channels.

use serde::{Deserialize, Serialize};

use crate::core::types::{
    Ablation, EarlyExit, LatentIdx, Mode, ModelInfo, Outcome, Phrase, Position, Progress, Run,
    Study, StudyKind, Verdict,
};

/// Numbers a clean run; every event about it carries the number, and events of a superseded run are dropped.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct RunId(pub u64);

/// What the UI may ask for. Requests of an older run are dropped by the worker.
#[derive(Debug, Clone, PartialEq)]
pub enum Request {
    /// Load a bundled model by name or a checkpoint folder; replaces the loaded one.
    Load {
        /// Name or path.
        model: String,
    },
    /// Run a question cleanly. Supersedes the run before it, and everything asked about that run.
    Run {
        /// The new run's number.
        id: RunId,
        /// The question as typed or read.
        question: String,
        /// The gold answer, if known: only ever used to report correctness.
        gold: Option<String>,
        /// How many steps the gold solution has, if known: donors can be matched on it.
        steps: Option<usize>,
        /// How it is to be answered; none for the model's usual mode.
        mode: Option<Mode>,
    },
    /// Run with some latents off. A newer `Ablate` replaces one that has not started.
    Ablate {
        /// The run it belongs to.
        id: RunId,
        /// What is off.
        ablation: Ablation,
    },
    /// Decode phrases of one latent of the clean run. A newer one replaces one that has not started.
    Phrases {
        /// The run it belongs to.
        id: RunId,
        /// Which latent.
        latent: LatentIdx,
    },
    /// The answer after 0..N latents.
    EarlyExit {
        /// The run it belongs to.
        id: RunId,
    },
    /// Find and judge a trace.
    Verify {
        /// The run it belongs to.
        id: RunId,
    },
    /// Many ablations of the run together, or the lens by layer. A newer one replaces one that has not started.
    Study {
        /// The run it belongs to.
        id: RunId,
        /// Which study.
        kind: StudyKind,
        /// How latents are switched off; its set is not used.
        manner: Ablation,
        /// For the lens by layer: the token to follow; none for the answer's first.
        token: Option<u32>,
    },
    /// Stop what is running and drop what waits; partial results stay.
    Cancel,
}

/// A piece of the worker's work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Work {
    /// The clean run.
    Run,
    /// An ablated run.
    Ablation,
    /// A study.
    Study,
    /// Early exits, phrases or the verdict.
    Results,
}

/// What the worker tells the UI.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Loading goes on.
    Loading {
        /// Which model.
        model: String,
        /// What is being done, e.g. `weights`, `self-tests`, or the file that is downloaded.
        stage: String,
        /// How much of a download is here, and of how much.
        bytes: Option<(u64, Option<u64>)>,
    },
    /// A model is ready.
    Ready {
        /// The model as it was requested.
        model: String,
        /// What was loaded.
        info: ModelInfo,
        /// Time from the request to now, in milliseconds.
        elapsed_ms: u64,
        /// Why it runs elsewhere than one might expect, if so.
        note: Option<String>,
    },
    /// The reference set, which other work waits for, is being made; the last such event says that all of it is there.
    Reference {
        /// Problems done.
        done: usize,
        /// Problems in all.
        all: usize,
    },
    /// A position of the clean run was computed (in order; the question's tokens come first).
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
        /// All of it.
        run: Run,
    },
    /// A resample from the first donors of its draw, ahead of the reference set. [`Event::Ablated`] follows with all of them.
    Ahead {
        /// The run.
        id: RunId,
        /// What came out so far.
        outcome: Outcome,
    },
    /// An ablated run is complete. One that was answered ahead of the reference set comes again with what that adds.
    Ablated {
        /// The run.
        id: RunId,
        /// What came out, with the ablation it answers.
        outcome: Outcome,
        /// Whether it came from the worker's cache.
        cached: bool,
    },
    /// Phrases of a latent.
    Phrases {
        /// The run.
        id: RunId,
        /// Which latent.
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
    /// How far the work for the verdict is.
    Verifying {
        /// The run.
        id: RunId,
        /// What is being done, and how much of it is done.
        progress: Progress,
    },
    /// The verdict.
    Verified {
        /// The run.
        id: RunId,
        /// The verdict, or as much of it as is settled: it takes the place of the one before it.
        verdict: Box<Verdict>,
        /// Whether it is the last word; if not, tests are still running.
        done: bool,
    },
    /// A study, or as much of it as is computed: it takes the place of the one before it.
    Study {
        /// The run.
        id: RunId,
        /// What is known so far.
        study: Box<Study>,
    },
    /// What was running was cancelled.
    Cancelled {
        /// The run it belonged to.
        id: RunId,
    },
    /// The model that was asked for is not there: it cannot be loaded, or loading it was stopped.
    NotLoaded {
        /// Which model, as it was asked for.
        model: String,
        /// What happened.
        message: String,
        /// What to do next.
        hint: String,
        /// Whether the model before it answers still, with its run. If not, nothing can be asked but `Load`.
        kept: bool,
    },
    /// Something failed; the worker lives on.
    Failed {
        /// The run it belonged to, if any.
        id: Option<RunId>,
        /// What failed.
        work: Work,
        /// What happened.
        message: String,
        /// What to do next.
        hint: String,
    },
}
