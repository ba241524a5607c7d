//! `undertone export`: exports a saved session as JSON or Markdown.

use super::{print, report_unread};
use crate::commands::cli::{self, ExportArgs};
use crate::core::error::Result;
use crate::core::file::{self, Outputs};
use crate::explorer::session::export::{Format, export};
use crate::explorer::session::store;

/// Exports a session file.
///
/// # Errors
/// When the session cannot be read, or the output is the session, already exists or cannot be written.
pub fn run(args: &ExportArgs) -> Result<()> {
    let mut outputs = Outputs::new(args.force);
    outputs.reads(&args.session);
    if let Some(path) = &args.out {
        outputs.writes(path)?;
    }
    let loaded = store::load(&args.session)?;
    report_unread(&args.session, &loaded.unread);
    let text = export(&loaded.file.session(), args.format.into());
    match &args.out {
        Some(path) => file::write_out(path, text.as_bytes()),
        None => print(&text),
    }
}

impl From<cli::Format> for Format {
    fn from(format: cli::Format) -> Self {
        match format {
            cli::Format::Json => Self::Json,
            cli::Format::Md => Self::Markdown,
        }
    }
}
