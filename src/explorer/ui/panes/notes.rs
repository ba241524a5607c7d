//! Notes and tags, in the order of writing.

use ratatui::text::Line;

use crate::core::text::{sanitize_lines, wrap};
use crate::explorer::app::App;
use crate::explorer::ui::line::{LineBuilder, paragraph};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::theme::Theme;

const LABEL: usize = 10;

pub(super) fn title(app: &App) -> Title {
    let n = app.run.session.notes.len();
    Title {
        name: "Notes".to_owned(),
        about: if n == 0 { String::new() } else { n.to_string() },
        remark: match app.unsaved_now() {
            Some(unsaved) if unsaved.failure.is_some() => "not saved".to_owned(),
            _ => String::new(),
        },
    }
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if app.run.session.notes.is_empty() {
        let target = app.note_target();
        let text = format!("None yet: i writes one on the {target}, t tags it");
        return paragraph(&text, width, 0, theme.dim);
    }
    let mut lines = Vec::new();
    for note in &app.run.session.notes {
        let mut parts: Vec<String> = sanitize_lines(&note.text)
            .iter()
            .flat_map(|line| wrap(line, width.saturating_sub(LABEL)))
            .collect();
        let tag = note.tag.map(|tag| format!("#{}", tag.as_str()));
        if parts.is_empty() {
            parts.push(String::new());
        }
        for (i, part) in parts.into_iter().enumerate() {
            let mut row = LineBuilder::new();
            if i == 0 {
                row = row.push(note.target.to_string(), theme.dim).to(LABEL);
                if let Some(tag) = &tag {
                    row = row.push(tag.clone(), theme.key).push(" ", theme.text);
                }
            }
            lines.push(row.to(LABEL).push(part, theme.text).line());
        }
    }
    lines
}
