//! Analyses of one question: the clean run, ablations, phrases, early exits and the verdict.
//!
//! Joins `engine` and `verify` and returns the plain data of `core::types`. The worker thread and the headless commands both use
//! [`Workbench`]; it does not depend on a screen, a thread or a file.

pub mod answers;
pub mod counterfactual;
pub mod early_exit;
pub mod grid;
pub mod group;
pub mod learned;
pub mod phrases;
pub mod planted;
pub mod problems;
pub mod reference;
pub mod run;
pub mod thoughts;
pub mod verdict;

use crate::core::problem::{Problem, Split};
use crate::core::types::{
    Ablation, AblationValue, EarlyExit, Influence, LatentIdx, Lattice, LayerLens, LearnedReads,
    LearnedRow, Outcome, Phrase, Position, Sweep, Verdict,
};
use crate::engine::model::{Cancel, LensFiles, Model, ModelError};

use counterfactual::Subject;
use learned::Learned;
use reference::{Builder, Reference, ReferenceKey};
use run::{Ask, CleanRun};

/// A loaded model with its reference set, and the tuned lens for its weights, if there is one.
pub struct Workbench {
    model: Model,
    /// The problems of the reference set.
    source: Source,
    reference: Reference,
    /// The unfinished set.
    making: Option<Builder>,
    has_reference: bool,
    learned: Option<Learned>,
}

/// Problems with their origin.
struct Source {
    origin: String,
    problems: Vec<Problem>,
}

impl Workbench {
    /// Returns the tuned lens, if there is one for the model's weights.
    #[must_use]
    pub fn learned(&self) -> Option<&Learned> {
        self.learned.as_ref()
    }

    /// Replaces the bundled tuned lens.
    ///
    /// # Errors
    /// [`ModelError::Lens`] when it cannot be read or belongs to other weights.
    pub fn use_lens(&mut self, files: &LensFiles) -> Result<(), ModelError> {
        self.learned = Some(Learned::load(files, &self.model)?);
        Ok(())
    }

    /// Reads every layer and latent that the tuned lens covers; see [`Learned::grid`].
    ///
    /// # Errors
    /// When there is no lens or no such token, the model fails, or the work is cancelled.
    pub fn learned_grid(
        &self,
        clean: &CleanRun,
        token: Option<u32>,
        cancel: &Cancel,
    ) -> Result<Vec<LearnedRow>, ModelError> {
        self.lens()?.grid(&self.model, clean, token, cancel)
    }

    fn lens(&self) -> Result<&Learned, ModelError> {
        self.learned.as_ref().ok_or_else(|| ModelError::Lens {
            lens: "a learned lens".to_owned(),
            reason: format!(
                "none is bundled for the weights of {} (sha256 {})",
                self.model.info().name,
                self.model.info().sha256
            ),
        })
    }

    /// Creates a workbench without a reference set; see [`Workbench::ensure_reference`]. The set will consist of generated
    /// training problems of the model's task, of all families if the task is unknown.
    #[must_use]
    pub fn bare(model: Model) -> Self {
        let learned = Learned::bundled(&model).unwrap_or_else(|error| {
            tracing::warn!(%error, "the bundled lens cannot be used");
            None
        });
        let seed = problems::REFERENCE_SEED;
        let made = problems::for_task(model.info().task, Split::Train, reference::SIZE, seed);
        let problems = made.unwrap_or_else(|error| {
            tracing::warn!(%error, "no reference set");
            Vec::new()
        });
        let origin = format!(
            "{} generated training problems, seed {seed}",
            problems.len()
        );
        Self {
            model,
            source: Source { origin, problems },
            reference: Reference::default(),
            making: None,
            has_reference: false,
            learned,
        }
    }

    /// Builds the reference set if it is missing, slice by slice; `on_slice` receives the problems done and their total. After an
    /// error it resumes at the failed slice.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn ensure_reference(
        &mut self,
        on_slice: &mut dyn FnMut(usize, usize),
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        if self.has_reference {
            return Ok(());
        }
        self.begin_reference();
        while let Some(making) = &mut self.making {
            let (done, all) = making.progress();
            on_slice(done, all);
            if !making.advance(&self.model, cancel)? {
                break;
            }
        }
        if let Some(made) = self.making.take() {
            let reference = made.finish(&self.model);
            self.set_reference(reference);
        }
        Ok(())
    }

    /// Encodes the problems of the reference set, so that donors can be drawn; see [`Workbench::ablate_ahead`].
    pub fn begin_reference(&mut self) {
        let (model, source) = (&self.model, &self.source);
        if !self.has_reference {
            self.making
                .get_or_insert_with(|| Builder::new(model, &source.origin, &source.problems));
        }
    }

    /// Whether the reference set is complete; it may be empty.
    #[must_use]
    pub fn has_reference(&self) -> bool {
        self.has_reference
    }

    /// Whether the reference set is partly built.
    #[must_use]
    pub fn is_making_reference(&self) -> bool {
        self.making.as_ref().is_some_and(|m| m.progress().0 > 0)
    }

    /// Returns the origin of the reference set's problems, even before it is built.
    #[must_use]
    pub fn reference_origin(&self) -> &str {
        &self.source.origin
    }

    /// Returns the key of everything that the reference set depends on.
    #[must_use]
    pub fn reference_key(&self) -> ReferenceKey {
        ReferenceKey::new(&self.model, &self.source.origin, &self.source.problems)
    }

    /// Loads the reference set from the bytes of [`Reference::to_bytes`].
    ///
    /// # Errors
    /// A message that says what is wrong with the bytes.
    pub fn read_reference(&mut self, bytes: &[u8], key: &ReferenceKey) -> Result<(), String> {
        let source = &self.source;
        let of = (
            &self.model,
            source.origin.as_str(),
            source.problems.as_slice(),
        );
        let reference = Reference::from_bytes(bytes, key, of)?;
        self.set_reference(reference);
        Ok(())
    }

    fn set_reference(&mut self, reference: Reference) {
        self.reference = reference;
        self.making = None;
        self.has_reference = true;
    }

    /// Returns the model.
    #[must_use]
    pub fn model(&self) -> &Model {
        &self.model
    }

    /// Returns the reference set.
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
        let mut clean = run::run(&self.model, ask, cancel, on_position)?;
        let lens = self.learned.as_ref();
        if let Some(lens) = lens.filter(|lens| ask.top_k > 0 && lens.reads_runs(&self.model)) {
            clean.run.learned = Some(LearnedReads {
                lens: lens.name().to_owned(),
                latents: lens.projections(&self.model, &clean, ask.top_k)?,
            });
        }
        Ok(clean)
    }

    fn subject<'a>(&'a self, clean: &'a CleanRun) -> Subject<'a> {
        Subject {
            model: &self.model,
            clean,
            reference: &self.reference,
        }
    }

    /// Runs with some latents off; see [`counterfactual::ablate`].
    ///
    /// # Errors
    /// When the intervention is refused or changes nothing, the model fails, or the work is cancelled.
    pub fn ablate(
        &self,
        clean: &CleanRun,
        ablation: &Ablation,
        cancel: &Cancel,
    ) -> Result<Outcome, ModelError> {
        counterfactual::ablate(&self.subject(clean), ablation, cancel)
    }

    /// Resamples before the reference set is complete; see [`counterfactual::ablate_ahead`]. Reports nothing before
    /// [`Workbench::begin_reference`] or once the set is complete.
    ///
    /// # Errors
    /// When the ablation is refused, the model fails or the work is cancelled.
    pub fn ablate_ahead(
        &self,
        clean: &CleanRun,
        ablation: &Ablation,
        on_part: &mut dyn FnMut(Outcome),
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        let Some(making) = &self.making else {
            return Ok(());
        };
        counterfactual::ablate_ahead(&self.model, clean, making, ablation, on_part, cancel)
    }

    /// Returns the percentage of natural differences below the size of an ablation; see [`counterfactual::size_percentile`].
    ///
    /// # Errors
    /// When the ablation is refused.
    pub fn size_percentile(
        &self,
        clean: &CleanRun,
        ablation: &Ablation,
    ) -> Result<Option<f64>, ModelError> {
        counterfactual::size_percentile(&self.subject(clean), ablation)
    }

    /// Sweeps every latent by every value, resuming a known part; see [`counterfactual::sweep`].
    ///
    /// # Errors
    /// When the run has no latents, the model fails, or the work is cancelled.
    pub fn sweep(
        &self,
        clean: &CleanRun,
        known: Option<&Sweep>,
        (manner, values): (&Ablation, &[AblationValue]),
        on_part: &mut dyn FnMut(&Sweep),
        cancel: &Cancel,
    ) -> Result<Sweep, ModelError> {
        counterfactual::sweep(&self.subject(clean), known, manner, values, on_part, cancel)
    }

    /// Runs every set of latents, resuming a known part; see [`counterfactual::lattice`].
    ///
    /// # Errors
    /// When the run has no latents or too many, the ablation is refused, the model fails, or the work is cancelled.
    pub fn lattice(
        &self,
        clean: &CleanRun,
        known: Option<&Lattice>,
        manner: &Ablation,
        on_part: &mut dyn FnMut(&Lattice),
        cancel: &Cancel,
    ) -> Result<Lattice, ModelError> {
        counterfactual::lattice(&self.subject(clean), known, manner, on_part, cancel)
    }

    /// Measures the influence of latents on latents and the answer; see [`counterfactual::influence`].
    ///
    /// # Errors
    /// When the run has no latents, the ablation is refused, the model fails, or the work is cancelled.
    pub fn influence(
        &self,
        clean: &CleanRun,
        manner: &Ablation,
        cancel: &Cancel,
    ) -> Result<Influence, ModelError> {
        counterfactual::influence(&self.subject(clean), manner, cancel)
    }

    /// Computes the logit lens by layer; see [`counterfactual::layers`].
    ///
    /// # Errors
    /// When the token is not of the vocabulary, the model fails, or the work is cancelled.
    pub fn layers(
        &self,
        clean: &CleanRun,
        token: Option<u32>,
        cancel: &Cancel,
    ) -> Result<LayerLens, ModelError> {
        counterfactual::layers(&self.model, clean, token, cancel)
    }

    /// Returns the single id that a text encodes to.
    ///
    /// # Errors
    /// When it encodes to none or to several.
    pub fn token_id(&self, text: &str) -> Result<u32, ModelError> {
        match self.model.encode_text(text)?.as_slice() {
            [id] => Ok(*id),
            ids => Err(ModelError::refused(
                format!("{text:?} is {} tokens for this model, not one", ids.len()),
                "name an id instead",
            )),
        }
    }

    /// Builds the reference set from named problems.
    ///
    /// # Errors
    /// When none of them fits the model, the model fails, or the work is cancelled.
    pub fn use_reference(
        &mut self,
        origin: &str,
        problems: &[Problem],
        cancel: &Cancel,
    ) -> Result<(), ModelError> {
        let reference = Reference::build(&self.model, origin, problems, cancel)?;
        if reference.is_empty() {
            return Err(ModelError::refused(
                format!("no problem of {origin} fits the model, so it cannot be the reference set"),
                "name a file with problems of the kind that the model was trained on",
            ));
        }
        self.source = Source {
            origin: origin.to_owned(),
            problems: problems.to_vec(),
        };
        self.set_reference(reference);
        Ok(())
    }

    /// Returns the answers after 0..N latents.
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

    /// Returns the phrases of one latent; see [`phrases::phrases`].
    ///
    /// # Errors
    /// When there is no such latent, the model fails, or the work is cancelled.
    pub fn phrases(
        &self,
        clean: &CleanRun,
        latent: LatentIdx,
        cancel: &Cancel,
    ) -> Result<Vec<Phrase>, ModelError> {
        phrases::phrases(&self.subject(clean), latent, cancel)
    }

    /// Returns the verdict; see [`verdict::verdict`].
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn verdict(
        &self,
        clean: &CleanRun,
        exits: &[EarlyExit],
        budget: &verdict::Budget,
        on_part: &mut dyn FnMut(verdict::InterimVerdict<'_>),
        cancel: &Cancel,
    ) -> Result<Verdict, ModelError> {
        let request = verdict::VerdictInput {
            subject: self.subject(clean),
            learned: self.learned.as_ref(),
            exits,
            budget,
        };
        verdict::verdict(&request, on_part, cancel)
    }
}

/// The error of a resample, mean or null without a reference set.
fn no_reference() -> ModelError {
    ModelError::refused(
        "there is no reference set for this model, so nothing can be resampled",
        "use a value that needs none: zero, token, permute, skip or kv-block",
    )
}

/// The error of a run whose answer is empty even after a forced delimiter.
fn no_answer() -> ModelError {
    ModelError::refused(
        "the model gave no answer, so there is nothing to compare with",
        "try another question or another mode",
    )
}
