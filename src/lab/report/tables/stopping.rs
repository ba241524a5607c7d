//! Early stopping: how much of the reasoning an answer needs (docs/methods.md M4.2).

use std::collections::BTreeMap;

use super::super::gather::GatheredRun;
use super::super::published::Paper;
use crate::core::stats::{count, float, mean};
use crate::lab::present::document::{Cell, Part, Section, Table, Unit};
use crate::lab::present::plot::{Axis, Plot, PlotShape, Point, Series};
use crate::lab::rows::kept::{Early, KeptExit};

/// Returns the section.
#[must_use]
pub fn section(run: &GatheredRun) -> Section {
    let early: Vec<&Early> = run.items.iter().filter_map(|i| i.early.as_ref()).collect();
    let mut parts: Vec<Part> = vec![table(run, &early).into()];
    let mut text = vec![
        "The answer is forced after each number of latents (or written steps). The first match is the smallest number after which \
         the free answer is given, the stable match the smallest from which on the last forced answer never changes; both in percent \
         of the reasoning. They look at the model's own answer and not at the gold one."
            .to_owned(),
    ];
    match plot(&early) {
        Some(plot) => parts.push(plot.into()),
        None if early.is_empty() => text.push("The run holds no early stopping.".to_owned()),
        None => text.push(
            "Problems have different numbers of steps, so there is no figure by number of steps."
                .to_owned(),
        ),
    }
    Section {
        id: "early-stopping",
        title: "Early stopping".to_owned(),
        text,
        parts,
    }
}

fn table(run: &GatheredRun, early: &[&Early]) -> Table {
    let mut table = Table::new(
        "early-stopping",
        "First and stable match, % of the reasoning (Figure 2)",
        "Mean ± population standard deviation of 100·k/N. Problems without a first match are left out of its mean, as published, so \
         that the two rows have different n.",
        &[
            ("match", "Match"),
            ("mean", "Mean ± sd, %"),
            ("n", "n"),
            ("undefined", "Left out"),
            ("published", "Published, %"),
        ],
    );
    let paper = Paper::of(&run.header);
    let published = paper.and_then(Paper::early_stopping);
    if published.is_some() && !paper.is_some_and(Paper::is_trace_set) {
        table
            .notes
            .push("The published values are of other problems of this data set.".to_owned());
    }
    let ran: Vec<&&Early> = early.iter().filter(|early| early.of > 0).collect();
    let percent = |k: usize, early: &Early| 100.0 * float(k) / float(early.of);
    let first = ran.iter().filter_map(|e| e.first.map(|k| percent(k, e)));
    let stable = ran.iter().map(|e| percent(e.stable, e));
    let rows: [(&str, Vec<f64>, Option<f64>); 2] = [
        ("first", first.collect(), published.map(|p| p.0)),
        ("stable", stable.collect(), published.map(|p| p.1)),
    ];
    for (name, values, published) in rows {
        table.push(vec![
            Cell::text(name),
            spread(&values),
            Cell::Count(values.len()),
            Cell::Count(early.len() - values.len()),
            Cell::number(published, Unit::Tenths),
        ]);
    }
    table
}

/// Returns the mean and the population standard deviation.
fn spread(values: &[f64]) -> Cell {
    if values.is_empty() {
        return Cell::None("nothing to count");
    }
    let mean = mean(values);
    let squares: Vec<f64> = values.iter().map(|value| (value - mean).powi(2)).collect();
    Cell::Spread {
        mean,
        sd: crate::core::stats::mean(&squares).sqrt(),
    }
}

/// Plots shares by forced k; returns `None` if the problems differ in their number of latents or steps.
fn plot(early: &[&Early]) -> Option<Plot> {
    let of = early.first()?.of;
    if early.iter().any(|early| early.of != of) {
        return None;
    }
    let by_k = |holds: &dyn Fn(&KeptExit) -> Option<bool>| -> Vec<Point> {
        let mut found: BTreeMap<usize, Vec<bool>> = BTreeMap::new();
        for exit in early.iter().flat_map(|early| &early.exits) {
            if let Some(holds) = holds(exit) {
                found.entry(exit.k).or_default().push(holds);
            }
        }
        let shares = found.into_iter().map(|(k, list)| (k, count(list)));
        shares
            .map(|(k, share)| Point::share(float(k), share))
            .collect()
    };
    let series = [
        ("the final answer", by_k(&|exit| Some(exit.same))),
        ("the gold answer", by_k(&|exit| exit.correct)),
    ];
    let series = series.into_iter().filter(|(_, points)| !points.is_empty());
    let series: Vec<Series> = series.map(|(name, p)| Series::new(name, p)).collect();
    (!series.is_empty()).then(|| Plot {
        id: "early-exit".to_owned(),
        title: "The answer forced after k latents or steps".to_owned(),
        caption: "Share of problems whose forced answer is that of the full run, and share whose forced answer is the gold one; \
                  thin lines are Wilson 95 % intervals."
            .to_owned(),
        shape: PlotShape::Lines,
        x: Axis::counted("after k", of),
        y: Axis::share("share of problems"),
        categories: Vec::new(),
        series,
        has_diagonal: false,
    })
}
