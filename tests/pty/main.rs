//! The real binary in a pseudo-terminal: behaviour that only a terminal can show, and user journeys.

#![cfg(unix)]
#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "../binary/mod.rs"]
mod binary;
mod journeys;
mod screens;
#[path = "../binary/terminal.rs"]
mod terminal;
