//! The model's thread and the protocol it shares with the UI.

mod cache;
mod load;
pub mod protocol;
mod queue;
mod study;
#[cfg(test)]
mod tests;
pub mod thread;
mod toggle;

pub use thread::{Link, Requests, spawn};
