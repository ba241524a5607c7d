//! Tests of session files: round trips, repair, corruption and recovery.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::Map;

use super::*;
use crate::session::sample;
use crate::session::{Note, Target};
use crate::trace::AblationValue;

const PATH: &str = "run.jsonl";

fn header() -> Header {
    let mut settings = Map::new();
    settings.insert("top_k".to_owned(), 10.into());
    Header::new("0.1.0", 1_790_000_000, settings)
}

fn parse(text: &str) -> Result<Loaded> {
    SessionFile::parse(text, Path::new(PATH))
}

/// The file of the sample session as text.
fn text() -> String {
    SessionFile::new(header(), &sample::session()).to_text()
}

fn note(text: &str) -> Note {
    Note {
        target: Target::Problem,
        tag: None,
        text: text.to_owned(),
        author: "ada".to_owned(),
        written_at: 7,
    }
}

#[test]
fn a_saved_session_reads_back_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (first, second) = (folder.path().join("a.jsonl"), folder.path().join("b.jsonl"));
    let written = SessionFile::new(header(), &sample::session());
    save(&written, &first).expect("saved");
    let read = load(&first).expect("loaded");
    assert_eq!(read.repaired, None);
    assert_eq!(read.file, written);
    assert_eq!(read.file.session(), sample::session());
    save(&read.file, &second).expect("saved again");
    assert_eq!(fs::read(&first).expect("a"), fs::read(&second).expect("b"));
}

#[test]
fn every_event_has_an_id_and_a_parent() {
    let mut file = SessionFile::new(header(), &sample::session());
    file.record_export("md", "out.md");
    let events: Vec<(u64, u64, String)> = file
        .to_text()
        .lines()
        .skip(1)
        .map(|row| {
            let value: serde_json::Value = serde_json::from_str(row).expect("JSON");
            let number = |name: &str| value[name].as_u64().expect("a number");
            let event = value["event"].as_str().expect("a name").to_owned();
            (number("id"), number("parent"), event)
        })
        .collect();
    let table = [
        (1, 0, "open"),
        (2, 1, "run"),
        (3, 2, "phrases"),
        (4, 2, "early_exit"),
        (5, 2, "ablate"),
        (6, 2, "ablate"),
        (7, 2, "verify"),
        (8, 7, "annotate"),
        (9, 8, "export"),
    ];
    let table: Vec<_> = table
        .map(|(id, parent, e)| (id, parent, e.to_owned()))
        .into();
    assert_eq!(events, table);
    let read = parse(&file.to_text()).expect("every name is understood");
    assert_eq!(read.file, file);
}

#[test]
fn only_what_changed_is_appended() {
    let mut file = SessionFile::new(header(), &sample::session());
    let before = file.to_text();
    assert!(!file.update(&sample::session()));
    assert_eq!(file.to_text(), before);

    let mut session = sample::session();
    session.notes.push(note("a new one"));
    let mut outcome = session.outcomes[0].clone();
    outcome.ablation.value = AblationValue::Zero;
    session.outcomes.push(outcome);
    assert!(file.update(&session));
    let after = file.to_text();
    assert!(after.starts_with(&before));
    assert_eq!(after[before.len()..].lines().count(), 2);
    assert_eq!(file.session(), session);
}

#[test]
fn any_session_can_follow_any_other() {
    let full = sample::session();
    let mut other_model = full.clone();
    other_model.model = Some(crate::trace::ModelInfo {
        name: "mini-logic".to_owned(),
        ..sample::model()
    });
    let mut fewer = full.clone();
    fewer.verdict = None;
    fewer.outcomes.remove(0);
    let mut rerun = full.clone();
    if let Some(run) = &mut rerun.run {
        run.answer.logprob = Some(-0.5);
    }
    let blank = Session {
        model: full.model.clone(),
        ..Session::default()
    };
    for from in [&full, &other_model, &fewer, &rerun, &blank] {
        for to in [&full, &other_model, &fewer, &rerun, &blank] {
            let mut file = SessionFile::new(header(), from);
            let before = file.to_text();
            file.update(to);
            assert_eq!(file.session(), *to);
            assert!(file.to_text().starts_with(&before), "the log only grows");
            assert_eq!(parse(&file.to_text()).expect("readable").file, file);
        }
    }
}

#[test]
fn the_model_may_become_known_later() {
    let mut file = SessionFile::new(header(), &Session::default());
    file.update(&sample::session());
    assert_eq!(file.header().model, Some(sample::model()));
    assert_eq!(file.session(), sample::session());
}

#[test]
fn what_another_version_wrote_survives() {
    let mut rows: Vec<String> = text().lines().map(str::to_owned).collect();
    rows[0] = rows[0].replace("{\"schema\"", "{\"colour\": 1.0e1,\"schema\"");
    rows[1] = rows[1].replace("\"event\"", "\"mood\":\"calm\", \"event\"");
    rows.push("{\"event\":\"dream\", \"id\":40,\"parent\":8,\"of\":[1.50]}".to_owned());
    let foreign = rows.join("\n") + "\n";
    let mut file = parse(&foreign).expect("readable").file;
    assert_eq!(file.to_text(), foreign);
    assert_eq!(file.session(), sample::session());

    let mut session = sample::session();
    session.notes.clear();
    file.update(&session);
    assert!(file.to_text().starts_with(&foreign));
    assert!(
        file.to_text().contains("\"id\":41"),
        "ids go on above theirs"
    );
}

#[test]
fn a_torn_last_line_is_left_out() {
    let whole = text();
    let start = whole.trim_end().rfind('\n').expect("many lines") + 1;
    for cut in [start + 1, start + 20, whole.len() - 2] {
        let read = parse(&whole[..cut]).expect("repaired");
        let bytes = cut - start;
        assert_eq!(read.repaired, Some(Repair { line: 9, bytes }));
        assert_eq!(read.file.to_text(), whole[..start]);
        assert!(read.file.session().notes.is_empty());
    }
    let unended = parse(whole.trim_end()).expect("a missing line end is no damage");
    assert_eq!(unended.repaired, None);
    assert_eq!(unended.file.to_text(), whole);
}

#[test]
fn corrupt_files_name_the_line_and_the_way_out() {
    let whole = text();
    let rows: Vec<&str> = whole.lines().collect();
    let with = |line: usize, row: &str| {
        let mut rows = rows.clone();
        rows[line - 1] = row;
        rows.join("\n") + "\n"
    };
    let newer = rows[0].replace("session/1", "session/2");
    let table = [
        (String::new(), None, "empty"),
        (
            "question,answer\n".to_owned(),
            Some(1),
            "not an undertone session",
        ),
        (
            with(1, "{\"schema\":\"undertone.session/1\"}"),
            Some(1),
            "incomplete",
        ),
        (with(1, &newer), Some(1), "undertone.session/2"),
        (with(3, "{\"id\":2,"), Some(3), "not a JSON object"),
        (
            with(3, "{\"id\":2,\"event\":\"run\"}"),
            Some(3),
            "`run` event is incomplete",
        ),
        (with(3, rows[1]), Some(3), "not above 1"),
        (with(9, "\u{0}"), Some(9), "not a JSON object"),
    ];
    for (text, line, says) in table {
        let error = parse(&text).expect_err("corrupt");
        let message = error.to_string();
        assert!(message.contains(says), "{message}");
        assert!(message.contains(PATH), "{message}");
        if let Some(line) = line {
            assert!(message.contains(&format!("line {line}:")), "{message}");
        }
        assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    }
}

#[test]
fn what_would_not_read_back_is_not_written() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    save(&SessionFile::new(header(), &sample::session()), &path).expect("saved");
    let before = fs::read(&path).expect("readable");
    let mut session = sample::session();
    session.outcomes[0].effect.kl = f64::INFINITY;
    assert!(save(&SessionFile::new(header(), &session), &path).is_err());
    session = sample::session();
    session.outcomes[0].effect.relative_size = Some(f64::NAN);
    assert!(save(&SessionFile::new(header(), &session), &path).is_err());
    assert_eq!(fs::read(&path).expect("still there"), before);
}

#[test]
fn the_notes_of_earlier_sessions_are_listed() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recovery_dir = folder.path().join("recovery");
    let now = SystemTime::now();
    let later = now + Duration::from_mins(1);
    assert_eq!(noted(&recovery_dir, later).expect("no folder yet"), []);
    fs::create_dir(&recovery_dir).expect("created");

    let path = autosave_path(&recovery_dir, "mini-math test/../#12 \u{1b}", 41, 2);
    assert_eq!(path, recovery_dir.join("mini-math-test-12-41-2.jsonl"));
    assert_eq!(
        autosave_path(&recovery_dir, "…", 41, 3),
        recovery_dir.join("session-41-3.jsonl")
    );
    save(&SessionFile::new(header(), &sample::session()), &path).expect("saved");
    // A later process of the same number does not write over it.
    let next = autosave_path(&recovery_dir, "mini-math test/../#12 \u{1b}", 41, 2);
    assert_eq!(next, recovery_dir.join("mini-math-test-12-41-3.jsonl"));
    let mut empty = sample::session();
    empty.notes.clear();
    save(&SessionFile::new(header(), &empty), &next).expect("saved");
    fs::write(recovery_dir.join("torn.jsonl"), "{").expect("written");
    fs::write(recovery_dir.join(".x.jsonl.1-0.tmp"), "{").expect("written");

    let found = noted(&recovery_dir, later).expect("listable");
    assert_eq!(found.len(), 1);
    assert!(found[0].question.starts_with("Ann has 12 pens"));
    assert_eq!(found[0].notes, sample::session().notes);
    let earlier = now - Duration::from_mins(1);
    assert_eq!(noted(&recovery_dir, earlier).expect("listable"), []);
}

proptest! {
    #[test]
    fn numbers_and_texts_survive_exactly(
        double in any::<f64>().prop_filter("finite", |x| x.is_finite()),
        single in any::<f32>().prop_filter("finite", |x| x.is_finite()),
        words in any::<String>(),
    ) {
        let mut session = sample::session();
        session.outcomes[0].effect.kl = double;
        session.notes[0].text.clone_from(&words);
        if let Some(run) = &mut session.run {
            run.positions[2].norm = Some(single);
            run.question = words;
        }
        let file = SessionFile::new(header(), &session);
        let read = parse(&file.to_text()).expect("readable");
        prop_assert_eq!(read.file.session(), session);
        prop_assert_eq!(read.file.to_text(), file.to_text());
    }
}
