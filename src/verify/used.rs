//! USED: does the answer depend on a latent as the trace predicts (docs/methods.md M7.5)?
//!
//! A latent is interchanged with one of another question at the same position. If the donor shows the step's own value, the
//! answer must stay; otherwise it must become what the trace computes from the donor's value. An answer that is merely copied
//! from the donor passes wherever the donor's own answer is the prediction, so the step is judged by donors with another own
//! answer: they distinguish a computed answer from a copied one.

use crate::core::stats::binomial::at_least;
use crate::core::types::{Discriminating, LatentIdx, Patch, Standing, StepUse, Task, Used};

use super::chance::{MIN_TRIALS, holds_at, most, rate};
use super::edits::same_answer;
use super::necessity::THRESHOLD_NATS;
use super::tracks::together;

/// A trace whose latents were replaced.
#[derive(Debug, Clone, Copy)]
pub struct Replaced<'a> {
    /// The kind of problem.
    pub task: Task,
    /// The steps that are read at a latent.
    pub places: &'a [(usize, LatentIdx)],
    /// The number of steps of the trace; the result of the last is the answer.
    pub steps: usize,
    /// The number of traces tested so far, this one included.
    pub tests: usize,
}

/// Scores interchanged latents.
#[must_use]
pub fn used(
    trial: &Replaced<'_>,
    patches: Vec<Patch>,
    sham_max_diff: f64,
    sham_path: Option<f64>,
) -> Used {
    let places = trial.places.iter();
    let steps: Vec<StepUse> = places
        .map(|(step, latent)| score(trial, *step, *latent, &patches))
        .collect();
    let mut standing = together(steps.iter().map(|s| s.standing));
    let mut reason = reason(&steps, standing);
    if let Some(moved) = sham_path.filter(|moved| moved.is_nan() || moved.abs() > THRESHOLD_NATS) {
        standing = Standing::Untested;
        reason = format!(
            "patching in the question's own latent moved the log-probability by {moved:.2}: replacements on this device are unreliable"
        );
    }
    Used {
        patches,
        steps,
        sham_max_diff,
        sham_path,
        tests: trial.tests,
        standing,
        reason,
    }
}

#[expect(clippy::cast_precision_loss, reason = "a few donors")]
fn score(trial: &Replaced<'_>, step: usize, latent: LatentIdx, patches: &[Patch]) -> StepUse {
    let task = trial.task;
    let all = || patches.iter().filter(|p| p.step == step);
    // Joint replacements count for the step, if there are enough: the other latents could compensate for a single one. Too few
    // would hide the evidence of single replacements.
    let joint = all().filter(|p| !p.also.is_empty() && !p.same).count();
    let together = joint >= MIN_TRIALS;
    let counted = || all().filter(|p| p.also.is_empty() != together);
    let different: Vec<&Patch> = counted().filter(|p| !p.same).collect();
    let same: Vec<&Patch> = counted().filter(|p| p.same).collect();
    let passed = |patches: &[&Patch]| patches.iter().filter(|p| p.passed).count();
    let coincidence = coincidence(task, counted());
    let (moved, kept) = (passed(&different), passed(&same));
    // Without another donor there is nothing to measure, and the rate is one.
    let pi0 = rate(coincidence.0, coincidence.1);
    let p_value = at_least(moved, different.len(), pi0);
    let is_answer = step + 1 == trial.steps;
    let (apart, apart_same) = (
        discriminating(task, &different),
        discriminating(task, &same),
    );
    let tells = |d: Discriminating| is_answer || (d.n >= MIN_TRIALS && most(d.predicted, d.n));
    // An answer that follows the latent is weak evidence unless it also stays where the latent does, and is not the donor's own.
    let standing = if different.len() < MIN_TRIALS {
        Standing::Untested
    } else if !most(moved, different.len()) || copies(apart) || copies(apart_same) {
        Standing::Contradicted
    } else if holds_at(p_value, trial.tests)
        && same.len() >= MIN_TRIALS
        && most(kept, same.len())
        && tells(apart)
        && tells(apart_same)
    {
        Standing::Holds
    } else {
        Standing::Open
    };
    let mean = |delta: fn(&Patch) -> f64| {
        let n = different.len();
        (n > 0).then(|| different.iter().map(|p| delta(p)).sum::<f64>() / n as f64)
    };
    let alone: Vec<&Patch> = all().filter(|p| p.also.is_empty() && !p.same).collect();
    StepUse {
        step,
        latent,
        different: different.len(),
        moved,
        same: same.len(),
        kept,
        different_discriminating: apart,
        same_discriminating: apart_same,
        is_answer,
        alone: together.then(|| (passed(&alone), alone.len())),
        coincidence,
        pi0,
        p_value,
        delta_clean: mean(|p| p.delta_clean),
        delta_expected: mean(|p| p.delta_expected),
        standing,
    }
}

fn copies(counts: Discriminating) -> bool {
    counts.n >= MIN_TRIALS && most(counts.own, counts.n)
}

/// Counts the answers under donors whose own answer is not the prediction.
fn discriminating(task: Task, patches: &[&Patch]) -> Discriminating {
    let mut counts = Discriminating::default();
    for patch in patches {
        let Some(own) = &patch.own else { continue };
        if same_answer(task, own, &patch.expected) {
            continue;
        }
        let answer = patch.answer.as_deref();
        let is_own = answer.is_some_and(|answer| same_answer(task, answer, own));
        counts.n += 1;
        counts.predicted += usize::from(patch.passed);
        counts.own += usize::from(is_own);
        counts.neither += usize::from(!patch.passed && !is_own);
    }
    counts
}

/// Counts how often the answer is the prediction for another donor, by predicted answer and donor.
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
    let sum = |count: fn(&StepUse) -> usize| steps.iter().map(count).sum::<usize>();
    if standing == Standing::Holds {
        let apart = sum(|s| s.different_discriminating.n);
        let tells = if apart == 0 {
            "every donor's own answer is the predicted one too, as the value is the answer"
                .to_owned()
        } else {
            format!(
                "for {apart} of these donors, the donor's own answer differs from the predicted one, and the answer was as computed under {} of them",
                sum(|s| s.different_discriminating.predicted)
            )
        };
        return format!(
            "latents with another value moved the answer to what the trace computes in {} of {} donors ({tells}), and latents with the same value left it in {} of {}",
            sum(|s| s.moved),
            sum(|s| s.different),
            sum(|s| s.kept),
            sum(|s| s.same)
        );
    }
    let Some(s) = steps.iter().find(|s| s.standing == standing) else {
        return "no latent could be replaced".to_owned();
    };
    if s.standing == Standing::Untested {
        return format!(
            "step {} has {} donors with another value from which the trace computes another answer, too few for a test",
            s.step + 1,
            s.different
        );
    }
    for counts in [s.different_discriminating, s.same_discriminating] {
        if copies(counts) {
            return format!(
                "the answer is copied, not computed: with latent {} of a donor it was the donor's own answer for {} of {} donors whose answer differs from the prediction",
                s.latent, counts.own, counts.n
            );
        }
    }
    let (apart, same) = (s.different_discriminating.n, s.same_discriminating.n);
    let few = !s.is_answer && (apart < MIN_TRIALS || same < MIN_TRIALS);
    let tells = if s.standing == Standing::Open && few {
        format!(
            "; for only {apart} and {same} of these donors does the donor's own answer differ from the predicted one, too few to tell a computed answer from a copied one"
        )
    } else {
        String::new()
    };
    format!(
        "replacing latent {} moved the answer to what the trace computes in {} of {} donors, and left it in {} of {} with the same value{tells}",
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
            own: None,
            also: Vec::new(),
            answer: Some(answer.to_owned()),
            delta_clean: if same { 0.0 } else { -5.0 },
            delta_expected: 1.0,
            relative_size: 0.5,
            passed: expected == answer,
        }
    }

    /// Scores donors with other values, by expected and given answer, and `kept` + `lost` donors with the same value.
    fn scored(answers: &[(&str, &str)], kept: usize, lost: usize) -> StepUse {
        let mut patches: Vec<Patch> = answers.iter().map(|(e, a)| patch(false, e, a)).collect();
        patches.extend((0..kept).map(|_| patch(true, "19", "19")));
        patches.extend((0..lost).map(|_| patch(true, "19", "20")));
        judged(patches, 1)
    }

    fn judged(patches: Vec<Patch>, steps: usize) -> StepUse {
        let trial = Replaced {
            task: Task::Math,
            places: &[(0, LatentIdx(1))],
            steps,
            tests: 1,
        };
        used(&trial, patches, 0.0, None).steps.remove(0)
    }

    #[test]
    fn copied_and_computed_answers_are_distinguished() {
        // The trace predicts 20, 21, ...; the donors' own answers are 40, 41, ...
        let donors = |copied: bool, own: bool| -> Vec<Patch> {
            let different = (20..26).map(|n| {
                let answer = if copied { n + 20 } else { n };
                let mut patch = patch(false, &n.to_string(), &answer.to_string());
                patch.own = own.then(|| (n + 20).to_string());
                patch
            });
            let same = (50..54).map(|n| {
                let answer = if copied { n } else { 19 };
                let mut patch = patch(true, "19", &answer.to_string());
                patch.own = own.then(|| n.to_string());
                patch
            });
            different.chain(same).collect()
        };
        for (name, patches, steps, expected) in [
            ("computed", donors(false, true), 2, Standing::Holds),
            ("copied", donors(true, true), 2, Standing::Contradicted),
            ("no donor tells", donors(false, false), 2, Standing::Open),
            (
                "the value is the answer",
                donors(false, false),
                1,
                Standing::Holds,
            ),
        ] {
            let step = judged(patches, steps);
            assert_eq!(step.standing, expected, "{name}: {step:?}");
        }
    }

    #[test]
    fn latents_replaced_together_count_for_the_step() {
        let alone = (20..24).map(|n| patch(false, &n.to_string(), "19"));
        let with = |mut patch: Patch| {
            patch.also = vec![LatentIdx(2)];
            patch
        };
        let both = (20..26).map(|n| with(patch(false, &n.to_string(), &n.to_string())));
        let same = (0..4).map(|_| with(patch(true, "19", "19")));
        let step = judged(alone.chain(both).chain(same).collect(), 1);
        assert_eq!((step.standing, step.alone), (Standing::Holds, Some((0, 4))));
        let alone = (20..24).map(|n| patch(false, &n.to_string(), "19"));
        let few = (20..22).map(|n| with(patch(false, &n.to_string(), &n.to_string())));
        let step = judged(alone.chain(few).collect(), 1);
        assert_eq!((step.standing, step.alone), (Standing::Contradicted, None));
    }

    #[test]
    fn a_latent_is_used_if_the_answer_moves_and_stays_with_it() {
        let goes = [("20", "20"), ("21", "21"), ("22", "22"), ("23", "23")];
        let half = [("20", "20"), ("21", "21"), ("22", "19"), ("23", "19")];
        let stays = [("20", "19"), ("21", "19"), ("22", "19"), ("23", "19")];
        let always = [("20", "20"), ("20", "20"), ("20", "20"), ("20", "20")];
        for (name, answers, kept, lost, expected) in [
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
            let step = scored(answers, kept, lost);
            assert_eq!(step.standing, expected, "{name}: {step:?}");
        }
    }

    #[test]
    fn the_chance_rate_comes_from_other_donors_predictions() {
        let step = scored(&[("20", "20"), ("21", "20"), ("22", "22")], 1, 0);
        // 20 is the answer once where 21 is predicted; three predictions, each against three other donors.
        assert_eq!(step.coincidence, (1, 9));
        assert!((step.pi0 - 0.2).abs() < 1e-12);
    }
}
