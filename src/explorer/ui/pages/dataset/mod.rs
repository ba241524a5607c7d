//! The data-set page: the problems of a run as a table, their figures, and the progress of the run.
//!
//! ```text
//!  Data set mini-math · generated test problems, seed 0 ━━━━━━━━━━━ 12 of 412 shown
//!  ━━━━━━━━━━────── 412 of 1000 problems · running, p pauses it
//!  filter rung=USED steps>=3
//!      # question            answer   rung ↓          p      steps needed first  Δ off
//!      4 Tom has 12 apples…  39     ✓ ✓ USED          0.004      3 1 3        2  −6.21
//!  ────────────────────────────────────────────────────────────────────────────────
//!  the whole question of the row under the cursor
//!  Shown ─────────────────────────────────────── 93 % [90, 95] right, 383 of 412
//!  rungs among right and wrong answers    accuracy by latents    risk by coverage
//! ```

mod figures;
mod table;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::{Sheet, first_row};
use crate::core::text::{sanitize, width as text_width};
use crate::explorer::app::dataset::{Dataset, OpenRun, RunActivity, differs};
use crate::explorer::app::{App, Fit};
use crate::explorer::ui::line::{LineBuilder, cut, cut_foreign, paragraph};
use crate::explorer::ui::number::{plain, probability_of, signed};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::rule;
use crate::explorer::ui::theme::Theme;

/// From this height on, the figures are shown below the table.
const ROOM_FOR_FIGURES: u16 = 28;
/// From this height on, details of the row under the cursor are shown below the table.
const ROOM_FOR_DETAIL: u16 = 15;
/// Rows of these details: the question, and one line of facts.
const DETAIL: u16 = 3;
/// Longer notes are cut.
const LONGEST_NOTE: usize = 40;

/// The lines above the table, and the areas below them.
struct Laid {
    head: Vec<Line<'static>>,
    /// All that is below the head.
    rest: Rect,
    table: Rect,
    detail: Rect,
    figures: Rect,
}

fn lay_out(app: &App, run: &OpenRun, theme: &Theme, area: Rect) -> Laid {
    let width = usize::from(area.width);
    let dataset = &app.dataset;
    let mut head = vec![
        rule(&title(dataset, theme), true, width, theme),
        progress(app, run, width, theme),
        filter(dataset, width, theme),
    ];
    if let Some(failure) = &dataset.failure {
        let text = format!("{} {}", theme.glyphs.no, sanitize(failure));
        let lines = paragraph(&text, width, 0, theme.bad);
        head.extend(lines.into_iter().take(2));
    }
    let top = u16::try_from(head.len())
        .unwrap_or(u16::MAX)
        .min(area.height);
    let rest = Rect {
        y: area.y + top,
        height: area.height - top,
        ..area
    };
    let below = if area.height >= ROOM_FOR_FIGURES {
        (rest.height * 2 / 5).clamp(figures::LEAST, figures::MOST)
    } else {
        0
    };
    let detail = if area.height >= ROOM_FOR_DETAIL {
        DETAIL + 1
    } else {
        0
    };
    let table = Rect {
        height: rest.height.saturating_sub(below + detail),
        ..rest
    };
    let detail = Rect {
        y: table.bottom(),
        height: detail,
        ..rest
    };
    let figures = Rect {
        y: detail.bottom(),
        height: below,
        ..rest
    };
    Laid {
        head,
        rest,
        table,
        detail,
        figures,
    }
}

/// Returns how much of the table fits.
pub(super) fn fit(app: &App, theme: &Theme, area: Rect) -> Fit {
    let run = app.dataset.run.as_ref();
    let table = run.map_or(Rect::ZERO, |run| lay_out(app, run, theme, area).table);
    Fit {
        rows: app.dataset.shown.len(),
        height: table.height.saturating_sub(1).into(),
    }
}

pub(super) fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let width = usize::from(area.width);
    let dataset = &app.dataset;
    let Some(run) = &dataset.run else {
        let mut head = vec![rule(&title(dataset, theme), true, width, theme)];
        head.extend(without_run(app, width, theme));
        frame.render_widget(Paragraph::new(head), area);
        return;
    };
    let laid = lay_out(app, run, theme, area);
    let top = Rect {
        height: area.height - laid.rest.height,
        ..area
    };
    frame.render_widget(Paragraph::new(laid.head), top);
    if dataset.only_figures {
        figures::draw(frame, laid.rest, app, theme);
        return;
    }
    draw_table(frame, laid.table, app, run, theme);
    if laid.detail.height > 0 {
        frame.render_widget(Paragraph::new(told(app, width, theme)), laid.detail);
    }
    if laid.figures.height > 0 {
        figures::draw(frame, laid.figures, app, theme);
    }
}

/// The page as lines of text, with all its rows.
pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let dataset = &app.dataset;
    let Some(run) = &dataset.run else {
        return Sheet {
            head: without_run(app, width, theme),
            ..Sheet::default()
        };
    };
    let columns = table::Columns::for_width(width);
    let mut head = vec![
        progress(app, run, width, theme),
        filter(dataset, width, theme),
    ];
    head.push(columns.header(dataset, theme));
    let items = dataset.shown.iter().filter_map(|at| run.items.get(*at));
    Sheet {
        head,
        rows: items
            .map(|item| columns.row(item, dataset, false, theme))
            .collect(),
        legend: figures::as_text(app, theme),
        ..Sheet::default()
    }
}

pub(super) fn title(dataset: &Dataset, theme: &Theme) -> Title {
    let Some(run) = &dataset.run else {
        return Title {
            name: "Data set".to_owned(),
            ..Title::default()
        };
    };
    let (shown, all) = (dataset.shown.len(), run.items.len());
    Title {
        name: "Data set".to_owned(),
        about: sanitize(&format!(
            "{} {} {}",
            run.name(),
            theme.glyphs.dot,
            run.header.data.origin
        ))
        .into_string(),
        remark: if shown == all {
            format!("all {all} shown")
        } else {
            format!("{shown} of {all} shown")
        },
    }
}

/// What can be done while no run is open.
fn without_run(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let dataset = &app.dataset;
    let mut lines = Vec::new();
    if let Some(failure) = &dataset.failure {
        let text = format!("{} {}", theme.glyphs.no, failure);
        lines.extend(paragraph(&text, width, 0, theme.bad));
        lines.push(Line::default());
    }
    let text = match (&dataset.opening, dataset.work) {
        (Some(folder), RunActivity::None) => format!("Opening {}", folder.display()),
        (_, RunActivity::Running | RunActivity::Pausing) => {
            "The run was started; its first problems come once its model is loaded".to_owned()
        }
        (None, RunActivity::None) => "No run is open".to_owned(),
    };
    lines.extend(paragraph(&text, width, 0, theme.text));
    if dataset.opening.is_some() || dataset.work != RunActivity::None {
        return lines;
    }
    lines.push(Line::default());
    for (key, text) in [
        ("o", "opens the folder that `undertone run --out DIR` wrote"),
        (
            "n",
            "starts a run of the loaded model: it runs in a separate process, can be paused and resumed, \
             and the explorer stays usable meanwhile",
        ),
    ] {
        let key = LineBuilder::new().push(key, theme.key);
        lines.extend(key.hanging(text, 3, width, theme.dim));
    }
    lines
}

/// The progress of the run: whether it is being computed, and whether it belongs to the loaded model.
fn progress(app: &App, run: &OpenRun, width: usize, theme: &Theme) -> Line<'static> {
    const CELLS: usize = 12;
    let dataset = &app.dataset;
    let glyphs = theme.glyphs;
    let (done, of) = (run.items.len(), run.of);
    let full = (done * CELLS).checked_div(of).unwrap_or(CELLS).min(CELLS);
    let (state, style) = match dataset.work {
        RunActivity::Running => ("running, p or quitting pauses", theme.key),
        RunActivity::Pausing => ("pausing, finishing current work", theme.off),
        RunActivity::None if !run.is_read => ("loading", theme.key),
        RunActivity::None if run.is_whole() => ("complete", theme.text),
        RunActivity::None => ("partial, p resumes", theme.off),
    };
    let of_model = app.model.info().map(|info| differs(info, &run.header));
    let (said, said_style) = match of_model {
        None => (String::new(), theme.dim),
        Some(None) => (format!("{} the loaded model", glyphs.yes), theme.good),
        Some(Some(why)) => (format!("{} {}", glyphs.differs, sanitize(&why)), theme.off),
    };
    let count = if of == 1 { "problem" } else { "problems" };
    let row = LineBuilder::new()
        .push(glyphs.bar.repeat(full), theme.bar)
        .push(glyphs.rule.repeat(CELLS - full), theme.dim)
        .push(
            format!(" {done} of {of} {count} {} ", glyphs.dot),
            theme.text,
        );
    let room = width.saturating_sub(row.width());
    let row = row.push(cut(state, room, theme), style);
    let room = width.saturating_sub(row.width() + 2);
    if room < 12 || said.is_empty() {
        return row.line();
    }
    row.right(cut(&said, room, theme), width, said_style).line()
}

fn filter(dataset: &Dataset, width: usize, theme: &Theme) -> Line<'static> {
    let order = if dataset.reversed {
        ", turned around"
    } else {
        ""
    };
    let order = format!("sorted by {}{order}", dataset.sort.name());
    let row = LineBuilder::new().push("filter ", theme.dim);
    let room = width.saturating_sub(row.width() + text_width(&order) + 2);
    let text = dataset.filter.to_string();
    let row = if text.is_empty() {
        row.push(cut("none, / sets one", room, theme), theme.dim)
    } else {
        row.push(cut(&sanitize(&text), room, theme), theme.strong)
    };
    row.right(order, width, theme.dim).line()
}

fn draw_table(frame: &mut Frame, area: Rect, app: &App, run: &OpenRun, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let dataset = &app.dataset;
    let width = usize::from(area.width);
    let height = usize::from(area.height - 1);
    let columns = table::Columns::for_width(width);
    let mut lines = vec![columns.header(dataset, theme)];
    if dataset.shown.is_empty() {
        let text = if run.items.is_empty() {
            "No problems yet"
        } else {
            "No problem passes the filter, / changes it"
        };
        lines.extend(paragraph(text, width, 0, theme.dim));
    }
    let first = first_row(dataset.row, dataset.shown.len(), height);
    let here = dataset.shown.iter().enumerate().skip(first).take(height);
    lines.extend(here.filter_map(|(row, at)| {
        let item = run.items.get(*at)?;
        Some(columns.row(item, dataset, row == dataset.row, theme))
    }));
    frame.render_widget(Paragraph::new(lines), area);
}

/// The problem under the cursor: its question, and facts the table has no room for.
fn told(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let mut lines = vec![
        LineBuilder::new()
            .push(glyphs.rule.repeat(width), theme.dim)
            .line(),
    ];
    let Some(item) = app.dataset.item() else {
        return lines;
    };
    let question = crate::core::text::wrap(&item.question, width);
    let is_long = question.len() > 2;
    for (i, part) in question.into_iter().take(2).enumerate() {
        let part = if i == 1 && is_long {
            cut(&format!("{part} {}", glyphs.ellipsis), width, theme)
        } else {
            part
        };
        lines.push(LineBuilder::new().push(part, theme.text).line());
    }
    if let Some(why) = &item.refused {
        let row = LineBuilder::new().push(format!("{} ", glyphs.no), theme.bad);
        let room = width.saturating_sub(row.width());
        lines.push(row.push(cut(why, room, theme), theme.text).line());
        return lines;
    }
    let mut facts = vec![format!(
        "answer {}",
        item.answer.as_deref().unwrap_or("none")
    )];
    facts.extend(
        item.logprob()
            .map(|v| format!("log-prob {}", plain(v, 2, glyphs))),
    );
    facts.extend(item.p().map(|p| format!("p {}", probability_of(p))));
    facts.extend(item.first().map(|k| format!("first match after {k}")));
    facts.extend((item.early.as_ref()).map(|early| format!("stable from {} on", early.stable)));
    if let Some(delta) = item.delta() {
        let value = app
            .dataset
            .run
            .as_ref()
            .map(|run| run.header.settings.value);
        let value = value.map_or("", |value| value.as_str());
        facts.push(format!(
            "all latents off ({value}) {}",
            signed(delta, 2, glyphs)
        ));
    }
    if let Some(notes) = app.dataset.notes.get(&item.key) {
        let [open, close] = glyphs.quotes;
        let last = app.last_note(item).map(|note| match note.tag {
            Some(tag) if note.text.is_empty() => tag.as_str().to_owned(),
            _ => format!(
                "{open}{}{close}",
                cut_foreign(&note.text, LONGEST_NOTE, theme)
            ),
        });
        let last = last.map_or_else(String::new, |last| format!(", last {last}"));
        // First, because overlong text is cut at the end.
        facts.insert(0, crate::core::text::count(notes.len(), "note") + &last);
    }
    let text = facts.join(&format!(" {} ", glyphs.dot));
    lines.push(
        LineBuilder::new()
            .push(cut(&text, width, theme), theme.dim)
            .line(),
    );
    lines
}
