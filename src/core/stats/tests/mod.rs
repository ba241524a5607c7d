//! Statistics compared with scipy, statsmodels and scikit-learn: `assets/reference/statistics.py` writes inputs and results to
//! `tests/data/statistics.json`. Properties for any input are in `properties`.

mod properties;

use serde::Deserialize;

use super::binomial::at_least;
use super::bootstrap::{Bootstrap, quantile, weighted_mean};
use super::calibration::{BINS, brier, by_group, expected_calibration_error, left_out};
use super::multiple::benjamini_hochberg;
use super::paired::{Pairs, binomial_test, independent_difference};
use super::power::{independent_detectable, paired_detectable};
use super::ranking::{self, Ranking};
use super::*;

#[derive(Deserialize)]
struct Reference {
    shares: Vec<ShareCase>,
    means: Vec<MeanCase>,
    tails: Vec<TailCase>,
    rankings: Vec<RankingCase>,
    bootstrap: BootstrapCase,
    pairs: Vec<PairsCase>,
    independent: Vec<IndependentCase>,
    published: Vec<PublishedCase>,
    false_discovery: Vec<DiscoveryCase>,
    detectable: DetectableCases,
    calibrated: CalibratedCase,
    quantiles: QuantileCase,
}

#[derive(Deserialize)]
struct ShareCase {
    hits: usize,
    n: usize,
    wilson: (f64, f64),
    exact: Option<(f64, f64)>,
}

#[derive(Deserialize)]
struct MeanCase {
    samples: Vec<f64>,
    interval: (f64, f64),
}

#[derive(Deserialize)]
struct TailCase {
    hits: usize,
    n: usize,
    rate: f64,
    at_least: f64,
}

#[derive(Deserialize)]
struct RankingCase {
    scores: Vec<f64>,
    positive: Vec<u8>,
    auroc: Option<f64>,
    aupr: Option<f64>,
    fpr_at_95: Option<f64>,
    aurc: Option<f64>,
    roc: Option<Vec<(f64, f64)>>,
    risk_coverage: Option<Vec<(f64, f64)>>,
    weighted: Option<WeightedCase>,
}

#[derive(Deserialize)]
struct WeightedCase {
    weights: Vec<u32>,
    auroc: f64,
    aupr: f64,
}

#[derive(Deserialize)]
struct BootstrapCase {
    clusters: Vec<usize>,
    values: Vec<f64>,
    low: (f64, f64),
    high: (f64, f64),
    scores: Vec<f64>,
    positive: Vec<u8>,
    auroc_interval: (f64, f64),
}

#[derive(Deserialize)]
struct PairsCase {
    table: [usize; 4],
    mcnemar: f64,
    interval: (f64, f64),
}

#[derive(Deserialize)]
struct IndependentCase {
    counts: [usize; 4],
    interval: (f64, f64),
}

#[derive(Deserialize)]
struct PublishedCase {
    hits: usize,
    n: usize,
    rate: f64,
    p: f64,
}

#[derive(Deserialize)]
struct DiscoveryCase {
    p: Vec<f64>,
    q: Vec<f64>,
}

#[derive(Deserialize)]
struct DetectableCases {
    paired: Vec<DetectablePaired>,
    independent: Vec<DetectableIndependent>,
}

#[derive(Deserialize)]
struct DetectablePaired {
    n: f64,
    discordant: f64,
    d: Option<f64>,
}

#[derive(Deserialize)]
struct DetectableIndependent {
    baseline: f64,
    n_1: f64,
    n_2: f64,
    d: Option<f64>,
}

#[derive(Deserialize)]
struct CalibratedCase {
    groups: Vec<usize>,
    correct: Vec<u8>,
    clusters: Vec<usize>,
    #[serde(rename = "rows")]
    by_rows: Fitted,
    #[serde(rename = "clusters_left_out")]
    by_clusters: Fitted,
}

#[derive(Deserialize)]
struct Fitted {
    p: Vec<f64>,
    brier: f64,
    error: f64,
}

#[derive(Deserialize)]
struct QuantileCase {
    values: Vec<f64>,
    at: Vec<(f64, f64)>,
}

fn reference() -> Reference {
    let text = include_str!("../../../../tests/data/statistics.json");
    serde_json::from_str(text).expect("what the script wrote")
}

fn bools(bits: &[u8]) -> Vec<bool> {
    bits.iter().map(|bit| *bit == 1).collect()
}

/// Asserts equality to a relative 1e-9, with an absolute floor.
#[track_caller]
fn same(got: f64, want: f64) {
    let near = 1e-9 * want.abs().max(1e-3);
    assert!((got - want).abs() <= near, "{got} instead of {want}");
}

#[track_caller]
fn same_option(got: Option<f64>, want: Option<f64>) {
    match (got, want) {
        (Some(got), Some(want)) => same(got, want),
        (got, want) => assert_eq!(got, want),
    }
}

#[track_caller]
fn same_pair(got: (f64, f64), want: (f64, f64)) {
    same(got.0, want.0);
    same(got.1, want.1);
}

#[track_caller]
fn same_pairs(got: &[(f64, f64)], want: &[(f64, f64)]) {
    assert_eq!(got.len(), want.len(), "{got:?} instead of {want:?}");
    for (got, want) in got.iter().zip(want) {
        same_pair(*got, *want);
    }
}

#[test]
fn intervals_of_shares_and_means() {
    let reference = reference();
    for case in reference.shares {
        same_pair(wilson(case.hits, case.n), case.wilson);
        if let Some(exact) = case.exact {
            same_pair(exact_interval(case.hits, case.n), exact);
        }
    }
    for case in reference.means {
        // The quantiles of Student's t are tabulated to three decimals.
        let (low, high) = mean_interval(&case.samples).unwrap();
        let width = case.interval.1 - case.interval.0;
        assert!((low - case.interval.0).abs() < 3e-4 * width, "{low}");
        assert!((high - case.interval.1).abs() < 3e-4 * width, "{high}");
    }
    for case in reference.tails {
        same(at_least(case.hits, case.n, case.rate), case.at_least);
    }
    for (share, value) in reference.quantiles.at {
        same_option(quantile(&reference.quantiles.values, share), Some(value));
    }
    assert_eq!(quantile(&[], 0.5), None);
}

#[test]
fn rankings() {
    for case in reference().rankings {
        let positive = bools(&case.positive);
        let ranking = Ranking::new(&case.scores, &positive).expect("numbers");
        let counts = ranking.counts();
        same_option(counts.auroc(), case.auroc);
        same_option(counts.aupr(), case.aupr);
        same_option(counts.fpr_at(0.95), case.fpr_at_95);
        if case.aurc.is_some() {
            same_option(counts.aurc(), case.aurc);
        }
        if let Some(points) = case.roc {
            same_pairs(&counts.roc_curve().expect("both kinds"), &points);
        }
        if let Some(points) = case.risk_coverage {
            same_pairs(&counts.risk_coverage(), &points);
        }
        if let Some(weighted) = case.weighted {
            let counts = ranking.weighted(&weighted.weights);
            same_option(counts.auroc(), Some(weighted.auroc));
            same_option(counts.aupr(), Some(weighted.aupr));
        }
    }
}

#[test]
fn an_empty_or_nan_ranking_has_no_statistics() {
    let empty = Ranking::new(&[], &[]).expect("no rows").counts();
    assert_eq!((empty.n(), empty.auroc(), empty.aupr()), (0, None, None));
    assert_eq!((empty.fpr_at(0.95), empty.aurc()), (None, None));
    assert_eq!(empty.roc_curve(), None);
    assert!(empty.risk_coverage().is_empty());
    assert_eq!(ranking::auroc(&[1.0, f64::NAN], &[true, false]), None);
    assert_eq!(ranking::aurc(&[1.0], &[true, false]), None);
    let infinite = [f64::NEG_INFINITY, 0.0, f64::INFINITY];
    let positive = [false, true, true];
    assert_eq!(ranking::auroc(&infinite, &positive), Some(1.0));
    assert_eq!(ranking::fpr_at(&infinite, &positive, 0.0), Some(0.0));
    assert_eq!(ranking::fpr_at(&infinite, &positive, 1.1), None);
}

#[test]
fn a_bootstrap_draws_clusters() {
    let case = reference().bootstrap;
    let bootstrap = Bootstrap {
        resamples: 40_000,
        seed: 7,
    };
    let mean = |weights: &[u32]| weighted_mean(&case.values, weights);
    let interval = bootstrap.interval(&case.clusters, mean).expect("rows");
    // The exact quantiles half a percent to either side.
    let (low, high) = interval.ci95;
    assert!(case.low.0 <= low && low <= case.low.1, "{low}");
    assert!(case.high.0 <= high && high <= case.high.1, "{high}");
    assert_eq!(interval.undefined, 0);
    assert_eq!(bootstrap.interval(&case.clusters, mean), Some(interval));
    let other = Bootstrap {
        resamples: 200,
        seed: 8,
    };
    assert_ne!(other.interval(&case.clusters, mean), Some(interval));

    // Scipy draws different rows, so the ends differ by chance.
    let ranking = Ranking::new(&case.scores, &bools(&case.positive)).expect("numbers");
    let auroc = |weights: &[u32]| ranking.weighted(weights).auroc();
    let interval = bootstrap.interval_of_rows(case.scores.len(), auroc);
    let (low, high) = interval.expect("rows").ci95;
    assert!((low - case.auroc_interval.0).abs() < 0.006, "{low}");
    assert!((high - case.auroc_interval.1).abs() < 0.006, "{high}");
}

#[test]
fn a_bootstrap_counts_undefined_statistics() {
    let scores: Vec<f64> = (0..10_u8).map(f64::from).collect();
    let positive: Vec<bool> = (0..10).map(|i| i == 4).collect();
    let ranking = Ranking::new(&scores, &positive).expect("numbers");
    let interval = Bootstrap::default()
        .interval_of_rows(10, |weights| ranking.weighted(weights).auroc())
        .expect("some are defined");
    // The one positive row is absent from 0.9^10 = 34.9 % of the draws.
    assert_eq!(interval.resamples, 2000);
    assert!((620..=780).contains(&interval.undefined), "{interval:?}");
    let never = Bootstrap::default().interval_of_rows(10, |_| None);
    assert_eq!(never, None);
    let infinite = Bootstrap::default().interval_of_rows(10, |_| Some(f64::INFINITY));
    assert_eq!(infinite, None);
    assert_eq!(Bootstrap::default().interval(&[], |_| Some(1.0)), None);
    let one = Bootstrap::default().interval(&[3, 3], |weights| weighted_mean(&[1.0, 2.0], weights));
    assert_eq!(one.expect("a cluster").ci95, (1.5, 1.5));
    assert_eq!(weighted_mean(&[1.0, 2.0], &[0, 0]), None);
}

#[test]
fn comparisons_of_shares() {
    let reference = reference();
    for case in reference.pairs {
        let [both, first_only, second_only, neither] = case.table;
        let pairs = Pairs {
            both,
            first_only,
            second_only,
            neither,
        };
        same(pairs.mcnemar(), case.mcnemar);
        let difference = pairs.difference().expect("rows");
        same_pair(difference.ci95, case.interval);
        same(
            difference.difference,
            ratio(both + first_only, pairs.n()) - ratio(both + second_only, pairs.n()),
        );
    }
    for case in reference.independent {
        let [hits_1, n_1, hits_2, n_2] = case.counts;
        let difference = independent_difference(&Share::new(hits_1, n_1), &Share::new(hits_2, n_2));
        same_pair(difference.expect("rows").ci95, case.interval);
    }
    for case in reference.published {
        same(binomial_test(case.hits, case.n, case.rate), case.p);
    }
}

#[test]
fn intervals_of_differences_match_published_examples() {
    // Fagerland, Lydersen and Laake 2017, chapter 8: (1, 1, 7, 12) has -0.507 to -0.026 by Newcombe's method.
    let pairs = Pairs {
        both: 1,
        first_only: 1,
        second_only: 7,
        neither: 12,
    };
    let (low, high) = pairs.difference().expect("rows").ci95;
    assert!((low + 0.507).abs() < 5e-4 && (high + 0.026).abs() < 5e-4);
    // Newcombe 1998, table II, 56 of 70 and 48 of 80: 0.0524 to 0.3339.
    let difference = independent_difference(&Share::new(56, 70), &Share::new(48, 80));
    let (low, high) = difference.expect("rows").ci95;
    assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5);
}

#[test]
fn comparisons_of_nothing() {
    assert_eq!(Pairs::default().difference(), None);
    same(Pairs::default().mcnemar(), 1.0);
    assert_eq!(Pairs::count(&[true], &[]), None);
    let pairs = Pairs::count(&[true, true, false, false], &[true, false, true, false]);
    let one_each = Pairs {
        both: 1,
        first_only: 1,
        second_only: 1,
        neither: 1,
    };
    assert_eq!(pairs, Some(one_each));
    let none = independent_difference(&Share::new(0, 0), &Share::new(1, 2));
    assert_eq!(none, None);
}

#[test]
fn false_discovery_rates() {
    for case in reference().false_discovery {
        let q = benjamini_hochberg(&case.p);
        assert_eq!(q.len(), case.q.len());
        for (got, want) in q.iter().zip(case.q) {
            same(*got, want);
        }
    }
    assert!(benjamini_hochberg(&[]).is_empty());
    // NaN counts as 1, and still as a test.
    assert_eq!(benjamini_hochberg(&[f64::NAN, 0.01]), [1.0, 0.02]);
}

#[test]
fn detectable_differences() {
    let cases = reference().detectable;
    for case in cases.paired {
        same_option(paired_detectable(case.n, case.discordant), case.d);
    }
    for case in cases.independent {
        let d = independent_detectable(case.baseline, case.n_1, case.n_2);
        // Statsmodels also counts findings in the wrong direction, about one in a million.
        match (d, case.d) {
            (Some(d), Some(want)) => assert!((d - want).abs() < 1e-5, "{d} instead of {want}"),
            (d, want) => assert_eq!(d, want),
        }
    }
    for (n, discordant) in [
        (0.0, 0.5),
        (3.0, 1.0),
        (100.0, 0.0),
        (100.0, 1.5),
        (f64::NAN, 0.5),
    ] {
        assert_eq!(paired_detectable(n, discordant), None);
    }
    for (baseline, n) in [(1.0, 50.0), (-0.1, 50.0), (0.5, 0.0), (f64::NAN, 50.0)] {
        assert_eq!(independent_detectable(baseline, n, n), None);
    }
    // From a baseline of 0: d = (1.96 √(d (1 - d/2)) + 0.84 √(d (1 - d))) / √n at equal sizes.
    assert!(independent_detectable(0.0, 100.0, 100.0).is_some_and(|d| d > 0.05 && d < 0.1));
}

#[test]
fn calibration_of_groups() {
    let case = reference().calibrated;
    let correct = bools(&case.correct);
    let every: Vec<usize> = (0..correct.len()).collect();
    for (clusters, want) in [(&every, case.by_rows), (&case.clusters, case.by_clusters)] {
        let p = left_out(&case.groups, &correct, clusters).expect("rows");
        assert_eq!(p.len(), want.p.len());
        for (got, want) in p.iter().zip(&want.p) {
            same(*got, *want);
        }
        same_option(brier(&p, &correct), Some(want.brier));
        let error = expected_calibration_error(&p, &correct, BINS);
        same_option(error, Some(want.error));
    }
    let shares = by_group(&case.groups, &correct).expect("rows");
    assert_eq!(shares.keys().copied().collect::<Vec<_>>(), [0, 1, 2, 3, 9]);
    assert_eq!(shares.values().map(|share| share.n).sum::<usize>(), 90);
    assert_eq!(shares[&9], Share::new(usize::from(correct[7]), 1));
}

#[test]
fn calibration_of_nothing() {
    assert_eq!(by_group(&[1], &[]), None);
    assert_eq!(left_out(&["a", "a"], &[true, false], &[0, 0]), None);
    assert_eq!(left_out(&["a"], &[true], &[]), None);
    // The only row of its group is predicted from all others.
    let p = left_out(&["a", "b", "b"], &[true, true, false], &[0, 1, 2]);
    assert_eq!(p, Some(vec![0.5, 0.0, 1.0]));
    assert_eq!(brier(&[], &[]), None);
    assert_eq!(brier(&[0.5], &[true]), Some(0.25));
    assert_eq!(expected_calibration_error(&[0.5], &[true], 0), None);
    assert_eq!(expected_calibration_error(&[0.5], &[], 10), None);
    assert_eq!(
        expected_calibration_error(&[0.0, 1.0], &[false, true], 10),
        Some(0.0)
    );
}
