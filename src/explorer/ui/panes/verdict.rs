//! The verdict: the ladder of evidence, the trace with the place where each value was read, and the tests.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::sanitize;
use crate::core::types::{Rung, Verdict};
use crate::explorer::app::dataset::RightAtRung;
use crate::explorer::app::{App, JobState, Phase};
use crate::explorer::ui::line::{LineBuilder, heading, paragraph};
use crate::explorer::ui::number::percent;
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::table;
use crate::explorer::ui::theme::Theme;
use crate::lab::present::document::Cell;
use crate::lab::present::verdict as present;

/// Where the texts of the ladder and of the tests begin.
const NAME: usize = 14;
const LABEL: usize = 16;
/// Shown when the open problem belongs to no data set with counted answers.
const NOT_KNOWN: &str = "Accuracy at this rung is unknown for questions like this";

pub(super) fn title(app: &App) -> Title {
    Title {
        name: "Verdict".to_owned(),
        about: match app.run.live.verdict {
            _ if app.run.kept.recorded.is_some() => {
                let name = app.run.kept.recorded.as_deref().unwrap_or_default();
                format!("recorded by run {}, r runs it here", sanitize(name))
            }
            JobState::Waiting if app.run.session.verdict.is_some() => {
                "so far, testing it".to_owned()
            }
            JobState::Waiting => "verifying".to_owned(),
            JobState::Stopped if app.run.session.verdict.is_some() => {
                "stopped part-way, r runs it again".to_owned()
            }
            _ if app.run.session.verdict.is_some() => "on the clean run".to_owned(),
            _ => String::new(),
        },
        remark: String::new(),
    }
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(verdict) = &app.run.session.verdict else {
        let text = match (app.run.live.verdict, app.run.live.phase) {
            (JobState::Waiting, _) => "Looking for a trace in the latents",
            (JobState::Stopped, _) => "Stopped, r runs it again",
            (_, Phase::Running) => "After the run",
            _ => "No verdict yet",
        };
        let mut lines = paragraph(text, width, 0, theme.dim);
        lines.push(Line::default());
        lines.extend(table::facts(&present::ladder(None), NAME, width, theme));
        return lines;
    };
    let (headline, style) = rung_of(verdict, theme);
    let style = style.patch(theme.strong);
    let mut lines = vec![LineBuilder::new().push(headline, style).line()];
    lines.extend(paragraph(&verdict.reason, width, 2, theme.text));
    for note in &verdict.notes {
        lines.extend(paragraph(note, width, 2, theme.off));
    }
    if app.model.info().is_some() {
        let said = app
            .calibration()
            .as_ref()
            .map(|of| calibrated(of, verdict.rung));
        let said = said.unwrap_or_else(|| NOT_KNOWN.to_owned());
        lines.extend(paragraph(&said, width, 2, theme.text));
    }
    lines.push(Line::default());
    lines.extend(table::facts(
        &present::ladder(Some(verdict)),
        NAME,
        width,
        theme,
    ));
    lines.extend(trace_lines(app, verdict, width, theme));
    lines.extend(tests(app, verdict, width, theme));
    lines
}

/// Returns a rung with its sign, in its style.
#[must_use]
pub fn rung(rung: Rung, by_chance: bool, theme: &Theme) -> (String, Style) {
    let mark = present::mark(rung, by_chance);
    table::cell(&Cell::Marked(mark, rung.word(by_chance).to_owned()), theme)
}

/// Returns the rung of a verdict with its sign, in its style.
#[must_use]
pub fn rung_of(verdict: &Verdict, theme: &Theme) -> (String, Style) {
    rung(verdict.rung, verdict.null.chance_may_explain(), theme)
}

/// How often answers with this rung are right, among problems like the open one.
fn calibrated(of: &RightAtRung, rung: Rung) -> String {
    let n = of.right.n;
    let noun = if n == 1 { "problem" } else { "problems" };
    let other = if of.others { "other " } else { "" };
    let rung = match rung {
        Rung::Present => "PRESENT or PRESENT?",
        _ => "this rung",
    };
    format!(
        "Of {n} {other}{noun} with {rung} on this model and data, the model answered {} correctly ({})",
        percent(&of.right),
        of.origin
    )
}

fn trace_lines(app: &App, verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if !verdict.has_trace() {
        return Vec::new();
    }
    let trace = present::trace(verdict, app.run.session.run.as_ref());
    let remark = if verdict.from_question_alone {
        theme.off
    } else {
        theme.dim
    };
    let mut head = heading(trace.title.as_str(), theme);
    if !trace.caption.is_empty() {
        head = head.push(format!("  {}", trace.caption), remark);
    }
    let mut lines = vec![Line::default(), head.line()];
    for (index, row) in trace.rows.iter().enumerate() {
        let is_dim = verdict.rung == Rung::NotNeeded || app.run.step_is_off(index);
        let style = if is_dim { theme.dim } else { theme.strong };
        let [number, text, read] = [0, 1, 2].map(|column| table::cell(&row[column], theme).0);
        let number = LineBuilder::new().push(number, theme.dim);
        lines.extend(number.hanging(&text, 3, width, style));
        lines.extend(paragraph(&read, width, 3, theme.dim));
    }
    lines
}

/// How much was tried, what chance would give, and the results of the necessity tests.
fn tests(app: &App, verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let mut tests = present::tests(verdict, app.run.session.run.as_ref());
    if tests.rows.is_empty() {
        return Vec::new();
    }
    let tried = match verdict.tried.len() {
        1 => "1 strategy; W lists it".to_owned(),
        n => format!("{n} strategies; W lists them"),
    };
    let tried = format!("{tried} with every edit and replaced latent");
    tests.push(vec![Cell::text("tried"), Cell::Text(tried)]);
    let mut lines = vec![Line::default(), heading(tests.title.as_str(), theme).line()];
    lines.extend(table::facts(&tests, LABEL, width, theme));
    lines
}

/// The rung with its sign, for a tab or a title.
#[must_use]
pub fn badge(app: &App, theme: &Theme) -> Option<(String, Style)> {
    Some(rung_of(app.run.session.verdict.as_ref()?, theme))
}
