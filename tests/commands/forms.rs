//! The same problems and the same model in every supported format: each gives the same rows, or a refusal that names the fault. A new
//! format is a line in [`data_forms`] or [`model_forms`].

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use crate::binary::command;
use serde_json::{Map, Value, json};
use tempfile::tempdir;
use undertone::core::problem::gold::plain_answer;
use undertone::core::problem::{Family, Problem, Spec, Split, generate};
use undertone::core::problem_file;

/// Number of problems written in every format.
const PROBLEMS: usize = 50;

fn fifty(family: Family) -> Vec<Problem> {
    let spec = Spec::new(family, Split::Test);
    generate(&spec, PROBLEMS, 16).expect("fifty problems")
}

/// The fields a format preserves, or its refusal.
enum Outcome {
    /// Question, steps and answer.
    All,
    /// Question and answer.
    NoSteps,
    /// An error that contains this text.
    Refused(&'static str),
}
use Outcome::{All, NoSteps, Refused};

struct Form {
    name: String,
    bytes: Vec<u8>,
    outcome: Outcome,
}

/// One row per problem, one per line.
fn lines(problems: &[Problem], row: impl Fn(&Problem) -> Value) -> String {
    problems
        .iter()
        .map(|problem| row(problem).to_string() + "\n")
        .collect()
}

/// The question without its last sentence, and that sentence.
fn halves(question: &str) -> (&str, &str) {
    let end = question
        .trim_end_matches(['.', '?'])
        .rfind(". ")
        .expect("two sentences");
    (&question[..=end], &question[end + 2..])
}

/// The facts of an is-a question, and its query.
fn facts_and_query(question: &str) -> (&str, &str) {
    let at = question.find(" True or false:").expect("a query");
    (&question[..at], question[at..].trim())
}

/// Every format of arithmetic problems. The questions have at least two sentences, so that they can be split.
#[expect(clippy::too_many_lines, reason = "a table")]
fn data_forms(problems: &[Problem]) -> Vec<Form> {
    let plain = |p: &Problem| json!({"question": p.question, "steps": p.steps, "answer": p.answer});
    let text = lines(problems, plain);
    let mut forms: Vec<Form> = Vec::new();
    let mut add = |name: &str, bytes: Vec<u8>, outcome| {
        forms.push(Form {
            name: name.to_owned(),
            bytes,
            outcome,
        });
    };
    let rows: Vec<Value> = problems.iter().map(plain).collect();
    add("lines", text.clone().into(), All);
    add("array", json!(rows).to_string().into(), All);
    add(
        "pretty array",
        serde_json::to_vec_pretty(&rows).expect("json"),
        All,
    );
    for (name, end) in [("crlf", "\r\n"), ("cr", "\r"), ("blank lines", "\n\n \n")] {
        add(name, text.replace('\n', end).into(), All);
    }
    add("byte order mark", format!("\u{feff}{text}").into(), All);
    add("no last line end", text.trim_end().into(), All);
    let utf16: Vec<u8> = [0xfeff]
        .into_iter()
        .chain(text.encode_utf16())
        .flat_map(u16::to_le_bytes)
        .collect();
    add("utf-16", utf16, Refused("UTF-16"));
    add(
        "gzip",
        [&[0x1f, 0x8b, 8, 0][..], text.as_bytes()].concat(),
        Refused("gzip"),
    );
    add(
        "parquet",
        [b"PAR1", text.as_bytes()].concat(),
        Refused("Parquet"),
    );
    add(
        "latin-1",
        text.replace('?', "\u{e9}")
            .chars()
            .map(|c| u8::try_from(u32::from(c)).unwrap_or(b'?'))
            .collect(),
        Refused("not UTF-8"),
    );
    for (name, start, says) in [
        ("xz", &b"\xfd7zXZ\0"[..], "xz"),
        ("zstd", b"\x28\xb5\x2f\xfd", "zstd"),
        ("a web page", b"<!DOCTYPE html><html>", "web page"),
        (
            "a Git LFS pointer",
            b"version https://git-lfs.github.com/spec/v1\n",
            "Git LFS",
        ),
    ] {
        add(name, [start, text.as_bytes()].concat(), Refused(says));
    }
    let table = |separator: &str| {
        let head = format!("question{separator}answer\n");
        let row = |p: &Problem| format!("\"{}\"{separator}{}\n", p.question, p.answer);
        head + &problems.iter().map(row).collect::<String>()
    };
    add("csv", table(",").into(), Refused("(CSV)"));
    add("tsv", table("\t").into(), Refused("(TSV)"));
    let viewer: Vec<Value> = rows
        .iter()
        .zip(0..)
        .map(|(row, index)| json!({"row_idx": index, "row": row}))
        .collect();
    add(
        "the hub's viewer",
        json!({"features": [], "rows": viewer}).to_string().into(),
        Refused("under `rows`"),
    );
    add(
        "rows within an object",
        json!({"version": 1, "data": rows}).to_string().into(),
        Refused("under `data`"),
    );
    let column = |of: fn(&Problem) -> &str| problems.iter().map(of).collect::<Vec<_>>();
    add(
        "columns",
        json!({"question": column(|p| &p.question), "answer": column(|p| &p.answer)})
            .to_string()
            .into(),
        Refused("columns"),
    );
    let more = |f: &dyn Fn(&Problem) -> Value| lines(problems, f).into_bytes();
    add(
        "other fields",
        more(&|p| {
            let mut row = plain(p);
            row["idx"] = json!(7);
            row["edges"] = json!([[0, 1]]);
            row["target"] = json!(3);
            row
        }),
        All,
    );
    add(
        "capital names",
        more(&|p| json!({"Question": p.question, "Steps": p.steps, "Answer": p.answer})),
        All,
    );
    add(
        "steps as text",
        more(&|p| json!({"question": p.question, "steps": p.steps.join(" "), "answer": p.answer})),
        All,
    );
    add(
        "cot",
        more(&|p| json!({"question": p.question, "cot": p.steps.join(" "), "answer": p.answer})),
        All,
    );
    add(
        "multichain",
        more(
            &|p| json!({"problem": p.question, "solution": p.steps.join(" so "), "answer": p.answer}),
        ),
        All,
    );
    add(
        "openai/gsm8k",
        more(&|p| {
            let solution = p
                .steps
                .iter()
                .map(|step| format!("It is {step}."))
                .collect::<Vec<_>>()
                .join("\n");
            json!({"question": p.question, "answer": format!("{solution}\n#### {}", p.answer)})
        }),
        All,
    );
    add(
        "multiarith",
        more(&|p| json!({"question": p.question, "final_ans": p.answer})),
        NoSteps,
    );
    add(
        "a solution and a final answer",
        more(
            &|p| json!({"question": p.question, "answer": p.steps.join(" "), "final_answer": p.answer}),
        ),
        All,
    );
    add(
        "gsm-hard",
        more(
            &|p| json!({"input": p.question, "code": "pass", "target": p.answer.parse::<f64>().expect("a number")}),
        ),
        NoSteps,
    );
    add(
        "svamp",
        more(&|p| {
            let (body, question) = halves(&p.question);
            json!({"ID": "1", "Body": body, "Question": question, "Answer": p.answer.parse::<f64>().expect("a number"), "Type": "x"})
        }),
        NoSteps,
    );
    add(
        "context",
        more(&|p| {
            let (context, question) = halves(&p.question);
            json!({"context": context, "question": question, "steps": p.steps, "answer": p.answer})
        }),
        All,
    );
    for field in ["passage", "story", "premise", "hypothesis", "instruction"] {
        add(
            field,
            more(&|p| {
                let (body, question) = halves(&p.question);
                json!({"question": question, "steps": p.steps, "answer": p.answer, field: body})
            }),
            Refused("join both texts under `question`"),
        );
    }
    add(
        "twice",
        text.replacen("{\"", "{\"answer\":1,\"", 1).into(),
        Refused("is duplicated"),
    );
    let raw = |p: &Problem| format!("{}||{} #### {}\n", p.question, p.steps.join(" "), p.answer);
    add(
        "raw",
        problems.iter().map(raw).collect::<String>().into(),
        All,
    );
    for (name, spelled) in [
        ("a number", "A"),
        ("two decimals", "A.00"),
        ("one decimal", "A.0"),
        ("dollars", "$A"),
        ("escaped dollars", "\\$A"),
        ("a unit", "A apples"),
        ("a mark", "#### A"),
        ("a shorter mark", "### A"),
        ("a box", "\\boxed{A}"),
        ("a box in mathematics", "$\\boxed{A}$"),
        ("a full stop", "A."),
        ("a percent sign", "A %"),
        ("white space", " A\n"),
    ] {
        add(
            &format!("gold with {name}"),
            more(
                &|p| json!({"question": p.question, "steps": p.steps, "answer": spelled.replace('A', &p.answer)}),
            ),
            All,
        );
    }
    add(
        "gold as an integer",
        more(
            &|p| json!({"question": p.question, "steps": p.steps, "answer": p.answer.parse::<i64>().expect("whole")}),
        ),
        All,
    );
    add(
        "gold as a float",
        more(
            &|p| json!({"question": p.question, "steps": p.steps, "answer": p.answer.parse::<f64>().expect("a number")}),
        ),
        All,
    );
    add(
        "gold of too many digits",
        text.replacen(
            "\"answer\":\"",
            "\"answer\":123456789012345678901234567,\"x\":\"",
            1,
        )
        .into(),
        Refused("more digits than are read"),
    );
    forms
}

/// Reads a file as a run does, with gold answers normalized.
fn read(form: &Form, folder: &Path) -> Result<Vec<Problem>, String> {
    let path = folder.join("problems");
    fs::write(&path, &form.bytes).expect("written");
    problem_file::read(&path).map_err(|error| error.to_string())
}

fn agree(form: &Form, problems: &[Problem], folder: &Path) {
    let name = &form.name;
    let read = match (read(form, folder), &form.outcome) {
        (Err(error), Refused(says)) => {
            assert!(error.contains(says), "{name}: {error}");
            return;
        }
        (found, Refused(_)) => panic!("{name} is taken: {:?}", found.map(|found| found.len())),
        (found, _) => found.unwrap_or_else(|error| panic!("{name}: {error}")),
    };
    assert_eq!(read.len(), problems.len(), "{name}");
    for (found, problem) in read.iter().zip(problems) {
        assert_eq!(found.question, problem.question, "{name}");
        assert_eq!(found.answer, plain_answer(&problem.answer), "{name}");
        if matches!(form.outcome, All) {
            assert_eq!(found.steps, problem.steps, "{name}");
        }
    }
}

#[test]
fn every_form_of_a_data_file_gives_the_same_problems_or_names_what_is_wrong() {
    let folder = tempdir().expect("a folder");
    let problems = fifty(Family::Math);
    for form in data_forms(&problems) {
        agree(&form, &problems, folder.path());
    }
    // Is-a problems: facts and query in separate fields, and PrOntoQA's own object.
    let problems = fifty(Family::Prontoqa);
    let row = |p: &Problem| {
        let (facts, query) = facts_and_query(&p.question);
        json!({"question": facts, "query": query, "chain_of_thought": p.steps, "answer": p.answer})
    };
    let examples: Map<String, Value> = problems
        .iter()
        .enumerate()
        .map(|(n, p)| {
            (
                format!("example{:02}", n + 1),
                json!({"in_context_example0": row(p), "test_example": row(p)}),
            )
        })
        .collect();
    let options = |p: &Problem| {
        let (facts, query) = facts_and_query(&p.question);
        let letter = if p.answer == "True" { "A" } else { "B" };
        json!({"context": facts, "question": query, "options": ["A) True", "B) False"], "answer": letter})
    };
    for (name, text, outcome) in [
        ("prontoqa", lines(&problems, row), All),
        ("prontoqa's own", Value::Object(examples).to_string(), All),
        ("logic-lm", lines(&problems, options), NoSteps),
    ] {
        let form = Form {
            name: name.to_owned(),
            bytes: text.into(),
            outcome,
        };
        agree(&form, &problems, folder.path());
    }
}

/// The tensors of a safetensors file: its header entries and the values.
struct Tensors {
    header: Map<String, Value>,
    values: Vec<u8>,
}

impl Tensors {
    fn read(path: &Path) -> Self {
        let bytes = fs::read(path).expect("weights");
        let length = usize::try_from(u64::from_le_bytes(bytes[..8].try_into().expect("eight")))
            .expect("small");
        let mut header: Map<String, Value> =
            serde_json::from_slice(&bytes[8..8 + length]).expect("a header");
        header.remove("__metadata__");
        Self {
            header,
            values: bytes[8 + length..].to_vec(),
        }
    }

    /// Builds a file of the tensors that get a name, with converted values and optionally another type.
    fn made(
        &self,
        name: impl Fn(&str) -> Option<String>,
        values_of: impl Fn(&[u8]) -> Vec<u8>,
        dtype: Option<&str>,
    ) -> Vec<u8> {
        let (mut header, mut values) = (Map::new(), Vec::new());
        for (old, tensor) in &self.header {
            let Some(new) = name(old) else { continue };
            assert_eq!(tensor["dtype"], "F16");
            let end = |i: usize| {
                usize::try_from(tensor["data_offsets"][i].as_u64().expect("an offset"))
                    .expect("small")
            };
            let from = values.len();
            values.extend(values_of(&self.values[end(0)..end(1)]));
            let mut tensor = tensor.clone();
            if let Some(dtype) = dtype {
                tensor["dtype"] = json!(dtype);
            }
            tensor["data_offsets"] = json!([from, values.len()]);
            header.insert(new, tensor);
        }
        file(&header, &values)
    }

    /// Builds a file of the tensors that get a name.
    fn write(&self, name: impl Fn(&str) -> Option<String>) -> Vec<u8> {
        self.made(name, <[u8]>::to_vec, None)
    }

    /// Builds a file with every value converted to another type.
    fn as_type(&self, dtype: &str, convert: impl Fn(f32) -> Vec<u8>) -> Vec<u8> {
        let halves = |bytes: &[u8]| {
            let halves = bytes.chunks_exact(2);
            let values = halves.map(|half| half::f16::from_le_bytes([half[0], half[1]]).to_f32());
            values.flat_map(&convert).collect()
        };
        self.made(|name| Some(name.to_owned()), halves, Some(dtype))
    }
}

fn file(header: &Map<String, Value>, values: &[u8]) -> Vec<u8> {
    let mut text = Value::Object(header.clone()).to_string().into_bytes();
    text.resize(text.len().next_multiple_of(8), b' ');
    let length = u64::try_from(text.len()).expect("small").to_le_bytes();
    [&length[..], &text, values].concat()
}

type Files = BTreeMap<String, Vec<u8>>;

/// Every format of a checkpoint, with the text of its refusal.
#[expect(clippy::too_many_lines, reason = "a table")]
fn model_forms(model: &Path) -> Vec<(&'static str, Files, Option<&'static str>)> {
    let tensors = Tensors::read(&model.join("model.safetensors"));
    let text = |name: &str| fs::read_to_string(model.join(name)).expect(name);
    let (config, tokenizer) = (text("config.json"), text("tokenizer.json"));
    let same = |name: &str| Some(name.to_owned());
    let whole = tensors.write(same);
    let with = |files: Vec<(&str, Vec<u8>)>| -> Files {
        let beside = [
            ("config.json", config.clone().into_bytes()),
            ("tokenizer.json", tokenizer.clone().into_bytes()),
        ];
        let all = beside.into_iter().chain(files);
        all.map(|(name, bytes)| (name.to_owned(), bytes)).collect()
    };
    let weights = |bytes: Vec<u8>| with(vec![("model.safetensors", bytes)]);
    let edited = |edit: &dyn Fn(&mut Value)| {
        let mut json: Value = serde_json::from_str(&config).expect("json");
        edit(&mut json);
        with(vec![
            ("model.safetensors", whole.clone()),
            ("config.json", json.to_string().into()),
        ])
    };
    let mut forms = vec![("as it is", weights(whole.clone()), None)];
    for (name, prefix) in [
        ("data parallel", "module."),
        ("compiled", "_orig_mod."),
        ("sharded", "_fsdp_wrapped_module."),
        ("compiled and parallel", "module._orig_mod."),
    ] {
        forms.push((
            name,
            weights(tensors.write(|name| Some(format!("{prefix}{name}")))),
            None,
        ));
    }
    let wrapped = |name: &str| Some(name.replace(".h.1.", ".h.1._checkpoint_wrapped_module."));
    forms.push((
        "activations checkpointed",
        weights(tensors.write(wrapped)),
        None,
    ));
    let is_first = |name: &str| name.len().is_multiple_of(2);
    let parts = [
        tensors.write(|name| is_first(name).then(|| name.to_owned())),
        tensors.write(|name| (!is_first(name)).then(|| name.to_owned())),
    ];
    for (name, stem, end) in [
        ("parts", "model", "safetensors"),
        ("parts of a bin", "pytorch_model", "bin"),
    ] {
        let [a, b] = [1, 2].map(|n| format!("{stem}-0000{n}-of-00002.{end}"));
        let map: Map<String, Value> = tensors
            .header
            .keys()
            .map(|t| (t.clone(), json!(if is_first(t) { &a } else { &b })))
            .collect();
        let index = json!({"metadata": {"total_size": 1}, "weight_map": map}).to_string();
        let index_name = format!("{stem}.{end}.index.json");
        let all = vec![
            (a.as_str(), parts[0].clone()),
            (b.as_str(), parts[1].clone()),
        ];
        let mut files = with(all);
        if end == "safetensors" {
            forms.push((
                "parts without an index",
                files.clone(),
                Some("model.safetensors.index.json"),
            ));
        }
        files.insert(index_name, index.into());
        forms.push((name, files, None));
    }
    forms.push((
        "F32",
        weights(tensors.as_type("F32", |x| x.to_le_bytes().to_vec())),
        None,
    ));
    forms.push((
        "F64",
        weights(tensors.as_type("F64", |x| f64::from(x).to_le_bytes().to_vec())),
        Some("F64"),
    ));
    forms.push((
        "not finite",
        weights(tensors.as_type("F32", |_| f32::NAN.to_le_bytes().to_vec())),
        Some("not finite"),
    ));
    forms.push((
        "more bytes",
        weights([&whole[..], b"more"].concat()),
        Some("4 more follow"),
    ));
    forms.push((
        "cut",
        weights(whole[..whole.len() - 4].to_vec()),
        Some("cut short"),
    ));
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n".to_vec();
    forms.push((
        "a pointer for weights",
        weights(pointer.clone()),
        Some("Git LFS pointer"),
    ));
    for (what, name) in [
        ("a pointer for config.json", "config.json"),
        ("a pointer for tokenizer.json", "tokenizer.json"),
    ] {
        let files = with(vec![
            ("model.safetensors", whole.clone()),
            (name, pointer.clone()),
        ]);
        forms.push((what, files, Some("Git LFS pointer")));
    }
    let page = b"<!DOCTYPE html><html></html>".to_vec();
    forms.push((
        "a page for tokenizer.json",
        with(vec![
            ("model.safetensors", whole.clone()),
            ("tokenizer.json", page),
        ]),
        Some("web page"),
    ));
    let vocab = br#"{"a":0,"b":1}"#.to_vec();
    forms.push((
        "vocab.json",
        with(vec![
            ("model.safetensors", whole.clone()),
            ("tokenizer.json", vocab),
        ]),
        Some("vocab.json"),
    ));
    let marked = |text: &str| format!("\u{feff}{text}").into_bytes();
    forms.push((
        "byte order marks",
        with(vec![
            ("model.safetensors", whole.clone()),
            ("config.json", marked(&config)),
            ("tokenizer.json", marked(&tokenizer)),
        ]),
        None,
    ));
    forms.push((
        "transformers 5",
        edited(&|c| c["dtype"] = json!("float32")),
        None,
    ));
    forms.push((
        "a note",
        edited(&|c| c["my_note"] = json!("trained twice")),
        None,
    ));
    for (name, key, value) in [
        ("positions off", "use_position_embeddings", json!(false)),
        ("no mask", "is_causal", json!(false)),
        ("two names that disagree", "num_attention_heads", json!(64)),
        ("a text for a number", "layer_norm_epsilon", json!("small")),
        ("an end token that is none", "eos_token_id", json!("</s>")),
    ] {
        forms.push((name, edited(&|c| c[key] = value.clone()), Some(key)));
    }
    forms.push((
        "other names of the sizes",
        edited(&|c| {
            for (own, other) in [
                ("n_embd", "hidden_size"),
                ("n_head", "num_attention_heads"),
                ("n_layer", "num_hidden_layers"),
                ("n_positions", "max_position_embeddings"),
            ] {
                c[other] = c[own].take();
                c.as_object_mut().unwrap().remove(own);
            }
        }),
        None,
    ));
    forms.push((
        "a list of end tokens",
        edited(&|c| {
            let end = c["eos_token_id"].take();
            c["eos_token_id"] = json!([end]);
        }),
        None,
    ));
    let twice = config.replacen('{', "{\"n_head\": 4, ", 1).into_bytes();
    forms.push((
        "a key that is there twice",
        with(vec![
            ("model.safetensors", whole.clone()),
            ("config.json", twice),
        ]),
        Some("n_head"),
    ));
    for (name, key) in [
        ("a multiplier", "attention_multiplier"),
        ("soft caps", "final_logit_softcapping"),
        ("a scale", "logit_scale"),
    ] {
        forms.push((name, edited(&|c| c[key] = json!(0.5)), Some(key)));
    }
    let mut folder = Files::new();
    for (name, bytes) in weights(whole.clone()) {
        folder.insert(format!("checkpoint-500/{name}"), bytes);
    }
    forms.push(("a folder of a run", folder, None));
    let mut run = Files::new();
    for (name, bytes) in weights(whole.clone()) {
        let folder = if name == "model.safetensors" {
            "checkpoint-500/"
        } else {
            ""
        };
        run.insert(format!("{folder}{name}"), bytes);
    }
    forms.push((
        "a run with its configuration beside the checkpoint",
        run,
        None,
    ));
    let base = tensors.write(|name| Some(name.trim_start_matches("base_causallm.").to_owned()));
    forms.push((
        "a base beside it",
        with(vec![
            ("model.safetensors", base),
            ("checkpoint_9", whole.clone()),
            ("optimizer.pt", b"x".to_vec()),
        ]),
        None,
    ));
    forms
}

#[test]
fn every_form_of_a_checkpoint_gives_the_same_rows_or_names_what_is_wrong() {
    let model = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/models/mini-math");
    let home = tempdir().expect("a folder");
    let data = home.path().join("problems.jsonl");
    fs::write(&data, problem_file::to_jsonl(&fifty(Family::Math))).expect("written");
    let mut expected: Option<String> = None;
    for (n, (name, files, refusal)) in model_forms(&model).into_iter().enumerate() {
        let folder = home.path().join(format!("m{n}"));
        for (file, bytes) in files {
            let path = folder.join(file);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, bytes).expect("written");
        }
        let out = home.path().join(format!("out{n}"));
        let args = [
            "run",
            "--experiments",
            "accuracy",
            "--model",
            folder.to_str().expect("a name"),
            "--data",
            data.to_str().expect("a name"),
            "--out",
            out.to_str().expect("a name"),
        ];
        let output = command(home.path(), &args).output().expect("it runs");
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        if let Some(says) = refusal {
            assert_eq!(output.status.code(), Some(3), "{name}: {error}");
            assert!(error.contains(says), "{name}: {error}");
            continue;
        }
        assert!(output.status.success(), "{name}: {error}");
        let rows = fs::read_to_string(out.join("rows.jsonl")).expect("rows");
        // The header differs: it names the folder and the hash of the file.
        let (_, rows) = rows.split_once('\n').expect("a header");
        assert_eq!(rows.lines().count(), 2 * PROBLEMS, "{name}");
        let first = expected.get_or_insert_with(|| rows.to_owned());
        assert_eq!(rows, first, "{name}");
    }
}
