//! Figures over the shown problems: rungs among right and wrong answers with intervals, accuracy by number of latents,
//! and risk by coverage when answers are ordered by rung or by log-probability. Every figure shows its n.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::symbols::{Marker, bar};
use ratatui::text::Line;
use ratatui::widgets::{Axis, Bar, BarChart, BarGroup, Chart, Dataset, GraphType, Paragraph};

use crate::core::stats::{Share, float};
use crate::explorer::app::App;
use crate::explorer::app::dataset::Figures;
use crate::explorer::app::dataset::figures::{AtRung, Risk};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::number::{percent, whole_percent};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::panes::verdict::rung;
use crate::explorer::ui::rule;
use crate::explorer::ui::theme::Theme;

/// Minimum and maximum rows of the figures below the table.
pub(super) const LEAST: u16 = 11;
pub(super) const MOST: u16 = 18;
/// Column widths of the rung table: name, and count with share and interval.
const NAME: u16 = 15;
const COUNT: u16 = 20;
/// Minimum and maximum width of the bars beside them.
const BARS: (u16, u16) = (4, 18);
/// The narrowest useful plot.
const PLOT: u16 = 22;
/// The tallest plot.
const TALLEST: u16 = 24;
/// Space between the table and the plots.
const GAP: u16 = 3;

/// Draws what fits: side by side if there is room, else the plots below the rung table.
pub(super) fn draw(frame: &mut Frame, area: Rect, app: &App, theme: &Theme) {
    if area.height < 3 {
        return;
    }
    let figures = &app.dataset.figures;
    let title = Title {
        name: "Figures".to_owned(),
        about: "of the problems shown".to_owned(),
        remark: right(figures),
    };
    let top = Rect { height: 1, ..area };
    let line = rule(&title, false, area.width.into(), theme);
    frame.render_widget(Paragraph::new(line), top);
    let rest = Rect {
        y: area.y + 1,
        height: area.height - 1,
        ..area
    };
    let least = NAME + 2 * (COUNT + BARS.0);
    let is_wide = rest.width >= least + 2 * (GAP + PLOT);
    if is_wide {
        // Table and plots share the width; the bars take the rest, up to their maximum.
        let table = (rest.width * 2 / 5).clamp(least, NAME + 2 * (COUNT + BARS.1));
        rungs(
            frame,
            Rect {
                width: table,
                ..rest
            },
            figures,
            theme,
        );
        let plots = Rect {
            x: rest.x + table + GAP,
            width: rest.width - table - GAP,
            ..rest
        };
        return both(frame, plots, figures, theme);
    }
    let rows = height_of(figures).saturating_add(1);
    let height = rows.min(rest.height);
    rungs(frame, Rect { height, ..rest }, figures, theme);
    let gap = u16::from(rest.height > rows + 8);
    let below = Rect {
        y: rest.y + height + gap,
        height: rest.height.saturating_sub(height + gap),
        ..rest
    };
    if below.height >= 6 && below.width >= 2 * PLOT + GAP {
        both(frame, below, figures, theme);
    }
}

pub(super) fn as_text(app: &App, theme: &Theme) -> Vec<String> {
    let figures = &app.dataset.figures;
    let mut lines = vec![right(figures)];
    if figures.has_verdicts() {
        lines.extend(
            table(figures, 0, theme)
                .into_iter()
                .map(|row| row.line().to_string()),
        );
    }
    for (k, share) in &figures.by_k {
        lines.push(format!(
            "answer after {k}: {} right of {}",
            percent(share),
            share.n
        ));
    }
    lines
}

/// The share of right answers, as text.
fn right(figures: &Figures) -> String {
    match &figures.right {
        _ if figures.n == 0 => "no problems shown".to_owned(),
        Some(share) => format!("{} right, {} of {}", percent(share), share.hits, share.n),
        None => format!("n {}, no gold answer is known", figures.n),
    }
}

fn both(frame: &mut Frame, area: Rect, figures: &Figures, theme: &Theme) {
    // Taller plots show nothing more.
    let area = Rect {
        height: area.height.min(TALLEST),
        ..area
    };
    let width = area.width.saturating_sub(GAP) / 2;
    let left = Rect { width, ..area };
    let right = Rect {
        x: area.x + width + GAP,
        width,
        ..area
    };
    by_k(frame, left, figures, theme);
    risk(frame, right, figures.risk.as_ref(), theme);
}

fn counted(share: &Share) -> String {
    if share.n == 0 {
        return share.hits.to_string();
    }
    let (low, high) = share.ci95;
    let [low, high] = [low, high].map(|end| 100.0 * end);
    let whole = whole_percent(share);
    format!("{} {whole:>4} % [{low:>2.0}, {high:>2.0}]", share.hits)
}

/// The rungs among right and wrong answers, one per row below a header, with room for bars after the first count.
fn table(figures: &Figures, bars: usize, theme: &Theme) -> Vec<LineBuilder> {
    let first = usize::from(NAME + COUNT);
    let second = first + bars + usize::from(COUNT);
    let total = |of: fn(&AtRung) -> Share| figures.rungs.first().map_or(0, |at| of(at).n);
    let head = LineBuilder::new()
        .push("rung", theme.dim)
        .right(
            format!("right, n {}", total(|at| at.right)),
            first,
            theme.dim,
        )
        .right(
            format!("wrong, n {}", total(|at| at.wrong)),
            second,
            theme.dim,
        );
    let rows = figures.rungs.iter().map(|at| {
        let (name, style) = rung(at.rung, at.by_chance, theme);
        // Empty shares are dimmed.
        let style_of = |share: &Share, style| if share.hits == 0 { theme.dim } else { style };
        let both = Share::new(at.right.hits + at.wrong.hits, at.right.n + at.wrong.n);
        LineBuilder::new()
            .push(name, style_of(&both, style))
            .right(counted(&at.right), first, style_of(&at.right, theme.text))
            .right(counted(&at.wrong), second, style_of(&at.wrong, theme.text))
    });
    std::iter::once(head).chain(rows).collect()
}

/// Returns the number of rows of the rung table without its header.
fn height_of(figures: &Figures) -> u16 {
    u16::try_from(figures.rungs.len()).unwrap_or(u16::MAX)
}

fn rungs(frame: &mut Frame, area: Rect, figures: &Figures, theme: &Theme) {
    if !figures.has_verdicts() {
        let text = "No verdicts";
        let line = LineBuilder::new().push(text, theme.dim).line();
        frame.render_widget(Paragraph::new(line), area);
        return;
    }
    let bars = (area.width.saturating_sub(NAME + 2 * COUNT) / 2).min(BARS.1);
    let rows = table(figures, bars.into(), theme).into_iter();
    let mut lines: Vec<Line> = rows.map(LineBuilder::line).collect();
    if figures.unknown > 0 {
        let text = format!("{} verdicts without a gold answer", figures.unknown);
        lines.push(LineBuilder::new().push(text, theme.dim).line());
    }
    frame.render_widget(Paragraph::new(lines), area);
    if bars < 2 {
        return;
    }
    let rows = Rect {
        y: area.y + 1,
        height: area.height.saturating_sub(1).min(height_of(figures)),
        width: bars - 1,
        ..area
    };
    let right: Vec<f64> = figures.rungs.iter().map(|at| at.right.accuracy).collect();
    let wrong: Vec<f64> = figures.rungs.iter().map(|at| at.wrong.accuracy).collect();
    let x = area.x + NAME + COUNT + 1;
    shares(frame, Rect { x, ..rows }, &right, theme.good, theme);
    let x = x + bars + COUNT;
    shares(frame, Rect { x, ..rows }, &wrong, theme.bad, theme);
}

/// Draws shares as bars, one per row.
fn shares(frame: &mut Frame, area: Rect, shares: &[f64], style: Style, theme: &Theme) {
    const WHOLE: f64 = 1_000.0;
    let area = area.intersection(frame.area());
    if area.width == 0 || area.height == 0 {
        return;
    }
    let bars: Vec<Bar> = shares
        .iter()
        .map(|share| {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share is between 0 and 1"
            )]
            let value = (share * WHOLE).round() as u64;
            Bar::new(value).style(style).text_value(String::new())
        })
        .collect();
    let set = if is_ascii(theme) {
        bar::Set {
            full: "#",
            ..ASCII_BARS
        }
    } else {
        bar::NINE_LEVELS
    };
    let chart = BarChart::grouped(vec![BarGroup::new(bars)])
        .direction(ratatui::layout::Direction::Horizontal)
        .bar_width(1)
        .bar_gap(0)
        .group_gap(0)
        .bar_set(set)
        .max(1_000);
    frame.render_widget(chart, area);
    if is_ascii(theme) {
        to_ascii(frame.buffer_mut(), area);
    }
}

const ASCII_BARS: bar::Set = bar::Set {
    full: "#",
    seven_eighths: "#",
    three_quarters: "#",
    five_eighths: "#",
    half: "#",
    three_eighths: " ",
    one_quarter: " ",
    one_eighth: " ",
    empty: " ",
};

/// A plot with its title.
struct Plot<'a> {
    title: [String; 2],
    sets: Vec<Dataset<'a>>,
    x: ([f64; 2], [String; 3]),
    y: ([f64; 2], [String; 2]),
}

impl Plot<'_> {
    fn draw(self, frame: &mut Frame, area: Rect, theme: &Theme) {
        if area.height < 6 {
            return;
        }
        let top = Rect { height: 2, ..area };
        let lines = self.title.iter().map(|text| {
            let text = cut(text, area.width.into(), theme);
            LineBuilder::new().push(text, theme.dim).line()
        });
        frame.render_widget(Paragraph::new(lines.collect::<Vec<Line>>()), top);
        let area = Rect {
            y: area.y + 2,
            height: area.height - 2,
            ..area
        };
        let labels = |labels: &[String]| -> Vec<Line<'static>> {
            let styled = labels
                .iter()
                .map(|text| Line::styled(text.clone(), theme.dim));
            styled.collect()
        };
        let chart = Chart::new(self.sets)
            .legend_position(None)
            .x_axis(
                Axis::default()
                    .style(theme.dim)
                    .bounds(self.x.0)
                    .labels(labels(&self.x.1)),
            )
            .y_axis(
                Axis::default()
                    .style(theme.dim)
                    .bounds(self.y.0)
                    .labels(labels(&self.y.1)),
            );
        frame.render_widget(chart, area);
        if is_ascii(theme) {
            to_ascii(frame.buffer_mut(), area);
        }
    }
}

/// Accuracy when the model is forced to answer after `k` latents, with intervals.
fn by_k(frame: &mut Frame, area: Rect, figures: &Figures, theme: &Theme) {
    let points: Vec<(f64, f64)> = figures
        .by_k
        .iter()
        .map(|(k, share)| (float(*k), share.accuracy))
        .collect();
    let (Some((first, _)), Some((last, share))) = (figures.by_k.first(), figures.by_k.last())
    else {
        return nothing(frame, area, "No early exits", theme);
    };
    let spans: Vec<[(f64, f64); 2]> = figures
        .by_k
        .iter()
        .map(|(k, share)| [(float(*k), share.ci95.0), (float(*k), share.ci95.1)])
        .collect();
    let mut sets: Vec<Dataset> = spans
        .iter()
        .map(|span| set(span, GraphType::Line, span_marker(theme), theme.dim))
        .collect();
    sets.push(set(
        &points,
        GraphType::Scatter,
        dot_marker(theme),
        theme.bar,
    ));
    let (from, to) = (float(*first), float(*last));
    Plot {
        title: [
            format!("accuracy by k, n {}", share.n),
            "with 95 % intervals".to_owned(),
        ],
        sets,
        x: (
            [from - 0.2, to.max(from + 1.0) + 0.2],
            [first.to_string(), "k".to_owned(), last.to_string()],
        ),
        y: ([0.0, 1.0], ["0".to_owned(), "100 %".to_owned()]),
    }
    .draw(frame, area, theme);
}

/// The share of wrong answers among those given, most certain first.
fn risk(frame: &mut Frame, area: Rect, risk: Option<&Risk>, theme: &Theme) {
    let Some(risk) = risk else {
        return nothing(frame, area, "No verdicts with log-probabilities", theme);
    };
    let all = risk.by_rung.iter().chain(&risk.by_logprob);
    let highest = all.map(|(_, risk)| *risk).fold(0.0, f64::max);
    // A round maximum, so that two sets of problems can be compared.
    let most = [0.05, 0.1, 0.2, 0.5, 1.0];
    let most = most.into_iter().find(|m| *m >= highest).unwrap_or(1.0);
    let sets = vec![
        set(
            &risk.by_logprob,
            GraphType::Scatter,
            dot_marker(theme),
            theme.off,
        ),
        set(
            &risk.by_rung,
            GraphType::Line,
            line_marker(theme),
            theme.bar,
        ),
    ];
    let (line, dot) = if is_ascii(theme) {
        ("*", "o")
    } else {
        ("\u{2584}", "\u{2022}")
    };
    Plot {
        title: [
            format!("risk by coverage, n {}", risk.n),
            format!("{line} by rung  {dot} by log-prob"),
        ],
        sets,
        x: (
            [0.0, 1.0],
            ["0".to_owned(), String::new(), "100 %".to_owned()],
        ),
        y: (
            [0.0, most],
            ["0".to_owned(), format!("{:.0} %", 100.0 * most)],
        ),
    }
    .draw(frame, area, theme);
}

fn nothing(frame: &mut Frame, area: Rect, text: &str, theme: &Theme) {
    let text = cut(text, area.width.into(), theme);
    let line = LineBuilder::new().push(text, theme.dim).line();
    frame.render_widget(Paragraph::new(line), area);
}

fn set(data: &[(f64, f64)], kind: GraphType, marker: Marker, style: Style) -> Dataset<'_> {
    Dataset::default()
        .data(data)
        .graph_type(kind)
        .marker(marker)
        .style(style)
}

fn line_marker(theme: &Theme) -> Marker {
    if is_ascii(theme) {
        Marker::Custom('*')
    } else {
        Marker::Quadrant
    }
}

fn span_marker(theme: &Theme) -> Marker {
    Marker::Custom(if is_ascii(theme) { '|' } else { '\u{2502}' })
}

fn dot_marker(theme: &Theme) -> Marker {
    if is_ascii(theme) {
        Marker::Custom('o')
    } else {
        Marker::Dot
    }
}

fn is_ascii(theme: &Theme) -> bool {
    theme.glyphs.yes.is_ascii()
}

/// Replaces the symbols that the widgets draw by ASCII.
fn to_ascii(buffer: &mut Buffer, area: Rect) {
    for position in area.intersection(buffer.area).positions() {
        let Some(cell) = buffer.cell_mut(position) else {
            continue;
        };
        let twin = match cell.symbol() {
            symbol if symbol.is_ascii() => continue,
            "\u{2502}" => '|',
            "\u{2500}" => '-',
            "\u{2514}" => '+',
            _ => '*',
        };
        cell.set_char(twin);
    }
}
