//! `undertone report`: what a batch run is worth, as Markdown, HTML, CSV or JSON.

use super::{print, to_json};
use crate::cli::RunReportArgs;
use crate::error::{Error, Result};
use crate::report::render::{csv, html, json, markdown};
use crate::report::{self, Run, calibration};
use crate::{file, paths};

/// Reads the runs, writes the files that are asked for, and prints the report where none is or where JSON is asked for.
///
/// # Errors
/// When a run cannot be read or a file cannot be written.
pub fn run(args: &RunReportArgs) -> Result<()> {
    let run = Run::read(&args.run)?;
    let hard = args.hard.as_deref().map(Run::read).transpose()?;
    let controls = args.control.iter().map(|folder| Run::read(folder));
    let controls: Vec<Run> = controls.collect::<Result<_>>()?;
    let report = report::report(&run, hard.as_ref(), &controls);
    if let Some(path) = &args.html {
        let page = html::report(&report).map_err(Error::internal)?;
        file::write_atomic(path, page.as_bytes())?;
    }
    if let Some(path) = &args.md {
        file::write_atomic(path, markdown::report(&report).as_bytes())?;
    }
    if let Some(folder) = &args.csv {
        paths::create_folder(folder)?;
        for (name, contents) in csv::files(&report) {
            file::write_atomic(&folder.join(name), contents.as_bytes())?;
        }
    }
    if let Some(path) = &args.calibration {
        let text = to_json(&calibration::calibration(&run))?.ended();
        file::write_atomic(path, text.as_bytes())?;
    }
    if args.json {
        return print(&to_json(&json::report(&report))?);
    }
    let is_written = args.html.is_some()
        || args.md.is_some()
        || args.csv.is_some()
        || args.calibration.is_some();
    if is_written {
        Ok(())
    } else {
        print(&markdown::report(&report))
    }
}
