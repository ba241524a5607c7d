//! Reads a growing file of rows incrementally, in portions of complete problems.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::FILE;
use super::header::RowsHeader;
use super::journal::parse_header;
use super::lines::{HINT, Lines};
use super::row::{Experiment, Row};
use super::summary::RunItem;
use crate::core::error::{Error, Result};

/// A run's file being followed.
pub struct Watch {
    path: PathBuf,
    header: RowsHeader,
    plan: Box<dyn Iterator<Item = (usize, Experiment)> + Send>,
    /// The end of the complete lines read so far, in bytes and lines.
    at: u64,
    line: usize,
    /// The problem being read: its item, its gold answer, and its number of rows so far.
    problem: Option<(RunItem, Option<String>, usize)>,
}

/// A portion of new rows.
#[derive(Debug, Default)]
pub struct Added {
    /// Problems whose rows are complete.
    pub items: Vec<RunItem>,
    /// Whether more may be available now.
    pub more: bool,
}

impl Watch {
    /// Opens the file of a run's folder; returns `None` while the file is missing or its header incomplete.
    ///
    /// # Errors
    /// Names the file when it cannot be read or its header is invalid.
    pub fn open(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(FILE);
        let mut lines = match Lines::open(&path) {
            Ok(lines) => lines,
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        let Some(line) = lines.next()? else {
            return Ok(None);
        };
        let header = parse_header(&path, line)?;
        Ok(Some(Self {
            plan: Box::new(header.plan()),
            header,
            path,
            at: lines.at,
            line: lines.number,
            problem: None,
        }))
    }

    /// Returns the header.
    #[must_use]
    pub fn header(&self) -> &RowsHeader {
        &self.header
    }

    /// Reads new rows until `bytes` bytes are consumed; the last row may exceed the limit.
    ///
    /// # Errors
    /// Names the file and the line that is not a row or not the planned one.
    pub fn read(&mut self, bytes: u64) -> Result<Added> {
        let failed = |source| Error::io("read", &self.path, source);
        let length = fs::metadata(&self.path).map_err(failed)?.len();
        if length < self.at {
            return Err(self.damaged("the file is shorter than it was"));
        }
        let mut added = Added::default();
        if length == self.at {
            return Ok(added);
        }
        let mut lines = Lines::open_at(&self.path, self.at, self.line)?;
        let until = self.at.saturating_add(bytes);
        while self.at < until {
            let Some(line) = lines.next()?.map(<[u8]>::to_vec) else {
                // Blank lines at the end count as read.
                (self.at, self.line) = (lines.at, lines.number);
                return Ok(added);
            };
            self.line = lines.number;
            added.items.extend(self.row(&line)?);
            self.at = lines.at;
        }
        added.more = true;
        Ok(added)
    }

    /// Adds a row; returns the item if it was the last row of its problem.
    fn row(&mut self, line: &[u8]) -> Result<Option<RunItem>> {
        let row = parse(line).map_err(|why| self.damaged(&why))?;
        let here = (row.index, row.body.experiment());
        let planned = self.plan.next();
        if planned != Some(here) {
            let is = format!("problem {} {}", here.0, here.1.as_str());
            return Err(self.damaged(&planned.map_or_else(
                || format!("{is} comes after the last row of the run"),
                |(index, experiment)| {
                    format!(
                        "row out of order: {is} where problem {index} {} belongs",
                        experiment.as_str()
                    )
                },
            )));
        }
        let begun = self.problem.take();
        let (mut item, mut gold, rows) =
            begun.unwrap_or_else(|| (RunItem::new(row.index, self.at), None, 0));
        item.add(row, &mut gold);
        if rows + 1 == self.header.experiments.len() {
            return Ok(Some(item));
        }
        self.problem = Some((item, gold, rows + 1));
        Ok(None)
    }

    fn damaged(&self, why: &str) -> Error {
        Error::data(&self.path, Some(self.line), why, HINT)
    }
}

/// Reads all rows of one problem at `offset`.
///
/// # Errors
/// Names the file when it cannot be read or other rows are there.
pub fn problem(folder: &Path, header: &RowsHeader, index: usize, offset: u64) -> Result<Vec<Row>> {
    let path = folder.join(FILE);
    let mut lines = Lines::open_at(&path, offset, 0)?;
    let damaged = |why: String| Error::data(&path, None, format!("problem {index}: {why}"), HINT);
    let mut rows = Vec::with_capacity(header.experiments.len());
    for experiment in &header.experiments {
        let line = lines.next()?.unwrap_or_default();
        let row = parse(line).map_err(damaged)?;
        if (row.index, row.body.experiment()) != (index, *experiment) {
            return Err(damaged("its rows are no longer where they were".to_owned()));
        }
        rows.push(row);
    }
    Ok(rows)
}

fn parse(line: &[u8]) -> Result<Row, String> {
    serde_json::from_slice(line).map_err(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::lab::rows::Shard;
    use crate::lab::rows::made::{header, rows};

    fn text() -> String {
        let header = header(3, Shard::default());
        let line = |value: String| value + "\n";
        let mut text = line(serde_json::to_string(&header).expect("serialises"));
        for row in rows(&header) {
            text += &line(serde_json::to_string(&row).expect("serialises"));
        }
        text
    }

    #[test]
    fn a_file_that_grows_byte_by_byte_gives_every_problem_once() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(FILE);
        let text = text();
        let mut watch = None;
        let mut items = Vec::new();
        for end in 0..=text.len() {
            fs::write(&path, &text.as_bytes()[..end]).expect("written");
            if watch.is_none() {
                watch = Watch::open(folder.path()).expect("nothing is wrong");
            }
            if let Some(watch) = &mut watch {
                items.extend(watch.read(1).expect("rows").items);
            }
        }
        let indices: Vec<usize> = items.iter().map(|item| item.index).collect();
        assert_eq!(indices, [0, 1, 2]);
        let header = header(3, Shard::default());
        for item in &items {
            let again = problem(folder.path(), &header, item.index, item.offset).expect("there");
            assert_eq!(again.len(), 2);
            assert_eq!(again[0].index, item.index);
        }
        let error = problem(folder.path(), &header, 1, items[0].offset).expect_err("another");
        assert!(error.to_string().contains("problem 1"), "{error}");
    }

    #[test]
    fn all_of_a_file_comes_in_portions() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join(FILE), text()).expect("written");
        let mut watch = Watch::open(folder.path()).expect("well").expect("there");
        let mut items = Vec::new();
        let mut portions = 0;
        loop {
            let added = watch.read(600).expect("rows");
            portions += 1;
            items.extend(added.items);
            if !added.more {
                break;
            }
        }
        assert!(items.len() == 3 && portions > 1, "{portions}");
    }

    #[test]
    fn damage_is_named_with_its_line() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(FILE);
        let lines: Vec<String> = text().lines().map(str::to_owned).collect();
        let read = |lines: &[String]| {
            fs::write(&path, lines.join("\n") + "\n").expect("written");
            Watch::open(folder.path())
                .and_then(|watch| watch.expect("a header").read(u64::MAX / 2))
                .map(|added| added.items.len())
                .map_err(|error| error.to_string())
        };
        assert_eq!(read(&lines), Ok(3));
        let mut torn = lines.clone();
        torn[3].truncate(9);
        let error = read(&torn).expect_err("damaged");
        assert!(error.contains("rows.jsonl\", line 4"), "{error}");
        let mut swapped = lines.clone();
        swapped.swap(1, 3);
        let error = read(&swapped).expect_err("damaged");
        assert!(
            error.contains("line 2") && error.contains("problem 1 problem where problem 0"),
            "{error}"
        );
        let error = read(&["{\"name\": 1}".to_owned()]).expect_err("foreign");
        assert!(error.contains("line 1"), "{error}");
        fs::remove_file(&path).expect("there");
        assert!(Watch::open(folder.path()).expect("well").is_none());
    }
}
