//! Regression tests of verdicts: questions and models that once made them claim something false, on the real binary.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::binary::{command, json, undertone};
use serde_json::Value;
use tempfile::tempdir;

fn verdict(model: &str, question: &str) -> Value {
    let args = ["inspect", "--model", model, "--verdict", "--json"];
    let said = json(&[&args[..], &["--question", question]].concat());
    said["verdict"].clone()
}

/// The edited places of the question: first byte, whether the trace rests on it, standing.
fn places(verdict: &Value) -> Vec<(u64, bool, String)> {
    let places = verdict["tracks"]["places"].as_array().unwrap();
    places
        .iter()
        .map(|place| {
            assert!(place["edits"].as_u64() >= Some(3), "{place}");
            (
                place["start"].as_u64().unwrap(),
                place["used"].as_bool().unwrap(),
                place["standing"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

#[test]
fn an_operand_that_stands_twice_is_the_one_that_counts() {
    let v = verdict(
        "mini-math",
        "Tom is 7 years old. Tom has 12 pens. He buys 7 more pens. He gives away 4 pens. How many pens does he have now?",
    );
    assert_eq!(v["rung"], "USED", "{v}");
    let of = |start| (start, start != 7, "holds".to_owned());
    assert_eq!(places(&v), [7, 28, 45, 72].map(of), "the age is a control");
    // With the age as the operand, the same steps match fewer answers to the same edits.
    let (own, rivals) = (
        v["tracks"]["answered"].as_u64().unwrap(),
        &v["tracks"]["rivals"],
    );
    let rivals = rivals.as_array().unwrap();
    assert!(!rivals.is_empty());
    assert!(
        rivals.iter().all(|r| r["answered"].as_u64().unwrap() < own),
        "{v}"
    );
}

#[test]
fn equal_numbers_are_tested_one_by_one() {
    let v = verdict(
        "mini-math",
        "Tom has 12 pens. He buys 7 more pens. He gives away 7 pens. He buys 7 more pens. How many pens does he have now?",
    );
    let found = places(&v);
    assert_eq!(found.len(), 4, "{v}");
    assert!(found.iter().all(|(_, used, _)| *used), "{v}");
    assert!(!v["tracks"]["rivals"].as_array().unwrap().is_empty(), "{v}");
}

#[test]
fn nothing_found_has_no_p_and_contradicting_facts_are_said() {
    let v = verdict(
        "mini-math",
        "Tom has 12 pens. He gives away 12 pens. How many pens does he have now?",
    );
    assert_eq!(
        (&v["rung"], &v["null"]["p_value"]),
        (&Value::from("NONE FOUND"), &Value::Null)
    );
    let v = verdict(
        "mini-logic",
        "Nina is a lurmic. Nina is not a lurmic. Every lurmic is a wibbert. Is Nina a wibbert or tovrin?",
    );
    let note = v["notes"][0].as_str().unwrap();
    assert!(
        note.contains("contradictory") && note.contains("lurmic"),
        "{note}"
    );
}

/// Counts each rung over problems of a model, and how often the content of the latents is needed.
fn rungs(model: &Path, data: Option<&Path>, n: usize) -> (BTreeMap<String, usize>, usize) {
    let home = tempdir().unwrap();
    let out = home.path().join("run");
    let n = n.to_string();
    let mut args = vec!["run", "--model", model.to_str().unwrap(), "--limit", &n];
    args.extend(["--experiments", "verdict", "--out", out.to_str().unwrap()]);
    if let Some(data) = data {
        args.extend(["--data", data.to_str().unwrap()]);
    }
    let output = command(home.path(), &args).output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{err}");
    let (mut rungs, mut needed) = (BTreeMap::new(), 0);
    for line in fs::read_to_string(out.join("rows.jsonl")).unwrap().lines() {
        let row: Value = serde_json::from_str(line).unwrap();
        let verdict = &row["result"]["verdict"];
        if let Some(rung) = verdict["rung"].as_str() {
            *rungs.entry(rung.to_owned()).or_default() += 1;
            needed += usize::from(verdict["necessity"]["needed"] == true);
        }
    }
    (rungs, needed)
}

/// Models with known ground truth, as far as available.
fn planted(name: &str) -> Option<PathBuf> {
    let all = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/cases/verdict/models");
    let model = all.join(name);
    if model.is_dir() {
        return Some(model);
    }
    skipped(&model);
    None
}

#[expect(clippy::print_stderr, reason = "a skipped test must say so")]
fn skipped(model: &Path) {
    eprintln!("SKIPPED: no model at {}", model.display());
}

#[test]
fn a_model_that_copies_its_answer_does_not_use_its_trace() {
    let Some(model) = planted("copy") else { return };
    let (rungs, _) = rungs(&model, Some(&model.join("problems.jsonl")), 60);
    assert_eq!(rungs.get("USED"), None, "{rungs:?}");
}

#[test]
fn a_latent_that_always_says_something_else_first_does_not_track() {
    let Some(model) = planted("shift2") else {
        return;
    };
    let (rungs, _) = rungs(&model, Some(&model.join("problems.jsonl")), 60);
    let of = |rung| rungs.get(rung).copied().unwrap_or(0);
    assert!(of("TRACKS") + of("USED") <= 3, "{rungs:?}");
}

#[test]
fn latents_that_nothing_can_see_are_not_needed() {
    let Some(model) = planted("idle-masked") else {
        return;
    };
    let (rungs, needed) = rungs(&model, None, 60);
    assert!(needed <= 1, "{needed} of {rungs:?}");
}

#[test]
fn verdicts_on_planted_models_are_counted_against_what_is_known_of_them() {
    let folder = tempdir().unwrap();
    let saved = folder.path().join("plants");
    let save = saved.to_str().unwrap();
    let plants = ["calibrate", "uses", "copies", "-n", "3"];
    let sheet = json(&[&plants[..], &["--save", save, "--json"]].concat());
    assert_eq!(sheet["schema"], "undertone.calibrate/1");
    let cells = sheet["cells"].as_array().unwrap();
    assert_eq!(cells.len(), 4, "two plants of two sizes");
    let counts = |list: &Value| -> u64 {
        let list = list.as_array().unwrap().iter();
        list.map(|pair| pair[1].as_u64().unwrap()).sum()
    };
    for cell in cells {
        assert_eq!((&cell["n"], counts(&cell["given"])), (&Value::from(3), 3));
        assert_eq!(counts(&cell["wrong"]), 0, "{cell}");
        assert!(cell["reached"]["hits"].as_u64() >= Some(2), "{cell}");
        let claims = if cell["plant"] == "uses" {
            "USED"
        } else {
            "TRACKS"
        };
        assert_eq!(cell["highest"], claims);
    }
    // The models are ordinary files, and existing ones are not overwritten.
    for file in [
        "config.json",
        "tokenizer.json",
        "model.safetensors",
        "problems.jsonl",
    ] {
        assert!(saved.join("uses-large-0").join(file).is_file(), "{file}");
    }
    let problems = fs::read_to_string(saved.join("uses-small-0/problems.jsonl")).unwrap();
    let problem: Value = serde_json::from_str(problems.lines().next().unwrap()).unwrap();
    let model = saved.join("uses-small-0");
    let asked = ["inspect", "--model", model.to_str().unwrap(), "--json"];
    let said = json(
        &[
            &asked[..],
            &["--question", problem["question"].as_str().unwrap()],
        ]
        .concat(),
    );
    assert_eq!(said["answer"]["value"], problem["answer"]);
    let refused = |args: &[&str], says: &str| {
        let out = undertone(args);
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{error}");
        assert!(error.contains(says), "{error}");
    };
    refused(&[&plants[..], &["--save", save]].concat(), "--force");
    refused(&["calibrate", "nonsense"], "there are uses, noisy");
}
