//! The evidence of the verdict as rows: what the page lists, and the latent each row is about.

use crate::core::types::{LatentIdx, Source, TraceStep, Verdict};

use super::App;

/// One row of the page; the numbers are indices into the verdict's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvidenceRow {
    /// A step of the trace.
    Step(usize),
    /// A place in the question that was edited.
    Place(usize),
    /// An edited question.
    Edit(usize),
    /// An interchange at a latent.
    Patch(usize),
    /// The nodes that compete at a latent.
    Nodes(usize),
    /// Another trace that reaches the answer: one scored on the edits, or else one that was found.
    Competing(usize),
    /// A strategy that was tried.
    Try(usize),
}

/// Returns all rows of a verdict, in order.
#[must_use]
pub fn evidence_rows(verdict: &Verdict) -> Vec<EvidenceRow> {
    let edits = verdict.tracks.as_ref().map_or(0, |t| t.edits.len());
    let places = verdict.tracks.as_ref().map_or(0, |t| t.places.len());
    let competing = match &verdict.tracks {
        Some(tracks) if !tracks.rivals.is_empty() => tracks.rivals.len(),
        _ => verdict.competing.len(),
    };
    let patches = verdict.used.as_ref().map_or(0, |u| u.patches.len());
    (0..verdict.steps.len())
        .map(EvidenceRow::Step)
        .chain((0..places).map(EvidenceRow::Place))
        .chain((0..edits).map(EvidenceRow::Edit))
        .chain((0..patches).map(EvidenceRow::Patch))
        .chain((0..verdict.nodes.len()).map(EvidenceRow::Nodes))
        .chain((0..competing).map(EvidenceRow::Competing))
        .chain((0..verdict.tried.len()).map(EvidenceRow::Try))
        .collect()
}

/// Returns the latent at which a step is read.
#[must_use]
pub fn latent_of(step: &TraceStep) -> Option<LatentIdx> {
    match step.result.source {
        Source::Latent { latent, .. } => Some(latent),
        _ => None,
    }
}

impl App {
    /// Returns the step of the trace that a latent carries, with its number from 1.
    #[must_use]
    pub fn step_at(&self, latent: LatentIdx) -> Option<(usize, &TraceStep)> {
        let verdict = self.session.verdict.as_ref()?;
        let at = verdict
            .steps
            .iter()
            .position(|step| latent_of(step) == Some(latent))?;
        Some((at + 1, &verdict.steps[at]))
    }

    /// Returns whether a step is read at a latent that is off now, or depends on such a step.
    #[must_use]
    pub fn step_is_off(&self, step: usize) -> bool {
        let Some(verdict) = &self.session.verdict else {
            return false;
        };
        let Some(step) = verdict.steps.get(step) else {
            return false;
        };
        let is_off = latent_of(step).is_some_and(|latent| self.ablation.off.contains(&latent));
        let earlier = step.operands.iter().filter_map(|o| match o.source {
            Source::Step { step } => Some(step),
            _ => None,
        });
        is_off || earlier.into_iter().any(|step| self.step_is_off(step))
    }

    /// Returns the latent that the evidence row under the cursor is about.
    #[must_use]
    pub(super) fn evidence_latent(&self) -> Option<LatentIdx> {
        let verdict = self.session.verdict.as_ref()?;
        match evidence_rows(verdict).get(self.cursor().row)? {
            EvidenceRow::Step(step) => latent_of(verdict.steps.get(*step)?),
            EvidenceRow::Patch(patch) => Some(verdict.used.as_ref()?.patches.get(*patch)?.latent),
            EvidenceRow::Nodes(at) => Some(verdict.nodes.get(*at)?.latent),
            EvidenceRow::Place(_)
            | EvidenceRow::Edit(_)
            | EvidenceRow::Competing(_)
            | EvidenceRow::Try(_) => None,
        }
    }
}
