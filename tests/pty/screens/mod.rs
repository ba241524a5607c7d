//! Behaviour that only a real terminal can show: restoring it, signals, sizes, colours, idle output, and a whole first session.

mod input;
mod models;
mod slate;

use std::fs;
use std::time::Duration;

use crate::binary;
use crate::terminal::Terminal;
use tempfile::tempdir;

/// Starts the explorer and waits for the verdict of the first problem.
fn ready(home: &std::path::Path, env: &[(&str, &str)]) -> Terminal {
    let mut terminal = Terminal::start(home, 40, 120, &[], env);
    terminal.until("a verdict", |screen| {
        let rungs = ["USED", "TRACKS", "PRESENT", "NOT NEEDED", "NONE FOUND"];
        // A rung that is still being tested is not final.
        rungs.iter().any(|rung| screen.contains(rung))
            && !screen.contains("so far")
            && !screen.contains("esc stops")
    });
    terminal.settles();
    terminal
}

#[test]
fn a_first_session_from_opening_to_export() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.press("2");
    t.settles();
    let before = t.text();
    t.press(" ");
    t.until("the ablated answer", |screen| {
        screen.contains("[2]") && screen.contains("sham")
    });
    t.settles();
    assert_ne!(before, t.text());
    t.press("?");
    t.sees("Step one token to the left");
    t.press("\x1b");
    t.settles();
    t.press("i");
    t.settles();
    t.press("latent two carries the step");
    t.sees("latent two carries");
    t.press("\r");
    t.settles();
    t.press("x");
    t.settles();
    t.press("\r");
    t.until("the export", |_| has_export(home.path()));
    t.quits();
    let exported = exports(home.path());
    assert!(
        exported
            .iter()
            .any(|text| text.contains("latent two carries the step")),
        "the note is in the export"
    );
}

fn exports(home: &std::path::Path) -> Vec<String> {
    let files = fs::read_dir(home)
        .unwrap()
        .filter_map(|entry| Some(entry.ok()?.path()));
    files
        .filter(|path| path.extension().is_some_and(|e| e == "md" || e == "json"))
        .filter_map(|p| fs::read_to_string(p).ok())
        .collect()
}

fn has_export(home: &std::path::Path) -> bool {
    !exports(home).is_empty()
}

#[test]
fn quitting_restores_the_terminal_even_while_the_model_loads() {
    let home = tempdir().unwrap();
    let mut t = Terminal::start(home.path(), 24, 80, &[], &[]);
    t.sees("undertone");
    t.quits();
}

#[test]
fn signals_restore_the_terminal_and_give_their_exit_codes() {
    for (signal, code) in [("TERM", 143), ("HUP", 129)] {
        let home = tempdir().unwrap();
        let mut t = ready(home.path(), &[]);
        t.signal(signal);
        assert_eq!(t.ends(), code, "{signal}");
        assert!(t.is_restored(), "{signal}");
    }
}

#[test]
fn a_failed_start_leaves_the_screen_up_with_the_reason() {
    let home = tempdir().unwrap();
    let mut t = Terminal::start(home.path(), 24, 100, &["--model", "/no/such/folder"], &[]);
    t.sees("/no/such/folder");
    assert!(t.parser.screen().alternate_screen());
    t.quits();
}

#[test]
fn a_resize_storm_ends_where_it_began() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    let before = t.text();
    t.resize(5, 20);
    t.until("the message for a small terminal", |screen| {
        screen.contains("needs")
    });
    t.resize(40, 120);
    t.until("the screen as it was", |screen| screen == before);
    t.quits();
}

#[test]
fn without_colour_the_selection_is_reversed_and_no_colour_is_sent() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[("NO_COLOR", "1")]);
    t.press("q");
    t.ends();
    let raw = String::from_utf8_lossy(&t.raw).into_owned();
    assert!(
        !raw.contains("\x1b[m") && !raw.contains("\x1b[;m"),
        "a bare reset would wipe the selection"
    );
    assert!(raw.contains("\x1b[7m"), "something is selected");
    for sequence in raw.split("\x1b[").skip(1) {
        let Some(end) = sequence.find(|c: char| c.is_ascii_alphabetic()) else {
            continue;
        };
        if !sequence[end..].starts_with('m') {
            continue;
        }
        for code in sequence[..end]
            .split(';')
            .filter_map(|n| n.parse::<u16>().ok())
        {
            assert!(
                !matches!(code, 30..=38 | 40..=48 | 90..=107),
                "colour {code} in {:?}",
                &sequence[..end]
            );
        }
    }
}

#[test]
fn idle_writes_nothing_and_a_step_writes_little() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    assert!(
        t.is_still(Duration::from_secs(3)),
        "an idle explorer wrote something"
    );
    let before = t.raw.len();
    t.press("\x1b[D");
    t.settles();
    let written = t.raw.len() - before;
    assert!((1..4096).contains(&written), "{written} bytes for one step");
    let raw = String::from_utf8_lossy(&t.raw).into_owned();
    let clears: Vec<usize> = raw.match_indices("\x1b[2J").map(|(at, _)| at).collect();
    assert_eq!(clears.len(), 1, "the screen is cleared once");
    let first = raw.find("undertone").unwrap();
    assert!(clears[0] < first, "and that on entering");
    assert_eq!(
        raw.matches("\x1b[?2026h").count(),
        raw.matches("\x1b[?2026l").count()
    );
    t.press("q");
    t.ends();
}

#[test]
fn a_run_over_a_data_set_is_opened_filtered_and_left_for_a_problem() {
    let home = tempdir().unwrap();
    let made = binary::command(home.path(), &[])
        .current_dir(home.path())
        .args([
            "run",
            "--model",
            "mini-math",
            "--limit",
            "6",
            "--out",
            "six",
        ])
        .args(["--experiments", "accuracy,early-stopping,ablation,verdict"])
        .output()
        .unwrap();
    assert!(made.status.success(), "{made:?}");
    let mut t = Terminal::start(home.path(), 40, 120, &["--run", "six"], &[]);
    t.until("a verdict", |screen| {
        screen.contains("ready in") && !screen.contains("so far")
    });
    t.settles();
    t.press("D");
    t.sees("6 of 6 problems");
    t.sees("the loaded model");
    t.press("/");
    t.settles();
    t.press("index>=2 steps>=1\r");
    t.sees("4 of 6 shown");
    t.press("/");
    t.settles();
    t.press(" rung=FINE\r");
    t.sees("there is no rung FINE");
    t.press("\x1b");
    // Escape and a letter at once would be one key.
    t.settles();
    t.press("j");
    t.settles();
    t.press("\r");
    t.sees("recorded by run six");
    // The sentence continues on the next line.
    t.sees("and data, the model answered");
    t.settles();
    t.press("D");
    t.sees("4 of 6 shown");
    t.press("\x1b");
    t.until("the run's page", |screen| !screen.contains("4 of 6 shown"));
    t.sees("recorded by run six");
    t.quits();
}

#[test]
fn a_run_is_started_from_the_explorer_and_stops_with_it() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.press("D");
    t.sees("No run is open");
    t.press("n");
    t.sees("Start a run");
    // A wrong option is reported before anything starts.
    t.press("\x15--limit 3\r");
    t.sees("required");
    t.press("n");
    t.settles();
    t.press("\x15--limit 100000 --batch 1 --experiments accuracy --out many\r");
    t.sees("of 100000 problems");
    t.sees("running, p or quitting pauses");
    // The explorer stays usable meanwhile.
    t.press("\x1b");
    t.sees("Run 4 latents");
    t.press("D");
    t.until("rows", |screen| !screen.contains("No problems yet"));
    t.press("p");
    t.sees("partial, p resumes");
    t.press("p");
    t.sees("running, p or quitting pauses");
    t.quits();
    // After a moment the file no longer grows, and its last row is complete.
    let rows = home.path().join("many/rows.jsonl");
    let length = || fs::metadata(&rows).unwrap().len();
    let mut before = 0;
    for _ in 0..100 {
        let now = length();
        if now == before {
            break;
        }
        before = now;
        std::thread::sleep(Duration::from_millis(700));
    }
    assert_eq!(length(), before);
    assert!(fs::read_to_string(&rows).unwrap().ends_with('\n'));
}

#[test]
fn a_damaged_run_is_named_with_its_line() {
    let home = tempdir().unwrap();
    fs::create_dir(home.path().join("bad")).unwrap();
    fs::write(home.path().join("bad/rows.jsonl"), "{\"no\": \"header\"}\n").unwrap();
    let mut t = Terminal::start(home.path(), 24, 100, &["--run", "bad"], &[]);
    t.sees("undertone");
    t.press("D");
    t.sees("line 1");
    t.quits();
}
