//! What the data-set view asks of the outside, and what it hears.

use std::path::PathBuf;

use crate::lab::rows::summary::Item;
use crate::lab::rows::{Header, Row};

/// Something to do about runs.
#[derive(Debug, Clone, PartialEq)]
pub enum RunRequest {
    /// Read the notes of all saved sessions.
    Noted,
    /// Read the run of a folder and watch it grow, in place of the one before.
    Watch {
        /// Comes back with everything that is heard.
        ticket: u64,
        /// The folder.
        folder: PathBuf,
    },
    /// Compute a run in a process of its own: begin it, or go on with it.
    Start {
        /// Comes back with everything that is heard.
        ticket: u64,
        /// The model, as the explorer opens it.
        model: String,
        /// Further options of `undertone run`.
        options: String,
    },
    /// Ask the process to finish what it has in hand and end.
    Pause,
    /// Read all rows of a problem.
    Read {
        /// Comes back with the rows.
        ticket: u64,
        /// The run's folder.
        folder: PathBuf,
        /// How its rows were made.
        header: Box<Header>,
        /// Which problem.
        index: usize,
        /// Where its rows begin.
        offset: u64,
    },
}

/// What is heard of a run.
#[derive(Debug, Clone, PartialEq)]
pub enum RunEvent {
    /// Its header is there.
    Opened {
        /// The folder.
        folder: PathBuf,
        /// How its rows were made.
        header: Box<Header>,
    },
    /// Problems were added.
    Items(Vec<Item>),
    /// Everything that is there was read.
    Read,
    /// The process was started, with rows going to this folder.
    Started {
        /// The folder.
        folder: PathBuf,
    },
    /// The process has ended.
    Ended {
        /// Its exit code; none if it was killed.
        code: Option<i32>,
        /// The last it said.
        said: String,
    },
    /// All rows of a problem.
    Problem {
        /// The rows.
        rows: Vec<Row>,
    },
    /// The run cannot be read.
    Failed(String),
    /// What was asked for cannot be done; the run stays open.
    Refused(String),
}
