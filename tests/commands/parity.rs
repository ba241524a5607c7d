//! Parity with PyTorch: the bundled models against dumps of the training script's forward pass, and tiny checkpoints in the published
//! format against the reference code's goldens, where available.

use std::path::{Path, PathBuf};

use serde_json::Value;
use undertone::core::types::LatentIdx;
use undertone::engine::model::{
    Branch, Cancel, Checkpoint, Device, LoadOptions, Mode, Model, Overrides, bundled_names,
};
use undertone::lab::analysis::grid::columns;
use undertone::lab::analysis::run::{Ask, run};
use undertone::lab::parity;

/// Allowed absolute difference of hidden values, logits and log-probabilities, as recommended by the goldens' tolerance file. Values are
/// of the order of 1 to 30.
const TOLERANCE: f64 = 1e-4;

fn close(found: f64, expected: &Value, what: &str) {
    let expected = expected.as_f64().unwrap_or(f64::NAN);
    assert!(
        (found - expected).abs() <= TOLERANCE,
        "{what}: {found} is not {expected}"
    );
}

fn ids(value: &Value) -> Vec<u32> {
    serde_json::from_value(value.clone()).expect("a list of ids")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

/// Compares the norm and first values of a vector.
fn same_vector(found: &[f32], first: &Value, norm: &Value, what: &str) {
    for (i, expected) in items(first).iter().enumerate() {
        close(f64::from(found[i]), expected, &format!("{what}, value {i}"));
    }
    let l2 = found
        .iter()
        .map(|&x| f64::from(x).powi(2))
        .sum::<f64>()
        .sqrt();
    close(l2, norm, &format!("{what}, norm"));
}

/// Compares the best ids of a row of logits, in order, with their logits.
fn same_top(logits: &[f32], top: &Value, expected: &Value, ordered: bool, what: &str) {
    let mut order: Vec<usize> = (0..logits.len()).collect();
    order.sort_by(|&a, &b| logits[b].total_cmp(&logits[a]).then(a.cmp(&b)));
    for (rank, (&id, expected)) in ids(top).iter().zip(items(expected)).enumerate() {
        if ordered {
            assert_eq!(order[rank], id as usize, "{what}, rank {rank}");
        }
        close(
            f64::from(logits[id as usize]),
            expected,
            &format!("{what}, logit of {id}"),
        );
    }
}

fn same_generation(model: &Model, branch: &Branch, limit: usize, golden: &Value, what: &str) {
    let out = model
        .generate(branch, limit, &mut |_| {}, &Cancel::new())
        .expect("generation");
    let expected = golden.get("generated_ids").unwrap_or(&golden["ids"]);
    assert_eq!(out[0].ids, ids(expected), "{what}");
    let logits = golden.get("token_logits").unwrap_or(&golden["logits"]);
    for (found, expected) in out[0].logits.iter().zip(items(logits)) {
        close(f64::from(*found), expected, what);
    }
    if let Some(logprobs) = golden.get("token_logprobs") {
        for (found, expected) in out[0].logprobs.iter().zip(items(logprobs)) {
            close(*found, expected, what);
        }
        let score = model
            .score(branch, &[ids(expected)], &Cancel::new())
            .expect("score");
        let sum: f64 = items(logprobs).iter().filter_map(Value::as_f64).sum();
        assert!(
            (score[0].logprob - sum).abs() <= TOLERANCE,
            "{what}: scored {} for {sum}",
            score[0].logprob
        );
    }
    if let Some(stop) = golden.get("stopped_on") {
        assert_eq!(out[0].stop.map(u64::from), stop.as_u64(), "{what}");
    }
}

fn load(checkpoint: &Checkpoint) -> Model {
    let options = LoadOptions::default();
    Model::load(checkpoint, &options, &Device::Cpu, &mut |_| {}).expect("the model loads")
}

#[test]
fn bundled_models_match_the_training_script() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    for name in bundled_names() {
        let file = folder.join(format!("parity-{name}.json"));
        assert!(
            file.exists(),
            "no {}: assets/training/dump_parity.py writes it",
            file.display()
        );
        let model = load(&Checkpoint::bundled(name).expect(name));
        same_as_dump(&model, &read(&file));
    }
}

/// Checks a model that is not bundled yet: `UNDERTONE_PARITY=<model folder>:<dump file>`.
#[test]
fn a_named_model_matches_its_dump() {
    let Ok(named) = std::env::var("UNDERTONE_PARITY") else {
        return;
    };
    let (folder, dump) = named.split_once(':').expect("folder:dump");
    let checkpoint = Checkpoint::from_dir(Path::new(folder)).expect("checkpoint");
    let model = load(&checkpoint);
    same_as_dump(&model, &read(Path::new(dump)));
}

fn same_as_dump(model: &Model, dump: &Value) {
    let (name, cancel) = (&model.info().name, Cancel::new());
    assert_eq!(
        Some(model.info().sha256.as_str()),
        dump["sha256"].as_str(),
        "{name}: the dump is of other weights"
    );
    let k = model.n_latents();
    assert_eq!(Some(k as u64), dump["n_latents"].as_u64());
    for golden in items(&dump["questions"]) {
        let question = golden["question"].as_str().expect("text");
        let what = format!("{name}: {question}");
        let prompt = model.prompt(question, Mode::Latent).expect("prompt");
        assert_eq!(prompt.ids, ids(&golden["input_ids"]), "{what}");
        // Row 1 is the run with latent 1 zeroed.
        let start = model.prefill(&[&prompt.ids], &cancel).expect("prefill");
        let mut overrides = Overrides::none(2);
        overrides.set(1, LatentIdx(1), vec![0.0; model.width()]);
        let rollout = model
            .rollout(&start, k, &overrides, &cancel)
            .expect("rollout");
        for (j, (latent, golden)) in rollout
            .latents
            .iter()
            .zip(items(&golden["latents"]))
            .enumerate()
        {
            let what = format!("{what}: latent {}", j + 1);
            same_vector(
                &latent.fed.row(0).expect("row"),
                &golden["first"],
                &golden["norm"],
                &what,
            );
            let logits = model.project(&latent.state).expect("projection");
            same_top(&logits[0], &golden["top"], &golden["logits"], false, &what);
        }
        let target = [ids(&golden["target_ids"])];
        let forced = model.close(rollout.last(), true, &cancel).expect("close");
        let scores = model.score(&forced, &target, &cancel).expect("score");
        close(scores[0].logprob, &golden["target_logprob"], &what);
        close(
            scores[1].logprob,
            &golden["zeroed_target_logprob"],
            &format!("{what}: zeroed"),
        );
        let closed = model.close(rollout.last(), false, &cancel).expect("close");
        for (row, key) in ["answer", "zeroed_answer"].into_iter().enumerate() {
            let branch = closed.select(&[row]).expect("row");
            same_generation(model, &branch, 12, &golden[key], &format!("{what}: {key}"));
        }
    }
}

/// The fixtures folder; if it is missing, reports that and returns `None`.
fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures");
    let folder = std::env::var_os("UNDERTONE_FIXTURES").map_or(folder, PathBuf::from);
    if folder.is_dir() {
        return Some(folder);
    }
    skipped(&folder);
    None
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(folder: &Path) {
    eprintln!("SKIPPED: no fixtures at {}", folder.display());
}

#[test]
fn every_fixture_matches_the_reference() {
    let Some(folder) = fixtures() else { return };
    let report = parity::check_all(&folder, &LoadOptions::default(), &Device::Cpu, &mut |_| ())
        .expect("recordings are at hand");
    assert!(report.checkpoints.len() >= 7);
    for checked in &report.checkpoints {
        let failures: Vec<_> = checked.items.iter().filter(|i| i.failed > 0).collect();
        assert!(
            checked.passed,
            "{}: {:?} {failures:#?}",
            checked.name, checked.error
        );
        let largest = checked.items.iter().filter_map(|i| i.largest_relative);
        // The recordings' tolerance file is stricter than the report.
        let largest = largest.fold(0.0, f64::max);
        assert!(largest <= TOLERANCE, "{}: {largest}", checked.name);
    }
}

/// The rows that the published searches see, computed by a loaded model.
#[test]
fn the_grid_of_a_loaded_model_is_the_published_one() {
    for name in ["coconut-gpt2", "coconut-llama", "codi-gpt2", "codi-llama"] {
        let Some(folder) = fixtures() else {
            return;
        };
        let path = folder.join("checkpoints").join(name);
        let checkpoint = Checkpoint::open(&path.display().to_string()).expect("a checkpoint");
        let model = load(&checkpoint);
        let golden = read(&folder.join(format!("golden/{name}.json")));
        let mut compared = 0;
        for question in items(&golden["questions"]) {
            let rows = &question["authors_search"]["top10_strings"];
            if !rows.is_array() {
                continue;
            }
            let ask = Ask {
                question: question["question"].as_str().expect("a question"),
                gold: None,
                steps: None,
                mode: Mode::Latent,
                n_latents: model.n_latents(),
                top_k: 10,
                most_tokens: None,
            };
            let clean = run(&model, &ask, &Cancel::new(), &mut |_| ()).expect("a run");
            let found = columns(&model, &clean, 10)
                .expect("a grid")
                .expect("not dropped");
            // Ids missing from the tokenizer have no text; the two programs name them differently.
            let named = |token: &str| {
                let marker =
                    token.is_empty() || (token.starts_with("<|") && token != "<|endoftext|>");
                (if marker { "<|marker|>" } else { token }).to_owned()
            };
            let published: Vec<Vec<String>> = items(rows)
                .iter()
                .map(|row| {
                    items(row)
                        .iter()
                        .map(|t| named(t.as_str().expect("a token")))
                        .collect()
                })
                .collect();
            let tokens: Vec<Vec<String>> = (0..found.grid.len())
                .map(|column| found.grid.tokens(column).iter().map(|t| named(t)).collect())
                .collect();
            assert_eq!(tokens, published, "{name}: {}", ask.question);
            compared += 1;
        }
        assert_eq!(compared, 4, "{name}");
    }
}
