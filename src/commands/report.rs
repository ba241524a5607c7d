//! `undertone report`: reports on a batch run as Markdown, HTML, CSV or JSON.

use std::path::Path;

use super::{print, print_warning, to_json};
use crate::commands::cli::RunReportArgs;
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::file::Outputs;
use crate::core::paths;
use crate::lab::present::write::{csv, html, json, markdown};
use crate::lab::report::{self, GatheredRun};
use crate::lab::rows::FILE;
use crate::lab::rows::calibration::Calibration;

/// Reads the runs and writes the requested files; prints the report if no file or if JSON is requested.
///
/// # Errors
/// When a run cannot be read, or a file is one of a run, already exists or cannot be written.
pub fn run(args: &RunReportArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.force);
    for folder in [&args.run]
        .into_iter()
        .chain(&args.hard)
        .chain(&args.control)
    {
        outputs.reads(&folder.join(FILE));
    }
    for path in [&args.html, &args.md, &args.calibration]
        .into_iter()
        .flatten()
    {
        outputs.writes(path)?;
    }
    let run = read(&args.run)?;
    let hard = args.hard.as_deref().map(read).transpose()?;
    let controls = args.control.iter().map(|folder| read(folder));
    let controls: Vec<GatheredRun> = controls.collect::<Result<_>>()?;
    let report = report::report(&run, hard.as_ref(), &controls);
    // The set of tables depends on the runs.
    let tables = args
        .csv
        .as_ref()
        .map(|folder| (folder, csv::files(&report)));
    if let Some((folder, files)) = &tables {
        for (name, _) in files {
            outputs.writes(&folder.join(name))?;
        }
    }
    if let Some(path) = &args.html {
        let page = html::document(&report).map_err(Error::internal)?;
        file::write_out(path, page.as_bytes())?;
    }
    if let Some(path) = &args.md {
        file::write_out(path, markdown::document(&report).as_bytes())?;
    }
    if let Some((folder, files)) = tables {
        paths::create_folder(folder)?;
        for (name, contents) in files {
            file::write_out(&folder.join(name), contents.as_bytes())?;
        }
    }
    if let Some(path) = &args.calibration {
        let text = to_json(&Calibration::new(&run.header, &run.items))?.ended();
        file::write_out(path, text.as_bytes())?;
    }
    if args.json {
        return print(&to_json(&json::document(&report))?);
    }
    let is_written = args.html.is_some()
        || args.md.is_some()
        || args.csv.is_some()
        || args.calibration.is_some();
    if is_written {
        Ok(())
    } else {
        print(&markdown::document(&report))
    }
}

/// Reads a run and warns of a truncated last row.
fn read(folder: &Path) -> Result<GatheredRun> {
    let run = GatheredRun::read(folder)?;
    if run.is_torn {
        print_warning(&format!(
            "the last row of {:?} was cut short and is left out; running it again computes it",
            folder.join(FILE)
        ));
    }
    Ok(run)
}
