//! The outcome of an ablation over its variants, as one word and as a rate.

use serde::Serialize;

/// The 97.5 % quantile of the standard normal distribution.
pub(crate) const Z: f64 = 1.959_963_984_540_054;

/// The effect of an ablation on the answer. A single run is never mixed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswerOutcome {
    /// No variant changes it.
    Stands,
    /// Some variants change it and some do not.
    Mixed,
    /// Every variant changes it.
    Flipped,
}

impl AnswerOutcome {
    /// Returns the name used on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stands => "stands",
            Self::Mixed => "mixed",
            Self::Flipped => "flipped",
        }
    }
}

/// Variant counts of an ablation (donors, draws or orders); a single run if nothing varies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Variants {
    /// Number that changed the answer.
    pub flips: usize,
    /// Number tried.
    pub n: usize,
}

/// The rate at which variants change the answer.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct FlipRate {
    /// The share of variants that change the answer.
    pub rate: f64,
    /// Number of variants tried.
    pub n: usize,
    /// Wilson score interval at 95 %.
    pub ci95: (f64, f64),
}

impl Variants {
    /// Counts a single run.
    #[must_use]
    pub fn one(flipped: bool) -> Self {
        Self {
            flips: usize::from(flipped),
            n: 1,
        }
    }

    /// Returns the outcome for the answer.
    #[must_use]
    pub fn outcome(self) -> AnswerOutcome {
        match self.flips {
            0 => AnswerOutcome::Stands,
            flips if flips < self.n => AnswerOutcome::Mixed,
            _ => AnswerOutcome::Flipped,
        }
    }

    /// Returns whether more than half changed the answer.
    #[must_use]
    pub fn most_flip(self) -> bool {
        self.flips > self.n / 2
    }

    /// Returns the rate with its interval; `None` for a single run.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
    pub fn rate(self) -> Option<FlipRate> {
        (self.n > 1).then(|| FlipRate {
            rate: self.flips as f64 / self.n as f64,
            n: self.n,
            ci95: wilson(self.flips, self.n),
        })
    }
}

/// The number of ablations with each outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OutcomeCounts {
    /// The answer is the same in every variant.
    pub stands: usize,
    /// It changes in some variants.
    pub mixed: usize,
    /// It changes in every variant.
    pub flipped: usize,
}

impl OutcomeCounts {
    /// Counts outcomes.
    #[must_use]
    pub fn new(outcomes: impl IntoIterator<Item = AnswerOutcome>) -> Self {
        let mut tally = Self::default();
        for outcome in outcomes {
            match outcome {
                AnswerOutcome::Stands => tally.stands += 1,
                AnswerOutcome::Mixed => tally.mixed += 1,
                AnswerOutcome::Flipped => tally.flipped += 1,
            }
        }
        tally
    }

    /// Returns the total.
    #[must_use]
    pub fn n(self) -> usize {
        self.stands + self.mixed + self.flipped
    }

    /// Returns each outcome with its count.
    #[must_use]
    pub fn counts(self) -> [(AnswerOutcome, usize); 3] {
        [
            (AnswerOutcome::Stands, self.stands),
            (AnswerOutcome::Mixed, self.mixed),
            (AnswerOutcome::Flipped, self.flipped),
        ]
    }

    /// Formats the counts: `3 stand, 1 mixed, 4 flipped`.
    #[must_use]
    pub fn words(self) -> String {
        format!(
            "{} stand, {} mixed, {} flipped",
            self.stands, self.mixed, self.flipped
        )
    }
}

/// Returns the Wilson score interval at 95 %; (0, 1) if nothing was tried.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
pub fn wilson(hits: usize, n: usize) -> (f64, f64) {
    if n == 0 {
        return (0.0, 1.0);
    }
    let count = n as f64;
    let p = hits as f64 / count;
    let z2n = Z * Z * (1.0 / count);
    let centre = p + z2n / 2.0;
    let half = Z * (p * (1.0 - p) * (1.0 / count) + z2n * (1.0 / (4.0 * count))).sqrt();
    let scale = 1.0 + z2n;
    (
        ((centre - half) / scale).max(0.0),
        ((centre + half) / scale).min(1.0),
    )
}

/// Serializes a record with `outcome` and `flip_rate` after its fields, and ignores them when reading: both follow from its
/// `variants()`, so a file cannot contradict itself. On reading, `flipped` is set from the same counts.
///
/// The record derives `Serialize` and `Deserialize` with `#[serde(remote = "Self")]`.
macro_rules! serde_with_outcome {
    ($record:ident) => {
        impl serde::Serialize for $record {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                type Record = $record;
                #[derive(serde::Serialize)]
                struct Written<'a> {
                    #[serde(flatten, serialize_with = "Record::serialize")]
                    record: &'a Record,
                    outcome: $crate::core::types::AnswerOutcome,
                    flip_rate: Option<$crate::core::types::FlipRate>,
                }
                let variants = self.variants();
                serde::Serialize::serialize(
                    &Written {
                        record: self,
                        outcome: variants.outcome(),
                        flip_rate: variants.rate(),
                    },
                    to,
                )
            }
        }

        impl<'de> serde::Deserialize<'de> for $record {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                let mut read = $record::deserialize(from)?;
                read.flipped = read.variants().most_flip();
                Ok(read)
            }
        }
    };
}
pub(crate) use serde_with_outcome;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{Donors, Effect, StudyCell};

    fn variants(flips: usize, n: usize) -> Variants {
        Variants { flips, n }
    }

    #[test]
    fn an_answer_stands_only_where_no_variant_changes_it() {
        for (flips, n, outcome, most) in [
            (0, 16, AnswerOutcome::Stands, false),
            (1, 16, AnswerOutcome::Mixed, false),
            (8, 16, AnswerOutcome::Mixed, false),
            (9, 16, AnswerOutcome::Mixed, true),
            (15, 16, AnswerOutcome::Mixed, true),
            (16, 16, AnswerOutcome::Flipped, true),
            (0, 1, AnswerOutcome::Stands, false),
            (1, 1, AnswerOutcome::Flipped, true),
        ] {
            let tried = variants(flips, n);
            assert_eq!(tried.outcome(), outcome, "{flips} of {n}");
            assert_eq!(tried.most_flip(), most, "{flips} of {n}");
        }
        assert_eq!(variants(1, 1).rate(), None, "one run has no rate");
        let rate = variants(9, 16).rate().expect("a rate");
        assert_eq!((rate.rate, rate.n), (0.5625, 16));
        let (low, high) = rate.ci95;
        assert!((low - 0.3318).abs() < 1e-3 && (high - 0.7690).abs() < 1e-3);
    }

    #[test]
    fn a_tally_counts_each_outcome() {
        let all = [(0, 16), (9, 16), (16, 16), (1, 1)];
        let tally = OutcomeCounts::new(all.map(|(flips, n)| variants(flips, n).outcome()));
        assert_eq!((tally.stands, tally.mixed, tally.flipped), (1, 1, 2));
        assert_eq!(tally.n(), 4);
        assert_eq!(tally.words(), "1 stand, 1 mixed, 2 flipped");
    }

    fn effect(donors: Option<Donors>) -> Effect {
        Effect {
            flipped: true,
            delta_logprob: -9.16,
            delta_logprob_gold: None,
            kl: 0.5,
            relative_size: Some(1.0),
            size_percentile: None,
            sham_max_diff: 0.0,
            donors,
        }
    }

    fn donors() -> Donors {
        Donors {
            n: 16,
            flips: 9,
            flip_rate_ci95: None,
            delta_logprob_ci95: Some((-11.0, -7.0)),
            answers: vec![(Some("17".to_owned()), 7)],
        }
    }

    #[test]
    fn an_effect_is_written_with_its_outcome_and_read_without() {
        let mixed = effect(Some(donors()));
        let written = serde_json::to_value(&mixed).expect("serialises");
        assert_eq!(written["outcome"], "mixed");
        assert_eq!(written["flip_rate"]["n"], 16);
        assert_eq!(written["flip_rate"]["rate"], 0.5625);
        assert_eq!(written["flipped"], true, "most donors");
        let read: Effect = serde_json::from_value(written.clone()).expect("reads");
        assert_eq!(read, mixed);

        let mut old = written;
        let fields = old.as_object_mut().expect("an object");
        fields.remove("outcome");
        fields.remove("flip_rate");
        // An old version set `flipped` by the most frequent answer.
        fields.insert("flipped".to_owned(), false.into());
        let read: Effect = serde_json::from_value(old).expect("reads without them");
        assert_eq!(read, mixed, "it follows from the donors");

        let single = serde_json::to_value(effect(None)).expect("serialises");
        assert_eq!(single["outcome"], "flipped");
        assert!(single["flip_rate"].is_null());
    }

    #[test]
    fn a_wrong_outcome_in_a_file_is_not_believed() {
        let text = r#"{"off":[1],"answer":"17","flipped":false,"delta_logprob":-9.16,"n":16,"flips":9,"outcome":"stands"}"#;
        let cell: StudyCell = serde_json::from_str(text).expect("reads");
        assert!(cell.flipped);
        let written = serde_json::to_value(&cell).expect("serialises");
        assert_eq!(written["outcome"], "mixed");
        assert_eq!(written["off"], serde_json::json!([1]));
    }
}
