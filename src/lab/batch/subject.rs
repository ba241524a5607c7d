//! The input of every experiment.

use crate::core::answers;
use crate::core::problem_file::Solved;
use crate::engine::model::Cancel;
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::CleanRun;
use crate::lab::rows::RowsHeader;

/// One problem with its clean run.
pub(super) struct Subject<'a> {
    pub(super) explorer: &'a Workbench,
    pub(super) header: &'a RowsHeader,
    pub(super) solved: &'a Solved,
    pub(super) clean: &'a CleanRun,
    pub(super) cancel: &'a Cancel,
}

impl Subject<'_> {
    /// Returns the gold answer, if any.
    pub(super) fn gold(&self) -> Option<&str> {
        gold_of(self.solved)
    }

    /// Returns whether an answer is the gold one; `None` without a gold answer.
    pub(super) fn is_correct(&self, answer: Option<&str>) -> Option<bool> {
        is_correct(self.solved, answer)
    }
}

pub(super) fn is_correct(solved: &Solved, answer: Option<&str>) -> Option<bool> {
    gold_of(solved).map(|gold| answers::is_correct(answer, gold))
}

pub(super) fn gold_of(solved: &Solved) -> Option<&str> {
    Some(solved.problem.answer.as_str()).filter(|gold| !gold.is_empty())
}
