//! Clearing the screen: what clears it and when, terminals without a size, characters of doubtful width, and a terminal that does not
//! read.

use std::time::Duration;

use tempfile::tempdir;

use super::ready;
use crate::terminal::Terminal;

/// Writes to the screen behind the program's back.
fn wall(t: &mut Terminal) {
    t.parser
        .process(b"\x1b7\x1b[12;1Hmessage from root: lunch\x1b8");
    assert!(t.text().contains("lunch"));
}

#[test]
fn ctrl_l_repairs_the_screen_everywhere() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    let before = t.text();
    wall(&mut t);
    t.press("\x0c");
    t.until("the screen as it was", |screen| screen == before);
    for (open, title) in [
        ("i", "Note on the"),
        ("?", "Help"),
        ("o", "Problems,"),
        ("D", "No run is open"),
    ] {
        t.press(open);
        t.sees(title);
        t.settles();
        let before = t.text();
        wall(&mut t);
        t.press("\x0c");
        t.until("the screen as it was", |screen| screen == before);
        t.press("\x1b");
        t.settles();
    }
    t.quits();
}

#[test]
fn a_stop_by_others_leaves_neither_its_traces_nor_a_dead_keyboard() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    let before = t.text();
    t.signal("STOP");
    t.stops();
    t.be_cooked();
    // A shell leaves the alternate screen and writes.
    t.parser.process(b"\x1b[?1049l\x1b[?25h$ fg\r\n");
    t.signal("CONT");
    t.until("the screen as it was", |screen| screen == before);
    assert!(t.parser.screen().alternate_screen());
    t.press("3");
    t.sees("Latent 3 of");
    t.quits();
}

#[test]
fn ctrl_z_suspends_in_boxes_and_lists() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    for (open, title) in [
        ("", "Latent"),
        ("i", "Note on the"),
        ("o", "Problems,"),
        ("?", "Help"),
    ] {
        t.press(open);
        t.sees(title);
        t.settles();
        let before = t.text();
        t.press("\x1a");
        t.stops();
        t.until("a restored terminal", str::is_empty);
        assert!(t.is_restored(), "{title}");
        t.signal("CONT");
        t.until("the screen as it was", |screen| screen == before);
        t.press("\x1b");
        t.settles();
    }
    t.quits();
}

#[test]
fn a_terminal_without_a_size_is_taken_for_a_usual_one() {
    let home = tempdir().unwrap();
    let mut t = Terminal::start_sized(home.path(), (0, 0), &[], &[]);
    t.sees("undertone");
    t.until("a verdict", |screen| screen.contains("ready in"));
    t.sees("? help");
    t.resize(40, 120);
    t.press("?");
    t.sees("Step one token to the left");
    t.press("\x1b");
    t.settles();
    t.quits();
}

#[test]
fn no_wide_character_leaves_a_part_of_itself() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    let before = t.text();
    t.press("i");
    t.sees("Note on the");
    for family in ["👨‍👩‍👧", "🖥️", "🇩🇪", "1️⃣"] {
        t.press(family);
        t.settles();
    }
    t.press("\x15");
    t.settles();
    t.press("\x1b");
    t.until("the screen as it was", |screen| screen == before);
    t.quits();
}

#[test]
fn a_terminal_that_does_not_read_holds_up_no_end() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.stop_reading();
    // More than a pseudo-terminal buffers.
    for _ in 0..200 {
        t.press("\x0c");
        std::thread::sleep(Duration::from_millis(5));
    }
    t.signal("TERM");
    assert_eq!(t.is_over(), 143);
    assert!(t.has_its_modes());
}
