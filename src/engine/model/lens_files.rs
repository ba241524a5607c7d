//! The two files of a tuned lens, `lens.json` and `lens.safetensors`, from a folder or the binary; opened but not validated.

use std::path::Path;
use std::sync::atomic::AtomicBool;

use super::bundled::BUNDLED;
use super::error::{ModelError, Result, short};
use super::source::Source;

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
    pub(crate) tensors: Source,
}

impl LensFiles {
    /// Opens the lens in a folder.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn open(folder: &Path) -> Result<Self> {
        let failed = |path: &Path, reason: String| ModelError::Read {
            path: path.display().to_string(),
            reason: short(reason),
        };
        let path = folder.join(CARD_FILE);
        let file = Source::open(&path).map_err(|e| failed(&path, e.to_string()))?;
        if file.length() > LONGEST_CARD {
            let reason = format!("it is longer than {LONGEST_CARD} bytes");
            return Err(failed(&path, reason));
        }
        let length = usize::try_from(file.length()).unwrap_or(usize::MAX);
        let card = file.read(0, length);
        let card = card.map_err(|e| failed(&path, e.to_string()))?;
        let card = String::from_utf8(card).map_err(|_| failed(&path, "it is not UTF-8".into()))?;
        let path = folder.join(TENSOR_FILE);
        let tensors = Source::open(&path).map_err(|e| failed(&path, e.to_string()))?;
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
            tensors: Source::Memory(bundled.lens.into()),
        })
    }

    /// Creates the files from their contents.
    #[must_use]
    pub fn from_parts(name: &str, card: String, tensors: Vec<u8>) -> Self {
        Self {
            name: name.to_owned(),
            card,
            tensors: Source::Memory(tensors.into()),
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
        let length = usize::try_from(self.tensors.length()).unwrap_or(usize::MAX);
        self.tensors
            .read(0, length)
            .map_err(|e| self.unreadable(&e))
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
        self.tensors
            .sha256(&AtomicBool::new(false))
            .map_err(|e| self.unreadable(&e))
    }

    fn unreadable(&self, error: &std::io::Error) -> ModelError {
        ModelError::Read {
            path: self.name.clone(),
            reason: short(error.to_string()),
        }
    }
}
