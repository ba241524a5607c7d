//! Well-formed files, which the mutators start from.

use std::path::Path;

use serde_json::{Value, json};

use crate::engine::model::fuzzing::made::{self, Described, Pickle, SIX};
use crate::engine::model::fuzzing::{SHARDS, TOY};
use crate::engine::model::tiny;

/// Reads a file beside the development repository; targets work without it elsewhere.
pub(super) fn fixture(name: &str) -> Option<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    std::fs::read(folder.join(name)).ok()
}

/// Creates a safetensors file of a header, padded as required, and a body.
pub(super) fn safetensors(header: &str, body: &[u8]) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.extend(body);
    file
}

/// Returns the header and the body of a safetensors file.
fn parted(file: &[u8]) -> (Value, Vec<u8>) {
    let (length, rest) = file.split_first_chunk().expect("a length");
    let (header, body) =
        rest.split_at(usize::try_from(u64::from_le_bytes(*length)).expect("short"));
    (serde_json::from_slice(header).expect("JSON"), body.to_vec())
}

/// Returns headers and bodies of safetensors files.
pub(super) fn parted_safetensors() -> Vec<(Value, Vec<u8>)> {
    let whole = tiny::serialize(&tiny::tensors_of(1));
    let mixed = json!({
        "__metadata__": { "format": "pt" },
        "module.transformer.wte.weight": { "dtype": "F32", "shape": [3, 4], "data_offsets": [0, 48] },
        "h.0.attn.bias": { "dtype": "BOOL", "shape": [8], "data_offsets": [48, 56] },
        "half": { "dtype": "F16", "shape": [2, 2], "data_offsets": [56, 64] },
        "b": { "dtype": "BF16", "shape": [], "data_offsets": [64, 66] },
        "ids": { "dtype": "I64", "shape": [1], "data_offsets": [66, 74] },
        "none": { "dtype": "F32", "shape": [0, 7], "data_offsets": [74, 74] },
    });
    let llama = json!({
        "model.embed_tokens.weight": { "dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16] },
        "prj.1.weight": { "dtype": "F32", "shape": [1, 2], "data_offsets": [16, 24] },
        "model.layers.0.self_attn.q_proj.lora_A.default.weight":
            { "dtype": "F32", "shape": [1, 2], "data_offsets": [24, 32] },
    });
    vec![parted(&whole), (mixed, vec![1; 74]), (llama, vec![2; 32])]
}

/// Returns pickles with the other entries of their archives.
pub(super) fn parted_torch() -> [Vec<(String, Vec<u8>)>; 3] {
    let of = |pickle: Vec<u8>| {
        let six = (0..6u8).flat_map(|n| f32::from(n).to_le_bytes()).collect();
        vec![
            ("m/data.pkl".to_owned(), pickle),
            ("m/byteorder".to_owned(), b"little".to_vec()),
            ("m/data/0".to_owned(), six),
        ]
    };
    let turned = Described {
        shape: &[3, 2],
        strides: &[1, 3],
        ..SIX
    };
    let half = Described {
        storage: "HalfStorage",
        values: 12,
        ..SIX
    };
    let plain = Pickle::new().dict(|p| {
        p.tensor("transformer.wte.weight", &SIX)
            .tensor("b", &turned)
    });
    let wrapped = Pickle::new().dict(|p| {
        p.text("epoch")
            .int(3)
            .text("state_dict")
            .dict(|p| p.tensor("a", &half).tensor("b", &SIX))
    });
    [
        of(plain.end()),
        of(wrapped.end()),
        made::state_dict_entries(&tiny::tensors_of(2)),
    ]
}

/// Returns the index of the files that the target writes.
pub(super) fn index() -> Value {
    let mut map = serde_json::Map::new();
    for (name, bytes) in &*SHARDS {
        let (header, _) = parted(bytes);
        for tensor in header.as_object().expect("an object").keys() {
            map.insert(tensor.clone(), json!(name));
        }
    }
    json!({ "metadata": { "total_size": 1 }, "weight_map": map })
}

pub(super) fn configs() -> Vec<Value> {
    let toy = serde_json::from_str(&TOY.config).expect("it is JSON");
    let gpt2 = json!({
        "model_type": "gpt2", "activation_function": "gelu_new", "n_embd": 16, "n_head": 2, "n_layer": 2,
        "n_positions": 128, "n_inner": null, "vocab_size": 110, "eos_token_id": 1, "layer_norm_epsilon": 1e-5,
        "tie_word_embeddings": true, "scale_attn_weights": true, "undertone": { "lora_alpha": 2.0 },
    });
    let llama = json!({
        "model_type": "llama", "hidden_size": 16, "intermediate_size": 32, "num_attention_heads": 4,
        "num_key_value_heads": 2, "num_hidden_layers": 2, "max_position_embeddings": 256, "vocab_size": 100,
        "rms_norm_eps": 1e-5, "rope_theta": 500_000.0, "head_dim": 4, "hidden_act": "silu", "eos_token_id": [1, 2],
        "bos_token_id": 0, "tie_word_embeddings": true,
        "rope_scaling": { "rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64 },
    });
    vec![toy, gpt2, llama]
}

pub(super) fn metas() -> Vec<Value> {
    vec![
        json!({ "family": "coconut", "num_latents": 6, "task": "math", "modes": ["latent"], "weights_file": "w",
            "tokenizer": "tokenizer.json", "phrase_decoder": "roll-out", "lora_alpha": 32 }),
        json!({ "family": "multimode_codi", "n_latents": 3, "task": "logic", "lora_alpha": 0.5 }),
    ]
}

/// Returns tokenizers of every model kind in the library, with the components of the published ones.
pub(super) fn tokenizers() -> Vec<Value> {
    let toy = serde_json::from_slice(&TOY.tokenizer).expect("it is JSON");
    let added = json!([{ "id": 6, "content": "<|eot_id|>", "single_word": false, "lstrip": false, "rstrip": false,
        "normalized": false, "special": true }]);
    let byte_level = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": r"(?i:'s|'t)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|\s+(?!\S)|\s+" },
                "behavior": "Isolated", "invert": false },
            { "type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false },
        ] },
        "post_processor": { "type": "Sequence", "processors": [
            { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": false, "use_regex": true },
            { "type": "TemplateProcessing",
                "single": [{ "SpecialToken": { "id": "<s>", "type_id": 0 } }, { "Sequence": { "id": "A", "type_id": 0 } }],
                "pair": [{ "Sequence": { "id": "A", "type_id": 0 } }, { "Sequence": { "id": "B", "type_id": 1 } }],
                "special_tokens": { "<s>": { "id": "<s>", "ids": [5], "tokens": ["<s>"] } } },
        ] },
        "decoder": { "type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true, "use_regex": true },
        "model": { "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": true,
            "vocab": { "a": 0, "b": 1, "ab": 2, "Ġ": 3, "Ġa": 4, "<s>": 5, "é": 7 },
            "merges": [["a", "b"], ["Ġ", "a"]] },
    });
    let pieces = json!({
        "version": "1.0", "truncation": { "direction": "Right", "max_length": 8, "strategy": "LongestFirst", "stride": 0 },
        "padding": { "strategy": { "Fixed": 4 }, "direction": "Right", "pad_to_multiple_of": null, "pad_id": 0,
            "pad_type_id": 0, "pad_token": "a" },
        "added_tokens": [], "normalizer": { "type": "Sequence", "normalizers": [
            { "type": "Prepend", "prepend": "▁" },
            { "type": "Replace", "pattern": { "String": " " }, "content": "▁" }, { "type": "NFKC" },
        ] },
        "pre_tokenizer": { "type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": true },
        "post_processor": null,
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "Replace", "pattern": { "String": "▁" }, "content": " " }, { "type": "ByteFallback" },
            { "type": "Fuse" }, { "type": "Strip", "content": " ", "start": 1, "stop": 0 },
        ] },
        "model": { "type": "Unigram", "unk_id": 0, "byte_fallback": false,
            "vocab": [["<unk>", 0.0], ["▁", -1.0], ["a", -2.0], ["▁Tom", -3.5], ["b", -4.0]] },
    });
    let words = json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" },
        "post_processor": { "type": "BertProcessing", "sep": ["b", 2], "cls": ["a", 1] },
        "decoder": { "type": "WordPiece", "prefix": "##", "cleanup": true },
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": { "[UNK]": 0, "a": 1, "b": 2, "##b": 3, "tom": 4 } },
    });
    let mut all = vec![toy, byte_level, pieces, words];
    // The components of the published tokenizers, with only the first words of their vocabularies.
    for base in ["gpt2", "llama3"] {
        let whole = fixture(&format!("tokenizers/{base}/tokenizer.json"));
        let whole = whole.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        if let Some(mut whole) = whole {
            let model = &mut whole["model"];
            if let Some(vocab) = model["vocab"].as_object_mut() {
                vocab.retain(|_, id| id.as_u64().is_some_and(|id| id < 300));
            }
            model["merges"] = json!([]);
            if let Some(added) = whole["added_tokens"].as_array_mut() {
                added.truncate(4);
            }
            all.push(whole);
        }
    }
    all
}

pub(super) fn problems() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [
        r#"[{"question":"Tom has 3 << apples.","steps":["<<3+4=7>>","<<7*2=14>>"],"answer":"14","edges":[[0,1]]},
            {"question":"q","cot":"<<1+1=2>> <<2+2=4>>","answer":4}]"#,
        "{\"problem\":\"p\",\"solution\":\"a\\nb <<1/2=0.5>>\",\"answer\":0.5}\n\n{\"question\":\"x\",\"answer\":true}\n",
        "Tom has 3 apples. || <<3+4=7>> <<7-1=6>> ## 6\r\nq || ## 1\n[a] b || c ## d",
        "\u{feff}[{\"question\":\"é\\u2028\",\"steps\":\"<<a>> <<b>>\",\"answer\":\"True\"}]",
    ]
    .map(|text| text.as_bytes().to_vec())
    .into();
    for name in ["data/prosqa_valid.json", "data/prontoqa_valid.json"] {
        if let Some(bytes) = fixture(name) {
            all.push(bytes[..bytes.len().min(3000)].to_vec());
        }
    }
    all
}
