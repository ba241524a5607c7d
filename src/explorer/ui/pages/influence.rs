//! Influence: the effect of switching one latent off on the states of later latents and on the answer.

use ratatui::text::Line;

use super::cell::{BRIEF, brief, came_of, done_by, legend_of_marks};
use super::{Sheet, block, more, window};
use crate::core::types::{Influence, LatentIdx, LatentInfluence};
use crate::explorer::app::App;
use crate::explorer::ui::line::LineBuilder;
use crate::explorer::ui::number::plain;
use crate::explorer::ui::theme::Theme;

/// Where the columns start.
const LABEL: usize = 13;
/// Cell widths with and without the count of changed top tokens.
const WIDE: usize = 11;
const NARROW: usize = 6;
const GAP: usize = 2;
/// From this relative change on, a state counts as strongly changed.
const LARGE: f64 = 0.5;

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(found) = app.run.influence() else {
        return Sheet::default();
    };
    let at = app.cursor();
    let run = app.run.session.run.as_ref();
    let clean = run.and_then(|run| run.answer.value.as_deref());
    let n = found.n_latents;
    let answers = 2 * (BRIEF + GAP) + 1;
    let room = width.saturating_sub(LABEL + answers);
    let cell_width = if n * (WIDE + GAP) <= room {
        WIDE
    } else {
        NARROW
    };
    let columns = window(
        n,
        cell_width + GAP,
        room,
        at.column.min(n.saturating_sub(1)),
    );
    let rows = (0..n)
        .map(|row| {
            let from = LatentIdx(row + 1);
            let mut line = LineBuilder::new()
                .push(format!("latent {from}"), theme.focus)
                .push(" off", theme.dim)
                .to(LABEL);
            for column in columns.clone() {
                let cell = cell(found, from, LatentIdx(column + 1), cell_width, theme);
                let is_selected = (at.row, at.column) == (row, column);
                line = block(line, cell, cell_width, is_selected, theme)
                    .push(" ".repeat(GAP), theme.text);
            }
            let known = found.answers.iter().find(|answer| answer.from == from);
            for (i, cell) in [known.map(|a| &a.total), known.map(|a| &a.direct)]
                .into_iter()
                .enumerate()
            {
                let cell = cell.map_or_else(
                    || LineBuilder::new().push(theme.glyphs.pending, theme.dim),
                    |cell| brief(cell, 0, theme),
                );
                let is_selected = (at.row, at.column) == (row, n + i);
                line =
                    block(line, cell, BRIEF, is_selected, theme).push(" ".repeat(GAP), theme.text);
            }
            line.line()
        })
        .collect();
    Sheet {
        head: heads(&columns, n, cell_width, theme),
        rows,
        focus: at.row,
        detail: detail(found, clean, (at.row, at.column), theme),
        legend: vec![
            format!(
                "To a latent: how far its state moves, of its norm; {} its top token changes{}.",
                theme.glyphs.differs,
                if cell_width >= WIDE {
                    " in k of n variants; bold: 0.5 or more"
                } else {
                    ""
                }
            ),
            "Total: later latents are recomputed. Direct: they are held at their clean values."
                .to_owned(),
            format!(
                "{}; change in log-prob of the clean answer.",
                legend_of_marks(theme)
            ),
        ],
    }
}

fn heads(
    columns: &std::ops::Range<usize>,
    n: usize,
    cell_width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let (left, right) = more(columns, n, theme);
    let end = LABEL + columns.len() * (cell_width + GAP);
    let over = LineBuilder::new()
        .to(LABEL)
        .push("to latent", theme.dim)
        .to(end)
        .push("to the answer", theme.dim);
    let mut row = LineBuilder::new().to(LABEL - 2).push(left, theme.dim);
    for (i, column) in columns.clone().enumerate() {
        row = row
            .to(LABEL + i * (cell_width + GAP))
            .push((column + 1).to_string(), theme.focus);
    }
    let row = row
        .to(end.saturating_sub(2))
        .push(right, theme.dim)
        .to(end)
        .push("total", theme.dim)
        .to(end + BRIEF + GAP)
        .push("direct", theme.dim);
    vec![over.line(), row.line()]
}

fn of(found: &Influence, from: LatentIdx, to: LatentIdx) -> Option<&LatentInfluence> {
    let mut all = found.latents.iter();
    all.find(|influence| (influence.from, influence.to) == (from, to))
}

fn cell(
    found: &Influence,
    from: LatentIdx,
    to: LatentIdx,
    width: usize,
    theme: &Theme,
) -> LineBuilder {
    if to <= from {
        return LineBuilder::new();
    }
    let Some(influence) = of(found, from, to) else {
        return LineBuilder::new().push(theme.glyphs.pending, theme.dim);
    };
    let style = if influence.relative_change >= LARGE {
        theme.strong
    } else {
        theme.text
    };
    let row = LineBuilder::new().push(plain(influence.relative_change, 2, theme.glyphs), style);
    if influence.top_changed == 0 {
        return row;
    }
    let mark = if width >= WIDE {
        format!(
            " {}{}/{}",
            theme.glyphs.differs, influence.top_changed, influence.n
        )
    } else {
        theme.glyphs.differs.to_owned()
    };
    row.push(mark, theme.off)
}

fn detail(
    found: &Influence,
    clean: Option<&str>,
    (row, column): (usize, usize),
    theme: &Theme,
) -> String {
    let from = LatentIdx(row + 1);
    let value = found.manner.value;
    let said = |n| done_by(&found.manner, value, n);
    if let Some(answer) = column.checked_sub(found.n_latents) {
        let known = found.answers.iter().find(|answer| answer.from == from);
        let Some(known) = known else {
            return format!("latent {from} off, to the answer: not computed yet");
        };
        let (cell, how) = if answer == 0 {
            (&known.total, "later latents recomputed")
        } else {
            (&known.direct, "later latents held at their clean values")
        };
        return format!(
            "latent {from} off ({}), {how}: {}",
            said(cell.n),
            came_of(cell, value, clean, None, theme)
        );
    }
    let to = LatentIdx(column + 1);
    if to <= from {
        return format!("latent {from} off: it can move only what comes after it");
    }
    match of(found, from, to) {
        None => format!("latent {from} off, to latent {to}: not computed yet"),
        Some(influence) => format!(
            "latent {from} off ({}): the state of latent {to} moves by {} of its norm; its top token changed in {} of {}",
            said(influence.n),
            plain(influence.relative_change, 2, theme.glyphs),
            influence.top_changed,
            influence.n
        ),
    }
}
