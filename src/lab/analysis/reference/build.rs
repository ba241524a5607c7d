//! Builds a reference set in slices, so that more urgent work waits for at most one slice and no progress is lost.

use std::sync::{Mutex, PoisonError};

use super::draw::{self, Lender};
use super::{Reference, ReferenceProblem};
use crate::core::problem::Problem;
use crate::engine::model::{Branch, Cancel, Model, ModelError};
use crate::lab::analysis::group::same_length;
use crate::lab::analysis::thoughts::{self, Keep, Thought};

/// Maximum number of consecutive problems of one prompt length, which determines the order of the set.
const GROUP: usize = 64;
/// Maximum number of problems whose latents run in one batch.
const ROWS: usize = 16;

/// Problems of one prompt length whose latents run in one batch.
struct Batch {
    /// Their indices in the list of problems.
    problems: Vec<usize>,
    prompts: Vec<Vec<u32>>,
}

/// A partly built reference set.
pub struct Builder {
    origin: String,
    problems: Vec<Problem>,
    batches: Vec<Batch>,
    /// The current batch.
    at: usize,
    /// Its prefilled prompts.
    prefilled: Vec<Branch>,
    items: Vec<ReferenceProblem>,
    /// Problems that ran ahead of the set.
    ahead: Mutex<Vec<ReferenceProblem>>,
    total: usize,
}

impl Builder {
    /// Encodes the problems; drops questions that do not fit the model.
    #[must_use]
    pub fn new(model: &Model, origin: &str, problems: &[Problem]) -> Self {
        let questions = problems.iter().map(|p| p.question.as_str());
        let mut batches = Vec::new();
        for group in same_length(model, questions, GROUP).0 {
            let parts = group.indices.chunks(ROWS).zip(group.prompts.chunks(ROWS));
            batches.extend(parts.map(|(problems, prompts)| Batch {
                problems: problems.to_vec(),
                prompts: prompts.to_vec(),
            }));
        }
        Self {
            origin: origin.to_owned(),
            problems: problems.to_vec(),
            total: batches.iter().map(|batch| batch.problems.len()).sum(),
            batches,
            at: 0,
            prefilled: Vec::new(),
            items: Vec::new(),
            ahead: Mutex::default(),
        }
    }

    /// Returns the number of problems done or begun, and their total.
    #[must_use]
    pub fn progress(&self) -> (usize, usize) {
        let begun: usize = self.prefilled.iter().map(Branch::rows).sum();
        (self.items.len() + begun, self.total)
    }

    /// Does one slice; returns whether there is more to do. A cancelled slice is repeated, and nothing before it.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn advance(&mut self, model: &Model, cancel: &Cancel) -> Result<bool, ModelError> {
        let Some(batch) = self.batches.get(self.at) else {
            return Ok(false);
        };
        let begun: usize = self.prefilled.iter().map(Branch::rows).sum();
        if begun < batch.prompts.len() {
            let part = &batch.prompts[begun..];
            let most = model.rows_at_once(part[0].len()).min(ROWS);
            let part = &part[..most.min(part.len())];
            let prompts: Vec<&[u32]> = part.iter().map(Vec::as_slice).collect();
            self.prefilled.push(model.prefill_rows(&prompts, cancel)?);
            return Ok(true);
        }
        let parts: Vec<&Branch> = self.prefilled.iter().collect();
        let start = Branch::stack(&parts)?;
        let thoughts = thoughts::from_start(model, &start, &want(model), cancel)?;
        let done = batch.problems.iter().zip(thoughts);
        let items =
            done.map(|(&at, thought)| ReferenceProblem::new(at, &self.problems[at], thought));
        self.items.extend(items);
        self.prefilled.clear();
        self.at += 1;
        Ok(self.at < self.batches.len())
    }

    /// Returns the problems that [`Reference::donors`] will draw from the finished set, before any has run.
    #[must_use]
    pub fn donors(&self, question: &str, n: usize, steps: Option<usize>, seed: u64) -> Vec<usize> {
        let fit = self.batches.iter().flat_map(|batch| &batch.problems);
        let lenders = fit.map(|&problem| Lender {
            problem,
            question: &self.problems[problem].question,
            steps: self.problems[problem].steps.len(),
        });
        draw::donors(lenders, question, n, steps, seed)
    }

    /// Returns a set of these problems alone, run apart from the main set and cached: repeated ablations draw the same ones.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn ahead(
        &self,
        model: &Model,
        problems: &[usize],
        cancel: &Cancel,
    ) -> Result<Reference, ModelError> {
        let mut ahead = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        let is_new = |at: &&usize| !ahead.iter().any(|item| item.problem == **at);
        let new: Vec<usize> = problems.iter().filter(is_new).copied().collect();
        if !new.is_empty() {
            let questions = new.iter().map(|at| self.problems[*at].question.as_str());
            let mut keep = |batch: Vec<(usize, Thought)>| {
                let item = |(at, thought): (usize, _)| {
                    ReferenceProblem::new(new[at], &self.problems[new[at]], thought)
                };
                ahead.extend(batch.into_iter().map(item));
                Ok(())
            };
            let questions: Vec<&str> = questions.collect();
            thoughts::each_batch(model, &questions, &want(model), &mut keep, cancel)?;
        }
        let item = |at: &usize| ahead.iter().find(|item| item.problem == *at);
        let items = problems.iter().filter_map(item).cloned().collect();
        Ok(Reference::of(&self.origin, items, model))
    }

    /// Returns the set of the problems done so far.
    #[must_use]
    pub fn finish(self, model: &Model) -> Reference {
        Reference::of(&self.origin, self.items, model)
    }
}

/// What the set keeps of a run.
fn want(model: &Model) -> Keep {
    Keep {
        latents: model.n_latents(),
        top: true,
        ..Keep::default()
    }
}

impl ReferenceProblem {
    pub(super) fn new(at: usize, problem: &Problem, run: Thought) -> Self {
        Self {
            problem: at,
            question: problem.question.clone(),
            steps: problem.steps.len(),
            answer: problem.answer.clone(),
            fed: run.fed,
            states: run.states,
            top: run.top,
        }
    }
}
