//! Downloads one file: its metadata on the hub, its bytes over any number of connections, its hash.
//!
//! The bytes go to `blobs/ETAG.incomplete`. A later call, even by another process, requests the rest with a Range request. The
//! file is moved into place only if length and hash match the hub's statement.

use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use super::DownloadProgress;
use super::cache::{Place, create_folder};
use super::error::{HubError, foreign};
use super::http::{Cancelled, Client, Reply, Trouble, pause};
use super::id::{Id, is_etag, is_sha256};
use super::listing::{RETRIES, RemoteFile, check, with_retries};
use crate::core::file;
use crate::core::text::hex;

/// The number of bytes hashed between two cancellation checks.
const HASH_PIECE: usize = 1 << 20;
/// The maximum size of a file whose length the hub does not state, in bytes. The hub states the length of weights.
const MOST_UNSTATED: u64 = 64 << 20;
/// The number of new bytes that resets the failure count.
const PROGRESS: u64 = 64 << 10;
/// The starts of web pages; a proxy's login page can replace any answer.
const WEB_PAGES: [&str; 2] = ["<!doctype html", "<html"];

/// The context of a download.
pub(super) struct Download<'a> {
    pub(super) client: &'a Client,
    pub(super) id: &'a Id,
    pub(super) commit: &'a str,
    pub(super) place: &'a Place,
    pub(super) progress: &'a mut dyn FnMut(DownloadProgress<'_>),
    pub(super) cancelled: Cancelled<'a>,
}

/// The hub's metadata of a file.
struct Stated {
    etag: String,
    length: Option<u64>,
    sha256: Option<String>,
}

/// The outcome of an attempt.
enum Attempt {
    /// All bytes have arrived.
    Complete,
    Broken(String),
}

impl Download<'_> {
    /// Downloads a file to the cache, unless it is cached, and returns its path there.
    pub(super) fn fetch(&mut self, file: &RemoteFile) -> Result<PathBuf, HubError> {
        let pointer = self.place.pointer(self.commit, &file.path);
        if pointer.exists() {
            return Ok(pointer);
        }
        let url = self
            .client
            .url(&[&self.id.repo, "resolve", self.commit, &file.path]);
        let stated = self.metadata(&url, file)?;
        let blob = self.place.blob(&stated.etag);
        // Held until the end of this function.
        let on_wait = &mut || (self.progress)(DownloadProgress::Waiting { name: &file.path });
        let _lock = self.place.lock(&stated.etag, on_wait, self.cancelled)?;
        let is_here = fs::metadata(&blob)
            .is_ok_and(|file| stated.length.is_none_or(|length| length == file.len()));
        if !is_here {
            self.download(&url, file, &stated, &blob)?;
        }
        self.place.link(self.commit, &file.path, &stated.etag)
    }

    /// Requests the file's metadata.
    fn metadata(&self, url: &str, file: &RemoteFile) -> Result<Stated, HubError> {
        with_retries(self.client, self.cancelled, || {
            let reply = self.client.head(url, self.cancelled)?;
            let is_described = reply.header("x-linked-etag").is_some();
            if !is_described || reply.status >= 400 {
                check(&reply, self.client, self.id, &self.name(file))?;
                refuse_web_page(&reply, &file.path)?;
            }
            let own_length =
                || (!(300..400).contains(&reply.status)).then(|| reply.number("content-length"));
            let etag = reply
                .header("x-linked-etag")
                .map(|etag| plain_tag(&etag))
                .or_else(|| file.sha256.clone())
                .or_else(|| Some(plain_tag(&reply.header("etag")?)))
                .filter(|etag| is_etag(etag))
                .ok_or_else(|| HubError::Answer {
                    url: reply.url(),
                    why: "it does not say which version of the file it is (ETag)".to_owned(),
                })?;
            Ok(Stated {
                length: reply
                    .number("x-linked-size")
                    .or_else(|| own_length().flatten())
                    .or(file.size),
                sha256: is_sha256(&etag)
                    .then(|| etag.to_lowercase())
                    .or_else(|| file.sha256.clone()),
                etag,
            })
        })
    }

    /// Downloads and verifies a file, and moves it into place.
    fn download(
        &mut self,
        url: &str,
        file: &RemoteFile,
        stated: &Stated,
        blob: &Path,
    ) -> Result<(), HubError> {
        let partial = self.place.partial(&stated.etag);
        create_folder(partial.parent().unwrap_or(blob))?;
        let mut output =
            file::update(&partial).map_err(|error| HubError::io("create", &partial, &error))?;
        let mut transfer = Transfer {
            output: &mut output,
            partial: &partial,
            file,
            length: stated.length,
            done: 0,
            restarts: 0,
        };
        transfer.start()?;
        self.collect(url, &mut transfer)?;
        let done = transfer.done;
        output
            .sync_all()
            .map_err(|error| HubError::io("write", &partial, &error))?;
        if let Some(expected) = &stated.sha256 {
            (self.progress)(DownloadProgress::Verifying { name: &file.path });
            let actual = hash(&mut output, &partial, self.cancelled)?;
            if actual != *expected {
                let _ = fs::remove_file(&partial);
                return Err(HubError::WrongHash {
                    file: file.path.clone(),
                    expected: expected.clone(),
                    actual,
                });
            }
        }
        tracing::info!(file = %file.path, bytes = done, "downloaded");
        fs::rename(&partial, blob).map_err(|error| HubError::io("write", blob, &error))
    }

    /// Requests bytes until the file is complete.
    ///
    /// Failures are counted until new bytes arrive. Bytes that were discarded before are not new, so a server that restarts the
    /// download again and again also exhausts the retries.
    fn collect(&mut self, url: &str, transfer: &mut Transfer<'_>) -> Result<(), HubError> {
        let mut failures = 0;
        let mut wait = self.client.retry_pause;
        let mut furthest = transfer.done;
        // A complete partial file only needs the check.
        while Some(transfer.done) != transfer.length {
            let why = match self.attempt(url, transfer)? {
                Attempt::Complete => break,
                Attempt::Broken(why) => why,
            };
            tracing::debug!(file = %transfer.file.path, done = transfer.done, why, "broken");
            if transfer.restarts > RETRIES {
                return Err(HubError::Restarts {
                    file: transfer.file.path.clone(),
                    times: transfer.restarts,
                    why,
                });
            }
            // A server that sends one byte per connection makes no progress.
            if transfer.done >= furthest.saturating_add(PROGRESS) {
                furthest = transfer.done;
                failures = 0;
                wait = self.client.retry_pause;
                continue;
            }
            failures += 1;
            if failures > RETRIES {
                return Err(HubError::Cut {
                    file: transfer.file.path.clone(),
                    done: transfer.done,
                    total: transfer.length,
                    why,
                });
            }
            pause(wait, self.cancelled)?;
            wait *= 2;
        }
        Ok(())
    }

    /// Sends one request for the missing bytes.
    fn attempt(&mut self, url: &str, transfer: &mut Transfer<'_>) -> Result<Attempt, HubError> {
        let name = transfer.file.path.as_str();
        let reply = match self.client.get(url, transfer.done, self.cancelled) {
            Ok(reply) => reply,
            Err(Trouble::Broken { why, .. }) => return Ok(Attempt::Broken(why)),
            Err(Trouble::Final(error)) => return Err(error),
        };
        match reply.status {
            200 => transfer.restart()?,
            206 => {
                let start = content_range(&reply);
                if start != Some(transfer.done) {
                    transfer.restart()?;
                    return Ok(Attempt::Broken(
                        "it sent another part of the file".to_owned(),
                    ));
                }
            }
            // There is nothing after our bytes: they must be wrong.
            416 => {
                transfer.restart()?;
                return Ok(Attempt::Broken(
                    "the server rejected the resume request".to_owned(),
                ));
            }
            status @ (408 | 429 | 500..=599) => {
                return Ok(Attempt::Broken(format!("HTTP {status}")));
            }
            _ => {
                check(&reply, self.client, self.id, &self.name(transfer.file))?;
                return Err(HubError::Answer {
                    url: reply.url(),
                    why: format!("HTTP {} for a file", reply.status),
                });
            }
        }
        refuse_web_page(&reply, name)?;
        let resumed_from = transfer.done;
        let announced = reply
            .number("content-length")
            .map(|length| resumed_from.saturating_add(length));
        if let (Some(expected), Some(announced)) = (transfer.length, announced)
            && expected != announced
        {
            return Err(transfer.wrong_length(expected, announced));
        }
        if transfer.length.is_none() && announced.is_some_and(|length| length > MOST_UNSTATED) {
            return Err(transfer.endless());
        }
        let total = transfer.length.or(announced);
        loop {
            (self.progress)(DownloadProgress::File {
                name,
                done: transfer.done,
                total,
                resumed_from,
            });
            match reply.next(self.cancelled) {
                Ok(Some(piece)) => {
                    if transfer.done == 0 && begins_web_page(&piece) && !is_web_name(name) {
                        return Err(web_page(&reply, name));
                    }
                    transfer.write(&piece, total)?;
                }
                Ok(None) if total.is_none_or(|total| total == transfer.done) => {
                    return Ok(Attempt::Complete);
                }
                Ok(None) => return Ok(Attempt::Broken("the server closed it".to_owned())),
                Err(Trouble::Broken { why, .. }) => return Ok(Attempt::Broken(why)),
                Err(Trouble::Final(error)) => return Err(error),
            }
        }
    }

    /// Returns the file with its repository, for messages.
    fn name(&self, file: &RemoteFile) -> String {
        format!("{}/{}", self.id.repo, file.path)
    }
}

/// A file during its download.
struct Transfer<'a> {
    output: &'a mut File,
    partial: &'a Path,
    file: &'a RemoteFile,
    length: Option<u64>,
    done: u64,
    /// The number of times that existing bytes were discarded.
    restarts: u32,
}

impl Transfer<'_> {
    /// Resumes from the bytes of an earlier attempt.
    fn start(&mut self) -> Result<(), HubError> {
        self.done = self
            .output
            .seek(SeekFrom::End(0))
            .map_err(|error| HubError::io("read", self.partial, &error))?;
        // Without a length, completion and truncation look the same, so nothing is kept.
        if self.length.is_none_or(|length| self.done > length) {
            self.restart()?;
        }
        Ok(())
    }

    /// Discards all bytes.
    fn restart(&mut self) -> Result<(), HubError> {
        self.restarts += u32::from(self.done > 0);
        self.done = 0;
        self.output
            .set_len(0)
            .and_then(|()| self.output.rewind())
            .map_err(|error| HubError::io("write", self.partial, &error))
    }

    fn discard(&mut self) {
        let _ = self.restart();
        let _ = fs::remove_file(self.partial);
    }

    /// Deletes the partial file of a download that is too long.
    fn endless(&mut self) -> HubError {
        self.discard();
        HubError::Endless {
            file: self.file.path.clone(),
            most: MOST_UNSTATED,
        }
    }

    fn write(&mut self, piece: &[u8], total: Option<u64>) -> Result<(), HubError> {
        let after = self.done + piece.len() as u64;
        if let Some(expected) = total
            && after > expected
        {
            return Err(self.wrong_length(expected, after));
        }
        if total.is_none() && after > MOST_UNSTATED {
            return Err(self.endless());
        }
        if let Err(error) = self.output.write_all(piece) {
            // Drop the partly written piece: its written length is unknown.
            let _ = self.output.set_len(self.done);
            return Err(match HubError::io("write", self.partial, &error) {
                HubError::DiskFull { path, .. } => HubError::DiskFull {
                    path,
                    missing: total.map(|total| total - self.done),
                },
                other => other,
            });
        }
        self.done = after;
        Ok(())
    }

    /// Deletes the partial file, whose length is not the stated one.
    fn wrong_length(&mut self, expected: u64, actual: u64) -> HubError {
        self.discard();
        HubError::WrongLength {
            file: self.file.path.clone(),
            expected,
            actual,
        }
    }
}

/// Returns the SHA-256 of the file on disk.
pub(super) fn hash(
    file: &mut File,
    path: &Path,
    cancelled: Cancelled<'_>,
) -> Result<String, HubError> {
    let failed = |error| HubError::io("read", path, &error);
    file.rewind().map_err(failed)?;
    let mut hasher = Sha256::new();
    let mut piece = vec![0; HASH_PIECE];
    loop {
        if cancelled() {
            return Err(HubError::Cancelled);
        }
        let n = file.read(&mut piece).map_err(failed)?;
        if n == 0 {
            break;
        }
        hasher.update(&piece[..n]);
    }
    Ok(hex(&hasher.finalize()))
}

/// Returns the start of the range that a server sends.
fn content_range(reply: &Reply) -> Option<u64> {
    let range = reply.header("content-range")?;
    let (start, _) = range.strip_prefix("bytes ")?.split_once('-')?;
    start.trim().parse().ok()
}

/// Strips an entity tag's quotes and weak mark.
fn plain_tag(etag: &str) -> String {
    let etag = etag.trim();
    etag.strip_prefix("W/")
        .unwrap_or(etag)
        .trim_matches('"')
        .to_owned()
}

fn refuse_web_page(reply: &Reply, name: &str) -> Result<(), HubError> {
    if reply.is_web_page() && !is_web_name(name) {
        return Err(web_page(reply, name));
    }
    Ok(())
}

fn web_page(reply: &Reply, name: &str) -> HubError {
    HubError::WebPage {
        url: reply.url(),
        what: foreign(name),
    }
}

fn is_web_name(name: &str) -> bool {
    let ending = Path::new(name).extension();
    ending.is_some_and(|ending| ending.eq_ignore_ascii_case("html"))
}

fn begins_web_page(piece: &[u8]) -> bool {
    let start = String::from_utf8_lossy(&piece[..piece.len().min(64)]).to_lowercase();
    let start = start.trim_start_matches('\u{feff}').trim_start();
    WEB_PAGES.iter().any(|page| start.starts_with(page))
}
