//! The real binary as scripts call it: in a home of its own, with nothing of the user's around it.

#![allow(dead_code, reason = "each file of tests uses its part")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::tempdir;

/// A question that the bundled model answers.
pub const QUESTION: &str =
    "Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?";

/// The binary with a home folder and no input.
pub fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone"));
    for variable in [
        "HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ] {
        command.env(variable, home);
    }
    for variable in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_ENDPOINT",
        "HF_TOKEN",
        "UNDERTONE_CACHE_DIR",
        "UNDERTONE_CONFIG_DIR",
        "UNDERTONE_DATA_DIR",
        "UNDERTONE_STATE_DIR",
    ] {
        command.env_remove(variable);
    }
    command.args(args).stdin(Stdio::null());
    command
}

/// What the binary says in a new home.
pub fn undertone(args: &[&str]) -> Output {
    let home = tempdir().unwrap();
    command(home.path(), args).output().unwrap()
}

/// The output of a command, which has to go well.
pub fn said(args: &[&str]) -> String {
    let output = undertone(args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// The same as JSON.
pub fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(args)).unwrap()
}

/// Fails unless an object has these fields.
pub fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no field {field} in {value}");
    }
}
