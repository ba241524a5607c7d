//! Renders the screen as plain text for the clipboard.

use super::pages;
use super::panes::{self, Title};
use super::theme::Theme;
use crate::explorer::app::{App, Page, Pane};

/// Returns the page that is open, or else the pane, as plain text.
#[must_use]
pub fn as_text(app: &App, pane: Pane, theme: &Theme) -> String {
    const WIDTH: usize = 100;
    if app.chrome.page != Page::Run {
        return pages::as_text(app, WIDTH, theme);
    }
    let mut text = String::new();
    let Title { name, about, .. } = panes::title(app, pane, theme);
    text.push_str(format!("{name} {about}").trim_end());
    text.push('\n');
    for line in panes::lines(app, pane, WIDTH, theme) {
        text.push_str(line.to_string().trim_end());
        text.push('\n');
    }
    text
}
