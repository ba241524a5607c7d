//! The recorded outputs, in the format of the fixtures' README.

use std::path::Path;

use serde::{Deserialize, Deserializer};

use crate::core::file;

/// One checkpoint's recording.
#[derive(Deserialize)]
pub(super) struct Golden {
    pub(super) tokenizer: String,
    pub(super) num_latents: usize,
    pub(super) vocab_rows: usize,
    pub(super) delimiter_ids: Vec<u32>,
    pub(super) stop_ids: Vec<u32>,
    pub(super) generation_vocab_limit: Option<usize>,
    #[serde(default)]
    pub(super) special_ids: SpecialIds,
    #[serde(default)]
    pub(super) mean_latent_inputs: Vec<Vec<f32>>,
    pub(super) questions: Vec<GoldenQuestion>,
}

/// Marker ids under their names in each family.
#[derive(Default, Deserialize)]
pub(super) struct SpecialIds {
    #[serde(alias = "start_latent", alias = "bot")]
    pub(super) bocot: Option<u32>,
    #[serde(alias = "end_latent")]
    pub(super) eocot: Option<u32>,
    /// CODI's end marker; the end of the turn in the multi-mode families.
    pub(super) eot: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct GoldenQuestion {
    pub(super) id: String,
    pub(super) question: String,
    pub(super) input_ids: Vec<u32>,
    pub(super) output_ids: Vec<u32>,
    pub(super) final_answer: Option<String>,
    pub(super) full: Generation,
    #[serde(default)]
    pub(super) latent_positions: Vec<GoldenState>,
    #[serde(default)]
    pub(super) reasoning_ids: Vec<u32>,
    #[serde(default)]
    pub(super) reasoning_positions: Vec<GoldenState>,
    #[serde(default)]
    pub(super) early_stop: Vec<Stop>,
    /// Exits with a forced delimiter, for families in which the reference forces none.
    #[serde(default)]
    pub(super) early_stop_forced: Vec<Stop>,
    pub(super) modes: Option<Modes>,
    pub(super) ablation_baseline: Option<GoldenBaseline>,
    #[serde(default)]
    pub(super) ablations: Vec<GoldenAblation>,
}

#[derive(Deserialize)]
pub(super) struct Generation {
    pub(super) generated_ids: Vec<u32>,
    pub(super) token_logits: Vec<f64>,
    pub(super) token_logprobs: Vec<f64>,
    /// Top-1 minus top-2 logit of each token.
    #[serde(default)]
    pub(super) top1_margin: Vec<f64>,
    pub(super) stopped_on: Option<u32>,
}

#[derive(Deserialize)]
pub(super) struct Stop {
    pub(super) k: usize,
    pub(super) forced_delimiter: Option<bool>,
    #[serde(default)]
    pub(super) output_ids: Vec<u32>,
    #[expect(clippy::option_option, reason = "absent and null mean two things")]
    /// `None` if the recording omits it; null is the answer of a text without a delimiter.
    #[serde(default, deserialize_with = "recorded")]
    pub(super) answer: Option<Option<String>>,
    #[serde(flatten)]
    pub(super) generation: Generation,
}

#[expect(clippy::option_option, reason = "absent and null mean two things")]
fn recorded<'de, D: Deserializer<'de>>(value: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(value).map(Some)
}

#[derive(Deserialize)]
pub(super) struct Modes {
    pub(super) direct: Option<ModeRun>,
    pub(super) verbalized: Option<ModeRun>,
}

#[derive(Deserialize)]
pub(super) struct ModeRun {
    pub(super) input_ids: Vec<u32>,
    pub(super) output_ids: Vec<u32>,
    pub(super) answer: Option<String>,
    #[serde(flatten)]
    pub(super) generation: Generation,
}

#[derive(Deserialize)]
pub(super) struct GoldenBaseline {
    pub(super) forced_delimiter: Option<bool>,
    pub(super) first_answer_step: usize,
    pub(super) first_answer_id: u32,
}

#[derive(Deserialize)]
pub(super) struct GoldenAblation {
    pub(super) latent: usize,
    pub(super) replaced_by: String,
    #[serde(flatten)]
    pub(super) generation: Generation,
    #[serde(default)]
    pub(super) free_generated_ids: Vec<u32>,
    pub(super) baseline_first_answer_logit: Option<f64>,
}

#[derive(Deserialize)]
pub(super) struct GoldenState {
    pub(super) position: usize,
    pub(super) hidden_pre_norm: Vector,
    pub(super) hidden: Vector,
    pub(super) next_input: Option<Vector>,
    pub(super) top10: Top,
}

#[derive(Deserialize)]
pub(super) struct Vector {
    pub(super) first8: Vec<f64>,
    pub(super) l2: f64,
}

#[derive(Deserialize)]
pub(super) struct Top {
    pub(super) ids: Vec<u32>,
    pub(super) logits: Vec<f64>,
}

/// Reads a recording; the error names the file.
pub(super) fn read(path: &Path) -> Result<Golden, String> {
    let text = file::read_text(path).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|e| format!("{}: {e}", path.display()))
}
