//! A plot as plain data; `write::svg` draws it, and its numbers are available as a table.

use serde::Serialize;

use super::document::{Cell, Table, Unit};
use crate::core::stats::{Share, float};

/// A plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Plot {
    /// Its name, unique in the document.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Explains what is drawn and how not to read it.
    pub caption: String,
    /// Lines or bars.
    pub shape: PlotShape,
    /// The horizontal axis of lines; the category axis of bars.
    pub x: Axis,
    /// The vertical axis of lines; the length of bars.
    pub y: Axis,
    /// The category names, at 0, 1, …; empty for lines.
    pub categories: Vec<String>,
    /// The lines, or the bars of one colour.
    pub series: Vec<Series>,
    /// Whether y = x is drawn too.
    pub has_diagonal: bool,
}

/// How a plot is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum PlotShape {
    /// Points joined by lines.
    Lines,
    /// A bar for each category and series.
    Bars,
}

/// An axis.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Axis {
    /// The measured quantity.
    pub label: String,
    /// Its upper end; it starts at zero.
    pub high: f64,
    /// Whether it is a count instead of a share.
    pub is_count: bool,
}

/// One line or colour of a plot.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Its points in the order of x.
    pub points: Vec<Point>,
}

/// A point, with its 95 % interval and n where it has them.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Point {
    /// Position on the x axis.
    pub x: f64,
    /// Position on the y axis.
    pub y: f64,
    /// The ends of the interval of y.
    pub ends: Option<(f64, f64)>,
    /// Number of observations behind it.
    pub n: Option<usize>,
}

impl Plot {
    /// Plots a share per category, with one colour each for correct and wrong answers. Returns `None` if all shares are empty.
    #[must_use]
    pub fn correct_and_wrong(
        [id, title, caption]: [&str; 3],
        [x, y]: [&str; 2],
        categories: Vec<String>,
        share: impl Fn(bool, usize) -> Share,
    ) -> Option<Self> {
        let places = 0..categories.len();
        let series = [("correct", true), ("wrong", false)].map(|(name, correct)| {
            let shares = places.clone().map(|place| (place, share(correct, place)));
            let points = shares.filter(|(_, share)| share.n > 0);
            let points = points.map(|(place, share)| Point::share(float(place), share));
            Series::new(name, points.collect())
        });
        let series: Vec<Series> = series
            .into_iter()
            .filter(|series| !series.points.is_empty())
            .collect();
        (!series.is_empty()).then(|| Self {
            id: id.to_owned(),
            title: title.to_owned(),
            caption: caption.to_owned(),
            shape: PlotShape::Bars,
            x: Axis::counted(x, categories.len().saturating_sub(1)),
            y: Axis::share(y),
            categories,
            series,
            has_diagonal: false,
        })
    }
}

impl Point {
    /// Creates a point from a share and its interval.
    #[must_use]
    pub fn share(x: f64, share: Share) -> Self {
        Self {
            x,
            y: share.accuracy,
            ends: Some(share.ci95),
            n: Some(share.n),
        }
    }

    /// Creates a point without an interval.
    #[must_use]
    pub fn at(x: f64, y: f64) -> Self {
        Self {
            x,
            y,
            ends: None,
            n: None,
        }
    }
}

impl Series {
    /// Creates a series.
    pub fn new(name: impl Into<String>, points: Vec<Point>) -> Self {
        Self {
            name: name.into(),
            points,
        }
    }
}

impl Axis {
    /// Creates an axis of shares from 0 to 1.
    pub fn share(label: impl Into<String>) -> Self {
        Self::share_to(label, 1.0)
    }

    /// Creates an axis of shares from 0 to `high`.
    pub fn share_to(label: impl Into<String>, high: f64) -> Self {
        Self {
            label: label.into(),
            high,
            is_count: false,
        }
    }

    /// Creates an axis of counts from 0 to `high`.
    pub fn counted(label: impl Into<String>, high: usize) -> Self {
        Self {
            label: label.into(),
            high: float(high),
            is_count: true,
        }
    }
}

impl Plot {
    /// Returns the plotted numbers as a table, one row per point.
    #[must_use]
    pub fn table(&self) -> Table {
        let mut table = Table::new(
            &self.id,
            &self.title,
            &self.caption,
            &[
                ("series", "Series"),
                ("x", "x"),
                ("y", "y"),
                ("low", "Low"),
                ("high", "High"),
                ("n", "n"),
            ],
        );
        for series in &self.series {
            for point in &series.points {
                table.push(vec![
                    Cell::text(&series.name),
                    self.place(point.x),
                    Cell::number(point.y, Unit::Plain),
                    Cell::number(point.ends.map(|ends| ends.0), Unit::Plain),
                    Cell::number(point.ends.map(|ends| ends.1), Unit::Plain),
                    point.n.map_or(Cell::None(""), Cell::Count),
                ]);
            }
        }
        table
    }

    /// Returns the x of a point as a category's name, a count or a number.
    fn place(&self, x: f64) -> Cell {
        let at = |i: &usize| (float(*i) - x).abs() < 0.5;
        if let Some(i) = (0..self.categories.len()).find(at) {
            return Cell::text(&self.categories[i]);
        }
        let unit = if self.x.is_count {
            Unit::Tenths
        } else {
            Unit::Plain
        };
        Cell::Number(x, unit)
    }
}
