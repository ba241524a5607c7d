//! How well a score ranks correct answers above wrong ones. Rows are sorted once and counted by distinct score, highest first;
//! every statistic uses these counts, so a bootstrap only changes the counts and never sorts again.

use super::{float, ratio};

/// Rows sorted by score, highest first.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    rows: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Row {
    /// Its index in the input slices.
    index: usize,
    positive: bool,
    /// Whether its score equals that of the preceding row.
    tied: bool,
}

/// Row counts per distinct score, highest first. Curves have one point per distinct score, so tied rows stay together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counts {
    steps: Vec<Step>,
    positive: usize,
    negative: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Step {
    positive: usize,
    negative: usize,
}

impl Ranking {
    /// Sorts rows by score; a positive is a correct answer. Infinite scores are allowed. Returns `None` if the lengths differ or
    /// a score is NaN.
    #[must_use]
    pub fn new(scores: &[f64], positive: &[bool]) -> Option<Self> {
        if scores.len() != positive.len() || scores.iter().any(|score| score.is_nan()) {
            return None;
        }
        let mut sorted: Vec<(usize, (&f64, &bool))> =
            scores.iter().zip(positive).enumerate().collect();
        sorted.sort_by(|(_, (a, _)), (_, (b, _))| b.total_cmp(a));
        let mut before = f64::NAN;
        let rows = sorted.into_iter().map(|(index, (&score, &positive))| {
            // Compared by value, so that both zeros tie.
            #[expect(clippy::float_cmp, reason = "only the same score is a tie")]
            let tied = score == before;
            before = score;
            Row {
                index,
                positive,
                tied,
            }
        });
        Some(Self {
            rows: rows.collect(),
        })
    }

    /// Counts every row once.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.count(|_| 1)
    }

    /// Counts row `i` of the input `weights[i]` times; a row without a weight is left out.
    #[must_use]
    pub fn weighted(&self, weights: &[u32]) -> Counts {
        self.count(|index| weights.get(index).map_or(0, |weight| *weight as usize))
    }

    fn count(&self, weight: impl Fn(usize) -> usize) -> Counts {
        let mut counts = Counts {
            steps: Vec::new(),
            positive: 0,
            negative: 0,
        };
        let mut step = Step {
            positive: 0,
            negative: 0,
        };
        for row in &self.rows {
            if !row.tied {
                counts.push(step);
                step = Step {
                    positive: 0,
                    negative: 0,
                };
            }
            if row.positive {
                step.positive += weight(row.index);
            } else {
                step.negative += weight(row.index);
            }
        }
        counts.push(step);
        counts
    }
}

impl Counts {
    fn push(&mut self, step: Step) {
        if step.positive + step.negative > 0 {
            self.positive += step.positive;
            self.negative += step.negative;
            self.steps.push(step);
        }
    }

    /// Returns the total weight of rows of both kinds.
    #[must_use]
    pub fn n(&self) -> usize {
        self.positive + self.negative
    }

    /// Returns (positive, negative) rows at or above each distinct score, highest first.
    fn cumulative(&self) -> impl Iterator<Item = (usize, usize)> {
        self.steps
            .iter()
            .scan((0, 0), |(positive, negative), step| {
                *positive += step.positive;
                *negative += step.negative;
                Some((*positive, *negative))
            })
    }

    /// Returns the area under the ROC curve: the probability that a positive row scores above a negative one, ties counting one
    /// half (Mann-Whitney U over the number of pairs). `None` if either kind is absent.
    #[must_use]
    pub fn auroc(&self) -> Option<f64> {
        if self.positive == 0 || self.negative == 0 {
            return None;
        }
        let mut above = 0;
        let mut won = 0.0;
        for step in &self.steps {
            won += float(step.negative) * (float(above) + float(step.positive) / 2.0);
            above += step.positive;
        }
        Some(won / (float(self.positive) * float(self.negative)))
    }

    /// Returns the area under the precision-recall curve as average precision: precision weighted by the gain in recall at each
    /// threshold, without interpolation (scikit-learn's `average_precision_score`). An uninformative score has the share of
    /// positive rows. `None` without positive rows; 1 without negative ones.
    #[must_use]
    pub fn aupr(&self) -> Option<f64> {
        if self.positive == 0 {
            return None;
        }
        let parts = self.steps.iter().zip(self.cumulative());
        let sum: f64 = parts
            .map(|(step, (positive, negative))| {
                float(step.positive) * ratio(positive, positive + negative)
            })
            .sum();
        Some(sum / float(self.positive))
    }

    /// Returns the smallest false-positive rate among thresholds with a true-positive rate of at least `tpr` (customarily 0.95:
    /// FPR at 95 % TPR). 0 for a `tpr` of 0. `None` if either kind is absent or `tpr` is above 1.
    #[must_use]
    pub fn fpr_at(&self, tpr: f64) -> Option<f64> {
        let curve = self.roc_curve()?;
        let point = curve.into_iter().find(|(_, rate)| *rate >= tpr);
        point.map(|(fpr, _)| fpr)
    }

    /// Returns (false-positive rate, true-positive rate) at every threshold, rising from (0, 0) to (1, 1). `None` if either kind
    /// is absent.
    #[must_use]
    pub fn roc_curve(&self) -> Option<Vec<(f64, f64)>> {
        if self.positive == 0 || self.negative == 0 {
            return None;
        }
        let rates = self.cumulative().map(|(positive, negative)| {
            (
                ratio(negative, self.negative),
                ratio(positive, self.positive),
            )
        });
        Some(std::iter::once((0.0, 0.0)).chain(rates).collect())
    }

    /// Returns (coverage, risk) when the highest scores are answered first: the share of rows answered, and the share of wrong
    /// ones among them. Tied rows are answered together; the last point is (1, share of wrong rows). Empty without rows.
    #[must_use]
    pub fn risk_coverage(&self) -> Vec<(f64, f64)> {
        self.cumulative()
            .map(|(positive, negative)| {
                let answered = positive + negative;
                (ratio(answered, self.n()), ratio(negative, answered))
            })
            .collect()
    }

    /// Returns the area under the risk-coverage curve: the mean risk over the `n` coverages 1/n, 2/n, ..., 1 (Geifman et al.
    /// 2019). Within ties, the risk is its expectation over random orders. Lower is better; an uninformative score has the share
    /// of wrong rows. `None` without rows.
    #[must_use]
    pub fn aurc(&self) -> Option<f64> {
        if self.n() == 0 {
            return None;
        }
        let mut sum = 0.0;
        let (mut answered, mut wrong) = (0, 0.0);
        for step in &self.steps {
            let tied = step.positive + step.negative;
            let share = ratio(step.negative, tied);
            for _ in 0..tied {
                answered += 1;
                wrong += share;
                sum += wrong / float(answered);
            }
        }
        Some(sum / float(self.n()))
    }
}

/// Returns [`Counts::auroc`] of scores; also `None` if [`Ranking::new`] is.
#[must_use]
pub fn auroc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores, positive)?.counts().auroc()
}

/// Returns [`Counts::aupr`] of scores; also `None` if [`Ranking::new`] is.
#[must_use]
pub fn aupr(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores, positive)?.counts().aupr()
}

/// Returns [`Counts::fpr_at`] of scores; also `None` if [`Ranking::new`] is.
#[must_use]
pub fn fpr_at(scores: &[f64], positive: &[bool], tpr: f64) -> Option<f64> {
    Ranking::new(scores, positive)?.counts().fpr_at(tpr)
}

/// Returns [`Counts::risk_coverage`] of scores; `None` if [`Ranking::new`] is.
#[must_use]
pub fn risk_coverage(scores: &[f64], positive: &[bool]) -> Option<Vec<(f64, f64)>> {
    Some(Ranking::new(scores, positive)?.counts().risk_coverage())
}

/// Returns [`Counts::aurc`] of scores; also `None` if [`Ranking::new`] is.
#[must_use]
pub fn aurc(scores: &[f64], positive: &[bool]) -> Option<f64> {
    Ranking::new(scores, positive)?.counts().aurc()
}
