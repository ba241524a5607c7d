//! The commands as scripts call them, and the library below: the real binary on bundled models, one file per subject.

#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![allow(clippy::print_stderr, reason = "what is skipped is said")]

#[path = "../binary/mod.rs"]
mod binary;
mod data;
#[cfg(unix)]
mod files;
#[cfg(unix)]
mod foreign;
mod forms;
mod lines;
mod parity;
mod report;
mod run;
#[cfg(unix)]
mod shells;
mod studies;
mod trace;
mod verdict;
