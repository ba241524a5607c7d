//! A session: one problem, its results, and the analyst's notes; saved, reopened and exported.
//!
//! Plain data and invertible edits. `store` reads and writes files, `export` makes exports.

pub mod compare;
pub mod edit;
pub mod export;
#[cfg(test)]
pub(crate) mod sample;
pub mod store;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::core::problem::Problem;
use crate::core::types::{EarlyExit, LatentIdx, ModelInfo, Outcome, Phrase, Run, Verdict};

/// The schema name and version written in every session file.
pub const SCHEMA: &str = "undertone.session/1";

/// The results and notes on one problem under one model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Session {
    /// The problem: question, gold steps and gold answer (the latter two empty if the question was typed).
    pub problem: Option<Problem>,
    /// The origin of the problem, e.g. `mini-math test seed 7 #12` or `typed`.
    pub origin: String,
    /// The model of all results below.
    pub model: Option<ModelInfo>,
    /// The clean run.
    pub run: Option<Run>,
    /// Ablated runs in the order first computed, one per ablation.
    pub outcomes: Vec<Outcome>,
    /// Decoded phrases by latent.
    pub phrases: Vec<(LatentIdx, Vec<Phrase>)>,
    /// Early exits.
    pub early_exit: Vec<EarlyExit>,
    /// The verdict.
    pub verdict: Option<Verdict>,
    /// The analyst's notes.
    pub notes: Vec<Note>,
}

/// The identity of a session: sessions with the same key are the same work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct SessionKey {
    /// The model's name; empty while no model is known.
    pub model: String,
    /// The question; untrusted text.
    pub question: String,
}

impl SessionKey {
    /// Creates the key of a question that a model answers.
    #[must_use]
    pub fn of(model: Option<&ModelInfo>, question: &str) -> Self {
        Self {
            model: model.map_or_else(String::new, |info| info.name.clone()),
            question: question.to_owned(),
        }
    }
}

impl Session {
    /// Returns the question; untrusted text, empty if no problem is open.
    #[must_use]
    pub fn question(&self) -> &str {
        let problem = self.problem.as_ref().map(|problem| &problem.question);
        let question = problem.or(self.run.as_ref().map(|run| &run.question));
        question.map_or("", String::as_str)
    }

    /// Returns its key.
    #[must_use]
    pub fn key(&self) -> SessionKey {
        SessionKey::of(self.model.as_ref(), self.question())
    }
}

/// The subject of a note.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Target {
    /// The problem as a whole.
    Problem,
    /// One latent.
    Latent(LatentIdx),
    /// The verdict.
    Verdict,
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Problem => f.write_str("problem"),
            Self::Latent(latent) => write!(f, "latent {latent}"),
            Self::Verdict => f.write_str("verdict"),
        }
    }
}

/// The closed list of tags.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Tag {
    /// Worth showing to others.
    Interesting,
    /// Looks like an error of the model.
    ModelError,
    /// Looks like an error of the tool or the verdict.
    Doubtful,
    /// To be examined again.
    FollowUp,
    /// Examined and agreed with.
    Confirmed,
}

impl Tag {
    /// Every tag, in the order in which the explorer lists them.
    pub const ALL: [Self; 5] = [
        Self::Interesting,
        Self::ModelError,
        Self::Doubtful,
        Self::FollowUp,
        Self::Confirmed,
    ];

    /// Returns its name on screen and in exports.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Interesting => "interesting",
            Self::ModelError => "model-error",
            Self::Doubtful => "doubtful",
            Self::FollowUp => "follow-up",
            Self::Confirmed => "confirmed",
        }
    }
}

/// A note or a tag on something.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Note {
    /// Its subject.
    pub target: Target,
    /// A tag, if any.
    pub tag: Option<Tag>,
    /// Free text; may be empty if there is a tag.
    pub text: String,
    /// The author.
    pub author: String,
    /// The time of writing, in seconds since 1970-01-01 UTC.
    pub written_at: u64,
}
