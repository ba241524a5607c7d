//! The file of rows: creating, appending, resuming after an interruption, and reading.
//!
//! Rows are written in the order of the header's plan, so that a file is always a prefix of the complete one and a run
//! resumes after the rows that exist. An interruption may truncate the last line, which is then removed and reported.

use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::header::RowsHeader;
use super::lines::Lines;
use super::row::{Experiment, Row};
use super::{FILE, SCHEMA};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::paths;
use crate::core::text::Page;

/// The hint for a file that cannot be resumed.
const OTHER_FOLDER: &str = "choose another folder with --out, or remove this one";

/// A file of rows open for writing; locked against other writers until dropped.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// The state of an existing run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Number of complete rows.
    pub rows: usize,
    /// Number of bytes removed with a truncated last line.
    pub torn: usize,
}

impl Journal {
    /// Creates the file of a run in a folder, or resumes the existing one.
    ///
    /// # Errors
    /// When the folder holds another run or a file damaged before its last line, another process is writing it, or it cannot
    /// be written.
    pub fn open(folder: &Path, header: &RowsHeader) -> Result<(Self, Resumed)> {
        paths::create_folder(folder)?;
        let path = folder.join(FILE);
        let file = file::update(&path).map_err(|source| Error::io("open", &path, source))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(Error::usage_with_hint(
                    format!("{path:?} is being written by another run"),
                    "wait for it, or choose another folder with --out",
                ));
            }
            // Some network file systems have no locks; the user must then avoid a second writer.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the rows cannot be locked");
            }
        }
        let mut journal = Self { path, file };
        let resumed = journal.resume(header)?;
        Ok((journal, resumed))
    }

    fn resume(&mut self, header: &RowsHeader) -> Result<Resumed> {
        let mut lines = Lines::new(&self.path, &self.file);
        let mut plan = header.plan();
        let (mut rows, mut has_header) = (0, false);
        while let Some(line) = lines.next()? {
            if has_header {
                let line = line.to_owned();
                check_row(&self.path, lines.number, &line, plan.next())?;
                rows += 1;
            } else {
                let there = parse_header(&self.path, line)?;
                if let Some(difference) = same_run(&there, header) {
                    return Err(Error::usage_with_hint(
                        format!("{:?} holds another run: {difference}", self.path),
                        OTHER_FOLDER,
                    ));
                }
                has_header = true;
            }
        }
        let (length, torn) = (lines.at, lines.rest().len());
        // Only a truncated header or row is removed, never the single line of some other file.
        if !has_header && !is_begun_header(lines.rest()) {
            let message = "it is not a file of rows";
            return Err(Error::data(&self.path, Some(1), message, OTHER_FOLDER));
        }
        drop(lines);
        let failed = |source| Error::io("write", &self.path, source);
        if torn > 0 {
            self.file.set_len(length).map_err(failed)?;
        }
        self.file.seek(SeekFrom::Start(length)).map_err(failed)?;
        if !has_header {
            self.write(&[to_line(header)?])?;
        }
        Ok(Resumed { rows, torn })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// Names the file when it cannot be written; a row written in part is removed on resume.
    pub fn append(&mut self, rows: &[Row]) -> Result<()> {
        let lines: Vec<String> = rows.iter().map(to_line).collect::<Result<_>>()?;
        self.write(&lines)
    }

    fn write(&mut self, lines: &[String]) -> Result<()> {
        let written = self.file.write_all(lines.concat().as_bytes());
        written.map_err(|source| Error::io("write", &self.path, source))
    }

    /// Flushes the rows to disk.
    ///
    /// # Errors
    /// Names the file when the disk refuses.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(|source| Error::io("write", &self.path, source))
    }
}

impl Drop for Journal {
    /// Unlocks explicitly: a child process being spawned may hold a copy of the handle, which would keep the lock.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the rows cannot be unlocked");
        }
    }
}

/// Serialises a value as a line of the file.
fn to_line<T: serde::Serialize>(value: &T) -> Result<String> {
    let line = Page::json_line(value).map_err(|why| Error::internal(why.to_string()))?;
    Ok(line.ended().to_string())
}

/// Explains how a file's header differs from the requested run's; `None` if they match.
fn same_run(there: &RowsHeader, header: &RowsHeader) -> Option<String> {
    header.differs(there).or_else(|| {
        (there.shard != header.shard)
            .then(|| format!("shard is {} here and {} there", header.shard, there.shard))
    })
}

/// Returns whether a truncated line may be the beginning of a header.
fn is_begun_header(line: &[u8]) -> bool {
    let begin = format!("{{\"schema\":\"{SCHEMA}\"");
    let common = line.len().min(begin.len());
    line[..common] == begin.as_bytes()[..common]
}

/// The fields that identify a row.
#[derive(Deserialize)]
struct Key {
    index: usize,
    experiment: Experiment,
}

/// Refuses a line that is not the planned row.
pub(super) fn check_row(
    path: &Path,
    number: usize,
    line: &[u8],
    planned: Option<(usize, Experiment)>,
) -> Result<()> {
    let key: Key = serde_json::from_slice(line)
        .map_err(|why| Error::data(path, Some(number), why.to_string(), OTHER_FOLDER))?;
    if planned == Some((key.index, key.experiment)) {
        return Ok(());
    }
    let message = match planned {
        Some((index, experiment)) => format!(
            "row out of order: problem {} {} where problem {index} {} belongs",
            key.index,
            key.experiment.as_str(),
            experiment.as_str()
        ),
        None => "there are more rows than the run has".to_owned(),
    };
    Err(Error::data(path, Some(number), message, OTHER_FOLDER))
}

pub(super) fn parse_header(path: &Path, line: &[u8]) -> Result<RowsHeader> {
    let hint = "this is not a file of rows that `undertone run` wrote, or a newer version did";
    let header: RowsHeader = serde_json::from_slice(line)
        .map_err(|why| Error::data(path, Some(1), why.to_string(), hint))?;
    if header.schema != SCHEMA {
        let message = format!("the schema is {:?}, not {SCHEMA:?}", header.schema);
        return Err(Error::data(path, Some(1), message, hint));
    }
    let shard = header.shard;
    if shard.index == 0 || shard.index > shard.of {
        let message = format!("there is no shard {shard}");
        return Err(Error::data(path, Some(1), message, hint));
    }
    Ok(header)
}

/// Reads a file of rows line by line.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    lines: Lines<File>,
    header: RowsHeader,
    torn: bool,
}

impl Reader {
    /// Opens the file of a run's folder.
    ///
    /// # Errors
    /// Names the file when it does not exist or its header is invalid.
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(FILE);
        let mut lines = Lines::open(&path)?;
        let header = match lines.next()? {
            Some(line) => parse_header(&path, line)?,
            None => parse_header(&path, lines.rest())?,
        };
        Ok(Self {
            path,
            lines,
            header,
            torn: false,
        })
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &RowsHeader {
        &self.header
    }

    /// Returns the path of the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns whether the last line was truncated: the run was interrupted or is still writing.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// Returns the next line without its line end; `None` at the end of the file and at a truncated line.
    ///
    /// # Errors
    /// Names the file when it cannot be read.
    pub fn line(&mut self) -> Result<Option<String>> {
        let Some(line) = self.lines.next()?.map(<[u8]>::to_vec) else {
            self.torn = !self.lines.rest().is_empty();
            return Ok(None);
        };
        let text = String::from_utf8(line);
        text.map(Some).map_err(|why| self.damaged(&why.to_string()))
    }

    /// Returns the next line like [`Reader::line`], and checks that it is the planned row.
    pub(super) fn planned(
        &mut self,
        planned: Option<(usize, Experiment)>,
    ) -> Result<Option<String>> {
        let line = self.line()?;
        if let Some(line) = &line {
            check_row(&self.path, self.lines.number, line.as_bytes(), planned)?;
        }
        Ok(line)
    }

    /// Returns the next row.
    ///
    /// # Errors
    /// Names the file and the line that is not a row.
    pub fn row(&mut self) -> Result<Option<Row>> {
        self.parsed()
    }

    /// Returns the next row as JSON, including fields of later versions.
    ///
    /// # Errors
    /// As [`Reader::row`].
    pub fn value(&mut self) -> Result<Option<serde_json::Value>> {
        self.parsed()
    }

    fn parsed<T: serde::de::DeserializeOwned>(&mut self) -> Result<Option<T>> {
        let Some(line) = self.line()? else {
            return Ok(None);
        };
        let row = serde_json::from_str(&line);
        row.map(Some).map_err(|why| self.damaged(&why.to_string()))
    }

    fn damaged(&self, why: &str) -> Error {
        let hint = "the file was changed since it was written: run again into another folder";
        Error::data(&self.path, Some(self.lines.number), why, hint)
    }
}

impl Iterator for Reader {
    type Item = Result<Row>;

    fn next(&mut self) -> Option<Self::Item> {
        self.row().transpose()
    }
}
