//! The reference set: other problems' latents, for resample donors, means per position and the null of the search.

use std::sync::Arc;

use crate::decode::lens;
use crate::model::{Branch, Cancel, Mode, Model, ModelError, Writes};
use crate::problem::Problem;
use crate::trace::{LatentIdx, TokenRead};

/// How many problems the reference set holds: enough for a null of at least 200.
pub const SIZE: usize = 256;

/// How many top tokens are kept per latent: the deepest k of any search.
pub const DEPTH: usize = 10;

/// One problem of the reference set.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its question: a problem is never its own donor.
    pub question: String,
    /// The vectors fed at latents 1..N, each of the model's width.
    pub fed: Vec<Arc<[f32]>>,
    /// The top tokens of latents 1..N.
    pub top: Vec<Vec<TokenRead>>,
}

/// Latents of other problems under the same model.
#[derive(Debug, Clone, Default)]
pub struct Reference {
    /// Where the problems came from, for exports.
    pub origin: String,
    items: Vec<Item>,
    mean_fed: Vec<Arc<[f32]>>,
    mean_state: Vec<Arc<[f32]>>,
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
        let mut sums = vec![(vec![0f64; model.width()], vec![0f64; model.width()]); n];
        for group in same_length(
            model,
            problems.iter().map(|p| p.question.as_str()),
            Mode::Latent,
            64,
        ) {
            let branch = group.prefill(model, cancel)?;
            let rollout = model.rollout(&branch, n, &Writes::none(branch.rows()), cancel)?;
            let first = reference.items.len();
            for question in &group.questions {
                reference.items.push(Item {
                    question: (*question).to_owned(),
                    fed: Vec::new(),
                    top: Vec::new(),
                });
            }
            for (latent, sum) in rollout.latents.iter().zip(&mut sums) {
                let (fed, state) = (latent.fed.to_rows()?, latent.state.to_rows()?);
                let logits = model.project(&latent.state)?;
                for (i, ((fed, state), logits)) in
                    fed.into_iter().zip(state).zip(logits).enumerate()
                {
                    add(&mut sum.0, &fed);
                    add(&mut sum.1, &state);
                    let item = &mut reference.items[first + i];
                    item.fed.push(fed.into());
                    item.top
                        .push(lens::projection(&logits, DEPTH, |id| model.token_text(id)).top);
                }
            }
        }
        let count = reference.items.len().max(1);
        for (fed, state) in sums {
            reference.mean_fed.push(divided(&fed, count));
            reference.mean_state.push(divided(&state, count));
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

    /// The first `n` donors for a question: a fixed order, so the same request has the same donors.
    #[must_use]
    pub fn donors(&self, question: &str, n: usize) -> Vec<&Item> {
        self.others(question).take(n).collect()
    }

    /// The mean vector fed at a latent over the set.
    #[must_use]
    pub fn mean_fed(&self, latent: LatentIdx) -> Option<&Arc<[f32]>> {
        self.mean_fed.get(latent.0.checked_sub(1)?)
    }

    /// The mean projected state at a latent over the set (differs from the fed vector for CODI only).
    #[must_use]
    pub fn mean_state(&self, latent: LatentIdx) -> Option<&Arc<[f32]>> {
        self.mean_state.get(latent.0.checked_sub(1)?)
    }
}

fn add(sum: &mut [f64], row: &[f32]) {
    for (s, x) in sum.iter_mut().zip(row) {
        *s += f64::from(*x);
    }
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "a mean of f32 values fits f32"
)]
fn divided(sum: &[f64], count: usize) -> Arc<[f32]> {
    sum.iter().map(|s| (s / count as f64) as f32).collect()
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
