//! Whether what lies in the cache is what the hub stated: large files are named after their SHA-256, which is computed again.

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::cache::stated_sha256;
use super::download::hash;
use super::error::{HubError, foreign};
use super::http::Cancelled;
use super::{Fetched, Options, Progress, fetch_as};
use crate::core::file;
use crate::core::text::hex;

/// A checkpoint in the cache whose files were looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The checkpoint.
    pub fetched: Fetched,
    /// Its weights files whose hash is the one that the hub stated, by name.
    pub same: Vec<String>,
    /// Its weights files for which the hub stated no hash.
    pub unstated: Vec<String>,
    /// Files that lay damaged in the cache and were downloaded again.
    pub mended: Vec<String>,
}

/// Brings a checkpoint to the cache and computes the hashes of all its files that the hub stated one for.
///
/// A damaged file is downloaded again where the network may be used.
///
/// # Errors
/// [`HubError::Damaged`] without a network; see [`HubError`] for the rest.
pub fn fetch_verified(
    id: &str,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<Verified, HubError> {
    let mut mended = Vec::new();
    loop {
        // What was removed is missed by the hub's listing alone.
        let fetched = fetch_as(id, !mended.is_empty(), options, progress, cancelled)?;
        let Some((path, error)) = damaged(&fetched, progress, cancelled)? else {
            let (same, unstated) = weights(&fetched)
                .map(|path| (name(path), stated_sha256(path).is_some()))
                .partition::<Vec<_>, _>(|(_, is_stated)| *is_stated);
            let names =
                |files: Vec<(String, bool)>| files.into_iter().map(|(name, _)| name).collect();
            return Ok(Verified {
                fetched,
                same: names(same),
                unstated: names(unstated),
                mended,
            });
        };
        // A file that is damaged again right after it was downloaded will not be whole the next time.
        if options.offline || mended.contains(&name(&path)) {
            return Err(error);
        }
        tracing::warn!(file = %path.display(), "damaged in the cache; downloading again");
        mended.push(name(&path));
        forget(&path)?;
    }
}

impl Fetched {
    /// The SHA-256 that the weights must have by what the hub stated: that of the file, or of several that of the lines
    /// `HASH  NAME` in order of name. None where the hub stated none for one of them.
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

/// The weights files: those that an index names, or the one.
fn weights(fetched: &Fetched) -> impl Iterator<Item = &Path> {
    let one = fetched.shards.is_empty().then_some(&fetched.weights);
    one.into_iter().chain(&fetched.shards).map(PathBuf::as_path)
}

/// The first file that is not what the hub stated.
fn damaged(
    fetched: &Fetched,
    progress: &mut dyn FnMut(Progress<'_>),
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
        progress(Progress::Verifying { name: &name(path) });
        let mut file = file::open(path).map_err(|error| HubError::io("read", path, &error))?;
        let found = hash(&mut file, path, cancelled)?;
        if found != expected {
            let error = HubError::Damaged {
                id: fetched.id.clone(),
                path: path.to_owned(),
                expected,
                found,
            };
            return Ok(Some((path.to_owned(), error)));
        }
    }
    Ok(None)
}

fn name(path: &Path) -> String {
    foreign(&path.file_name().unwrap_or_default().to_string_lossy())
}

/// Removes a damaged file: its contents and the name that leads to them.
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
