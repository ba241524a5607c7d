//! The study commands as scripts use them: schemas, CSV, exit codes. Runs the real binary on a bundled model.

use std::fs;

use crate::binary::{QUESTION, has, said, undertone};
use serde_json::Value;
use tempfile::tempdir;

/// The output of a command on the question, which must succeed.
fn on_question(command: &str, rest: &[&str]) -> String {
    said(&[&[command, "--question", QUESTION], rest].concat())
}

fn json(command: &str, rest: &[&str]) -> Value {
    let report = on_question(command, &[rest, &["--json"]].concat());
    let report: Value = serde_json::from_str(&report).unwrap();
    assert_eq!(report["schema"], format!("undertone.{command}/1"));
    has(
        &report,
        &[
            "schema",
            "model",
            "reference",
            "question",
            "unknown_words",
            "input_ids",
            "clean",
        ],
    );
    has(
        &report["clean"],
        &["answer", "logprob", "gold", "gold_logprob"],
    );
    report
}

/// The header and the number of lines of a CSV report; no field contains a line break on this question.
fn csv(command: &str, rest: &[&str]) -> (String, usize) {
    let text = on_question(command, &[rest, &["--csv"]].concat());
    let mut lines = text.lines();
    (lines.next().unwrap().to_owned(), lines.count())
}

fn n_latents(report: &Value) -> usize {
    usize::try_from(report["model"]["n_latents"].as_u64().unwrap()).unwrap()
}

fn len(value: &Value) -> usize {
    value.as_array().unwrap().len()
}

/// Checks the exit code and a part of standard error.
fn refused(args: &[&str], code: i32, names: &str) {
    let output = undertone(args);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{args:?}: {said}");
    assert!(said.contains(names), "{args:?}: {said}");
    assert!(output.stdout.is_empty(), "{args:?}");
    assert!(!said.contains("panicked"), "{args:?}: {said}");
}

#[test]
fn options_that_do_not_go_together_exit_with_2() {
    let ask = ["--question", QUESTION];
    for (rest, names) in [
        (&["ablate", "--off", "1", "--layers", "1-2"][..], "--layers"),
        (&["ablate", "--off", "1", "--donor", "3"], "--donor"),
        (&["ablate", "--off", "1", "--value", "donor"], "--donor P"),
        (&["ablate", "--restore", "1"], "--direction denoising"),
        (&["ablate", "--off", "1", "--json", "--csv"], "--csv"),
        (
            &["ablate", "--off", "1", "--edit", "12=13", "--csv"],
            "--csv",
        ),
        (&["ablate", "--off", "none"], "none"),
        (&["sweep", "--values", "donor"], "--donor P"),
        (&["lens", "--token", "1", "--token-id", "1"], "--token-id"),
        (&["inspect", "--off", "1", "--value", "donor"], "ablate"),
    ] {
        refused(&[rest, &ask[..]].concat(), 2, names);
    }
    // Without a selection, every latent is switched off in turn, as the README states.
    let each = json("ablate", &[]);
    assert_eq!(each["outcomes"].as_array().map(Vec::len), Some(4));
}

#[test]
fn latents_and_layers_that_are_not_there_exit_with_2() {
    let ask = ["--question", QUESTION];
    for (rest, names) in [
        (&["ablate", "--off", "9"][..], "latent 9"),
        (&["ablate", "--off", "1", "--mode", "written"], "no latents"),
        (&["ablate", "--edit", "99=98"], "99"),
        (&["ablate", "--edit", "apples=pears"], "3 times"),
        (
            &["ablate", "--off", "1", "--site", "kv", "--layers", "1-99"],
            "layer 99",
        ),
        (&["lattice", "--latents", "9"], "at most 8"),
    ] {
        refused(&[rest, &ask[..]].concat(), 2, names);
    }
    let missing = ["ablate", "--off", "1", "--reference", "/no/such/file.jsonl"];
    refused(&[&missing, &ask[..]].concat(), 3, "/no/such/file.jsonl");
}

#[test]
fn an_edited_question_needs_no_ablation() {
    let report = json("ablate", &["--edit", "12=15"]);
    let edited = &report["counterfactual_question"];
    assert_eq!(edited["question"], QUESTION.replace("12", "15"), "{edited}");
    has(
        edited,
        &[
            "from",
            "to",
            "question",
            "unknown_words",
            "input_ids",
            "clean",
            "answer_changed",
            "latents",
        ],
    );
    assert_eq!(len(&report["outcomes"]), 0);
    assert_eq!(len(&report["early_exit"]), n_latents(&report) + 1);
    assert_eq!(report["reference"], Value::Null, "nothing was replaced");
}

#[test]
fn ablate_follows_its_schema() {
    let report = json(
        "ablate",
        &[
            "--off", "2", "--off", "all", "--value", "zero", "--gold", "19",
        ],
    );
    has(
        &report,
        &["early_exit", "first_match", "stable_match", "outcomes"],
    );
    assert!(report.get("counterfactual_question").is_none());
    assert_eq!(report["clean"]["gold"], "19");
    assert!(report["clean"]["gold_logprob"].is_f64());
    let outcomes = report["outcomes"].as_array().unwrap();
    assert_eq!(outcomes.len(), 2, "one for each --off");
    assert_eq!(outcomes[0]["ablation"]["off"], serde_json::json!([2]));
    for outcome in outcomes {
        has(outcome, &["ablation", "answer", "effect", "latents_after"]);
        has(
            &outcome["ablation"],
            &[
                "off",
                "value",
                "site",
                "propagation",
                "direction",
                "layers",
                "donor",
                "matched",
                "variants",
                "seed",
            ],
        );
        has(
            &outcome["effect"],
            &[
                "flipped",
                "delta_logprob",
                "delta_logprob_gold",
                "kl",
                "relative_size",
                "size_percentile",
                "sham_max_diff",
                "donors",
            ],
        );
    }
    let (names, rows) = csv("ablate", &["--each", "--value", "mean"]);
    assert_eq!(rows, n_latents(&report));
    assert!(names.starts_with("schema,model,sha256,"), "{names}");
}

#[test]
fn every_value_site_and_direction_can_be_asked() {
    for value in [
        "resample", "mean", "zero", "noise", "permute", "skip", "token", "donor", "kv-block",
    ] {
        let mut rest = vec!["--off", "2,3", "--value", value, "--donors", "4"];
        if value == "donor" {
            rest.extend(["--donor", "0/1"]);
        }
        let report = json("ablate", &rest);
        let effect = &report["outcomes"][0]["effect"];
        assert!(effect["sham_max_diff"].as_f64().unwrap() <= 1e-3, "{value}");
        let varies = ["resample", "noise", "permute"].contains(&value);
        assert_eq!(effect["donors"].is_object(), varies, "{value}");
    }
    let donor = [
        "ablate", "--off", "1", "--value", "donor", "--donor", "9999",
    ];
    refused(&[&donor[..], &["--question", QUESTION]].concat(), 2, "9999");
    for site in ["input", "hidden", "kv"] {
        json("ablate", &["--off", "2", "--value", "mean", "--site", site]);
    }
    json("ablate", &["--off", "2", "--propagation", "direct"]);
    let report = json(
        "ablate",
        &[
            "--restore",
            "2",
            "--direction",
            "denoising",
            "--value",
            "zero",
        ],
    );
    let n = n_latents(&report);
    let off = report["outcomes"][0]["ablation"]["off"].clone();
    assert_eq!(len(&off), n - 1);
}

#[test]
fn a_named_reference_set_is_named_in_the_output() {
    let folder = tempdir().unwrap();
    let file = folder.path().join("others.jsonl").display().to_string();
    let args = [
        "problems", "generate", "--family", "math", "--n", "40", "--seed", "5", "--out", &file,
    ];
    assert!(undertone(&args).status.success());
    assert!(fs::metadata(&file).unwrap().len() > 0);
    let report = json("ablate", &["--off", "1", "--reference", &file]);
    let named = report["reference"].as_str().unwrap();
    assert!(named.contains("others.jsonl") && named.contains("40"));
}

#[test]
fn a_sweep_has_a_cell_for_each_latent_role_and_value() {
    let report = json("sweep", &["--values", "zero,mean", "--value", "zero"]);
    let n = n_latents(&report);
    has(
        &report,
        &[
            "manner",
            "n_latents",
            "clean_answer",
            "cells",
            "pairs",
            "complete",
            "sham_max_diff",
            "cost",
        ],
    );
    assert_eq!(report["complete"], true);
    assert_eq!(len(&report["cells"]), n * 2 * 2);
    for cell in report["cells"].as_array().unwrap() {
        has(cell, &["latent", "role", "value", "cell", "refused"]);
        assert_ne!(cell["cell"].is_null(), cell["refused"].is_null(), "{cell}");
    }
    let (_, rows) = csv("sweep", &["--values", "zero,mean", "--value", "zero"]);
    assert_eq!(rows, n * 4 + len(&report["pairs"]));
    let text = on_question("sweep", &["--values", "zero"]);
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn a_lattice_has_a_cell_for_each_set() {
    let report = json("lattice", &["--value", "zero"]);
    let n = n_latents(&report);
    assert_eq!(len(&report["cells"]), 1 << n);
    assert_eq!(report["complete"], true);
    has(&report, &["keeps", "breaks", "clean_logprob", "cost"]);
    let empty = &report["cells"][0];
    assert_eq!(len(&empty["off"]), 0);
    assert_eq!(empty["answer"], report["clean_answer"]);
    assert_eq!(csv("lattice", &["--value", "zero"]).1, 1 << n);
}

#[test]
fn influence_has_every_pair_and_every_latent() {
    let report = json("influence", &["--value", "mean"]);
    let n = n_latents(&report);
    assert_eq!(len(&report["latents"]), n * (n - 1) / 2);
    assert_eq!(len(&report["answers"]), n);
    for answer in report["answers"].as_array().unwrap() {
        has(answer, &["from", "total", "direct"]);
    }
    let (_, rows) = csv("influence", &["--value", "mean"]);
    assert_eq!(rows, n * (n - 1) / 2 + 2 * n);
}

#[test]
fn the_lens_follows_the_token_that_is_asked_for() {
    let report = json("lens", &[]);
    let layers = usize::try_from(report["model"]["layers"].as_u64().unwrap()).unwrap();
    has(&report, &["token", "text", "columns", "rows", "inputs"]);
    assert_eq!(len(&report["rows"]), layers);
    for row in report["rows"].as_array().unwrap() {
        assert_eq!(len(&row["cells"]), len(&report["columns"]));
    }
    let by_text = json("lens", &["--token", "12"]);
    let id = by_text["token"].as_u64().unwrap().to_string();
    assert_eq!(json("lens", &["--token-id", &id]), by_text);
    let inputs: usize = report["inputs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|input| len(&input["nearest"]))
        .sum();
    let (_, rows) = csv("lens", &[]);
    assert_eq!(rows, layers * len(&report["columns"]) + inputs);
}

#[test]
fn a_learned_lens_stands_beside_the_plain_one_and_changes_nothing_else() {
    let (mut beside, plain) = (json("lens", &["--learned"]), json("lens", &[]));
    let learned = beside.as_object_mut().unwrap().remove("learned").unwrap();
    assert_eq!(beside, plain);
    has(&learned, &["lens", "tensors_sha256", "held_out", "rows"]);
    for figures in learned["held_out"].as_array().unwrap() {
        has(
            figures,
            &["layer", "n", "learned", "plain", "kl", "selectivity"],
        );
    }
    let n = n_latents(&plain);
    let mut listed = 0;
    for row in learned["rows"].as_array().unwrap() {
        assert_eq!(len(&row["cells"]), n);
        for cell in row["cells"].as_array().unwrap() {
            has(cell, &["latent", "plain", "learned", "top"]);
            assert_eq!(cell["top"][0], cell["learned"]["top"]);
            listed += len(&cell["top"]);
        }
    }
    let (names, rows) = csv("lens", &[]);
    assert_eq!(csv("lens", &["--learned"]), (names, rows + listed));
    let text = on_question("lens", &["--learned", "--ascii"]);
    assert!(text.contains("the bundled lens of mini-math"), "{text}");
    assert!(
        text.is_ascii() && text.lines().all(|line| line.len() <= 80),
        "{text}"
    );
}

#[test]
fn a_lens_is_fitted_written_and_used_with_its_own_weights_alone() {
    let folder = tempdir().unwrap();
    let out = folder.path().join("lens").display().to_string();
    let data = folder.path().join("p.jsonl").display().to_string();
    let made = undertone(&[
        "problems", "generate", "--family", "math", "--n", "120", "--seed", "3", "--split",
        "train", "--out", &data,
    ]);
    assert!(made.status.success());
    let fit = [
        "lens", "fit", "--data", &data, "--out", &out, "--epochs", "2", "--rank", "4",
    ];
    let output = undertone(&[&fit[..], &["--json"]].concat());
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    assert!(err.contains("gold labels"), "progress is shown: {err}");
    let card: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(card["schema"], "undertone.lens-card/1");
    assert_eq!(card["data"], Value::from(data.as_str()));
    assert!(
        card["command"]
            .as_str()
            .unwrap()
            .starts_with("undertone lens fit --data")
    );
    has(
        &card,
        &[
            "model",
            "tensors_sha256",
            "counts",
            "recipe",
            "places",
            "overall",
        ],
    );
    let written = fs::read_to_string(folder.path().join("lens/lens.json")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), card);

    let read = json("lens", &["--learned", &out]);
    assert_eq!(read["learned"]["lens"], Value::from(out.as_str()));
    let ask = ["lens", "--question", QUESTION, "--learned", &out];
    let hash = card["model"]["sha256"].as_str().unwrap();
    refused(&[&ask[..], &["--model", "mini-math-sim"]].concat(), 3, hash);
    refused(&fit, 2, "already exists");
    let fit = [&fit[..], &["--force"]].concat();
    let text = undertone(&[&fit[..], &["--ascii"]].concat());
    let text = String::from_utf8(text.stdout).unwrap();
    assert!(
        text.contains("plain top-1") && text.lines().all(|line| line.len() <= 80),
        "{text}"
    );

    fs::write(folder.path().join("lens/lens.safetensors"), "cut").unwrap();
    refused(&ask, 3, "its maps have sha256");
    let nowhere = folder.path().join("none").display().to_string();
    refused(
        &["lens", "--question", QUESTION, "--learned", &nowhere],
        3,
        "lens.json",
    );
    refused(&[&fit[..], &["--mode", "written"]].concat(), 2, "--mode");
    refused(&[&fit[..], &["--layers", "9"]].concat(), 2, "layer 9");
}

#[test]
fn text_holds_no_control_bytes_and_ascii_is_ascii() {
    let file = tempdir().unwrap();
    let data = file.path().join("h.jsonl");
    let question = "\u{1b}]0;owned\u{7} Tom \u{202e}has 12\u{9b}31m apples.\u{0} How m\u{e9}ny?";
    let row = serde_json::json!({"question": question, "steps": [], "answer": "\u{1b}[2J"});
    fs::write(&data, format!("{row}\n")).unwrap();
    let data = data.display().to_string();
    let ask = ["ablate", "--data", &data, "--index", "0", "--off", "1"];
    for form in ["--text", "--csv", "--json"] {
        let output = undertone(&[&ask[..], &["--value", "zero", form]].concat());
        assert!(output.status.success(), "{form}");
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(
            !text
                .chars()
                .any(|c| c == '\u{202e}' || c.is_control() && c != '\n'),
            "{form}: {text:?}"
        );
    }
    let output = undertone(&[&ask[..], &["--value", "zero", "--ascii"]].concat());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.is_ascii(), "{text}");
    assert!(text.lines().all(|line| line.len() <= 80), "{text}");
}
