//! Parser from timed bytes to complete keys and pastes. Terminal replies are skipped. An incomplete sequence is dropped after a second,
//! and an incomplete paste delivered as text, so that no input can block the keyboard.
//!
//! Times are durations since a fixed moment. Nothing here reads a clock or a file.

use std::time::Duration;

use super::csi;
use crate::explorer::keymap::{Code, Key};

/// How long an Escape waits for the rest of a key. Slow lines separate `ESC` from `[D` by slightly more than 50 ms.
const ESCAPE: Duration = Duration::from_millis(100);
/// A character that follows an Escape later than this was typed by itself, not with Alt.
const ALT: Duration = Duration::from_millis(50);
/// Bytes closer together than this belong to one flow.
const FLOW: Duration = Duration::from_millis(100);
/// How long after its last flow an incomplete sequence is kept waiting.
const INCOMPLETE: Duration = Duration::from_secs(1);
/// How long a lone Escape within a paste may still be the start of the end marker.
const LONE: Duration = Duration::from_millis(250);
/// A read of this many bytes is not typed.
const BURST: usize = 16;
/// Longer pastes are delivered in parts of this many bytes.
const PART: usize = 1 << 20;
/// At most this many bytes of a sequence are kept; the rest is skipped.
const KEPT: usize = 64;
/// The maximum number of continuation bytes in a UTF-8 character.
const MOST_CONTINUATIONS: usize = 3;
/// The end marker of a paste.
const PASTE_END: &[u8] = b"\x1b[201~";

const ETX: u8 = 0x03;
const BEL: u8 = 0x07;
const CAN: u8 = 0x18;
const SUB: u8 = 0x1a;
const ESC: u8 = 0x1b;

/// One unit of input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unit {
    /// A key press or repeat.
    Key(Key),
    /// Pasted text.
    Paste(String),
}

/// The parser's position within a sequence.
#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    /// Outside any sequence.
    Ground,
    /// After `count` Escapes.
    Escape { count: u8 },
    /// Within a multi-byte character.
    Character { bytes: Vec<u8>, alt: bool },
    /// After `ESC [` or `ESC O`.
    Sequence { alt: bool, ss3: bool, body: Vec<u8> },
    /// Within an X10 mouse report, `left` bytes before its end.
    Mouse { left: u8 },
    /// Within a control string from the terminal (OSC, DCS, APC, PM, SOS); BEL also ends an OSC (`bell`).
    Said { bell: bool, escaped: bool },
    /// Within a paste.
    Paste(Vec<u8>),
    /// Within a paste that Ctrl-C ended; the last bytes are kept to detect its end marker.
    Discarded(Vec<u8>),
}

/// The parser state between reads.
#[derive(Debug)]
pub(super) struct Parser {
    state: State,
    /// When the last byte arrived.
    last: Duration,
    /// When the last byte of the sequence's flow arrived. Slow typing into an incomplete sequence does not prolong it.
    flow: Duration,
    /// Whether the last read was a lone Escape within a paste: if nothing follows, the user wants out.
    is_lone: bool,
    /// An abandoned string or paste, kept until the next read: its late remainder must not be read as keys.
    lapsed: Option<State>,
    units: Vec<Unit>,
}

impl Parser {
    /// Creates a parser that has read nothing.
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

    /// Parses the bytes of one read. Returns the units that earlier reads completed, then those of this read.
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

    /// When to call `lapse`, unless something is read before.
    pub(super) fn due(&self) -> Option<Duration> {
        match self.state {
            State::Ground => None,
            State::Escape { .. } => Some(self.last + ESCAPE),
            State::Discarded(_) => Some(self.last + FLOW),
            State::Paste(_) if self.is_lone => Some((self.last + LONE).min(self.flow + INCOMPLETE)),
            _ => Some(self.flow + INCOMPLETE),
        }
    }

    /// Resolves input that waited too long: an Escape becomes a key, a paste ends, anything else is dropped.
    pub(super) fn lapse(&mut self, at: Duration) -> Vec<Unit> {
        if self.due().is_none_or(|due| due > at) {
            return Vec::new();
        }
        match std::mem::replace(&mut self.state, State::Ground) {
            State::Escape { count } => self.escapes(count),
            State::Character { alt, .. } => self.broken(alt),
            State::Paste(mut text) => {
                // Delivered rather than dropped: it is only text in a box, and no more of it may come.
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
            // Control characters cannot occur in a mouse report.
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
                    // Do not cut within the end marker or a character.
                    let end = text.len() - PASTE_END.len();
                    let is_start = |at: &usize| text[*at] & 0xc0 != 0x80;
                    let cut = (end - MOST_CONTINUATIONS..=end).rev().find(is_start);
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

    /// Handles a byte outside any sequence.
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
                // Of two Escapes, the second starts the key and the first means Alt.
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
        // In rxvt, `$` ends keys with Shift; elsewhere `$` is followed by more and preceded by two numbers.
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
            // A byte that no sequence contains ends it and is handled by itself.
            _ => return self.start(byte, false, at),
        }
        self.state = State::Sequence { alt, ss3, body };
    }

    fn in_said(&mut self, bell: bool, escaped: bool, byte: u8, at: Duration) {
        match byte {
            b'\\' if escaped => {}
            // Any other key that starts with Escape also ends the string.
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

    /// Handles the bytes of a character so far.
    fn character(&mut self, bytes: Vec<u8>, alt: bool, at: Duration) {
        match std::str::from_utf8(&bytes) {
            Ok(text) => {
                for c in text.chars() {
                    // C1 control characters are neither keys nor text.
                    if !c.is_control() {
                        self.key(Key::plain(Code::Char(c)), alt);
                    }
                }
            }
            Err(error) => match error.error_len() {
                None => self.state = State::Character { bytes, alt },
                Some(n) => {
                    // The bytes that follow are kept: in Latin-1 they are the next character.
                    self.broken(alt);
                    for byte in &bytes[n..] {
                        self.byte(*byte, at);
                    }
                }
            },
        }
    }

    /// Emits invalid bytes as the replacement character.
    fn broken(&mut self, alt: bool) {
        self.key(Key::plain(Code::Char(char::REPLACEMENT_CHARACTER)), alt);
    }

    /// Ctrl-C at the end of a read acts as a key even within an unterminated paste. Bytes right after it still belong to the paste.
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

/// Whether late bytes after an Escape still belong to its key or string. A string needs more than one byte; a typed key is a single one.
fn goes_on(byte: u8, n: usize) -> bool {
    match byte {
        ESC | ETX | b'[' | b'O' => true,
        b']' | b'P' | b'X' | b'^' | b'_' => n > 1,
        _ => false,
    }
}

/// Whether a read is the late remainder of an abandoned string or paste. A single key is not.
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

/// The number of bytes at the end of a text that may begin the end marker.
fn begun_end(text: &[u8]) -> usize {
    let mut lengths = (1..PASTE_END.len()).rev();
    lengths
        .find(|n| text.ends_with(&PASTE_END[..*n]))
        .unwrap_or(0)
}

/// Returns the key of a control character.
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
mod tests;
