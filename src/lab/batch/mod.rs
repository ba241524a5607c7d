//! Runs the experiments on every problem of a data set and produces their rows (`rows`).
//!
//! Problems are split into fixed batches, so that rows depend neither on interruptions nor on the number of jobs. Each kind
//! of experiment has its file; `run` is the main loop.

mod ablation;
mod accuracy;
mod chaining;
mod exits;
mod gold;
mod problem;
pub mod run;
mod subject;
mod tokens;

use crate::core::datasets::manifest::sha256;
use crate::core::problem_file::{self, Solved};
use crate::engine::model::Model;
use crate::lab::analysis::verdict::{Budget, Strategy};
use crate::lab::rows::{self, Data, Experiment, RowsHeader, RunSettings, SCHEMA, Shard};

pub use problem::BatchInput;

/// Models with fewer parameters leave cores idle, so their batches are computed in parallel.
pub const SMALL: usize = 20_000_000;

/// Returns the number of batches that suits a model: one per core for a small model on the CPU, else one.
#[must_use]
pub fn jobs(model: &Model) -> usize {
    let small = model.info().parameters < SMALL && model.info().device == "cpu";
    if small {
        rayon::current_num_threads()
    } else {
        1
    }
}

/// Returns the header of a whole run; the experiment of the problem itself is always added.
#[must_use]
pub fn header(
    model: &Model,
    origin: String,
    problems: &[Solved],
    experiments: &[Experiment],
    settings: RunSettings,
) -> RowsHeader {
    let is_asked = |e: &Experiment| *e == Experiment::Problem || experiments.contains(e);
    let texts: Vec<_> = problems.iter().map(|s| s.problem.clone()).collect();
    let others: Vec<_> = problems.iter().map(|s| &s.others).collect();
    let mut hashed = problem_file::to_jsonl(&texts);
    if others.iter().any(|others| !others.is_empty()) {
        hashed += &format!("{others:?}");
    }
    RowsHeader {
        schema: SCHEMA.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        model: model.info().clone(),
        control: None,
        data: Data {
            origin,
            sha256: sha256(hashed.as_bytes()),
            n: problems.len(),
            task: model.info().task,
        },
        experiments: Experiment::ALL.into_iter().filter(is_asked).collect(),
        settings,
        shard: Shard::default(),
    }
}

/// Returns a budget in the form written to files.
#[must_use]
pub fn written(budget: &Budget) -> rows::header::RecordedBudget {
    rows::header::RecordedBudget {
        strategies: budget.strategies.iter().map(Strategy::asked_as).collect(),
        edits: budget.edits,
        more_edits: budget.more_edits,
        donors: budget.donors,
        traces: budget.traces,
    }
}
