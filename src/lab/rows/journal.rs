//! The file of rows: begun, appended to, found again after an interruption, and read.
//!
//! Rows are written in the order of the header's plan, so a file is always a beginning of the whole one: what is there is
//! counted and the rest follows. A last line without its end is what an interruption leaves; it is cut off and said.

use std::fs::{File, TryLockError};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::header::Header;
use super::lines::Lines;
use super::row::{Experiment, Row};
use super::{FILE, SCHEMA};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::paths;
use crate::core::text::Page;

/// What to do with a file that cannot be gone on with.
const OTHER_FOLDER: &str = "choose another folder with --out, or remove this one";

/// A file of rows that is being written; locked against a second writer while it lives.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
}

/// What was found in a run's folder.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resumed {
    /// Rows that are there already.
    pub rows: usize,
    /// Bytes of a last line that was cut short, which were removed.
    pub torn: usize,
}

impl Journal {
    /// Begins the file of a run in a folder, or finds the one that is there.
    ///
    /// # Errors
    /// When the folder holds another run or a file that is damaged before its last line, another process writes it, or it
    /// cannot be written.
    pub fn open(folder: &Path, header: &Header) -> Result<(Self, Resumed)> {
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
            // Some network file systems have no locks; a second writer is then the user's to avoid.
            Err(TryLockError::Error(error)) => {
                tracing::warn!(%error, "the rows cannot be locked");
            }
        }
        let mut journal = Self { path, file };
        let resumed = journal.resume(header)?;
        Ok((journal, resumed))
    }

    fn resume(&mut self, header: &Header) -> Result<Resumed> {
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
        // What was cut off by an interruption is cut away; the one line of another file is not.
        if !has_header && !is_begun_header(lines.rest()) {
            let message = "it is no file of rows";
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

    /// Appends rows, which follow those that are there.
    ///
    /// # Errors
    /// Names the file when it cannot be written; what is there of the rows is cut off when the run is begun again.
    pub fn append(&mut self, rows: &[Row]) -> Result<()> {
        let lines: Vec<String> = rows.iter().map(to_line).collect::<Result<_>>()?;
        self.write(&lines)
    }

    fn write(&mut self, lines: &[String]) -> Result<()> {
        let written = self.file.write_all(lines.concat().as_bytes());
        written.map_err(|source| Error::io("write", &self.path, source))
    }

    /// Sees to it that the rows survive a loss of power.
    ///
    /// # Errors
    /// Names the file when the disk refuses.
    pub fn sync(&self) -> Result<()> {
        let synced = self.file.sync_data();
        synced.map_err(|source| Error::io("write", &self.path, source))
    }
}

impl Drop for Journal {
    /// Closing alone would leave the file locked as long as a process that is just being started has a copy of the handle.
    fn drop(&mut self) {
        if let Err(error) = self.file.unlock() {
            tracing::debug!(%error, "the rows cannot be unlocked");
        }
    }
}

/// A value as a line of the file.
fn to_line<T: serde::Serialize>(value: &T) -> Result<String> {
    let line = Page::json_line(value).map_err(|why| Error::internal(why.to_string()))?;
    Ok(line.ended().to_string())
}

/// In words how a file's header is not that of the run that is asked for.
fn same_run(there: &Header, header: &Header) -> Option<String> {
    header.differs(there).or_else(|| {
        (there.shard != header.shard)
            .then(|| format!("shard is {} here and {} there", header.shard, there.shard))
    })
}

/// Whether a line without its end may be the beginning of a header.
fn is_begun_header(line: &[u8]) -> bool {
    let begin = format!("{{\"schema\":\"{SCHEMA}\"");
    let common = line.len().min(begin.len());
    line[..common] == begin.as_bytes()[..common]
}

/// What tells one row from another.
#[derive(Deserialize)]
struct Key {
    index: usize,
    experiment: Experiment,
}

/// Refuses a line that is not the row that is planned.
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
            "problem {} {} stands where problem {index} {} belongs",
            key.index,
            key.experiment.as_str(),
            experiment.as_str()
        ),
        None => "there are more rows than the run has".to_owned(),
    };
    Err(Error::data(path, Some(number), message, OTHER_FOLDER))
}

pub(super) fn parse_header(path: &Path, line: &[u8]) -> Result<Header> {
    let hint = "this is not a file of rows that `undertone run` wrote, or a newer version did";
    let header: Header = serde_json::from_slice(line)
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

/// Reads a file of rows, line by line.
#[derive(Debug)]
pub struct Reader {
    path: PathBuf,
    lines: Lines<File>,
    header: Header,
    torn: bool,
}

impl Reader {
    /// Opens the file of a run's folder.
    ///
    /// # Errors
    /// Names the file when there is none, or its header is not one.
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

    /// The header.
    #[must_use]
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the last line lacked its end: the run was interrupted there, or goes on.
    #[must_use]
    pub fn is_torn(&self) -> bool {
        self.torn
    }

    /// The next line as it is, without its end; none at the end of the file and at a line without one.
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

    /// The next line as it is, which has to be the row that is planned; none as in [`Reader::line`].
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

    /// The next row.
    ///
    /// # Errors
    /// Names the file and the line that is no row.
    pub fn row(&mut self) -> Result<Option<Row>> {
        self.parsed()
    }

    /// The next row as JSON, fields of later versions included.
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
