//! A data-set run: started, paused and continued from the screen; a problem opened from it, annotated, and found again by its note.

use std::fs;

use tempfile::tempdir;

use super::{all_notes, judged, note, ready};

#[test]
fn a_run_is_paused_continued_and_its_problems_are_noted() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    t.press("D");
    t.sees("No run is open");
    t.press("n");
    t.sees("Start a run");
    t.press("\x15--limit 24 --batch 2 --experiments accuracy,early-stopping --out ~/runs/a\r");
    t.sees("of 24 problems");
    t.press("p");
    t.sees("p resumes");
    let rows = home.join("runs/a/rows.jsonl");
    let part = fs::read_to_string(&rows).unwrap();
    assert!(part.ends_with('\n'));
    t.press("p");
    t.sees("24 of 24 problems");
    t.until("the end", |screen| !screen.contains("running"));
    assert!(fs::read_to_string(&rows).unwrap().starts_with(&part));

    // A filter selects rows; a problem's neighbours are those of the table.
    t.press("/");
    t.settles();
    t.press("index>=3 index!=4 index<=6\r");
    t.sees("3 of 24 shown");
    t.press("\r");
    t.sees("#3, run a");
    judged(&mut t);
    note(&mut t, "third of the run");
    t.press("]");
    t.sees("#5, run a");
    judged(&mut t);
    note(&mut t, "fifth of the run");
    t.press("]");
    t.sees("#6, run a");
    judged(&mut t);
    t.press("]");
    t.sees("the last problem of the table");
    t.press("[");
    t.sees("#5, run a");
    judged(&mut t);
    t.press("D");
    t.sees("3 of 24 shown");
    t.press("/");
    t.settles();
    t.press("\x15notes>0\r");
    t.sees("2 of 24 shown");
    t.sees("fifth of the run");
    t.quits();
    assert_eq!(all_notes(home), ["fifth of the run", "third of the run"]);

    // A later session.
    let mut t = ready(home, &["--run", "runs/a"], &[]);
    t.press("D");
    t.sees("24 of 24 problems");
    t.press("/");
    t.settles();
    t.press("note~third\r");
    t.sees("1 of 24 shown");
    t.press("\r");
    t.sees("#3, run a");
    t.sees("third of the run");
    t.quits();
    assert_eq!(all_notes(home).len(), 2);
}
