//! The model: which one it is, whether it is ready, and the models that can be picked.

use crate::core::types::{Mode, ModelInfo};
use crate::explorer::app::ModelChoice;

/// The model loaded or requested.
#[derive(Debug, Default)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// The answer mode; `None` for its usual one.
    pub mode: Option<Mode>,
    /// Whether it is ready.
    pub state: ModelState,
    /// The models that can be picked.
    pub choices: Vec<ModelChoice>,
    /// The progress of the reference set while it is computed: problems done, and problems in all.
    pub reference: Option<(usize, usize)>,
}

/// The state of the model.
#[derive(Debug, Clone, PartialEq, Default)]
pub enum ModelState {
    /// None was requested yet.
    #[default]
    Absent,
    /// It is being loaded.
    Loading {
        /// The current stage.
        stage: String,
        /// The bytes downloaded, and the total if known.
        bytes: Option<(u64, Option<u64>)>,
    },
    /// It is loaded and answers.
    Ready {
        /// Its description.
        info: Box<ModelInfo>,
        /// The loading time, in milliseconds.
        elapsed_ms: u64,
    },
    /// It could not be loaded.
    Failed,
}

impl Model {
    /// Returns its description; `None` unless it is ready.
    #[must_use]
    pub fn info(&self) -> Option<&ModelInfo> {
        match &self.state {
            ModelState::Ready { info, .. } => Some(info),
            _ => None,
        }
    }
}
