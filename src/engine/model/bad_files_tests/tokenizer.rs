//! Bad tokenizer.json files, and ones that do not fit the model.

use serde_json::{Value, json};

use super::{CONFIG, Case, TOKENIZER, WEIGHTS, config, tokenizer, toy_but};
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

pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |what, tokenizer: Vec<u8>, says| {
        cases.push(Case::new(what, toy_but(vec![(TOKENIZER, tokenizer)]), says));
    };
    case("garbage", b"\x80\x02garbage".to_vec(), &["tokenizer"]);
    case("nothing", Vec::new(), &["tokenizer"]);
    case("a web page", b"<!DOCTYPE html>".to_vec(), &["tokenizer"]);
    case("a list", b"[]".to_vec(), &["tokenizer"]);
    case("depth", "[".repeat(100_000).into_bytes(), &["tokenizer"]);
    let deep = format!(
        "{{\"normalizer\":{}",
        "{\"type\":\"Sequence\",\"normalizers\":[".repeat(50_000)
    );
    case("depth in its rules", deep.into_bytes(), &["tokenizer"]);
    case(
        "half of it",
        tokenizer()[..tokenizer().len() / 2].to_vec(),
        &["tokenizer"],
    );
    case(
        "words that the table has no rows for",
        with(|t| t["model"]["vocab"]["zebra"] = json!(5000)),
        &["5001 ids"],
    );
    case(
        "the largest number there is",
        with(|t| t["model"]["vocab"]["zebra"] = json!(u32::MAX)),
        &["ids", "rows"],
    );
    case(
        "no word for unknown ones",
        with(|t| t["model"]["unk_token"] = json!("gone")),
        &["unknown token", "gone"],
    );
    let no_markers = with(|t| {
        t["added_tokens"] = json!([]);
        for marker in ["<|bocot|>", "<|eocot|>", "<|latent|>"] {
            t["model"]["vocab"]
                .as_object_mut()
                .expect("an object")
                .remove(marker);
        }
    });
    case(
        "no markers",
        no_markers,
        &["special tokens", "--special-tokens"],
    );
    let no_delimiter = with(|t| {
        t["model"]["vocab"]
            .as_object_mut()
            .expect("an object")
            .remove("###");
    });
    case("no word for the delimiter", no_delimiter, &["###"]);
    case(
        "another kind of model",
        with(|t| t["model"] = json!({ "type": "Nonsense" })),
        &["tokenizer"],
    );
    case(
        "a pattern that does not end",
        with(|t| t["pre_tokenizer"]["pattern"]["Regex"] = json!("(a")),
        &["tokenizer"],
    );
    case(
        "a merge longer than every word",
        pairs(&json!([["aé", "aé"]]), &Value::Null),
        &["tokenizer"],
    );
    case(
        "a merge that cuts a character",
        pairs(&json!([["a", "aé"]]), &json!("##")),
        &["continuing_subword_prefix"],
    );
    let doubling =
        vec![json!({ "type": "Replace", "pattern": { "String": "a" }, "content": "aa" }); 60];
    let doubling =
        with(|t| t["normalizer"] = json!({ "type": "Sequence", "normalizers": doubling }));
    case(
        "rules that double a text sixty times",
        doubling,
        &["thousands of times"],
    );
    let chunks = with(|t| t["pre_tokenizer"] = json!({ "type": "FixedLength", "length": 0 }));
    case("pieces of no length", chunks, &["tokenizer"]);

    let none = vec![
        (CONFIG, config().into_bytes()),
        (WEIGHTS, tiny::serialize(&tiny::tensors_of(1))),
    ];
    cases.push(Case::new("none", none, &["no tokenizer.json"]));
    cases
}
