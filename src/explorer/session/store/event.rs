//! The lines of a session file: the header and the events, and how events build a session.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::core::problem::Problem;
use crate::core::types::{EarlyExit, LatentIdx, ModelInfo, Outcome, Phrase, Run, Verdict};
use crate::explorer::session::{Note, SCHEMA, Session};

/// The program that wrote a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// The first line of a session file: the provenance of its numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SessionHeader {
    /// The schema with its version, [`SCHEMA`].
    pub schema: String,
    /// The program that created the file.
    pub tool: Tool,
    /// The time of creation, in seconds since 1970-01-01 UTC.
    pub created_at: u64,
    /// The model, once it is known.
    pub model: Option<ModelInfo>,
    /// The origin of the problem.
    pub origin: String,
    /// Every setting that the numbers depend on, including defaults.
    pub settings: Map<String, Value>,
    /// Fields of other versions.
    #[serde(flatten)]
    pub extra: Map<String, Value>,
}

impl SessionHeader {
    /// Creates the header of a new file; [`SessionFile::new`](super::SessionFile::new) fills in model and origin.
    #[must_use]
    pub fn new(version: &str, created_at: u64, settings: Map<String, Value>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            tool: Tool {
                name: "undertone".to_owned(),
                version: version.to_owned(),
            },
            created_at,
            model: None,
            origin: String::new(),
            settings,
            extra: Map::new(),
        }
    }
}

/// An event of a session. Results carry the numbers, never the text on screen.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Event {
    /// A problem was opened; all following events are about it.
    Open {
        /// Present only if it differs from the model of the header.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<ModelInfo>,
        problem: Option<Problem>,
        origin: String,
    },
    /// The clean run; replaces all earlier results.
    Run { run: Run },
    /// An ablated run; replaces an earlier one with the same ablation.
    Ablate { outcome: Outcome },
    /// Decoded phrases of a latent; replace earlier ones.
    Phrases {
        latent: LatentIdx,
        phrases: Vec<Phrase>,
    },
    /// The early exits.
    EarlyExit { exits: Vec<EarlyExit> },
    /// The verdict.
    Verify { verdict: Box<Verdict> },
    /// All current notes.
    Annotate { notes: Vec<Note> },
    /// The session was exported; only earlier versions recorded that.
    Export { format: String, path: String },
}

impl Event {
    /// The event names known to this version, as in the files.
    pub(super) const NAMES: [&'static str; 8] = [
        "open",
        "run",
        "ablate",
        "phrases",
        "early_exit",
        "verify",
        "annotate",
        "export",
    ];

    /// Applies the event to the session built by the events before it.
    pub(super) fn fold(&self, session: &mut Session, header: &SessionHeader) {
        match self.clone() {
            Self::Open {
                model,
                problem,
                origin,
            } => {
                *session = Session {
                    model: model.or_else(|| header.model.clone()),
                    problem,
                    origin,
                    ..Session::default()
                };
            }
            Self::Run { run } => {
                *session = Session {
                    run: Some(run),
                    notes: std::mem::take(&mut session.notes),
                    ..heading_of(session)
                };
            }
            Self::Ablate { outcome } => {
                let known = session
                    .outcomes
                    .iter_mut()
                    .find(|known| known.ablation == outcome.ablation);
                match known {
                    Some(known) => *known = outcome,
                    None => session.outcomes.push(outcome),
                }
            }
            Self::Phrases { latent, phrases } => {
                match session.phrases.iter_mut().find(|(of, _)| *of == latent) {
                    Some((_, known)) => *known = phrases,
                    None => session.phrases.push((latent, phrases)),
                }
            }
            Self::EarlyExit { exits } => session.early_exit = exits,
            Self::Verify { verdict } => session.verdict = Some(*verdict),
            Self::Annotate { notes } => session.notes = notes,
            Self::Export { .. } => {}
        }
    }

    /// Creates the event that starts a session.
    pub(super) fn open(session: &Session, header: &SessionHeader) -> Self {
        Self::Open {
            model: session
                .model
                .clone()
                .filter(|m| Some(m) != header.model.as_ref()),
            problem: session.problem.clone(),
            origin: session.origin.clone(),
        }
    }

    /// Returns the events that lead from `from` to `to`. Results count as equal if they serialise equally; results missing in `to`
    /// are kept.
    pub(super) fn between(from: &Session, to: &Session, header: &SessionHeader) -> Vec<Self> {
        let mut events = Vec::new();
        let mut now = from.clone();
        let to = &with_results(from, to);
        if heading_of(&now) != heading_of(to) {
            events.push(Self::open(to, header));
            now = heading_of(to);
        }
        if let Some(run) = &to.run
            && !now.run.as_ref().is_some_and(|now| same(now, run))
        {
            events.push(Self::Run { run: run.clone() });
            now = Session {
                notes: now.notes,
                ..Session::default()
            };
        }
        for (latent, phrases) in &to.phrases {
            let mut known = now.phrases.iter();
            if !known.any(|(of, known)| of == latent && same(known, phrases)) {
                events.push(Self::Phrases {
                    latent: *latent,
                    phrases: phrases.clone(),
                });
            }
        }
        if !same(&now.early_exit, &to.early_exit) {
            events.push(Self::EarlyExit {
                exits: to.early_exit.clone(),
            });
        }
        for outcome in &to.outcomes {
            if !now.outcomes.iter().any(|known| same(known, outcome)) {
                events.push(Self::Ablate {
                    outcome: outcome.clone(),
                });
            }
        }
        if let Some(verdict) = &to.verdict
            && !now.verdict.as_ref().is_some_and(|now| same(now, verdict))
        {
            events.push(Self::Verify {
                verdict: Box::new(verdict.clone()),
            });
        }
        if now.notes != to.notes {
            events.push(Self::Annotate {
                notes: to.notes.clone(),
            });
        }
        events
    }
}

/// Returns whether two values serialise equally. Fields that are not serialised, such as durations, are ignored.
fn same<T: Serialize>(one: &T, other: &T) -> bool {
    let written = |value: &T| serde_json::to_string(value).ok();
    written(one) == written(other)
}

/// Adds the results that `known` has of the same run, so that results computed earlier are not lost if they were not requested
/// again.
fn with_results(known: &Session, session: &Session) -> Session {
    let mut session = session.clone();
    if known.key() != session.key() {
        return session;
    }
    if session.run.is_none() {
        session.run.clone_from(&known.run);
    }
    if !same(&session.run, &known.run) {
        return session;
    }
    for outcome in &known.outcomes {
        let mut there = session.outcomes.iter();
        if !there.any(|there| there.ablation == outcome.ablation) {
            session.outcomes.push(outcome.clone());
        }
    }
    for (latent, phrases) in &known.phrases {
        if !session.phrases.iter().any(|(of, _)| of == latent) {
            session.phrases.push((*latent, phrases.clone()));
        }
    }
    if session.early_exit.is_empty() {
        session.early_exit.clone_from(&known.early_exit);
    }
    session.verdict = session.verdict.or_else(|| known.verdict.clone());
    session
}

/// Returns a session's problem, origin and model only.
pub(super) fn heading_of(session: &Session) -> Session {
    Session {
        problem: session.problem.clone(),
        origin: session.origin.clone(),
        model: session.model.clone(),
        ..Session::default()
    }
}
