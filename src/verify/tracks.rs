//! E2: do the latents move as the trace predicts when the question is edited (field-map.md 5.1)?
//!
//! Only edits that the model itself answers as the trace predicts count. Every such edit is a trial for the steps that it
//! concerns and a control for the others. How often a predicted value stands there by chance is measured: at other steps'
//! latents under the same edits, and at the same latent in other problems. Source: methods.md 6.7, and our controls.

use crate::stats::binomial::at_least;
use crate::trace::{
    EditRead, EditRun, LatentIdx, Source, Standing, StepTracks, Task, TokenRead, TraceStep, Tracks,
};

use super::chance::{ALPHA, MIN_TRIALS, few, most, rate};
use super::edits::{Edit, same_answer};
use super::values::Values;

/// Top-k lists of a run's latents, in order.
pub type Reads = [Vec<TokenRead>];

/// An edited question with the run that it gave.
#[derive(Debug, Clone, PartialEq)]
pub struct Observation {
    /// The edit.
    pub edit: Edit,
    /// The model's answer.
    pub answer: Option<String>,
    /// What its latents showed.
    pub reads: Vec<Vec<TokenRead>>,
}

/// What a trace is put to the test with.
#[derive(Clone, Copy)]
pub struct Trial<'a> {
    /// What kind of problem it is.
    pub task: Task,
    /// The question.
    pub question: &'a str,
    /// The model's answer to it.
    pub answer: &'a str,
    /// The trace.
    pub steps: &'a [TraceStep],
    /// What the clean run's latents show.
    pub clean: &'a Reads,
    /// What other problems' latents show.
    pub others: &'a [Vec<Vec<TokenRead>>],
    /// How deep lists are read.
    pub top_k: usize,
    /// How many traces have been put to the test, this one included.
    pub tests: usize,
}

impl Trial<'_> {
    /// The steps that are read at a latent, with the place.
    #[must_use]
    pub fn places(&self) -> Vec<(usize, LatentIdx)> {
        let at = |(i, step): (usize, &TraceStep)| match step.result.source {
            Source::Latent { latent, .. } => Some((i, latent)),
            _ => None,
        };
        self.steps.iter().enumerate().filter_map(at).collect()
    }

    /// How many of a latent's values may stand ahead of the step's own, and of one that is predicted: as many as do in the
    /// clean run.
    fn depth(&self, step: usize, latent: LatentIdx) -> usize {
        let values = Values::new(self.task, self.question, self.top_k);
        let own = &self.steps[step].result.text;
        let read = self.clean.get(latent.0 - 1);
        read.and_then(|top| {
            values
                .of(top)
                .iter()
                .position(|v| same_answer(self.task, v, own))
        })
        .map_or(1, |rank| rank + 1)
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
            depth: trial.depth(step, latent),
        })
        .collect();
    let values: Vec<Vec<Vec<String>>> = observed
        .iter()
        .map(|o| {
            let reader = Values::new(trial.task, &o.edit.question, trial.top_k);
            o.reads.iter().map(|top| reader.of(top)).collect()
        })
        .collect();
    let edits: Vec<EditRun> = observed
        .iter()
        .zip(&values)
        .map(|(o, values)| run_of(trial, &places, o, values))
        .collect();
    let steps: Vec<StepTracks> = places
        .iter()
        .map(|place| score(trial, place, &places, observed, &values, &edits))
        .collect();
    let standing = together(steps.iter().map(|s| s.standing));
    Tracks {
        reason: reason(&steps, standing),
        edits,
        steps,
        tests: trial.tests,
        standing,
    }
}

/// Where a step is read, and how deep.
struct Place {
    step: usize,
    latent: LatentIdx,
    depth: usize,
}

/// Whether a value is among the first `depth` values.
fn shows(task: Task, values: Option<&Vec<String>>, depth: usize, value: &str) -> bool {
    values.is_some_and(|values| {
        values
            .iter()
            .take(depth)
            .any(|v| same_answer(task, v, value))
    })
}

fn run_of(trial: &Trial<'_>, places: &[Place], o: &Observation, values: &[Vec<String>]) -> EditRun {
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
            shown: shows(trial.task, at, place.depth, expected),
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
            // Where the value is not to be found: at latents of steps that have another one.
            let elsewhere = places.iter().filter(|other| {
                other.latent != place.latent
                    && !same_answer(trial.task, &o.edit.results[other.step], &read.expected)
            });
            for other in elsewhere {
                s.coincidence_steps.1 += 1;
                let at = values.get(other.latent.0 - 1);
                s.coincidence_steps.0 +=
                    usize::from(shows(trial.task, at, place.depth, &read.expected));
            }
        }
    }
    s.coincidence_others = in_others(trial, place, observed);
    let of = |(hits, n): (usize, usize)| if n == 0 { 0.0 } else { rate(hits, n) };
    let measured = of(s.coincidence_steps).max(of(s.coincidence_others));
    s.pi0 = if measured == 0.0 { 1.0 } else { measured };
    s.p_value = at_least(s.moved, s.edits, s.pi0);
    s.standing = standing(&s, trial.tests);
    s
}

/// How often other problems' latents show what the edits predict.
fn in_others(trial: &Trial<'_>, place: &Place, observed: &[Observation]) -> (usize, usize) {
    let tops: Vec<&Vec<TokenRead>> = trial
        .others
        .iter()
        .filter_map(|other| other.get(place.latent.0 - 1))
        .collect();
    let read = |question: &str| -> Vec<Vec<String>> {
        let reader = Values::new(trial.task, question, trial.top_k);
        tops.iter().map(|top| reader.of(top)).collect()
    };
    // Numbers are numbers whatever the question; nodes are those of the edited one.
    let numbers = (trial.task == Task::Math).then(|| read(trial.question));
    let (mut hits, mut n) = (0, 0);
    for o in observed.iter().filter(|o| o.edit.concerns[place.step]) {
        let nodes = numbers.is_none().then(|| read(&o.edit.question));
        for values in numbers.iter().chain(&nodes).flatten() {
            n += 1;
            let due = &o.edit.results[place.step];
            hits += usize::from(shows(trial.task, Some(values), place.depth, due));
        }
    }
    (hits, n)
}

#[expect(clippy::cast_precision_loss, reason = "a few traces")]
fn standing(s: &StepTracks, tests: usize) -> Standing {
    let significant = |p: f64| p * tests as f64 <= ALPHA;
    let controls_hold = s.controls == 0 || most(s.still, s.controls);
    let reverse = s.stayed > s.edits
        && s.stayed >= MIN_TRIALS
        && most(s.moved_stayed, s.stayed)
        && significant(at_least(s.moved_stayed, s.stayed, s.pi0));
    if s.edits >= MIN_TRIALS && most(s.moved, s.edits) && significant(s.p_value) && controls_hold {
        Standing::Holds
    } else if (s.edits >= MIN_TRIALS && few(s.moved, s.edits)) || reverse {
        Standing::Contradicted
    } else if s.edits < MIN_TRIALS {
        Standing::Untested
    } else {
        Standing::Open
    }
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
    let sum = |of: fn(&StepTracks) -> usize| steps.iter().map(of).sum::<usize>();
    match standing {
        Standing::Holds => {
            let moved = format!(
                "its latents moved as predicted in {} of {} edits",
                sum(|s| s.moved),
                sum(|s| s.edits)
            );
            match sum(|s| s.controls) {
                0 => format!("{moved}, and there was nothing beside it to edit as a control"),
                n => format!("{moved} and stayed in {} of {n} controls", sum(|s| s.still)),
            }
        }
        Standing::Contradicted => {
            let of = |s: &&StepTracks| s.standing == Standing::Contradicted;
            steps.iter().find(of).map_or_else(String::new, |s| {
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
            let of = |s: &&StepTracks| s.standing == Standing::Untested;
            steps.iter().find(of).map_or_else(
                || "no step is read at a latent".to_owned(),
                |s| {
                    format!(
                        "step {} has {} eligible {}, too few to test it: in {} more the model does not answer as the trace predicts",
                        s.step + 1, s.edits, if s.edits == 1 { "edit" } else { "edits" }, s.ineligible
                    )
                },
            )
        }
        Standing::Open => {
            let of = |s: &&StepTracks| s.standing == Standing::Open;
            steps.iter().find(of).map_or_else(String::new, |s| {
                format!(
                    "latent {} moved as step {} predicts in {} of {} edits and stayed in {} of {} controls, which settles nothing",
                    s.latent, s.step + 1, s.moved, s.edits, s.still, s.controls
                )
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Operand;
    use crate::verify::tests::tokens;

    const QUESTION: &str = "Tom has 12 red and 7 blue pens and is 30.";

    fn trace() -> Vec<TraceStep> {
        let question = |text: &str| Operand {
            text: text.to_owned(),
            source: Source::Question { start: 0, end: 0 },
        };
        vec![TraceStep {
            text: "12 + 7 = 19".to_owned(),
            operands: vec![question("12"), question("7")],
            operator: "+".to_owned(),
            result: Operand {
                text: "19".to_owned(),
                source: Source::Latent {
                    latent: LatentIdx(1),
                    rank: 0,
                    prob: 0.9,
                },
            },
        }]
    }

    /// An edit that the trace says makes the result `due`, with the answer and what the latent shows.
    fn seen(due: &str, answer: &str, shown: &str) -> Observation {
        Observation {
            edit: Edit {
                change: String::new(),
                question: QUESTION.to_owned(),
                results: vec![due.to_owned()],
                concerns: vec![due != "19"],
                answer: due.to_owned(),
            },
            answer: Some(answer.to_owned()),
            reads: vec![tokens(&[shown, "3"])],
        }
    }

    fn scored(observed: &[Observation]) -> StepTracks {
        let (steps, clean) = (trace(), vec![tokens(&["19", "3"])]);
        let others: Vec<_> = (40..140).map(|n| vec![tokens(&[&n.to_string()])]).collect();
        let trial = Trial {
            task: Task::Math,
            question: QUESTION,
            answer: "19",
            steps: &steps,
            clean: &clean,
            others: &others,
            top_k: 5,
            tests: 1,
        };
        tracks(&trial, observed).steps.remove(0)
    }

    #[test]
    fn a_step_stands_as_its_edits_and_controls_say() {
        let moves = |n: usize| {
            (0..n).map(|i| {
                let due = (20 + i).to_string();
                seen(&due, &due, &due)
            })
        };
        let stays = |n: usize| {
            (0..n).map(|i| {
                let due = (20 + i).to_string();
                seen(&due, &due, "19")
            })
        };
        let alone = |n: usize| {
            (0..n).map(|i| {
                let due = (20 + i).to_string();
                seen(&due, "19", &due)
            })
        };
        let wrong = |n: usize| {
            (0..n).map(|i| {
                let due = (20 + i).to_string();
                seen(&due, "77", &due)
            })
        };
        let still = |n: usize| (0..n).map(|_| seen("19", "19", "19"));
        let stirred = |n: usize| (0..n).map(|_| seen("19", "19", "5"));
        for (name, observed, want) in [
            ("moves", moves(8).collect::<Vec<_>>(), Standing::Holds),
            (
                "moves, controls still",
                moves(4).chain(still(4)).collect(),
                Standing::Holds,
            ),
            (
                "moves, and so do controls",
                moves(4).chain(stirred(4)).collect(),
                Standing::Open,
            ),
            (
                "the answer moves alone",
                stays(8).collect(),
                Standing::Contradicted,
            ),
            (
                "the latent moves alone",
                alone(8).collect(),
                Standing::Contradicted,
            ),
            (
                "half move",
                moves(4).chain(stays(4)).collect(),
                Standing::Open,
            ),
            ("too few", moves(2).collect(), Standing::Untested),
            (
                "answers that are neither count for nothing",
                wrong(8).collect(),
                Standing::Untested,
            ),
            ("nothing was run", Vec::new(), Standing::Untested),
        ] {
            let got = scored(&observed);
            assert_eq!(got.standing, want, "{name}: {got:?}");
        }
    }

    #[test]
    fn chance_is_measured_in_other_problems() {
        let got = scored(&[seen("50", "50", "50"), seen("20", "20", "20")]);
        // One of a hundred others shows 50, none shows 20.
        assert_eq!(got.coincidence_others, (1, 200));
        assert!((got.pi0 - 2.0 / 201.0).abs() < 1e-12);
    }
}
