//! Lists a repository on the hub: its commit and its files.

use serde::Deserialize;

use super::error::{HubError, foreign};
use super::http::{Cancelled, Client, Reply, Trouble, pause};
use super::id::{Id, is_commit, is_safe_path, is_sha256};

/// The maximum size of a listing, in bytes; a large repository's has a few hundred kilobytes.
const MAX_LISTING: usize = 16 << 20;
/// The number of retries of a broken connection while no bytes arrive.
pub(super) const RETRIES: u32 = 5;

/// The files of a repository at a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) commit: String,
    pub(super) files: Vec<RemoteFile>,
}

/// A file on the hub.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RemoteFile {
    /// Its path in the repository; safe as a local path.
    pub(super) path: String,
    pub(super) size: Option<u64>,
    /// Its hash, for large files.
    pub(super) sha256: Option<String>,
}

/// The parts of the answer that are read.
#[derive(Deserialize)]
struct Answer {
    sha: String,
    #[serde(default)]
    siblings: Vec<Sibling>,
}

#[derive(Deserialize)]
struct Sibling {
    rfilename: String,
    size: Option<u64>,
    lfs: Option<Lfs>,
}

#[derive(Default, Deserialize)]
struct Lfs {
    #[serde(alias = "oid")]
    sha256: Option<String>,
    size: Option<u64>,
}

impl Listing {
    /// Requests the list of a repository's files.
    pub(super) fn request(
        client: &Client,
        id: &Id,
        cancelled: Cancelled<'_>,
    ) -> Result<Self, HubError> {
        // A revision is one part of the address, including its slashes.
        let revision = id.revision.replace('/', "%2F");
        let url = client.url(&["api/models", &id.repo, "revision"]) + "/" + &revision;
        let body = with_retries(client, cancelled, || {
            let reply = client.get(&(url.clone() + "?blobs=true"), 0, cancelled)?;
            check(&reply, client, id, &id.repo)?;
            if reply.is_web_page() {
                return Err(HubError::WebPage {
                    url: reply.url(),
                    what: "the list of files".to_owned(),
                }
                .into());
            }
            reply.read_all(MAX_LISTING, cancelled)
        })?;
        Self::parse(&body).map_err(|why| HubError::Answer {
            url: foreign(&url),
            why,
        })
    }

    fn parse(body: &[u8]) -> Result<Self, String> {
        let answer: Answer =
            serde_json::from_slice(body).map_err(|error| foreign(&error.to_string()))?;
        if !is_commit(&answer.sha) {
            return Err(format!("{:?} is not a commit", foreign(&answer.sha)));
        }
        let files = answer.siblings.into_iter().filter_map(|sibling| {
            // A path that would leave its folder cannot be downloaded.
            is_safe_path(&sibling.rfilename).then(|| {
                let lfs = sibling.lfs.unwrap_or_default();
                let sha256 = lfs.sha256.filter(|hash| is_sha256(hash));
                RemoteFile {
                    path: sibling.rfilename,
                    size: lfs.size.or(sibling.size),
                    sha256: sha256.map(|hash| hash.to_lowercase()),
                }
            })
        });
        Ok(Self {
            commit: answer.sha.to_lowercase(),
            files: files.collect(),
        })
    }

    /// Finds a file by its path.
    pub(super) fn file(&self, path: &str) -> Option<&RemoteFile> {
        self.files.iter().find(|file| file.path == path)
    }
}

/// Retries after a broken connection. Gives up at once if no connection was made, since there is probably no network.
pub(super) fn with_retries<T>(
    client: &Client,
    cancelled: Cancelled<'_>,
    mut request: impl FnMut() -> Result<T, Trouble>,
) -> Result<T, HubError> {
    let mut wait = client.retry_pause;
    for _ in 0..RETRIES {
        match request() {
            Ok(answer) => return Ok(answer),
            // A busy server may answer later.
            Err(
                Trouble::Broken {
                    is_connected: true, ..
                }
                | Trouble::Final(HubError::Status {
                    status: 408 | 429 | 500..=599,
                    ..
                }),
            ) => {}
            Err(trouble) => return Err(trouble.into_error()),
        }
        pause(wait, cancelled)?;
        wait *= 2;
    }
    request().map_err(Trouble::into_error)
}

/// Rejects an answer that is an error.
pub(super) fn check(reply: &Reply, client: &Client, id: &Id, what: &str) -> Result<(), HubError> {
    let code = reply.header("x-error-code").unwrap_or_default();
    match reply.status {
        200..=299 => Ok(()),
        // The hub hides private repositories from strangers.
        401 | 404 if code == "RepoNotFound" => Err(not_found(&id.repo)),
        404 if code == "RevisionNotFound" => {
            Err(not_found(&format!("{}@{}", id.repo, id.revision)))
        }
        404 => Err(not_found(what)),
        status @ (401 | 403) => Err(HubError::Refused {
            repo: id.repo.clone(),
            status,
            message: foreign(&reply.header("x-error-message").unwrap_or_default()),
            with_token: client.has_token(),
            page: client.url(&[&id.repo]),
        }),
        status => Err(HubError::Status {
            url: reply.url(),
            status,
        }),
    }
}

fn not_found(what: &str) -> HubError {
    HubError::NotFound {
        what: foreign(what),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    #[test]
    fn a_listing_keeps_lengths_and_hashes_and_drops_paths_that_leave() {
        let hash = "AB".repeat(32);
        let body = format!(
            r#"{{"sha": "{COMMIT}", "private": false, "siblings": [
                {{"rfilename": "README.md", "size": 12, "blobId": "x"}},
                {{"rfilename": "checkpoint_40", "size": 134,
                  "lfs": {{"sha256": "{hash}", "size": 652000000, "pointerSize": 134}}}},
                {{"rfilename": "../../etc/passwd", "size": 1}},
                {{"rfilename": "plain"}}]}}"#
        );
        let listing = Listing::parse(body.as_bytes()).expect("read");
        assert_eq!(listing.commit, COMMIT);
        let paths: Vec<&str> = listing.files.iter().map(|file| &*file.path).collect();
        assert_eq!(paths, ["README.md", "checkpoint_40", "plain"]);
        let weights = listing.file("checkpoint_40").expect("listed");
        assert_eq!(weights.size, Some(652_000_000));
        assert_eq!(weights.sha256.as_deref(), Some(&*"ab".repeat(32)));
    }

    #[test]
    fn an_answer_that_is_no_listing_is_refused() {
        for body in [
            "",
            "<html>",
            "[]",
            "{}",
            r#"{"sha": "../../x"}"#,
            r#"{"sha": 3}"#,
            r#"{"sha": "0123456789", "siblings": [{"rfilename": null}]}"#,
        ] {
            assert!(Listing::parse(body.as_bytes()).is_err(), "{body}");
        }
    }
}
