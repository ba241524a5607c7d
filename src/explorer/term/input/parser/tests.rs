//! Typed keys, terminal replies and pastes, read by read.

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000;

/// The units of a series of reads, each given with its delay in milliseconds; two seconds of silence follow.
fn units(reads: &[(u64, &[u8])]) -> Vec<Unit> {
    let mut parser = Parser::new();
    let mut now = 5 * SECOND;
    let mut all = Vec::new();
    let lapse = |parser: &mut Parser, until: u64, all: &mut Vec<Unit>| {
        while let Some(due) = parser.due().filter(|due| *due <= millis(until)) {
            all.extend(parser.lapse(due));
        }
    };
    for (gap, bytes) in reads {
        now += gap;
        // An available byte is read before a deadline that has passed.
        lapse(&mut parser, now.saturating_sub(1), &mut all);
        let (earlier, these) = parser.feed(bytes, millis(now));
        all.extend(earlier);
        all.extend(these);
    }
    lapse(&mut parser, now + 2 * SECOND, &mut all);
    assert_eq!(parser.due(), None);
    all
}

fn millis(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// The names of keys; a paste is quoted.
fn names(units: &[Unit]) -> String {
    let names = units.iter().map(|unit| match unit {
        Unit::Key(key) => key.to_string(),
        Unit::Paste(text) => format!("{text:?}"),
    });
    names.collect::<Vec<_>>().join(" ")
}

fn typed(bytes: &[u8]) -> String {
    names(&units(&[(0, bytes)]))
}

#[test]
fn keys_of_every_kind_are_known() {
    for (bytes, expected) in [
        ("a", "a"),
        ("Z?", "Z ?"),
        (" ", "space"),
        ("é日🇩🇪", "é 日 🇩 🇪"),
        ("\r\n\t", "enter ctrl-j tab"),
        ("\x7f\x08", "backspace ctrl-h"),
        (
            "\0\x01\x1a\x1c\x1f",
            "ctrl-space ctrl-a ctrl-z ctrl-\\ ctrl-_",
        ),
        ("\x1b", "esc"),
        ("\x1b\x1b", "esc esc"),
        ("\x1b[A\x1b[D\x1b[H\x1b[F", "up left home end"),
        ("\x1bOA\x1bOD\x1bOP\x1bOS\x1bOM", "up left f1 f4 enter"),
        ("\x1b[1;5D\x1b[1;3C\x1b[1;2A", "ctrl-left alt-right up"),
        (
            "\x1b\x1b[D\x1b\x1b[A\x1b\x1bOC",
            "alt-left alt-up alt-right",
        ),
        ("\x1b\x1b\x1b[D", "esc alt-left"),
        (
            "\x1bb\x1b\r\x1b\x7f\x1bé",
            "alt-b alt-enter alt-backspace alt-é",
        ),
        (
            "\x1b[3~\x1b[5~\x1b[6~\x1b[1~\x1b[4~",
            "delete pageup pagedown home end",
        ),
        (
            "\x1b[7~\x1b[8~\x1b[7^\x1b[3$\x1b[3@",
            "home end ctrl-home delete ctrl-delete",
        ),
        ("\x1b[a\x1b[d\x1bOa\x1bOd", "up left ctrl-up ctrl-left"),
        (
            "\x1b[15~\x1b[17~\x1b[24~\x1b[11~\x1b[3;5~",
            "f5 f6 f12 f1 ctrl-delete",
        ),
        ("\x1b[[A\x1b[[E\x1b[P\x1bO5P", "f1 f5 f1 ctrl-f1"),
        ("\x1b[Z\x1b[9;2u\x1b[27;2;9~", "backtab backtab backtab"),
        (
            "\x1b[97u\x1b[97;5u\x1b[97;2u\x1b[97:65;2u\x1b[27u\x1b[13;3u",
            "a ctrl-a A A esc alt-enter",
        ),
        (
            "\x1b[27;5;114~\x1b[99;5u\x1b[127;5u",
            "ctrl-r ctrl-c ctrl-backspace",
        ),
        ("\x1b[200~q\x1b[Aé\n\x1b[201~j", "\"q\\u{1b}[Aé\\n\" j"),
        // Releases, keys that type nothing, desktop keys.
        (
            "\x1b[97;1:3u\x1b[1;1:3A\x1b[57361u\x1b[57358;65u\x1b[113;9u\x1b[2~q",
            "q",
        ),
    ] {
        assert_eq!(typed(bytes.as_bytes()), expected, "{bytes:?}");
    }
}

#[test]
fn what_the_terminal_says_is_passed_over() {
    for said in REPLIES {
        assert_eq!(typed(&[said, b"q"].concat()), "q", "{said:?}");
        // A truncated string neither blocks the keyboard nor yields a key.
        for n in 3..said.len() {
            let first = (0, &said[..n]);
            let keys = names(&units(&[first, (SECOND, b"q"), (0, b"\x1b[A")]));
            assert_eq!(keys, "q up", "{:?}", &said[..n]);
            let keys = names(&units(&[first, (40, b"\x03"), (0, b"q")]));
            assert_eq!(keys, "ctrl-c q", "{:?}", &said[..n]);
        }
    }
}

const REPLIES: [&[u8]; 16] = [
    b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1b]10;rgb:0000/0000/0000\x07",
    b"\x1bP>|tmux 3.3a\x1b\\",
    b"\x1bP1$r0;1m\x1b\\",
    b"\x1b_Gi=31;OK\x1b\\",
    b"\x1b^quit\x1b\\",
    b"\x1bXquit\x1b\\",
    b"\x1b[>0;276;0c",
    b"\x1b[?62;22c",
    b"\x1b[?2026;2$y",
    b"\x1b[4;2$y",
    b"\x1b[?997;1n",
    b"\x1b[12;40R",
    b"\x1b[?1u",
    b"\x1b[<0;10;20M",
    b"\x1b[M !!",
];

#[test]
fn the_mouse_and_the_focus_are_passed_over() {
    let mouse = b"\x1b[I\x1b[O\x1b[<35;3;4m\x1b[32;10;10M\x1b[M\xa0\xff\xffq";
    assert_eq!(typed(mouse), "q");
}

#[test]
fn a_slow_line_parts_no_key() {
    for gap in [5, 30, 50, 80] {
        assert_eq!(names(&units(&[(0, b"\x1b"), (gap, b"[D")])), "left");
        assert_eq!(
            names(&units(&[(0, b"\x1b"), (gap, b"["), (gap, b"D")])),
            "left"
        );
        assert_eq!(names(&units(&[(0, b"\x1b\x1b"), (gap, b"[D")])), "alt-left");
        assert_eq!(
            names(&units(&[(0, b"\x1b["), (9 * gap, b"1;5"), (gap, b"D")])),
            "ctrl-left"
        );
        assert_eq!(names(&units(&[(0, b"\xc3"), (gap, b"\xa9")])), "é");
        let said: [(u64, &[u8]); 3] = [
            (0, b"\x1b"),
            (gap, b"]11;rgb:ff/ff"),
            (9 * gap, b"/ff\x1b\\q"),
        ];
        assert_eq!(names(&units(&said)), "q", "{gap}");
    }
}

/// Invalid bytes offer no character boundary to cut at; the paste is cut anyway and the keyboard stays responsive.
#[test]
fn a_long_paste_of_no_characters_comes_in_parts() {
    let mut parser = Parser::new();
    let bytes = [&b"\x1b[200~"[..], &vec![0x80; 3 * PART]].concat();
    let mut n = 0;
    for read in bytes.chunks(64 << 10) {
        let (_, now) = parser.feed(read, millis(0));
        n += now.len();
        let State::Paste(text) = &parser.state else {
            panic!("it goes on");
        };
        assert!(text.len() < PART, "what was read is handed on");
    }
    assert_eq!(n, 3);
    let (_, now) = parser.feed(b"\x1b[201~q", millis(0));
    assert!(matches!(now.as_slice(), [Unit::Paste(_), Unit::Key(_)]));
}

#[test]
fn the_rest_of_a_paste_that_ctrl_c_ended_is_no_command() {
    let begun: (u64, &[u8]) = (0, b"\x1b[200~a\x03");
    let rest: (u64, &[u8]) = (150, b"quit and delete it all\x1b[201~q");
    assert_eq!(names(&units(&[begun, rest])), "ctrl-c q");
    assert_eq!(names(&units(&[begun, (SECOND, b"q")])), "ctrl-c q");
}

#[test]
fn an_escape_by_itself_is_the_key() {
    assert_eq!(names(&units(&[(0, b"\x1b"), (120, b"q")])), "esc q");
    assert_eq!(names(&units(&[(0, b"\x1b"), (120, b"[")])), "esc [");
    // Two quickly typed keys, and one key on a slow line.
    assert_eq!(names(&units(&[(0, b"\x1b"), (70, b"q")])), "esc q");
    assert_eq!(names(&units(&[(0, b"\x1b"), (20, b"b")])), "alt-b");
}

#[test]
fn an_escape_of_an_earlier_read_is_not_of_this_one() {
    let mut parser = Parser::new();
    parser.feed(b"\x1b", millis(0));
    let (earlier, now) = parser.feed(b"q", millis(70));
    assert_eq!(
        (names(&earlier).as_str(), names(&now).as_str()),
        ("esc", "q")
    );
    parser.feed(b"\x1b", millis(900));
    let (earlier, now) = parser.feed(b"jk", millis(2_000));
    assert_eq!(
        (names(&earlier).as_str(), names(&now).as_str()),
        ("esc", "j k")
    );
    let (earlier, now) = parser.feed(b"\x1b\x1bqD", millis(3_000));
    assert_eq!(
        (names(&earlier).as_str(), names(&now).as_str()),
        ("", "esc alt-q D")
    );
}

#[test]
fn a_paste_without_an_end_is_text_after_a_second() {
    let half: (u64, &[u8]) = (0, b"\x1b[200~half");
    assert_eq!(names(&units(&[half])), "\"half\"");
    assert_eq!(names(&units(&[half, (SECOND, b"q")])), "\"half\" q");
    assert_eq!(
        names(&units(&[half, (600, b" of it\x1b[201~q")])),
        "\"half of it\" q"
    );
    // Keys typed meanwhile do not prolong it.
    let keys: [(u64, &[u8]); 5] = [half, (400, b"j"), (400, b"j"), (400, b"j"), (400, b"k")];
    assert_eq!(names(&units(&keys)), "\"halfjj\" j k");
    // Escape ends the paste; the remainder of an end marker delayed by a slow line is not a command either.
    let out: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (300, b"q")];
    assert_eq!(names(&units(&out)), "\"half\" esc q");
    let parted: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (200, b"[201~q")];
    assert_eq!(names(&units(&parted)), "\"half\" q");
    let parted: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (400, b"[201~q")];
    assert_eq!(names(&units(&parted)), "\"half\" esc q");
    let parted: [(u64, &[u8]); 3] = [half, (10, b"\x1b[20"), (2 * SECOND, b"1~q")];
    assert_eq!(names(&units(&parted)), "\"half\" q");
    // A late remainder is not a command.
    let late: [(u64, &[u8]); 3] = [
        half,
        (3 * SECOND, b"quit and delete all of it"),
        (10, b"\x1b[201~q"),
    ];
    assert_eq!(
        names(&units(&late)),
        "\"half\" \"quit and delete all of it\" q"
    );
}

#[test]
fn ctrl_c_is_heard_in_everything() {
    for start in [
        &b"\x1b[200~half"[..],
        b"\x1b]11;rgb",
        b"\x1bP>|x",
        b"\x1b[?2026;2$",
        b"\x1b[",
        b"\x1bO",
        b"\x1b[M ",
        b"\x1b_x",
        b"\x1b",
    ] {
        for gap in [0, 10, 400] {
            let apart = names(&units(&[(0, start), (gap, b"\x03"), (200, b"q")]));
            // After a while an Escape counts as a separate key.
            let expected = if start == b"\x1b" && gap > 100 {
                "esc ctrl-c q"
            } else {
                "ctrl-c q"
            };
            assert_eq!(apart, expected, "{start:?} {gap}");
        }
        let at_once = units(&[(0, &[start, b"\x03"].concat()), (200, b"q")]);
        assert_eq!(names(&at_once), "ctrl-c q", "{start:?}");
    }
    let broken = names(&units(&[(0, b"\xc3"), (10, b"\x03")]));
    assert_eq!(broken, "\u{fffd} ctrl-c");
    // The remainder of an abandoned paste is not read as keys.
    let rest: [(u64, &[u8]); 4] = [
        (0, b"\x1b[200~a\x03"),
        (20, b"qqqq"),
        (20, b"D\x1b[201~"),
        (20, b"j"),
    ];
    assert_eq!(names(&units(&rest)), "ctrl-c j");
    // In a complete paste, Ctrl-C is text.
    assert_eq!(typed(b"\x1b[200~a\x03b\x1b[201~"), "\"a\\u{3}b\"");
}

#[test]
fn what_is_no_utf_8_eats_nothing() {
    assert_eq!(typed(b"caf\xe9 au"), "c a f \u{fffd} space a u");
    assert_eq!(typed(b"\xe9"), "\u{fffd}");
    assert_eq!(typed(b"\xff\xc0\x80q"), "\u{fffd} \u{fffd} \u{fffd} q");
    assert_eq!(typed(b"\xe9\x1b[D"), "\u{fffd} left");
    assert_eq!(typed("\u{9b}q".as_bytes()), "q");
}

#[test]
fn a_long_paste_comes_in_parts_and_whole() {
    let text = "ä1日\u{1b}[20".repeat(400_000);
    let bytes = format!("\x1b[200~{text}\x1b[201~q");
    let mut parser = Parser::new();
    let mut whole = String::new();
    let mut keys = 0;
    for chunk in bytes.as_bytes().chunks(4_095) {
        for unit in parser.feed(chunk, millis(0)).1 {
            match unit {
                Unit::Paste(part) => whole += &part,
                Unit::Key(_) => keys += 1,
            }
        }
    }
    assert!(whole == text, "the paste is whole");
    assert_eq!(keys, 1);
}

/// Input that has the same meaning however it is split into reads.
const WHOLE: [&[u8]; 16] = [
    b"a",
    "é".as_bytes(),
    "日🇩🇪".as_bytes(),
    b"\x1b[D",
    b"\x1b[1;5C",
    b"\x1bOP",
    b"\x1b\x1b[A",
    b"\x1b[3~",
    b"\x1bb",
    b"\x1b\r",
    b"\x1b[97;5u",
    b"\x1b[[B",
    b"\x1b[200~text \xc3\xa9 \x1b[A\x1b[201~",
    b"\x1b]11;rgb:ffff/ffff/ffff\x1b\\",
    b"\x1bP>|tmux 3.3a\x1b\\",
    b"\x1b[?2026;2$y",
];

proptest! {
    #[test]
    fn parted_input_is_the_same_input(
        which in prop::collection::vec(0..WHOLE.len(), 1..6),
        gaps in prop::collection::vec(0_u64..=50, 200),
        sizes in prop::collection::vec(1_usize..6, 200),
    ) {
        let bytes: Vec<u8> = which.iter().flat_map(|i| WHOLE[*i]).copied().collect();
        let mut reads = Vec::new();
        let mut rest = bytes.as_slice();
        for (gap, size) in gaps.iter().zip(&sizes) {
            let (read, after) = rest.split_at((*size).min(rest.len()));
            rest = after;
            reads.push((*gap, read));
        }
        prop_assert!(rest.is_empty());
        prop_assert_eq!(names(&units(&reads)), typed(&bytes));
    }
}
