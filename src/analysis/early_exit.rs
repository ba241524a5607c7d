//! The answer after 0..N latents, or after 0.. written steps, delimiter forced (methods.md 4).

use crate::model::{Branch, Cancel, Mode, Model, ModelError};
use crate::trace::EarlyExit;

use super::run::{CleanRun, MAX_NEW_TOKENS};

/// The forced answer after every number of latents from 0 to N, in order; in written mode after every number of
/// written tokens at which a step ends. A run in direct mode has nothing to stop early.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn early_exits(
    model: &Model,
    clean: &CleanRun,
    cancel: &Cancel,
) -> Result<Vec<EarlyExit>, ModelError> {
    stops(model, clean, cancel)?
        .into_iter()
        .map(|(k, branch)| {
            cancel.check()?;
            let forced = model.close(&branch, true, cancel)?;
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

/// Where the thinking can stop: how many tokens it had, and the run up to there.
fn stops(
    model: &Model,
    clean: &CleanRun,
    cancel: &Cancel,
) -> Result<Vec<(usize, Branch)>, ModelError> {
    match clean.mode {
        Mode::Latent => Ok(clean.rollout.branches.iter().cloned().enumerate().collect()),
        Mode::Direct => Ok(Vec::new()),
        Mode::Written => {
            let mut stops = vec![(0, clean.prompt.clone())];
            let mut from = 0;
            for (i, &id) in clean.written.iter().enumerate() {
                let text = model.token_text(id);
                let ends = i + 1 == clean.written.len() || text.contains(['\n', ';', '.']);
                if let (true, Some((_, branch))) = (ends, stops.last()) {
                    let branch = model.advance(branch, &clean.written[from..=i], cancel)?;
                    from = i + 1;
                    stops.push((from, branch));
                }
            }
            Ok(stops)
        }
    }
}
