//! Sources of a model: bundled models, a folder, a bare checkpoint file, or parts in memory.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use candle_core::Device;
use serde::Deserialize;

use super::bundled;
use super::discover::Layout;
use super::error::{ModelError, Result};
use super::family::{Base, Family};
use super::find::{self, Found};
use super::source::ByteSource;
use super::tensor_file::TensorFile;
use super::weights::Weights;

/// The maximum size of a config.json or meta.json, in bytes.
const LONGEST_TEXT: u64 = 16 << 20;
/// The maximum size of a tokenizer.json, in bytes; Llama 3's has 9 MB.
const LONGEST_TOKENIZER: u64 = 32 << 20;

/// The files of one checkpoint, opened but not parsed.
#[derive(Debug, Clone)]
pub struct Checkpoint {
    /// The bundled name, the path, or the published id.
    pub(crate) name: String,
    pub(crate) config: Option<Cow<'static, str>>,
    /// A meta.json beside a published checkpoint, used if config.json has no `undertone` object.
    pub(crate) meta: Option<String>,
    /// The text of peft's `adapter_config.json`, which states the scale of the low-rank branches.
    pub(crate) adapter: Option<String>,
    pub(crate) tokenizer: Option<Cow<'static, [u8]>>,
    /// The tokenizer's file, if it was read from one.
    pub(crate) tokenizer_path: Option<String>,
    pub(crate) weights: ByteSource,
    /// The published SHA-256 that the weights must have.
    pub(crate) stated_sha256: Option<String>,
    /// Warnings for the user about the choice of these files.
    pub(crate) warnings: Vec<String>,
}

/// The file names in a meta.json.
#[derive(Default, Deserialize)]
struct Files {
    weights_file: Option<String>,
    tokenizer: Option<String>,
}

impl Checkpoint {
    /// Opens a bundled model by name, else a checkpoint folder or file.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] if there is no such model or path; [`ModelError::Read`] naming the file.
    pub fn open(name_or_path: &str) -> Result<Self> {
        if let Ok(checkpoint) = Self::bundled(name_or_path) {
            return Ok(checkpoint);
        }
        let path = Path::new(name_or_path);
        if path.is_dir() {
            Self::from_dir(path)
        } else if path.is_file() {
            Self::from_file(path)
        } else {
            Err(ModelError::UnknownModel {
                name: name_or_path.into(),
            })
        }
    }

    /// Opens a bundled model.
    ///
    /// # Errors
    /// [`ModelError::UnknownModel`] if no model has this name.
    pub fn bundled(name: &str) -> Result<Self> {
        let model = bundled::BUNDLED.iter().find(|model| model.name == name);
        let model = model.ok_or_else(|| ModelError::UnknownModel { name: name.into() })?;
        Ok(Self {
            config: Some(model.config.into()),
            tokenizer: Some(model.tokenizer.into()),
            ..Self::new(name.into(), ByteSource::Memory(model.weights.into()))
        })
    }

    /// Creates a checkpoint that has only weights.
    fn new(name: String, weights: ByteSource) -> Self {
        Self {
            name,
            config: None,
            meta: None,
            adapter: None,
            tokenizer: None,
            tokenizer_path: None,
            weights,
            stated_sha256: None,
            warnings: Vec::new(),
        }
    }

    /// Opens a folder: weights under any published name, and the files beside them.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file, or the folder if it holds no weights or several.
    pub fn from_dir(folder: &Path) -> Result<Self> {
        let meta = optional_text(&folder.join("meta.json"))?;
        let (weights, warning) = match files(folder, meta.as_deref())?.weights_file {
            Some(name) => (folder.join(plain_name(folder, &name)?), None),
            None => match find::weights(folder)? {
                Found::File { path, warning } => (path, warning),
                Found::Folder(inner) => return Self::from_dir(&inner)?.or_beside(folder),
            },
        };
        let mut checkpoint = Self::beside(&weights, folder, folder.display().to_string())?;
        checkpoint.warnings.extend(warning);
        Ok(checkpoint)
    }

    /// Fills in missing files of a training checkpoint from the run's folder.
    fn or_beside(mut self, run: &Path) -> Result<Self> {
        if self.config.is_none() {
            self.config = optional_text(&run.join("config.json"))?.map(Cow::from);
        }
        if self.meta.is_none() {
            self.meta = optional_text(&run.join("meta.json"))?;
        }
        if self.adapter.is_none() {
            self.adapter = optional_text(&run.join("adapter_config.json"))?;
        }
        let tokenizer = run.join("tokenizer.json");
        if self.needs_tokenizer() && tokenizer.is_file() {
            return self.with_tokenizer(&tokenizer);
        }
        Ok(self)
    }

    /// Opens a bare checkpoint file and the files beside it.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn from_file(weights: &Path) -> Result<Self> {
        let folder = weights.parent().unwrap_or(Path::new("."));
        Self::beside(weights, folder, weights.display().to_string())
    }

    /// Opens files from separate places: the weights (or the index of several), config.json and tokenizer.json.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn from_files(
        name: &str,
        weights: &Path,
        config: Option<&Path>,
        tokenizer: Option<&Path>,
    ) -> Result<Self> {
        let config = config.map(optional_text).transpose()?.flatten();
        let checkpoint = Self {
            config: config.map(Cow::from),
            ..Self::new(name.to_owned(), open(weights)?)
        };
        match tokenizer {
            Some(path) => checkpoint.read_tokenizer(path),
            None => Ok(checkpoint),
        }
    }

    /// Requires the weights to have this SHA-256, which is computed during loading.
    #[must_use]
    pub fn with_stated_sha256(mut self, sha256: Option<String>) -> Self {
        self.stated_sha256 = sha256;
        self
    }

    fn beside(weights: &Path, folder: &Path, name: String) -> Result<Self> {
        let meta = optional_text(&folder.join("meta.json"))?;
        let tokenizer = folder.join("tokenizer.json");
        let tokenizer = if tokenizer.exists() {
            Some(tokenizer)
        } else {
            let name = files(folder, meta.as_deref())?.tokenizer;
            name.and_then(|name| tokenizer_above(folder, &name))
        };
        let checkpoint = Self {
            config: optional_text(&folder.join("config.json"))?.map(Cow::from),
            meta,
            adapter: optional_text(&folder.join("adapter_config.json"))?,
            ..Self::new(name, open(weights)?)
        };
        match tokenizer {
            Some(path) => checkpoint.read_tokenizer(&path),
            None => Ok(checkpoint),
        }
    }

    /// Returns the files read when this name is opened; empty for a bundled model or one that cannot be opened.
    #[must_use]
    pub fn files_of(name_or_path: &str) -> Vec<PathBuf> {
        let Ok(checkpoint) = Self::open(name_or_path) else {
            return Vec::new();
        };
        let Some(weights) = checkpoint.weights.path() else {
            return Vec::new();
        };
        let beside = ["config.json", "meta.json"].map(|name| weights.with_file_name(name));
        let parts = TensorFile::open(&checkpoint.name, &checkpoint.weights).ok();
        let parts = parts.iter().flat_map(TensorFile::paths).map(Path::to_owned);
        let tokenizer = checkpoint.tokenizer_path.iter().map(PathBuf::from);
        let weights = weights.to_owned();
        beside
            .into_iter()
            .chain(parts)
            .chain(tokenizer)
            .chain([weights])
            .collect()
    }

    /// Returns whether no tokenizer was found beside the weights.
    #[must_use]
    pub fn needs_tokenizer(&self) -> bool {
        self.tokenizer.is_none()
    }

    /// Returns the base of the weights and, if it can be inferred, the kind that their names and shapes imply for the base's
    /// published vocabulary; `None` if the file is not a checkpoint of a known base.
    #[must_use]
    pub fn infer_kind(&self) -> Option<(Base, Option<Family>)> {
        let file = TensorFile::open(&self.name, &self.weights).ok()?;
        let weights = Weights::new(&self.name, &file, &Device::Cpu).ok()?;
        let layout = Layout::infer(&self.name, &weights.shapes()).ok()?;
        let layout = layout.with_aliases(file.aliases());
        let family = layout.family(layout.base.vocab(), &self.name);
        Some((layout.base, family.ok().map(|(family, _)| family)))
    }

    /// Creates a checkpoint from its parts.
    #[must_use]
    pub fn from_parts(
        name: &str,
        config_json: String,
        tokenizer_json: Vec<u8>,
        weights: Vec<u8>,
    ) -> Self {
        Self {
            config: Some(config_json.into()),
            tokenizer: Some(tokenizer_json.into()),
            ..Self::new(name.into(), ByteSource::Memory(weights.into()))
        }
    }

    /// Uses this tokenizer.json, or the one in this folder, instead of one beside the weights.
    ///
    /// # Errors
    /// [`ModelError::Read`] naming the file.
    pub fn with_tokenizer(self, path: &Path) -> Result<Self> {
        if path.is_dir() {
            self.read_tokenizer(&path.join("tokenizer.json"))
        } else {
            self.read_tokenizer(path)
        }
    }

    fn read_tokenizer(mut self, path: &Path) -> Result<Self> {
        self.tokenizer = Some(read(path, LONGEST_TOKENIZER)?.into());
        self.tokenizer_path = Some(path.display().to_string());
        Ok(self)
    }

    /// Returns the total size of the weights in bytes; 0 if they cannot be read.
    #[must_use]
    pub fn weights_bytes(&self) -> u64 {
        TensorFile::open(&self.name, &self.weights).map_or(0, |file| file.length())
    }

    /// Returns the bundled name, the path, or the published id.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }
}

fn open(weights: &Path) -> Result<ByteSource> {
    ByteSource::open(weights).map_err(|e| ModelError::read(weights, e.to_string()))
}

fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    let bytes = ByteSource::open(path).and_then(|file| file.read_all(limit));
    bytes.map_err(|e| ModelError::read(path, e.to_string()))
}

/// Reads an optional file.
fn optional_text(path: &Path) -> Result<Option<String>> {
    match std::fs::metadata(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        _ => {
            let text = String::from_utf8(read(path, LONGEST_TEXT)?);
            let text = text.map_err(|_| ModelError::read(path, "it is not UTF-8"))?;
            // Some editors prepend a byte order mark, which is invalid JSON.
            Ok(Some(text.trim_start_matches('\u{feff}').to_owned()))
        }
    }
}

fn files(folder: &Path, meta: Option<&str>) -> Result<Files> {
    meta.map_or_else(
        || Ok(Files::default()),
        |text| {
            serde_json::from_str(text)
                .map_err(|e| ModelError::read(&folder.join("meta.json"), e.to_string()))
        },
    )
}

/// Accepts only a file name in this folder: the meta.json is not trusted.
fn plain_name(folder: &Path, name: &str) -> Result<PathBuf> {
    let path = Path::new(name);
    if path
        .file_name()
        .is_some_and(|plain| plain == path.as_os_str())
    {
        return Ok(path.to_owned());
    }
    let reason = format!("weights_file {name:?} is not the name of a file beside it");
    Err(ModelError::read(&folder.join("meta.json"), reason))
}

/// Finds the tokenizer that a meta.json names, relative to the folder or to one of the two above it.
fn tokenizer_above(folder: &Path, name: &str) -> Option<PathBuf> {
    let folder = folder.canonicalize().ok()?;
    folder
        .ancestors()
        .take(3)
        .map(|above| above.join(name))
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_needs_weights_and_takes_what_lies_beside_them() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str| std::fs::write(at(name), "{}").expect("write");
        let open = |path: &Path| Checkpoint::open(&path.display().to_string());
        let error = open(folder.path()).expect_err("empty").to_string();
        assert!(error.contains("no model.safetensors"), "{error}");
        write("checkpoint_3");
        let bare = open(folder.path()).expect("weights are enough");
        assert!(bare.config.is_none() && bare.tokenizer.is_none());
        assert!(
            open(&at("checkpoint_3")).is_ok(),
            "a file is a checkpoint too"
        );
        write("checkpoint_4");
        let error = open(folder.path()).expect_err("two").to_string();
        assert!(error.contains("checkpoint_3, checkpoint_4"), "{error}");
        write("model.safetensors");
        write("config.json");
        write("tokenizer.json");
        let full = open(folder.path()).expect("a usual name wins");
        assert!(full.config.is_some() && full.tokenizer.is_some());
        assert!(matches!(
            Checkpoint::open("no such model"),
            Err(ModelError::UnknownModel { .. })
        ));
    }

    #[test]
    fn a_checkpoint_of_a_run_takes_what_it_lacks_from_the_run() {
        let run = tempfile::tempdir().expect("temporary folder");
        let inner = run.path().join("checkpoint-500");
        std::fs::create_dir(&inner).expect("folder");
        let write = |path: &Path, text: &str| std::fs::write(path, text).expect("write");
        write(&inner.join("model.safetensors"), "{}");
        write(&inner.join("meta.json"), r#"{"num_latents":3}"#);
        for name in [
            "config.json",
            "meta.json",
            "adapter_config.json",
            "tokenizer.json",
        ] {
            write(
                &run.path().join(name),
                &format!(r#"{{"of":"the run","name":"{name}"}}"#),
            );
        }
        let found = Checkpoint::from_dir(run.path()).expect("one checkpoint");
        let of_run = |text: Option<&str>| text.is_some_and(|text| text.contains("the run"));
        assert!(of_run(found.config.as_deref()) && of_run(found.adapter.as_deref()));
        assert!(
            found.meta.is_some_and(|meta| meta.contains("num_latents")),
            "its own comes first"
        );
        assert!(found.tokenizer.is_some());
    }

    #[test]
    fn meta_json_names_a_file_beside_it_and_no_other() {
        let above = tempfile::tempdir().expect("temporary folder");
        let folder = above.path().join("checkpoints/one");
        std::fs::create_dir_all(&folder).expect("folder");
        std::fs::write(above.path().join("words.json"), "{}").expect("write");
        std::fs::write(folder.join("w"), "weights").expect("write");
        let meta = |text: &str| std::fs::write(folder.join("meta.json"), text).expect("write");
        meta(r#"{"weights_file":"w","tokenizer":"words.json"}"#);
        let found = Checkpoint::from_dir(&folder).expect("named");
        assert_eq!(found.tokenizer.as_deref(), Some(&b"{}"[..]));
        for bad in [
            r#"{"weights_file":"../../words.json"}"#,
            r#"{"weights_file":"/etc/hosts"}"#,
            "[",
        ] {
            meta(bad);
            let error = Checkpoint::from_dir(&folder).expect_err(bad).to_string();
            assert!(error.contains("meta.json"), "{error}");
        }
    }
}
