//! Compare: two runs side by side, with the differences marked.

use ratatui::text::Line;

use super::Sheet;
use crate::core::text::{Newline, sanitize_with, width, wrap};
use crate::core::types::{Answer, PositionKind, Run};
use crate::explorer::app::overlay::ablation_name;
use crate::explorer::app::{App, Job, Left};
use crate::explorer::session::Session;
use crate::explorer::ui::line::{Row, cut, cut_foreign, paragraph, token};
use crate::explorer::ui::number::{plain, probability};
use crate::explorer::ui::panes::answer::answer_text;
use crate::explorer::ui::panes::timeline::tokens_after;
use crate::explorer::ui::theme::Theme;

/// Widths of the mark and of the label, and the gap before the left side.
const MARK: usize = 3;
const LABEL: usize = 21;
const GAP: usize = 2;
/// Longer questions are compared as a whole.
const MAX_WORDS: usize = 400;

struct Side {
    title: String,
    question: String,
    /// The top token of each latent, with its probability if known, in order of latents.
    latents: Vec<Option<(String, Option<f32>)>>,
    answer: Option<Answer>,
    rung: Option<&'static str>,
    /// Log-probability of the left side's answer under this run, if known.
    clean_logprob: Option<f64>,
}

pub(super) fn about(app: &App) -> String {
    match effective_left(app) {
        Left::Clean => "the clean run and the current ablation".to_owned(),
        Left::Previous => "the run before and this one, nothing off".to_owned(),
    }
}

/// The previous run can be the left side only if there is one.
fn effective_left(app: &App) -> Left {
    match app.other {
        Some(_) => app.left,
        None => Left::Clean,
    }
}

pub(super) fn sheet(app: &App, max_width: usize, theme: &Theme) -> Sheet {
    let Some(run) = &app.session.run else {
        return Sheet {
            head: paragraph("The run comes first", max_width, 0, theme.dim),
            ..Sheet::default()
        };
    };
    let (left, right) = match (effective_left(app), &app.other) {
        (Left::Previous, Some(other)) => (of_session(other), of_session(&app.session)),
        _ => (
            Side {
                title: "clean run, all on".to_owned(),
                ..of_session(&app.session)
            },
            current(app, run),
        ),
    };
    let table = Table::new(max_width, theme);
    let mut rows = Vec::new();
    let titles = [
        cut_foreign(&left.title, table.side, theme),
        cut_foreign(&right.title, table.side, theme),
    ];
    let [left_title, right_title] = titles;
    let head = Row::new()
        .to(LABEL)
        .push(left_title, theme.title)
        .to(table.right)
        .push(right_title, theme.title)
        .line();
    rows.extend(table.question(&left.question, &right.question));
    rows.push(Line::default());
    for index in 0..left.latents.len().max(right.latents.len()) {
        let read = |side: &Side| side.latents.get(index).cloned().flatten();
        let both_known = left.answer.is_some() && right.answer.is_some();
        rows.push(table.latent(index + 1, read(&left), read(&right), both_known));
    }
    rows.push(Line::default());
    rows.extend(table.answers(left.answer.as_ref(), right.answer.as_ref()));
    if effective_left(app) == Left::Clean {
        let logprob = |side: &Side| {
            let value = side.clean_logprob;
            value.map_or_else(
                || theme.glyphs.none.to_owned(),
                |value| plain(value, 2, theme.glyphs),
            )
        };
        rows.push(table.row("log-prob of clean", &logprob(&left), &logprob(&right)));
    }
    let rung = |side: &Side| side.rung.unwrap_or(theme.glyphs.none).to_owned();
    let differs = left.rung.is_some() && right.rung.is_some() && left.rung != right.rung;
    rows.push(table.marked("verdict", &rung(&left), &rung(&right), differs));
    let glyphs = theme.glyphs;
    let focus = app.cursor().row.min(rows.len().saturating_sub(1));
    if let Some(row) = rows.get_mut(focus) {
        let text = Row::new().push(row.to_string(), theme.selected);
        *row = text.line();
    }
    Sheet {
        head: vec![head],
        focus,
        rows,
        detail: String::new(),
        legend: vec![
            format!(
                "{} the two sides differ. Of a latent: its top token and the token's probability, where it is known.",
                glyphs.differs
            ),
            match (effective_left(app), &app.other) {
                (Left::Clean, Some(_)) => "C puts the run that was open before at the left.".to_owned(),
                (Left::Clean, None) => {
                    "Edit the question, open another problem or load another model, and C compares with this run."
                        .to_owned()
                }
                (Left::Previous, _) => "C puts the clean run of this problem at the left.".to_owned(),
            },
        ],
    }
}

/// The clean run of a session as a side.
fn of_session(session: &Session) -> Side {
    let run = session.run.as_ref();
    let model = session.model.as_ref().map(|model| model.name.as_str());
    Side {
        title: match (model, session.origin.as_str()) {
            (Some(model), "") => format!("{model}, all on"),
            (Some(model), origin) if origin.starts_with(model) => format!("{origin}, all on"),
            (Some(model), origin) => format!("{model}, {origin}, all on"),
            (None, origin) => format!("{origin}, all on"),
        },
        question: run.map_or_else(String::new, |run| run.question.clone()),
        latents: run.map_or_else(Vec::new, read_by_latent),
        answer: run.map(|run| run.answer.clone()),
        rung: session
            .verdict
            .as_ref()
            .map(crate::core::types::Verdict::word),
        clean_logprob: run.and_then(|run| run.answer.logprob),
    }
}

fn read_by_latent(run: &Run) -> Vec<Option<(String, Option<f32>)>> {
    run.positions
        .iter()
        .filter(|position| matches!(position.kind, PositionKind::Latent(_)))
        .map(|position| {
            let top = position.projection.as_ref().and_then(|p| p.top.first());
            top.map(|read| (read.text.clone(), Some(read.prob)))
        })
        .collect()
}

/// The run under the shown ablation as a side.
fn current(app: &App, run: &Run) -> Side {
    let clean = of_session(&app.session);
    let Some(outcome) = app.shown_outcome() else {
        if !app.is_stale() {
            return Side {
                title: "nothing is off".to_owned(),
                ..clean
            };
        }
        // Empty cells are better than the clean run's figures under another name.
        let yet = if app.live.ablation == Job::Waiting {
            "not computed yet"
        } else {
            "not computed"
        };
        return Side {
            title: format!("off {}, {yet}", ablation_name(&app.ablation)),
            latents: vec![None; run.latents().count()],
            answer: None,
            rung: None,
            clean_logprob: None,
            ..clean
        };
    };
    let ablation = &outcome.ablation;
    let stale = match (app.is_stale(), app.ahead()) {
        (true, _) => ", stale",
        (false, Some(_)) => ", so far",
        (false, None) => "",
    };
    let mut latents = vec![None; run.latents().count()];
    for (latent, text) in tokens_after(app) {
        if let Some(place) = latent.0.checked_sub(1).and_then(|at| latents.get_mut(at)) {
            *place = Some((text, None));
        }
    }
    Side {
        title: format!(
            "off {}, {}{stale}",
            ablation_name(ablation),
            ablation.manner()
        ),
        latents,
        answer: Some(outcome.answer.clone()),
        // The verdict covers only the clean run.
        rung: None,
        clean_logprob: clean
            .clean_logprob
            .map(|logprob| logprob + outcome.effect.delta_logprob),
        ..clean
    }
}

/// The columns of the comparison.
struct Table<'a> {
    side: usize,
    right: usize,
    theme: &'a Theme,
}

impl<'a> Table<'a> {
    fn new(max_width: usize, theme: &'a Theme) -> Self {
        let side = (max_width.saturating_sub(LABEL + GAP) / 2).max(1);
        Self {
            side,
            right: LABEL + side + GAP,
            theme,
        }
    }

    /// A row, marked as different if its texts differ. An unknown value on either side is no difference.
    fn row(&self, label: &str, left: &str, right: &str) -> Line<'static> {
        let is_known = ![left, right].contains(&self.theme.glyphs.none);
        self.marked(label, left, right, is_known && left != right)
    }

    fn marked(&self, label: &str, left: &str, right: &str, differs: bool) -> Line<'static> {
        let theme = self.theme;
        let (mark, style) = if differs {
            (theme.glyphs.differs, theme.off)
        } else {
            ("", theme.text)
        };
        Row::new()
            .push(mark, style)
            .to(MARK)
            .push(label.to_owned(), theme.dim)
            .to(LABEL)
            .push(cut(left, self.side, theme), theme.text)
            .to(self.right)
            .push(cut(right, self.side, theme), style)
            .line()
    }

    /// The questions, with words that only one side has in brackets.
    fn question(&self, left: &str, right: &str) -> Vec<Line<'static>> {
        let left = sanitize_with(left, Newline::Space);
        let right = sanitize_with(right, Newline::Space);
        if *left == *right {
            let whole = self.right + self.side - LABEL;
            let mut lines = Vec::new();
            for (i, part) in wrap(&left, whole).into_iter().enumerate() {
                let label = if i == 0 { "question" } else { "" };
                lines.push(
                    Row::new()
                        .to(MARK)
                        .push(label, self.theme.dim)
                        .to(LABEL)
                        .push(part, self.theme.dim)
                        .line(),
                );
            }
            return lines;
        }
        let (left, right) = marked_words(&left, &right);
        let (left, right) = (wrap(&left, self.side), wrap(&right, self.side));
        let at = |side: &[String], i: usize| side.get(i).cloned().unwrap_or_default();
        (0..left.len().max(right.len()))
            .map(|i| {
                let label = if i == 0 { "question" } else { "" };
                self.marked(label, &at(&left, i), &at(&right, i), i == 0)
            })
            .collect()
    }

    fn latent(
        &self,
        number: usize,
        left: Option<(String, Option<f32>)>,
        right: Option<(String, Option<f32>)>,
        both_known: bool,
    ) -> Line<'static> {
        let differs = both_known
            && left.as_ref().map(|(text, _)| text) != right.as_ref().map(|(text, _)| text);
        let said = |side: Option<(String, Option<f32>)>| match side {
            None => self.theme.glyphs.none.to_owned(),
            Some((text, prob)) => {
                let text = token(&text, 12, self.theme);
                let prob = prob.map_or_else(String::new, probability);
                let gap = " ".repeat(13_usize.saturating_sub(width(&text)));
                format!("{text}{gap}{prob}")
            }
        };
        let (left, right) = (said(left), said(right));
        self.marked(&format!("latent {number}"), &left, &right, differs)
    }

    fn answers(&self, left: Option<&Answer>, right: Option<&Answer>) -> Vec<Line<'static>> {
        let theme = self.theme;
        let none = || theme.glyphs.none.to_owned();
        let text = |answer: Option<&Answer>| {
            answer.map_or_else(none, |answer| answer_text(answer, self.side, theme))
        };
        let logprob = |answer: Option<&Answer>| {
            let value = answer.and_then(|answer| answer.logprob);
            value.map_or_else(none, |value| plain(value, 2, theme.glyphs))
        };
        let correct = |answer: Option<&Answer>| match answer.and_then(|answer| answer.correct) {
            Some(true) => format!("{} correct", theme.glyphs.yes),
            Some(false) => format!("{} wrong", theme.glyphs.no),
            None if answer.is_none() => none(),
            None => "gold answer not known".to_owned(),
        };
        vec![
            self.row("answer", &text(left), &text(right)),
            self.row("log-prob", &logprob(left), &logprob(right)),
            self.row("correctness", &correct(left), &correct(right)),
        ]
    }
}

/// Both texts, with the words outside their longest common subsequence in brackets.
fn marked_words(left: &str, right: &str) -> (String, String) {
    let (a, b): (Vec<&str>, Vec<&str>) = (
        left.split_whitespace().collect(),
        right.split_whitespace().collect(),
    );
    if a.len() > MAX_WORDS || b.len() > MAX_WORDS {
        return (left.to_owned(), right.to_owned());
    }
    // common[i][j]: length of the longest common subsequence of a[i..] and b[j..].
    let mut common = vec![vec![0_usize; b.len() + 1]; a.len() + 1];
    for i in (0..a.len()).rev() {
        for j in (0..b.len()).rev() {
            common[i][j] = if a[i] == b[j] {
                common[i + 1][j + 1] + 1
            } else {
                common[i + 1][j].max(common[i][j + 1])
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    let (mut left, mut right) = (Vec::new(), Vec::new());
    while i < a.len() || j < b.len() {
        if i < a.len() && j < b.len() && a[i] == b[j] {
            left.push(a[i].to_owned());
            right.push(b[j].to_owned());
            i += 1;
            j += 1;
        } else if j == b.len() || (i < a.len() && common[i + 1][j] >= common[i][j + 1]) {
            left.push(format!("[{}]", a[i]));
            i += 1;
        } else {
            right.push(format!("[{}]", b[j]));
            j += 1;
        }
    }
    (left.join(" "), right.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_that_one_side_lacks_stand_in_brackets() {
        for (left, right, marked) in [
            ("a b c", "a b c", ("a b c", "a b c")),
            ("a b c", "a x c", ("a [b] c", "a [x] c")),
            ("a c", "a b c", ("a c", "a [b] c")),
            ("a b", "", ("[a] [b]", "")),
        ] {
            let (first, second) = marked_words(left, right);
            assert_eq!(
                (first.as_str(), second.as_str()),
                marked,
                "{left} | {right}"
            );
        }
    }
}
