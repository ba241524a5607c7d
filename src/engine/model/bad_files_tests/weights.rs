//! Bad safetensors files and indices, and other content saved under their names by mistake.

use serde_json::json;

use super::{CONFIG, Case, WEIGHTS, edited, toy_but};
use crate::engine::model::latent::Projection;
use crate::engine::model::source::Source;
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

#[expect(clippy::too_many_lines, reason = "one table")]
pub(super) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut case = |what, bytes: Vec<u8>, says| {
        cases.push(Case::new(what, toy_but(vec![(WEIGHTS, bytes)]), says));
    };
    let n = whole().len();
    case("nothing", Vec::new(), &["empty", "download it again"]);
    case("three bytes", b"abc".to_vec(), &["too short"]);
    case("cut in the header", whole()[..200].to_vec(), &["cut short"]);
    case(
        "cut in the values",
        whole()[..n - 100].to_vec(),
        &["cut short"],
    );
    case(
        "more than it says",
        [whole(), vec![0; 9]].concat(),
        &["describes"],
    );
    let garbage = (0..5000u32).map(|i| i.wrapping_mul(2_654_435_761).to_be_bytes()[1] | 1);
    case("garbage", garbage.collect(), &["neither a safetensors"]);
    let huge = [&u64::MAX.to_le_bytes()[..], b"{\"a\":1}"].concat();
    case("a huge header", huge, &["header"]);
    case(
        "a header that is no JSON",
        file("{\"a\": nonsense}", 8),
        &["header cannot be read"],
    );
    case(
        "a deep header",
        file(&"{\"a\":".repeat(100_000), 8),
        &["header cannot be read"],
    );
    case("no tensors", file("{}", 0), &["no tensors"]);
    let tensor = |shape: &str, end: u64| {
        format!(r#"{{"{TABLE}":{{"dtype":"F32","shape":{shape},"data_offsets":[0,{end}]}}}}"#)
    };
    let overflow = tensor("[4611686018427387904,4]", 16);
    case(
        "a size that overflows",
        file(&overflow, 16),
        &["header cannot be read"],
    );
    let overflow = tensor("[2305843009213693951]", 9_223_372_036_854_775_804);
    case(
        "an end that overflows",
        file(&overflow, 16),
        &["header cannot be read"],
    );
    case(
        "a shape that its place does not fit",
        file(&tensor("[3,3]", 16), 16),
        &["header cannot be read"],
    );
    let integers = tensor("[2,2]", 16).replace("F32", "I32");
    case(
        "a table of integers",
        file(&integers, 16),
        &["hidden width"],
    );
    case(
        "another type",
        file(&tensor("[2,2]", 16).replace("F32", "\\u001b[31mF99"), 16),
        &["F99"],
    );
    case("NaN", with_value(f32::NAN), &[NORM, "not finite"]);
    case("infinity", with_value(f32::INFINITY), &[NORM, "not finite"]);
    case("values whose sums overflow", with_value(3e38), &[]);
    case(
        "a missing tensor",
        edited(|t| drop(t.remove(NORM))),
        &["no tensor", NORM, "[16]"],
    );
    let extra = edited(|t| drop(t.insert("odd\u{1b}[31m\nname".into(), (vec![1], vec![0.0]))));
    case(
        "a tensor more, with control bytes in its name",
        extra,
        &["unexpected", "odd\\u{1b}[31m\\nname"],
    );
    let long = edited(|t| drop(t.insert("x".repeat(100_000), (vec![1], vec![0.0]))));
    case(
        "a tensor with an endless name",
        long,
        &["100000 bytes long"],
    );
    let bent = edited(|t| t.get_mut(NORM).expect("it is there").0 = vec![4, 4]);
    case("another shape", bent, &[NORM, "[4, 4]", "[16]"]);
    let narrow = edited(|t| {
        let table = t.get_mut(TABLE).expect("it is there");
        table.0[1] = 8;
        table.1.truncate(table.0[0] * 8);
    });
    case("another width", narrow, &["hidden width", "16", "8"]);
    let second = edited(|t| {
        let mut table = t.get(TABLE).expect("it is there").clone();
        table.1[5] += 0.5;
        t.insert("embedding.weight".into(), table);
    });
    case(
        "a second name of the table with other values",
        second,
        &["embedding.weight", "two names of one table", "5.000e-1"],
    );
    let two = edited(|t| {
        t.insert(
            "transformer.wte.weight".into(),
            (vec![1, 16], vec![0.0; 16]),
        );
    });
    case("two models", two, &["two models"]);
    let renamed = edited(|t| {
        *t = std::mem::take(t)
            .into_iter()
            .map(|(name, v)| (format!("vision.{name}"), v))
            .collect();
    });
    case("names of another program", renamed, &["vision."]);
    let bert = file(
        r#"{"bert.embeddings.weight":{"dtype":"F32","shape":[2,2],"data_offsets":[0,16]}}"#,
        16,
    );
    case("a model of another sort", bert, &["no token table", "bert"]);
    let twice = edited(|t| drop(t.insert(format!("module.{NORM}"), (vec![16], vec![1.0; 16]))));
    case(
        "a name with and without its wrapper",
        twice,
        &["duplicated"],
    );
    let codi = edited(|t| drop(t.insert("prj.1.weight".into(), (vec![], vec![1.0]))));
    case("a projection that is a single number", codi, &["prj.1"]);
    let lora = edited(|t| {
        let name = "base_causallm.transformer.h.0.attn.c_attn.lora_A.default.weight";
        t.insert(name.into(), (vec![4, 16], vec![0.0; 64]));
    });
    case(
        "low-rank branches without their alpha",
        lora,
        &["rank 4", "--lora-alpha"],
    );

    let page = b"\n<!DOCTYPE html><html><title>404</title></html>".to_vec();
    case("a web page", page, &["web page", "download"]);
    case(
        "a reply in JSON",
        br#"{"error":"Repository not found"}"#.to_vec(),
        &["JSON"],
    );
    case(
        "a Git LFS pointer",
        b"version https://git-lfs.github.com/spec/v1\noid".to_vec(),
        &["LFS"],
    );
    case(
        "gzip",
        [b"\x1f\x8b\x08\0".to_vec(), vec![7; 400]].concat(),
        &["gzip"],
    );
    case(
        "GGUF",
        [b"GGUF\x03\0\0\0".to_vec(), vec![7; 400]].concat(),
        &["GGUF"],
    );

    cases.push(zero_rank());
    cases.extend(indices());
    cases
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

fn indices() -> Vec<Case> {
    const INDEX: &str = "model.safetensors.index.json";
    let of = |map: serde_json::Value| {
        let index = json!({ "metadata": {}, "weight_map": map });
        vec![(INDEX, index.to_string().into_bytes())]
    };
    let mut beside = of(json!({ TABLE: "checkpoint_part" }));
    beside.push(("checkpoint_part", file("{}", 3)));
    let many: serde_json::Map<_, _> = (0..300)
        .map(|i| (i.to_string(), json!(format!("{i}.safetensors"))))
        .collect();
    [
        (
            "an index of files elsewhere",
            of(json!({ "a": "../../../etc/hosts" })),
            &["not a file beside it"][..],
        ),
        (
            "an index of a file that is not there",
            of(json!({ "a": "gone.safetensors" })),
            &["gone.safetensors"],
        ),
        ("an index of nothing", of(json!({})), &["names 0 files"]),
        (
            "an index of hundreds",
            of(many.into()),
            &["names 300 files"],
        ),
        (
            "an index that is cut",
            vec![(INDEX, b"{\"metadata\": {}, \"weight_map\": {".to_vec())],
            &["not an index"],
        ),
        (
            "an index of another form",
            vec![(INDEX, b"{\"metadata\": {}, \"weight_map\": 3}".to_vec())],
            &["not an index"],
        ),
        (
            "a bad file behind an index",
            beside,
            &["checkpoint_part", "describes"],
        ),
    ]
    .into_iter()
    .map(|(what, files, says)| Case::new(what, toy_but(files), says))
    .collect()
}

#[test]
fn a_projection_without_a_width_is_refused() {
    for shape in [vec![], vec![0, 16], vec![16]] {
        let n = shape.iter().product();
        let bytes = edited(|t| {
            t.insert("prj.1.weight".into(), (shape.clone(), vec![1.0; n]));
        });
        let source = Source::Memory(bytes.into());
        let file = TensorFile::open("m", &source).expect("well-formed");
        let mut weights = Weights::new("m", &file, &Device::Cpu).expect("well-formed");
        let error = Projection::take(&mut weights, 16).err();
        assert!(
            error.is_some_and(|e| e.to_string().contains("prj.1.weight")),
            "{shape:?}"
        );
    }
}
