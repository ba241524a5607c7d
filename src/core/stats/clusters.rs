//! Clustered rows, such as several questions made from one problem: their intraclass correlation and effective number.

use std::collections::BTreeMap;

use super::{float, mean};

/// Numbers clusters from 0 in order of their names; returns the number of each row's cluster, and the size of each cluster.
pub(super) fn numbered(clusters: &[usize]) -> (Vec<usize>, Vec<usize>) {
    let mut sizes: BTreeMap<usize, usize> = BTreeMap::new();
    for name in clusters {
        *sizes.entry(*name).or_default() += 1;
    }
    let numbers: BTreeMap<usize, usize> = sizes.keys().copied().zip(0..).collect();
    let rows = clusters.iter().map(|name| numbers[name]).collect();
    (rows, sizes.into_values().collect())
}

/// Returns the intraclass correlation by analysis of variance (Donner 1986), clamped to 0..1: 0 if rows of a cluster are no more
/// alike than others, 1 if they are equal. `None` if the lengths differ, there are fewer than two clusters, every cluster has one
/// row, or all values are equal.
#[must_use]
pub fn intraclass_correlation(values: &[f64], clusters: &[usize]) -> Option<f64> {
    if values.len() != clusters.len() {
        return None;
    }
    let (rows, sizes) = numbered(clusters);
    let (n, k) = (values.len(), sizes.len());
    if k < 2 || k == n {
        return None;
    }
    let mut means = vec![0.0; k];
    for (value, cluster) in values.iter().zip(&rows) {
        means[*cluster] += value / float(sizes[*cluster]);
    }
    let whole = mean(values);
    let parted = sizes.iter().zip(&means);
    let between: f64 = parted
        .map(|(size, mean)| float(*size) * (mean - whole).powi(2))
        .sum();
    let scattered = values.iter().zip(&rows);
    let within: f64 = scattered
        .map(|(value, cluster)| (value - means[*cluster]).powi(2))
        .sum();
    let (between, within) = (between / float(k - 1), within / float(n - k));
    let squares: f64 = sizes.iter().map(|size| float(*size).powi(2)).sum();
    let typical = (float(n) - squares / float(n)) / float(k - 1);
    let total = between + (typical - 1.0) * within;
    (total > 0.0).then(|| ((between - within) / total).clamp(0.0, 1.0))
}

/// Returns the factor by which clustering increases the variance of a mean: 1 + (m - 1) ICC, where m is the cluster size or, if
/// sizes differ, the mean squared size over the mean size (Kish 1965). 1 without rows.
#[must_use]
pub fn design_effect(clusters: &[usize], intraclass_correlation: f64) -> f64 {
    let (rows, sizes) = numbered(clusters);
    if rows.is_empty() {
        return 1.0;
    }
    let squares: f64 = sizes.iter().map(|size| float(*size).powi(2)).sum();
    1.0 + (squares / float(rows.len()) - 1.0) * intraclass_correlation
}

/// Returns the number of independent rows with the same information: the number of rows over the [`design_effect`].
#[must_use]
pub fn effective_n(clusters: &[usize], intraclass_correlation: f64) -> f64 {
    float(clusters.len()) / design_effect(clusters, intraclass_correlation)
}
