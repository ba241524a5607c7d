//! Lists that filter as you type: help, palette, problems, models, tags.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::core::text::{sanitize, width};
use crate::explorer::app::App;
use crate::explorer::app::action::Context;
use crate::explorer::app::overlay::{Choice, List, ListEntry, ListKind};
use crate::explorer::ui::footer::{hints, key_name};
use crate::explorer::ui::line::{LineBuilder, cut, cut_foreign};
use crate::explorer::ui::overlays::boxed;
use crate::explorer::ui::theme::Theme;

pub(super) fn draw(app: &App, list: &List, theme: &Theme, frame: &mut Frame, area: Rect) {
    let n = list.len(app);
    let rows = u16::try_from(n).unwrap_or(u16::MAX);
    let wanted = match list.kind {
        ListKind::Tags(_) => (34, 2 + rows.max(1)),
        ListKind::Values => (84, 2 + rows.max(1)),
        ListKind::Problems => (104, rows.max(1).saturating_add(2).min(area.height * 3 / 4)),
        ListKind::Help | ListKind::Palette => (84, area.height * 4 / 5),
        ListKind::Models => (120, rows.max(1).saturating_add(2).min(area.height * 3 / 4)),
    };
    let title = title(app, list, n);
    let room = usize::from(area.width.saturating_sub(8)).min(50);
    let inside = boxed(
        frame,
        area,
        wanted,
        &title,
        hints(app, Context::List, room, theme),
        theme,
    );
    if inside.height == 0 || inside.width == 0 {
        return;
    }
    let filter = Rect {
        height: 1,
        ..inside
    };
    draw_filter(list, theme, frame, filter);
    let below = Rect {
        y: inside.y + 1,
        height: inside.height - 1,
        ..inside
    };
    // The blank line below the filter is dropped first.
    let gap = u16::from(below.height > 6);
    let body = Rect {
        y: below.y + gap,
        height: below.height - gap,
        ..below
    };
    let height = usize::from(body.height);
    let first = first_row(list.selected, n, height);
    let entries = match list.kind {
        // Only the problem list can be very long. Other lists are measured whole, so that their columns do not shift.
        ListKind::Problems => list.entries(app, first..first + height),
        _ => list.entries(app, 0..n),
    };
    let skipped = if list.kind == ListKind::Problems {
        first
    } else {
        0
    };
    let digits = app
        .library
        .problems
        .len()
        .saturating_sub(1)
        .to_string()
        .len();
    let least = if list.kind == ListKind::Problems {
        digits
    } else {
        0
    };
    let leads = entries.iter().map(|e| sanitize(&e.lead).width());
    let lead = leads
        .chain([least])
        .max()
        .unwrap_or(0)
        .min(match list.kind {
            // The id takes precedence over the description, because models are looked up by id.
            ListKind::Models => (usize::from(body.width) * 2 / 3).min(52),
            _ => 16,
        });
    let mut previous = "";
    let lines: Vec<Line> = entries
        .iter()
        .enumerate()
        .skip(first - skipped)
        .take(height)
        .map(|(at, entry)| {
            let index = at + skipped;
            let repeats = entry.lead == previous && matches!(entry.choice, Choice::Act(_));
            previous = &entry.lead;
            let selected = index == list.selected;
            row(
                app,
                entry,
                lead,
                repeats,
                selected,
                body.width.into(),
                theme,
            )
        })
        .collect();
    if lines.is_empty() {
        frame.render_widget(
            Paragraph::new(Line::styled("Nothing matches", theme.dim)),
            body,
        );
    } else {
        frame.render_widget(Paragraph::new(lines), body);
    }
}

fn title(app: &App, list: &List, n: usize) -> String {
    match list.kind {
        ListKind::Help => match &app.log_path {
            Some(path) => format!("Help, log in {}", sanitize(path)),
            None => "Help".to_owned(),
        },
        ListKind::Palette => "Commands".to_owned(),
        ListKind::Problems => {
            let all = app.library.problems.len();
            let so_far = if list.is_searched(app) { "" } else { " so far" };
            format!("Problems, {n} of {all}{so_far}")
        }
        ListKind::Models => "Models, with published accuracy".to_owned(),
        ListKind::Values => "Replacement for latents that are off".to_owned(),
        ListKind::Tags(target) => format!("Tags of the {target}"),
    }
}

fn draw_filter(list: &List, theme: &Theme, frame: &mut Frame, area: Rect) {
    let (head, tail) = list.filter.split();
    let (head, tail) = (sanitize(head), sanitize(tail));
    let row = LineBuilder::new().push("find ", theme.dim);
    let column = row.width() + head.width();
    let row = if head.is_empty() && tail.is_empty() {
        row.push("type to filter", theme.dim)
    } else {
        row.push(head.into_string(), theme.text)
            .push(tail.into_string(), theme.text)
    };
    frame.render_widget(Paragraph::new(row.line()), area);
    let column = u16::try_from(column)
        .unwrap_or(u16::MAX)
        .min(area.width.saturating_sub(1));
    frame.set_cursor_position(Position::new(area.x + column, area.y));
}

/// The first visible row: keeps the selected row in view, with a few rows of context.
fn first_row(selected: usize, n: usize, height: usize) -> usize {
    let context = (height / 4).min(3);
    (selected + context + 1)
        .saturating_sub(height)
        .min(n.saturating_sub(height))
}

fn row(
    app: &App,
    entry: &ListEntry,
    lead_width: usize,
    lead_repeats: bool,
    is_selected: bool,
    max_width: usize,
    theme: &Theme,
) -> Line<'static> {
    let patch = |style: ratatui::style::Style| {
        if is_selected { theme.selected } else { style }
    };
    let (remark, remark_style) = match (&entry.choice, entry.disabled) {
        (_, Some(reason)) => (format!("{reason}   {}", keys(app, entry, theme)), theme.dim),
        (Choice::Act(_), None) => (keys(app, entry, theme), theme.key),
        _ => (entry.remark.clone(), theme.dim),
    };
    let remark = cut_foreign(remark.trim_end(), max_width / 2, theme);
    let lead = if lead_repeats {
        String::new()
    } else {
        cut_foreign(&entry.lead, lead_width, theme)
    };
    let text_at = if lead_width == 0 { 0 } else { lead_width + 2 };
    let room = max_width.saturating_sub(text_at + width(&remark) + 2);
    let text_style = if entry.disabled.is_some() {
        theme.dim
    } else {
        theme.text
    };
    let text = cut(&sanitize(&entry.text), room, theme);
    let gap = max_width.saturating_sub(text_at + width(&text) + width(&remark));
    let pad = text_at.saturating_sub(width(&lead));
    LineBuilder::new()
        .push(lead, patch(theme.dim))
        .push(" ".repeat(pad), patch(theme.text))
        .push(text, patch(text_style))
        .push(" ".repeat(gap), patch(theme.text))
        .push(remark, patch(remark_style))
        .line()
}

fn keys(app: &App, entry: &ListEntry, theme: &Theme) -> String {
    let Choice::Act(action) = entry.choice else {
        return entry.remark.clone();
    };
    let keys: Vec<String> = app
        .keymap
        .keys_of(action)
        .map(|key| key_name(key, theme))
        .collect();
    match keys.as_slice() {
        [first, .., last] if keys.len() > 3 => format!("{first}{}{last}", theme.glyphs.to),
        _ => keys.join("  "),
    }
}
