//! Fuzz targets of the loaders: files of weights, config.json with meta.json, tokenizer.json.

use std::sync::LazyLock;

#[cfg(test)]
pub(crate) use super::tensor_file::made;

use super::config::{Config, Given};
use super::discover::Layout;
use super::options::{LoadOptions, Precision};
use super::source::ByteSource;
use super::tensor_file::{self, TensorFile};
use super::tokenizer::Tokenizer;
use super::weights::Weights;
use super::{Base, Checkpoint, Device, Family, Model, tiny};
use crate::fuzzing::Draws;

/// The files of the toy checkpoint.
pub(crate) struct Toy {
    pub(crate) config: String,
    pub(crate) tokenizer: Vec<u8>,
    weights: Vec<u8>,
}

pub(crate) static TOY: LazyLock<Toy> = LazyLock::new(|| {
    let checkpoint = tiny::checkpoint(1);
    Toy {
        config: checkpoint.config.expect("it has one").into_owned(),
        tokenizer: checkpoint.tokenizer.expect("it has one").into_owned(),
        weights: tiny::serialize(&tiny::tensors_of(1)),
    }
});

/// The names of the files that an index joins, and their bytes: the toy's tensors in turn.
pub(crate) static SHARDS: LazyLock<[(&str, Vec<u8>); 2]> = LazyLock::new(|| {
    let mut shards = [tiny::Tensors::new(), tiny::Tensors::new()];
    for (i, (name, tensor)) in tiny::tensors_of(3).into_iter().enumerate() {
        shards[i % 2].insert(name, tensor);
    }
    let [a, b] = shards.each_ref().map(tiny::serialize);
    [("a.safetensors", a), ("b.safetensors", b)]
});

/// Loads a checkpoint as a user would.
fn load(checkpoint: &Checkpoint, options: &LoadOptions) -> bool {
    Model::load(checkpoint, options, &Device::Cpu, &mut |_| {}).is_ok()
}

/// The most tensors that are looked at in a file.
const MOST_TENSORS: usize = 64;

/// Opens a weights file and uses its contents; some that look like a model are loaded as one.
fn opened(mut draws: Draws, source: &ByteSource) -> bool {
    let Ok(file) = TensorFile::open("fuzz", source) else {
        return false;
    };
    let mut looked = 0;
    for (name, entry) in file.entries().iter().take(MOST_TENSORS) {
        // Names may share their values, so their total size is unbounded.
        if looked > 2 * file.length() {
            break;
        }
        let mut bytes = 0;
        let read = file.values(entry, |part| bytes += part.len());
        assert!(read.is_ok(), "a file in memory is all there");
        assert_eq!(bytes, entry.count() * entry.stored.bytes(), "{name:?}");
        looked += bytes as u64;
    }
    let Ok(mut weights) = Weights::new("fuzz", &file, &Device::Cpu) else {
        return true;
    };
    let Ok(layout) = Layout::infer("fuzz", &weights.shapes()) else {
        return true;
    };
    let names: Vec<(String, Vec<usize>)> = weights
        .shapes()
        .take(MOST_TENSORS)
        .map(|(name, shape)| (name.to_owned(), shape.to_vec()))
        .collect();
    for (name, shape) in &names {
        let tensor = weights.take(name, shape);
        assert!(tensor.is_err() || tensor.is_ok_and(|t| t.dims() == shape.as_slice()));
    }
    let _ = layout.family(layout.base.vocab(), "fuzz");
    if draws.below(8) == 0 {
        let options = LoadOptions {
            family: Family::ALL.get(draws.below(14) as usize).copied(),
            lora_alpha: Some(2.0),
            ..LoadOptions::default()
        };
        let mut checkpoint = toy();
        checkpoint.weights = source.clone();
        load(&checkpoint, &options);
    }
    true
}

fn toy() -> Checkpoint {
    let toy = &*TOY;
    Checkpoint::from_parts(
        "fuzz",
        toy.config.clone(),
        toy.tokenizer.clone(),
        toy.weights.clone(),
    )
}

/// Opens a file of weights: safetensors, `torch.save`, or anything else. Four bytes choose how it is used.
#[must_use]
pub fn weights(input: &[u8]) -> bool {
    let (draws, bytes) = Draws::split(input);
    opened(draws, &ByteSource::Memory(bytes.to_vec().into()))
}

/// Reads the pickle of a `torch.save` file.
#[must_use]
pub fn pickle(input: &[u8]) -> bool {
    tensor_file::is_state_dict(input)
}

/// Opens an index of two files, one of them sometimes cut. Four bytes choose that and how the weights are used.
///
/// # Panics
/// If there is no temporary folder to write to.
#[must_use]
pub fn index(input: &[u8]) -> bool {
    let (mut draws, bytes) = Draws::split(input);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join(name), bytes).expect("a writable folder");
    };
    let [(a, whole), (b, other)] = &*SHARDS;
    let parts = if draws.below(8) == 0 { 2 } else { 1 };
    write(a, &whole[..whole.len() / parts]);
    write(b, other);
    let name = "model.safetensors.index.json";
    write(name, bytes);
    ByteSource::open(&folder.path().join(name)).is_ok_and(|source| opened(draws, &source))
}

/// Reads a config.json and, after a zero byte, a meta.json. Four bytes choose the weights that they belong to.
///
/// # Panics
/// If there is no temporary folder to write to.
#[must_use]
pub fn config(input: &[u8]) -> bool {
    let (mut draws, bytes) = Draws::split(input);
    let text = String::from_utf8_lossy(bytes);
    let (json, meta) = match text.split_once('\0') {
        Some((json, meta)) => (json, Some(meta)),
        None => (&*text, None),
    };
    let way = draws.below(32);
    let options = LoadOptions {
        base: draws.one_of([None, Some(Base::Gpt2), Some(Base::Llama32)]),
        precision: draws.one_of([Precision::F32, Precision::Reference]),
        ..LoadOptions::default()
    };
    match way {
        // As files in a folder.
        0 => {
            let folder = tempfile::tempdir().expect("a temporary folder");
            let write = |name: &str, text: &str| {
                std::fs::write(folder.path().join(name), text).expect("a writable folder");
            };
            write("w", "");
            write("config.json", json);
            write("meta.json", meta.unwrap_or("{}"));
            Checkpoint::from_dir(folder.path()).is_ok_and(|found| found.infer_kind().is_some())
        }
        // With weights that may fit.
        1..4 => {
            let mut checkpoint = toy();
            checkpoint.config = Some(json.to_owned().into());
            checkpoint.meta = meta.map(str::to_owned);
            load(&checkpoint, &options)
        }
        _ => {
            let layout = Layout {
                base: draws.one_of([Base::Gpt2, Base::Llama32]),
                prefix: draws.one_of(["", "base_causallm."]).into(),
                rows: draws.one_of([100, 103, 50_260]),
                width: 16,
                layers: 2,
                lora_rank: draws.one_of([None, Some(4), Some(128)]),
                projection: draws.one_of([false, true]),
                alias: draws.one_of([None, Some(true), Some(false)]),
                pause: draws.one_of([false, true]),
                step_decoder: draws.one_of([None, Some("decoder.")]),
            };
            Config::resolve(&Given {
                name: "fuzz",
                json: Some(json),
                meta,
                adapter: None,
                options: &options,
                layout: &layout,
            })
            .is_ok()
        }
    }
}

/// Reads a tokenizer.json and encodes texts with it. Four bytes choose whether a model is loaded with it.
#[must_use]
pub fn tokenizer(input: &[u8]) -> bool {
    let (mut draws, bytes) = Draws::split(input);
    if draws.below(32) == 0 {
        let mut checkpoint = toy();
        checkpoint.tokenizer = Some(bytes.to_vec().into());
        return load(&checkpoint, &LoadOptions::default());
    }
    let Ok(tokenizer) = Tokenizer::parse("fuzz", bytes) else {
        return false;
    };
    let _ = (tokenizer.vocab(), tokenizer.id_of("<|eot_id|>"));
    for text in [
        "",
        tiny::QUESTION,
        "###",
        " a\u{301}b\n\0é🦀 <|eot_id|> ab",
        "\u{fffd}\r\t",
    ] {
        for special in [false, true] {
            if let Ok(encoded) = tokenizer.encoded(text, special) {
                let _ = tokenizer.unknown_words(text, &encoded);
                let _ = tokenizer.decode(&encoded.ids, special);
            }
        }
    }
    for id in [0, 1, 5, 6, 299, u32::MAX] {
        let _ = (tokenizer.token_text(id), tokenizer.decode(&[id], false));
    }
    true
}
