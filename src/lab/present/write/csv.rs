//! Tables and plots as CSV (RFC 4180), one file each. A compound figure becomes one column per number.

use crate::core::text::{Page, csv_field};
use crate::lab::present::document::{Cell, Document, Part, Table};

/// Returns the files as name and contents.
#[must_use]
pub fn files(document: &Document) -> Vec<(String, Page)> {
    let parts = document.sections.iter().flat_map(|section| &section.parts);
    let tables = parts.map(|part| match part {
        Part::Table(found) => table(found),
        Part::Plot(plot) => table(&plot.table()),
    });
    tables.collect()
}

/// Returns the suffixes of the columns into which a column is split, by its widest cell.
fn parts(table: &Table, column: usize) -> &'static [&'static str] {
    let cells = || table.rows.iter().map(|row| &row[column]);
    if cells().any(|cell| matches!(cell, Cell::Share(_))) {
        &["", "_low", "_high", "_hits", "_n"]
    } else if cells().any(|cell| matches!(cell, Cell::Estimate { .. })) {
        &["", "_low", "_high"]
    } else if cells().any(|cell| matches!(cell, Cell::Spread { .. })) {
        &["", "_sd"]
    } else {
        &[""]
    }
}

fn table(table: &Table) -> (String, Page) {
    let parts: Vec<&[&str]> = (0..table.columns.len()).map(|i| parts(table, i)).collect();
    let names = table
        .columns
        .iter()
        .zip(&parts)
        .flat_map(|(column, parts)| {
            parts
                .iter()
                .map(move |part| format!("{}{part}", column.key))
        });
    let mut csv = names.collect::<Vec<_>>().join(",");
    csv.push('\n');
    for row in &table.rows {
        let mut fields: Vec<String> = Vec::new();
        for (cell, parts) in row.iter().zip(&parts) {
            let mut numbers = numbers(cell);
            numbers.resize(parts.len(), String::new());
            fields.append(&mut numbers);
        }
        csv.push_str(&fields.join(","));
        csv.push('\n');
    }
    (format!("{}.csv", table.id), Page::new(csv))
}

/// Returns a cell's numbers, unrounded.
fn numbers(cell: &Cell) -> Vec<String> {
    let all = |values: &[f64]| values.iter().map(ToString::to_string).collect::<Vec<_>>();
    match cell {
        Cell::None(_) => vec![String::new()],
        Cell::Text(_) | Cell::Marked(..) | Cell::Figure(_) => vec![csv_field(&cell.words())],
        Cell::Count(count) => vec![count.to_string()],
        Cell::Share(share) => {
            let mut found = all(&[share.accuracy, share.ci95.0, share.ci95.1]);
            found.extend([share.hits.to_string(), share.n.to_string()]);
            found
        }
        Cell::Number(value, _) | Cell::P(value) => all(&[*value]),
        Cell::Estimate {
            value, low, high, ..
        } => all(&[*value, *low, *high]),
        Cell::Spread { mean, sd } => all(&[*mean, *sd]),
    }
}
