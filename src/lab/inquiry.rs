//! The short API: open a model by name, run a question, and analyse its run.

use crate::core::types::{Ablation, EarlyExit, LatentIdx, Outcome, Phrase, Run, Verdict};
use crate::engine::model::{Cancel, Checkpoint, Device, LoadOptions, Model, ModelError};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::run::{Ask, CleanRun};
use crate::lab::analysis::verdict::Budget;

/// Number of top tokens that a run keeps of each projection.
const TOP_K: usize = 10;

impl Workbench {
    /// Opens a bundled model by name, or a checkpoint by path, on the CPU in `f32`.
    ///
    /// # Errors
    /// When the model does not exist, cannot be read, or fails its self-tests.
    pub fn open(name_or_path: &str) -> Result<Self, ModelError> {
        let checkpoint = Checkpoint::open(name_or_path)?;
        let options = LoadOptions::default();
        let model = Model::load(&checkpoint, &options, &Device::Cpu, &mut |_| ())?;
        Ok(Self::bare(model))
    }

    /// Runs a question in the model's main mode with its default number of latents.
    ///
    /// # Errors
    /// When the question does not fit or the model fails.
    pub fn inquire(&mut self, question: &str) -> Result<Inquiry<'_>, ModelError> {
        let cancel = Cancel::new();
        let ask = Ask {
            question,
            gold: None,
            steps: None,
            mode: self.model().main_mode(),
            n_latents: self.model().n_latents(),
            top_k: TOP_K,
            most_tokens: None,
        };
        let clean = self.run(&ask, &cancel, &mut |_| ())?;
        Ok(Inquiry {
            workbench: self,
            clean,
            cancel,
        })
    }
}

/// A question with its clean run. Methods that need the reference set build it on first use, once per workbench; that takes
/// seconds for a bundled model.
pub struct Inquiry<'a> {
    workbench: &'a mut Workbench,
    clean: CleanRun,
    cancel: Cancel,
}

impl Inquiry<'_> {
    /// Returns the clean run: every position with its top tokens, and the answer.
    #[must_use]
    pub fn run(&self) -> &Run {
        &self.clean.run
    }

    /// Returns the clean run with the states that interventions start from.
    #[must_use]
    pub fn clean(&self) -> &CleanRun {
        &self.clean
    }

    /// Returns a handle with which another thread can cancel the work.
    #[must_use]
    pub fn cancel(&self) -> Cancel {
        self.cancel.clone()
    }

    /// Runs an ablation and returns the answer with the size of the change.
    ///
    /// # Errors
    /// When the intervention is refused or proves nothing, or the model fails.
    pub fn ablate(&mut self, ablation: &Ablation) -> Result<Outcome, ModelError> {
        self.ensure_reference()?;
        self.workbench.ablate(&self.clean, ablation, &self.cancel)
    }

    /// Returns the phrases decoded from one latent.
    ///
    /// # Errors
    /// When there is no such latent or the model fails.
    pub fn phrases(&mut self, latent: usize) -> Result<Vec<Phrase>, ModelError> {
        self.ensure_reference()?;
        let latent = LatentIdx(latent);
        self.workbench.phrases(&self.clean, latent, &self.cancel)
    }

    /// Returns the answers forced after 0, 1, ... N latents.
    ///
    /// # Errors
    /// When the model fails.
    pub fn early_exits(&self) -> Result<Vec<EarlyExit>, ModelError> {
        self.workbench.early_exits(&self.clean, &self.cancel)
    }

    /// Returns the verdict within the default budget.
    ///
    /// # Errors
    /// When the model fails.
    pub fn verdict(&mut self) -> Result<Verdict, ModelError> {
        self.ensure_reference()?;
        let exits = self.early_exits()?;
        let budget = Budget::default();
        self.workbench
            .verdict(&self.clean, &exits, &budget, &mut |_| (), &self.cancel)
    }

    fn ensure_reference(&mut self) -> Result<(), ModelError> {
        self.workbench
            .ensure_reference(&mut |_, _| (), &self.cancel)
    }
}
