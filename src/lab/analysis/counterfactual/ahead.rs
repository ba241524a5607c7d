//! Resample ablation before the reference set is complete, from the first donors of the draw.

use super::Subject;
use super::outcome::ablate;
use super::replacements::{matched_steps, variant_count};
use crate::core::types::{Ablation, Outcome};
use crate::engine::model::{Cancel, Model, ModelError};
use crate::lab::analysis::reference::Builder;
use crate::lab::analysis::run::CleanRun;

/// Numbers of donors after which an interim outcome is reported.
const ROUNDS: [usize; 3] = [4, 16, 64];
/// Caps the donors at this fraction of the problems that the set still lacks; beyond it, completing the set is about as fast.
const SHARE: usize = 4;

/// Resamples from the first donors that the unfinished set will draw, in rounds; `on_part` receives each outcome. Partial
/// outcomes lack the size percentile, which takes the whole set. Reports nothing if the set is nearly complete.
///
/// # Errors
/// When the ablation is refused, the model fails or the work is cancelled.
pub fn ablate_ahead(
    model: &Model,
    clean: &CleanRun,
    builder: &Builder,
    ablation: &Ablation,
    on_part: &mut dyn FnMut(Outcome),
    cancel: &Cancel,
) -> Result<(), ModelError> {
    let (done, all) = builder.progress();
    let most = variant_count(ablation).min((all - done) / SHARE);
    if most < ROUNDS[0] {
        return Ok(());
    }
    let steps = matched_steps(clean, ablation)?;
    let donors = builder.donors(&clean.run.question, most, steps, ablation.seed);
    let mut reported = 0;
    for round in ROUNDS.into_iter().chain([usize::MAX]) {
        let first = &donors[..round.min(donors.len())];
        if first.len() == reported {
            break;
        }
        reported = first.len();
        let reference = &builder.ahead(model, first, cancel)?;
        let subject = Subject {
            model,
            clean,
            reference,
        };
        let mut outcome = ablate(&subject, ablation, cancel)?;
        outcome.effect.size_percentile = None;
        on_part(outcome);
    }
    Ok(())
}
