//! The main loop of a run: jobs take batches, and rows are written in order.
//!
//! Each job has its own threads, because a pass of a small model does not fill the processor. A stop lets the current batches
//! finish. A failure cancels them; finished batches before the failed one are still written.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError, mpsc};

use super::problem::BatchInput;
use crate::core::error::{Error, Result};
use crate::engine::model::{Cancel, ModelError};
use crate::lab::rows::{Row, RowsHeader};

/// Number of batches per job that may be ahead of the written ones.
const AHEAD: usize = 4;

/// The progress of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchProgress {
    /// Number of problems whose rows are all written.
    pub done: usize,
    /// Number of problems in the run.
    pub of: usize,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BatchEnd {
    /// Every row is written.
    Whole,
    /// It was stopped; the file is a prefix.
    Stopped,
}

/// Settings of the loop.
pub struct How<'a> {
    /// Number of existing rows.
    pub from: usize,
    /// Number of batches computed in parallel.
    pub jobs: usize,
    /// Set to stop after the current batches.
    pub stop: &'a AtomicBool,
    /// Set to cancel the current batches too.
    pub cancel: &'a Cancel,
}

/// The work left and done, shared by the jobs.
struct Queue {
    /// Remaining batches, last first.
    left: Mutex<Vec<usize>>,
    /// Number of batches written.
    written: Mutex<usize>,
    moved: Condvar,
}

fn locked<T>(of: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Queue {
    /// Waits until the next batch is not too far ahead; returns its turn and index, or `None` if none is left or the run stops.
    fn next(&self, all: usize, how: &How<'_>) -> Option<(usize, usize)> {
        if how.stop.load(Ordering::Relaxed) || how.cancel.is_cancelled() {
            return None;
        }
        let mut left = locked(&self.left);
        let batch = left.pop()?;
        let turn = all - left.len() - 1;
        drop(left);
        let written = locked(&self.written);
        let too_far =
            |written: &mut usize| turn > *written + AHEAD * how.jobs && !how.cancel.is_cancelled();
        drop(
            self.moved
                .wait_while(written, too_far)
                .unwrap_or_else(PoisonError::into_inner),
        );
        Some((turn, batch))
    }

    fn wrote(&self) {
        *locked(&self.written) += 1;
        self.moved.notify_all();
    }

    /// Cancels the run and wakes waiting jobs.
    fn give_up(&self, cancel: &Cancel) {
        let written = locked(&self.written);
        cancel.cancel();
        drop(written);
        self.moved.notify_all();
    }
}

/// Computes the missing rows of a run; `write` receives them in the order of the file.
///
/// # Errors
/// When the model or `write` fails; rows written before remain.
pub fn run(
    work: &BatchInput<'_>,
    header: &RowsHeader,
    write: &mut dyn FnMut(&[Row]) -> Result<()>,
    how: &How<'_>,
    on_progress: &mut dyn FnMut(BatchProgress),
) -> Result<BatchEnd> {
    let size = header.settings.batch.max(1);
    let per_problem = header.experiments.len().max(1);
    let problems: Vec<usize> = header.problems().collect();
    let of = problems.len();
    let mut done = how.from / per_problem;
    // A batch written in part is computed again in full, so that its rows are the same, and its existing rows are skipped.
    let mut batches: Vec<usize> = problems.iter().map(|index| index / size).collect();
    batches.dedup();
    let is_left = |batch: &usize| {
        let before = problems.partition_point(|index| index / size <= *batch);
        before * per_problem > how.from
    };
    let mut left: Vec<usize> = batches.into_iter().filter(is_left).collect();
    let skip = left.first().map_or(0, |first| {
        let before = problems.partition_point(|index| index / size < *first);
        how.from - before * per_problem
    });
    on_progress(BatchProgress { done, of });
    let all = left.len();
    left.reverse();
    let queue = Queue {
        left: Mutex::new(left),
        written: Mutex::new(0),
        moved: Condvar::new(),
    };
    let threads = (rayon::current_num_threads() / how.jobs.max(1)).max(1);
    let (sender, made) = mpsc::channel::<(usize, Result<Vec<Row>, ModelError>)>();
    let ended = std::thread::scope(|scope| -> Result<usize> {
        for _ in 0..how.jobs.max(1) {
            let (sender, queue) = (sender.clone(), &queue);
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
            let pool = pool.map_err(|why| Error::internal(why.to_string()))?;
            scope.spawn(move || {
                while let Some((turn, batch)) = queue.next(all, how) {
                    let rows = pool.install(|| work.rows(batch, how.cancel));
                    let failed = rows.is_err();
                    if sender.send((turn, rows)).is_err() || failed {
                        break;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
        let (mut turn, mut failure) = (0, None);
        for (at, rows) in made {
            match rows {
                Ok(rows) => _ = waiting.insert(at, rows),
                Err(error) => {
                    how.stop.store(true, Ordering::Relaxed);
                    if !matches!(error, ModelError::Cancelled) {
                        failure.get_or_insert(error);
                    }
                }
            }
            while let Some(rows) = waiting.remove(&turn) {
                let skip = if turn == 0 { skip } else { 0 };
                let written = write(rows.get(skip..).unwrap_or_default());
                if written.is_err() {
                    queue.give_up(how.cancel);
                }
                written?;
                turn += 1;
                queue.wrote();
                done += rows.len() / per_problem - skip / per_problem;
                on_progress(BatchProgress { done, of });
            }
            if failure.is_some() {
                queue.give_up(how.cancel);
            }
        }
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(turn),
        }
    });
    Ok(if ended? == all {
        BatchEnd::Whole
    } else {
        BatchEnd::Stopped
    })
}
