//! What can be asked about one question: the clean run, ablations, phrases, early exits and the verdict.
//!
//! Joins `model`, `decode` and `verify` and answers in the plain data of `trace`. The worker thread and the headless
//! commands both go through [`Explorer`]; it knows no screen, no thread and no file.

pub mod ablate;
pub mod answers;
pub mod early_exit;
pub mod evaluate;
pub mod problems;
pub mod reference;
pub mod run;
pub mod stats;
mod stub_studies;
pub mod verdict;

use crate::decode::phrase::{self, Voice};
use crate::model::{Cancel, Model, ModelError, Vectors};
use crate::problem::Split;
use crate::trace::{Ablation, EarlyExit, LatentIdx, Outcome, Phrase, Position, Verdict};

use reference::Reference;
use run::{Ask, CleanRun};

/// A loaded model with its reference set.
pub struct Explorer {
    model: Model,
    reference: Reference,
}

impl Explorer {
    /// A model without a reference set yet: see [`Explorer::ensure_reference`].
    #[must_use]
    pub fn bare(model: Model) -> Self {
        Self {
            model,
            reference: Reference::default(),
        }
    }

    /// Makes the reference set of generated training problems of the model's task, if it is not there yet; it stays
    /// empty for an unknown task.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn ensure_reference(&mut self, cancel: &Cancel) -> Result<(), ModelError> {
        if !self.reference.is_empty() {
            return Ok(());
        }
        let seed = problems::REFERENCE_SEED;
        let problems =
            problems::for_task(self.model.info().task, Split::Train, reference::SIZE, seed)
                .map_err(|error| ModelError::input(error.to_string()))?;
        let origin = format!(
            "{} generated training problems, seed {seed}",
            problems.len()
        );
        self.reference = Reference::build(&self.model, &origin, &problems, cancel)?;
        Ok(())
    }

    /// A model with the reference set of its task.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn with_generated_reference(model: Model, cancel: &Cancel) -> Result<Self, ModelError> {
        let mut explorer = Self::bare(model);
        explorer.ensure_reference(cancel)?;
        Ok(explorer)
    }

    /// The model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// The reference set.
    #[must_use]
    pub fn reference(&self) -> &Reference {
        &self.reference
    }

    /// Runs a question cleanly; see [`run::run`].
    ///
    /// # Errors
    /// When the question does not fit, the model fails, or the work is cancelled.
    pub fn run(
        &self,
        ask: &Ask<'_>,
        cancel: &Cancel,
        on_position: &mut dyn FnMut(&Position),
    ) -> Result<CleanRun, ModelError> {
        run::run(&self.model, ask, cancel, on_position)
    }

    /// Runs with some latents off; see [`ablate::ablate`].
    ///
    /// # Errors
    /// When the intervention is empty or proves nothing, the model fails, or the work is cancelled.
    pub fn ablate(
        &self,
        clean: &CleanRun,
        ablation: &Ablation,
        cancel: &Cancel,
    ) -> Result<Outcome, ModelError> {
        ablate::ablate(&self.model, clean, &self.reference, ablation, cancel)
    }

    /// The answer after 0..N latents.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn early_exits(
        &self,
        clean: &CleanRun,
        cancel: &Cancel,
    ) -> Result<Vec<EarlyExit>, ModelError> {
        early_exit::early_exits(&self.model, clean, cancel)
    }

    /// Phrases of one latent by the decoder that suits the model.
    ///
    /// # Errors
    /// When there is no such latent, the model fails, or the work is cancelled.
    pub fn phrases(
        &self,
        clean: &CleanRun,
        latent: LatentIdx,
        cancel: &Cancel,
    ) -> Result<Vec<Phrase>, ModelError> {
        let missing = || {
            ModelError::input(format!(
                "there is no latent {latent}: the run has {}",
                clean.fed.len()
            ))
        };
        let at = latent.0.checked_sub(1).ok_or_else(missing)?;
        let state = &clean.rollout.latents.get(at).ok_or_else(missing)?.state;
        let decoder = self.model.has_step_decoder();
        if decoder || self.model.info().phrase_decoder == "latent-prefix" {
            let prefill = |fed: &Vectors| {
                if decoder {
                    self.model.decoder_prefill(fed, cancel)
                } else {
                    self.model.prefill_vectors(fed, cancel)
                }
            };
            let branch = prefill(&clean.rollout.latents[at].fed)?;
            let mean = match self.reference.mean_fed(latent) {
                Some(mean) => Some(prefill(&self.model.vectors(&[mean.to_vec()])?)?),
                None => None,
            };
            return phrase::phrases(
                &self.model,
                &phrase::Start {
                    branch: &branch,
                    state: None,
                    baseline: mean.as_ref().map(|branch| (branch, None)),
                    voice: if decoder {
                        Voice::StepDecoder
                    } else {
                        Voice::Model
                    },
                },
                cancel,
            );
        }
        // The latent is what the model would have said next: the words start where it would be fed.
        let branch = clean.rollout.after(at).ok_or_else(missing)?;
        let mean = match self.reference.mean_state(latent) {
            Some(mean) => Some(self.model.vectors(&[mean.to_vec()])?),
            None => None,
        };
        let baseline = mean.as_ref().map(|mean| (branch, Some(mean)));
        phrase::phrases(
            &self.model,
            &phrase::Start {
                branch,
                state: Some(state),
                baseline,
                voice: Voice::Model,
            },
            cancel,
        )
    }

    /// The verdict; see [`verdict::verdict`].
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn verdict(
        &self,
        clean: &CleanRun,
        exits: &[EarlyExit],
        cancel: &Cancel,
    ) -> Result<Verdict, ModelError> {
        verdict::verdict(&self.model, clean, exits, &self.reference, cancel)
    }
}

/// The error of a resample, mean or null that has nothing to draw on.
fn no_reference() -> ModelError {
    ModelError::input(
        "there is no reference set for this model, so nothing can be resampled: use zero or skip",
    )
}

/// The error of a run whose answer is empty even after a forced delimiter.
fn no_answer() -> ModelError {
    ModelError::input(
        "the model gave no answer at all, so there is nothing to compare with: edit the question",
    )
}
