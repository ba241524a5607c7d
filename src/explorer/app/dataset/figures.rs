//! Statistics of a set of problems: shares with their intervals, and the points of the plots.

use crate::core::stats::{Share, count, ranking};
use crate::core::types::Rung;
use crate::lab::rows::summary::RunItem;

/// The statistics of the shown problems.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Figures {
    /// The number of problems.
    pub n: usize,
    /// The right answers among the problems with a known gold answer.
    pub right: Option<Share>,
    /// The rungs among right and among wrong answers, in the order of [`Rung::ALL`]; `PRESENT?` follows PRESENT, which does not
    /// include it.
    pub rungs: Vec<AtRung>,
    /// The number of verdicts on answers without a known gold answer.
    pub unknown: usize,
    /// The right answers when the model is made to answer after k latents, by k.
    pub by_k: Vec<(usize, Share)>,
    /// The risk when answers are given in order of a score.
    pub risk: Option<Risk>,
}

/// The number of verdicts at a rung.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AtRung {
    /// The rung.
    pub rung: Rung,
    /// Whether chance may explain the traces: true for `PRESENT?` alone.
    pub by_chance: bool,
    /// Its share among verdicts on right answers.
    pub right: Share,
    /// Its share among verdicts on wrong answers.
    pub wrong: Share,
}

/// Points (coverage, risk): the share of problems that are answered, and the share of wrong answers among them.
#[derive(Debug, Clone, PartialEq)]
pub struct Risk {
    /// The number of problems with a gold answer, a verdict and a log-probability.
    pub n: usize,
    /// Ranked by the strength of the rung.
    pub by_rung: Vec<(f64, f64)>,
    /// Ranked by the log-probability of the answer.
    pub by_logprob: Vec<(f64, f64)>,
}

impl Figures {
    /// Computes the statistics of some problems.
    #[must_use]
    pub fn of<'a>(items: impl Iterator<Item = &'a RunItem>) -> Self {
        let items: Vec<&RunItem> = items.collect();
        let right = Some(count(items.iter().filter_map(|item| item.correct)));
        let right = right.filter(|right| right.n > 0);
        let at = |rung: Rung, by_chance: bool| {
            let among = |correct: bool| {
                let judged = items.iter().filter(|item| item.correct == Some(correct));
                let found = judged.filter_map(|item| Some((item.rung()?, item.by_chance())));
                count(found.map(|found| found == (rung, by_chance)))
            };
            AtRung {
                rung,
                by_chance,
                right: among(true),
                wrong: among(false),
            }
        };
        let mut rungs = Vec::with_capacity(Rung::ALL.len() + 1);
        for rung in Rung::ALL {
            rungs.push(at(rung, false));
            if rung == Rung::Present {
                rungs.push(at(rung, true));
            }
        }
        let is_unknown = |item: &&&RunItem| item.rung().is_some() && item.correct.is_none();
        Self {
            n: items.len(),
            right,
            rungs,
            unknown: items.iter().filter(is_unknown).count(),
            by_k: by_k(&items),
            risk: risk(&items),
        }
    }

    /// Returns whether there are any verdicts.
    #[must_use]
    pub fn has_verdicts(&self) -> bool {
        let judged = |at: &AtRung| at.right.n + at.wrong.n > 0;
        self.unknown > 0 || self.rungs.first().is_some_and(judged)
    }
}

fn by_k(items: &[&RunItem]) -> Vec<(usize, Share)> {
    let exits = || {
        items
            .iter()
            .flat_map(|item| &item.early)
            .flat_map(|early| &early.exits)
    };
    let mut ks: Vec<usize> = exits().map(|exit| exit.k).collect();
    ks.sort_unstable();
    ks.dedup();
    let at = |k: usize| -> Vec<bool> {
        let here = exits().filter(|exit| exit.k == k);
        here.filter_map(|exit| exit.correct).collect()
    };
    ks.into_iter()
        .map(|k| (k, count(at(k))))
        .filter(|(_, share)| share.n > 0)
        .collect()
}

fn risk(items: &[&RunItem]) -> Option<Risk> {
    let known = items.iter().filter_map(|item| {
        let logprob = item.logprob().filter(|logprob| !logprob.is_nan())?;
        Some((item.correct?, f64::from(item.rung()?.strength()), logprob))
    });
    let known: Vec<(bool, f64, f64)> = known.collect();
    if known.is_empty() {
        return None;
    }
    let correct: Vec<bool> = known.iter().map(|(correct, ..)| *correct).collect();
    let curve = |score: fn(&(bool, f64, f64)) -> f64| {
        let scores: Vec<f64> = known.iter().map(score).collect();
        ranking::risk_coverage(&scores, &correct)
    };
    Some(Risk {
        n: known.len(),
        by_rung: curve(|row| row.1)?,
        by_logprob: curve(|row| row.2)?,
    })
}
