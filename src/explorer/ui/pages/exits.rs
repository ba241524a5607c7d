//! Early exits: the answer after every number of latents, and where the run commits to it.

use ratatui::text::Line;

use super::{Sheet, block, stated};
use crate::core::answers::{first_match, stable_match};
use crate::core::types::{EarlyExit, Run};
use crate::explorer::app::commitment::{TOP, represented_from};
use crate::explorer::app::{App, JobState};
use crate::explorer::ui::line::{LineBuilder, bar, cut_foreign, paragraph};
use crate::explorer::ui::number::plain;
use crate::explorer::ui::theme::Theme;

/// Column positions: the start, or the end for numbers.
const ANSWER: usize = 10;
const SAME: usize = 22;
const LOGPROB: usize = 41;
const CLEAN: usize = 56;
const BAR: usize = 58;
/// Longer answers are cut.
const MAX_ANSWER: usize = 11;
const MAX_BAR: usize = 40;

pub(super) fn sheet(app: &App, width: usize, theme: &Theme) -> Sheet {
    let exits = &app.run.session.early_exit;
    let Some(run) = app.run.session.run.as_ref().filter(|_| !exits.is_empty()) else {
        let text = match app.run.live.exits {
            JobState::Waiting => "Computing",
            JobState::Stopped => "Stopped, r runs it",
            _ => "Not computed yet, it comes after the run",
        };
        return Sheet {
            head: paragraph(text, width, 0, theme.dim),
            ..Sheet::default()
        };
    };
    let mut head = headline(exits, run, app.run.live.n_latents(), width, theme);
    head.push(
        LineBuilder::new()
            .push("latents", theme.dim)
            .to(ANSWER)
            .push("answer", theme.dim)
            .to(SAME)
            .push("final?", theme.dim)
            .right("log-prob", LOGPROB, theme.dim)
            .right("clean answer", CLEAN, theme.dim)
            .line(),
    );
    let at = app.cursor();
    let lowest = exits
        .iter()
        .filter_map(|exit| exit.clean_logprob)
        .filter(|value| value.is_finite())
        .fold(0.0, f64::min);
    let rows = exits
        .iter()
        .enumerate()
        .map(|(index, exit)| exit_row(exit, run, index == at.row, lowest, width, theme))
        .collect();
    Sheet {
        head,
        rows,
        focus: at.row,
        detail: exits
            .get(at.row)
            .map_or_else(String::new, |exit| detail(exit, run, theme)),
        legend: legend(exits),
    }
}

fn legend(exits: &[EarlyExit]) -> Vec<String> {
    let mut lines =
        vec!["A row: the answer when the model is forced to answer after k latents.".to_owned()];
    if exits.iter().any(|exit| exit.clean_logprob.is_some()) {
        lines.push(
            "The bar: log-prob of the clean answer, full is certain, empty the lowest here."
                .to_owned(),
        );
    }
    lines
}

/// Where the answer commits, next to where the representation commits.
fn headline(
    exits: &[EarlyExit],
    run: &Run,
    n: usize,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let all = exits.last().map_or(0, |exit| exit.k);
    let noun = if n > 0 { "latents" } else { "written tokens" };
    let first = match (
        first_match(exits, run.mode, run.answer.value.as_deref()),
        final_answer(run),
    ) {
        (_, None) => "the run has no answer to match".to_owned(),
        (None, _) => "never the final answer".to_owned(),
        (Some(k), _) => format!("the final answer after {k} of {all} {noun}"),
    };
    let stable =
        stable_match(exits, run.mode).map_or_else(String::new, |k| format!(", stable from {k} on"));
    let mut lines = stated(
        "The answer commits: ",
        &format!("{first}{stable}"),
        theme.text,
        width,
        theme,
    );
    if n > 0 {
        let said = match represented_from(run) {
            Some(latent) => {
                format!("its first token stays in the top {TOP} from latent {latent} of {n} on")
            }
            None => format!("never, its first token does not stay in the top {TOP}"),
        };
        lines.extend(stated(
            "The latents commit: ",
            &said,
            theme.text,
            width,
            theme,
        ));
    }
    lines.push(Line::default());
    lines
}

fn exit_row(
    exit: &EarlyExit,
    run: &Run,
    is_selected: bool,
    lowest: f64,
    width: usize,
    theme: &Theme,
) -> Line<'static> {
    let glyphs = theme.glyphs;
    let number = |value: Option<f64>| value.map_or(glyphs.none.to_owned(), |v| plain(v, 2, glyphs));
    let (mark, style) = if is_final(exit, run) {
        (glyphs.yes, theme.good)
    } else {
        (glyphs.no, theme.bad)
    };
    let answer = exit.value.as_deref().unwrap_or("none");
    let cell = LineBuilder::new()
        .right(exit.k.to_string(), 7, theme.dim)
        .to(ANSWER)
        .push(cut_foreign(answer, MAX_ANSWER, theme), theme.strong)
        .to(SAME)
        .push(mark, style)
        .right(number(exit.logprob), LOGPROB, theme.text)
        .right(number(exit.clean_logprob), CLEAN, theme.text);
    let share = exit.clean_logprob.map_or(0.0, |value| {
        if lowest < 0.0 {
            1.0 - value / lowest
        } else {
            1.0
        }
    });
    #[expect(clippy::cast_possible_truncation, reason = "a bar has forty cells")]
    let bar = bar(share as f32, width.saturating_sub(BAR).min(MAX_BAR), theme);
    block(LineBuilder::new(), cell, CLEAN, is_selected, theme)
        .to(BAR)
        .push(bar, theme.bar)
        .line()
}

fn is_final(exit: &EarlyExit, run: &Run) -> bool {
    exit.value.is_some() && exit.value.as_deref() == final_answer(run)
}

/// The final answer of the run; `None` if it is empty.
fn final_answer(run: &Run) -> Option<&str> {
    run.answer
        .value
        .as_deref()
        .filter(|value| !value.is_empty())
}

fn detail(exit: &EarlyExit, run: &Run, theme: &Theme) -> String {
    let said = |answer: Option<&str>| cut_foreign(answer.unwrap_or("none"), 24, theme);
    let number =
        |value: Option<f64>| value.map_or("not known".to_owned(), |v| plain(v, 2, theme.glyphs));
    let against = match final_answer(run) {
        _ if is_final(exit, run) => "the final answer".to_owned(),
        Some(answer) => format!("the final answer is {}", said(Some(answer))),
        None => "the run itself has no answer".to_owned(),
    };
    format!(
        "after {}: answer {} (log-prob {}), {against}; log-prob of the clean answer {}",
        exit.k,
        said(exit.value.as_deref()),
        number(exit.logprob),
        number(exit.clean_logprob)
    )
}
