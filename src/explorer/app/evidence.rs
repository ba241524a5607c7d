//! The evidence of the verdict: the latent that a row of the page is about, and the steps that latents carry.

use crate::core::types::{LatentIdx, TraceStep, ValueSource};
use crate::lab::present::document::Cell;
use crate::lab::present::evidence::{latent_of, tables};

use super::{App, RunView};

impl RunView {
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
            ValueSource::Step { step } => Some(step),
            _ => None,
        });
        is_off || earlier.into_iter().any(|step| self.step_is_off(step))
    }

    /// Returns the rows of the evidence page, each with the latent that it is about, if it is about one.
    #[must_use]
    pub(super) fn evidence_rows(&self) -> Vec<Option<LatentIdx>> {
        let tables = self.session.verdict.iter().flat_map(|v| tables(v, true));
        let rows = tables.flat_map(|table| {
            let latent = |row| match table.get(row, "latent") {
                Some(Cell::Count(latent)) => Some(LatentIdx(*latent)),
                _ => None,
            };
            (0..table.rows.len()).map(latent).collect::<Vec<_>>()
        });
        rows.collect()
    }
}

impl App {
    /// Returns the latent that the evidence row under the cursor is about.
    #[must_use]
    pub(super) fn evidence_latent(&self) -> Option<LatentIdx> {
        *self.run.evidence_rows().get(self.cursor().row)?
    }
}
