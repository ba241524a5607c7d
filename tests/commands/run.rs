//! `undertone run` and `merge` as scripts use them: killed at random moments and continued, in shards, with other job counts, on a
//! prepared set, stopped by a signal. Runs the real binary on bundled models.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::binary::{command, signal, wait};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use serde_json::Value;
use tempfile::tempdir;
use undertone::lab::rows::FILE;

/// Runs some problems into a folder.
fn run(home: &Path, out: &Path, rest: &[&str]) -> std::process::Command {
    let out = out.to_str().unwrap();
    command(home, &[&["run", "--out", out], rest].concat())
}

fn done(mut command: std::process::Command) -> String {
    let output = command.output().unwrap();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{command:?}: {err}");
    String::from_utf8_lossy(&output.stdout).into_owned() + &err
}

fn rows(folder: &Path) -> Vec<u8> {
    fs::read(folder.join(FILE)).unwrap_or_default()
}

fn parsed(folder: &Path) -> Vec<Value> {
    let text = String::from_utf8(rows(folder)).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

const FEW: [&str; 4] = [
    "--limit",
    "12",
    "--experiments",
    "accuracy,early-stopping,ablation",
];

#[test]
fn a_run_killed_at_twenty_moments_ends_as_an_undisturbed_one() {
    let folder = tempdir().unwrap();
    let (home, whole, torn) = (
        folder.path(),
        folder.path().join("whole"),
        folder.path().join("torn"),
    );
    done(run(home, &whole, &FEW));
    let expected = rows(&whole);
    let mut random = ChaCha8Rng::seed_from_u64(6);
    let mut killed = 0;
    for moment in 0..20 {
        let at = random.random_range(0..expected.len());
        // Small pieces and large ones: killed while the file is short, then while it is longer.
        let at = at * (moment + 1) / 20;
        let mut child = run(home, &torn, &FEW)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        wait("rows", || {
            rows(&torn).len() >= at || child.try_wait().unwrap().is_some()
        });
        child.kill().unwrap();
        killed += usize::from(!child.wait().unwrap().success());
        let there = rows(&torn);
        let whole_lines = there
            .iter()
            .rposition(|b| *b == b'\n')
            .map_or(0, |at| at + 1);
        assert_eq!(
            there[..whole_lines],
            expected[..whole_lines],
            "moment {moment}"
        );
    }
    assert!(killed >= 10, "only {killed} runs were killed");
    // A line cut in the middle, as a full disk leaves it.
    let there = rows(&torn);
    let cut = if there.len() == expected.len() {
        there.len() - 7
    } else {
        there.len()
    };
    fs::write(
        torn.join(FILE),
        [&there[..cut], &b"{\"index\":"[..]].concat(),
    )
    .unwrap();
    let said = done(run(home, &torn, &FEW));
    assert!(said.contains("was cut short"), "{said}");
    assert_eq!(rows(&torn), expected);
    let said = done(run(home, &torn, &FEW));
    assert!(said.contains("12 were there, 0 computed"), "{said}");
    assert_eq!(rows(&torn), expected);
}

#[test]
fn shards_merged_are_the_single_run_whatever_the_jobs() {
    let folder = tempdir().unwrap();
    let home = folder.path();
    let all = ["--limit", "10", "--batch", "2", "--model", "mini-math"];
    let single = home.join("single");
    done(run(home, &single, &[&all[..], &["--jobs", "1"]].concat()));
    let two = home.join("two");
    done(run(home, &two, &[&all[..], &["--jobs", "2"]].concat()));
    assert_eq!(rows(&single), rows(&two));
    let mut args = vec!["merge".to_owned(), "--out".to_owned()];
    args.push(home.join("merged").display().to_string());
    for shard in 1..=4 {
        let out = home.join(format!("shard{shard}"));
        let name = format!("{shard}/4");
        done(run(home, &out, &[&all[..], &["--shard", &name]].concat()));
        args.push(out.display().to_string());
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    done(command(home, &args));
    assert_eq!(rows(&home.join("merged")), rows(&single));
    let missing = command(home, &args[..5]).output().unwrap();
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn every_experiment_has_its_row_and_the_paper_s_verifier_runs() {
    let folder = tempdir().unwrap();
    let home = folder.path();
    for (model, mode) in [
        ("mini-math", "paper"),
        ("mini-logic", "paper"),
        ("mini-logic", "default"),
    ] {
        let out = home.join(format!("{model}-{mode}"));
        done(run(
            home,
            &out,
            &["--model", model, "--mode", mode, "--limit", "4"],
        ));
        let lines = parsed(&out);
        let (header, rows) = lines.split_first().unwrap();
        assert_eq!(header["schema"], "undertone.rows/1");
        assert_eq!(header["settings"]["mode"], mode);
        assert_eq!(
            header["settings"]["top_k"],
            if mode == "paper" { 10 } else { 5 }
        );
        assert_eq!(rows.len(), 4 * 7);
        let names = [
            "problem",
            "accuracy",
            "early-stopping",
            "ablation",
            "backtracking",
            "forward-chaining",
            "verdict",
        ];
        for (i, row) in rows.iter().enumerate() {
            assert_eq!(row["index"], i / 7);
            assert_eq!(row["experiment"], names[i % 7]);
            let refused = !row["refused"].is_null();
            assert_eq!(row["result"].is_null(), refused, "{row}");
            let chaining = row["experiment"] == "forward-chaining";
            let not_defined = model == "mini-logic" && mode == "paper" && chaining;
            assert_eq!(refused, not_defined, "{row}");
            if chaining && model == "mini-math" {
                let required = row["result"]["required"].as_array().unwrap();
                assert_eq!(required.len(), 3);
                // Requiring more edits can only verify fewer of the same traces.
                let verified: Vec<bool> = required.iter().map(|r| r["verified"] == true).collect();
                assert!(verified[0] || !verified[2], "{row}");
                assert!(row["result"]["rewrite"]["question"].is_string());
            }
        }
    }
}

#[test]
fn a_prepared_set_with_other_solutions_goes_through_every_experiment() {
    let folder = tempdir().unwrap();
    let home = folder.path();
    let raw = home.join("raw.jsonl");
    let args = [
        "problems",
        "generate",
        "--family",
        "math",
        "--n",
        "30",
        "--seed",
        "3",
        "--out",
        raw.to_str().unwrap(),
    ];
    done(command(home, &args));
    let tokenizer = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/models/mini-math");
    let sets = home.join("sets");
    let args = [
        "data",
        "prepare",
        "gsm8k",
        "--raw",
        raw.to_str().unwrap(),
        "--tokenizer",
        tokenizer,
        "--out",
        sets.to_str().unwrap(),
        "--json",
    ];
    let said = done(command(home, &args));
    let manifest: Value = serde_json::from_str(&said).unwrap();
    for set in [
        "original",
        "valid_gold_reasoning_trace",
        "vocab_projection_friendly",
    ] {
        let file = sets.join(manifest[set]["file"].as_str().unwrap());
        let out = home.join(set);
        done(run(
            home,
            &out,
            &[
                "--data",
                file.to_str().unwrap(),
                "--limit",
                "3",
                "--mode",
                "paper",
            ],
        ));
        let lines = parsed(&out);
        assert_eq!(lines[0]["data"]["n"].as_u64(), Some(3), "{set}");
        assert!(
            lines[1..].iter().all(|row| row["refused"].is_null()),
            "{set}"
        );
    }
}

#[test]
fn a_control_of_shuffled_weights_knows_nothing_and_says_what_it_is() {
    let folder = tempdir().unwrap();
    let home = folder.path();
    let own = home.join("own");
    let control = home.join("control");
    let what = ["--limit", "8", "--experiments", "accuracy,verdict"];
    done(run(home, &own, &what));
    done(run(
        home,
        &control,
        &[&what[..], &["--control", "random-weights"]].concat(),
    ));
    let (own, control) = (parsed(&own), parsed(&control));
    assert_eq!(control[0]["control"], "random-weights");
    assert_ne!(control[0]["model"]["sha256"], own[0]["model"]["sha256"]);
    let right = |rows: &[Value]| rows.iter().filter(|row| row["correct"] == true).count();
    assert!(
        right(&own) > right(&control),
        "{} {}",
        right(&own),
        right(&control)
    );
    let rung = |row: &Value| row["result"]["verdict"]["rung"].as_str().map(str::to_owned);
    assert!(
        control
            .iter()
            .filter_map(rung)
            .all(|rung| rung != "USED" && rung != "TRACKS")
    );
}

#[cfg(unix)]
#[test]
fn an_interrupt_finishes_the_batch_in_hand() {
    let folder = tempdir().unwrap();
    let (home, out) = (folder.path(), folder.path().join("out"));
    let args = [
        "--limit",
        "500",
        "--jobs",
        "1",
        "--batch",
        "2",
        "--experiments",
        "accuracy,early-stopping,ablation",
    ];
    let mut child = run(home, &out, &args)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait("rows", || {
        rows(&out).len() >= 20_000 || child.try_wait().unwrap().is_some()
    });
    signal("INT", child.id());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("resumes from here"), "{said}");
    let lines = parsed(&out);
    assert_eq!(
        (lines.len() - 1) % 8,
        0,
        "whole batches of two problems and four rows each"
    );
}

#[test]
fn what_cannot_be_run_is_said_in_one_error() {
    let folder = tempdir().unwrap();
    let (home, out) = (folder.path(), folder.path().join("out"));
    let refused = |rest: &[&str], code: i32, says: &str| {
        let output = run(home, &out, rest).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(says), "{err}");
    };
    refused(&["--shard", "5/4"], 2, "5/4");
    refused(&["--data", "/nowhere.jsonl"], 3, "nowhere.jsonl");
    refused(&["--experiments", "magic"], 2, "magic");
    done(run(
        home,
        &out,
        &["--limit", "2", "--experiments", "accuracy"],
    ));
    refused(
        &["--limit", "3", "--experiments", "accuracy"],
        2,
        "data.sha256",
    );
    refused(
        &["--limit", "2", "--experiments", "accuracy", "--seed", "1"],
        2,
        "holds another run",
    );
    refused(
        &[
            "--limit",
            "2",
            "--experiments",
            "accuracy",
            "--dtype",
            "q8_0",
            "--control",
            "random-weights",
        ],
        3,
        "cannot be quantized",
    );
    fs::write(out.join(FILE), "[]\n").unwrap();
    refused(&["--limit", "2", "--experiments", "accuracy"], 3, "line 1");
}

/// Runs the documented cluster scripts as written, where their engine is installed.
#[cfg(unix)]
#[test]
fn the_scripts_for_clusters_make_the_single_run() {
    let folder = tempdir().unwrap();
    let home = folder.path();
    let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/cluster");
    let what = [
        "--model",
        "mini-math",
        "--limit",
        "6",
        "--experiments",
        "accuracy",
    ];
    let single = home.join("single");
    done(run(home, &single, &what));
    let at = |program: &str, args: &[&str]| {
        // The environment of the binary, for a script that calls it.
        let binary = command(home, &[]);
        let mut script = std::process::Command::new(program);
        for (name, value) in binary.get_envs() {
            match value {
                Some(value) => script.env(name, value),
                None => script.env_remove(name),
            };
        }
        script
            .env("UNDERTONE", binary.get_program())
            .args(args)
            .args(what);
        script
    };
    let slurm = home.join("slurm");
    for task in ["1", "2"] {
        let script = scripts.join("slurm.sh");
        let mut script = at("bash", &[script.to_str().unwrap(), slurm.to_str().unwrap()]);
        script
            .env("SLURM_ARRAY_TASK_ID", task)
            .env("SLURM_ARRAY_TASK_COUNT", "2");
        done(script);
    }
    let [one, two, whole] = ["shard-0001", "shard-0002", "whole"].map(|name| slurm.join(name));
    let folders = [&one, &two, &whole].map(|path| path.to_str().unwrap());
    done(command(
        home,
        &["merge", folders[0], folders[1], "--out", folders[2]],
    ));
    assert_eq!(rows(&whole), rows(&single));
    let engines: [(&str, &[&str], &str, &str); 2] = [
        ("parallel", &["--version"], "bash", "parallel.sh"),
        ("python3", &["-c", "import ray"], "python3", "ray_shards.py"),
    ];
    for (engine, probe, program, script) in engines {
        let there = std::process::Command::new(engine).args(probe).output();
        if !there.is_ok_and(|output| output.status.success()) {
            let line = format!("skipped: no {engine} {}\n", probe.join(" "));
            _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
            continue;
        }
        let out = home.join(engine);
        let path = scripts.join(script);
        done(at(
            program,
            &[path.to_str().unwrap(), "2", out.to_str().unwrap()],
        ));
        assert_eq!(rows(&out.join("whole")), rows(&single), "{script}");
    }
}
