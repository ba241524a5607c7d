//! The tuned lens: reads latents through maps trained on gold steps, instead of the logit lens.
//!
//! A lens is valid for one model only, identified by the SHA-256 of its weights. The card documents the fit and the
//! held-out results; only the part needed for loading is handled here.

use serde::{Deserialize, Serialize};

use super::lens;
use crate::core::types::{LatentIdx, ModelInfo, Projection};
use crate::engine::model::{LensFiles, Model, ModelError, TranslatorShape, Translators, Vectors};

/// The schema name and version of a card.
pub const SCHEMA: &str = "undertone.lens-card/1";

/// The part of a card needed for loading.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LensHeader {
    /// [`SCHEMA`].
    pub schema: String,
    /// The model it was fitted to; `sha256` is the hash of its weights.
    pub model: ModelInfo,
    /// SHA-256 of `lens.safetensors`.
    pub tensors_sha256: String,
    /// The storage type of its values: `f16`.
    pub stored: String,
    /// The rank of a map's change; null for a full matrix.
    pub rank: Option<usize>,
    /// The layers it reads, counted from 1; the last layer is the model's output.
    pub layers: Vec<usize>,
    /// The latents it reads.
    pub latents: Vec<LatentIdx>,
}

impl LensHeader {
    /// Returns the places and size of the maps, validated against the model.
    fn shape(&self, model: &ModelInfo) -> Result<TranslatorShape, String> {
        let ascending = |numbers: &[usize]| {
            numbers.first().is_some_and(|first| *first > 0) && numbers.is_sorted_by(|a, b| a < b)
        };
        let latents: Vec<usize> = self.latents.iter().map(|latent| latent.0).collect();
        if !ascending(&self.layers) || self.layers.iter().any(|layer| *layer > model.layers) {
            return Err(format!(
                "its layers are {:?}, and the model has {}",
                short(&self.layers),
                model.layers
            ));
        }
        if !ascending(&latents) {
            return Err(format!("its latents are {:?}", short(&latents)));
        }
        if let Some(rank) = self.rank.filter(|rank| !(1..=model.width).contains(rank)) {
            return Err(format!(
                "its rank is {rank}, and the model is {} wide",
                model.width
            ));
        }
        Ok(TranslatorShape {
            width: model.width,
            rank: self.rank,
            layers: self.layers.clone(),
            latents: self.latents.clone(),
        })
    }
}

/// Returns the first few numbers of a possibly long list from a file.
fn short(numbers: &[usize]) -> &[usize] {
    &numbers[..numbers.len().min(16)]
}

/// A tuned lens that belongs to a loaded model.
#[derive(Debug, Clone)]
pub struct LearnedLens {
    name: String,
    translators: Translators,
}

impl LearnedLens {
    pub(crate) fn new(name: &str, translators: Translators) -> Self {
        Self {
            name: name.to_owned(),
            translators,
        }
    }

    /// Reads a lens strictly: schema, hash of the model's weights, hash of the maps, and every tensor by name, type and shape.
    ///
    /// # Errors
    /// [`ModelError::Lens`] naming the lens and the mismatch; both hashes if it belongs to other weights.
    pub fn load(files: &LensFiles, model: &Model) -> Result<Self, ModelError> {
        let refuse = |reason: String| ModelError::Lens {
            lens: files.name().to_owned(),
            reason,
        };
        let header = header(files).map_err(refuse)?;
        let info = model.info();
        if header.model.sha256 != info.sha256 {
            return Err(refuse(format!(
                "it was fitted to weights with sha256 {}, and those of {} have {}",
                cut(&header.model.sha256),
                info.name,
                info.sha256
            )));
        }
        let shape = header.shape(info).map_err(refuse)?;
        let sha256 = files.tensors_sha256()?;
        if sha256 != header.tensors_sha256 {
            return Err(refuse(format!(
                "its maps have sha256 {sha256}, and its card says {}",
                cut(&header.tensors_sha256)
            )));
        }
        let translators = model
            .read_translators(files.name(), &files.tensors, shape)
            .map_err(|error| refuse(error.to_string()))?;
        Ok(Self::new(files.name(), translators))
    }

    /// Returns the bundled lens that was fitted to this model's weights, if there is one.
    #[must_use]
    pub fn bundled_files(model: &Model) -> Option<LensFiles> {
        let fits = |files: &LensFiles| {
            header(files).is_ok_and(|header| header.model.sha256 == model.info().sha256)
        };
        LensFiles::bundled().find(fits)
    }

    /// Returns its folder, or the model whose bundled lens it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the layers and latents it reads.
    #[must_use]
    pub fn shape(&self) -> &TranslatorShape {
        self.translators.shape()
    }

    /// Returns logits of normed states of a layer at a latent, one row per state; `None` if the lens has no such map.
    ///
    /// # Errors
    /// If the model fails.
    pub fn logits(
        &self,
        model: &Model,
        layer: usize,
        latent: LatentIdx,
        states: &Vectors,
    ) -> Result<Option<Vec<Vec<f32>>>, ModelError> {
        let map = self.translators.get(layer, latent);
        map.map(|map| model.project_through(map, states))
            .transpose()
    }

    /// Reads such states: returns top-k lists like those of the logit lens.
    ///
    /// # Errors
    /// If the model fails.
    pub fn read(
        &self,
        model: &Model,
        (layer, latent): (usize, LatentIdx),
        states: &Vectors,
        k: usize,
    ) -> Result<Option<Vec<Projection>>, ModelError> {
        let logits = self.logits(model, layer, latent, states)?;
        let read = |row: &Vec<f32>| lens::read(model, row, k);
        Ok(logits.map(|rows| rows.iter().map(read).collect()))
    }
}

/// Parses a card of this version.
fn header(files: &LensFiles) -> Result<LensHeader, String> {
    let header: LensHeader = serde_json::from_str(files.card())
        .map_err(|error| format!("its card cannot be read: {error}"))?;
    if header.schema != SCHEMA {
        let schema: String = header.schema.chars().take(64).collect();
        return Err(format!("its card is {schema:?}, and {SCHEMA:?} is known"));
    }
    if header.stored != "f16" {
        let stored: String = header.stored.chars().take(64).collect();
        return Err(format!(
            "its maps are stored as {stored:?}, and f16 is known"
        ));
    }
    Ok(header)
}

/// Truncates a hash from a file to the length of a valid one.
fn cut(hash: &str) -> String {
    hash.chars().take(64).collect()
}
