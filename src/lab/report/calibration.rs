//! Calibration of a model's verdicts for the explorer: the share of correct answers at each rung.

use super::gather::Run;
use crate::core::types::Rung;
use crate::lab::rows::calibration::{AtRung, Calibration, Of, SCHEMA};

/// Counts the verdicts at each rung whose answer is known to be correct or wrong, with the settings that they depend on.
#[must_use]
pub fn calibration(run: &Run) -> Calibration {
    let header = &run.header;
    let at = |rung: Rung, correct: bool| -> Vec<u64> {
        let judged = run.items.iter().filter(|item| {
            item.correct == Some(correct)
                && item.verdict.is_some_and(|verdict| verdict.rung == rung)
        });
        judged.map(|item| item.key).collect()
    };
    let rungs = Rung::ALL.map(|rung| AtRung::new(rung, at(rung, true), at(rung, false)));
    Calibration {
        schema: SCHEMA.to_owned(),
        version: header.version.clone(),
        model: Of {
            name: header.model.name.clone(),
            sha256: header.model.sha256.clone(),
            dtype: header.model.dtype.clone(),
            behaviour: header.model.behaviour.clone(),
            n_latents: header.settings.latents,
        },
        data: header.data.clone(),
        verdict: header.settings.verdict.clone(),
        top_k: header.settings.top_k,
        reference: header.settings.reference.clone(),
        rungs: rungs.to_vec(),
    }
}
