//! The clean answer against the current one: whether it stands, by how much it changed, and how large the intervention
//! was. Correctness is a separate line and feeds nothing else.

use std::borrow::Cow;

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::count;
use crate::core::types::{Ablation, Answer, AnswerOutcome, Outcome, StudyCell, Variants};
use crate::explorer::app::overlay::ablation_name;
use crate::explorer::app::{App, JobState, Phase};
use crate::explorer::ui::line::{LineBuilder, cut_foreign, heading, paragraph};
use crate::explorer::ui::number::{plain, signed};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::table;
use crate::explorer::ui::theme::Theme;
use crate::lab::present::ablation;

const LABEL: usize = 14;
/// Where the answer of an early exit starts and where its two numbers end; fits the narrowest pane.
const EXIT_COLUMNS: [usize; 3] = [16, 33, 47];
/// Longer answers of early exits are cut.
const MAX_EXIT: usize = 9;

pub(super) fn title(app: &App, theme: &Theme) -> Title {
    let dot = theme.glyphs.dot;
    let shown = match app.run.lattice_answer() {
        Some(_) => &app.run.ablation,
        None => &app.run.shown,
    };
    let about = if shown.is_clean() {
        "all latents on".to_owned()
    } else {
        format!("off {} {dot} {}", ablation_name(shown), shown.manner())
    };
    Title {
        name: "Answer".to_owned(),
        about: if app.run.session.run.is_some() {
            about
        } else {
            String::new()
        },
        remark: stale_mark(app).unwrap_or_default().into_owned(),
    }
}

/// Labels an answer that is stale or incomplete; `None` for the requested answer.
#[must_use]
pub fn stale_mark(app: &App) -> Option<Cow<'static, str>> {
    if !app.run.is_stale() {
        let donors = app.run.ahead()?.effect.variants().n;
        return Some(match app.run.live.ablation {
            JobState::Stopped if app.chrome.failure.is_some() => "so far, not completed".into(),
            JobState::Stopped => "so far, r completes".into(),
            // A narrow screen shows the number of donors nowhere else.
            _ => format!("so far, {donors} donors").into(),
        });
    }
    Some(Cow::Borrowed(match app.run.live.ablation {
        _ if app.run.lattice_answer().is_some() => "from the lattice",
        JobState::Stopped if app.chrome.failure.is_some() => "stale, not computed",
        JobState::Stopped => "stale, r recomputes",
        _ => "stale, recomputing",
    }))
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(run) = &app.run.session.run else {
        let text = match app.run.live.phase {
            Phase::Running => "The answer comes after the latents",
            Phase::Stopped if app.chrome.failure.is_none() => {
                "Stopped before the answer, r runs it again"
            }
            _ => "No answer yet",
        };
        return paragraph(text, width, 0, theme.dim);
    };
    let stale = if app.run.is_stale() {
        theme.dim
    } else {
        theme.text
    };
    let mut lines = vec![answer_row("clean", &run.answer, theme.strong, width, theme)];
    lines.extend(refusal(app, width, theme));
    if let Some(cell) = app.run.lattice_answer() {
        lines.extend(cell_lines(cell, &app.run.ablation, width, theme));
    } else if let Some(outcome) = app.run.shown_outcome() {
        lines.push(now_row(app, outcome, width, theme));
        let theme = Theme {
            text: stale,
            ..*theme
        };
        lines.extend(table::facts(
            &ablation::effect(outcome),
            LABEL,
            width,
            &theme,
        ));
    } else {
        let text = if app.run.is_stale() {
            "not computed yet"
        } else {
            "the same, nothing is off"
        };
        lines.push(label_row("now", theme).push(text, theme.dim).line());
    }
    lines.push(Line::default());
    lines.extend(correctness(app, width, theme));
    lines.extend(exits(app, theme));
    lines
}

/// Why the wanted ablation was not computed.
fn refusal(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let failure = app.chrome.failure.as_ref().filter(|_| {
        app.run.lacks_answer()
            && app.run.live.phase == Phase::Done
            && app.run.live.ablation == JobState::Stopped
    });
    let Some(failure) = failure else {
        return Vec::new();
    };
    let wanted = format!(
        "off {}, {}: {}",
        ablation_name(&app.run.ablation),
        app.run.ablation.manner(),
        failure.message
    );
    let mut lines = Vec::new();
    for (label, text, style) in [
        ("not computed", &wanted, theme.bad),
        ("", &failure.hint, theme.dim),
    ] {
        lines.extend(labelled(label, text, style, width, theme));
    }
    lines
}

/// The answer known from the lattice, shown while the details are computed.
fn cell_lines(
    cell: &StudyCell,
    ablation: &Ablation,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let value = cell.answer.as_deref().unwrap_or("no answer");
    let (_, style) = outcome_mark(cell.variants().outcome(), theme);
    let now = label_row("now", theme)
        .push(
            cut_foreign(value, width.saturating_sub(LABEL + 16), theme),
            theme.strong,
        )
        .push(
            format!("   {}", outcome_words(cell.variants(), theme)),
            style,
        );
    let delta = label_row(&format!("{} log-prob", theme.glyphs.delta), theme)
        .push(signed(cell.delta_logprob, 2, theme.glyphs), theme.text)
        .push(" clean answer", theme.dim);
    let mut lines = vec![now.line(), delta.line()];
    if let Some(name) = ablation.value.variant_name().filter(|_| cell.n > 1) {
        let text = format!("{} of {}", cell.flips, count(cell.n, name));
        lines.push(label_row("flips", theme).push(text, theme.text).line());
    }
    lines.extend(labelled(
        "",
        "from the lattice, details coming",
        theme.dim,
        width,
        theme,
    ));
    lines
}

/// Text after its label, in as many rows as it needs.
fn labelled(
    label: &str,
    text: &str,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    label_row(label, theme).hanging(text, LABEL, width, style)
}

/// A row's label, padded to where its text starts.
fn label_row(label: &str, theme: &Theme) -> LineBuilder {
    LineBuilder::new()
        .push(label.to_owned(), theme.dim)
        .to(LABEL)
}

/// The value of an answer, or its text if it has no value.
#[must_use]
pub fn answer_text(answer: &Answer, max_width: usize, theme: &Theme) -> String {
    match &answer.value {
        Some(value) if !value.is_empty() => cut_foreign(value, max_width, theme),
        _ if answer.text.trim().is_empty() => "no answer".to_owned(),
        _ => format!(
            "no answer: {}",
            cut_foreign(answer.text.trim(), max_width.saturating_sub(11), theme)
        ),
    }
}

fn answer_row(
    label: &str,
    answer: &Answer,
    style: Style,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let text = answer_text(answer, width.saturating_sub(LABEL + 18), theme);
    let row = label_row(label, theme).push(text, style);
    match answer.logprob {
        Some(logprob) => row
            .push("   log-prob ", theme.dim)
            .push(plain(logprob, 2, theme.glyphs), style)
            .line(),
        None => row.line(),
    }
}

fn now_row(app: &App, outcome: &Outcome, width: usize, theme: &Theme) -> Line<'static> {
    let (glyphs, variants) = (theme.glyphs, outcome.effect.variants());
    let (value_style, flip_style) = if app.run.is_stale() {
        (theme.dim, theme.dim)
    } else {
        let (_, style) = outcome_mark(variants.outcome(), theme);
        (theme.strong, style)
    };
    let text = answer_text(&outcome.answer, width.saturating_sub(LABEL + 34), theme);
    let mut row = label_row("now", theme).push(text, value_style);
    if let Some(logprob) = outcome.answer.logprob {
        row = row
            .push("   log-prob ", theme.dim)
            .push(plain(logprob, 2, glyphs), value_style);
    }
    row.push(format!("   {}", outcome_words(variants, theme)), flip_style)
        .line()
}

/// The glyph and style of an outcome: a tick only if no variant flips the answer.
#[must_use]
pub fn outcome_mark(outcome: AnswerOutcome, theme: &Theme) -> (&'static str, Style) {
    match outcome {
        AnswerOutcome::Stands => (theme.glyphs.yes, theme.good),
        AnswerOutcome::Mixed => (theme.glyphs.mixed, theme.off),
        AnswerOutcome::Flipped => (theme.glyphs.no, theme.bad),
    }
}

/// An outcome as a glyph and a word; if mixed, with the number of variants that flip it.
#[must_use]
pub fn outcome_words(variants: Variants, theme: &Theme) -> String {
    let outcome = variants.outcome();
    let (glyph, _) = outcome_mark(outcome, theme);
    let said = format!("{glyph} {}", outcome.as_str());
    match outcome {
        AnswerOutcome::Mixed => format!("{said} {}/{}", variants.flips, variants.n),
        _ => said,
    }
}

/// The gold answer against clean and current answer; nothing else on screen depends on it.
fn correctness(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(run) = &app.run.session.run else {
        return Vec::new();
    };
    let problem = app.run.session.problem.as_ref();
    let Some(problem) = problem.filter(|problem| !problem.answer.is_empty()) else {
        return vec![label_row("gold", theme).push("not known", theme.dim).line()];
    };
    let gold = cut_foreign(&problem.answer, width.saturating_sub(LABEL), theme);
    let mut lines = vec![label_row("gold", theme).push(gold, theme.dim).line()];
    let word = |correct: bool| {
        if correct {
            format!("{} correct", theme.glyphs.yes)
        } else {
            format!("{} wrong", theme.glyphs.no)
        }
    };
    let mut judged = Vec::new();
    if let Some(correct) = run.answer.correct {
        judged.push(format!("clean {}", word(correct)));
    }
    if let Some(correct) = app.run.shown_outcome().and_then(|o| o.answer.correct)
        && !app.run.is_stale()
    {
        judged.push(format!("now {}", word(correct)));
    }
    if !judged.is_empty() {
        lines.push(
            label_row("correctness", theme)
                .push(judged.join("   "), theme.dim)
                .line(),
        );
    }
    if !problem.steps.is_empty() {
        let steps: Vec<&str> = problem
            .steps
            .iter()
            .map(|step| step.trim_start_matches("<<").trim_end_matches(">>"))
            .collect();
        let steps = steps.join("   ");
        lines.extend(labelled("gold steps", &steps, theme.dim, width, theme));
    }
    lines
}

/// The number of rows without the table of early exits, which comes last.
#[must_use]
pub fn height_without_exits(app: &App, width: usize, theme: &Theme) -> usize {
    let all = lines(app, width, theme).len();
    // Early exits recorded by a data-set run are known before the answer is.
    match &app.run.session.run {
        Some(_) => all.saturating_sub(exits(app, theme).len()),
        None => all,
    }
}

/// The answer after every number of latents.
fn exits(app: &App, theme: &Theme) -> Vec<Line<'static>> {
    if app.run.session.early_exit.is_empty() {
        return Vec::new();
    }
    let glyphs = theme.glyphs;
    let mut lines = vec![
        Line::default(),
        heading("Stopping early", theme)
            .to(EXIT_COLUMNS[0])
            .push("answers", theme.dim)
            .right("log-prob", EXIT_COLUMNS[1], theme.dim)
            .right("clean answer", EXIT_COLUMNS[2], theme.dim)
            .line(),
    ];
    for exit in &app.run.session.early_exit {
        let number =
            |value: Option<f64>| value.map_or(glyphs.none.to_owned(), |v| plain(v, 2, glyphs));
        let value = exit.value.as_deref().unwrap_or("none");
        lines.push(
            LineBuilder::new()
                .push(format!("after {}", exit.k), theme.dim)
                .to(EXIT_COLUMNS[0])
                .push(cut_foreign(value, MAX_EXIT, theme), theme.text)
                .right(number(exit.logprob), EXIT_COLUMNS[1], theme.text)
                .right(number(exit.clean_logprob), EXIT_COLUMNS[2], theme.text)
                .line(),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::ui::glyphs::{ASCII, UNICODE};

    #[test]
    fn a_tick_is_shown_only_where_no_variant_flips() {
        let (unicode, ascii) = (Theme::plain(&UNICODE), Theme::plain(&ASCII));
        for (flips, n, said, plain) in [
            (0, 16, "✓ stands", "+ stands"),
            (1, 16, "~ mixed 1/16", "~ mixed 1/16"),
            (9, 16, "~ mixed 9/16", "~ mixed 9/16"),
            (16, 16, "✗ flipped", "x flipped"),
            (0, 1, "✓ stands", "+ stands"),
        ] {
            let variants = Variants { flips, n };
            assert_eq!(outcome_words(variants, &unicode), said);
            assert_eq!(outcome_words(variants, &ascii), plain);
        }
    }
}
