//! Whole files: read as text, replaced atomically. Errors name the path.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// How many temporary names are tried before giving up; each only collides with a file left by a crash.
const NAME_ATTEMPTS: u32 = 100;

/// Returns the contents of a text file.
///
/// # Errors
/// Names the file when it cannot be read or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|source| Error::io("read", path, source))
}

/// Returns the bytes of a file that has at most `limit` of them, and nothing of a longer one.
///
/// Of a pipe or a device, which does not say how long it is, no more than the limit is read.
///
/// # Errors
/// Names the file when it cannot be read.
pub fn read_at_most(path: &Path, limit: u64) -> Result<Option<Vec<u8>>> {
    let failed = |source| Error::io("read", path, source);
    let file = File::open(path).map_err(failed)?;
    let stated = file.metadata().map_err(failed)?;
    if stated.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    if stated.len() > limit {
        return Ok(None);
    }
    let mut bytes = Vec::new();
    let read = file.take(limit.saturating_add(1)).read_to_end(&mut bytes);
    let read = read.map_err(failed)?;
    Ok((read as u64 <= limit).then_some(bytes))
}

/// Returns the first bytes of a file, at most `limit` of them.
///
/// # Errors
/// Names the file when it cannot be read.
pub fn read_start(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let failed = |source| Error::io("read", path, source);
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes).map_err(failed)?;
    Ok(bytes)
}

/// Replaces a file by new contents: either the old file or the whole new one is there, never a part.
///
/// The contents are written to a temporary file in the same folder, synced, and renamed over the old one.
/// A symbolic link is followed, so that the link stays and its target is replaced.
///
/// # Errors
/// Names the file; the old file is then untouched.
pub fn write_atomic(path: &Path, contents: &[u8]) -> Result<()> {
    write_streamed(path, |sink| {
        sink.write_all(contents)
            .map_err(|source| Error::io("write", path, source))
    })
}

/// The same of contents that are written piece by piece and need not fit into memory.
///
/// # Errors
/// Names the file; the old file is then untouched. What the writer reports is passed on.
pub fn write_streamed(
    path: &Path,
    write: impl FnOnce(&mut (dyn std::io::Write + Send)) -> Result<()>,
) -> Result<()> {
    let failed = |source| Error::io("write", path, source);
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if target.is_dir() {
        return Err(failed(std::io::ErrorKind::IsADirectory.into()));
    }
    let (temporary, file) = create_beside(&target).map_err(failed)?;
    let mut sink = std::io::BufWriter::new(file);
    let written = write(&mut sink).and_then(|()| {
        let file = sink
            .into_inner()
            .map_err(|error| failed(error.into_error()))?;
        file.sync_all()
            .and_then(|()| fs::rename(&temporary, &target))
            .map_err(failed)
    });
    if let Err(error) = written {
        // The first error is the one to report; a left-over temporary file is harmless.
        let _ = fs::remove_file(&temporary);
        return Err(error);
    }
    sync_folder(&target);
    Ok(())
}

/// Creates a fresh hidden file in the folder of `target`.
fn create_beside(target: &Path) -> std::io::Result<(PathBuf, File)> {
    let Some(name) = target.file_name() else {
        return Err(std::io::ErrorKind::InvalidInput.into());
    };
    let mut collision = std::io::Error::from(std::io::ErrorKind::AlreadyExists);
    for attempt in 0..NAME_ATTEMPTS {
        let mut hidden = OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}-{attempt}.tmp", std::process::id()));
        let temporary = target.with_file_name(hidden);
        match File::create_new(&temporary) {
            Ok(file) => return Ok((temporary, file)),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => collision = error,
            Err(error) => return Err(error),
        }
    }
    Err(collision)
}

/// Makes a rename durable. Not every platform and file system can, and the contents are safe already.
fn sync_folder(target: &Path) {
    if cfg!(unix)
        && let Some(folder) = target.parent()
        && let Ok(folder) = File::open(folder)
    {
        let _ = folder.sync_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_replaced_whole() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("session.jsonl");
        write_atomic(&path, b"one").expect("first write");
        write_atomic(&path, b"two").expect("second write");
        assert_eq!(read_text(&path).expect("readable"), "two");
        let left: Vec<_> = fs::read_dir(folder.path()).expect("listable").collect();
        assert_eq!(left.len(), 1, "no temporary file stays");
    }

    #[test]
    fn no_more_than_the_limit_is_read() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("data.json");
        write_atomic(&path, b"12345").expect("written");
        for (limit, read) in [
            (5, Some(&b"12345"[..])),
            (4, None),
            (u64::MAX, Some(b"12345")),
        ] {
            assert_eq!(
                read_at_most(&path, limit).expect("readable").as_deref(),
                read
            );
        }
        let endless = Path::new("/dev/zero");
        if endless.exists() {
            assert_eq!(read_at_most(endless, 1000).expect("readable"), None);
        }
        let error = read_at_most(folder.path(), 9).expect_err("a folder");
        assert!(error.hint().is_some(), "{error}");
    }

    #[test]
    fn a_killed_write_leaves_the_old_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("session.jsonl");
        write_atomic(&path, b"old").expect("first write");
        let (temporary, mut file) = create_beside(&path).expect("a temporary file");
        std::io::Write::write_all(&mut file, b"ne").expect("half a write");
        drop(file);
        assert_eq!(read_text(&path).expect("readable"), "old");
        write_atomic(&path, b"new").expect("a later write is not in the way");
        assert_eq!(read_text(&path).expect("readable"), "new");
        assert!(
            temporary.exists(),
            "somebody else's temporary file is left alone"
        );
    }

    #[test]
    fn errors_name_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let missing = folder.path().join("no").join("file");
        for error in [
            read_text(&missing).expect_err("missing"),
            write_atomic(&missing, b"x").expect_err("no folder"),
            write_atomic(folder.path(), b"x").expect_err("a folder"),
        ] {
            assert!(
                error
                    .to_string()
                    .contains(&*folder.path().to_string_lossy())
            );
            assert!(error.hint().is_some(), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn links_are_followed() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        write_atomic(&real, b"old").expect("write");
        std::os::unix::fs::symlink(&real, &link).expect("link");
        write_atomic(&link, b"new").expect("write");
        assert!(link.is_symlink());
        assert_eq!(read_text(&real).expect("readable"), "new");
    }
}
