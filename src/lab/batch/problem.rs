//! Computes the rows of a batch of problems.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::subject::{Subject, gold_of, is_correct};
use super::{ablation, accuracy, chaining, exits, gold};
use crate::core::problem_file::Solved;
use crate::core::types::{EarlyExit, Mode};
use crate::engine::model::{Cancel, ErrorKind, ModelError};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::group::DEPTH;
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::analysis::thoughts::{self, Keep, Thought};
use crate::lab::analysis::verdict::Budget;
use crate::lab::rows::RowsHeader;
use crate::lab::rows::row::{Body, Experiment, JudgedAnswer, Row, RowProblem};
use crate::verify::paper::baselines::BaselinePool;

/// The inputs of a run, shared by its jobs.
pub struct BatchInput<'a> {
    explorer: &'a Workbench,
    header: &'a RowsHeader,
    problems: &'a [Solved],
    budget: &'a Budget,
    pool: BaselinePool,
    /// The time of each verdict so far.
    taken: Mutex<Vec<Duration>>,
}

impl<'a> BatchInput<'a> {
    /// Creates the work on all problems of a header, regardless of its shard.
    #[must_use]
    pub fn new(
        explorer: &'a Workbench,
        header: &'a RowsHeader,
        problems: &'a [Solved],
        budget: &'a Budget,
    ) -> Self {
        let steps = problems.iter().map(|s| s.problem.steps.as_slice());
        Self {
            explorer,
            header,
            problems,
            budget,
            pool: BaselinePool::new(steps),
            taken: Mutex::default(),
        }
    }

    /// Returns the time of each verdict, without the clean run and the early exits.
    #[must_use]
    pub fn into_times(self) -> Vec<Duration> {
        self.taken
            .into_inner()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Computes the rows of one batch, counted from 0, in the order of the file.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled. The refusal of a single problem is recorded in its rows.
    pub fn rows(&self, batch: usize, cancel: &Cancel) -> Result<Vec<Row>, ModelError> {
        let size = self.header.settings.batch.max(1);
        let from = batch * size;
        let indices = from..(from + size).min(self.problems.len());
        let asked = [Experiment::Problem, Experiment::EarlyStopping];
        if self.header.experiments == asked && self.explorer.model().main_mode() == Mode::Latent {
            return self.side_by_side(indices, cancel);
        }
        let mut rows = Vec::new();
        for index in indices {
            rows.extend(self.problem(index, cancel)?);
        }
        Ok(rows)
    }

    /// Computes early stopping alone: no position is decoded, so the problems run together as one batch of the model.
    fn side_by_side(&self, indices: Range<usize>, cancel: &Cancel) -> Result<Vec<Row>, ModelError> {
        let settings = &self.header.settings;
        let problems = &self.problems[indices.clone()];
        let questions = problems.iter().map(|s| s.problem.question.as_str());
        let questions: Vec<&str> = questions.collect();
        let want = Keep {
            latents: settings.latents,
            answer: Some(settings.most_tokens),
            exits: true,
            ..Keep::default()
        };
        let mut runs: BTreeMap<usize, Thought> = BTreeMap::new();
        let mut keep = |batch: Vec<(usize, Thought)>| {
            runs.extend(batch);
            Ok(())
        };
        let model = self.explorer.model();
        let refused = thoughts::each_batch(model, &questions, &want, &mut keep, cancel)?;
        let mut reasons: BTreeMap<usize, String> = BTreeMap::new();
        for (at, reason) in refused {
            if reason.kind() != ErrorKind::Usage {
                return Err(reason);
            }
            reasons.insert(at, reason.to_string());
        }
        let mut rows = Vec::new();
        for (at, (index, solved)) in indices.zip(problems).enumerate() {
            let run = runs.get(&at);
            let answer = run.and_then(|run| run.answer.as_deref());
            let correct = run.and_then(|_| is_correct(solved, answer));
            let found = run.and_then(|run| exits::matches(Mode::Latent, answer, &run.exits));
            let no_answer = found.is_none().then(|| NO_ANSWER.to_owned());
            rows.push(row_of(index, solved, correct, None, problem_of(solved)));
            let refused = reasons.remove(&at).or(no_answer);
            let exits = Body::EarlyStopping(found);
            rows.push(row_of(index, solved, correct, refused, exits));
        }
        Ok(rows)
    }

    fn problem(&self, index: usize, cancel: &Cancel) -> Result<Vec<Row>, ModelError> {
        let solved = &self.problems[index];
        let experiments = &self.header.experiments;
        let row = |correct, refused, body| row_of(index, solved, correct, refused, body);
        let problem = problem_of(solved);
        let clean = match self.clean(solved, cancel) {
            Ok(clean) => clean,
            Err(error) if error.kind() == ErrorKind::Usage => {
                let why = error.to_string();
                let refused = experiments.iter().map(|experiment| match experiment {
                    Experiment::Problem => row(None, None, problem.clone()),
                    other => row(None, Some(why.clone()), Body::none(*other)),
                });
                return Ok(refused.collect());
            }
            Err(error) => return Err(error),
        };
        let subject = Subject {
            explorer: self.explorer,
            header: self.header,
            solved,
            clean: &clean,
            cancel,
        };
        let correct = clean.run.answer.correct;
        let mut exits: Option<Vec<EarlyExit>> = None;
        let mut rows = Vec::with_capacity(experiments.len());
        for experiment in experiments {
            let body = match experiment {
                Experiment::Problem => Ok(problem.clone()),
                Experiment::Accuracy => {
                    accuracy::accuracy(&subject, index).map(|a| Body::Accuracy(Some(a)))
                }
                Experiment::EarlyStopping => Self::exits(&subject, &mut exits).map(|exits| {
                    Body::EarlyStopping(exits::matches(
                        clean.mode,
                        clean.run.answer.value.as_deref(),
                        exits,
                    ))
                }),
                Experiment::Ablation => ablation::ablation(&subject).map(Body::Ablation),
                Experiment::Backtracking => {
                    gold::backtracking(&subject, index, self.problems, &self.pool)
                        .map(Body::Backtracking)
                }
                Experiment::ForwardChaining => {
                    chaining::forward(&subject, index).map(Body::ForwardChaining)
                }
                Experiment::Verdict => self.verdict(&subject, &mut exits),
            };
            rows.push(match body {
                Ok(body) if body.is_none() => row(correct, Some(no_latents(&subject)), body),
                Ok(body) => row(correct, None, body),
                Err(error) if error.kind() == ErrorKind::Usage => {
                    row(correct, Some(error.to_string()), Body::none(*experiment))
                }
                Err(error) => return Err(error),
            });
        }
        Ok(rows)
    }

    fn clean(&self, solved: &Solved, cancel: &Cancel) -> Result<CleanRun, ModelError> {
        let settings = &self.header.settings;
        let ask = Ask {
            question: &solved.problem.question,
            gold: gold_of(solved),
            steps: Some(solved.problem.steps.len()),
            mode: self.explorer.model().main_mode(),
            n_latents: settings.latents,
            top_k: DEPTH.max(settings.top_k),
            most_tokens: Some(settings.most_tokens),
        };
        self.explorer.run(&ask, cancel, &mut |_| ())
    }

    fn exits<'e>(
        subject: &Subject<'_>,
        known: &'e mut Option<Vec<EarlyExit>>,
    ) -> Result<&'e [EarlyExit], ModelError> {
        if known.is_none() {
            let exits = subject
                .explorer
                .early_exits(subject.clean, subject.cancel)?;
            *known = Some(exits);
        }
        Ok(known.as_deref().unwrap_or_default())
    }

    fn verdict(
        &self,
        subject: &Subject<'_>,
        exits: &mut Option<Vec<EarlyExit>>,
    ) -> Result<Body, ModelError> {
        let exits = Self::exits(subject, exits)?;
        let (clean, cancel) = (subject.clean, subject.cancel);
        let began = Instant::now();
        let verdict = subject
            .explorer
            .verdict(clean, exits, self.budget, &mut |_| (), cancel)?;
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.push(began.elapsed());
        drop(taken);
        Ok(Body::Verdict(Some(Box::new(JudgedAnswer {
            verdict,
            answer: clean.run.answer.value.clone(),
            phrases: gold::phrases(subject)?,
        }))))
    }
}

fn row_of(
    index: usize,
    solved: &Solved,
    correct: Option<bool>,
    refused: Option<String>,
    body: Body,
) -> Row {
    Row {
        index,
        steps: solved.problem.steps.len(),
        correct,
        refused,
        body,
    }
}

fn problem_of(solved: &Solved) -> Body {
    Body::Problem(Some(RowProblem {
        question: solved.problem.question.clone(),
        gold_steps: solved.problem.steps.clone(),
        gold_answer: solved.problem.answer.clone(),
    }))
}

/// The refusal of a run without an answer.
const NO_ANSWER: &str = "the run gave no answer";

/// Explains why an experiment has no result on a run.
fn no_latents(subject: &Subject<'_>) -> String {
    let mode = subject.clean.mode.as_str();
    if subject.clean.fed.is_empty() {
        format!("the run has no latents ({mode} mode)")
    } else if subject.clean.run.answer.value.is_none() {
        NO_ANSWER.to_owned()
    } else {
        "it is not defined on this run".to_owned()
    }
}
