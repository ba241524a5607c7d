//! The values in a top-k list, best first: numbers for arithmetic, nodes of the question for is-a problems.

use crate::core::types::{Task, TokenRead};

use super::arithmetic::numbers;
use super::logic;

/// A reader of values, with the rules of the search.
pub struct Values {
    by: By,
    top_k: usize,
}

enum By {
    Numbers,
    Nodes(Box<logic::Reader>),
    Nothing,
}

impl Values {
    /// A reader for latents of this question.
    #[must_use]
    pub fn new(task: Task, question: &str, top_k: usize) -> Self {
        let by = match task {
            Task::Math => By::Numbers,
            Task::Logic => {
                logic::Reader::new(question).map_or(By::Nothing, |r| By::Nodes(Box::new(r)))
            }
            Task::Unknown => By::Nothing,
        };
        Self { by, top_k }
    }

    /// Returns the distinct values of a list.
    #[must_use]
    pub fn read(&self, top: &[TokenRead]) -> Vec<String> {
        match &self.by {
            By::Numbers => numbers(top, self.top_k)
                .into_iter()
                .map(|read| read.value.to_string())
                .collect(),
            By::Nodes(reader) => reader.nodes(top, self.top_k),
            By::Nothing => Vec::new(),
        }
    }
}
