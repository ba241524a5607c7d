//! The reference set: other problems' latents, for resample donors, means per position and the null of the search.

use std::sync::{Arc, OnceLock};

use crate::decode::lens;
use crate::decode::spoken::Spoken;
use crate::model::{Branch, Cancel, Mode, Model, ModelError, Writes};
use crate::problem::Problem;
use crate::trace::{LatentIdx, TokenRead};

use super::thoughts::{Want, think};

/// How many problems the reference set holds: enough for a null of at least 200.
pub const SIZE: usize = 256;

/// How many top tokens are kept per latent: the deepest k of any search.
pub const DEPTH: usize = 10;

/// One problem of the reference set.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its question: a problem is never its own donor.
    pub question: String,
    /// How many steps its gold solution has: donors can be matched on it.
    pub steps: usize,
    /// Its gold answer: the null asks for it in other problems' latents.
    pub answer: String,
    /// The vectors fed at latents 1..N, each of the model's width.
    pub fed: Vec<Arc<[f32]>>,
    /// The states that became them (another vector for CODI only).
    pub states: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N.
    pub top: Vec<Vec<TokenRead>>,
}

/// Latents of other problems under the same model.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// Where the problems came from, for exports.
    pub origin: String,
    items: Vec<Item>,
    fed: Vec<Moments>,
    states: Vec<Moments>,
    spoken: OnceLock<Vec<Reads>>,
}

/// Top-k lists of one run's latents.
type Reads = Vec<Vec<TokenRead>>;

/// Mean and standard deviation, value by value, of one latent's vectors over the set.
#[derive(Debug, Clone)]
pub struct Moments {
    /// The mean.
    pub mean: Arc<[f32]>,
    /// The standard deviation (of the population).
    pub deviation: Arc<[f32]>,
}

impl Reference {
    /// Runs every problem cleanly and keeps its latents. Questions that do not fit the model are left out.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn build(
        model: &Model,
        origin: &str,
        problems: &[Problem],
        cancel: &Cancel,
    ) -> Result<Self, ModelError> {
        let n = model.n_latents();
        let mut reference = Self {
            origin: origin.to_owned(),
            ..Self::default()
        };
        for group in same_length(
            model,
            problems.iter().map(|p| p.question.as_str()),
            Mode::Latent,
            64,
        ) {
            let branch = group.prefill(model, cancel)?;
            let rollout = model.rollout(&branch, n, &Writes::none(branch.rows()), cancel)?;
            let first = reference.items.len();
            for (question, index) in group.questions.iter().zip(&group.indices) {
                reference.items.push(Item {
                    question: (*question).to_owned(),
                    steps: problems[*index].steps.len(),
                    answer: problems[*index].answer.clone(),
                    fed: Vec::new(),
                    states: Vec::new(),
                    top: Vec::new(),
                });
            }
            for latent in &rollout.latents {
                let (fed, state) = (latent.fed.to_rows()?, latent.state.to_rows()?);
                let logits = model.project(&latent.state)?;
                for (i, ((fed, state), logits)) in
                    fed.into_iter().zip(state).zip(logits).enumerate()
                {
                    let item = &mut reference.items[first + i];
                    let fed: Arc<[f32]> = fed.into();
                    // Only CODI's projection makes two vectors of one latent.
                    item.states.push(if fed[..] == state[..] {
                        Arc::clone(&fed)
                    } else {
                        state.into()
                    });
                    item.fed.push(fed);
                    item.top
                        .push(lens::projection(&logits, DEPTH, |id| model.token_text(id)).top);
                }
            }
        }
        for at in 0..n {
            let over = |of: &dyn Fn(&Item) -> &Arc<[f32]>| {
                moments(reference.items.iter().map(of), model.width())
            };
            let (fed, states) = (over(&|item| &item.fed[at]), over(&|item| &item.states[at]));
            reference.fed.push(fed);
            reference.states.push(states);
        }
        Ok(reference)
    }

    /// How many problems it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether it holds nothing, so that nothing can be resampled.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Every problem but the given question, in order.
    pub fn others(&self, question: &str) -> impl Iterator<Item = &Item> {
        self.items
            .iter()
            .filter(move |item| item.question.trim() != question.trim())
    }

    /// The first `n` donors for a question, of those with so many steps if asked for: a fixed order, so the same request has
    /// the same donors.
    #[must_use]
    pub fn donors(&self, question: &str, n: usize, steps: Option<usize>) -> Vec<&Item> {
        let matches = |item: &&Item| steps.is_none_or(|steps| item.steps == steps);
        self.others(question).filter(matches).take(n).collect()
    }

    /// A problem of the set, counted from 0.
    #[must_use]
    pub fn item(&self, number: usize) -> Option<&Item> {
        self.items.get(number)
    }

    /// All problems, in order.
    pub fn items(&self) -> impl Iterator<Item = &Item> {
        self.items.iter()
    }

    /// The answers of other problems with so many steps, each once.
    #[must_use]
    pub fn answers(&self, question: &str, steps: usize) -> Vec<&str> {
        let mut answers: Vec<&str> = Vec::new();
        for item in self.others(question).filter(|item| item.steps == steps) {
            if !answers.contains(&item.answer.as_str()) {
                answers.push(&item.answer);
            }
        }
        answers
    }

    /// What is said on from the latents of every problem, in order; worked out when first asked for.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn spoken(
        &self,
        model: &Model,
        how: Spoken,
        cancel: &Cancel,
    ) -> Result<&[Reads], ModelError> {
        if let Some(made) = self.spoken.get() {
            return Ok(made);
        }
        let questions: Vec<&str> = self.items.iter().map(|i| i.question.as_str()).collect();
        let want = Want {
            latents: model.n_latents(),
            answer: None,
            spoken: Some(how),
        };
        let thoughts = think(model, &questions, &want, cancel)?;
        let reads = thoughts
            .into_iter()
            .map(|thought| thought.map(|t| t.spoken).unwrap_or_default())
            .collect();
        Ok(self.spoken.get_or_init(|| reads))
    }

    /// The moments of the vectors fed at a latent.
    #[must_use]
    pub fn fed(&self, latent: LatentIdx) -> Option<&Moments> {
        self.fed.get(latent.0.checked_sub(1)?)
    }

    /// The moments of the projected states at a latent (they differ from the fed vectors' for CODI only).
    #[must_use]
    pub fn states(&self, latent: LatentIdx) -> Option<&Moments> {
        self.states.get(latent.0.checked_sub(1)?)
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "moments of f32 values fit f32"
)]
fn moments<'a>(vectors: impl Iterator<Item = &'a Arc<[f32]>> + Clone, width: usize) -> Moments {
    let count = vectors.clone().count().max(1) as f64;
    let mut mean = vec![0f64; width];
    for vector in vectors.clone() {
        for (sum, x) in mean.iter_mut().zip(vector.iter()) {
            *sum += f64::from(*x);
        }
    }
    for sum in &mut mean {
        *sum /= count;
    }
    let mut squares = vec![0f64; width];
    for vector in vectors {
        for ((sum, x), mean) in squares.iter_mut().zip(vector.iter()).zip(&mean) {
            *sum += (f64::from(*x) - mean).powi(2);
        }
    }
    Moments {
        mean: mean.iter().map(|m| *m as f32).collect(),
        deviation: squares.iter().map(|s| (s / count).sqrt() as f32).collect(),
    }
}

/// Questions whose prompts have one length, so that they run as rows of one batch without padding.
#[derive(Debug)]
pub struct Group<'a> {
    /// Index of each question in the list given.
    pub indices: Vec<usize>,
    /// The questions.
    pub questions: Vec<&'a str>,
    /// Their prompts.
    pub prompts: Vec<Vec<u32>>,
}

impl Group<'_> {
    /// Runs the prompts as rows of one batch.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn prefill(&self, model: &Model, cancel: &Cancel) -> Result<Branch, ModelError> {
        let prompts: Vec<&[u32]> = self.prompts.iter().map(Vec::as_slice).collect();
        model.prefill(&prompts, cancel)
    }
}

/// Groups questions by prompt length, at most `most` a group, in order of first appearance of the length.
/// Questions that the model cannot take are left out.
pub fn same_length<'a>(
    model: &Model,
    questions: impl Iterator<Item = &'a str>,
    mode: Mode,
    most: usize,
) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut open: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    for (index, question) in questions.enumerate() {
        let Ok(prompt) = model.prompt(question, mode) else {
            continue;
        };
        let length = prompt.ids.len();
        let at = match open.get(&length) {
            Some(&at) if groups[at].prompts.len() < most => at,
            _ => {
                groups.push(Group {
                    indices: Vec::new(),
                    questions: Vec::new(),
                    prompts: Vec::new(),
                });
                open.insert(length, groups.len() - 1);
                groups.len() - 1
            }
        };
        groups[at].indices.push(index);
        groups[at].questions.push(question);
        groups[at].prompts.push(prompt.ids);
    }
    groups
}
