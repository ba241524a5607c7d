//! The engine: checkpoints, transformers, the latent loop, interventions, decoding, and the hub.
//!
//! The only layer with tensors (except its learned readers in `lab::analysis`). It may use `core`. A new model family goes into
//! [`model`]: its configuration into `model::config`, its names into `model::discover`.

pub mod decode;
pub mod hub;
pub mod model;
pub mod model_source;
