//! File locations: XDG folders on every Unix, the native ones on Windows, each with an override.
//!
//! Only [`create_folder`] creates anything.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

use crate::core::error::{Error, Result};
use crate::core::text::sanitize;

/// The folder of this program in each base folder.
const NAME: &str = "undertone";

/// The folders of this program.
///
/// | Folder | Default | Override |
/// |---|---|---|
/// | config | `$XDG_CONFIG_HOME/undertone` | `UNDERTONE_CONFIG_DIR` |
/// | data | `$XDG_DATA_HOME/undertone` | `UNDERTONE_DATA_DIR` |
/// | state | `$XDG_STATE_HOME/undertone` | `UNDERTONE_STATE_DIR` |
/// | cache | `$XDG_CACHE_HOME/undertone` | `UNDERTONE_CACHE_DIR` |
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// The configuration.
    pub config: PathBuf,
    /// Saved sessions.
    pub data: PathBuf,
    /// The log and autosaves.
    pub state: PathBuf,
    /// Recomputable data.
    pub cache: PathBuf,
}

impl Paths {
    /// Finds the folders of this user.
    ///
    /// # Errors
    /// A configuration error if there is no home folder.
    pub fn discover() -> Result<Self> {
        let base = etcetera::choose_base_strategy().map_err(|why| Error::Config {
            path: PathBuf::from("HOME"),
            line: None,
            message: why.to_string(),
            hint: Some("set the HOME environment variable".to_owned()),
        })?;
        Ok(Self::from_base(&base, |name| env::var_os(name)))
    }

    /// Derives the folders from the base folders and the overrides.
    fn from_base(base: &impl BaseStrategy, var: impl Fn(&str) -> Option<OsString>) -> Self {
        let choose = |name: &str, default: PathBuf| match var(name) {
            Some(folder) if !folder.is_empty() => PathBuf::from(folder),
            _ => default.join(NAME),
        };
        Self {
            config: choose("UNDERTONE_CONFIG_DIR", base.config_dir()),
            data: choose("UNDERTONE_DATA_DIR", base.data_dir()),
            state: choose(
                "UNDERTONE_STATE_DIR",
                // Windows has no state folder.
                base.state_dir().unwrap_or_else(|| base.data_dir()),
            ),
            cache: choose("UNDERTONE_CACHE_DIR", base.cache_dir()),
        }
    }

    /// Returns the folder of autosaves.
    #[must_use]
    pub fn recovery(&self) -> PathBuf {
        self.state.join("recovery")
    }

    /// Returns the folder of data-set runs started from the explorer.
    #[must_use]
    pub fn runs(&self) -> PathBuf {
        self.data.join("runs")
    }

    /// Returns the help text on file locations on this machine.
    #[must_use]
    pub fn help(&self) -> String {
        let shown = |path: &Path| sanitize(&path.display().to_string()).into_string();
        format!(
            "\
Files on this machine:
  log                   {}
  sessions, autosaved   {}
  runs of the explorer  {}
  cached answers        {}
Other folders: UNDERTONE_STATE_DIR, UNDERTONE_DATA_DIR, UNDERTONE_CACHE_DIR, or
the XDG variables. Downloads go to the cache of the hub: HF_HOME, HF_HUB_CACHE.",
            shown(&self.log_file()),
            shown(&self.recovery()),
            shown(&self.runs()),
            shown(&self.cache)
        )
    }

    /// Returns the path of the log file.
    #[must_use]
    pub fn log_file(&self) -> PathBuf {
        self.state.join("undertone.log")
    }
}

/// Returns this user's home folder, if there is one.
#[must_use]
pub fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// Replaces a leading `~` by the home folder, as a shell does; another user's home (`~ada`) is not looked up.
#[must_use]
pub fn expand(home: Option<&Path>, path: &Path) -> PathBuf {
    match (home, path.strip_prefix("~")) {
        (Some(home), Ok(rest)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Converts a path typed by the user, expanding `~`.
#[must_use]
pub fn typed(text: &str) -> PathBuf {
    expand(home().as_deref(), Path::new(text))
}

/// Creates a folder and its parents, unless they exist.
///
/// # Errors
/// Names the folder if it cannot be created.
pub fn create_folder(folder: &Path) -> Result<()> {
    std::fs::create_dir_all(folder).map_err(|source| Error::io("create", folder, source))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Base folders under one root.
    struct Base;

    impl BaseStrategy for Base {
        fn home_dir(&self) -> &Path {
            Path::new("/home/ada")
        }

        fn config_dir(&self) -> PathBuf {
            self.home_dir().join("c")
        }

        fn data_dir(&self) -> PathBuf {
            self.home_dir().join("d")
        }

        fn cache_dir(&self) -> PathBuf {
            self.home_dir().join("k")
        }

        fn state_dir(&self) -> Option<PathBuf> {
            None
        }

        fn runtime_dir(&self) -> Option<PathBuf> {
            None
        }
    }

    #[test]
    fn only_a_leading_tilde_expands_to_the_home_folder() {
        let home = Some(Path::new("/home/ada"));
        for (typed, path) in [
            ("~/ckpt", "/home/ada/ckpt"),
            ("~", "/home/ada"),
            ("~bob/ckpt", "~bob/ckpt"),
            ("./~/ckpt", "./~/ckpt"),
            ("/a~/b", "/a~/b"),
            ("", ""),
        ] {
            assert_eq!(expand(home, Path::new(typed)), Path::new(path), "{typed}");
        }
        assert_eq!(expand(None, Path::new("~/x")), Path::new("~/x"));
    }

    #[test]
    fn the_help_names_every_folder() {
        let paths = Paths::from_base(&Base, |_| None);
        let help = paths.help();
        for folder in [
            &paths.cache,
            &paths.runs(),
            &paths.recovery(),
            &paths.log_file(),
        ] {
            assert!(help.contains(&folder.display().to_string()), "{help}");
        }
    }

    #[test]
    fn folders_follow_the_base_and_the_overrides() {
        let plain = Paths::from_base(&Base, |_| None);
        assert_eq!(plain.config, Path::new("/home/ada/c/undertone"));
        assert_eq!(plain.cache, Path::new("/home/ada/k/undertone"));
        assert_eq!(plain.data, Path::new("/home/ada/d/undertone"));
        assert_eq!(
            plain.recovery(),
            Path::new("/home/ada/d/undertone/recovery")
        );

        let moved = Paths::from_base(&Base, |name| match name {
            "UNDERTONE_STATE_DIR" => Some("/elsewhere".into()),
            "UNDERTONE_DATA_DIR" => Some(OsString::new()),
            _ => None,
        });
        assert_eq!(moved.log_file(), Path::new("/elsewhere/undertone.log"));
        assert_eq!(moved.data, plain.data, "an empty variable counts as unset");
    }
}
