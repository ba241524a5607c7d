//! Decides whether the claim of a verdict is true of a plant.

use std::collections::BTreeSet;

use super::plants::Design;
use super::questions::PlantedQuestion;
use crate::core::types::{LatentIdx, Operand, Rung, TraceStep, ValueSource, Verdict};

/// Whether the rung of a verdict is true of the plant; `None` if it claims nothing.
///
/// PRESENT and TRACKS claim that the latents of the trace hold its sums because they add its numbers, from the places that it
/// names, and that the answer is that sum. USED also claims that the answer depends on each of them. NOT NEEDED claims that the
/// answer depends on no latent's content. PRESENT? claims nothing: chance may explain the trace.
pub(super) fn is_true(
    verdict: &Verdict,
    design: &Design,
    sample: &PlantedQuestion,
) -> Option<bool> {
    let truth = Truth {
        design,
        sample,
        steps: &verdict.steps,
    };
    match verdict.rung {
        Rung::Present if verdict.by_chance => None,
        Rung::Present | Rung::Tracks => Some(truth.is_computed()),
        Rung::Used => Some(truth.is_computed() && truth.is_used()),
        Rung::NotNeeded => Some(!design.needs_content()),
        Rung::NoneFound | Rung::Contradicted | Rung::Abstain => None,
    }
}

struct Truth<'a> {
    design: &'a Design,
    sample: &'a PlantedQuestion,
    steps: &'a [TraceStep],
}

impl Truth<'_> {
    /// The roles of the numbers that a step adds; `None` if it does something else, or uses a missing operand.
    fn adds(&self, step: &TraceStep) -> Option<BTreeSet<usize>> {
        // A step of three operands has two signs.
        if !step.operator.split(' ').all(|sign| sign == "+") {
            return None;
        }
        let mut all = BTreeSet::new();
        for operand in &step.operands {
            for role in self.roles(operand)? {
                // No plant adds a number twice.
                if !all.insert(role) {
                    return None;
                }
            }
        }
        Some(all)
    }

    /// The roles of the numbers whose sum an operand is; `None` if it is no such sum.
    fn roles(&self, operand: &Operand) -> Option<BTreeSet<usize>> {
        match &operand.source {
            ValueSource::Question { start, .. } => {
                let role = self.sample.starts.iter().position(|at| at == start)?;
                Some(BTreeSet::from([role]))
            }
            ValueSource::Step { step } => self.adds(self.steps.get(*step)?),
            ValueSource::Latent { latent, .. } => self.design.sum_at(latent.0 - 1),
            ValueSource::Answer => None,
        }
    }

    fn is_computed(&self) -> bool {
        let says = |step: &TraceStep| {
            let adds = self.adds(step);
            let shown = match &step.result.source {
                ValueSource::Latent { latent, .. } => self.design.sum_at(latent.0 - 1),
                _ => adds.clone(),
            };
            adds.is_some() && adds == shown
        };
        let last = self.steps.last().and_then(|step| self.adds(step));
        self.steps.iter().all(says)
            && last == self.design.answer()
            && self.latents().next().is_some()
    }

    fn is_used(&self) -> bool {
        self.latents()
            .all(|latent| self.design.is_used(latent.0 - 1))
    }

    /// The latents at which the trace is read.
    fn latents(&self) -> impl Iterator<Item = LatentIdx> {
        let steps = self.steps.iter();
        let operands = steps.flat_map(|step| step.operands.iter().chain([&step.result]));
        operands.filter_map(|operand| match operand.source {
            ValueSource::Latent { latent, .. } => Some(latent),
            _ => None,
        })
    }
}
