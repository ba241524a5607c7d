//! The three GSM8k test sets and what each rule keeps (methods.md 1.3): original, valid-gold-reasoning-trace,
//! vocab-projection-friendly. Each is a part of the one before, in the same order.

use serde::{Deserialize, Serialize};

use super::multichain::{Chain, Cleaned, alternatives, is_about};
use super::numbers;
use super::solution::{is_answer, result_of_steps};
use super::templates::Template;
use crate::core::error::Result;
use crate::core::problem::Problem;
use crate::core::problem_file::source::strip;

/// A row of the smaller sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The question.
    pub question: String,
    /// The gold steps.
    pub steps: Vec<String>,
    /// The gold answer.
    pub answer: String,
    /// Other solutions, as steps; null without any, and empty where the last set's rules left none.
    pub gen_solutions: Option<Vec<Vec<String>>>,
}

/// How many rows a rule stops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Rows that break the rule, whatever the other rules say.
    pub rows: usize,
    /// Of those, the rows that break no rule before it; these add up to the rows dropped.
    pub first: usize,
}

/// What became of the rows on the way to the valid-gold-reasoning-trace set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ValidCounts {
    /// Dropped: no step says anything.
    pub blank_steps: Stopped,
    /// Dropped: the last step does not come to the answer.
    pub other_result: Stopped,
    /// The alternative solutions of the rows that are kept.
    pub gen_solutions: Cleaned,
    /// Kept rows with at least one alternative solution.
    pub rows_with_gen_solutions: usize,
}

/// What became of the rows on the way to the vocab-projection-friendly set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FriendlyCounts {
    /// Dropped: a number of a step is more than one token.
    pub long_number_in_steps: Stopped,
    /// Dropped: a number of the question is more than one token.
    pub long_number_in_question: Stopped,
    /// Dropped: a value occurs twice among question and results.
    pub repeated_value: Stopped,
    /// Alternative solutions of the rows that are kept, before the same rules.
    pub gen_solutions_given: usize,
    /// And after them.
    pub gen_solutions_kept: usize,
}

/// What the join with the MultiChain set found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// Rows of the MultiChain set.
    pub rows: usize,
    /// Rows whose questions differ, counted from 0. They are joined all the same (methods.md Q19).
    pub other_question: Vec<usize>,
}

/// The sets and how they came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Every row.
    pub original: Vec<Problem>,
    /// Rows whose gold steps lead to the answer.
    pub valid: Vec<Example>,
    /// Rows of that whose numbers are single tokens and differ.
    pub friendly: Vec<Example>,
    /// One template for each row of the last set, in order.
    pub templates: Vec<Template>,
    /// What became of the rows on the way to the second set.
    pub valid_counts: ValidCounts,
    /// And to the third.
    pub friendly_counts: FriendlyCounts,
    /// The join, if there was one.
    pub joined: Option<Joined>,
}

/// Tells whether a number is one token for every tokenizer.
pub type IsSingle<'a> = dyn FnMut(&str) -> Result<bool> + 'a;

/// Makes the three sets and the templates.
///
/// Alternative solutions are joined by row alone, as published (methods.md Q19); rows that the MultiChain set does not
/// reach have none.
///
/// # Errors
/// When `is_single` fails.
pub fn prepare(
    problems: Vec<Problem>,
    chains: Option<&[Chain]>,
    is_single: &mut IsSingle,
) -> Result<Prepared> {
    let (mut valid_counts, mut friendly_counts) = Default::default();
    let valid = valid(&problems, chains, &mut valid_counts);
    let (rows, friendly) = friendly(&valid, is_single, &mut friendly_counts)?;
    let templates = rows.iter().zip(&friendly);
    Ok(Prepared {
        joined: chains.map(|chains| join(&problems, chains)),
        templates: templates
            .map(|(row, example)| Template::new(*row, &example.question))
            .collect(),
        original: problems,
        valid,
        friendly,
        valid_counts,
        friendly_counts,
    })
}

fn join(problems: &[Problem], chains: &[Chain]) -> Joined {
    let pairs = problems.iter().zip(chains).enumerate();
    Joined {
        rows: chains.len(),
        other_question: pairs
            .filter(|(_, (problem, chain))| !is_about(chain, &problem.question))
            .map(|(row, _)| row)
            .collect(),
    }
}

/// The valid-gold-reasoning-trace set.
fn valid(problems: &[Problem], chains: Option<&[Chain]>, counts: &mut ValidCounts) -> Vec<Example> {
    let mut kept = Vec::new();
    for (row, problem) in problems.iter().enumerate() {
        let is_blank = problem.steps.iter().all(|step| strip(step).is_empty());
        let result = result_of_steps(&problem.steps);
        let is_other = !is_answer(result, strip(&problem.answer));
        let rules = [
            (is_blank, &mut counts.blank_steps),
            (is_other, &mut counts.other_result),
        ];
        if is_stopped(rules) {
            continue;
        }
        let chain = chains.and_then(|chains| chains.get(row));
        let gen_solutions = chain.and_then(|chain| alternatives(chain, &mut counts.gen_solutions));
        counts.rows_with_gen_solutions += usize::from(gen_solutions.is_some());
        kept.push(Example {
            question: problem.question.clone(),
            steps: problem.steps.clone(),
            answer: problem.answer.clone(),
            gen_solutions,
        });
    }
    kept
}

/// The vocab-projection-friendly set, and which rows of the valid one it keeps.
fn friendly(
    valid: &[Example],
    is_single: &mut IsSingle,
    counts: &mut FriendlyCounts,
) -> Result<(Vec<usize>, Vec<Example>)> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (row, example) in valid.iter().enumerate() {
        let in_question = numbers::of_question(&example.question);
        let values = numbers::values_of_question(&example.question);
        let rules = [
            (
                !is_short(&example.steps, is_single)?,
                &mut counts.long_number_in_steps,
            ),
            (
                !all_single(in_question.iter().map(String::as_str), is_single)?,
                &mut counts.long_number_in_question,
            ),
            (repeats(&values, &example.steps), &mut counts.repeated_value),
        ];
        if is_stopped(rules) {
            continue;
        }
        let mut example = example.clone();
        if let Some(solutions) = &mut example.gen_solutions {
            counts.gen_solutions_given += solutions.len();
            let mut left = Vec::new();
            for steps in solutions.drain(..) {
                if is_short(&steps, is_single)? && !repeats(&values, &steps) {
                    left.push(steps);
                }
            }
            counts.gen_solutions_kept += left.len();
            *solutions = left;
        }
        rows.push(row);
        kept.push(example);
    }
    Ok((rows, kept))
}

/// Counts the rules that a row breaks; whether there is any.
fn is_stopped<const N: usize>(rules: [(bool, &mut Stopped); N]) -> bool {
    let mut stopped = false;
    for (is_broken, count) in rules {
        count.rows += usize::from(is_broken);
        count.first += usize::from(is_broken && !stopped);
        stopped |= is_broken;
    }
    stopped
}

/// Whether every number of the steps is one token.
fn is_short(steps: &[String], is_single: &mut IsSingle) -> Result<bool> {
    all_single(
        steps.iter().flat_map(|step| numbers::of_step(step)),
        is_single,
    )
}

fn all_single<'a>(
    mut numbers: impl Iterator<Item = &'a str>,
    is_single: &mut IsSingle,
) -> Result<bool> {
    numbers.try_fold(true, |all, number| Ok(all && is_single(number)?))
}

/// Whether a value occurs twice among those of the question and the results of the steps.
fn repeats(question: &[f64], steps: &[String]) -> bool {
    let mut values = question.to_vec();
    values.extend(numbers::results_of_steps(steps));
    numbers::has_repeats(&values)
}

#[cfg(test)]
#[path = "gsm8k_tests.rs"]
mod tests;
