//! The manifest of a preparation (`undertone.data/1`): its inputs, its outputs, and what each rule dropped.
//!
//! It contains no date or absolute path, so that equal inputs give equal bytes on any machine.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::core::text::hex;

use super::gsm8k::{FriendlyCounts, Joined, Prepared, ValidCounts};
use super::vocabulary::Vocabularies;

/// The schema name and version.
pub const SCHEMA: &str = "undertone.data/1";

/// The manifest. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// The schema name and version.
    pub schema: &'static str,
    /// The version of this program.
    pub version: &'static str,
    /// Always `reference`: the quirks of the published preparation are kept.
    pub behaviour: &'static str,
    /// The raw set.
    pub raw: Input,
    /// The alternative solutions, if they were given.
    pub multichain: Option<Input>,
    /// The result of the join, if there was one.
    pub joined: Option<Joined>,
    /// The tokenizers in which a number must be a single token.
    pub tokenizers: Vec<Input>,
    /// Every row.
    pub original: Set<NoRules>,
    /// Rows whose gold steps lead to the answer.
    pub valid_gold_reasoning_trace: Set<ValidCounts>,
    /// The valid rows whose numbers are distinct single tokens.
    pub vocab_projection_friendly: Set<FriendlyCounts>,
    /// The templates of the last set.
    pub templates: Set<NoRules>,
}

/// An input file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name; for a tokenizer, with its folder.
    pub file: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

/// An output set.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Set<C> {
    /// The file name, relative to the manifest.
    pub file: &'static str,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Number of rows.
    pub rows: usize,
    /// Rows of the preceding set that are missing here.
    pub dropped: usize,
    /// Counts per rule, if the set has rules.
    #[serde(flatten)]
    pub rules: C,
}

/// The rules of a set that has none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NoRules {}

/// An output file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub file: &'static str,
    /// Its contents.
    pub text: String,
}

/// The name of the manifest's file.
pub const FILE: &str = "gsm_manifest.json";

/// Returns the files of a preparation under their published names, without the manifest.
///
/// # Errors
/// If serialization fails, which would be a bug.
pub fn outputs(prepared: &Prepared) -> serde_json::Result<[Output; 4]> {
    Ok([
        output("gsm_original_test.json", &prepared.original)?,
        output("gsm_valid-gold-reasoning-trace_test.json", &prepared.valid)?,
        output(
            "gsm_vocab-projection-friendly_test.json",
            &prepared.friendly,
        )?,
        output("gsm_templates.json", &prepared.templates)?,
    ])
}

impl Manifest {
    /// Creates the manifest of a preparation and its [`outputs`].
    #[must_use]
    pub fn new(
        prepared: &Prepared,
        [original, valid, friendly, templates]: &[Output; 4],
        raw: Input,
        multichain: Option<Input>,
        tokenizers: &Vocabularies,
    ) -> Self {
        let rows = prepared.original.len();
        let (n_valid, n_friendly) = (prepared.valid.len(), prepared.friendly.len());
        Self {
            schema: SCHEMA,
            version: env!("CARGO_PKG_VERSION"),
            behaviour: "reference",
            raw,
            multichain,
            joined: prepared.joined.clone(),
            tokenizers: tokenizers
                .files()
                .map(|(path, sha256)| Input {
                    file: with_folder(path),
                    sha256: sha256.to_owned(),
                })
                .collect(),
            original: set(original, rows, rows, NoRules {}),
            valid_gold_reasoning_trace: set(valid, n_valid, rows, prepared.valid_counts),
            vocab_projection_friendly: set(friendly, n_friendly, n_valid, prepared.friendly_counts),
            templates: set(templates, prepared.templates.len(), n_friendly, NoRules {}),
        }
    }
}

impl Input {
    /// Describes a file by its name and contents.
    #[must_use]
    pub fn new(path: &Path, contents: &[u8]) -> Self {
        Self::hashed(path, sha256(contents))
    }

    /// Describes a file by its name and the hash of its contents.
    #[must_use]
    pub fn hashed(path: &Path, sha256: String) -> Self {
        let name = path.file_name().unwrap_or(path.as_os_str());
        Self {
            file: name.to_string_lossy().into_owned(),
            sha256,
        }
    }
}

fn set<C>(output: &Output, rows: usize, before: usize, rules: C) -> Set<C> {
    Set {
        file: output.file,
        sha256: sha256(output.text.as_bytes()),
        rows,
        dropped: before - rows,
        rules,
    }
}

/// Returns the file name, for `tokenizer.json` with its folder: `gpt2/tokenizer.json`.
fn with_folder(path: &Path) -> String {
    let name = path.file_name().map_or(path, Path::new);
    let folder = path.parent().and_then(Path::file_name).map(Path::new);
    let folder = folder.filter(|_| name == Path::new("tokenizer.json"));
    let both = folder.map_or_else(|| name.to_owned(), |folder| folder.join(name));
    both.to_string_lossy().into_owned()
}

/// Formats a JSON array with one row per line.
fn output<T: Serialize>(file: &'static str, rows: &[T]) -> serde_json::Result<Output> {
    let mut text = "[".to_owned();
    for (i, row) in rows.iter().enumerate() {
        text.push_str(if i == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(row)?);
    }
    text.push_str("\n]\n");
    Ok(Output { file, text })
}

/// Returns the SHA-256 of some bytes in hexadecimal.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
