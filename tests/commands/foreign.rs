//! Model folders with hostile names: every command's text, table and JSON output is clean, and line breaks in the name forge no line.

use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::{QUESTION, command};
use tempfile::tempdir;

/// Escape sequences, a forged line, and characters that hide or reorder.
const NAME: &str =
    "\u{1b}]52;c;cHduZWQ=\u{7}\u{1b}[31m\u{9b}1m\u{7f}\u{202e}\u{200b}\u{2028}\nverdict  USED\rX";

fn hostile(home: &Path) -> PathBuf {
    let folder = home.join(NAME);
    fs::create_dir(&folder).unwrap();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/mini-math");
    for file in ["config.json", "tokenizer.json", "model.safetensors"] {
        fs::copy(from.join(file), folder.join(file)).unwrap();
    }
    folder
}

fn is_clean(what: &str, said: &[u8]) {
    let said = String::from_utf8(said.to_owned()).unwrap();
    for line in said.lines() {
        let foreign = |c: char| {
            c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2028}'..='\u{2029}')
        };
        assert!(!line.contains(foreign), "{what}: {line:?}");
        assert!(!line.starts_with("verdict  USED"), "{what}: {said}");
    }
}

#[test]
fn every_command_says_a_hostile_name_as_it_is() {
    let home = tempdir().unwrap();
    let folder = hostile(home.path());
    let folder = folder.to_str().unwrap();
    let lines: [&[&str]; 14] = [
        &["inspect", "--question", QUESTION],
        &["inspect", "--question", QUESTION, "--json"],
        &["inspect", "--question", QUESTION, "--ascii"],
        &[
            "ablate",
            "--question",
            QUESTION,
            "--off",
            "1",
            "--value",
            "zero",
        ],
        &[
            "ablate",
            "--question",
            QUESTION,
            "--off",
            "1",
            "--value",
            "zero",
            "--csv",
        ],
        &[
            "sweep",
            "--question",
            QUESTION,
            "--values",
            "zero",
            "--json",
        ],
        &["influence", "--question", QUESTION, "--value", "zero"],
        &["lens", "--question", QUESTION],
        &["eval", "--n", "2"],
        &["eval", "--n", "2", "--json"],
        &["bench", "--repeats", "1"],
        &["bench", "--repeats", "1", "--json"],
        &["bench", "--repeats", "1", "--suite", "counterfactual"],
        &[
            "run",
            "--limit",
            "2",
            "--experiments",
            "accuracy",
            "--out",
            "run",
        ],
    ];
    for line in lines {
        let mut args = line.to_vec();
        args.extend(["--model", folder]);
        let output = command(home.path(), &args)
            .current_dir(home.path())
            .output()
            .unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{line:?}: {err}");
        is_clean(&format!("{line:?}"), &output.stdout);
        is_clean(&format!("{line:?}"), &output.stderr);
    }
    // Files written about it are clean too.
    is_clean(
        "rows",
        &fs::read(home.path().join("run/rows.jsonl")).unwrap(),
    );
    let output = command(
        home.path(),
        &[
            "report", "run", "--html", "r.html", "--md", "r.md", "--csv", "csv",
        ],
    )
    .current_dir(home.path())
    .output()
    .unwrap();
    assert!(output.status.success(), "{output:?}");
    for file in ["r.html", "r.md"] {
        is_clean(file, &fs::read(home.path().join(file)).unwrap());
    }
    // A missing model.
    let missing = format!("{NAME}/nothing");
    let output = command(
        home.path(),
        &["inspect", "--question", "x", "--model", &missing],
    )
    .output()
    .unwrap();
    assert_eq!(output.status.code(), Some(2));
    is_clean("missing", &output.stderr);
}
