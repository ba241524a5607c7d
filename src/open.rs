//! Finds a model by what the user calls it: a bundled name, a checkpoint folder or file, or a published id.

use std::path::PathBuf;

use crate::model::{Checkpoint, LoadOptions, Result};

/// How models are opened.
#[derive(Debug, Clone, Default)]
pub struct Opener {
    /// The model that the options below speak of; another one is opened without them.
    pub named: String,
    /// What the user said about it.
    pub options: LoadOptions,
    /// Its tokenizer.
    pub tokenizer: Option<PathBuf>,
}

impl Opener {
    /// Finds a model's files, and what to load them with.
    ///
    /// # Errors
    /// When nothing is called so, or a file of it cannot be read.
    pub fn find(&self, name: &str) -> Result<(Checkpoint, LoadOptions)> {
        let checkpoint = Checkpoint::open(name)?;
        if name != self.named {
            let options = LoadOptions {
                precision: self.options.precision,
                behaviour: self.options.behaviour,
                ..LoadOptions::default()
            };
            return Ok((checkpoint, options));
        }
        let checkpoint = match &self.tokenizer {
            Some(path) => checkpoint.with_tokenizer(path)?,
            None => checkpoint,
        };
        Ok((checkpoint, self.options.clone()))
    }
}
