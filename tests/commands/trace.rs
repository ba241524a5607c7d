//! `undertone trace` as scripts use it: hand-made records, recorded goldens of the published searches, the figures of docs/methods.md M9.3,
//! hostile files. Runs the real binary; tests that need the shared fixtures are skipped without them.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::binary::{self, undertone};
use serde_json::{Value, json};
use tempfile::tempdir;
use undertone::verify::paper::backtracking::{Backtracking, BacktrackingColumns as Back};
use undertone::verify::paper::chain::{ChainingColumns, chain};
use undertone::verify::paper::grid::Grid;
use undertone::verify::paper::numbers;
use undertone::verify::paper::select::Selection;
use undertone::verify::paper::solution::Solution;
use undertone::verify::paper::tokens::Tokens;
use undertone::verify::paper::tree::build;

/// Hand-made records; the expected results follow from the rules by hand.
const HAND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/trace/records.jsonl");

/// The output of `trace` on a file, which must succeed.
fn said(path: &str, rest: &[&str]) -> String {
    binary::said(&[&["trace", "--latents", path], rest].concat())
}

/// The output of paper mode, line by line.
fn paper(path: &str, rest: &[&str]) -> Vec<Value> {
    let text = said(path, &[&["--mode", "paper", "--json"], rest].concat());
    let lines = text.lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

fn skipped(what: &str) {
    let line = format!("skipped: no shared fixture {what}\n");
    _ = std::io::stderr().write_all(line.as_bytes());
}

/// Returns a shared fixture, if present.
fn shared(name: &str) -> Option<PathBuf> {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures");
    let path = Path::new(root).join(name);
    if path.exists() {
        return Some(path);
    }
    skipped(name);
    None
}

const GOLDEN: &str = "golden/search/codi_gpt2_gsm8k.jsonl";

#[test]
#[expect(clippy::too_many_lines, reason = "one table")]
fn hand_made_records_give_what_the_rules_say() {
    let found = paper(HAND, &[]);
    let back = |i: usize, which: &str| found[i]["backtracking"][which].clone();
    let forward = |i: usize, which: &str| found[i]["forward_chaining"][which].clone();

    // 0: 3 * 4 = 12, 12 + 5 = 17, all read in order; the answer at column 11.
    assert_eq!(found[0]["question_numbers_backtracking"], json!([3, 4, 5]));
    assert_eq!(found[0]["question_numbers_forward"], json!([3, 4, 5]));
    let with = back(0, "with_question_numbers");
    let required = &with["answer_required"];
    // 12 at column 2 (3 and 4 from the question) and 5 from the question: 3 question nodes, 20 + 110.
    assert_eq!(required["score"], json!([3, 130]));
    assert_eq!(required["count"], 1);
    assert_eq!(
        required["best_tree"]["nodes"],
        json!([
            [12, 2, 0, "intermediate"],
            [3, -1, 0, "question"],
            [4, -1, 0, "question"],
            [5, -1, 0, "question"],
            [17, 11, 0, "final"]
        ])
    );
    assert_eq!(
        required["best_tree"]["edges"],
        json!([
            [3, -1, 0, 12, 2, 0],
            [4, -1, 0, 12, 2, 0],
            [12, 2, 0, 17, 11, 0],
            [5, -1, 0, 17, 11, 0]
        ])
    );
    let without = back(0, "without_question_numbers");
    assert_eq!(without["answer_required"]["count"], 0);
    let chained = forward(0, "with_question_numbers");
    assert_eq!(found[0]["forward_chaining"]["model_answer"], 17);
    assert_eq!(
        chained["best_steps"]["0"],
        json!([
            "*",
            [3, 4],
            12,
            0,
            2,
            ["question", "question"],
            [1000, 1001],
            0,
            1000.5,
            1
        ])
    );
    assert_eq!(
        chained["best_steps"]["9"],
        json!([
            "+",
            [12, 5],
            17,
            9,
            11,
            [2, "question"],
            [0, 1002],
            0,
            -1,
            1
        ])
    );
    assert_eq!(chained["tree"]["num_steps"], 2);
    assert_eq!(chained["tree"]["tree_explainable"], true);
    assert_eq!(
        chained["tree"]["nodes"][2],
        json!([4, "question", 0, "leaf"])
    );
    let oracle = forward(0, "oracle_none");
    assert_eq!(oracle["best_steps"]["0"][10], 0);
    // Without question numbers, only 12 is available at column 9.
    assert_eq!(forward(0, "without_question_numbers")["tree"], Value::Null);

    // 1: "someone" gives forward chaining a 1 (docs/methods.md Q20), a negative answer is read, half is 0.5 or 2.
    assert_eq!(
        found[1]["question_numbers_backtracking"],
        json!([0.5, 3, 8])
    );
    assert_eq!(found[1]["question_numbers_forward"], json!([1, 2, 3, 8]));
    assert_eq!(found[1]["forward_chaining"]["model_answer"], -5);
    assert_eq!(found[1]["correct"], true);
    // -5 is searched as the token "5", its first integer, which is not the one at the answer column.
    assert_eq!(
        back(1, "with_question_numbers")["answer_required"]["count"],
        0
    );

    // 2: a blank before the answer, which is skipped; a number of two tokens, found by its first.
    assert_eq!(found[2]["forward_chaining"]["model_answer"], 2100);
    let required = &back(2, "with_question_numbers")["answer_required"];
    assert_eq!(
        (required["count"].clone(), required["score"].clone()),
        (json!(1), json!([2, 120]))
    );

    // 3: no gold steps, no integer anywhere, no answer.
    assert_eq!(found[3]["forward_chaining"]["model_answer"], Value::Null);
    assert_eq!(
        found[3]["forward_chaining"]["with_question_numbers"]["num_candidates"],
        0
    );
    assert_eq!(
        back(3, "with_question_numbers")["answer_required"]["count"],
        0
    );
    assert_eq!(found[3]["correct"], false);
    assert_eq!(found[3]["index"], 3);

    // 4: a gold result that no vocabulary contains.
    assert_eq!(
        back(4, "with_question_numbers")["answer_required"]["vp_impossible"],
        true
    );
}

#[test]
fn our_own_search_lists_traces_and_its_null() {
    let report: Value = serde_json::from_str(&said(HAND, &["--json", "--answers"])).unwrap();
    assert_eq!(report["schema"], "undertone.trace/1");
    assert_eq!(report["settings"]["operands"], 3);
    let first = &report["records"][0];
    let steps: Vec<&str> = first["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["text"].as_str().unwrap())
        .collect();
    assert_eq!(steps, ["3 * 4 = 12", "12 + 5 = 17"]);
    assert_eq!(
        (&first["answer"], &first["correct"]),
        (&json!("17"), &json!(true))
    );
    assert_eq!(first["null"]["n"], 4);
    assert!(first["null_answers"]["n"].as_u64().is_some());
    assert!(report["records"][3]["abstain"].is_string());
    let searched = &report["summary"]["searched"];
    assert_eq!((&searched["n"], &searched["hits"]), (&json!(5), &json!(4)));

    // With an offset of two, the result at column 2 still serves answer column 4, but not answer column 3.
    let found = |rest: &[&str]| {
        let report: Value =
            serde_json::from_str(&said(HAND, &[rest, &["--json"]].concat())).unwrap();
        report["records"][0]["steps"].as_array().unwrap().len()
    };
    assert_eq!(found(&["--offset", "2"]), 2);
    assert_eq!(found(&["--offset", "2", "--answer-column", "4"]), 2);
    assert_eq!(found(&["--offset", "2", "--answer-column", "3"]), 0);

    let text = said(HAND, &[]);
    assert!(text.contains("3 * 4 = 12; 12 + 5 = 17"), "{text}");
    let csv = said(HAND, &["--csv", "--search", "last-step"]);
    assert_eq!(csv.lines().count(), 6, "{csv}");
    let last = said(HAND, &["--search", "last-step", "--answers"]);
    assert!(last.contains("question numbers only"), "{last}");
    for rest in [&["--mode", "paper"][..], &["--mode", "paper", "--csv"]] {
        assert!(said(HAND, rest).lines().count() > 5);
    }
}

/// Counts of equal fields by path; list and column numbers are written as `#`.
#[derive(Default)]
struct Compared(BTreeMap<String, (usize, usize)>);

impl Compared {
    fn field(&mut self, path: &str, is_equal: bool) {
        let (equal, all) = self.0.entry(path.to_owned()).or_default();
        *equal += usize::from(is_equal);
        *all += 1;
    }

    /// Compares every field of the golden, blocks by their parts.
    fn block(&mut self, path: &str, golden: &Value, found: &Value) {
        let deep = [
            "forward_chaining",
            "backtracking",
            "question_numbers",
            "oracle",
            "answer_",
        ];
        let is_deep = deep
            .iter()
            .any(|part| path.rsplit('/').next().unwrap().contains(part));
        match golden {
            Value::Object(fields) if is_deep || path.is_empty() => {
                for (name, golden) in fields {
                    self.block(&format!("{path}/{name}"), golden, &found[name]);
                }
            }
            Value::Object(fields) if path.ends_with("/tree") && found.is_object() => {
                for (name, golden) in fields {
                    self.field(&format!("{path}/{name}"), is_equal(golden, &found[name]));
                }
                let both = (fields.len(), found.as_object().unwrap().len());
                self.field(&format!("{path}/(no other field)"), both.0 == both.1);
            }
            _ => self.field(path, is_equal(golden, found)),
        }
    }
}

/// Equality as JSON, with numbers by value.
fn is_equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_equal(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len()
                && a.iter()
                    .all(|(name, a)| b.get(name).is_some_and(|b| is_equal(a, b)))
        }
        _ => a == b,
    }
}

/// Every field of every recorded record, including the baselines that it names and contains.
#[test]
fn paper_mode_agrees_with_the_published_code_on_every_recorded_field() {
    let Some(path) = shared(GOLDEN) else { return };
    let golden = fs::read_to_string(&path).unwrap();
    let golden: Vec<Value> = golden
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    // The input holds only the question data and the baselines, many of which are steps of records outside the file.
    let folder = tempdir().unwrap();
    let input = folder.path().join("input.jsonl");
    let inputs = golden.iter().map(|record| {
        let mut input = json!({"backtracking": {"baselines": record["backtracking"]["baselines"]}});
        for name in [
            "index",
            "question",
            "gold_steps",
            "gold_answer",
            "latents",
            "table_tail",
            "prediction",
        ] {
            input[name] = record[name].clone();
        }
        input.to_string()
    });
    fs::write(&input, inputs.collect::<Vec<_>>().join("\n")).unwrap();
    let found = paper(input.to_str().unwrap(), &[]);
    assert_eq!(found.len(), golden.len());
    let mut compared = Compared::default();
    for (golden, found) in golden.iter().zip(&found) {
        compared.block("", golden, found);
    }
    let mut lines = format!("{} records\n", golden.len());
    for (path, (equal, all)) in &compared.0 {
        lines += &format!("{equal:>4} of {all:<4} {path}\n");
    }
    _ = std::io::stderr().write_all(lines.as_bytes());
    let bad: Vec<_> = compared
        .0
        .iter()
        .filter(|(_, (equal, all))| equal != all)
        .collect();
    assert!(bad.is_empty(), "{bad:#?}");
    assert!(compared.0.len() > 60, "every block was compared");
}

/// The rows that the published searches saw on four models, and their results.
#[test]
fn both_searches_agree_with_the_published_code_on_four_models() {
    let models = [
        ("coconut-gpt2", 8, 1, Tokens::Gpt2),
        ("coconut-llama", 8, 1, Tokens::Llama3),
        ("codi-gpt2", 11, 2, Tokens::Gpt2),
        ("codi-llama", 11, 2, Tokens::Llama3),
    ];
    for (name, answer_column, offset, tokens) in models {
        let Some(path) = shared(&format!("golden/{name}.json")) else {
            return;
        };
        let golden: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let mut compared = 0;
        for question in golden["questions"].as_array().unwrap() {
            let search = &question["authors_search"];
            if !search.is_object() {
                continue;
            }
            let rows: Vec<Vec<String>> =
                serde_json::from_value(search["top10_strings"].clone()).unwrap();
            let grid = Grid::new(rows, 10);
            let text = question["question"].as_str().unwrap();
            for (setting, with) in [
                ("without_question_numbers", false),
                ("with_question_numbers", true),
            ] {
                let golden = &search[setting];
                let layout = ChainingColumns {
                    answer_column,
                    offset,
                    question_numbers: with,
                };
                forward_agrees(&grid, text, layout, &golden["forward_chaining"]);
                let steps: Vec<String> = serde_json::from_value(question["steps"].clone()).unwrap();
                let words = numbers::backtracking_numbers(text);
                let words = if with { &words[..] } else { &[] };
                let layout = Back {
                    reasoning_columns: 8,
                    answer_column,
                    answer_required: true,
                };
                let found = Backtracking::new(&grid, &tokens);
                let found = found.search(&Solution::parse(&steps), words, layout);
                let golden = &golden["backtracking"];
                assert_eq!(json!(found.count), golden["times_found"], "{name} {text}");
                assert_eq!(json!(found.count > 0), golden["primary_found"]);
                let score = found.score.map(|(questions, places)| [questions, places]);
                assert_eq!(json!(score), golden["score"], "{name} {text}");
                if let Some(tree) = &found.best {
                    let columns = tree.nodes.iter().map(|((_, column, _), _)| *column);
                    let columns: Vec<i64> = columns
                        .map(|column| column.map_or(-1, |column| i64::try_from(column).unwrap()))
                        .collect();
                    assert_eq!(json!(columns), golden["best_tree"]["positions"]);
                    let ranks: Vec<usize> =
                        tree.nodes.iter().map(|((.., rank), _)| *rank).collect();
                    assert_eq!(json!(ranks), golden["best_tree"]["ranks"]);
                }
                compared += 1;
            }
        }
        assert_eq!(compared, 8, "{name}");
    }
}

fn forward_agrees(grid: &Grid, question: &str, layout: ChainingColumns, golden: &Value) {
    let known = numbers::chaining_numbers(question);
    let whole = |values: &[i128]| {
        let values = values.iter().map(|value| i64::try_from(*value).unwrap());
        json!(values.collect::<Vec<i64>>())
    };
    assert_eq!(whole(&known), golden["question_numbers"]);
    let answer = grid.spelled(layout.answer_column);
    assert_eq!(whole(&[answer.unwrap()]), json!([golden["model_answer"]]));
    let mut found = chain(grid, &known, layout, Selection::ByRank);
    assert_eq!(
        json!(found.n_candidates()),
        golden["total_steps_found"],
        "{question}"
    );
    assert_eq!(json!(found.selected.len()), golden["best_steps_found"]);
    assert_eq!(
        json!(found.n_answer_steps(answer)),
        golden["num_valid_trees"]
    );
    let tree = build(&mut found.selected, answer, grid, layout, &known, false);
    assert_eq!(json!(tree.is_some()), golden["tree_found"]);
    let used = tree.as_ref().map_or(0, |tree| tree.steps.len());
    assert_eq!(json!(used), golden["num_used_steps"]);
    let explained = tree.is_some_and(|tree| tree.is_explainable(&found.selected));
    assert_eq!(json!(explained), golden["tree_explainable"]);
    let past = grid.past_blanks(layout.answer_column) - layout.answer_column;
    assert_eq!(json!(past), golden["answer_token_offset"]);
}

/// The one documented command (docs/trace.md), within three points of docs/methods.md M9.3.
#[test]
fn the_measured_figures_come_out_of_one_command() {
    let Some(path) = shared(GOLDEN) else { return };
    let rest = ["--search", "last-step", "--answers", "--json"];
    let report: Value = serde_json::from_str(&said(path.to_str().unwrap(), &rest)).unwrap();
    let figure = |name: &str| {
        let figure = &report["summary"][name];
        let share = figure["accuracy"].as_f64().or(figure["mean"].as_f64());
        100.0 * share.unwrap_or_else(|| panic!("no figure {name}"))
    };
    let table = [
        ("question_alone", 53.0),
        ("other_latents", 80.0),
        ("own_latents", 95.0),
        ("other_answers", 63.0),
        ("other_answers_two", 40.0),
        ("other_answers_read", 19.0),
        ("other_answers_read_two", 12.0),
        ("gold_in_order_2_steps_top_5", 91.0),
        ("gold_in_order_3_steps_top_5", 78.0),
    ];
    for (name, measured) in table {
        let figure = figure(name);
        let line = format!("{name}: {figure:.1} %, measured {measured} %\n");
        _ = std::io::stderr().write_all(line.as_bytes());
        assert!((figure - measured).abs() <= 3.0, "{line}");
    }
    assert_eq!(report["summary"]["candidates"]["median"], 4.0);
}

#[test]
fn files_that_are_no_records_get_one_clear_error() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("decoded.jsonl");
    let name = path.to_str().unwrap();
    let good = r#"{"question":"q","latents":[["1"]],"table_tail":["The"]}"#;
    let million = format!(
        r#"{{"question":"q","latents":[[{}]],"table_tail":[]}}"#,
        vec!["\"1\""; 1_000_000].join(",")
    );
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    let table = [
        ("", "holds no record"),
        ("not JSON", "line 1"),
        ("{\"question\":", "line 1"),
        (
            r#"{"question":"q","latents":[]}"#,
            "missing field `table_tail`",
        ),
        (
            r#"{"question":"q","latents":[[NaN]],"table_tail":[]}"#,
            "line 1",
        ),
        (
            r#"{"question":"q","latents":[],"table_tail":[],"gold_steps":"x"}"#,
            "line 1",
        ),
        (&format!("{good}\n{million}"), "line 2: the row has"),
        (&deep, "decoded.jsonl"),
        ("\u{1b}]0;evil\u{7}{", "line 1"),
    ];
    for mode in ["default", "paper"] {
        for (text, says) in &table {
            fs::write(&path, text).unwrap();
            let output = undertone(&["trace", "--latents", name, "--mode", mode]);
            let err = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(3), "{err}");
            assert!(err.contains(says), "{err} does not say {says}");
            assert!(!err.chars().any(|c| c.is_control() && c != '\n'), "{err:?}");
            assert_eq!(
                err.lines().filter(|line| line.starts_with("error")).count(),
                1
            );
        }
    }
    let missing = undertone(&["trace", "--latents", "/no/such/file.jsonl"]);
    assert_eq!(missing.status.code(), Some(3));
    for args in [
        &["trace", "--latents", HAND, "--mode", "paper", "--answers"][..],
        &["trace", "--latents", HAND, "--tokens", "llama3"],
        &["trace", "--latents", HAND, "--operands", "4"],
        &["trace"],
    ] {
        assert_eq!(undertone(args).status.code(), Some(2), "{args:?}");
    }
}

/// Valid but hostile records: the searches stop at their bounds, and nothing foreign reaches the terminal unsanitized.
#[test]
fn hostile_records_are_searched_within_bounds() {
    let folder = tempdir().unwrap();
    let path = folder.path().join("hostile.jsonl");
    let numbers =
        |from: usize, n: usize| (from..from + n).map(|i| i.to_string()).collect::<Vec<_>>();
    let wide: Vec<Vec<String>> = (0..40).map(|i| numbers(i + 1, 900)).collect();
    let records = [
        json!({
            "index": "\u{1b}[31m\u{202e}", "question": numbers(2, 3000).join(" and "), "latents": wide,
            "table_tail": ["The", " answer", " is", ":", "7"], "prediction": "7", "gold_answer": 7,
            "gold_steps": (0..60).map(|i| format!("<<{}+{}={}>>", i + 1, i + 2, i + 3)).collect::<Vec<_>>(),
        }),
        json!({
            "question": "9".repeat(10_000), "latents": [["9".repeat(5000), "\u{1b}[2J", " ", ""]],
            "table_tail": ["-", "9".repeat(100), "\u{7}"], "prediction": "1e400",
            "gold_steps": [format!("<<{}*2={}>>", "9".repeat(500), "8".repeat(500))], "gold_answer": 1e300,
        }),
        json!({"question": "", "latents": [], "table_tail": [], "gold_steps": [""], "prediction": "\u{1b}[31m"}),
        json!({"question": "1 2 3", "latents": [[], [], []], "table_tail": ["", "", ""], "gold_steps": ["<<=>>", "<<1=1>>"]}),
        json!({
            "question": "Tom has 1 pen.", "table_tail": vec!["x"; 200],
            "latents": vec![vec!["1", " 1", "01", "1"]; 40], "prediction": "1", "gold_answer": "1",
            "gold_steps": vec!["<<1+1+1+1+1+1+1+1=1>>"; 200],
        }),
    ];
    let lines: Vec<String> = records.iter().map(Value::to_string).collect();
    fs::write(&path, lines.join("\n")).unwrap();
    let name = path.to_str().unwrap();
    for rest in [
        &["--mode", "paper", "--json"][..],
        &["--mode", "paper"],
        &[
            "--mode", "paper", "--csv", "--shape", "coconut", "--tokens", "llama3",
        ],
        &["--answers"],
        &["--json", "--top-k", "1000", "--answers"],
        &["--csv"],
        &["--search", "last-step", "--answers", "--top-k", "1000"],
    ] {
        let text = said(name, rest);
        assert!(
            !text.chars().any(|c| c.is_control() && c != '\n'),
            "{rest:?}"
        );
        assert!(!text.contains('\u{202e}'), "{rest:?}");
    }
    let found = paper(name, &[]);
    assert_eq!(
        found[0]["forward_chaining"]["with_question_numbers"]["capped"],
        true
    );
    // 8 places for each of eight operands in 199 steps: far more than could be listed.
    assert!(found[4]["backtracking"]["with_question_numbers"]["answer_anywhere"]["count"].is_u64());
}
