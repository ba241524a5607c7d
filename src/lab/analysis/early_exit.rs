//! The answer after 0..N latents, or after 0.. written steps, delimiter forced (docs/methods.md M4.1).

use crate::core::types::EarlyExit;
use crate::engine::model::{Branch, Cancel, Generated, Mode, Model, ModelError, Spoken};

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

/// Computes the early exits of every row of a batch, given the branches after 0..N latents and each row's own text: the unit of
/// early stopping over a data set. Returns them by row.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub(super) fn of_rows(
    model: &Model,
    branches: &[Branch],
    said: &[&[u32]],
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<Vec<EarlyExit>>, ModelError> {
    let rows = said.len();
    // The exits are compared with the row's text; an exit with another answer shows up as a difference.
    let delimiter = model.markers().delimiter.as_slice();
    let target = |row: usize| {
        said[row]
            .strip_prefix(delimiter)
            .unwrap_or(said[row])
            .to_vec()
    };
    let mut exits: Vec<Vec<EarlyExit>> = vec![Vec::new(); rows];
    let together = (ROWS / rows).max(1);
    for (part, branches) in branches.chunks(together).enumerate() {
        let stacked = Branch::stack(&branches.iter().collect::<Vec<_>>())?;
        let forced = model.close(&stacked, true, cancel)?;
        let most = most_tokens.min(MAX_EXIT_TOKENS);
        let generated = model.generate(&forced, most, &mut |_| (), cancel)?;
        let wanted: Vec<Vec<u32>> = (0..generated.len()).map(|at| target(at % rows)).collect();
        let scores = model.score(&forced, &wanted, cancel)?;
        for (at, (generated, score)) in generated.iter().zip(scores).enumerate() {
            let score = (!wanted[at].is_empty()).then_some(score.logprob);
            let k = part * together + at / rows;
            exits[at % rows].push(exit(model, k, generated, score)?);
        }
    }
    Ok(exits)
}

/// The forced answer after each stop, compared with a target.
fn exits(
    model: &Model,
    stops: &[(usize, Branch)],
    target: &[u32],
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Vec<EarlyExit>, ModelError> {
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
            let score = (!target.is_empty()).then_some(conclusion.score.logprob);
            exits.push(exit(model, *k, &conclusion.generated, score)?);
        }
    }
    Ok(exits)
}

/// The exit after `k` thinking tokens from the text after the forced delimiter.
fn exit(
    model: &Model,
    k: usize,
    generated: &Generated,
    clean_logprob: Option<f64>,
) -> Result<EarlyExit, ModelError> {
    let said = [&model.markers().delimiter, generated.ids.as_slice()].concat();
    Ok(EarlyExit {
        k,
        value: model
            .extract_value(&said)?
            .filter(|value| !value.is_empty()),
        logprob: (!generated.ids.is_empty()).then(|| generated.logprobs.iter().sum()),
        clean_logprob,
    })
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
