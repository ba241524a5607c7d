//! The table of problems: the columns that fit, and their contents.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::width as text_width;
use crate::explorer::app::dataset::{Column, Dataset};
use crate::explorer::ui::line::{LineBuilder, cut};
use crate::explorer::ui::number::{probability_of, signed};
use crate::explorer::ui::panes::verdict::rung;
use crate::explorer::ui::theme::Theme;
use crate::lab::rows::summary::RunItem;

/// From this width on there is room for p and notes.
const ALL_COLUMNS: usize = 96;
/// The minimum width of a question.
const LEAST_QUESTION: usize = 8;

/// The visible columns with their widths, separated by one blank.
pub(super) struct Columns(Vec<(Column, usize)>);

/// The alignment of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

fn side(column: Column) -> Side {
    match column {
        Column::Question | Column::Answer | Column::Correct | Column::Rung | Column::Needed => {
            Side::Left
        }
        _ => Side::Right,
    }
}

impl Columns {
    pub(super) fn for_width(width: usize) -> Self {
        let wide = width >= ALL_COLUMNS;
        let each = Column::ALL.into_iter().filter_map(|column| {
            let width = match column {
                Column::Index => 5,
                Column::Steps | Column::First => 6,
                Column::Question => 0,
                Column::Answer => 8,
                Column::Needed => 9,
                Column::Correct => 1,
                Column::Rung => 14,
                Column::P if wide => 7,
                Column::Delta => 7,
                Column::Notes if wide => 6,
                Column::P | Column::Notes => return None,
            };
            Some((column, width))
        });
        let mut columns: Vec<(Column, usize)> = each.collect();
        let used: usize = columns.iter().map(|(_, width)| width + 1).sum::<usize>() - 1;
        for (column, own) in &mut columns {
            if *column == Column::Question {
                *own = width.saturating_sub(used).max(LEAST_QUESTION);
            }
        }
        // If not even that fits, the last columns are dropped.
        while columns.iter().map(|(_, width)| width + 1).sum::<usize>() > width + 1
            && columns.len() > 4
        {
            columns.pop();
        }
        Self(columns)
    }

    /// The column names, with an arrow at the sort column.
    pub(super) fn header(&self, dataset: &Dataset, theme: &Theme) -> Line<'static> {
        let glyphs = theme.glyphs;
        let cells = self.0.iter().map(|(column, width)| {
            let name = match column {
                Column::Index => "#".to_owned(),
                Column::Correct => String::new(),
                Column::Rung => "rung".to_owned(),
                Column::P => "p".to_owned(),
                Column::Needed => "needed".to_owned(),
                Column::First => "first".to_owned(),
                Column::Delta => format!("{} off", glyphs.delta),
                other => other.name().to_owned(),
            };
            if *column != dataset.sort {
                return (cut(&name, *width, theme), theme.dim);
            }
            let arrow = if dataset.reversed {
                glyphs.falls
            } else {
                glyphs.rises
            };
            let gap = if name.is_empty() || text_width(&name) + 2 > *width {
                ""
            } else {
                " "
            };
            (format!("{name}{gap}{arrow}"), theme.strong)
        });
        self.laid(cells.collect()).line()
    }

    pub(super) fn row(
        &self,
        item: &RunItem,
        dataset: &Dataset,
        is_selected: bool,
        theme: &Theme,
    ) -> Line<'static> {
        let cells = self.0.iter().map(|(column, width)| {
            let (text, style) = cell(*column, item, dataset, theme);
            (cut(&text, room(*column, *width), theme), style)
        });
        let row = self.laid(cells.collect());
        if !is_selected {
            return row.line();
        }
        let text = row.line().to_string();
        LineBuilder::new()
            .push(text, theme.strong.patch(theme.selected))
            .line()
    }

    /// Lays out cells side by side.
    fn laid(&self, cells: Vec<(String, Style)>) -> LineBuilder {
        let mut row = LineBuilder::new();
        let mut end = 0;
        for ((column, width), (text, style)) in self.0.iter().zip(cells) {
            let start = end;
            end += width;
            row = match side(*column) {
                // Steps end where needed latents begin.
                Side::Left if *column == Column::Needed => row.to(start + 1).push(text, style),
                Side::Left => row.to(start).push(text, style),
                Side::Right => row.to(start).right(text, end, style),
            };
            end += 1;
            row = row.to(end);
        }
        row
    }
}

/// The part of a column's width available to its text.
fn room(column: Column, width: usize) -> usize {
    width - usize::from(column == Column::Needed)
}

fn cell(column: Column, item: &RunItem, dataset: &Dataset, theme: &Theme) -> (String, Style) {
    let glyphs = theme.glyphs;
    let or_none = |text: Option<String>| {
        text.map_or((glyphs.none.to_owned(), theme.dim), |text| {
            (text, theme.text)
        })
    };
    match column {
        Column::Index => (item.index.to_string(), theme.dim),
        Column::Question => (item.question.clone(), theme.text),
        Column::Answer => match &item.answer {
            Some(answer) => (answer.clone(), theme.strong),
            None => (glyphs.none.to_owned(), theme.dim),
        },
        Column::Correct => match item.correct {
            Some(true) => (glyphs.yes.to_owned(), theme.good),
            Some(false) => (glyphs.no.to_owned(), theme.bad),
            None => (glyphs.none.to_owned(), theme.dim),
        },
        Column::Rung => match item.rung() {
            Some(of) => rung(of, item.by_chance(), theme),
            None => (glyphs.none.to_owned(), theme.dim),
        },
        Column::P => or_none(item.p().map(probability_of)),
        Column::Steps => (item.steps.to_string(), theme.text),
        Column::Needed => or_none(item.needed().map(|latents| {
            let names: Vec<String> = latents.iter().map(ToString::to_string).collect();
            if names.is_empty() {
                "none".to_owned()
            } else {
                names.join(" ")
            }
        })),
        Column::First => or_none(item.first().map(|k| k.to_string())),
        Column::Delta => or_none(item.delta().map(|delta| signed(delta, 2, glyphs))),
        Column::Notes => {
            let n = dataset.notes.get(&item.key);
            (
                n.map_or_else(String::new, |notes| notes.len().to_string()),
                theme.text,
            )
        }
    }
}
