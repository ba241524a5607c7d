//! Bad tokenizer.json files, and ones that do not fit the model.

use serde_json::{Value, json};

use super::{CONFIG, Case, TOKENIZER, WEIGHTS, cases_of, config, tokenizer};
use crate::engine::model::tiny;

fn with(change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut value = serde_json::from_slice(&tokenizer()).expect("it is JSON");
    change(&mut value);
    value.to_string().into_bytes()
}

/// Creates a byte-pair vocabulary of three words with these merges.
fn pairs(merges: &Value, prefix: &Value) -> Vec<u8> {
    with(|t| {
        t["added_tokens"] = json!([]);
        t["model"] = json!({
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": prefix,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
            "vocab": { "a": 0, "b": 1, "aé": 2 }, "merges": merges,
        });
    })
}

/// The toy's tokenizer without these words.
fn without(words: &[&str]) -> Vec<u8> {
    with(|t| {
        let vocabulary = t["model"]["vocab"].as_object_mut().expect("an object");
        vocabulary.retain(|word, _| !words.contains(&word.as_str()));
        let added = t["added_tokens"].as_array_mut().expect("a list");
        added.retain(|token| !words.iter().any(|word| token["content"] == **word));
    })
}

pub(super) fn cases() -> Vec<Case> {
    let half = tokenizer().len() / 2;
    let rules = "{\"type\":\"Sequence\",\"normalizers\":[".repeat(50_000);
    let doubling =
        vec![json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "aa" }); 60];
    let doubling = json!({ "type": "Sequence", "normalizers": doubling });
    let table = table! {
        "garbage": b"\x80\x02garbage" => "tokenizer";
        "nothing": b"" => "tokenizer";
        "a web page": b"<!DOCTYPE html>" => "tokenizer";
        "a list": b"[]" => "tokenizer";
        "depth": "[".repeat(100_000) => "tokenizer";
        "depth in its rules": format!("{{\"normalizer\":{rules}") => "tokenizer";
        "half of it": &tokenizer()[..half] => "tokenizer";
        "words that the table has no rows for": with(|t| t["model"]["vocab"]["zebra"] = json!(5000)) => "5001 ids";
        "the largest number there is": with(|t| t["model"]["vocab"]["zebra"] = json!(u32::MAX)) => "ids", "rows";
        "no word for unknown ones": with(|t| t["model"]["unk_token"] = json!("gone")) => "unknown token", "gone";
        "no markers": without(&["<|bocot|>", "<|eocot|>", "<|latent|>"]) => "special tokens", "--special-tokens";
        "no word for the delimiter": without(&["###"]) => "###";
        "another kind of model": with(|t| t["model"] = json!({ "type": "Nonsense" })) => "tokenizer";
        "a pattern that does not end": with(|t| t["pre_tokenizer"]["pattern"]["Regex"] = json!("(a")) => "tokenizer";
        "a merge longer than every word": pairs(&json!([["aé", "aé"]]), &Value::Null) => "tokenizer";
        "a merge that cuts a character": pairs(&json!([["a", "aé"]]), &json!("##")) => "continuing_subword_prefix";
        "rules that double a text sixty times": with(|t| t["normalizer"] = doubling) => "thousands of times";
        "pieces of no length": with(|t| t["pre_tokenizer"] = json!({ "type": "FixedLength", "length": 0 })) => "tokenizer";
    };
    let none = vec![
        (CONFIG, config().into_bytes()),
        (WEIGHTS, tiny::serialize(&tiny::tensors_of(1))),
    ];
    let none = Case::new("none", none, &["no tokenizer.json"]);
    cases_of(TOKENIZER, table).chain([none]).collect()
}
