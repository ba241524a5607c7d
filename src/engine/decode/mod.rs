//! From latent space to words: the vocabulary projection, the learned lens and phrases.

pub mod learned;
pub mod lens;
pub mod phrase;
pub mod spoken;
