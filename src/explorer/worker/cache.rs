//! A cache of answers, keyed by everything they depend on: in memory up to a bound, and in a folder that later sessions read.
//!
//! A file that cannot be read, or that answers another question, is ignored and its answer computed again.

use std::collections::{HashMap, VecDeque};
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::core::file::{prune, read_at_most, write_atomic};
use crate::core::text::hex;
use crate::core::types::{Ablation, Mode, ModelInfo, Outcome, Study, StudyKind};

/// The bound on memory, in bytes of JSON.
const MEMORY: usize = 32 << 20;
/// The bound on disk space, in bytes.
const DISK: u64 = 128 << 20;
/// The program's version and a counter for changes in the meaning of entries.
const VERSION: &str = concat!(env!("CARGO_PKG_VERSION"), "+2");
/// The longest file that is read back, in bytes.
const LONGEST: u64 = 8 << 20;
/// The number of writes between checks of the disk space.
const LOOK: usize = 64;

/// Everything about a run that a number may depend on.
#[derive(Debug, Clone, Serialize)]
pub(super) struct RunKey {
    version: &'static str,
    model: ModelInfo,
    settings: String,
    reference: String,
    mode: Mode,
    n_latents: usize,
    input_ids: Vec<u32>,
    gold: Option<String>,
    steps: Option<usize>,
}

impl RunKey {
    pub(super) fn new(
        (model, settings): (&ModelInfo, String),
        reference: &str,
        clean: &crate::lab::analysis::run::CleanRun,
    ) -> Self {
        Self {
            version: VERSION,
            model: model.clone(),
            settings,
            reference: reference.to_owned(),
            mode: clean.mode,
            n_latents: clean.fed.len(),
            input_ids: clean.run.input_ids.clone(),
            gold: clean.gold.clone(),
            steps: clean.steps,
        }
    }
}

/// A question about a run.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum CacheQuery<'a> {
    Ablation(&'a Ablation),
    Study(StudyKind, &'a Ablation, Option<u32>),
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Answered {
    Outcome(Outcome),
    Study(Study),
}

/// A file of the folder.
#[derive(Serialize, Deserialize)]
struct Stored {
    /// The whole question, so that no answer is ever mistaken for that to another.
    asked: String,
    answered: Answered,
}

/// The answers, by question.
#[derive(Debug, Default)]
pub(super) struct Cache {
    folder: Option<PathBuf>,
    /// The answers, with their length as JSON.
    answers: HashMap<String, (Answered, usize)>,
    /// The questions, oldest first.
    order: VecDeque<String>,
    bytes: usize,
    writes: usize,
}

impl Cache {
    /// Creates an empty cache over a folder, which need not exist.
    pub(super) fn new(folder: Option<PathBuf>) -> Self {
        Self {
            folder,
            ..Self::default()
        }
    }

    /// Returns the answer to a question asked before, in this session or an earlier one.
    pub(super) fn get(&mut self, run: &RunKey, asked: &CacheQuery<'_>) -> Option<Answered> {
        let question = question(run, asked)?;
        if let Some((answered, _)) = self.answers.get(&question) {
            return Some(answered.clone());
        }
        let bytes = read_at_most(&self.path(&question)?, LONGEST).ok()??;
        let stored: Stored = serde_json::from_slice(&bytes).ok()?;
        if stored.asked != question {
            return None;
        }
        self.keep(question, stored.answered.clone(), bytes.len());
        Some(stored.answered)
    }

    /// Stores an answer. A write failure only costs a later session some time, so it is logged.
    pub(super) fn put(&mut self, run: &RunKey, asked: &CacheQuery<'_>, answered: &Answered) {
        let Some(question) = question(run, asked) else {
            return;
        };
        let path = self.path(&question);
        let stored = Stored {
            asked: question,
            answered: answered.clone(),
        };
        let Ok(json) = serde_json::to_vec(&stored) else {
            return;
        };
        if let (Some(path), Some(folder)) = (path, &self.folder) {
            let written = fs::create_dir_all(folder).is_ok() && write_atomic(&path, &json).is_ok();
            if !written {
                tracing::warn!(?path, "an answer could not be kept");
            }
            self.writes += 1;
            if self.writes % LOOK == 1 {
                prune(folder, DISK);
            }
        }
        self.keep(stored.asked, stored.answered, json.len());
    }

    fn keep(&mut self, question: String, answered: Answered, bytes: usize) {
        if let Some((_, old)) = self.answers.insert(question.clone(), (answered, bytes)) {
            self.bytes -= old;
        } else {
            self.order.push_back(question);
        }
        self.bytes += bytes;
        while self.bytes > MEMORY
            && let Some(oldest) = self.order.pop_front()
        {
            if let Some((_, bytes)) = self.answers.remove(&oldest) {
                self.bytes -= bytes;
            }
        }
    }

    fn path(&self, question: &str) -> Option<PathBuf> {
        let name = hex(&Sha256::digest(question.as_bytes()));
        Some(self.folder.as_ref()?.join(format!("{name}.json")))
    }
}

fn question(run: &RunKey, asked: &CacheQuery<'_>) -> Option<String> {
    serde_json::to_string(&(run, asked)).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::AblationValue;
    use crate::explorer::session::sample;

    fn key(ids: &[u32]) -> RunKey {
        RunKey {
            version: "1",
            model: sample::session().model.expect("a model"),
            settings: "alpha 16".to_owned(),
            reference: "256 problems".to_owned(),
            mode: Mode::Latent,
            n_latents: 4,
            input_ids: ids.to_vec(),
            gold: None,
            steps: None,
        }
    }

    fn outcome() -> Outcome {
        sample::session().outcomes.remove(0)
    }

    #[test]
    fn an_answer_is_found_by_its_question_alone_and_by_a_later_session() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = Some(folder.path().join("answers"));
        let (mut cache, outcome) = (Cache::new(path.clone()), outcome());
        let ablation = outcome.ablation.clone();
        let asked = CacheQuery::Ablation(&ablation);
        let answered = Answered::Outcome(outcome.clone());
        assert_eq!(cache.get(&key(&[1, 2]), &asked), None);
        cache.put(&key(&[1, 2]), &asked, &answered);
        let other = Ablation {
            value: AblationValue::Zero,
            ..ablation.clone()
        };
        for cache in [&mut cache, &mut Cache::new(path)] {
            assert_eq!(cache.get(&key(&[1, 2]), &asked), Some(answered.clone()));
            assert_eq!(cache.get(&key(&[1, 3]), &asked), None);
            assert_eq!(
                cache.get(&key(&[1, 2]), &CacheQuery::Ablation(&other)),
                None
            );
        }
    }

    #[test]
    fn a_damaged_file_is_no_answer() {
        let folder = tempfile::tempdir().expect("a folder");
        let mut cache = Cache::new(Some(folder.path().to_owned()));
        let outcome = outcome();
        let ablation = outcome.ablation.clone();
        let asked = CacheQuery::Ablation(&ablation);
        cache.put(&key(&[1]), &asked, &Answered::Outcome(outcome));
        let file = fs::read_dir(folder.path()).expect("files").next();
        let file = file.expect("one").expect("readable").path();
        for contents in ["", "{}", "null", "[1, 2"] {
            fs::write(&file, contents).expect("written");
            let mut later = Cache::new(Some(folder.path().to_owned()));
            assert_eq!(later.get(&key(&[1]), &asked), None, "{contents:?}");
        }
    }

    #[test]
    fn memory_is_bounded_oldest_first() {
        let mut cache = Cache::new(None);
        let answered = Answered::Outcome(outcome());
        let third = MEMORY / 3;
        for name in ["a", "b", "c", "d"] {
            cache.keep(name.to_owned(), answered.clone(), third);
        }
        assert!(!cache.answers.contains_key("a") && cache.answers.contains_key("d"));
        assert!(cache.bytes <= MEMORY && cache.order.len() == 3);
    }
}
