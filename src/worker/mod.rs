//! The model's own thread and the words it shares with the UI.

mod cache;
pub mod protocol;
mod queue;
mod study;
pub mod thread;

pub use thread::{Link, spawn};
