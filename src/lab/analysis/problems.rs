//! Generated problems for a model: those listed in the explorer, evaluated, or used for the reference set.

use std::collections::HashSet;

use super::reference;
use crate::core::problem::{self, Family, GenerateError, Problem, Spec, Split};
use crate::core::types::Task;

/// Seed of the reference set; its problems are from the training split, so none is a test problem.
pub const REFERENCE_SEED: u64 = 20_260_404;

/// Seed of the problems listed in the explorer: test problems, which no bundled model was trained on.
pub const LIST_SEED: u64 = 7;

/// Added to the seed of a lens: its problems are training problems too, but not those of the bundled models' recipes.
pub const LENS_SEED: u64 = 20_260_500;

/// Generates `n` training problems for fitting a lens. Excludes the reference set, whose latents the lens reads for the null.
///
/// # Errors
/// As [`for_task`].
pub fn for_lens(task: Task, n: usize, seed: u64) -> Result<Vec<Problem>, GenerateError> {
    let reference = for_task(task, Split::Train, reference::SIZE, REFERENCE_SEED)?;
    let reference: HashSet<&str> = reference.iter().map(|p| p.question.as_str()).collect();
    let seed = LENS_SEED.wrapping_add(seed);
    let mut problems = for_task(task, Split::Train, n + reference.len(), seed)?;
    problems.retain(|problem| !reference.contains(problem.question.as_str()));
    problems.truncate(n);
    Ok(problems)
}

/// Returns the generator families of a task.
#[must_use]
pub fn families(task: Task) -> &'static [Family] {
    match task {
        Task::Math => &[Family::Math],
        Task::Logic => &[Family::Prosqa, Family::Prontoqa],
        // A model of an unknown task gets problems of every family.
        Task::Unknown => &[Family::Math, Family::Prosqa, Family::Prontoqa],
    }
}

/// Generates `n` problems of a task, alternating between its families.
///
/// # Errors
/// When the generator cannot make that many distinct problems.
pub fn for_task(
    task: Task,
    split: Split,
    n: usize,
    seed: u64,
) -> Result<Vec<Problem>, GenerateError> {
    let families = families(task);
    let mut lists = Vec::new();
    for (i, &family) in families.iter().enumerate() {
        let share = (n + families.len() - 1 - i) / families.len();
        let spec = Spec::new(family, split);
        lists.push(problem::generate(&spec, share, seed)?.into_iter());
    }
    let mut problems = Vec::with_capacity(n);
    while problems.len() < n {
        let before = problems.len();
        problems.extend(lists.iter_mut().filter_map(Iterator::next));
        if problems.len() == before {
            break;
        }
    }
    problems.truncate(n);
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns_and_the_count_is_exact() {
        let logic = for_task(Task::Logic, Split::Test, 7, 1).expect("seven small problems exist");
        assert_eq!(logic.len(), 7);
        let truth = |p: &Problem| p.question.contains("True or false");
        assert_eq!(
            logic.iter().map(truth).collect::<Vec<_>>(),
            [false, true, false, true, false, true, false]
        );
        let any = for_task(Task::Unknown, Split::Test, 7, 1).expect("seven small problems exist");
        assert_eq!(any.iter().filter(|p| truth(p)).count(), 2);
    }
}
