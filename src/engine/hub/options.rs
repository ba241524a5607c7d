//! The hub's address, cache and token, from the environment variables of the official libraries.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::error::HubError;
use crate::core::file;
use crate::core::paths::{self, expand};

/// The pause before the first retry; each further one doubles it.
const RETRY_PAUSE: Duration = Duration::from_millis(500);
/// The maximum size of a token file, in bytes.
const MAX_TOKEN: u64 = 4096;
/// The values that the official libraries accept as true.
const YES: [&str; 4] = ["1", "ON", "YES", "TRUE"];

/// The settings of the hub.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct HubOptions {
    /// Whether network access is forbidden.
    pub offline: bool,
    /// The hub's address, if not the default.
    pub endpoint: Option<String>,
    /// The folder of the cache (`.../hub`); `None` if there is no home folder.
    pub cache: Option<PathBuf>,
    /// The token, which is sent to the hub only.
    pub token: Option<String>,
    /// The pause before the first retry of a broken connection; doubled for each further one.
    pub retry_pause: Duration,
}

impl HubOptions {
    /// Reads the environment of the official libraries.
    ///
    /// | Variable | Meaning |
    /// |---|---|
    /// | `HF_HOME` | the folder of cache and token; else `$XDG_CACHE_HOME/huggingface` or `~/.cache/huggingface` |
    /// | `HF_HUB_CACHE`, `HUGGINGFACE_HUB_CACHE` | the cache; else `$HF_HOME/hub` |
    /// | `HF_ENDPOINT` | the hub's address |
    /// | `HF_TOKEN`, `HUGGING_FACE_HUB_TOKEN` | the token; else the file `HF_TOKEN_PATH` or `$HF_HOME/token` |
    /// | `HF_HUB_DISABLE_IMPLICIT_TOKEN` | do not read the token file |
    /// | `HF_HUB_OFFLINE`, `TRANSFORMERS_OFFLINE` | do not access the network |
    #[must_use]
    pub fn from_env() -> Self {
        Self::from_vars(paths::home().as_deref(), |name| env::var_os(name))
    }

    fn from_vars(home: Option<&Path>, var: impl Fn(&str) -> Option<OsString>) -> Self {
        let filled = |name: &str| var(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            let value = filled(name)?.to_string_lossy().trim().to_owned();
            (!value.is_empty()).then_some(value)
        };
        let folder = |name: &str| Some(expand(home, Path::new(&filled(name)?)));
        let is_yes =
            |name: &str| text(name).is_some_and(|value| YES.contains(&&*value.to_uppercase()));
        let hf_home = folder("HF_HOME").or_else(|| {
            let caches = folder("XDG_CACHE_HOME").or_else(|| Some(home?.join(".cache")))?;
            Some(caches.join("huggingface"))
        });
        let token_file = || {
            if is_yes("HF_HUB_DISABLE_IMPLICIT_TOKEN") {
                return None;
            }
            let path = folder("HF_TOKEN_PATH").or_else(|| Some(hf_home.as_ref()?.join("token")))?;
            read_token(&path)
        };
        Self {
            offline: is_yes("HF_HUB_OFFLINE") || is_yes("TRANSFORMERS_OFFLINE"),
            endpoint: text("HF_ENDPOINT"),
            cache: folder("HF_HUB_CACHE")
                .or_else(|| folder("HUGGINGFACE_HUB_CACHE"))
                .or_else(|| Some(hf_home.as_ref()?.join("hub"))),
            token: text("HF_TOKEN")
                .or_else(|| text("HUGGING_FACE_HUB_TOKEN"))
                .or_else(token_file),
            retry_pause: RETRY_PAUSE,
        }
    }

    /// Returns the folder of the cache.
    pub(super) fn cache(&self) -> Result<&Path, HubError> {
        self.cache.as_deref().ok_or_else(|| HubError::Setting {
            name: "HF_HOME",
            why: "it is not set, and there is no home folder".to_owned(),
        })
    }
}

impl fmt::Debug for HubOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("offline", &self.offline)
            .field("endpoint", &self.endpoint)
            .field("cache", &self.cache)
            // Secrets must not appear in logs.
            .field("token", &self.token.as_ref().map(|_| "set"))
            .field("retry_pause", &self.retry_pause)
            .finish()
    }
}

/// Reads the token in a file; `None` if it is unreadable, since most models need no token.
fn read_token(path: &Path) -> Option<String> {
    let token = file::read_text_at_most(path, MAX_TOKEN).ok()?;
    let token = token.trim().to_owned();
    (!token.is_empty()).then_some(token)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn options(vars: &[(&str, &str)]) -> HubOptions {
        HubOptions::from_vars(Some(Path::new("/home/ada")), |name| {
            let found = vars.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| value.into())
        })
    }

    fn cache(vars: &[(&str, &str)]) -> String {
        let path = options(vars).cache.expect("there is a home");
        path.to_string_lossy().replace('\\', "/")
    }

    #[test]
    fn the_cache_follows_the_environment_of_the_official_libraries() {
        let home = ("HF_HOME", "/data/hf");
        assert_eq!(cache(&[]), "/home/ada/.cache/huggingface/hub");
        assert_eq!(cache(&[("XDG_CACHE_HOME", "/x")]), "/x/huggingface/hub");
        assert_eq!(cache(&[home]), "/data/hf/hub");
        assert_eq!(cache(&[("HF_HOME", "~/hf")]), "/home/ada/hf/hub");
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", "/c")]), "/c");
        assert_eq!(cache(&[home, ("HUGGINGFACE_HUB_CACHE", "/o")]), "/o");
        assert_eq!(cache(&[home, ("HF_HUB_CACHE", "")]), "/data/hf/hub");
    }

    #[test]
    fn offline_is_what_the_official_libraries_take_as_yes() {
        for (value, offline) in [("1", true), ("yes", true), ("0", false), ("", false)] {
            assert_eq!(
                options(&[("HF_HUB_OFFLINE", value)]).offline,
                offline,
                "{value:?}"
            );
        }
        assert!(options(&[("TRANSFORMERS_OFFLINE", "true")]).offline);
    }

    #[test]
    fn the_token_comes_from_the_variable_or_the_file() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let home = folder.path().to_str().expect("UTF-8");
        fs::write(folder.path().join("token"), "hf_file\n").expect("written");
        let token = |vars: &[(&str, &str)]| options(vars).token;
        assert_eq!(token(&[("HF_HOME", home)]).as_deref(), Some("hf_file"));
        assert_eq!(
            token(&[("HF_HOME", home), ("HF_TOKEN", " hf_var ")]).as_deref(),
            Some("hf_var")
        );
        assert_eq!(
            token(&[("HF_HOME", home), ("HF_HUB_DISABLE_IMPLICIT_TOKEN", "1")]),
            None
        );
        let shown = format!("{:?}", options(&[("HF_TOKEN", "hf_secret")]));
        assert!(!shown.contains("hf_secret"), "{shown}");
    }
}
