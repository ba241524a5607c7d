//! `undertone merge`: merges the shards of a run.

use super::{print, print_warning};
use crate::commands::cli::MergeArgs;
use crate::core::error::Result;
use crate::core::text::Page;
use crate::lab::rows::merge::{How, merge};

/// Merges the shards and prints the counts.
///
/// # Errors
/// When the folders are not the parts of one run, or a file cannot be read or written.
pub fn run(args: &MergeArgs) -> Result<()> {
    let how = How {
        force: args.force,
        parquet: args.parquet,
    };
    let merged = merge(&args.folders, &args.out, how)?;
    for path in &merged.torn {
        print_warning(&format!(
            "{path:?}: its last line was cut short; all of its rows are there"
        ));
    }
    print(&Page::new(format!(
        "{} rows of {} problems from {} folders",
        merged.rows,
        merged.problems,
        args.folders.len()
    )))
}
