//! `undertone models`: the bundled models.

use serde::Serialize;

use super::{model_error, print, to_json};
use crate::cli::ModelsArgs;
use crate::error::Result;
use crate::model::{self, Checkpoint, Device, LoadOptions, Model};

/// One row of the list.
#[derive(Debug, Serialize)]
struct Row {
    name: &'static str,
    default: bool,
    about: &'static str,
    family: String,
    arch: String,
    parameters: usize,
    layers: usize,
    width: usize,
    latents: usize,
    task: crate::trace::Task,
    modes: Vec<String>,
    phrase_decoder: String,
    sha256: String,
}

/// Lists the bundled models; each is loaded, so a row also says that its self-tests passed.
///
/// # Errors
/// When a bundled model does not load, or the output cannot be written.
pub fn run(args: &ModelsArgs) -> Result<()> {
    let mut rows = Vec::new();
    for (i, name) in model::bundled_names().into_iter().enumerate() {
        let checkpoint = Checkpoint::bundled(name).map_err(model_error)?;
        let model = Model::load(
            &checkpoint,
            &LoadOptions::default(),
            &Device::Cpu,
            &mut |_| (),
        )
        .map_err(model_error)?;
        let info = model.info().clone();
        rows.push(Row {
            name,
            default: i == 0,
            about: model::about(name),
            family: info.family,
            arch: info.arch,
            parameters: info.parameters,
            layers: info.layers,
            width: info.width,
            latents: info.n_latents,
            task: info.task,
            modes: info.modes,
            phrase_decoder: info.phrase_decoder,
            sha256: info.sha256,
        });
    }
    if args.json {
        return print(&to_json(&rows)?);
    }
    let mut text = format!(
        "{:<16} {:<18} {:>10} {:>7}  {}\n",
        "name", "family", "parameters", "latents", "about"
    );
    for row in &rows {
        let name = if row.default {
            format!("{} *", row.name)
        } else {
            row.name.to_owned()
        };
        text += &format!(
            "{name:<16} {:<18} {:>10} {:>7}  {}\n",
            row.family, row.parameters, row.latents, row.about
        );
    }
    print(&(text + "* default"))
}
