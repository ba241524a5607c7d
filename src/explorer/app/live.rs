//! The run on screen: its positions as they arrive, the cursor, and which pieces of work are under way for it.

use crate::core::types::{LatentIdx, Outcome, Position, PositionKind, Progress, Run};
use crate::explorer::worker::protocol::RunId;

/// How many tokens of the question the timeline shows.
pub const QUESTION_TAIL: usize = 6;

/// How far the clean run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Phase {
    /// Nothing was run.
    #[default]
    Idle,
    /// Tokens are arriving.
    Running,
    /// All tokens are here.
    Done,
    /// It was stopped; what had arrived stays.
    Stopped,
}

/// A piece of work that is asked of the worker once per run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Job {
    /// Not asked for.
    #[default]
    Idle,
    /// Asked for.
    Waiting,
    /// Answered.
    Done,
    /// Given up.
    Stopped,
}

impl Job {
    fn stop(&mut self) {
        if *self == Self::Waiting {
            *self = Self::Stopped;
        }
    }
}

/// The run on screen.
#[derive(Debug, Clone, Default)]
pub struct Live {
    /// Its number; events of any other run are dropped.
    pub id: RunId,
    /// How far it is.
    pub phase: Phase,
    /// The positions that have arrived.
    pub positions: Vec<Position>,
    /// Index of the position under the cursor.
    pub cursor: usize,
    /// Whether the cursor follows the newest position.
    pub follows: bool,
    /// The early exits.
    pub exits: Job,
    /// The verdict.
    pub verdict: Job,
    /// How far the work for it is.
    pub verifying: Option<Progress>,
    /// The ablated run last asked for.
    pub ablation: Job,
    /// An ablated run as its first donors have it, while the rest are awaited.
    pub ahead: Option<Outcome>,
    /// The latent whose phrases were last asked for.
    pub phrases: Option<LatentIdx>,
    /// The latent whose phrases were given up; they are not asked for again by themselves.
    pub declined: Option<LatentIdx>,
}

impl Live {
    /// A run that was just asked for.
    #[must_use]
    pub fn running(id: RunId) -> Self {
        Self {
            id,
            phase: Phase::Running,
            follows: true,
            ..Self::default()
        }
    }

    /// Shows a complete run and rests the cursor on its first latent.
    pub fn show(&mut self, run: &Run) {
        self.positions.clone_from(&run.positions);
        self.phase = Phase::Done;
        if self.follows || self.id == RunId::default() {
            self.cursor = self.index_of(LatentIdx(1)).unwrap_or(self.first());
        }
        self.follows = false;
        self.clamp();
    }

    /// Adds a position that was just computed.
    pub fn push(&mut self, position: Position) {
        self.positions.push(position);
        if self.follows {
            self.cursor = self.positions.len() - 1;
        }
        self.clamp();
    }

    /// How many latents have arrived.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        self.positions
            .iter()
            .filter(|p| matches!(p.kind, PositionKind::Latent(_)))
            .count()
    }

    /// How many tokens were written up to and including this position, if one was written there.
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

    /// Index of the first position that the timeline shows.
    #[must_use]
    pub fn first(&self) -> usize {
        self.positions
            .iter()
            .take_while(|p| p.kind == PositionKind::Question)
            .count()
            .saturating_sub(QUESTION_TAIL)
    }

    /// Index of a latent's position.
    #[must_use]
    pub fn index_of(&self, latent: LatentIdx) -> Option<usize> {
        self.positions
            .iter()
            .position(|p| p.kind == PositionKind::Latent(latent))
    }

    /// Moves the cursor within the positions shown; it no longer follows the run.
    pub fn move_to(&mut self, index: usize) {
        self.cursor = index;
        self.follows = false;
        self.clamp();
    }

    /// Whether the worker has something to do for this run.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        self.phase == Phase::Running
            || self.phrases.is_some()
            || [self.exits, self.verdict, self.ablation].contains(&Job::Waiting)
    }

    /// Gives up what is under way; partial results stay.
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
