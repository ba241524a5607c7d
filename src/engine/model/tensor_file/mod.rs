//! The directory of a weights file: its tensors with type, shape and position.
//!
//! Reads safetensors, `torch.save` files and an index of several safetensors files, detected by content. Nothing is
//! executed, no values are read here, and time and memory are proportional to the file size.

mod index;
mod pickle;
mod safetensors;
mod state_dict;
mod torch;
mod zip;

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use sha2::{Digest, Sha256};

use super::error::{ModelError, Result};
use super::source::{ByteSource, foreign_file};
use crate::core::text::hex;

pub(crate) use self::index::is_index;

/// Why a file is rejected, worded to follow "cannot read the weights of ...:".
type Refused = String;

/// The type of a tensor's values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stored {
    F32,
    F16,
    Bf16,
    /// A type that only buffers have, never parameters.
    Other {
        name: &'static str,
        bytes: usize,
    },
}

impl Stored {
    /// Returns the number of bytes per value.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::F32 => 4,
            Self::F16 | Self::Bf16 => 2,
            Self::Other { bytes, .. } => bytes,
        }
    }
}

/// One tensor. All of its values are known to lie inside its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TensorEntry {
    pub(crate) stored: Stored,
    pub(crate) shape: Vec<usize>,
    /// The index of its file.
    part: usize,
    /// The position of its first value.
    at: u64,
    /// The number of values between neighbours of each dimension; `None` if the values are contiguous.
    strides: Option<Vec<usize>>,
}

impl TensorEntry {
    /// Returns whether its values are contiguous.
    pub(crate) fn is_packed(&self) -> bool {
        self.strides.is_none()
    }

    /// Returns the number of bytes from its first value to its last; includes other values in between.
    pub(crate) fn span(&self) -> u64 {
        let count = self.count();
        let values = match &self.strides {
            Some(strides) if count > 0 => {
                1 + (self.shape.iter().zip(strides))
                    .map(|(n, s)| (n - 1) * s)
                    .sum::<usize>()
            }
            _ => count,
        };
        (values * self.stored.bytes()) as u64
    }

    /// Returns the number of values. Cannot overflow: they fit the file.
    pub(crate) fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// A weights file, or the files that an index names.
#[derive(Debug, Clone)]
pub(crate) struct TensorFile {
    parts: Vec<ByteSource>,
    /// File names relative to the index; one name for a single file.
    names: Vec<String>,
    entries: BTreeMap<String, TensorEntry>,
    /// See [`Directory`].
    aliases: Option<Vec<String>>,
}

/// The contents of one file.
struct Directory {
    entries: BTreeMap<String, TensorEntry>,
    /// The omitted names that the file states; `None` for a format that omits none.
    aliases: Option<Vec<String>>,
}

/// Returns the SHA-256 of a text, in hexadecimal.
pub(crate) fn sha256_of_text(text: &str) -> String {
    hex(&Sha256::digest(text.as_bytes()))
}

impl TensorFile {
    /// Reads the directory; `model` names the checkpoint in errors if the file has no path.
    ///
    /// # Errors
    /// [`ModelError::Weights`] naming the file and the problem.
    pub(crate) fn open(model: &str, source: &ByteSource) -> Result<Self> {
        let fail = |file: &ByteSource, reason: Refused| match file.path() {
            Some(path) => ModelError::weights(&path.display().to_string(), reason),
            None => ModelError::weights(model, reason),
        };
        let start = start_of(source).map_err(|e| fail(source, e.to_string()))?;
        if !is_index(&start) {
            let Directory { entries, aliases } =
                directory(source, &start, 0).map_err(|reason| fail(source, reason))?;
            return Ok(Self {
                parts: vec![source.clone()],
                names: vec![model.to_owned()],
                entries,
                aliases,
            });
        }
        let index = index::read(source).map_err(|reason| fail(source, reason))?;
        let parts: Vec<ByteSource> = (index.files.iter())
            .map(|(name, path)| {
                ByteSource::open(path)
                    .map_err(|e| fail(source, format!("it names {name:?}, and {e}")))
            })
            .collect::<Result<_>>()?;
        let (mut entries, mut aliases) = (BTreeMap::new(), None);
        for (i, (part, (name, _))) in parts.iter().zip(&index.files).enumerate() {
            let start = start_of(part).map_err(|e| fail(part, e.to_string()))?;
            let directory = directory(part, &start, i).map_err(|reason| fail(part, reason))?;
            if let Some(more) = directory.aliases {
                aliases.get_or_insert_with(Vec::new).extend(more);
            }
            for (tensor, entry) in directory.entries {
                if index.file_by_tensor.get(&tensor) != Some(name) {
                    let reason =
                        format!("it holds {tensor:?}, which the index does not place there");
                    return Err(fail(part, reason));
                }
                entries.insert(tensor, entry);
            }
        }
        if let Some(lost) = index
            .file_by_tensor
            .keys()
            .find(|name| !entries.contains_key(*name))
        {
            let file = &index.file_by_tensor[lost];
            let reason = format!("it places {lost:?} in {file:?}, and it is not there");
            return Err(fail(source, reason));
        }
        Ok(Self {
            parts,
            names: index.files.into_iter().map(|(name, _)| name).collect(),
            entries,
            aliases,
        })
    }

    /// Returns the paths of the parts that are on disk.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.parts.iter().filter_map(ByteSource::path)
    }

    /// Returns the tensors by name.
    pub(crate) fn entries(&self) -> &BTreeMap<String, TensorEntry> {
        &self.entries
    }

    /// Returns the stated names that were omitted because others hold the same values; `None` for a format that omits none.
    pub(crate) fn aliases(&self) -> Option<&[String]> {
        self.aliases.as_deref()
    }

    /// Returns the length of all files in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.parts.iter().map(ByteSource::length).sum()
    }

    /// Returns the SHA-256 of the file; for several files, that of the `HASH  NAME` lines that `sha256sum` prints in name order.
    ///
    /// # Errors
    /// If a file cannot be read, or `stop` is set meanwhile.
    pub(crate) fn sha256(&self, stop: &AtomicBool) -> io::Result<String> {
        if let [one] = self.parts.as_slice() {
            return one.sha256(stop);
        }
        let mut hash = Sha256::new();
        for (name, part) in self.names.iter().zip(&self.parts) {
            hash.update(format!("{}  {name}\n", part.sha256(stop)?));
        }
        Ok(hex(&hash.finalize()))
    }

    /// Calls `each` with the bytes of a tensor's values in order, in parts that hold whole values.
    ///
    /// # Errors
    /// If the file was truncated after it was opened, or cannot be read.
    pub(crate) fn values(
        &self,
        entry: &TensorEntry,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let part = &self.parts[entry.part];
        let size = entry.stored.bytes();
        let Some(strides) = &entry.strides else {
            return part.chunks(entry.at, (entry.count() * size) as u64, each);
        };
        if entry.count() == 0 {
            return Ok(());
        }
        let span = usize::try_from(entry.span()).unwrap_or(usize::MAX);
        let span = part.read(entry.at, span)?;
        let mut index = vec![0; entry.shape.len()];
        for _ in 0..entry.count() {
            let at: usize = index.iter().zip(strides).map(|(i, s)| i * s).sum();
            each(&span[at * size..(at + 1) * size]);
            for d in (0..index.len()).rev() {
                index[d] += 1;
                if index[d] < entry.shape[d] {
                    break;
                }
                index[d] = 0;
            }
        }
        Ok(())
    }
}

/// The longest tensor name in bytes; published ones are a third as long.
const LONGEST_NAME: usize = 256;

fn long_name(name: &str) -> Refused {
    format!(
        "the name of a tensor in it is {} bytes long and begins with {:?}",
        name.len(),
        &name[..name.floor_char_boundary(40)]
    )
}

/// Returns the first bytes, which identify the format.
fn start_of(source: &ByteSource) -> io::Result<Vec<u8>> {
    source.read(
        0,
        usize::try_from(source.length()).map_or(512, |n| n.min(512)),
    )
}

/// Reads the tensors of one file, which becomes part number `part`.
fn directory(
    source: &ByteSource,
    start: &[u8],
    part: usize,
) -> std::result::Result<Directory, Refused> {
    let directory = if start.starts_with(zip::MAGIC) {
        Directory {
            entries: torch::read(source, part)?,
            aliases: None,
        }
    } else {
        // A safetensors file starts with the length of its header, whose first byte is a brace.
        if let Some(what) = unwanted(start)
            && start.get(8) != Some(&b'{')
        {
            return Err(what);
        }
        safetensors::read(source, part)?
    };
    if directory.entries.is_empty() {
        return Err("it holds no tensors".to_owned());
    }
    if let Some(name) = directory
        .entries
        .keys()
        .find(|name| name.len() > LONGEST_NAME)
    {
        return Err(long_name(name));
    }
    Ok(directory)
}

/// Identifies a file that is not a checkpoint and returns a message with a remedy.
fn unwanted(start: &[u8]) -> Option<String> {
    if let Some(what) = foreign_file(start) {
        return Some(what);
    }
    let text = start.trim_ascii_start();
    let what = match start {
        _ if text.starts_with(b"{") || text.starts_with(b"[") => {
            "it is JSON; name the folder, or the file that holds the weights"
        }
        _ if start.starts_with(b"GGUF") => "it is a GGUF file; the original checkpoint is needed",
        _ if start.get(257..262) == Some(b"ustar") => "it is a tar archive; unpack it first",
        // A protocol mark, or a text opcode that starts a protocol-0 pickle.
        [0x80, 1..=5, ..] | [b'c' | b'(', ..] => {
            "it is a bare pickle, which may hold programs and is never run; save it again with torch.save of PyTorch \
             1.6 or newer, or as safetensors"
        }
        _ => return None,
    };
    Some(what.to_owned())
}

/// Returns whether a pickle describes the tensors of a state dict: what fuzzing asks without the archive around it.
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) fn is_state_dict(pickle: &[u8]) -> bool {
    state_dict::read(pickle).is_ok()
}

#[cfg(test)]
pub(crate) mod made;
#[cfg(test)]
mod tests;
