//! The requests of the data-set view to the outside, and the events that answer them.

use std::path::PathBuf;

use crate::lab::rows::summary::RunItem;
use crate::lab::rows::{Row, RowsHeader};

/// A request about runs.
#[derive(Debug, Clone, PartialEq)]
pub enum RunRequest {
    /// Read the notes of all saved sessions.
    Noted,
    /// Read the run of a folder and watch it grow, in place of the previous one.
    Watch {
        /// Returned with every event.
        ticket: u64,
        /// The folder.
        folder: PathBuf,
    },
    /// Start or resume a run in a separate process.
    Start {
        /// Returned with every event.
        ticket: u64,
        /// The model, as the explorer opens it.
        model: String,
        /// Further options of `undertone run`.
        options: String,
    },
    /// Ask the process to finish its current work and exit.
    Pause,
    /// Read all rows of a problem.
    Read {
        /// Returned with the rows.
        ticket: u64,
        /// The run's folder.
        folder: PathBuf,
        /// How its rows were computed.
        header: Box<RowsHeader>,
        /// The index of the problem.
        index: usize,
        /// The offset of its first row.
        offset: u64,
    },
}

/// An event of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// Its header was read.
    Opened {
        /// The folder.
        folder: PathBuf,
        /// How its rows were computed.
        header: Box<RowsHeader>,
    },
    /// Problems were added.
    Items(Vec<RunItem>),
    /// All rows present so far were read.
    Read,
    /// The process was started and writes to this folder.
    Started {
        /// The folder.
        folder: PathBuf,
    },
    /// The process has ended.
    Ended {
        /// Its exit code; `None` if it was killed.
        code: Option<i32>,
        /// The error in its log, or else the last line.
        said: String,
    },
    /// All rows of a problem.
    Problem {
        /// The rows.
        rows: Vec<Row>,
    },
    /// The run cannot be read.
    Failed(String),
    /// The request cannot be carried out; the run stays open.
    Refused(String),
}
