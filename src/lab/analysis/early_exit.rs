//! The answer after 0..N latents, or after 0.. written steps, delimiter forced (docs/methods.md M4.1).

use crate::core::types::EarlyExit;
use crate::engine::model::{Branch, Cancel, ErrorKind, Mode, Model, ModelError, Overrides, Spoken};

use super::run::CleanRun;

/// Maximum number of tokens of a forced answer (docs/methods.md M4.2).
const MAX_EXIT_TOKENS: usize = 32;

/// Maximum number of ends in one batch.
const ROWS: usize = 64;

/// Forces the answer after every number of latents from 0 to N, in order; in written mode after every number of written tokens
/// that ends a step. Returns nothing in direct mode.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn early_exits(
    model: &Model,
    clean: &CleanRun,
    cancel: &Cancel,
) -> Result<Vec<EarlyExit>, ModelError> {
    let stops = stops(model, clean, cancel)?;
    exits(model, &stops, &clean.answer_ids, clean.most_tokens, cancel)
}

/// Computes the early exits of a question in latent mode without decoding the latents: the unit of early stopping over a data
/// set. Returns the free answer's ids too.
///
/// # Errors
/// As [`early_exits`], and when the question does not fit.
pub fn early_stopping(
    model: &Model,
    question: &str,
    n_latents: usize,
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<(Vec<u32>, Vec<EarlyExit>), ModelError> {
    let prompt = model.prompt(question, Mode::Latent)?;
    let start = model.prefill(&[&prompt.ids], cancel)?;
    let rollout = model.rollout(&start, n_latents, &Overrides::none(1), cancel)?;
    let closed = model.close(rollout.last(), false, cancel)?;
    let mut said = model.generate(&closed, most_tokens, &mut |_| (), cancel)?;
    let said = said.remove(0).ids;
    // The exits are compared with it; an exit with another answer shows up as a difference.
    let delimiter = model.markers().delimiter.as_slice();
    let target = said.strip_prefix(delimiter).unwrap_or(&said).to_vec();
    let stops: Vec<(usize, Branch)> = rollout.branches.into_iter().enumerate().collect();
    let exits = exits(model, &stops, &target, most_tokens, cancel)?;
    Ok((said, exits))
}

/// The early-stopping result of one question: the free answer's ids and the exits.
pub type Stopped = (Vec<u32>, Vec<EarlyExit>);

/// Runs [`early_stopping`] for several questions: prompts one by one, everything after them as rows of one batch. A question that
/// the model cannot take has the reason.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn side_by_side(
    model: &Model,
    questions: &[&str],
    n_latents: usize,
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<Result<Stopped, ModelError>>, ModelError> {
    let mut prompts = Vec::new();
    let mut refused = Vec::new();
    for question in questions {
        match model.prompt(question, Mode::Latent) {
            Ok(prompt) => {
                prompts.push(model.prefill_rows(&[&prompt.ids], cancel)?);
                refused.push(None);
            }
            Err(error) if error.kind() == ErrorKind::Usage => refused.push(Some(error)),
            Err(error) => return Err(error),
        }
    }
    let mut stopped = if prompts.is_empty() {
        Vec::new()
    } else {
        stop_rows(model, &prompts, n_latents, most_tokens, cancel)?
    }
    .into_iter();
    let results = refused.into_iter().map(|refused| match refused {
        Some(error) => Some(Err(error)),
        None => stopped.next().map(Ok),
    });
    Ok(results.flatten().collect())
}

fn stop_rows(
    model: &Model,
    prompts: &[Branch],
    n_latents: usize,
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<Stopped>, ModelError> {
    let rows = prompts.len();
    let start = Branch::stack(&prompts.iter().collect::<Vec<_>>())?;
    let rollout = model.rollout(&start, n_latents, &Overrides::none(rows), cancel)?;
    let closed = model.close(rollout.last(), false, cancel)?;
    let said = model.generate(&closed, most_tokens, &mut |_| (), cancel)?;
    let delimiter = model.markers().delimiter.as_slice();
    let targets: Vec<Vec<u32>> = said
        .iter()
        .map(|said| {
            said.ids
                .strip_prefix(delimiter)
                .unwrap_or(&said.ids)
                .to_vec()
        })
        .collect();
    let mut exits: Vec<Vec<EarlyExit>> = vec![Vec::new(); rows];
    let together = (ROWS / rows).max(1);
    for (part, branches) in rollout.branches.chunks(together).enumerate() {
        let stacked = Branch::stack(&branches.iter().collect::<Vec<_>>())?;
        let forced = model.close(&stacked, true, cancel)?;
        let most = most_tokens.min(MAX_EXIT_TOKENS);
        let generated = model.generate(&forced, most, &mut |_| (), cancel)?;
        let wanted: Vec<Vec<u32>> = (0..generated.len())
            .map(|row| targets[row % rows].clone())
            .collect();
        let scores = model.score(&forced, &wanted, cancel)?;
        for (at, (generated, score)) in generated.iter().zip(scores).enumerate() {
            let said = [delimiter, &generated.ids].concat();
            exits[at % rows].push(EarlyExit {
                k: part * together + at / rows,
                value: model
                    .extract_value(&said)?
                    .filter(|value| !value.is_empty()),
                logprob: (!generated.ids.is_empty()).then(|| generated.logprobs.iter().sum()),
                clean_logprob: (!wanted[at].is_empty()).then_some(score.logprob),
            });
        }
    }
    let said = said.into_iter().map(|said| said.ids);
    Ok(said.zip(exits).collect())
}

/// The forced answer after each stop, compared with a target.
fn exits(
    model: &Model,
    stops: &[(usize, Branch)],
    target: &[u32],
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<EarlyExit>, ModelError> {
    let delimiter = &model.markers().delimiter;
    let mut exits = Vec::with_capacity(stops.len());
    for part in stops.chunks(ROWS) {
        let branches: Vec<&Branch> = part.iter().map(|(_, branch)| branch).collect();
        let conclusions = model.conclude(
            &Branch::stack(&branches)?,
            target,
            Spoken::Forced,
            most_tokens.min(MAX_EXIT_TOKENS),
            cancel,
        )?;
        for ((k, _), conclusion) in part.iter().zip(conclusions) {
            let generated = conclusion.generated;
            let said = [delimiter.as_slice(), &generated.ids].concat();
            exits.push(EarlyExit {
                k: *k,
                value: model
                    .extract_value(&said)?
                    .filter(|value| !value.is_empty()),
                logprob: (!generated.ids.is_empty()).then(|| generated.logprobs.iter().sum()),
                clean_logprob: (!target.is_empty()).then_some(conclusion.score.logprob),
            });
        }
    }
    Ok(exits)
}

/// The possible stops: the number of thinking tokens so far, and the run up to there.
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
