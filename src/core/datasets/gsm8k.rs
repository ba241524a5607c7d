//! The three GSM8k test sets and the filter rules between them (docs/methods.md M3.3): original, valid-gold-reasoning-trace,
//! vocab-projection-friendly. Each is a subset of the one before, in the same order.

use serde::{Deserialize, Serialize};

use super::multichain::{Cleaned, MultiChainRow, alternatives, is_about};
use super::numbers;
use super::solution::{is_answer, result_of_steps};
use super::templates::Template;
use crate::core::error::Result;
use crate::core::problem::Problem;
use crate::core::problem_file::source::strip;

/// A row of the two smaller sets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Example {
    /// The question.
    pub question: String,
    /// The gold steps.
    pub steps: Vec<String>,
    /// The gold answer.
    pub answer: String,
    /// Alternative solutions, as steps: `None` if the row has no alternatives, empty if the vocab-projection-friendly set's rules
    /// removed every one.
    pub gen_solutions: Option<Vec<Vec<String>>>,
}

/// Counts of the rows that one rule drops.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Stopped {
    /// Rows that break the rule, regardless of the other rules.
    pub rows: usize,
    /// Rows among them that break no earlier rule; these sum to the rows dropped.
    pub first: usize,
}

/// Counts for the step to the valid-gold-reasoning-trace set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ValidCounts {
    /// Dropped because every step is blank.
    pub blank_steps: Stopped,
    /// Dropped because the result of the steps is not the answer.
    pub other_result: Stopped,
    /// The alternative solutions of kept rows.
    pub gen_solutions: Cleaned,
    /// Kept rows with at least one alternative solution.
    pub rows_with_gen_solutions: usize,
}

/// Counts for the step to the vocab-projection-friendly set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct FriendlyCounts {
    /// Dropped because a number in the steps is more than one token.
    pub long_number_in_steps: Stopped,
    /// Dropped because a number in the question is more than one token.
    pub long_number_in_question: Stopped,
    /// Dropped because a value occurs twice among the question's values and the results.
    pub repeated_value: Stopped,
    /// Alternative solutions of kept rows, before the same rules.
    pub gen_solutions_given: usize,
    /// Alternative solutions of kept rows, after the same rules.
    pub gen_solutions_kept: usize,
}

/// The result of the join with the MultiChain set.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Joined {
    /// Number of rows of the MultiChain set.
    pub rows: usize,
    /// Rows whose questions differ, from 0. They are joined anyway (docs/methods.md Q19).
    pub other_question: Vec<usize>,
}

/// The prepared sets and their counts.
#[derive(Debug, Clone, PartialEq)]
pub struct Prepared {
    /// Every row.
    pub original: Vec<Problem>,
    /// Rows whose gold steps lead to the answer.
    pub valid: Vec<Example>,
    /// The valid rows whose numbers are distinct single tokens.
    pub friendly: Vec<Example>,
    /// One template per row of the last set, in order.
    pub templates: Vec<Template>,
    /// Counts for the step to the valid set.
    pub valid_counts: ValidCounts,
    /// Counts for the step to the friendly set.
    pub friendly_counts: FriendlyCounts,
    /// The join, if a MultiChain set was given.
    pub joined: Option<Joined>,
}

/// A predicate: whether a number is a single token for every tokenizer.
pub type IsSingle<'a> = dyn FnMut(&str) -> Result<bool> + 'a;

/// Builds the three sets and the templates.
///
/// Alternative solutions are joined by row index alone, as published (docs/methods.md Q19); rows beyond the end of the MultiChain set
/// have none.
///
/// # Errors
/// If `is_single` fails.
pub fn prepare(
    problems: Vec<Problem>,
    chains: Option<&[MultiChainRow]>,
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

fn join(problems: &[Problem], chains: &[MultiChainRow]) -> Joined {
    let pairs = problems.iter().zip(chains).enumerate();
    Joined {
        rows: chains.len(),
        other_question: pairs
            .filter(|(_, (problem, chain))| !is_about(chain, &problem.question))
            .map(|(row, _)| row)
            .collect(),
    }
}

/// Builds the valid-gold-reasoning-trace set.
fn valid(
    problems: &[Problem],
    chains: Option<&[MultiChainRow]>,
    counts: &mut ValidCounts,
) -> Vec<Example> {
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

/// Builds the vocab-projection-friendly set; also returns which rows of the valid set it keeps.
fn friendly(
    valid: &[Example],
    is_single: &mut IsSingle,
    counts: &mut FriendlyCounts,
) -> Result<(Vec<usize>, Vec<Example>)> {
    let (mut rows, mut kept) = (Vec::new(), Vec::new());
    for (row, example) in valid.iter().enumerate() {
        let in_question = numbers::question_strings(&example.question);
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

/// Counts the rules that a row breaks; returns whether it breaks any.
fn is_stopped<const N: usize>(rules: [(bool, &mut Stopped); N]) -> bool {
    let mut stopped = false;
    for (is_broken, count) in rules {
        count.rows += usize::from(is_broken);
        count.first += usize::from(is_broken && !stopped);
        stopped |= is_broken;
    }
    stopped
}

/// Returns whether every number of the steps is a single token.
fn is_short(steps: &[String], is_single: &mut IsSingle) -> Result<bool> {
    all_single(
        steps.iter().flat_map(|step| numbers::step_strings(step)),
        is_single,
    )
}

fn all_single<'a>(
    mut numbers: impl Iterator<Item = &'a str>,
    is_single: &mut IsSingle,
) -> Result<bool> {
    numbers.try_fold(true, |all, number| Ok(all && is_single(number)?))
}

/// Returns whether a value occurs twice among the question's values and the step results.
fn repeats(question: &[f64], steps: &[String]) -> bool {
    let mut values = question.to_vec();
    values.extend(numbers::results_of_steps(steps));
    numbers::has_repeats(&values)
}

#[cfg(test)]
#[path = "gsm8k_tests.rs"]
mod tests;
