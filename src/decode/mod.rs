//! From latent space to words: the vocabulary projection and phrases.

pub mod lens;
pub mod phrase;
pub mod spoken;
