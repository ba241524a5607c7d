//! Decides whether the claim of a verdict is true of a plant.

use std::collections::BTreeSet;

use super::plants::Design;
use super::questions::Asked;
use crate::core::types::{LatentIdx, Operand, Rung, Source, TraceStep, Verdict};

/// Whether the rung of a verdict is true of the plant; `None` if it claims nothing.
///
/// PRESENT and TRACKS claim that the latents of the trace hold its sums because they add its numbers, from the places that it
/// names, and that the answer is that sum. USED also claims that the answer depends on each of them. NOT NEEDED claims that the
/// answer depends on no latent's content. PRESENT? claims nothing: chance may explain the trace.
pub(super) fn is_true(verdict: &Verdict, design: &Design, asked: &Asked) -> Option<bool> {
    let of = Truth {
        design,
        asked,
        steps: &verdict.steps,
    };
    match verdict.rung {
        Rung::Present if verdict.by_chance => None,
        Rung::Present | Rung::Tracks => Some(of.is_computed()),
        Rung::Used => Some(of.is_computed() && of.is_used()),
        Rung::NotNeeded => Some(!design.needs_content()),
        Rung::NoneFound | Rung::Contradicted | Rung::Abstain => None,
    }
}

struct Truth<'a> {
    design: &'a Design,
    asked: &'a Asked,
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
            for role in self.taken(operand)? {
                // No plant adds a number twice.
                if !all.insert(role) {
                    return None;
                }
            }
        }
        Some(all)
    }

    fn taken(&self, operand: &Operand) -> Option<BTreeSet<usize>> {
        match &operand.source {
            Source::Question { start, .. } => {
                let role = self.asked.starts.iter().position(|at| at == start)?;
                Some(BTreeSet::from([role]))
            }
            Source::Step { step } => self.adds(self.steps.get(*step)?),
            Source::Latent { latent, .. } => self.design.sum_at(latent.0 - 1),
            Source::Answer => None,
        }
    }

    fn is_computed(&self) -> bool {
        let says = |step: &TraceStep| {
            let adds = self.adds(step);
            let said = match &step.result.source {
                Source::Latent { latent, .. } => self.design.sum_at(latent.0 - 1),
                _ => adds.clone(),
            };
            adds.is_some() && adds == said
        };
        let last = self.steps.last().and_then(|step| self.adds(step));
        self.steps.iter().all(says) && last == self.design.answer() && self.read().next().is_some()
    }

    fn is_used(&self) -> bool {
        self.read().all(|latent| self.design.is_used(latent.0 - 1))
    }

    /// The latents at which the trace is read.
    fn read(&self) -> impl Iterator<Item = LatentIdx> {
        let of = |step: &TraceStep| -> Vec<LatentIdx> {
            let operands = step.operands.iter().chain([&step.result]);
            let latent = |operand: &Operand| match operand.source {
                Source::Latent { latent, .. } => Some(latent),
                _ => None,
            };
            operands.filter_map(latent).collect()
        };
        self.steps.iter().flat_map(of)
    }
}
