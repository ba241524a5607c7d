//! Overlays above the panes, always in the same place and with the same frame.

mod list;
mod prompt;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::{Clear, Paragraph};

use crate::core::text::width;
use crate::explorer::app::{App, Overlay};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::theme::Theme;

pub fn draw(app: &App, theme: &Theme, frame: &mut Frame, area: Rect) {
    match &app.chrome.overlay {
        Some(Overlay::List(open)) => list::draw(app, open, theme, frame, area),
        Some(Overlay::Prompt(open)) => prompt::draw(app, open, theme, frame, area),
        None => {}
    }
}

/// Draws an empty box in the middle of the screen and returns its inner area.
fn boxed(
    frame: &mut Frame,
    area: Rect,
    (max_width, height): (u16, u16),
    title: &str,
    hints: LineBuilder,
    theme: &Theme,
) -> Rect {
    let outer_width = max_width
        .min(area.width.saturating_sub(4))
        .max(8)
        .min(area.width);
    let outer_height = height
        .saturating_add(2)
        .min(area.height.saturating_sub(2))
        .max(3);
    let outer = Rect {
        x: area.x + (area.width - outer_width) / 2,
        // Slightly above the middle looks centred.
        y: area.y + area.height.saturating_sub(outer_height) * 2 / 5,
        width: outer_width,
        height: outer_height.min(area.height),
    };
    frame.render_widget(Clear, outer);
    let inside = usize::from(outer.width.saturating_sub(2));
    let [
        top_left,
        top_right,
        bottom_left,
        bottom_right,
        horizontal,
        vertical,
    ] = theme.glyphs.frame;
    let title = cut(title, inside.saturating_sub(4), theme);
    let top = LineBuilder::new()
        .push(format!("{top_left}{horizontal} "), theme.key)
        .push(title.clone(), theme.title)
        .push(" ", theme.text)
        .push(
            horizontal.repeat(inside.saturating_sub(width(&title) + 3)),
            theme.key,
        )
        .push(top_right, theme.key);
    let hints_width = hints.width();
    let fill = inside.saturating_sub(if hints_width == 0 { 0 } else { hints_width + 3 });
    let mut bottom = vec![
        LineBuilder::new()
            .push(bottom_left, theme.key)
            .push(horizontal.repeat(fill), theme.key),
    ];
    if hints_width > 0 {
        bottom.push(LineBuilder::new().push(" ", theme.text));
        bottom.push(hints);
        bottom.push(LineBuilder::new().push(format!(" {horizontal}"), theme.key));
    }
    bottom.push(LineBuilder::new().push(bottom_right, theme.key));
    let bottom: Vec<_> = bottom
        .into_iter()
        .flat_map(|row| row.line().spans)
        .collect();
    let side = LineBuilder::new()
        .push(vertical, theme.key)
        .to(inside + 1)
        .push(vertical, theme.key)
        .line();
    let mut lines = vec![top.line()];
    lines.extend((2..outer.height).map(|_| side.clone()));
    lines.push(Line::from(bottom));
    frame.render_widget(Paragraph::new(lines), outer);
    Rect {
        x: outer.x + 2,
        y: outer.y + 1,
        width: outer.width.saturating_sub(4),
        height: outer.height.saturating_sub(2),
    }
}
