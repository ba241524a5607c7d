//! What the explorer promises an analyst, driven as an analyst would: the real binary in a pseudo-terminal, on a bundled model.
//! Every journey asserts on files and on what the screen says.

mod dataset;
mod exports;
mod failing;
mod kills;
mod signals;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::terminal::Terminal;
use serde_json::Value;

/// Starts the explorer and waits until the first problem is judged.
fn ready(home: &Path, args: &[&str], env: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(home, 40, 120, args, env);
    judged(&mut terminal);
    terminal
}

/// Waits until the open problem has its last word.
fn judged(t: &mut Terminal) {
    t.until("a verdict", |screen| {
        let rungs = ["USED", "TRACKS", "PRESENT", "NOT NEEDED", "NONE FOUND"];
        let is_judged = rungs.iter().any(|rung| screen.contains(rung));
        // A rung that is still being tested is not the last word.
        let is_ready = screen.contains("ready in") || screen.contains("reproduced ");
        is_judged && is_ready && !screen.contains("so far")
    });
    t.settles();
}

/// Writes a note on what is under the cursor and waits until it is in the pane of notes.
fn note(t: &mut Terminal, text: &str) {
    t.press("i");
    t.sees("Note on the");
    t.press(text);
    t.sees(text);
    t.press("\r");
    t.until("the note without its prompt", |screen| {
        !screen.contains("Note on the")
    });
}

/// Leaves with `q`; gives what stood on the terminal afterwards.
fn quits(t: &mut Terminal) -> String {
    t.press("q");
    assert_eq!(t.ends(), 0);
    assert!(t.is_restored());
    t.text()
}

/// The session files that were saved under a home.
fn sessions(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.join("undertone/recovery")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A command of the real binary with its files under `home`.
fn command(home: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_undertone"));
    command.current_dir(home).args(args);
    for name in [
        "HOME",
        "XDG_STATE_HOME",
        "XDG_DATA_HOME",
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
    ] {
        command.env(name, home);
    }
    command.output().unwrap()
}

/// A session file as the program itself exports it; it must be whole.
fn exported(home: &Path, session: &Path) -> Value {
    let output = command(
        home,
        &["export", &session.display().to_string(), "--format", "json"],
    );
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success() && err.is_empty(),
        "{session:?}: {err}"
    );
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The notes of a session file: what they are about, the tag, the text.
fn notes(home: &Path, session: &Path) -> Vec<(String, Option<String>, String)> {
    let export = exported(home, session);
    let notes = export["notes"].as_array().unwrap();
    let word = |value: &Value| match value {
        Value::String(word) => word.clone(),
        other => other.to_string(),
    };
    let text = |value: &Value| value.as_str().map(ToOwned::to_owned);
    notes
        .iter()
        .map(|note| {
            (
                word(&note["target"]),
                text(&note["tag"]),
                word(&note["text"]),
            )
        })
        .collect()
}

/// All texts of notes in all sessions under a home.
fn all_notes(home: &Path) -> Vec<String> {
    let all = sessions(home);
    let mut texts: Vec<String> = all
        .iter()
        .flat_map(|session| notes(home, session))
        .map(|(_, tag, text)| tag.unwrap_or(text))
        .collect();
    texts.sort();
    texts
}
