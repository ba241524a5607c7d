//! Questions that can run as rows of one batch.

use crate::model::{Branch, Cancel, Mode, Model, ModelError};

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
    /// Runs the prompts, as many in a pass as suit the model; they are rows of one batch afterwards.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn prefill(&self, model: &Model, cancel: &Cancel) -> Result<Branch, ModelError> {
        let prompts: Vec<&[u32]> = self.prompts.iter().map(Vec::as_slice).collect();
        let rows = model.rows_at_once(prompts.first().map_or(1, |prompt| prompt.len()));
        if prompts.len() <= rows {
            return model.prefill(&prompts, cancel);
        }
        Branch::stack(&self.parts(model, cancel)?.iter().collect::<Vec<_>>())
    }

    /// The prompts after their passes, nothing shared among them.
    fn parts(&self, model: &Model, cancel: &Cancel) -> Result<Vec<Branch>, ModelError> {
        let prompts: Vec<&[u32]> = self.prompts.iter().map(Vec::as_slice).collect();
        let rows = model.rows_at_once(prompts.first().map_or(1, |prompt| prompt.len()));
        let parts = prompts.chunks(rows);
        parts.map(|part| model.prefill_rows(part, cancel)).collect()
    }
}

/// Runs the prompts of groups; they are rows of one batch afterwards, however long: a step from there on reads the weights once
/// for all of them.
///
/// # Errors
/// When there is no group, the model fails or the work is cancelled.
pub fn prefill(model: &Model, groups: &[Group<'_>], cancel: &Cancel) -> Result<Branch, ModelError> {
    if let [group] = groups {
        return group.prefill(model, cancel);
    }
    let mut parts = Vec::new();
    for group in groups {
        parts.extend(group.parts(model, cancel)?);
    }
    Branch::stack(&parts.iter().collect::<Vec<_>>())
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
