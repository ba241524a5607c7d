//! E3: does the answer depend on a latent as the trace predicts (field-map.md 5.1)?
//!
//! A latent is replaced by one that another question left at the same position. If that one shows the step's own value the
//! answer must stay; if it shows another, the answer must become what the trace computes from it.

use crate::stats::binomial::at_least;
use crate::trace::{LatentIdx, Patch, Standing, StepUse, Task, Used};

use super::chance::{ALPHA, MIN_TRIALS, most, rate};
use super::edits::same_answer;
use super::tracks::together;

/// Scores replaced latents; `places` are the steps that are read at a latent.
#[must_use]
pub fn used(
    task: Task,
    places: &[(usize, LatentIdx)],
    patches: Vec<Patch>,
    sham_max_diff: f64,
    tests: usize,
) -> Used {
    let steps: Vec<StepUse> = places
        .iter()
        .map(|(step, latent)| score(task, *step, *latent, &patches, tests))
        .collect();
    let standing = together(steps.iter().map(|s| s.standing));
    Used {
        reason: reason(&steps, standing),
        patches,
        steps,
        sham_max_diff,
        tests,
        standing,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few donors")]
fn score(task: Task, step: usize, latent: LatentIdx, patches: &[Patch], tests: usize) -> StepUse {
    let of_step = || patches.iter().filter(|p| p.step == step);
    let different: Vec<&Patch> = of_step().filter(|p| !p.same).collect();
    let same: Vec<&Patch> = of_step().filter(|p| p.same).collect();
    let passed = |patches: &[&Patch]| patches.iter().filter(|p| p.passed).count();
    let coincidence = coincidence(task, of_step());
    let (moved, kept) = (passed(&different), passed(&same));
    // Without another donor to mistake one for, nothing is measured, and the rate is one.
    let pi0 = rate(coincidence.0, coincidence.1);
    let p_value = at_least(moved, different.len(), pi0);
    // That the answer goes where the latent points says little unless it also stays where the latent does.
    let standing = if different.len() < MIN_TRIALS {
        Standing::Untested
    } else if !most(moved, different.len()) {
        Standing::Contradicted
    } else if p_value * tests as f64 <= ALPHA && same.len() >= MIN_TRIALS && most(kept, same.len())
    {
        Standing::Holds
    } else {
        Standing::Open
    };
    let mean = |of: fn(&Patch) -> f64| {
        let n = different.len();
        (n > 0).then(|| different.iter().map(|p| of(p)).sum::<f64>() / n as f64)
    };
    StepUse {
        step,
        latent,
        different: different.len(),
        moved,
        same: same.len(),
        kept,
        coincidence,
        pi0,
        p_value,
        delta_clean: mean(|p| p.delta_clean),
        delta_expected: mean(|p| p.delta_expected),
        standing,
    }
}

/// How often the answer is what the trace computes for another donor, by predicted answer and donor.
fn coincidence<'a>(task: Task, patches: impl Iterator<Item = &'a Patch>) -> (usize, usize) {
    let patches: Vec<&Patch> = patches.collect();
    let mut predicted: Vec<&str> = Vec::new();
    for patch in patches.iter().filter(|p| !p.same) {
        if !predicted
            .iter()
            .any(|p| same_answer(task, p, &patch.expected))
        {
            predicted.push(&patch.expected);
        }
    }
    let (mut hits, mut n) = (0, 0);
    for answer in predicted {
        let others = patches
            .iter()
            .filter(|p| !same_answer(task, &p.expected, answer));
        for patch in others {
            n += 1;
            hits += usize::from(
                patch
                    .answer
                    .as_deref()
                    .is_some_and(|a| same_answer(task, a, answer)),
            );
        }
    }
    (hits, n)
}

fn reason(steps: &[StepUse], standing: Standing) -> String {
    let sum = |of: fn(&StepUse) -> usize| steps.iter().map(of).sum::<usize>();
    if standing == Standing::Holds {
        return format!(
            "latents with another value moved the answer to what the trace computes in {} of {} donors, and latents with the same value left it in {} of {}",
            sum(|s| s.moved),
            sum(|s| s.different),
            sum(|s| s.kept),
            sum(|s| s.same)
        );
    }
    let of = |s: &&StepUse| s.standing == standing;
    let Some(s) = steps.iter().find(of) else {
        return "no latent could be replaced".to_owned();
    };
    if s.standing == Standing::Untested {
        return format!(
            "step {} has {} donors with another value from which the trace computes another answer, too few to test it",
            s.step + 1,
            s.different
        );
    }
    format!(
        "replacing latent {} moved the answer to what the trace computes in {} of {} donors, and left it in {} of {} with the same value",
        s.latent, s.moved, s.different, s.kept, s.same
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patch(same: bool, expected: &str, answer: &str) -> Patch {
        Patch {
            step: 0,
            latent: LatentIdx(1),
            donor: String::new(),
            value: String::new(),
            same,
            expected: expected.to_owned(),
            answer: Some(answer.to_owned()),
            delta_clean: if same { 0.0 } else { -5.0 },
            delta_expected: 1.0,
            relative_size: 0.5,
            passed: expected == answer,
        }
    }

    /// Donors with other values that say `says`, and as many with the same value that leave the answer or not.
    fn scored(says: &[(&str, &str)], kept: usize, lost: usize) -> StepUse {
        let mut patches: Vec<Patch> = says.iter().map(|(e, a)| patch(false, e, a)).collect();
        patches.extend((0..kept).map(|_| patch(true, "19", "19")));
        patches.extend((0..lost).map(|_| patch(true, "19", "20")));
        used(Task::Math, &[(0, LatentIdx(1))], patches, 0.0, 1)
            .steps
            .remove(0)
    }

    #[test]
    fn a_latent_is_used_when_the_answer_goes_and_stays_with_it() {
        let goes = [("20", "20"), ("21", "21"), ("22", "22"), ("23", "23")];
        let half = [("20", "20"), ("21", "21"), ("22", "19"), ("23", "19")];
        let stays = [("20", "19"), ("21", "19"), ("22", "19"), ("23", "19")];
        let always = [("20", "20"), ("20", "20"), ("20", "20"), ("20", "20")];
        for (name, says, kept, lost, want) in [
            ("goes and stays", &goes[..], 4, 0, Standing::Holds),
            ("three of four stay", &goes, 3, 1, Standing::Holds),
            ("goes whatever the value", &goes, 0, 4, Standing::Open),
            ("none with the same value", &goes, 0, 0, Standing::Open),
            ("two donors", &goes[..2], 4, 0, Standing::Untested),
            ("half of the donors", &half, 4, 0, Standing::Contradicted),
            (
                "stays whatever the value",
                &stays,
                4,
                0,
                Standing::Contradicted,
            ),
            (
                "one prediction, and it never comes otherwise",
                &always,
                8,
                0,
                Standing::Holds,
            ),
            (
                "one prediction, and it often comes otherwise",
                &always,
                0,
                8,
                Standing::Open,
            ),
        ] {
            let got = scored(says, kept, lost);
            assert_eq!(got.standing, want, "{name}: {got:?}");
        }
    }

    #[test]
    fn chance_is_what_other_donors_would_have_got_right() {
        let got = scored(&[("20", "20"), ("21", "20"), ("22", "22")], 1, 0);
        // 20 is said once where 21 is due; three predictions, each against three other donors.
        assert_eq!(got.coincidence, (1, 9));
        assert!((got.pi0 - 0.2).abs() < 1e-12);
    }
}
