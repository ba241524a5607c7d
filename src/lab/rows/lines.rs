//! The lines of a file of rows: each with a bound, blank ones and a byte order mark passed over, a last one without its end told.

use std::fs::File;
use std::io::{BufReader, Read, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::core::error::{Error, Result};
use crate::core::file;

/// The longest row that is read; verdicts with all their evidence stay below a hundredth of it.
const MOST_ROW: u64 = 32 << 20;
/// What some editors put before the first line.
const MARK: &[u8] = b"\xef\xbb\xbf";
/// What to do about a line that is none.
pub(super) const HINT: &str =
    "the file was changed since it was written, or is not one that `undertone run` wrote";

/// Lines of a file, and how far they were read.
#[derive(Debug)]
pub(super) struct Lines<R> {
    path: PathBuf,
    input: BufReader<R>,
    line: Vec<u8>,
    /// How many bytes whole lines have taken from the beginning of the file on.
    pub(super) at: u64,
    /// How many lines they were.
    pub(super) number: usize,
}

impl Lines<File> {
    /// Opens a file to read it from its beginning.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = file::open(path).map_err(|source| Error::io("read", path, source))?;
        Ok(Self::new(path, file))
    }

    /// Opens a file to read it from a place on that was found before.
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
    /// Lines of a file that is open; the path only serves errors.
    pub(super) fn new(path: &Path, input: R) -> Self {
        Self {
            path: path.to_owned(),
            input: BufReader::new(input),
            line: Vec::new(),
            at: 0,
            number: 0,
        }
    }

    /// The next line that is not blank, without its end; none at the end of the file and at a line without an end.
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>> {
        loop {
            let whole = file::read_line(&mut self.input, &mut self.line, MOST_ROW);
            let whole = whole.map_err(|source| Error::io("read", &self.path, source))?;
            if !whole {
                let message = format!(
                    "the line is longer than the {} MiB that are read",
                    MOST_ROW >> 20
                );
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

    /// After the last line: what was there of one without its end.
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
