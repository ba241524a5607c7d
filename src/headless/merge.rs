//! `undertone merge`: the shards of one run put together.

use super::print;
use crate::cli::MergeArgs;
use crate::error::Result;
use crate::rows::merge::merge;
use crate::rows::parquet;
use crate::text::Page;

/// Merges, and says what was merged.
///
/// # Errors
/// When the folders are not the parts of one run, or something cannot be read or written.
pub fn run(args: &MergeArgs) -> Result<()> {
    let merged = merge(&args.folders, &args.out)?;
    if args.parquet {
        parquet::write(&args.out)?;
    }
    print(&Page::of(format!(
        "{} rows of {} problems from {} folders",
        merged.rows,
        merged.problems,
        args.folders.len()
    )))
}
