//! One fuzz target per loader.

use std::path::Path;

use rand::Rng;
use serde_json::Value;

use super::mutate::{damage, pick};
use super::seeds::{self, Toy};
use super::{Dice, json, pickles, run};
use crate::core::problem_file;
use crate::engine::model::config::{Config, Given};
use crate::engine::model::discover::Layout;
use crate::engine::model::family::Base;
use crate::engine::model::options::{LoadOptions, Precision};
use crate::engine::model::source::Source;
use crate::engine::model::tensor_file::{TensorFile, made};
use crate::engine::model::tiny;
use crate::engine::model::tokenizer::Tokenizer;
use crate::engine::model::weights::Weights;
use crate::engine::model::{Checkpoint, Device, Family, Model};

/// Loads a checkpoint as a user would.
fn load(checkpoint: &Checkpoint, options: &LoadOptions) -> bool {
    Model::load(checkpoint, options, &Device::Cpu, &mut |_| {}).is_ok()
}

/// Opens a weights file and uses its contents; some that look like a model are loaded as one.
fn opened(dice: &mut Dice, source: &Source, toy: &Toy) -> bool {
    let Ok(file) = TensorFile::open("fuzz", source) else {
        return false;
    };
    let mut looked = 0;
    for (name, entry) in file.entries().iter().take(64) {
        assert!(!name.is_empty() || entry.count() < usize::MAX);
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
        .map(|(name, shape)| (name.to_owned(), shape.to_vec()))
        .collect();
    for (name, shape) in names.iter().take(64) {
        let tensor = weights.take(name, shape);
        assert!(tensor.is_err() || tensor.is_ok_and(|t| t.dims() == shape.as_slice()));
    }
    let _ = layout.family(layout.base.vocab(), "fuzz");
    if dice.random_range(0..8) == 0 {
        let options = LoadOptions {
            family: Family::ALL.get(dice.random_range(0..14)).copied(),
            lora_alpha: Some(2.0),
            ..LoadOptions::default()
        };
        let checkpoint = Checkpoint {
            name: "fuzz".into(),
            config: Some(toy.config.clone().into()),
            meta: None,
            adapter: None,
            tokenizer: Some(toy.tokenizer.clone().into()),
            tokenizer_path: None,
            weights: source.clone(),
            stated_sha256: None,
            warnings: Vec::new(),
        };
        load(&checkpoint, &options);
    }
    true
}

fn memory(bytes: Vec<u8>) -> Source {
    Source::Memory(bytes.into())
}

#[test]
fn safetensors() {
    let toy = seeds::toy();
    let parted = seeds::parted_safetensors();
    let whole: Vec<Vec<u8>> = parted
        .iter()
        .map(|(header, body)| seeds::safetensors(&header.to_string(), body))
        .collect();
    for file in &whole {
        assert!(TensorFile::open("seed", &memory(file.clone())).is_ok());
    }
    run("safetensors", 1500, |dice| {
        let bytes = if dice.random() {
            let mut bytes = pick(dice, &whole);
            damage(dice, &mut bytes, &whole);
            bytes
        } else {
            // Only the header is damaged; its length is correct.
            let (header, body) = &parted[dice.random_range(0..parted.len())];
            let header = json::text(dice, std::slice::from_ref(header));
            seeds::safetensors(&header, body)
        };
        opened(dice, &memory(bytes), &toy)
    });
}

#[test]
fn zip_container() {
    let toy = seeds::toy();
    let whole: Vec<Vec<u8>> = seeds::parted_torch()
        .iter()
        .map(|entries| made::zip(entries))
        .collect();
    for file in &whole {
        assert!(TensorFile::open("seed", &memory(file.clone())).is_ok());
    }
    run("zip_container", 1500, |dice| {
        let mut bytes = pick(dice, &whole);
        damage(dice, &mut bytes, &whole);
        opened(dice, &memory(bytes), &toy)
    });
}

#[test]
fn pickle() {
    let toy = seeds::toy();
    let parted = seeds::parted_torch();
    let instructions: Vec<Vec<Vec<u8>>> = parted
        .iter()
        .map(|entries| pickles::instructions(&entries[0].1))
        .collect();
    for (whole, parts) in parted.iter().zip(&instructions) {
        assert_eq!(whole[0].1, parts.concat());
    }
    run("pickle", 1500, |dice| {
        // The long one takes too long for more than this share.
        let n = [0, 0, 0, 1, 1, 1, 2][dice.random_range(0..7)];
        let mut entries = parted[n].clone();
        entries[0].1 = match dice.random_range(0..8) {
            0 => pickles::made_up(dice),
            1 => {
                let mut pickle = entries[0].1.clone();
                damage(dice, &mut pickle, &[parted[0][0].1.clone()]);
                pickle
            }
            _ => pickles::damaged(dice, &instructions[n]),
        };
        opened(dice, &memory(made::zip(&entries)), &toy)
    });
}

#[test]
fn sharded_index() {
    let toy = seeds::toy();
    let folder = tempfile::tempdir().expect("temporary folder");
    let (index, shards) = seeds::sharded(folder.path());
    let whole = shards
        .each_ref()
        .map(|path| std::fs::read(path).expect("just written"));
    let path = folder.path().join("model.safetensors.index.json");
    let write = |path: &Path, bytes: &[u8]| std::fs::write(path, bytes).expect("a writable folder");
    write(&path, index.to_string().as_bytes());
    assert!(TensorFile::open("seed", &Source::open(&path).expect("just written")).is_ok());
    run("sharded_index", 400, |dice| {
        let mut text = index.to_string();
        let of_shard = dice.random_range(0..8) == 0;
        if of_shard {
            let mut bytes = whole[0].clone();
            damage(dice, &mut bytes, &whole);
            write(&shards[0], &bytes);
        } else {
            text = json::text(dice, std::slice::from_ref(&index));
        }
        write(&path, text.as_bytes());
        let found = Source::open(&path).is_ok_and(|source| opened(dice, &source, &toy));
        if of_shard {
            write(&shards[0], &whole[0]);
        }
        found
    });
}

/// Returns a layout that fits one of the configurations.
fn layout(dice: &mut Dice) -> Layout {
    let base = [Base::Gpt2, Base::Llama32][dice.random_range(0..2)];
    Layout {
        base,
        prefix: ["", "base_causallm."][dice.random_range(0..2)].into(),
        rows: [100, 103, 50_260][dice.random_range(0..3)],
        width: 16,
        layers: 2,
        lora_rank: [None, Some(4), Some(128)][dice.random_range(0..3)],
        projection: dice.random(),
        alias: [None, Some(true), Some(false)][dice.random_range(0..3)],
        pause: dice.random(),
        step_decoder: [None, Some("decoder.")][dice.random_range(0..2)],
    }
}

#[test]
fn config() {
    let (configs, metas) = (seeds::configs(), seeds::metas());
    let toy = seeds::toy();
    let weights = tiny::serialize(&tiny::tensors_of(1));
    let folder = tempfile::tempdir().expect("temporary folder");
    std::fs::write(folder.path().join("w"), &weights).expect("a writable folder");
    run("config", 1500, |dice| {
        let json = json::text(dice, &configs);
        let meta = dice.random::<bool>().then(|| json::text(dice, &metas));
        let options = LoadOptions {
            base: [None, Some(Base::Gpt2), Some(Base::Llama32)][dice.random_range(0..3)],
            precision: [Precision::F32, Precision::Reference][dice.random_range(0..2)],
            ..LoadOptions::default()
        };
        match dice.random_range(0..32) {
            // As files in a folder.
            0 => {
                let write = |name: &str, text: &str| {
                    std::fs::write(folder.path().join(name), text).expect("a writable folder");
                };
                write("config.json", &json);
                write("meta.json", meta.as_deref().unwrap_or("{}"));
                Checkpoint::from_dir(folder.path()).is_ok_and(|found| found.infer_kind().is_some())
            }
            // With weights that may fit.
            1..4 => {
                let mut checkpoint =
                    Checkpoint::from_parts("fuzz", json, toy.tokenizer.clone(), weights.clone());
                checkpoint.meta = meta;
                load(&checkpoint, &options)
            }
            _ => {
                let layout = layout(dice);
                Config::resolve(&Given {
                    name: "fuzz",
                    json: Some(&json),
                    meta: meta.as_deref(),
                    adapter: None,
                    options: &options,
                    layout: &layout,
                })
                .is_ok()
            }
        }
    });
}

#[test]
fn tokenizer() {
    let all = seeds::tokenizers();
    let toy = seeds::toy();
    let weights = tiny::serialize(&tiny::tensors_of(1));
    for seed in &all {
        assert!(
            Tokenizer::parse("seed", seed.to_string().as_bytes()).is_ok(),
            "{seed}"
        );
    }
    run("tokenizer", 400, |dice| {
        let text = json::text(dice, &all);
        if dice.random_range(0..32) == 0 {
            let checkpoint = Checkpoint::from_parts(
                "fuzz",
                toy.config.clone(),
                text.into_bytes(),
                weights.clone(),
            );
            return load(&checkpoint, &LoadOptions::default());
        }
        let Ok(tokenizer) = Tokenizer::parse("fuzz", text.as_bytes()) else {
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
    });
}

#[test]
fn problem_files() {
    let all = seeds::problems();
    let parsed: Vec<Value> = all
        .iter()
        .filter_map(|bytes| serde_json::from_slice(bytes).ok())
        .collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("problems");
    run("problem_files", 1500, |dice| {
        let bytes = if dice.random_range(0..3) == 0 {
            json::text(dice, &parsed).into_bytes()
        } else {
            let mut bytes = pick(dice, &all);
            damage(dice, &mut bytes, &all);
            bytes
        };
        if dice.random_range(0..16) == 0 {
            std::fs::write(&path, &bytes).expect("a writable folder");
            return problem_file::read(&path).is_ok();
        }
        let text = String::from_utf8_lossy(&bytes);
        let Ok(problems) = problem_file::parse(&text, &path) else {
            return false;
        };
        // Reading, writing and reading again gives the same problems.
        let again = problem_file::parse(&problem_file::to_jsonl(&problems), &path);
        assert_eq!(again.ok(), Some(problems));
        true
    });
}
