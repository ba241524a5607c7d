//! The answer after 0..N latents, delimiter forced (methods.md 4).

use crate::model::{Cancel, Model, ModelError};
use crate::trace::EarlyExit;

use super::run::{CleanRun, MAX_NEW_TOKENS};

/// The forced answer after every number of latents from 0 to N, in order.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn early_exits(
    model: &Model,
    clean: &CleanRun,
    cancel: &Cancel,
) -> Result<Vec<EarlyExit>, ModelError> {
    (0..=clean.fed.len())
        .map(|k| {
            let branch = clean
                .rollout
                .after(k)
                .ok_or_else(|| ModelError::input(format!("there is no latent {k}")))?;
            let forced = model.close(branch, true, cancel)?;
            let ids = model
                .generate(&forced, MAX_NEW_TOKENS, &mut |_| (), cancel)?
                .remove(0)
                .ids;
            let clean_logprob = model
                .score(&forced, std::slice::from_ref(&clean.answer_ids), cancel)?
                .remove(0)
                .logprob;
            let logprob = if ids.is_empty() {
                None
            } else if ids == clean.answer_ids {
                Some(clean_logprob)
            } else {
                Some(
                    model
                        .score(&forced, std::slice::from_ref(&ids), cancel)?
                        .remove(0)
                        .logprob,
                )
            };
            let with_delimiter: Vec<u32> = model
                .markers()
                .delimiter
                .iter()
                .chain(&ids)
                .copied()
                .collect();
            Ok(EarlyExit {
                k,
                value: model
                    .extract_value(&with_delimiter)?
                    .filter(|value| !value.is_empty()),
                logprob,
                clean_logprob: Some(clean_logprob),
            })
        })
        .collect()
}
