//! What can be asked about one question: the clean run, ablations, phrases, early exits and the verdict.
//!
//! Joins `model`, `decode` and `verify` and answers in the plain data of `trace`. The worker thread and the headless
//! commands both go through [`Workbench`]; it knows no screen, no thread and no file.

pub mod answers;
pub mod counterfactual;
pub mod early_exit;
pub mod evaluate;
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
use reference::{Builder, Key, Reference};
use run::{Ask, CleanRun};

/// A loaded model with its reference set, and the learned lens that belongs to it, if one does.
pub struct Workbench {
    model: Model,
    /// What the reference set is made of.
    source: Source,
    reference: Reference,
    /// The set as far as it is made.
    making: Option<Builder>,
    has_reference: bool,
    learned: Option<Learned>,
}

/// Problems and where they come from.
struct Source {
    origin: String,
    problems: Vec<Problem>,
}

impl Workbench {
    /// The learned lens, if there is one for the model's weights.
    #[must_use]
    pub fn learned(&self) -> Option<&Learned> {
        self.learned.as_ref()
    }

    /// Takes a learned lens in place of the bundled one.
    ///
    /// # Errors
    /// [`ModelError::Lens`] when it cannot be read or belongs to other weights.
    pub fn use_lens(&mut self, files: &LensFiles) -> Result<(), ModelError> {
        self.learned = Some(Learned::load(files, &self.model)?);
        Ok(())
    }

    /// What the learned lens reads at every layer and latent that it has; see [`Learned::grid`].
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

    /// A model without a reference set yet: see [`Workbench::ensure_reference`]. The set is to be made of generated training
    /// problems of the model's task; it stays empty for an unknown task.
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

    /// Makes the reference set if it is not there yet, slice by slice; `on_slice` hears how many of how many problems are done.
    /// After an error it goes on from the slice that failed.
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

    /// Encodes the problems of the reference set, so that donors can be named; see [`Workbench::ablate_ahead`].
    pub fn begin_reference(&mut self) {
        let (model, source) = (&self.model, &self.source);
        if !self.has_reference {
            self.making
                .get_or_insert_with(|| Builder::new(model, &source.origin, &source.problems));
        }
    }

    /// Whether the reference set is there; that of an unknown task is there once it is known to be empty.
    #[must_use]
    pub fn has_reference(&self) -> bool {
        self.has_reference
    }

    /// Whether some of the reference set is made, but not all.
    #[must_use]
    pub fn is_making_reference(&self) -> bool {
        self.making.as_ref().is_some_and(|m| m.progress().0 > 0)
    }

    /// Where the problems of the reference set come from, made already or not.
    #[must_use]
    pub fn reference_origin(&self) -> &str {
        &self.source.origin
    }

    /// What the reference set depends on.
    #[must_use]
    pub fn reference_key(&self) -> Key {
        Key::new(&self.model, &self.source.origin, &self.source.problems)
    }

    /// Reads the reference set from the bytes of [`Reference::to_bytes`].
    ///
    /// # Errors
    /// In words what is wrong with the bytes.
    pub fn read_reference(&mut self, bytes: &[u8], key: &Key) -> Result<(), String> {
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

    /// A model with the reference set of its task.
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn with_generated_reference(model: Model, cancel: &Cancel) -> Result<Self, ModelError> {
        let mut explorer = Self::bare(model);
        explorer.ensure_reference(&mut |_, _| (), cancel)?;
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
    /// When the intervention is empty or proves nothing, the model fails, or the work is cancelled.
    pub fn ablate(
        &self,
        clean: &CleanRun,
        ablation: &Ablation,
        cancel: &Cancel,
    ) -> Result<Outcome, ModelError> {
        counterfactual::ablate(&self.subject(clean), ablation, cancel)
    }

    /// Resamples ahead of the reference set; see [`counterfactual::ablate_ahead`]. Nothing is told before
    /// [`Workbench::begin_reference`], or once the set is there.
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

    /// The share of natural differences below the size of an ablation, in percent; see [`counterfactual::size_percentile`].
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

    /// Every latent by every value, going on from a known part; see [`counterfactual::sweep`].
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

    /// Every set of latents, going on from a known part; see [`counterfactual::lattice`].
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

    /// Latent to latent and latent to answer; see [`counterfactual::influence`].
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

    /// The lens by layer; see [`counterfactual::layers`].
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

    /// The one id that a text encodes to.
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

    /// Takes a named set of problems as the reference set.
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

    /// Phrases of one latent; see [`phrases::phrases`].
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

    /// The verdict; see [`verdict::verdict`].
    ///
    /// # Errors
    /// When the model fails or the work is cancelled.
    pub fn verdict(
        &self,
        clean: &CleanRun,
        exits: &[EarlyExit],
        budget: &verdict::Budget,
        on_part: &mut dyn FnMut(verdict::Part<'_>),
        cancel: &Cancel,
    ) -> Result<Verdict, ModelError> {
        let asked = verdict::Asked {
            of: self.subject(clean),
            learned: self.learned.as_ref(),
            exits,
            budget,
        };
        verdict::verdict(&asked, on_part, cancel)
    }
}

/// The error of a resample, mean or null that has nothing to draw on.
fn no_reference() -> ModelError {
    ModelError::refused(
        "there is no reference set for this model, so nothing can be resampled",
        "use a value that needs none: zero, token, permute, skip or kv-block",
    )
}

/// The error of a run whose answer is empty even after a forced delimiter.
fn no_answer() -> ModelError {
    ModelError::refused(
        "the model gave no answer at all, so there is nothing to compare with",
        "ask another question, or in another mode",
    )
}
