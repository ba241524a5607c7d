//! Notes, tags, toggles and undo: text is on disk at once, and restored at the next start.

use std::fs;

use tempfile::tempdir;

use super::{all_notes, exported, judged, note, notes, ready, sessions};
use crate::terminal::Terminal;

/// Toggles a latent and waits for the answer with it off.
fn toggles(t: &mut Terminal, latent: &str) {
    t.press(latent);
    t.settles();
    t.press(" ");
    t.until("the answer with the latent off", |screen| {
        screen.contains(&format!("[{latent}]")) && screen.contains("sham")
    });
}

fn tags(t: &mut Terminal, downs: usize) {
    t.press("t");
    t.sees("Tags of the");
    for _ in 0..downs {
        t.press("\x1b[B");
    }
    t.press("\r");
    t.until("the list to close", |screen| {
        !screen.contains("Tags of the")
    });
}

#[test]
fn a_note_a_tag_and_a_toggle_are_there_at_the_next_start() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    toggles(&mut t, "2");
    note(&mut t, "latent two carries the sum");
    // On disk before the next key, with the computed verdict.
    let [session] = sessions(home).try_into().unwrap();
    let export = exported(home, &session);
    assert!(
        export["verdict"]["tried"]
            .as_array()
            .is_some_and(|tried| !tried.is_empty())
    );
    assert_eq!(export["ablations"].as_array().unwrap().len(), 1);
    tags(&mut t, 0);
    // The list is closed: the next key is a command again.
    t.press("1");
    t.settles();
    note(&mut t, "and one the start");
    let expected = [
        (
            r#"{"latent":2}"#.to_owned(),
            None,
            "latent two carries the sum".to_owned(),
        ),
        (
            r#"{"latent":2}"#.to_owned(),
            Some("interesting".to_owned()),
            String::new(),
        ),
        (
            r#"{"latent":1}"#.to_owned(),
            None,
            "and one the start".to_owned(),
        ),
    ];
    assert_eq!(notes(home, &session), expected);
    let said = t.quits();
    let name = session.file_name().unwrap().to_string_lossy().into_owned();
    assert!(said.contains("saved to") && said.contains(&name), "{said}");

    // A plain start on the same problem and model.
    let mut t = ready(home, &[], &[]);
    for text in [
        "latent two carries the sum",
        "#interesting",
        "and one the start",
    ] {
        t.sees(text);
    }
    t.press("4");
    t.settles();
    note(&mut t, "the second day");
    t.quits();
    assert_eq!(
        sessions(home).as_slice(),
        std::slice::from_ref(&session),
        "the same file goes on"
    );
    assert_eq!(notes(home, &session).len(), 4);

    // Opened by name.
    let path = session.display().to_string();
    let mut t = ready(home, &["open", &path], &[]);
    t.sees("the second day");
    t.press("2");
    t.settles();
    note(&mut t, " and checked");
    t.quits();
    assert_eq!(sessions(home).as_slice(), std::slice::from_ref(&session));
    let texts: Vec<String> = notes(home, &session)
        .into_iter()
        .map(|note| note.2)
        .collect();
    assert!(
        texts.contains(&"latent two carries the sum and checked".to_owned()),
        "{texts:?}"
    );
    let after = exported(home, &session);
    assert_eq!(
        after["ablations"], export["ablations"],
        "what was computed on the first day stays"
    );
}

#[test]
fn an_opened_session_is_where_its_notes_go() {
    let home = tempdir().unwrap();
    let home = home.path();
    let sample = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/sample_runs/mini-math-flip.jsonl"
    );
    let mine = home.join("mine.jsonl");
    fs::copy(sample, &mine).unwrap();
    let before = fs::read_to_string(&mine).unwrap();
    // Viewing changes nothing, and an unfinished draft is reported.
    let mut t = ready(home, &["open", "mine.jsonl"], &[]);
    t.press("i");
    t.sees("Note on the");
    t.press("on second thoughts");
    t.sees("second thoughts");
    t.press("\x1b");
    t.sees("the draft is kept");
    let said = t.quits();
    assert!(
        said.contains("not entered") && said.contains("on second thoughts"),
        "{said}"
    );
    assert_eq!(fs::read_to_string(&mine).unwrap(), before);

    let mut t = ready(home, &["open", "mine.jsonl"], &[]);
    t.press("3");
    t.settles();
    note(&mut t, "my new note");
    // The file is being read and written, so an export must not replace it.
    t.press("x");
    t.sees("Export");
    t.press("\x15mine.jsonl\r");
    t.sees("mine.jsonl\" is also an input");
    t.press("\x1b");
    t.settles();
    let said = t.quits();
    assert!(said.contains("mine.jsonl"), "{said}");
    assert!(sessions(home).is_empty());
    let after = fs::read_to_string(&mine).unwrap();
    assert!(after.starts_with(&before), "only appended to");
    assert!(
        notes(home, &mine)
            .iter()
            .any(|note| note.2 == "my new note")
    );
    let mut t = ready(home, &["open", "mine.jsonl"], &[]);
    t.sees("my new note");
    t.quits();
}

#[test]
fn two_explorers_on_one_session_lose_nothing() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut first = ready(home, &[], &[]);
    note(&mut first, "from the beginning");
    let mut second = ready(home, &[], &[]);
    second.sees("from the beginning");
    let mut both = [first, second];
    for (who, latent, text) in [
        (0, "2", "by the first"),
        (1, "3", "by the second"),
        (0, "4", "again by the first"),
    ] {
        both[who].press(latent);
        both[who].settles();
        note(&mut both[who], text);
    }
    let [mut first, mut second] = both;
    // Removed by its author.
    second.press("u");
    second.sees("undid");
    first.quits();
    second.quits();
    assert_eq!(
        all_notes(home),
        ["again by the first", "by the first", "from the beginning"]
    );
}

#[test]
fn five_problems_under_two_models_with_undo_and_redo_across_them() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    for problem in 0..5 {
        if problem > 0 {
            t.press("]");
            t.sees(&format!("#{problem}"));
            judged(&mut t);
        }
        note(&mut t, &format!("problem {problem} under the first"));
    }
    // Back on the problem, undo applies to its own notes.
    t.press("[");
    t.sees("#3");
    judged(&mut t);
    t.sees("problem 3 under the first");
    t.press("u");
    t.until("the note to go", |screen| {
        !screen.contains("problem 3 under the first")
    });
    t.press("\x12");
    t.sees("problem 3 under the first");
    t.press("u");
    t.until("the note to go", |screen| {
        !screen.contains("problem 3 under the first")
    });
    // The same problem under another model has separate notes.
    t.press("m");
    t.sees("Models");
    t.press("mini-math-sim");
    t.settles();
    t.press("\r");
    t.until("the other model", |screen| {
        screen.contains("mini-math-sim") && screen.contains("ready in")
    });
    judged(&mut t);
    t.sees("#3");
    note(&mut t, "problem 3 under the second");
    t.quits();
    let mut expected: Vec<String> = [0, 1, 2, 4]
        .map(|n| format!("problem {n} under the first"))
        .into();
    expected.push("problem 3 under the second".to_owned());
    expected.sort();
    assert_eq!(all_notes(home), expected);

    let mut t = ready(home, &[], &[]);
    t.sees("problem 0 under the first");
    for problem in 1..4 {
        t.press("]");
        t.sees(&format!("#{problem}"));
        judged(&mut t);
    }
    assert!(
        !t.text().contains("problem 3 under"),
        "it was undone, and the other is another model's"
    );
    t.quits();
}

#[test]
fn what_was_written_before_a_kill_is_on_disk() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    for (latent, text) in [("1", "one"), ("2", "two"), ("3", "three")] {
        t.press(latent);
        t.settles();
        note(&mut t, text);
        t.press("]");
        judged(&mut t);
    }
    t.signal("KILL");
    t.ends();
    assert_eq!(all_notes(home), ["one", "three", "two"]);
    // A line cut off by the kill loses only that line, and is reported.
    let session = &sessions(home)[0];
    let whole = fs::read_to_string(session).unwrap();
    fs::write(session, &whole[..whole.len() - 20]).unwrap();
    let mut t = ready(home, &["open", &session.display().to_string()], &[]);
    t.sees("was cut off");
    note(&mut t, "written again");
    t.quits();
    let text = fs::read_to_string(session).unwrap();
    assert!(
        text.starts_with(&whole[..whole.len() - 20]),
        "what was left of the line stays"
    );
    let output = super::command(
        home,
        &["export", &session.display().to_string(), "--format", "md"],
    );
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(
        output.status.success() && out.contains("written again"),
        "{out}"
    );
    assert!(err.contains("is damaged"), "{err}");
}
