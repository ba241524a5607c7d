//! Input as real terminals send it: split keys, replies, pastes without an end, Backspace in its other form, and drafts.

use std::time::Duration;

use tempfile::tempdir;

use super::ready;
use crate::terminal::Terminal;

/// Sends parts with a gap between them, like a slow line.
fn slowly(t: &mut Terminal, parts: &[&[u8]], gap: u64) {
    for (i, part) in parts.iter().enumerate() {
        if i > 0 {
            std::thread::sleep(Duration::from_millis(gap));
        }
        t.send(part);
    }
}

#[test]
fn no_form_of_a_key_ends_a_note_or_acts_as_a_command() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.press("i");
    t.sees("Note on the");
    t.press("a long observation");
    t.sees("a long observation");
    for parts in [
        &[&b"\x1b\x1b[D"[..]][..],
        &[b"\x1b\x1b[A"],
        &[b"\x1b\x1bOD"],
        &[b"\x1b", b"[D"],
        &[b"\x1b[", b"D"],
        &[b"\x1b", b"[", b"1;", b"3D"],
        &[b"\x1b[1;3D"],
        &[b"\x1bOd", b"\x1b[d"],
    ] {
        for gap in [5, 50] {
            slowly(&mut t, parts, gap);
            t.settles();
            let text = t.text();
            assert!(text.contains("a long observation"), "{parts:?}\n{text}");
            assert!(text.contains("Note on the"), "{parts:?}\n{text}");
        }
    }
    t.press("\r");
    t.sees("a long observation");
    t.quits();
}

#[test]
fn what_the_terminal_says_changes_nothing_and_keys_still_work() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    let before = t.text();
    for said in [
        &b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\"[..],
        b"\x1b]10;rgb:ffff/ffff/ffff\x07",
        b"\x1bP>|tmux 3.3a\x1b\\",
        b"\x1b_Gi=1;OK\x1b\\",
        b"\x1b[>0;276;0c",
        b"\x1b[?62;22c",
        b"\x1b[?2026;2$y",
        b"\x1b[?997;1n",
        b"\x1b[12;40R",
        b"\x1b[?1u",
        b"\x1b[I\x1b[O",
        b"\x1b[<0;10;10M\x1b[M !!",
        b"\x1b[57361u",
        // Unterminated: dropped after a second.
        b"\x1b]11;rgb:ff",
        b"\x1b[?2026;2",
        b"\x1bP>|tmux",
    ] {
        t.send(said);
        t.settles();
        assert_eq!(t.text(), before, "{said:?}");
    }
    std::thread::sleep(Duration::from_secs(1));
    t.press("3");
    t.sees("Latent 3 of");
    // Ctrl-C does not even wait for that.
    t.send(b"\x1bP>|tmux");
    t.press("\x03");
    t.until("an interruption", |screen| {
        // The third latent's phrases may still be computed.
        screen.contains("press ctrl-c again to quit") || screen.contains("stopped")
    });
    t.quits();
}

#[test]
fn a_paste_without_an_end_is_text_and_the_keyboard_lives() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.send(b"\x1b[200~half of a question");
    t.sees("half of a question");
    t.press("\x1b");
    t.sees("the draft is kept");
    t.send(b"\x1b[200~never seen");
    t.settles();
    t.press("\x03");
    t.sees("press ctrl-c again to quit");
    t.settles();
    t.press("3");
    t.sees("Latent 3 of");
    assert!(!t.text().contains("never seen"));
    // Escape ends it too.
    t.send(b"\x1b[200~half again");
    t.settles();
    t.press("\x1b");
    t.sees("the draft is kept");
    t.press("2");
    t.sees("Latent 2 of");
    t.quits();
}

#[test]
fn an_escape_keeps_the_draft_and_takes_no_command_with_it() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    for (open, title) in [
        ("i", "Note on the"),
        ("n", "New question"),
        ("e", "Edit the question"),
    ] {
        t.press(open);
        t.sees(title);
        t.press(" my own words");
        t.sees("my own words");
        t.press("\x1b");
        t.sees(&format!("the draft is kept, {open} brings it back"));
        assert!(!t.text().contains(title));
        t.press(open);
        t.sees("my own words");
        // All from one read: the letters were meant for the box.
        t.press("\x1b\x1bDDq");
        t.sees("the draft is kept");
        t.settles();
        assert!(!t.text().contains("No run is open"), "{}", t.text());
    }
    t.press("i");
    t.sees("my own words");
    t.press("\r");
    t.settles();
    t.press("i");
    t.sees("Note on the");
    t.press("\x1b");
    t.until("a closed box", |screen| !screen.contains("Note on the"));
    assert!(!t.text().contains("the draft is kept"), "it was taken");
    t.quits();
}

#[test]
fn backspace_comes_in_two_forms_and_takes_what_is_seen_as_one() {
    let home = tempdir().unwrap();
    let mut t = ready(home.path(), &[]);
    t.press("i");
    t.sees("Note on the");
    t.press("abcd\x08\x08!");
    t.sees("ab!");
    t.press("\x15xe\u{301}👨‍👩‍👧🇩🇪\x7f\x08\x7f!");
    t.sees("x!");
    // In Latin-1 an é is one byte, and the blank after it is not part of it.
    t.send(b"\x15caf\xe9 au lait");
    // vt100 draws the replacement character as a blank.
    t.until("every letter but one", |screen| {
        screen.contains("caf") && screen.contains(" au lait")
    });
    t.press("\x1b");
    t.settles();
    t.press("o");
    t.sees("type to filter");
    t.press("zzzz\x08\x08\x08\x08");
    t.sees("type to filter");
    t.press("\x1b");
    t.settles();
    t.press("я");
    t.sees("no key я here, is another keyboard layout on?");
    t.quits();
}
