//! Signals and a closed terminal in every phase: the exit code is right, the screen and the terminal modes are restored.

use std::time::Duration;

use tempfile::{TempDir, tempdir};

use crate::terminal::{self, Terminal};

/// The explorer's current activity.
#[derive(Debug, Clone, Copy)]
enum Phase {
    Loading,
    Thinking,
    Idle,
    Study,
    Writing,
    Run,
}

/// Starts the explorer and brings it into a phase.
fn start(phase: Phase) -> (TempDir, Terminal) {
    let home = tempdir().unwrap();
    let mut t = Terminal::start(home.path(), 40, 120, &["--model", "mini-math"], &[]);
    t.sees("undertone");
    if let Phase::Loading = phase {
        return (home, t);
    }
    t.sees("ready in");
    match phase {
        Phase::Loading | Phase::Thinking => {}
        Phase::Idle => {
            // Only a final verdict shows how often similar answers were right.
            t.until("a verdict", |screen| {
                screen.contains("problems with this rung") && !screen.contains("esc stops")
            });
            t.settles();
        }
        Phase::Study => {
            t.until("the answer", |screen| screen.contains("log-prob"));
            t.press("s");
            t.sees("Sweep");
        }
        Phase::Writing => {
            t.press("i");
            t.sees("Note on the");
            t.press("not finished");
            t.sees("not finished");
        }
        Phase::Run => {
            t.press("D");
            t.sees("No run is open");
            t.press("n");
            t.sees("Start a run");
            t.press("\x15--limit 100000 --batch 1 --experiments accuracy --out many\r");
            t.sees("running, p or quitting pauses");
        }
    }
    (home, t)
}

/// Text being written survives the process.
fn kept(phase: Phase, home: &TempDir) {
    if let Phase::Writing = phase {
        assert_eq!(super::all_notes(home.path()), ["not finished"]);
    }
}

/// Every signal that ends the program restores the terminal.
fn ends(phase: Phase) {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("QUIT", 131)] {
        let (home, mut t) = start(phase);
        t.signal(signal);
        assert_eq!(t.ends(), code, "{signal}, {phase:?}");
        assert!(t.is_restored(), "{signal}, {phase:?}");
        kept(phase, &home);
    }
}

/// Closing the window ends the program without a panic.
fn closes(phase: Phase) {
    let (home, mut t) = start(phase);
    t.close();
    assert_eq!(t.is_over(), 129, "{phase:?}");
    let log = home.path().join("undertone/undertone.log");
    let log = std::fs::read_to_string(log).unwrap();
    assert!(!log.contains("panicked"), "{phase:?}: {log}");
    kept(phase, &home);
}

/// Suspended by itself and by others, continued, and ended.
fn suspends(phase: Phase) {
    let (home, mut t) = start(phase);
    t.signal("TSTP");
    t.stops();
    t.until("the shell's screen", |screen| !screen.contains("undertone"));
    assert!(t.is_restored(), "{phase:?}");
    t.signal("CONT");
    t.sees("undertone");
    t.signal("STOP");
    t.stops();
    t.be_cooked();
    t.parser.process(b"\x1b[?1049l\x1b[2J");
    t.signal("CONT");
    t.sees("undertone");
    t.sees("mini-math");
    // The keyboard is in raw mode again, without echo or line buffering.
    t.parser.process(b"\x1b[2J");
    t.press("\x0c");
    t.sees("undertone");
    assert!(!t.has_its_modes(), "{phase:?}");
    t.signal("HUP");
    assert_eq!(t.ends(), 129, "{phase:?}");
    assert!(t.is_restored(), "{phase:?}");
    kept(phase, &home);
}

macro_rules! phases {
    ($($name:ident: $phase:ident;)*) => {
        $(
            mod $name {
                use super::Phase;

                #[test]
                fn a_signal_ends_it() {
                    super::ends(Phase::$phase);
                }

                #[test]
                fn a_closed_terminal_ends_it() {
                    super::closes(Phase::$phase);
                }

                #[test]
                fn it_is_suspended_and_continued() {
                    super::suspends(Phase::$phase);
                }
            }
        )*
    };
}

phases! {
    loading: Loading;
    thinking: Thinking;
    idle: Idle;
    study: Study;
    writing: Writing;
    run: Run;
}

/// A signal before anything is on screen kills the program before it takes the terminal, or ends it as usual.
#[test]
fn a_signal_in_the_first_moments_leaves_the_terminal_as_it_was() {
    for (signal, number) in [("HUP", 1), ("TERM", 15), ("QUIT", 3), ("USR1", 10)] {
        for wait_ms in [Some(0), Some(5), Some(15), None] {
            let home = tempdir().unwrap();
            let mut t = Terminal::start(home.path(), 24, 80, &[], &[]);
            match wait_ms {
                Some(wait_ms) => {
                    t.is_still(Duration::from_millis(wait_ms));
                }
                // At the first byte written.
                None => t.begins(),
            }
            t.signal(signal);
            let code = t.ends();
            let is_killed = t.raw.is_empty() && code == terminal::KILLED;
            assert!(
                code == 128 + number || is_killed,
                "{signal} after {wait_ms:?} ms: {code}"
            );
            assert!(t.is_restored(), "{signal} after {wait_ms:?} ms");
        }
    }
}
