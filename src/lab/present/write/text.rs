//! Sections as plain text for 80 columns: prose wrapped, tables aligned. A table that is too wide is split into several that repeat
//! the columns that name a row.

use crate::core::text::{Page, sanitize, width, wrap};
use crate::lab::present::document::{Cell, Part, Section, Table};

/// The largest width of text.
pub const WIDTH: usize = 80;
/// The gap between two columns.
const GAP: usize = 2;

/// Renders sections, with an empty line between sections and between the tables of one; `ascii` leaves only ASCII characters.
#[must_use]
pub fn sections(sections: &[Section], ascii: bool) -> Page {
    let mut blocks = Vec::new();
    for section in sections {
        let mut block = prose(std::iter::once(&section.title).chain(&section.text), ascii);
        for part in &section.parts {
            block += &match part {
                Part::Table(found) => table(found, ascii),
                Part::Plot(plot) => table(&plot.table(), ascii),
            };
            blocks.push(std::mem::take(&mut block));
        }
        blocks.push(block);
    }
    blocks.retain(|block| !block.is_empty());
    Page::new(blocks.join("\n"))
}

/// Wraps paragraphs; empty ones are left out.
fn prose<'a>(paragraphs: impl IntoIterator<Item = &'a String>, ascii: bool) -> String {
    let mut text = String::new();
    for paragraph in paragraphs.into_iter().filter(|text| !text.is_empty()) {
        for row in wrap(&clean(paragraph, ascii), WIDTH) {
            text += row.trim_end();
            text.push('\n');
        }
    }
    text
}

fn clean(text: &str, ascii: bool) -> String {
    let clean = sanitize(text);
    if ascii { clean.plain_ascii() } else { clean }.into_string()
}

/// Renders a table between its caption and its notes, in at most [`WIDTH`] columns unless a single column is wider.
fn table(table: &Table, ascii: bool) -> String {
    let mut text = prose([&table.title, &table.caption], ascii);
    if !table.rows.is_empty() {
        text += &grid(table, ascii);
    }
    text + &prose(&table.notes, ascii)
}

fn grid(table: &Table, ascii: bool) -> String {
    let names = table
        .columns
        .iter()
        .map(|column| clean(&column.label, ascii));
    let mut rows: Vec<Vec<String>> = vec![names.collect()];
    let cells = |row: &Vec<Cell>| row.iter().map(|cell| clean(&words(cell), ascii)).collect();
    rows.extend(table.rows.iter().map(cells));
    let widths: Vec<usize> = (0..table.columns.len())
        .map(|at| rows.iter().map(|row| width(&row[at])).max().unwrap_or(0))
        .collect();
    let keys: Vec<usize> = (0..table.keys.min(widths.len())).collect();
    let of_keys: usize = keys.iter().map(|&at| widths[at] + GAP).sum();
    let mut parts: Vec<Vec<usize>> = vec![keys.clone()];
    let mut used = of_keys;
    for (at, width) in widths.iter().enumerate().skip(keys.len()) {
        if used + width > WIDTH && used > of_keys {
            parts.push(keys.clone());
            used = of_keys;
        }
        used += width + GAP;
        parts.last_mut().expect("there is a part").push(at);
    }
    let sides: Vec<bool> = (0..widths.len()).map(|at| table.is_text(at)).collect();
    let text = |part: &Vec<usize>| -> String {
        let lines = rows.iter().map(|row| {
            let cells = part.iter().map(|&at| pad(&row[at], widths[at], sides[at]));
            let cells: Vec<String> = cells.collect();
            cells.join(&" ".repeat(GAP)).trim_end().to_owned() + "\n"
        });
        lines.collect()
    };
    parts.iter().map(text).collect::<Vec<_>>().join("\n")
}

/// Formats a cell with the hyphens of a terminal, so that numbers can be copied.
fn words(cell: &Cell) -> String {
    match cell {
        Cell::Text(text) | Cell::Figure(text) => text.clone(),
        cell => cell.words().replace(['−', '–'], "-"),
    }
}

fn pad(cell: &str, to: usize, is_text: bool) -> String {
    let space = " ".repeat(to.saturating_sub(width(cell)));
    if is_text {
        format!("{cell}{space}")
    } else {
        format!("{space}{cell}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::present::document::{Column, Unit};

    fn page(table: Table) -> Page {
        sections(&[Section::untitled([], [table])], false)
    }

    #[test]
    fn columns_are_aligned_by_cells_not_bytes() {
        let mut table = Table::untitled("", 1, &["off", "change"]);
        table.push(vec![Cell::text("日本"), Cell::Number(-1.5, Unit::Plain)]);
        table.push(vec![Cell::text("1"), Cell::None("")]);
        assert_eq!(&*page(table), "off   change\n日本  -1.500\n1          -\n");
    }

    #[test]
    fn a_wide_table_is_split_and_keeps_its_keys() {
        let mut table = Table::untitled("", 1, &["layer"]);
        let names: Vec<String> = (0..30).map(|i| format!("column{i}")).collect();
        let columns = names.iter().map(|name| Column::new("", name.clone()));
        table.columns.extend(columns);
        table.push((0..=30).map(Cell::Count).collect());
        let text = page(table);
        assert!(text.lines().all(|line| line.len() <= WIDTH), "{text}");
        let parts: Vec<&str> = text.split("\n\n").collect();
        assert!(parts.len() > 1);
        for part in parts {
            assert!(part.starts_with("layer"), "{part}");
        }
        for name in &names {
            assert!(text.contains(name.as_str()));
        }
    }

    #[test]
    fn foreign_text_is_clean_and_ascii_is_ascii() {
        let text = vec!["word ".repeat(40), "é\u{1b}[2J…\n".to_owned()];
        for ascii in [false, true] {
            let page = sections(&[Section::untitled(text.clone(), [])], ascii);
            assert!(page.lines().all(|line| width(line) <= WIDTH), "{page}");
            assert!(
                !page.contains('\u{1b}') && page.is_ascii() == ascii,
                "{page}"
            );
        }
    }
}
