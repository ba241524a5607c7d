//! The options of the explorer at start.

use std::path::PathBuf;

use crate::core::types::Mode;
use crate::explorer::session::Session;
use crate::lab::rows::calibration::Calibration;

/// A model that can be picked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelChoice {
    /// Its name, as `Request::Load` takes it.
    pub name: String,
    /// Its description in one line.
    pub about: String,
    /// Its location.
    pub place: ModelPlace,
}

/// The location of a model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ModelPlace {
    /// In the program.
    Bundled,
    /// On this machine.
    Cached,
    /// On the Hugging Face Hub.
    Hub,
}

/// The options of the explorer at start.
#[derive(Debug, Clone, Default)]
pub struct StartOptions {
    /// The model to load: a bundled name, a folder, or a hub id `OWNER/NAME`.
    pub model: String,
    /// The answer mode; `None` for the model's usual one.
    pub mode: Option<Mode>,
    /// The models offered by the model picker.
    pub models: Vec<ModelChoice>,
    /// The author of new notes.
    pub author: String,
    /// A recorded session to show; it is run again once the model is ready.
    pub session: Option<Session>,
    /// The index of the problem to open first.
    pub index: usize,
    /// A warning to show at the start.
    pub warning: Option<String>,
    /// A question to start with instead of a problem.
    pub question: Option<String>,
    /// The path of the log, shown in help.
    pub log_path: Option<String>,
    /// A run over a data set to open.
    pub run: Option<PathBuf>,
    /// The folder of runs started from the explorer.
    pub runs_folder: PathBuf,
    /// The file of problems.
    pub data: Option<PathBuf>,
    /// Calibrations: how often answers are right at each rung, by model.
    pub calibrations: Vec<Calibration>,
}
