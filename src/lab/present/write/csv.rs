//! Tables and plots as CSV (RFC 4180), one file each. A compound figure becomes one column per number.

use crate::core::text::{Page, csv_field};
use crate::lab::present::document::{Cell, Document, Part, Table};

/// Returns the files as name and contents.
#[must_use]
pub fn files(document: &Document) -> Vec<(String, Page)> {
    let parts = document.sections.iter().flat_map(|section| &section.parts);
    let file = |found: &Table| (format!("{}.csv", found.id), table(found));
    let files = parts.map(|part| match part {
        Part::Table(found) => file(found),
        Part::Plot(plot) => file(&plot.table()),
    });
    files.collect()
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

/// Renders a table: a line of names, then one for each row. Lines end in a line feed alone, which every reader accepts.
#[must_use]
pub fn table(table: &Table) -> Page {
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
    Page::new(csv)
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::core::text::sanitize;

    /// Parses CSV as described in RFC 4180.
    fn read(text: &str) -> Vec<Vec<String>> {
        let mut rows = vec![vec![String::new()]];
        let mut chars = text.chars().peekable();
        let mut inside = false;
        while let Some(c) = chars.next() {
            let row = rows.last_mut().expect("there is a row");
            let field = row.last_mut().expect("there is a field");
            match c {
                '"' if inside && chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => inside = !inside,
                ',' if !inside => row.push(String::new()),
                '\n' if !inside => rows.push(vec![String::new()]),
                c => field.push(c),
            }
        }
        rows.pop();
        rows
    }

    #[test]
    fn a_record_may_leave_columns_empty() {
        let records = [vec![("m", "m,1".to_owned()), ("b", "2".to_owned())], vec![]];
        let found = table(&Table::records(&["m", "a", "b"], records));
        assert_eq!(&*found, "m,a,b\n\"m,1\",,2\n,,\n");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::array::uniform2("[a\",\n\r=+@ -]{0,6}"), 0..5)) {
            let records = rows.iter().map(|[x, y]| vec![("x", x.clone()), ("y", y.clone())]);
            let found = read(&table(&Table::records(&["x", "y"], records)));
            let shown = |field: String| {
                let text = sanitize(&field).into_string();
                let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
                if is_formula { format!("'{text}") } else { text }
            };
            let want: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(shown).into()).collect();
            prop_assert_eq!(&found[1..], &want[..]);
        }
    }
}
