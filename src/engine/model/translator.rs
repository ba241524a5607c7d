//! The contents of a tuned lens: one affine map of the normed state per layer and latent, and their file format.
//!
//! A map takes a state h to h + h F1 (F2) + b: one full matrix, or two low-rank factors. All zeros give the identity, and the
//! lens then equals the logit lens bit for bit. Maps are stored in f16, under the names `layer.L.latent.J.factor.1`,
//! `.factor.2` (low rank only) and `.bias`, both numbers counted from 1.

use std::collections::BTreeMap;

use candle_core::{DType, Device, Tensor};

use super::Model;
use super::error::{ModelError, Result};
use super::source::ByteSource;
use super::tensor_file::{Stored, TensorFile};
use super::vectors::Vectors;
use super::weights::Weights;
use crate::core::types::LatentIdx;

/// The places and size of a lens's maps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TranslatorShape {
    /// Width of the states.
    pub width: usize,
    /// Rank of the change; `None` for a full matrix.
    pub rank: Option<usize>,
    /// Layers, counted from 1.
    pub layers: Vec<usize>,
    /// Latents.
    pub latents: Vec<LatentIdx>,
}

impl TranslatorShape {
    /// Returns the place of every map, by layer, then by latent.
    pub fn places(&self) -> impl Iterator<Item = (usize, LatentIdx)> {
        let inner = |layer: &usize| {
            let layer = *layer;
            self.latents.iter().map(move |latent| (layer, *latent))
        };
        self.layers.iter().flat_map(inner)
    }

    /// Returns the shapes of one map's factors.
    #[must_use]
    pub fn factors(&self) -> Vec<[usize; 2]> {
        match self.rank {
            None => vec![[self.width, self.width]],
            Some(rank) => vec![[self.width, rank], [rank, self.width]],
        }
    }
}

/// One affine map of states.
#[derive(Debug, Clone)]
pub struct Affine {
    factors: Vec<Tensor>,
    bias: Tensor,
}

impl Affine {
    /// Creates a map from the factors of the change, in `f32`, applied to rows in order, and the bias, (width).
    pub(crate) fn new(factors: Vec<Tensor>, bias: Tensor) -> Self {
        Self { factors, bias }
    }

    /// Maps states, (n, width) -> (n, width).
    pub(crate) fn apply(&self, states: &Tensor) -> Result<Tensor> {
        let mut change = states.clone();
        for factor in &self.factors {
            change = change.matmul(factor)?;
        }
        Ok((states + change)?.broadcast_add(&self.bias)?)
    }
}

/// The maps of a lens.
#[derive(Debug, Clone)]
pub struct Translators {
    shape: TranslatorShape,
    maps: BTreeMap<(usize, LatentIdx), Affine>,
}

impl Translators {
    pub(crate) fn new(shape: TranslatorShape, maps: BTreeMap<(usize, LatentIdx), Affine>) -> Self {
        debug_assert!(shape.places().all(|place| maps.contains_key(&place)));
        Self { shape, maps }
    }

    /// Returns the places and size of the maps.
    #[must_use]
    pub fn shape(&self) -> &TranslatorShape {
        &self.shape
    }

    /// Returns the map of a layer and latent, if it exists.
    #[must_use]
    pub fn get(&self, layer: usize, latent: LatentIdx) -> Option<&Affine> {
        self.maps.get(&(layer, latent))
    }

    /// Returns the file's bytes. Values are rounded to f16; reading them back gives the rounded maps.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let half = |tensor: &Tensor| tensor.to_device(&Device::Cpu)?.to_dtype(DType::F16);
        let mut tensors = Vec::new();
        for ((layer, latent), map) in &self.maps {
            for (at, factor) in map.factors.iter().enumerate() {
                tensors.push((factor_name(*layer, *latent, at), half(factor)?));
            }
            tensors.push((bias_name(*layer, *latent), half(&map.bias)?));
        }
        safetensors::serialize(tensors, None)
            .map_err(|error| ModelError::Compute(format!("the lens cannot be written: {error}")))
    }

    /// Reads a file strictly: exactly the tensors of this shape, in f16 and finite. Errors refer to it as `name`.
    ///
    /// # Errors
    /// [`ModelError`] naming the file and the tensor that does not fit.
    pub(crate) fn read(
        name: &str,
        source: &ByteSource,
        shape: TranslatorShape,
        device: &Device,
    ) -> Result<Self> {
        let file = TensorFile::open(name, source)?;
        let other = (file.entries().iter()).find(|(_, entry)| entry.stored != Stored::F16);
        if let Some((tensor, entry)) = other {
            return Err(ModelError::WrongTensor {
                file: name.to_owned(),
                name: tensor.clone(),
                actual: format!("{:?}", entry.stored),
                expected: "F16".to_owned(),
            });
        }
        let mut weights = Weights::new(name, &file, device)?;
        let mut maps = BTreeMap::new();
        for (layer, latent) in shape.places() {
            let factors = (shape.factors().iter().enumerate())
                .map(|(at, sides)| weights.take(&factor_name(layer, latent, at), sides))
                .collect::<Result<_>>()?;
            let bias = weights.take(&bias_name(layer, latent), &[shape.width])?;
            maps.insert((layer, latent), Affine::new(factors, bias));
        }
        weights.finish()?;
        Ok(Self { shape, maps })
    }
}

fn factor_name(layer: usize, latent: LatentIdx, at: usize) -> String {
    format!("layer.{layer}.latent.{latent}.factor.{}", at + 1)
}

fn bias_name(layer: usize, latent: LatentIdx) -> String {
    format!("layer.{layer}.latent.{latent}.bias")
}

impl Model {
    /// Returns the logits of normed states through a map: the result of [`Model::project`] for the mapped states.
    ///
    /// # Errors
    /// [`ModelError::Input`] if the states are not as wide as the map.
    pub fn project_through(&self, map: &Affine, states: &Vectors) -> Result<Vec<Vec<f32>>> {
        self.project(&Vectors::new(map.apply(states.tensor())?))
    }

    /// Unembeds normed states, (n, width) -> (n, vocab), without norm and differentiably.
    pub(crate) fn unembed(&self, states: &Tensor) -> Result<Tensor> {
        self.backbone.unembed(states)
    }

    pub(crate) fn device(&self) -> &Device {
        &self.device
    }

    /// Reads the maps of a lens for this model; see [`Translators::read`].
    pub(crate) fn read_translators(
        &self,
        name: &str,
        source: &ByteSource,
        shape: TranslatorShape,
    ) -> Result<Translators> {
        Translators::read(name, source, shape, &self.device)
    }
}
