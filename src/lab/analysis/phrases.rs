//! Phrases of one latent, with their lift over the mean latent.

use super::counterfactual::Subject;
use crate::core::types::{LatentIdx, Phrase};
use crate::engine::decode::phrase::{self, Voice};
use crate::engine::model::{Cancel, ModelError, Vectors};

/// Decodes phrases of one latent with the model's decoder.
///
/// # Errors
/// When there is no such latent, the model fails, or the work is cancelled.
pub fn phrases(
    of: &Subject<'_>,
    latent: LatentIdx,
    cancel: &Cancel,
) -> Result<Vec<Phrase>, ModelError> {
    let Subject {
        model,
        clean,
        reference,
    } = *of;
    let missing = || {
        ModelError::refused(
            format!(
                "there is no latent {latent}: the run has {}",
                clean.fed.len()
            ),
            format!("name a latent from 1 to {}", clean.fed.len()),
        )
    };
    let at = latent.0.checked_sub(1).ok_or_else(missing)?;
    let state = &clean.rollout.latents.get(at).ok_or_else(missing)?.state;
    let decoder = model.has_step_decoder();
    if decoder || model.info().phrase_decoder == "latent-prefix" {
        let prefill = |fed: &Vectors| {
            if decoder {
                model.decoder_prefill(fed, cancel)
            } else {
                model.prefill_vectors(fed, cancel)
            }
        };
        let branch = prefill(&clean.rollout.latents[at].fed)?;
        let mean = match reference.fed(latent) {
            Some(fed) => Some(prefill(&model.vectors(&[&fed.mean])?)?),
            None => None,
        };
        return phrase::phrases(
            model,
            &phrase::Start {
                branch: &branch,
                state: None,
                baseline: mean.as_ref().map(|branch| (branch, None)),
                voice: if decoder {
                    Voice::StepDecoder
                } else {
                    Voice::Model
                },
            },
            cancel,
        );
    }
    // The latent takes the place of the next word, so phrases start where it would be fed.
    let branch = clean.rollout.after(at).ok_or_else(missing)?;
    let mean = match reference.states(latent) {
        Some(states) => Some(model.vectors(&[&states.mean])?),
        None => None,
    };
    let baseline = mean.as_ref().map(|mean| (branch, Some(mean)));
    phrase::phrases(
        model,
        &phrase::Start {
            branch,
            state: Some(state),
            baseline,
            voice: Voice::Model,
        },
        cancel,
    )
}
