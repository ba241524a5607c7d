//! Everything that may leave the reducer.

use crate::core::types::ModelInfo;
use crate::explorer::app::action::{Move, Scroll};
use crate::explorer::app::dataset::RunRequest;
use crate::explorer::app::pane::Pane;
use crate::explorer::session::export::Format;
use crate::explorer::session::{Note, Session, SessionKey};
use crate::explorer::worker::protocol::Request;

/// Work for the outside to do.
#[derive(Debug, Clone, PartialEq)]
pub enum Effect {
    /// Send a request to the worker.
    Send(Request),
    /// Save a session.
    Save(Box<Save>),
    /// Give a session a new key; it keeps its file.
    Rekey {
        /// The old key.
        before: SessionKey,
        /// The new key.
        after: SessionKey,
    },
    /// Find the notes of an earlier session.
    Recall {
        /// The question and model.
        key: SessionKey,
        /// The hash of the model's weights.
        sha256: String,
    },
    /// Write an export.
    Export(Box<Export>),
    /// Load the list of problems that suit a model.
    LoadProblems(Box<ModelInfo>),
    /// Find out what fits on the screen, for a movement that depends on it.
    Measure(Movement),
    /// Send a pane's text to the terminal's clipboard.
    Copy(Pane),
    /// Read, compute or pause runs over data sets.
    Runs(RunRequest),
    /// Clear the screen and draw all of it again.
    Redraw,
    /// Suspend the process.
    Suspend,
    /// Exit.
    Quit,
}

/// A movement that goes by what fits on the screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Movement {
    /// Of the focused pane's text.
    Scroll(Scroll),
    /// Of the open page's cursor.
    Cursor(Move),
}

/// A session to save.
#[derive(Debug, Clone, PartialEq)]
pub struct Save {
    /// The session.
    pub session: Session,
    /// Its notes when this process last read or saved it; any difference is a change made here.
    pub base: Vec<Note>,
}

/// An export to write.
#[derive(Debug, Clone, PartialEq)]
pub struct Export {
    /// The session.
    pub session: Session,
    /// The format.
    pub format: Format,
    /// The file to write.
    pub path: String,
    /// Whether an existing file may be replaced.
    pub overwrite: bool,
}

/// The reason why an export was not written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportError {
    /// The file exists.
    Exists {
        /// Its path.
        path: String,
    },
    /// Anything else.
    Failed {
        /// The file that was to be written.
        path: String,
        /// The reason, in one sentence.
        message: String,
    },
}
