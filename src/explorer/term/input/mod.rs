//! What comes from the terminal, as messages: keys and pastes, whole or not at all.

#[cfg(unix)]
mod csi;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(unix)]
mod parser;
#[cfg(unix)]
mod tty;

#[cfg(not(unix))]
pub(super) use elsewhere::Keys;
#[cfg(unix)]
pub(super) use tty::Keys;

use crate::explorer::app::Msg;
use crate::explorer::keymap::{Code, Key};

/// What was typed at once: all messages of one read, in order.
pub(super) type Batch = Vec<Msg>;

/// Whether a message is the Escape key.
pub(super) fn is_escape(msg: &Msg) -> bool {
    *msg == Msg::Key(Key::plain(Code::Esc))
}

/// Whether a message is Ctrl-C, which nothing may keep from its reader.
pub(super) fn is_interrupt(msg: &Msg) -> bool {
    matches!(
        msg,
        Msg::Key(Key {
            code: Code::Char('c'),
            ctrl: true,
            ..
        })
    )
}
