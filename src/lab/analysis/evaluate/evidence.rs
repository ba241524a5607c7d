//! Aggregates of single-problem analyses: verdicts by correctness, and the phrases of each latent.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use crate::core::problem::Problem;
use crate::core::stats::Share;
use crate::core::types::{LatentIdx, Rung, Verdict};
use crate::engine::model::{Cancel, ModelError};
use crate::lab::analysis::{Workbench, run, verdict};

/// Verdicts and phrases over the first problems of an evaluation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The number of judged problems.
    pub n: usize,
    /// The number of them that were answered correctly.
    pub correct: usize,
    /// Share of each rung among correct answers.
    pub rungs_correct: BTreeMap<String, Share>,
    /// Share of each rung among wrong answers.
    pub rungs_wrong: BTreeMap<String, Share>,
    /// Share at each rung or above among correct answers; USED is above TRACKS is above PRESENT.
    #[serde(default)]
    pub at_least_correct: BTreeMap<String, Share>,
    /// The same among wrong answers.
    #[serde(default)]
    pub at_least_wrong: BTreeMap<String, Share>,
    /// Outcomes of the test by edits, where it was run, by standing.
    #[serde(default)]
    pub by_edits: BTreeMap<String, usize>,
    /// Outcomes of the test by replaced latents, where it was run, by standing.
    #[serde(default)]
    pub by_replacement: BTreeMap<String, usize>,
    /// Counts of verdicts by the decoder that read the trace.
    #[serde(default)]
    pub decoders: BTreeMap<String, usize>,
    /// Median time of a verdict in milliseconds, without the clean run and early exits.
    #[serde(default)]
    pub verdict_ms_median: f64,
    /// The 95th percentile.
    #[serde(default)]
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

/// The rungs of a trace, lowest first.
const LADDER: [Rung; 3] = [Rung::Present, Rung::Tracks, Rung::Used];

/// Counts over verdicts.
#[derive(Default)]
struct Tally {
    by_edits: BTreeMap<String, usize>,
    by_replacement: BTreeMap<String, usize>,
    decoders: BTreeMap<String, usize>,
}

impl Tally {
    fn add(&mut self, verdict: &Verdict) {
        let count = |counts: &mut BTreeMap<String, usize>, name: &str| {
            *counts.entry(name.to_owned()).or_default() += 1;
        };
        if let Some(tracks) = &verdict.tracks {
            count(&mut self.by_edits, tracks.standing.as_str());
        }
        if let Some(used) = &verdict.used {
            count(&mut self.by_replacement, used.standing.as_str());
        }
        if verdict.has_trace() {
            count(&mut self.decoders, &verdict.decoder);
        }
    }
}

/// Judges the first `n` problems.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn gather(
    explorer: &Workbench,
    problems: &[Problem],
    budget: &verdict::Budget,
    progress: &dyn Fn(&str, usize, usize),
    cancel: &Cancel,
) -> Result<Evidence, ModelError> {
    let model = explorer.model();
    let (mut tally, mut times) = (Tally::default(), Vec::new());
    let mut rungs: [BTreeMap<String, usize>; 2] = Default::default();
    let (mut answered, mut traced) = ([0usize; 2], [0usize; 2]);
    let (mut null_hits, mut null_n, mut phrases, mut phrases_right) = (0, 0, 0, 0);
    for (i, problem) in problems.iter().enumerate() {
        let gold = Some(problem.answer.as_str());
        let ask = run::Ask {
            question: &problem.question,
            gold,
            steps: Some(problem.steps.len()),
            mode: model.main_mode(),
            n_latents: model.n_latents(),
            top_k: verdict::TOP_K,
            most_tokens: None,
        };
        let clean = run::run(model, &ask, cancel, &mut |_| ())?;
        let exits = explorer.early_exits(&clean, cancel)?;
        let began = Instant::now();
        let verdict = explorer.verdict(&clean, &exits, budget, &mut |_| (), cancel)?;
        times.push(began.elapsed().as_secs_f64() * 1e3);
        tally.add(&verdict);
        let side = usize::from(clean.run.answer.correct == Some(true));
        answered[side] += 1;
        traced[side] += usize::from(!verdict.steps.is_empty());
        *rungs[side]
            .entry(verdict.rung.as_str().to_owned())
            .or_default() += 1;
        if verdict.rung != Rung::Abstain {
            null_hits += verdict.null.hits;
            null_n += verdict.null.n;
        }
        for (j, step) in problem.steps.iter().enumerate().take(clean.fed.len()) {
            let said = explorer.phrases(&clean, LatentIdx(j + 1), cancel)?;
            phrases += 1;
            phrases_right +=
                usize::from(said.first().is_some_and(|phrase| says(&phrase.text, step)));
        }
        progress("verdicts and phrases", i + 1, problems.len());
    }
    let shares = |side: usize| {
        rungs[side]
            .iter()
            .map(|(rung, hits)| (rung.clone(), Share::new(*hits, answered[side])))
            .collect()
    };
    let at_least = |side: usize| {
        let hits = |from: usize| {
            LADDER[from..]
                .iter()
                .map(|rung| rungs[side].get(rung.as_str()).copied().unwrap_or(0))
                .sum()
        };
        (0..LADDER.len())
            .map(|from| {
                (
                    LADDER[from].as_str().to_owned(),
                    Share::new(hits(from), answered[side]),
                )
            })
            .collect()
    };
    times.sort_by(f64::total_cmp);
    let quantile = |percent: usize| {
        let rank = (times.len() * percent).div_ceil(100);
        times.get(rank.saturating_sub(1)).copied().unwrap_or(0.0)
    };
    Ok(Evidence {
        at_least_correct: at_least(1),
        at_least_wrong: at_least(0),
        by_edits: tally.by_edits,
        by_replacement: tally.by_replacement,
        decoders: tally.decoders,
        verdict_ms_median: quantile(50),
        verdict_ms_p95: quantile(95),
        n: problems.len(),
        correct: answered[1],
        rungs_correct: shares(1),
        rungs_wrong: shares(0),
        trace_correct: Share::new(traced[1], answered[1]),
        trace_wrong: Share::new(traced[0], answered[0]),
        null: Share::new(null_hits, null_n),
        phrase_is_step: Share::new(phrases_right, phrases),
        top_k: verdict::TOP_K,
    })
}

/// Whether a phrase states a gold step: the same equation in either order, or the node that the step reaches in first place.
fn says(phrase: &str, step: &str) -> bool {
    let squeezed: String = phrase.chars().filter(|c| !c.is_whitespace()).collect();
    if let Some(equation) = step.strip_prefix("<<").and_then(|s| s.strip_suffix(">>")) {
        let swapped = equation
            .split_once('=')
            .map(|(left, right)| format!("{right}={left}"));
        return squeezed == equation || Some(squeezed) == swapped;
    }
    let words: Vec<&str> = step
        .trim_end_matches('.')
        .split_whitespace()
        .filter(|w| *w != "Every")
        .collect();
    let (Some(source), Some(result)) = (words.first(), words.last()) else {
        return false;
    };
    // The first step is phrased with its subject.
    let phrase = phrase.strip_prefix(*source).unwrap_or(phrase).trim_start();
    let bare = phrase.strip_prefix("is not ");
    let said = bare.unwrap_or(phrase).split_whitespace().next();
    said == Some(result) && words.contains(&"not") == bare.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_phrase_says_a_step_in_either_order() {
        for (phrase, step, want) in [
            ("19 = 12 + 7", "<<12+7=19>>", true),
            ("12 + 7 = 19", "<<12+7=19>>", true),
            ("12 + 8 = 19", "<<12+7=19>>", false),
            ("bompus", "Every gorpus is a bompus.", true),
            ("bompus zorple", "Every gorpus is a bompus.", true),
            ("zorple bompus", "Every gorpus is a bompus.", false),
            ("Tom gorpus", "Tom is a gorpus.", true),
            ("Ann gorpus", "Tom is a gorpus.", false),
            ("is not happy", "Every gorpus is not happy.", true),
            ("happy", "Every gorpus is not happy.", false),
            ("is not happy", "Every gorpus is happy.", false),
            ("", "Every gorpus is happy.", false),
        ] {
            assert_eq!(says(phrase, step), want, "{phrase} / {step}");
        }
    }
}
