//! Keeps a folder of files within a bound.

use std::fs;
use std::path::{Path, PathBuf};

/// Removes the oldest files of a folder until it is within a bound, in bytes.
pub fn prune(folder: &Path, bound: u64) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut files: Vec<(_, u64, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let meta = entry.metadata().ok()?;
            Some((meta.modified().ok()?, meta.len(), entry.path()))
        })
        .collect();
    files.sort();
    let mut total: u64 = files.iter().map(|(_, length, _)| length).sum();
    for (_, length, path) in files {
        if total <= bound {
            break;
        }
        total -= length;
        // Another process may have removed the file already.
        let _ = fs::remove_file(path);
    }
}
