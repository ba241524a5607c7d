//! The model's thread and the protocol it shares with the UI.

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

pub use thread::{Link, Requests, spawn};
