//! Reference sets on disk, so that later sessions can reuse them.
//!
//! A file that cannot be read, or holds another set, is logged and the set is computed again.

use std::fs;
use std::path::{Path, PathBuf};

use crate::core::file::{prune, read_at_most, write_atomic};
use crate::engine::model::{Cancel, ModelError};
use crate::lab::analysis::Workbench;
use crate::lab::analysis::reference::{LONGEST, ReferenceKey};

/// The bound on disk space, in bytes.
const DISK: u64 = 256 << 20;

/// Returns the folder of reference sets within the cache folder.
#[must_use]
pub fn folder(cache: &Path) -> PathBuf {
    cache.join("references")
}

/// Gives a model its reference set: from the folder, or else newly computed and then stored there. `on_slice` is called with
/// the number of problems done and in all.
///
/// # Errors
/// If the model fails or the work is cancelled; the finished part is not lost.
pub fn ensure_reference(
    explorer: &mut Workbench,
    folder: Option<&Path>,
    on_slice: &mut dyn FnMut(usize, usize),
    cancel: &Cancel,
) -> Result<(), ModelError> {
    if find(explorer, folder) {
        return Ok(());
    }
    explorer.ensure_reference(on_slice, cancel)?;
    if let Some(folder) = folder {
        let (key, path) = place(explorer, folder);
        keep(explorer, &key, &path);
    }
    Ok(())
}

/// Returns whether a model has its reference set, now or after reading it from the folder. If not, begins to compute it.
pub fn find(explorer: &mut Workbench, folder: Option<&Path>) -> bool {
    let known = explorer.has_reference();
    let is_new = !known && !explorer.is_making_reference();
    if let Some(folder) = folder.filter(|_| is_new) {
        let (key, path) = place(explorer, folder);
        if read(explorer, &key, &path) {
            return true;
        }
    }
    explorer.begin_reference();
    known
}

/// Returns the key and the file of a model's set.
fn place(explorer: &Workbench, folder: &Path) -> (ReferenceKey, PathBuf) {
    let key = explorer.reference_key();
    let path = folder.join(format!("{}.bin", key.name()));
    (key, path)
}

/// Reads the set; returns whether that succeeded.
fn read(explorer: &mut Workbench, key: &ReferenceKey, path: &Path) -> bool {
    if !path.exists() {
        return false;
    }
    // The margin is for the key and the checksum beside the numbers.
    let why = match read_at_most(path, LONGEST as u64 + (1 << 20)) {
        Ok(Some(bytes)) => explorer.read_reference(&bytes, key).err(),
        Ok(None) => Some("it is too long".to_owned()),
        Err(error) => Some(error.to_string()),
    };
    if let Some(why) = &why {
        tracing::warn!(
            ?path,
            why,
            "a stored reference set is unusable and will be recomputed"
        );
    }
    why.is_none()
}

/// Stores the set. A write failure only costs a later session some time, so it is logged.
fn keep(explorer: &Workbench, key: &ReferenceKey, path: &Path) {
    let Some(bytes) = explorer.reference().to_bytes(key) else {
        return;
    };
    let folder = path.parent().unwrap_or(path);
    prune(folder, DISK.saturating_sub(bytes.len() as u64));
    let written = fs::create_dir_all(folder).is_ok() && write_atomic(path, &bytes).is_ok();
    if !written {
        tracing::warn!(?path, "the reference set could not be kept");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::{Device, LoadOptions, Model, tiny};
    use crate::lab::analysis::reference::Reference;

    fn explorer(seed: u64) -> Workbench {
        let model = Model::load(
            &tiny::checkpoint(seed),
            &LoadOptions::default(),
            &Device::Cpu,
            &mut |_| {},
        );
        Workbench::bare(model.expect("the toy loads"))
    }

    /// Returns the set, and whether it was computed rather than read.
    fn ensured(seed: u64, folder: &Path) -> (Reference, bool) {
        let (mut explorer, mut slices) = (explorer(seed), 0);
        let mut count = |_, _| slices += 1;
        ensure_reference(&mut explorer, Some(folder), &mut count, &Cancel::new()).expect("a set");
        assert!(explorer.has_reference() && !explorer.reference().is_empty());
        (explorer.reference().clone(), slices > 0)
    }

    #[test]
    fn a_later_session_reads_what_an_earlier_one_made() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = folder(cache.path());
        let (made, is_new) = ensured(1, &folder);
        assert!(is_new);
        let (read, is_new) = ensured(1, &folder);
        assert!(!is_new && read == made);
        assert!(ensured(2, &folder).1, "another model has its own set");
        assert!(!ensured(1, &folder).1);
    }

    #[test]
    fn a_damaged_file_is_made_again_and_replaced() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = folder(cache.path());
        let (made, _) = ensured(1, &folder);
        let path = fs::read_dir(&folder).expect("files").next();
        let path = path.expect("one").expect("readable").path();
        let whole = fs::read(&path).expect("readable");
        let mut flipped = whole.clone();
        flipped[whole.len() / 2] ^= 4;
        for bytes in [&b""[..], &whole[..whole.len() / 3], &flipped] {
            fs::write(&path, bytes).expect("written");
            let (again, is_new) = ensured(1, &folder);
            assert!(is_new && again == made);
            assert_eq!(fs::read(&path).expect("readable"), whole);
        }
        fs::remove_file(&path).expect("removed");
        fs::create_dir(&path).expect("a folder in its place");
        assert!(ensured(1, &folder).1, "a disk that refuses costs no more");
    }

    #[test]
    fn a_stopped_set_goes_on_and_is_kept() {
        let cache = tempfile::tempdir().expect("a folder");
        let folder = folder(cache.path());
        let (mut explorer, cancel) = (explorer(3), Cancel::new());
        let mut stop = |done, _| {
            if done > 0 {
                cancel.cancel();
            }
        };
        let stopped = ensure_reference(&mut explorer, Some(&folder), &mut stop, &cancel);
        assert!(matches!(stopped, Err(ModelError::Cancelled)));
        assert!(explorer.is_making_reference() && !folder.exists());
        let mut first = None;
        let mut note = |done, _| first = first.or(Some(done));
        ensure_reference(&mut explorer, Some(&folder), &mut note, &Cancel::new()).expect("a set");
        assert!(first.is_some_and(|done| done > 0), "it began anew");
        assert_eq!(explorer.reference(), &ensured(3, &folder).0);
        assert!(!ensured(3, &folder).1);
    }
}
