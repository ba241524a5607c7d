//! Picking another model: one that cannot be loaded changes only the line that reports it.

use std::fs;

use tempfile::tempdir;

use super::ready;

#[test]
fn a_model_that_cannot_be_loaded_leaves_the_run_its_notes_and_the_model() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.press("2");
    t.settles();
    t.press(" ");
    t.until("the ablated answer", |screen| {
        screen.contains("[2]") && screen.contains("sham")
    });
    t.press("i");
    t.settles();
    t.press("kept in spite of m\r");
    t.sees("kept in spite of m");
    // A folder without weights, and invalid weights, with paths not expanded by a shell.
    fs::create_dir(home.path().join("empty")).unwrap();
    fs::create_dir(home.path().join("broken")).unwrap();
    fs::write(home.path().join("broken/model.safetensors"), "no weights").unwrap();
    for (typed, says) in [
        ("/no/such/folder", "no model called"),
        ("~/empty", "it holds no model.safetensors"),
        ("~/broken", "cannot read"),
    ] {
        t.press("m");
        t.settles();
        t.press(&format!("{typed}\r"));
        t.sees(says);
        t.settles();
        for kept in ["kept in spite of m", "[2]", "sham"] {
            t.sees(kept);
        }
        t.press("\x1b");
        t.until("no more of it", |screen| !screen.contains(says));
    }
    // The model still works: a toggle, and the next problem of the list.
    t.press("3");
    t.settles();
    t.press(" ");
    t.until("another answer", |screen| {
        screen.contains("[3]") && screen.contains("sham")
    });
    t.press("]");
    t.sees("#1");
    t.until("a verdict", |screen| {
        screen.contains("ready in") && !screen.contains("so far")
    });
    t.quits();
}
