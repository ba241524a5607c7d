//! A document as Markdown.

use crate::core::text::{Page, sanitize};
use crate::lab::present::document::{Cell, Document, Part, Table};
use crate::lab::present::plot::Plot;

/// Renders the document.
#[must_use]
pub fn document(document: &Document) -> Page {
    let mut md = format!("# {}\n", escape(&document.title));
    for warning in &document.warnings {
        md.push_str(&format!("\n> **Note.** {}\n", escape(warning)));
    }
    for section in &document.sections {
        md.push_str(&format!("\n## {}\n", escape(&section.title)));
        for text in &section.text {
            md.push_str(&format!("\n{}\n", escape(text)));
        }
        for part in &section.parts {
            match part {
                Part::Table(found) => table(&mut md, found),
                Part::Plot(found) => plot(&mut md, found),
            }
        }
    }
    Page::new(md)
}

fn table(md: &mut String, table: &Table) {
    if table.rows.is_empty() {
        return;
    }
    md.push_str(&format!("\n### {}\n\n", escape(&table.title)));
    md.push_str(&format!("{}\n\n", escape(&table.caption)));
    rows(md, table);
    for note in &table.notes {
        md.push_str(&format!("\n- {}", escape(note)));
    }
    if !table.notes.is_empty() {
        md.push('\n');
    }
}

fn rows(md: &mut String, table: &Table) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let labels = table.columns.iter().map(|column| escape(column.label));
    md.push_str(&line(labels.collect()));
    let rules = (0..table.columns.len()).map(|i| if is_text(table, i) { "---" } else { "---:" });
    md.push_str(&line(rules.map(str::to_owned).collect()));
    for row in &table.rows {
        md.push_str(&line(
            row.iter().map(|cell| escape(&cell.words())).collect(),
        ));
    }
}

/// Returns whether a column holds text, by its first cell.
fn is_text(table: &Table, column: usize) -> bool {
    let first = table.rows.first();
    first.is_some_and(|row| matches!(row[column], Cell::Text(_)))
}

/// Renders the numbers of a plot; for more than 40 points it refers to the other formats.
fn plot(md: &mut String, plot: &Plot) {
    md.push_str(&format!(
        "\n### {}\n\n{}\n\n",
        escape(&plot.title),
        escape(&plot.caption)
    ));
    let points: usize = plot.series.iter().map(|series| series.points.len()).sum();
    if points > 40 {
        md.push_str(&format!(
            "{points} points: see `{}.csv` (`--csv`) or the HTML document.\n",
            plot.id
        ));
    } else {
        rows(md, &plot.table());
    }
}

/// Sanitises and escapes untrusted text: no control characters, markup, links or cell ends.
fn escape(text: &str) -> String {
    let clean = sanitize(text);
    let mut escaped = String::with_capacity(clean.len());
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' if chars.peek() == Some(&' ') => escaped.push(c),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '@' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    // Bare URLs would become links.
    escaped.replace("://", "\\://").replace("www.", "www\\.")
}
