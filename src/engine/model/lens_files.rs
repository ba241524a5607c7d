//! The two files of a tuned lens, `lens.json` and `lens.safetensors`, from a folder or the binary; opened but not validated.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::bundled::BUNDLED;
use super::error::{ModelError, Result};
use super::source::ByteSource;

/// The file name of the card.
pub const CARD_FILE: &str = "lens.json";
/// The file name of the maps.
pub const TENSOR_FILE: &str = "lens.safetensors";
/// The maximum size of a card, in bytes; one of 32 layers and 16 latents has a tenth of it.
const LONGEST_CARD: u64 = 8 << 20;

/// The files of one lens.
#[derive(Debug, Clone)]
pub struct LensFiles {
    name: String,
    card: String,
    pub(crate) tensors: ByteSource,
}

impl LensFiles {
    /// Opens the lens in a folder.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(CARD_FILE);
        let card = ByteSource::open(&path).and_then(|file| file.read_all(LONGEST_CARD));
        let card = card.map_err(|e| ModelError::read(&path, e.to_string()))?;
        let card =
            String::from_utf8(card).map_err(|_| ModelError::read(&path, "it is not UTF-8"))?;
        let path = folder.join(TENSOR_FILE);
        let tensors =
            ByteSource::open(&path).map_err(|e| ModelError::read(&path, e.to_string()))?;
        Ok(Self {
            name: folder.display().to_string(),
            card,
            tensors,
        })
    }

    /// Returns the lenses in the binary, one per bundled model.
    pub fn bundled() -> impl Iterator<Item = Self> {
        BUNDLED.iter().map(|bundled| Self {
            name: format!("the bundled lens of {}", bundled.name),
            card: bundled.lens_card.to_owned(),
            tensors: ByteSource::Memory(bundled.lens.into()),
        })
    }

    /// Creates the files from their contents.
    #[must_use]
    pub fn from_parts(name: &str, card: String, tensors: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            card,
            tensors: ByteSource::Memory(tensors.into()),
        }
    }

    /// Replaces the card.
    #[must_use]
    pub fn with_card(self, card: String) -> Self {
        Self { card, ..self }
    }

    /// Returns the bytes of the maps' file.
    ///
    /// # Errors
    /// [`ModelError::Read`] if it cannot be read.
    pub fn tensors(&self) -> Result<Vec<u8>> {
        let bytes = self.tensors.read_all(u64::MAX);
        bytes.map_err(|e| ModelError::read(Path::new(&self.name), e.to_string()))
    }

    /// Returns the lens's name in messages: its folder, or the model whose bundled lens it is.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the text of the card.
    #[must_use]
    pub fn card(&self) -> &str {
        &self.card
    }

    /// Returns the SHA-256 of the maps' file.
    ///
    /// # Errors
    /// [`ModelError::Read`] if it cannot be read.
    pub fn tensors_sha256(&self) -> Result<String> {
        let hash = self.tensors.sha256(&AtomicBool::new(false));
        hash.map_err(|e| ModelError::read(Path::new(&self.name), e.to_string()))
    }
}
