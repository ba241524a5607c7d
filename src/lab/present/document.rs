//! A document as plain data: sections of tables and plots. Every format is written from it, so that the numbers agree.

use std::borrow::Cow;

use serde::Serialize;

use super::number;
use super::plot::Plot;
use crate::core::stats::{Share, count};

/// A whole document.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// The name and version of its JSON.
    pub schema: &'static str,
    /// Its subject, in one line.
    pub title: String,
    /// Warnings that precede all numbers, e.g. that the run is incomplete.
    pub warnings: Vec<String>,
    /// Its parts, in order.
    pub sections: Vec<Section>,
}

/// A record of CSV: its fields with the names of their columns.
pub type Fields = Vec<(&'static str, String)>;

/// A part of a document.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Its name in links and in JSON.
    pub id: &'static str,
    /// Its title.
    pub title: String,
    /// Its paragraphs.
    pub text: Vec<String>,
    /// Its tables and plots, in order.
    pub parts: Vec<Part>,
}

/// A table or a plot.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    /// A table.
    Table(Table),
    /// A plot.
    Plot(Plot),
}

impl Section {
    /// Creates a section without a name, for text alone.
    pub fn untitled(text: impl Into<Vec<String>>, tables: impl IntoIterator<Item = Table>) -> Self {
        Self {
            id: "",
            title: String::new(),
            text: text.into(),
            parts: tables.into_iter().map(Part::Table).collect(),
        }
    }
}

impl From<Table> for Part {
    fn from(table: Table) -> Self {
        Self::Table(table)
    }
}

impl From<Plot> for Part {
    fn from(plot: Plot) -> Self {
        Self::Plot(plot)
    }
}

/// A table: every row has a cell for each column.
#[derive(Debug, Clone, PartialEq)]
pub struct Table {
    /// Its name, unique in the document.
    pub id: String,
    /// Its title.
    pub title: String,
    /// Explains what is counted and how not to read the figures.
    pub caption: String,
    /// The columns.
    pub columns: Vec<Column>,
    /// The rows.
    pub rows: Vec<Vec<Cell>>,
    /// Remarks on single figures.
    pub notes: Vec<String>,
    /// The number of first columns that name a row; repeated when the table is split for a narrow page.
    pub keys: usize,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Column {
    /// Its name in JSON and CSV.
    pub key: &'static str,
    /// Its heading.
    pub label: Cow<'static, str>,
}

/// The unit of a number, which decides how it is printed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// A share from 0 to 1, printed in percent.
    Share,
    /// A difference of shares, printed in points with its sign.
    Points,
    /// The size of a difference of shares, printed in points.
    Size,
    /// Any other number, printed with three decimals.
    Plain,
    /// A difference, printed with its sign and three decimals.
    Signed,
    /// A percentage or a mean token count, printed with one decimal.
    Tenths,
    /// A change in nats, printed with its sign and two decimals.
    Change,
    /// A largest error, printed as a power of ten.
    Tiny,
}

/// The sign of a [`Mark`], which every writer shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// A claim holds.
    Yes,
    /// A claim does not hold.
    No,
    /// Undecided.
    Unsure,
    /// Not run.
    None,
}

/// The importance of a [`Mark`]; a writer with colours shows it as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// Established.
    Good,
    /// Refuted, or failed.
    Bad,
    /// To be read with caution.
    Warn,
    /// Neither.
    Plain,
    /// Less important.
    Dim,
}

/// How a finding stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mark(pub Sign, pub Tone);

impl Mark {
    /// It holds.
    pub const HOLDS: Self = Self(Sign::Yes, Tone::Good);
    /// It is refuted, or failed.
    pub const FAILS: Self = Self(Sign::No, Tone::Bad);
    /// It is undecided.
    pub const OPEN: Self = Self(Sign::Unsure, Tone::Warn);
    /// It was not tested.
    pub const UNTESTED: Self = Self(Sign::None, Tone::Dim);
}

impl Sign {
    /// Returns its character.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "✓",
            Self::No => "✗",
            Self::Unsure => "?",
            Self::None => "–",
        }
    }
}

/// A figure or text in a table.
#[derive(Debug, Clone, PartialEq)]
pub enum Cell {
    /// No value; the text is the reason, or empty.
    None(&'static str),
    /// A text; untrusted text is cleaned when printed.
    Text(String),
    /// A text with its standing.
    Marked(Mark, String),
    /// Figures that are a text already, e.g. `2 to 8 %`; aligned as numbers are.
    Figure(String),
    /// A count.
    Count(usize),
    /// A share with its n and Wilson 95 % interval.
    Share(Share),
    /// A number without an interval.
    Number(f64, Unit),
    /// A number with its 95 % interval.
    Estimate {
        /// The number.
        value: f64,
        /// The lower end of its interval.
        low: f64,
        /// The upper end.
        high: f64,
        /// Its unit.
        unit: Unit,
    },
    /// A mean with the population standard deviation.
    Spread {
        /// The mean.
        mean: f64,
        /// The standard deviation.
        sd: f64,
    },
    /// A p-value or q-value.
    P(f64),
}

impl Table {
    /// Creates a table without rows.
    pub fn new(
        id: impl Into<String>,
        title: impl Into<String>,
        caption: impl Into<String>,
        columns: &[(&'static str, &'static str)],
    ) -> Self {
        Self {
            id: id.into(),
            title: title.into(),
            caption: caption.into(),
            columns: columns
                .iter()
                .map(|(key, label)| Column::new(key, *label))
                .collect(),
            rows: Vec::new(),
            notes: Vec::new(),
            keys: 1,
        }
    }

    /// Creates a table of facts: names and values, in columns without headings.
    #[must_use]
    pub fn facts(id: &str, title: &str, rows: Vec<(Cell, Cell)>) -> Self {
        let mut table = Self::new(id, title, "", &[("name", ""), ("value", "")]);
        table.rows = rows
            .into_iter()
            .map(|(name, value)| vec![name, value])
            .collect();
        table
    }

    /// Returns whether it is a table of facts.
    #[must_use]
    pub fn is_facts(&self) -> bool {
        self.columns.iter().all(|column| column.label.is_empty())
    }

    /// Creates a table without a name, for text alone, whose first `keys` columns name a row.
    pub fn untitled(caption: impl Into<String>, keys: usize, columns: &[&'static str]) -> Self {
        let columns: Vec<_> = columns.iter().map(|name| (*name, *name)).collect();
        Self {
            keys,
            ..Self::new("", "", caption, &columns)
        }
    }

    /// Creates a table of records for CSV. Every field must name a column; missing fields are empty.
    pub fn records(columns: &[&'static str], records: impl IntoIterator<Item = Fields>) -> Self {
        let mut table = Self::untitled("", 1, columns);
        for record in records {
            let mut row = vec![Cell::None(""); columns.len()];
            for (name, field) in record {
                let at = columns.iter().position(|column| *column == name);
                row[at.expect("a record names columns of its table")] = Cell::Text(field);
            }
            table.push(row);
        }
        table
    }

    /// Adds a row.
    pub fn push(&mut self, row: Vec<Cell>) {
        debug_assert_eq!(row.len(), self.columns.len(), "{}", self.id);
        self.rows.push(row);
    }

    /// Returns whether a column holds text, which is aligned to the left.
    #[must_use]
    pub fn is_text(&self, column: usize) -> bool {
        let mut cells = self.rows.iter().map(|row| &row[column]);
        let are_words = cells
            .clone()
            .all(|cell| matches!(cell, Cell::Text(_) | Cell::Marked(..) | Cell::None(_)));
        are_words && cells.any(|cell| matches!(cell, Cell::Text(_) | Cell::Marked(..)))
    }

    /// Returns a cell by row and column.
    #[must_use]
    pub fn get(&self, row: usize, key: &str) -> Option<&Cell> {
        let column = self.columns.iter().position(|c| c.key == key)?;
        self.rows.get(row)?.get(column)
    }

    /// Returns a cell that must be there.
    #[cfg(test)]
    #[must_use]
    pub fn cell(&self, row: usize, key: &str) -> &Cell {
        self.get(row, key).unwrap_or_else(|| panic!("no {key}"))
    }
}

impl Column {
    /// Creates a column.
    pub fn new(key: &'static str, label: impl Into<Cow<'static, str>>) -> Self {
        let label = label.into();
        Self { key, label }
    }
}

impl Cell {
    /// Returns a number as a cell; without a value for `None`.
    pub fn number(value: impl Into<Option<f64>>, unit: Unit) -> Self {
        let value = value.into();
        value.map_or(Self::None(""), |value| Self::Number(value, unit))
    }

    /// Returns the share of true values as a cell.
    pub fn share(holds: impl IntoIterator<Item = bool>) -> Self {
        Self::of(count(holds))
    }

    /// Returns a share as a cell without a value if its n is 0.
    #[must_use]
    pub fn of(share: Share) -> Self {
        if share.n == 0 {
            Self::None("nothing to count")
        } else {
            Self::Share(share)
        }
    }

    /// Returns a text as a cell.
    pub fn text(text: impl Into<String>) -> Self {
        Self::Text(text.into())
    }

    /// Returns formatted figures as a cell.
    pub fn figure(text: impl Into<String>) -> Self {
        Self::Figure(text.into())
    }

    /// Formats the cell, e.g. `41.6 % (38.9 to 44.3), 549 of 1319`.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::None("") => "–".to_owned(),
            Self::None(why) => format!("– ({why})"),
            Self::Text(text) | Self::Figure(text) => text.clone(),
            Self::Marked(Mark(sign, _), text) if text.is_empty() => sign.as_str().to_owned(),
            Self::Marked(Mark(sign, _), text) => format!("{} {text}", sign.as_str()),
            Self::Count(count) => count.to_string(),
            Self::Share(share) => format!("{}, {} of {}", share_words(share), share.hits, share.n),
            Self::Number(value, unit) => unit.words(*value),
            Self::Estimate {
                value,
                low,
                high,
                unit,
            } => unit.estimate(*value, (*low, *high)),
            Self::Spread { mean, sd } => format!("{mean:.1} ± {sd:.1}"),
            Self::P(p) => number::p_value(*p),
        }
    }
}

impl Unit {
    /// Formats a number without its unit.
    #[must_use]
    pub fn bare(self, value: f64) -> String {
        match self {
            Self::Share | Self::Size => number::plain(100.0 * value, 1),
            Self::Points => number::signed(100.0 * value, 1),
            Self::Plain => number::plain(value, 3),
            Self::Signed => number::signed(value, 3),
            Self::Tenths => number::plain(value, 1),
            Self::Change => number::signed(value, 2),
            Self::Tiny => number::tiny(value),
        }
    }

    /// Formats a number with its unit.
    #[must_use]
    pub fn words(self, value: f64) -> String {
        let bare = self.bare(value);
        match self {
            Self::Share => format!("{bare} %"),
            Self::Points | Self::Size => format!("{bare} points"),
            Self::Plain | Self::Signed | Self::Tenths | Self::Change | Self::Tiny => bare,
        }
    }

    /// Formats a number with its interval, e.g. `41.6 % (38.9 to 44.3)`.
    #[must_use]
    pub fn estimate(self, value: f64, interval: (f64, f64)) -> String {
        format!("{} ({})", self.words(value), self.range(interval))
    }

    /// Formats an interval without its unit, e.g. `38.9 to 44.3`.
    #[must_use]
    pub fn range(self, (low, high): (f64, f64)) -> String {
        format!("{} to {}", self.bare(low), self.bare(high))
    }
}

/// Formats a share with its interval, e.g. `41.6 % (38.9 to 44.3)`; its n has to stand beside it.
#[must_use]
pub fn share_words(share: &Share) -> String {
    Unit::Share.estimate(share.accuracy, share.ci95)
}
