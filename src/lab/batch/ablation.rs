//! Single latents and all of them switched off.

use std::collections::BTreeSet;

use super::subject::Subject;
use crate::core::types::{self, AblationValue, LatentIdx, StudyCell};
use crate::engine::model::ModelError;
use crate::lab::analysis::counterfactual::{self, sets};
use crate::lab::rows::row::{AblationAnswer, AblationRow};

/// The values that replace all latents at once.
const ALL: [AblationValue; 3] = [
    AblationValue::Zero,
    AblationValue::Mean,
    AblationValue::Resample,
];

/// Switches each latent and all latents off; returns `None` without latents or an answer.
pub(super) fn ablation(subject: &Subject<'_>) -> Result<Option<AblationRow>, ModelError> {
    let clean = subject.clean;
    if clean.fed.is_empty() || clean.run.answer.value.is_none() {
        return Ok(None);
    }
    let of = counterfactual::Subject {
        model: subject.explorer.model(),
        clean,
        reference: subject.explorer.reference(),
    };
    let manner = |value| types::Ablation {
        value,
        ..types::Ablation::default()
    };
    let latents = || (1..=clean.fed.len()).map(LatentIdx);
    let everything: BTreeSet<LatentIdx> = latents().collect();
    let single = subject.header.settings.value;
    let mut sham_max_diff = 0f64;
    let (mut each, mut all) = (Vec::new(), Vec::new());
    let others = Some(single).filter(|single| !ALL.contains(single));
    for value in ALL.into_iter().chain(others) {
        if of.reference.is_empty() && value.needs_others() {
            continue;
        }
        let mut asked: Vec<BTreeSet<LatentIdx>> = Vec::new();
        if value == single {
            asked.extend(latents().map(|latent| BTreeSet::from([latent])));
        }
        asked.push(everything.clone());
        let (sham, mut cells) = sets(&of, &manner(value), &asked, subject.cancel)?;
        sham_max_diff = sham_max_diff.max(sham);
        all.extend(cells.pop().map(|cell| off(subject, value, cell)));
        each.extend(cells.into_iter().map(|cell| off(subject, value, cell)));
    }
    let needed = each.iter().filter(|off| off.flipped);
    Ok(Some(AblationRow {
        needed: needed.flat_map(|off| off.off.clone()).collect(),
        each,
        all,
        sham_max_diff,
    }))
}

fn off(subject: &Subject<'_>, value: AblationValue, cell: StudyCell) -> AblationAnswer {
    AblationAnswer {
        off: cell.off.iter().map(|latent| latent.0).collect(),
        value,
        correct: subject.is_correct(cell.answer.as_deref()),
        answer: cell.answer,
        flipped: cell.flipped,
        delta_logprob: cell.delta_logprob,
        n: cell.n,
        flips: cell.flips,
    }
}
