//! Everything that may enter the reducer.

use crate::explorer::app::Library;
use crate::explorer::app::dataset::RunEvent;
use crate::explorer::app::effect::{ExportError, Save};
use crate::explorer::app::pane::View;
use crate::explorer::app::saving::Recalled;
use crate::explorer::keymap::Key;
use crate::explorer::session::store::Noted;
use crate::explorer::worker::protocol::Event;

/// Something that happened outside.
#[derive(Debug, Clone, PartialEq)]
#[expect(
    clippy::large_enum_variant,
    reason = "a message is moved once and never stored"
)]
pub enum Msg {
    /// Time has passed.
    Tick {
        /// Milliseconds of a clock that never goes back.
        now_ms: u64,
        /// Seconds since 1970-01-01 UTC.
        unix_s: u64,
    },
    /// A key was pressed or repeats.
    Key(Key),
    /// Text was pasted.
    Paste(String),
    /// The terminal has another size.
    Resized,
    /// A frame was drawn.
    Drawn(View),
    /// The worker says something.
    Worker(Event),
    /// The worker is gone for good.
    WorkerLost,
    /// The problems are here: where they come from, and they.
    Problems(Result<Library, String>),
    /// A session was saved in this file, or why not.
    Saved {
        /// What was saved.
        save: Box<Save>,
        /// The file, or why not.
        result: Result<String, String>,
    },
    /// An earlier session on the open question was found.
    Recalled(Recalled),
    /// The notes of all saved sessions.
    Noted(Vec<Noted>),
    /// An export was written to this path, or why not.
    Exported(Result<String, ExportError>),
    /// Text was sent to the terminal's clipboard (bytes), or why not.
    Copied(Result<usize, String>),
    /// Something is heard of a run over a data set.
    Run {
        /// Which request it belongs to.
        ticket: u64,
        /// What is heard.
        event: RunEvent,
    },
    /// The process was continued after a suspension.
    Resumed,
    /// The process is told to end.
    Terminated,
}
