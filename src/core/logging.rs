//! The log, written to a file in the state folder, never to the screen.

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use tracing_subscriber::EnvFilter;

use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::paths;

/// The environment variable with the log filter, in `EnvFilter` syntax, e.g. `undertone=debug`.
pub const FILTER_VAR: &str = "UNDERTONE_LOG";
/// The filter if the variable is unset or empty.
const DEFAULT_FILTER: &str = "info";
/// Maximum log size in bytes; at the next start, a longer log is renamed to `.old`.
const MAX_LOG_LEN: u64 = 4 << 20;

/// Starts logging to the file.
///
/// # Errors
/// Names the file if it cannot be written, or the variable if its filter is invalid.
pub fn init(log_file: &Path) -> Result<()> {
    let filter = parse_filter(env::var(FILTER_VAR).ok().as_deref())?;
    let file = open(log_file)?;
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(Mutex::new(file))
        .with_ansi(false)
        .try_init()
        .map_err(|why| Error::internal(format!("the log was started twice: {why}")))
}

/// Opens the log file for appending. Creates its folder and renames an overlong log first.
///
/// # Errors
/// Names the file or folder that cannot be written.
pub fn open(log_file: &Path) -> Result<File> {
    if let Some(folder) = log_file.parent() {
        paths::create_folder(folder)?;
    }
    if fs::metadata(log_file).is_ok_and(|metadata| metadata.len() > MAX_LOG_LEN) {
        let old = log_file.with_extension("log.old");
        fs::rename(log_file, old).map_err(|source| Error::io("set aside", log_file, source))?;
    }
    file::append(log_file).map_err(|source| Error::io("write", log_file, source))
}

/// Parses a filter; unset and empty mean the default.
fn parse_filter(filter: Option<&str>) -> Result<EnvFilter> {
    let filter = filter.filter(|f| !f.is_empty()).unwrap_or(DEFAULT_FILTER);
    EnvFilter::try_new(filter).map_err(|why| Error::Config {
        path: PathBuf::from(FILTER_VAR),
        line: None,
        message: format!("cannot read the filter {filter:?}: {why}"),
        hint: Some("use a level, as in info, or a list, as in undertone=debug,warn".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::error::FailureKind;

    #[test]
    fn the_log_is_appended_to_until_it_is_too_long() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let log_file = folder.path().join("state").join("undertone.log");
        drop(open(&log_file).expect("created with its folder"));
        fs::write(&log_file, "one line\n").expect("written");
        drop(open(&log_file).expect("opened"));
        assert_eq!(fs::read_to_string(&log_file).expect("read"), "one line\n");

        let long = File::create(&log_file).expect("created");
        long.set_len(MAX_LOG_LEN + 1).expect("grown");
        drop(open(&log_file).expect("opened"));
        assert_eq!(fs::metadata(&log_file).expect("there").len(), 0);
        assert!(log_file.with_extension("log.old").exists());
    }

    #[test]
    fn filters_are_checked() {
        for filter in [None, Some(""), Some("debug"), Some("undertone=trace,warn")] {
            assert!(parse_filter(filter).is_ok(), "{filter:?}");
        }
        let error = parse_filter(Some("undertone=shouting")).expect_err("no such level");
        assert_eq!(error.kind(), FailureKind::Config);
        assert!(error.to_string().contains(FILTER_VAR), "{error}");
    }
}
