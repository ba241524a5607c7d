//! The terminal: entering and leaving it, reading keys, and the main loop.

mod clipboard;
pub(crate) mod input;
mod output;
mod run;
mod runs;
mod screen;
mod signal;
mod surface;

pub(crate) use run::unix_s;
pub use run::{Ending, LoopOptions, Performer, run};
pub use runs::RunCommand;
