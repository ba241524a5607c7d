//! Failing saves: the user never leaves without knowing it, and the work is kept as long as there is a place for it.

use std::fs;
use std::path::Path;

use tempfile::tempdir;

use super::{all_notes, note, notes, ready, sessions};
use crate::terminal::Terminal;

/// Puts a file where the sessions folder belongs.
fn block(home: &Path) {
    fs::create_dir_all(home.join("undertone")).unwrap();
    fs::write(home.join("undertone/recovery"), "x").unwrap();
}

/// Writes a note that cannot be saved, which the screen reports.
fn unsaved(t: &mut Terminal) {
    note(t, "hold this");
    t.sees("not saved");
    // Not only in the message, which disappears.
    t.until("the title of the notes", |screen| {
        let mut lines = screen.lines();
        lines.any(|line| line.contains(" Notes ") && line.contains("not saved"))
    });
}

#[test]
fn quitting_asks_again_and_the_work_is_kept_elsewhere() {
    let home = tempdir().unwrap();
    let home = home.path();
    block(home);
    let temporary = home.join("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut t = ready(home, &[], &[("TMPDIR", temporary.to_str().unwrap())]);
    unsaved(&mut t);
    t.press("q");
    t.sees("q again leaves without");
    // Any other key stays, and `q` then asks again.
    t.press("2");
    t.settles();
    t.press("q");
    t.sees("q again leaves without");
    t.press("q");
    assert_eq!(t.ends(), 3);
    assert!(t.is_restored());
    let said = t.text();
    assert!(said.contains("not saved where it belongs"), "{said}");
    let kept: Vec<_> = fs::read_dir(&temporary)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(notes(home, &kept[0])[0].2, "hold this");
    // The blocking file is unchanged.
    assert_eq!(
        fs::read_to_string(home.join("undertone/recovery")).unwrap(),
        "x"
    );
}

#[test]
fn a_place_that_is_free_again_takes_everything() {
    let home = tempdir().unwrap();
    let home = home.path();
    block(home);
    let mut t = ready(home, &[], &[]);
    unsaved(&mut t);
    t.press("]");
    super::judged(&mut t);
    note(&mut t, "and this");
    fs::remove_file(home.join("undertone/recovery")).unwrap();
    t.quits();
    assert_eq!(all_notes(home), ["and this", "hold this"]);
}

#[test]
fn notes_that_find_no_place_are_printed_at_the_end() {
    let home = tempdir().unwrap();
    let home = home.path();
    block(home);
    // Nobody can create a file there, not even root.
    let nowhere = [("TMPDIR", "/proc/self/fdinfo")];
    for end in ["q", "TERM", "HUP"] {
        let mut t = ready(home, &[], &nowhere);
        unsaved(&mut t);
        let code = match end {
            "q" => {
                t.press("q");
                t.sees("q again leaves without");
                t.press("q");
                3
            }
            signal => {
                t.signal(signal);
                if signal == "TERM" { 143 } else { 129 }
            }
        };
        assert_eq!(t.ends(), code, "{end}");
        assert!(t.is_restored());
        let said = t.text();
        assert!(
            said.contains("not saved") && said.contains("hold this"),
            "{end}: {said}"
        );
    }
}

#[test]
fn a_state_folder_that_cannot_be_written_does_not_keep_anyone_out() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = Terminal::start(
        home,
        40,
        120,
        &[],
        &[("UNDERTONE_STATE_DIR", "/proc/self/fdinfo")],
    );
    t.sees("there is no log");
    super::judged(&mut t);
    note(&mut t, "on the way out");
    t.sees("not saved");
    t.press("x");
    t.sees("Export");
    t.press("\x15out.md\r");
    t.sees("exported to");
    t.press("q");
    t.sees("q again leaves without");
    t.press("q");
    assert_eq!(t.ends(), 3);
    assert!(
        fs::read_to_string(home.join("out.md"))
            .unwrap()
            .contains("on the way out")
    );
}

#[test]
fn a_folder_that_goes_away_is_made_again() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    note(&mut t, "before");
    fs::remove_dir_all(home.join("undertone/recovery")).unwrap();
    t.press("2");
    t.settles();
    note(&mut t, "after");
    t.quits();
    assert_eq!(all_notes(home), ["after", "before"]);
}

#[test]
fn a_full_disk_keeps_what_is_there_and_says_so() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    note(&mut t, "while there was room");
    t.quits();
    let [session] = sessions(home).try_into().unwrap();
    let before = fs::read(&session).unwrap();
    let kib = before.len() as u64 / 1024;
    let mut t =
        Terminal::start_on_full_disk(home, 40, 120, kib, &[("TMPDIR", home.to_str().unwrap())]);
    super::judged(&mut t);
    t.press("2");
    t.settles();
    note(&mut t, "without room");
    t.sees("not saved");
    assert_eq!(
        fs::read(&session).unwrap(),
        before,
        "as it was, to the last byte"
    );
    t.press("q");
    t.sees("q again leaves without");
    t.press("q");
    assert_eq!(t.ends(), 3);
    assert!(t.text().contains("without room"), "printed: {}", t.text());
    assert_eq!(notes(home, &session).len(), 1);
}
