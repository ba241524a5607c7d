//! Published checkpoints: finding them on the hub, downloading them to the shared cache, verifying them.
//!
//! Handles files and addresses only, no models. [`fetch`] downloads a checkpoint with its configuration and tokenizer,
//! [`cached`] finds one offline, [`KNOWN`] lists the published ones.
//!
//! `hf-hub` is used only for the cache layout ([`hf_hub::Repo`], [`hf_hub::Cache`]): its version 1 needs reqwest's default
//! TLS (aws-lc, which needs a C compiler and `CMake`) and the xet client, 450 crates in all; version 0.5 needs ring (a C
//! compiler), checks neither length nor hash, and panics on an unexpected redirect. Requests use ureq, rustls and graviola,
//! which are pure Rust.

mod address;
mod cache;
mod discover;
mod download;
mod error;
mod http;
mod id;
mod known;
mod listing;
mod options;
mod tls;
mod verify;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

pub use error::HubError;
pub use id::Id;
pub use known::{KNOWN, Known, PretrainedBase, PublishedAccuracy, find_known};
pub use options::HubOptions;
pub use verify::{Verified, fetch_verified};

use cache::{Place, stated_sha256};
use discover::{Entry, Unclear, beside, choose, join, parent};
use download::Download;
use http::{Cancelled, Client};
use listing::{Listing, RemoteFile};

use crate::core::file;

const CONFIG: &str = "config.json";
const TOKENIZER: &str = "tokenizer.json";
const TOKENIZER_CONFIG: &str = "tokenizer_config.json";
/// The maximum size of an index or configuration, in bytes.
const MAX_JSON: u64 = 16 << 20;
/// The maximum number of files in a checkpoint.
const MAX_SHARDS: usize = 1000;

/// The progress of a download.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DownloadProgress<'a> {
    /// The repository is being listed.
    Looking {
        /// The repository.
        repo: &'a str,
    },
    /// A file is being downloaded.
    File {
        /// Its path in the repository.
        name: &'a str,
        /// The number of bytes on disk.
        done: u64,
        /// The total number of bytes, if known.
        total: Option<u64>,
        /// The number of bytes on disk when this connection began.
        resumed_from: u64,
    },
    /// Waiting for another program that downloads the same file.
    Waiting {
        /// Its path in the repository.
        name: &'a str,
    },
    /// The hash of a complete file is being computed.
    Verifying {
        /// Its path in the repository.
        name: &'a str,
    },
}

/// A checkpoint in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The id it was requested by.
    pub id: String,
    /// The commit of its repository.
    pub revision: String,
    /// Its weights file, or the index of a sharded checkpoint.
    pub weights: PathBuf,
    /// The files that the index names; empty without an index.
    pub shards: Vec<PathBuf>,
    /// The length of the weights in bytes.
    pub bytes: u64,
    /// The SHA-256 that the hub stated for the weights file. The download matched it; [`fetch_verified`] checks again.
    pub sha256: Option<String>,
    /// The base it was trained from, if the table or its configuration names it.
    pub base: Option<PretrainedBase>,
    /// Its configuration, or its base's.
    pub config: Option<PathBuf>,
    /// Its tokenizer, or its base's.
    pub tokenizer: Option<PathBuf>,
    /// The configuration of that tokenizer.
    pub tokenizer_config: Option<PathBuf>,
    /// Why needed files of its base are missing.
    pub base_error: Option<HubError>,
}

/// The base model's files that its checkpoints lack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseFiles {
    /// The base.
    pub base: PretrainedBase,
    /// Its configuration.
    pub config: PathBuf,
    /// Its tokenizer.
    pub tokenizer: PathBuf,
    /// The configuration of its tokenizer.
    pub tokenizer_config: Option<PathBuf>,
}

/// Downloads a checkpoint to the cache: its weights, configuration and tokenizer, the latter two possibly from its base.
///
/// Cached files are used without network access and without a check for damage; [`fetch_verified`] checks them. A missing
/// base is no error: [`Fetched::base_error`] holds the reason, and the user may still supply a tokenizer.
///
/// # Errors
/// See [`HubError`]; partial downloads are kept, and the next call resumes them.
pub fn fetch(
    id: &str,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<Fetched, HubError> {
    fetch_with(id, false, options, progress, cancelled)
}

/// Like [`fetch`], but with `queries_hub` always queries the hub and downloads what the cache lacks.
fn fetch_with(
    id: &str,
    queries_hub: bool,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: Cancelled<'_>,
) -> Result<Fetched, HubError> {
    let id = Id::parse(id)?;
    let cache = options.cache()?;
    let place = Place::new(cache, &id);
    let local = Local::find(&place, &id).filter(|_| !queries_hub);
    let fetched = match local {
        Some(local) if local.is_certain || options.offline => local.fetched,
        None if options.offline => {
            return Err(HubError::Offline {
                id: id.to_string(),
                folder: place.folder,
            });
        }
        uncertain => match download(&id, &place, options, progress, cancelled) {
            Ok(fetched) => fetched,
            // The cache may be complete.
            Err(error) => match uncertain {
                Some(local) if error.is_no_network() => local.fetched,
                _ => return Err(error),
            },
        },
    };
    with_base(fetched, |base| {
        base_files(base, options, progress, cancelled)
    })
}

/// Finds a checkpoint in the cache without network access.
#[must_use]
pub fn cached(id: &str, options: &HubOptions) -> Option<Fetched> {
    let id = Id::parse(id).ok()?;
    let cache = options.cache().ok()?;
    let fetched = Local::find(&Place::new(cache, &id), &id)?.fetched;
    with_base(fetched, |base| {
        cached_base(base, cache).ok_or_else(|| offline_base(base, cache))
    })
    .ok()
}

/// Downloads a base's configuration and tokenizer to the cache.
///
/// # Errors
/// See [`HubError`]; a gated base requires a token.
pub fn base_files(
    base: PretrainedBase,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: &dyn Fn() -> bool,
) -> Result<BaseFiles, HubError> {
    let cache = options.cache()?;
    if let Some(files) = cached_base(base, cache) {
        return Ok(files);
    }
    if options.offline {
        return Err(offline_base(base, cache));
    }
    let id = Id::of_repo(base.repo());
    let place = Place::new(cache, &id);
    let client = Client::new(options)?;
    progress(DownloadProgress::Looking { repo: &id.repo });
    let listing = Listing::request(&client, &id, cancelled)?;
    let mut job = Download {
        client: &client,
        id: &id,
        commit: &listing.commit,
        place: &place,
        progress,
        cancelled,
    };
    let mut fetch = |name: &str| listing.file(name).map(|file| job.fetch(file)).transpose();
    let missing = |name: &str| HubError::NotFound {
        what: format!("{name} in {}", base.repo()),
    };
    let files = BaseFiles {
        base,
        config: fetch(CONFIG)?.ok_or_else(|| missing(CONFIG))?,
        tokenizer_config: fetch(TOKENIZER_CONFIG)?,
        tokenizer: fetch(TOKENIZER)?.ok_or_else(|| missing(TOKENIZER))?,
    };
    place.remember(&listing.commit)?;
    Ok(files)
}

/// Downloads the files of an id from the hub, small files first.
fn download(
    id: &Id,
    place: &Place,
    options: &HubOptions,
    progress: &mut dyn FnMut(DownloadProgress<'_>),
    cancelled: Cancelled<'_>,
) -> Result<Fetched, HubError> {
    let client = Client::new(options)?;
    progress(DownloadProgress::Looking { repo: &id.repo });
    let listing = Listing::request(&client, id, cancelled)?;
    let entries: Vec<Entry<'_>> = listing
        .files
        .iter()
        .map(|file| Entry {
            path: &file.path,
            size: file.size,
        })
        .collect();
    let weights =
        choose(&entries, &id.folder).map_err(|unclear| unclear_error(id, &entries, unclear))?;
    let mut job = Download {
        client: &client,
        id,
        commit: &listing.commit,
        place,
        progress,
        cancelled,
    };
    for name in [CONFIG, TOKENIZER, TOKENIZER_CONFIG] {
        if let Some(path) = beside(|path| listing.file(path).is_some(), &weights, name) {
            job.fetch(remote(&listing, &path)?)?;
        }
    }
    let pointer = job.fetch(remote(&listing, &weights)?)?;
    for shard in shards(&pointer, &weights)? {
        let file = listing.file(&shard).ok_or_else(|| HubError::BadIndex {
            index: weights.clone(),
            why: format!("it names {}, which is not there", error::foreign(&shard)),
        })?;
        job.fetch(file)?;
    }
    place.remember(&listing.commit)?;
    let files = place.files(&listing.commit);
    assemble(id, place, &listing.commit, &files, &weights)
}

fn remote<'a>(listing: &'a Listing, path: &str) -> Result<&'a RemoteFile, HubError> {
    listing.file(path).ok_or_else(|| HubError::NotFound {
        what: path.to_owned(),
    })
}

/// A checkpoint found in the cache.
struct Local {
    fetched: Fetched,
    /// Whether the hub's listing could not change the choice: the weights are where the id says.
    is_certain: bool,
}

impl Local {
    fn find(place: &Place, id: &Id) -> Option<Self> {
        let commit = place.commit()?;
        let files = place.files(&commit);
        let entries: Vec<Entry<'_>> = files
            .iter()
            .map(|(path, size)| Entry {
                path,
                size: Some(*size),
            })
            .collect();
        let weights = choose(&entries, &id.folder).ok()?;
        let fetched = assemble(id, place, &commit, &files, &weights).ok()?;
        Some(Self {
            fetched,
            is_certain: parent(&weights) == id.folder || weights == id.folder,
        })
    }
}

/// Assembles the cached files; fails if a part of the weights is missing.
fn assemble(
    id: &Id,
    place: &Place,
    commit: &str,
    files: &[(String, u64)],
    weights: &str,
) -> Result<Fetched, HubError> {
    let pointer = place.pointer(commit, weights);
    let length = |path: &str| {
        let file = files.iter().find(|(file, _)| file == path);
        file.map(|(_, length)| *length)
            .ok_or_else(|| HubError::Offline {
                id: id.to_string(),
                folder: place.folder.clone(),
            })
    };
    let shards = shards(&pointer, weights)?;
    let bytes = match shards.as_slice() {
        [] => length(weights)?,
        shards => shards
            .iter()
            .map(|shard| length(shard))
            .sum::<Result<_, _>>()?,
    };
    let own = |name: &str| {
        let path = beside(
            |path| files.iter().any(|(file, _)| file == path),
            weights,
            name,
        )?;
        Some(place.pointer(commit, &path))
    };
    let model_type = own(CONFIG).and_then(|path| model_type(&path).map(|kind| (path, kind)));
    let base = known::base_of(&id.repo, &id.folder).or_else(|| {
        let (_, kind) = model_type.as_ref()?;
        PretrainedBase::from_model_type(kind)
    });
    let tokenizer = own(TOKENIZER);
    Ok(Fetched {
        id: id.to_string(),
        revision: commit.to_owned(),
        sha256: shards.is_empty().then(|| stated_sha256(&pointer)).flatten(),
        weights: pointer,
        shards: shards
            .iter()
            .map(|shard| place.pointer(commit, shard))
            .collect(),
        bytes,
        base,
        config: model_type.map(|(path, _)| path),
        // Each tokenizer goes with its own configuration.
        tokenizer_config: tokenizer.as_ref().and_then(|_| own(TOKENIZER_CONFIG)),
        tokenizer,
        base_error: None,
    })
}

/// Adds the base's files if the checkpoint lacks its own.
fn with_base(
    mut fetched: Fetched,
    base_files: impl FnOnce(PretrainedBase) -> Result<BaseFiles, HubError>,
) -> Result<Fetched, HubError> {
    let Some(base) = fetched.base else {
        return Ok(fetched);
    };
    if fetched.config.is_some() && fetched.tokenizer.is_some() {
        return Ok(fetched);
    }
    match base_files(base) {
        Ok(files) => {
            fetched.config.get_or_insert(files.config);
            if fetched.tokenizer.is_none() {
                fetched.tokenizer = Some(files.tokenizer);
                fetched.tokenizer_config = files.tokenizer_config;
            }
        }
        Err(HubError::Cancelled) => return Err(HubError::Cancelled),
        Err(error) => fetched.base_error = Some(error),
    }
    Ok(fetched)
}

/// Returns the base's files if they are cached.
fn cached_base(base: PretrainedBase, cache: &Path) -> Option<BaseFiles> {
    base.cached_as().iter().find_map(|repo| {
        let place = Place::new(cache, &Id::of_repo(repo));
        let commit = place.commit()?;
        let find = |name: &str| Some(place.pointer(&commit, name)).filter(|path| path.is_file());
        Some(BaseFiles {
            base,
            config: find(CONFIG)?,
            tokenizer: find(TOKENIZER)?,
            tokenizer_config: find(TOKENIZER_CONFIG),
        })
    })
}

fn offline_base(base: PretrainedBase, cache: &Path) -> HubError {
    HubError::Offline {
        id: base.repo().to_owned(),
        folder: Place::new(cache, &Id::of_repo(base.repo())).folder,
    }
}

/// Creates the error for a repository in which no single file can be chosen.
fn unclear_error(id: &Id, entries: &[Entry<'_>], unclear: Unclear) -> HubError {
    match unclear {
        Unclear::Nothing => HubError::NoCheckpoint {
            id: id.to_string(),
            files: entries
                .iter()
                .map(|entry| error::foreign(entry.path))
                .collect(),
        },
        Unclear::Several(paths) => HubError::Several {
            id: id.to_string(),
            candidates: paths
                .into_iter()
                .map(|path| Id {
                    folder: error::foreign(&path),
                    ..id.clone()
                })
                .map(|candidate| candidate.to_string())
                .collect(),
        },
    }
}

/// Returns the files that an index names, in order; empty if the weights are not an index.
fn shards(pointer: &Path, weights: &str) -> Result<Vec<String>, HubError> {
    if !weights.ends_with(discover::INDEX) {
        return Ok(Vec::new());
    }
    let refuse = |why: String| HubError::BadIndex {
        index: weights.to_owned(),
        why,
    };
    let index = read_json(pointer).map_err(refuse)?;
    let map = index
        .get("weight_map")
        .and_then(Value::as_object)
        .ok_or_else(|| refuse("it has no weight_map".to_owned()))?;
    let mut names = BTreeSet::new();
    for (tensor, file) in map {
        let name = file
            .as_str()
            .filter(|name| id::is_safe_path(name) && !name.contains('/'))
            .ok_or_else(|| {
                let tensor = error::foreign(tensor);
                refuse(format!("tensor {tensor} is in no file beside it"))
            })?;
        names.insert(join(parent(weights), name));
        if names.len() > MAX_SHARDS {
            return Err(refuse(format!("it names more than {MAX_SHARDS} files")));
        }
    }
    if names.is_empty() {
        return Err(refuse("it names no file".to_owned()));
    }
    Ok(names.into_iter().collect())
}

/// Returns the `model_type` of a configuration. Published checkpoints may have empty configurations or training-run ones
/// without it; then the base's configuration is used.
fn model_type(path: &Path) -> Option<String> {
    let config = read_json(path).ok()?;
    Some(config.get("model_type")?.as_str()?.to_owned())
}

fn read_json(path: &Path) -> Result<Value, String> {
    let bytes = file::read_at_most(path, MAX_JSON).map_err(|error| error.to_string())?;
    let bytes = bytes.ok_or_else(|| format!("it is longer than {MAX_JSON} bytes"))?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}
