//! Ablated runs of the present question by what was done, so that toggling back is instant.

use std::collections::HashMap;

use crate::trace::{Ablation, Outcome};

/// Outcomes by ablation; emptied when the question or the model changes.
#[derive(Debug, Default)]
pub struct Cache {
    outcomes: HashMap<Ablation, Outcome>,
}

impl Cache {
    /// Forgets everything.
    pub fn clear(&mut self) {
        self.outcomes.clear();
    }

    /// The outcome of an ablation seen before.
    #[must_use]
    pub fn get(&self, ablation: &Ablation) -> Option<&Outcome> {
        self.outcomes.get(ablation)
    }

    /// Keeps an outcome.
    pub fn put(&mut self, outcome: Outcome) {
        self.outcomes.insert(outcome.ablation.clone(), outcome);
    }
}
