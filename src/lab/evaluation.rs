//! `eval`: a preset of a batch run whose rows stay in memory. Accuracy by condition and by number of steps, the gold results in
//! their latents, and verdicts beside correctness are counted from the rows.
//!
//! Every share has its n and 95 % interval. Problems that the model cannot take (too long) count as wrong and are reported.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use serde::{Deserialize, Serialize};

use crate::core::error::Result;
use crate::core::problem::Problem;
use crate::core::problem_file::Solved;
use crate::core::stats::{Share, count};
use crate::core::types::{AblationValue, LatentIdx, Mode, ModelInfo, Rung};
use crate::engine::model::Cancel;
use crate::lab::analysis::verdict::{Budget, TOP_K};
use crate::lab::analysis::{Workbench, run::max_new_tokens};
use crate::lab::batch::run::How;
use crate::lab::batch::{self, BatchInput};
use crate::lab::report::GatheredRun;
use crate::lab::report::tables::findings::reaches;
use crate::lab::rows::kept::{KeptAnswer, KeptAnswers, KeptVerdict};
use crate::lab::rows::summary::RunItem;
use crate::lab::rows::{Experiment, Protocol, Row, RunSettings};

/// The schema name and version of the JSON report.
pub const SCHEMA: &str = "undertone.eval/1";

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
    pub evidence: Option<Evidence>,
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

/// Verdicts and phrases over the first problems of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The number of judged problems.
    pub n: usize,
    /// The number of problems that were taken and could not be judged.
    #[serde(default)]
    pub not_judged: usize,
    /// The number of them that were answered correctly.
    pub correct: usize,
    /// Share of each rung among correct answers.
    pub rungs_correct: BTreeMap<String, Share>,
    /// Share of each rung among wrong answers.
    pub rungs_wrong: BTreeMap<String, Share>,
    /// Share at each rung or above among correct answers; USED is above TRACKS is above PRESENT.
    pub at_least_correct: BTreeMap<String, Share>,
    /// The same among wrong answers.
    pub at_least_wrong: BTreeMap<String, Share>,
    /// Outcomes of the test by edits, where it was run, by standing.
    pub by_edits: BTreeMap<String, usize>,
    /// Outcomes of the test by replaced latents, where it was run, by standing.
    pub by_replacement: BTreeMap<String, usize>,
    /// Counts of verdicts by the decoder that read the trace.
    pub decoders: BTreeMap<String, usize>,
    /// Median time of a verdict in milliseconds, without the clean run and early exits.
    pub verdict_ms_median: f64,
    /// The 95th percentile.
    pub verdict_ms_p95: f64,
    /// Share of correct answers for which a trace was found, at any rung.
    pub trace_correct: Share,
    /// The same among wrong answers.
    pub trace_wrong: Share,
    /// How often the same search reaches the model's answer in another problem's latents.
    pub null: Share,
    /// How often the first phrase of latent j states gold step j exactly.
    pub phrase_is_step: Share,
    /// Depth of the top-k lists that the search reads.
    pub top_k: usize,
}

/// Evaluates a model on problems, and judges the first `verdicts` of them.
///
/// # Errors
/// When the model fails.
pub fn evaluate(
    explorer: &Workbench,
    data: &str,
    problems: &[Problem],
    verdicts: usize,
    budget: &Budget,
) -> Result<Evaluation> {
    let solved: Vec<Solved> = problems.iter().cloned().map(Solved::from).collect();
    let model = explorer.model();
    let asked = [Experiment::Accuracy, Experiment::Backtracking];
    let (run, _) = rows(explorer, &solved, budget, (&asked, batch::jobs(model)))?;
    let items: Vec<&RunItem> = run.items.iter().collect();
    let steps: BTreeSet<usize> = items.iter().map(|item| item.steps).collect();
    let with_steps = |steps: usize| -> Vec<&RunItem> {
        let items = items.iter().copied();
        items.filter(|item| item.steps == steps).collect()
    };
    let mut evidence = None;
    let judged = &solved[..verdicts.min(solved.len())];
    if !judged.is_empty() {
        // One after the other, so that their times are those of a verdict.
        let (run, times) = rows(explorer, judged, budget, (&[Experiment::Verdict], 1))?;
        evidence = Some(weigh(&run, times));
    }
    let has_latents = model.family().has_latents();
    let refused = items.iter().filter(|item| item.accuracy.is_none());
    Ok(Evaluation {
        schema: SCHEMA.to_owned(),
        model: model.info().clone(),
        data: data.to_owned(),
        n: problems.len(),
        not_runnable: if has_latents { refused.count() } else { 0 },
        modes: modes(explorer, &items),
        by_steps: (steps.into_iter())
            .map(|steps| (steps, modes(explorer, &with_steps(steps))))
            .collect(),
        intermediates: (0..run.header.settings.latents)
            .filter_map(|at| intermediate(&items, at))
            .collect(),
        evidence,
    })
}

/// Computes the rows of some experiments and keeps what they come to, with the time of each verdict in milliseconds.
fn rows(
    explorer: &Workbench,
    problems: &[Solved],
    budget: &Budget,
    (experiments, jobs): (&[Experiment], usize),
) -> Result<(GatheredRun, Vec<f64>)> {
    let model = explorer.model();
    let settings = RunSettings {
        mode: Protocol::Default,
        latents: model.n_latents(),
        most_tokens: max_new_tokens(model.main_mode()),
        top_k: TOP_K,
        value: AblationValue::Mean,
        batch: 1,
        seed: 0,
        reference: explorer.reference_origin().to_owned(),
        verdict: batch::written(budget),
    };
    let header = batch::header(model, String::new(), problems, experiments, settings);
    let work = BatchInput::new(explorer, &header, problems, budget);
    let mut run = GatheredRun::new(header.clone());
    let mut keep = |rows: &[Row]| {
        rows.iter().cloned().for_each(|row| run.add(row));
        Ok(())
    };
    let how = How {
        from: 0,
        jobs,
        stop: &AtomicBool::new(false),
        cancel: &Cancel::new(),
    };
    batch::run::run(&work, &header, &mut keep, &how, &mut |_| ())?;
    let times = work.into_times().into_iter();
    Ok((run, times.map(|time| time.as_secs_f64() * 1e3).collect()))
}

/// Counts the correct answers by condition; one that the model does not have has no share.
fn modes(explorer: &Workbench, items: &[&RunItem]) -> Modes {
    let model = explorer.model();
    let has = |mode: Mode| model.info().modes.iter().any(|name| name == mode.as_str());
    let has_latents = model.family().has_latents();
    let has_others = has_latents && !explorer.reference().is_empty();
    let among = |items: &[&RunItem], of: &dyn Fn(&KeptAnswers) -> Option<KeptAnswer>| {
        let right = items.iter().map(|item| {
            let said = item.accuracy.as_ref().and_then(of);
            said.is_some_and(|said| said.correct == Some(true))
        });
        (!items.is_empty()).then(|| count(right))
    };
    let share = |is_there: bool, of: &dyn Fn(&KeptAnswers) -> Option<KeptAnswer>| {
        is_there.then(|| among(items, of)).flatten()
    };
    let words = |mode: Mode, of: fn(&KeptAnswers) -> Option<KeptAnswer>| {
        let is_main = model.main_mode() == mode;
        let said = |a: &KeptAnswers| if is_main { Some(a.main) } else { of(a) };
        share(has(mode), &said)
    };
    let several = items.iter().copied().filter(|item| item.steps >= 2);
    let several: Vec<&RunItem> = several.collect();
    Modes {
        latent: share(has_latents, &|a| Some(a.main)),
        no_latents: share(has_latents, &|a| a.no_latents),
        direct: words(Mode::Direct, |a| a.direct),
        verbalised: words(Mode::Written, |a| a.written),
        one_fewer: has_latents
            .then(|| among(&several, &|a| a.one_fewer))
            .flatten(),
        off_zero: share(has_latents, &|a| a.off_zero),
        off_mean: share(has_others, &|a| a.off_mean),
        off_resample: share(has_others, &|a| a.off_resample),
    }
}

/// Counts the ranks of a gold result at the latent of its step; `None` without such results.
fn intermediate(items: &[&RunItem], at: usize) -> Option<Intermediate> {
    let of = |correct: bool| -> Vec<usize> {
        let items = items.iter();
        let items = items.filter(|item| (item.correct == Some(true)) == correct);
        items
            .filter_map(|item| item.ranks.get(at).copied().flatten())
            .collect()
    };
    let (correct, wrong) = (of(true), of(false));
    let within = |ranks: &[usize], k: usize| count(ranks.iter().map(|rank| *rank < k));
    (!correct.is_empty() || !wrong.is_empty()).then(|| Intermediate {
        latent: LatentIdx(at + 1),
        top1_correct: within(&correct, 1),
        top5_correct: within(&correct, 5),
        top10_correct: within(&correct, 10),
        top1_wrong: within(&wrong, 1),
        top5_wrong: within(&wrong, 5),
        top10_wrong: within(&wrong, 10),
    })
}

/// Counts verdicts by the correctness of the answer.
fn weigh(run: &GatheredRun, mut times: Vec<f64>) -> Evidence {
    let judged = || {
        let items = run.items.iter();
        items.filter_map(|item| Some((item, item.verdict?)))
    };
    let side = |correct: bool| -> Vec<KeptVerdict> {
        let all = judged().filter(|(item, _)| (item.correct == Some(true)) == correct);
        all.map(|(_, verdict)| verdict).collect()
    };
    let (correct, wrong) = (side(true), side(false));
    let rungs = |side: &[KeptVerdict]| -> BTreeMap<String, Share> {
        let there = Rung::ALL
            .into_iter()
            .filter(|rung| side.iter().any(|v| v.rung == *rung));
        let share = |rung: Rung| count(side.iter().map(|verdict| verdict.rung == rung));
        there
            .map(|rung| (rung.as_str().to_owned(), share(rung)))
            .collect()
    };
    let at_least = |side: &[KeptVerdict]| -> BTreeMap<String, Share> {
        let share = |rung: Rung| count(side.iter().map(|verdict| reaches(verdict, rung)));
        let ladder = [Rung::Present, Rung::Tracks, Rung::Used].into_iter();
        ladder
            .map(|rung| (rung.as_str().to_owned(), share(rung)))
            .collect()
    };
    let traced = |side: &[KeptVerdict]| count(side.iter().map(|verdict| verdict.has_trace));
    let tested = judged().filter(|(_, verdict)| verdict.rung != Rung::Abstain);
    let nulls = tested.filter_map(|(_, verdict)| verdict.null);
    let (hits, n) = nulls.fold((0, 0), |(hits, n), null| (hits + null.hits, n + null.n));
    times.sort_by(f64::total_cmp);
    let quantile = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
    };
    Evidence {
        n: correct.len() + wrong.len(),
        not_judged: run.items.iter().filter(|i| i.verdict.is_none()).count(),
        correct: correct.len(),
        rungs_correct: rungs(&correct),
        rungs_wrong: rungs(&wrong),
        at_least_correct: at_least(&correct),
        at_least_wrong: at_least(&wrong),
        by_edits: tally(judged().filter_map(|(_, v)| Some(v.tracks?.as_str()))),
        by_replacement: tally(judged().filter_map(|(_, v)| Some(v.used?.as_str()))),
        decoders: tally(judged().filter_map(|(item, _)| item.decoder.as_deref())),
        verdict_ms_median: quantile(50),
        verdict_ms_p95: quantile(95),
        trace_correct: traced(&correct),
        trace_wrong: traced(&wrong),
        null: Share::new(hits, n),
        phrase_is_step: count(judged().flat_map(|(item, _)| item.phrases.iter().copied())),
        top_k: run.header.settings.top_k,
    }
}

fn tally<'a>(names: impl Iterator<Item = &'a str>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in names {
        *counts.entry(name.to_owned()).or_default() += 1;
    }
    counts
}
