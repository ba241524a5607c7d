//! The fuzz target of the keyboard: reads of any bytes, at any time.

use std::time::Duration;

use super::parser::{Parser, Unit};
use crate::explorer::keymap::{Code, Key};

/// Parses reads, each a byte for the pause before it in 10 ms, a byte for its length, and its bytes. Says whether they hold a key or a
/// paste.
///
/// # Panics
/// If anything makes the keyboard dead: a key is not read after a second, or Ctrl-C not at once.
#[must_use]
pub fn keys(input: &[u8]) -> bool {
    const SECOND: Duration = Duration::from_secs(1);
    let mut reads = Vec::new();
    let mut rest = input;
    while let [gap, length, more @ ..] = rest {
        let (bytes, after) = more.split_at(usize::from(*length).min(more.len()));
        reads.push((u64::from(*gap) * 10, bytes));
        rest = after;
    }
    let mut parser = Parser::new();
    let mut now = Duration::ZERO;
    let mut units = 0;
    for (gap, bytes) in &reads {
        now += Duration::from_millis(*gap);
        // A deadline that has passed is sometimes seen before the bytes, sometimes after.
        if gap % 20 == 0 {
            units += parser.lapse(now).len();
        }
        let (earlier, these) = parser.feed(bytes, now);
        units += earlier.len() + these.len();
        assert!(parser.due().is_none_or(|due| due <= now + SECOND));
    }
    now += SECOND;
    let (_, q) = parser.feed(b"q", now);
    assert_eq!(q, [Unit::Key(Key::plain(Code::Char('q')))]);
    assert_eq!(parser.due(), None);
    now += SECOND;
    for (_, bytes) in &reads {
        parser.feed(bytes, now);
    }
    let (_, interrupt) = parser.feed(b"\x03", now + Duration::from_millis(30));
    assert!(
        matches!(interrupt.last(), Some(Unit::Key(key)) if key.ctrl && key.code == Code::Char('c'))
    );
    units > 0
}
