//! The verdict: the ladder of evidence, the trace with the place where each value was read, and the safeguards. Every
//! share shows its n; PRESENT is only ever "consistent with".

use ratatui::style::Style;
use ratatui::text::Line;

use crate::core::text::{count, sanitize};
use crate::core::types::{self, Operand, Rung, Source, TraceStep, Verdict};
use crate::explorer::app::dataset::RightAtRung;
use crate::explorer::app::{App, Job, Phase};
use crate::explorer::ui::line::{Row, heading, paragraph};
use crate::explorer::ui::number::{p_value, percent, probability, signed};
use crate::explorer::ui::panes::Title;
use crate::explorer::ui::theme::Theme;

const LABEL: usize = 16;
/// Shown when the open problem belongs to no data set with counted answers.
const NOT_KNOWN: &str = "Accuracy at this rung is unknown for questions like this";

pub(super) fn title(app: &App) -> Title {
    Title {
        name: "Verdict".to_owned(),
        about: match app.live.verdict {
            _ if app.recorded.is_some() => {
                let name = app.recorded.as_deref().unwrap_or_default();
                format!("recorded by run {}, r runs it here", sanitize(name))
            }
            Job::Waiting if app.session.verdict.is_some() => "so far, testing it".to_owned(),
            Job::Waiting => "verifying".to_owned(),
            Job::Stopped if app.session.verdict.is_some() => {
                "stopped part-way, r runs it again".to_owned()
            }
            _ if app.session.verdict.is_some() => "on the clean run".to_owned(),
            _ => String::new(),
        },
        remark: String::new(),
    }
}

pub(super) fn lines(app: &App, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let Some(verdict) = &app.session.verdict else {
        let text = match (app.live.verdict, app.live.phase) {
            (Job::Waiting, _) => "Looking for a trace in the latents",
            (Job::Stopped, _) => "Stopped, r runs it again",
            (_, Phase::Running) => "After the run",
            _ => "No verdict yet",
        };
        let mut lines = paragraph(text, width, 0, theme.dim);
        lines.push(Line::default());
        lines.extend(ladder(None, width, theme));
        return lines;
    };
    let mut lines = vec![headline(verdict, theme)];
    lines.extend(paragraph(&verdict.reason, width, 2, theme.text));
    for note in &verdict.notes {
        lines.extend(paragraph(note, width, 2, theme.off));
    }
    if app.info().is_some() {
        let said = app
            .calibration()
            .as_ref()
            .map(|of| calibrated(of, verdict.rung));
        let said = said.unwrap_or_else(|| NOT_KNOWN.to_owned());
        lines.extend(paragraph(&said, width, 2, theme.text));
    }
    lines.push(Line::default());
    lines.extend(ladder(Some(verdict), width, theme));
    lines.extend(trace_lines(app, verdict, width, theme));
    lines.push(Line::default());
    lines.extend(evidence(app, verdict, width, theme));
    lines
}

#[must_use]
pub fn rung_mark(verdict: &Verdict, theme: &Theme) -> (&'static str, Style) {
    glyph_of(verdict.rung, verdict.null.chance_may_explain(), theme)
}

/// The glyph and style of a rung; `chance` tells whether chance may explain the trace.
#[must_use]
pub fn glyph_of(rung: Rung, chance: bool, theme: &Theme) -> (&'static str, Style) {
    match rung {
        // A tick would overstate a trace that chance may explain.
        Rung::Present if chance => (theme.glyphs.unsure, theme.off),
        Rung::Present | Rung::Tracks | Rung::Used => (theme.glyphs.yes, theme.good),
        Rung::NotNeeded => (theme.glyphs.no, theme.off),
        Rung::NoneFound | Rung::Contradicted => (theme.glyphs.no, theme.bad),
        Rung::Abstain => (theme.glyphs.unsure, theme.off),
    }
}

fn headline(verdict: &Verdict, theme: &Theme) -> Line<'static> {
    let (mark, style) = rung_mark(verdict, theme);
    let style = style.patch(theme.strong);
    Row::new()
        .push(format!("{mark} {}", verdict.word()), style)
        .line()
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

/// The rungs in order, each with its standing.
fn ladder(verdict: Option<&Verdict>, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let glyphs = theme.glyphs;
    let unknown = (glyphs.none, theme.dim, String::new());
    let needed = verdict.map_or(unknown.clone(), |v| match v.rung {
        Rung::NotNeeded => (
            glyphs.yes,
            theme.off,
            match v.necessity.places {
                Some(true) => "the latents' contents are not needed, but their positions are",
                _ => "the answer stands without the latents' contents",
            }
            .to_owned(),
        ),
        _ if !v.necessity.is_tested() => (glyphs.unsure, theme.dim, "cannot be judged".to_owned()),
        _ if v.necessity.needed => (
            glyphs.no,
            theme.text,
            format!(
                "no: the answer changes or its log-prob drops when {}",
                v.necessity.fell.join(", ")
            ),
        ),
        _ => (glyphs.unsure, theme.dim, "not established".to_owned()),
    });
    let present = verdict.map_or(unknown, |v| {
        let p = format!("p {}, n {}", p_value(v.null.p_value), v.null.n);
        match v.rung {
            Rung::Present | Rung::Tracks | Rung::Used | Rung::Contradicted
                if v.null.chance_may_explain() =>
            {
                (
                    glyphs.unsure,
                    theme.off,
                    format!("by itself chance may explain it, {p}"),
                )
            }
            Rung::Present | Rung::Tracks | Rung::Used | Rung::Contradicted => (
                glyphs.yes,
                theme.good,
                format!("consistent with a trace, {p}"),
            ),
            Rung::NotNeeded if !v.steps.is_empty() => (
                glyphs.none,
                theme.dim,
                format!("a trace exists, but is not needed, {p}"),
            ),
            Rung::NotNeeded => (glyphs.none, theme.dim, "not granted".to_owned()),
            Rung::NoneFound => (
                glyphs.no,
                theme.bad,
                format!("no trace in the top {}", v.top_k),
            ),
            Rung::Abstain => (glyphs.unsure, theme.dim, "cannot be judged".to_owned()),
        }
    });
    let tracks = verdict.map_or((glyphs.none, theme.dim, String::new()), |v| {
        tracks(v, theme)
    });
    let used = verdict.map_or((glyphs.none, theme.dim, String::new()), |v| used(v, theme));
    [
        ("not needed", needed),
        ("present", present),
        ("tracks", tracks),
        ("used", used),
    ]
    .into_iter()
    .flat_map(|(name, (mark, style, text))| {
        let lead = Row::new().push(mark, style).to(2).push(name, style);
        let parts = crate::core::text::wrap(&text, width.saturating_sub(LABEL - 2));
        parts.into_iter().enumerate().map(move |(i, part)| {
            let lead = if i == 0 { lead.clone() } else { Row::new() };
            lead.to(LABEL - 2).push(part, style).line()
        })
    })
    .collect()
}

/// The standing of a rung: its glyph, its style, and a text.
type Standing<'a> = (&'a str, Style, String);

fn mark(standing: types::Standing, theme: &Theme) -> (&str, Style) {
    match standing {
        types::Standing::Holds => (theme.glyphs.yes, theme.good),
        types::Standing::Contradicted => (theme.glyphs.no, theme.bad),
        types::Standing::Open | types::Standing::Untested => (theme.glyphs.unsure, theme.off),
    }
}

fn tracks<'a>(verdict: &Verdict, theme: &'a Theme) -> Standing<'a> {
    let Some(tracks) = &verdict.tracks else {
        return (theme.glyphs.none, theme.dim, not_asked(verdict).to_owned());
    };
    let (glyph, style) = mark(tracks.standing, theme);
    let text = match tracks.standing {
        types::Standing::Holds => {
            let sum =
                |of: fn(&types::StepTracks) -> usize| tracks.steps.iter().map(of).sum::<usize>();
            let worst = tracks.steps.iter().map(|s| s.p_value).fold(0.0, f64::max);
            format!(
                "consistent with it, {} of {} edits answered as predicted; latents moved in {} of {}, stayed in {} of {} controls, p {}",
                tracks.answered,
                tracks.edits.len(),
                sum(|s| s.moved),
                sum(|s| s.edits),
                sum(|s| s.still),
                sum(|s| s.controls),
                p_value(worst)
            )
        }
        _ => tracks.reason.clone(),
    };
    (glyph, style, sanitize(&text).to_string())
}

fn used<'a>(verdict: &Verdict, theme: &'a Theme) -> Standing<'a> {
    let Some(used) = &verdict.used else {
        let text = match &verdict.tracks {
            Some(tracks) if tracks.standing != types::Standing::Holds => {
                "needs a trace that tracks"
            }
            _ => not_asked(verdict),
        };
        return (theme.glyphs.none, theme.dim, text.to_owned());
    };
    let (glyph, style) = mark(used.standing, theme);
    let sum = |of: fn(&types::StepUse) -> usize| used.steps.iter().map(of).sum::<usize>();
    let text = match used.standing {
        types::Standing::Holds => format!(
            "the answer uses it, {} of {} donors moved it as computed ({} of the {} whose own answer is a different one), {} of {} with the same value left it unchanged",
            sum(|s| s.moved),
            sum(|s| s.different),
            sum(|s| s.different_discriminating.predicted),
            sum(|s| s.different_discriminating.n),
            sum(|s| s.kept),
            sum(|s| s.same)
        ),
        _ => used.reason.clone(),
    };
    (glyph, style, sanitize(&text).to_string())
}

fn not_asked(verdict: &Verdict) -> &'static str {
    match verdict.rung {
        Rung::NotNeeded => "not applicable, the latents are not needed",
        Rung::NoneFound => "there is no trace to test",
        Rung::Abstain => "cannot be judged",
        _ => "not run",
    }
}

fn trace_lines(app: &App, verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    if verdict.steps.is_empty() {
        return Vec::new();
    }
    let greyed = verdict.rung == Rung::NotNeeded;
    let mut head = heading("Trace", theme);
    if verdict.from_question_alone {
        head = head.push("  one step from the question alone gives it too", theme.off);
    } else if greyed {
        head = head.push("  not needed for the answer", theme.dim);
    } else if verdict.decoder == "roll-out" {
        head = head.push("  read by roll-out", theme.dim);
    }
    let mut lines = vec![Line::default(), head.line()];
    for (index, step) in verdict.steps.iter().enumerate() {
        let dimmed = greyed || app.step_is_off(index);
        lines.extend(step_lines(index, step, dimmed, width, theme));
    }
    lines
}

fn step_lines(
    index: usize,
    step: &TraceStep,
    greyed: bool,
    width: usize,
    theme: &Theme,
) -> Vec<Line<'static>> {
    let style = if greyed { theme.dim } else { theme.strong };
    let number = format!("{}", index + 1);
    let mut lines: Vec<Line<'static>> =
        crate::core::text::wrap(&sanitize(&step.text), width.saturating_sub(3))
            .into_iter()
            .enumerate()
            .map(|(i, part)| {
                let lead = if i == 0 {
                    number.clone()
                } else {
                    String::new()
                };
                Row::new()
                    .push(lead, theme.dim)
                    .to(3)
                    .push(part, style)
                    .line()
            })
            .collect();
    let mut reads: Vec<String> = step.operands.iter().map(|o| read(o, theme)).collect();
    reads.push(format!(
        "{} {}",
        theme.glyphs.arrow,
        read(&step.result, theme)
    ));
    let reads = reads.join(&format!(" {} ", theme.glyphs.dot));
    lines.extend(paragraph(&reads, width, 3, theme.dim));
    lines
}

/// A value and its source.
fn read(operand: &Operand, theme: &Theme) -> String {
    let place = match &operand.source {
        Source::Question { .. } => "question".to_owned(),
        Source::Step { step } => format!("step {}", step + 1),
        Source::Latent { latent, rank, prob } => {
            format!("latent {latent} #{} p {}", rank + 1, probability(*prob))
        }
        Source::Answer => "answer".to_owned(),
    };
    let [open, close] = theme.glyphs.quotes;
    if operand.text.contains(' ') {
        format!("{open}{}{close} {place}", operand.text)
    } else {
        format!("{} {place}", operand.text)
    }
}

/// How much was tried, what chance would give, and the results of the necessity tests.
#[expect(clippy::too_many_lines, reason = "one table")]
fn evidence(app: &App, verdict: &Verdict, width: usize, theme: &Theme) -> Vec<Line<'static>> {
    let dot = theme.glyphs.dot;
    let delta = |value: Option<f64>| {
        value.map_or_else(
            || theme.glyphs.none.to_owned(),
            |v| {
                format!(
                    "{} log-prob {}",
                    theme.glyphs.delta,
                    signed(v, 2, theme.glyphs)
                )
            },
        )
    };
    let need = &verdict.necessity;
    let stood = |stood: Option<&types::Stood>| {
        stood.map_or_else(
            || "not run".to_owned(),
            |stood| {
                let said = stood.answer.as_deref().unwrap_or("no answer");
                format!("answers {said} {dot} {}", delta(Some(stood.delta_logprob)))
            },
        )
    };
    let answer = app
        .session
        .run
        .as_ref()
        .and_then(|run| run.answer.value.as_deref())
        .unwrap_or("the answer");
    let without = need
        .answer_without_latents
        .as_deref()
        .unwrap_or("no answer");
    if !need.is_tested() {
        return Vec::new();
    }
    let rows = [
        (
            "search",
            format!(
                "{}top {} {dot} {} {} the answer {dot} {} tried, 95 % of nulls try up to {}",
                if verdict.decoder.is_empty() {
                    String::new()
                } else {
                    format!("{}, ", verdict.decoder)
                },
                verdict.top_k,
                count(verdict.traces, "trace"),
                if verdict.traces == 1 {
                    "reaches"
                } else {
                    "reach"
                },
                count(verdict.candidates, "candidate"),
                verdict.null.candidates_p95,
            ),
        ),
        (
            "null",
            format!(
                "{} of {} other problems' latents give {answer}{} {dot} p {}",
                verdict.null.hits,
                verdict.null.n,
                if verdict.null.searches > 1 {
                    format!(" by any of {} searches", verdict.null.searches)
                } else {
                    String::new()
                },
                p_value(verdict.null.p_value),
            ),
        ),
        (
            "other answers",
            verdict.null_answers.as_ref().map_or_else(
                || "not run".to_owned(),
                |null| {
                    format!(
                        "{} of {} other problems' answers are reached in these latents {dot} p {}",
                        null.hits,
                        null.n,
                        p_value(null.p_value)
                    )
                },
            ),
        ),
        (
            "no latents",
            format!(
                "answers {without} {dot} {}",
                delta(need.delta_without_latents)
            ),
        ),
        (
            "resampled",
            format!(
                "{} of {} keep {answer} {dot} {}",
                need.donors_kept,
                count(need.donors, "donor"),
                delta(need.delta_resampled),
            ),
        ),
        ("at their means", stood(need.mean.as_ref())),
        ("hidden in place", stood(need.hidden.as_ref())),
        (
            "threshold",
            format!(
                "{} nats",
                crate::explorer::ui::number::plain(need.threshold, 2, theme.glyphs)
            ),
        ),
        (
            "tried",
            format!(
                "{} with every edit and replaced latent",
                if verdict.tried.len() == 1 {
                    "1 strategy; W lists it".to_owned()
                } else {
                    format!("{} strategies; W lists them", verdict.tried.len())
                }
            ),
        ),
    ];
    let mut lines = vec![heading("Evidence", theme).line()];
    for (label, text) in rows {
        let parts = crate::core::text::wrap(&sanitize(&text), width.saturating_sub(LABEL));
        for (i, part) in parts.into_iter().enumerate() {
            let label = if i == 0 { label } else { "" };
            lines.push(
                Row::new()
                    .push(label, theme.dim)
                    .to(LABEL)
                    .push(part, theme.text)
                    .line(),
            );
        }
    }
    lines
}

/// The rung with its glyph, for a tab or a title.
#[must_use]
pub fn badge(app: &App, theme: &Theme) -> Option<(String, Style)> {
    let verdict = app.session.verdict.as_ref()?;
    let (mark, style) = rung_mark(verdict, theme);
    Some((format!("{mark} {}", verdict.word()), style))
}
