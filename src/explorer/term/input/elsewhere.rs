//! Terminal events on systems without Unix terminals, read by crossterm. Presses and repeats become keys, releases are dropped, a paste
//! becomes text.

use std::io;

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use futures_util::StreamExt;

use super::Batch;
use crate::explorer::app::Msg;
use crate::explorer::keymap::{Code, Key};

#[derive(Debug)]
pub(in crate::explorer::term) struct Keys(EventStream);

impl Keys {
    pub(in crate::explorer::term) fn listen() -> io::Result<Self> {
        Ok(Self(EventStream::new()))
    }

    /// Waits for the next input; returns `None` when the terminal is gone.
    pub(in crate::explorer::term) async fn next(&mut self) -> Option<Batch> {
        loop {
            if let Some(msg) = message(self.0.next().await?.ok()?) {
                return Some(vec![msg]);
            }
        }
    }
}

/// Converts an event to a message, if it has one.
fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(event) if event.kind != KeyEventKind::Release => key(event).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(..) => Some(Msg::Resized),
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    let code = match event.code {
        // Some terminals report Shift+Tab as a modified Tab.
        KeyCode::Tab if event.modifiers.contains(KeyModifiers::SHIFT) => Code::BackTab,
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab => Code::Tab,
        KeyCode::BackTab => Code::BackTab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        KeyCode::F(n) => Code::Function(n),
        _ => return None,
    };
    Some(Key {
        code,
        ctrl: event.modifiers.contains(KeyModifiers::CONTROL),
        alt: event.modifiers.contains(KeyModifiers::ALT),
    })
}
