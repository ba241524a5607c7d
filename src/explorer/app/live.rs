//! The run on screen: its positions as they arrive, the cursor, and the jobs pending for it.

use crate::core::types::{LatentIdx, Outcome, Position, PositionKind, Run, VerdictProgress};
use crate::explorer::worker::protocol::RunId;

/// The number of question tokens that the timeline shows.
pub const QUESTION_TAIL: usize = 6;

/// The state of the clean run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing was run.
    #[default]
    Idle,
    /// Tokens are arriving.
    Running,
    /// All tokens have arrived.
    Done,
    /// It was stopped; the tokens that had arrived stay.
    Stopped,
}

/// The state of a job that the worker does once per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum JobState {
    /// Not requested.
    #[default]
    Idle,
    /// Requested.
    Waiting,
    /// Answered.
    Done,
    /// Cancelled.
    Stopped,
}

impl JobState {
    fn stop(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Stopped;
        }
    }
}

/// The run on screen.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Its number; events of other runs are dropped.
    pub id: RunId,
    /// Its state.
    pub phase: Phase,
    /// The positions that have arrived.
    pub positions: Vec<Position>,
    /// Index of the position under the cursor.
    pub cursor: usize,
    /// Whether the cursor follows the newest position.
    pub follows: bool,
    /// The early exits.
    pub exits: JobState,
    /// The verdict.
    pub verdict: JobState,
    /// The progress of the work on the verdict.
    pub verifying: Option<VerdictProgress>,
    /// The last ablated run requested.
    pub ablation: JobState,
    /// A resample ablation over its first donors, shown until the full one arrives.
    pub ahead: Option<Outcome>,
    /// The latent whose phrases were requested and have not arrived.
    pub phrases: Option<LatentIdx>,
    /// The latent whose phrases were cancelled; they are not requested again automatically.
    pub declined: Option<LatentIdx>,
}

impl Live {
    /// Creates the state of a run just requested.
    #[must_use]
    pub fn running(id: RunId) -> Self {
        Self {
            id,
            phase: Phase::Running,
            follows: true,
            ..Self::default()
        }
    }

    /// Shows a complete run. The cursor goes to its first latent, unless the user moved it.
    pub fn show(&mut self, run: &Run) {
        self.positions.clone_from(&run.positions);
        self.phase = Phase::Done;
        if self.follows || self.id == RunId::default() {
            self.cursor = self.index_of(LatentIdx(1)).unwrap_or(self.first());
        }
        self.follows = false;
        self.clamp();
    }

    /// Adds a newly computed position.
    pub fn push(&mut self, position: Position) {
        self.positions.push(position);
        if self.follows {
            self.cursor = self.positions.len() - 1;
        }
        self.clamp();
    }

    /// Returns the number of latents that have arrived.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        self.positions
            .iter()
            .filter(|p| matches!(p.kind, PositionKind::Latent(_)))
            .count()
    }

    /// Returns the number of tokens written up to and including this position; `None` if it is not a written token.
    #[must_use]
    pub fn written_by(&self, index: usize) -> Option<usize> {
        let written = |p: &Position| p.kind == PositionKind::Written;
        written(self.positions.get(index)?).then(|| {
            self.positions[..=index]
                .iter()
                .filter(|p| written(p))
                .count()
        })
    }

    /// Returns the index of the first position that the timeline shows.
    #[must_use]
    pub fn first(&self) -> usize {
        self.positions
            .iter()
            .take_while(|p| p.kind == PositionKind::Question)
            .count()
            .saturating_sub(QUESTION_TAIL)
    }

    /// Returns the index of a latent's position.
    #[must_use]
    pub fn index_of(&self, latent: LatentIdx) -> Option<usize> {
        self.positions
            .iter()
            .position(|p| p.kind == PositionKind::Latent(latent))
    }

    /// Moves the cursor within the positions shown; it stops following the run.
    pub fn move_to(&mut self, index: usize) {
        self.cursor = index;
        self.follows = false;
        self.clamp();
    }

    /// Returns whether the worker has work for this run.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.phase == Phase::Running
            || self.phrases.is_some()
            || [self.exits, self.verdict, self.ablation].contains(&JobState::Waiting)
    }

    /// Cancels the pending jobs; partial results stay.
    pub fn stop(&mut self) {
        if self.phase == Phase::Running {
            self.phase = Phase::Stopped;
        }
        self.follows = false;
        self.exits.stop();
        self.verdict.stop();
        self.ablation.stop();
        self.declined = self.phrases.take().or(self.declined);
    }

    fn clamp(&mut self) {
        let last = self.positions.len().saturating_sub(1);
        self.cursor = self.cursor.max(self.first()).min(last);
    }
}
