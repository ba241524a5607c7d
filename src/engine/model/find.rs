//! Finds the weights file in a folder.

use std::path::{Path, PathBuf};

use super::checkpoint::Checkpoint;
use super::error::{ModelError, Result};
use super::lens_files::TENSOR_FILE;

/// The usual names of weights files; if several hold the same kind of model, the first is used.
const USUAL: [&str; 4] = [
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    "pytorch_model.bin.index.json",
];

/// The prefixes of other files that training leaves.
const BESIDE: [&str; 7] = [
    "optimizer",
    "scheduler",
    "scaler",
    "rng_state",
    "random_states",
    "training_args",
    "trainer_state",
];

/// The location of a folder's weights.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// This file.
    File {
        path: PathBuf,
        /// A warning for the user about the choice.
        warning: Option<String>,
    },
    /// This subfolder, the only one from a training run.
    Folder(PathBuf),
}

/// Finds the weights of a folder (docs/methods.md M8.1).
///
/// # Errors
/// [`ModelError::Read`] with the candidates and advice, if the choice is unclear.
pub(super) fn weights(folder: &Path) -> Result<Found> {
    let failed = |reason: String| ModelError::read(folder, reason);
    let entries = std::fs::read_dir(folder).map_err(|e| failed(e.to_string()))?;
    let (mut files, mut folders) = (Vec::new(), Vec::new());
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
            continue;
        };
        if path.is_dir() && name.starts_with("checkpoint") {
            folders.push(path);
        } else if path.is_file() && is_weights(name) {
            files.push(path);
        }
    }
    files.sort();
    folders.sort();
    let (parts, mut files): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|path| is_part(path));
    let has_index = USUAL
        .iter()
        .any(|name| name.ends_with(".index.json") && folder.join(name).is_file());
    let mut warning = None;
    if !has_index && let Some(part) = parts.first() {
        let is_binary = part.extension().is_some_and(|ending| ending == "bin");
        let index = if is_binary {
            "pytorch_model.bin.index.json"
        } else {
            "model.safetensors.index.json"
        };
        let is_alone = parts.len() == 1 && names(&parts, |_| None).contains("-of-00001");
        if is_alone && files.is_empty() {
            files.push(part.clone());
        } else if files.is_empty() {
            return Err(failed(format!(
                "it holds {} and no {index} that maps tensors to files: download the index too",
                names(std::slice::from_ref(part), |_| None)
            )));
        } else {
            warning = Some(format!(
                "{} was not read: there is no {index}",
                names(&parts, |_| None)
            ));
        }
    }
    let adapters: Vec<PathBuf> = if files.len() > 1 {
        files.extract_if(.., |path| is_adapter(path)).collect()
    } else {
        Vec::new()
    };
    if !adapters.is_empty() {
        warning = Some(format!(
            "{} was not read: merge the adapter into the weights to use it",
            names(&adapters, |_| None)
        ));
    }
    match files.len() {
        1 => Ok(Found::File {
            path: files.remove(0),
            warning,
        }),
        0 => match folders.as_slice() {
            [one] => Ok(Found::Folder(one.clone())),
            [] => Err(failed(
                "it holds no model.safetensors, pytorch_model.bin or checkpoint_N".to_owned(),
            )),
            several => Err(failed(format!(
                "it holds several checkpoints, name one of the folders {}",
                names(several, |_| None)
            ))),
        },
        _ => match choose(&files).map_err(failed)? {
            Found::File { path, warning: own } => Ok(Found::File {
                path,
                warning: own.or(warning),
            }),
            folder @ Found::Folder(_) => Ok(folder),
        },
    }
}

/// Returns whether a file holds peft's low-rank branches, which are not a model by themselves.
fn is_adapter(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    name.starts_with("adapter_model.")
}

/// Returns the one file that holds a latent reasoner; a base or other tensors may be beside it.
fn choose(files: &[PathBuf]) -> std::result::Result<Found, String> {
    let kinds: Vec<Option<String>> = files.iter().map(|path| kind(path)).collect();
    let usual = |path: &&PathBuf| {
        let name = path.file_name();
        USUAL
            .iter()
            .position(|usual| name.is_some_and(|name| name == *usual))
    };
    let is_reasoner = |kind: &Option<String>| {
        kind.as_deref()
            .is_some_and(|kind| !kind.starts_with("plain"))
    };
    let reasoners = files
        .iter()
        .zip(&kinds)
        .filter(|(_, kind)| is_reasoner(kind));
    let reasoners: Vec<&PathBuf> = reasoners.map(|(path, _)| path).collect();
    let first_usual = |paths: &[&PathBuf]| {
        let ranks = paths.iter().filter_map(|path| Some((usual(path)?, *path)));
        ranks.min().map(|(_, path)| path.clone())
    };
    let choice = match reasoners.as_slice() {
        [one] => Some((*one).clone()),
        // No kind is known: a usual name is the best evidence.
        [] => first_usual(&files.iter().collect::<Vec<_>>()),
        // One model in several formats.
        several if several.iter().all(|path| usual(path).is_some()) => first_usual(several),
        _ => None,
    };
    let unread: Vec<PathBuf> = reasoners
        .iter()
        .filter(|path| choice.as_ref() != Some(**path))
        .map(|path| (*path).clone())
        .collect();
    let choice = choice.map(|path| Found::File {
        warning: (!unread.is_empty()).then(|| {
            format!(
                "{} was opened; {} beside it was not read, nor compared with it",
                names(std::slice::from_ref(&path), |_| None),
                names(&unread, |_| None)
            )
        }),
        path,
    });
    choice.ok_or_else(|| {
        let kind = |path: &Path| kinds[files.iter().position(|file| file == path)?].clone();
        format!(
            "it holds several checkpoints, name one of {}",
            names(files, kind)
        )
    })
}

/// Returns the kind of a file's model: a family, or a plain base; `None` if it cannot be read.
fn kind(path: &Path) -> Option<String> {
    // A folder's name may reveal more than the weights.
    let name = path.display().to_string();
    let checkpoint = Checkpoint::from_files(&name, path, None, None).ok()?;
    let (base, family) = checkpoint.infer_kind()?;
    Some(family.map_or_else(
        || format!("plain {}", base.arch()),
        |family| family.as_str().to_owned(),
    ))
}

fn names(paths: &[PathBuf], kind: impl Fn(&Path) -> Option<String>) -> String {
    let name = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        kind(path).map_or_else(|| name.to_string(), |kind| format!("{name} ({kind})"))
    };
    paths.iter().map(name).collect::<Vec<_>>().join(", ")
}

fn is_weights(name: &str) -> bool {
    // A tuned lens may be beside the weights that it was fitted to.
    if name == TENSOR_FILE || BESIDE.iter().any(|beside| name.starts_with(beside)) {
        return false;
    }
    let extension = Path::new(name).extension().unwrap_or_default();
    USUAL.contains(&name)
        || name.starts_with("checkpoint_")
        || ["safetensors", "bin", "pt", "pth"]
            .iter()
            .any(|usual| extension == *usual)
}

/// Returns whether a name is that of a shard: `model-00001-of-00002.safetensors`.
fn is_part(path: &Path) -> bool {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let mut words = stem.rsplit('-');
    let is_number = |word: Option<&str>| {
        word.is_some_and(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit()))
    };
    is_number(words.next()) && words.next() == Some("of") && is_number(words.next())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::model::tensor_file::made::state_dict;
    use crate::engine::model::tiny;

    fn folder(files: &[(&str, &[u8])]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            std::fs::write(path, bytes).expect("written");
        }
        folder
    }

    fn file(folder: &tempfile::TempDir) -> std::result::Result<String, String> {
        match weights(folder.path()) {
            Ok(Found::File { path, .. } | Found::Folder(path)) => Ok(path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn the_right_file_is_picked_where_there_is_one() {
        let coconut = tiny::serialize(&tiny::tensors_of(1));
        // The toy's base, as it would lie beside a checkpoint trained from it.
        let plain: tiny::Tensors = tiny::tensors_of(1)
            .into_iter()
            .map(|(name, tensor)| (name.trim_start_matches("base_causallm.").to_owned(), tensor))
            .collect();
        let plain = tiny::serialize(&plain);
        let beside = folder(&[
            ("model.safetensors", &plain),
            ("checkpoint_3", &coconut),
            ("optimizer.pt", b"x"),
        ]);
        assert_eq!(file(&beside).as_deref(), Ok("checkpoint_3"));
        let two = folder(&[("checkpoint_3", &coconut), ("checkpoint_4", &coconut)]);
        let said = file(&two).expect_err("two");
        assert!(
            said.contains("checkpoint_3 (coconut), checkpoint_4 (coconut)"),
            "{said}"
        );
        let run = folder(&[("checkpoint-500/model.safetensors", &coconut)]);
        assert_eq!(file(&run).as_deref(), Ok("checkpoint-500"));
        let runs = folder(&[("checkpoint-500/a.bin", b""), ("checkpoint-900/a.bin", b"")]);
        let said = file(&runs).expect_err("two");
        assert!(
            said.contains("one of the folders checkpoint-500, checkpoint-900"),
            "{said}"
        );
        let parts = folder(&[
            ("model-00001-of-00002.safetensors", b""),
            ("model-00002-of-00002.safetensors", b""),
        ]);
        let said = file(&parts).expect_err("no index");
        assert!(said.contains("model.safetensors.index.json"), "{said}");
        let index = folder(&[
            ("pytorch_model-00001-of-00001.bin", b""),
            ("pytorch_model.bin.index.json", b"{}"),
        ]);
        assert_eq!(file(&index).as_deref(), Ok("pytorch_model.bin.index.json"));
        let beside = folder(&[
            ("model.safetensors", &coconut),
            ("embeddings.pt", b"x"),
            ("adapter_model.bin", b"x"),
        ]);
        assert_eq!(file(&beside).as_deref(), Ok("model.safetensors"));
        let Ok(Found::File { warning, .. }) = weights(beside.path()) else {
            panic!("one model with an adapter");
        };
        assert!(
            warning
                .expect("it is not applied")
                .contains("adapter_model.bin was not read")
        );
        let alone = folder(&[("model-00001-of-00001.safetensors", &coconut)]);
        assert_eq!(
            file(&alone).as_deref(),
            Ok("model-00001-of-00001.safetensors")
        );
        let binary = folder(&[
            ("pytorch_model-00001-of-00002.bin", b""),
            ("pytorch_model-00002-of-00002.bin", b""),
        ]);
        let said = file(&binary).expect_err("no index");
        assert!(said.contains("pytorch_model.bin.index.json"), "{said}");
        let beside = folder(&[("model.safetensors", &plain), ("embeddings.pt", b"x")]);
        assert_eq!(file(&beside).as_deref(), Ok("model.safetensors"));
        let formats = folder(&[("model.safetensors", &coconut), ("pytorch_model.bin", b"x")]);
        assert_eq!(file(&formats).as_deref(), Ok("model.safetensors"));
        let torch = state_dict(&tiny::tensors_of(1));
        let formats = folder(&[
            ("pytorch_model.bin", &torch),
            ("model.safetensors", &coconut),
        ]);
        let Ok(Found::File { path, warning }) = weights(formats.path()) else {
            panic!("two formats of one model");
        };
        assert!(path.ends_with("model.safetensors"), "{path:?}");
        let said = warning.expect("one of them is not read");
        assert!(
            said.contains("pytorch_model.bin beside it was not read"),
            "{said}"
        );
    }
}
