//! A document as Markdown.

use crate::core::text::{Newline, Page, sanitize_with};
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
    if !table.title.is_empty() {
        md.push_str(&format!("\n### {}\n", escape(&table.title)));
    }
    if !table.caption.is_empty() {
        md.push_str(&format!("\n{}\n", escape(&table.caption)));
    }
    md.push('\n');
    if table.is_facts() {
        table.rows.iter().for_each(|row| fact(md, row));
    } else {
        rows(md, table);
    }
    for note in &table.notes {
        md.push_str(&format!("\n- {}", escape(note)));
    }
    if !table.notes.is_empty() {
        md.push('\n');
    }
}

/// Renders a name with its value as an item of a list, line breaks of the value kept.
fn fact(md: &mut String, row: &[Cell]) {
    let mut cells = row.iter().map(Cell::words);
    md.push_str(&format!("- {}", escape(&cells.next().unwrap_or_default())));
    let value = cells.next().unwrap_or_default();
    let lines: Vec<String> = value.lines().map(escape).collect();
    if !lines.is_empty() {
        md.push_str(&format!(": {}", lines.join("  \n  ")));
    }
    md.push('\n');
}

fn rows(md: &mut String, table: &Table) {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let labels = table.columns.iter().map(|column| escape(&column.label));
    md.push_str(&line(labels.collect()));
    let rules = (0..table.columns.len()).map(|i| if table.is_text(i) { "---" } else { "---:" });
    md.push_str(&line(rules.map(str::to_owned).collect()));
    for row in &table.rows {
        md.push_str(&line(
            row.iter().map(|cell| escape(&cell.words())).collect(),
        ));
    }
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

/// Sanitises and escapes untrusted text: one line without control characters, markup, links, cell ends or list marks.
fn escape(text: &str) -> String {
    let clean = sanitize_with(text, Newline::Space);
    let mut escaped = String::with_capacity(clean.len());
    let mut chars = clean.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '<' if chars.peek() == Some(&' ') => escaped.push(c),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '@' | '#' | '$' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            c => escaped.push(c),
        }
    }
    // Bare URLs would become links.
    escaped = escaped.replace("://", "\\://").replace("www.", "www\\.");
    // At the start of a line these would begin a list or underline a heading.
    let start = escaped.trim_start();
    let digits = start.bytes().take_while(u8::is_ascii_digit).count();
    let (number, mark) = start.split_at(digits);
    let is_list = match mark.trim_start_matches(['-', '+', '=']) {
        rest if rest.len() < mark.len() => digits == 0 && !rest.starts_with(char::is_alphanumeric),
        _ => digits > 0 && [". ", ") "].iter().any(|end| mark.starts_with(end)),
    };
    if is_list {
        escaped = format!("{number}\\{mark}");
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_reads_as_itself() {
        let table = [
            ("plain 12.5 text", "plain 12.5 text"),
            ("12.5", "12.5"),
            ("-12 - 5", "-12 - 5"),
            ("---", "\\---"),
            ("*bold* | <b> `x`", "\\*bold\\* \\| &lt;b&gt; \\`x\\`"),
            ("![x](http://e.x)", "\\!\\[x\\](http\\://e.x)"),
            ("a\nb\u{1b}[0m", "a b␛\\[0m"),
            ("- item", "\\- item"),
            ("2. item", "2\\. item"),
            ("# head", "\\# head"),
        ];
        for (text, escaped) in table {
            assert_eq!(escape(text), escaped);
        }
    }
}
