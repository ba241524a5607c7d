//! Drawing: a function of the state and the theme. The state stays unchanged, and nothing of a frame is kept for the next.
//!
//! ```text
//!  undertone  model · family · dtype · device · sha                        status
//!  Problem  origin ─────────────────────────────────────────────────────────────
//!  the question
//!  Run  4 latents ──────────────────────────────────────────────── off 2 · mean
//!  token   … now ?  start   1   [2]   3   4   end  ###  39
//!  Latent 2 ───────────────────────────   Answer ───────────────────────────────
//!  top-k, early exit, phrases             Verdict ──────────────────────────────
//!  Notes ──────────────────────────────
//!  ←→ step  space off/on  v value …                                     ? help
//! ```
//! A page replaces everything between problem and footer; the data-set page also replaces the problem.
//! From 160 columns on there are three columns; below 100 the lower panes share one area, with tabs.

pub mod clipboard;
pub mod footer;
pub mod glyphs;
pub mod header;
pub mod layout;
pub mod line;
pub mod number;
pub mod overlays;
pub mod pages;
pub mod panes;
pub mod syntax;
pub mod table;
pub mod theme;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use crate::core::text::width;
use crate::explorer::app::{App, Fit, Page, Pane};
use crate::explorer::ui::layout::{Lower, Panes, Screen, Wanted};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::theme::Theme;

/// Room for `12/40` next to an untitled pane.
const PLACE_WIDTH: u16 = 6;

/// Draws the whole screen.
pub fn draw(app: &App, theme: &Theme, frame: &mut Frame) {
    let area = frame.area();
    match layout(app, theme, area) {
        Panes::TooSmall { need, have } => too_small(frame, area, need, have, theme),
        Panes::Screen(screen) => {
            line(
                frame,
                screen.header,
                header::line(app, screen.header.width.into(), theme),
            );
            if app.chrome.page != Page::Run {
                page(frame, &screen, app, theme);
            } else if app.chrome.zoomed {
                pane(frame, screen.body, app, app.chrome.focus, theme);
            } else {
                panes(frame, &screen, app, theme);
            }
            line(
                frame,
                screen.footer,
                footer::line(app, screen.footer.width.into(), theme),
            );
            overlays::draw(app, theme, frame, area);
        }
    }
}

/// Returns how much of the open page, or else of the focused pane, fits on a screen.
#[must_use]
pub fn fit(app: &App, theme: &Theme, area: Rect) -> Fit {
    let Panes::Screen(screen) = layout(app, theme, area) else {
        return Fit::default();
    };
    if app.chrome.page != Page::Run {
        return pages::fit(app, theme, page_area(&screen, app));
    }
    let area = focused_text(&screen, app, theme);
    let lines = panes::lines(app, app.chrome.focus, area.width.into(), theme);
    Fit {
        rows: lines.len(),
        height: area.height.into(),
    }
}

fn layout(app: &App, theme: &Theme, area: Rect) -> Panes {
    match Panes::for_area(area, Wanted::default()) {
        // Contents are not measured on a screen too small to draw.
        small @ Panes::TooSmall { .. } => small,
        Panes::Screen(_) => Panes::for_area(area, wanted(app, area, theme)),
    }
}

/// The area of the focused pane's text.
fn focused_text(screen: &Screen, app: &App, theme: &Theme) -> Rect {
    if app.chrome.zoomed {
        return below_title(screen.body);
    }
    match (app.chrome.focus, screen.lower) {
        (Pane::Problem, _) if screen.titled => below_title(screen.problem),
        (Pane::Problem, _) => untitled_text(screen.problem, app, theme),
        (_, Lower::Tabs { pane, .. }) => pane,
        (Pane::Detail, Lower::Columns { detail, .. }) => below_title(detail),
        (Pane::Answer, Lower::Columns { answer, .. }) => below_title(answer),
        (Pane::Verdict, Lower::Columns { verdict, .. }) => below_title(verdict),
        (Pane::Notes, Lower::Columns { notes, .. }) => below_title(notes),
    }
}

fn below_title(area: Rect) -> Rect {
    Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1),
        ..area
    }
}

/// Returns whether there is room for the problem above the open page; the data-set page is not about one.
fn shows_problem(screen: &Screen, app: &App) -> bool {
    const ROOM_FOR_THE_PROBLEM: u16 = 30;
    screen.body.height >= ROOM_FOR_THE_PROBLEM && app.chrome.page != Page::Data
}

fn page_area(screen: &Screen, app: &App) -> Rect {
    let body = screen.body;
    if !shows_problem(screen, app) {
        return body;
    }
    let top = screen.problem.bottom() + screen.problem.y.saturating_sub(body.y);
    Rect {
        y: top,
        height: body.bottom().saturating_sub(top),
        ..body
    }
}

/// Draws the open page. If there is room, the problem stays above it.
fn page(frame: &mut Frame, screen: &Screen, app: &App, theme: &Theme) {
    if shows_problem(screen, app) {
        pane(frame, screen.problem, app, Pane::Problem, theme);
    }
    pages::draw(frame, page_area(screen, app), app, theme);
}

/// The heights the contents want, at the widths they will get.
fn wanted(app: &App, area: Rect, theme: &Theme) -> Wanted {
    let columns = match area.width {
        layout::VERY_WIDE.. => 3,
        layout::WIDE.. => 2,
        _ => 1,
    };
    let width = usize::from((area.width.saturating_sub(2) / columns).saturating_sub(2));
    let full = usize::from(area.width.saturating_sub(2));
    let rows = |pane, width| {
        u16::try_from(panes::lines(app, pane, width, theme).len()).unwrap_or(u16::MAX)
    };
    Wanted {
        problem: rows(Pane::Problem, full),
        answer: if columns == 3 {
            rows(Pane::Answer, width)
        } else {
            // The timeline shows the early exits too, so they are the part left to scrolling.
            u16::try_from(panes::answer::height_without_exits(app, width, theme))
                .unwrap_or(u16::MAX)
        },
        verdict: rows(Pane::Verdict, width),
        notes: rows(Pane::Notes, width),
    }
}

fn too_small(frame: &mut Frame, area: Rect, need: (u16, u16), have: (u16, u16), theme: &Theme) {
    let times = theme.glyphs.times;
    let text = format!(
        "needs {}{times}{}, has {}{times}{}",
        need.0, need.1, have.0, have.1
    );
    if area.height > 0 {
        line(frame, Rect { height: 1, ..area }, Line::from(text));
    }
}

fn panes(frame: &mut Frame, screen: &Screen, app: &App, theme: &Theme) {
    if screen.titled {
        pane(frame, screen.problem, app, Pane::Problem, theme);
    } else {
        untitled_problem(frame, screen.problem, app, theme);
    }
    let mut run = screen.timeline;
    if screen.titled {
        let title = panes::timeline::title(app, theme);
        let top = Rect { height: 1, ..run };
        line(frame, top, rule(&title, false, top.width.into(), theme));
        run.y += 1;
        run.height -= 1;
    }
    frame.render_widget(
        Paragraph::new(panes::timeline::lines(
            app,
            run.width.into(),
            run.height.into(),
            theme,
        )),
        run,
    );
    match screen.lower {
        Lower::Tabs {
            summary,
            tabs,
            pane,
        } => {
            line(
                frame,
                summary,
                panes::summary::line(app, summary.width.into(), theme),
            );
            let (first, last, total) = body(frame, pane, app, app.chrome.tab, theme);
            let is_cut = first > 0 || last < total;
            let place = is_cut.then(|| format!("{}-{last}/{total}", first + 1));
            let bar = tab_bar(app, place.as_deref(), tabs.width.into(), theme);
            line(frame, tabs, bar);
        }
        Lower::Columns {
            detail,
            answer,
            verdict,
            notes,
        } => {
            pane(frame, detail, app, Pane::Detail, theme);
            pane(frame, answer, app, Pane::Answer, theme);
            pane(frame, verdict, app, Pane::Verdict, theme);
            pane(frame, notes, app, Pane::Notes, theme);
        }
    }
}

/// The area of the question without a title: all of it if the question fits, else the right edge is left free.
fn untitled_text(area: Rect, app: &App, theme: &Theme) -> Rect {
    let total = panes::lines(app, Pane::Problem, area.width.into(), theme).len();
    if total <= usize::from(area.height) {
        return area;
    }
    Rect {
        width: area.width.saturating_sub(PLACE_WIDTH),
        ..area
    }
}

/// Draws the question without a title. If it does not fit, the right edge shows its position and length.
fn untitled_problem(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    let text = untitled_text(area, app, theme);
    let (_, last, total) = body(frame, text, app, Pane::Problem, theme);
    if text == area {
        return;
    }
    let place = Rect {
        x: text.right(),
        y: area.bottom().saturating_sub(1),
        width: PLACE_WIDTH,
        height: 1,
    };
    let row = LineBuilder::new().right(format!("{last}/{total}"), PLACE_WIDTH.into(), theme.dim);
    line(frame, place, row.line());
}

fn pane(frame: &mut Frame, area: Rect, app: &App, which: Pane, theme: &Theme) {
    if area.height == 0 {
        return;
    }
    let rest = below_title(area);
    let (first, last, total) = body(frame, rest, app, which, theme);
    let mut title = panes::title(app, which, theme);
    if total > usize::from(rest.height) {
        let place = format!("{}-{last}/{total}", (first + 1).min(last));
        title.add_place(&place, theme);
    }
    let top = Rect { height: 1, ..area };
    let is_focused = app.chrome.focus == which;
    line(
        frame,
        top,
        rule(&title, is_focused, top.width.into(), theme),
    );
}

/// Draws the lines of a pane at its scroll position. Returns the first and last visible row and the total.
fn body(
    frame: &mut Frame,
    area: Rect,
    app: &App,
    which: Pane,
    theme: &Theme,
) -> (usize, usize, usize) {
    let lines = panes::lines(app, which, area.width.into(), theme);
    let total = lines.len();
    let height = usize::from(area.height);
    let scrolled = app.chrome.scroll.get(&which).copied().unwrap_or(0);
    let first = scrolled.min(total.saturating_sub(height));
    let shown: Vec<Line> = lines.into_iter().skip(first).take(height).collect();
    let last = first + shown.len();
    frame.render_widget(Paragraph::new(shown), area);
    (first, last, total)
}

/// A title followed by a rule; the rule of the focused pane is heavier.
fn rule(title: &Title, has_focus: bool, width_: usize, theme: &Theme) -> Line<'static> {
    let (style, rule) = if has_focus {
        (theme.focus, theme.glyphs.heavy_rule)
    } else {
        (theme.title, theme.glyphs.rule)
    };
    let mut row = LineBuilder::new()
        .push(cut(&title.name, width_ / 2, theme), style)
        .push(" ", theme.text);
    // The subject keeps a third of the line; the remark gets what it needs of the rest.
    let about_width = width(&title.about).min(width_ / 3);
    let remark = cut(
        &title.remark,
        width_.saturating_sub(row.width() + about_width + 5),
        theme,
    );
    let remark_width = if remark.is_empty() {
        0
    } else {
        width(&remark) + 1
    };
    if !title.about.is_empty() {
        let room = width_.saturating_sub(row.width() + remark_width + 4);
        row = row
            .push(cut(&title.about, room, theme), theme.dim)
            .push(" ", theme.text);
    }
    let fill = width_.saturating_sub(row.width() + remark_width);
    let rule_style = if has_focus { theme.key } else { theme.dim };
    row = row.push(rule.repeat(fill), rule_style);
    if !remark.is_empty() {
        row = row.push(format!(" {remark}"), theme.dim);
    }
    row.line()
}

/// The names of the panes that share one area, each with its most important fact.
fn tab_bar(app: &App, place: Option<&str>, width_: usize, theme: &Theme) -> Line<'static> {
    let mut row = LineBuilder::new();
    for tab in Pane::TABS {
        let name = match tab {
            Pane::Detail => panes::title(app, Pane::Detail, theme).name,
            _ => tab.name().to_owned(),
        };
        let style = match (tab == app.chrome.tab, app.chrome.focus == tab) {
            (true, true) => theme.strong.patch(theme.selected),
            (true, false) => theme.selected,
            _ => theme.dim,
        };
        row = row.push(format!(" {} ", cut(&name, 16, theme)), style);
        if tab == Pane::Verdict
            && let Some((badge, style)) = panes::verdict::badge(app, theme)
        {
            row = row.push(format!("{badge} "), style);
        }
        if tab == Pane::Notes && !app.run.session.notes.is_empty() {
            row = row.push(app.run.session.notes.len().to_string(), theme.dim);
        }
    }
    match place {
        Some(place) if row.width() + width(place) < width_ => {
            row.right(place, width_, theme.dim).line()
        }
        _ => row.line(),
    }
}

fn line(frame: &mut Frame, area: Rect, line: Line) {
    frame.render_widget(Paragraph::new(line), area);
}
