//! Rows as Parquet for data-frame tools, one file per experiment: columns `index`, `steps`, `correct`, `refused`,
//! `experiment` and `result`, nested as in the file of rows. The header is in the file's metadata.

use std::path::{Path, PathBuf};

use super::{Experiment, RowsHeader};
use crate::core::error::{Error, Result};

#[cfg(feature = "parquet")]
mod writer;

#[cfg(all(test, feature = "parquet"))]
pub use writer::HEADER;

/// Refuses Parquet in a build that cannot write it. Called before a run starts.
///
/// # Errors
/// Explains how to build with it and how to convert the rows without it.
pub fn check() -> Result<()> {
    if cfg!(feature = "parquet") {
        return Ok(());
    }
    Err(Error::usage_with_hint(
        "this build has no Parquet support",
        "build it with: cargo build --release --features parquet; or convert the rows as docs/rows.md shows: grep \
         '\"experiment\":\"accuracy\"' DIR/rows.jsonl > accuracy.jsonl && duckdb -c \"copy (from 'accuracy.jsonl') to \
         'accuracy.parquet'\"",
    ))
}

/// Returns the files that [`write()`] may write.
#[must_use]
pub fn paths(folder: &Path, header: &RowsHeader) -> Vec<PathBuf> {
    let experiments = header.experiments.iter();
    experiments
        .map(|experiment| path(folder, *experiment))
        .collect()
}

fn path(folder: &Path, experiment: Experiment) -> PathBuf {
    folder.join(format!("{}.parquet", experiment.as_str()))
}

/// Writes `EXPERIMENT.parquet` into a run's folder for each experiment with rows; returns the paths.
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
