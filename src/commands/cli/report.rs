//! The options of `report`.

use std::path::PathBuf;

use clap::Args;

/// Options of `report`.
#[derive(Debug, Clone, Args)]
pub struct RunReportArgs {
    /// The folder of a run
    #[arg(value_name = "DIR")]
    pub run: PathBuf,
    /// A run of the same model on harder problems
    #[arg(long, value_name = "DIR")]
    pub hard: Option<PathBuf>,
    /// A run of the same pipeline on random weights or on another model; may be given again
    #[arg(long, value_name = "DIR")]
    pub control: Vec<PathBuf>,
    /// Write one HTML page
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write Markdown
    #[arg(long, value_name = "FILE")]
    pub md: Option<PathBuf>,
    /// Write every table and plot as CSV, a file each
    #[arg(long, value_name = "FOLDER")]
    pub csv: Option<PathBuf>,
    /// Write how often answers are correct at each rung, for the explorer
    #[arg(long, value_name = "FILE")]
    pub calibration: Option<PathBuf>,
    /// Overwrite existing files
    #[arg(long)]
    pub force: bool,
    /// Print JSON, schema undertone.report/1
    #[arg(long)]
    pub json: bool,
}
