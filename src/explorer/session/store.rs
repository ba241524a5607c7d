//! Session files on disk: written during work, readable despite damage, and found again by question and model.
//! `event` and `log` define the format, `unread` reports damage, `saved` writes files, `shelf` finds them.

mod event;
mod log;
mod saved;
mod shelf;
mod unread;

use std::path::Path;

pub use event::SessionHeader;
pub use log::{Loaded, SessionFile};
pub use saved::SavedFile;
pub use shelf::{Noted, Shelf, noted};
pub use unread::{Unread, summary};

use crate::core::error::{Error, Result};
use crate::core::file;

/// The extension of session files.
pub const EXTENSION: &str = "jsonl";
/// The largest session file that is read, in bytes: thousands of times the size of one problem with all its studies.
pub const MAX_LEN: u64 = 64 << 20;

/// Reads a session file.
///
/// # Errors
/// If it cannot be read, is larger than [`MAX_LEN`], or is no session file. Damage within it is reported in [`Loaded::unread`].
pub fn load(path: &Path) -> Result<Loaded> {
    SessionFile::read(&read_bytes(path)?, path)
}

/// Reads the bytes of a session file.
///
/// # Errors
/// If it cannot be read, is larger than [`MAX_LEN`], or holds too many JSON values.
pub fn read_bytes(path: &Path) -> Result<Vec<u8>> {
    let refused = |why: String| Error::data(path, None, why, "open a file that undertone saved");
    let bytes = file::read_at_most(path, MAX_LEN)?;
    let bytes =
        bytes.ok_or_else(|| refused(format!("it exceeds the limit of {} MiB", MAX_LEN >> 20)))?;
    if file::values_in(&bytes) > file::MOST_VALUES {
        return Err(refused(
            "it holds too many values to be a session".to_owned(),
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests;
