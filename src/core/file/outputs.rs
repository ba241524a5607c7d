//! The inputs and outputs of a command: an output is never an input, and replaces a file only with `--force`.

use std::fs;
use std::path::{Path, PathBuf};

use super::kind::{FileKind, descriptor};
use super::write::resolved;
use crate::core::error::{Error, Result};

/// The identity of a file, independent of the path used.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    /// Device and inode of an existing file.
    #[cfg(unix)]
    Inode(u64, u64),
    /// The path of a file that may not exist yet.
    Path(PathBuf),
}

impl Identity {
    /// Returns the identity of a regular file, existing or not; `None` for anything else, which writing cannot destroy.
    fn new(path: &Path) -> Option<Self> {
        match fs::metadata(path) {
            Ok(metadata) if FileKind::new(&metadata) != FileKind::File => None,
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
    /// Creates an empty record; `force` allows replacing existing files.
    #[must_use]
    pub fn new(force: bool) -> Self {
        Self {
            force,
            ..Self::default()
        }
    }

    /// Registers an input.
    pub fn reads(&mut self, path: &Path) {
        self.inputs.extend(Identity::new(path));
    }

    /// Registers an output and checks that it may be written. Call before anything is read or written.
    ///
    /// # Errors
    /// A usage error if it is an input or another output, or exists without `force`; an I/O error if it is a folder.
    pub fn writes(&mut self, path: &Path) -> Result<()> {
        self.spares(path)?;
        let Some(identity) = Identity::new(path) else {
            return match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => {
                    Err(Error::io("write", path, FileKind::Folder.refusal()))
                }
                _ => Ok(()),
            };
        };
        if self.written.contains(&identity) {
            return Err(Error::usage_with_hint(
                format!("{path:?} is used for two outputs"),
                "name a file for each",
            ));
        }
        self.written.push(identity);
        // A file opened by the shell for this command is exempt.
        let exists = fs::metadata(path).is_ok() && descriptor(path).is_none();
        if exists && !self.force {
            return Err(Error::usage_with_hint(
                format!("{path:?} already exists"),
                "pass --force to overwrite it, or choose another place",
            ));
        }
        Ok(())
    }

    /// Checks only that an output is not an input, for files that may exist and are written to anyway, such as those of a resumed run.
    ///
    /// # Errors
    /// A usage error if it is an input.
    pub fn spares(&self, path: &Path) -> Result<()> {
        let is_input = |identity| self.inputs.contains(&identity);
        if Identity::new(path).is_some_and(is_input) {
            return Err(Error::usage_with_hint(
                format!("{path:?} is also an input and would be overwritten"),
                "choose another folder or file for the output",
            ));
        }
        Ok(())
    }
}
