//! The shared cache on disk, in the layout of the official libraries, so that files are shared with them.
//!
//! ```text
//! models--OWNER--NAME/refs/main                      the commit of the branch
//! models--OWNER--NAME/snapshots/COMMIT/PATH          a link to
//! models--OWNER--NAME/blobs/ETAG                     the contents; ETAG.incomplete while they arrive
//! .locks/models--OWNER--NAME/ETAG.lock               held while they are written
//! ```

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use hf_hub::{Cache, CacheRepo, Repo, RepoType};

use super::error::HubError;
use super::http::{Cancelled, pause};
use super::id::{Id, is_commit, is_safe_path, is_sha256};
use crate::core::file;

/// The maximum depth of the search in a repository's folders.
const MAX_DEPTH: usize = 8;
/// The maximum number of files considered in a repository.
const MAX_FILES: usize = 10_000;
/// The polling interval for a lock that another program holds.
const LOCK_POLL: Duration = Duration::from_millis(100);
/// The maximum length of a reference, in bytes.
const MAX_REF: u64 = 256;

/// One repository's place in the cache.
#[derive(Debug)]
pub(super) struct Place {
    layout: CacheRepo,
    pub(super) folder: PathBuf,
    locks: PathBuf,
    revision: String,
}

impl Place {
    /// Locates a repository's revision; creates nothing.
    pub(super) fn new(cache: &Path, id: &Id) -> Self {
        let repo = Repo::with_revision(id.repo.clone(), RepoType::Model, id.revision.clone());
        let name = repo.folder_name();
        Self {
            layout: Cache::new(cache.to_owned()).repo(repo),
            folder: cache.join(&name),
            locks: cache.join(".locks").join(&name),
            revision: id.revision.clone(),
        }
    }

    /// Returns the cached commit of the revision.
    pub(super) fn commit(&self) -> Option<String> {
        let path = self.folder.join("refs").join(&self.revision);
        let text = file::read_text_at_most(&path, MAX_REF);
        // A revision that is a commit has no reference.
        let commit = text.map_or_else(|_| self.revision.clone(), |text| text.trim().to_owned());
        (is_commit(&commit) && self.snapshot(&commit).is_dir()).then_some(commit)
    }

    /// Returns the folder of a commit's files.
    pub(super) fn snapshot(&self, commit: &str) -> PathBuf {
        self.layout.pointer_path(commit)
    }

    /// Returns the path of a commit's file, present or not.
    pub(super) fn pointer(&self, commit: &str, path: &str) -> PathBuf {
        debug_assert!(is_safe_path(path), "checked where it came in: {path}");
        path.split('/')
            .fold(self.snapshot(commit), |folder, part| folder.join(part))
    }

    /// Returns the path of the contents with this tag, present or not.
    pub(super) fn blob(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(etag)
    }

    /// Returns the path of the partial download of these contents.
    pub(super) fn partial(&self, etag: &str) -> PathBuf {
        self.folder.join("blobs").join(format!("{etag}.incomplete"))
    }

    /// Locks the contents with this tag until the result is dropped or the process ends. Calls `on_wait` once if another holder must
    /// be waited for. Returns `None` on file systems without locks.
    pub(super) fn lock(
        &self,
        etag: &str,
        on_wait: &mut dyn FnMut(),
        cancelled: Cancelled<'_>,
    ) -> Result<Option<File>, HubError> {
        create_folder(&self.locks)?;
        let path = self.locks.join(format!("{etag}.lock"));
        let lock = file::update(&path).map_err(|error| HubError::io("create", &path, &error))?;
        let mut waits = false;
        loop {
            match lock.try_lock() {
                Ok(()) => return Ok(Some(lock)),
                Err(TryLockError::WouldBlock) => {
                    if !waits {
                        on_wait();
                        waits = true;
                    }
                    pause(LOCK_POLL, cancelled)?;
                }
                // Some network file systems lack locks; the user bears the risk of two writers there.
                Err(TryLockError::Error(_)) => return Ok(None),
            }
        }
    }

    /// Links a commit's path to the contents with this tag.
    pub(super) fn link(&self, commit: &str, path: &str, etag: &str) -> Result<PathBuf, HubError> {
        let pointer = self.pointer(commit, path);
        let folder = pointer.parent().unwrap_or(&self.folder);
        create_folder(folder)?;
        if pointer.exists() {
            return Ok(pointer);
        }
        // A dangling link remains if its blob was deleted.
        let _ = fs::remove_file(&pointer);
        let blob = self.blob(etag);
        let up = path.split('/').count() + 1;
        let mut target: PathBuf = std::iter::repeat_n(Component::ParentDir, up).collect();
        target.push("blobs");
        target.push(etag);
        let linked = symlink(&target, &pointer)
            .or_else(|_| fs::hard_link(&blob, &pointer))
            .or_else(|_| fs::copy(&blob, &pointer).map(drop));
        linked.map_err(|error| HubError::io("create", &pointer, &error))?;
        Ok(pointer)
    }

    /// Records the commit of the revision.
    pub(super) fn remember(&self, commit: &str) -> Result<(), HubError> {
        if self.revision == commit || self.commit().as_deref() == Some(commit) {
            return Ok(());
        }
        let path = self.folder.join("refs").join(&self.revision);
        self.layout
            .create_ref(commit)
            .map_err(|error| HubError::io("write", &path, &error))
    }

    /// Returns the cached files of a commit, with their lengths.
    pub(super) fn files(&self, commit: &str) -> Vec<(String, u64)> {
        let mut files = Vec::new();
        list(&self.snapshot(commit), "", MAX_DEPTH, &mut files);
        files.sort();
        files
    }
}

/// Creates a folder of the cache.
pub(super) fn create_folder(folder: &Path) -> Result<(), HubError> {
    fs::create_dir_all(folder).map_err(|error| HubError::io("create", folder, &error))
}

/// Returns the SHA-256 that the hub stated for a cached file: the blobs of large files are named after it.
pub(super) fn stated_sha256(pointer: &Path) -> Option<String> {
    let blob = fs::canonicalize(pointer).ok()?;
    let name = blob.file_name()?.to_str()?;
    is_sha256(name).then(|| name.to_lowercase())
}

fn list(folder: &Path, prefix: &str, depth: usize, files: &mut Vec<(String, u64)>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        // Links are followed; a dangling link is not a file.
        let (Some(name), Ok(about)) = (name.to_str(), fs::metadata(entry.path())) else {
            continue;
        };
        let path = super::discover::join(prefix, name);
        if about.is_file() && files.len() < MAX_FILES && is_safe_path(&path) {
            files.push((path, about.len()));
        } else if about.is_dir() && depth > 0 {
            list(&entry.path(), &path, depth - 1, files);
        }
    }
}

#[cfg(unix)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, link)
}

#[cfg(windows)]
fn symlink(target: &Path, link: &Path) -> io::Result<()> {
    std::os::windows::fs::symlink_file(target, link)
}

#[cfg(not(any(unix, windows)))]
fn symlink(_target: &Path, _link: &Path) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn place(cache: &Path) -> Place {
        Place::new(cache, &Id::parse("owner/name").expect("an id"))
    }

    #[test]
    fn files_are_linked_remembered_and_listed() {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let place = place(cache.path());
        assert_eq!(place.commit(), None);
        create_folder(&cache.path().join("models--owner--name/blobs")).expect("created");
        fs::write(place.blob("tag"), "weights").expect("written");
        let deep = place.link(COMMIT, "a/b/model.bin", "tag").expect("linked");
        place.link(COMMIT, "model.bin", "tag").expect("linked");
        place.remember(COMMIT).expect("written");
        assert_eq!(fs::read_to_string(deep).expect("followed"), "weights");
        assert_eq!(place.commit().as_deref(), Some(COMMIT));
        let files = [("a/b/model.bin".to_owned(), 7), ("model.bin".to_owned(), 7)];
        assert_eq!(place.files(COMMIT), files);
        fs::remove_file(place.blob("tag")).expect("removed");
        if cfg!(unix) {
            assert_eq!(
                place.files(COMMIT),
                [],
                "a link that leads nowhere is no file"
            );
        }
    }

    #[test]
    fn a_second_writer_waits_for_the_first_and_may_give_up() {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let place = place(cache.path());
        let mut held = Some(
            place
                .lock("tag", &mut || panic!("free"), &|| false)
                .expect("free"),
        );
        let waits = std::cell::Cell::new(0);
        let on_wait = &mut || waits.set(waits.get() + 1);
        let given_up = place.lock("tag", on_wait, &|| waits.get() > 0);
        assert!(matches!(given_up, Err(HubError::Cancelled)), "{given_up:?}");
        assert_eq!(waits.get(), 1);
        // The first lock ends while the second waits.
        let second = place.lock("tag", &mut || drop(held.take()), &|| false);
        assert!(second.is_ok_and(|lock| lock.is_some()));
    }

    #[test]
    fn a_reference_that_is_no_commit_is_not_followed() {
        let cache = tempfile::tempdir().expect("a temporary folder");
        let place = place(cache.path());
        create_folder(&place.folder.join("refs")).expect("created");
        for text in ["../../..", "", "zz", &"a".repeat(1000)] {
            fs::write(place.folder.join("refs/main"), text).expect("written");
            assert_eq!(place.commit(), None, "{text}");
        }
    }
}
