//! Terminal input as messages: complete keys and pastes.

#[cfg(unix)]
mod csi;
#[cfg(not(unix))]
mod elsewhere;
#[cfg(all(unix, any(test, feature = "fuzzing")))]
pub(crate) mod fuzzing;
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

/// All messages of one read, in order.
pub(super) type Batch = Vec<Msg>;

/// Whether a message is the Escape key.
pub(super) fn is_escape(msg: &Msg) -> bool {
    *msg == Msg::Key(Key::plain(Code::Esc))
}

/// Whether a message is Ctrl-C, which must never be swallowed.
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
