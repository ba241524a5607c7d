//! Writes rows as Parquet with the format's own crates; column types are inferred from the rows.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_json::ReaderBuilder;
use arrow_json::reader::infer_json_schema_from_iterator;
use arrow_schema::{ArrowError, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use serde_json::Value;

use super::super::journal::Reader;
use super::path;
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::lab::rows::Experiment;

/// The key of the header in a file's metadata.
pub const HEADER: &str = "undertone.header";
/// Rows converted to columns at a time.
const ROWS: usize = 512;

/// See [`super::write()`].
pub fn write(folder: &Path) -> Result<Vec<PathBuf>> {
    let header = Reader::open(folder)?.header().clone();
    let mut written = Vec::new();
    for experiment in header.experiments.clone() {
        let path = path(folder, experiment);
        let failed = |why: &dyn std::fmt::Display| {
            Error::io("write", &path, std::io::Error::other(why.to_string()))
        };
        // A column's type is inferred from all its values, so the rows are read twice.
        let mut rows = Values::open(folder, experiment)?;
        let schema = infer_json_schema_from_iterator(&mut rows).map_err(|why| failed(&why))?;
        rows.ended()?;
        if rows.count == 0 {
            continue;
        }
        let schema = Arc::new(ordered(&schema));
        let text = serde_json::to_string(&header).map_err(|why| failed(&why))?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(format!("undertone {}", header.version))
            .set_key_value_metadata(Some(vec![KeyValue::new(HEADER.to_owned(), text)]))
            .build();
        file::write_streamed(&path, |sink| {
            let mut out = ArrowWriter::try_new(sink, Arc::clone(&schema), Some(properties))
                .map_err(|why| failed(&why))?;
            let mut rows = Values::open(folder, experiment)?;
            loop {
                let part: Vec<Value> = rows
                    .by_ref()
                    .take(ROWS)
                    .collect::<Result<_, _>>()
                    .map_err(|why| failed(&why))?;
                if part.is_empty() {
                    break;
                }
                let mut decoder = ReaderBuilder::new(Arc::clone(&schema))
                    .with_batch_size(ROWS)
                    .build_decoder()
                    .map_err(|why| failed(&why))?;
                decoder.serialize(&part).map_err(|why| failed(&why))?;
                if let Some(batch) = decoder.flush().map_err(|why| failed(&why))? {
                    out.write(&batch).map_err(|why| failed(&why))?;
                }
            }
            rows.ended()?;
            out.close().map_err(|why| failed(&why))?;
            Ok(())
        })?;
        written.push(path);
    }
    Ok(written)
}

/// Sorts the columns into the order of the rows' fields.
fn ordered(schema: &Schema) -> Schema {
    let place: BTreeMap<&str, usize> = [
        "index",
        "experiment",
        "steps",
        "correct",
        "refused",
        "result",
    ]
    .into_iter()
    .zip(0..)
    .collect();
    let mut fields: Vec<_> = schema.fields().iter().cloned().collect();
    fields.sort_by_key(|field| {
        place
            .get(field.name().as_str())
            .copied()
            .unwrap_or(usize::MAX)
    });
    Schema::new(fields)
}

/// The rows of one experiment.
struct Values {
    rows: Reader,
    experiment: Experiment,
    count: usize,
    failed: Option<Error>,
}

impl Values {
    fn open(folder: &Path, experiment: Experiment) -> Result<Self> {
        Ok(Self {
            rows: Reader::open(folder)?,
            experiment,
            count: 0,
            failed: None,
        })
    }

    /// Returns the error that ended the iteration, if any.
    fn ended(&mut self) -> Result<()> {
        self.failed.take().map_or(Ok(()), Err)
    }
}

impl Iterator for Values {
    type Item = Result<Value, ArrowError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let read = self.rows.value();
            match read {
                Ok(None) => return None,
                Ok(Some(value)) if value["experiment"] == self.experiment.as_str() => {
                    self.count += 1;
                    return Some(Ok(value));
                }
                Ok(Some(_)) => {}
                Err(error) => {
                    self.failed = Some(error);
                    return None;
                }
            }
        }
    }
}
