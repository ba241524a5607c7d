//! USED on a model: interchanges the trace's latents with those of other questions, one step at a time.
//!
//! Donors are edits of the question that the model answers as predicted, and other problems. Those whose own answer differs from
//! the prediction here come first: a copied answer would be the donor's own.

use std::sync::Arc;

use crate::core::types::{
    LatentIdx, Patch, Stage, Standing, TokenRead, Tracks, Used, VerdictProgress,
};
use crate::engine::model::ModelError;
use crate::lab::analysis::counterfactual::{self, PatchAsked};
use crate::lab::analysis::thoughts::{Keep, think};
use crate::verify::edits::{QuestionEdit, answer_if, donors, same_answer};
use crate::verify::{Observation, Replaced, Values, used};

use super::bench::{CHUNK, QuestionCache};
use super::edited::Test;

/// A run of another question, with the trace's prediction for its latent.
#[derive(Clone)]
struct Donor {
    question: String,
    value: String,
    fed: Vec<Arc<[f32]>>,
    /// The model's answer to its question.
    own: String,
    /// The answer that the trace predicts for its latent.
    expected: String,
    /// Whether it shows the step's own value.
    same: bool,
    /// Whether its own answer differs from the prediction.
    tells: bool,
}

/// A donor chosen for a step.
struct Put {
    step: usize,
    /// The step's own latent, then others that show the same value.
    latents: Vec<LatentIdx>,
    donor: Donor,
}

/// Interchanges the latent of each step and scores the answers.
pub(super) fn test_used(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    (tracks, observed): (&Tracks, &[Observation]),
    donors: usize,
    on_progress: &mut dyn FnMut(VerdictProgress),
) -> Result<Used, ModelError> {
    let case = bench.case();
    let places: Vec<(usize, LatentIdx)> = tracks.steps.iter().map(|s| (s.step, s.latent)).collect();
    let mut chosen: Vec<Put> = Vec::new();
    for (done, &(step, latent)) in places.iter().enumerate() {
        on_progress(VerdictProgress {
            stage: Stage::Replacements,
            done,
            all: places.len(),
        });
        for donor in gather(bench, test, observed, (step, latent), donors)? {
            chosen.push(Put {
                step,
                latents: vec![latent],
                donor,
            });
        }
    }
    let sham_path = sham(bench, &chosen, &places)?;
    let (mut patches, sham_max_diff) = patch(bench, &chosen)?;
    let replaced = Replaced {
        task: case.task,
        places: &places,
        steps: test.steps.len(),
        tests: test.tests,
    };
    let alone = used(&replaced, patches.clone(), sham_max_diff, sham_path);
    // A step whose latent makes no difference may be carried by another one with the same value.
    let mut together = Vec::new();
    for s in &alone.steps {
        if s.standing != Standing::Contradicted {
            continue;
        }
        let latents = showing(bench, test, s.step, s.latent)?;
        if latents.len() == 1 {
            continue;
        }
        for put in chosen.extract_if(.., |put| put.step == s.step) {
            if shows_at(bench, test, &put.donor, &latents)? {
                together.push(Put {
                    latents: latents.clone(),
                    ..put
                });
            }
        }
    }
    if together.is_empty() {
        return Ok(alone);
    }
    let (more, sham) = patch(bench, &together)?;
    patches.extend(more);
    Ok(used(&replaced, patches, sham_max_diff.max(sham), sham_path))
}

/// Runs the interchanges; returns them with the sham difference.
fn patch(bench: &mut QuestionCache<'_>, chosen: &[Put]) -> Result<(Vec<Patch>, f64), ModelError> {
    let task = bench.case().task;
    let requests: Vec<PatchAsked> = chosen
        .iter()
        .map(|Put { latents, donor, .. }| PatchAsked {
            vectors: latents
                .iter()
                .map(|latent| (*latent, Arc::clone(&donor.fed[latent.0 - 1])))
                .collect(),
            answer: donor.expected.clone(),
        })
        .collect();
    let patched = counterfactual::patched(&bench.subject, &requests, bench.cancel)?;
    bench.runs += requests.len();
    let patches = chosen.iter().zip(patched.rows);
    let patches = patches.map(|(put, row)| {
        let Put {
            step,
            latents,
            donor,
        } = put;
        let says = |answer: &str| same_answer(task, answer, &donor.expected);
        Patch {
            step: *step,
            latent: latents[0],
            donor: donor.question.clone(),
            value: donor.value.clone(),
            same: donor.same,
            expected: donor.expected.clone(),
            own: Some(donor.own.clone()),
            also: latents[1..].to_vec(),
            passed: row.answer.as_deref().is_some_and(says),
            answer: row.answer,
            delta_clean: row.delta_clean,
            delta_expected: row.delta_expected,
            relative_size: row.relative_size,
        }
    });
    Ok((patches.collect(), patched.sham_max_diff))
}

/// The largest change of the answer's log-probability, in nats, when each latent is replaced by that of the same question, rerun
/// among donors; `None` without a donor.
fn sham(
    bench: &mut QuestionCache<'_>,
    chosen: &[Put],
    places: &[(usize, LatentIdx)],
) -> Result<Option<f64>, ModelError> {
    let case = bench.case();
    let mut questions = vec![case.question];
    for put in chosen {
        if questions.len() < AMONG && !questions.contains(&put.donor.question.as_str()) {
            questions.push(&put.donor.question);
        }
    }
    if questions.len() == 1 {
        return Ok(None);
    }
    let want = Keep {
        latents: bench.subject.clean.fed.len(),
        ..Keep::default()
    };
    // Not the cached run: it was made alone or in another batch.
    let again = think(bench.subject.model, &questions, &want, bench.cancel)?;
    bench.runs += questions.len();
    let Some(again) = again.into_iter().next().flatten() else {
        return Ok(None);
    };
    let requests: Vec<PatchAsked> = places
        .iter()
        .map(|(_, latent)| PatchAsked {
            vectors: vec![(*latent, Arc::clone(&again.fed[latent.0 - 1]))],
            answer: case.answer.unwrap_or_default().to_owned(),
        })
        .collect();
    let patched = counterfactual::patched(&bench.subject, &requests, bench.cancel)?;
    bench.runs += requests.len();
    let changes = patched.rows.iter().map(|row| row.delta_clean.abs());
    Ok(changes.reduce(|a, b| if a >= b || a.is_nan() { a } else { b }))
}

/// The latents with a step's value as top value, its own first.
fn showing(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    step: usize,
    latent: LatentIdx,
) -> Result<Vec<LatentIdx>, ModelError> {
    let case = bench.case();
    let reads = bench.own(test.strategy.decoder)?;
    let values = Values::new(case.task, case.question, test.strategy.top_k);
    let own = &test.steps[step].result.text;
    let others = (1..=reads.len()).map(LatentIdx).filter(|other| {
        let value = first_value(&values, &reads, *other);
        *other != latent && value.is_some_and(|v| same_answer(case.task, &v, own))
    });
    Ok(std::iter::once(latent).chain(others).collect())
}

/// Whether a donor shows its value at all of these latents.
fn shows_at(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    donor: &Donor,
    latents: &[LatentIdx],
) -> Result<bool, ModelError> {
    let task = bench.case().task;
    let decoder = test.strategy.decoder;
    let thought = bench.think(decoder, &[&donor.question])?;
    let Some(thought) = thought.into_iter().next().flatten() else {
        return Ok(false);
    };
    let values = Values::new(task, &donor.question, test.strategy.top_k);
    let reads = QuestionCache::reads(decoder, &thought);
    Ok(latents.iter().all(|latent| {
        let value = first_value(&values, &reads, *latent);
        value.is_some_and(|v| same_answer(task, &v, &donor.value))
    }))
}

fn first_value(values: &Values, reads: &[Vec<TokenRead>], latent: LatentIdx) -> Option<String> {
    values.read(reads.get(latent.0 - 1)?).into_iter().next()
}

/// A donor latent within this relative distance equals the run's own, so interchanging it would prove nothing.
const OWN: f64 = 1e-3;

fn is_own(bench: &QuestionCache<'_>, latent: LatentIdx, donor: &[f32]) -> bool {
    let own = &bench.subject.clean.fed[latent.0 - 1];
    let square = |x: f32| f64::from(x).powi(2);
    let apart: f64 = donor
        .iter()
        .zip(own.iter())
        .map(|(a, b)| square(a - b))
        .sum();
    let length: f64 = own.iter().copied().map(square).sum();
    apart.sqrt() <= OWN * length.sqrt()
}

/// The rules for choosing donors.
struct Choice {
    /// The number of donors with another value, and of those with the same.
    donors: usize,
    /// Whether the step's value is the answer, so that no donor distinguishes a computed answer from a copied one.
    is_answer: bool,
    /// Maximum uses of one other value.
    repeats: usize,
}

impl Choice {
    /// Chooses among the available donors. Those that distinguish a computed answer from a copied one come first, and are at
    /// least half, unless the value is the answer itself.
    fn choose<'d>(&self, all: &[&'d Donor]) -> Vec<&'d Donor> {
        let mut chosen: Vec<&Donor> = Vec::new();
        for tells in [true, false] {
            for donor in all.iter().filter(|d| d.tells == tells) {
                let alike = || chosen.iter().filter(|d| d.same == donor.same);
                let telling = alike().filter(|d| d.tells).count();
                let most = if tells || self.is_answer {
                    self.donors
                } else {
                    self.donors.min(2 * telling)
                };
                let seen = alike().filter(|d| d.value == donor.value).count();
                // Different values are more informative than repeats of one, if there is a choice.
                if alike().count() < most && (donor.same || seen < self.repeats) {
                    chosen.push(donor);
                }
            }
        }
        chosen
    }
}

/// Collects donors for one step until there are enough: questions edited for the purpose, in batches, then the questions edited
/// for TRACKS, then other problems. A few other problems with the same value come first: an edit that keeps the step's value may
/// also keep its latent, and would prove nothing.
fn gather(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    observed: &[Observation],
    at: (usize, LatentIdx),
    count: usize,
) -> Result<Vec<Donor>, ModelError> {
    let case = bench.case();
    let choice = Choice {
        donors: count,
        is_answer: at.0 + 1 == test.steps.len(),
        repeats: bench.repeats(),
    };
    let planned: Vec<QuestionEdit> = {
        let readable = |text: &str| bench.readable(test.strategy.decoder, text);
        donors(&case, test.steps, at.0, &test.lent.means(&readable), CHUNK)
    };
    let Others {
        mut same,
        different,
    } = others(bench, test, at)?;
    let beyond = same.split_off(same.len().min(SAME_AHEAD));
    let mut first = run_others(bench, test, at, &same)?;
    // These cost nothing: their runs are cached.
    let tracked: Vec<QuestionEdit> = observed.iter().map(|o| o.edit.clone()).collect();
    let mut last = run_edits(bench, test, at, &tracked)?;
    let choose = |first: &[Donor], last: &[Donor]| -> Vec<Donor> {
        let all: Vec<&Donor> = first.iter().chain(last).collect();
        choice.choose(&all).into_iter().cloned().collect()
    };
    for part in planned.chunks(CHUNK / 2) {
        first.extend(run_edits(bench, test, at, part)?);
        let chosen = choose(&first, &last);
        if chosen.len() == 2 * count {
            return Ok(chosen);
        }
    }
    let rest: Vec<(String, String)> = different.into_iter().chain(beyond).collect();
    last.extend(run_others(bench, test, at, &rest)?);
    Ok(choose(&first, &last))
}

/// Edited questions as donors: those with the required value that the model answers as predicted.
fn run_edits(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    (step, latent): (usize, LatentIdx),
    edits: &[QuestionEdit],
) -> Result<Vec<Donor>, ModelError> {
    let case = bench.case();
    let decoder = test.strategy.decoder;
    let questions: Vec<&str> = edits.iter().map(|e| e.question.as_str()).collect();
    let thoughts = bench.think(decoder, &questions)?;
    let mut all = Vec::new();
    for (edit, thought) in edits.iter().zip(thoughts) {
        let Some(thought) = thought else { continue };
        let Some(own) = thought.answer.clone() else {
            continue;
        };
        let values = Values::new(case.task, &edit.question, test.strategy.top_k);
        let reads = QuestionCache::reads(decoder, &thought);
        let predicted = &edit.results[step];
        if first_value(&values, &reads, latent)
            .is_some_and(|v| same_answer(case.task, &v, predicted))
            && same_answer(case.task, &own, &edit.answer)
        {
            let source = (edit.question.as_str(), predicted.as_str());
            all.extend(donor(bench, test, (step, latent), source, thought.fed, own));
        }
    }
    Ok(all)
}

/// A donor for a step; `None` if the trace predicts no answer for it, or its latent equals the run's own.
fn donor(
    bench: &QuestionCache<'_>,
    test: &Test<'_>,
    (step, latent): (usize, LatentIdx),
    (question, value): (&str, &str),
    fed: Vec<Arc<[f32]>>,
    own: String,
) -> Option<Donor> {
    let case = bench.case();
    let same = same_answer(case.task, value, &test.steps[step].result.text);
    let expected = if same {
        case.answer?.to_owned()
    } else {
        let readable = |text: &str| bench.readable(test.strategy.decoder, text);
        let expected = answer_if(&case, test.steps, step, value, &readable)?;
        bench.sayable(&expected).then_some(expected)?
    };
    (!is_own(bench, latent, fed.get(latent.0 - 1)?)).then(|| Donor {
        question: question.to_owned(),
        value: value.to_owned(),
        fed,
        tells: !same_answer(case.task, &own, &expected),
        own,
        expected,
        same,
    })
}

/// Questions of other problems, with the value that each shows.
#[derive(Default)]
struct Others {
    same: Vec<(String, String)>,
    different: Vec<(String, String)>,
}

/// Other problems with the same number of steps: otherwise the same value at the same latent plays another role.
fn others(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    (step, latent): (usize, LatentIdx),
) -> Result<Others, ModelError> {
    let case = bench.case();
    let values = Values::new(case.task, case.question, test.strategy.top_k);
    let reads = bench.others(test.strategy.decoder)?;
    let reference = bench.subject.reference;
    let mut others = Others::default();
    for (item, reads) in reference.others(case.question).zip(reads.iter()) {
        let Some(value) = first_value(&values, reads, latent) else {
            continue;
        };
        let vector = item.fed.get(latent.0 - 1);
        if item.steps != test.steps.len() || vector.is_none_or(|v| is_own(bench, latent, v)) {
            continue;
        }
        let shows_own = same_answer(case.task, &value, &test.steps[step].result.text);
        let (list, most) = if shows_own {
            (&mut others.same, MOST_SAME)
        } else {
            (&mut others.different, MOST_OTHERS)
        };
        let is_new = shows_own || !list.iter().any(|(_, v)| *v == value);
        if is_new && list.len() < most {
            list.push((item.question.clone(), value));
        }
    }
    Ok(others)
}

/// Other problems as donors.
fn run_others(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    at: (usize, LatentIdx),
    others: &[(String, String)],
) -> Result<Vec<Donor>, ModelError> {
    let questions: Vec<&str> = others
        .iter()
        .map(|(question, _)| question.as_str())
        .collect();
    let thoughts = bench.think(test.strategy.decoder, &questions)?;
    let mut all = Vec::new();
    for ((question, value), thought) in others.iter().zip(thoughts) {
        let Some(thought) = thought else { continue };
        if let Some(own) = thought.answer {
            let source = (question.as_str(), value.as_str());
            all.extend(donor(bench, test, at, source, thought.fed, own));
        }
    }
    Ok(all)
}

/// Questions in the sham's batch.
const AMONG: usize = 3;
/// Maximum number of other problems that are run for their own answer: with another value, and with the same.
const MOST_OTHERS: usize = 4;
const MOST_SAME: usize = 8;
/// Number of other problems with the same value that come before the edits.
const SAME_AHEAD: usize = 4;
