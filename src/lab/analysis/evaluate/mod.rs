//! Accuracy of a model over a list of problems: by mode, by number of steps, and with latents switched off.
//!
//! Every share has its n and 95 % interval. Problems that the model cannot take (too long) count as wrong and are reported.
//! Per-problem analyses (verdicts, phrases) are in `evidence`.

pub mod evidence;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Workbench;
use super::group::{Group, prefill, same_length};
use super::run::{self, MAX_NEW_TOKENS};
use crate::core::answers;
use crate::core::problem::Problem;
use crate::core::stats::Share;
use crate::core::types::{LatentIdx, ModelInfo};
use crate::engine::decode::lens;
use crate::engine::model::{Branch, Cancel, Mode, ModelError, Overrides};

/// The schema name and version of the JSON report.
pub const SCHEMA: &str = "undertone.eval/1";

/// Rows of one batch.
const ROWS: usize = 64;

/// The report of one evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evaluation {
    /// [`SCHEMA`].
    pub schema: String,
    /// The evaluated model.
    pub model: ModelInfo,
    /// The origin of the problems.
    pub data: String,
    /// The number of problems.
    pub n: usize,
    /// The number of problems that the model could not take; they count as wrong.
    pub not_runnable: usize,
    /// Accuracy by mode; null for a mode that the model was not trained in.
    pub modes: Modes,
    /// The same by number of gold steps.
    pub by_steps: BTreeMap<usize, Modes>,
    /// Ranks of the gold intermediates in the logit lens of their latents.
    pub intermediates: Vec<Intermediate>,
    /// Verdicts and phrases on the first problems, if requested.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evidence: Option<evidence::Evidence>,
}

/// Accuracy by mode.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
pub struct Modes {
    /// All latents, clean.
    pub latent: Option<Share>,
    /// The same prompt with zero latents.
    pub no_latents: Option<Share>,
    /// The direct mode of a multi-mode model.
    pub direct: Option<Share>,
    /// The written mode of a multi-mode model: the steps in words, then the answer.
    pub verbalised: Option<Share>,
    /// One latent fewer than the problem has steps; only problems of two or more steps.
    pub one_fewer: Option<Share>,
    /// All latents replaced by zeros.
    pub off_zero: Option<Share>,
    /// All latents replaced by the mean at their position.
    pub off_mean: Option<Share>,
    /// All latents resampled from another problem (one donor per problem).
    pub off_resample: Option<Share>,
}

/// How often the result of gold step j is among the top tokens of latent j.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Intermediate {
    /// The latent, and the step.
    pub latent: LatentIdx,
    /// Over problems answered correctly: rank 0.
    pub top1_correct: Share,
    /// Rank below 5.
    pub top5_correct: Share,
    /// Rank below 10.
    pub top10_correct: Share,
    /// Over problems answered wrongly: rank 0.
    pub top1_wrong: Share,
    /// Rank below 5.
    pub top5_wrong: Share,
    /// Rank below 10.
    pub top10_wrong: Share,
}

/// The shared context of the passes over all problems.
struct Pass<'a> {
    explorer: &'a Workbench,
    problems: &'a [Problem],
    cancel: &'a Cancel,
    progress: &'a dyn Fn(&str, usize, usize),
}

/// Evaluates a model on problems; `progress` receives the pass, the problems done and their total.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn evaluate(
    explorer: &Workbench,
    data: &str,
    problems: &[Problem],
    progress: &dyn Fn(&str, usize, usize),
    cancel: &Cancel,
) -> Result<Evaluation, ModelError> {
    let (model, reference) = (explorer.model(), explorer.reference());
    let n_latents = model.n_latents();
    let has = |mode: &str| model.info().modes.iter().any(|m| m == mode);
    let pass = Pass {
        explorer,
        problems,
        cancel,
        progress,
    };

    let mut ranks: Vec<Vec<Option<usize>>> = vec![Vec::new(); problems.len()];
    let with_latents = model.family().has_latents();
    let when =
        |run: &mut dyn FnMut() -> Result<Vec<bool>, ModelError>| with_latents.then(run).transpose();
    let latent =
        when(&mut || pass.latents("latent", |_| n_latents, |_| Ok(None), Some(&mut ranks)))?;
    let no_latents = when(&mut || pass.latents("no latents", |_| 0, |_| Ok(None), None))?;
    let one_fewer = when(&mut || {
        let fewer = |p: &Problem| p.steps.len().saturating_sub(1);
        pass.latents("one latent fewer", fewer, |_| Ok(None), None)
    })?;
    let zeros: Arc<[f32]> = vec![0.0; model.width()].into();
    let off_zero = when(&mut || {
        let zeros = |_| Ok(Some(vec![zeros.clone(); n_latents]));
        pass.latents("all off by zero", |_| n_latents, zeros, None)
    })?;
    let means: Option<Vec<Arc<[f32]>>> = (1..=n_latents)
        .map(|j| reference.fed(LatentIdx(j)).map(|m| m.mean.clone()))
        .collect();
    let off_mean = match means.as_ref().filter(|_| with_latents) {
        Some(means) => Some(pass.latents(
            "all off by mean",
            |_| n_latents,
            |_| Ok(Some(means.clone())),
            None,
        )?),
        None => None,
    };
    let donor = |i: usize| {
        let others: Vec<_> = reference.others(&problems[i].question).collect();
        // A different donor for each problem, the same in every evaluation.
        let item = others
            .get(i % others.len().max(1))
            .ok_or_else(super::no_reference)?;
        Ok(Some(item.fed.clone()))
    };
    let off_resample = if reference.is_empty() || !with_latents {
        None
    } else {
        Some(pass.latents("all off by resample", |_| n_latents, donor, None)?)
    };
    let direct = if has("direct") {
        Some(pass.words("direct", Mode::Direct)?)
    } else {
        None
    };
    let verbalised = if has("written") {
        Some(pass.words("written", Mode::Written)?)
    } else {
        None
    };

    let modes = |chosen: &dyn Fn(usize) -> bool| {
        let share = |right: &[bool], also: &dyn Fn(usize) -> bool| {
            let rows: Vec<bool> = (0..problems.len())
                .filter(|&i| chosen(i) && also(i))
                .map(|i| right[i])
                .collect();
            (!rows.is_empty()).then(|| Share::new(rows.iter().filter(|r| **r).count(), rows.len()))
        };
        let all = |right: &[bool]| share(right, &|_| true);
        Modes {
            latent: latent.as_deref().and_then(all),
            no_latents: no_latents.as_deref().and_then(all),
            direct: direct.as_deref().and_then(all),
            verbalised: verbalised.as_deref().and_then(all),
            one_fewer: one_fewer
                .as_deref()
                .and_then(|right| share(right, &|i| problems[i].steps.len() >= 2)),
            off_zero: off_zero.as_deref().and_then(all),
            off_mean: off_mean.as_deref().and_then(all),
            off_resample: off_resample.as_deref().and_then(all),
        }
    };
    let steps: std::collections::BTreeSet<usize> = problems.iter().map(|p| p.steps.len()).collect();
    Ok(Evaluation {
        schema: SCHEMA.to_owned(),
        model: model.info().clone(),
        data: data.to_owned(),
        n: problems.len(),
        not_runnable: if with_latents {
            ranks.iter().filter(|r| r.is_empty()).count()
        } else {
            0
        },
        modes: modes(&|_| true),
        by_steps: steps
            .into_iter()
            .map(|s| (s, modes(&|i| problems[i].steps.len() == s)))
            .collect(),
        intermediates: intermediates(&ranks, latent.as_deref().unwrap_or_default(), n_latents),
        evidence: None,
    })
}

impl Pass<'_> {
    /// Whether each problem is right after a rollout of `k(problem)` latents, replaced by the vectors of `write(index)`, if any.
    /// Fills in the rank of each gold intermediate if `ranks` is given.
    fn latents(
        &self,
        name: &str,
        k: impl Fn(&Problem) -> usize,
        write: impl Fn(usize) -> Result<Option<Vec<Arc<[f32]>>>, ModelError>,
        mut ranks: Option<&mut Vec<Vec<Option<usize>>>>,
    ) -> Result<Vec<bool>, ModelError> {
        let model = self.explorer.model();
        let mut right = vec![false; self.problems.len()];
        let mut by_k: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for (i, problem) in self.problems.iter().enumerate() {
            by_k.entry(k(problem)).or_default().push(i);
        }
        let mut done = 0;
        for (k, members) in by_k {
            let questions = members.iter().map(|&i| self.problems[i].question.as_str());
            for mut group in same_length(model, questions, Mode::Latent, ROWS).0 {
                for index in &mut group.indices {
                    *index = members[*index];
                }
                let mut overrides = Overrides::none(group.indices.len());
                for (row, &i) in group.indices.iter().enumerate() {
                    for (j, vector) in write(i)?.into_iter().flatten().enumerate().take(k) {
                        overrides.set(row, LatentIdx(j + 1), vector);
                    }
                }
                let branch = prefill(model, std::slice::from_ref(&group), self.cancel)?;
                let rollout = model.rollout(&branch, k, &overrides, self.cancel)?;
                let closed = model.close(rollout.last(), false, self.cancel)?;
                self.mark(&group, &closed, MAX_NEW_TOKENS, &mut right)?;
                if let Some(ranks) = ranks.as_deref_mut() {
                    for (j, latent) in rollout.latents.iter().enumerate() {
                        for (logits, &i) in model.project(&latent.state)?.iter().zip(&group.indices)
                        {
                            let rank = self.problems[i]
                                .steps
                                .get(j)
                                .and_then(|step| self.rank_of(step, logits));
                            ranks[i].push(rank);
                        }
                    }
                }
                done += group.indices.len();
                (self.progress)(name, done, self.problems.len());
            }
        }
        Ok(right)
    }

    /// Whether each problem is right in a mode without latents.
    fn words(&self, name: &str, mode: Mode) -> Result<Vec<bool>, ModelError> {
        let model = self.explorer.model();
        let mut right = vec![false; self.problems.len()];
        let mut done = 0;
        for group in same_length(
            model,
            self.problems.iter().map(|p| p.question.as_str()),
            mode,
            ROWS,
        )
        .0
        {
            let branch = prefill(model, std::slice::from_ref(&group), self.cancel)?;
            self.mark(&group, &branch, run::max_new_tokens(mode), &mut right)?;
            done += group.indices.len();
            (self.progress)(name, done, self.problems.len());
        }
        Ok(right)
    }

    fn mark(
        &self,
        group: &Group<'_>,
        branch: &Branch,
        max_new: usize,
        right: &mut [bool],
    ) -> Result<(), ModelError> {
        let model = self.explorer.model();
        let generated = model.generate(branch, max_new, &mut |_| (), self.cancel)?;
        for (generated, &i) in generated.iter().zip(&group.indices) {
            let value = model.extract_value(&generated.ids)?;
            right[i] = answers::is_correct(value.as_deref(), &self.problems[i].answer);
        }
        Ok(())
    }

    /// Rank of a gold step's result among the top ten tokens; `Some(10)` if it is not there.
    fn rank_of(&self, step: &str, logits: &[f32]) -> Option<usize> {
        let result = step_result(step)?;
        let model = self.explorer.model();
        let top = lens::read(model, logits, 10).top;
        Some(
            top.iter()
                .position(|t| t.text.trim() == result)
                .unwrap_or(10),
        )
    }
}

/// Returns the result of a gold step: the number after `=`, or the last word of a sentence.
#[must_use]
pub fn step_result(step: &str) -> Option<&str> {
    if let Some(equation) = step.strip_prefix("<<").and_then(|s| s.strip_suffix(">>")) {
        return equation.rsplit_once('=').map(|(_, result)| result.trim());
    }
    step.trim_end_matches('.').split_whitespace().next_back()
}

fn intermediates(
    ranks: &[Vec<Option<usize>>],
    right: &[bool],
    n_latents: usize,
) -> Vec<Intermediate> {
    (0..n_latents)
        .filter_map(|j| {
            let of = |correct: bool| -> Vec<usize> {
                let rows = ranks.iter().zip(right).filter(|(_, r)| **r == correct);
                rows.filter_map(|(r, _)| r.get(j).copied().flatten())
                    .collect()
            };
            let (correct, wrong) = (of(true), of(false));
            let within = |ranks: &[usize], k: usize| {
                Share::new(ranks.iter().filter(|r| **r < k).count(), ranks.len())
            };
            (!correct.is_empty() || !wrong.is_empty()).then(|| Intermediate {
                latent: LatentIdx(j + 1),
                top1_correct: within(&correct, 1),
                top5_correct: within(&correct, 5),
                top10_correct: within(&correct, 10),
                top1_wrong: within(&wrong, 1),
                top5_wrong: within(&wrong, 5),
                top10_wrong: within(&wrong, 10),
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_of_a_step_is_its_last_value() {
        assert_eq!(step_result("<<12+7=19>>"), Some("19"));
        assert_eq!(step_result("Every gorpus is a bompus."), Some("bompus"));
        assert_eq!(step_result("Every gorpus is not happy."), Some("happy"));
        assert_eq!(step_result("<<12>>"), None);
        assert_eq!(step_result(""), None);
    }
}
