//! The tables of the report by section: counts over items and their statistics.

pub mod accuracy;
pub mod chaining;
pub mod controls;
pub mod findings;
pub mod header;
pub mod signal;
pub mod stopping;
pub mod traces;
pub mod verdicts;

use super::gather::GatheredRun;
use super::published::PublishedFigure;
use crate::core::stats::bootstrap::{Bootstrap, weighted_mean};
use crate::core::stats::paired::{Difference, Pairs, binomial_test, independent_difference};
use crate::core::stats::power::{independent_detectable, paired_detectable};
use crate::core::stats::{Share, float};
use crate::lab::present::document::{Cell, Unit};
use crate::lab::present::number::p_value;
use crate::lab::rows::summary::RunItem;

/// The significance level at which a difference is reported.
const LEVEL: f64 = 0.05;

/// A published value beside a share: the value, the p-value of the exact binomial test, and a note if they differ.
pub(super) struct Beside {
    pub(super) published: Cell,
    pub(super) p: Cell,
    pub(super) note: Option<String>,
}

/// Compares a published figure with a share. Only a single value on the same problems is tested.
pub(super) fn beside(
    what: &str,
    share: Share,
    published: Option<PublishedFigure>,
    is_same_set: bool,
) -> Beside {
    let shown = match published {
        None => Cell::None(""),
        Some(PublishedFigure::Value(value)) => Cell::Number(value / 100.0, Unit::Share),
        Some(range) => Cell::figure(format!("{} %", range.words())),
    };
    let mut beside = Beside {
        published: shown,
        p: Cell::None(""),
        note: None,
    };
    let (low, high) = share.ci95;
    match published {
        Some(_) if !is_same_set => beside.p = Cell::None("other problems"),
        Some(PublishedFigure::Value(value)) if share.n > 0 => {
            let rate = value / 100.0;
            let p = binomial_test(share.hits, share.n, rate);
            beside.p = Cell::P(p);
            if p < LEVEL {
                let side = if share.accuracy > rate {
                    "above"
                } else {
                    "below"
                };
                let outside = if rate < low || rate > high {
                    "which lies outside the interval"
                } else {
                    "which the interval just holds"
                };
                beside.note = Some(format!(
                    "{what}: {} is {side} the published {value:.1} %, {outside} (exact binomial p {}).",
                    Unit::Share.words(share.accuracy),
                    p_value(p)
                ));
            }
        }
        Some(PublishedFigure::Range(a, b))
            if share.n > 0 && (100.0 * high < a || 100.0 * low > b) =>
        {
            beside.note = Some(format!(
                "{what}: the interval {} % lies outside the published {a:.1} to {b:.1} % of several models.",
                Unit::Share.range(share.ci95)
            ));
        }
        _ => {}
    }
    beside
}

/// Returns a difference of shares with its interval.
pub(super) fn points(difference: Option<Difference>) -> Cell {
    difference.map_or(Cell::None("nothing to compare"), |d| Cell::Estimate {
        value: d.difference,
        low: d.ci95.0,
        high: d.ci95.1,
        unit: Unit::Points,
    })
}

/// Returns the difference, `McNemar`'s p and the minimum detectable difference of two conditions on the same problems.
pub(super) fn compared(pairs: Pairs) -> [Cell; 3] {
    if pairs.n() == 0 {
        return [0; 3].map(|_| Cell::None("nothing to compare"));
    }
    let n = float(pairs.n());
    let detectable = paired_detectable(n, float(pairs.discordant()) / n);
    [
        points(pairs.difference()),
        Cell::P(pairs.mcnemar()),
        detectable.map_or(Cell::None("none"), |d| Cell::Number(d, Unit::Size)),
    ]
}

/// Returns the difference of two groups and the minimum detectable one.
pub(super) fn gap(first: Share, second: Share) -> [Cell; 2] {
    let detectable = (first.n > 0 && second.n > 0)
        .then(|| independent_detectable(second.accuracy, float(second.n), float(first.n)))
        .flatten();
    [
        points(independent_difference(&first, &second)),
        detectable.map_or(Cell::None("none"), |d| Cell::Number(d, Unit::Size)),
    ]
}

/// Returns the mean over problems of a share within each, with the bootstrap interval over problems, because trials of one
/// problem are dependent.
pub(super) fn mean_share(shares: &[f64], unit: Unit) -> Cell {
    let weights = vec![1; shares.len()];
    let Some(value) = weighted_mean(shares, &weights) else {
        return Cell::None("nothing to count");
    };
    let interval = Bootstrap::default()
        .interval_of_rows(shares.len(), |weights| weighted_mean(shares, weights));
    interval.map_or(Cell::Number(value, unit), |interval| Cell::Estimate {
        value,
        low: interval.ci95.0,
        high: interval.ci95.1,
        unit,
    })
}

/// Returns the items whose answer is correct, or those whose answer is wrong.
pub(super) fn group(run: &GatheredRun, correct: bool) -> impl Iterator<Item = &RunItem> + Clone {
    run.items
        .iter()
        .filter(move |item| item.correct == Some(correct))
}
