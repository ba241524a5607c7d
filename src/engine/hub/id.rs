//! The name of a checkpoint on the hub, and the server file names that may become local paths.

use super::error::HubError;

/// The prefix of a name copied from a browser.
const PAGE: &str = "https://huggingface.co/";
/// The default branch.
const DEFAULT_REVISION: &str = "main";
/// The maximum length of a part of a repository's name (the hub's own limit).
const MAX_PART: usize = 96;
/// The maximum length of a path in a repository.
const MAX_PATH: usize = 512;
/// The maximum length of a file name on common file systems.
const MAX_NAME: usize = 255;

/// A checkpoint on the hub: `OWNER/NAME`, `OWNER/NAME/FOLDER`, either with `@REVISION`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Id {
    /// The repository, `OWNER/NAME`.
    pub repo: String,
    /// The folder or file in it; empty for the whole repository.
    pub folder: String,
    /// The branch, tag or commit.
    pub revision: String,
}

impl Id {
    /// Parses an id, or the address of a repository's page.
    ///
    /// # Errors
    /// [`HubError::BadId`] with the expected format.
    pub fn parse(text: &str) -> Result<Self, HubError> {
        let refuse = |why| HubError::BadId {
            id: text.chars().take(MAX_PATH).collect(),
            why,
        };
        let trimmed = text.trim();
        let page = trimmed.strip_prefix(PAGE);
        let (path, revision) = match page.unwrap_or(trimmed).rsplit_once('@') {
            Some((path, revision)) => (path, Some(revision)),
            None => (page.unwrap_or(trimmed), None),
        };
        let path = path.strip_suffix('/').unwrap_or(path);
        let mut parts: Vec<&str> = path.split('/').collect();
        if parts.len() < 2 {
            return Err(refuse("it needs an owner and a name"));
        }
        let mut revision = revision.unwrap_or(DEFAULT_REVISION);
        // The page of a folder: OWNER/NAME/tree/REVISION/FOLDER.
        if page.is_some() && parts.len() >= 4 && matches!(parts[2], "tree" | "blob") {
            revision = parts[3];
            parts.drain(2..4);
        }
        if !parts[..2].iter().all(|part| is_repo_part(part)) {
            return Err(refuse("owner and name are letters, digits, -, _ and ."));
        }
        let folder = parts[2..].join("/");
        if !folder.is_empty() && !is_safe_path(&folder) {
            return Err(refuse("the folder is not a path within the repository"));
        }
        if !is_revision(revision) {
            return Err(refuse("what follows @ is not a branch, tag or commit"));
        }
        Ok(Self {
            repo: parts[..2].join("/"),
            folder,
            revision: revision.to_owned(),
        })
    }

    /// Returns the default branch of a repository named in this program.
    pub(super) fn of_repo(repo: &str) -> Self {
        Self {
            repo: repo.to_owned(),
            folder: String::new(),
            revision: DEFAULT_REVISION.to_owned(),
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.repo)?;
        if !self.folder.is_empty() {
            write!(f, "/{}", self.folder)?;
        }
        if self.revision != DEFAULT_REVISION {
            write!(f, "@{}", self.revision)?;
        }
        Ok(())
    }
}

fn is_repo_part(part: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    !part.is_empty()
        && part.len() <= MAX_PART
        && part.chars().all(is_allowed)
        && !part.starts_with(['.', '-'])
        && !part.ends_with('.')
        && !part.contains("--")
        && !part.contains("..")
}

fn is_revision(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/');
    is_safe_path(text) && text.chars().all(is_allowed)
}

/// Returns whether the text is a commit, and therefore safe as a folder name.
pub(super) fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether the text is an entity tag that is safe as a file name.
pub(super) fn is_etag(text: &str) -> bool {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    (1..=128).contains(&text.len()) && text.chars().all(is_allowed)
}

/// Returns whether the text is a SHA-256 in hexadecimal.
pub(super) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// Returns whether a path from a server stays within its folder on every platform.
pub(super) fn is_safe_path(path: &str) -> bool {
    let is_safe_name = |name: &str| {
        !name.is_empty()
            && name.len() <= MAX_NAME
            && name != "."
            && name != ".."
            && !name.contains(['\\', ':', '\0'])
            && !name.chars().any(char::is_control)
    };
    path.len() <= MAX_PATH && path.split('/').all(is_safe_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read() {
        let table = [
            ("zen-E/CODI-gpt2", "zen-E/CODI-gpt2", "", "main"),
            (" zen-E/CODI-gpt2/ ", "zen-E/CODI-gpt2", "", "main"),
            (
                "bmarti44/coconut-curriculum-checkpoints/coconut/checkpoint_best",
                "bmarti44/coconut-curriculum-checkpoints",
                "coconut/checkpoint_best",
                "main",
            ),
            ("a/b@refs/pr/1", "a/b", "", "refs/pr/1"),
            ("a/b/c@0123456", "a/b", "c", "0123456"),
            ("https://huggingface.co/a/b", "a/b", "", "main"),
            ("https://huggingface.co/a/b/tree/v1/c/d", "a/b", "c/d", "v1"),
        ];
        for (text, repo, folder, revision) in table {
            let id = Id::parse(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(
                (&*id.repo, &*id.folder, &*id.revision),
                (repo, folder, revision),
                "{text}"
            );
            assert_eq!(Id::parse(&id.to_string()), Ok(id), "{text}");
        }
    }

    #[test]
    fn what_is_no_id_is_refused() {
        let long = format!("a/{}", "b".repeat(200));
        for text in [
            "",
            "mini-math",
            "a/",
            "/b",
            "../b",
            "a/..",
            "a/b/../c",
            "a/b//c",
            "a b/c",
            "a/b@",
            "a/b@x y",
            "a/b@../x",
            "a/b\u{1b}",
            "a/b/c\nd",
            "http://elsewhere/a/b",
            &long,
        ] {
            let error = Id::parse(text).expect_err(text);
            assert!(error.to_string().contains("hub"), "{error}");
        }
    }

    #[test]
    fn no_path_of_a_server_leaves_its_folder() {
        for path in ["model.bin", "a/b/c.json", "naïve name.bin"] {
            assert!(is_safe_path(path), "{path}");
        }
        let long = "x/".repeat(300) + "x";
        for path in [
            "",
            "/etc/passwd",
            "../x",
            "a/../x",
            "a//x",
            "a/",
            "C:x",
            "a\\..\\x",
            "a\nb",
            "a\0b",
            &long,
        ] {
            assert!(!is_safe_path(path), "{path:?}");
        }
        assert!(!is_etag("../x") && !is_etag("") && is_etag("3f-a_B9"));
        assert!(!is_commit("main") && is_commit("0123456789abcdef"));
    }
}
