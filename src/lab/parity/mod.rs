//! Checks the engine against recorded outputs of the reference implementation: `undertone selftest --fixtures DIR`.
//!
//! A folder of fixtures holds `checkpoints/NAME/` (weights in a published format, config.json, meta.json) and
//! `golden/NAME.json` (the reference's outputs on them). Only numerical agreement is tested, not the quality of a model.

mod checks;
mod counterfactual;
mod golden;
mod tally;

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::engine::model::{Behaviour, Cancel, Checkpoint, Device, LoadOptions, Model};

pub use self::tally::ComparedItem;

/// The schema name and version.
pub const SCHEMA: &str = "undertone.selftest/1";

/// The largest difference that passes, relative to the larger of 1 and the expected magnitude.
pub const TOLERANCE: f64 = 1e-3;

/// The report on a folder of fixtures.
#[derive(Debug, Serialize)]
pub struct ParityReport {
    schema: &'static str,
    /// The folder.
    pub fixtures: PathBuf,
    /// The device.
    pub device: String,
    /// The precision.
    pub dtype: String,
    /// The largest relative difference that passes.
    pub tolerance: f64,
    /// Whether everything passed; false if nothing was checked.
    pub passed: bool,
    /// One report per recorded checkpoint, sorted by name.
    pub checkpoints: Vec<Checked>,
}

/// The report on one checkpoint.
#[derive(Debug, Serialize)]
pub struct Checked {
    /// Its folder's name.
    pub name: String,
    /// The family it was loaded as.
    pub family: Option<String>,
    /// The family inferred from its weights.
    pub inferred_family: Option<String>,
    /// The base's architecture.
    pub arch: Option<String>,
    /// SHA-256 of the weights.
    pub sha256: Option<String>,
    /// Whether every item passed.
    pub passed: bool,
    /// Why it could not be checked at all.
    pub error: Option<String>,
    /// The comparisons.
    pub items: Vec<ComparedItem>,
}

/// Checks every checkpoint that has a golden file, calling `progress` with each name first.
///
/// # Errors
/// When the folder holds no golden files or cannot be read.
pub fn check_all(
    fixtures: &Path,
    options: &LoadOptions,
    device: &Device,
    progress: &mut dyn FnMut(&str),
) -> std::io::Result<ParityReport> {
    let folder = fixtures.join("golden");
    let mut names: Vec<String> = std::fs::read_dir(&folder)?
        .filter_map(|entry| {
            let path = entry.ok()?.path();
            let name = path.file_stem()?.to_str()?.to_owned();
            let is_golden = path.extension().is_some_and(|e| e == "json") && name != "tolerances";
            is_golden.then_some(name)
        })
        .collect();
    names.sort();
    let mut report = ParityReport {
        schema: SCHEMA,
        fixtures: fixtures.to_owned(),
        device: crate::engine::model::device_name(device),
        dtype: options.precision.as_str().to_owned(),
        tolerance: TOLERANCE,
        passed: false,
        checkpoints: Vec::new(),
    };
    for name in names {
        progress(&name);
        report
            .checkpoints
            .push(check(fixtures, &name, options, device));
    }
    report.passed = !report.checkpoints.is_empty() && report.checkpoints.iter().all(|c| c.passed);
    Ok(report)
}

fn check(fixtures: &Path, name: &str, options: &LoadOptions, device: &Device) -> Checked {
    let mut checked = Checked {
        name: name.to_owned(),
        family: None,
        inferred_family: None,
        arch: None,
        sha256: None,
        passed: false,
        error: None,
        items: Vec::new(),
    };
    match items(fixtures, name, options, device, &mut checked) {
        Ok(items) => {
            checked.passed = items
                .iter()
                .all(|item| item.failed == 0 && item.compared > 0);
            checked.items = items;
        }
        Err(error) => checked.error = Some(error),
    }
    checked
}

fn items(
    fixtures: &Path,
    name: &str,
    options: &LoadOptions,
    device: &Device,
    checked: &mut Checked,
) -> Result<Vec<ComparedItem>, String> {
    let path = fixtures.join("golden").join(format!("{name}.json"));
    let golden = golden::read(&path)?;
    let folder = fixtures.join("checkpoints").join(name);
    // The recordings come from the published code, including its bugs.
    let options = &LoadOptions {
        behaviour: Behaviour::Reference,
        ..options.clone()
    };
    let mut checkpoint = Checkpoint::from_dir(&folder).map_err(|e| e.to_string())?;
    if checkpoint.needs_tokenizer() {
        let tokenizer = fixtures.join(&golden.tokenizer);
        checkpoint = checkpoint
            .with_tokenizer(&tokenizer)
            .map_err(|e| e.to_string())?;
    }
    checked.inferred_family = checkpoint
        .infer_kind()
        .and_then(|(_, family)| Some(family?.as_str().to_owned()));
    let model =
        Model::load(&checkpoint, options, device, &mut |_| ()).map_err(|e| e.to_string())?;
    let info = model.info();
    checked.family = Some(info.family.clone());
    checked.arch = Some(info.arch.clone());
    checked.sha256 = Some(info.sha256.clone());
    checks::all(&model, &golden, &Cancel::new()).map_err(|e| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_goldens_does_not_pass() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let check =
            |path: &Path| check_all(path, &LoadOptions::default(), &Device::Cpu, &mut |_| ());
        assert!(check(folder.path()).is_err());
        std::fs::create_dir(folder.path().join("golden")).expect("folder");
        assert!(!check(folder.path()).expect("readable").passed);
        std::fs::write(folder.path().join("golden/x.json"), "{}").expect("write");
        let report = check(folder.path()).expect("readable");
        assert!(!report.passed);
        assert!(report.checkpoints[0].error.is_some());
    }
}
