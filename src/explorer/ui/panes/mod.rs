//! The panes, one file each. A pane turns the state into finished lines of a given width, so that heights are exact and
//! the same lines can be drawn, scrolled and copied.

pub mod answer;
pub mod detail;
pub mod notes;
pub mod problem;
pub mod summary;
pub mod timeline;
pub mod verdict;

use ratatui::text::Line;

use crate::explorer::app::{App, Failure, Pane};
use crate::explorer::ui::line::paragraph;
use crate::explorer::ui::theme::Theme;

/// The title of a pane: its name, its subject, and a remark at the right edge.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Title {
    pub name: String,
    pub about: String,
    pub remark: String,
}

impl Title {
    /// Adds the rows in view to the remark.
    pub fn add_place(&mut self, place: &str, theme: &Theme) {
        if !self.remark.is_empty() {
            self.remark += &format!(" {} ", theme.glyphs.dot);
        }
        self.remark += place;
    }
}

#[must_use]
pub fn title(app: &App, pane: Pane, theme: &Theme) -> Title {
    match pane {
        Pane::Problem => problem::title(app, theme),
        Pane::Detail => detail::title(app, theme),
        Pane::Answer => answer::title(app, theme),
        Pane::Verdict => verdict::title(app),
        Pane::Notes => notes::title(app),
    }
}

/// Returns all lines of a pane at the given width.
#[must_use]
pub fn lines(app: &App, pane: Pane, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    match pane {
        Pane::Problem => problem::lines(app, width, theme),
        Pane::Detail => detail::lines(app, width, theme),
        Pane::Answer => answer::lines(app, width, theme),
        Pane::Verdict => verdict::lines(app, width, theme),
        Pane::Notes => notes::lines(app, width, theme),
    }
}

/// A failure with its hint, in place of the missing contents.
fn failed(failure: &Failure, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = paragraph(&failure.message, width, 0, theme.bad);
    lines.extend(paragraph(&failure.hint, width, 0, theme.text));
    lines
}
