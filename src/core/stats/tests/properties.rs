//! Properties that hold for any input.

use proptest::prelude::*;

use super::*;
use crate::core::stats::binomial::masses;

/// Scores with many ties, and labels.
fn rows() -> impl Strategy<Value = Vec<(f64, bool)>> {
    prop::collection::vec(((-6_i8..6).prop_map(f64::from), any::<bool>()), 0..40)
}

fn near(a: Option<f64>, b: Option<f64>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => (a - b).abs() < 1e-9,
        (a, b) => a == b,
    }
}

fn map(scores: &[f64], change: impl Fn(f64) -> f64) -> Vec<f64> {
    scores.iter().copied().map(change).collect()
}

proptest! {
    #[test]
    fn a_score_turned_round_has_the_other_auroc(rows in rows()) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let auroc = ranking::auroc(&scores, &positive);
        let turned = ranking::auroc(&map(&scores, |s| -s), &positive);
        prop_assert!(near(turned, auroc.map(|auroc| 1.0 - auroc)));
        let swapped: Vec<bool> = positive.iter().map(|p| !p).collect();
        prop_assert!(near(ranking::auroc(&scores, &swapped), turned));
    }

    #[test]
    fn only_the_order_of_scores_matters(rows in rows()) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let counts = |scores: &[f64]| Ranking::new(scores, &positive).unwrap().counts();
        prop_assert_eq!(counts(&scores), counts(&map(&scores, |s| s.powi(3) + 5.0)));
    }

    #[test]
    fn the_auroc_counts_pairs_and_is_the_area_under_the_curve(rows in rows()) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.iter().copied().unzip();
        let counts = Ranking::new(&scores, &positive).unwrap().counts();
        let (mut won, mut all) = (0.0, 0.0);
        for (high, _) in rows.iter().filter(|(_, positive)| *positive) {
            for (low, _) in rows.iter().filter(|(_, positive)| !positive) {
                all += 1.0;
                won += f64::from(u8::from(high > low)) + f64::from(u8::from(high.total_cmp(low).is_eq())) / 2.0;
            }
        }
        prop_assert!(near(counts.auroc(), (all > 0.0).then(|| won / all)));
        let area = counts.roc_curve().map(|curve| {
            curve.windows(2).map(|p| (p[1].0 - p[0].0) * (p[0].1 + p[1].1) / 2.0).sum()
        });
        prop_assert!(near(area, counts.auroc()));
    }

    #[test]
    fn rates_stay_in_bounds_and_rise(rows in rows(), tpr in 0.0..1.0) {
        let (scores, positive): (Vec<f64>, Vec<bool>) = rows.into_iter().unzip();
        let counts = Ranking::new(&scores, &positive).unwrap().counts();
        for value in [counts.auroc(), counts.aupr(), counts.aurc(), counts.fpr_at(tpr)].into_iter().flatten() {
            prop_assert!((0.0..=1.0 + 1e-12).contains(&value));
        }
        prop_assert!(counts.fpr_at(tpr) <= counts.fpr_at(1.0));
        if let Some(curve) = counts.roc_curve() {
            prop_assert!(curve.windows(2).all(|p| p[0].0 <= p[1].0 && p[0].1 <= p[1].1));
            prop_assert_eq!(curve.last(), Some(&(1.0, 1.0)));
        }
        if let Some((coverage, risk)) = counts.risk_coverage().last() {
            prop_assert!((coverage - 1.0).abs() < 1e-12);
            let wrong = positive.iter().filter(|p| !**p).count();
            prop_assert!((risk - ratio(wrong, positive.len())).abs() < 1e-12);
        }
    }

    #[test]
    fn a_weight_is_a_row_repeated(rows in prop::collection::vec(((-4_i8..4).prop_map(f64::from), any::<bool>(), 0_u32..4), 0..30)) {
        let scores: Vec<f64> = rows.iter().map(|row| row.0).collect();
        let positive: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let weights: Vec<u32> = rows.iter().map(|row| row.2).collect();
        let repeated: Vec<(f64, bool)> = rows.iter()
            .flat_map(|(score, positive, weight)| (0..*weight).map(|_| (*score, *positive)))
            .collect();
        let (all_scores, all_positive): (Vec<f64>, Vec<bool>) = repeated.into_iter().unzip();
        let weighted = Ranking::new(&scores, &positive).unwrap().weighted(&weights);
        prop_assert_eq!(weighted, Ranking::new(&all_scores, &all_positive).unwrap().counts());
    }

    #[test]
    fn equal_scores_are_uninformative(positive in prop::collection::vec(any::<bool>(), 1..40)) {
        let counts = Ranking::new(&vec![2.5; positive.len()], &positive).unwrap().counts();
        let wrong = ratio(positive.iter().filter(|p| !**p).count(), positive.len());
        prop_assert!(counts.auroc().is_none_or(|auroc| (auroc - 0.5).abs() < 1e-12));
        prop_assert!(near(counts.aurc(), Some(wrong)));
        prop_assert!(counts.aupr().is_none_or(|aupr| (aupr - (1.0 - wrong)).abs() < 1e-12));
    }

    #[test]
    fn resamples_keep_clusters_whole(clusters in prop::collection::vec(0_usize..6, 1..30), seed in any::<u64>()) {
        let distinct = clusters.iter().collect::<std::collections::BTreeSet<_>>().len();
        let bootstrap = Bootstrap { resamples: 20, seed };
        let interval = bootstrap.interval(&clusters, |weights| {
            let mut drawn = std::collections::BTreeMap::new();
            for (cluster, weight) in clusters.iter().zip(weights) {
                assert_eq!(*drawn.entry(cluster).or_insert(*weight), *weight);
            }
            assert_eq!(drawn.values().sum::<u32>() as usize, distinct);
            Some(1.0)
        });
        prop_assert_eq!(interval.map(|interval| interval.ci95), Some((1.0, 1.0)));
    }

    #[test]
    fn q_is_at_least_p_and_keeps_its_order(p in prop::collection::vec(0.0..=1.0, 0..40)) {
        let q = benjamini_hochberg(&p);
        prop_assert_eq!(q.len(), p.len());
        for (i, j) in (0..p.len()).flat_map(|i| (0..p.len()).map(move |j| (i, j))) {
            prop_assert!(q[i] >= p[i] && q[i] <= 1.0);
            prop_assert!(p[i] > p[j] || q[i] <= q[j]);
        }
        // Every finding under Bonferroni's correction is also one here.
        let bonferroni = |p: f64| p * float(q.len());
        prop_assert!(p.iter().zip(&q).all(|(p, q)| *q <= bonferroni(*p).min(1.0) + 1e-12));
    }

    #[test]
    fn intervals_hold_their_estimate(both in 0_usize..60, first_only in 0_usize..60, second_only in 0_usize..60, neither in 0_usize..60) {
        let pairs = Pairs { both, first_only, second_only, neither };
        if let Some(d) = pairs.difference() {
            prop_assert!(-1.0 <= d.ci95.0 && d.ci95.0 <= d.difference + 1e-12);
            prop_assert!(d.difference <= d.ci95.1 + 1e-12 && d.ci95.1 <= 1.0);
            // Swapping the conditions negates everything.
            let swapped = Pairs { first_only: second_only, second_only: first_only, ..pairs };
            let turned = swapped.difference().unwrap();
            prop_assert!((turned.ci95.0 + d.ci95.1).abs() < 1e-9 && (turned.ci95.1 + d.ci95.0).abs() < 1e-9);
            prop_assert!((swapped.mcnemar() - pairs.mcnemar()).abs() < 1e-12);
        }
        prop_assert!(pairs.mcnemar() > 0.0 && pairs.mcnemar() <= 1.0);
        let (first, second) = (Share::new(both, both + first_only), Share::new(second_only, second_only + neither));
        if let Some(d) = independent_difference(&first, &second) {
            prop_assert!(d.ci95.0 <= d.difference + 1e-12 && d.difference <= d.ci95.1 + 1e-12);
        }
    }

    #[test]
    fn a_binomial_test_gives_a_probability(n in 1_usize..80, share in 0.0..=1.0, published in 0.0..=1.0) {
        let hits = (0..n).filter(|i| ratio(*i, n) < share).count();
        let p = binomial_test(hits, n, published);
        prop_assert!((0.0..=1.0).contains(&p));
        prop_assert!(p >= masses(n, published)[hits] - 1e-12);
        // Swapping hits and misses changes nothing.
        prop_assert!((p - binomial_test(n - hits, n, 1.0 - published)).abs() < 1e-6);
    }

    #[test]
    fn more_rows_find_smaller_differences(n in 10.0..5000.0, share in 0.01..0.99) {
        if let (Some(few), Some(many)) = (paired_detectable(n, share), paired_detectable(2.0 * n, share)) {
            prop_assert!(many < few && few <= share);
        }
        if let (Some(few), Some(many)) = (independent_detectable(share, n, n), independent_detectable(share, 2.0 * n, 2.0 * n)) {
            prop_assert!(many < few && share + few <= 1.0 + 1e-12);
        }
    }

    #[test]
    fn calibration_stays_in_bounds(rows in prop::collection::vec((0_u8..4, any::<bool>(), 0_usize..9), 0..40)) {
        let groups: Vec<u8> = rows.iter().map(|row| row.0).collect();
        let correct: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let clusters: Vec<usize> = rows.iter().map(|row| row.2).collect();
        if let Some(p) = left_out(&groups, &correct, &clusters) {
            prop_assert!(p.iter().all(|p| (0.0..=1.0).contains(p)));
            for value in [brier(&p, &correct), expected_calibration_error(&p, &correct, BINS)].into_iter().flatten() {
                prop_assert!((0.0..=1.0).contains(&value));
            }
        }
    }
}
