//! The calibration file: how often a model's answers are right at each rung; made from a run for the explorer (docs/report.md).

use serde::{Deserialize, Serialize};

use super::header::{Data, RecordedBudget, RowsHeader};
use super::summary::RunItem;
use crate::core::types::{ModelInfo, Rung};

/// The schema of the file. Fields are only added without a new number.
pub const SCHEMA: &str = "undertone.calibration/1";

/// Counts by rung of the verdicts whose answer is known to be right or wrong, with the settings that they depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The model.
    pub model: Of,
    /// The problems.
    pub data: Data,
    /// The budget of a verdict.
    pub verdict: RecordedBudget,
    /// Number of top tokens read of a latent first.
    pub top_k: usize,
    /// The reference set: the problems whose latents were donors and null.
    pub reference: String,
    /// The counts at every rung.
    pub rungs: Vec<AtRung>,
}

/// The calibrated model. A calibration applies only to runs whose model agrees in all fields but the name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    /// Its name.
    pub name: String,
    /// The hash of its weights.
    pub sha256: String,
    /// Its precision.
    pub dtype: String,
    /// Whether bugs of the published code are reproduced.
    pub behaviour: String,
    /// Number of latents of a run.
    pub n_latents: usize,
}

/// The verdicts at one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtRung {
    /// The rung.
    pub rung: Rung,
    /// Number of verdicts whose answer is known to be right or wrong.
    pub n: usize,
    /// Number of right answers.
    pub correct: usize,
    /// The question keys of the right answers, in hexadecimal, so that a problem can be excluded from its own calibration.
    #[serde(with = "hexadecimal")]
    pub right: Vec<u64>,
    /// The question keys of the wrong answers.
    #[serde(with = "hexadecimal")]
    pub wrong: Vec<u64>,
}

/// Serialises 64-bit numbers as text, because JSON readers keep only 53 bits.
mod hexadecimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(keys: &[u64], to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(keys.iter().map(|key| format!("{key:016x}")))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<u64>, D::Error> {
        let texts: Vec<String> = Vec::deserialize(from)?;
        let keys = texts.iter().map(|text| u64::from_str_radix(text, 16));
        keys.collect::<Result<_, _>>().map_err(de::Error::custom)
    }
}

impl AtRung {
    /// Counts the verdicts at a rung, given their question keys.
    #[must_use]
    pub fn new(rung: Rung, right: Vec<u64>, wrong: Vec<u64>) -> Self {
        Self {
            rung,
            n: right.len() + wrong.len(),
            correct: right.len(),
            right,
            wrong,
        }
    }
}

impl Calibration {
    /// Counts the verdicts of a run at each rung whose answer is known to be right or wrong.
    #[must_use]
    pub fn new(header: &RowsHeader, items: &[RunItem]) -> Self {
        let at = |rung: Rung, correct: bool| -> Vec<u64> {
            let found = (Some(correct), Some(rung));
            let judged = items
                .iter()
                .filter(|item| (item.correct, item.rung()) == found);
            judged.map(|item| item.key).collect()
        };
        let rungs = Rung::ALL.map(|rung| AtRung::new(rung, at(rung, true), at(rung, false)));
        Self {
            schema: SCHEMA.to_owned(),
            version: header.version.clone(),
            model: Of {
                name: header.model.name.clone(),
                sha256: header.model.sha256.clone(),
                dtype: header.model.dtype.clone(),
                behaviour: header.model.behaviour.clone(),
                n_latents: header.settings.latents,
            },
            data: header.data.clone(),
            verdict: header.settings.verdict.clone(),
            top_k: header.settings.top_k,
            reference: header.settings.reference.clone(),
            rungs: rungs.to_vec(),
        }
    }

    /// Parses a calibration.
    ///
    /// # Errors
    /// Explains what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_str(text).map_err(|why| why.to_string())?;
        if read.schema != SCHEMA {
            return Err(format!("its schema is {:?}, not {SCHEMA:?}", read.schema));
        }
        let counts =
            |at: &&AtRung| at.right.len() != at.correct || at.right.len() + at.wrong.len() != at.n;
        if let Some(at) = read.rungs.iter().find(counts) {
            return Err(format!("its counts of {} do not add up", at.rung.as_str()));
        }
        Ok(read)
    }

    /// Returns whether it applies to a model: the same weights, precision, behaviour and number of latents.
    #[must_use]
    pub fn is_of(&self, info: &ModelInfo) -> bool {
        let of = &self.model;
        of.sha256 == info.sha256
            && of.dtype == info.dtype
            && of.behaviour == info.behaviour
            && of.n_latents == info.n_latents
    }

    /// Returns every verdict as its question key, its rung, and whether the answer is right.
    pub fn verdicts(&self) -> impl Iterator<Item = (u64, Rung, bool)> {
        self.rungs.iter().flat_map(|at| {
            let right = at.right.iter().map(|key| (*key, at.rung, true));
            right.chain(at.wrong.iter().map(|key| (*key, at.rung, false)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lab::rows::Shard;
    use crate::lab::rows::made::header;

    fn made() -> Calibration {
        let header = header(3, Shard::default());
        Calibration {
            schema: SCHEMA.to_owned(),
            version: "1".to_owned(),
            model: Of {
                name: "m".to_owned(),
                sha256: "ab".to_owned(),
                dtype: "f32".to_owned(),
                behaviour: "fixed".to_owned(),
                n_latents: 4,
            },
            data: header.data,
            verdict: header.settings.verdict,
            top_k: 5,
            reference: "others".to_owned(),
            rungs: vec![
                AtRung::new(Rung::Used, vec![1, u64::MAX], vec![7]),
                AtRung::new(Rung::Tracks, Vec::new(), Vec::new()),
            ],
        }
    }

    #[test]
    fn a_calibration_is_read_as_it_was_written() {
        let text = serde_json::to_string(&made()).expect("serialises");
        let read = Calibration::parse(&text).expect("a calibration");
        assert_eq!(read, made());
        let verdicts: Vec<_> = read.verdicts().collect();
        let used = Rung::Used;
        assert_eq!(
            verdicts,
            [(1, used, true), (u64::MAX, used, true), (7, used, false)]
        );
    }

    #[test]
    fn one_that_is_wrong_is_refused() {
        let mut other = made();
        "undertone.rows/1".clone_into(&mut other.schema);
        let mut counts = made();
        counts.rungs[0].n = 2;
        for (wrong, says) in [(other, "schema"), (counts, "USED do not add up")] {
            let text = serde_json::to_string(&wrong).expect("serialises");
            let why = Calibration::parse(&text).expect_err("wrong");
            assert!(why.contains(says), "{why}");
        }
        let text = serde_json::to_string(&made()).expect("serialises");
        let no_key = text.replace("0000000000000007", "seven");
        assert!(no_key != text && Calibration::parse(&no_key).is_err());
        assert!(Calibration::parse("{").is_err());
    }
}
