//! The run token by token: the tail of the question, the start marker, the latents, the end marker, the answer.
//!
//! One cell per token; below it the top token that is read there, and below that what is read in the ablated run.

use ratatui::text::Line;

use crate::app::overlay::ablation_name;
use crate::app::{App, Phase};
use crate::text::{sanitize, width};
use crate::trace::{AblationValue, LatentIdx, Position, PositionKind};
use crate::ui::line::{Row, cut};
use crate::ui::panes::Title;
use crate::ui::theme::Theme;

/// Cells are at least this wide, so that the latents do not move when their tokens change.
const MIN_CELL: usize = 3;
/// Longer tokens are cut.
const MAX_CELL: usize = 14;
/// From this width on, the rows are labelled.
const LABELLED: usize = 90;
const LABELS: [&str; 3] = ["token", "top", "now"];

struct Cell {
    label: String,
    top: String,
    now: Option<String>,
    is_latent: bool,
    is_off: bool,
    is_placeholder: bool,
    changed: bool,
}

impl Cell {
    fn width(&self) -> usize {
        let now = self.now.as_deref().map_or(0, width);
        width(&self.label)
            .max(width(&self.top))
            .max(now)
            .max(MIN_CELL)
    }
}

/// The title above the run.
#[must_use]
pub fn title(app: &App, theme: &Theme) -> Title {
    let dot = theme.glyphs.dot;
    let n = app.n_latents();
    let about = match app.live.phase {
        Phase::Idle => String::new(),
        _ => crate::ui::number::count(n, "latent"),
    };
    let value = app.ablation.value;
    let remark = if app.ablation.is_clean() {
        format!("all on {dot} off means {value}")
    } else {
        format!("off {} {dot} {value}", ablation_name(&app.ablation))
    };
    Title {
        name: "Run".to_owned(),
        about,
        remark: if n == 0 { String::new() } else { remark },
    }
}

/// The three rows of the run, with the cursor in view.
#[must_use]
pub fn lines(app: &App, max_width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let first = app.live.first();
    let cells = cells(app, theme);
    if cells.is_empty() {
        return Vec::new();
    }
    let indent = if max_width >= LABELLED { 8 } else { 2 };
    let room = max_width.saturating_sub(indent + 2);
    let cursor = app.live.cursor.saturating_sub(first);
    let (from, to) = window(&cells, cursor, room);
    let mut rows = [Row::new(), Row::new(), Row::new()];
    if max_width >= LABELLED {
        for (row, label) in rows.iter_mut().zip(LABELS) {
            let is_needed = label != "now" || cells.iter().any(|cell| cell.now.is_some());
            if is_needed {
                *row = std::mem::take(row).push(label, theme.dim);
            }
        }
    }
    let more_left = from > 0 || first > 0;
    let mark = if more_left { theme.glyphs.more_left } else { "" };
    rows[0] = std::mem::take(&mut rows[0])
        .to(indent - 2)
        .push(mark, theme.dim);
    let mut column = indent;
    for (index, cell) in cells.iter().enumerate().take(to).skip(from) {
        let under_cursor = index == cursor && !cell.is_placeholder;
        let cell_width = cell.width();
        for (row, text, style) in cell_rows(&mut rows, cell, app.is_stale(), theme) {
            let style = if under_cursor {
                style.patch(theme.selected)
            } else {
                style
            };
            let text = if under_cursor {
                pad(text, cell_width)
            } else {
                text.to_owned()
            };
            *row = std::mem::take(row).to(column).push(text, style);
        }
        column += cell_width + 2;
    }
    if to < cells.len() {
        rows[0] = std::mem::take(&mut rows[0])
            .to(column.min(max_width.saturating_sub(1)))
            .push(theme.glyphs.more_right, theme.dim);
    }
    rows.into_iter().map(Row::line).collect()
}

fn cell_rows<'a>(
    rows: &'a mut [Row; 3],
    cell: &'a Cell,
    is_stale: bool,
    theme: &Theme,
) -> Vec<(&'a mut Row, &'a str, ratatui::style::Style)> {
    let label = match cell {
        Cell { is_placeholder: true, .. } => theme.dim,
        Cell { is_off: true, .. } => theme.off,
        Cell { is_latent: true, .. } => theme.focus,
        _ => theme.text,
    };
    let top = match cell {
        Cell { is_latent: true, is_off: false, .. } => theme.strong,
        _ => theme.dim,
    };
    let now = if is_stale || !cell.changed {
        theme.dim
    } else {
        theme.off
    };
    let [first, second, third] = rows;
    let mut out = vec![
        (first, cell.label.as_str(), label),
        (second, cell.top.as_str(), top),
    ];
    if let Some(text) = &cell.now {
        out.push((third, text.as_str(), now));
    }
    out
}

fn pad(text: &str, to: usize) -> String {
    format!("{text}{}", " ".repeat(to.saturating_sub(width(text))))
}

/// Which cells fit: as many as possible, the cursor and its right neighbour among them.
fn window(cells: &[Cell], cursor: usize, room: usize) -> (usize, usize) {
    let span = |from: usize, to: usize| -> usize {
        cells[from..to].iter().map(|cell| cell.width() + 2).sum()
    };
    let need = (cursor + 2).min(cells.len());
    let mut from = 0;
    while from < cursor.min(cells.len() - 1) && span(from, need) > room {
        from += 1;
    }
    let mut to = (from + 1).min(cells.len());
    while to < cells.len() && span(from, to + 1) <= room {
        to += 1;
    }
    (from, to)
}

fn cells(app: &App, theme: &Theme) -> Vec<Cell> {
    let after = tokens_after(app);
    let shown = app.live.positions.iter().skip(app.live.first());
    let mut cells: Vec<Cell> = shown.map(|p| cell(app, p, &after, theme)).collect();
    if app.live.phase == Phase::Running {
        for n in app.live.n_latents() + 1..=app.n_latents() {
            cells.push(Cell {
                label: n.to_string(),
                top: theme.glyphs.pending.to_owned(),
                now: None,
                is_latent: true,
                is_off: false,
                is_placeholder: true,
                changed: false,
            });
        }
    }
    cells
}

fn cell(app: &App, position: &Position, after: &[(LatentIdx, String)], theme: &Theme) -> Cell {
    let token = |text: &str| {
        let clean = sanitize(text.trim());
        cut(if clean.is_empty() { theme.glyphs.blank } else { &clean }, MAX_CELL, theme)
    };
    let next = position
        .projection
        .as_ref()
        .and_then(|projection| projection.top.first())
        .map(|read| token(&read.text))
        .unwrap_or_default();
    let latent = match position.kind {
        PositionKind::Latent(idx) => Some(idx),
        _ => None,
    };
    let is_off = latent.is_some_and(|idx| app.ablation.off.contains(&idx));
    let label = match (position.kind, is_off) {
        (PositionKind::Latent(idx), true) => format!("[{idx}]"),
        (PositionKind::Latent(idx), false) => format!(" {idx}"),
        (PositionKind::Start, _) => "start".to_owned(),
        (PositionKind::End, _) => "end".to_owned(),
        _ if position.unknown => format!("{}[?]", token(&position.text)),
        _ => token(&position.text),
    };
    let now = latent
        .and_then(|idx| after.iter().find(|(l, _)| *l == idx))
        .map(|(_, text)| token(text));
    let changed = now.as_ref().is_some_and(|now| *now != next);
    Cell {
        label,
        // Aligned with the number above it, which leaves room for the bracket.
        top: if latent.is_some() { format!(" {next}") } else { next },
        now: now.map(|now| format!(" {now}")),
        is_latent: latent.is_some(),
        is_off,
        is_placeholder: false,
        changed,
    }
}

/// The top token of each latent in the shown ablated run. A skipped latent has none.
fn tokens_after(app: &App) -> Vec<(LatentIdx, String)> {
    let Some(outcome) = app.shown_outcome() else {
        return Vec::new();
    };
    let skip = outcome.ablation.value == AblationValue::Skip;
    let kept = (1..=app.live.n_latents())
        .map(LatentIdx)
        .filter(|idx| !skip || !outcome.ablation.off.contains(idx));
    let kept: Vec<LatentIdx> = kept.collect();
    if kept.len() != outcome.latents_after.len() {
        return Vec::new();
    }
    kept.into_iter()
        .zip(outcome.latents_after.iter().cloned())
        .collect()
}
