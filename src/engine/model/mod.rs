//! The engine: loads a latent reasoning model, runs its latent loop over a branchable cache, projects states.
//!
//! [`Model::load`] a [`Checkpoint`], build a [`Prompt`], [`Model::prefill`] it to a [`Branch`], [`Model::rollout`] the
//! latents (some replaced by [`Overrides`]), [`Model::close`] the phase, then [`Model::generate`] or [`Model::score`].
//! Branches are immutable, so every variant can start from the same one. Answers are not judged here.

mod answer_pass;
mod attention;
mod backbone;
mod branch;
mod bundled;
mod cache;
mod cancel;
mod checkpoint;
mod config;
mod cpu_ops;
mod discover;
mod error;
mod family;
mod find;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod generate;
mod gpt2;
mod guard;
mod intervention_tree;
mod latent;
mod layers;
mod lens_files;
mod linear;
mod llama;
mod markers;
mod mask;
mod options;
mod overrides;
mod placement;
mod prompt;
mod ragged;
pub mod random;
mod self_test;
mod source;
mod step_decoder;
mod table;
mod tensor_file;
pub mod tiny;
mod tokenizer;
mod translator;
mod vectors;
mod weights;

pub use candle_core::Device;

pub use self::answer_pass::{Conclusion, Spoken};
pub use self::branch::Branch;
pub use self::bundled::{about, bundled_names, calibrations};
pub use self::cancel::Cancel;
pub use self::checkpoint::Checkpoint;
pub(crate) use self::config::task_in;
pub use self::config::{Arch, Config, Gpt2Config, LlamaConfig, RopeScaling};
pub use self::error::{ErrorKind, ModelError, Result};
pub use self::family::{Base, Family};
pub use self::generate::{AnswerScore, Generated, Token};
pub use self::intervention_tree::{Intervention, Unfolded, Variant};
pub use self::latent::{Latent, Rollout};
pub use self::lens_files::{CARD_FILE, LensFiles, TENSOR_FILE};
pub use self::markers::Markers;
pub use self::options::{Behaviour, LoadOptions, Precision, SpecialTokens};
pub use self::overrides::Overrides;
pub use self::placement::Placement;
pub use self::prompt::Prompt;
pub use self::self_test::SelfTest;
pub use self::tokenizer::UnknownWord;
pub use self::translator::{Affine, TranslatorShape, Translators};
pub use self::vectors::{Vectors, argmax, log_softmax_at, log_sum_exp};

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use candle_core::{DType, DeviceLocation};

use self::backbone::Backbone;
use self::config::Given;
use self::discover::Layout;
use self::gpt2::Gpt2;
use self::latent::{Feedback, Projection};
use self::llama::Llama;
use self::tensor_file::TensorFile;
use self::tokenizer::Tokenizer;
use self::weights::Weights;
pub use crate::core::types::Mode;
use crate::core::types::ModelInfo;

/// A loaded model. Calls do not change it.
pub struct Model {
    backbone: Arc<dyn Backbone>,
    /// The source of the vectors fed at latent positions.
    feedback: Feedback,
    /// The training-time decoder of a SIM-CoT checkpoint.
    step_decoder: Option<Box<step_decoder::StepDecoder>>,
    config: Config,
    markers: Markers,
    tokenizer: Arc<Tokenizer>,
    device: Device,
    info: ModelInfo,
    /// Warnings for the user about a checkpoint that is accepted anyway.
    warnings: Vec<String>,
    self_test: SelfTest,
}

impl Model {
    /// Returns warnings about the checkpoint: statements in its files that are ignored, or missing ones.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Loads a checkpoint strictly and runs the self-tests; `on_stage` receives `weights` and `self-tests`.
    ///
    /// # Errors
    /// [`ModelError`] naming the field or tensor that does not fit, or the self-test that failed.
    pub fn load(
        checkpoint: &Checkpoint,
        options: &LoadOptions,
        device: &Device,
        on_stage: &mut dyn FnMut(&'static str),
    ) -> Result<Self> {
        on_stage("weights");
        let at_load = |error: ModelError| error.at_load(&checkpoint.name);
        let mut model = Self::load_untested(checkpoint, options, device).map_err(at_load)?;
        on_stage("self-tests");
        model.self_test = SelfTest::run(&model).map_err(at_load)?;
        Ok(model)
    }

    fn load_untested(
        checkpoint: &Checkpoint,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self> {
        let name = checkpoint.name.as_str();
        let file = TensorFile::open(name, &checkpoint.weights)?;
        // A large file is hashed while it is loaded.
        let refused = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let hash = scope.spawn(|| file.sha256(&refused));
            let model = Self::from_file(checkpoint, &file, options, device);
            // Do not wait for the hash of rejected weights.
            refused.store(model.is_err(), Ordering::Relaxed);
            let mut model = model?;
            let hash = hash.join();
            let hash = hash.map_err(|_| ModelError::weights(name, "it could not be hashed"))?;
            let hash = hash.map_err(|e| ModelError::weights(name, e.to_string()))?;
            if let Some(stated) = &checkpoint.stated_sha256
                && *stated != hash
            {
                return Err(ModelError::Damaged {
                    model: name.into(),
                    actual: hash,
                    stated: stated.clone(),
                });
            }
            model.info.sha256 = match options.shuffled {
                None => hash,
                Some(seed) => tensor_file::sha256_of_text(&format!("{hash} shuffled {seed}")),
            };
            Ok(model)
        })
    }

    /// Loads everything but the hash.
    fn from_file(
        checkpoint: &Checkpoint,
        file: &TensorFile,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<Self> {
        let name = checkpoint.name.as_str();
        let mut weights = Weights::new(name, file, device)?;
        let layout = Layout::infer(name, &weights.shapes())?.with_aliases(file.aliases());
        let config = Config::resolve(&Given {
            name,
            json: checkpoint.config.as_deref(),
            meta: checkpoint.meta.as_deref(),
            adapter: checkpoint.adapter.as_deref(),
            options,
            layout: &layout,
        })?;
        let tokenizer = checkpoint
            .tokenizer
            .as_deref()
            .ok_or_else(|| ModelError::NoTokenizer {
                model: name.into(),
                base: layout.base.to_string(),
            })?;
        let tokenizer_name = checkpoint.tokenizer_path.as_deref().unwrap_or(name);
        let tokenizer = Arc::new(Tokenizer::parse(tokenizer_name, tokenizer)?);
        fits_rows(&tokenizer, tokenizer_name, layout.rows)?;
        let markers = Markers::find(
            name,
            &config,
            options.special_tokens,
            &tokenizer,
            layout.rows,
        )?;

        weights.set_dtype(compute_type(&config));
        Self::transform(&mut weights, config.precision, options, device)?;
        let width = config.arch.width();
        weights.drop_second_name(&layout.table(), discover::ALIAS, &[layout.rows, width])?;
        let backbone = take_backbone(
            &mut weights,
            &config.arch,
            &layout.prefix,
            layout.rows,
            config.lora_alpha,
        )?;
        let feedback = match config.family {
            Family::Codi | Family::MultimodeCodi if layout.projection => {
                Feedback::Projection(Projection::take(&mut weights, width)?)
            }
            Family::Pause => {
                let vector = weights.take_vector("pause_embedding", width)?;
                Feedback::Pause(vector.to_dtype(DType::F32)?)
            }
            _ => Feedback::State,
        };
        let decoder = layout
            .step_decoder
            .map(|prefix| step_decoder::StepDecoder::take(&mut weights, &config.arch, prefix))
            .transpose()?;
        let (parameters, more) = weights.finish()?;
        let mut warnings = [checkpoint.warnings.clone(), more].concat();
        if layout.base == Base::Llama32 && !tokenizer.adds_a_start()? {
            warnings.push(
                "the tokenizer adds no start token, but Llama 3 was trained with one: answers may differ from the published ones"
                    .to_owned(),
            );
        }

        let info = ModelInfo {
            name: name.into(),
            family: config.family.as_str().into(),
            family_from: config.family_from.into(),
            arch: config.arch.as_str().into(),
            n_latents: config.n_latents,
            dtype: config.precision.as_str().into(),
            behaviour: config.behaviour.as_str().into(),
            device: device_name(device),
            sha256: String::new(),
            parameters,
            layers: config.arch.layers(),
            width,
            vocab: layout.rows,
            task: config.task,
            modes: config.modes.iter().map(|m| m.as_str().to_owned()).collect(),
            phrase_decoder: config.phrase_decoder.clone(),
        };
        Ok(Self {
            backbone,
            feedback,
            step_decoder: decoder.map(Box::new),
            config,
            markers,
            tokenizer,
            device: device.clone(),
            info,
            warnings,
            self_test: SelfTest::NOT_RUN,
        })
    }

    /// Sets up quantization and shuffling of the weights.
    fn transform(
        weights: &mut Weights<'_>,
        precision: Precision,
        options: &LoadOptions,
        device: &Device,
    ) -> Result<()> {
        if precision == Precision::Q8 {
            if !device.is_cpu() {
                return Err(ModelError::refused(
                    "q8_0 runs on the CPU alone",
                    "pass --device cpu, or --dtype bf16 for a GPU",
                ));
            }
            if options.shuffled.is_some() {
                return Err(ModelError::refused(
                    "a control of shuffled weights cannot be quantized",
                    "leave out --dtype q8_0",
                ));
            }
            weights.quantize();
        }
        if let Some(seed) = options.shuffled {
            weights.shuffle(seed);
        }
        Ok(())
    }

    /// Returns the description of the loaded model.
    #[must_use]
    pub fn info(&self) -> &ModelInfo {
        &self.info
    }

    /// Returns the measurements of the self-tests.
    #[must_use]
    pub fn self_test(&self) -> &SelfTest {
        &self.self_test
    }

    /// Returns the validated configuration.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Returns, in machine-readable form, all settings besides the weights that affect numbers: the configuration, which includes the
    /// command-line options, and the markers.
    #[must_use]
    pub fn settings(&self) -> String {
        format!("{:?} {:?}", self.config, self.markers)
    }

    /// Returns the special ids and prompt rules.
    #[must_use]
    pub fn markers(&self) -> &Markers {
        &self.markers
    }

    /// Returns the kind of model.
    #[must_use]
    pub fn family(&self) -> Family {
        self.config.family
    }

    /// Returns the default answer mode.
    #[must_use]
    pub fn main_mode(&self) -> Mode {
        self.config.modes.first().copied().unwrap_or(Mode::Latent)
    }

    /// Returns the default number of latent tokens.
    #[must_use]
    pub fn n_latents(&self) -> usize {
        self.config.n_latents
    }

    /// Returns the hidden width.
    #[must_use]
    pub fn width(&self) -> usize {
        self.config.arch.width()
    }

    /// Returns the number of vocabulary rows.
    #[must_use]
    pub fn vocab(&self) -> usize {
        self.backbone.vocab()
    }

    /// Returns the maximum number of positions.
    #[must_use]
    pub fn max_positions(&self) -> usize {
        self.config.arch.positions()
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
    /// [`ModelError::Input`] if a row has another width.
    pub fn vectors(&self, rows: &[impl AsRef<[f32]>]) -> Result<Vectors> {
        Vectors::from_rows(rows, self.width(), &self.device)
    }
}

/// Refuses a tokenizer with more ids than the weights have rows, or with so many fewer that it is another model's.
fn fits_rows(tokenizer: &Tokenizer, name: &str, rows: usize) -> Result<()> {
    let missing = rows.checked_sub(tokenizer.vocab());
    if missing.is_some_and(|n| n <= config::MOST_ADDED_ROWS) {
        return Ok(());
    }
    let ids = tokenizer.vocab();
    Err(ModelError::tokenizer(
        name,
        format!("it has {ids} ids, the weights have {rows} rows"),
    ))
}

/// Returns the type that the base computes in.
fn compute_type(config: &Config) -> DType {
    match (config.precision, config.family.is_codi()) {
        (Precision::F32 | Precision::Q8, _) | (Precision::Reference, false) => DType::F32,
        (Precision::Reference, true) | (Precision::Bf16, _) => DType::BF16,
        (Precision::F16, _) => DType::F16,
    }
}

/// Takes the backbone's tensors, whose names start with `prefix` and whose token table has `rows` rows.
fn take_backbone(
    weights: &mut Weights<'_>,
    arch: &Arch,
    prefix: &str,
    rows: usize,
    lora_alpha: Option<f64>,
) -> Result<Arc<dyn Backbone>> {
    Ok(match arch {
        Arch::Gpt2(config) => Arc::new(Gpt2::take(weights, config, prefix, rows, lora_alpha)?),
        Arch::Llama(config) => Arc::new(Llama::take(weights, config, prefix, rows, lora_alpha)?),
    })
}

/// Returns a device's name on screen and in exports.
#[must_use]
pub fn device_name(device: &Device) -> String {
    match device {
        Device::Cpu => "cpu".into(),
        Device::Cuda(_) => match device.location() {
            DeviceLocation::Cuda { gpu_id } => format!("cuda:{gpu_id}"),
            _ => "cuda".into(),
        },
        Device::Metal(_) => "metal".into(),
    }
}

#[cfg(test)]
mod bad_files_tests;
#[cfg(test)]
mod intervention_tree_tests;
#[cfg(test)]
mod tests;

/// Returns the default number of compute threads: `RAYON_NUM_THREADS`, else one per physical core, but no more than the process may use.
#[must_use]
pub fn default_threads() -> usize {
    let allowed = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    candle_core::utils::get_num_threads().min(allowed)
}
