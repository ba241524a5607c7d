//! The problem at hand: its session, its run, the ablation wanted and shown, and its studies.

use std::collections::HashMap;

use crate::core::types::{
    Ablation, DonorRef, Influence, LatentIdx, Lattice, LayerLens, Outcome, PositionKind, Study,
    StudyCell, StudyKind, Sweep,
};
use crate::explorer::app::studies::Wish;
use crate::explorer::app::{At, Left, Live, Page, Studies};
use crate::explorer::session::edit::History;
use crate::explorer::session::{Note, Session};

/// The problem at hand.
#[derive(Debug, Default)]
pub struct RunView {
    /// Its session.
    pub session: Session,
    /// What is kept with the session while another problem is open.
    pub kept: Kept,
    /// The recording that the session was opened from.
    pub recording: Recording,
    /// The run on screen.
    pub live: Live,
    /// The ablation that the user wants.
    pub ablation: Ablation,
    /// The ablation of the shown answer; the answer is stale while it differs from `ablation`.
    pub shown: Ablation,
    /// The donor chosen last.
    pub(super) last_donor: Option<DonorRef>,
    /// The studies of the run.
    pub studies: Studies,
    /// The token that the layer lens follows; `None` for the answer's first.
    pub(super) follow: Option<u32>,
    /// The cursor of each page, once it was moved.
    pub(super) cursors: HashMap<Page, At>,
    /// The left side of the comparison.
    pub left: Left,
    /// The session opened before this one, with its run.
    pub other: Option<Box<Session>>,
}

/// What is kept with a session while another problem is open.
#[derive(Debug, Default)]
pub struct Kept {
    /// The notes when this process last read or saved them.
    pub(super) base: Vec<Note>,
    /// Undo and redo.
    pub(super) history: History,
    /// The run over a data set that recorded the verdict, if it was not computed here.
    pub recorded: Option<String>,
}

/// A recording, and its comparison with the run that followed.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Recording {
    /// No recording was opened, or it was left.
    #[default]
    None,
    /// Shown as it was recorded.
    Shown(Box<Session>),
    /// Run again; the sentence reports the part reproduced.
    Compared(String),
}

impl RunView {
    /// Returns the latent under the cursor.
    #[must_use]
    pub fn latent_under_cursor(&self) -> Option<LatentIdx> {
        match self.live.positions.get(self.live.cursor)?.kind {
            PositionKind::Latent(idx) => Some(idx),
            _ => None,
        }
    }

    /// Returns the ablated run with exactly this ablation, if it was computed.
    #[must_use]
    pub fn outcome_of(&self, ablation: &Ablation) -> Option<&Outcome> {
        self.session
            .outcomes
            .iter()
            .find(|outcome| outcome.ablation == *ablation)
    }

    /// Returns the ablated run in the answer pane; `None` if it shows the clean run.
    #[must_use]
    pub fn shown_outcome(&self) -> Option<&Outcome> {
        self.outcome_of(&self.shown).or(self.ahead())
    }

    /// Returns the shown ablated run while it is preliminary, that is, until the remaining donors arrive.
    #[must_use]
    pub fn ahead(&self) -> Option<&Outcome> {
        let ahead = self.live.ahead.as_ref();
        ahead.filter(|ahead| ahead.ablation == self.shown && self.outcome_of(&self.shown).is_none())
    }

    /// Returns whether the shown answer belongs to another ablation than the wanted one.
    #[must_use]
    pub fn is_stale(&self) -> bool {
        self.shown != self.ablation
    }

    /// Returns whether the shown answer is stale or preliminary.
    #[must_use]
    pub fn lacks_answer(&self) -> bool {
        self.is_stale() || self.ahead().is_some()
    }

    /// Returns the number of steps of the open problem's gold solution, if known.
    #[must_use]
    pub fn steps(&self) -> Option<usize> {
        let problem = self.session.problem.as_ref()?;
        Some(problem.steps.len()).filter(|steps| *steps > 0)
    }

    /// Returns the current sweep.
    #[must_use]
    pub fn sweep(&self) -> Option<&Sweep> {
        match &self.studies.held(StudyKind::Sweep)?.study {
            Study::Sweep(sweep) => Some(sweep),
            _ => None,
        }
    }

    /// Returns the current lattice.
    #[must_use]
    pub fn lattice(&self) -> Option<&Lattice> {
        match &self.studies.held(StudyKind::Lattice)?.study {
            Study::Lattice(lattice) => Some(lattice),
            _ => None,
        }
    }

    /// Returns the current influences.
    #[must_use]
    pub fn influence(&self) -> Option<&Influence> {
        match &self.studies.held(StudyKind::Influence)?.study {
            Study::Influence(influence) => Some(influence),
            _ => None,
        }
    }

    /// Returns the current layer lens.
    #[must_use]
    pub fn layers(&self) -> Option<&LayerLens> {
        match &self.studies.held(StudyKind::Layers)?.study {
            Study::Layers(lens) => Some(lens),
            _ => None,
        }
    }

    /// Returns the lattice's cell for the wanted ablation, while the ablation's own answer is pending.
    #[must_use]
    pub fn lattice_answer(&self) -> Option<&StudyCell> {
        if !self.is_stale() || self.ablation.is_clean() {
            return None;
        }
        let wish = Wish::new(StudyKind::Lattice, &self.ablation, None);
        let held = self.studies.held(StudyKind::Lattice)?;
        match &held.study {
            Study::Lattice(lattice) if self.studies.has(&wish) => lattice.cell(&self.ablation.off),
            _ => None,
        }
    }

    /// Returns the tokens that the layer lens can follow: the top tokens of the latents and the tokens of the answer, each once.
    #[must_use]
    pub fn followable(&self) -> Vec<u32> {
        let mut ids = Vec::new();
        for position in self.session.run.iter().flat_map(|run| &run.positions) {
            let id = match position.kind {
                PositionKind::Latent(_) => {
                    let top = position.projection.as_ref().and_then(|p| p.top.first());
                    top.map(|read| read.id)
                }
                PositionKind::Answer => position.id,
                _ => None,
            };
            if let Some(id) = id.filter(|id| !ids.contains(id)) {
                ids.push(id);
            }
        }
        ids
    }

    /// Drops the studies, which belong to one run.
    pub(super) fn forget_studies(&mut self) {
        self.studies = Studies::default();
        self.cursors.clear();
        self.follow = None;
    }

    /// Keeps the session for comparison with the next one.
    pub(super) fn keep_other(&mut self) {
        if self.session.run.is_some() {
            self.other = Some(Box::new(self.session.clone()));
        }
    }
}
