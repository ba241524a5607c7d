//! The engine: loads a latent reasoning model, runs its latent loop over a branchable cache, projects states.
//!
//! [`Model::load`] a [`Checkpoint`], build a [`Prompt`], [`Model::prefill`] it to a [`Branch`], [`Model::rollout`] the
//! latents (some of them replaced by [`Writes`]), [`Model::close`] the phase, then [`Model::generate`] or
//! [`Model::score`]. Branches never change, so every variant starts from the same handles. Nothing here judges an answer.

mod ablate;
mod backbone;
mod branch;
mod bundled;
mod cache;
mod cancel;
mod checkpoint;
mod config;
mod cpu_ops;
mod error;
mod generate;
mod gpt2;
mod latent;
mod linear;
mod markers;
mod prompt;
mod self_test;
pub mod tiny;
mod tokenizer;
mod vectors;
mod weights;

pub use candle_core::Device;

pub use self::ablate::Writes;
pub use self::branch::Branch;
pub use self::bundled::{about, bundled_names};
pub use self::cancel::Cancel;
pub use self::checkpoint::Checkpoint;
pub use self::config::{Config, Family, Gpt2Config, Mode};
pub use self::error::{ErrorKind, ModelError, Result};
pub use self::generate::{Generated, Score, Token};
pub use self::latent::{Latent, Rollout};
pub use self::markers::Markers;
pub use self::prompt::Prompt;
pub use self::self_test::SelfTest;
pub use self::tokenizer::UnknownWord;
pub use self::vectors::{Vectors, argmax, log_softmax_at, log_sum_exp};

use self::backbone::Backbone;
use self::gpt2::Gpt2;
use self::latent::Feedback;
use self::tokenizer::Tokenizer;
use self::weights::Weights;
use crate::trace::ModelInfo;

/// A loaded model. Calls do not change it.
pub struct Model {
    backbone: Box<dyn Backbone>,
    /// CODI's projection; the Coconut kinds feed the state itself back.
    feedback: Option<Feedback>,
    config: Config,
    markers: Markers,
    tokenizer: Tokenizer,
    device: Device,
    info: ModelInfo,
    self_test: SelfTest,
}

impl Model {
    /// Loads a checkpoint strictly and runs the self-tests; `on_stage` hears `weights` and `self-tests`.
    ///
    /// Weights are widened to `f32`, and everything is computed in it.
    ///
    /// # Errors
    /// [`ModelError`] naming the field or tensor that does not fit, or the self-test that failed.
    pub fn load(
        checkpoint: &Checkpoint,
        device: &Device,
        on_stage: &mut dyn FnMut(&'static str),
    ) -> Result<Self> {
        on_stage("weights");
        let mut model = Self::load_untested(checkpoint, device)?;
        on_stage("self-tests");
        model.self_test = SelfTest::run(&model)?;
        Ok(model)
    }

    fn load_untested(checkpoint: &Checkpoint, device: &Device) -> Result<Self> {
        let name = checkpoint.name.as_str();
        let config = Config::parse(name, &checkpoint.config, checkpoint.meta.as_deref())?;
        let tokenizer = Tokenizer::parse(name, &checkpoint.tokenizer)?;
        let mut weights = Weights::parse(name, &checkpoint.weights, device)?;

        let (prefix, alpha) = match config.family {
            Family::Coconut | Family::MultimodeCoconut => ("base_causallm.", None),
            Family::Codi => ("codi.base_model.model.", config.lora_alpha),
        };
        let gpt2 = Gpt2::take(&mut weights, &config.gpt2, prefix, alpha, device)?;
        let feedback = match config.family {
            Family::Codi => Some(Feedback::take(&mut weights, config.gpt2.width)?),
            Family::Coconut | Family::MultimodeCoconut => None,
        };
        // The training code keeps an alias of the token table under this name.
        weights.drop_alias("embedding.weight", &[gpt2.vocab(), config.gpt2.width])?;
        let parameters = weights.finish()?;

        let vocab = gpt2.vocab();
        if tokenizer.vocab() > vocab {
            return Err(ModelError::Tokenizer {
                model: name.into(),
                reason: format!(
                    "it has {} ids, the weights have {vocab} rows",
                    tokenizer.vocab()
                ),
            });
        }
        let markers = Markers::find(name, &config, &tokenizer, vocab)?;
        let info = ModelInfo {
            name: name.into(),
            family: config.family.as_str().into(),
            arch: "gpt2".into(),
            n_latents: config.n_latents,
            dtype: "f32".into(),
            device: device_name(device),
            sha256: checkpoint.sha256(),
            parameters,
            layers: config.gpt2.layers,
            width: config.gpt2.width,
            vocab,
            task: config.task,
            modes: config.modes.iter().map(|m| m.as_str().to_owned()).collect(),
            phrase_decoder: config.phrase_decoder.clone(),
        };
        let backbone = Box::new(gpt2);
        let self_test = SelfTest::NOT_RUN;
        Ok(Self {
            backbone,
            feedback,
            config,
            markers,
            tokenizer,
            device: device.clone(),
            info,
            self_test,
        })
    }

    /// What is loaded.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// What the self-tests measured.
    #[must_use]
    pub fn self_test(&self) -> &SelfTest {
        &self.self_test
    }

    /// The configuration as validated.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Special ids and prompt rules.
    #[must_use]
    pub fn markers(&self) -> &Markers {
        &self.markers
    }

    /// The kind of model.
    #[must_use]
    pub fn family(&self) -> Family {
        self.config.family
    }

    /// Latent tokens unless asked otherwise.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        self.config.n_latents
    }

    /// Hidden width.
    #[must_use]
    pub fn width(&self) -> usize {
        self.config.gpt2.width
    }

    /// Rows of the vocabulary.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.backbone.vocab()
    }

    /// How many positions a run may have.
    #[must_use]
    pub fn max_positions(&self) -> usize {
        self.config.gpt2.positions
    }

    /// Returns the input embedding of an id, without its position.
    ///
    /// # Errors
    /// [`ModelError::Input`] if the vocabulary has no such id.
    pub fn embedding(&self, id: u32) -> Result<Vec<f32>> {
        Ok(self.embed(&[id])?.squeeze(0)?.to_vec1()?)
    }

    /// Copies vectors of the hidden width to the device.
    ///
    /// # Errors
    /// [`ModelError::Input`] if one has another width.
    pub fn vectors(&self, rows: &[impl AsRef<[f32]>]) -> Result<Vectors> {
        Vectors::from_rows(rows, self.width(), &self.device)
    }
}

/// Returns the accelerator that this build was made for, if it works here, else the CPU.
#[must_use]
pub fn best_device() -> Device {
    // Without the cargo feature, or without a usable device, these return an error.
    #[cfg(feature = "cuda")]
    if let Ok(device) = Device::new_cuda(0) {
        return device;
    }
    #[cfg(feature = "metal")]
    if let Ok(device) = Device::new_metal(0) {
        return device;
    }
    Device::Cpu
}

fn device_name(device: &Device) -> String {
    match device {
        Device::Cpu => "cpu".into(),
        Device::Cuda(_) => "cuda:0".into(),
        Device::Metal(_) => "metal".into(),
    }
}

#[cfg(test)]
mod tests;
