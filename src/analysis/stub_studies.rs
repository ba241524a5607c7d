//! Stand-ins for the studies while their engine is written elsewhere: deleted when it is merged.

use crate::model::{Cancel, ModelError};
use crate::problem::Problem;
use crate::trace::{Ablation, AblationValue, Influence, Lattice, LayerLens, Sweep};

use super::Explorer;
use super::run::CleanRun;

fn not_yet<T>() -> Result<T, ModelError> {
    Err(ModelError::input("not yet"))
}

impl Explorer {
    /// Every latent by every value.
    ///
    /// # Errors
    /// Always.
    pub fn sweep(
        &self,
        _clean: &CleanRun,
        _manner: &Ablation,
        _values: &[AblationValue],
        _on_part: &mut dyn FnMut(&Sweep),
        _cancel: &Cancel,
    ) -> Result<Sweep, ModelError> {
        not_yet()
    }

    /// Every set of latents.
    ///
    /// # Errors
    /// Always.
    pub fn lattice(
        &self,
        _clean: &CleanRun,
        _manner: &Ablation,
        _on_part: &mut dyn FnMut(&Lattice),
        _cancel: &Cancel,
    ) -> Result<Lattice, ModelError> {
        not_yet()
    }

    /// Latent to latent and latent to answer.
    ///
    /// # Errors
    /// Always.
    pub fn influence(
        &self,
        _clean: &CleanRun,
        _manner: &Ablation,
        _cancel: &Cancel,
    ) -> Result<Influence, ModelError> {
        not_yet()
    }

    /// The vocabulary projection after every layer.
    ///
    /// # Errors
    /// Always.
    pub fn layers(
        &self,
        _clean: &CleanRun,
        _token: Option<u32>,
        _cancel: &Cancel,
    ) -> Result<LayerLens, ModelError> {
        not_yet()
    }

    /// The one id that a text encodes to.
    ///
    /// # Errors
    /// Always.
    pub fn token_id(&self, _text: &str) -> Result<u32, ModelError> {
        not_yet()
    }

    /// Takes named problems as the reference set.
    ///
    /// # Errors
    /// Always.
    pub fn use_reference(
        &mut self,
        _origin: &str,
        _problems: &[Problem],
        _cancel: &Cancel,
    ) -> Result<(), ModelError> {
        not_yet()
    }
}
