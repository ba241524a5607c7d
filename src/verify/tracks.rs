//! TRACKS: do the latents move as the trace predicts when the question is edited (docs/methods.md M7.4)?
//!
//! Every edit that was run counts. Its answer is evidence for or against the trace, place by place and compared with rival
//! traces. Latents are read only where the model answers as predicted: such an edit is a trial for the steps it concerns and a
//! control for the others. The chance rate of a predicted value is measured at other steps' latents under the same edits, and at
//! the same latent in other problems. Source: docs/methods.md M6.7, and our controls.

use crate::core::stats::binomial::at_least;
use crate::core::types::{
    EditRead, EditRun, LatentIdx, PlaceTest, Rival, Standing, StepTracks, Task, TokenRead,
    TraceStep, Tracks, ValueSource,
};

use super::chance::{MIN_TRIALS, few, holds_at, most, rate};
use super::edits::{QuestionEdit, same_answer};
use super::places;
use super::values::Values;

/// Top-k lists of a run's latents, in order.
pub type Reads = [Vec<TokenRead>];

/// An edited question with its run.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The edit.
    pub edit: QuestionEdit,
    /// The model's answer.
    pub answer: Option<String>,
    /// The top-k lists of its latents.
    pub reads: Vec<Vec<TokenRead>>,
}

/// The inputs of a test.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// The kind of problem.
    pub task: Task,
    /// The question.
    pub question: &'a str,
    /// The model's answer to it.
    pub answer: &'a str,
    /// The trace.
    pub steps: &'a [TraceStep],
    /// The top-k lists of the clean run.
    pub clean: &'a Reads,
    /// The top-k lists of other problems' latents.
    pub others: &'a [Vec<Vec<TokenRead>>],
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// Other traces that reach the answer.
    pub rivals: &'a [Vec<TraceStep>],
    /// The number of traces tested so far, this one included.
    pub tests: usize,
}

impl Trial<'_> {
    /// The steps that are read at a latent, with that latent.
    #[must_use]
    pub fn places(&self) -> Vec<(usize, LatentIdx)> {
        let at = |(i, step): (usize, &TraceStep)| match step.result.source {
            ValueSource::Latent { latent, .. } => Some((i, latent)),
            _ => None,
        };
        self.steps.iter().enumerate().filter_map(at).collect()
    }

    /// The values that precede the step's own in the clean run; empty if the step's value is not in the list.
    fn ahead(&self, step: usize, latent: LatentIdx) -> Vec<String> {
        let values = Values::new(self.task, self.question, self.top_k);
        let own = &self.steps[step].result.text;
        let top = self.clean.get(latent.0 - 1);
        let mut values = top.map(|top| values.read(top)).unwrap_or_default();
        let rank = values.iter().position(|v| same_answer(self.task, v, own));
        values.truncate(rank.unwrap_or(0));
        values
    }
}

/// Scores the runs of edited questions.
#[must_use]
pub fn tracks(trial: &Trial<'_>, observed: &[Observation]) -> Tracks {
    let places: Vec<Place> = trial
        .places()
        .into_iter()
        .map(|(step, latent)| Place {
            step,
            latent,
            ahead: trial.ahead(step, latent),
        })
        .collect();
    let values: Vec<Vec<Vec<String>>> = observed
        .iter()
        .map(|o| {
            let reader = Values::new(trial.task, &o.edit.question, trial.top_k);
            o.reads.iter().map(|top| reader.read(top)).collect()
        })
        .collect();
    let edits: Vec<EditRun> = observed
        .iter()
        .zip(&values)
        .map(|(o, values)| edit_run(trial, &places, o, values))
        .collect();
    let steps: Vec<StepTracks> = places
        .iter()
        .map(|place| score(trial, place, &places, observed, &values, &edits))
        .collect();
    let tested = places::test(trial.task, trial.answer, observed);
    let rivals = places::rivals(trial, observed);
    let answered = edits.iter().filter(|run| run.eligible).count();
    let (standing, reason) = conclude(&steps, &tested, &rivals, (answered, edits.len()));
    Tracks {
        edits,
        steps,
        answered,
        places: tested,
        rivals,
        tests: trial.tests,
        standing,
        reason,
    }
}

/// The latent of a step, and the values that precede the step's own there.
struct Place {
    step: usize,
    latent: LatentIdx,
    ahead: Vec<String>,
}

impl Place {
    /// Whether a value has replaced the step's own: it comes first, or only after values that preceded the own one too.
    fn shows(&self, task: Task, values: Option<&Vec<String>>, value: &str) -> bool {
        let mut values = values.into_iter().flatten();
        values
            .find(|v| same_answer(task, v, value) || !self.ahead.contains(v))
            .is_some_and(|v| same_answer(task, v, value))
    }
}

fn edit_run(
    trial: &Trial<'_>,
    places: &[Place],
    o: &Observation,
    values: &[Vec<String>],
) -> EditRun {
    let eligible = o
        .answer
        .as_deref()
        .is_some_and(|answer| same_answer(trial.task, answer, &o.edit.answer));
    let read = |place: &Place| {
        let at = values.get(place.latent.0 - 1);
        let expected = &o.edit.results[place.step];
        EditRead {
            step: place.step,
            latent: place.latent,
            observed: at.and_then(|values| values.first()).cloned(),
            concerns: o.edit.concerns[place.step],
            shown: place.shows(trial.task, at, expected),
            expected: expected.clone(),
        }
    };
    EditRun {
        change: o.edit.change.clone(),
        question: o.edit.question.clone(),
        expected: o.edit.answer.clone(),
        answer: o.answer.clone(),
        eligible,
        reads: places.iter().map(read).collect(),
    }
}

fn score(
    trial: &Trial<'_>,
    place: &Place,
    places: &[Place],
    observed: &[Observation],
    values: &[Vec<Vec<String>>],
    edits: &[EditRun],
) -> StepTracks {
    let mut s = StepTracks {
        step: place.step,
        latent: place.latent,
        edits: 0,
        moved: 0,
        ineligible: 0,
        stayed: 0,
        moved_stayed: 0,
        controls: 0,
        still: 0,
        coincidence_steps: (0, 0),
        coincidence_others: (0, 0),
        pi0: 1.0,
        p_value: 1.0,
        standing: Standing::Untested,
    };
    for (run, (o, values)) in edits.iter().zip(observed.iter().zip(values)) {
        let Some(read) = run.reads.iter().find(|r| r.step == place.step) else {
            continue;
        };
        let shown = usize::from(read.shown);
        let stayed = run
            .answer
            .as_deref()
            .is_some_and(|answer| same_answer(trial.task, answer, trial.answer));
        match (run.eligible, read.concerns) {
            (true, true) => {
                s.edits += 1;
                s.moved += shown;
            }
            (true, false) => {
                s.controls += 1;
                s.still += shown;
            }
            (false, true) => {
                s.ineligible += 1;
                s.stayed += usize::from(stayed);
                s.moved_stayed += usize::from(stayed) * shown;
            }
            (false, false) => {}
        }
        if read.concerns {
            // Places where the value is not expected: latents of steps with another predicted result.
            let elsewhere = places.iter().filter(|other| {
                other.latent != place.latent
                    && !same_answer(trial.task, &o.edit.results[other.step], &read.expected)
            });
            for other in elsewhere {
                s.coincidence_steps.1 += 1;
                let at = values.get(other.latent.0 - 1);
                s.coincidence_steps.0 += usize::from(place.shows(trial.task, at, &read.expected));
            }
        }
    }
    s.coincidence_others = in_others(trial, place, observed);
    let rate_or_zero = |(hits, n): (usize, usize)| if n == 0 { 0.0 } else { rate(hits, n) };
    let measured = rate_or_zero(s.coincidence_steps).max(rate_or_zero(s.coincidence_others));
    s.pi0 = if measured == 0.0 { 1.0 } else { measured };
    s.p_value = at_least(s.moved, s.edits, s.pi0);
    s.standing = standing(&s, trial.tests);
    s
}

/// Counts how often other problems' latents show what the edits predict.
fn in_others(trial: &Trial<'_>, place: &Place, observed: &[Observation]) -> (usize, usize) {
    let tops: Vec<&Vec<TokenRead>> = trial
        .others
        .iter()
        .filter_map(|other| other.get(place.latent.0 - 1))
        .collect();
    let read = |question: &str| -> Vec<Vec<String>> {
        let reader = Values::new(trial.task, question, trial.top_k);
        tops.iter().map(|top| reader.read(top)).collect()
    };
    // Numbers do not depend on the question; nodes are those of the edited one.
    let numbers = (trial.task == Task::Math).then(|| read(trial.question));
    let (mut hits, mut n) = (0, 0);
    for o in observed.iter().filter(|o| o.edit.concerns[place.step]) {
        let nodes = numbers.is_none().then(|| read(&o.edit.question));
        for values in numbers.iter().chain(&nodes).flatten() {
            n += 1;
            let expected = &o.edit.results[place.step];
            hits += usize::from(place.shows(trial.task, Some(values), expected));
        }
    }
    (hits, n)
}

fn standing(s: &StepTracks, tests: usize) -> Standing {
    let controls_hold = s.controls == 0 || most(s.still, s.controls);
    let reverse = s.stayed > s.edits
        && s.stayed >= MIN_TRIALS
        && most(s.moved_stayed, s.stayed)
        && holds_at(at_least(s.moved_stayed, s.stayed, s.pi0), tests);
    let is_significant = holds_at(s.p_value, tests);
    if s.edits >= MIN_TRIALS && most(s.moved, s.edits) && is_significant && controls_hold {
        Standing::Holds
    } else if (s.edits >= MIN_TRIALS && few(s.moved, s.edits)) || reverse {
        Standing::Contradicted
    } else if s.edits < MIN_TRIALS {
        Standing::Untested
    } else {
        Standing::Open
    }
}

/// Combines steps, places, rivals and the share of correctly predicted edits into a standing with a reason.
fn conclude(
    steps: &[StepTracks],
    places: &[PlaceTest],
    rivals: &[Rival],
    (answered, edits): (usize, usize),
) -> (Standing, String) {
    let refuted = places
        .iter()
        .find(|place| place.standing == Standing::Contradicted);
    if let Some(place) = refuted {
        return (Standing::Contradicted, places::refuted(place));
    }
    let latents = together(steps.iter().map(|s| s.standing));
    let share = format!("{answered} of {edits} edits were answered as predicted");
    if latents != Standing::Holds {
        let mut why = reason(steps, latents);
        if edits > 0 {
            why = format!("{why}; {share}");
        }
        return (latents, why);
    }
    if let Some(place) = places
        .iter()
        .find(|p| p.used && p.standing == Standing::Untested)
    {
        let why = format!(
            "only {} edits test the {} by itself, too few; {share}",
            place.edits, place.text
        );
        return (Standing::Untested, why);
    }
    if let Some(place) = places
        .iter()
        .find(|p| p.used && p.standing != Standing::Holds)
    {
        let why = format!(
            "edits of the {} were answered as predicted in {} of {} only; {share}",
            place.text, place.answered, place.edits
        );
        return (Standing::Open, why);
    }
    if !most(answered, edits) {
        return (Standing::Open, format!("only {share}"));
    }
    if let Some(rival) = rivals.iter().find(|rival| rival.answered > answered) {
        let why = format!(
            "{share}; another trace predicts {} of them ({})",
            rival.answered,
            rival.text()
        );
        return (Standing::Open, why);
    }
    (
        Standing::Holds,
        format!("{share}; {}", reason(steps, latents)),
    )
}

/// The standing of all steps together: the worst of them.
pub(super) fn together(steps: impl Iterator<Item = Standing>) -> Standing {
    let all: Vec<Standing> = steps.collect();
    let any = |standing| all.contains(&standing);
    if all.is_empty() {
        Standing::Untested
    } else if any(Standing::Contradicted) {
        Standing::Contradicted
    } else if any(Standing::Open) {
        Standing::Open
    } else if any(Standing::Untested) {
        Standing::Untested
    } else {
        Standing::Holds
    }
}

fn reason(steps: &[StepTracks], standing: Standing) -> String {
    let sum = |count: fn(&StepTracks) -> usize| steps.iter().map(count).sum::<usize>();
    let first = steps.iter().find(|s| s.standing == standing);
    match standing {
        Standing::Holds => {
            let moved = format!(
                "its latents moved as predicted in {} of {} readings",
                sum(|s| s.moved),
                sum(|s| s.edits)
            );
            match sum(|s| s.controls) {
                0 => format!("{moved}; the question has nothing to edit as a control"),
                n => format!("{moved} and stayed in {} of {n} controls", sum(|s| s.still)),
            }
        }
        Standing::Contradicted => {
            first.map_or_else(String::new, |s| {
                if s.edits >= MIN_TRIALS && few(s.moved, s.edits) {
                    format!(
                        "the answer moved with {} edits, but latent {} moved as step {} predicts in {} of them",
                        s.edits, s.latent, s.step + 1, s.moved
                    )
                } else {
                    format!(
                        "latent {} moved as step {} predicts in {} of {} edits that left the answer as it was",
                        s.latent, s.step + 1, s.moved_stayed, s.stayed
                    )
                }
            })
        }
        Standing::Untested => {
            first.map_or_else(
                || "no step is read at a latent".to_owned(),
                |s| {
                    format!(
                        "step {} has {} eligible {}, too few for a test; in {} more, the model's answer differs from the prediction",
                        s.step + 1, s.edits, if s.edits == 1 { "edit" } else { "edits" }, s.ineligible
                    )
                },
            )
        }
        Standing::Open => {
            first.map_or_else(String::new, |s| {
                format!(
                    "latent {} moved as step {} predicts in {} of {} edits and stayed in {} of {} controls, which is inconclusive",
                    s.latent, s.step + 1, s.moved, s.edits, s.still, s.controls
                )
            })
        }
    }
}

#[cfg(test)]
mod tests;
