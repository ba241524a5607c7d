//! The index of a checkpoint in several safetensors files: which file holds which tensor.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::Refused;
use crate::engine::model::source::{ByteSource, without_bom};

/// The maximum size of an index, in bytes.
const LONGEST: u64 = 16 << 20;

/// The maximum number of files in an index; each stays open.
const MOST: usize = 256;

/// The content of an index.
pub(super) struct Index {
    /// Names and paths, in order of name.
    pub(super) files: Vec<(String, PathBuf)>,
    /// File names by tensor.
    pub(super) file_by_tensor: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct File {
    weight_map: BTreeMap<String, String>,
}

/// Returns whether a file with this start can be an index.
pub(crate) fn is_index(start: &[u8]) -> bool {
    let text = without_bom(start).trim_ascii_start();
    text.starts_with(b"{")
        && ["\"weight_map\"", "\"metadata\""]
            .iter()
            .any(|key| text.windows(key.len()).any(|w| w == key.as_bytes()))
}

pub(super) fn read(source: &ByteSource) -> Result<Index, Refused> {
    let folder = source
        .path()
        .map(|path| path.parent().unwrap_or(Path::new(".")))
        .ok_or("an index names files beside it, and this one is in memory")?;
    let bytes = source.read_all(LONGEST);
    let bytes = bytes.map_err(|e| format!("it is an index, and {e}"))?;
    let File { weight_map } = serde_json::from_slice(without_bom(&bytes))
        .map_err(|e| format!("it is not an index of weights: {e}"))?;
    let names: BTreeSet<&String> = weight_map.values().collect();
    if names.is_empty() || names.len() > MOST {
        return Err(format!("it names {} files", names.len()));
    }
    let mut files = Vec::with_capacity(names.len());
    for name in names {
        let path = Path::new(name);
        // Only files beside it: the index is not trusted.
        if path
            .file_name()
            .is_none_or(|plain| plain != path.as_os_str())
        {
            return Err(format!("it names {name:?}, which is not a file beside it"));
        }
        files.push((name.clone(), folder.join(path)));
    }
    Ok(Index {
        files,
        file_by_tensor: weight_map,
    })
}
