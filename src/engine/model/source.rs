//! The bytes of one weights file (in the binary, in memory or on disk), read by position.
//!
//! No memory map: the tensor library copies every value anyway, so a map would hold the weights twice in resident memory, needs
//! `unsafe`, and turns the truncation of a file in use into a signal.

use std::borrow::Cow;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use sha2::{Digest, Sha256};

use crate::core::file;
use crate::core::text::hex;

/// The number of bytes read at a time.
pub(crate) const CHUNK: usize = 1 << 20;

/// One weights file. Clones share the open file.
#[derive(Debug, Clone)]
pub(crate) enum ByteSource {
    /// Embedded, or created in memory.
    Memory(Cow<'static, [u8]>),
    /// On disk; stays open, so that the hashed file is the loaded one.
    Disk(Arc<Disk>),
}

#[derive(Debug)]
pub(crate) struct Disk {
    path: PathBuf,
    file: File,
    length: u64,
}

impl ByteSource {
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = file::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self::Disk(Arc::new(Disk {
            path: path.to_owned(),
            file,
            length,
        })))
    }

    /// Returns its path, if on disk.
    pub(crate) fn path(&self) -> Option<&Path> {
        match self {
            Self::Memory(_) => None,
            Self::Disk(disk) => Some(&disk.path),
        }
    }

    pub(crate) fn length(&self) -> u64 {
        match self {
            Self::Memory(bytes) => bytes.len() as u64,
            Self::Disk(disk) => disk.length,
        }
    }

    /// Fills `buffer` from position `at`.
    ///
    /// # Errors
    /// If the file ends early or cannot be read.
    pub(crate) fn read_at(&self, at: u64, buffer: &mut [u8]) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => {
                let part = usize::try_from(at)
                    .ok()
                    .and_then(|at| bytes.get(at..at.checked_add(buffer.len())?))
                    .ok_or(io::ErrorKind::UnexpectedEof)?;
                buffer.copy_from_slice(part);
                Ok(())
            }
            Self::Disk(disk) => read_exact_at(&disk.file, at, buffer),
        }
    }

    /// Reads `length` bytes from position `at`; the caller bounds `length`.
    ///
    /// # Errors
    /// If the file ends early or cannot be read.
    pub(crate) fn read(&self, at: u64, length: usize) -> io::Result<Vec<u8>> {
        if at.saturating_add(length as u64) > self.length() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; length];
        self.read_at(at, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// If it is longer than `limit` bytes or cannot be read.
    pub(crate) fn read_all(&self, limit: u64) -> io::Result<Vec<u8>> {
        if self.length() > limit {
            return Err(io::Error::other(format!("it is longer than {limit} bytes")));
        }
        self.read(0, usize::try_from(self.length()).unwrap_or(usize::MAX))
    }

    /// Calls `each` with the bytes from `at` to `at + length`, one part at a time.
    ///
    /// # Errors
    /// If the file ends early or cannot be read.
    pub(crate) fn chunks(
        &self,
        at: u64,
        length: u64,
        mut each: impl FnMut(&[u8]),
    ) -> io::Result<()> {
        let mut buffer = vec![0; usize::try_from(length).map_or(CHUNK, |n| n.min(CHUNK))];
        let mut done = 0;
        while done < length {
            let n = usize::try_from(length - done).map_or(CHUNK, |n| n.min(CHUNK));
            self.read_at(at + done, &mut buffer[..n])?;
            each(&buffer[..n]);
            done += n as u64;
        }
        Ok(())
    }

    /// Returns the SHA-256 of the whole file, in lower-case hex.
    ///
    /// # Errors
    /// If the file cannot be read, or `stop` is set meanwhile.
    pub(crate) fn sha256(&self, stop: &AtomicBool) -> io::Result<String> {
        let mut hash = Sha256::new();
        if let Self::Memory(bytes) = self {
            hash.update(bytes);
            return Ok(hex(&hash.finalize()));
        }
        let mut at = 0;
        while at < self.length() {
            if stop.load(Ordering::Relaxed) {
                return Err(io::Error::other("cancelled"));
            }
            // Small parts, so that a slow disk does not delay an error.
            let part = (self.length() - at).min(16 * CHUNK as u64);
            self.chunks(at, part, |part| hash.update(part))?;
            at += part;
        }
        Ok(hex(&hash.finalize()))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, at: u64, buffer: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, at)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut at: u64, mut buffer: &mut [u8]) -> io::Result<()> {
    while !buffer.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, buffer, at)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            n => {
                at += n as u64;
                buffer = &mut buffer[n..];
            }
        }
    }
    Ok(())
}

/// Strips the byte order mark that some editors prepend; it is invalid in JSON.
pub(crate) fn without_bom(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)
}

/// Identifies a file that is not part of a checkpoint by its first bytes; returns a message with a remedy.
pub(crate) fn foreign_file(start: &[u8]) -> Option<String> {
    if start.is_empty() {
        return Some("it is empty; download it again".to_owned());
    }
    let foreign = file::foreign(start)?;
    Some(format!("{}; {}", foreign.what, foreign.way_out))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_disk_read_alike() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let bytes: Vec<u8> = (0..=255u8).cycle().take(3 * CHUNK + 5).collect();
        let path = folder.path().join("weights");
        std::fs::write(&path, &bytes).expect("write");
        let memory = ByteSource::Memory(bytes.clone().into());
        let disk = ByteSource::open(&path).expect("open");
        let (go, stop) = (AtomicBool::new(false), AtomicBool::new(true));
        assert_eq!(memory.sha256(&go).ok(), disk.sha256(&go).ok());
        assert!(memory.sha256(&go).is_ok() && disk.sha256(&stop).is_err());
        for source in [memory, disk] {
            assert_eq!(source.length(), bytes.len() as u64);
            assert_eq!(source.read(7, 9).expect("inside"), bytes[7..16]);
            assert!(source.read(source.length(), 1).is_err());
            assert!(source.read(u64::MAX, 1).is_err());
            let mut all = Vec::new();
            source
                .chunks(1, source.length() - 1, |part| all.extend_from_slice(part))
                .expect("inside");
            assert_eq!(all, bytes[1..]);
        }
        let error = ByteSource::open(folder.path()).expect_err("a folder");
        assert!(error.to_string().contains("regular file") || cfg!(windows));
    }

    #[test]
    fn the_hash_is_sha256() {
        let abc = ByteSource::Memory((&b"abc"[..]).into())
            .sha256(&AtomicBool::new(false))
            .expect("memory");
        assert_eq!(
            abc,
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }
}
