//! `undertone report` as a user runs it: the page in a browser without a network, with the figures of the JSON.

#[path = "../../src/lab/report/made.rs"]
#[allow(
    dead_code,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    reason = "shared with the unit tests; small numbers"
)]
mod made;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::{env, fs};

use crate::binary;
use serde_json::Value;
use undertone::lab::rows::RowsHeader;
use undertone::lab::rows::journal::Journal;

/// Writes the folder of a run.
fn write(folder: &Path, header: &RowsHeader) {
    let (mut journal, _) = Journal::open(folder, header).expect("a new folder");
    journal.append(&made::rows(header)).expect("a disk");
}

/// A run, a run on harder problems, and a control; the model's name is hostile.
fn runs(folder: &Path) -> [PathBuf; 3] {
    let [run, hard, control] = ["run", "hard", "control"].map(|name| folder.join(name));
    let mut header = made::header(240);
    header.model.name = format!("coconut {}", made::HOSTILE);
    write(&run, &header);
    header.data.n = 80;
    write(&hard, &header);
    header.control = Some("random-weights".to_owned());
    write(&control, &header);
    [run, hard, control]
}

fn undertone(args: &[&str], run: &[PathBuf; 3]) -> Output {
    let [run, hard, control] = run.each_ref().map(|path| text(path));
    let report = ["report", run, "--hard", hard, "--control", control];
    let output = binary::undertone(&[&report, args].concat());
    assert!(output.status.success(), "{output:?}");
    output
}

fn chromium() -> Option<PathBuf> {
    let named = ["chromium", "chromium-browser", "google-chrome"];
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let mut all = folders
        .iter()
        .flat_map(|folder| named.iter().map(move |n| folder.join(n)));
    all.find(|path| path.is_file())
}

/// Reports that a test was skipped.
#[expect(
    clippy::print_stderr,
    reason = "a test without a browser is not passed over in silence"
)]
fn skipped() {
    eprintln!("skipped: no chromium on this machine");
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a path of the test")
}

/// The `(table, key, value)` of every cell in the document, in order.
fn cells(dom: &str) -> Vec<(String, String, Value)> {
    let attribute = |tag: &str, name: &str| {
        let (_, rest) = tag.split_once(&format!(" {name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let mut found = Vec::new();
    let mut table = String::new();
    for tag in dom
        .split('<')
        .filter_map(|part| Some(part.split_once('>')?.0))
    {
        if tag.starts_with("table ") {
            table = attribute(tag, "data-id").expect("a table has a name");
        }
        if let (Some(key), Some(value)) = (attribute(tag, "data-key"), attribute(tag, "data-value"))
        {
            let json = value
                .replace("&quot;", "\"")
                .replace("&lt;", "<")
                .replace("&gt;", ">");
            let json = json.replace("&#39;", "'").replace("&amp;", "&");
            let value = serde_json::from_str(&json).unwrap_or_else(|why| panic!("{json}: {why}"));
            found.push((table.clone(), key, value));
        }
    }
    found
}

/// The cells that the JSON report contains.
fn promised(json: &Value) -> Vec<(String, String, Value)> {
    let mut promised = Vec::new();
    let parts = json["sections"].as_array().into_iter().flatten();
    for part in parts.flat_map(|section| section["parts"].as_array().into_iter().flatten()) {
        if let Some(id) = part["table"].as_str() {
            for row in json["tables"][id]["rows"].as_array().into_iter().flatten() {
                for (key, value) in row.as_object().into_iter().flatten() {
                    promised.push((id.to_owned(), key.clone(), value.clone()));
                }
            }
        }
        if let Some(id) = part["plot"].as_str() {
            for series in json["plots"][id]["series"].as_array().into_iter().flatten() {
                for point in series["points"].as_array().into_iter().flatten() {
                    let ends = &point["ends"];
                    for (key, value) in [
                        ("series", &series["name"]),
                        ("y", &point["y"]),
                        ("low", &ends[0]),
                        ("high", &ends[1]),
                        ("n", &point["n"]),
                    ] {
                        promised.push((id.to_owned(), key.to_owned(), value.clone()));
                    }
                }
            }
        }
    }
    promised
}

/// Sanitizes a text as the page does; other values stay unchanged.
fn cleaned(value: Value) -> Value {
    match value {
        Value::String(text) => Value::from(undertone::core::text::sanitize(&text).into_string()),
        other => other,
    }
}

/// Opens the page in a separate browser; returns the document, its log, and the requested addresses.
fn browse(chromium: &Path, folder: &Path, page: &Path) -> (String, String, Vec<String>) {
    let log = folder.join("net.json");
    let output = Command::new(chromium)
        .args([
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-background-networking",
        ])
        .args([
            "--disable-component-update",
            "--disable-sync",
            "--no-first-run",
        ])
        .args([
            "--host-resolver-rules=MAP * ~NOTFOUND",
            "--enable-logging=stderr",
            "--dump-dom",
        ])
        .arg(format!("--user-data-dir={}", text(&folder.join("profile"))))
        .arg(format!("--log-net-log={}", text(&log)))
        .arg(format!("file://{}", text(page)))
        .output()
        .expect("chromium starts");
    assert!(output.status.success(), "{output:?}");
    let log = fs::read_to_string(log).expect("a log of the network");
    // One event per line. The browser's own requests have no origin; they do not leave this machine either.
    let events = log
        .lines()
        .filter(|event| event.contains("\"initiator\":\""));
    let asked = events.filter(|event| !event.contains("\"initiator\":\"not an origin\""));
    let asked = asked.filter_map(|event| {
        let (_, rest) = event.split_once("\"url\":\"")?;
        Some(rest.split_once('"')?.0.to_owned())
    });
    (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
        asked.collect(),
    )
}

#[test]
fn the_page_asks_for_nothing_and_shows_the_figures_of_the_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = runs(folder.path());
    let page = folder.path().join("report.html");
    let json = undertone(&["--html", text(&page), "--json"], &runs).stdout;
    let json: Value = serde_json::from_slice(&json).expect("JSON");
    let Some(chromium) = chromium() else {
        return skipped();
    };
    let (dom, said, asked) = browse(&chromium, folder.path(), &page);
    assert!(!said.contains("CONSOLE"), "the page logs something: {said}");
    assert!(asked.is_empty(), "the page asks for {asked:?}");
    assert!(!dom.contains("<script"), "a script in the page");
    // The x value of a plot's point is a category name in the page and a number in the JSON.
    let mut shown = cells(&dom);
    let plots = json["plots"].as_object().expect("plots");
    shown.retain(|(table, key, _)| !(plots.contains_key(table) && key == "x"));
    let promised = promised(&json);
    assert!(promised.len() > 1000, "{}", promised.len());
    assert_eq!(shown.len(), promised.len());
    for ((table, key, value), promised) in shown.into_iter().zip(promised) {
        assert_eq!(
            (table, key, cleaned(value)),
            (promised.0, promised.1, cleaned(promised.2))
        );
    }
}

#[test]
fn a_page_that_asks_and_logs_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let page = folder.path().join("page.html");
    let body = "<img src=\"http://example.invalid/a.png\"><script>console.error('b')</script>";
    fs::write(&page, format!("<!doctype html><title>t</title>{body}")).expect("a disk");
    let Some(chromium) = chromium() else {
        return skipped();
    };
    let (_, said, asked) = browse(&chromium, folder.path(), &page);
    assert!(said.contains("CONSOLE"), "{said}");
    assert!(
        asked.iter().any(|url| url.contains("example.invalid")),
        "{asked:?}"
    );
}

#[test]
fn every_form_is_written_and_markdown_is_printed_where_none_is() {
    let folder = tempfile::tempdir().expect("a folder");
    let runs = runs(folder.path());
    let [md, csv, calibration] = ["r.md", "csv", "c.json"].map(|name| folder.path().join(name));
    let args = [
        "--md",
        text(&md),
        "--csv",
        text(&csv),
        "--calibration",
        text(&calibration),
    ];
    assert!(undertone(&args, &runs).stdout.is_empty());
    let printed = undertone(&[], &runs).stdout;
    assert_eq!(printed, fs::read(md).expect("Markdown"));
    let printed = String::from_utf8(printed).expect("UTF-8");
    assert!(!printed.chars().any(|c| c.is_control() && c != '\n'));
    assert!(!printed.contains("<script"));
    let calibration = fs::read_to_string(calibration).expect("a calibration");
    let calibration: Value = serde_json::from_str(&calibration).expect("JSON");
    assert_eq!(calibration["schema"], "undertone.calibration/1");
    for name in [
        "accuracy",
        "signals",
        "risk-coverage",
        "hard-roc",
        "multiplicity",
    ] {
        let contents = fs::read_to_string(csv.join(format!("{name}.csv"))).expect("a table");
        assert!(contents.lines().count() > 1, "{name}: {contents}");
    }
}

#[test]
fn a_folder_without_rows_is_an_error_with_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let output = binary::undertone(&["report", text(folder.path())]);
    assert!(!output.status.success());
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("rows.jsonl"), "{said}");
}
