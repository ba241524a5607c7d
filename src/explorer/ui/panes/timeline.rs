//! The run token by token: the tail of the question, the start marker, the latents, the end marker, the answer.
//!
//! One column per token. Below each latent: its top token, its top token in the ablated run, and the answer if the
//! model stopped there. Below other tokens: their predictions.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::{sanitize, width};
use crate::core::types::{AblationValue, LatentIdx, Position, PositionKind, TraceStep};
use crate::explorer::app::overlay::ablation_name;
use crate::explorer::app::{App, Phase};
use crate::explorer::ui::line::{LineBuilder, cut, token};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::theme::Theme;

/// Minimum cell width, so that the latents do not move when their tokens change.
const MIN_CELL: usize = 3;
/// Longer tokens are cut.
const MAX_CELL: usize = 14;
/// From this width on, the rows have labels.
const LABELLED: usize = 70;
/// Room for the row labels.
const INDENT: usize = 8;

#[derive(Debug, Default)]
struct Cell {
    label: String,
    label_style: Style,
    /// The texts below the label with their styles; `None` for an empty cell.
    below: Vec<Option<(String, Style)>>,
    is_placeholder: bool,
}

impl Cell {
    fn width(&self) -> usize {
        let below = self.below.iter().flatten().map(|(text, _)| width(text));
        below
            .chain([width(&self.label), MIN_CELL])
            .max()
            .unwrap_or(MIN_CELL)
    }
}

#[must_use]
pub fn title(app: &App, theme: &Theme) -> Title {
    let dot = theme.glyphs.dot;
    let n = app.n_latents();
    let manner = app.run.ablation.manner();
    let remark = if app.run.ablation.is_clean() {
        format!("all on {dot} off means {manner}")
    } else {
        format!("off {} {dot} {manner}", ablation_name(&app.run.ablation))
    };
    Title {
        name: "Run".to_owned(),
        about: match app.run.live.phase {
            Phase::Idle => String::new(),
            _ => crate::core::text::count(n, "latent"),
        },
        remark: if n == 0 { String::new() } else { remark },
    }
}

/// The rows of the run, at most `height`, with the cursor in view.
#[must_use]
pub fn lines(app: &App, max_width: usize, height: usize, theme: &Theme) -> Vec<Line<'static>> {
    let labels = labels(app, height);
    let cells = cells(app, &labels, theme);
    if cells.is_empty() {
        return Vec::new();
    }
    let is_labelled = max_width >= LABELLED;
    let indent = if is_labelled { INDENT } else { 2 };
    let first = app.run.live.first();
    let cursor = app.run.live.cursor.saturating_sub(first);
    let (from, to) = window(&cells, cursor, max_width.saturating_sub(indent + 2));
    let mut rows: Vec<LineBuilder> = ["token".to_owned()]
        .into_iter()
        .chain(labels.iter().map(Label::text))
        .map(|label| {
            let label = if is_labelled { label } else { String::new() };
            LineBuilder::new().push(label, theme.dim)
        })
        .collect();
    let mut set = |row: usize, column: usize, text: String, style: Style| {
        if let Some(row) = rows.get_mut(row) {
            *row = std::mem::take(row).to(column).push(text, style);
        }
    };
    if from > 0 || first > 0 {
        set(0, indent - 2, theme.glyphs.more_left.to_owned(), theme.dim);
    }
    let mut column = indent;
    for (index, cell) in cells.iter().enumerate().take(to).skip(from) {
        let is_selected = index == cursor && !cell.is_placeholder;
        let cell_width = cell.width();
        let selected = theme.strong.patch(theme.selected);
        // The cursor's block covers the token and its top read.
        let place = |row: usize, text: &str, style: Style| {
            if is_selected && row <= 1 {
                (pad(text, cell_width), selected)
            } else {
                (text.to_owned(), style)
            }
        };
        let (text, style) = place(0, &cell.label, cell.label_style);
        set(0, column, text, style);
        for (row, below) in (1..).zip(&cell.below) {
            let empty = (String::new(), theme.text);
            let (text, style) = below.as_ref().unwrap_or(&empty);
            let (text, style) = place(row, text, *style);
            set(row, column, text, style);
        }
        column += cell_width + 2;
    }
    if to < cells.len() {
        set(
            0,
            max_width.saturating_sub(1),
            theme.glyphs.more_right.to_owned(),
            theme.dim,
        );
    }
    rows.into_iter().map(LineBuilder::line).collect()
}

/// The content of a row below the tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Label {
    /// The token of a given rank.
    Rank(usize),
    /// The top token in the ablated run.
    Now,
    /// The step of the verdict's trace that is read here.
    Step,
    /// The answer if the model stopped here.
    Stop,
}

impl Label {
    fn text(&self) -> String {
        match self {
            Self::Rank(0) => "reads".to_owned(),
            Self::Rank(rank) => format!("   #{}", rank + 1),
            Self::Now => "now".to_owned(),
            Self::Step => "step".to_owned(),
            Self::Stop => "stop".to_owned(),
        }
    }
}

/// The rows that fit, most important first: top token, ablated run, early exits, step of the trace, further ranks.
fn labels(app: &App, height: usize) -> Vec<Label> {
    let mut room = height.saturating_sub(1);
    let mut take = |wanted: bool| {
        let fits = wanted && room > 0;
        room -= usize::from(fits);
        fits
    };
    let top = take(true);
    let now = take(app.run.shown_outcome().is_some());
    let stop = take(!app.run.session.early_exit.is_empty());
    let step = take(
        app.run
            .session
            .verdict
            .as_ref()
            .is_some_and(crate::core::types::Verdict::has_trace),
    );
    // The row of the ablated run is kept free, so that a toggle does not move the rows below.
    let spare = if app.run.shown_outcome().is_none() {
        room.saturating_sub(1)
    } else {
        room
    };
    let deepest = app.run.live.positions.iter().filter(|p| p.norm.is_some());
    let deepest = deepest
        .filter_map(|p| p.projection.as_ref().map(|p| p.top.len()))
        .max();
    let ranks = if top {
        1 + spare.min(deepest.unwrap_or(1).saturating_sub(1))
    } else {
        0
    };
    let mut labels: Vec<Label> = (0..ranks).map(Label::Rank).collect();
    labels.extend(now.then_some(Label::Now));
    labels.extend(step.then_some(Label::Step));
    labels.extend(stop.then_some(Label::Stop));
    labels
}

fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// The range of cells that fits: the cursor with its neighbours, and otherwise as much of the run's end as possible.
fn window(cells: &[Cell], cursor: usize, room: usize) -> (usize, usize) {
    let span = |from: usize, to: usize| -> usize {
        cells[from..to].iter().map(|cell| cell.width() + 2).sum()
    };
    let cursor = cursor.min(cells.len() - 1);
    let fits_from = |to: usize| {
        let mut from = cursor;
        while from > 0 && span(from - 1, to) <= room {
            from -= 1;
        }
        from
    };
    let from = if span(cursor.saturating_sub(1), cells.len()) <= room {
        fits_from(cells.len())
    } else {
        let mut to = cursor + 1;
        while to < cells.len() && span(cursor.saturating_sub(1), to + 1) <= room {
            to += 1;
        }
        fits_from(to)
    };
    let mut to = cursor + 1;
    while to < cells.len() && span(from, to + 1) <= room {
        to += 1;
    }
    (from, to)
}

fn cells(app: &App, labels: &[Label], theme: &Theme) -> Vec<Cell> {
    let after = tokens_after(app);
    let mut cells: Vec<Cell> = (app.run.live.first()..app.run.live.positions.len())
        .map(|index| cell(app, index, labels, &after, theme))
        .collect();
    if app.run.live.phase == Phase::Running {
        let missing = app.run.live.n_latents() + 1..=app.n_latents();
        cells.extend(missing.map(|n| Cell {
            label: format!(" {n}"),
            label_style: theme.dim,
            below: vec![Some((format!(" {}", theme.glyphs.pending), theme.dim))],
            is_placeholder: true,
        }));
    }
    cells
}

fn cell(
    app: &App,
    index: usize,
    labels: &[Label],
    after: &[(LatentIdx, String)],
    theme: &Theme,
) -> Cell {
    let position = &app.run.live.positions[index];
    let latent = match position.kind {
        PositionKind::Latent(idx) => Some(idx),
        _ => None,
    };
    let is_off = latent.is_some_and(|idx| app.run.ablation.off.contains(&idx));
    let (label, label_style) = match position.kind {
        PositionKind::Latent(idx) if is_off => (format!("[{idx}]"), theme.off),
        // Aligned with the bracketed number, so that a toggle moves nothing.
        PositionKind::Latent(idx) => (format!(" {idx}"), theme.focus),
        PositionKind::Start => ("start".to_owned(), theme.text),
        PositionKind::End => ("end".to_owned(), theme.text),
        _ if position.unknown => (
            format!("{}[?]", token(&position.text, MAX_CELL, theme)),
            theme.unknown,
        ),
        _ => (token(&position.text, MAX_CELL, theme), theme.text),
    };
    let below = labels
        .iter()
        .map(|row| {
            let (text, style) = match (row, latent) {
                (Label::Rank(rank), _) => {
                    let read = position.projection.as_ref()?.top.get(*rank)?;
                    // Outside the latents only the prediction itself is of interest.
                    let is_read = latent.is_some() && !is_off && *rank == 0;
                    if latent.is_none() && *rank > 0 {
                        return None;
                    }
                    let style = if is_read { theme.strong } else { theme.dim };
                    (token(&read.text, MAX_CELL, theme), style)
                }
                (Label::Now, Some(idx)) => now(app, position, idx, after, theme)?,
                (Label::Stop, _) => {
                    let k = match position.kind {
                        PositionKind::Start => 0,
                        PositionKind::Latent(idx) => idx.0,
                        _ => app.run.live.written_by(index)?,
                    };
                    let exit = app.run.session.early_exit.iter().find(|exit| exit.k == k)?;
                    let value = exit.value.as_deref().unwrap_or(theme.glyphs.none);
                    (token(value, MAX_CELL, theme), theme.dim)
                }
                (Label::Step, Some(idx)) => {
                    let (number, step) = app.run.step_at(idx)?;
                    let style = if app.run.step_is_off(number - 1) {
                        theme.dim
                    } else {
                        theme.text
                    };
                    (cut(&step_text(number, step), MAX_CELL, theme), style)
                }
                (Label::Now | Label::Step, None) => return None,
            };
            let lead = if latent.is_some() { " " } else { "" };
            Some((format!("{lead}{text}"), style))
        })
        .collect();
    Cell {
        label,
        label_style,
        below,
        is_placeholder: false,
    }
}

/// A step in few cells: an equation without blanks, or the number of a sentence.
fn step_text(number: usize, step: &TraceStep) -> String {
    if step.operator.starts_with("is") {
        return format!("step {number}");
    }
    let text: String = step.text.chars().filter(|c| *c != ' ').collect();
    sanitize(&text).to_string()
}

/// The top token at a latent in the ablated run, highlighted if it differs from the clean run.
fn now(
    app: &App,
    position: &Position,
    idx: LatentIdx,
    after: &[(LatentIdx, String)],
    theme: &Theme,
) -> Option<(String, Style)> {
    let (_, text) = after.iter().find(|(latent, _)| *latent == idx)?;
    let before = position.projection.as_ref().and_then(|p| p.top.first());
    let is_changed = before.is_none_or(|read| read.text != *text);
    let style = if is_changed && !app.run.is_stale() {
        theme.off
    } else {
        theme.dim
    };
    Some((token(text, MAX_CELL, theme), style))
}

/// The top token of each latent in the shown ablated run, except skipped latents.
#[must_use]
pub fn tokens_after(app: &App) -> Vec<(LatentIdx, String)> {
    let Some(outcome) = app.run.shown_outcome() else {
        return Vec::new();
    };
    let is_skip = outcome.ablation.value == AblationValue::Skip;
    let kept: Vec<LatentIdx> = (1..=app.run.live.n_latents())
        .map(LatentIdx)
        .filter(|idx| !is_skip || !outcome.ablation.off.contains(idx))
        .collect();
    if kept.len() != outcome.latents_after.len() {
        return Vec::new();
    }
    kept.into_iter()
        .zip(outcome.latents_after.iter().cloned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_width(label: &str) -> Cell {
        Cell {
            label: label.to_owned(),
            ..Cell::default()
        }
    }

    #[test]
    fn the_window_holds_the_cursor_and_as_much_of_the_end_as_fits() {
        // Each cell takes five columns.
        let cells: Vec<Cell> = (0..10).map(|_| of_width("abc")).collect();
        for (cursor, room, expected) in [
            (0, 50, (0, 10)),
            (9, 25, (5, 10)),
            (7, 25, (5, 10)),
            (5, 25, (4, 9)),
            (0, 25, (0, 5)),
            (4, 5, (4, 5)),
            (4, 0, (4, 5)),
        ] {
            assert_eq!(window(&cells, cursor, room), expected, "{cursor} in {room}");
        }
    }
}
