//! The answers in every mode of the model (docs/methods.md M3.6), with their token counts and the confidence in the main one.

use std::collections::BTreeMap;

use super::subject::Subject;
use crate::engine::model::{ErrorKind, Mode, Model, ModelError};
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::rows::row::{Accuracy, Confidence, Said};

pub(super) fn accuracy(subject: &Subject<'_>) -> Result<Accuracy, ModelError> {
    let (clean, model) = (subject.clean, subject.explorer.model());
    let has = |mode: Mode| model.info().modes.iter().any(|name| name == mode.as_str());
    let mut refused = BTreeMap::new();
    let mut other = |mode: Mode| {
        if mode == clean.mode || !has(mode) {
            return Ok(None);
        }
        let ask = Ask {
            question: &clean.run.question,
            gold: subject.gold(),
            steps: None,
            mode,
            n_latents: 0,
            top_k: 0,
            most_tokens: None,
        };
        match subject.explorer.run(&ask, subject.cancel, &mut |_| ()) {
            Ok(run) => Ok(Some(said(subject, &run))),
            // A refusal in one mode leaves the other answers valid.
            Err(why) if matches!(why.kind(), ErrorKind::Usage) => {
                refused.insert(mode.as_str().to_owned(), why.to_string());
                Ok(None)
            }
            Err(why) => Err(why),
        }
    };
    let (direct, written) = (other(Mode::Direct)?, other(Mode::Written)?);
    Ok(Accuracy {
        main: said(subject, clean),
        no_latents: no_latents(subject)?,
        direct,
        written,
        refused,
        confidence: clean.run.answer.logprob.map(|logprob| {
            let (first_probability, entropy) = spread(&clean.first_logits);
            Confidence {
                logprob,
                first_probability,
                entropy,
            }
        }),
    })
}

/// Answers from the same prompt without any latent.
fn no_latents(subject: &Subject<'_>) -> Result<Option<Said>, ModelError> {
    let (clean, model) = (subject.clean, subject.explorer.model());
    if clean.fed.is_empty() {
        return Ok(None);
    }
    let closed = model.close(&clean.prompt, false, subject.cancel)?;
    let most = clean.most_tokens;
    let mut generated = model.generate(&closed, most, &mut |_| (), subject.cancel)?;
    let ids = generated.remove(0).ids;
    let answer = model.extract_value(&ids)?;
    Ok(Some(Said {
        correct: subject.is_correct(answer.as_deref()),
        answer,
        tokens: answer_tokens(model, &ids),
    }))
}

fn said(subject: &Subject<'_>, run: &CleanRun) -> Said {
    let answer = run.run.answer.value.clone();
    let model = subject.explorer.model();
    Said {
        correct: subject.is_correct(answer.as_deref()),
        answer,
        tokens: run.fed.len() + run.written.len() + answer_tokens(model, &run.run.answer.ids),
    }
}

/// Counts the tokens from the first delimiter on plus the end token; without a delimiter only the end token.
fn answer_tokens(model: &Model, ids: &[u32]) -> usize {
    let delimiter = &model.markers().delimiter;
    let at = ids
        .windows(delimiter.len().max(1))
        .position(|window| window == delimiter.as_slice());
    at.map_or(1, |at| ids.len() - at + 1)
}

/// Returns the largest probability of a row of logits and its entropy in nats.
fn spread(logits: &[f32]) -> (f64, f64) {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let weights = logits.iter().map(|x| f64::from(x - top).exp());
    let sum: f64 = weights.clone().sum();
    let entropy = weights
        .map(|w| w / sum)
        .filter(|p| *p > 0.0)
        .map(|p| -p * p.ln())
        .sum();
    (1.0 / sum, entropy)
}

#[cfg(test)]
mod tests {
    use super::spread;

    #[test]
    fn probability_and_entropy_of_known_rows() {
        let (p, h) = spread(&[0.0, 0.0, 0.0, 0.0]);
        assert!((p - 0.25).abs() < 1e-12 && (h - 4f64.ln()).abs() < 1e-12);
        let (p, h) = spread(&[900.0, -900.0]);
        assert!(p.to_bits() == 1f64.to_bits() && h.abs() < 1e-12);
        // e / (1 + e), and the entropy of that coin.
        let (p, h) = spread(&[2.0, 1.0]);
        assert!((p - 0.731_058_578_630_004_9).abs() < 1e-7 && (h - 0.582_203_10).abs() < 1e-6);
    }
}
