//! Compare: two runs side by side, with the differences marked.

use ratatui::text::Line;

use super::Sheet;
use crate::core::text::{Newline, sanitize_with, width, wrap};
use crate::core::types::{Answer, Run, Verdict};
use crate::explorer::app::overlay::ablation_name;
use crate::explorer::app::{App, JobState, Left};
use crate::explorer::session::Session;
use crate::explorer::ui::line::{LineBuilder, cut, cut_foreign, paragraph, token};
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

/// A value of one side: what is shown, and what is compared, which is missing if the value is not known.
#[derive(Default, Clone)]
struct Value {
    shown: String,
    compared: Option<String>,
}

impl Value {
    fn of(text: impl Into<String>) -> Self {
        let shown = text.into();
        let compared = Some(shown.clone());
        Self { shown, compared }
    }
}

struct Side {
    title: String,
    question: String,
    /// The top token of each latent.
    latents: Vec<Value>,
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
    match app.run.other {
        Some(_) => app.run.left,
        None => Left::Clean,
    }
}

pub(super) fn sheet(app: &App, max_width: usize, theme: &Theme) -> Sheet {
    let Some(run) = &app.run.session.run else {
        return Sheet {
            head: paragraph("The run comes first", max_width, 0, theme.dim),
            ..Sheet::default()
        };
    };
    let of = effective_left(app);
    let here = of_session(&app.run.session, theme);
    let (left, right) = if let (Left::Previous, Some(other)) = (of, &app.run.other) {
        (of_session(other, theme), here)
    } else {
        let title = "clean run, all on".to_owned();
        (Side { title, ..here }, current(app, run, theme))
    };
    let columns = Columns::new(max_width, theme);
    let mut rows = columns.question(&left.question, &right.question);
    rows.push(Line::default());
    for at in 0..left.latents.len().max(right.latents.len()) {
        let value = |side: &Side| match (side.latents.get(at), &side.answer) {
            (Some(value), _) => value.clone(),
            // Of a run that is known, a latent that it lacks is a difference.
            (None, Some(_)) => Value::of(""),
            (None, None) => Value::default(),
        };
        rows.push(columns.row(&format!("latent {}", at + 1), &value(&left), &value(&right)));
    }
    rows.push(Line::default());
    let (known, other) = (
        left.values(columns.side, theme),
        right.values(columns.side, theme),
    );
    for ((label, left), (_, right)) in known.iter().zip(&other) {
        if of == Left::Clean || *label != OF_CLEAN {
            rows.push(columns.row(label, left, right));
        }
    }
    let focus = app.cursor().row.min(rows.len().saturating_sub(1));
    if let Some(row) = rows.get_mut(focus) {
        *row = LineBuilder::new()
            .push(row.to_string(), theme.selected)
            .line();
    }
    let legend = format!(
        "{} the two sides differ. Of a latent: its top token and the token's probability, where it is known.",
        theme.glyphs.differs
    );
    let hint = match (of, &app.run.other) {
        (Left::Clean, Some(_)) => "C puts the run that was open before at the left.",
        (Left::Clean, None) => {
            "Edit the question, open another problem or load another model, and C compares with this run."
        }
        (Left::Previous, _) => "C puts the clean run of this problem at the left.",
    };
    Sheet {
        head: vec![columns.titles(&left.title, &right.title)],
        focus,
        rows,
        detail: String::new(),
        legend: vec![legend, hint.to_owned()],
    }
}

/// The label of the row that only an ablation has.
const OF_CLEAN: &str = "log-prob of clean";

impl Side {
    /// What is known of the answer, each with its label.
    fn values(&self, side: usize, theme: &Theme) -> [(&'static str, Value); 5] {
        let answer = self.answer.as_ref();
        let number = |value: Option<f64>| value.map(|value| plain(value, 2, theme.glyphs));
        let correct = answer.map(|answer| match answer.correct {
            Some(true) => format!("{} correct", theme.glyphs.yes),
            Some(false) => format!("{} wrong", theme.glyphs.no),
            None => "gold answer not known".to_owned(),
        });
        let values = [
            (
                "answer",
                answer.map(|answer| answer_text(answer, side, theme)),
            ),
            ("log-prob", number(answer.and_then(|answer| answer.logprob))),
            ("correctness", correct),
            (OF_CLEAN, number(self.clean_logprob)),
            ("verdict", self.rung.map(str::to_owned)),
        ];
        values.map(|(label, value)| (label, value.map(Value::of).unwrap_or_default()))
    }
}

/// The clean run of a session as a side.
fn of_session(session: &Session, theme: &Theme) -> Side {
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
        latents: run.map_or_else(Vec::new, |run| read_by_latent(run, theme)),
        answer: run.map(|run| run.answer.clone()),
        rung: session.verdict.as_ref().map(Verdict::word),
        clean_logprob: run.and_then(|run| run.answer.logprob),
    }
}

fn read_by_latent(run: &Run, theme: &Theme) -> Vec<Value> {
    let tops = run.latents().map(|(_, position)| {
        let top = position.projection.as_ref().and_then(|p| p.top.first());
        top.map_or_else(Value::default, |read| {
            let text = token(&read.text, 12, theme);
            let gap = " ".repeat(13_usize.saturating_sub(width(&text)));
            Value {
                shown: format!("{text}{gap}{}", probability(read.prob)),
                compared: Some(read.text.clone()),
            }
        })
    });
    tops.collect()
}

/// The run under the shown ablation as a side.
fn current(app: &App, run: &Run, theme: &Theme) -> Side {
    let clean = of_session(&app.run.session, theme);
    let Some(outcome) = app.run.shown_outcome() else {
        if !app.run.is_stale() {
            return Side {
                title: "nothing is off".to_owned(),
                ..clean
            };
        }
        // Empty cells are better than the clean run's figures under another name.
        let yet = match app.run.live.ablation {
            JobState::Waiting => "not computed yet",
            _ => "not computed",
        };
        return Side {
            title: format!("off {}, {yet}", ablation_name(&app.run.ablation)),
            latents: Vec::new(),
            answer: None,
            rung: None,
            clean_logprob: None,
            ..clean
        };
    };
    let ablation = &outcome.ablation;
    let stale = match (app.run.is_stale(), app.run.ahead()) {
        (true, _) => ", stale",
        (false, Some(_)) => ", so far",
        (false, None) => "",
    };
    let mut latents = vec![Value::of(""); run.latents().count()];
    for (latent, text) in tokens_after(app) {
        if let Some(place) = latent.0.checked_sub(1).and_then(|at| latents.get_mut(at)) {
            place.shown = token(&text, 12, theme);
            place.compared = Some(text);
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
struct Columns<'a> {
    side: usize,
    right: usize,
    theme: &'a Theme,
}

impl<'a> Columns<'a> {
    fn new(max_width: usize, theme: &'a Theme) -> Self {
        let side = (max_width.saturating_sub(LABEL + GAP) / 2).max(1);
        let right = LABEL + side + GAP;
        Self { side, right, theme }
    }

    fn titles(&self, left: &str, right: &str) -> Line<'static> {
        let title = |text| cut_foreign(text, self.side, self.theme);
        let row = LineBuilder::new()
            .to(LABEL)
            .push(title(left), self.theme.title);
        row.to(self.right)
            .push(title(right), self.theme.title)
            .line()
    }

    /// A row, marked if both values are known and differ.
    fn row(&self, label: &str, left: &Value, right: &Value) -> Line<'static> {
        let both = left.compared.as_ref().zip(right.compared.as_ref());
        let differs = both.is_some_and(|(left, right)| left != right);
        let text = |value: &Value| match value.shown.as_str() {
            "" => self.theme.glyphs.none.to_owned(),
            shown => shown.to_owned(),
        };
        self.marked(label, &text(left), &text(right), differs)
    }

    fn marked(&self, label: &str, left: &str, right: &str, differs: bool) -> Line<'static> {
        let theme = self.theme;
        let (mark, style) = if differs {
            (theme.glyphs.differs, theme.off)
        } else {
            ("", theme.text)
        };
        LineBuilder::new()
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
            let label = LineBuilder::new().to(MARK).push("question", self.theme.dim);
            return label.hanging(&left, LABEL, self.right + self.side, self.theme.dim);
        }
        let (left, right) = marked_words(&left, &right);
        let (left, right) = (wrap(&left, self.side), wrap(&right, self.side));
        let at = |side: &[String], i: usize| side.get(i).cloned().unwrap_or_default();
        (0..left.len().max(right.len()))
            .map(|i| {
                self.marked(
                    if i == 0 { "question" } else { "" },
                    &at(&left, i),
                    &at(&right, i),
                    i == 0,
                )
            })
            .collect()
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
