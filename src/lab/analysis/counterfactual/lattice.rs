//! The lattice: every set of latents switched off, the smallest that keeps the answer and the smallest that breaks it.

use std::collections::BTreeSet;

use super::judge::Judge;
use super::replacements::{Plan, Replacements, single_permuted};
use super::{Subject, cell};
use crate::core::types::{
    Ablation, AblationValue, AnswerOutcome, Cost, LatentIdx, Lattice, StudyCell,
};
use crate::engine::model::{Cancel, ModelError};
use crate::lab::analysis::run::CleanRun;

/// Maximum number of latents: n latents have 2^n sets.
pub const MOST_LATENTS: usize = 8;

/// Runs every set of latents off, the most interesting first: singles off and alone, pairs, the rest. `on_part` receives the
/// partial lattice after each stage.
///
/// An interrupted lattice `before` of the same manner is resumed: its sets are not recomputed, and its sham difference and cost
/// are kept.
///
/// # Errors
/// When the run has no latents or too many, an ablation is refused, the model fails or the work is cancelled.
pub fn lattice(
    subject: &Subject<'_>,
    before: Option<&Lattice>,
    manner: &Ablation,
    on_part: &mut dyn FnMut(&Lattice),
    cancel: &Cancel,
) -> Result<Lattice, ModelError> {
    let n = subject.clean.fed.len();
    if n == 0 || n > MOST_LATENTS {
        return Err(ModelError::refused(
            format!("a lattice needs 1 to {MOST_LATENTS} latents: the run has {n}"),
            "run it with as many (--latents), or ask for a sweep",
        ));
    }
    let manner = manner.with_off(BTreeSet::new());
    let sets = sets_to_ask(n, &manner)?;
    let replacements = Replacements::new(subject, &manner)?;
    let before = before.filter(|before| before.manner == manner && before.n_latents == n);
    let mut judge = Judge::new(subject, cancel);
    judge.resume_cost(before.map(|before| before.cost));
    let mut lattice = before.map_or_else(|| empty(subject.clean, &manner), Lattice::clone);
    for current in 0..3 {
        let plans = sets
            .iter()
            .filter(|off| stage(off, n) == current && lattice.cell(off).is_none())
            .map(|off| replacements.plan(off))
            .collect::<Result<Vec<Plan>, _>>()?;
        if plans.is_empty() {
            continue;
        }
        if lattice.cells.len() == 1 {
            // One sham validates the manner, before the first set.
            let all: BTreeSet<LatentIdx> = (1..=n).map(LatentIdx).collect();
            lattice.sham_max_diff = judge.sham(&replacements, &all)?;
        }
        let (_, judged) = judge.plans(&replacements, &plans, false)?;
        for (plan, judged) in plans.iter().zip(&judged) {
            lattice.cells.push(cell(subject.clean, plan, judged));
        }
        sort(&mut lattice.cells);
        lattice.cost = judge.cost();
        lattice.complete = lattice.cells.len() == sets.len() + 1;
        if lattice.complete {
            (lattice.keeps, lattice.breaks) = smallest(&lattice.cells, n);
        }
        on_part(&lattice);
    }
    Ok(lattice)
}

/// The lattice of the empty set alone, whose outcome is the clean run's.
fn empty(run: &CleanRun, manner: &Ablation) -> Lattice {
    Lattice {
        manner: manner.clone(),
        n_latents: run.fed.len(),
        clean_answer: run.run.answer.value.clone(),
        clean_logprob: run.answer_logprob,
        cells: vec![StudyCell {
            off: BTreeSet::new(),
            answer: run.run.answer.value.clone(),
            flipped: false,
            delta_logprob: 0.0,
            n: 1,
            flips: 0,
        }],
        complete: false,
        keeps: None,
        breaks: None,
        sham_max_diff: 0.0,
        cost: Cost::default(),
    }
}

/// The sets that apply to a manner, without the empty one.
///
/// # Errors
/// If there is no such set: a single latent cannot be permuted.
fn sets_to_ask(n: usize, manner: &Ablation) -> Result<Vec<BTreeSet<LatentIdx>>, ModelError> {
    let mut sets = all_sets(n);
    if manner.value == AblationValue::Permute {
        sets.retain(|off| off.len() != 1);
    }
    if sets.is_empty() {
        return Err(single_permuted());
    }
    Ok(sets)
}

/// The stage of a set: singles off and alone first, then pairs, then the rest.
fn stage(off: &BTreeSet<LatentIdx>, n: usize) -> usize {
    match off.len() {
        1 => 0,
        len if len + 1 >= n => 0,
        2 => 1,
        _ => 2,
    }
}

/// Every set but the empty one.
fn all_sets(n: usize) -> Vec<BTreeSet<LatentIdx>> {
    (1..1usize << n)
        .map(|bits| {
            (1..=n)
                .filter(|j| bits >> (j - 1) & 1 == 1)
                .map(LatentIdx)
                .collect()
        })
        .collect()
}

/// Sorts by size, then by latents.
fn sort(cells: &mut [StudyCell]) {
    cells.sort_by(|a, b| (a.off.len(), &a.off).cmp(&(b.off.len(), &b.off)));
}

/// The smallest set that, kept alone, keeps the answer in every variant, and the smallest that, off, breaks it in every variant.
fn smallest(
    cells: &[StudyCell],
    n: usize,
) -> (Option<BTreeSet<LatentIdx>>, Option<BTreeSet<LatentIdx>>) {
    let extreme = |outcome: AnswerOutcome, most_off: bool| {
        let fits = cells
            .iter()
            .filter(|cell| cell.variants().outcome() == outcome);
        let sizes = fits.clone().map(|cell| cell.off.len());
        let size = if most_off { sizes.max() } else { sizes.min() }?;
        let same = fits.filter(|cell| cell.off.len() == size);
        // Ties go to the clearest: the least loss if the answer is kept, the greatest if it breaks.
        if outcome == AnswerOutcome::Flipped {
            same.min_by(|a, b| a.delta_logprob.total_cmp(&b.delta_logprob))
        } else {
            same.max_by(|a, b| a.delta_logprob.total_cmp(&b.delta_logprob))
        }
    };
    let keeps = extreme(AnswerOutcome::Stands, true).map(|cell| {
        (1..=n)
            .map(LatentIdx)
            .filter(|idx| !cell.off.contains(idx))
            .collect()
    });
    let breaks = extreme(AnswerOutcome::Flipped, false).map(|cell| cell.off.clone());
    (keeps, breaks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cells(n: usize, flips: impl Fn(&BTreeSet<LatentIdx>) -> (bool, f64)) -> Vec<StudyCell> {
        let mut cells: Vec<StudyCell> = std::iter::once(BTreeSet::new())
            .chain(all_sets(n))
            .map(|off| {
                let (flipped, delta_logprob) = flips(&off);
                StudyCell {
                    off,
                    answer: None,
                    flipped,
                    delta_logprob,
                    n: 1,
                    flips: usize::from(flipped),
                }
            })
            .collect();
        sort(&mut cells);
        cells
    }

    fn set(latents: &[usize]) -> BTreeSet<LatentIdx> {
        latents.iter().copied().map(LatentIdx).collect()
    }

    #[test]
    fn the_smallest_sets_are_found() {
        // The answer needs latent 2, and 1 or 3.
        let needs = |off: &BTreeSet<LatentIdx>| {
            let on = |j| !off.contains(&LatentIdx(j));
            let keeps = on(2) && (on(1) || on(3));
            let weight = if on(3) { -0.1 } else { -0.5 };
            (!keeps, if keeps { weight } else { -4.0 })
        };
        let (keeps, breaks) = smallest(&cells(3, needs), 3);
        assert_eq!(keeps, Some(set(&[2, 3])), "the one that costs less");
        assert_eq!(breaks, Some(set(&[2])));
    }

    #[test]
    fn a_set_that_depends_on_the_donor_neither_keeps_nor_breaks() {
        let mut cells = cells(2, |off| (off.len() == 2, -1.0));
        for cell in cells.iter_mut().filter(|cell| !cell.off.is_empty()) {
            cell.n = 16;
            cell.flips = if cell.off.len() == 2 { 15 } else { 1 };
        }
        assert_eq!(smallest(&cells, 2), (Some(set(&[1, 2])), None));
        cells[1].flips = 0;
        assert_eq!(smallest(&cells, 2).0, Some(set(&[2])));
        cells[3].flips = 16;
        assert_eq!(smallest(&cells, 2).1, Some(set(&[1, 2])));
    }

    #[test]
    fn an_answer_that_needs_nothing_has_no_breaking_set() {
        let (keeps, breaks) = smallest(&cells(2, |_| (false, 0.0)), 2);
        assert_eq!((keeps, breaks), (Some(set(&[])), None));
        assert_eq!(all_sets(3).len(), 7);
    }
}
