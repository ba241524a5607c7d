//! How often a model's answers are right at each rung, as a file: made of a run, known by the explorer (docs/report.md).

use serde::{Deserialize, Serialize};

use super::header::{Budget, Data};
use crate::core::types::{ModelInfo, Rung};

/// The schema of the file; fields are only ever added under one number.
pub const SCHEMA: &str = "undertone.calibration/1";

/// Counts by rung of verdicts whose answer is known to be right or not, with all that they depend on.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// [`SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// Whose answers.
    pub model: Of,
    /// To which problems.
    pub data: Data,
    /// What a verdict might cost.
    pub verdict: Budget,
    /// How many top tokens of a latent were read first.
    pub top_k: usize,
    /// The problems whose latents were donors and null.
    pub reference: String,
    /// Every rung.
    pub rungs: Vec<AtRung>,
}

/// The model that a calibration is of; all of it must be the same for another run to be judged by it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Of {
    /// Its name.
    pub name: String,
    /// The hash of its weights.
    pub sha256: String,
    /// Its precision.
    pub dtype: String,
    /// Which of the published quirks it repeats.
    pub behaviour: String,
    /// Latents of a run.
    pub n_latents: usize,
}

/// The verdicts at one rung.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AtRung {
    /// The rung.
    pub rung: Rung,
    /// How many of them have an answer that is known to be right or not.
    pub n: usize,
    /// The right ones.
    pub correct: usize,
    /// The keys of the right ones' questions, in hexadecimal, so that a problem need not be counted for itself.
    #[serde(with = "hexadecimal")]
    pub right: Vec<u64>,
    /// The same of the wrong ones.
    #[serde(with = "hexadecimal")]
    pub wrong: Vec<u64>,
}

/// Numbers of 64 bits as texts: JSON readers keep 53 bits of a number.
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
    /// The verdicts at a rung, given as the keys of their questions.
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
    /// Reads a calibration.
    ///
    /// # Errors
    /// In words what is wrong with it.
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

    /// Whether it is of a model: the same weights, precision, behaviour and number of latents.
    #[must_use]
    pub fn is_of(&self, info: &ModelInfo) -> bool {
        let of = &self.model;
        of.sha256 == info.sha256
            && of.dtype == info.dtype
            && of.behaviour == info.behaviour
            && of.n_latents == info.n_latents
    }

    /// Every verdict: the key of its question, its rung, and whether the answer is right.
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
