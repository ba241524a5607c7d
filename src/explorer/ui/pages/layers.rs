//! Layers: what every layer predicts at every position, with the rank of one followed token; and the vectors that are
//! fed, from the input side.

use ratatui::text::Line;

use super::{Sheet, block, more, window};
use crate::core::types::{Input, LayerCell, LayerLens};
use crate::explorer::app::App;
use crate::explorer::ui::line::{LineBuilder, cut_foreign, heading, token};
use crate::explorer::ui::number::{plain, probability};
use crate::explorer::ui::theme::Theme;

/// Where the columns start.
const LABEL: usize = 8;
/// Widths of the top token, the rank and, if there is room, the probability.
const TOKEN: usize = 6;
const LONGEST_TOKEN: usize = 12;
const RANK: usize = 5;
const PROB: usize = 7;
const GAP: usize = 1;
/// Up to this rank a token counts as near the top.
const NEAR: usize = 10;

/// Names the followed token.
pub(super) fn about(app: &App, theme: &Theme) -> String {
    let Some(lens) = app.run.layers() else {
        return String::new();
    };
    let [open, close] = theme.glyphs.quotes;
    let text = token(&lens.text, 16, theme);
    format!("following {open}{text}{close}, id {}", lens.token)
}

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(lens) = app.run.layers() else {
        return Sheet::default();
    };
    let at = app.cursor();
    let n = lens.columns.len();
    let room = width.saturating_sub(LABEL + 1);
    let narrow = TOKEN + 1 + RANK;
    let cell_width = if n * (narrow + PROB + GAP) <= room {
        narrow + PROB
    } else {
        narrow
    };
    // Tokens get the spare width once all columns fit.
    let spare = (room / n.max(1)).saturating_sub(cell_width + GAP);
    let token_width = (TOKEN + spare).min(LONGEST_TOKEN);
    let (with_prob, cell_width) = (cell_width > narrow, cell_width + token_width - TOKEN);
    let columns = window(n, cell_width + GAP, room, at.column);
    let last = lens.rows.last().map_or(0, |row| row.layer);
    // The last layer is at the top: the model's own prediction comes first.
    let mut rows: Vec<Line> = lens
        .rows
        .iter()
        .rev()
        .enumerate()
        .map(|(index, row)| {
            let style = if row.layer == last {
                theme.focus
            } else {
                theme.dim
            };
            let mut line = LineBuilder::new()
                .right(row.layer.to_string(), LABEL - 3, style)
                .to(LABEL);
            for column in columns.clone() {
                let cell = row.cells.get(column).map_or_else(LineBuilder::new, |cell| {
                    layer_cell(cell, token_width, with_prob, theme)
                });
                let is_selected = (at.row, at.column) == (index, column);
                line = block(line, cell, cell_width, is_selected, theme)
                    .push(" ".repeat(GAP), theme.text);
            }
            line.line()
        })
        .collect();
    let mut focus = at.row;
    if !lens.inputs.is_empty() {
        focus += if at.row >= lens.rows.len() { 2 } else { 0 };
        rows.push(Line::default());
        rows.push(
            heading("What is fed", theme)
                .push("  nearest token embeddings, by cosine", theme.dim)
                .line(),
        );
        for (index, input) in lens.inputs.iter().enumerate() {
            let is_selected = at.row == lens.rows.len() + index;
            rows.push(input_row(input, is_selected, width, theme));
        }
    }
    Sheet {
        head: vec![heads(lens, &columns, cell_width, theme)],
        rows,
        focus,
        detail: detail(lens, at.row, at.column, theme),
        legend: vec![
            format!(
                "A cell: the layer's top token, then the rank of the one followed, #1 on top{}.",
                if with_prob {
                    ", and its probability"
                } else {
                    ""
                }
            ),
            "The clean run; the top row is the model's output: what comes after a column."
                .to_owned(),
        ],
    }
}

fn heads(
    lens: &LayerLens,
    columns: &std::ops::Range<usize>,
    cell_width: usize,
    theme: &Theme,
) -> Line<'static> {
    let (left, right) = more(columns, lens.columns.len(), theme);
    let mut row = LineBuilder::new()
        .push("layer", theme.dim)
        .to(LABEL - 2)
        .push(left, theme.dim);
    for (i, column) in columns.clone().enumerate() {
        row = row
            .to(LABEL + i * (cell_width + GAP))
            .push(token(&lens.columns[column], cell_width, theme), theme.focus);
    }
    let end = LABEL + columns.len() * (cell_width + GAP);
    row.to(end.saturating_sub(1)).push(right, theme.dim).line()
}

fn rank(rank: usize) -> String {
    if rank >= 999 {
        "#999+".to_owned()
    } else {
        format!("#{}", rank + 1)
    }
}

fn layer_cell(cell: &LayerCell, token_width: usize, with_prob: bool, theme: &Theme) -> LineBuilder {
    let style = match cell.rank {
        0 => theme.good,
        near if near < NEAR => theme.text,
        _ => theme.dim,
    };
    let top = if cell.rank == 0 {
        theme.strong
    } else {
        theme.text
    };
    let row = LineBuilder::new()
        .push(token(&cell.top.text, token_width, theme), top)
        .to(token_width + 1)
        .push(rank(cell.rank), style)
        .to(token_width + 1 + RANK);
    if with_prob {
        let end = token_width + 1 + RANK + PROB;
        row.right(probability(cell.prob), end, style)
    } else {
        row
    }
}

fn input_row(input: &Input, is_selected: bool, width: usize, theme: &Theme) -> Line<'static> {
    let mut row = LineBuilder::new()
        .right(input.latent.to_string(), LABEL - 3, theme.focus)
        .to(LABEL);
    for read in &input.nearest {
        let text = token(&read.text, 12, theme);
        let cosine = plain(read.prob.into(), 2, theme.glyphs);
        let next = LineBuilder::new()
            .push(text, theme.text)
            .push(format!(" {cosine}   "), theme.dim);
        if row.width() + next.width() > width {
            break;
        }
        row = row.join(next);
    }
    let end = row.width();
    block(LineBuilder::new(), row, end, is_selected, theme).line()
}

fn detail(lens: &LayerLens, row: usize, column: usize, theme: &Theme) -> String {
    let [open, close] = theme.glyphs.quotes;
    let quoted = |text: &str| format!("{open}{}{close}", token(text, 16, theme));
    let n = lens.rows.len();
    if let Some(input) = row.checked_sub(n).and_then(|index| lens.inputs.get(index)) {
        return match input.nearest.first() {
            Some(read) => format!(
                "the vector fed at latent {} is nearest to the embedding of {}: cosine {}, dot product {}",
                input.latent,
                quoted(&read.text),
                plain(read.prob.into(), 3, theme.glyphs),
                plain(read.logit.into(), 2, theme.glyphs)
            ),
            None => format!(
                "nothing is known of the vector fed at latent {}",
                input.latent
            ),
        };
    }
    let known = n
        .checked_sub(row + 1)
        .and_then(|index| lens.rows.get(index));
    let Some((known, cell)) = known.and_then(|row| Some((row, row.cells.get(column)?))) else {
        return String::new();
    };
    let place = lens.columns.get(column).map_or("", String::as_str);
    let place = match place.parse::<usize>() {
        Ok(latent) if latent == column => format!("latent {latent}"),
        _ if column == 0 => "the start marker".to_owned(),
        _ => format!(
            "the token {open}{}{close}",
            cut_foreign(place.trim(), 16, theme)
        ),
    };
    format!(
        "after layer {} of {n}, at {place}: {} has rank {} and probability {}; the top token is {} with {}",
        known.layer,
        quoted(&lens.text),
        cell.rank + 1,
        probability(cell.prob),
        quoted(&cell.top.text),
        probability(cell.top.prob)
    )
}
