//! Counterfactuals of a clean run: single ablations with their sham controls, and studies of many.
//!
//! An [`Ablation`](crate::core::types::Ablation) becomes variants (`replacements`), which run as a tree of rows and are judged
//! (`judge`); the other modules are studies on top. Every result has a sham run as control, in which each latent's own value is
//! written back.

mod ahead;
mod influence;
mod judge;
mod lattice;
pub(in crate::lab::analysis) mod layers;
mod outcome;
mod patch;
mod replacements;
mod sets;
mod sweep;
#[cfg(test)]
mod tests;

pub use ahead::ablate_ahead;
pub use influence::influence;
pub use lattice::{MOST_LATENTS, lattice};
pub use layers::layers;
pub use outcome::{ablate, all_off, size_percentile};
pub use patch::{PatchAsked, PatchRow, Patched, patched};
pub use replacements::VARIANTS;
pub use sets::sets;
pub use sweep::{VALUES, sweep};

use crate::core::types::{StudyCell, Variants};
use judge::VariantOutcome;
use replacements::Plan;

use super::reference::Reference;
use super::run::CleanRun;
use crate::core::stats;
use crate::engine::model::Model;

/// A clean run, its model, and the other problems that serve as reference.
#[derive(Clone, Copy)]
pub struct Subject<'a> {
    /// The model.
    pub model: &'a Model,
    /// The run.
    pub clean: &'a CleanRun,
    /// Donors, means and deviations.
    pub reference: &'a Reference,
}

/// Largest difference of any first-answer logit allowed in a sham run (f32; see the model's self-tests).
pub const SHAM_TOLERANCE: f64 = 1e-3;

/// Answers with their counts, most frequent first, ties in order of first occurrence.
fn counted(judged: &[VariantOutcome]) -> Vec<(Option<String>, usize)> {
    let mut counts: Vec<(Option<String>, usize)> = Vec::new();
    for one in judged {
        match counts.iter_mut().find(|(seen, _)| *seen == one.value) {
            Some((_, n)) => *n += 1,
            None => counts.push((one.value.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts
}

/// Summarises the outcomes of a plan's variants.
fn cell(clean: &CleanRun, plan: &Plan, judged: &[VariantOutcome]) -> StudyCell {
    let answer = counted(judged)
        .into_iter()
        .next()
        .and_then(|(value, _)| value);
    let clean_value = &clean.run.answer.value;
    let deltas: Vec<f64> = judged
        .iter()
        .map(|j| j.logprob - clean.answer_logprob)
        .collect();
    let variants = Variants {
        flips: judged.iter().filter(|j| j.value != *clean_value).count(),
        n: judged.len(),
    };
    StudyCell {
        off: plan.off.clone(),
        flipped: variants.most_flip(),
        answer,
        delta_logprob: stats::mean(&deltas),
        n: variants.n,
        flips: variants.flips,
    }
}
