//! The model's own thread and the words it shares with the UI.

mod cache;
pub mod kept;
mod load;
pub mod protocol;
mod queue;
mod study;
#[cfg(test)]
mod tests;
pub mod thread;
mod toggle;

pub use thread::{Link, spawn};
