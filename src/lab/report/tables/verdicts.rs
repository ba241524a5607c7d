//! Rungs and correctness: the number of verdicts at each rung, and of correct answers among them.

use super::super::gather::GatheredRun;
use super::group;
use crate::core::stats::count;
use crate::core::types::Rung;
use crate::lab::present::document::{Cell, Section, Table};
use crate::lab::present::plot::Plot;
use crate::lab::rows::summary::RunItem;

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    let mut section = Section {
        id: "rungs",
        title: "Verdicts and correctness".to_owned(),
        text: vec![
            "A verdict never looks at the gold answer; here the two are set side by side. The share of correct answers at a rung is of \
             this model on these problems and says nothing of others."
                .to_owned(),
        ],
        parts: vec![rungs(run).into()],
    };
    section.parts.extend(plot(run).map(Into::into));
    if !run.items.iter().any(|item| item.verdict.is_some()) {
        section.text.push("The run holds no verdicts.".to_owned());
    }
    section
}

/// Counts the verdicts at a rung: correct, wrong, and without a gold answer.
#[must_use]
pub fn at(run: &GatheredRun, rung: Rung) -> (usize, usize, usize) {
    counts(run, |item| is_at(item, rung))
}

/// Counts the problems that satisfy a condition: correct, wrong, and without a gold answer.
fn counts(run: &GatheredRun, is_one: impl Fn(&RunItem) -> bool) -> (usize, usize, usize) {
    let mut counts = (0, 0, 0);
    for item in run.items.iter().filter(|item| is_one(item)) {
        match item.correct {
            Some(true) => counts.0 += 1,
            Some(false) => counts.1 += 1,
            None => counts.2 += 1,
        }
    }
    counts
}

fn is_at(item: &RunItem, rung: Rung) -> bool {
    item.verdict.is_some_and(|verdict| verdict.rung == rung)
}

fn rungs(run: &GatheredRun) -> Table {
    let mut table = Table::new(
        "rungs",
        "Rung and correctness",
        "P(correct | rung) with its Wilson 95 % interval. Of few verdicts it says little, whatever its value. PRESENT? is \
         a PRESENT that chance may explain.",
        &[
            ("rung", "Rung"),
            ("correct", "Correct"),
            ("wrong", "Wrong"),
            ("unknown", "No gold answer"),
            ("p_correct", "P(correct | rung)"),
            ("share", "Share of verdicts"),
        ],
    );
    let judged = run.items.iter().filter(|item| item.verdict.is_some());
    let n = judged.count();
    let mut push = |name: &str, (correct, wrong, unknown): (usize, usize, usize)| {
        let here = correct + wrong + unknown;
        table.push(vec![
            Cell::text(name),
            Cell::Count(correct),
            Cell::Count(wrong),
            Cell::Count(unknown),
            Cell::of(crate::core::stats::Share::new(correct, correct + wrong)),
            Cell::of(crate::core::stats::Share::new(here, n)),
        ]);
    };
    for rung in Rung::ALL {
        push(rung.as_str(), at(run, rung));
        if rung == Rung::Present {
            let by_chance = |item: &RunItem| item.verdict.is_some_and(|verdict| verdict.by_chance);
            push("of these PRESENT?", counts(run, by_chance));
        }
    }
    table
}

fn plot(run: &GatheredRun) -> Option<Plot> {
    Plot::correct_and_wrong(
        [
            "rung-bars",
            "Rungs of correct and of wrong answers",
            "Share of the verdicts on correct, and of those on wrong answers, that end at each rung; thin lines are Wilson 95 % \
             intervals.",
        ],
        ["rung", "share of verdicts"],
        Rung::ALL
            .iter()
            .map(|rung| rung.as_str().to_owned())
            .collect(),
        |correct, place| {
            let judged = group(run, correct).filter(|item| item.verdict.is_some());
            count(judged.map(|item| is_at(item, Rung::ALL[place])))
        },
    )
}
