//! Session files on disk: written as the analyst works, loaded in spite of damage, found again by what they are about.
//! The format is in `event` and `log`, what could not be read in `unread`, the writing in `saved`, the finding in `shelf`.

mod event;
mod log;
mod saved;
mod shelf;
mod unread;

use std::path::Path;

pub use event::{Header, Tool};
pub use log::{Loaded, SessionFile};
pub use saved::SavedFile;
pub use shelf::{Noted, Shelf, noted};
pub use unread::{Unread, What, summary};

use crate::core::error::{Error, Result};
use crate::core::file;

/// The ending of session files.
pub const EXTENSION: &str = "jsonl";
/// The largest session file that is read, in bytes: thousands of times one problem with all its studies.
pub const MAX_LEN: u64 = 64 << 20;

/// Reads a session file.
///
/// # Errors
/// When it cannot be read, is larger than [`MAX_LEN`], or is no session file; what of it is damaged is in [`Loaded::unread`].
pub fn load(path: &Path) -> Result<Loaded> {
    SessionFile::read(&read_bytes(path)?, path)
}

/// The bytes of a session file.
///
/// # Errors
/// When it cannot be read, or is larger than [`MAX_LEN`].
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let refused = |why: String| Error::data(path, None, why, "open a file that undertone saved");
    let bytes = file::read_at_most(path, MAX_LEN)?;
    let bytes = bytes.ok_or_else(|| refused(format!("it is longer than {} MiB", MAX_LEN >> 20)))?;
    if file::values_in(&bytes) > file::MOST_VALUES {
        return Err(refused(
            "it holds too many values to be a session".to_owned(),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
