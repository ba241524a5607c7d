//! Where a model comes from: the bundled ones, a folder, or parts in memory.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

use sha2::{Digest, Sha256};

use super::bundled;
use super::error::{ModelError, Result};

/// The files of one checkpoint, read but not parsed.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The bundled name, or the path.
    pub(crate) name: String,
    pub(crate) config: Cow<'static, str>,
    /// A meta.json beside a published checkpoint, if config.json says nothing about latents.
    pub(crate) meta: Option<String>,
    pub(crate) tokenizer: Cow<'static, [u8]>,
    pub(crate) weights: Cow<'static, [u8]>,
}

impl Checkpoint {
    /// Opens a bundled model by name, else a checkpoint folder.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] if it is neither; [`ModelError::Read`] naming the file.
    pub fn open(name_or_path: &str) -> Result<Self> {
        if let Ok(checkpoint) = Self::bundled(name_or_path) {
            return Ok(checkpoint);
        }
        let path = Path::new(name_or_path);
        if path.is_dir() {
            Self::from_dir(path)
        } else {
            Err(ModelError::UnknownModel {
                name: name_or_path.into(),
            })
        }
    }

    /// Opens a bundled model.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] if no model has this name.
    pub fn bundled(name: &str) -> Result<Self> {
        let found = bundled::BUNDLED.iter().find(|b| b.name == name);
        let found = found.ok_or_else(|| ModelError::UnknownModel { name: name.into() })?;
        Ok(Self {
            name: found.name.into(),
            config: found.config.into(),
            meta: None,
            tokenizer: found.tokenizer.into(),
            weights: found.weights.into(),
        })
    }

    /// Reads config.json, tokenizer.json, model.safetensors and, if there is one, meta.json from a folder.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn from_dir(folder: &Path) -> Result<Self> {
        let path = |file: &str| folder.join(file);
        let failed = |file: &str, e: &std::io::Error| ModelError::Read {
            path: path(file).display().to_string(),
            reason: e.to_string(),
        };
        let bytes = |file: &str| std::fs::read(path(file)).map_err(|e| failed(file, &e));
        let text = |file: &str| std::fs::read_to_string(path(file)).map_err(|e| failed(file, &e));
        Ok(Self {
            name: folder.display().to_string(),
            config: text("config.json")?.into(),
            meta: if path("meta.json").exists() {
                Some(text("meta.json")?)
            } else {
                None
            },
            tokenizer: bytes("tokenizer.json")?.into(),
            weights: bytes("model.safetensors")?.into(),
        })
    }

    /// Takes the parts as they are.
    #[must_use]
    pub fn from_parts(
        name: &str,
        config_json: String,
        tokenizer_json: Vec<u8>,
        weights: Vec<u8>,
    ) -> Self {
        Self {
            name: name.into(),
            config: config_json.into(),
            meta: None,
            tokenizer: tokenizer_json.into(),
            weights: weights.into(),
        }
    }

    /// Adds the text of a meta.json, which speaks where config.json has no `undertone` object.
    #[must_use]
    pub fn with_meta(mut self, meta_json: String) -> Self {
        self.meta = Some(meta_json);
        self
    }

    /// The bundled name, or the path.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the SHA-256 of the weights file, lower-case hex.
    #[must_use]
    pub fn sha256(&self) -> String {
        Sha256::digest(&self.weights)
            .iter()
            .fold(String::with_capacity(64), |mut hex, byte| {
                let _ = write!(hex, "{byte:02x}");
                hex
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_is_sha256() {
        let checkpoint = Checkpoint::from_parts("x", String::new(), Vec::new(), b"abc".to_vec());
        assert_eq!(
            checkpoint.sha256(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_folder_is_read_file_by_file_and_a_lack_is_named() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let open = || Checkpoint::open(&folder.path().display().to_string());
        for (file, lacking) in [
            ("config.json", "config.json"),
            ("tokenizer.json", "tokenizer.json"),
            ("model.safetensors", "model.safetensors"),
        ] {
            let error = open().expect_err("incomplete").to_string();
            assert!(error.contains(lacking), "{error}");
            std::fs::write(folder.path().join(file), "{}").expect("write");
        }
        assert!(open().is_ok());
        assert!(matches!(
            Checkpoint::open("no such model"),
            Err(ModelError::UnknownModel { .. })
        ));
    }
}
