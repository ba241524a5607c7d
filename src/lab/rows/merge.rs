//! Shards of one run put together: the result is the single run's file, byte for byte.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::header::Header;
use super::journal::Reader;
use super::{FILE, parquet};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::file::Outputs;
use crate::core::paths;
use crate::core::text::Page;

/// What was put together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// Rows written.
    pub rows: usize,
    /// Problems they are about.
    pub problems: usize,
    /// Files whose last line was cut short after all of their rows.
    pub torn: Vec<PathBuf>,
}

/// What else is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct How {
    /// Replace existing files.
    pub force: bool,
    /// Write Parquet too.
    pub parquet: bool,
}

/// Puts the shards in some folders together into another folder.
///
/// # Errors
/// When they are not parts of one run, one is missing, given twice, damaged or not finished, the output is one of them or is
/// there already, or something cannot be read or written.
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
                    "run it again with the same options: it goes on where it stopped",
                ));
            };
            writeln!(sink, "{line}").map_err(failed)?;
            rows += 1;
        }
        // What follows belongs to no plan.
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

/// Which folder holds each shard.
fn complete(folders: &[PathBuf], shards: &[Reader], of: usize) -> Result<Vec<usize>> {
    let first: &Header = shards[0].header();
    // What a header says of the number of shards is no reason to make room for as many.
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
