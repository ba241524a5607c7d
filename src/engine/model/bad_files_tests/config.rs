//! Bad config.json and meta.json files, and ones that contradict the weights.

use super::{CONFIG, Case, WEIGHTS, cases_of, config, edited, toy_but};
use crate::engine::model::family::Base;
use crate::engine::model::options::LoadOptions;

const LLAMA: &str = r#"{"model_type":"llama","hidden_size":16,"intermediate_size":64,"num_attention_heads":2,
    "num_key_value_heads":2,"num_hidden_layers":2,"max_position_embeddings":128,"vocab_size":110,"rms_norm_eps":1e-5,
    "rope_theta":10000.0}"#;

/// The toy's configuration with one field changed.
fn but(from: &str, to: &str) -> String {
    let changed = config().replace(from, to);
    assert_ne!(changed, config(), "{from}");
    changed
}

pub(super) fn cases() -> Vec<Case> {
    let long = format!("\"{}\"", "long".repeat(100_000));
    let configs = table! {
        "garbage": b"\x00\x01garbage" => "config.json";
        "not UTF-8": b"{\"model_type\": \"\xff\xfe\"}" => "config.json", "UTF-8";
        "a web page": b"<html>404</html>" => "config.json";
        "a list": b"[1, 2]" => "config.json";
        "depth": "[".repeat(100_000) => "config.json";
        "depth in a field": format!("{{\"a\":{}", "[".repeat(100_000)) => "config.json";
        "another width": but("\"n_embd\":16", "\"n_embd\":32") => "hidden width", "32", "16";
        "another number of blocks": but("\"n_layer\":2", "\"n_layer\":3") => "blocks", "3", "2";
        "heads that do not divide": but("\"n_head\":2", "\"n_head\":3") => "n_embd", "n_head";
        "no heads": but("\"n_head\":2", "\"n_head\":0") => "n_head is 0";
        "other positions": but("\"n_positions\":128", "\"n_positions\":64") => "wpe", "[128, 16]";
        "huge numbers": but("\"n_embd\":16", "\"n_embd\":1000000000000000000") => "n_embd";
        "numbers beyond 64 bits": but("\"n_layer\":2", "\"n_layer\":1e400") => "config.json";
        "a number below zero": but("\"n_layer\":2", "\"n_layer\":-2") => "config.json";
        "an end token outside": but("\"eos_token_id\":1", "\"eos_token_id\":4000000000") => "4000000000";
        "an epsilon below zero": but("\"n_head\":2", "\"n_head\":2,\"layer_norm_epsilon\":-1") => "layer_norm_epsilon";
        "a million latents": but("\"n_latents\":4", "\"n_latents\":1000000") => "n_latents";
        "more latents than positions": but("\"n_latents\":4", "\"n_latents\":500") => "500 latents";
        "latents that leave no room for a question": but("\"n_latents\":4", "\"n_latents\":120") => "self-tests", "positions";
        "an unknown kind": but("multimode-coconut", "\\u001b[31mhuginn") => "family", "huginn";
        "a kind without latents and a latent mode": but("multimode-coconut", "cot") => "modes";
        "an unknown task": but("\"task\":\"math\"", "\"task\":\"\\u001b]0;x\\u0007\"") => "config.json";
        "another model": but("\"gpt2\"", "\"bert\"") => "model_type", "bert";
        "an endless model_type": but("\"gpt2\"", &long) => "model_type";
        "another activation": but("gelu_new", "relu") => "activation_function";
        "a Llama": LLAMA => "llama", "gpt2";
        "a Llama that does not turn": LLAMA.replace("10000.0", "0.0") => "rope_theta";
        "nothing said, and no published size": "{}" => "no published gpt2", "16";
    };
    let metas = table! {
        "a bad meta.json": "{" => "meta.json";
        "a deep meta.json": "{\"a\":".repeat(100_000) => "meta.json";
        "a meta.json of another type": r#"{"weights_file": 3}"# => "meta.json";
        "weights elsewhere": r#"{"weights_file":"../../etc/hosts"}"# => "meta.json", "weights_file";
        "weights that are not there": r#"{"weights_file":"gone"}"# => "gone";
        "weights of one byte": r#"{"weights_file":"w"}"# => "too short";
    };
    let mut cases: Vec<Case> = cases_of(CONFIG, configs).collect();
    cases.extend(metas.into_iter().map(|(what, meta, says)| {
        Case::new(
            what,
            toy_but(vec![("meta.json", meta), ("w", vec![1])]),
            says,
        )
    }));
    for (what, bytes) in [
        ("opened as Llama", config()),
        ("opened as Llama, without a word", "{}".into()),
    ] {
        let mut case = Case::new(
            what,
            toy_but(vec![(CONFIG, bytes.into_bytes())]),
            &["llama"],
        );
        case.options = LoadOptions {
            base: Some(Base::Llama32),
            ..LoadOptions::default()
        };
        cases.push(case);
    }
    let wide = edited(|t| {
        let shape = &mut t
            .get_mut("base_causallm.transformer.h.1.mlp.c_fc.weight")
            .expect("it is there")
            .0;
        shape.reverse();
    });
    cases.push(Case::new(
        "a matrix turned",
        toy_but(vec![(WEIGHTS, wide)]),
        &["h.1.mlp.c_fc", "[64, 16]", "[16, 64]"],
    ));
    let several = vec![("checkpoint_1", vec![0]), ("checkpoint_2", vec![0])];
    cases.push(Case::new(
        "several checkpoints",
        toy_but(several),
        &["several", "checkpoint_1"],
    ));
    cases.push(Case::new(
        "a folder of nothing",
        Vec::new(),
        &["no model.safetensors"],
    ));
    cases
}
