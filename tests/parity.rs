//! Numbers against PyTorch: the bundled models against dumps of the training script's own forward pass, and tiny
//! checkpoints in the published format against the reference code's goldens, where those files are at hand.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use undertone::model::{
    Branch, Cancel, Checkpoint, Device, Mode, Model, Rollout, Writes, bundled_names,
};
use undertone::trace::LatentIdx;

/// Allowed difference of hidden values, logits and log-probabilities, absolute: what the goldens' own file of
/// tolerances recommends. Values are of the order of 1 to 30.
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

fn small(value: &Value) -> usize {
    usize::try_from(value.as_u64().expect("a number")).expect("a small number")
}

fn items(value: &Value) -> &[Value] {
    value.as_array().expect("a list")
}

fn read(path: &Path) -> Value {
    let text = std::fs::read_to_string(path).expect("readable");
    serde_json::from_str(&text).expect("JSON")
}

/// The norm and first values of a vector.
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

/// The best ids of a row of logits, in order, with their logits.
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
        let model = Model::load(
            &Checkpoint::bundled(name).expect(name),
            &Device::Cpu,
            &mut |_| {},
        )
        .expect(name);
        same_as_dump(&model, &read(&file));
    }
}

/// For a model that is not bundled yet: `UNDERTONE_PARITY=<model folder>:<dump file>`.
#[test]
fn a_named_model_matches_its_dump() {
    let Ok(named) = std::env::var("UNDERTONE_PARITY") else {
        return;
    };
    let (folder, dump) = named.split_once(':').expect("folder:dump");
    let checkpoint = Checkpoint::from_dir(Path::new(folder)).expect("checkpoint");
    let model = Model::load(&checkpoint, &Device::Cpu, &mut |_| {}).expect("model");
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
        let mut writes = Writes::none(2);
        writes.set(1, LatentIdx(1), vec![0.0; model.width()]);
        let rollout = model.rollout(&start, k, &writes, &cancel).expect("rollout");
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

/// The folder of fixtures, or none with a line that says so.
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

/// Loads a fixture; pickled ones are rewritten as safetensors first.
fn fixture(folder: &Path, name: &str) -> Model {
    let at = folder.join("checkpoints").join(name);
    let text = |file: &str| std::fs::read_to_string(at.join(file)).expect(file);
    let safetensors = at.join("model.safetensors");
    let weights = if safetensors.exists() {
        std::fs::read(safetensors).expect("weights")
    } else {
        let meta: Value = serde_json::from_str(&text("meta.json")).expect("meta.json");
        let file = at.join(meta["weights_file"].as_str().expect("weights_file"));
        let tensors: HashMap<_, _> = candle_core::pickle::read_all(file)
            .expect("a torch.save file")
            .into_iter()
            .collect();
        let rewritten = tempfile::NamedTempFile::new().expect("temporary file");
        candle_core::safetensors::save(&tensors, rewritten.path()).expect("written");
        std::fs::read(rewritten.path()).expect("weights")
    };
    let tokenizer =
        std::fs::read(folder.join("tokenizers/gpt2/tokenizer.json")).expect("tokenizer");
    let checkpoint = Checkpoint::from_parts(name, text("config.json"), tokenizer, weights);
    Model::load(
        &checkpoint.with_meta(text("meta.json")),
        &Device::Cpu,
        &mut |_| {},
    )
    .expect(name)
}

fn same_as_golden(name: &str) {
    let Some(folder) = fixtures() else { return };
    let model = fixture(&folder, name);
    let golden = read(&folder.join("golden").join(format!("{name}.json")));
    let (k, cancel) = (model.n_latents(), Cancel::new());
    assert_eq!(model.markers().delimiter, ids(&golden["delimiter_ids"]));
    assert_eq!(model.markers().stop, ids(&golden["stop_ids"]));
    let codi = golden["family"] == "codi";
    if codi {
        assert_eq!(
            Some(model.markers().answer_vocab as u64),
            golden["generation_vocab_limit"].as_u64()
        );
    }
    let mean: Vec<Vec<f32>> =
        serde_json::from_value(golden["mean_latent_inputs"].clone()).expect("vectors");
    for golden in items(&golden["questions"]) {
        let question = golden["question"].as_str().expect("text");
        let what = format!("{name}: {question}");
        let prompt = model.prompt(question, Mode::Latent).expect("prompt");
        assert_eq!(
            prompt.ids,
            ids(&golden["input_ids"])[..prompt.ids.len()],
            "{what}"
        );
        let start = model.prefill(&[&prompt.ids], &cancel).expect("prefill");
        let rollout = model
            .rollout(&start, k, &Writes::none(1), &cancel)
            .expect("rollout");
        same_latents(&model, &rollout, golden, &what);
        same_answers(&model, &rollout, golden, &what);
        same_modes(&model, golden, &what);
        same_ablations(&model, &start, &mean, golden, &what);
    }
}

/// The state after 0..N latents: what is projected, and what is fed next.
fn same_latents(model: &Model, rollout: &Rollout, golden: &Value, what: &str) {
    let positions = items(&golden["latent_positions"]);
    assert_eq!(positions.len(), rollout.branches.len(), "{what}");
    for (j, golden) in positions.iter().enumerate() {
        let what = format!("{what}: after {j}");
        let (state, hidden) = (rollout.branches[j].hidden(), &golden["hidden"]);
        same_vector(
            &state.row(0).expect("row"),
            &hidden["first8"],
            &hidden["l2"],
            &what,
        );
        let top = &golden["top10"];
        let ordered = top["min_gap"].as_f64().is_some_and(|gap| gap > TOLERANCE);
        let logits = model.project(&state).expect("projection");
        same_top(&logits[0], &top["ids"], &top["logits"], ordered, &what);
        if let Some(latent) = rollout.latents.get(j) {
            let (fed, next) = (latent.fed.row(0).expect("row"), &golden["next_input"]);
            same_vector(&fed, &next["first8"], &next["l2"], &format!("{what}: fed"));
            assert_eq!(
                model.project(&latent.state).expect("projection"),
                logits,
                "{what}"
            );
        }
    }
}

/// The free answer, and the answers after 0..N latents with and without the delimiter forced.
fn same_answers(model: &Model, rollout: &Rollout, golden: &Value, what: &str) {
    let cancel = Cancel::new();
    let closed = model.close(rollout.last(), false, &cancel).expect("close");
    same_generation(
        model,
        &closed,
        64,
        &golden["full"],
        &format!("{what}: full"),
    );
    // Where the reference forces nothing, the goldens hold a second list that does.
    let (forced, free) = (golden.get("early_stop_forced"), &golden["early_stop"]);
    for (golden, force) in [(forced.unwrap_or(free), true), (free, forced.is_none())] {
        assert_eq!(items(golden).len(), rollout.branches.len(), "{what}");
        for (j, golden) in items(golden).iter().enumerate() {
            let closed = model
                .close(&rollout.branches[j], force, &cancel)
                .expect("close");
            same_generation(
                model,
                &closed,
                32,
                golden,
                &format!("{what}: early stop {j}"),
            );
        }
    }
}

/// Direct and written answers of a multi-mode model.
fn same_modes(model: &Model, golden: &Value, what: &str) {
    let question = golden["question"].as_str().expect("text");
    for (mode, key) in [(Mode::Direct, "direct"), (Mode::Written, "verbalized")] {
        if let Some(golden) = golden.get("modes").and_then(|m| m.get(key)) {
            let prompt = model.prompt(question, mode).expect("prompt");
            assert_eq!(prompt.ids, ids(&golden["input_ids"]), "{what}: {key}");
            let start = model
                .prefill(&[&prompt.ids], &Cancel::new())
                .expect("prefill");
            same_generation(model, &start, 64, golden, &format!("{what}: {key}"));
        }
    }
}

/// All ablations of a question as rows of one batch.
fn same_ablations(model: &Model, start: &Branch, mean: &[Vec<f32>], golden: &Value, what: &str) {
    let cancel = Cancel::new();
    let (baseline, ablations) = (&golden["ablation_baseline"], items(&golden["ablations"]));
    let mut writes = Writes::none(ablations.len());
    for (row, golden) in ablations.iter().enumerate() {
        let j = small(&golden["latent"]);
        let is_zero = golden["replaced_by"] == "zero";
        let vector = if is_zero {
            vec![0.0; model.width()]
        } else {
            mean[j].clone()
        };
        writes.set(row, LatentIdx(j + 1), vector);
    }
    let ablated = model
        .rollout(start, model.n_latents(), &writes, &cancel)
        .expect("rollout");
    let forced = model.close(ablated.last(), true, &cancel).expect("close");
    let logits = model.logits(&forced).expect("logits");
    for (row, ablation) in ablations.iter().enumerate() {
        let what = format!(
            "{what}: latent {} by {}",
            ablation["latent"], ablation["replaced_by"]
        );
        same_generation(
            model,
            &forced.select(&[row]).expect("row"),
            32,
            ablation,
            &what,
        );
        if baseline["first_answer_step"] == 0 {
            let found = f64::from(logits[row][small(&baseline["first_answer_id"])]);
            close(found, &ablation["baseline_first_answer_logit"], &what);
        }
    }
}

#[test]
fn coconut_matches_the_reference() {
    same_as_golden("coconut-gpt2");
}

#[test]
fn multimode_coconut_matches_the_reference() {
    same_as_golden("multimode-coconut-gpt2");
}

#[test]
fn codi_matches_the_reference() {
    same_as_golden("codi-gpt2");
}
