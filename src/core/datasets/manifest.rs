//! The account of a preparation (`undertone.data/1`): what went in, what came out, and what each rule dropped.
//!
//! It holds no date and no folder, so that the same inputs give the same bytes anywhere.

use std::path::Path;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::core::text::hex;

use super::gsm8k::{FriendlyCounts, Joined, Prepared, ValidCounts};
use super::vocabulary::Vocabularies;

/// The schema name and version.
pub const SCHEMA: &str = "undertone.data/1";

/// The account. Fields are only ever added.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Manifest {
    /// The schema name and version.
    pub schema: &'static str,
    /// The version of this program.
    pub version: &'static str,
    /// The quirks of the published preparation are kept: always `reference`.
    pub behaviour: &'static str,
    /// The raw set.
    pub raw: Input,
    /// The alternative solutions, if they were given.
    pub multichain: Option<Input>,
    /// How the two met.
    pub joined: Option<Joined>,
    /// The tokenizers for which a number has to be one token.
    pub tokenizers: Vec<Input>,
    /// Every row.
    pub original: Set<NoRules>,
    /// Rows whose gold steps lead to the answer.
    pub valid_gold_reasoning_trace: Set<ValidCounts>,
    /// Rows of that whose numbers are single tokens and differ.
    pub vocab_projection_friendly: Set<FriendlyCounts>,
    /// The templates of the last set.
    pub templates: Set<NoRules>,
}

/// A file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Input {
    /// Its name; a tokenizer's with its folder.
    pub file: String,
    /// The SHA-256 of its bytes.
    pub sha256: String,
}

/// A set that was written.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Set<C> {
    /// The file, beside the manifest.
    pub file: &'static str,
    /// The SHA-256 of its bytes.
    pub sha256: String,
    /// Its rows.
    pub rows: usize,
    /// The rows of the set before that it lacks.
    pub dropped: usize,
    /// What each rule dropped, where there are rules.
    #[serde(flatten)]
    pub rules: C,
}

/// A set that drops nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct NoRules {}

/// A file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub file: &'static str,
    /// Its contents.
    pub text: String,
}

/// The name of the manifest's file.
pub const FILE: &str = "gsm_manifest.json";

/// Returns the files of a preparation as the published names have them, without the manifest.
///
/// # Errors
/// When something cannot be written as JSON, which would be a bug.
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
    /// Gives the account of a preparation and of its [`outputs`].
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

/// `gpt2/tokenizer.json`, since that name alone would say nothing; any other name stands for itself.
fn with_folder(path: &Path) -> String {
    let name = path.file_name().map_or(path, Path::new);
    let folder = path.parent().and_then(Path::file_name).map(Path::new);
    let folder = folder.filter(|_| name == Path::new("tokenizer.json"));
    let both = folder.map_or_else(|| name.to_owned(), |folder| folder.join(name));
    both.to_string_lossy().into_owned()
}

/// A JSON array with one row a line.
fn output<T: Serialize>(file: &'static str, rows: &[T]) -> serde_json::Result<Output> {
    let mut text = "[".to_owned();
    for (i, row) in rows.iter().enumerate() {
        text.push_str(if i == 0 { "\n" } else { ",\n" });
        text.push_str(&serde_json::to_string(row)?);
    }
    text.push_str("\n]\n");
    Ok(Output { file, text })
}

/// The SHA-256 of some bytes, in hexadecimal digits.
#[must_use]
pub fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
