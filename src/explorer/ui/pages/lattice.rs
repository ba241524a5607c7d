//! The lattice: the answer under every set of latents, and the smallest sets that keep or break it.

use std::collections::BTreeSet;

use ratatui::text::Line;

use super::cell::{CHANGE, came_of, change, done_by, legend_of_marks, mark, named, set_off};
use super::{Sheet, block};
use crate::core::types::{LatentIdx, Lattice};
use crate::explorer::app::App;
use crate::explorer::app::studies::sets;
use crate::explorer::ui::line::{LineBuilder, cut_foreign, paragraph};
use crate::explorer::ui::number::plain;
use crate::explorer::ui::theme::Theme;

/// Longer answers are cut.
const ANSWER: usize = 8;
/// Room for `15/16`.
const FLIPS: usize = 5;
/// The gap between columns.
const GAP: usize = 4;
/// The minimum height of a column before another is placed beside it, whatever the width.
const LEAST_HEIGHT: usize = 8;

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(lattice) = app.run.lattice() else {
        return Sheet::default();
    };
    let at = app.cursor();
    let all = sets(lattice);
    let cell_width = cell_width(lattice);
    let most = ((width + GAP) / (cell_width + GAP)).min(all.len().div_ceil(LEAST_HEIGHT));
    let most = most.max(1);
    let height = all.len().div_ceil(most).max(1);
    let columns = all.len().div_ceil(height);
    let mut heading = LineBuilder::new();
    for _ in 0..columns {
        let end = heading.width() + cell_width + GAP;
        heading = heading.join(column_head(lattice, theme)).to(end);
    }
    let mut head = headline(lattice, width, theme);
    head.push(heading.line());
    let rows = (0..height)
        .map(|row| {
            let mut line = LineBuilder::new();
            for index in (row..all.len()).step_by(height) {
                let off = &all[index];
                let cell = set_cell(lattice, off, theme);
                line = block(line, cell, cell_width, index == at.row, theme)
                    .push(" ".repeat(GAP), theme.text);
            }
            line.line()
        })
        .collect();
    let glyphs = theme.glyphs;
    Sheet {
        head,
        rows,
        focus: at.row % height,
        detail: all
            .get(at.row)
            .map_or_else(String::new, |off| detail(lattice, off, theme)),
        legend: vec![
            format!(
                "{} on, {} off; {}.",
                glyphs.on,
                glyphs.off,
                legend_of_marks(theme)
            ),
            format!(
                "{} log-prob: the change in log-prob of the clean answer.",
                glyphs.delta
            ),
            format!(
                "Kept alone: only these latents run, all others are off; they {}.",
                lattice.manner.fate_of_on()
            ),
        ],
    }
}

fn cell_width(lattice: &Lattice) -> usize {
    lattice.n_latents.max(3) + 2 + ANSWER + 3 + CHANGE + 1 + FLIPS
}

fn column_head(lattice: &Lattice, theme: &Theme) -> LineBuilder {
    let n = lattice.n_latents;
    let answer_at = n.max(3) + 2;
    let numbers: String = (1..=n)
        .map(|latent| char::from_digit(u32::try_from(latent % 10).unwrap_or(0), 10).unwrap_or(' '))
        .collect();
    LineBuilder::new()
        .push(numbers, theme.focus)
        .to(answer_at)
        .push("answer", theme.dim)
        .right(
            format!("{} log-prob", theme.glyphs.delta),
            answer_at + ANSWER + 3 + CHANGE,
            theme.dim,
        )
        .push(" flips", theme.dim)
}

/// The set as glyphs, then the answer, the change and the flips.
fn set_cell(lattice: &Lattice, off: &BTreeSet<LatentIdx>, theme: &Theme) -> LineBuilder {
    let n = lattice.n_latents;
    let answer_at = n.max(3) + 2;
    let mut row = LineBuilder::new();
    for latent in (1..=n).map(LatentIdx) {
        row = if off.contains(&latent) {
            row.push(theme.glyphs.off, theme.off)
        } else {
            row.push(theme.glyphs.on, theme.text)
        };
    }
    row = row.to(answer_at);
    let Some(cell) = lattice.cell(off) else {
        let glyph = if lattice.complete {
            theme.glyphs.none
        } else {
            theme.glyphs.pending
        };
        return row.push(glyph, theme.dim);
    };
    let answer = cell.answer.as_deref().unwrap_or("none");
    let (glyph, style) = mark(cell, theme);
    let row = row
        .push(cut_foreign(answer, ANSWER, theme), theme.strong)
        .to(answer_at + ANSWER + 1)
        .push(glyph, style)
        .right(
            change(cell.delta_logprob, CHANGE, theme),
            answer_at + ANSWER + 3 + CHANGE,
            theme.text,
        );
    if cell.n > 1 {
        let end = row.width() + 1 + FLIPS;
        row.right(format!("{}/{}", cell.flips, cell.n), end, theme.dim)
    } else {
        row
    }
}

/// The smallest sets that keep and that break the answer.
fn headline(lattice: &Lattice, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if !lattice.complete {
        let text =
            "The smallest sets that keep or break the answer are known once all sets are computed";
        let mut lines = paragraph(text, width, 0, theme.dim);
        lines.push(Line::default());
        return lines;
    }
    let n = lattice.n_latents;
    let answer = cut_foreign(lattice.clean_answer.as_deref().unwrap_or("none"), 16, theme);
    let every = match lattice.manner.value.variant_name() {
        Some(name) => format!(" for every {name}"),
        None => String::new(),
    };
    let keeps = match &lattice.keeps {
        None => format!("No set of latents kept alone keeps the answer {answer}{every}"),
        Some(on) if on.is_empty() => {
            format!("With every latent off the answer {answer} stays{every}")
        }
        Some(on) if on.len() == n => {
            format!("No smaller set keeps the answer {answer}{every}: all latents must be on")
        }
        Some(on) => format!(
            "With {} {}, the answer {answer} stays{every}: no smaller set keeps it",
            named(on),
            Lattice::KEPT_ALONE
        ),
    };
    let breaks = match &lattice.breaks {
        None => format!("No set of latents breaks it{every}, whichever are off"),
        Some(off) => format!(
            "With {}, it breaks{every}{}",
            set_off(off, n),
            if off.len() > 1 {
                ": no smaller set breaks it"
            } else {
                ": one is enough"
            }
        ),
    };
    let mut lines = paragraph(&keeps, width, 0, theme.strong);
    lines.extend(paragraph(&breaks, width, 0, theme.strong));
    let tally = lattice.tally();
    let counts = format!("Of {} sets off: {}", tally.n(), tally.words());
    lines.extend(paragraph(&counts, width, 0, theme.dim));
    lines.push(Line::default());
    lines
}

fn detail(lattice: &Lattice, off: &BTreeSet<LatentIdx>, theme: &Theme) -> String {
    let what = set_off(off, lattice.n_latents);
    let Some(cell) = lattice.cell(off) else {
        return if lattice.complete {
            format!("{what}: not applicable to this value")
        } else {
            format!("{what}: not computed yet")
        };
    };
    if off.is_empty() {
        return format!(
            "{what}: answer {}, log-prob {}",
            cut_foreign(cell.answer.as_deref().unwrap_or("none"), 24, theme),
            plain(lattice.clean_logprob, 2, theme.glyphs)
        );
    }
    format!(
        "{what} ({}): {}",
        done_by(&lattice.manner, lattice.manner.value, cell.n),
        came_of(
            cell,
            lattice.manner.value,
            lattice.clean_answer.as_deref(),
            Some(lattice.clean_logprob),
            theme
        )
    )
}
