//! What can go wrong between the hub and the disk, with what to do next.
//!
//! Whatever a server said is cleaned and cut by [`foreign`] before it gets here.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::core::error::Kind;
use crate::core::text::{nearest, sanitize};

use super::known::KNOWN;

/// The longest text of a server that is quoted.
const MAX_QUOTE: usize = 200;
/// How many names a message lists.
const MAX_LISTED: usize = 12;

/// A failure of downloading or finding a published checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HubError {
    /// The text names no repository.
    #[error("{id:?} is not a checkpoint on the hub: {why}")]
    BadId {
        /// What was asked for.
        id: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// An environment variable or option that cannot be used.
    #[error("cannot use {name}: {why}")]
    Setting {
        /// The variable.
        name: &'static str,
        /// What is wrong with it; never its value if that is secret.
        why: String,
    },
    /// The network may not be used, and the cache lacks something.
    #[error("{id} is not in the cache {folder:?}, and the network is switched off")]
    Offline {
        /// What is missing: a checkpoint, or the repository of a base.
        id: String,
        /// The repository's folder in the cache.
        folder: PathBuf,
    },
    /// The hub wants a token, or another one, or the licence accepted.
    #[error("the hub refuses {repo} (HTTP {status}){}", said(message))]
    Refused {
        /// The repository.
        repo: String,
        /// 401 or 403.
        status: u16,
        /// What the hub said about it; may be empty.
        message: String,
        /// Whether a token was sent.
        with_token: bool,
        /// The page where the licence is accepted.
        page: String,
    },
    /// The hub knows no such repository, revision or file.
    #[error("the hub has no {what} (HTTP 404)")]
    NotFound {
        /// What was asked for.
        what: String,
    },
    /// No connection can be made.
    #[error("cannot reach {host}: {why}")]
    Unreachable {
        /// The server.
        host: String,
        /// Why not.
        why: String,
    },
    /// No connection can be trusted.
    #[error("no secure connection to {host}: {why}")]
    Insecure {
        /// The server.
        host: String,
        /// Why not.
        why: String,
    },
    /// The connection broke again and again.
    #[error("the connection broke while {file} was downloaded, after {}: {why}", of(*done, *total))]
    Cut {
        /// The file.
        file: String,
        /// How many bytes are on the disk.
        done: u64,
        /// How many there are, if known.
        total: Option<u64>,
        /// How it broke.
        why: String,
    },
    /// The download restarted again and again.
    #[error("the download of {file} restarted {times} times: {why}")]
    Restarts {
        /// The file.
        file: String,
        /// How often.
        times: u32,
        /// What happened last.
        why: String,
    },
    /// Nobody says how long the file is, and it is too long for that.
    #[error(
        "{file} is longer than {most} bytes, and the hub does not state its length; the partial download was deleted"
    )]
    Endless {
        /// The file.
        file: String,
        /// How much is taken of such a file, in bytes.
        most: u64,
    },
    /// A file in the cache is not what the hub stated.
    #[error("{path:?} is damaged: its SHA-256 is {found}, but the hub stated {expected}")]
    Damaged {
        /// The checkpoint.
        id: String,
        /// The file in the cache.
        path: PathBuf,
        /// What the hub stated.
        expected: String,
        /// What is there.
        found: String,
    },
    /// The file has another length than the hub states.
    #[error(
        "{file} has {found} bytes, but the hub states {expected}; what was downloaded of it is deleted"
    )]
    WrongLength {
        /// The file.
        file: String,
        /// What the hub states.
        expected: u64,
        /// What the server sends.
        found: u64,
    },
    /// The file has another hash than the hub states.
    #[error(
        "{file} is damaged: its SHA-256 is {found}, but the hub states {expected}; the download is deleted"
    )]
    WrongHash {
        /// The file.
        file: String,
        /// What the hub states.
        expected: String,
        /// What was downloaded.
        found: String,
    },
    /// The disk is full.
    #[error("the disk of {path:?} is full{}", needs(*missing))]
    DiskFull {
        /// The file that was written.
        path: PathBuf,
        /// How many bytes are still to come, if known.
        missing: Option<u64>,
    },
    /// The cache cannot be read or written.
    #[error("cannot {action} {path:?}: {why}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        why: String,
    },
    /// The server sends us in circles, or somewhere we do not go.
    #[error("{url} cannot be followed: {why}")]
    Redirect {
        /// Where it led.
        url: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A web page came in place of what was asked for.
    #[error("{url} sent a web page in place of {what}")]
    WebPage {
        /// Where it came from.
        url: String,
        /// What was asked for.
        what: String,
    },
    /// The server has trouble of its own.
    #[error("{url} answered HTTP {status}")]
    Status {
        /// What was asked for.
        url: String,
        /// The status.
        status: u16,
    },
    /// The server's answer makes no sense.
    #[error("{url} gave an answer that cannot be used: {why}")]
    Answer {
        /// What was asked for.
        url: String,
        /// What is wrong with it.
        why: String,
    },
    /// The repository holds nothing that looks like a checkpoint.
    #[error("no checkpoint in {id}{}", found_files(files))]
    NoCheckpoint {
        /// What was asked for.
        id: String,
        /// The files that are there.
        files: Vec<String>,
    },
    /// The repository holds several checkpoints.
    #[error("{id} holds {} checkpoints: {}", candidates.len(), list(candidates))]
    Several {
        /// What was asked for.
        id: String,
        /// The ids of each.
        candidates: Vec<String>,
    },
    /// The index of a sharded checkpoint cannot be used.
    #[error("the index {index} cannot be used: {why}")]
    BadIndex {
        /// The index file.
        index: String,
        /// What is wrong with it.
        why: String,
    },
    /// The user called it off.
    #[error("cancelled; what is downloaded so far is kept")]
    Cancelled,
}

impl HubError {
    /// Returns what sort of error it is, which decides the exit code.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Self::BadId { .. } | Self::Several { .. } => Kind::Usage,
            Self::Setting { .. } => Kind::Config,
            Self::Io { .. } | Self::DiskFull { .. } => Kind::Io,
            _ => Kind::Model,
        }
    }

    /// Returns what to do next.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::BadId { id, .. } => {
                meant(id)
                    + "name it OWNER/NAME or OWNER/NAME/FOLDER; undertone models lists \
                       those we know"
            }
            Self::Setting { name, .. } => format!("correct {name} or unset it"),
            Self::Offline { id, folder } => format!(
                "on a machine with a network run: undertone fetch {id}; then copy {folder:?} to the \
                 same place here; or run it here without --offline and HF_HUB_OFFLINE"
            ),
            Self::Refused {
                page, with_token, ..
            } => refused_hint(page, *with_token),
            Self::NotFound { what } => {
                meant(what)
                    + "check the spelling; a private repository also needs HF_TOKEN; undertone models \
                       lists those we know"
            }
            Self::Unreachable { .. } => {
                "check the network, HTTPS_PROXY and HF_ENDPOINT; without a network pass --offline"
                    .to_owned()
            }
            Self::Insecure { .. } => {
                "check the clock and the root certificates (package ca-certificates, or \
                 SSL_CERT_FILE), or fetch on another machine and copy the cache folder"
                    .to_owned()
            }
            Self::Cut { .. } | Self::Cancelled => {
                "run the same command again; it goes on where this one stopped".to_owned()
            }
            Self::Restarts { .. } => {
                "a proxy, or the server that HF_ENDPOINT names, does not serve parts of files; use another network or server"
                    .to_owned()
            }
            Self::Endless { .. } => {
                "the server that HF_ENDPOINT names, or a proxy, hides lengths; use another one".to_owned()
            }
            Self::Damaged { id, .. } => format!(
                "where there is a network run: undertone fetch {id}; it downloads the file again"
            ),
            Self::Status {
                status: 400 | 405 | 406 | 410 | 501,
                ..
            } => "this address does not serve files: check HF_ENDPOINT and the proxy that HTTPS_PROXY names".to_owned(),
            Self::Status { .. } => "try again in a while; what is here already is kept".to_owned(),
            Self::WrongLength { .. } | Self::WrongHash { .. } => {
                "run it again; if it fails again, a proxy or HF_ENDPOINT changes the file"
                    .to_owned()
            }
            Self::DiskFull { .. } => {
                "free some space or set HF_HOME to another disk, then run it again; it goes on \
                 where this one stopped"
                    .to_owned()
            }
            Self::Io { .. } => "check the folder, or set HF_HOME to another place".to_owned(),
            Self::Redirect { .. } | Self::WebPage { .. } | Self::Answer { .. } => {
                "check HF_ENDPOINT, and whether this network wants you to log in first".to_owned()
            }
            Self::NoCheckpoint { .. } => "name the folder that holds it: OWNER/NAME/FOLDER; \
                 checkpoint_*, pytorch_model.bin and model.safetensors are recognised"
                .to_owned(),
            Self::Several { candidates, .. } => format!(
                "choose one, for example: undertone fetch {}",
                candidates.first().map_or("OWNER/NAME/FOLDER", |id| id)
            ),
            Self::BadIndex { .. } => {
                "the published files are at fault; choose another checkpoint".to_owned()
            }
        }
    }

    /// Makes the error of a file or folder of the cache.
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

    /// Whether a network that is not there is to blame, so that the cache may stand in.
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

/// Asks whether a published checkpoint was meant, if its name is close.
fn meant(name: &str) -> String {
    let known = nearest(name, KNOWN.iter().map(|known| known.id)).filter(|known| *known != name);
    known.map_or_else(String::new, |known| format!("did you mean {known}? "))
}

/// Cleans and cuts a text that a server sent.
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

fn said(message: &str) -> String {
    if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    }
}

fn of(done: u64, total: Option<u64>) -> String {
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

fn found_files(files: &[String]) -> String {
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
        assert_eq!(denied.kind(), Kind::Io);
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
