//! One ablation in full: answer, change, size, sham, and the distribution over its variants.

use super::judge::{Judge, VariantOutcome};
use super::replacements::{Plan, Replacements};
use super::{Subject, counted};
use crate::core::answers::is_correct;
use crate::core::stats;
use crate::core::types::{
    Ablation, AblationValue, Answer, Donors, Effect, LatentIdx, Outcome, Variants,
};
use crate::engine::model::{Cancel, Model, ModelError, Unfolded, argmax};
use crate::lab::analysis::no_reference;
use crate::lab::analysis::run::CleanRun;
use crate::verify::AblatedAnswer;

/// Runs an ablation of a clean run.
///
/// # Errors
/// When nothing is off, a latent does not exist, the value does not go with the site, there is no donor, the intervention
/// changed nothing, the sham run moved the logits, the model fails or the work is cancelled.
pub fn ablate(
    subject: &Subject<'_>,
    ablation: &Ablation,
    cancel: &Cancel,
) -> Result<Outcome, ModelError> {
    let (model, clean) = (subject.model, subject.clean);
    if clean.fed.is_empty() {
        return Err(ModelError::refused(
            "the run has no latents, so none can be switched off",
            "run it in a mode with latents, or choose a model that has them",
        ));
    }
    let replacements = Replacements::new(subject, ablation)?;
    let plan = replacements.plan(&ablation.off)?;
    let mut judge = Judge::new(subject, cancel);
    judge.gold = true;
    let plans = std::slice::from_ref(&plan);
    let (sham_max_diff, mut judged) = judge.plans(&replacements, plans, true)?;
    let judged = judged.remove(0);
    let counts = counted(&judged);
    let shown_value = counts.first().and_then(|(value, _)| value.clone());
    let shown = judged
        .iter()
        .position(|j| j.value == shown_value)
        .unwrap_or(0);
    // If the variants were split into batches, the shown one runs once more alone.
    let (unfolded, at) = if let Some(unfolded) = judge.whole.take() {
        // The sham comes first.
        (unfolded, shown + 1)
    } else {
        let variant = &plan.variants[shown..=shown];
        let layers = &replacements.layers;
        (model.unfold(&clean.rollout, variant, layers, cancel)?, 0)
    };
    let answer = Answer {
        text: model.decode(&judged[shown].ids)?,
        ids: judged[shown].ids.clone(),
        correct: clean
            .gold
            .as_deref()
            .map(|gold| is_correct(shown_value.as_deref(), gold)),
        logprob: judge.answer_logprob(&unfolded, at, &judged[shown])?,
        value: shown_value.clone(),
    };
    Ok(Outcome {
        ablation: ablation.clone(),
        effect: effect(clean, ablation, &plan, &judged, counts, sham_max_diff),
        answer,
        latents_after: latents_after(model, clean, plan.variants[shown].latents, &unfolded, at)?,
    })
}

/// Returns the percentage of natural differences below the size of an ablation; `None` if no vector is replaced or there is no
/// reference set. Runs nothing.
///
/// # Errors
/// When the ablation is refused.
pub fn size_percentile(
    subject: &Subject<'_>,
    ablation: &Ablation,
) -> Result<Option<f64>, ModelError> {
    let replacements = Replacements::new(subject, ablation)?;
    Ok(replacements.plan(&ablation.off)?.size_percentile)
}

fn effect(
    clean: &CleanRun,
    ablation: &Ablation,
    plan: &Plan,
    judged: &[VariantOutcome],
    answers: Vec<(Option<String>, usize)>,
    sham_max_diff: f64,
) -> Effect {
    let each =
        |value: &dyn Fn(&VariantOutcome) -> f64| judged.iter().map(value).collect::<Vec<f64>>();
    let deltas = each(&|j| j.logprob - clean.answer_logprob);
    let gold: Option<Vec<f64>> = judged
        .iter()
        .map(|j| Some(j.gold? - clean.run.gold_logprob?))
        .collect();
    let clean_value = &clean.run.answer.value;
    let flips = judged.iter().filter(|j| j.value != *clean_value).count();
    let variants = Variants {
        flips,
        n: judged.len(),
    };
    Effect {
        flipped: variants.most_flip(),
        delta_logprob: stats::mean(&deltas),
        delta_logprob_gold: gold.map(|gold| stats::mean(&gold)),
        kl: stats::mean(&each(&|j| j.kl)),
        relative_size: plan.relative_size,
        size_percentile: plan.size_percentile,
        sham_max_diff,
        donors: ablation.value.variant_name().map(|_| Donors {
            n: judged.len(),
            flips,
            flip_rate_ci95: Some(stats::exact_interval(flips, judged.len())),
            delta_logprob_ci95: stats::mean_interval(&deltas),
            answers,
        }),
    }
}

/// The top decoded token of each latent of one variant.
fn latents_after(
    model: &Model,
    clean: &CleanRun,
    latents: usize,
    unfolded: &Unfolded,
    at: usize,
) -> Result<Vec<String>, ModelError> {
    let text = |idx: LatentIdx| -> Result<String, ModelError> {
        if let (Some(states), Some(row)) = (unfolded.states_at(idx), unfolded.row_at(at, idx)) {
            let logits = model.project(&states.select(&[row])?)?;
            let top = logits.first().map(|row| model.token_text(argmax(row)));
            return Ok(top.unwrap_or_default());
        }
        let own = clean.run.latents().find(|(own, _)| *own == idx);
        Ok(own.map(|(_, p)| p.text.clone()).unwrap_or_default())
    };
    (1..=latents).map(LatentIdx).map(text).collect()
}

/// Replaces all latents by one value; returns the answer of each variant.
///
/// # Errors
/// When there is no reference set, nothing is changed, the model fails or the work is cancelled.
pub fn all_off(
    subject: &Subject<'_>,
    value: AblationValue,
    cancel: &Cancel,
) -> Result<Vec<AblatedAnswer>, ModelError> {
    let clean = subject.clean;
    let all = Ablation {
        off: (1..=clean.fed.len()).map(LatentIdx).collect(),
        value,
        ..Ablation::default()
    };
    if subject.reference.is_empty() && value != AblationValue::KvBlock {
        return Err(no_reference());
    }
    let replacements = Replacements::new(subject, &all)?;
    let plan = replacements.plan(&all.off)?;
    let mut judge = Judge::new(subject, cancel);
    let judged = judge.variants(&plan.variants, &replacements.layers)?;
    Ok(judged
        .into_iter()
        .map(|j| AblatedAnswer {
            answer: j.value,
            delta_logprob: j.logprob - clean.answer_logprob,
        })
        .collect())
}
