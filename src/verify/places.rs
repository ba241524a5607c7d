//! Tests of a trace by answers to edits: place by place, and against rival traces.

use crate::core::types::{PlaceTest, Rival, Standing, Task};

use super::chance::{MIN_TRIALS, few, most};
use super::edits::{Touch, answer_to, same_answer};
use super::tracks::{Observation, Trial};

/// Tests every place that edits touch. `answer` is the model's answer to the unedited question.
pub(super) fn test(task: Task, answer: &str, observed: &[Observation]) -> Vec<PlaceTest> {
    let mut places: Vec<PlaceTest> = Vec::new();
    for o in observed {
        let is_control = o.edit.touches.iter().all(|touch| !touch.used);
        let answers = |text: &str| {
            let answer = o.answer.as_deref();
            answer.is_some_and(|answer| same_answer(task, answer, text))
        };
        for touch in o.edit.touches.iter().filter(|t| t.used || is_control) {
            let without = touch.without.as_deref();
            let moves = without.is_none_or(|a| !same_answer(task, a, &o.edit.answer));
            // A number whose change does not alter the prediction is not tested; a name always is.
            if touch.used && !moves && touch.start.is_some() {
                continue;
            }
            let place = place_entry(&mut places, touch, is_control);
            place.edits += 1;
            place.answered += usize::from(answers(&o.edit.answer));
            let ignored = without.unwrap_or(answer);
            let differs = !same_answer(task, ignored, &o.edit.answer);
            place.ignored += usize::from(touch.used && differs && answers(ignored));
        }
    }
    for place in &mut places {
        place.standing = standing(place);
    }
    places
}

fn place_entry<'a>(
    places: &'a mut Vec<PlaceTest>,
    touch: &Touch,
    is_control: bool,
) -> &'a mut PlaceTest {
    // The trace does not distinguish names beside the chain, so they share one entry.
    let text = match touch.start {
        None if is_control => "facts beside the chain",
        _ => touch.text.as_str(),
    };
    let is_same = |p: &PlaceTest| p.start == touch.start && p.text == text;
    let at = places.iter().position(is_same).unwrap_or_else(|| {
        places.push(PlaceTest {
            text: text.to_owned(),
            start: touch.start,
            used: touch.used,
            edits: 0,
            answered: 0,
            ignored: 0,
            standing: Standing::Untested,
        });
        places.len() - 1
    });
    &mut places[at]
}

fn standing(place: &PlaceTest) -> Standing {
    let refuted = if place.used {
        most(place.ignored, place.edits)
    } else {
        few(place.answered, place.edits)
    };
    if place.edits < MIN_TRIALS {
        Standing::Untested
    } else if refuted {
        Standing::Contradicted
    } else if 2 * place.answered > place.edits {
        Standing::Holds
    } else {
        Standing::Open
    }
}

/// Explains why a place refutes the trace.
pub(super) fn refuted(place: &PlaceTest) -> String {
    let PlaceTest {
        text,
        edits,
        answered,
        ignored,
        ..
    } = place;
    if place.used {
        format!(
            "{ignored} of {edits} edits of the {text} left the answer unchanged, though the trace rests on it"
        )
    } else {
        let moved = edits - answered;
        format!(
            "{moved} of {edits} edits of the {text} moved the answer, though the trace does not rest on it"
        )
    }
}

/// Rival traces by the number of correctly predicted edits, best first.
pub(super) fn rivals(trial: &Trial<'_>, observed: &[Observation]) -> Vec<Rival> {
    let score = |steps: &Vec<_>| {
        let mut rival = Rival {
            steps: steps.clone(),
            answered: 0,
            edits: 0,
        };
        for o in observed {
            let Some(predicted) = answer_to(trial.task, steps, &o.edit) else {
                continue;
            };
            rival.edits += 1;
            let answer = o.answer.as_deref();
            let fits = answer.is_some_and(|answer| same_answer(trial.task, answer, &predicted));
            rival.answered += usize::from(fits);
        }
        rival
    };
    let mut rivals: Vec<Rival> = trial.rivals.iter().map(score).collect();
    rivals.retain(|rival| rival.edits > 0);
    rivals.sort_by_key(|rival| std::cmp::Reverse(rival.answered));
    rivals
}
