//! `undertone data prepare gsm8k` on the command line, and data files of every format where `--data` is accepted. Runs the real binary;
//! its tokenizer is a bundled model's, which reads whole words.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use crate::binary::{command, undertone};
use serde_json::{Value, json};
use tempfile::{TempDir, tempdir};

const RAW: &str = "\u{feff}Ann has 3 pens and 4 caps . ||<<3+4=7>> #### 7\r\n\
     \r\n\
     Bob has 9 cups . ||  ## 9\r\n\
     Eve has 5 hats and 5 bags . ||<<5+5=10>> #### 10\n\
     Tim has 6 of 8 . ||<<8-6=2>> <<2*2=4>> #### 5\n\
     Una has 8 and half of 6 . ||<<6/2=3>> <<8+3=11>> #### 11\n";

struct Work {
    folder: TempDir,
}

impl Work {
    fn new() -> Self {
        let work = Self {
            folder: tempdir().unwrap(),
        };
        fs::write(work.path("test.txt"), RAW).unwrap();
        // A tokenizer with one token per word, so that each number is one token.
        let words = json!({
            "version": "1.0",
            "pre_tokenizer": {"type": "Whitespace"},
            "model": {"type": "WordLevel", "vocab": {"[UNK]": 0}, "unk_token": "[UNK]"}
        });
        fs::create_dir(work.path("words")).unwrap();
        fs::write(work.path("words/tokenizer.json"), words.to_string()).unwrap();
        // A tokenizer with one token per character, so that only digits are single tokens.
        let mut letters = words;
        letters["pre_tokenizer"] = json!({"type": "Split", "pattern": {"Regex": "."}, "behavior": "Isolated", "invert": false});
        fs::write(work.path("letters.json"), letters.to_string()).unwrap();
        work
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }

    fn json(&self, name: &str) -> Value {
        serde_json::from_slice(&fs::read(self.path(name)).unwrap()).unwrap()
    }

    fn prepare(&self, tokenizers: &str, more: &[&str]) -> Output {
        let tokenizers: Vec<String> = tokenizers.split(',').map(|name| self.text(name)).collect();
        let (raw, out) = (self.text("test.txt"), self.text("out"));
        let tokenizers = tokenizers.join(",");
        let args = [
            "data",
            "prepare",
            "gsm8k",
            "--raw",
            &raw,
            "--tokenizer",
            &tokenizers,
            "--out",
            &out,
            // Some tests prepare again with other options.
            "--force",
        ];
        undertone(&[&args, more].concat())
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn questions(rows: &Value) -> Vec<&str> {
    let rows = rows.as_array().unwrap();
    rows.iter()
        .map(|row| row["question"].as_str().unwrap())
        .collect()
}

#[test]
fn the_sets_the_templates_and_the_manifest_are_written() {
    let work = Work::new();
    let output = work.prepare("words", &["--json"]);
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        said(&output)
    );
    let original = work.json("out/gsm_original_test.json");
    assert_eq!(original.as_array().unwrap().len(), 5);
    assert_eq!(
        original[1],
        json!({"question": "Bob has 9 cups . ", "steps": [""], "answer": "9"}),
        "as published: the question keeps its space, and no steps are one empty step"
    );
    let valid = work.json("out/gsm_valid-gold-reasoning-trace_test.json");
    assert_eq!(valid.as_array().unwrap().len(), 3);
    assert_eq!(valid[0]["gen_solutions"], Value::Null);
    let friendly = work.json("out/gsm_vocab-projection-friendly_test.json");
    let last = ["Ann has 3 pens and 4 caps . ", "Una has 8 and half of 6 . "];
    assert_eq!(questions(&friendly), last);
    let templates = work.json("out/gsm_templates.json");
    assert_eq!(
        templates[1]["template_question"],
        "Una has VAR_1 and VAR_2 of VAR_3 . "
    );
    assert_eq!(templates[1]["original_question"], last[1]);
    assert_eq!(
        templates[1]["variables"],
        json!({"VAR_1": 8, "VAR_2": 2, "VAR_3": 6})
    );
    assert_eq!(
        templates[1]["var_metadata"],
        json!({"VAR_2": {"word_type": "divisor", "original_text": "half"}})
    );

    let manifest = work.json("out/gsm_manifest.json");
    let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(printed, manifest);
    assert_eq!(
        (&manifest["schema"], &manifest["behaviour"]),
        (&json!("undertone.data/1"), &json!("reference"))
    );
    assert_eq!(manifest["tokenizers"][0]["file"], "words/tokenizer.json");
    assert_eq!(manifest["raw"]["file"], "test.txt");
    let valid = &manifest["valid_gold_reasoning_trace"];
    assert_eq!((&valid["rows"], &valid["dropped"]), (&json!(3), &json!(2)));
    assert_eq!(valid["blank_steps"], json!({"rows": 1, "first": 1}));
    assert_eq!(valid["other_result"], json!({"rows": 2, "first": 1}));
    assert_eq!(
        manifest["vocab_projection_friendly"]["repeated_value"],
        json!({"rows": 1, "first": 1})
    );
    assert_eq!(manifest["templates"]["rows"], 2);
    for hash in [
        &manifest["raw"],
        &manifest["original"],
        &manifest["templates"],
    ] {
        assert_eq!(hash["sha256"].as_str().unwrap().len(), 64);
    }
}

#[test]
fn every_tokenizer_has_to_agree_and_the_result_is_the_same_anywhere() {
    let (work, other) = (Work::new(), Work::new());
    assert!(work.prepare("words,letters.json", &[]).status.success());
    let friendly = work.json("out/gsm_vocab-projection-friendly_test.json");
    assert_eq!(
        questions(&friendly),
        ["Ann has 3 pens and 4 caps . "],
        "11 is two letters"
    );
    // Again, over the existing files, from another folder and in another order.
    let once = fs::read(work.path("out/gsm_manifest.json")).unwrap();
    assert!(work.prepare("words,letters.json", &[]).status.success());
    assert!(other.prepare("words,letters.json", &[]).status.success());
    for work in [&work, &other] {
        assert_eq!(fs::read(work.path("out/gsm_manifest.json")).unwrap(), once);
        assert_eq!(
            fs::read_dir(work.path("out")).unwrap().count(),
            5,
            "no temporary file stays"
        );
    }
    let output = work.prepare("letters.json", &[]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(
        text.contains("vocab-projection-friendly        1 rows"),
        "{text}"
    );
    assert!(
        !text.chars().any(|c| c.is_control() && c != '\n'),
        "{text:?}"
    );
}

#[test]
fn the_sets_and_every_other_form_open_as_data() {
    let work = Work::new();
    assert!(work.prepare("words", &[]).status.success());
    let multichain = work.path("multichain");
    let row = json!({"problem": "Ann has 3 apples.", "solution": "<<3+4=7>>7", "answer": "7", "gen_solutions": null});
    fs::write(&multichain, format!("{row}\n{row}\n")).unwrap();
    for name in [
        "test.txt",
        "out/gsm_original_test.json",
        "out/gsm_vocab-projection-friendly_test.json",
        "multichain",
    ] {
        let output = undertone(&[
            "inspect",
            "--data",
            &work.text(name),
            "--index",
            "1",
            "--json",
        ]);
        assert!(output.status.success(), "{name}: {}", said(&output));
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(report["answer"]["correct"].is_boolean(), "{name}");
    }
    // Sets made from the raw text are also made from the first set.
    fs::copy(
        work.path("out/gsm_original_test.json"),
        work.path("test.txt"),
    )
    .unwrap();
    let before = fs::read(work.path("out/gsm_templates.json")).unwrap();
    assert!(work.prepare("words", &[]).status.success());
    assert_eq!(
        fs::read(work.path("out/gsm_templates.json")).unwrap(),
        before
    );
}

#[test]
fn solutions_are_joined_by_row_and_other_questions_are_a_warning() {
    let work = Work::new();
    let row = |problem: &str, others: Value| json!({"problem": problem, "solution": "<<3+4=7>>", "answer": "7", "gen_solutions": others});
    let mut rows = vec![
        row(
            "Ann has 3 pens and 4 caps .",
            json!(["<<7=9-2>>", "<<9-1=8>>", "<<x-2=7>>", "<<4+3=7>>"]),
        ),
        row("Bob has 9 cups .", Value::Null),
        row("Eve has 5 hats and 5 bags .", Value::Null),
        row("\u{1b}[31mSomebody else", Value::Null),
        row("Una has 8 and half of 6 .", Value::Null),
    ];
    let file = work.text("multi\u{1b}chain.json");
    fs::write(&file, serde_json::to_string(&rows).unwrap()).unwrap();
    let output = work.prepare("words", &["--multichain", &file]);
    assert_eq!(output.status.code(), Some(0), "{}", said(&output));
    let warning = said(&output);
    assert!(
        warning.starts_with("warning: ") && warning.contains("1 of 5 rows"),
        "{warning}"
    );
    assert!(
        warning.contains("counted from 0: 3") && !warning.contains('\u{1b}'),
        "{warning:?}"
    );
    let friendly = work.json("out/gsm_vocab-projection-friendly_test.json");
    assert_eq!(friendly[0]["gen_solutions"], json!([["<<9-2=7>>"]]));
    let manifest = work.json("out/gsm_manifest.json");
    assert_eq!(
        manifest["joined"],
        json!({"rows": 5, "other_question": [3]})
    );
    assert_eq!(
        manifest["valid_gold_reasoning_trace"]["gen_solutions"],
        json!({"given": 4, "other_result": 1, "with_letters": 1, "duplicates": 0, "reordered_duplicates": 1, "kept": 1})
    );

    rows.push(row("One more", Value::Null));
    fs::write(&file, serde_json::to_string(&rows).unwrap()).unwrap();
    let output = work.prepare("words", &["--multichain", &file]);
    assert!(
        output.status.success() && said(&output).contains("the last 1 of 6 rows"),
        "{}",
        said(&output)
    );

    rows.truncate(4);
    fs::write(&file, serde_json::to_string(&rows).unwrap()).unwrap();
    let output = work.prepare("words", &["--multichain", &file]);
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said(&output).contains("there are 4 rows, but the raw set has 5"),
        "{}",
        said(&output)
    );
}

#[test]
fn failures_name_the_file_and_the_next_step_and_have_their_exit_codes() {
    let work = Work::new();
    let out = work.text("out");
    let raw = work.text("test.txt");
    let words = work.text("words");
    let write = |name: &str, contents: &[u8]| {
        fs::write(work.path(name), contents).unwrap();
        work.text(name)
    };
    let torn = write("torn.txt", b"Q||<<1+2=3>> #### 3\nQ <<1+2=3>> #### 3\n");
    let packed = write("test.txt.gz", b"\x1f\x8b\x08\0");
    let latin = write("latin.txt", b"Q||## 1\nQ \xe9||## 1\n");
    let page = write("page.json", b"<!doctype html><title>404</title>");
    let empty = write("empty.txt", b"\n\n");
    let taken = write("taken", b"a file where a folder should be");
    fs::create_dir_all(work.path("blocked/gsm_templates.json")).unwrap();
    let blocked = work.text("blocked");
    let folder = work.folder.path().display().to_string();
    let inside = write(
        "gsm_original_test.json",
        b"[{\"question\":\"q\",\"answer\":1}]",
    );
    let table: &[([&str; 3], i32, &str)] = &[
        (
            [&torn, &words, &out],
            3,
            "torn.txt\", line 2: no || after the question",
        ),
        ([&packed, &words, &out], 3, "gzip"),
        (
            [&latin, &words, &out],
            3,
            "latin.txt\", line 2: the bytes are not UTF-8",
        ),
        ([&page, &words, &out], 3, "page.json\": it is a web page"),
        (
            [&empty, &words, &out],
            3,
            "empty.txt\": the file holds no problem",
        ),
        (["/no/such/file", &words, &out], 3, "/no/such/file"),
        ([&folder, &words, &out], 3, "name a file, not a folder"),
        ([&raw, &folder, &out], 3, "tokenizer.json"),
        (
            [&raw, &page, &out],
            3,
            "page.json\": this is not a tokenizer",
        ),
        ([&raw, &words, &taken], 3, "cannot create"),
        ([&raw, &words, &blocked], 3, "gsm_templates.json"),
        ([&inside, &words, &folder], 2, "choose another folder"),
    ];
    for ([raw, tokenizer, out], code, says) in table {
        let args = [
            "data",
            "prepare",
            "gsm8k",
            "--raw",
            raw,
            "--tokenizer",
            tokenizer,
            "--out",
            out,
        ];
        let output = undertone(&args);
        let said = said(&output);
        assert_eq!(output.status.code(), Some(*code), "{args:?}: {said}");
        assert!(said.contains(says), "{says}: {said}");
        assert!(
            said.contains("hint: ") && !said.contains("panicked"),
            "{said}"
        );
        assert!(output.stdout.is_empty());
    }
    assert!(
        !Path::new(&out).exists(),
        "nothing is written before everything is read"
    );
    assert!(
        !work.path("blocked/gsm_manifest.json").exists(),
        "no account of files that are not whole"
    );
    let kept = fs::read_to_string(&inside).unwrap();
    assert!(kept.starts_with("[{"), "the input is untouched");
    for missing in ["--raw", "--tokenizer", "--out"] {
        let mut args = vec!["data", "prepare", "gsm8k"];
        for (flag, value) in [("--raw", &raw), ("--tokenizer", &words), ("--out", &out)] {
            if flag != missing {
                args.extend([flag, value]);
            }
        }
        assert_eq!(undertone(&args).status.code(), Some(2), "without {missing}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said() {
    let work = Work::new();
    let (raw, words, out) = (work.text("test.txt"), work.text("words"), work.text("out"));
    let args = [
        "data",
        "prepare",
        "gsm8k",
        "--raw",
        &raw,
        "--tokenizer",
        &words,
        "--out",
        &out,
    ];
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let home = tempdir().unwrap();
    let output = command(home.path(), &args).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(
        said(&output).contains("cannot write the output"),
        "{}",
        said(&output)
    );
    // A reader that closed its end is no failure.
    let mut child = command(home.path(), &[&args[..], &["--force"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success() && output.stderr.is_empty(),
        "{}",
        said(&output)
    );
}
