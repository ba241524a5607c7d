//! Errors between the hub and the disk, with hints for the user.
//!
//! Text from a server is cleaned and truncated by [`foreign`] first.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::core::error::FailureKind;
use crate::core::text::{nearest, sanitize};

use super::known::KNOWN;

/// The maximum width of quoted server text, in cells.
const MAX_QUOTE: usize = 200;
/// The maximum number of names in a message.
const MAX_LISTED: usize = 12;

/// An error of downloading or finding a published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HubError {
    /// The text is not a valid repository id.
    #[error("{id:?} is not a checkpoint on the hub: {why}")]
    BadId {
        /// The requested id.
        id: String,
        /// The reason.
        why: &'static str,
    },
    /// An environment variable or option has an unusable value.
    #[error("cannot use {name}: {why}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// The reason; never includes a secret value.
        why: String,
    },
    /// The network is switched off, and the cache lacks something.
    #[error("{id} is not in the cache {folder:?}, and the network is switched off")]
    Offline {
        /// The missing checkpoint or base repository.
        id: String,
        /// The repository's folder in the cache.
        folder: PathBuf,
    },
    /// The hub requires a token, another token, or an accepted licence.
    #[error("the hub refuses {repo} (HTTP {status}){}", quoted(message))]
    Refused {
        /// The repository.
        repo: String,
        /// 401 or 403.
        status: u16,
        /// The hub's message; may be empty.
        message: String,
        /// Whether a token was sent.
        with_token: bool,
        /// The page where the licence is accepted.
        page: String,
    },
    /// The hub has no such repository, revision or file.
    #[error("the hub has no {what} (HTTP 404)")]
    NotFound {
        /// The requested item.
        what: String,
    },
    /// No connection could be made.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// The server.
        host: String,
        /// The reason.
        why: String,
    },
    /// No trusted connection could be made.
    #[error("no secure connection to {host}: {why}")]
    Insecure {
        /// The server.
        host: String,
        /// The reason.
        why: String,
    },
    /// The connection broke repeatedly.
    #[error("the connection broke while {file} was downloaded, after {}: {why}", progress(*done, *total))]
    Cut {
        /// The file.
        file: String,
        /// The number of bytes on disk.
        done: u64,
        /// The total number of bytes, if known.
        total: Option<u64>,
        /// The last failure.
        why: String,
    },
    /// The download restarted repeatedly.
    #[error("the download of {file} restarted {times} times: {why}")]
    Restarts {
        /// The file.
        file: String,
        /// The number of restarts.
        times: u32,
        /// The last failure.
        why: String,
    },
    /// The hub does not state the file's length, and the file exceeds the limit for that case.
    #[error(
        "{file} is longer than {most} bytes, and the hub does not state its length; the partial download was deleted"
    )]
    Endless {
        /// The file.
        file: String,
        /// The limit in bytes.
        most: u64,
    },
    /// A cached file does not have the hash that the hub stated.
    #[error("{path:?} is damaged: its SHA-256 is {actual}, but the hub stated {expected}")]
    Damaged {
        /// The checkpoint.
        id: String,
        /// The file in the cache.
        path: PathBuf,
        /// The hash that the hub stated.
        expected: String,
        /// The actual hash.
        actual: String,
    },
    /// The file's length differs from the length that the hub states.
    #[error(
        "{file} has {actual} bytes, but the hub states {expected}; what was downloaded of it is deleted"
    )]
    WrongLength {
        /// The file.
        file: String,
        /// The length that the hub states.
        expected: u64,
        /// The length that the server sends.
        actual: u64,
    },
    /// The file's hash differs from the hash that the hub states.
    #[error(
        "{file} is damaged: its SHA-256 is {actual}, but the hub states {expected}; the download is deleted"
    )]
    WrongHash {
        /// The file.
        file: String,
        /// The hash that the hub states.
        expected: String,
        /// The hash of the download.
        actual: String,
    },
    /// The disk is full.
    #[error("the disk of {path:?} is full{}", needs(*missing))]
    DiskFull {
        /// The file being written.
        path: PathBuf,
        /// The number of bytes still to come, if known.
        missing: Option<u64>,
    },
    /// The cache cannot be read or written.
    #[error("cannot {action} {path:?}: {why}")]
    Io {
        /// The attempted action.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The reason.
        why: String,
    },
    /// A redirect loops or leads to a forbidden address.
    #[error("{url} cannot be followed: {why}")]
    Redirect {
        /// The redirect's target.
        url: String,
        /// The reason.
        why: &'static str,
    },
    /// The server sent a web page instead of the requested item.
    #[error("{url} returned a web page instead of {what}")]
    WebPage {
        /// The page's address.
        url: String,
        /// The requested item.
        what: String,
    },
    /// The server reported an error.
    #[error("{url} answered HTTP {status}")]
    Status {
        /// The requested address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// The server's answer is unusable.
    #[error("{url} gave an answer that cannot be used: {why}")]
    Answer {
        /// The requested address.
        url: String,
        /// The reason.
        why: String,
    },
    /// The repository contains no recognizable checkpoint.
    #[error("no checkpoint in {id}{}", file_list(files))]
    NoCheckpoint {
        /// The requested id.
        id: String,
        /// The files in the repository.
        files: Vec<String>,
    },
    /// The repository contains several checkpoints.
    #[error("{id} holds {} checkpoints: {}", candidates.len(), list(candidates))]
    Several {
        /// The requested id.
        id: String,
        /// The id of each checkpoint.
        candidates: Vec<String>,
    },
    /// The index of a sharded checkpoint is unusable.
    #[error("the index {index} cannot be used: {why}")]
    BadIndex {
        /// The index file.
        index: String,
        /// The reason.
        why: String,
    },
    /// The user cancelled the operation.
    #[error("cancelled; what is downloaded so far is kept")]
    Cancelled,
}

impl HubError {
    /// Returns the kind of error, which decides the exit code.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::BadId { .. } | Self::Several { .. } => FailureKind::Usage,
            Self::Setting { .. } => FailureKind::Config,
            Self::Io { .. } | Self::DiskFull { .. } => FailureKind::Io,
            _ => FailureKind::Model,
        }
    }

    /// Returns a hint for the user.
    #[must_use]
    pub fn hint(&self) -> String {
        let hint = match self {
            Self::BadId { id, .. } => {
                return suggestion(id)
                    + "name it OWNER/NAME or OWNER/NAME/FOLDER; undertone models lists those we know";
            }
            Self::Setting { name, .. } => return format!("correct {name} or unset it"),
            Self::Offline { id, folder } => {
                return format!(
                    "on a machine with a network run: undertone fetch {id}; then copy {folder:?} to the same place here; or run it here \
                     without --offline and HF_HUB_OFFLINE"
                );
            }
            Self::Refused {
                page, with_token, ..
            } => return refused_hint(page, *with_token),
            Self::NotFound { what } => {
                return suggestion(what)
                    + "check the spelling; a private repository also needs HF_TOKEN; undertone models lists those we know";
            }
            Self::Damaged { id, .. } => {
                return format!(
                    "with network access, run `undertone fetch {id}` to download the damaged file again"
                );
            }
            Self::Several { candidates, .. } => {
                let first = candidates.first().map_or("OWNER/NAME/FOLDER", |id| id);
                return format!("choose one, for example: undertone fetch {first}");
            }
            Self::Unreachable { .. } => {
                "check the network, HTTPS_PROXY and HF_ENDPOINT; without a network pass --offline"
            }
            Self::Insecure { .. } => {
                "check the clock and the root certificates (package ca-certificates, or SSL_CERT_FILE), or fetch on another machine and \
                 copy the cache folder"
            }
            Self::Cut { .. } | Self::Cancelled => {
                "run the same command again to resume the download"
            }
            Self::Restarts { .. } => {
                "a proxy, or the server that HF_ENDPOINT names, does not serve parts of files; use another network or server"
            }
            Self::Endless { .. } => {
                "the server that HF_ENDPOINT names, or a proxy, hides lengths; use another one"
            }
            Self::Status {
                status: 400 | 405 | 406 | 410 | 501,
                ..
            } => {
                "this address does not serve files: check HF_ENDPOINT and the proxy that HTTPS_PROXY names"
            }
            Self::Status { .. } => "try again in a while; what is here already is kept",
            Self::WrongLength { .. } | Self::WrongHash { .. } => {
                "run it again; if it fails again, a proxy or HF_ENDPOINT changes the file"
            }
            Self::DiskFull { .. } => {
                "free some space or set HF_HOME to another disk, then run it again to resume the download"
            }
            Self::Io { .. } => "check the folder, or set HF_HOME to another place",
            Self::Redirect { .. } | Self::WebPage { .. } | Self::Answer { .. } => {
                "check HF_ENDPOINT, and whether this network requires a login"
            }
            Self::NoCheckpoint { .. } => {
                "name the folder that holds it: OWNER/NAME/FOLDER; checkpoint_*, pytorch_model.bin and model.safetensors are recognised"
            }
            Self::BadIndex { .. } => "the published files are at fault; choose another checkpoint",
        };
        hint.to_owned()
    }

    /// Creates the error for a cache file or folder.
    pub(super) fn io(action: &'static str, path: &Path, error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull {
                path: path.to_owned(),
                missing: None,
            },
            _ => Self::Io {
                action,
                path: path.to_owned(),
                why: error.to_string(),
            },
        }
    }

    /// Returns whether a missing network is to blame, so that the cache may be used instead.
    pub(super) fn is_no_network(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Insecure { .. }
                | Self::Cut { .. }
                | Self::Restarts { .. }
                | Self::Status { .. }
                | Self::Redirect { .. }
                | Self::WebPage { .. }
        )
    }
}

/// Suggests a published checkpoint with a similar name.
fn suggestion(name: &str) -> String {
    let id = nearest(name, KNOWN.iter().map(|known| known.id)).filter(|id| *id != name);
    id.map_or_else(String::new, |id| format!("did you mean {id}? "))
}

/// Cleans and truncates text from a server.
pub(super) fn foreign(text: &str) -> String {
    sanitize(text).truncate(MAX_QUOTE).into_string()
}

fn refused_hint(page: &str, with_token: bool) -> String {
    let token = if with_token {
        "check that HF_TOKEN may read it"
    } else {
        "set HF_TOKEN to a token of that account"
    };
    format!("accept its licence at {page} and {token}")
}

fn quoted(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn progress(done: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!("{done} of {total} bytes"),
        None => format!("{done} bytes"),
    }
}

fn needs(missing: Option<u64>) -> String {
    missing.map_or_else(String::new, |missing| {
        format!(" ({missing} bytes are still to come)")
    })
}

fn file_list(files: &[String]) -> String {
    if files.is_empty() {
        "; it is empty".to_owned()
    } else {
        format!("; it has {}", list(files))
    }
}

fn list(names: &[String]) -> String {
    let mut text = names[..names.len().min(MAX_LISTED)].join(", ");
    if names.len() > MAX_LISTED {
        text += &format!(" and {} more", names.len() - MAX_LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_in_a_published_name_is_told() {
        for (error, says) in [
            (
                HubError::NotFound {
                    what: "zen-E/CODI-gtp2".to_owned(),
                },
                "did you mean zen-E/CODI-gpt2? check",
            ),
            (
                HubError::BadId {
                    id: "CODI-gpt2".to_owned(),
                    why: "it needs an owner and a name",
                },
                "did you mean zen-E/CODI-gpt2? name it",
            ),
            (
                HubError::NotFound {
                    what: "zen-E/CODI-gpt2".to_owned(),
                },
                "check the spelling",
            ),
        ] {
            assert!(error.hint().starts_with(says), "{}", error.hint());
        }
    }

    #[test]
    fn a_full_disk_is_told_from_other_failures() {
        let path = Path::new("blob");
        let full = HubError::io("write", path, &io::ErrorKind::StorageFull.into());
        assert!(matches!(full, HubError::DiskFull { .. }), "{full}");
        assert!(full.hint().contains("HF_HOME"), "{}", full.hint());
        let denied = HubError::io("write", path, &io::ErrorKind::PermissionDenied.into());
        assert_eq!(denied.kind(), FailureKind::Io);
    }

    #[test]
    fn the_offline_hint_names_the_command_and_the_folder() {
        let error = HubError::Offline {
            id: "a/b".to_owned(),
            folder: "/cache/models--a--b".into(),
        };
        let hint = error.hint();
        assert!(hint.contains("undertone fetch a/b"), "{hint}");
        assert!(hint.contains("models--a--b"), "{hint}");
    }

    #[test]
    fn a_refusal_says_where_to_accept_the_licence() {
        for (with_token, says) in [(false, "set HF_TOKEN"), (true, "may read it")] {
            let error = HubError::Refused {
                repo: "a/b".to_owned(),
                status: 403,
                message: String::new(),
                with_token,
                page: "https://huggingface.co/a/b".to_owned(),
            };
            let hint = error.hint();
            assert!(hint.contains("https://huggingface.co/a/b"), "{hint}");
            assert!(hint.contains(says), "{hint}");
        }
    }

    #[test]
    fn long_lists_and_long_answers_are_cut() {
        let files: Vec<String> = (0..100).map(|i| format!("file-{i}")).collect();
        assert!(list(&files).ends_with("and 88 more"));
        assert!(foreign(&"\u{1b}x".repeat(1000)).chars().count() <= MAX_QUOTE);
    }
}
