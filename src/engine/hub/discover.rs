//! Selects a repository's checkpoint file and the files that belong to it.
//!
//! Published checkpoints have no fixed name: the rule (docs/methods.md M8.1) is to list the repository
//! and take the only large file. The same rule applies to a listing of the hub and to a folder of the cache.

/// The index of a checkpoint in several safetensors files.
pub(super) const INDEX: &str = "model.safetensors.index.json";
/// The names of whole checkpoints, in order of preference if a folder has the same model several times.
const WHOLE: [&str; 3] = ["model.safetensors", INDEX, "pytorch_model.bin"];
/// The prefix of the Coconut authors' files, followed by the epoch.
const EPOCH: &str = "checkpoint_";
/// The minimum size of a checkpoint under an unknown name, in bytes.
const LARGE: u64 = 1 << 20;
/// Endings of files that are never readable checkpoints, whatever their size.
const OTHER_ENDINGS: &[&str] = &[
    "arrow", "csv", "gguf", "h5", "html", "jpeg", "jpg", "json", "jsonl", "lock", "log", "md",
    "md5", "model", "msgpack", "onnx", "ot", "parquet", "pdf", "png", "py", "sh", "sha256", "svg",
    "tflite", "tsv", "txt", "yaml", "yml",
];
/// Prefixes of training-run files that are not models.
const OF_TRAINING: &[&str] = &[
    "optimizer",
    "rng_state",
    "scaler",
    "scheduler",
    "training_args",
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry<'a> {
    /// Its path in the repository.
    pub(super) path: &'a str,
    /// Its length, if known.
    pub(super) size: Option<u64>,
}

/// Why no file can be chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Unclear {
    /// There is no candidate.
    Nothing,
    /// There are several candidates, with these paths.
    Several(Vec<String>),
}

/// Chooses the checkpoint among the files of a repository or of a folder in it.
///
/// `folder` may also name the file itself. Checkpoints directly in the folder take precedence over those in subfolders.
pub(super) fn choose(files: &[Entry<'_>], folder: &str) -> Result<String, Unclear> {
    if files.iter().any(|file| file.path == folder) {
        return Ok(folder.to_owned());
    }
    let inside: Vec<Entry<'_>> = files
        .iter()
        .copied()
        .filter(|file| below(file.path, folder).is_some())
        .collect();
    let mut candidates = named(&inside);
    let is_here = |path: &String| parent(path) == folder;
    if candidates.iter().any(is_here) {
        candidates.retain(is_here);
    }
    if candidates.is_empty() {
        candidates = large(&inside);
    }
    match candidates.len() {
        0 => Err(Unclear::Nothing),
        1 => Ok(candidates.remove(0)),
        _ => Err(Unclear::Several(candidates)),
    }
}

/// Returns the files with checkpoint names, one per model.
fn named(files: &[Entry<'_>]) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    for file in files {
        let (folder, name) = (parent(file.path), base_name(file.path));
        if name.starts_with(EPOCH) && !is_other(name) {
            paths.push(file.path.to_owned());
            continue;
        }
        // The same model in two formats counts once.
        let rank = |name: &str| WHOLE.iter().position(|whole| *whole == name);
        let Some(own) = rank(name) else { continue };
        let is_best = files
            .iter()
            .filter(|other| parent(other.path) == folder)
            .filter_map(|other| rank(base_name(other.path)))
            .all(|other| other >= own);
        if is_best {
            paths.push(file.path.to_owned());
        }
    }
    paths.sort();
    paths
}

/// Returns the large files with unknown names.
fn large(files: &[Entry<'_>]) -> Vec<String> {
    let mut paths: Vec<String> = files
        .iter()
        .filter(|file| file.size.is_some_and(|size| size >= LARGE))
        .filter(|file| !is_other(base_name(file.path)))
        .map(|file| file.path.to_owned())
        .collect();
    paths.sort();
    paths
}

fn is_other(name: &str) -> bool {
    let lower = name.to_lowercase();
    let ending = lower.rsplit_once('.').map_or("", |(_, ending)| ending);
    OTHER_ENDINGS.contains(&ending) || OF_TRAINING.iter().any(|start| lower.starts_with(start))
}

/// Returns the path of a checkpoint's companion file: beside it, else in the nearest folder above.
pub(super) fn beside(is_there: impl Fn(&str) -> bool, weights: &str, name: &str) -> Option<String> {
    let mut folder = parent(weights);
    loop {
        let path = join(folder, name);
        if is_there(&path) {
            return Some(path);
        }
        if folder.is_empty() {
            return None;
        }
        folder = parent(folder);
    }
}

/// Returns the folder of a path; empty at the top.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() {
        name.to_owned()
    } else {
        format!("{folder}/{name}")
    }
}

fn base_name(path: &str) -> &str {
    path.rsplit_once('/').map_or(path, |(_, name)| name)
}

/// Returns the rest of a path below a folder; the whole path for the top.
fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    if folder.is_empty() {
        return Some(path);
    }
    path.strip_prefix(folder)?.strip_prefix('/')
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    fn chosen(files: &[(&str, u64)], folder: &str) -> Result<String, Unclear> {
        let entries: Vec<Entry<'_>> = files
            .iter()
            .map(|(path, size)| Entry {
                path,
                size: Some(*size),
            })
            .collect();
        choose(&entries, folder)
    }

    #[test]
    fn the_checkpoint_is_found_under_every_published_layout() {
        /// Files with their lengths, the folder, the expected choice.
        type Row<'a> = (&'a [(&'a str, u64)], &'a str, &'a str);
        let table: &[Row<'_>] = &[
            (
                &[
                    (".gitattributes", 9),
                    ("README.md", 9),
                    ("checkpoint_40", 652 * MIB),
                ],
                "",
                "checkpoint_40",
            ),
            (
                &[("pytorch_model.bin", 406 * MIB), ("config.json", 2)],
                "",
                "pytorch_model.bin",
            ),
            (
                &[("model.safetensors", 9), ("config.json", 2)],
                "",
                "model.safetensors",
            ),
            (
                &[
                    ("model-00001-of-00002.safetensors", 900 * MIB),
                    ("model-00002-of-00002.safetensors", 900 * MIB),
                    (INDEX, 3000),
                ],
                "",
                INDEX,
            ),
            // The same model three times, and other frameworks' files.
            (
                &[
                    ("model.safetensors", 500 * MIB),
                    ("pytorch_model.bin", 500 * MIB),
                    ("tf_model.h5", 500 * MIB),
                    ("onnx/decoder_model.onnx", 600 * MIB),
                ],
                "",
                "model.safetensors",
            ),
            // An unknown name: the only large file that is not a document.
            (
                &[
                    ("codi_final.pt", 5 * MIB),
                    ("tokenizer.json", 9 * MIB),
                    ("optimizer.pt", 9 * MIB),
                ],
                "",
                "codi_final.pt",
            ),
            (
                &[
                    ("notes.txt", 9),
                    ("a/b/checkpoint_best/pytorch_model.bin", 9),
                ],
                "",
                "a/b/checkpoint_best/pytorch_model.bin",
            ),
            (
                &[("m1/checkpoint_best", 9), ("m2/checkpoint_best", 9)],
                "m2",
                "m2/checkpoint_best",
            ),
            (
                &[("m/checkpoint_1", 9), ("m/checkpoint_2", 9)],
                "m/checkpoint_2",
                "m/checkpoint_2",
            ),
            (
                &[
                    ("m/checkpoint_1/model.safetensors", 9),
                    ("m/checkpoint_2/model.safetensors", 9),
                ],
                "m/checkpoint_1",
                "m/checkpoint_1/model.safetensors",
            ),
            // Files in the folder precede those below it.
            (
                &[
                    ("model.safetensors", 9),
                    ("checkpoint-100/model.safetensors", 9),
                ],
                "",
                "model.safetensors",
            ),
        ];
        for (files, folder, expected) in table {
            assert_eq!(
                chosen(files, folder).as_deref(),
                Ok(*expected),
                "{files:?} in {folder:?}"
            );
        }
    }

    #[test]
    fn several_are_listed_and_none_is_said() {
        let several = |paths: &[&str]| {
            Err(Unclear::Several(
                paths.iter().map(|&path| path.to_owned()).collect(),
            ))
        };
        assert_eq!(
            chosen(&[("checkpoint_9", 9), ("checkpoint_40", 9)], ""),
            several(&["checkpoint_40", "checkpoint_9"])
        );
        assert_eq!(
            chosen(&[("a/model.safetensors", 9), ("b/checkpoint_1", 9)], ""),
            several(&["a/model.safetensors", "b/checkpoint_1"])
        );
        assert_eq!(
            chosen(&[("x.pt", 2 * MIB), ("y.pt", 2 * MIB)], ""),
            several(&["x.pt", "y.pt"])
        );
        for files in [
            &[("README.md", 9 * MIB)][..],
            &[("checkpoint_40.json", 9 * MIB)],
            &[("small.pt", 9)],
            &[],
        ] {
            assert_eq!(chosen(files, ""), Err(Unclear::Nothing), "{files:?}");
        }
        assert_eq!(
            chosen(&[("ab/checkpoint_1", 9)], "a"),
            Err(Unclear::Nothing),
            "a folder is not a prefix"
        );
    }

    #[test]
    fn companions_are_beside_the_checkpoint_or_above_it() {
        let files = ["config.json", "m/config.json", "tokenizer.json"];
        let find = |weights: &str, name: &str| beside(|path| files.contains(&path), weights, name);
        let table = [
            ("m/n/checkpoint_1", "config.json", Some("m/config.json")),
            ("checkpoint_1", "config.json", Some("config.json")),
            ("m/checkpoint_1", "tokenizer.json", Some("tokenizer.json")),
            ("m/checkpoint_1", "tokenizer_config.json", None),
        ];
        for (weights, name, expected) in table {
            assert_eq!(find(weights, name).as_deref(), expected, "{weights} {name}");
        }
    }
}
