//! The keys that escape sequences encode: xterm, rxvt, the Linux console and kitty. All other sequences are terminal replies.

use crate::explorer::keymap::{Code, Key};

const SHIFT: u32 = 1;
const ALT: u32 = 2;
const CTRL: u32 = 4;
/// Super, hyper and meta: desktop keys, not ours.
const FOREIGN: u32 = 8 | 16 | 32;
/// The event type of a key release.
const RELEASE: u32 = 3;
/// The range in which kitty encodes keys without text.
const FUNCTIONAL: std::ops::RangeInclusive<u32> = 57_344..=63_743;

/// Decodes a complete sequence from its bytes between `ESC [` (or `ESC O`) and its final byte. `None` if it is not a key.
pub(super) fn key(ss3: bool, body: &[u8], end: u8) -> Option<Key> {
    if body == b"[" {
        // The Linux console.
        let n = end.checked_sub(b'A').filter(|n| *n < 5)?;
        return Some(Key::plain(Code::Function(n + 1)));
    }
    let numbers = numbers(body)?;
    let at = |i: usize, k: usize| -> Option<u32> { *numbers.get(i)?.get(k)? };
    // `ESC O 5 P` contains only the modifiers.
    let place = usize::from(!(ss3 && numbers.len() == 1));
    let is_numbered = matches!(end, b'~' | b'^' | b'$' | b'@');
    if at(place, 1) == Some(RELEASE) {
        return None;
    }
    let mut bits = at(place, 0).unwrap_or(1).saturating_sub(1);
    let code = match end {
        b'~' if at(0, 0) == Some(27) => return typed(at(2, 0)?, None, bits),
        b'u' if !ss3 => return typed(at(0, 0)?, at(0, 1), bits),
        _ if is_numbered && !ss3 => {
            if matches!(end, b'^' | b'@') {
                bits |= CTRL;
            }
            numbered(at(0, 0)?)?
        }
        // Shift in rxvt, and control after `ESC O`.
        b'a'..=b'd' => {
            if ss3 {
                bits |= CTRL;
            }
            lettered(end.to_ascii_uppercase())?
        }
        b'M' if ss3 => Code::Enter,
        // With numbers it is a cursor position report.
        b'R' if !body.is_empty() => return None,
        _ => lettered(end)?,
    };
    with(code, bits)
}

/// The numbers of a sequence, separated by semicolons and then by colons; `None` for anything else.
fn numbers(body: &[u8]) -> Option<Vec<Vec<Option<u32>>>> {
    let text = std::str::from_utf8(body).ok()?;
    if !text
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b';' | b':'))
    {
        return None;
    }
    let groups = text.split(';');
    let numbers = groups.map(|group| group.split(':').map(|n| n.parse().ok()).collect());
    Some(numbers.collect())
}

fn with(code: Code, bits: u32) -> Option<Key> {
    (bits & FOREIGN == 0).then_some(Key {
        code,
        ctrl: bits & CTRL != 0,
        alt: bits & ALT != 0,
    })
}

/// The keys of `ESC [ A` and `ESC O P`.
fn lettered(end: u8) -> Option<Code> {
    Some(match end {
        b'A' => Code::Up,
        b'B' => Code::Down,
        b'C' => Code::Right,
        b'D' => Code::Left,
        b'H' => Code::Home,
        b'F' => Code::End,
        b'Z' => Code::BackTab,
        b'P' => Code::Function(1),
        b'Q' => Code::Function(2),
        b'R' => Code::Function(3),
        b'S' => Code::Function(4),
        _ => return None,
    })
}

/// The keys of `ESC [ 3 ~`.
fn numbered(n: u32) -> Option<Code> {
    Some(match n {
        1 | 7 => Code::Home,
        3 => Code::Delete,
        4 | 8 => Code::End,
        5 => Code::PageUp,
        6 => Code::PageDown,
        11..=15 => function(n, 10)?,
        17..=21 => function(n, 11)?,
        23..=24 => function(n, 12)?,
        _ => return None,
    })
}

fn function(n: u32, less: u32) -> Option<Code> {
    u8::try_from(n - less).ok().map(Code::Function)
}

/// The key of a code point with modifiers (kitty, and xterm's `modifyOtherKeys`).
fn typed(code: u32, shifted: Option<u32>, bits: u32) -> Option<Key> {
    let is_shifted = bits & SHIFT != 0;
    let code = match code {
        8 | 127 => Code::Backspace,
        9 if is_shifted => Code::BackTab,
        9 => Code::Tab,
        13 => Code::Enter,
        27 => Code::Esc,
        0..=31 => return None,
        _ if FUNCTIONAL.contains(&code) => return None,
        _ => {
            let c = char::from_u32(code).filter(|c| !c.is_control())?;
            let mut upper = c.to_uppercase();
            let typed = match (shifted.and_then(char::from_u32), upper.next()) {
                (Some(other), _) if is_shifted && !other.is_control() => other,
                (_, Some(one)) if is_shifted && upper.next().is_none() => one,
                _ => c,
            };
            Code::Char(typed)
        }
    };
    with(code, bits)
}
