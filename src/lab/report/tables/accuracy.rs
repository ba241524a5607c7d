//! Tables 1 and 2 of the paper: accuracy and output tokens by mode, and comparisons of the modes.

use super::super::gather::GatheredRun;
use super::super::published::{Paper, PublishedFigure};
use super::{Beside, beside, compared};
use crate::core::stats::paired::Pairs;
use crate::core::stats::{count, float, mean};
use crate::lab::present::document::{Cell, Section, Table, Unit};
use crate::lab::rows::kept::{KeptAnswer, KeptAnswers};
use crate::lab::rows::summary::RunItem;

/// A mode's name and the accessor of its answer.
type ModeOf = (&'static str, fn(&KeptAnswers) -> Option<KeptAnswer>);

const OTHERS: [ModeOf; 3] = [
    ("no latents", |answers| answers.no_latents),
    ("direct", |answers| answers.direct),
    ("written", |answers| answers.written),
];

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    Section {
        id: "accuracy",
        title: "Accuracy by mode".to_owned(),
        text: vec![
            "An answer that cannot be read counts as wrong. Tokens are counted as in Table 1 of the paper: latents or written steps, \
             and the answer from its delimiter to the end token."
                .to_owned(),
        ],
        parts: vec![modes(run).into(), differences(run).into()],
    }
}

/// Returns the name of the main mode.
#[must_use]
pub fn main_mode(run: &GatheredRun) -> &'static str {
    let has = |mode: &str| run.header.model.modes.iter().any(|m| m == mode);
    if has("latent") {
        "latent"
    } else if has("written") {
        "written"
    } else {
        "direct"
    }
}

fn modes(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "accuracy",
        "Accuracy and mean output tokens (Table 1)",
        "Share of problems whose answer is the gold one, with its Wilson 95 % interval. The p-value is that of the exact binomial \
         test against the published share.",
        &[
            ("mode", "Mode"),
            ("correct", "Correct"),
            ("unanswered", "No answer"),
            ("tokens", "Tokens, mean"),
            ("published", "Published"),
            ("p", "p, published"),
            ("published_tokens", "Tokens, published"),
        ],
    );
    let paper = Paper::of(&run.header);
    let main: ModeOf = (main_mode(run), |answers| Some(answers.main));
    for (i, (mode, of)) in std::iter::once(main).chain(OTHERS).enumerate() {
        let said: Vec<KeptAnswer> = answers(run).filter_map(|(_, found)| of(found)).collect();
        if said.is_empty() && i > 0 {
            continue;
        }
        let correct = count(said.iter().filter_map(|said| said.correct));
        let published = paper.filter(|_| i == 0).and_then(Paper::accuracy);
        let is_same_set = paper.is_some_and(Paper::is_accuracy_set);
        let value = published.map(|(share, _)| PublishedFigure::Value(share));
        let what = format!("Accuracy in {mode} mode");
        let Beside {
            published: shown,
            p,
            note,
        } = beside(&what, correct, value, is_same_set);
        table.notes.extend(note);
        let tokens: Vec<f64> = said.iter().map(|said| float(said.tokens)).collect();
        table.push(vec![
            Cell::text(mode),
            if correct.n == 0 && !said.is_empty() {
                Cell::None("no gold answers")
            } else {
                Cell::of(correct)
            },
            Cell::Count(said.iter().filter(|said| !said.answered).count()),
            if tokens.is_empty() {
                Cell::None("")
            } else {
                Cell::Number(mean(&tokens), Unit::Tenths)
            },
            shown,
            p,
            Cell::number(published.map(|(_, t)| t), Unit::Tenths),
        ]);
    }
    table
}

fn differences(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "mode-differences",
        "Modes against the main one on the same problems (Table 2)",
        "Accuracy of the mode less that of the main answer, with Newcombe's 95 % interval for pairs and McNemar's exact test. The \
         detectable difference is the smallest that a test at 5 % finds four times in five at this n and this many discordant pairs; \
         a smaller true one would be missed more often.",
        &[
            ("mode", "Mode"),
            ("n", "n"),
            ("mode_only", "Correct in this mode alone"),
            ("main_only", "Correct in the main mode alone"),
            ("difference", "Difference"),
            ("p", "p, McNemar"),
            ("detectable", "Detectable"),
            ("published", "Published"),
        ],
    );
    let published = Paper::of(&run.header).and_then(Paper::differences);
    for (mode, of) in OTHERS {
        let pairs = pairs(run, of);
        if pairs.n() == 0 {
            continue;
        }
        let value = published.and_then(|(direct, written)| match mode {
            "direct" => Some(direct),
            "written" => Some(written),
            _ => None,
        });
        let [difference, p, detectable] = compared(pairs);
        table.push(vec![
            Cell::text(mode),
            Cell::Count(pairs.n()),
            Cell::Count(pairs.first_only),
            Cell::Count(pairs.second_only),
            difference,
            p,
            detectable,
            value.map_or(Cell::None(""), |v| Cell::Number(v / 100.0, Unit::Points)),
        ]);
    }
    table
}

/// Pairs a mode's answers with the main ones on problems where the correctness of both is known.
pub fn pairs(run: &GatheredRun, of: fn(&KeptAnswers) -> Option<KeptAnswer>) -> Pairs {
    let both =
        answers(run).filter_map(|(_, found)| Some((of(found)?.correct?, found.main.correct?)));
    let (mode, main): (Vec<bool>, Vec<bool>) = both.unzip();
    Pairs::count(&mode, &main).expect("both lists are as long")
}

fn answers(run: &GatheredRun) -> impl Iterator<Item = (&RunItem, &KeptAnswers)> {
    let items = run.items.iter();
    items.filter_map(|item| Some((item, item.accuracy.as_ref()?)))
}
