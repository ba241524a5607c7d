//! A plot as SVG, drawn by plotters. The page's style sheet replaces its colours to follow light and dark mode.

use std::fmt::Display;

use maud::html;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::element::DashedPathElement;
use plotters::prelude::*;

use crate::core::stats::float;
use crate::core::text::sanitize;
use crate::lab::present::plot::{Axis, Plot, PlotShape, Point, Series};

/// Width and height in units of the drawing.
const WIDTH: u32 = 440;
const HEIGHT: u32 = 310;
/// A series with more points is drawn as a curve without markers and intervals.
const MOST_MARKERS: usize = 24;
/// Font size, which plotters divides by 1.24.
const FONT: i32 = 16;

/// Text and intervals.
const INK: RGBColor = RGBColor(0x22, 0x22, 0x24);
/// Axes and the diagonal.
const AXIS: RGBColor = RGBColor(0x77, 0x77, 0x79);
/// Grid lines.
const GRID: RGBColor = RGBColor(0xdd, 0xdd, 0xdf);
/// The colours of the series in order; `style.css` refers to them.
pub const SERIES: [RGBColor; 6] = [
    RGBColor(0x1f, 0x5f, 0xa8),
    RGBColor(0xc4, 0x5a, 0x11),
    RGBColor(0x2b, 0x82, 0x67),
    RGBColor(0x86, 0x56, 0xa6),
    RGBColor(0x8d, 0x6f, 0x1f),
    RGBColor(0xb0, 0x3a, 0x5f),
];

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type Chart<'a> = ChartContext<'a, SVGBackend<'a>, Cartesian2d<RangedCoordf64, RangedCoordf64>>;

/// Draws the plot as an SVG element with its title as the accessible name.
///
/// # Errors
/// The message of plotters.
pub fn draw(plot: &Plot) -> Result<String, String> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, HEIGHT)).into_drawing_area();
        match plot.shape {
            PlotShape::Lines => lines(plot, &area)?,
            PlotShape::Bars => bars(plot, &area)?,
        }
        area.present().map_err(words)?;
    }
    let old = format!("<svg width=\"{WIDTH}\" height=\"{HEIGHT}\" ");
    let title = html! { (sanitize(&plot.title)) }.into_string();
    let new = format!("<svg role=\"img\" aria-label=\"{title}\" ");
    Ok(svg.replacen(&old, &new, 1))
}

fn colour(i: usize) -> RGBColor {
    SERIES[i % SERIES.len()]
}

fn words(error: impl Display) -> String {
    error.to_string()
}

/// Returns the end of an axis, with some room above the highest point.
fn top(axis: &Axis) -> f64 {
    if axis.is_count {
        axis.high + 0.2
    } else {
        axis.high * 1.02
    }
}

fn tick(axis: &Axis, value: f64) -> String {
    if axis.is_count {
        format!("{value:.0}")
    } else {
        format!("{:.0} %", 100.0 * value)
    }
}

fn text<'a>() -> TextStyle<'a> {
    ("sans-serif", FONT).into_font().color(&INK)
}

fn lines(plot: &Plot, area: &Area<'_>) -> Result<(), String> {
    let low = if plot.x.is_count { -0.2 } else { 0.0 };
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(18)
        .x_label_area_size(46)
        .y_label_area_size(62)
        .build_cartesian_2d(low..top(&plot.x), 0.0..top(&plot.y))
        .map_err(words)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small count"
    )]
    let ticks = if plot.x.is_count {
        (plot.x.high as usize + 1).min(12)
    } else {
        6
    };
    chart
        .configure_mesh()
        .disable_x_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .x_labels(ticks)
        .y_labels(6)
        .x_label_formatter(&|x| tick(&plot.x, *x))
        .y_label_formatter(&|y| tick(&plot.y, *y))
        .x_desc(plot.x.label.as_str())
        .y_desc(plot.y.label.as_str())
        .label_style(text())
        .axis_desc_style(text())
        .draw()
        .map_err(words)?;
    if plot.has_diagonal {
        let ends = [(0.0, 0.0), (1.0, 1.0)];
        let diagonal = DashedPathElement::new(ends, 2, 4, AXIS.stroke_width(1));
        chart.draw_series([diagonal]).map_err(words)?;
    }
    // Reversed, so that the main series, the first, is on top.
    for (i, series) in plot.series.iter().enumerate().rev() {
        line(&mut chart, i, series)?;
    }
    Ok(())
}

fn line(chart: &mut Chart<'_>, i: usize, series: &Series) -> Result<(), String> {
    let style = colour(i).stroke_width(if i == 0 { 3 } else { 2 });
    let points = series.points.iter().map(|point| (point.x, point.y));
    if i.is_multiple_of(2) {
        chart
            .draw_series(LineSeries::new(points, style))
            .map_err(words)?;
    } else {
        let dashed = DashedLineSeries::new(points, 7, 4, style);
        chart.draw_series(dashed).map_err(words)?;
    }
    if series.points.len() > MOST_MARKERS {
        return Ok(());
    }
    let ends = |point: &Point| {
        let (low, high) = point.ends?;
        Some(PathElement::new(
            [(point.x, low), (point.x, high)],
            colour(i).stroke_width(1),
        ))
    };
    let intervals = series.points.iter().filter_map(ends);
    chart.draw_series(intervals).map_err(words)?;
    let filled = colour(i).filled();
    let at = series.points.iter().map(|point| (point.x, point.y));
    if i.is_multiple_of(2) {
        chart
            .draw_series(at.map(|at| Circle::new(at, 4, filled)))
            .map_err(words)?;
    } else {
        chart
            .draw_series(at.map(|at| TriangleMarker::new(at, 5, filled)))
            .map_err(words)?;
    }
    Ok(())
}

/// Draws horizontal bars, which leave room for long names.
fn bars(plot: &Plot, area: &Area<'_>) -> Result<(), String> {
    let n = float(plot.categories.len());
    let longest = plot
        .categories
        .iter()
        .map(|name| name.chars().count())
        .max();
    let room = u32::try_from(24 + 9 * longest.unwrap_or(0))
        .unwrap_or(WIDTH / 3)
        .min(WIDTH / 3);
    let mut chart = ChartBuilder::on(area)
        .margin(6)
        .margin_right(18)
        .x_label_area_size(46)
        .y_label_area_size(room)
        .build_cartesian_2d(0.0..top(&plot.y), -0.5..n - 0.5)
        .map_err(words)?;
    let name = |y: f64| {
        let place = (0..plot.categories.len()).find(|i| (n - 1.0 - float(*i) - y).abs() < 0.01);
        place.map_or(String::new(), |i| plot.categories[i].clone())
    };
    chart
        .configure_mesh()
        .disable_y_mesh()
        .bold_line_style(GRID)
        .light_line_style(TRANSPARENT)
        .axis_style(AXIS)
        .x_labels(6)
        .y_labels(plot.categories.len().max(1) * 2)
        .x_label_formatter(&|x| tick(&plot.y, *x))
        .y_label_formatter(&|y| name(*y))
        .x_desc(plot.y.label.as_str())
        .label_style(text())
        .axis_desc_style(text())
        .draw()
        .map_err(words)?;
    let thick = 0.76 / float(plot.series.len().max(1));
    for (i, series) in plot.series.iter().enumerate() {
        let middle = |x: f64| n - 1.0 - x + 0.38 - thick * (float(i) + 0.5);
        let bar = |point: &Point| {
            let (at, half) = (middle(point.x), thick * 0.44);
            Rectangle::new([(0.0, at - half), (point.y, at + half)], colour(i).filled())
        };
        chart
            .draw_series(series.points.iter().map(bar))
            .map_err(words)?;
        let ends = |point: &Point| {
            let ((low, high), at) = (point.ends?, middle(point.x));
            Some(PathElement::new(
                [(low, at), (high, at)],
                INK.stroke_width(1),
            ))
        };
        let intervals = series.points.iter().filter_map(ends);
        chart.draw_series(intervals).map_err(words)?;
    }
    Ok(())
}
