//! The last line: a message, or else the keys that work now, by priority. `help` is always shown.

use ratatui::text::Line;

use crate::core::text::{sanitize, width};
use crate::explorer::app::action::{Action, Cell, Context, Program};
use crate::explorer::app::enabled::enabled;
use crate::explorer::app::{App, Tone};
use crate::explorer::keymap::{Code, Key};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::theme::Theme;

#[must_use]
pub fn line(app: &App, max_width: usize, theme: &Theme) -> Line<'static> {
    let help = hint(app, Action::Program(Program::Help), theme);
    let help_width = help
        .as_ref()
        .map_or(0, |(key, word)| width(key) + 1 + width(word));
    let room = max_width.saturating_sub(help_width + 2);
    let row = match message(app) {
        Some((text, tone)) => {
            let style = if tone == Tone::Warning {
                theme.off
            } else {
                theme.strong
            };
            LineBuilder::new().push(cut(&text, room, theme), style)
        }
        None => hints(app, app.context_below(), room, theme),
    };
    match help {
        Some((key, word)) => row
            .to(max_width.saturating_sub(help_width))
            .push(key, theme.key)
            .push(format!(" {word}"), theme.dim)
            .line(),
        None => row.line(),
    }
}

fn message(app: &App) -> Option<(String, Tone)> {
    if let Some(notice) = &app.chrome.notice {
        return Some((sanitize(&notice.text).into_string(), notice.tone));
    }
    let failure = app.chrome.failure.as_ref()?;
    let text = format!(
        "{}: {}",
        sanitize(&failure.message),
        sanitize(&failure.hint)
    );
    Some((text, Tone::Warning))
}

/// The hints of a context that fit, most important first. Actions with the same word share one hint.
#[must_use]
pub fn hints(app: &App, context: Context, room: usize, theme: &Theme) -> LineBuilder {
    let mut actions: Vec<(u8, Action)> = Action::ALL
        .iter()
        .filter(|action| belongs(**action, context) && **action != Action::Program(Program::Help))
        .filter(|action| {
            matches!(context, Context::List | Context::Text) || enabled(app, **action).is_ok()
        })
        .filter_map(|action| {
            let spec = action.spec();
            // On a page, the page's own keys come first.
            let later = if spec.context == context { 0 } else { 100 };
            Some((spec.footer?.0 + later, *action))
        })
        .collect();
    actions.sort_by_key(|(place, _)| *place);
    let mut shown: Vec<(String, &'static str)> = Vec::new();
    for (_, action) in actions {
        let Some((key, word)) = hint(app, action, theme) else {
            continue;
        };
        match shown.last_mut().filter(|(_, last)| *last == word) {
            Some((keys, _)) => *keys = join_keys(keys, &key, theme),
            None => shown.push((key, word)),
        }
    }
    let mut row = LineBuilder::new();
    for (key, word) in shown {
        let gap = if row.width() == 0 { 0 } else { 3 };
        if row.width() + gap + width(&key) + 1 + width(word) > room {
            continue;
        }
        row = row
            .push(" ".repeat(gap), theme.text)
            .push(key, theme.key)
            .push(format!(" {word}"), theme.dim);
    }
    row
}

/// Whether the footer of a context shows an action. Pages also show the ablation keys and the keys of the other pages.
fn belongs(action: Action, context: Context) -> bool {
    action.spec().context == context
        || (context == Context::Data && action == Action::Cell(Cell::Leave))
        || (context == Context::Page && matches!(action, Action::Ablate(_) | Action::Open(_)))
}

fn join_keys(first: &str, second: &str, theme: &Theme) -> String {
    let keys = theme.glyphs.cursor_keys;
    let [left, right, ..] = keys;
    let are_arrows = keys.iter().all(|key| width(key) == 1)
        && keys.contains(&second)
        && keys.iter().any(|key| first.ends_with(key));
    if (first, second) == (left, right) {
        theme.glyphs.left_right.to_owned()
    } else if are_arrows {
        format!("{first}{second}")
    } else {
        format!("{first}/{second}")
    }
}

fn hint(app: &App, action: Action, theme: &Theme) -> Option<(String, &'static str)> {
    let (_, word) = action.spec().footer?;
    let key = app.keymap.keys_of(action).next()?;
    Some((key_name(key, theme), word))
}

/// Returns the on-screen name of a key.
#[must_use]
pub fn key_name(key: Key, theme: &Theme) -> String {
    let [left, right, up, down] = theme.glyphs.cursor_keys;
    let glyph = match key.code {
        Code::Left => left,
        Code::Right => right,
        Code::Up => up,
        Code::Down => down,
        _ => return key.to_string(),
    };
    let modifiers = key.to_string();
    let modifiers = modifiers.rsplit_once('-').map_or("", |(lead, _)| lead);
    if modifiers.is_empty() {
        glyph.to_owned()
    } else {
        format!("{modifiers}-{glyph}")
    }
}
