//! What a command reads and what it writes: an output is never an input, and replaces no file unless that was asked for.

use std::fs;
use std::path::{Path, PathBuf};

use super::kind::{Kind, descriptor};
use super::write::resolved;
use crate::core::error::{Error, Result};

/// What tells one file from another, whatever it is called.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    /// Device and number of a file that is there.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path of a file that may not be there yet.
    Path(PathBuf),
}

impl Identity {
    /// The identity of a regular file, there or not; none of anything else, of which writing destroys nothing.
    fn of(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(metadata) if Kind::of(&metadata) != Kind::File => None,
            #[cfg(unix)]
            Ok(metadata) => {
                use std::os::unix::fs::MetadataExt as _;
                Some(Self::Inode(metadata.dev(), metadata.ino()))
            }
            _ => {
                let path = resolved(path).ok()?;
                let folder = path
                    .parent()
                    .and_then(|folder| fs::canonicalize(folder).ok());
                Some(Self::Path(match (folder, path.file_name()) {
                    (Some(folder), Some(name)) => folder.join(name),
                    _ => path,
                }))
            }
        }
    }
}

/// The files that a command reads and writes.
#[derive(Debug, Default)]
pub struct Outputs {
    force: bool,
    inputs: Vec<Identity>,
    written: Vec<Identity>,
}

impl Outputs {
    /// Nothing yet; `force` is whether files that are there may be replaced.
    #[must_use]
    pub fn new(force: bool) -> Self {
        Self {
            force,
            ..Self::default()
        }
    }

    /// Says that a file is read.
    pub fn reads(&mut self, path: &Path) {
        self.inputs.extend(Identity::of(path));
    }

    /// Says that a file will be written, and whether it may be. To be asked before anything is read or written.
    ///
    /// # Errors
    /// A usage error when it is an input or another output, or is there and `force` was not given; an error that names a folder.
    pub fn writes(&mut self, path: &Path) -> Result<()> {
        self.spares(path)?;
        let Some(identity) = Identity::of(path) else {
            return match fs::metadata(path) {
                Ok(found) if found.is_dir() => {
                    Err(Error::io("write", path, Kind::Folder.refused()))
                }
                _ => Ok(()),
            };
        };
        if self.written.contains(&identity) {
            return Err(Error::usage_with_hint(
                format!("{path:?} is named for two outputs"),
                "name a file for each",
            ));
        }
        self.written.push(identity);
        // What a shell opened for this command is the shell's to keep.
        let is_there = fs::metadata(path).is_ok() && descriptor(path).is_none();
        if is_there && !self.force {
            return Err(Error::usage_with_hint(
                format!("{path:?} already exists"),
                "pass --force to overwrite it, or choose another place",
            ));
        }
        Ok(())
    }

    /// The same of a file that may be there and is written to all the same, as that of a run that goes on.
    ///
    /// # Errors
    /// A usage error when it is an input.
    pub fn spares(&self, path: &Path) -> Result<()> {
        let is_input = |identity| self.inputs.contains(&identity);
        if Identity::of(path).is_some_and(is_input) {
            return Err(Error::usage_with_hint(
                format!("{path:?} is being read, and would be written over"),
                "choose another folder or file for the output",
            ));
        }
        Ok(())
    }
}
