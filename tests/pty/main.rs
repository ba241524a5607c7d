//! The real binary in a pseudo-terminal: what only a terminal can show, and the journeys of an analyst.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod journeys;
mod screens;
#[path = "../binary/terminal.rs"]
mod terminal;
