//! The grid that the published searches read: the top tokens of each column, and their integers (docs/methods.md M2.3, M2.4).

use crate::core::datasets::numbers::{int, is_blank};

/// The end tokens of the two published base models, as decoded.
const END_TOKENS: [&str; 2] = ["<|endoftext|>", "<|eot_id|>"];

/// An integer of a column: its value and its rank, from 0.
pub type Ranked = (i128, usize);

/// The top tokens of each column, best first; column 0 is the start marker.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grid {
    columns: Vec<Vec<String>>,
    integers: Vec<Vec<Ranked>>,
}

impl Grid {
    /// Creates a grid from columns, each best token first; keeps the first `top_k` of each.
    #[must_use]
    pub fn new(mut columns: Vec<Vec<String>>, top_k: usize) -> Self {
        for column in &mut columns {
            column.truncate(top_k);
        }
        let integers = columns
            .iter()
            .map(|column| ranked_integers(column))
            .collect();
        Self { columns, integers }
    }

    /// Returns the number of columns.
    #[must_use]
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether the grid has no columns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Returns the tokens of a column; empty beyond the last.
    #[must_use]
    pub fn tokens(&self, column: usize) -> &[String] {
        self.columns.get(column).map_or(&[], Vec::as_slice)
    }

    /// Returns the integers of a column in rank order, with repeats: " 9" and "9" are two.
    #[must_use]
    pub fn integers(&self, column: usize) -> &[Ranked] {
        self.integers.get(column).map_or(&[], Vec::as_slice)
    }

    /// Returns the first integer of a column, at any rank; `None` if it has none.
    #[must_use]
    pub fn first(&self, column: usize) -> Option<Ranked> {
        self.integers(column).first().copied()
    }

    /// Returns the best rank at which a column holds a value.
    #[must_use]
    pub fn rank_of(&self, column: usize, value: i128) -> Option<usize> {
        let mut integers = self.integers(column).iter();
        let (_, rank) = integers.find(|(integer, _)| *integer == value)?;
        Some(*rank)
    }

    /// Reads the integer that the top tokens spell from a column on, after blank columns (docs/methods.md M6.3); it may start with a
    /// minus. Returns `None` if there is no digit or the value does not fit.
    #[must_use]
    pub fn spelled(&self, column: usize) -> Option<i128> {
        let tops = self.columns.get(column..)?.iter();
        let mut tops = tops
            .map_while(|column| column.first())
            .skip_while(|top| is_blank(top));
        let mut text = String::new();
        tops.by_ref()
            .map(|top| top.trim())
            .take_while(|top| {
                let digits = if text.is_empty() {
                    top.strip_prefix('-').unwrap_or(top)
                } else {
                    top
                };
                let is_part = !top.is_empty() && digits.chars().all(char::is_numeric);
                if is_part {
                    text.push_str(top);
                }
                is_part
            })
            .for_each(drop);
        int(&text)
    }

    /// Returns the column of the answer after leading blank columns, as in backtracking (docs/methods.md M5.4): moves right while the
    /// top token is blank and the next exists and is not an end token.
    #[must_use]
    pub fn past_blanks(&self, column: usize) -> usize {
        let top = |column: usize| self.tokens(column).first();
        let mut at = column;
        while top(at).is_some_and(|token| is_blank(token))
            && top(at + 1).is_some_and(|next| !END_TOKENS.contains(&next.as_str()))
        {
            at += 1;
        }
        at
    }
}

/// The integers of a list of tokens with their ranks.
fn ranked_integers(column: &[String]) -> Vec<Ranked> {
    // Most tokens have no digit, and scanning characters is cheaper than parsing.
    let has_digit = |token: &str| token.chars().any(char::is_numeric);
    let tokens = column.iter().zip(0..).filter(|(token, _)| has_digit(token));
    tokens
        .filter_map(|(token, rank)| Some((int(token)?, rank)))
        .collect()
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A grid from columns of tokens that are separated by `|`.
    pub(in crate::verify::paper) fn grid(columns: &[&str]) -> Grid {
        let column = |text: &&str| text.split('|').map(str::to_owned).collect();
        Grid::new(columns.iter().map(column).collect(), 10)
    }

    #[test]
    fn integers_are_tokens_that_python_reads_as_such() {
        let grid = grid(&[" 13|13| x|05|-2|2.5|1_0", "a|b", "7"]);
        assert_eq!(
            grid.integers(0),
            [(13, 0), (13, 1), (5, 3), (-2, 4), (10, 6)]
        );
        assert_eq!(
            (grid.first(0), grid.first(1), grid.first(9)),
            (Some((13, 0)), None, None)
        );
        assert_eq!(
            (grid.rank_of(0, 5), grid.rank_of(0, 7), grid.len()),
            (Some(3), None, 3)
        );
        let short = Grid::new(vec![vec!["x".to_owned(), "4".to_owned()]], 1);
        assert_eq!((short.first(0), short.is_empty()), (None, false));
    }

    #[test]
    fn a_number_is_spelled_over_columns() {
        let table: [(&[&str], Option<i128>); 11] = [
            (&[" 13", "75", "<|endoftext|>"], Some(1375)),
            (&[" ", "\n", "12", ".", "4"], Some(12)),
            (&[" -5", "0"], Some(-50)),
            (&["-", "5"], Some(-5)),
            (&["-"], None),
            (&["5", "-3"], Some(5)),
            (&["", "5"], Some(5)),
            (&["five"], None),
            (&[], None),
            (&["1", " ", "2"], Some(1)),
            (&["99999999999999999999", "99999999999999999999", "9"], None),
        ];
        for (columns, value) in table {
            assert_eq!(grid(columns).spelled(0), value, "{columns:?}");
        }
        assert_eq!(grid(&["1"]).spelled(3), None);
    }

    #[test]
    fn blanks_are_skipped_until_the_end() {
        assert_eq!(grid(&[" ", "7"]).past_blanks(0), 1);
        assert_eq!(grid(&[" ", "\n", "7"]).past_blanks(0), 2);
        let end = vec![vec![" ".to_owned()], vec!["<|endoftext|>".to_owned()]];
        assert_eq!(Grid::new(end, 10).past_blanks(0), 0);
        assert_eq!(grid(&[" "]).past_blanks(0), 0);
        assert_eq!(grid(&["7", "8"]).past_blanks(0), 0);
    }
}
