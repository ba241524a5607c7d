//! The header of a file of rows: everything on which the rows depend.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::row::Experiment;
use crate::core::types::{AblationValue, ModelInfo, Task};

/// The first line of a file of rows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RowsHeader {
    /// [`super::SCHEMA`].
    pub schema: String,
    /// The program's version.
    pub version: String,
    /// The model, including its weights' hash, device and precision.
    pub model: ModelInfo,
    /// The kind of control if the run is one: `random-weights`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control: Option<String>,
    /// The problems.
    pub data: Data,
    /// The experiments, in the order of the rows.
    pub experiments: Vec<Experiment>,
    /// The settings.
    pub settings: RunSettings,
    /// The part of the problems that the file holds; 1 of 1 is all.
    pub shard: Shard,
}

/// The data set of a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Data {
    /// The file's name, or a description of the generated problems.
    pub origin: String,
    /// SHA-256 of the problems in order as JSON Lines, followed by their alternative solutions if there are any.
    pub sha256: String,
    /// Number of problems in all shards together.
    pub n: usize,
    /// The kind of problem.
    pub task: Task,
}

impl Data {
    /// Returns the generator's split; `None` for problems of a file.
    #[must_use]
    pub fn split(&self) -> Option<&str> {
        let rest = self.origin.strip_prefix("generated ")?;
        let (split, seed) = rest.split_once(" problems, seed ")?;
        seed.parse::<u64>().is_ok().then_some(split)
    }

    /// Returns whether figures on these problems carry over to others: both are the same, or generated for the same task and
    /// split with any seed.
    #[must_use]
    pub fn is_like(&self, other: &Self) -> bool {
        let drawn = |data: &Self| Some((data.task, data.split()?.to_owned()));
        self.sha256 == other.sha256 || (self.split().is_some() && drawn(self) == drawn(other))
    }
}

/// The definitions that experiments follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Protocol {
    /// Ours: five tokens per latent, exact numbers, a null for every search.
    #[default]
    Default,
    /// The paper's: ten tokens per latent, its exact searches, its verifier (docs/methods.md M4 to M6).
    Paper,
}

impl Protocol {
    /// Returns the name used on the command line and in the file.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Paper => "paper",
        }
    }
}

/// The settings on which the rows depend, beside model and problems.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RunSettings {
    /// The definitions that experiments follow.
    pub mode: Protocol,
    /// Number of latent tokens per problem.
    pub latents: usize,
    /// The token limit of an answer.
    pub most_tokens: usize,
    /// Number of top tokens that searches read of each latent.
    pub top_k: usize,
    /// The replacement of single latents when testing which are needed.
    pub value: AblationValue,
    /// Number of problems per batch.
    pub batch: usize,
    /// The seed of generated problems and random draws.
    pub seed: u64,
    /// The reference set: the problems whose latents serve as donors, means and null.
    pub reference: String,
    /// The budget of a verdict.
    pub verdict: RecordedBudget,
}

/// The budget of a verdict; see `analysis::verdict::Budget`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordedBudget {
    /// The search strategies in order, in the syntax of `--strategies`.
    pub strategies: Vec<String>,
    /// Number of edits of each number or node of the question.
    pub edits: usize,
    /// Number of edits of the best trace if `edits` settled nothing; unused unless larger than `edits`.
    #[serde(default)]
    pub more_edits: usize,
    /// Number of donors wanted for each step, with another value and with the same.
    pub donors: usize,
    /// Number of traces tested per strategy.
    pub traces: usize,
}

impl std::fmt::Display for RecordedBudget {
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

/// One of several parts of the problems: every `of`-th batch, starting with the `index`-th.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// Index of the part, from 1.
    pub index: usize,
    /// Number of parts.
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
    /// Returns whether the part holds a batch, counted from 0.
    #[must_use]
    pub fn holds(self, batch: usize) -> bool {
        batch % self.of == self.index - 1
    }

    /// Reads `2/4`.
    ///
    /// # Errors
    /// Explains the expected form.
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

impl RowsHeader {
    /// Returns the indices of the file's problems in order: those of the batches in its shard.
    pub fn problems(&self) -> impl Iterator<Item = usize> + use<> {
        let (n, batch, shard) = (self.data.n, self.settings.batch.max(1), self.shard);
        (0..n).filter(move |index| shard.holds(index / batch))
    }

    /// Returns the rows of the complete file in order, as problem and experiment.
    pub fn plan(&self) -> impl Iterator<Item = (usize, Experiment)> + use<> {
        let experiments = self.experiments.clone();
        self.problems()
            .flat_map(move |index| experiments.clone().into_iter().map(move |e| (index, e)))
    }

    /// Returns the header of the merged run.
    #[must_use]
    pub fn whole(&self) -> Self {
        Self {
            shard: Shard::default(),
            ..self.clone()
        }
    }

    /// Explains the first difference between two headers, ignoring shards; `None` if they are parts of one run.
    #[must_use]
    pub fn differs(&self, other: &Self) -> Option<String> {
        let as_value = |header: &Self| {
            serde_json::to_value(header.whole()).expect("a header always serialises")
        };
        difference("", &as_value(self), &as_value(other))
    }
}

/// Explains the first difference between two JSON values.
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
