//! Chosen sets of latents off in one manner, as one tree of rows with one sham.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::replacements::{Plan, Replacements};
use super::{Subject, cell};
use crate::core::types::{Ablation, LatentIdx, StudyCell};
use crate::engine::model::{Cancel, ModelError};

/// Runs sets of latents off; returns the largest first-answer logit difference of the sham of all latents, and the outcome of
/// each set, in order.
///
/// # Errors
/// When the run has no latents, an ablation is refused or changes nothing, the model fails or the work is cancelled.
pub fn sets(
    subject: &Subject<'_>,
    manner: &Ablation,
    sets: &[BTreeSet<LatentIdx>],
    cancel: &Cancel,
) -> Result<(f64, Vec<StudyCell>), ModelError> {
    let replacements = Replacements::new(subject, manner)?;
    let plans = sets
        .iter()
        .map(|off| replacements.plan(off))
        .collect::<Result<Vec<Plan>, _>>()?;
    let mut judge = Judge::new(subject, cancel);
    let all: BTreeSet<LatentIdx> = (1..=subject.clean.fed.len()).map(LatentIdx).collect();
    let sham = judge.sham(&replacements, &all)?;
    let (_, judged) = judge.plans(&replacements, &plans, false)?;
    let cells = plans.iter().zip(&judged);
    Ok((
        sham,
        cells
            .map(|(plan, judged)| cell(subject.clean, plan, judged))
            .collect(),
    ))
}
