//! Everything that may enter the reducer.

use crate::explorer::app::Library;
use crate::explorer::app::dataset::RunEvent;
use crate::explorer::app::effect::{ExportError, Movement, Save};
use crate::explorer::app::pane::Fit;
use crate::explorer::app::saving::Recalled;
use crate::explorer::keymap::Key;
use crate::explorer::session::store::Noted;
use crate::explorer::worker::protocol::Event;

/// The time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Clock {
    /// Milliseconds of a monotonic clock.
    pub now_ms: u64,
    /// Seconds since 1970-01-01 UTC.
    pub unix_s: u64,
}

/// An event from outside.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a message is moved once and never stored"
)]
pub enum Msg {
    /// Time has passed.
    Tick(Clock),
    /// A key was pressed, or repeats.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal was resized.
    Resized,
    /// What fits on the screen, for a movement.
    Measured {
        /// The movement.
        movement: Movement,
        /// What fits.
        fit: Fit,
    },
    /// The worker sent an event.
    Worker(Event),
    /// The worker is gone for good.
    WorkerLost,
    /// The problem list arrived, or the reason why not.
    Problems(Result<Library, String>),
    /// A save finished.
    Saved {
        /// The saved session.
        save: Box<Save>,
        /// The file, or the reason for the failure.
        result: Result<String, String>,
    },
    /// An earlier session on the open question was found.
    Recalled(Recalled),
    /// The notes of all saved sessions.
    Noted(Vec<Noted>),
    /// An export finished: its path, or the reason for the failure.
    Exported(Result<String, ExportError>),
    /// Text was sent to the terminal's clipboard: its length in bytes, or the reason for the failure.
    Copied(Result<usize, String>),
    /// A run over a data set sent an event.
    Run {
        /// The ticket of the request it belongs to.
        ticket: u64,
        /// The event.
        event: RunEvent,
    },
    /// The process resumed after a suspension.
    Resumed,
    /// The process was told to exit.
    Terminated,
}
