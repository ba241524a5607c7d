//! Switching latents off: one batch of rows that share the prompt's cache, with the proof that something changed.
//!
//! Row 0 is the sham run (every ablated latent's own value written back); the other rows are the variants: one for
//! mean and zero, one per donor for resample. Later latents are recomputed (total effect, field-map.md 5.2).

use std::sync::Arc;

use crate::decode::lens;
use crate::model::{Branch, Cancel, Model, ModelError, Rollout, Writes};
use crate::trace::{Ablation, AblationValue, Answer, Donors, Effect, LatentIdx, Outcome};

use super::reference::{Item, Reference};
use super::run::{CleanRun, MAX_NEW_TOKENS};
use super::{answers, stats};

/// How many donors a resample ablation tries (field-map.md 5.2).
pub const DONORS: usize = 16;

/// Largest difference of any first-answer logit that the sham run may show (f32; see the model's self-tests).
pub const SHAM_TOLERANCE: f64 = 1e-3;

/// Runs an ablation of a clean run.
///
/// # Errors
/// When nothing is off, a latent does not exist, there is no donor, the intervention changed nothing, the sham run
/// moved the logits, the model fails or the work is cancelled.
pub fn ablate(
    model: &Model,
    clean: &CleanRun,
    reference: &Reference,
    ablation: &Ablation,
    cancel: &Cancel,
) -> Result<Outcome, ModelError> {
    let n = clean.fed.len();
    if let Some(missing) = ablation.off.iter().find(|idx| idx.0 == 0 || idx.0 > n) {
        return Err(ModelError::input(format!(
            "there is no latent {missing}: the run has {n}"
        )));
    }
    if ablation.is_clean() {
        return Err(ModelError::input(
            "nothing is switched off: name at least one latent".to_owned(),
        ));
    }
    if ablation.value == AblationValue::Skip {
        return skip(model, clean, ablation, cancel);
    }
    let variants = variants(model, clean, reference, ablation)?;
    let mut writes = Writes::none(variants.len() + 1);
    let mut sizes = Vec::new();
    for &idx in &ablation.off {
        let own = &clean.fed[idx.0 - 1];
        writes.set(0, idx, own.clone());
        for (row, variant) in variants.iter().enumerate() {
            let vector = &variant[idx.0 - 1];
            sizes.push(relative_change(own, vector));
            writes.set(row + 1, idx, vector.clone());
        }
    }
    if sizes.iter().all(|size| *size == 0.0) {
        return Err(ModelError::input(format!(
            "{} changed nothing: the replacement equals the latent",
            ablation.value
        )));
    }
    let rollout = model.rollout(&clean.prompt, n, &writes, cancel)?;
    let sham = Some(0);
    measure(
        model,
        clean,
        ablation,
        &rollout,
        sham,
        Some(stats::mean(&sizes)),
        cancel,
    )
}

/// The replacement vectors, by variant and latent.
fn variants(
    model: &Model,
    clean: &CleanRun,
    reference: &Reference,
    ablation: &Ablation,
) -> Result<Vec<Vec<Arc<[f32]>>>, ModelError> {
    let n = clean.fed.len();
    match ablation.value {
        AblationValue::Zero => Ok(vec![vec![Arc::from(vec![0.0; model.width()]); n]]),
        AblationValue::Mean => {
            let means = (1..=n)
                .map(|j| reference.mean_fed(LatentIdx(j)).cloned())
                .collect::<Option<Vec<_>>>();
            means.map(|m| vec![m]).ok_or_else(super::no_reference)
        }
        AblationValue::Resample => {
            let donors: Vec<&Item> = reference.donors(&clean.run.question, DONORS);
            if donors.is_empty() || donors.iter().any(|donor| donor.fed.len() < n) {
                return Err(super::no_reference());
            }
            Ok(donors.into_iter().map(|donor| donor.fed.clone()).collect())
        }
        _ => Ok(Vec::new()),
    }
}

/// A shorter rollout. The sham is the full rollout run once more: it must give the clean logits.
fn skip(
    model: &Model,
    clean: &CleanRun,
    ablation: &Ablation,
    cancel: &Cancel,
) -> Result<Outcome, ModelError> {
    let k = clean.fed.len() - ablation.off.len();
    let again = model.rollout(&clean.prompt, clean.fed.len(), &Writes::none(1), cancel)?;
    let sham_logits = first_logits(model, clean, again.last(), cancel)?;
    let rollout = model.rollout(&clean.prompt, k, &Writes::none(1), cancel)?;
    let mut outcome = measure(model, clean, ablation, &rollout, None, None, cancel)?;
    outcome.effect.sham_max_diff = sham_difference(clean, &sham_logits)?;
    Ok(outcome)
}

fn first_logits(
    model: &Model,
    clean: &CleanRun,
    branch: &Branch,
    cancel: &Cancel,
) -> Result<Vec<f32>, ModelError> {
    let forced = model.close(branch, true, cancel)?;
    Ok(model
        .score(&forced, std::slice::from_ref(&clean.answer_ids), cancel)?
        .remove(0)
        .first_logits)
}

fn sham_difference(clean: &CleanRun, sham: &[f32]) -> Result<f64, ModelError> {
    let difference = clean
        .first_logits
        .iter()
        .zip(sham)
        .map(|(a, b)| f64::from((a - b).abs()))
        .fold(0.0, f64::max);
    // NaN must not pass as "no difference".
    if difference <= SHAM_TOLERANCE
        && sham.len() == clean.first_logits.len()
        && sham.iter().all(|x| x.is_finite())
    {
        Ok(difference)
    } else {
        Err(ModelError::input(format!(
            "the sham run moved the logits by {difference:.2e}, more than {SHAM_TOLERANCE:.0e}: the intervention is not to be trusted"
        )))
    }
}

/// Reads answers and log-probabilities off a finished rollout whose row `sham`, if any, is the sham run.
fn measure(
    model: &Model,
    clean: &CleanRun,
    ablation: &Ablation,
    rollout: &Rollout,
    sham: Option<usize>,
    relative_size: Option<f64>,
    cancel: &Cancel,
) -> Result<Outcome, ModelError> {
    let rows: Vec<usize> = (0..rollout.last().rows())
        .filter(|row| Some(*row) != sham)
        .collect();
    let forced = model.close(rollout.last(), true, cancel)?;
    let scores = model.score(&forced, std::slice::from_ref(&clean.answer_ids), cancel)?;
    let sham_max_diff = match sham {
        Some(row) => sham_difference(clean, &scores[row].first_logits)?,
        None => 0.0,
    };
    let deltas: Vec<f64> = rows
        .iter()
        .map(|&row| scores[row].logprob - clean.answer_logprob)
        .collect();
    let kls: Vec<f64> = rows
        .iter()
        .map(|&row| lens::kl_divergence(&clean.first_logits, &scores[row].first_logits))
        .collect();
    let delta_logprob_gold = match (&clean.gold_ids, clean.run.gold_logprob) {
        (Some(ids), Some(before)) => {
            let gold = model.score(&forced, std::slice::from_ref(ids), cancel)?;
            Some(stats::mean(
                &rows
                    .iter()
                    .map(|&row| gold[row].logprob - before)
                    .collect::<Vec<_>>(),
            ))
        }
        _ => None,
    };

    let free = model.close(&rollout.last().select(&rows)?, false, cancel)?;
    let generated = model.generate(&free, MAX_NEW_TOKENS, &mut |_| (), cancel)?;
    let values: Vec<Option<String>> = generated
        .iter()
        .map(|g| model.extract_value(&g.ids))
        .collect::<Result<_, _>>()?;
    let counts = counted(&values);
    let shown_value = counts
        .first()
        .map(|(value, _)| value.clone())
        .unwrap_or_default();
    let shown = values
        .iter()
        .position(|value| *value == shown_value)
        .unwrap_or(0);
    let answer_logprob = match &shown_value {
        Some(_) => {
            let one = forced.select(&[rows[shown]])?;
            let ids = answers::value_ids(model, &generated[shown].ids, &one, cancel)?;
            Some(model.score(&one, &[ids], cancel)?.remove(0).logprob)
        }
        None => None,
    };
    let flips = values
        .iter()
        .filter(|value| **value != clean.run.answer.value)
        .count();
    let latents_after = latent_texts(model, rollout, rows[shown])?;
    let donors = (ablation.value == AblationValue::Resample).then(|| Donors {
        n: rows.len(),
        flips,
        flip_rate_ci95: None,
        delta_logprob_ci95: stats::mean_interval(&deltas),
        answers: counts,
    });
    Ok(Outcome {
        ablation: ablation.clone(),
        answer: Answer {
            text: model.decode(&generated[shown].ids)?,
            ids: generated[shown].ids.clone(),
            correct: clean
                .gold
                .as_deref()
                .map(|gold| answers::is_correct(shown_value.as_deref(), gold)),
            logprob: answer_logprob,
            value: shown_value.clone(),
        },
        effect: Effect {
            flipped: shown_value != clean.run.answer.value,
            delta_logprob: stats::mean(&deltas),
            delta_logprob_gold,
            kl: stats::mean(&kls),
            relative_size,
            size_percentile: None,
            sham_max_diff,
            donors,
        },
        latents_after,
    })
}

/// What one donor did to the answer when every latent is resampled.
#[derive(Debug, Clone, PartialEq)]
pub struct Resampled {
    /// The answer under this donor's latents.
    pub answer: Option<String>,
    /// Change in log-probability of the clean answer.
    pub delta_logprob: f64,
}

/// Resamples all latents, donor by donor.
///
/// # Errors
/// When there is no donor, the model fails or the work is cancelled.
pub fn resample_all(
    model: &Model,
    clean: &CleanRun,
    reference: &Reference,
    cancel: &Cancel,
) -> Result<Vec<Resampled>, ModelError> {
    let n = clean.fed.len();
    let all = Ablation {
        off: (1..=n).map(LatentIdx).collect(),
        value: AblationValue::Resample,
        ..Ablation::default()
    };
    let donors = variants(model, clean, reference, &all)?;
    let mut writes = Writes::none(donors.len());
    for (row, donor) in donors.iter().enumerate() {
        for (j, vector) in donor.iter().take(n).enumerate() {
            writes.set(row, LatentIdx(j + 1), vector.clone());
        }
    }
    let rollout = model.rollout(&clean.prompt, n, &writes, cancel)?;
    let forced = model.close(rollout.last(), true, cancel)?;
    let scores = model.score(&forced, std::slice::from_ref(&clean.answer_ids), cancel)?;
    let free = model.close(rollout.last(), false, cancel)?;
    let generated = model.generate(&free, MAX_NEW_TOKENS, &mut |_| (), cancel)?;
    generated
        .iter()
        .zip(&scores)
        .map(|(generated, score)| {
            let answer = model.extract_value(&generated.ids)?;
            Ok(Resampled {
                answer,
                delta_logprob: score.logprob - clean.answer_logprob,
            })
        })
        .collect()
}

/// The top decoded token of each latent of one row.
fn latent_texts(model: &Model, rollout: &Rollout, row: usize) -> Result<Vec<String>, ModelError> {
    rollout
        .latents
        .iter()
        .map(|latent| {
            let logits = model.project(&latent.state.select(&[row])?)?;
            Ok(logits
                .first()
                .map(|row| model.token_text(crate::model::argmax(row)))
                .unwrap_or_default())
        })
        .collect()
}

/// Values with their counts, most frequent first, first seen first among equals.
fn counted(values: &[Option<String>]) -> Vec<(Option<String>, usize)> {
    let mut counts: Vec<(Option<String>, usize)> = Vec::new();
    for value in values {
        match counts.iter_mut().find(|(seen, _)| seen == value) {
            Some((_, n)) => *n += 1,
            None => counts.push((value.clone(), 1)),
        }
    }
    counts.sort_by_key(|(_, n)| std::cmp::Reverse(*n));
    counts
}

/// |changed - own| / |own|; infinite when the latent itself is zero and the replacement is not.
fn relative_change(own: &[f32], changed: &[f32]) -> f64 {
    let norm = |pairs: &mut dyn Iterator<Item = f32>| {
        pairs
            .map(|x| f64::from(x) * f64::from(x))
            .sum::<f64>()
            .sqrt()
    };
    let delta = norm(&mut own.iter().zip(changed).map(|(a, b)| b - a));
    if delta == 0.0 {
        0.0
    } else {
        delta / norm(&mut own.iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_most_frequent_first_and_stable() {
        let values = ["3", "5", "5", "3", "4"].map(|s| Some(s.to_owned()));
        let want = [("3", 2), ("5", 2), ("4", 1)].map(|(s, n)| (Some(s.to_owned()), n));
        assert_eq!(counted(&values), want);
        assert!(counted(&[]).is_empty());
    }

    #[test]
    fn relative_change_is_the_share_of_the_norm() {
        assert!((relative_change(&[3.0, 4.0], &[0.0, 0.0]) - 1.0).abs() < 1e-12);
        assert!(relative_change(&[3.0, 4.0], &[3.0, 4.0]) <= 0.0);
        assert!(relative_change(&[0.0], &[1.0]).is_infinite());
    }
}
