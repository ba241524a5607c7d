//! Draws tables of `lab::present`: facts as names with wrapped values, other tables as a grid that shows the columns that fit.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::{sanitize, width};
use crate::explorer::ui::line::{LineBuilder, cut, heading};
use crate::explorer::ui::theme::Theme;
use crate::lab::present::document::{Cell, Mark, Table};

/// Blanks between columns.
const GAP: usize = 3;
/// The widest column but the first.
const WIDEST: usize = 30;
/// The least width of a last column that is cut.
const LEAST: usize = 16;

/// Returns a cell in the glyphs and colours of the screen.
#[must_use]
pub fn cell(cell: &Cell, theme: &Theme) -> (String, Style) {
    let style = match cell {
        Cell::Marked(Mark(_, tone), _) => theme.tone(*tone),
        Cell::None(_) => theme.dim,
        _ => theme.text,
    };
    (theme.glyphs.of(&sanitize(&cell.words())), style)
}

/// Returns a table of facts, values from a column on. A marked name lends its style to its value.
#[must_use]
pub fn facts(table: &Table, column: usize, max_width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for row in &table.rows {
        let [name, value] = &row[..] else { continue };
        let is_marked = matches!(name, Cell::Marked(..));
        let (name, style) = cell(name, theme);
        let (value, plain) = cell(value, theme);
        let styles = if is_marked {
            (style, style)
        } else {
            (theme.dim, plain)
        };
        let name = LineBuilder::new().push(name, styles.0);
        lines.extend(name.hanging(&value, column, max_width, styles.1));
    }
    lines
}

/// The columns of a table that fit a width, and where each begins.
pub struct Grid<'a> {
    table: &'a Table,
    starts: Vec<usize>,
    end: usize,
    theme: &'a Theme,
}

impl<'a> Grid<'a> {
    /// Lays out a table. The first column has a given width; of the others, the first ones that fit are shown.
    #[must_use]
    pub fn new(table: &'a Table, first: usize, max_width: usize, theme: &'a Theme) -> Self {
        let mut starts = vec![0];
        let mut end = first.min(max_width);
        for (at, column) in table.columns.iter().enumerate().skip(1) {
            let cells = table.rows.iter().map(|row| width(&cell(&row[at], theme).0));
            let wanted = cells.chain([width(&column.label)]).max().unwrap_or(0);
            let left = max_width.saturating_sub(end + GAP);
            let fits = wanted <= left.min(WIDEST);
            if fits || left >= LEAST {
                starts.push(end + GAP);
                end = if fits { end + GAP + wanted } else { max_width };
            }
            if !fits {
                break;
            }
        }
        Self {
            table,
            starts,
            end,
            theme,
        }
    }

    /// Returns the width of the first column of tables that are shown together, between two bounds.
    #[must_use]
    pub fn first_of(tables: &[Table], (least, most): (usize, usize)) -> usize {
        let cells = tables.iter().flat_map(|table| &table.rows);
        let widths = cells.filter_map(|row| Some(width(&row.first()?.words())));
        widths.max().unwrap_or(0).clamp(least, most)
    }

    /// Returns the width of a column; 0 if it is not shown.
    fn room(&self, column: usize) -> usize {
        let next = self.starts.get(column + 1).map(|next| next - GAP);
        let start = self.starts.get(column);
        start.map_or(0, |start| next.unwrap_or(self.end) - start)
    }

    /// Returns the title with the names of the columns.
    #[must_use]
    pub fn head(&self) -> Line<'static> {
        let mut row = heading(cut(&self.table.title, self.room(0), self.theme), self.theme);
        for (i, start) in self.starts.iter().enumerate().skip(1) {
            let label = cut(&self.table.columns[i].label, self.room(i), self.theme);
            row = row.to(*start).push(label, self.theme.dim);
        }
        row.line()
    }

    /// Returns a row of the table, its first cell in a style.
    #[must_use]
    pub fn row(&self, at: usize, first: Style) -> LineBuilder {
        let mut row = LineBuilder::new();
        for (i, start) in self.starts.iter().enumerate() {
            let (text, style) = cell(&self.table.rows[at][i], self.theme);
            let style = if i == 0 { first } else { style };
            row = row
                .to(*start)
                .push(cut(&text, self.room(i), self.theme), style);
        }
        row
    }

    /// Returns in words what the grid has no room for: cells that are cut, and columns that are not shown.
    #[must_use]
    pub fn rest(&self, at: usize) -> String {
        let cells = self.table.columns.iter().zip(&self.table.rows[at]);
        let said = cells.enumerate().filter_map(|(i, (column, found))| {
            let (words, _) = cell(found, self.theme);
            let is_whole = width(&words) <= self.room(i) || *found == Cell::None("");
            (!is_whole).then(|| format!("{} {words}", column.label))
        });
        let dot = self.theme.glyphs.dot;
        said.collect::<Vec<_>>().join(&format!(" {dot} "))
    }
}
