//! Backtracking: the paper's search for the gold trace in the decoded latents (docs/methods.md M5).

use std::collections::BTreeMap;

use super::super::gather::GatheredRun;
use super::super::published::{BacktrackingFigure, Paper};
use super::{beside, group};
use crate::core::stats::{Share, count};
use crate::lab::present::document::{Cell, Section, Table};
use crate::lab::rows::row::PublishedSearch;
use crate::lab::rows::summary::RunItem;

/// A flag of the published search with its name and the paper's figures for correct and for wrong answers.
struct Measure {
    name: &'static str,
    holds: fn(&PublishedSearch) -> Option<bool>,
    correct: Option<BacktrackingFigure>,
    wrong: Option<BacktrackingFigure>,
}

const MEASURES: [Measure; 9] = [
    Measure {
        name: "primary trace",
        holds: |p| Some(p.without),
        correct: Some(BacktrackingFigure::Primary),
        wrong: None,
    },
    Measure {
        name: "any gold trace",
        holds: |p| Some(p.any_without),
        correct: Some(BacktrackingFigure::Any),
        wrong: None,
    },
    Measure {
        name: "primary trace, with question numbers",
        holds: |p| Some(p.with),
        correct: None,
        wrong: None,
    },
    Measure {
        name: "any gold trace, with question numbers",
        holds: |p| Some(p.any_with),
        correct: Some(BacktrackingFigure::AnyWithNumbers),
        wrong: Some(BacktrackingFigure::AnyWithNumbersIncorrect),
    },
    Measure {
        name: "Base-1: another problem's trace",
        holds: |p| p.baselines.first().map(|base| base.0),
        correct: None,
        wrong: None,
    },
    Measure {
        name: "Base-5: any of five",
        holds: |p| any(p, |base| base.0),
        correct: None,
        wrong: None,
    },
    Measure {
        name: "Base-1, with question numbers",
        holds: |p| p.baselines.first().map(|base| base.1),
        correct: None,
        wrong: None,
    },
    Measure {
        name: "Base-5, with question numbers",
        holds: |p| any(p, |base| base.1),
        correct: Some(BacktrackingFigure::BestOfFive),
        wrong: None,
    },
    Measure {
        name: "gold answer in the answer's top ten (Table 14)",
        holds: |p| Some(p.gold_in_top10),
        correct: None,
        wrong: Some(BacktrackingFigure::GoldInTopTen),
    },
];

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    let mut text = vec![
        "The published search for the gold steps in the top ten tokens of each latent. It tests whether numbers are there in an \
         order that fits, never the operator, and the gold trace is given to it: what it finds is consistent with the trace, and \
         Base-1 and Base-5 say how often other problems' traces are found in the same way."
            .to_owned(),
    ];
    if !run.items.iter().any(|item| published(item).is_some()) {
        text.push("The run holds no published backtracking.".to_owned());
    }
    Section {
        id: "backtracking",
        title: "Backtracking for gold traces".to_owned(),
        text,
        parts: vec![rates(run).into(), by_steps(run).into()],
    }
}

fn published(item: &RunItem) -> Option<&PublishedSearch> {
    item.gold.as_ref()?.published.as_ref()
}

/// Returns whether any baseline is found; `None` without baselines.
fn any(published: &PublishedSearch, is_found: fn(&(bool, bool)) -> bool) -> Option<bool> {
    let baselines = &published.baselines;
    (!baselines.is_empty()).then(|| baselines.iter().any(is_found))
}

fn rates(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "backtracking",
        "Gold traces found (Figure 4, Table 14)",
        "Baselines count problems that have at least one other with the same number of steps. A trace that the published code cannot represent \
         counts as not found. The last column is of wrong answers whose gold answer is in the answer's top ten.",
        &[
            ("found", "Found"),
            ("correct", "Correct"),
            ("published", "Published"),
            ("p", "p, published"),
            ("wrong", "Wrong"),
            ("published_wrong", "Published"),
            ("wrong_gold", "Wrong, gold in top ten"),
        ],
    );
    let of =
        |correct| -> Vec<&PublishedSearch> { group(run, correct).filter_map(published).collect() };
    let (correct, wrong) = (of(true), of(false));
    if correct.is_empty() && wrong.is_empty() {
        return table;
    }
    let paper = Paper::of(&run.header);
    let is_same_set = paper.is_some_and(Paper::is_trace_set);
    for measure in &MEASURES {
        let share = |of: &[&PublishedSearch]| count(of.iter().filter_map(|p| (measure.holds)(p)));
        let value =
            |what: Option<BacktrackingFigure>| paper.and_then(|paper| paper.backtracking(what?));
        let (right, other) = (share(&correct), share(&wrong));
        let named = |answers: &str| format!("{answers} answers, {}", measure.name);
        let first = beside(
            &named("Correct"),
            right,
            value(measure.correct),
            is_same_set,
        );
        let second = beside(&named("Wrong"), other, value(measure.wrong), is_same_set);
        table.notes.extend(first.note);
        table.notes.extend(second.note);
        let top_ten: Vec<&PublishedSearch> =
            wrong.iter().copied().filter(|p| p.gold_in_top10).collect();
        table.push(vec![
            Cell::text(measure.name),
            Cell::of(right),
            first.published,
            first.p,
            Cell::of(other),
            second.published,
            if measure.wrong == Some(BacktrackingFigure::GoldInTopTen) {
                Cell::None("")
            } else {
                Cell::of(share(&top_ten))
            },
        ]);
    }
    for (name, of) in [("correct", &correct), ("wrong", &wrong)] {
        let impossible = of.iter().filter(|p| p.impossible).count();
        if impossible > 0 {
            table.notes.push(format!(
                "Of {} {name} answers {impossible} have a gold solution that the published code cannot represent.",
                of.len()
            ));
        }
    }
    table
}

fn by_steps(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "backtracking-by-steps",
        "Any gold trace, by number of gold steps",
        "The longer a trace, the more numbers have to stand in order.",
        &[
            ("answers", "Answers"),
            ("steps", "Steps"),
            ("without", "Without question numbers"),
            ("with", "With question numbers"),
        ],
    );
    for (name, correct) in [("correct", true), ("wrong", false)] {
        let mut steps: BTreeMap<usize, Vec<&PublishedSearch>> = BTreeMap::new();
        for item in group(run, correct) {
            if let Some(found) = published(item) {
                steps.entry(item.steps).or_default().push(found);
            }
        }
        for (steps, of) in steps {
            let share = |holds: fn(&PublishedSearch) -> bool| -> Share {
                count(of.iter().map(|found| holds(found)))
            };
            table.push(vec![
                Cell::text(name),
                Cell::Count(steps),
                Cell::of(share(|p| p.any_without)),
                Cell::of(share(|p| p.any_with)),
            ]);
        }
    }
    table
}
