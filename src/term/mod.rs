//! The terminal: entering and leaving it, reading keys, and the one loop that ties everything together.

mod clipboard;
mod input;
mod run;
mod runs;
mod screen;
mod signal;

pub use run::{Ended, Ending, Options, Performer, WorkerLink, run};
pub use runs::RunCommand;
