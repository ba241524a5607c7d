//! The evidence behind the verdict: each step with its tests, every edit, every interchange, and every strategy tried.

use ratatui::text::Line;

use super::{Sheet, block};
use crate::explorer::app::App;
use crate::explorer::ui::line::{LineBuilder, paragraph};
use crate::explorer::ui::table::{self, Grid};
use crate::explorer::ui::theme::Theme;
use crate::lab::present::document::Cell;
use crate::lab::present::evidence::tables;
use crate::lab::present::verdict::mark;

pub(super) fn about(app: &App) -> String {
    let verdict = app.run.session.verdict.as_ref();
    verdict.map_or_else(String::new, |v| v.word().to_owned())
}

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let Some(verdict) = &app.run.session.verdict else {
        return Sheet {
            head: paragraph("No verdict yet", width, 0, theme.dim),
            ..Sheet::default()
        };
    };
    let mark = mark(verdict.rung, verdict.null.chance_may_explain());
    let reason = Cell::Marked(mark, verdict.reason.clone());
    let (reason, style) = table::cell(&reason, theme);
    let mut sheet = Sheet {
        head: paragraph(&reason, width, 0, style),
        ..Sheet::default()
    };
    sheet.head.push(Line::default());
    let tables = tables(verdict, true);
    // All tables have their second column at the same place.
    let first = Grid::first_of(&tables, (21, if width < 100 { 21 } else { 33 }));
    let selected = app.cursor().row;
    let mut index = 0;
    for table in &tables {
        let grid = Grid::new(table, first, width, theme);
        if index > 0 {
            sheet.rows.push(Line::default());
        }
        sheet.rows.push(grid.head());
        for at in 0..table.rows.len() {
            let style = match table.id.as_str() {
                "steps" if app.run.step_is_off(at) => theme.dim,
                "steps" => theme.strong,
                _ => theme.text,
            };
            let row = grid.row(at, style);
            let is_selected = index == selected;
            if is_selected {
                sheet.focus = sheet.rows.len();
                sheet.detail = grid.rest(at);
                sheet.legend.clone_from(&table.notes);
            }
            let width = row.width().min(width);
            let row = block(LineBuilder::new(), row, width, is_selected, theme);
            sheet.rows.push(row.line());
            index += 1;
        }
    }
    sheet
}
