//! Text for 80 columns: untrusted text sanitised and truncated, prose wrapped, tables aligned. A table that is too wide is
//! split into several that repeat the first columns.

use crate::core::text::{Clean, sanitize, truncate, width, wrap};

/// The largest width of text.
pub const WIDTH: usize = 80;
/// The gap between two columns.
const GAP: usize = 2;

/// The character set of the output.
#[derive(Debug, Clone, Copy)]
pub struct Pen {
    /// Whether to use only ASCII characters.
    pub ascii: bool,
}

impl Pen {
    /// Sanitises untrusted text.
    #[must_use]
    pub fn foreign(self, text: &str) -> String {
        let clean: Clean<'_> = sanitize(text);
        if self.ascii {
            clean.plain_ascii().into_string()
        } else {
            clean.into_string()
        }
    }

    /// Sanitises untrusted text and truncates it to `most` columns.
    #[must_use]
    pub fn cut(self, text: &str, most: usize) -> String {
        let clean = self.foreign(text);
        if !self.ascii || width(&clean) <= most {
            return truncate(&clean, most);
        }
        let cut: String = clean.chars().take(most.saturating_sub(3)).collect();
        format!("{cut}...")
    }

    /// Formats an answer, truncated to `most` columns.
    #[must_use]
    pub fn answer(self, value: Option<&str>, most: usize) -> String {
        value.map_or_else(|| "no answer".to_owned(), |value| self.cut(value, most))
    }

    /// Sanitises and wraps one paragraph.
    #[must_use]
    pub fn prose(self, text: &str) -> String {
        let mut rows = String::new();
        for row in wrap(&self.foreign(text), WIDTH) {
            rows += row.trim_end();
            rows.push('\n');
        }
        rows
    }
}

/// The alignment of a column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Left, for text.
    Left,
    /// Right, for numbers.
    Right,
}

/// A table under construction; its cells are sanitised.
#[derive(Debug)]
pub struct Table {
    /// The number of first columns repeated when it is split.
    keys: usize,
    sides: Vec<Side>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Creates a table; the first `keys` columns are repeated when it is split.
    #[must_use]
    pub fn new(keys: usize, columns: &[(&str, Side)]) -> Self {
        Self {
            keys,
            sides: columns.iter().map(|(_, side)| *side).collect(),
            rows: vec![columns.iter().map(|(name, _)| (*name).to_owned()).collect()],
        }
    }

    /// Adds a row; missing cells are empty.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut row: Vec<String> = cells.into_iter().collect();
        row.resize(self.sides.len(), String::new());
        self.rows.push(row);
    }

    /// Returns the table as text of at most [`WIDTH`] columns, unless a single column is wider.
    #[must_use]
    pub fn into_text(self) -> String {
        let widths: Vec<usize> = (0..self.sides.len())
            .map(|at| {
                self.rows
                    .iter()
                    .map(|row| width(&row[at]))
                    .max()
                    .unwrap_or(0)
            })
            .collect();
        let keys: Vec<usize> = (0..self.keys.min(widths.len())).collect();
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
        let text = |part: &Vec<usize>| -> String {
            let lines = self.rows.iter().map(|row| {
                let cells: Vec<String> = part
                    .iter()
                    .map(|&at| pad(&row[at], widths[at], self.sides[at]))
                    .collect();
                cells.join(&" ".repeat(GAP)).trim_end().to_owned() + "\n"
            });
            lines.collect()
        };
        parts.iter().map(text).collect::<Vec<_>>().join("\n")
    }
}

fn pad(cell: &str, to: usize, side: Side) -> String {
    let space = " ".repeat(to.saturating_sub(width(cell)));
    match side {
        Side::Left => format!("{cell}{space}"),
        Side::Right => format!("{space}{cell}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_by_cells_not_bytes() {
        let mut table = Table::new(1, &[("off", Side::Left), ("change", Side::Right)]);
        table.row(["日本".to_owned(), "-1.5".to_owned()]);
        table.row(["1".to_owned()]);
        assert_eq!(table.into_text(), "off   change\n日本    -1.5\n1\n");
    }

    #[test]
    fn a_wide_table_is_split_and_keeps_its_keys() {
        let names: Vec<String> = (0..30).map(|i| format!("column{i}")).collect();
        let mut columns = vec![("layer", Side::Right)];
        columns.extend(names.iter().map(|name| (name.as_str(), Side::Right)));
        let mut table = Table::new(1, &columns);
        table.row((0..=30).map(|i| i.to_string()));
        let text = table.into_text();
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
    fn ascii_is_cut_without_an_ellipsis() {
        let (plain, full) = (Pen { ascii: true }, Pen { ascii: false });
        assert_eq!(full.cut("abcdefgh", 5), "abcd…");
        assert_eq!(plain.cut("abcdefgh", 5), "ab...");
        assert_eq!(plain.cut("abcde", 5), "abcde");
        assert!(plain.foreign("é\u{1b}[2J").is_ascii());
        assert!(!full.foreign("a\u{1b}b\nc").contains(['\u{1b}', '\n']));
        assert!(
            plain
                .prose(&"word ".repeat(40))
                .lines()
                .all(|l| l.len() <= WIDTH)
        );
    }
}
