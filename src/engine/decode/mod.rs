//! Decodes latents to words: the logit lens, the tuned lens and phrases.

pub mod learned;
pub mod lens;
pub mod phrase;
pub mod spoken;
