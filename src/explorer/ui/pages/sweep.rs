//! The sweep: each latent off alone (necessary?) and put back alone (sufficient?), by every value, and pairs of latents.

use std::collections::BTreeSet;

use ratatui::text::Line;

use super::cell::{BRIEF, brief, came_of, done_by, legend_of_marks, set_off, tallied};
use super::{Sheet, block, more, stated, window};
use crate::core::types::{LatentIdx, Pair, Role, Sweep};
use crate::explorer::app::App;
use crate::explorer::app::on_page::SweepAt;
use crate::explorer::app::studies::sweep_values;
use crate::explorer::ui::line::LineBuilder;
use crate::explorer::ui::number::signed;
use crate::explorer::ui::theme::Theme;

/// Where the cells start.
const LABEL: usize = 25;
/// Room for the answer in a cell, and the space after the cell.
const ANSWER: usize = 7;
const GAP: usize = 1;

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(sweep) = app.run.sweep() else {
        return Sheet::default();
    };
    let at = app.cursor();
    let mut head = headline(sweep, width, theme);
    let n = sweep.n_latents;
    let room = width.saturating_sub(LABEL + 1);
    let wide = BRIEF + 2 + ANSWER;
    let (cell_width, answer) = if n * (wide + GAP) <= room {
        (wide, ANSWER)
    } else {
        (BRIEF, 0)
    };
    let columns = window(n, cell_width + GAP, room, at.column);
    head.push(numbers(&columns, n, cell_width, theme));
    let mut rows = Vec::new();
    let values = sweep_values(sweep);
    let grid = 2 * values.len();
    for row in 0..grid {
        let value = values[row / 2];
        let role = if row % 2 == 0 {
            Role::Necessary
        } else {
            Role::Sufficient
        };
        let label = if row % 2 == 0 { value.as_str() } else { "" };
        let mut line = LineBuilder::new()
            .push(label, theme.strong)
            .to(10)
            .push(role.as_str(), theme.dim)
            .to(LABEL);
        for column in columns.clone() {
            let known = sweep.cell(LatentIdx(column + 1), role, value);
            let cell = match known.map(|known| known.cell.as_ref()) {
                None => LineBuilder::new().push(theme.glyphs.pending, theme.dim),
                Some(None) => LineBuilder::new().push(theme.glyphs.none, theme.dim),
                Some(Some(cell)) => brief(cell, answer, theme),
            };
            let is_selected = (at.row, at.column) == (row, column);
            line =
                block(line, cell, cell_width, is_selected, theme).push(" ".repeat(GAP), theme.text);
        }
        rows.push(line.line());
    }
    let mut focus = at.row;
    if !sweep.pairs.is_empty() {
        rows.push(Line::default());
        rows.push(pair_head(sweep, theme));
        focus += if at.row >= grid { 2 } else { 0 };
        for (index, pair) in sweep.pairs.iter().enumerate() {
            rows.push(pair_row(pair, at.row == grid + index, theme));
        }
    }
    let none = theme.glyphs.none;
    Sheet {
        head,
        rows,
        focus,
        detail: detail(app, sweep, theme),
        legend: vec![
            format!("{}; counts of values on top.", legend_of_marks(theme)),
            format!(
                "Change in log-prob of the clean answer{}. {none} not applicable.",
                if answer > 0 { ", then the answer" } else { "" }
            ),
            "Put back alone: all others off, its clean value put back. Sufficient?".to_owned(),
        ],
    }
}

/// Summary of each latent: under how many of the tried values the answer stands, is mixed or flips.
fn headline(sweep: &Sweep, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let said = |role: Role| {
        let latents = (1..=sweep.n_latents).map(|latent| {
            let tally = sweep.tally(LatentIdx(latent), role);
            format!("{latent}: {}", tallied(tally, theme))
        });
        latents
            .collect::<Vec<_>>()
            .join(&format!(" {} ", theme.glyphs.dot))
    };
    let mut lines = stated(
        "Off alone:     ",
        &said(Role::Necessary),
        theme.text,
        width,
        theme,
    );
    lines.extend(stated(
        "Put back alone:",
        &said(Role::Sufficient),
        theme.text,
        width,
        theme,
    ));
    lines.push(Line::default());
    lines
}

fn numbers(
    columns: &std::ops::Range<usize>,
    n: usize,
    cell_width: usize,
    theme: &Theme,
) -> Line<'static> {
    let (left, right) = more(columns, n, theme);
    let mut row = LineBuilder::new()
        .push("value", theme.dim)
        .to(10)
        .push("latent", theme.dim)
        .to(LABEL - 2)
        .push(left, theme.dim);
    for (i, column) in columns.clone().enumerate() {
        row = row
            .to(LABEL + i * (cell_width + GAP))
            .push((column + 1).to_string(), theme.focus);
    }
    let end = LABEL + columns.len() * (cell_width + GAP);
    row.to(end.saturating_sub(1)).push(right, theme.dim).line()
}

fn pair_head(sweep: &Sweep, theme: &Theme) -> Line<'static> {
    let value = sweep.pairs.first().map_or("", |pair| pair.value.as_str());
    LineBuilder::new()
        .push(format!("Pairs, {value}"), theme.title)
        .to(LABEL)
        .push("both off", theme.dim)
        .right("singles add up to", LABEL + 29, theme.dim)
        .line()
}

fn pair_row(pair: &Pair, is_selected: bool, theme: &Theme) -> Line<'static> {
    let (first, second) = pair.latents;
    let cell = LineBuilder::new()
        .push(format!("{first} and {second}"), theme.strong)
        .to(LABEL)
        .join(brief(&pair.cell, 0, theme))
        .right(
            signed(pair.sum_of_singles, 2, theme.glyphs),
            LABEL + 29,
            theme.text,
        );
    let cell = if pair.non_additive {
        cell.push(
            format!("  {} not their sum", theme.glyphs.differs),
            theme.off,
        )
    } else {
        cell
    };
    let width = cell.width();
    block(LineBuilder::new(), cell, width, is_selected, theme).line()
}

/// How a pair deviates from the sum of its parts.
fn apart(pair: &Pair) -> String {
    if !pair.non_additive {
        return String::new();
    }
    if (pair.cell.delta_logprob - pair.sum_of_singles).abs() > Pair::ADDITIVE {
        format!(", over {} nats apart", Pair::ADDITIVE)
    } else {
        ", and neither alone flips it".to_owned()
    }
}

fn detail(app: &App, sweep: &Sweep, theme: &Theme) -> String {
    let clean = sweep.clean_answer.as_deref();
    match app.sweep_at() {
        None => String::new(),
        Some(SweepAt::Pair(pair)) => {
            let off = BTreeSet::from([pair.latents.0, pair.latents.1]);
            let singles = signed(pair.sum_of_singles, 2, theme.glyphs);
            format!(
                "{} ({}): {}; the singles add up to {singles}{}",
                set_off(&off, usize::MAX),
                done_by(&sweep.manner, pair.value, pair.cell.n),
                came_of(&pair.cell, pair.value, clean, None, theme),
                apart(pair)
            )
        }
        Some(SweepAt::Cell(value, role, latent)) => {
            let n = sweep
                .cell(latent, role, value)
                .and_then(|c| c.cell.as_ref())
                .map_or(1, |c| c.n);
            let what = match role {
                Role::Necessary => format!("latent {latent} off alone"),
                Role::Sufficient => format!("latent {latent} put back alone, all others off"),
            };
            let lead = format!("{what} ({})", done_by(&sweep.manner, value, n));
            let Some(known) = sweep.cell(latent, role, value) else {
                return format!("{lead}: not computed yet");
            };
            match (&known.cell, &known.refused) {
                (Some(cell), _) => format!("{lead}: {}", came_of(cell, value, clean, None, theme)),
                (None, Some(reason)) => format!("{lead} not applicable: {reason}"),
                (None, None) => format!("{lead}: not computed"),
            }
        }
    }
}
