//! Runs the real binary as scripts do, in a temporary home and isolated from the user's environment.

#![allow(dead_code, reason = "each file of tests uses its part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::tempdir;

/// A question that the bundled model answers.
pub const QUESTION: &str =
    "Tom has 12 apples. Tom buys 7 more apples. How many apples does Tom have now?";

/// The variables that name a user's folders.
pub const FOLDERS: [&str; 5] = [
    "HOME",
    "XDG_STATE_HOME",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
];

/// How long anything may take on a busy machine; `UNDERTONE_PATIENCE_S` overrides it.
pub fn patience() -> Duration {
    let seconds = std::env::var("UNDERTONE_PATIENCE_S")
        .ok()
        .and_then(|s| s.parse().ok());
    Duration::from_secs(seconds.unwrap_or(60))
}

/// Polls for a condition that gives no notification.
pub fn wait(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + patience();
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

/// Sends a signal to a process.
pub fn signal(name: &str, process: u32) {
    let killed = Command::new("kill")
        .args([format!("-{name}"), process.to_string()])
        .status();
    assert!(killed.unwrap().success(), "{name}");
}

/// Returns the binary as a command with this home folder and no input.
pub fn command(home: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone"));
    command.envs(FOLDERS.map(|variable| (variable, home)));
    for variable in [
        "HF_HOME",
        "HF_HUB_CACHE",
        "HF_HUB_OFFLINE",
        "HF_ENDPOINT",
        "HF_TOKEN",
        "HTTP_PROXY",
        "http_proxy",
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

/// The cache shared by calls with separate homes, so that a reference set is made once per model instead of once per call.
static CACHE: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    // Removes the caches of earlier test processes.
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name
            .strip_prefix("cache-")
            .and_then(|id| id.parse::<u32>().ok());
        let has_ended = |id: u32| {
            Path::new("/proc/self").exists() && !Path::new("/proc").join(id.to_string()).exists()
        };
        if process.is_some_and(has_ended) {
            _ = fs::remove_dir_all(entry.path());
        }
    }
    folder.join(format!("cache-{}", std::process::id()))
});

/// Runs the binary in a new home.
pub fn undertone(args: &[&str]) -> Output {
    let home = tempdir().unwrap();
    let mut command = command(home.path(), args);
    command
        .env("UNDERTONE_CACHE_DIR", &*CACHE)
        .output()
        .unwrap()
}

/// The standard output of a command, which must succeed.
pub fn said(args: &[&str]) -> String {
    let output = undertone(args);
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {err}");
    String::from_utf8(output.stdout).unwrap()
}

/// The standard output of a command, parsed as JSON.
pub fn json(args: &[&str]) -> Value {
    serde_json::from_str(&said(args)).unwrap()
}

/// Fails unless an object has these fields.
pub fn has(value: &Value, fields: &[&str]) {
    for field in fields {
        assert!(value.get(field).is_some(), "no field {field} in {value}");
    }
}
