//! Rows as Parquet, a file for each experiment, so that data-frame tools read them as they are: columns `index`, `steps`,
//! `correct`, `refused`, `experiment` and `result`, nested as in the file of rows. The header is in the file's metadata.

use std::path::{Path, PathBuf};

use super::{Experiment, Header};
use crate::core::error::{Error, Result};

#[cfg(feature = "parquet")]
mod writer;

#[cfg(all(test, feature = "parquet"))]
pub use writer::HEADER;

/// Refuses Parquet in a build that cannot write it; asked before a run starts, not after it.
///
/// # Errors
/// Says how to get it, and how the rows are converted without it.
pub fn check() -> Result<()> {
    if cfg!(feature = "parquet") {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        "this build writes no Parquet",
        "build it with: cargo build --release --features parquet; or convert the rows: duckdb -c \"copy (from \
         read_json('DIR/rows.jsonl', format = 'newline_delimited') where experiment = 'accuracy') to 'accuracy.parquet'\"",
    ))
}

/// The files that [`write()`] may write.
#[must_use]
pub fn paths(folder: &Path, header: &Header) -> Vec<PathBuf> {
    let experiments = header.experiments.iter();
    experiments
        .map(|experiment| path(folder, *experiment))
        .collect()
}

fn path(folder: &Path, experiment: Experiment) -> PathBuf {
    folder.join(format!("{}.parquet", experiment.as_str()))
}

/// Writes `EXPERIMENT.parquet` into a run's folder for each experiment that its rows hold; returns the files' paths.
///
/// # Errors
/// Names the file that cannot be read or written; see [`check`].
pub fn write(folder: &Path) -> Result<Vec<PathBuf>> {
    check()?;
    #[cfg(feature = "parquet")]
    return writer::write(folder);
    #[cfg(not(feature = "parquet"))]
    Err(Error::internal(format!(
        "no Parquet for {}",
        folder.display()
    )))
}
