//! Copying through the terminal (OSC 52). Whether the terminal accepts the text cannot be known, so success is never claimed.

use std::fmt::Write as _;
use std::io::Write;

use crossterm::Command as _;
use crossterm::clipboard::CopyToClipboard;

/// Many terminals silently refuse longer texts.
const MAX_BYTES: usize = 74_000;
/// GNU screen forwards strings of up to 768 bytes, and prints longer ones.
const SCREEN_PART: usize = 600;

/// The multiplexer between us and the terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Between {
    /// Nothing relevant: tmux accepts the sequence as a terminal does.
    Nothing,
    /// GNU screen, which forwards only wrapped strings.
    Screen,
}

impl Between {
    /// Detects it from the environment: screen sets `STY`. With both set, tmux is the inner one if `TERM` starts with `tmux`.
    pub(super) fn find() -> Self {
        let name = std::env::var("TERM").unwrap_or_default();
        Self::of(
            std::env::var_os("STY").is_some(),
            std::env::var_os("TMUX").is_some(),
            &name,
        )
    }

    fn of(has_screen: bool, has_tmux: bool, name: &str) -> Self {
        if has_screen && !(has_tmux && name.starts_with("tmux")) {
            Self::Screen
        } else {
            Self::Nothing
        }
    }
}

/// Sends text to the terminal's clipboard.
///
/// # Errors
/// If the text is too long or cannot be written.
pub(super) fn copy(out: &mut impl Write, text: &str, between: Between) -> Result<usize, String> {
    if text.len() > MAX_BYTES {
        return Err(format!(
            "{} bytes exceed the clipboard limit, x exports instead",
            text.len()
        ));
    }
    let mut sequence = String::new();
    let made = CopyToClipboard::to_clipboard_from(text).write_ansi(&mut sequence);
    let sequence = made.map(|()| match between {
        Between::Nothing => sequence,
        Between::Screen => in_parts(&sequence),
    });
    let sequence = sequence.map_err(|error| format!("not sent: {error}"))?;
    out.write_all(sequence.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| format!("not sent: {error}"))?;
    Ok(text.len())
}

/// Splits a sequence into strings that screen forwards one after the other.
fn in_parts(sequence: &str) -> String {
    // The terminator of a wrapped string must not occur within it.
    let sequence = sequence.replace("\x1b\\", "\x07");
    let mut parts = String::new();
    for part in sequence.as_bytes().chunks(SCREEN_PART) {
        // The sequence is ASCII; writing to a string cannot fail.
        let _ = write!(parts, "\x1bP{}\x1b\\", String::from_utf8_lossy(part));
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_one_escape_sequence() {
        let mut out = Vec::new();
        assert_eq!(copy(&mut out, "39", Between::Nothing), Ok(2));
        assert_eq!(out, b"\x1b]52;c;Mzk=\x1b\\");
    }

    #[test]
    fn a_long_text_is_refused_and_nothing_is_sent() {
        let mut out = Vec::new();
        assert!(copy(&mut out, &"x".repeat(MAX_BYTES + 1), Between::Nothing).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn in_screen_a_copy_goes_in_parts_that_it_hands_on() {
        let text = "x".repeat(5_000);
        let (mut plain, mut wrapped) = (Vec::new(), Vec::new());
        assert_eq!(copy(&mut plain, &text, Between::Nothing), Ok(5_000));
        assert_eq!(copy(&mut wrapped, &text, Between::Screen), Ok(5_000));
        let wrapped = String::from_utf8(wrapped).expect("ASCII");
        let mut handed_on = String::new();
        for part in wrapped.split_terminator("\x1b\\") {
            assert!(part.len() <= 700, "{} bytes", part.len());
            handed_on += part.strip_prefix("\x1bP").expect("a string");
        }
        let handed_on = handed_on.replace('\x07', "\x1b\\");
        assert_eq!(handed_on.as_bytes(), plain);
    }

    #[test]
    fn the_inner_one_decides() {
        assert_eq!(Between::of(false, false, "xterm"), Between::Nothing);
        assert_eq!(
            Between::of(false, true, "screen-256color"),
            Between::Nothing
        );
        assert_eq!(Between::of(true, false, "screen"), Between::Screen);
        assert_eq!(Between::of(true, true, "screen"), Between::Screen);
        assert_eq!(Between::of(true, true, "tmux-256color"), Between::Nothing);
    }
}
