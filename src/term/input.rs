//! Terminal events as messages: presses and repeats are keys, releases are nothing, a paste is text.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers};

use crate::app::Msg;
use crate::keymap::{Code, Key};

/// The message that an event stands for, if any.
pub(super) fn message(event: Event) -> Option<Msg> {
    match event {
        Event::Key(event) if event.kind != KeyEventKind::Release => key(event).map(Msg::Key),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(..) => Some(Msg::Resized),
        _ => None,
    }
}

fn key(event: KeyEvent) -> Option<Key> {
    let code = match event.code {
        // Some terminals report shift and tab as a modified tab.
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

#[cfg(test)]
mod tests {
    use super::*;

    fn event(code: KeyCode, modifiers: KeyModifiers, kind: KeyEventKind) -> Event {
        Event::Key(KeyEvent::new_with_kind(code, modifiers, kind))
    }

    #[test]
    fn a_press_and_a_repeat_are_keys_and_a_release_is_nothing() {
        let space = |kind| message(event(KeyCode::Char(' '), KeyModifiers::NONE, kind));
        let key = Msg::Key("space".parse().expect("valid"));
        assert_eq!(space(KeyEventKind::Press), Some(key.clone()));
        assert_eq!(space(KeyEventKind::Repeat), Some(key));
        assert_eq!(space(KeyEventKind::Release), None);
    }

    #[test]
    fn modifiers_are_kept_and_shift_is_part_of_the_character() {
        let pressed = |code, modifiers| message(event(code, modifiers, KeyEventKind::Press));
        let key = |name: &str| Some(Msg::Key(name.parse().expect("valid")));
        assert_eq!(
            pressed(KeyCode::Char('r'), KeyModifiers::CONTROL),
            key("ctrl-r")
        );
        assert_eq!(pressed(KeyCode::Char('P'), KeyModifiers::SHIFT), key("P"));
        assert_eq!(pressed(KeyCode::Tab, KeyModifiers::SHIFT), key("backtab"));
        assert_eq!(pressed(KeyCode::Enter, KeyModifiers::ALT), key("alt-enter"));
    }

    #[test]
    fn a_paste_is_text() {
        let text = "q\u{1b}\n".to_owned();
        assert_eq!(message(Event::Paste(text.clone())), Some(Msg::Paste(text)));
    }
}
