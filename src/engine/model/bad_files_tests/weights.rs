//! Bad safetensors files and indices, and other content saved under their names by mistake.

use serde_json::json;

use super::{CONFIG, Case, WEIGHTS, cases_of, edited, toy_but};
use crate::engine::model::latent::Projection;
use crate::engine::model::source::ByteSource;
use crate::engine::model::tensor_file::TensorFile;
use crate::engine::model::weights::Weights;
use crate::engine::model::{Device, tiny};

const TABLE: &str = "base_causallm.transformer.wte.weight";
const NORM: &str = "base_causallm.transformer.ln_f.weight";

/// Creates a file of this header and a body of `body` values.
fn file(header: &str, body: usize) -> Vec<u8> {
    let mut file = (header.len() as u64).to_le_bytes().to_vec();
    file.extend(header.as_bytes());
    file.resize(file.len() + body, 0);
    file
}

fn whole() -> Vec<u8> {
    tiny::serialize(&tiny::tensors_of(1))
}

/// Replaces one value in the middle of the toy's weights.
fn with_value(value: f32) -> Vec<u8> {
    edited(|tensors| tensors.get_mut(NORM).expect("it is there").1[3] = value)
}

/// The toy with one more tensor.
fn with_more(name: &str, shape: Vec<usize>) -> Vec<u8> {
    let values = vec![1.0; shape.iter().product()];
    edited(|tensors| drop(tensors.insert(name.to_owned(), (shape, values))))
}

/// The header of a file with one tensor.
fn tensor(dtype: &str, shape: &str, from: u64, to: u64) -> String {
    format!(r#"{{"{TABLE}":{{"dtype":"{dtype}","shape":{shape},"data_offsets":[{from},{to}]}}}}"#)
}

pub(super) fn cases() -> Vec<Case> {
    let n = whole().len();
    let garbage: Vec<u8> = (0..5000u32)
        .map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1] | 1)
        .collect();
    let mut tar = vec![0; 512];
    tar[257..262].copy_from_slice(b"ustar");
    let long_header = [&(17u64 << 20).to_le_bytes()[..], &vec![b' '; 17 << 20]].concat();
    let bent = edited(|t| t.get_mut(NORM).expect("it is there").0 = vec![4, 4]);
    let narrow = edited(|t| {
        let table = t.get_mut(TABLE).expect("it is there");
        table.0[1] = 8;
        table.1.truncate(table.0[0] * 8);
    });
    let second = edited(|t| {
        let mut table = t.get(TABLE).expect("it is there").clone();
        table.1[5] += 0.5;
        t.insert("embedding.weight".into(), table);
    });
    let renamed = edited(|t| {
        let all = std::mem::take(t).into_iter();
        *t = all.map(|(name, v)| (format!("vision.{name}"), v)).collect();
    });
    let lora = "base_causallm.transformer.h.0.attn.c_attn.lora_A.default.weight";
    let table = table! {
        "nothing": b"" => "empty", "download it again";
        "three bytes": b"abc" => "too short";
        "cut in the header": &whole()[..200] => "cut short";
        "cut in the values": &whole()[..n - 100] => "cut short";
        "more than it says": [whole(), vec![0; 9]].concat() => "describes";
        "a byte too few": file(&tensor("F32", "[2]", 0, 8), 7) => "cut short";
        "a byte too many": file(&tensor("F32", "[2]", 0, 8), 9) => "1 more follow";
        "garbage": garbage => "neither a safetensors nor a torch.save file";
        "ones": [0xff; 64] => "neither a safetensors nor a torch.save file";
        "a huge header": [&u64::MAX.to_le_bytes()[..], b"{\"a\":1}"].concat() => "header", "longer than the file";
        "a huge header alone": u64::MAX.to_le_bytes() => "longer than the file";
        "a long header": long_header => "bytes long";
        "a header that is no JSON": file("{\"a\": nonsense}", 8) => "header cannot be read";
        "a header that is cut": file("{", 0) => "header cannot be read";
        "a deep header": file(&"{\"a\":".repeat(100_000), 8) => "header cannot be read";
        "no tensors": file("{}", 0) => "no tensors";
        "a size that overflows": file(&tensor("F32", "[4611686018427387904,4]", 0, 16), 16) => "header cannot be read";
        "another that does": file(&tensor("F32", "[9223372036854775807,4]", 0, 8), 8) => "header cannot be read";
        "an end that overflows": file(&tensor("F32", "[2305843009213693951]", 0, 9_223_372_036_854_775_804), 16) => "header cannot be read";
        "a shape that its place does not fit": file(&tensor("F32", "[3,3]", 0, 16), 16) => "header cannot be read";
        "values that begin late": file(&tensor("F32", "[2]", 4, 12), 12) => "header cannot be read";
        "an end before the start": file(&tensor("F32", "[2]", 8, 0), 8) => "header cannot be read";
        "a size below zero": file(&tensor("F32", "[-2]", 0, 8), 8) => "header cannot be read";
        "another type": file(&tensor("\\u001b[31mF99", "[2,2]", 0, 16), 16) => "header cannot be read", "F99";
        "a table of integers": file(&tensor("I32", "[2,2]", 0, 16), 16) => "hidden width";
        "NaN": with_value(f32::NAN) => NORM, "not finite";
        "infinity": with_value(f32::INFINITY) => NORM, "not finite";
        "values whose sums overflow": with_value(3e38) => "";
        "a missing tensor": edited(|t| drop(t.remove(NORM))) => "no tensor", NORM, "[16]";
        "a tensor with control bytes in its name": with_more("odd\u{1b}[31m\nname", vec![1]) => "unexpected", "odd\\u{1b}[31m\\nname";
        "a tensor with an endless name": with_more(&"x".repeat(100_000), vec![1]) => "100000 bytes long";
        "another shape": bent => NORM, "[4, 4]", "[16]";
        "another width": narrow => "hidden width", "16", "8";
        "a second name of the table with other values": second => "embedding.weight", "two names of one table", "5.000e-1";
        "two models": with_more("transformer.wte.weight", vec![1, 16]) => "two models";
        "names of another program": renamed => "vision.";
        "a model of another sort": file(&tensor("F32", "[2,2]", 0, 16).replace(TABLE, "bert.embeddings.weight"), 16) => "no token table", "bert";
        "a name with and without its wrapper": with_more(&format!("module.{NORM}"), vec![16]) => "duplicated";
        "a projection that is a single number": with_more("prj.1.weight", vec![]) => "prj.1";
        "low-rank branches without their alpha": with_more(lora, vec![4, 16]) => "rank 4", "--lora-alpha";
        "a web page": b"\n<!DOCTYPE html><html><title>404</title></html>" => "web page", "download";
        "another web page": b"\n<html>" => "web page";
        "a reply in JSON": br#"{"error":"Repository not found"}"# => "JSON";
        "a Git LFS pointer": b"version https://git-lfs.github.com/spec/v1\noid" => "Git LFS";
        "gzip": [b"\x1f\x8b\x08\0".to_vec(), vec![7; 400]].concat() => "gzip";
        "GGUF": [b"GGUF\x03\0\0\0".to_vec(), vec![7; 400]].concat() => "GGUF";
        "a tar archive": tar => "tar archive";
    };
    let all = cases_of(WEIGHTS, table).chain([zero_rank()]);
    all.chain(indices()).collect()
}

/// Low-rank branches of rank zero.
fn zero_rank() -> Case {
    let weights = edited(|t| {
        let linear = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"];
        let layers: Vec<String> = (0..2)
            .flat_map(|i| linear.map(|part| format!("base_causallm.transformer.h.{i}.{part}")))
            .collect();
        for name in layers {
            for part in ["weight", "bias"] {
                let found = t.remove(&format!("{name}.{part}")).expect("it is there");
                if part == "weight" {
                    let a = format!("{name}.lora_A.default.weight");
                    t.insert(a, (vec![0, found.0[0]], vec![]));
                    let b = format!("{name}.lora_B.default.weight");
                    t.insert(b, (vec![found.0[1], 0], vec![]));
                }
                t.insert(format!("{name}.base_layer.{part}"), found);
            }
        }
    });
    let config = super::config().replace("\"n_latents\"", "\"lora_alpha\":2,\"n_latents\"");
    let files = vec![(WEIGHTS, weights), (CONFIG, config.into_bytes())];
    let says = &["lora_A", "without any value"];
    Case::new("low-rank branches of rank 0", toy_but(files), says)
}

fn indices() -> impl Iterator<Item = Case> {
    const INDEX: &str = "model.safetensors.index.json";
    let of = |map: serde_json::Value| json!({ "metadata": {}, "weight_map": map }).to_string();
    let many: serde_json::Map<_, _> = (0..300)
        .map(|i| (i.to_string(), json!(format!("{i}.safetensors"))))
        .collect();
    let table = table! {
        "an index of files elsewhere": of(json!({ "a": "../../../etc/hosts" })) => "not a file beside it";
        "an index of a file that is not there": of(json!({ "a": "gone.safetensors" })) => "gone.safetensors";
        "an index of nothing": of(json!({})) => "names 0 files";
        "an index of hundreds": of(many.into()) => "names 300 files";
        "an index that is cut": "{\"metadata\": {}, \"weight_map\": {" => "not an index";
        "an index of another form": "{\"metadata\": {}, \"weight_map\": 3}" => "not an index";
    };
    let beside = of(json!({ TABLE: "checkpoint_part" })).into_bytes();
    let beside = vec![(INDEX, beside), ("checkpoint_part", file("{}", 3))];
    let says = &["checkpoint_part", "describes"];
    let beside = Case::new("a bad file behind an index", toy_but(beside), says);
    cases_of(INDEX, table).chain([beside])
}

#[test]
fn a_projection_without_a_width_is_refused() {
    for shape in [vec![], vec![0, 16], vec![16]] {
        let source = ByteSource::Memory(with_more("prj.1.weight", shape.clone()).into());
        let file = TensorFile::open("m", &source).expect("well-formed");
        let mut weights = Weights::new("m", &file, &Device::Cpu).expect("well-formed");
        let error = Projection::take(&mut weights, 16).err();
        assert!(
            error.is_some_and(|e| e.to_string().contains("prj.1.weight")),
            "{shape:?}"
        );
    }
}
