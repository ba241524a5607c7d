//! Merges the shards of a run into the file that an unsharded run writes, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::RowsHeader;
use super::journal::Reader;
use super::{FILE, parquet};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::file::Outputs;
use crate::core::paths;
use crate::core::text::Page;

/// The result of a merge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Number of rows written.
    pub rows: usize,
    /// Number of problems.
    pub problems: usize,
    /// Files with a truncated line after all of their rows.
    pub torn: Vec<PathBuf>,
}

/// Options of a merge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// Replace existing files.
    pub force: bool,
    /// Write Parquet too.
    pub parquet: bool,
}

/// Merges the shards in `folders` into the folder `out`.
///
/// # Errors
/// When they are not parts of one run, a shard is missing, duplicate, damaged or unfinished, the output is one of them or
/// exists already, or a file cannot be read or written.
pub fn merge(folders: &[PathBuf], out: &Path, how: How) -> Result<Merged> {
    let mut outputs = Outputs::new(how.force);
    let mut shards: Vec<Reader> = Vec::new();
    for folder in folders {
        outputs.reads(&folder.join(FILE));
        shards.push(Reader::open(folder)?);
    }
    let Some(first) = shards.first() else {
        return Err(Error::usage("no folder to merge is named"));
    };
    let whole = first.header().whole();
    let of = first.header().shard.of;
    let place = complete(folders, &shards, of)?;
    let target = out.join(FILE);
    outputs.writes(&target)?;
    if how.parquet {
        parquet::check()?;
        for path in parquet::paths(out, &whole) {
            outputs.writes(&path)?;
        }
    }
    paths::create_folder(out)?;
    let mut rows = 0;
    file::write_streamed(&target, |sink| {
        let header = Page::json_line(&whole).map_err(|why| Error::internal(why.to_string()))?;
        let failed = |source| Error::io("write", &target, source);
        writeln!(sink, "{header}").map_err(failed)?;
        for (index, experiment) in whole.plan() {
            let shard = &mut shards[place[(index / whole.settings.batch.max(1)) % of]];
            let Some(line) = shard.planned(Some((index, experiment)))? else {
                let cut = if shard.is_torn() {
                    "; its last line was cut short"
                } else {
                    ""
                };
                return Err(Error::usage_with_hint(
                    format!(
                        "{:?} is not finished: problem {index} {} is missing{cut}",
                        shard.path(),
                        experiment.as_str()
                    ),
                    "run it again with the same options: it resumes where it stopped",
                ));
            };
            writeln!(sink, "{line}").map_err(failed)?;
            rows += 1;
        }
        // Rows beyond the plan are refused.
        for shard in &mut shards {
            shard.planned(None)?;
        }
        Ok(())
    })?;
    if how.parquet {
        parquet::write(out)?;
    }
    let torn = shards.iter().filter(|shard| shard.is_torn());
    Ok(Merged {
        rows,
        problems: whole.data.n,
        torn: torn.map(|shard| shard.path().to_owned()).collect(),
    })
}

/// Returns the index of the folder that holds each shard.
fn complete(folders: &[PathBuf], shards: &[Reader], of: usize) -> Result<Vec<usize>> {
    let first: &RowsHeader = shards[0].header();
    // A map, because the shard count of a header is untrusted and must not size an allocation.
    let mut place: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, shard) in shards.iter().enumerate() {
        let header = shard.header();
        let difference = first.differs(header).or_else(|| {
            (header.shard.of != of)
                .then(|| format!("one is shard {}, the other {}", first.shard, header.shard))
        });
        if let Some(difference) = difference {
            return Err(Error::usage_with_hint(
                format!(
                    "{:?} and {:?} are not parts of one run: {difference}",
                    folders[0], folders[at]
                ),
                "merge only shards that were run with the same options",
            ));
        }
        if let Some(other) = place.insert(header.shard.index, at) {
            return Err(Error::usage(format!(
                "{:?} and {:?} are both shard {}",
                folders[other], folders[at], header.shard
            )));
        }
    }
    let missing = |shard: usize| Error::usage(format!("shard {shard}/{of} is missing"));
    (1..=of)
        .map(|shard| place.get(&shard).copied().ok_or_else(|| missing(shard)))
        .collect()
}
