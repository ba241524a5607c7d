//! The lines of a file of rows, bounded in length. Blank lines and a byte order mark are skipped; a truncated last line is kept apart.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::error::{Error, Result};
use crate::core::file;

/// The longest row accepted, in bytes; verdicts with all evidence stay below a hundredth of it.
const MOST_ROW: u64 = 32 << 20;
/// The byte order mark that some editors put before the first line.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// The hint for an invalid line.
pub(super) const HINT: &str =
    "the file was changed since it was written, or is not one that `undertone run` wrote";

/// The lines of a file with the reading position.
#[derive(Debug)]
pub(super) struct Lines<R> {
    path: PathBuf,
    input: BufReader<R>,
    line: Vec<u8>,
    /// Bytes of the complete lines read so far, from the beginning of the file.
    pub(super) at: u64,
    /// Number of those lines.
    pub(super) number: usize,
}

impl Lines<File> {
    /// Opens a file at its beginning.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = file::open(path).map_err(|source| Error::io("read", path, source))?;
        Ok(Self::new(path, file))
    }

    /// Opens a file at a known line start.
    pub(super) fn open_at(path: &Path, at: u64, number: usize) -> Result<Self> {
        let failed = |source| Error::io("read", path, source);
        let mut file = file::open(path).map_err(failed)?;
        file.seek(SeekFrom::Start(at)).map_err(failed)?;
        Ok(Self {
            at,
            number,
            ..Self::new(path, file)
        })
    }
}

impl<R: Read> Lines<R> {
    /// Reads the lines of an open file; the path is for errors only.
    pub(super) fn new(path: &Path, input: R) -> Self {
        Self {
            path: path.to_owned(),
            input: BufReader::new(input),
            line: Vec::new(),
            at: 0,
            number: 0,
        }
    }

    /// Returns the next non-blank line without its line end; `None` at the end of the file and at a truncated line.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let whole = file::read_line(&mut self.input, &mut self.line, MOST_ROW);
            let whole = whole.map_err(|source| Error::io("read", &self.path, source))?;
            if !whole {
                let message = format!("the line exceeds the limit of {} MiB", MOST_ROW >> 20);
                return Err(self.damaged(self.number + 1, &message));
            }
            if self.line.last() != Some(&b'\n') {
                return Ok(None);
            }
            let first = self.at == 0;
            self.at += self.line.len() as u64;
            self.number += 1;
            let text = self.line.trim_ascii();
            let text = text
                .strip_prefix(MARK)
                .filter(|_| first)
                .unwrap_or(text)
                .len();
            if text == 0 {
                continue;
            }
            if file::values_in(&self.line) > file::MOST_VALUES {
                return Err(self.damaged(self.number, "the line holds too many values to be a row"));
            }
            let line = self.line.trim_ascii();
            return Ok(Some(&line[line.len() - text..]));
        }
    }

    /// Returns the truncated last line, if any, once [`Self::next`] has returned `None`.
    pub(super) fn rest(&self) -> &[u8] {
        if self.line.last() == Some(&b'\n') {
            return &[];
        }
        &self.line
    }

    fn damaged(&self, number: usize, message: &str) -> Error {
        Error::data(&self.path, Some(number), message, HINT)
    }
}
