//! Runs variants and records for each its answer and the log-probability of the clean answer.

use std::collections::BTreeSet;
use std::ops::Range;
use std::time::Instant;

use rayon::prelude::*;

use super::replacements::{Plan, Replacements};
use super::{SHAM_TOLERANCE, Subject};
use crate::core::types::{Cost, LatentIdx};
use crate::engine::decode::lens;
use crate::engine::model::{
    Branch, Cancel, Conclusion, Model, ModelError, Precision, Spoken, Unfolded, Variant,
};
use crate::lab::analysis::answers;
use crate::lab::analysis::run::CleanRun;

/// Maximum number of distinct rows in one batch.
pub(super) const ROWS: usize = 128;

/// The outcome of one variant.
#[derive(Debug, Clone)]
pub(super) struct VariantOutcome {
    /// Log-probability of the clean answer.
    pub(super) logprob: f64,
    /// KL divergence from the clean run at the first answer token, in nats.
    pub(super) kl: f64,
    /// Largest difference of any first-answer logit from the clean run; infinite if one is NaN.
    pub(super) logit_difference: f64,
    /// The generated ids.
    pub(super) ids: Vec<u32>,
    /// The answer value in them.
    pub(super) value: Option<String>,
    /// Log-probability of that answer's tokens, if they follow a delimiter directly.
    pub(super) answer_logprob: Option<f64>,
    /// Log-probability of the gold answer, if requested.
    pub(super) gold: Option<f64>,
}

/// The run and model against which variants are judged.
pub(super) struct Judge<'a> {
    pub(super) model: &'a Model,
    pub(super) clean: &'a CleanRun,
    pub(super) cancel: &'a Cancel,
    /// Whether the gold answer is scored too.
    pub(super) gold: bool,
    began: Instant,
    cost: Cost,
    rows: usize,
    /// The last batch of runs, if it was not split: shams first, then plan by plan.
    pub(super) whole: Option<Unfolded>,
}

impl<'a> Judge<'a> {
    pub(super) fn new(subject: &Subject<'a>, cancel: &'a Cancel) -> Self {
        Self {
            model: subject.model,
            clean: subject.clean,
            cancel,
            gold: false,
            began: Instant::now(),
            cost: Cost::default(),
            rows: ROWS,
            whole: None,
        }
    }

    /// Starts from the cost of earlier work.
    pub(super) fn resume_cost(&mut self, before: Option<Cost>) {
        self.cost = before.unwrap_or_default();
    }

    /// Returns the total cost so far.
    pub(super) fn cost(&self) -> Cost {
        Cost {
            elapsed_ms: self.cost.elapsed_ms + self.began.elapsed().as_secs_f64() * 1e3,
            ..self.cost
        }
    }

    /// Runs plans, preceded by their shams if requested; returns the largest sham difference and the outcome of every variant of
    /// every plan.
    ///
    /// # Errors
    /// When a sham moved the logits, a plan changed nothing, the model fails or the work is cancelled.
    pub(super) fn plans(
        &mut self,
        replacements: &Replacements<'_>,
        plans: &[Plan],
        with_shams: bool,
    ) -> Result<(f64, Vec<Vec<VariantOutcome>>), ModelError> {
        let shams = if with_shams { plans.len() } else { 0 };
        let variants: Vec<Variant> = plans
            .iter()
            .map(|plan| plan.sham.clone())
            .take(shams)
            .chain(plans.iter().flat_map(|plan| plan.variants.clone()))
            .collect();
        let mut judged = self.variants(&variants, &replacements.layers)?;
        let rest = judged.split_off(shams);
        let sham = judged
            .iter()
            .map(|sham| self.sham_difference(sham))
            .try_fold(0.0, |most, d| d.map(|d: f64| d.max(most)))?;
        let mut rest = rest.into_iter();
        let by_plan: Vec<Vec<VariantOutcome>> = plans
            .iter()
            .map(|plan| rest.by_ref().take(plan.variants.len()).collect())
            .collect();
        for (plan, judged) in plans.iter().zip(&by_plan) {
            if plan.relative_size.is_none() && judged.iter().all(|j| j.logit_difference == 0.0) {
                return Err(ModelError::refused(
                    "nothing was changed: the logits are those of the clean run to the last bit",
                    "use another value or site, or switch off another latent",
                ));
            }
        }
        Ok((sham, by_plan))
    }

    /// Runs one sham; returns its largest difference.
    ///
    /// # Errors
    /// As [`Judge::plans`].
    pub(super) fn sham(
        &mut self,
        replacements: &Replacements<'_>,
        off: &BTreeSet<LatentIdx>,
    ) -> Result<f64, ModelError> {
        let judged = self.variants(&[replacements.sham(off)], &replacements.layers)?;
        judged
            .first()
            .map_or(Ok(0.0), |sham| self.sham_difference(sham))
    }

    /// Runs variants in batches; halves the batch size if memory runs out.
    pub(super) fn variants(
        &mut self,
        variants: &[Variant],
        layers: &Range<usize>,
    ) -> Result<Vec<VariantOutcome>, ModelError> {
        let mut judged = Vec::with_capacity(variants.len());
        self.whole = None;
        while judged.len() < variants.len() {
            let from = judged.len();
            let part = &variants[from..variants.len().min(from + self.rows)];
            match self.part(part, layers) {
                Err(ModelError::OutOfMemory(_)) if self.rows > 1 && part.len() > 1 => {
                    self.rows = part.len().div_ceil(2);
                    tracing::warn!(
                        rows = self.rows,
                        "not enough memory, continuing with fewer rows"
                    );
                }
                part => {
                    let (unfolded, part) = part?;
                    self.whole = (part.len() == variants.len()).then_some(unfolded);
                    judged.extend(part);
                }
            }
        }
        Ok(judged)
    }

    /// Runs one batch of variants.
    fn part(
        &mut self,
        variants: &[Variant],
        layers: &Range<usize>,
    ) -> Result<(Unfolded, Vec<VariantOutcome>), ModelError> {
        let unfolded = self
            .model
            .unfold(&self.clean.rollout, variants, layers, self.cancel)?;
        let expected = &self.clean.run.answer.ids;
        let target = &self.clean.answer_ids;
        let ends = &unfolded.ends;
        let conclusions = self.model.conclude(
            ends,
            target,
            Spoken::Free(expected),
            self.clean.most_tokens,
            self.cancel,
        )?;
        let gold = self.gold_scores(ends, &conclusions)?;
        let rows = conclusions
            .into_par_iter()
            .zip(gold)
            .map(|(conclusion, gold)| self.judged(conclusion, gold))
            .collect::<Result<Vec<VariantOutcome>, _>>()?;
        self.cost.runs += variants.len();
        self.cost.latent_steps += unfolded.steps;
        self.cost.latent_steps_alone += variants.iter().map(|v| v.latents).sum::<usize>();
        let judged = unfolded.rows.iter().map(|&row| rows[row].clone()).collect();
        Ok((unfolded, judged))
    }

    fn gold_scores(
        &self,
        ends: &Branch,
        conclusions: &[Conclusion],
    ) -> Result<Vec<Option<f64>>, ModelError> {
        let same = || conclusions.iter().map(|c| Some(c.score.logprob)).collect();
        Ok(match &self.clean.gold_ids {
            Some(gold) if self.gold && *gold == self.clean.answer_ids => same(),
            Some(gold) if self.gold => {
                let forced = self.model.close(ends, true, self.cancel)?;
                let target = std::slice::from_ref(gold);
                let scores = self.model.score(&forced, target, self.cancel)?;
                scores.into_iter().map(|s| Some(s.logprob)).collect()
            }
            _ => vec![None; conclusions.len()],
        })
    }

    fn judged(
        &self,
        conclusion: Conclusion,
        gold: Option<f64>,
    ) -> Result<VariantOutcome, ModelError> {
        let Conclusion { score, generated } = conclusion;
        let delimiter = &self.model.markers().delimiter;
        let value = self.model.extract_value(&generated.ids)?;
        let follows = generated.ids.starts_with(delimiter) && is_answer(value.as_ref());
        Ok(VariantOutcome {
            logprob: score.logprob,
            kl: lens::kl_divergence(&self.clean.first_logits, &score.first_logits),
            logit_difference: logit_difference(&self.clean.first_logits, &score.first_logits),
            answer_logprob: follows
                .then(|| generated.logprobs[delimiter.len()..].iter().sum::<f64>()),
            ids: generated.ids,
            value,
            gold,
        })
    }

    /// Log-probability of a row's answer that does not follow the delimiter directly.
    pub(super) fn answer_logprob(
        &self,
        unfolded: &Unfolded,
        variant: usize,
        judged: &VariantOutcome,
    ) -> Result<Option<f64>, ModelError> {
        if judged.answer_logprob.is_some() || !is_answer(judged.value.as_ref()) {
            return Ok(judged.answer_logprob);
        }
        let row = unfolded.ends.select(&[unfolded.rows[variant]])?;
        let forced = self.model.close(&row, true, self.cancel)?;
        let ids = answers::value_ids(
            self.model,
            &judged.ids,
            &forced,
            self.clean.most_tokens,
            self.cancel,
        )?;
        let score = self.model.score(&forced, &[ids], self.cancel)?.remove(0);
        Ok(Some(score.logprob))
    }

    /// Returns the largest difference of a sham run.
    ///
    /// # Errors
    /// If it exceeds the tolerance: that of the model's self-test if that is larger, except in f32.
    fn sham_difference(&self, sham: &VariantOutcome) -> Result<f64, ModelError> {
        let logits = &self.clean.first_logits;
        let largest = logits.iter().fold(0.0f64, |m, x| m.max(f64::from(x.abs())));
        let config = self.model.config();
        let most = match (config.precision, config.family.is_codi()) {
            // The reference also computes these in f32.
            (Precision::F32, _) | (Precision::Reference, false) => SHAM_TOLERANCE,
            _ => SHAM_TOLERANCE.max(self.model.self_test().tolerance * largest),
        };
        // A NaN logit gives an infinite difference.
        let difference = sham.logit_difference;
        if difference <= most {
            return Ok(difference);
        }
        Err(ModelError::refused(
            format!(
                "the sham run moved the logits by {difference:.2e}, more than {most:.0e}: the intervention is unreliable"
            ),
            "compute in single precision (--dtype f32) or on the CPU (--device cpu)",
        ))
    }
}

fn is_answer(value: Option<&String>) -> bool {
    value.is_some_and(|value| !value.is_empty())
}

/// The largest difference of two rows of logits; infinite if they cannot be compared.
fn logit_difference(a: &[f32], b: &[f32]) -> f64 {
    if a.len() != b.len() || b.iter().any(|x| !x.is_finite()) {
        return f64::INFINITY;
    }
    let differences = a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs()));
    differences.fold(0.0, f64::max)
}
