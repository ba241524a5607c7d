//! Text prompts: a question, a note, the path of an export, a confirmation.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;
use unicode_segmentation::UnicodeSegmentation;

use crate::core::text::{sanitize, width};
use crate::explorer::app::App;
use crate::explorer::app::action::Context;
use crate::explorer::app::dataset::filter::Wrong;
use crate::explorer::app::dataset::on_dataset::wrong;
use crate::explorer::app::overlay::{Prompt, PromptKind};
use crate::explorer::session::export::Format;
use crate::explorer::ui::footer::hints;
use crate::explorer::ui::line::{LineBuilder, paragraph};
use crate::explorer::ui::overlays::boxed;
use crate::explorer::ui::theme::Theme;

const WIDTH: u16 = 76;
/// Initial height of the field.
const ROWS: u16 = 3;

pub(super) fn draw(app: &App, prompt: &Prompt, theme: &Theme, frame: &mut Frame, area: Rect) {
    let (title, remark) = words(prompt);
    let inside_width = usize::from(WIDTH.min(area.width.saturating_sub(4)).saturating_sub(4));
    let remark = match wrong(&prompt.kind) {
        Some(wrong) => place(wrong, prompt.field.text(), inside_width, theme),
        None => paragraph(&remark, inside_width, 0, theme.dim),
    };
    let remark_rows = u16::try_from(remark.len()).unwrap_or(0);
    // The error mark must be directly below the text it points at.
    let gap = u16::from(wrong(&prompt.kind).is_none());
    let room = usize::from(area.width.saturating_sub(8)).min(50);
    let (lines, cursor) = wrapped(prompt, inside_width);
    let rows = u16::try_from(lines.len())
        .unwrap_or(u16::MAX)
        .max(match prompt.kind {
            PromptKind::Export(_)
            | PromptKind::Overwrite { .. }
            | PromptKind::Donor
            | PromptKind::Filter(_)
            | PromptKind::OpenRun
            | PromptKind::Layers => 1,
            _ => ROWS,
        });
    let inside = boxed(
        frame,
        area,
        (WIDTH, rows.saturating_add(gap + remark_rows)),
        &title,
        hints(app, Context::Text, room, theme),
        theme,
    );
    if inside.height == 0 || inside.width == 0 {
        return;
    }
    let remark_rows = remark_rows.min(inside.height.saturating_sub(1));
    let text = Rect {
        height: inside.height - remark_rows,
        ..inside
    };
    let first = (cursor.1 + 1).saturating_sub(usize::from(text.height));
    let shown: Vec<Line> = lines
        .into_iter()
        .skip(first)
        .take(text.height.into())
        .map(Line::from)
        .collect();
    frame.render_widget(Paragraph::new(shown), text);
    let below = Rect {
        y: text.bottom(),
        height: remark_rows,
        ..inside
    };
    frame.render_widget(Paragraph::new(remark), below);
    let column = u16::try_from(cursor.0)
        .unwrap_or(u16::MAX)
        .min(text.width - 1);
    let row = u16::try_from(cursor.1 - first)
        .unwrap_or(0)
        .min(text.height.saturating_sub(1));
    frame.set_cursor_position(Position::new(text.x + column, text.y + row));
}

/// The error in an expression, placed below its position.
fn place(wrong: &Wrong, text: &str, max_width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let before: String = text.chars().take(wrong.at).collect();
    let column = width(&sanitize(&before));
    let mut lines = Vec::new();
    // Longer text is wrapped, so the mark would point at the wrong place.
    if width(&sanitize(text)) < max_width {
        lines.push(LineBuilder::new().to(column).push("^", theme.off).line());
    }
    let text = format!("at {}: {}", wrong.at + 1, wrong.message);
    lines.extend(paragraph(&text, max_width, 0, theme.off));
    lines
}

fn words(prompt: &Prompt) -> (String, String) {
    match &prompt.kind {
        PromptKind::EditQuestion => (
            "Edit the question".to_owned(),
            "Another question has no gold answer; words that the model does not know are marked"
                .to_owned(),
        ),
        PromptKind::NewQuestion => (
            "New question".to_owned(),
            "Words that the model does not know are marked".to_owned(),
        ),
        PromptKind::Note(target) => (
            format!("Note on the {target}"),
            "alt-enter starts a new line, an empty note is removed".to_owned(),
        ),
        PromptKind::Donor => (
            "Whose latent".to_owned(),
            "A problem of the reference set, counted from 0, and after a slash a latent if it is not the one at the \
             same position: 12 or 12/3"
                .to_owned(),
        ),
        PromptKind::Layers => (
            "Which layers".to_owned(),
            "A range counted from 1, both ends included: 3-5; nothing for all layers".to_owned(),
        ),
        PromptKind::Filter(_) => (
            "Filter".to_owned(),
            "rung, correct, steps, p, needed, first, stable, delta, index, answer, text; = != < <= > >= ~ (contains). \
             All terms must hold: rung=USED correct=no steps>=3 text~\"per week\"; nothing shows all"
                .to_owned(),
        ),
        PromptKind::OpenRun => (
            "Open a run".to_owned(),
            "The folder that `undertone run --out DIR` wrote".to_owned(),
        ),
        PromptKind::StartRun => (
            "Start a run of the loaded model".to_owned(),
            "Options of `undertone run`; it runs in a separate process. An existing run in the folder is resumed"
                .to_owned(),
        ),
        PromptKind::Export(format) => (
            match format {
                Format::Markdown => "Export as Markdown".to_owned(),
                Format::Json => "Export as JSON".to_owned(),
            },
            match format {
                Format::Markdown => "tab switches to JSON".to_owned(),
                Format::Json => "tab switches to Markdown".to_owned(),
            },
        ),
        PromptKind::Overwrite { path, .. } => (
            "The file exists".to_owned(),
            format!("Type yes to replace {}", sanitize(path)),
        ),
    }
}

/// The wrapped text, and the column and row of the cursor.
///
/// Rows break at the border rather than between words, so that the cursor never jumps while typing.
fn wrapped(prompt: &Prompt, max_width: usize) -> (Vec<String>, (usize, usize)) {
    let (head, _) = prompt.field.split();
    let max_width = max_width.max(2);
    let rows_of = |text: &str| -> Vec<String> {
        text.split('\n')
            .flat_map(|line| {
                let line = sanitize(line);
                wrap_keeping_blanks(&line, max_width)
            })
            .collect()
    };
    let rows = rows_of(prompt.field.text());
    let before = rows_of(head);
    let row = before.len().saturating_sub(1);
    let column = before.last().map_or(0, |last| width(last));
    if column >= max_width {
        return (rows, (0, row + 1));
    }
    (rows, (column, row))
}

fn wrap_keeping_blanks(line: &str, max_width: usize) -> Vec<String> {
    let mut rows = vec![String::new()];
    let mut used = 0;
    for grapheme in line.graphemes(true) {
        let step = width(grapheme);
        if used + step > max_width {
            rows.push(String::new());
            used = 0;
        }
        used += step;
        if let Some(row) = rows.last_mut() {
            row.push_str(grapheme);
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::app::field::Field;

    #[test]
    fn the_cursor_stands_behind_what_was_typed() {
        let prompt = |text: &str| Prompt::new(PromptKind::NewQuestion, Field::lines(text));
        for (text, rows, cursor) in [
            ("", 1, (0, 0)),
            ("abc", 1, (3, 0)),
            ("abc ", 1, (4, 0)),
            ("abcdefgh", 2, (3, 1)),
            ("日本語", 2, (2, 1)),
            ("a\nb", 2, (1, 1)),
            ("abcde", 1, (0, 1)),
            ("abc👨‍👩‍👧", 1, (0, 1)),
            ("abcd👨‍👩‍👧", 2, (2, 1)),
        ] {
            let (lines, at) = wrapped(&prompt(text), 5);
            assert_eq!((lines.len(), at), (rows, cursor), "{text:?}");
        }
    }
}
