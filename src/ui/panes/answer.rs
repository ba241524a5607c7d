//! The clean answer against the current one: what flipped, by how much, and how large the intervention was.
//! Whether an answer is correct is a separate line and feeds nothing else.

use ratatui::style::Style;
use ratatui::text::Line;

use crate::app::overlay::ablation_name;
use crate::app::{App, Job, Phase};
use crate::trace::{Answer, Donors, Effect, Outcome};
use crate::ui::line::{Row, cut_foreign, heading, paragraph};
use crate::ui::number::{count, plain, signed};
use crate::ui::panes::Title;
use crate::ui::theme::Theme;

const LABEL: usize = 14;
/// Answers over donors that are listed.
const MAX_ANSWERS: usize = 6;
/// Longer answers in that list are cut.
const MAX_VALUE: usize = 16;
/// Room for saying how many more there are.
const MORE: usize = 8;
/// Where the answer of an early exit starts and where its two numbers end; fits the narrowest pane.
const EXIT_COLUMNS: [usize; 3] = [16, 33, 47];
/// Longer answers of early exits are cut.
const MAX_EXIT: usize = 9;

pub(super) fn title(app: &App, theme: &Theme) -> Title {
    let dot = theme.glyphs.dot;
    let shown = &app.shown;
    let about = if shown.is_clean() {
        "all latents on".to_owned()
    } else {
        format!("off {} {dot} {}", ablation_name(shown), shown.value)
    };
    Title {
        name: "Answer".to_owned(),
        about: if app.session.run.is_some() {
            about
        } else {
            String::new()
        },
        remark: stale_mark(app).unwrap_or_default().to_owned(),
    }
}

/// What to say about an answer that is not the one that was asked for.
#[must_use]
pub fn stale_mark(app: &App) -> Option<&'static str> {
    if !app.is_stale() {
        return None;
    }
    Some(match app.live.ablation {
        Job::Stopped => "stale, r recomputes",
        _ => "stale, recomputing",
    })
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(run) = &app.session.run else {
        let text = match app.live.phase {
            Phase::Running => "The answer comes after the latents",
            Phase::Stopped if app.failure.is_none() => "Stopped before the answer, r runs it again",
            _ => "No answer yet",
        };
        return paragraph(text, width, 0, theme.dim);
    };
    let stale = if app.is_stale() {
        theme.dim
    } else {
        theme.text
    };
    let mut lines = vec![answer_row("clean", &run.answer, theme.strong, width, theme)];
    if let Some(outcome) = app.shown_outcome() {
        lines.push(now_row(app, outcome, width, theme));
        lines.extend(effect_lines(&outcome.effect, stale, width, theme));
    } else if app.is_stale() {
        lines.push(
            label_row("now", theme)
                .push("not computed yet", theme.dim)
                .line(),
        );
    } else {
        lines.push(
            label_row("now", theme)
                .push("the same, nothing is off", theme.dim)
                .line(),
        );
    }
    lines.push(Line::default());
    lines.extend(correctness(app, width, theme));
    lines.extend(exits(app, theme));
    lines
}

fn label_row(label: &str, theme: &Theme) -> Row {
    Row::new().push(label.to_owned(), theme.dim).to(LABEL)
}

/// The value of an answer, or its text when it has no value.
#[must_use]
pub fn answer_text(answer: &Answer, max_width: usize, theme: &Theme) -> String {
    match &answer.value {
        Some(value) => cut_foreign(value, max_width, theme),
        None if answer.text.trim().is_empty() => "no answer".to_owned(),
        None => format!(
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
    let glyphs = theme.glyphs;
    let (value_style, flip_style) = if app.is_stale() {
        (theme.dim, theme.dim)
    } else if outcome.effect.flipped {
        (theme.strong, theme.bad)
    } else {
        (theme.strong, theme.good)
    };
    let text = answer_text(&outcome.answer, width.saturating_sub(LABEL + 30), theme);
    let mut row = label_row("now", theme).push(text, value_style);
    if let Some(logprob) = outcome.answer.logprob {
        row = row
            .push("   log-prob ", theme.dim)
            .push(plain(logprob, 2, glyphs), value_style);
    }
    row.push(
        format!("   {}", flip_word(outcome.effect.flipped, theme)),
        flip_style,
    )
    .line()
}

/// Whether the answer flipped, in a glyph and a word.
#[must_use]
pub fn flip_word(flipped: bool, theme: &Theme) -> String {
    if flipped {
        format!("{} flipped", theme.glyphs.no)
    } else {
        format!("{} stands", theme.glyphs.yes)
    }
}

fn effect_lines(effect: &Effect, style: Style, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let delta = format!("{} log-prob", glyphs.delta);
    let first = label_row(&delta, theme)
        .push(signed(effect.delta_logprob, 2, glyphs), style)
        .push(" clean answer", theme.dim);
    let gold = effect.delta_logprob_gold.map(|gold| {
        Row::new()
            .push(signed(gold, 2, glyphs), style)
            .push(" gold answer", theme.dim)
    });
    let mut lines = match gold {
        None => vec![first.line()],
        Some(gold) if first.width() + 3 + gold.width() <= width => {
            vec![first.push("   ", style).join(gold).line()]
        }
        Some(gold) => vec![first.line(), label_row("", theme).join(gold).line()],
    };
    if let Some(donors) = &effect.donors {
        lines.extend(donor_lines(donors, style, width, theme));
    }
    lines.push(
        label_row("KL", theme)
            .push(format!("{} nats", plain(effect.kl, 2, glyphs)), style)
            .push(" at first answer token", theme.dim)
            .line(),
    );
    let size = match effect.relative_size {
        None => label_row("size", theme).push("the latent is left out", style),
        // No effect because nothing was changed is not a result.
        Some(size) if size <= 0.0 => {
            label_row("size", theme).push(format!("{} nothing was changed", glyphs.no), theme.bad)
        }
        Some(size) => label_row("size", theme)
            .push(plain(size, 2, glyphs), style)
            .push(" of the latent's norm", theme.dim),
    };
    lines.push(size.line());
    lines.push(
        label_row("sham", theme)
            .push(sham(effect.sham_max_diff), style)
            .push(" at most, own value back", theme.dim)
            .line(),
    );
    lines
}

/// The largest change of a logit when nothing should change.
fn sham(value: f64) -> String {
    if value == 0.0 {
        "0".to_owned()
    } else {
        format!("{value:.1e}")
    }
}

fn donor_lines(donors: &Donors, style: Style, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let (low, high) = donors.delta_logprob_ci95;
    let interval = format!(
        "{} {} {}",
        signed(low, 2, glyphs),
        glyphs.to,
        signed(high, 2, glyphs)
    );
    let mut answers = label_row("answers", theme);
    let mut shown = 0;
    for (value, n) in donors.answers.iter().take(MAX_ANSWERS) {
        let value = cut_foreign(value.as_deref().unwrap_or("none"), MAX_VALUE, theme);
        let text = format!("{value} {}{n}   ", glyphs.times);
        if answers.width() + crate::text::width(&text) + MORE > width {
            break;
        }
        answers = answers.push(text, style);
        shown += 1;
    }
    if shown < donors.answers.len() {
        let more = donors.answers.len() - shown;
        answers = answers.push(format!("{more} more"), theme.dim);
    }
    vec![
        label_row("95 % CI", theme)
            .push(interval, style)
            .push(format!(" over {}", count(donors.n, "donor")), theme.dim)
            .line(),
        label_row("flips", theme)
            .push(
                format!("{} of {}", donors.flips, count(donors.n, "donor")),
                style,
            )
            .line(),
        answers.line(),
    ]
}

/// Gold beside clean and current answer; nothing else on screen depends on it.
fn correctness(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(run) = &app.session.run else {
        return Vec::new();
    };
    let problem = app.session.problem.as_ref();
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
    if let Some(correct) = app.shown_outcome().and_then(|o| o.answer.correct)
        && !app.is_stale()
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
        lines.extend(
            crate::text::wrap(&crate::text::sanitize(&steps), width.saturating_sub(LABEL))
                .into_iter()
                .enumerate()
                .map(|(i, part)| {
                    label_row(if i == 0 { "gold steps" } else { "" }, theme)
                        .push(part, theme.dim)
                        .line()
                }),
        );
    }
    lines
}

/// How many rows the pane has without the table of early exits, which is its last part.
#[must_use]
pub fn height_without_exits(app: &App, width: usize, theme: &Theme) -> usize {
    lines(app, width, theme).len() - exits(app, theme).len()
}

/// The answer after every number of latents.
fn exits(app: &App, theme: &Theme) -> Vec<Line<'static>> {
    if app.session.early_exit.is_empty() {
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
    for exit in &app.session.early_exit {
        let number =
            |value: Option<f64>| value.map_or(glyphs.none.to_owned(), |v| plain(v, 2, glyphs));
        let value = exit.value.as_deref().unwrap_or("none");
        lines.push(
            Row::new()
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
