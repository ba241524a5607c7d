//! A document as JSON: tables by id, rows as objects keyed by column.

use serde_json::{Map, Value, json};

use crate::lab::present::document::{Cell, Document, Part, Table};

/// Renders the document.
#[must_use]
pub fn document(document: &Document) -> Value {
    let (mut tables, mut plots, mut sections) = (Map::new(), Map::new(), Vec::new());
    for section in &document.sections {
        let mut parts = Vec::new();
        for part in &section.parts {
            match part {
                Part::Table(found) => {
                    parts.push(json!({"table": found.id}));
                    tables.insert(found.id.clone(), table(found));
                }
                Part::Plot(plot) => {
                    parts.push(json!({"plot": plot.id}));
                    let value = serde_json::to_value(plot).unwrap_or_default();
                    plots.insert(plot.id.clone(), value);
                }
            }
        }
        sections.push(json!({
            "id": section.id,
            "title": section.title,
            "text": section.text,
            "parts": parts,
        }));
    }
    json!({
        "schema": document.schema,
        "version": env!("CARGO_PKG_VERSION"),
        "title": document.title,
        "warnings": document.warnings,
        "sections": sections,
        "tables": tables,
        "plots": plots,
    })
}

fn table(table: &Table) -> Value {
    let rows = table.rows.iter().map(|row| {
        let cells = table.columns.iter().zip(row);
        let cells = cells.map(|(column, cell)| (column.key.to_owned(), value(cell)));
        Value::Object(cells.collect())
    });
    json!({
        "title": table.title,
        "caption": table.caption,
        "columns": table.columns,
        "rows": rows.collect::<Vec<_>>(),
        "notes": table.notes,
    })
}

/// Renders a cell: null if it has no value, an object for a compound figure.
#[must_use]
pub fn value(cell: &Cell) -> Value {
    match cell {
        Cell::None(_) => Value::Null,
        Cell::Text(_) | Cell::Marked(..) | Cell::Figure(_) => Value::from(cell.words()),
        Cell::Count(count) => Value::from(*count),
        Cell::Share(share) => json!({
            "share": share.accuracy,
            "low": share.ci95.0,
            "high": share.ci95.1,
            "hits": share.hits,
            "n": share.n,
        }),
        Cell::Number(value, _) | Cell::P(value) => Value::from(*value),
        Cell::Estimate {
            value, low, high, ..
        } => json!({"value": value, "low": low, "high": high}),
        Cell::Spread { mean, sd } => json!({"mean": mean, "sd": sd}),
    }
}
