//! Bytes and their times in, whole keys and pastes out. What the terminal says of itself is passed over; what stays
//! incomplete is dropped after a second, so that nothing can make the keyboard dead.
//!
//! Times are durations since any fixed moment. Nothing here reads a clock or a file.

use std::time::Duration;

use super::csi;
use crate::keymap::{Code, Key};

/// How long an Escape waits for the rest of a key. Slow lines part `ESC` from `[D` by some 50 ms and a little more.
const ESCAPE: Duration = Duration::from_millis(100);
/// A character that comes later than this after an Escape was typed by itself: nobody means Alt.
const ALT: Duration = Duration::from_millis(50);
/// Bytes closer than this are one flow.
const FLOW: Duration = Duration::from_millis(100);
/// How long after its flow an incomplete sequence is waited for.
const INCOMPLETE: Duration = Duration::from_secs(1);
/// How long a lone Escape in a paste may be the beginning of its end.
const LONE: Duration = Duration::from_millis(250);
/// A read of this many bytes is not typing.
const BURST: usize = 16;
/// A longer paste is handed on in parts of this many bytes.
const PART: usize = 1 << 20;
/// At most this many bytes of a sequence are kept; the rest is only passed over.
const KEPT: usize = 64;
/// The longest character of UTF-8, in bytes after its first.
const LONGEST_CHARACTER: usize = 3;
/// The end of a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

const ETX: u8 = 0x03;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// One thing that was typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unit {
    /// A key was pressed or repeats.
    Key(Key),
    /// Text was pasted.
    Paste(String),
}

/// Where in a sequence the bytes are.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// In none.
    Ground,
    /// After so many Escapes.
    Escape { count: u8 },
    /// In a character of several bytes.
    Character { bytes: Vec<u8>, alt: bool },
    /// After `ESC [` or `ESC O`.
    Sequence { alt: bool, ss3: bool, body: Vec<u8> },
    /// In a mouse report of the oldest kind, so many bytes before its end.
    Mouse { left: u8 },
    /// In a string that the terminal says (OSC, DCS, APC, PM, SOS); `bell` ends an OSC too.
    Said { bell: bool, escaped: bool },
    /// In a paste.
    Paste(Vec<u8>),
    /// In a paste that Ctrl-C ended; the last bytes are kept to find its end.
    Discarded(Vec<u8>),
}

/// The state between two reads.
#[derive(Debug)]
pub(super) struct Parser {
    state: State,
    /// When the last byte came.
    last: Duration,
    /// When the last byte came that belongs to the sequence by its speed. Slow typing into an incomplete sequence does not prolong it.
    flow: Duration,
    /// Whether the last read was an Escape alone, in a paste: where nothing follows, somebody wants out.
    is_lone: bool,
    /// The string or paste that was given up, until the next read: its late rest must not be read as keys.
    lapsed: Option<State>,
    units: Vec<Unit>,
}

impl Parser {
    /// Nothing was read yet.
    pub(super) fn new() -> Self {
        Self {
            state: State::Ground,
            last: Duration::ZERO,
            flow: Duration::ZERO,
            is_lone: false,
            lapsed: None,
            units: Vec::new(),
        }
    }

    /// Takes the bytes of one read. Gives what earlier reads came to, and then what this one came to.
    pub(super) fn feed(&mut self, bytes: &[u8], at: Duration) -> (Vec<Unit>, Vec<Unit>) {
        let Some(first) = bytes.first() else {
            return (Vec::new(), Vec::new());
        };
        let mut earlier = self.lapse(at);
        if let State::Escape { count } = self.state
            && at.saturating_sub(self.last) > ALT
            && !goes_on(*first, bytes.len())
        {
            self.state = State::Ground;
            self.escapes(count);
            earlier.append(&mut self.units);
        }
        if let Some(lapsed) = self.lapsed.take()
            && self.state == State::Ground
            && is_rest(&lapsed, bytes)
        {
            self.state = lapsed;
            self.flow = at;
        }
        if at.saturating_sub(self.flow) <= FLOW || bytes.len() >= BURST {
            self.flow = at;
        }
        for byte in bytes {
            self.byte(*byte, at);
            self.last = at;
        }
        self.is_lone = bytes == [ESC] && matches!(self.state, State::Paste(_));
        self.interrupt_in_paste(bytes);
        (earlier, std::mem::take(&mut self.units))
    }

    /// When `lapse` is to be called, unless something is read before.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape { .. } => Some(self.last + ESCAPE),
            State::Discarded(_) => Some(self.last + FLOW),
            State::Paste(_) if self.is_lone => Some((self.last + LONE).min(self.flow + INCOMPLETE)),
            _ => Some(self.flow + INCOMPLETE),
        }
    }

    /// Gives up what waited too long: an Escape was the key, the rest of a paste does not come, anything else is dropped.
    pub(super) fn lapse(&mut self, at: Duration) -> Vec<Unit> {
        if self.due().is_none_or(|due| due > at) {
            return Vec::new();
        }
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Escape { count } => self.escapes(count),
            State::Character { alt, .. } => self.broken(alt),
            State::Paste(mut text) => {
                // Handed on and not dropped: it is only text in a box, and may be all that there is of it.
                let end = text.split_off(text.len() - begun_end(&text));
                self.paste(&text);
                self.lapsed = Some(State::Paste(end));
                if self.is_lone {
                    self.escapes(1);
                }
            }
            State::Said { bell, .. } => {
                let escaped = false;
                self.lapsed = Some(State::Said { bell, escaped });
            }
            State::Discarded(end) => self.lapsed = Some(State::Discarded(end)),
            _ => {}
        }
        std::mem::take(&mut self.units)
    }

    fn byte(&mut self, byte: u8, at: Duration) {
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Ground => self.start(byte, false, at),
            State::Escape { count } => self.after_escape(count, byte, at),
            State::Character { mut bytes, alt } => {
                bytes.push(byte);
                self.character(bytes, alt, at);
            }
            State::Sequence { alt, ss3, body } => self.in_sequence(alt, ss3, body, byte, at),
            // The bytes of a report are no control characters.
            State::Mouse { .. } if byte < 0x20 => self.start(byte, false, at),
            State::Mouse { left } => {
                if left > 1 {
                    self.state = State::Mouse { left: left - 1 };
                }
            }
            State::Said { bell, escaped } => self.in_said(bell, escaped, byte, at),
            State::Paste(mut text) => {
                text.push(byte);
                if text.ends_with(PASTE_END) {
                    text.truncate(text.len() - PASTE_END.len());
                    self.paste(&text);
                    return;
                }
                if text.len() >= PART {
                    // Not in the middle of the end or of a character.
                    let end = text.len() - PASTE_END.len();
                    let is_start = |at: &usize| text[*at] & 0xc0 != 0x80;
                    let cut = (end - LONGEST_CHARACTER..=end).rev().find(is_start);
                    let cut = cut.unwrap_or(end);
                    let rest = text.split_off(cut);
                    self.paste(&text);
                    text = rest;
                }
                self.state = State::Paste(text);
            }
            State::Discarded(mut end) => {
                end.push(byte);
                if end.len() > PASTE_END.len() {
                    end.remove(0);
                }
                if end != PASTE_END {
                    self.state = State::Discarded(end);
                }
            }
        }
    }

    /// A byte outside any sequence.
    fn start(&mut self, byte: u8, alt: bool, at: Duration) {
        match byte {
            ESC => {
                self.state = State::Escape { count: 1 };
                self.flow = at;
            }
            0x00..=0x1f | 0x7f => self.key(control(byte), alt),
            0x20..=0x7e => self.key(Key::plain(Code::Char(char::from(byte))), alt),
            0x80.. => {
                self.flow = at;
                self.character(vec![byte], alt, at);
            }
        }
    }

    fn after_escape(&mut self, count: u8, byte: u8, at: Duration) {
        let earlier = count.saturating_sub(1);
        match byte {
            ESC if count < 4 => self.state = State::Escape { count: count + 1 },
            ESC => {
                self.escapes(1);
                self.state = State::Escape { count };
            }
            b'[' | b'O' => {
                // Of two Escapes the second starts the key and the first is Alt.
                self.escapes(earlier.saturating_sub(1));
                self.state = State::Sequence {
                    alt: earlier > 0,
                    ss3: byte == b'O',
                    body: Vec::new(),
                };
            }
            b']' | b'P' | b'X' | b'^' | b'_' => {
                self.escapes(earlier);
                self.state = State::Said {
                    bell: byte == b']',
                    escaped: false,
                };
            }
            ETX => self.start(byte, false, at),
            _ => {
                self.escapes(earlier);
                self.start(byte, true, at);
            }
        }
    }

    fn in_sequence(&mut self, alt: bool, ss3: bool, mut body: Vec<u8>, byte: u8, at: Duration) {
        // rxvt ends keys with shift in `$`; elsewhere more follows it, after two numbers.
        let is_shifted = !ss3 && !body.is_empty() && body.iter().all(u8::is_ascii_digit);
        let is_end = (0x40..0x7f).contains(&byte) || (byte == b'$' && is_shifted);
        match byte {
            b'[' if body.is_empty() && !ss3 => body.push(byte),
            _ if is_end => {
                match (byte, body.as_slice()) {
                    (b'~', b"200") if !ss3 => self.state = State::Paste(Vec::new()),
                    (b'M', b"") if !ss3 => self.state = State::Mouse { left: 3 },
                    _ => {
                        if let Some(key) = csi::key(ss3, &body, byte) {
                            self.key(key, alt);
                        }
                    }
                }
                return;
            }
            0x20..=0x3f if body.len() < KEPT => body.push(byte),
            0x20..=0x3f => {}
            // What no sequence holds ends it, and means what it means by itself.
            _ => return self.start(byte, false, at),
        }
        self.state = State::Sequence { alt, ss3, body };
    }

    fn in_said(&mut self, bell: bool, escaped: bool, byte: u8, at: Duration) {
        match byte {
            b'\\' if escaped => {}
            // Any other key that starts with Escape ends the string, too.
            _ if escaped => {
                self.state = State::Escape { count: 1 };
                if at.saturating_sub(self.last) > ALT && !goes_on(byte, 1) {
                    self.state = State::Ground;
                    self.escapes(1);
                }
                self.byte(byte, at);
            }
            BEL if bell => {}
            ETX | CAN | SUB => self.start(byte, false, at),
            _ => {
                let escaped = byte == ESC;
                self.state = State::Said { bell, escaped };
            }
        }
    }

    /// The bytes of a character so far.
    fn character(&mut self, bytes: Vec<u8>, alt: bool, at: Duration) {
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                for c in text.chars() {
                    // The upper control characters are no keys, and no text.
                    if !c.is_control() {
                        self.key(Key::plain(Code::Char(c)), alt);
                    }
                }
            }
            Err(error) => match error.error_len() {
                None => self.state = State::Character { bytes, alt },
                Some(n) => {
                    // What follows is not eaten: in Latin-1 it is the next character.
                    self.broken(alt);
                    for byte in &bytes[n..] {
                        self.byte(*byte, at);
                    }
                }
            },
        }
    }

    /// Bytes that are no character are shown as the sign for that.
    fn broken(&mut self, alt: bool) {
        self.key(Key::plain(Code::Char(char::REPLACEMENT_CHARACTER)), alt);
    }

    /// Ctrl-C at the end of a read is the key even while a paste has no end. What comes right behind it still belongs to the paste.
    fn interrupt_in_paste(&mut self, bytes: &[u8]) {
        if !matches!(self.state, State::Paste(_) | State::Discarded(_)) {
            return;
        }
        let n = bytes.iter().rev().take_while(|byte| **byte == ETX).count();
        for _ in 0..n {
            self.state = State::Discarded(Vec::new());
            self.key(control(ETX), false);
        }
    }

    fn escapes(&mut self, n: u8) {
        for _ in 0..n {
            self.key(Key::plain(Code::Esc), false);
        }
    }

    fn key(&mut self, key: Key, alt: bool) {
        let alt = key.alt || alt;
        self.units.push(Unit::Key(Key { alt, ..key }));
    }

    fn paste(&mut self, text: &[u8]) {
        if !text.is_empty() {
            let text = String::from_utf8_lossy(text).into_owned();
            self.units.push(Unit::Paste(text));
        }
    }
}

/// Whether what comes late after an Escape is still the rest of its key or string: a string is longer than a key that was typed.
fn goes_on(byte: u8, n: usize) -> bool {
    match byte {
        ESC | ETX | b'[' | b'O' => true,
        b']' | b'P' | b'X' | b'^' | b'_' => n > 1,
        _ => false,
    }
}

/// Whether a read is the late rest of a string or paste that was given up. One key is none.
fn is_rest(lapsed: &State, bytes: &[u8]) -> bool {
    let holds = |end: &[u8]| bytes.windows(end.len()).any(|part| part == end);
    let is_burst = bytes.len() >= BURST && bytes.first() != Some(&ESC);
    match lapsed {
        State::Paste(begun) | State::Discarded(begun) => {
            is_burst || holds(PASTE_END) || [begun, bytes].concat().starts_with(PASTE_END)
        }
        State::Said { bell, .. } => {
            is_burst
                || (bytes.first() != Some(&ESC) && (holds(b"\x1b\\") || (*bell && holds(&[BEL]))))
        }
        _ => false,
    }
}

/// How many bytes at the end of a text may be the beginning of the end of its paste.
fn begun_end(text: &[u8]) -> usize {
    let mut lengths = (1..PASTE_END.len()).rev();
    lengths
        .find(|n| text.ends_with(&PASTE_END[..*n]))
        .unwrap_or(0)
}

/// The key of a control character.
fn control(byte: u8) -> Key {
    let ctrl = |c: u8| Key {
        ctrl: true,
        ..Key::plain(Code::Char(char::from(c)))
    };
    match byte {
        b'\t' => Key::plain(Code::Tab),
        b'\r' => Key::plain(Code::Enter),
        0x7f => Key::plain(Code::Backspace),
        0x00 => ctrl(b' '),
        0x01..=0x1a => ctrl(byte - 1 + b'a'),
        _ => ctrl(byte + b'@'),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000;

    /// What reads come to, each with the milliseconds since the one before; a second of quiet follows.
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
            // A byte that is there is read before a time that has come.
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
            // Releases, keys that type nothing, keys of the desktop.
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
            // Its beginning alone does not make the keyboard dead, and is no key.
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

    /// Bytes that are part of no character give no place to cut: the parts are cut all the same, and the keyboard lives.
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
        // Two keys of quick fingers, and one of a slow line.
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
        // Keys pressed in vain do not prolong it.
        let keys: [(u64, &[u8]); 5] = [half, (400, b"j"), (400, b"j"), (400, b"j"), (400, b"k")];
        assert_eq!(names(&units(&keys)), "\"halfjj\" j k");
        // Escape wants out; what a line that hangs does to the end of a paste is no command either.
        let out: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (300, b"q")];
        assert_eq!(names(&units(&out)), "\"half\" esc q");
        let parted: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (200, b"[201~q")];
        assert_eq!(names(&units(&parted)), "\"half\" q");
        let parted: [(u64, &[u8]); 3] = [half, (600, b"\x1b"), (400, b"[201~q")];
        assert_eq!(names(&units(&parted)), "\"half\" esc q");
        let parted: [(u64, &[u8]); 3] = [half, (10, b"\x1b[20"), (2 * SECOND, b"1~q")];
        assert_eq!(names(&units(&parted)), "\"half\" q");
        // A rest that comes after all is no command.
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
                // After a while an Escape is one.
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
        // The rest of a paste that was given up is not read as keys.
        let rest: [(u64, &[u8]); 4] = [
            (0, b"\x1b[200~a\x03"),
            (20, b"qqqq"),
            (20, b"D\x1b[201~"),
            (20, b"j"),
        ];
        assert_eq!(names(&units(&rest)), "ctrl-c j");
        // In a whole paste it is text like any other.
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

    /// Input that means the same however it is parted.
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

        #[test]
        fn nothing_makes_the_keyboard_dead(
            reads in prop::collection::vec(
                (0_u64..1_500, prop::collection::vec(noise(), 0..24)),
                0..12,
            ),
        ) {
            let mut parser = Parser::new();
            let mut now = 0;
            for (gap, bytes) in &reads {
                now += gap;
                let before = parser.due();
                if before.is_some_and(|due| due <= millis(now)) && gap % 2 == 0 {
                    parser.lapse(millis(now));
                }
                parser.feed(bytes, millis(now));
                prop_assert!(parser.due().is_none_or(|due| due <= millis(now + SECOND)));
            }
            let (_, q) = parser.feed(b"q", millis(now + SECOND));
            prop_assert_eq!(names(&q), "q");
            prop_assert_eq!(parser.due(), None);
            let (_, interrupt) = {
                for (_, bytes) in &reads {
                    parser.feed(bytes, millis(now + 9 * SECOND));
                }
                parser.feed(b"\x03", millis(now + 9 * SECOND + 30))
            };
            prop_assert!(names(&interrupt).ends_with("ctrl-c"));
        }
    }

    /// Bytes of which sequences are made more often than others.
    fn noise() -> impl Strategy<Value = u8> {
        prop_oneof![
            any::<u8>(),
            prop::sample::select(&b"\x1b\x1b\x1b[[]OPX^_;?>$0127~\\\x07Mmuq\xc3\xe9\x9b"[..]),
        ]
    }
}
