//! Tokenizers, as far as data preparation needs them: whether a number is a single token.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use tokenizers::Tokenizer;

use super::manifest::sha256;
use crate::core::error::{Error, Result};
use crate::core::file;

/// The largest tokenizer.json that is read, in bytes; Llama 3's has 9 MB.
const MAX_BYTES: u64 = 128 << 20;
const HINT: &str =
    "name a tokenizer.json of the Hugging Face tokenizers library, or a folder that holds one";

/// A set of tokenizers that must all agree.
pub struct Vocabularies {
    tokenizers: Vec<(PathBuf, Tokenizer)>,
    hashes: Vec<String>,
    cache: HashMap<String, bool>,
}

impl Vocabularies {
    /// Opens tokenizer files, or folders that contain a `tokenizer.json`.
    ///
    /// # Errors
    /// Names the file that cannot be read or is not a tokenizer.
    pub fn open(paths: &[PathBuf]) -> Result<Self> {
        let mut opened = Self {
            tokenizers: Vec::new(),
            hashes: Vec::new(),
            cache: HashMap::new(),
        };
        for path in paths {
            let path = if path.is_dir() {
                path.join("tokenizer.json")
            } else {
                path.clone()
            };
            let failed = |message: String| Error::data(&path, None, message, HINT);
            let bytes = file::read_at_most(&path, MAX_BYTES)?.ok_or_else(|| {
                failed(format!(
                    "the file exceeds the limit of {} MiB",
                    MAX_BYTES >> 20
                ))
            })?;
            let tokenizer = Tokenizer::from_bytes(&bytes).map_err(|why| {
                failed(format!(
                    "this is not a tokenizer: {}",
                    short(&why.to_string())
                ))
            })?;
            opened.hashes.push(sha256(&bytes));
            opened.tokenizers.push((path, tokenizer));
        }
        Ok(opened)
    }

    /// Returns the files and their hashes.
    pub fn files(&self) -> impl Iterator<Item = (&Path, &str)> {
        let paths = self.tokenizers.iter().map(|(path, _)| path.as_path());
        paths.zip(self.hashes.iter().map(String::as_str))
    }

    /// Returns whether a text is at most one token in every tokenizer, encoded alone: without leading space or special tokens.
    ///
    /// # Errors
    /// Names the tokenizer that fails.
    pub fn is_single(&mut self, text: &str) -> Result<bool> {
        if let Some(single) = self.cache.get(text) {
            return Ok(*single);
        }
        let mut single = true;
        for (path, tokenizer) in &self.tokenizers {
            let encoding = tokenizer.encode_fast(text, false).map_err(|why| {
                let message = format!("cannot encode {text:?}: {}", short(&why.to_string()));
                Error::data(path, None, message, HINT)
            })?;
            single &= encoding.len() <= 1;
        }
        self.cache.insert(text.to_owned(), single);
        Ok(single)
    }
}

/// Truncates a message from another library.
fn short(message: &str) -> &str {
    &message[..message.floor_char_boundary(200)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shared(name: &str) -> Option<PathBuf> {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/tokenizers");
        let path = Path::new(root).join(name);
        if !path.exists() {
            let line = format!("skipped: no shared fixture tokenizers/{name}\n");
            _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            return None;
        }
        Some(path)
    }

    fn open(paths: &[PathBuf]) -> Vocabularies {
        Vocabularies::open(paths).expect("the tokenizers open")
    }

    #[test]
    fn single_tokens_are_those_of_the_published_tokenizers() {
        let (Some(gpt2), Some(llama)) = (shared("gpt2"), shared("llama3")) else {
            return;
        };
        let mut llama_only = open(std::slice::from_ref(&llama));
        let mut gpt2_only = open(&[gpt2.join("tokenizer.json")]);
        let mut both = open(&[gpt2, llama]);
        let single = |tokens: &mut Vocabularies, n: u32| {
            tokens.is_single(&n.to_string()).expect("encodable")
        };
        // docs/methods.md M3.3.
        assert!((0..1000).all(|n| single(&mut llama_only, n)));
        assert!(!(1000..3000).any(|n| single(&mut llama_only, n)));
        let long: Vec<u32> = (0..=1000).filter(|n| !single(&mut gpt2_only, *n)).collect();
        assert_eq!(long.len(), 181);
        assert_eq!(long[..5], [521, 527, 531, 532, 534]);
        assert_eq!(
            (0..=1100).filter(|n| single(&mut gpt2_only, *n)).count(),
            827
        );
        assert!((0..=1000).all(|n| single(&mut both, n) == (!long.contains(&n) && n < 1000)));
        for text in ["2.5", "1,200", "-3", ".5"] {
            assert!(!both.is_single(text).expect("encodable"), "{text}");
        }
    }

    #[test]
    fn a_file_that_is_no_tokenizer_is_named() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let error = |path: &Path| match Vocabularies::open(&[path.to_owned()]) {
            Ok(_) => panic!("{} opened", path.display()),
            Err(error) => error,
        };
        let missing = error(folder.path()).to_string();
        assert!(missing.contains("tokenizer.json"), "{missing}");
        for contents in ["{}", "[", "\u{1b}[2J", "{\"model\":{\"type\":\"BPE\"}}"] {
            let path = folder.path().join("tokenizer.json");
            std::fs::write(&path, contents).expect("written");
            let error = error(folder.path());
            assert!(error.to_string().contains("is not a tokenizer"), "{error}");
            assert_eq!(
                (error.exit_code(), error.hint().as_deref()),
                (3, Some(HINT))
            );
        }
    }
}
