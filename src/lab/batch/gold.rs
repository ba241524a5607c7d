//! The gold trace in the decoded latents: where its results appear, the published backtracking search (docs/methods.md M5), and the
//! phrases that state its steps.

use super::subject::Subject;
use super::tokens::Own;
use crate::core::problem::step_result;
use crate::core::problem_file::Solved;
use crate::core::types::{LatentIdx, Task, TokenRead};
use crate::engine::model::ModelError;
use crate::lab::analysis::grid::{AnswerGrid, columns};
use crate::lab::rows::row::{Backtracking, GoldPhrase, GoldRead, PublishedSearch};
use crate::verify::paper::backtracking::{self, BacktrackingColumns};
use crate::verify::paper::baselines::{BaselinePool, DRAWS};
use crate::verify::paper::grid::Grid;
use crate::verify::paper::numbers;
use crate::verify::paper::solution::{Solution, number_text};
use crate::verify::paper::tokens::Cut as _;

/// Number of top tokens that the published searches read.
const PUBLISHED_DEPTH: usize = 10;
/// Answer columns that backtracking reads beyond the one that predicts the answer.
const ANSWER_COLUMNS: usize = 2;

/// Looks for the gold trace; returns `None` for a run without latents.
pub(super) fn backtracking(
    subject: &Subject<'_>,
    index: usize,
    problems: &[Solved],
    pool: &BaselinePool,
) -> Result<Option<Backtracking>, ModelError> {
    let clean = subject.clean;
    if clean.fed.is_empty() {
        return Ok(None);
    }
    let depth = subject.header.settings.top_k;
    let tops = clean.run.latents().map(|(_, position)| {
        let top = position.projection.as_ref().map(|p| p.top.as_slice());
        top.unwrap_or_default()
    });
    let tops: Vec<&[TokenRead]> = tops.collect();
    let latents = tops.iter().map(|top| &top[..depth.min(top.len())]);
    let latents: Vec<&[TokenRead]> = latents.collect();
    let gold = &subject.solved.problem.steps;
    let steps = |at: usize| problems[at].problem.steps.as_slice();
    let results = |steps: &[String]| -> Vec<String> {
        let results = steps.iter().map(|step| step_result(step));
        results.map(|r| r.unwrap_or_default().to_owned()).collect()
    };
    let own = results(gold);
    // A solution whose results are all the problem's own would be found for that reason alone.
    let others = pool.mixed(index).into_iter().map(|at| results(steps(at)));
    let others = others.filter(|other| !other.iter().all(|result| own.contains(result)));
    Ok(Some(Backtracking {
        in_order: in_order(&own, &latents),
        in_order_others: others
            .take(DRAWS)
            .filter_map(|other| in_order(&other, &latents))
            .collect(),
        reads: own
            .iter()
            .enumerate()
            .map(|(step, result)| GoldRead {
                rank_in_turn: tops
                    .get(step)
                    .and_then(|top| rank_of(result, &top[..PUBLISHED_DEPTH.min(top.len())])),
                ..read(step, result, &latents)
            })
            .collect(),
        published: published(subject, &pool.drawn(index), &steps)?,
    }))
}

/// Returns whether every result but the last is in a latent, each after the previous; `None` for fewer than two results.
fn in_order(results: &[String], latents: &[&[TokenRead]]) -> Option<bool> {
    let (_, earlier) = results.split_last()?;
    if earlier.is_empty() {
        return None;
    }
    let mut rest = latents.iter();
    Some(
        earlier
            .iter()
            .all(|result| rest.any(|top| rank_of(result, top).is_some())),
    )
}

fn rank_of(result: &str, top: &[TokenRead]) -> Option<usize> {
    let is_it = |read: &TokenRead| !result.is_empty() && read.text.trim() == result;
    top.iter().position(is_it)
}

/// Returns the latent that ranks a result highest, the first on ties.
fn read(step: usize, result: &str, latents: &[&[TokenRead]]) -> GoldRead {
    let ranked = latents
        .iter()
        .zip(1..)
        .filter_map(|(top, latent)| rank_of(result, top).map(|rank| (rank, latent)));
    let best = ranked.min();
    GoldRead {
        step,
        result: result.to_owned(),
        latent: best.map(|(_, latent)| latent),
        rank: best.map(|(rank, _)| rank),
        probability: best.map(|(rank, latent)| latents[latent - 1][rank].prob),
        rank_in_turn: None,
    }
}

/// Runs the published search; `None` for tasks on which it is undefined and for runs that the published code drops.
fn published<'a>(
    subject: &Subject<'_>,
    baselines: &[usize],
    steps: &dyn Fn(usize) -> &'a [String],
) -> Result<Option<PublishedSearch>, ModelError> {
    let model = subject.explorer.model();
    if model.info().task != Task::Math {
        return Ok(None);
    }
    let Some(AnswerGrid {
        grid,
        answer_column,
    }) = columns(model, subject.clean, PUBLISHED_DEPTH)?
    else {
        return Ok(None);
    };
    let kept = grid.len().min(answer_column + 1 + ANSWER_COLUMNS);
    let kept = (0..kept).map(|column| grid.tokens(column).to_vec());
    let grid = Grid::new(kept.collect(), PUBLISHED_DEPTH);
    let tokens = Own(model);
    let search = backtracking::Backtracking::new(&grid, &tokens);
    let words = numbers::backtracking_numbers(&subject.clean.run.question);
    let find = |steps: &[String], answer_required| {
        let layout = BacktrackingColumns {
            reasoning_columns: subject.clean.fed.len() + 2,
            answer_column,
            answer_required,
        };
        let solution = Solution::parse(steps);
        let found = |numbers: &[f64]| search.search(&solution, numbers, layout).count > 0;
        (found(&[]), found(&words))
    };
    let gold = &subject.solved.problem.steps;
    let (without, with) = find(gold, true);
    let mut any = (without, with);
    for other in &subject.solved.others {
        let found = find(other, true);
        any = (any.0 || found.0, any.1 || found.1);
    }
    let gold_answer = Solution::parse(gold)
        .steps
        .last()
        .map(|step| number_text(step.result));
    let gold_answer = subject
        .gold()
        .map_or(gold_answer, |gold| Some(gold.to_owned()));
    Ok(Some(PublishedSearch {
        impossible: Solution::parse(gold).is_impossible,
        without,
        with,
        any_without: any.0,
        any_with: any.1,
        baselines: baselines.iter().map(|at| find(steps(*at), false)).collect(),
        gold_in_top10: gold_answer.is_some_and(|gold| {
            let target = &tokens.representatives(&gold.replace(',', ""))[0];
            is_in_answer(&grid, answer_column, target)
        }),
    }))
}

/// Returns whether a token is in the first column, from the answer's on, whose top token is a non-zero integer (Table 14).
fn is_in_answer(grid: &Grid, answer_column: usize, target: &str) -> bool {
    let number = |column: &usize| {
        grid.first(*column)
            .is_some_and(|(value, rank)| rank == 0 && value != 0)
    };
    let column = (answer_column..grid.len()).find(number);
    column.is_some_and(|column| {
        let mut tokens = grid.tokens(column).iter();
        tokens.any(|token| token.trim() == target.trim())
    })
}

/// Returns the first phrase of each latent that has a gold step.
pub(super) fn phrases(subject: &Subject<'_>) -> Result<Vec<GoldPhrase>, ModelError> {
    let steps = subject.solved.problem.steps.iter();
    let latents = (1..=subject.clean.fed.len()).map(LatentIdx);
    let phrase = |(step, latent): (&String, LatentIdx)| {
        let said = subject
            .explorer
            .phrases(subject.clean, latent, subject.cancel)?;
        let text = said.into_iter().next().map(|phrase| phrase.text);
        Ok(GoldPhrase {
            is_step: text.as_deref().is_some_and(|text| says(text, step)),
            text,
        })
    };
    steps.zip(latents).map(phrase).collect()
}

/// Returns whether a phrase states a gold step: the same equation in either order, or the node that the step reaches in first place.
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
