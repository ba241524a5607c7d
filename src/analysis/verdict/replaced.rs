//! E3 on a model: latents of other questions are put in place of the trace's, one at a time.
//!
//! Donors with another value come from edited questions, whose latents differ from the run's in little else, and from the
//! reference set; donors with the same value from the reference set, and from edits that do not concern the step.

use std::sync::Arc;

use crate::analysis::counterfactual::{self, PatchAsked};
use crate::model::ModelError;
use crate::trace::{LatentIdx, Patch, Tracks, Used};
use crate::verify::edits::{Edit, Means, answer_if, donors, same_answer};
use crate::verify::{Observation, Values, used};

use super::bench::{Bench, CHUNK};
use super::edited::Test;

/// A latent of another question.
struct Donor {
    question: String,
    value: String,
    vector: Arc<[f32]>,
    /// Whether its question was edited to lend it.
    on_purpose: bool,
}

/// Replaces the latent of each step and scores what the answer did.
pub(super) fn run(
    bench: &mut Bench<'_>,
    test: &Test<'_>,
    tracks: &Tracks,
    observed: &[Observation],
    wanted: usize,
) -> Result<Used, ModelError> {
    let case = bench.case();
    let answer = case.answer.unwrap_or_default();
    let places: Vec<(usize, LatentIdx)> = tracks.steps.iter().map(|s| (s.step, s.latent)).collect();
    let mut asked: Vec<PatchAsked> = Vec::new();
    let mut patches: Vec<Patch> = Vec::new();
    for &(step, latent) in &places {
        let own = &test.steps[step].result.text;
        let all = gather(bench, test, observed, step, latent)?;
        let mut predictions: Vec<String> = Vec::new();
        let (mut n_same, mut n_different) = (0, 0);
        for donor in all {
            if is_same(&donor.vector, &bench.of.clean.fed[latent.0 - 1]) {
                continue;
            }
            let same = same_answer(case.task, &donor.value, own);
            let expected = if same {
                answer.to_owned()
            } else {
                match answer_if(&case, test.steps, step, &donor.value, &|text| {
                    bench.readable(test.strategy.decoder, text)
                }) {
                    Some(expected) if bench.sayable(&expected) => expected,
                    _ => continue,
                }
            };
            let count = if same { &mut n_same } else { &mut n_different };
            // Values in turn tell more than one value often, where there is a choice.
            if *count == wanted
                || (!same
                    && predictions.iter().filter(|p| **p == donor.value).count() >= bench.repeats())
            {
                continue;
            }
            *count += 1;
            predictions.push(donor.value.clone());
            asked.push(PatchAsked {
                latent,
                vector: donor.vector,
                answer: expected.clone(),
            });
            patches.push(Patch {
                step,
                latent,
                donor: donor.question,
                value: donor.value,
                same,
                expected,
                answer: None,
                delta_clean: 0.0,
                delta_expected: 0.0,
                relative_size: 0.0,
                passed: false,
            });
        }
    }
    let patched = counterfactual::patched(&bench.of, &asked, bench.cancel)?;
    bench.runs += asked.len();
    for (patch, came) in patches.iter_mut().zip(patched.rows) {
        patch.passed = came
            .answer
            .as_deref()
            .is_some_and(|a| same_answer(case.task, a, &patch.expected));
        patch.answer = came.answer;
        patch.delta_clean = came.delta_clean;
        patch.delta_expected = came.delta_expected;
        patch.relative_size = came.relative_size;
    }
    Ok(used(
        case.task,
        &places,
        patches,
        patched.sham_max_diff,
        test.tests,
    ))
}

/// A latent nearer than this share of its length is the run's own: putting it in would prove nothing.
const OWN: f64 = 1e-3;

fn is_same(donor: &[f32], own: &[f32]) -> bool {
    let square = |x: f32| f64::from(x).powi(2);
    let apart: f64 = donor.iter().zip(own).map(|(a, b)| square(a - b)).sum();
    let length: f64 = own.iter().copied().map(square).sum();
    apart.sqrt() <= OWN * length.sqrt()
}

/// Donors for one step: edited questions first, then questions edited for the purpose, then other problems.
fn gather(
    bench: &mut Bench<'_>,
    test: &Test<'_>,
    observed: &[Observation],
    step: usize,
    latent: LatentIdx,
) -> Result<Vec<Donor>, ModelError> {
    let case = bench.case();
    let decoder = test.strategy.decoder;
    let mut made: Vec<Edit> = observed.iter().map(|o| o.edit.clone()).collect();
    made.extend({
        let means = Means {
            readable: &|text| bench.readable(decoder, text),
            spares: test.words,
        };
        donors(&case, test.steps, step, &means, CHUNK)
    });
    let questions: Vec<&str> = made.iter().map(|e| e.question.as_str()).collect();
    let thoughts = bench.think(decoder, &questions)?;
    let mut edited: Vec<Donor> = Vec::new();
    for (i, (edit, thought)) in made.iter().zip(thoughts).enumerate() {
        let Some(thought) = thought else { continue };
        let values = Values::new(case.task, &edit.question, test.strategy.top_k);
        let reads = Bench::reads(decoder, &thought);
        let shown = reads.get(latent.0 - 1).map(|top| values.of(top));
        let expected = &edit.results[step];
        // A donor must show what its own question makes of the step.
        if shown
            .as_ref()
            .and_then(|v| v.first())
            .is_some_and(|v| same_answer(case.task, v, expected))
        {
            edited.push(Donor {
                question: edit.question.clone(),
                value: expected.clone(),
                vector: Arc::clone(&thought.fed[latent.0 - 1]),
                on_purpose: i >= observed.len(),
            });
        }
    }
    let own = test.steps[step].result.text.clone();
    // Those made for the purpose come to the same value in another way, which tells more than a latent left alone.
    edited.sort_by_key(|d| same_answer(case.task, &d.value, &own) && !d.on_purpose);
    let mut all = edited;
    all.extend(others(bench, test, latent)?);
    Ok(all)
}

/// The latents of other problems with as many steps, and what they show first: with more or fewer steps the same value at
/// the same latent has another part to play.
fn others(
    bench: &mut Bench<'_>,
    test: &Test<'_>,
    latent: LatentIdx,
) -> Result<Vec<Donor>, ModelError> {
    let case = bench.case();
    let values = Values::new(case.task, case.question, test.strategy.top_k);
    let reads = bench.others(test.strategy.decoder)?;
    let items = bench.of.reference.others(case.question);
    Ok(items
        .zip(reads.iter())
        .filter(|(item, _)| item.steps == test.steps.len())
        .filter_map(|(item, reads)| {
            Some(Donor {
                question: item.question.clone(),
                value: values.of(reads.get(latent.0 - 1)?).into_iter().next()?,
                vector: Arc::clone(item.fed.get(latent.0 - 1)?),
                on_purpose: false,
            })
        })
        .collect())
}
