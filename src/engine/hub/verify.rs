//! Verifies cached files by recomputing the SHA-256 that large files are named after.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::cache::stated_sha256;
use super::download::hash;
use super::error::{HubError, foreign};
use super::http::Cancelled;
use super::{DownloadProgress, Fetched, HubOptions, fetch_with};
use crate::core::file;
use crate::core::text::hex;

/// A verified checkpoint in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The checkpoint.
    pub fetched: Fetched,
    /// Its weights files whose hash matches the hub's.
    pub same: Vec<String>,
    /// Its weights files for which the hub stated no hash.
    pub unstated: Vec<String>,
    /// Its files that were damaged in the cache and downloaded again.
    pub mended: Vec<String>,
}

/// Downloads a checkpoint to the cache and verifies the hashes of all files for which the hub stated one.
///
/// A damaged file is downloaded again if the network may be used.
///
/// # Errors
/// [`HubError::Damaged`] without a network, or if the new download is damaged too; other [`HubError`]s of the download.
pub fn fetch_verified(
    id: &str,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<Verified, HubError> {
    let mut mended = Vec::new();
    loop {
        // Only the hub's listing reveals that a removed file is missing.
        let fetched = fetch_with(id, !mended.is_empty(), options, progress, cancelled)?;
        let Some((path, error)) = damaged(&fetched, progress, cancelled)? else {
            let (same, unstated): (Vec<&Path>, Vec<&Path>) =
                weights(&fetched).partition(|path| stated_sha256(path).is_some());
            return Ok(Verified {
                same: same.into_iter().map(name).collect(),
                unstated: unstated.into_iter().map(name).collect(),
                fetched,
                mended,
            });
        };
        // A file that is damaged again after its download will not get better.
        if options.offline || mended.contains(&name(&path)) {
            return Err(error);
        }
        tracing::warn!(file = %path.display(), "damaged in the cache; downloading again");
        mended.push(name(&path));
        forget(&path)?;
    }
}

impl Fetched {
    /// Returns the SHA-256 that the weights must have according to the hub: that of the file, or, of several, that of the lines
    /// `HASH  NAME` in name order. `None` if the hub stated none for one of them.
    #[must_use]
    pub fn stated_sha256(&self) -> Option<String> {
        if self.shards.is_empty() {
            return self.sha256.clone();
        }
        let line = |path: &PathBuf| {
            let name = path.file_name()?.to_str()?;
            Some(format!("{}  {name}\n", stated_sha256(path)?))
        };
        let lines: Option<String> = self.shards.iter().map(line).collect();
        lines.map(|lines| hex(&Sha256::digest(lines.as_bytes())))
    }
}

/// Returns the weights files: those that an index names, or the only one.
fn weights(fetched: &Fetched) -> impl Iterator<Item = &Path> {
    let one = fetched.shards.is_empty().then_some(&fetched.weights);
    one.into_iter().chain(&fetched.shards).map(PathBuf::as_path)
}

/// Returns the first file that differs from the hub's statement.
fn damaged(
    fetched: &Fetched,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: Cancelled<'_>,
) -> Result<Option<(PathBuf, HubError)>, HubError> {
    let beside = [
        &fetched.config,
        &fetched.tokenizer,
        &fetched.tokenizer_config,
    ];
    let beside = beside.into_iter().flatten().map(PathBuf::as_path);
    for path in weights(fetched).chain(beside) {
        let Some(expected) = stated_sha256(path) else {
            continue;
        };
        progress(DownloadProgress::Verifying { name: &name(path) });
        let mut file = file::open(path).map_err(|error| HubError::io("read", path, &error))?;
        let actual = hash(&mut file, path, cancelled)?;
        if actual != expected {
            let error = HubError::Damaged {
                id: fetched.id.clone(),
                path: path.to_owned(),
                expected,
                actual,
            };
            return Ok(Some((path.to_owned(), error)));
        }
    }
    Ok(None)
}

fn name(path: &Path) -> String {
    foreign(&path.file_name().unwrap_or_default().to_string_lossy())
}

fn forget(path: &Path) -> Result<(), HubError> {
    let contents = fs::canonicalize(path).map_err(|error| HubError::io("read", path, &error))?;
    for file in [contents.as_path(), path] {
        match fs::remove_file(file) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(HubError::io("remove", file, &error));
            }
            _ => {}
        }
    }
    Ok(())
}
