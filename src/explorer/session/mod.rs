//! A session: one problem, what was run on it, and what the analyst wrote; saved, re-opened and exported.
//!
//! Plain data and invertible edits. Files are read and written in `store`, exports are in `export`.

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

/// Everything known about one problem under one model.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Session {
    /// The problem: question, gold steps and answer (empty when typed).
    pub problem: Option<Problem>,
    /// Where the problem came from, e.g. `mini-math test seed 7 #12` or `typed`.
    pub origin: String,
    /// The model all results below came from.
    pub model: Option<ModelInfo>,
    /// The clean run.
    pub run: Option<Run>,
    /// Ablated runs, in the order first seen; one per distinct ablation.
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

/// What a session is about: two with the same key are the same work.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Key {
    /// The model's name; empty while no model is known.
    pub model: String,
    /// The question; foreign text.
    pub question: String,
}

impl Key {
    /// The key of a question that a model answers.
    #[must_use]
    pub fn of(model: Option<&ModelInfo>, question: &str) -> Self {
        Self {
            model: model.map_or_else(String::new, |info| info.name.clone()),
            question: question.to_owned(),
        }
    }
}

impl Session {
    /// The question; foreign text, empty if none is open.
    #[must_use]
    pub fn question(&self) -> &str {
        let problem = self.problem.as_ref().map(|problem| &problem.question);
        let question = problem.or(self.run.as_ref().map(|run| &run.question));
        question.map_or("", String::as_str)
    }

    /// What it is about.
    #[must_use]
    pub fn key(&self) -> Key {
        Key::of(self.model.as_ref(), self.question())
    }
}

/// What a note is about.
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
    /// Looks like an error of the tool or of the verdict.
    Doubtful,
    /// To be looked at again.
    FollowUp,
    /// Agreed with after a look.
    Confirmed,
}

impl Tag {
    /// Every tag, in the order in which the explorer cycles them.
    pub const ALL: [Self; 5] = [
        Self::Interesting,
        Self::ModelError,
        Self::Doubtful,
        Self::FollowUp,
        Self::Confirmed,
    ];

    /// The name on screen and in exports.
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
    /// What it is about.
    pub target: Target,
    /// A tag, if any.
    pub tag: Option<Tag>,
    /// Free text; may be empty when there is a tag.
    pub text: String,
    /// Who wrote it.
    pub author: String,
    /// Seconds since 1970-01-01 UTC.
    pub written_at: u64,
}
