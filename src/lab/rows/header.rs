//! The header of a file of rows: everything that the rows depend on.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::row::Experiment;
use crate::core::types::{AblationValue, ModelInfo, Task};

/// The first line of a file of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The model: its weights' hash, device and precision among it.
    pub model: ModelInfo,
    /// A control that the run is, if it is one: `random-weights`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// The problems.
    pub data: Data,
    /// What was computed, in the order of the rows.
    pub experiments: Vec<Experiment>,
    /// How.
    pub settings: Settings,
    /// Which part of the problems the file holds; 1 of 1 is all.
    pub shard: Shard,
}

/// Where problems come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// The file's name, or how the problems were generated.
    pub origin: String,
    /// SHA-256 of the problems as JSON Lines, in their order.
    pub sha256: String,
    /// How many problems, in all shards together.
    pub n: usize,
    /// The kind of problem.
    pub task: Task,
}

impl Data {
    /// The split of the generator that the problems are of; none for those of a file.
    #[must_use]
    pub fn split(&self) -> Option<&str> {
        let rest = self.origin.strip_prefix("generated ")?;
        let (split, seed) = rest.split_once(" problems, seed ")?;
        seed.parse::<u64>().is_ok().then_some(split)
    }

    /// Whether figures of these problems hold for the others: they are the same, or the generator drew both for one task and split,
    /// whatever the seed.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let drawn = |data: &Self| Some((data.task, data.split()?.to_owned()));
        self.sha256 == other.sha256 || (self.split().is_some() && drawn(self) == drawn(other))
    }
}

/// Whose definitions are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Ours: five tokens a latent, exact numbers, a null for every search.
    #[default]
    Default,
    /// The paper's: ten tokens a latent, its searches bit for bit, its verifier (methods.md 4 to 6).
    Paper,
}

impl Protocol {
    /// The name used on the command line and in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Paper => "paper",
        }
    }
}

/// What the rows depend on beside model and problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Settings {
    /// Whose definitions are followed.
    pub mode: Protocol,
    /// Latent tokens of a run.
    pub latents: usize,
    /// Tokens that an answer may have.
    pub most_tokens: usize,
    /// How many top tokens of a latent searches read.
    pub top_k: usize,
    /// What single latents are replaced by when needed latents are looked for.
    pub value: AblationValue,
    /// Problems that run side by side.
    pub batch: usize,
    /// The seed of what is drawn.
    pub seed: u64,
    /// The problems whose latents are donors, means and null.
    pub reference: String,
    /// What a verdict may cost.
    pub verdict: Budget,
}

/// What a verdict may cost; see `analysis::verdict::Budget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// The strategies of the search, in order, as `--strategies` takes them.
    pub strategies: Vec<String>,
    /// Edits that count, wanted for each step.
    pub edits: usize,
    /// As many where those settled nothing; 0 is never.
    #[serde(default)]
    pub more_edits: usize,
    /// Donors wanted for each step.
    pub donors: usize,
    /// Traces of one strategy that are put to the test.
    pub traces: usize,
}

impl std::fmt::Display for Budget {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}; {} edits, {} where they settled nothing, {} donors, {} traces",
            self.strategies.join(", "),
            self.edits,
            self.more_edits,
            self.donors,
            self.traces
        )
    }
}

/// One of several equal parts of the problems: every `of`-th batch, from the `index`-th on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Which part, from 1.
    pub index: usize,
    /// Of how many.
    pub of: usize,
}

impl Default for Shard {
    fn default() -> Self {
        Self { index: 1, of: 1 }
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.index, self.of)
    }
}

impl Shard {
    /// Whether the part holds a batch, counted from 0.
    #[must_use]
    pub fn holds(self, batch: usize) -> bool {
        batch % self.of == self.index - 1
    }

    /// Reads `2/4`.
    ///
    /// # Errors
    /// In words what is wrong.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("{text:?} is not a part such as 2/4: the 2nd of 4");
        let (index, of) = text.split_once('/').ok_or_else(wrong)?;
        let number = |text: &str| text.trim().parse::<usize>().map_err(|_| wrong());
        let (index, of) = (number(index)?, number(of)?);
        if index == 0 || index > of {
            return Err(wrong());
        }
        Ok(Self { index, of })
    }
}

impl Header {
    /// The problems of the file, in order, counted from 0: those of the batches that its shard holds.
    pub fn problems(&self) -> impl Iterator<Item = usize> + use<> {
        let (n, batch, shard) = (self.data.n, self.settings.batch.max(1), self.shard);
        (0..n).filter(move |index| shard.holds(index / batch))
    }

    /// Which rows the file holds when it is whole, in order: problem and experiment.
    pub fn plan(&self) -> impl Iterator<Item = (usize, Experiment)> + use<> {
        let experiments = self.experiments.clone();
        self.problems()
            .flat_map(move |index| experiments.clone().into_iter().map(move |e| (index, e)))
    }

    /// The header of the whole that this is a part of.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            shard: Shard::default(),
            ..self.clone()
        }
    }

    /// In words the first thing in which two headers differ, their shards apart; none if they are parts of one whole.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<String> {
        let as_value = |header: &Self| {
            serde_json::to_value(header.whole()).expect("a header always serialises")
        };
        difference("", &as_value(self), &as_value(other))
    }
}

/// The first place in which two values differ.
fn difference(at: &str, a: &serde_json::Value, b: &serde_json::Value) -> Option<String> {
    use serde_json::Value;
    match (a, b) {
        (Value::Object(x), Value::Object(y)) => {
            let names = x.keys().chain(y.keys().filter(|key| !x.contains_key(*key)));
            names.into_iter().find_map(|key| {
                let place = if at.is_empty() {
                    key.clone()
                } else {
                    format!("{at}.{key}")
                };
                let of = |map: &serde_json::Map<String, Value>| {
                    map.get(key).cloned().unwrap_or(Value::Null)
                };
                difference(&place, &of(x), &of(y))
            })
        }
        _ => (a != b).then(|| format!("{at} is {a} here and {b} there")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(origin: &str, sha256: &str, task: Task) -> Data {
        Data {
            origin: origin.to_owned(),
            sha256: sha256.to_owned(),
            n: 3,
            task,
        }
    }

    #[test]
    fn problems_are_alike_by_digest_or_by_generator_and_split() {
        let test = data("generated test problems, seed 0", "a", Task::Math);
        assert_eq!(test.split(), Some("test"));
        for (other, alike) in [
            (
                data("generated test problems, seed 7", "b", Task::Math),
                true,
            ),
            (
                data("generated hard problems, seed 0", "c", Task::Math),
                false,
            ),
            (
                data("generated test problems, seed 0", "d", Task::Logic),
                false,
            ),
            (data("problems.jsonl", "e", Task::Math), false),
            (data("copy.jsonl", "a", Task::Math), true),
            (
                data("generated test problems.jsonl", "f", Task::Math),
                false,
            ),
        ] {
            assert_eq!(test.is_like(&other), alike, "{}", other.origin);
            assert_eq!(other.is_like(&test), alike, "{}", other.origin);
        }
        let file = data("a.jsonl", "a", Task::Math);
        assert!(
            !file.is_like(&data("a.jsonl", "b", Task::Math)),
            "a name is no digest"
        );
    }
}
