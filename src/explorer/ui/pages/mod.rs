//! The pages that replace the run's panes, one file each. A page is a sheet of finished lines: a fixed head, rows that
//! scroll, a sentence about the cell under the cursor, and a legend.
//!
//! ```text
//!  Sweep resample ─────────────────────────────────────── 72 of 72 cells
//!  headline
//!                       1          2          3
//!  resample necessary   ✓ −0.31    ✗ −6.21    ✗ −6.21
//!  ─────────────────────────────────────────────────────────────────────
//!  latent 2 off (resample, 16 donors): answer 17, was 8; ...
//!  legend
//! ```

mod cell;
mod compare;
mod dataset;
mod evidence;
mod exits;
mod influence;
mod lattice;
mod layers;
mod sweep;

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::core::text::width as text_width;
use crate::explorer::app::studies::{StudyEnd, is_complete, progress};
use crate::explorer::app::{App, Fit, Page, Phase};
use crate::explorer::ui::line::{LineBuilder, paragraph};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::rule;
use crate::explorer::ui::theme::Theme;

/// Rows reserved for the content before anything else is cut.
const LEAST_ROWS: usize = 4;
/// Rows of the sentence about the cell under the cursor.
const DETAIL_ROWS: usize = 2;

/// A page, ready to be laid out.
#[derive(Debug, Default)]
struct Sheet {
    /// Fixed lines above the rows.
    head: Vec<Line<'static>>,
    /// The lines that scroll.
    rows: Vec<Line<'static>>,
    /// The row to keep in view.
    focus: usize,
    /// Describes the cell under the cursor in a sentence, sanitized.
    detail: String,
    /// Explains the cells.
    legend: Vec<String>,
}

fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let mut sheet = match app.chrome.page {
        Page::Run => Sheet::default(),
        Page::Sweep => sweep::sheet(app, width, theme),
        Page::Lattice => lattice::sheet(app, width, theme),
        Page::Influence => influence::sheet(app, width, theme),
        Page::Exits => exits::sheet(app, width, theme),
        Page::Compare => compare::sheet(app, width, theme),
        Page::Layers => layers::sheet(app, width, theme),
        Page::Evidence => evidence::sheet(app, width, theme),
        Page::Data => dataset::sheet(app, width, theme),
    };
    let mut head = obstacle(app, width, theme);
    head.append(&mut sheet.head);
    sheet.head = head;
    sheet
}

/// Returns how much of the open page fits.
pub fn fit(app: &App, theme: &Theme, area: Rect) -> Fit {
    match app.chrome.page {
        Page::Data => dataset::fit(app, theme, area),
        _ => lay_out(app, theme, area).1,
    }
}

/// Draws the open page.
pub fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    match app.chrome.page {
        _ if area.height == 0 => {}
        Page::Data => dataset::draw(frame, area, app, theme),
        _ => frame.render_widget(Paragraph::new(lay_out(app, theme, area).0), area),
    }
}

/// The lines of the open page on an area, and how many of its rows are among them.
fn lay_out(app: &App, theme: &Theme, area: Rect) -> (Vec<Line<'static>>, Fit) {
    let width = usize::from(area.width);
    let sheet = sheet(app, width, theme);
    let room = usize::from(area.height.saturating_sub(1));
    let detail = paragraph(&sheet.detail, width, 0, theme.text);
    let detail_rows = if sheet.detail.is_empty() {
        0
    } else {
        detail.len().max(DETAIL_ROWS)
    };
    let legend: Vec<Line> = sheet
        .legend
        .iter()
        .flat_map(|text| paragraph(text, width, 0, theme.dim))
        .collect();
    // Shortened in this order: the legend, the sentence, the head.
    let least = sheet.rows.len().min(LEAST_ROWS);
    let mut left = room.saturating_sub(least);
    let mut take = |wanted: usize, whole: bool| {
        let taken = if whole && wanted > left {
            0
        } else {
            wanted.min(left)
        };
        left -= taken;
        taken
    };
    let head_rows = take(sheet.head.len(), false);
    let detail_rows = take(detail_rows, false);
    let rule_rows = take(usize::from(detail_rows > 0), false);
    let legend_rows = take(legend.len(), true);
    let height = (least + left).min(sheet.rows.len());
    let fit = Fit {
        rows: sheet.rows.len(),
        height,
    };
    let first = first_row(sheet.focus, sheet.rows.len(), height);
    let mut title = title(app, theme);
    if sheet.rows.len() > height {
        let place = format!("{}-{}/{}", first + 1, first + height, sheet.rows.len());
        title.add_place(&place, theme);
    }
    let mut lines = vec![rule(&title, true, width, theme)];
    lines.extend(sheet.head.into_iter().take(head_rows));
    lines.extend(sheet.rows.into_iter().skip(first).take(height));
    if rule_rows > 0 {
        let line = theme.glyphs.rule.repeat(width);
        lines.push(LineBuilder::new().push(line, theme.dim).line());
    }
    lines.extend((0..detail_rows).map(|row| detail.get(row).cloned().unwrap_or_default()));
    lines.extend(legend.into_iter().take(legend_rows));
    (lines, fit)
}

/// The open page as plain text, for the clipboard.
#[must_use]
pub fn as_text(app: &App, width: usize, theme: &Theme) -> String {
    let Title { name, about, .. } = title(app, theme);
    let sheet = sheet(app, width, theme);
    let mut text = format!("{name} {about}").trim_end().to_owned();
    text.push('\n');
    let lines = sheet.head.iter().chain(&sheet.rows).map(Line::to_string);
    for line in lines.chain(sheet.legend.iter().cloned()) {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The first visible row: keeps the focused row in view.
fn first_row(focus: usize, n: usize, height: usize) -> usize {
    let context = (height / 4).min(2);
    (focus + context + 1)
        .saturating_sub(height)
        .min(n.saturating_sub(height))
}

/// The name of the page, what it was computed with, and how much of it is ready.
fn title(app: &App, theme: &Theme) -> Title {
    if app.chrome.page == Page::Data {
        return dataset::title(&app.dataset, theme);
    }
    Title {
        name: app.chrome.page.name().to_owned(),
        about: match app.chrome.page {
            Page::Layers => layers::about(app, theme),
            page if page.study().is_some() => app.run.ablation.manner(),
            Page::Compare => compare::about(app),
            Page::Evidence => evidence::about(app),
            _ => String::new(),
        },
        remark: remark(app),
    }
}

/// How much of a study is ready, and whether it is the wanted one.
fn remark(app: &App) -> String {
    let Some(wish) = app.wish() else {
        return String::new();
    };
    let is_asked = app.run.studies.asked() == Some(&wish);
    let standing = match app.run.studies.ended(&wish) {
        _ if is_asked => "computing, esc stops",
        Some(StudyEnd::Stopped) => "stopped, r resumes",
        Some(StudyEnd::Failed(_)) => "not computed",
        None => "",
    };
    let held = app.run.studies.held(wish.kind);
    let here = match held {
        Some(held) if held.wish != wish => "stale".to_owned(),
        Some(held) => {
            let (done, all, noun) = progress(&held.study);
            if is_complete(&held.study) {
                format!("{done} {noun}")
            } else {
                format!("{done} of {all} {noun}")
            }
        }
        None => String::new(),
    };
    let parts = [here.as_str(), standing];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(", ")
}

/// Why nothing is shown, or why what is shown is not the wanted study.
fn obstacle(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(wish) = app.wish() else {
        return Vec::new();
    };
    if let Some(StudyEnd::Failed(failure)) = app.run.studies.ended(&wish) {
        let text = format!("{} {}", theme.glyphs.no, failure.message);
        let mut lines = paragraph(&text, width, 0, theme.bad);
        lines.extend(paragraph(&failure.hint, width, 0, theme.text));
        lines.push(Line::default());
        return lines;
    }
    if let Some(held) = app.run.studies.held(wish.kind) {
        if held.wish == wish {
            return Vec::new();
        }
        let of = if held.wish.manner == wish.manner {
            "of another token".to_owned()
        } else {
            format!("of {}", held.wish.manner.manner())
        };
        return paragraph(
            &format!("Stale: these figures are {of}"),
            width,
            0,
            theme.off,
        );
    }
    let text = if app.model.info().is_none() {
        "No model is ready to compute this"
    } else if app.run.studies.asked() == Some(&wish) {
        "Computing, the first figures come in a moment"
    } else if app.run.studies.ended(&wish).is_some() {
        "Stopped before the first figure, r runs it"
    } else if app.run.live.phase != Phase::Done {
        "The run comes first"
    } else if app.run.live.n_latents() == 0 {
        "This run has no latents"
    } else {
        "Not computed yet"
    };
    paragraph(text, width, 0, theme.dim)
}

/// The columns out of `n` that fit, including the one under the cursor.
fn window(n: usize, each: usize, room: usize, cursor: usize) -> Range<usize> {
    let fit = (room / each.max(1)).max(1).min(n);
    let from = (cursor + 1).saturating_sub(fit).min(n - fit);
    from..from + fit
}

/// Marks for further columns to the left and to the right.
fn more(columns: &Range<usize>, n: usize, theme: &Theme) -> (&'static str, &'static str) {
    let left = if columns.start > 0 {
        theme.glyphs.more_left
    } else {
        ""
    };
    let right = if columns.end < n {
        theme.glyphs.more_right
    } else {
        ""
    };
    (left, right)
}

/// A cell padded to a width; under the cursor it is one uniform block.
fn block(
    row: LineBuilder,
    cell: LineBuilder,
    width: usize,
    is_selected: bool,
    theme: &Theme,
) -> LineBuilder {
    if !is_selected {
        let end = row.width() + width;
        return row.join(cell).to(end);
    }
    let text = cell.to(width).line().to_string();
    row.push(text, theme.strong.patch(theme.selected))
}

/// A sentence with a highlighted lead.
fn stated(lead: &str, text: &str, style: Style, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let column = text_width(lead) + 1;
    LineBuilder::new()
        .push(lead, theme.dim)
        .hanging(text, column, width, style)
}
