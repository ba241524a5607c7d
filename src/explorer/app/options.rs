//! What the explorer starts with.

use std::path::PathBuf;

use crate::core::types::Mode;
use crate::explorer::session::Session;
use crate::lab::rows::calibration::Calibration;

/// A model that can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// Its name, as `Request::Load` takes it.
    pub name: String,
    /// One line about it.
    pub about: String,
    /// Where it is: in the program, in the cache, or still to be downloaded.
    pub place: Place,
}

/// Where a model is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the program.
    Bundled,
    /// On this machine.
    Cached,
    /// On the hub.
    Hub,
}

/// What the explorer starts with.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// The model to load: a bundled name or a folder.
    pub model: String,
    /// How questions are answered; none for the model's usual mode.
    pub mode: Option<Mode>,
    /// What the model picker offers.
    pub models: Vec<ModelChoice>,
    /// Who writes the notes.
    pub author: String,
    /// A recorded session to show; it is run again once the model is ready.
    pub session: Option<Session>,
    /// Which problem of the list is opened first, from 0.
    pub index: usize,
    /// Something to say at the start.
    pub warning: Option<String>,
    /// A question to start with instead of a problem.
    pub question: Option<String>,
    /// Where the log goes, to be shown in help.
    pub log_path: Option<String>,
    /// A run over a data set to open.
    pub run: Option<PathBuf>,
    /// Where runs are kept that are started from the explorer.
    pub runs_folder: PathBuf,
    /// The file that problems come from.
    pub data: Option<PathBuf>,
    /// How often answers are right at each rung, by model.
    pub calibrations: Vec<Calibration>,
}
