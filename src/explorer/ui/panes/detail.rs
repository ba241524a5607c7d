//! The token under the cursor: the logit lens of its vector, the phrases decoded from it, and the answer if the model
//! stopped there.

use ratatui::text::Line;

use crate::core::text::sanitize;
use crate::core::types::{
    EarlyExit, LatentIdx, Phrase, Position, PositionKind, Projection, TokenRead,
};
use crate::explorer::app::{App, JobState, Phase};
use crate::explorer::ui::line::{self, LineBuilder, bar, cut_foreign, heading, paragraph};
use crate::explorer::ui::number::{plain, probability, signed};
use crate::explorer::ui::panes::{Title, failed};
use crate::explorer::ui::theme::Theme;

/// Below this total probability, the visible rows say little about the distribution.
const LITTLE_MASS: f32 = 0.5;
const MAX_BAR: usize = 30;
const MAX_TOKEN: usize = 16;

fn position(app: &App) -> Option<&Position> {
    app.run.live.positions.get(app.run.live.cursor)
}

pub(super) fn title(app: &App, theme: &Theme) -> Title {
    let Some(position) = position(app) else {
        return Title {
            name: "Detail".to_owned(),
            ..Title::default()
        };
    };
    let dot = theme.glyphs.dot;
    let [open, close] = theme.glyphs.quotes;
    let name = match position.kind {
        PositionKind::Latent(idx) => format!("Latent {idx}"),
        PositionKind::Start => "Start marker".to_owned(),
        PositionKind::End => "End marker".to_owned(),
        PositionKind::Question | PositionKind::Written | PositionKind::Answer => {
            let text = cut_foreign(position.text.trim(), MAX_TOKEN, theme);
            format!("Token {open}{text}{close}")
        }
    };
    let about = match position.kind {
        PositionKind::Latent(idx) if app.run.ablation.off.contains(&idx) => {
            format!("off, {}", app.run.ablation.manner())
        }
        PositionKind::Latent(_) => format!("of {}", app.n_latents()),
        PositionKind::Question => "question".to_owned(),
        PositionKind::Written => "written step".to_owned(),
        PositionKind::Answer => "answer".to_owned(),
        PositionKind::Start | PositionKind::End => String::new(),
    };
    let norm = position
        .norm
        .map(|norm| format!("norm {} {dot} ", plain(norm.into(), 1, theme.glyphs)));
    let entropy = position
        .projection
        .as_ref()
        .map(|p| format!("entropy {} nats", plain(p.entropy.into(), 2, theme.glyphs)));
    Title {
        name,
        about,
        remark: norm.unwrap_or_default() + &entropy.unwrap_or_default(),
    }
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(position) = position(app) else {
        return match (app.run.live.phase, &app.chrome.failure) {
            (Phase::Running, _) => paragraph("Reading the question", width, 0, theme.dim),
            // Without a problem, the problem pane shows the failure.
            (_, Some(failure)) if app.run.session.problem.is_some() => {
                failed(failure, width, theme)
            }
            _ => paragraph("Nothing has run yet", width, 0, theme.dim),
        };
    };
    let latent = match position.kind {
        PositionKind::Latent(idx) => Some(idx),
        _ => None,
    };
    let is_thought = latent.is_some() || position.kind == PositionKind::Written;
    let mut lines = match &position.projection {
        Some(projection) => table(projection, is_thought, width, theme),
        None => paragraph(
            "No prediction here: only the last question token predicts the next token",
            width,
            0,
            theme.dim,
        ),
    };
    if position.unknown {
        lines.extend(paragraph(
            "The vocabulary lacks this word; the model saw an unknown token in its place",
            width,
            0,
            theme.unknown,
        ));
    }
    if let Some(latent) = latent {
        lines.push(Line::default());
        lines.extend(exit_lines(app, latent.0, width, theme));
        lines.push(Line::default());
        lines.extend(phrase_lines(app, latent, width, theme));
        lines.extend(learned_lines(app, latent, width, theme));
    } else if position.kind == PositionKind::Start {
        lines.push(Line::default());
        lines.extend(exit_lines(app, 0, width, theme));
    } else if let Some(k) = app.run.live.written_by(app.run.live.cursor) {
        // Early exits exist only at the ends of steps.
        if app.run.session.early_exit.iter().any(|exit| exit.k == k) {
            lines.push(Line::default());
            lines.extend(exit_lines(app, k, width, theme));
        }
    }
    lines
}

/// The top-k of a logit lens as a table.
fn table(
    projection: &Projection,
    is_latent: bool,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let longest = projection
        .top
        .iter()
        .map(|read| sanitize(read.text.trim()).width())
        .max()
        .unwrap_or(0);
    let token = longest.clamp(8, MAX_TOKEN);
    let bar_at = 4 + token + 2;
    let numbers = 18;
    let bar_width = width.saturating_sub(bar_at + numbers).min(MAX_BAR);
    let prob_at = bar_at + bar_width + 9;
    let logit_at = prob_at + 9;
    // The rank among whole numbers, which the published verifier uses.
    let integer_at = logit_at + 5;
    let mut integers = 1..;
    let mut integer = |read: &TokenRead| {
        is_integer(&read.text).then(|| {
            integers
                .next()
                .map_or_else(String::new, |rank| rank.to_string())
        })
    };
    let ranks: Vec<Option<String>> = projection.top.iter().map(&mut integer).collect();
    let with_integers = integer_at <= width && ranks.iter().any(Option::is_some);
    let what = if is_latent { "reads" } else { "predicts" };
    let mut lines = vec![
        LineBuilder::new()
            .right("#", 2, theme.dim)
            .to(4)
            .push(what, theme.dim)
            .right("prob", prob_at, theme.dim)
            .right("logit", logit_at, theme.dim)
            .right_if(
                with_integers.then(|| "int".to_owned()),
                integer_at,
                theme.dim,
            )
            .line(),
    ];
    for (rank, read) in projection.top.iter().enumerate() {
        let text = line::token(&read.text, token, theme);
        let style = if rank == 0 { theme.strong } else { theme.text };
        lines.push(
            LineBuilder::new()
                .right((rank + 1).to_string(), 2, theme.dim)
                .to(4)
                .push(text, style)
                .to(bar_at)
                .push(bar(read.prob, bar_width, theme), theme.bar)
                .right(probability(read.prob), prob_at, style)
                .right(
                    plain(read.logit.into(), 2, theme.glyphs),
                    logit_at,
                    theme.dim,
                )
                .right_if(
                    ranks[rank].clone().filter(|_| with_integers),
                    integer_at,
                    theme.dim,
                )
                .line(),
        );
    }
    let mass: f32 = projection.top.iter().map(|read| read.prob).sum();
    let text = format!(
        "top {} hold {} of the probability",
        projection.top.len(),
        probability(mass.min(1.0))
    );
    let row = LineBuilder::new().to(4).push(text, theme.dim);
    lines.push(if mass < LITTLE_MASS {
        row.push(
            format!(" {} less than half", theme.glyphs.unsure),
            theme.off,
        )
        .line()
    } else {
        row.line()
    });
    lines
}

/// Whether a token is a whole number by itself.
fn is_integer(token: &str) -> bool {
    let text = token.trim();
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn exit_lines(app: &App, k: usize, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let place = match k {
        0 => "If it stopped before the first thought".to_owned(),
        k if app.run.live.n_latents() > 0 => format!("If it stopped after latent {k}"),
        k => format!("If it stopped after {k} written tokens"),
    };
    let mut lines = vec![heading(place, theme).line()];
    let exit = app.run.session.early_exit.iter().find(|exit| exit.k == k);
    lines.extend(match (exit, app.run.live.exits) {
        (Some(exit), _) => exit_rows(exit, width, theme),
        (None, JobState::Waiting) => paragraph("computing", width, 2, theme.dim),
        (None, JobState::Stopped) => paragraph("not computed, r runs it", width, 2, theme.dim),
        (None, _) => paragraph(
            if app.run.live.phase == Phase::Running {
                "after the run"
            } else {
                "not recorded"
            },
            width,
            2,
            theme.dim,
        ),
    });
    lines
}

fn exit_rows(exit: &EarlyExit, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let logprob = |value: Option<f64>| {
        value.map_or_else(
            || theme.glyphs.none.to_owned(),
            |v| plain(v, 2, theme.glyphs),
        )
    };
    let value = exit.value.as_deref().map_or_else(
        || "no answer".to_owned(),
        |value| cut_foreign(value, width / 3, theme),
    );
    let mut answer = LineBuilder::new()
        .to(2)
        .push(value, theme.strong)
        .push("   log-prob ", theme.dim)
        .push(logprob(exit.logprob), theme.text);
    let clean = LineBuilder::new()
        .push("clean answer ", theme.dim)
        .push(logprob(exit.clean_logprob), theme.text);
    if answer.width() + clean.width() + 3 <= width {
        answer = answer.push("   ", theme.text).join(clean);
        return vec![answer.line()];
    }
    vec![answer.line(), LineBuilder::new().to(2).join(clean).line()]
}

fn phrase_lines(app: &App, latent: LatentIdx, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let how = app
        .run
        .session
        .model
        .as_ref()
        .map(|info| info.phrase_decoder.as_str())
        .filter(|how| !how.is_empty());
    let lift_at = width.min(64).saturating_sub(14);
    let logprob_at = lift_at.saturating_sub(9);
    let mut head = heading("Phrases", theme);
    if let Some(how) = how {
        head = head.push(format!("  {}", sanitize(how)), theme.dim);
    }
    let phrases = app.run.session.phrases.iter().find(|(l, _)| *l == latent);
    let Some((_, phrases)) = phrases else {
        let text = match app.run.live.phase {
            Phase::Running => "after the run",
            _ if app.run.live.phrases == Some(latent) => "decoding",
            _ if app.run.live.declined == Some(latent) => "stopped, r resumes",
            _ => "not decoded",
        };
        let mut lines = vec![head.line()];
        lines.extend(paragraph(text, width, 2, theme.dim));
        return lines;
    };
    let mut lines = vec![
        head.right("log-prob", logprob_at, theme.dim)
            .right("lift", lift_at, theme.dim)
            .line(),
    ];
    if phrases.is_empty() {
        lines.extend(paragraph("none", width, 2, theme.dim));
    }
    for phrase in phrases {
        lines.push(phrase_row(phrase, logprob_at, lift_at, theme));
    }
    lines
}

/// The tuned lens at a latent in one row; empty without a lens.
fn learned_lines(app: &App, latent: LatentIdx, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let run = app.run.session.run.as_ref();
    let Some(read) = run.and_then(|run| run.learned_at(latent)) else {
        return Vec::new();
    };
    let mut row = LineBuilder::new().to(2);
    for (rank, token) in read.top.iter().enumerate() {
        let text = line::token(&token.text, MAX_TOKEN, theme);
        let style = if rank == 0 { theme.strong } else { theme.text };
        let next = LineBuilder::new()
            .push(text, style)
            .push(format!(" {}  ", probability(token.prob)), theme.dim);
        if row.width() + next.width() > width {
            break;
        }
        row = row.join(next);
    }
    let mut lines = vec![
        Line::default(),
        heading("Learned lens", theme)
            .push("  fitted to results of gold steps", theme.dim)
            .line(),
        row.line(),
    ];
    lines.extend(paragraph(
        "It always names a number, even where a latent carries no step",
        width,
        2,
        theme.dim,
    ));
    lines
}

/// Fluent text is not evidence: phrases the mean latent also decodes to, and fillers that end the thought, are dimmed and labelled.
fn phrase_row(phrase: &Phrase, logprob_at: usize, lift_at: usize, theme: &Theme) -> Line<'static> {
    let (style, label) = if phrase.filler {
        (theme.dim, "filler")
    } else if phrase.lift.is_some_and(|lift| lift <= 0.0) {
        (theme.dim, "decoder prior")
    } else {
        (theme.text, "")
    };
    let lift = phrase.lift.map_or_else(
        || theme.glyphs.none.to_owned(),
        |lift| signed(lift, 2, theme.glyphs),
    );
    let room = logprob_at.saturating_sub(11);
    LineBuilder::new()
        .to(2)
        .push(cut_foreign(&phrase.text, room, theme), style)
        .right(plain(phrase.logprob, 2, theme.glyphs), logprob_at, style)
        .right(lift, lift_at, style)
        .push(format!(" {label}"), theme.dim)
        .line()
}
