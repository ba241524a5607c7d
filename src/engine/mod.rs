//! The engine: checkpoints, transformers, the latent loop, interventions, decoding, and the hub.
//!
//! The only floor with tensors (its learned readers aside, in `lab::analysis`). It may use `core`. A new family of models goes into
//! [`model`]: its configuration into `model::config`, its names into `model::discover`.

pub mod decode;
pub mod hub;
pub mod model;
pub mod model_source;
