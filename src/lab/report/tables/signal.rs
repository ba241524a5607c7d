//! The verdict as a signal of correctness, compared with cheap signals: the model's confidence, and how early the answer
//! was settled (docs/methods.md M9.1).

use super::super::gather::GatheredRun;
use crate::core::stats::bootstrap::Bootstrap;
use crate::core::stats::calibration::{
    BINS, brier, by_group, expected_calibration_error, left_out,
};
use crate::core::stats::float;
use crate::core::stats::ranking::{Counts, Ranking};
use crate::core::types::Rung;
use crate::lab::present::document::{Cell, Part, Section, Table, Unit};
use crate::lab::present::plot::{Axis, Plot, PlotShape, Point, Series};
use crate::lab::rows::summary::RunItem;

/// The largest number of points kept of a curve.
const MOST_POINTS: usize = 101;

/// A score of a problem; higher predicts a correct answer.
struct Signal {
    name: &'static str,
    short: &'static str,
    of: fn(&RunItem) -> Option<f64>,
}

/// Index of the signal with which the others are compared.
const BASELINE: usize = 3;

const SIGNALS: [Signal; 6] = [
    Signal {
        name: "verdict, order of rungs fixed beforehand",
        short: "verdict",
        of: |item| Some(f64::from(item.verdict?.rung.strength())),
    },
    Signal {
        name: "verified steps of the published verifier (2/3)",
        short: "verified steps",
        of: |item| Some(float(item.chain?.verified_steps?)),
    },
    Signal {
        name: "log-probability of the answer",
        short: "log-probability",
        of: |item| Some(item.accuracy?.confidence?.logprob),
    },
    Signal {
        name: "largest probability at the first token (baseline)",
        short: "max probability",
        of: |item| Some(item.accuracy?.confidence?.first_probability),
    },
    Signal {
        name: "negative entropy at the first token",
        short: "negative entropy",
        of: |item| Some(-item.accuracy?.confidence?.entropy),
    },
    Signal {
        name: "early-exit stability",
        short: "early-exit stability",
        of: |item| {
            let early = item.early.as_ref().filter(|early| early.of > 0)?;
            Some(-float(early.stable) / float(early.of))
        },
    },
];

/// The values of a score on the problems that have it.
struct Scored {
    name: String,
    short: &'static str,
    /// Indices into the run's items.
    items: Vec<usize>,
    scores: Vec<f64>,
    correct: Vec<bool>,
}

impl Scored {
    fn new(run: &GatheredRun, signal: &Signal) -> Self {
        let of = run.items.iter().enumerate();
        let of = of.filter_map(|(i, item)| {
            let score = (signal.of)(item).filter(|score| !score.is_nan())?;
            Some((i, score, item.correct?))
        });
        let mut scored = Self {
            name: signal.name.to_owned(),
            short: signal.short,
            items: Vec::new(),
            scores: Vec::new(),
            correct: Vec::new(),
        };
        for (i, score, correct) in of {
            scored.items.push(i);
            scored.scores.push(score);
            scored.correct.push(correct);
        }
        scored
    }

    fn has_both(&self) -> bool {
        let correct = self.correct.iter().filter(|correct| **correct).count();
        correct >= 2 && self.correct.len() - correct >= 2
    }

    fn ranking(&self) -> Option<Ranking> {
        self.has_both()
            .then(|| Ranking::new(&self.scores, &self.correct))
            .flatten()
    }
}

/// Returns the section of a run; `prefix` distinguishes the tables of the hard split.
#[must_use]
pub fn section(run: &GatheredRun, id: &'static str, prefix: &str, title: &str) -> Section {
    let mut signals: Vec<Scored> = SIGNALS.iter().map(|s| Scored::new(run, s)).collect();
    let fitted = fitted(run);
    let mut text = vec![
        "Does a higher score mean that the answer is correct? AUROC is the chance that a correct answer scores above a wrong one \
         (0.5 says nothing); AUPR the area under precision and recall with correct as positive; FPR at 95 % TPR the share of wrong \
         answers let through when 95 % of the correct ones are; AURC the mean error rate over coverages, lower is better. Intervals \
         are bootstrap 95 % intervals over problems."
            .to_owned(),
        "The order of rungs was fixed before any data was seen: USED, TRACKS, PRESENT, NOT NEEDED, and last NONE FOUND, CONTRADICTED \
         and ABSTAIN together. The fitted variant scores each problem by the share of correct answers at its rung in the other four \
         of five folds."
            .to_owned(),
    ];
    if !prefix.is_empty() {
        text = vec![format!(
            "Problems: {}, {} read.",
            run.header.data.origin,
            run.items.len()
        )];
    }
    let known = run.items.iter().filter_map(|item| item.correct);
    let (correct, n) = known.fold((0, 0), |(c, n), k| (c + usize::from(k), n + 1));
    let mut parts: Vec<Part> = Vec::new();
    if correct < 2 || n - correct < 2 {
        text.push(format!(
            "This cannot be computed: of {n} problems with a gold answer {correct} are answered correctly and {} wrongly, and at \
             least two of each are needed.",
            n - correct
        ));
    } else {
        let curves = curves(prefix, &signals);
        let baseline = signals.remove(BASELINE);
        signals.insert(1, fitted);
        signals.push(baseline);
        parts.push(table(prefix, &signals).into());
        parts.extend(curves.into_iter().map(Part::from));
        let (table, plot) = calibrated(run, prefix);
        parts.push(table.into());
        parts.extend(plot.map(Part::from));
    }
    Section {
        id,
        title: title.to_owned(),
        text,
        parts,
    }
}

/// Number of folds, each scored by a fit on the others. Leaving out single problems would shift the share of a problem's rung
/// against it: within a rung every wrong answer would score above every right one.
const FOLDS: usize = 5;

/// Scores P(correct | rung), fitted on the other folds.
fn fitted(run: &GatheredRun) -> Scored {
    let mut scored = Scored::new(run, &SIGNALS[0]);
    "verdict, P(correct | rung) fitted in five folds".clone_into(&mut scored.name);
    scored.short = "verdict, fitted";
    let rungs: Vec<u8> = rungs(run, &scored.items);
    let folds: Vec<usize> = scored.items.iter().map(|item| item % FOLDS).collect();
    match left_out(&rungs, &scored.correct, &folds) {
        Some(fitted) => scored.scores = fitted,
        None => {
            scored = Scored {
                items: Vec::new(),
                scores: Vec::new(),
                correct: Vec::new(),
                ..scored
            }
        }
    }
    scored
}

/// Returns the rungs as their indices in the order of rungs.
fn rungs(run: &GatheredRun, items: &[usize]) -> Vec<u8> {
    let place = |rung: Rung| {
        let place = Rung::ALL.iter().position(|r| *r == rung);
        u8::try_from(place.unwrap_or_default()).unwrap_or_default()
    };
    let verdicts = items.iter().filter_map(|i| run.items[*i].verdict);
    verdicts.map(|verdict| place(verdict.rung)).collect()
}

/// Returns a statistic of a ranking with its bootstrap interval.
fn estimate(ranking: &Ranking, n: usize, of: fn(&Counts) -> Option<f64>) -> Cell {
    let Some(value) = of(&ranking.counts()) else {
        return Cell::None("not defined");
    };
    let interval =
        Bootstrap::default().interval_of_rows(n, |weights| of(&ranking.weighted(weights)));
    interval.map_or(Cell::Number(value, Unit::Plain), |interval| {
        Cell::Estimate {
            value,
            low: interval.ci95.0,
            high: interval.ci95.1,
            unit: Unit::Plain,
        }
    })
}

/// Returns the AUROC minus that of the baseline, on the problems that have both and from the same bootstrap draws.
fn against(scored: &Scored, baseline: &Scored) -> Cell {
    let (mut mine, mut theirs, mut correct) = (Vec::new(), Vec::new(), Vec::new());
    for (place, item) in scored.items.iter().enumerate() {
        if let Ok(other) = baseline.items.binary_search(item) {
            mine.push(scored.scores[place]);
            theirs.push(baseline.scores[other]);
            correct.push(scored.correct[place]);
        }
    }
    let (Some(a), Some(b)) = (
        Ranking::new(&mine, &correct),
        Ranking::new(&theirs, &correct),
    ) else {
        return Cell::None("not defined");
    };
    let Some(value) = a.counts().auroc().zip(b.counts().auroc()) else {
        return Cell::None("no problems in common");
    };
    let interval = Bootstrap::default().interval_of_rows(correct.len(), |weights| {
        Some(a.weighted(weights).auroc()? - b.weighted(weights).auroc()?)
    });
    let value = value.0 - value.1;
    interval.map_or(Cell::Number(value, Unit::Plain), |interval| {
        Cell::Estimate {
            value,
            low: interval.ci95.0,
            high: interval.ci95.1,
            unit: Unit::Plain,
        }
    })
}

/// Tabulates the signals; the last one is the baseline.
fn table(prefix: &str, signals: &[Scored]) -> Table {
    let mut table = Table::new(
        format!("{prefix}signals"),
        "Scores of correctness",
        "Each score on the problems that have it. The difference to the baseline is on the problems that have both and from the same \
         bootstrap draws; an interval that holds 0 shows no difference.",
        &[
            ("score", "Score"),
            ("n", "n"),
            ("correct", "Correct"),
            ("auroc", "AUROC"),
            ("aupr", "AUPR"),
            ("fpr_at_95", "FPR at 95 % TPR"),
            ("aurc", "AURC"),
            ("difference", "AUROC less baseline"),
        ],
    );
    let Some((baseline, _)) = signals.split_last() else {
        return table;
    };
    for (i, scored) in signals.iter().enumerate() {
        let n = scored.items.len();
        if n == 0 {
            continue;
        }
        let correct = scored.correct.iter().filter(|c| **c).count();
        let mut row = vec![
            Cell::text(&scored.name),
            Cell::Count(n),
            Cell::Count(correct),
        ];
        match scored.ranking() {
            Some(ranking) => {
                let statistics: [fn(&Counts) -> Option<f64>; 4] = [
                    Counts::auroc,
                    Counts::aupr,
                    |c| c.fpr_at(0.95),
                    Counts::aurc,
                ];
                row.extend(statistics.map(|of| estimate(&ranking, n, of)));
                row.push(if i + 1 == signals.len() {
                    Cell::None("")
                } else if baseline.items.is_empty() {
                    Cell::None("no baseline")
                } else {
                    against(scored, baseline)
                });
            }
            None => row.extend([0; 5].map(|_| Cell::None("fewer than two of a kind"))),
        }
        table.push(row);
    }
    table
}

/// Plots risk-coverage and ROC curves.
fn curves(prefix: &str, signals: &[Scored]) -> Vec<Plot> {
    let as_points = |curve: Vec<(f64, f64)>| -> Vec<Point> {
        thinned(curve)
            .into_iter()
            .map(|(x, y)| Point::at(x, y))
            .collect()
    };
    let (mut risk, mut roc) = (Vec::new(), Vec::new());
    for scored in signals {
        if let Some(counts) = scored.ranking().map(|ranking| ranking.counts()) {
            risk.push(Series::new(scored.short, as_points(counts.risk_coverage())));
            roc.extend(
                counts
                    .roc_curve()
                    .map(|c| Series::new(scored.short, as_points(c))),
            );
        }
    }
    if risk.is_empty() {
        return Vec::new();
    }
    let highest = risk.iter().flat_map(|s| &s.points).map(|p| p.y);
    let highest = highest.fold(0.1, f64::max);
    vec![
        Plot {
            id: format!("{prefix}risk-coverage"),
            title: "Risk and coverage".to_owned(),
            caption: "Answering only the problems with the highest scores: the share of wrong answers among them. Problems with one \
                      score are answered together, so a score of few values has few points; between points nothing was measured."
                .to_owned(),
            shape: PlotShape::Lines,
            x: Axis::share("coverage"),
            y: Axis::share_to("share wrong", highest),
            categories: Vec::new(),
            series: risk,
            has_diagonal: false,
        },
        Plot {
            id: format!("{prefix}roc"),
            title: "Receiver operating characteristic".to_owned(),
            caption: "Share of correct answers above each threshold against the share of wrong ones. The diagonal is a score that says \
                      nothing."
                .to_owned(),
            shape: PlotShape::Lines,
            x: Axis::share("wrong answers let through"),
            y: Axis::share("correct answers let through"),
            categories: Vec::new(),
            series: roc,
            has_diagonal: true,
        },
    ]
}

/// Returns at most [`MOST_POINTS`] points of a curve, including the first and the last.
fn thinned(curve: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let n = curve.len();
    if n <= MOST_POINTS {
        return curve;
    }
    let at = |i: usize| curve[i * (n - 1) / (MOST_POINTS - 1)];
    (0..MOST_POINTS).map(at).collect()
}

/// The name of a probability of being correct, its values, and the correctness of the answers.
type Probability = (&'static str, Vec<f64>, Vec<bool>);

/// Returns the table and plot of how well the probabilities are calibrated.
fn calibrated(run: &GatheredRun, prefix: &str) -> (Table, Option<Plot>) {
    let of = |signal: usize, probability: fn(f64) -> f64| {
        let scored = Scored::new(run, &SIGNALS[signal]);
        let scores = scored.scores.iter().map(|score| probability(*score));
        (scores.collect(), scored.correct)
    };
    let fitted = fitted(run);
    let (answer, answer_correct) = of(2, f64::exp);
    let (first, first_correct) = of(BASELINE, |p| p);
    let all: [Probability; 3] = [
        (
            "P(correct | rung), five folds",
            fitted.scores,
            fitted.correct,
        ),
        ("probability of the answer", answer, answer_correct),
        (
            "largest probability at the first token",
            first,
            first_correct,
        ),
    ];
    let mut table = Table::new(
        format!("{prefix}calibration"),
        "Probabilities of being correct",
        "Brier's score is the mean squared distance to what came (0.25 is a coin), ECE the mean distance between probability and share \
         correct over ten bins of equal width; lower is better. A fitted P(correct | rung) agrees with its own rung by construction, \
         so its ECE says little. A probability of a token is the model's, not one of being correct.",
        &[
            ("probability", "Probability"),
            ("n", "n"),
            ("brier", "Brier"),
            ("ece", "ECE"),
        ],
    );
    let mut series = Vec::new();
    for (i, (name, probabilities, correct)) in all.iter().enumerate() {
        let Some(score) = brier(probabilities, correct) else {
            continue;
        };
        let distances = probabilities.iter().zip(correct);
        let distances: Vec<f64> = distances
            .map(|(p, c)| (p - f64::from(u8::from(*c))).powi(2))
            .collect();
        let brier = match super::mean_share(&distances, Unit::Plain) {
            Cell::Estimate {
                low, high, unit, ..
            } => Cell::Estimate {
                value: score,
                low,
                high,
                unit,
            },
            other => other,
        };
        table.push(vec![
            Cell::text(*name),
            Cell::Count(correct.len()),
            brier,
            expected_calibration_error(probabilities, correct, BINS)
                .map_or(Cell::None("not defined"), |e| Cell::Number(e, Unit::Plain)),
        ]);
        if i > 0 {
            series.push(Series::new(*name, binned(probabilities, correct)));
        }
    }
    series.retain(|series| !series.points.is_empty());
    let plot = (!series.is_empty()).then(|| Plot {
        id: format!("{prefix}reliability"),
        title: "Reliability of the model's probabilities".to_owned(),
        caption: "Share of correct answers in ten bins of equal width; thin lines are Wilson 95 % intervals. On the diagonal the probability \
                  is the chance of being correct."
            .to_owned(),
        shape: PlotShape::Lines,
        x: Axis::share("probability"),
        y: Axis::share("share correct"),
        categories: Vec::new(),
        series,
        has_diagonal: true,
    });
    (table, plot)
}

/// Returns the share correct of each bin, at its middle.
fn binned(probabilities: &[f64], correct: &[bool]) -> Vec<Point> {
    // A bin includes its upper edge, as in the expected calibration error.
    let bin = |p: &f64| {
        (1..BINS)
            .filter(|edge| *p > float(*edge) / float(BINS))
            .count()
    };
    let bins: Vec<usize> = probabilities.iter().map(bin).collect();
    let middle = |bin: usize| (float(bin) + 0.5) / float(BINS);
    let groups = by_group(&bins, correct).unwrap_or_default();
    let points = groups
        .into_iter()
        .map(|(bin, share)| Point::share(middle(bin), share));
    points.collect()
}

/// Returns the AUROC of the verdict and of the baseline, for the summary.
#[must_use]
pub fn headline(run: &GatheredRun) -> Option<(Cell, Cell)> {
    let of = |i: usize| {
        let scored = Scored::new(run, &SIGNALS[i]);
        let ranking = scored.ranking()?;
        Some(estimate(&ranking, scored.items.len(), Counts::auroc))
    };
    Some((of(0)?, of(BASELINE).unwrap_or(Cell::None("not in the run"))))
}
