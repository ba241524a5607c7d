//! TRACKS on a model: runs all planned edits of the question. The plan does not depend on any answer.

use crate::core::types::{Stage, Task, TraceStep, Tracks, VerdictProgress};
use crate::engine::model::ModelError;
use crate::verify::edits::{Familiar, Means, QuestionEdit, Spare, edits, spares, twins};
use crate::verify::{Observation, Trial, Values, tracks};

use super::bench::{CHUNK, QuestionCache};
use super::strategy::Strategy;
use crate::lab::analysis::counterfactual::Subject;

/// Questions of the reference set that provide words for renaming.
const LENDERS: usize = 12;

/// A trace under test.
#[derive(Clone, Copy)]
pub(super) struct Test<'a> {
    pub(super) steps: &'a [TraceStep],
    pub(super) strategy: &'a Strategy,
    /// Other traces that reach the answer.
    pub(super) competing: &'a [Vec<TraceStep>],
    /// Words and values of other problems, for edits.
    pub(super) lent: &'a Lent,
    /// Edits per place of the question.
    pub(super) edits: usize,
    /// The number of traces tested so far, this one included.
    pub(super) tests: usize,
}

/// Words and values of other problems of the model's kind, for edits.
#[derive(Default)]
pub(super) struct Lent {
    /// Words for renaming.
    words: Vec<Spare>,
    /// Values that the model encounters.
    familiar: Familiar,
}

impl Lent {
    pub(super) fn new(subject: &Subject<'_>) -> Self {
        let Subject {
            model,
            clean,
            reference,
        } = *subject;
        let question = &clean.run.question;
        let mut lent = Self::default();
        let others = reference.others(question).take(LENDERS);
        for word in others.flat_map(|item| spares(&item.question)) {
            if !lent.words.contains(&word) {
                lent.words.push(word);
            }
        }
        if model.info().task == Task::Math {
            let values = Values::new(Task::Math, question, 1);
            for item in reference.others(question) {
                lent.familiar.add_question(&item.question);
                for value in item.top.iter().flat_map(|top| values.read(top)) {
                    lent.familiar.add_result(value);
                }
                lent.familiar.add_result(item.answer.clone());
            }
        }
        lent
    }

    /// Returns the resources for edits; `readable` tells which texts a latent can show.
    pub(super) fn means<'a>(&'a self, readable: &'a dyn Fn(&str) -> bool) -> Means<'a> {
        Means {
            readable,
            spares: &self.words,
            familiar: &self.familiar,
        }
    }
}

/// Scores the effect of edits on the latents; returns the score and the runs of the edited questions.
pub(super) fn test_tracks(
    bench: &mut QuestionCache<'_>,
    test: &Test<'_>,
    on_progress: &mut dyn FnMut(VerdictProgress),
) -> Result<(Tracks, Vec<Observation>), ModelError> {
    let case = bench.case();
    let decoder = test.strategy.decoder;
    let planned: Vec<QuestionEdit> = {
        let readable = |text: &str| bench.readable(decoder, text);
        edits(&case, test.steps, &test.lent.means(&readable), test.edits)
    };
    let clean = bench.own(decoder)?;
    let others = bench.others(decoder)?;
    let mut rivals = twins(case.task, case.question, test.steps);
    for other in test.competing {
        if !rivals.contains(other) {
            rivals.push(other.clone());
        }
    }
    let trial = Trial {
        task: case.task,
        question: case.question,
        answer: case.answer.unwrap_or_default(),
        steps: test.steps,
        clean: &clean,
        others: &others,
        top_k: test.strategy.top_k,
        rivals: &rivals,
        tests: test.tests,
    };
    let mut observed: Vec<Observation> = Vec::with_capacity(planned.len());
    for (i, chunk) in planned.chunks(CHUNK).enumerate() {
        on_progress(VerdictProgress {
            stage: Stage::Edits,
            done: i * CHUNK,
            all: planned.len(),
        });
        let questions: Vec<&str> = chunk.iter().map(|e| e.question.as_str()).collect();
        for (edit, thought) in chunk.iter().zip(bench.think(decoder, &questions)?) {
            // A question with a word outside the vocabulary was not run.
            if let Some(thought) = thought {
                observed.push(Observation {
                    edit: edit.clone(),
                    reads: QuestionCache::reads(decoder, &thought),
                    answer: thought.answer,
                });
            }
        }
    }
    Ok((tracks(&trial, &observed), observed))
}
