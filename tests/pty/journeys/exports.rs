//! Every export made from the screen contains what the screen shows.

use std::fs;

use serde_json::Value;
use tempfile::tempdir;

use super::{note, ready};

#[test]
fn every_format_holds_the_answer_the_verdict_and_the_notes_of_the_screen() {
    let home = tempdir().unwrap();
    let home = home.path();
    let mut t = ready(home, &[], &[]);
    t.press("2");
    t.settles();
    // With all off the answer differs.
    t.press("a");
    t.sees("sham");
    t.settles();
    note(&mut t, "as on the screen");
    // Tab switches formats in the prompt.
    for (tabs, name) in [(0, "out/report.md"), (1, "out/report.json")] {
        fs::create_dir_all(home.join("out")).unwrap();
        t.press("x");
        t.sees("Export");
        for _ in 0..tabs {
            t.press("\t");
            t.settles();
        }
        t.press(&format!("\x15~/{name}\r"));
        // ~ is the home folder.
        t.until("the export", |screen| {
            !screen.contains("Export") && home.join(name).is_file()
        });
        t.sees("exported to");
    }
    t.settles();
    let screen = t.text();
    t.quits();
    let json: Value =
        serde_json::from_str(&fs::read_to_string(home.join("out/report.json")).unwrap()).unwrap();
    let markdown = fs::read_to_string(home.join("out/report.md")).unwrap();
    // Possible markup is escaped.
    let markdown = markdown.replace('\\', "");
    let rung = json["verdict"]["rung"].as_str().unwrap();
    let shown = rung.replace('-', " ").to_uppercase();
    assert!(screen.contains(&shown), "{shown} in\n{screen}");
    assert!(markdown.contains(&shown), "{shown} in\n{markdown}");
    let answer = |of: &Value| of["answer"]["value"].as_str().unwrap().to_owned();
    let (clean, changed) = (answer(&json["run"]), answer(&json["ablations"][0]));
    // The answer rows on the screen match the exported answers.
    for (row, text) in [("clean  ", &clean), ("now  ", &changed)] {
        let is_it = |line: &str| {
            line.split_once(row)
                .is_some_and(|(_, rest)| rest.trim_start().starts_with(text.trim()))
        };
        assert!(screen.lines().any(is_it), "{row}{text} in\n{screen}");
        assert!(markdown.contains(text.trim()), "{text} in\n{markdown}");
    }
    let effect = &json["ablations"][0]["effect"];
    let delta = effect["delta_logprob"].as_f64().unwrap();
    let delta = format!("{delta:.2}").replace('-', "\u{2212}");
    assert!(screen.contains(&delta), "{delta} in\n{screen}");
    let donors = &effect["donors"];
    assert!(
        donors["flips"].as_u64() > donors["n"].as_u64().map(|n| n / 2),
        "{donors}"
    );
    let flips = format!("{} of {}", donors["flips"], donors["n"]);
    assert!(screen.contains(&flips), "{flips} in\n{screen}");
    assert_eq!(
        json["ablations"][0]["ablation"]["off"],
        serde_json::json!([1, 2, 3, 4])
    );
    assert_eq!(json["notes"][0]["text"], "as on the screen");
    assert!(markdown.contains("as on the screen"));
    let origin = json["origin"].as_str().unwrap();
    assert!(
        screen.contains(origin) && markdown.contains(origin),
        "{origin}"
    );
}

#[test]
fn an_export_never_writes_over_a_file_unasked() {
    let home = tempdir().unwrap();
    let home = home.path();
    fs::write(home.join("precious.md"), "mine").unwrap();
    let mut t = ready(home, &[], &[]);
    t.press("x");
    t.sees("Export");
    t.press("\x15precious.md\r");
    t.sees("yes");
    t.press("no\r");
    t.sees("the file is unchanged");
    assert_eq!(
        fs::read_to_string(home.join("precious.md")).unwrap(),
        "mine"
    );
    t.quits();
}
