//! The command line as scripts use it: output, exit codes, hostile input. Runs the real binary on a bundled model.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::binary::{QUESTION, command, has, json, undertone};
use serde_json::Value;
use tempfile::tempdir;

#[test]
fn models_lists_every_bundled_model_with_its_hash() {
    let rows = json(&["models", "--json"]);
    let rows = rows.as_array().unwrap();
    assert_eq!(rows[0]["name"], "mini-math");
    let (bundled, published): (Vec<_>, Vec<_>) =
        rows.iter().partition(|row| row["source"] == "bundled");
    assert!(!bundled.is_empty() && published.len() > 35);
    for row in published {
        assert_eq!(row["source"], "published");
        assert_eq!(row["cached"], false, "{row}");
        has(
            row,
            &["name", "family", "base", "data_set", "accuracy", "note"],
        );
    }
    for row in bundled {
        has(row, &["family", "arch", "parameters", "latents"]);
        assert_eq!(row["sha256"].as_str().unwrap().len(), 64);
        assert!(row["parameters"].as_u64().unwrap() > 100_000);
    }
}

#[test]
fn inspect_follows_its_schema_and_adds_effect_only_when_something_is_off() {
    let report = json(&["inspect", "--question", QUESTION, "--verdict", "--json"]);
    assert_eq!(report["schema"], "undertone.inspect/1");
    has(
        &report["model"],
        &[
            "name",
            "family",
            "arch",
            "n_latents",
            "dtype",
            "device",
            "sha256",
        ],
    );
    has(
        &report,
        &[
            "question",
            "input_ids",
            "latents",
            "answer",
            "early_exit",
            "verdict",
        ],
    );
    let n = report["model"]["n_latents"].as_u64().unwrap();
    assert_eq!(report["latents"].as_array().unwrap().len() as u64, n);
    assert_eq!(report["early_exit"].as_array().unwrap().len() as u64, n + 1);
    for (i, latent) in report["latents"].as_array().unwrap().iter().enumerate() {
        assert_eq!(latent["index"], i + 1);
        assert_eq!(latent["on"], true);
        assert!(latent["norm"].as_f64().unwrap() > 0.0);
        let top = latent["top"].as_array().unwrap();
        assert_eq!(top.len(), 10);
        has(&top[0], &["id", "text", "logit", "prob"]);
        let probs: Vec<f64> = top.iter().map(|t| t["prob"].as_f64().unwrap()).collect();
        assert!(probs.windows(2).all(|w| w[0] >= w[1]) && probs.iter().sum::<f64>() <= 1.0 + 1e-6);
        has(&latent["phrases"][0], &["text", "logprob", "lift"]);
    }
    has(
        &report["answer"],
        &["ids", "text", "value", "logprob", "correct"],
    );
    assert_eq!(
        report["answer"]["correct"],
        Value::Null,
        "a typed question has no gold answer"
    );
    let verdict = &report["verdict"];
    has(
        verdict,
        &[
            "rung",
            "steps",
            "candidates",
            "p_value",
            "null_n",
            "answer_without_latents",
        ],
    );
    assert!(verdict["null_n"].as_u64().unwrap() >= 200);
    assert!(report.get("effect").is_none() && report.get("clean_answer").is_none());

    for value in ["resample", "mean", "zero", "skip"] {
        let off = json(&[
            "inspect",
            "--question",
            QUESTION,
            "--off",
            "2",
            "--value",
            value,
            "--json",
        ]);
        let effect = &off["effect"];
        has(effect, &["flipped", "delta_logprob", "kl", "relative_size"]);
        assert!(effect["sham_max_diff"].as_f64().unwrap() <= 1e-3, "{value}");
        assert_eq!(effect["relative_size"].is_null(), value == "skip");
        assert_eq!(effect["donors"].is_null(), value != "resample");
        assert_eq!(off["latents"][1]["on"], false);
        assert_eq!(
            off["clean_answer"], report["answer"],
            "the clean run does not depend on what is off"
        );
    }
}

#[test]
fn the_same_request_gives_the_same_bytes() {
    let args = [
        "inspect",
        "--question",
        QUESTION,
        "--off",
        "all",
        "--verdict",
        "--json",
    ];
    assert_eq!(undertone(&args).stdout, undertone(&args).stdout);
}

#[test]
fn words_that_the_vocabulary_lacks_are_named() {
    let report = json(&[
        "inspect",
        "--question",
        "Tom has 12 zeppelins. How many does Tom have?",
        "--json",
    ]);
    assert_eq!(report["unknown_words"], serde_json::json!(["zeppelins"]));
}

#[test]
fn generated_problems_are_reproducible_and_feed_inspect_and_eval() {
    let folder = tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (first, second) = (path("a.jsonl"), path("b.jsonl"));
    for out in [&first, &second] {
        let args = [
            "problems", "generate", "--family", "math", "--n", "12", "--seed", "3", "--out", out,
        ];
        assert!(undertone(&args).status.success());
    }
    assert_eq!(fs::read(&first).unwrap(), fs::read(&second).unwrap());
    let report = json(&["inspect", "--data", &first, "--index", "11", "--json"]);
    assert!(report["answer"]["correct"].is_boolean());
    let eval = json(&[
        "eval",
        "--model",
        "mini-math",
        "--data",
        &first,
        "--verdicts",
        "3",
        "--json",
    ]);
    assert_eq!(eval["schema"], "undertone.eval/1");
    for mode in [
        "latent",
        "no_latents",
        "verbalised",
        "off_zero",
        "off_resample",
    ] {
        assert_eq!(eval["modes"][mode]["n"], 12, "{mode}");
        has(&eval["modes"][mode], &["accuracy", "ci95"]);
    }
    assert_eq!(
        eval["modes"]["direct"],
        Value::Null,
        "mini-math has no direct mode"
    );
    let by_steps: u64 = eval["by_steps"]
        .as_object()
        .unwrap()
        .values()
        .map(|m| m["latent"]["n"].as_u64().unwrap())
        .sum();
    assert_eq!(by_steps, 12);
    assert_eq!(eval["evidence"]["n"], 3);
}

#[test]
fn errors_name_the_cause_and_the_next_step_and_have_their_exit_codes() {
    let folder = tempdir().unwrap();
    let torn = folder.path().join("torn.jsonl");
    fs::write(
        &torn,
        "{\"question\": \"a\", \"steps\": [], \"answer\": \"1\"}\n{\"question\": ",
    )
    .unwrap();
    let torn = torn.display().to_string();
    let table: &[(&[&str], i32, &str)] = &[
        (
            &[
                "inspect",
                "--question",
                QUESTION,
                "--model",
                "no-such-model",
            ],
            2,
            "no-such-model",
        ),
        (
            &["inspect", "--question", QUESTION, "--off", "9"],
            2,
            "latent 9",
        ),
        (&["inspect", "--question", ""], 2, ""),
        (
            &["inspect", "--data", &torn, "--index", "0"],
            3,
            "torn.jsonl",
        ),
        (
            &["inspect", "--data", "/no/such/file.jsonl", "--index", "0"],
            3,
            "/no/such/file.jsonl",
        ),
        (
            &["export", "/no/such/session", "--format", "md"],
            3,
            "/no/such/session",
        ),
        (&["eval", "--device", "cuda", "--n", "1"], 3, "cuda"),
        (&["dance"], 2, "dance"),
    ];
    for (args, code, names) in table {
        let output = undertone(args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {said}");
        assert!(said.contains(names), "{args:?}: {said}");
        assert!(!said.contains("panicked"), "{args:?}: {said}");
    }
}

#[test]
fn bad_checkpoints_are_refused_with_the_file_and_the_next_step() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("page.bin"), "<!DOCTYPE html><html>404</html>").unwrap();
    fs::write(at("huge.safetensors"), [0xff_u8; 64]).unwrap();
    fs::write(at("run.pt"), "cos\nsystem\n(S'touch ran'\ntR.").unwrap();
    for (name, says) in [
        ("page.bin", "web page"),
        ("huge.safetensors", "header"),
        ("run.pt", "never run"),
    ] {
        let path = at(name).display().to_string();
        let args = ["inspect", "--question", QUESTION, "--model", &path];
        let output = undertone(&args);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(3), "{name}: {said}");
        assert!(output.stdout.is_empty(), "{name}");
        let error = said.lines().find(|line| line.starts_with("error: "));
        assert!(
            error.is_some_and(|line| line.contains(name) && line.contains(says)),
            "{name}: {said}"
        );
        assert!(said.contains("\nhint: "), "{name}: {said}");
        assert!(!said.contains("panicked"), "{name}: {said}");
    }
    assert!(!at("ran").exists() && !Path::new("ran").exists());

    // A merge longer than every word, on which the tokenizer library panics.
    let merge = r#"{"version":"1.0","added_tokens":[],"model":{"type":"BPE","vocab":{"a":0,"b":1},"merges":[["a","b"]]}}"#;
    fs::write(at("bad-merge.json"), merge).unwrap();
    let path = at("bad-merge.json").display().to_string();
    let model = ["--model", "mini-math", "--tokenizer", &path];
    let output = undertone(&[&["inspect", "--question", QUESTION], &model[..]].concat());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    assert!(said.contains("bad-merge.json"), "{said}");
    assert!(
        said.contains("\nhint: ") && !said.contains("panicked"),
        "{said}"
    );
}

#[test]
fn check_says_by_its_exit_code_whether_the_verdict_is_sound() {
    let args = ["inspect", "--verdict", "--check", "--json", "--question"];
    let with = |question| undertone(&[&args[..], &[question]].concat());
    let sound = with(QUESTION);
    let report: Value = serde_json::from_slice(&sound.stdout).unwrap();
    let rung = report["verdict"]["rung"].as_str().unwrap();
    let stands = ["PRESENT", "TRACKS", "USED"].contains(&rung);
    assert_eq!(sound.status.code(), Some(i32::from(!stands)), "{rung}");
    let unsound = with("Tom has zeppelins. How many zeppelins does Tom have?");
    assert_eq!(
        unsound.status.code(),
        Some(1),
        "nothing can be verified without a number"
    );
}

#[test]
fn a_pipe_gets_no_escape_bytes_whatever_is_asked() {
    let hostile = "\u{1b}]0;owned\u{7} Tom \u{202e}has 12\u{9b}31m apples.\u{0} How many?";
    let file = tempdir().unwrap();
    let data = file.path().join("h.jsonl");
    let row = serde_json::json!({"question": hostile, "steps": [], "answer": "\u{1b}[2J"});
    fs::write(&data, format!("{row}\n")).unwrap();
    let data = data.display().to_string();
    for args in [
        &["inspect", "--data", &data, "--index", "0", "--verdict"][..],
        &[
            "inspect",
            "--question",
            QUESTION,
            "--model",
            "\u{1b}[31mred",
        ],
        &["\u{1b}[31mred"],
        &["--data", &data],
        &[],
        &["keys"],
        &["models"],
    ] {
        let output = undertone(args);
        let both = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&both).into_owned();
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{args:?}: {text:?}"
        );
        assert!(!both.is_empty(), "{args:?}");
    }
}

#[test]
fn without_a_terminal_the_explorer_is_a_report() {
    let output = undertone(&[]);
    assert_eq!(output.status.code(), Some(0));
    let text = String::from_utf8(output.stdout).unwrap();
    for part in ["mini-math", "latent 1", "answer", "verdict"] {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}

#[test]
fn a_closed_pipe_is_no_error() {
    let home = tempdir().unwrap();
    let mut child = command(home.path(), &["inspect", "--question", QUESTION])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn sample_runs_open_and_export_without_a_model() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("sample_runs");
    let mut n = 0;
    for entry in fs::read_dir(samples).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|e| e != "jsonl") {
            continue;
        }
        n += 1;
        let file = path.display().to_string();
        let exported = json(&["export", &file, "--format", "json"]);
        assert_eq!(exported["schema"], "undertone.export/1", "{file}");
        let report = undertone(&["open", &file]);
        assert!(report.status.success(), "{file}");
        let text = String::from_utf8(report.stdout).unwrap();
        assert!(text.contains("##"), "{file} has a Markdown report");
    }
    assert!(n >= 4, "there are {n} sample runs");
}

/// Runs the binary with this standard input.
fn piped(args: &[&str], input: &[u8]) -> std::process::Output {
    let home = tempdir().unwrap();
    let mut child = command(home.path(), args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The program closes its end once it has read enough.
    let _ = std::io::Write::write_all(&mut stdin, input);
    drop(stdin);
    child.wait_with_output().unwrap()
}

#[test]
fn a_question_on_standard_input_is_answered() {
    let output = piped(&[], format!("  {QUESTION}\n").as_bytes());
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().nth(2), Some(QUESTION), "{text}");
    assert!(
        text.contains("verdict") && !text.contains("correct"),
        "{text}"
    );
    // Empty input is no question; blanks are an empty question.
    let first = String::from_utf8(undertone(&[]).stdout).unwrap();
    assert_eq!(String::from_utf8(piped(&[], b"").stdout).unwrap(), first);
    let long = vec![b'x'; 2 << 20];
    for (input, code, says) in [
        (
            b" \n\n".as_slice(),
            2,
            "the question on standard input is empty",
        ),
        (&long, 3, "exceeds the limit of 1 MiB"),
        ([0xff, 0xfe, b'\n'].as_slice(), 3, "not UTF-8"),
    ] {
        let output = piped(&[], input);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(code), "{err}");
        assert!(err.contains(says) && err.contains("hint: "), "{err}");
        assert!(output.stdout.is_empty());
    }
    // A file of problems takes precedence over standard input.
    let folder = tempdir().unwrap();
    let data = folder.path().join("two.jsonl");
    let rows = "{\"question\":\"Mia has 3 shells and finds 4 more. How many shells?\",\"steps\":[],\"answer\":\"7\"}\n".repeat(2);
    fs::write(&data, rows).unwrap();
    let data = data.to_str().unwrap();
    let output = piped(&["--data", data, "--index", "1"], QUESTION.as_bytes());
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.contains("Mia has 3 shells"), "{text}");
    for args in [
        &["--data", data, "--index", "2"][..],
        &["inspect", "--data", data, "--index", "2"],
        &["ablate", "--data", data, "--index", "2", "--off", "1"],
    ] {
        let output = piped(args, b"");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{err}");
        assert!(
            err.contains("there is no problem 2") && err.contains("--index from 0 to 1"),
            "{err}"
        );
    }
    let output = piped(&["--index", "0"], b"");
    assert_eq!(output.status.code(), Some(2), "an index of what?");
    assert!(String::from_utf8_lossy(&output.stderr).contains("--data"));
}

#[test]
fn what_is_out_of_range_or_misspelt_is_said_with_what_there_is() {
    let table: [(&[&str], &[&str]); 9] = [
        (
            &["inspect", "--question", QUESTION, "--model", "mini-mathh"],
            &[
                "no model called \"mini-mathh\"",
                "did you mean mini-math?",
                "bundled",
            ],
        ),
        (
            &["eval", "--model", "CODI-gpt2"],
            &["did you mean zen-E/CODI-gpt2?"],
        ),
        (
            &[
                "ablate",
                "--question",
                QUESTION,
                "--off",
                "1",
                "--value",
                "donor",
                "--donor",
                "999",
            ],
            &["no problem 999", "name a donor from 0 to 255"],
        ),
        (
            &[
                "sweep",
                "--question",
                QUESTION,
                "--values",
                "donor",
                "--donor",
                "999",
            ],
            &["no problem 999", "name a donor from 0 to 255"],
        ),
        (
            &[
                "lattice",
                "--question",
                QUESTION,
                "--value",
                "donor",
                "--donor",
                "0/99",
            ],
            &[
                "problem 0 of the reference set has no latent 99",
                "from 1 to",
            ],
        ),
        (
            &[
                "influence",
                "--question",
                QUESTION,
                "--value",
                "donor",
                "--donor",
                "256",
            ],
            &["no problem 256", "name a donor from 0 to 255"],
        ),
        (&["ablate", "--question", QUESTION, "--off", "99"], &["99"]),
        (
            &["inspect", "--question", " "],
            &["the question is empty", "at least one word"],
        ),
        (
            &[
                "inspect",
                "--question",
                QUESTION,
                "--model",
                "mini-logic",
                "--mode",
                "direct",
            ],
            &[
                "was not trained in direct mode",
                "a mode that it was trained in: latent, written",
            ],
        ),
    ];
    for (args, says) in table {
        let output = undertone(args);
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {err}");
        for say in says {
            assert!(err.contains(say), "{args:?}: {err} does not say {say:?}");
        }
        assert!(!err.contains("the request"), "{err}");
    }
}

#[test]
fn the_help_names_the_folders_of_this_machine() {
    let home = tempdir().unwrap();
    let state = home.path().join("st\u{1b}ate");
    let output = command(home.path(), &["--help"])
        .env("UNDERTONE_STATE_DIR", &state)
        .output()
        .unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    assert!(
        help.contains("st␛ate/undertone.log") && help.contains("st␛ate/recovery"),
        "{help}"
    );
    assert!(help.contains("undertone/runs"), "{help}");
}

#[cfg(target_os = "linux")]
#[test]
fn help_on_a_full_device_is_an_error_with_a_reason() {
    for arg in ["--help", "--version", "keys"] {
        let home = tempdir().unwrap();
        let full = fs::File::options().write(true).open("/dev/full").unwrap();
        let output = command(home.path(), &[arg]).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arg}");
        let err = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            err.starts_with("error: cannot write the output"),
            "{arg}: {err}"
        );
    }
}

#[test]
fn too_many_draws_and_strategies_that_cannot_read_the_model_are_named() {
    let ask = ["--question", QUESTION];
    for value in ["noise", "permute"] {
        let args = ["ablate", "--off", "1-2", "--donors", "4000000000"];
        let out = undertone(&[&args[..], &["--value", value], &ask].concat());
        let error = String::from_utf8_lossy(&out.stderr).into_owned();
        assert_eq!(out.status.code(), Some(2), "{value}: {error}");
        assert!(error.contains("ask for 10000 at most"), "{error}");
    }
    let args = ["inspect", "--verdict", "--json", "--strategies"];
    let of = |strategy| json(&[&args[..], &[strategy], &ask].concat())["verdict"].clone();
    let unread = of("before99-5");
    assert_eq!(unread["rung"], "ABSTAIN", "{unread}");
    let reason = unread["reason"].as_str().unwrap();
    assert!(reason.contains("No requested strategy"), "{reason}");
    // A search that found nothing has no p-value.
    let said = of("projection-5");
    for tried in said["tried"].as_array().unwrap() {
        let found = tried["traces"].as_u64() > Some(0);
        assert_eq!(tried["null"]["p_value"].is_number(), found, "{tried}");
    }
    let out = undertone(&["calibrate", "-n", "18446744073709551615"]);
    assert_eq!(out.status.code(), Some(2));
}

#[test]
fn what_a_figure_does_not_rest_on_is_said() {
    let ask = ["ablate", "--off", "1", "--question", QUESTION];
    // A single donor gives no interval; requesting more donors than exist is reported.
    let one = json(&[&ask[..], &["--donors", "1", "--json"]].concat());
    let donors = &one["outcomes"][0]["effect"]["donors"];
    assert!(
        donors["delta_logprob_ci95"].is_null() && donors["n"] == 1,
        "{donors}"
    );
    let said = undertone(&[&ask[..], &["--donors", "300"]].concat()).stdout;
    let said = String::from_utf8_lossy(&said).into_owned();
    let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        said.contains("300 donors were requested, but the reference set has 256"),
        "{said}"
    );
    // Donors from questions that the model cannot read.
    let home = tempdir().unwrap();
    let file = home.path().join("problems.jsonl");
    let lines = (0..20).map(|n| format!(r#"{{"question": "Tom has {n} zeppelins and buys 3 apples. How many?", "answer": "{}"}}"#, n + 3) + "\n");
    fs::write(&file, lines.collect::<String>()).unwrap();
    let file = file.to_str().unwrap();
    let blind = json(&[&ask[..], &["--donors", "4", "--reference", file, "--json"]].concat());
    let warning = blind["reference_warning"].as_str().unwrap();
    assert_eq!(
        warning,
        "20 of 20 reference problems contain words outside the model's vocabulary"
    );
    // A sign that is not read.
    let signed = "Tom has -3 apples. He buys 8 apples. How many apples does Tom have?";
    let verdict =
        json(&["inspect", "--verdict", "--json", "--question", signed])["verdict"].clone();
    let notes = verdict["notes"].to_string();
    assert!(
        notes.contains("is not read: no trace starts from a negative number"),
        "{verdict}"
    );
}
