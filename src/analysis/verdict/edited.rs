//! E2 on a model: runs edited questions, a few at a time, until each step has enough that count.

use crate::model::ModelError;
use crate::trace::{TraceStep, Tracks};
use crate::verify::edits::{Edit, Means, Spare, edits, spares};
use crate::verify::{Observation, Trial, tracks};

use super::bench::{Bench, CHUNK};
use super::strategy::Strategy;
use crate::analysis::counterfactual::Subject;

/// How many edits are run at most for each that is wanted.
const TRIES: usize = 12;

/// How many questions of the reference set lend words for renaming.
const LENDERS: usize = 12;

/// One trace that is put to the test.
#[derive(Clone, Copy)]
pub(super) struct Test<'a> {
    pub(super) steps: &'a [TraceStep],
    pub(super) strategy: &'a Strategy,
    /// Words of other problems, for renaming.
    pub(super) words: &'a [Spare],
    /// Eligible edits wanted for each step.
    pub(super) edits: usize,
    /// How many traces were put to the test, this one included.
    pub(super) tests: usize,
}

/// Words that may rename things, from other problems of the model's kind.
pub(super) fn words(of: &Subject<'_>) -> Vec<Spare> {
    let others = of.reference.others(&of.clean.run.question);
    let mut words: Vec<Spare> = Vec::new();
    for word in others.take(LENDERS).flat_map(|item| spares(&item.question)) {
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// Scores what edits did to the latents; returns it with the runs of the edited questions.
pub(super) fn run(
    bench: &mut Bench<'_>,
    test: &Test<'_>,
) -> Result<(Tracks, Vec<Observation>), ModelError> {
    let case = bench.case();
    let decoder = test.strategy.decoder;
    let planned: Vec<Edit> = {
        let means = Means {
            readable: &|text| bench.readable(decoder, text),
            spares: test.words,
        };
        edits(&case, test.steps, &means, test.edits * TRIES)
    };
    let clean = bench.own(decoder)?;
    let others = bench.others(decoder)?;
    let trial = Trial {
        task: case.task,
        question: case.question,
        answer: case.answer.unwrap_or_default(),
        steps: test.steps,
        clean: &clean,
        others: &others,
        top_k: test.strategy.top_k,
        tests: test.tests,
    };
    let mut observed: Vec<Observation> = Vec::new();
    let mut scored = tracks(&trial, &observed);
    for chunk in planned.chunks(CHUNK) {
        let questions: Vec<&str> = chunk.iter().map(|e| e.question.as_str()).collect();
        for (edit, thought) in chunk.iter().zip(bench.think(decoder, &questions)?) {
            // A question with a word that the model does not know was not asked.
            if let Some(thought) = thought {
                observed.push(Observation {
                    edit: edit.clone(),
                    reads: Bench::reads(decoder, &thought),
                    answer: thought.answer,
                });
            }
        }
        scored = tracks(&trial, &observed);
        if scored.steps.iter().all(|s| s.edits >= test.edits) {
            break;
        }
    }
    Ok((scored, observed))
}
