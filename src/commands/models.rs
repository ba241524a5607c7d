//! `undertone models`: lists the bundled models, and the published checkpoints with their state in the cache.

use std::path::PathBuf;

use serde::Serialize;

use super::{print, to_json};
use crate::commands::cli::ModelsArgs;
use crate::core::error::Result;
use crate::core::text::Page;
use crate::engine::hub::{self, HubOptions, KNOWN, Known};
use crate::engine::model::{self, Checkpoint, Device, LoadOptions, Model};

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Row {
    Bundled(Bundled),
    Published(Published),
}

#[derive(Debug, Serialize)]
struct Bundled {
    name: &'static str,
    default: bool,
    about: &'static str,
    family: String,
    arch: String,
    parameters: usize,
    layers: usize,
    width: usize,
    latents: usize,
    task: crate::core::types::Task,
    modes: Vec<String>,
    phrase_decoder: String,
    sha256: String,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct Published {
    name: &'static str,
    default: bool,
    family: &'static str,
    base: String,
    gated: bool,
    data_set: &'static str,
    file: Option<&'static str>,
    accuracy: Option<Accuracy>,
    note: &'static str,
    cached: bool,
    path: Option<PathBuf>,
    source: &'static str,
}

#[derive(Debug, Serialize)]
struct Accuracy {
    percent: f64,
    quoted: Option<f64>,
    table: &'static str,
}

/// Lists the bundled models and the published checkpoints. Bundled models are loaded, which runs their self-tests; published
/// ones are only looked up in the cache.
///
/// # Errors
/// When a bundled model does not load, or the output cannot be written.
pub fn run(args: &ModelsArgs) -> Result<()> {
    let mut rows = Vec::new();
    for (i, name) in model::bundled_names().into_iter().enumerate() {
        let checkpoint = Checkpoint::bundled(name)?;
        let model = Model::load(
            &checkpoint,
            &LoadOptions::default(),
            &Device::Cpu,
            &mut |_| (),
        )?;
        let info = model.info().clone();
        rows.push(Bundled {
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
            source: "bundled",
        });
    }
    let published = published();
    if args.json {
        let rows = rows.into_iter().map(Row::Bundled);
        let rows = rows.chain(published.into_iter().map(Row::Published));
        return print(&to_json(&rows.collect::<Vec<_>>())?);
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
    text += "* default\n\n";
    text += &published_text(&published);
    print(&Page::new(text))
}

fn published() -> Vec<Published> {
    let options = HubOptions::from_env();
    let row = |known: &Known| {
        let cached = hub::cached(known.id, &options);
        Published {
            name: known.id,
            default: false,
            family: known.family,
            base: known.base.to_string(),
            gated: known.base.is_gated(),
            data_set: known.data_set,
            file: known.file,
            accuracy: known.accuracy.map(|accuracy| Accuracy {
                percent: accuracy.percent,
                quoted: accuracy.quoted,
                table: accuracy.table,
            }),
            note: known.note,
            cached: cached.is_some(),
            path: cached.map(|cached| cached.weights),
            source: "published",
        }
    };
    KNOWN.iter().map(row).collect()
}

fn published_text(rows: &[Published]) -> String {
    let mut text = format!(
        "{:<59} {:<20} {:<13} {:<14} {:>8}  {}\n",
        "published (undertone fetch NAME)", "family", "base", "data set", "accuracy", "cached"
    );
    for row in rows {
        let accuracy = row.accuracy.as_ref().map_or_else(
            || "-".to_owned(),
            |accuracy| format!("{:.1} %", accuracy.percent),
        );
        let cached = if row.cached { "yes" } else { "-" };
        text += &format!(
            "{:<59} {:<20} {:<13} {:<14} {accuracy:>8}  {cached}\n",
            row.name, row.family, row.base, row.data_set
        );
    }
    text + "accuracy: the paper's Table 1; --json has file names and notes"
}
