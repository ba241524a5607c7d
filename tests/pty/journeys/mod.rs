//! User journeys with the real binary in a pseudo-terminal, on a bundled model. Every journey asserts on files and on the screen.

mod dataset;
mod exports;
mod failing;
mod kills;
mod signals;
mod work;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use crate::binary;
use crate::terminal::Terminal;
use serde_json::Value;

/// Starts the explorer and waits for the verdict of the first problem.
fn ready(home: &Path, args: &[&str], env: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(home, 40, 120, args, env);
    judged(&mut terminal);
    terminal
}

/// Waits for the final verdict of the open problem.
fn judged(t: &mut Terminal) {
    t.until("a verdict", |screen| {
        let rungs = ["USED", "TRACKS", "PRESENT", "NOT NEEDED", "NONE FOUND"];
        let is_judged = rungs.iter().any(|rung| screen.contains(rung));
        // A rung that is still being tested is not final.
        let is_ready = screen.contains("ready in") || screen.contains("reproduced ");
        is_judged && is_ready && !screen.contains("so far")
    });
    t.settles();
}

/// Writes a note on the token under the cursor and waits until the notes pane shows it.
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

/// The session files saved under a home.
fn sessions(home: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(home.join("undertone/recovery")) else {
        return Vec::new();
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// Runs the real binary with its files under `home`.
fn command(home: &Path, args: &[&str]) -> Output {
    let mut command = binary::command(home, args);
    command.current_dir(home).output().unwrap()
}

/// Exports a session file with the program itself, without any warning.
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

/// The notes of a session file: target, tag, text.
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

/// The texts of all notes in all sessions under a home.
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
