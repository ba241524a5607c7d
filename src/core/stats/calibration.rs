//! How well a group (e.g. a verdict's rung) predicts whether an answer is correct: the share per group, and the quality of the
//! resulting probabilities on held-out rows.

use std::collections::BTreeMap;

use super::{Share, float, mean, ratio};

/// The customary number of bins in [`expected_calibration_error`].
pub const BINS: usize = 10;

/// Returns the share of correct rows in each group, with Wilson's interval. `None` if the lengths differ.
#[must_use]
pub fn by_group<G: Ord + Clone>(groups: &[G], correct: &[bool]) -> Option<BTreeMap<G, Share>> {
    if groups.len() != correct.len() {
        return None;
    }
    let mut tallies: BTreeMap<G, Tally> = BTreeMap::new();
    for (group, correct) in groups.iter().zip(correct) {
        tallies.entry(group.clone()).or_default().add(*correct);
    }
    let shares = tallies
        .into_iter()
        .map(|(group, tally)| (group, Share::new(tally.hits, tally.n)));
    Some(shares.collect())
}

/// Returns P(correct | group) for each row, fitted without the row's own cluster: the share of correct rows among the others of
/// its group or, if there are none, among all others. With one cluster per row this is leave-one-out. `None` if the lengths
/// differ or all rows are in one cluster.
#[must_use]
pub fn left_out<G: Ord + Clone>(
    groups: &[G],
    correct: &[bool],
    clusters: &[usize],
) -> Option<Vec<f64>> {
    if groups.len() != correct.len() || groups.len() != clusters.len() {
        return None;
    }
    let mut all = Tally::default();
    let mut group_tallies: BTreeMap<&G, Tally> = BTreeMap::new();
    let mut cluster_tallies: BTreeMap<usize, Tally> = BTreeMap::new();
    let mut joint_tallies: BTreeMap<(&G, usize), Tally> = BTreeMap::new();
    for ((group, correct), cluster) in groups.iter().zip(correct).zip(clusters) {
        all.add(*correct);
        group_tallies.entry(group).or_default().add(*correct);
        cluster_tallies.entry(*cluster).or_default().add(*correct);
        joint_tallies
            .entry((group, *cluster))
            .or_default()
            .add(*correct);
    }
    let rows = groups.iter().zip(clusters);
    rows.map(|(group, cluster)| {
        let alike = group_tallies
            .get(group)?
            .without(*joint_tallies.get(&(group, *cluster))?);
        let others = all.without(*cluster_tallies.get(cluster)?);
        alike.share().or_else(|| others.share())
    })
    .collect()
}

/// Returns the Brier score: the mean squared difference of probability and outcome (1 correct, 0 wrong). 0 is best, 1 worst; a
/// constant 1/2 gives 0.25. `None` without rows or if the lengths differ.
#[must_use]
pub fn brier(probabilities: &[f64], correct: &[bool]) -> Option<f64> {
    if probabilities.len() != correct.len() || correct.is_empty() {
        return None;
    }
    let rows = probabilities.iter().zip(correct);
    let squares: Vec<f64> = rows
        .map(|(p, correct)| (p - f64::from(u8::from(*correct))).powi(2))
        .collect();
    Some(mean(&squares))
}

/// Returns the expected calibration error (Naeini et al. 2015; Guo et al. 2017): the difference of mean probability and share of correct
/// rows, averaged over `bins` equal-width bins weighted by their rows. A bin includes its upper edge; the first also includes 0. Intended
/// for probabilities fitted on other data: those of [`left_out`] are slightly lower for a correct row than for a wrong one of the same
/// group, which inflates the result if a bin edge falls between the two. `None` without rows, without bins, or if the lengths differ.
#[must_use]
pub fn expected_calibration_error(
    probabilities: &[f64],
    correct: &[bool],
    bins: usize,
) -> Option<f64> {
    if probabilities.len() != correct.len() || correct.is_empty() || bins == 0 {
        return None;
    }
    let mut excess: BTreeMap<usize, f64> = BTreeMap::new();
    for (p, correct) in probabilities.iter().zip(correct) {
        let bin = (1..bins).filter(|edge| *p > ratio(*edge, bins)).count();
        *excess.entry(bin).or_default() += p - f64::from(u8::from(*correct));
    }
    let total: f64 = excess.values().map(|excess| excess.abs()).sum();
    Some(total / float(correct.len()))
}

/// A number of rows, and how many of them are correct.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    n: usize,
    hits: usize,
}

impl Tally {
    fn add(&mut self, correct: bool) {
        self.n += 1;
        self.hits += usize::from(correct);
    }

    fn without(self, part: Self) -> Self {
        Self {
            n: self.n - part.n,
            hits: self.hits - part.hits,
        }
    }

    fn share(self) -> Option<f64> {
        (self.n > 0).then(|| ratio(self.hits, self.n))
    }
}
