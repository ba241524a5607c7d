//! What the explorer promises an analyst, driven as an analyst would: the real binary in a pseudo-terminal, on a bundled model.
//! Every journey asserts on files and on what the screen says.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod signals;
#[path = "../binary/terminal.rs"]
mod terminal;
