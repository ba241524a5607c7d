//! Questions that can run as rows of one batch.

use crate::engine::model::{Branch, Cancel, Mode, Model, ModelError};

/// Top tokens kept per latent: the deepest k of any search.
pub const DEPTH: usize = 10;

/// Questions whose prompts have one length, so that they run as rows of one batch without padding.
#[derive(Debug)]
pub struct Group {
    /// Index of each question in the given list.
    pub indices: Vec<usize>,
    /// Their prompts.
    pub prompts: Vec<Vec<u32>>,
}

/// Prefills the prompts of groups in passes of suitable size, and stacks them as rows of one batch, whatever their lengths:
/// later steps read the weights once for all of them.
///
/// # Errors
/// When there is no group, the model fails or the work is cancelled.
pub fn prefill(model: &Model, groups: &[Group], cancel: &Cancel) -> Result<Branch, ModelError> {
    let mut parts = Vec::new();
    for group in groups {
        let prompts: Vec<&[u32]> = group.prompts.iter().map(Vec::as_slice).collect();
        let rows = model.rows_at_once(prompts.first().map_or(1, |prompt| prompt.len()));
        for part in prompts.chunks(rows) {
            parts.push(model.prefill_rows(part, cancel)?);
        }
    }
    match parts.as_slice() {
        // A single row becomes a prefix shared by its forks.
        [row] if row.rows() == 1 => row.freeze(),
        parts => Branch::stack(&parts.iter().collect::<Vec<_>>()),
    }
}

/// Whether the model accepts a question in latent mode and knows every word of it.
#[must_use]
pub fn can_read(model: &Model, question: &str) -> bool {
    let prompt = model.prompt(question, Mode::Latent);
    prompt.is_ok_and(|prompt| prompt.unknown.is_empty())
}

/// Groups questions by prompt length, at most `most` per group, in order of first appearance of the length. Returns apart
/// the questions that the model cannot take, each with its index and the reason.
pub fn same_length<'a>(
    model: &Model,
    questions: impl Iterator<Item = &'a str>,
    most: usize,
) -> (Vec<Group>, Vec<(usize, ModelError)>) {
    let mut groups: Vec<Group> = Vec::new();
    let mut refused = Vec::new();
    let mut open: std::collections::HashMap<usize, usize> = std::collections::HashMap::new();
    for (index, question) in questions.enumerate() {
        let prompt = match model.prompt(question, Mode::Latent) {
            Ok(prompt) => prompt,
            Err(reason) => {
                refused.push((index, reason));
                continue;
            }
        };
        let length = prompt.ids.len();
        let at = match open.get(&length) {
            Some(&at) if groups[at].prompts.len() < most => at,
            _ => {
                groups.push(Group {
                    indices: Vec::new(),
                    prompts: Vec::new(),
                });
                open.insert(length, groups.len() - 1);
                groups.len() - 1
            }
        };
        groups[at].indices.push(index);
        groups[at].prompts.push(prompt.ids);
    }
    (groups, refused)
}
