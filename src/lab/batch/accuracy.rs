//! The answers in every mode of the model (docs/methods.md M3.6) and with other latents, with their token counts and the
//! confidence in the main one.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::subject::Subject;
use crate::core::types::LatentIdx;
use crate::engine::model::{Branch, ErrorKind, Mode, Model, ModelError, Overrides};
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::rows::row::{AccuracyRow, Confidence, RowAnswer};

pub(super) fn accuracy(subject: &Subject<'_>, index: usize) -> Result<AccuracyRow, ModelError> {
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
    let mut accuracy = AccuracyRow {
        main: said(subject, clean),
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
        ..AccuracyRow::default()
    };
    if !clean.fed.is_empty() {
        other_latents(subject, index, &mut accuracy)?;
    }
    Ok(accuracy)
}

/// Answers from the same prompt with other latents than its own, where they are defined: all end as rows of one batch.
fn other_latents(
    subject: &Subject<'_>,
    index: usize,
    accuracy: &mut AccuracyRow,
) -> Result<(), ModelError> {
    let (clean, model, cancel) = (subject.clean, subject.explorer.model(), subject.cancel);
    let (n, steps) = (clean.fed.len(), subject.solved.problem.steps.len());
    let (mut places, mut ends) = (vec![(&mut accuracy.no_latents, 0)], vec![&clean.prompt]);
    // A long solution may have more steps than the run has latents.
    let kept = &clean.rollout.branches[steps.saturating_sub(1).min(n)];
    let more = steps.saturating_sub(1 + n);
    let fewer = model.rollout(kept, more, &Overrides::none(1), cancel)?;
    if steps >= 2 {
        places.push((&mut accuracy.one_fewer, steps - 1));
        ends.push(fewer.last());
    }
    let off = [
        &mut accuracy.off_zero,
        &mut accuracy.off_mean,
        &mut accuracy.off_resample,
    ];
    let off = off.into_iter().zip(replacements(subject, index));
    let off: Vec<_> = off.filter_map(|(to, with)| Some((to, with?))).collect();
    let mut overrides = Overrides::none(off.len());
    for (row, (place, vectors)) in off.into_iter().enumerate() {
        places.push((place, n));
        for (latent, vector) in (1..).map(LatentIdx).zip(vectors) {
            overrides.set(row, latent, vector);
        }
    }
    let off = model.rollout(&clean.prompt, n, &overrides, cancel)?;
    ends.push(off.last());
    let closed = model.close(&Branch::stack(&ends)?, false, cancel)?;
    let generated = model.generate(&closed, clean.most_tokens, &mut |_| (), cancel)?;
    for ((place, latents), generated) in places.into_iter().zip(generated) {
        let answer = model.extract_value(&generated.ids)?;
        *place = Some(RowAnswer {
            correct: subject.is_correct(answer.as_deref()),
            answer,
            tokens: latents + answer_tokens(model, &generated.ids),
        });
    }
    Ok(())
}

/// The vectors that replace all latents: zeros, the means, and the latents of another problem. The last two need a reference set
/// that reaches as far.
fn replacements(subject: &Subject<'_>, index: usize) -> [Option<Vec<Arc<[f32]>>>; 3] {
    let (clean, reference) = (subject.clean, subject.explorer.reference());
    let n = clean.fed.len();
    let zeros: Arc<[f32]> = vec![0.0; subject.explorer.model().width()].into();
    let mean = |j| Some(Arc::clone(&reference.fed(LatentIdx(j))?.mean));
    // Only problems with as many latents can replace all of them.
    let donors = reference.others(&clean.run.question);
    let donors: Vec<_> = donors.filter_map(|donor| donor.fed.get(..n)).collect();
    // A different donor for each problem, the same in every run.
    let donor = donors.get(index % donors.len().max(1));
    let resampled = donor.map(|vectors| vectors.to_vec());
    [Some(vec![zeros; n]), (1..=n).map(mean).collect(), resampled]
}

fn said(subject: &Subject<'_>, run: &CleanRun) -> RowAnswer {
    let answer = run.run.answer.value.clone();
    let model = subject.explorer.model();
    RowAnswer {
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
