//! Bad checkpoints of every kind as files on disk, opened normally: each one gives one error that names the file, the problem
//! and a remedy. A table for each kind of file: what is wrong, the bytes, and words of the error.

/// A table of bad files, a line each: `"what is wrong": bytes => "words of the error", ...;`.
macro_rules! table {
    ($($what:literal: $bytes:expr => $($says:expr),*;)*) => {
        [$(($what, Vec::<u8>::from($bytes), &[$($says),*] as &'static [&'static str])),*]
    };
}

mod config;
mod tokenizer;
mod torch;
mod weights;

use std::path::{Path, PathBuf};

use super::tiny::{self, Tensors};
use super::{Checkpoint, Device, ErrorKind, LoadOptions, Model, ModelError};

/// A checkpoint folder and its expected error.
pub(super) struct Case {
    what: &'static str,
    files: Vec<(&'static str, Vec<u8>)>,
    options: LoadOptions,
    says: &'static [&'static str],
}

impl Case {
    fn new(
        what: &'static str,
        files: Vec<(&'static str, Vec<u8>)>,
        says: &'static [&'static str],
    ) -> Self {
        Self {
            what,
            files,
            options: LoadOptions::default(),
            says,
        }
    }
}

/// Makes the rows of a table cases: the toy folder with one file replaced, or with one more.
fn cases_of<const N: usize>(
    file: &'static str,
    table: [(&'static str, Vec<u8>, &'static [&'static str]); N],
) -> impl Iterator<Item = Case> {
    table
        .into_iter()
        .map(move |(what, bytes, says)| Case::new(what, toy_but(vec![(file, bytes)]), says))
}

pub(super) const WEIGHTS: &str = "model.safetensors";
pub(super) const TORCH: &str = "pytorch_model.bin";
pub(super) const CONFIG: &str = "config.json";
pub(super) const TOKENIZER: &str = "tokenizer.json";

pub(super) fn config() -> String {
    tiny::checkpoint(1).config.expect("it has one").into_owned()
}

pub(super) fn tokenizer() -> Vec<u8> {
    let checkpoint = tiny::checkpoint(1);
    checkpoint.tokenizer.expect("it has one").into_owned()
}

/// Replaces files of the toy folder; an entry with an empty name replaces nothing.
pub(super) fn toy_but(other: Vec<(&'static str, Vec<u8>)>) -> Vec<(&'static str, Vec<u8>)> {
    let mut files = other;
    let has = |files: &[(&str, Vec<u8>)], name: &str| files.iter().any(|(n, _)| *n == name);
    if !has(&files, CONFIG) {
        files.push((CONFIG, config().into_bytes()));
    }
    if !has(&files, TOKENIZER) {
        files.push((TOKENIZER, tokenizer()));
    }
    let weights = |name: &str| {
        name == TORCH
            || name.starts_with("checkpoint_")
            || name.contains("safetensors")
            || name == "w"
    };
    if !files.iter().any(|(name, _)| weights(name)) {
        files.push((WEIGHTS, tiny::serialize(&tiny::tensors_of(1))));
    }
    files
}

pub(super) fn edited(edit: impl FnOnce(&mut Tensors)) -> Vec<u8> {
    let mut tensors = tiny::tensors_of(1);
    edit(&mut tensors);
    tiny::serialize(&tensors)
}

fn open(path: &Path, options: &LoadOptions) -> Result<Model, ModelError> {
    let checkpoint = Checkpoint::open(&path.display().to_string())?;
    // Opening also does this when it looks for a tokenizer.
    let _ = checkpoint.infer_kind();
    Model::load(&checkpoint, options, &Device::Cpu, &mut |_| {})
}

#[test]
fn every_bad_file_gives_one_error_that_names_it_and_the_next_step() {
    let cases: Vec<Case> = [
        weights::cases(),
        torch::cases(),
        config::cases(),
        tokenizer::cases(),
    ]
    .into_iter()
    .flatten()
    .collect();
    assert!(cases.len() >= 40, "{}", cases.len());
    let mut wrong = Vec::new();
    for case in &cases {
        let (_parent, folder) = folder_of(&case.files);
        wrong.extend(refused(case, &folder).err());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Writes files to a new folder of a name that errors must say; also returns what removes it.
fn folder_of(files: &[(&str, Vec<u8>)]) -> (tempfile::TempDir, PathBuf) {
    let parent = tempfile::tempdir().expect("temporary folder");
    let folder = parent.path().join("the-bad-one");
    std::fs::create_dir(&folder).expect("a writable folder");
    for (name, bytes) in files {
        std::fs::write(folder.join(name), bytes).expect("a writable folder");
    }
    (parent, folder)
}

/// Checks the error of a folder.
fn refused(case: &Case, folder: &Path) -> Result<(), String> {
    let Err(error) = open(folder, &case.options) else {
        return Err(format!("{}: it loads", case.what));
    };
    let (text, hint) = (error.to_string(), error.hint());
    let printed = crate::core::text::sanitize(&text).to_string();
    let lacks = case.says.iter().find(|words| !text.contains(**words));
    let wrong = match error.kind() {
        ErrorKind::Usage | ErrorKind::Cancelled => "another exit code".to_owned(),
        _ if !text.contains("the-bad-one") => "no name".to_owned(),
        _ if lacks.is_some() => format!("no {lacks:?}"),
        _ if hint.len() < 20 => "no next step".to_owned(),
        _ if text.len() > 1000 => format!("{} bytes", text.len()),
        _ if printed.chars().any(char::is_control) => "control bytes".to_owned(),
        _ => return Ok(()),
    };
    Err(format!("{}: {wrong} in {text} / {hint}", case.what))
}

#[test]
fn the_toy_folder_itself_loads() {
    let (_parent, folder) = folder_of(&toy_but(Vec::new()));
    let model = open(&folder, &LoadOptions::default());
    assert!(model.is_ok(), "{:?}", model.err());
}

#[test]
fn a_file_of_gigabytes_whose_header_claims_them_is_refused_unread() {
    let mut start = (3_u64 << 30).to_le_bytes().to_vec();
    start.extend(b"{\"a\":");
    let (_parent, folder) = folder_of(&[(WEIGHTS, start)]);
    // A sparse file uses no disk space.
    let file = std::fs::OpenOptions::new()
        .write(true)
        .open(folder.join(WEIGHTS));
    let grown = file.and_then(|file| file.set_len(4 << 30));
    if grown.is_ok() {
        let case = Case::new("four gigabytes", Vec::new(), &["header would be"]);
        assert_eq!(refused(&case, &folder), Ok(()));
    }
}

#[cfg(unix)]
#[test]
fn a_pipe_in_place_of_a_file_is_not_waited_for() {
    let (_parent, folder) = folder_of(&toy_but(Vec::new()));
    let pipe = folder.join("meta.json");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    if made.is_ok_and(|status| status.success()) {
        let case = Case::new("a pipe", Vec::new(), &["meta.json", "regular file"]);
        assert_eq!(refused(&case, &folder), Ok(()));
    }
}
