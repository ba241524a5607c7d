//! Everything that may leave the reducer.

use crate::core::types::ModelInfo;
use crate::explorer::app::dataset::RunRequest;
use crate::explorer::app::pane::Pane;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Key, Note, Session};
use crate::explorer::worker::protocol::Request;

/// Something for the outside to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Ask the worker.
    Send(Request),
    /// Save a session.
    Save(Box<Save>),
    /// A session has a new key, but keeps its file.
    Rekey {
        /// The old key.
        before: Key,
        /// The new one.
        after: Key,
    },
    /// Find the notes of an earlier session.
    Recall {
        /// On which question and model.
        key: Key,
        /// The hash of the model's weights.
        sha256: String,
    },
    /// Write an export.
    Export(Box<Export>),
    /// Make the list of problems that suit a model.
    LoadProblems(Box<ModelInfo>),
    /// Send a pane's text to the terminal's clipboard.
    Copy(Pane),
    /// Read, compute or pause runs over data sets.
    Runs(RunRequest),
    /// Clear the screen and draw all of it again.
    Redraw,
    /// Stop the process until it is continued.
    Suspend,
    /// Leave.
    Quit,
}

/// A session to save.
#[derive(Debug, Clone, PartialEq)]
pub struct Save {
    /// The session.
    pub session: Session,
    /// Its notes when this process last read or saved it. Whatever differs from them was changed here.
    pub base: Vec<Note>,
}

/// An export to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// What is exported.
    pub session: Session,
    /// As what.
    pub format: Format,
    /// To which file.
    pub path: String,
    /// Whether a file that exists may be replaced.
    pub overwrite: bool,
}

/// Why an export was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportError {
    /// The file exists.
    Exists {
        /// Which one.
        path: String,
    },
    /// Anything else.
    Failed {
        /// Which file was to be written.
        path: String,
        /// Why it was not, in one sentence.
        message: String,
    },
}
