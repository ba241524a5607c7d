//! Tests of session files: round trips, damage, later versions, several writers, and recall.

use std::fs;
use std::path::PathBuf;

use proptest::prelude::*;
use serde_json::Map;

use super::unread::What;
use super::*;
use crate::core::types::AblationValue;
use crate::explorer::session::sample;
use crate::explorer::session::{Note, Session, SessionKey, Target};

const PATH: &str = "run.jsonl";

fn header() -> SessionHeader {
    let mut settings = Map::new();
    settings.insert("top_k".to_owned(), 10.into());
    SessionHeader::new("0.1.0", 1_790_000_000, settings)
}

fn parse(text: &str) -> Result<Loaded> {
    SessionFile::parse(text, Path::new(PATH))
}

/// Returns the sample session's file as text.
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

/// Saves the sample session's file at a path.
fn saved(path: &Path) -> SavedFile {
    let mut file = SavedFile::new(
        path.to_owned(),
        SessionFile::new(header(), &sample::session()),
    );
    file.save(&sample::session(), &[]).expect("saved");
    file
}

fn texts(path: &Path) -> Vec<String> {
    let notes = load(path).expect("readable").file.session().notes;
    notes.into_iter().map(|note| note.text).collect()
}

#[test]
fn a_saved_session_reads_back_the_same() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("deep/er/a.jsonl");
    let mut file = saved(&path);
    let read = load(&path).expect("loaded");
    assert_eq!(read.unread, []);
    assert_eq!(read.file.session(), sample::session());
    let before = fs::read(&path).expect("there");
    let notes = sample::session().notes;
    file.save(&sample::session(), &notes).expect("saved again");
    assert_eq!(fs::read(&path).expect("there"), before, "nothing is new");
    let mut opened = SavedFile::opened(path.clone(), read.file, Vec::new());
    opened
        .save(&sample::session(), &notes)
        .expect("saved again");
    assert_eq!(fs::read(&path).expect("there"), before, "nothing is new");
}

/// The duration of a strategy is in memory but not in the file; that once kept every session from being saved.
#[test]
fn a_verdict_with_its_time_is_saved_once() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    let mut session = sample::session();
    let verdict = session.verdict.as_mut().expect("a verdict");
    verdict.tried = vec![crate::core::types::Attempt {
        name: "projection, top 5".to_owned(),
        candidates: 3,
        traces: 1,
        capped: false,
        null: verdict.null.clone(),
        tested: 1,
        tracks: None,
        used: None,
        runs: 9,
        elapsed_ms: 12.5,
    }];
    let mut file = SavedFile::new(path.clone(), SessionFile::new(header(), &session));
    file.save(&session, &[]).expect("saved");
    let base = session.notes.clone();
    session.verdict.as_mut().expect("a verdict").tried[0].elapsed_ms = 13.5;
    session.notes.push(note("after a new run"));
    let before = fs::read_to_string(&path).expect("there");
    file.save(&session, &base).expect("saved");
    let after = fs::read_to_string(&path).expect("there");
    let added = after.strip_prefix(&before).expect("appended to");
    assert_eq!(added.lines().count(), 1, "only the notes: {added}");
    assert!(texts(&path).contains(&"after a new run".to_owned()));
}

#[test]
fn several_writers_keep_the_notes_of_all() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    let mut one = saved(&path);
    let start = load(&path).expect("loaded").file;
    let mut two = SavedFile::opened(path.clone(), start, Vec::new());
    let base = sample::session().notes;
    let (mut first, mut second) = (sample::session(), sample::session());
    first.notes.push(note("one"));
    one.save(&first, &base).expect("saved");
    second.notes.push(note("two"));
    // The second removes a note from before, without knowing the first's note.
    second.notes.remove(0);
    two.save(&second, &base).expect("saved");
    let base = first.notes.clone();
    first.notes.push(note("one again"));
    one.save(&first, &base).expect("saved");
    let mut expected: Vec<String> = sample::session().notes[1..]
        .iter()
        .map(|n| n.text.clone())
        .collect();
    expected.extend(["one", "two", "one again"].map(ToOwned::to_owned));
    let (mut there, mut expected) = (texts(&path), expected);
    there.sort();
    expected.sort();
    assert_eq!(there, expected);
}

#[test]
fn a_file_that_was_taken_away_or_replaced_is_not_lost() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("sub").join(PATH);
    let mut file = saved(&path);
    fs::remove_dir_all(folder.path().join("sub")).expect("removed");
    let mut session = sample::session();
    session.notes.push(note("again"));
    file.save(&session, &sample::session().notes)
        .expect("made again");
    assert_eq!(load(&path).expect("readable").file.session(), session);
    // An editor replaces the file by its own.
    let text = fs::read_to_string(&path).expect("readable");
    fs::write(
        folder.path().join("new"),
        text.replace("\"again\"", "\"as edited\""),
    )
    .expect("written");
    fs::rename(folder.path().join("new"), &path).expect("renamed");
    let base = session.notes.clone();
    session.notes.push(note("and more"));
    file.save(&session, &base).expect("saved");
    let texts = texts(&path);
    assert!(
        texts.contains(&"as edited".to_owned()) && texts.contains(&"and more".to_owned()),
        "{texts:?}"
    );
    // A folder in its place is an error that names it; a later save writes the unsaved changes.
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("created");
    let base = session.notes.clone();
    session.notes.push(note("held"));
    let error = file.save(&session, &base).expect_err("a folder");
    assert!(error.to_string().contains(PATH), "{error}");
    fs::remove_dir(&path).expect("removed");
    file.save(&session, &base).expect("saved");
    assert!(self::texts(&path).contains(&"held".to_owned()));
}

/// Notes of a failed save must not be mistaken for another process's.
#[test]
fn notes_that_changed_while_nothing_could_be_written_are_saved_as_they_are_then() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    fs::create_dir(&path).expect("something in the way");
    let of = |texts: &[&str]| Session {
        notes: texts.iter().map(|text| note(text)).collect(),
        ..sample::session()
    };
    let first = of(&["first"]);
    let mut file = SavedFile::new(path.clone(), SessionFile::new(header(), &first));
    for session in [&first, &of(&["first", "second"]), &of(&["changed"])] {
        file.save(session, &[]).expect_err("a folder");
    }
    fs::remove_dir(&path).expect("removed");
    file.save(&of(&["changed"]), &[]).expect("saved");
    assert_eq!(texts(&path), ["changed"]);
    // The same, with an existing file.
    let whole = fs::read(&path).expect("there");
    fs::remove_file(&path).expect("removed");
    fs::create_dir(&path).expect("something in the way");
    let base = of(&["changed"]).notes;
    for session in [of(&["changed", "third"]), of(&["changed", "fourth"])] {
        file.save(&session, &base).expect_err("a folder");
    }
    fs::remove_dir(&path).expect("removed");
    fs::write(&path, whole).expect("put back");
    file.save(&of(&["changed", "fifth"]), &base).expect("saved");
    assert_eq!(texts(&path), ["changed", "fifth"]);
}

/// Every change writes all notes again, and nothing is saved that could not be read back.
#[test]
fn a_file_that_is_full_goes_on_in_another() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut shelf = Shelf::new(folder.path().to_owned());
    let path = shelf.fresh("day");
    let mut session = sample::session();
    session.notes = vec![note("removed later"), note(&"long ".repeat(3 << 20))];
    let mut file = SavedFile::new(path.clone(), SessionFile::new(header(), &session));
    file.save(&session, &[]).expect("saved");
    for n in 0..5 {
        let base = session.notes.clone();
        if n == 0 {
            session.notes.remove(0);
        }
        session.notes.push(note(&n.to_string()));
        file.save(&session, &base).expect("saved");
    }
    assert_ne!(file.path(), path, "the first is full");
    assert_eq!(
        load(file.path()).expect("read back").file.session(),
        session
    );
    assert!(fs::metadata(&path).expect("there").len() <= super::MAX_LEN);
    let found = shelf.recall(&session.key(), "").expect("found");
    assert_eq!(found.notes(), session.notes, "what was removed stays so");
    // A note that is too long by itself is refused, and nothing else is lost.
    let (before, base) = (fs::read(file.path()).expect("there"), session.notes.clone());
    session.notes.push(note(&"long ".repeat(4 << 20)));
    let error = file.save(&session, &base).expect_err("too long");
    assert!(error.to_string().contains("longer than"), "{error}");
    assert_eq!(fs::read(file.path()).expect("there"), before);
}

#[test]
fn every_event_has_an_id_and_a_parent() {
    let export = r#"{"id":9,"parent":8,"event":"export","format":"md","path":"out.md"}"#;
    let text = format!("{}{export}\n", text());
    let events: Vec<(u64, u64, String)> = text
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
    let read = parse(&text).expect("every name is understood");
    assert_eq!((read.file.to_text(), read.unread), (text, Vec::new()));
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
    other_model.model = Some(crate::core::types::ModelInfo {
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
            // Results of the same run that were not requested again stay.
            let expected = match (from, to) {
                (from, to) if from == &full && to == &fewer => &full,
                _ => to,
            };
            let (mut there, mut expected) = (file.session(), expected.clone());
            for session in [&mut there, &mut expected] {
                session.outcomes.sort_by_key(|o| o.ablation.off.len());
            }
            assert_eq!(there, expected);
            assert!(file.to_text().starts_with(&before), "the log only grows");
            assert_eq!(parse(&file.to_text()).expect("readable").file, file);
        }
    }
}

#[test]
fn the_model_may_become_known_later() {
    let mut file = SessionFile::new(header(), &Session::default());
    file.update(&sample::session());
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
fn a_torn_last_line_is_left_out_and_said() {
    let whole = text();
    let start = whole.trim_end().rfind('\n').expect("many lines") + 1;
    for cut in [start + 1, start + 20, whole.len() - 2] {
        let read = parse(&whole[..cut]).expect("repaired");
        let bytes = cut - start;
        let what = What::Cut { bytes };
        assert_eq!(read.unread, [Unread { line: 9, what }]);
        assert_eq!(read.file.to_text(), whole[..start]);
        assert!(read.file.session().notes.is_empty());
        let said = summary(&read.unread).expect("something is missing");
        assert!(said.contains("line 9 was cut off"), "{said}");
    }
    let unended = parse(whole.trim_end()).expect("a missing line end is no damage");
    assert_eq!(unended.unread, []);
    assert_eq!(unended.file.to_text(), whole);
}

#[test]
fn a_torn_line_is_not_joined_to_what_is_appended() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    drop(saved(&path));
    let whole = fs::read_to_string(&path).expect("readable");
    let cut = &whole[..whole.len() - 5];
    fs::write(&path, cut).expect("cut");
    let file = load(&path).expect("readable").file;
    let mut opened = SavedFile::opened(path.clone(), file, Vec::new());
    let mut session = sample::session();
    session.notes = vec![note("after the crash")];
    let base = opened.session().notes;
    opened.save(&session, &base).expect("saved");
    assert!(
        fs::read_to_string(&path)
            .expect("readable")
            .starts_with(&format!("{cut}\n"))
    );
    assert_eq!(texts(&path), ["after the crash"]);
}

/// Damage to one line affects only that line.
#[test]
fn damage_costs_its_own_line() {
    let whole = text();
    let rows: Vec<&str> = whole.lines().collect();
    let with = |line: usize, row: &str| {
        let mut rows = rows.clone();
        rows[line - 1] = row;
        rows.join("\n") + "\n"
    };
    for line in 2..=rows.len() {
        for row in ["{\"id\":2,", "\u{0}", "<<<<<<< HEAD", "7", "[]"] {
            let read = parse(&with(line, row)).expect("readable");
            assert!(
                matches!(read.unread.as_slice(), [Unread { line: of, what: What::Damaged(_) }] if *of == line),
                "{row}: {:?}",
                read.unread
            );
            assert_eq!(read.file.to_text(), with(line, row), "and is kept");
            let notes = read.file.session().notes;
            let expected = if line == rows.len() {
                Vec::new()
            } else {
                sample::session().notes
            };
            assert_eq!(notes, expected, "line {line} {row}");
        }
    }
    let misfit = parse(&with(3, "{\"id\":2,\"event\":\"run\"}")).expect("readable");
    assert!(matches!(
        misfit.unread[0].what,
        What::Misfit { event: "run", .. }
    ));
    assert_eq!(misfit.file.session().notes, sample::session().notes);
    // Duplicated, moved or merged lines are all read.
    let doubled = parse(&with(3, &format!("{}\n{}", rows[2], rows[2]))).expect("readable");
    assert_eq!(doubled.unread.len(), 1);
    assert_eq!(doubled.file.session(), sample::session());
    // A damaged header loses only its information on the model.
    for header in [
        "{\"schema\":\"undertone.session/1\"}",
        "{\"schema\"",
        "\u{0}",
    ] {
        let read = parse(&with(1, header)).expect("readable");
        assert_eq!(read.unread[0].what, What::Header);
        assert_eq!(read.file.session().notes, sample::session().notes);
        assert_eq!(read.file.session().problem, sample::session().problem);
    }
    // Bytes that are not UTF-8 are shown as replacement characters.
    let mut bytes = whole.clone().into_bytes();
    let at = whole.find("19 = 12 + 7").expect("a phrase");
    bytes[at] = 0xff;
    let read = SessionFile::read(&bytes, Path::new(PATH)).expect("readable");
    assert_eq!(read.unread[0].what, What::Bytes);
    assert_eq!(read.file.session().notes, sample::session().notes);
}

#[test]
fn marks_line_ends_and_blank_lines_do_no_harm() {
    let plain = text();
    for dressed in [
        format!("\u{feff}{plain}"),
        plain.replace('\n', "\r\n"),
        plain.replace('\n', "\n\n"),
        format!("\n{plain}\n \n"),
    ] {
        let read = parse(&dressed).expect("readable");
        assert_eq!(read.unread, []);
        assert_eq!(read.file.session(), sample::session());
    }
}

#[test]
fn what_a_later_version_wrote_is_kept_and_named() {
    let mut rows: Vec<String> = text().lines().map(str::to_owned).collect();
    let last = rows.len() - 1;
    let foreign_note =
        r#"{"target":{"galaxy":3},"tag":null,"text":"of tomorrow","author":"z","written_at":1}"#;
    rows[last] = rows[last].replace("\"notes\":[", &format!("\"notes\":[{foreign_note},"));
    rows[last] = rows[last].replacen(
        "\"tag\":\"interesting\"",
        "\"tag\":\"interesting\",\"colour\":\"red\"",
        1,
    );
    rows[7] = rows[7].replace("\"rung\":\"", "\"rung\":\"beyond-");
    rows.insert(
        8,
        "{\"event\":\"dream\",\"id\":7,\"parent\":2,\"of\":[1.50]}".to_owned(),
    );
    rows[0] = rows[0].replace("{\"schema\"", "{\"mood\":1,\"schema\"");
    let foreign = rows.join("\n") + "\n";
    let read = parse(&foreign).expect("readable");
    let said: Vec<String> = read.unread.iter().map(ToString::to_string).collect();
    for (said, names) in said.iter().zip([
        "header.mood",
        "\"verify\"",
        "\"dream\"",
        "a note",
        "annotate.notes[].colour",
    ]) {
        assert!(said.contains(names), "{said}: {names}");
    }
    assert_eq!(said.len(), 5, "{said:?}");
    assert!(
        summary(&read.unread)
            .is_some_and(|said| said.starts_with("5 items in this file cannot be shown: "))
    );
    let mut file = read.file;
    assert_eq!(file.session().notes, sample::session().notes);
    assert_eq!(file.session().verdict, None);
    // Later saves keep all of it.
    let mut session = file.session();
    session.notes.push(note("of today"));
    file.update(&session);
    let text = file.to_text();
    let added = text.strip_prefix(&foreign).expect("appended to");
    assert!(
        added.contains("of tomorrow")
            && added.contains("\"colour\":\"red\"")
            && added.contains("of today"),
        "{added}"
    );
}

#[test]
fn other_files_are_refused_with_the_way_out() {
    let whole = text();
    let newer = whole.replacen("session/1", "session/2", 1);
    let header = whole.lines().next().expect("a header");
    let table = [
        ("", None, "empty"),
        ("\n \n", None, "empty"),
        (
            "question,answer\n1,2\n",
            Some(1),
            "not an undertone session",
        ),
        (
            "{\"question\":\"a\"}\n",
            Some(1),
            "not an undertone session",
        ),
        (
            "{\"schema\":\"undertone.session/1\"}\n",
            Some(1),
            "incomplete",
        ),
        (newer.as_str(), Some(1), "undertone.session/2"),
        (
            &header[..header.len() / 2],
            Some(1),
            "not an undertone session",
        ),
    ];
    for (text, line, says) in table {
        let error = parse(text).expect_err("another file");
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
fn a_figure_that_is_not_finite_never_costs_a_note() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join(PATH);
    let mut session = sample::session();
    session.outcomes[0].effect.kl = f64::INFINITY;
    session.notes.push(note("worth keeping"));
    let mut file = SavedFile::new(path.clone(), SessionFile::new(header(), &session));
    file.save(&session, &[]).expect("saved");
    let before = fs::read(&path).expect("there");
    file.save(&session, &session.notes).expect("saved");
    assert_eq!(
        fs::read(&path).expect("there"),
        before,
        "it is not written at every save"
    );
    let read = load(&path).expect("readable");
    assert!(
        matches!(
            read.unread.as_slice(),
            [Unread {
                what: What::Misfit {
                    event: "ablate",
                    ..
                },
                ..
            }]
        ),
        "{:?}",
        read.unread
    );
    assert_eq!(read.file.session().notes, session.notes);
    assert_eq!(read.file.session().verdict, session.verdict);
}

#[test]
fn sessions_are_found_by_question_and_model() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let recovery = folder.path().join("recovery");
    assert_eq!(noted(&recovery).expect("no folder yet"), []);
    let mut shelf = Shelf::new(recovery.clone());
    let key = sample::session().key();
    let sha256 = sample::model().sha256;
    assert!(shelf.recall(&key, &sha256).is_none());

    let process = std::process::id();
    let named = |name: &str| recovery.join(format!("{name}-{process}-{}", "0.jsonl"));
    let path = shelf.fresh("mini-math test/../#12 \u{1b}");
    assert_eq!(path, named("mini-math-test-12"));
    drop(saved(&path));
    // A later process with the same id does not overwrite it.
    let other = Shelf::new(recovery.clone()).fresh("mini-math test/../#12 \u{1b}");
    assert_eq!(
        other,
        recovery.join(format!("mini-math-test-12-{process}-1.jsonl"))
    );
    assert_eq!(Shelf::new(recovery.clone()).fresh("…"), named("session"));
    fs::write(recovery.join("torn.jsonl"), "{").expect("written");
    fs::write(recovery.join(".x.jsonl.1-0.tmp"), "{").expect("written");

    let elsewhere = SessionKey {
        model: "../the same model".to_owned(),
        ..key.clone()
    };
    for (key, sha256) in [(&key, ""), (&key, &*sha256), (&elsewhere, &*sha256)] {
        let found = shelf.recall(key, sha256).expect("found");
        assert_eq!(found.notes(), sample::session().notes);
        assert_eq!(found.path(), path);
    }
    let question = SessionKey::of(Some(&sample::model()), "another question");
    assert!(shelf.recall(&question, &sha256).is_none());
    assert!(shelf.recall(&elsewhere, "of another model").is_none());
    let found = noted(&recovery).expect("listable");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, key);
    assert_eq!(found[0].notes, sample::session().notes);
}

/// Files of earlier versions (one per start) or of explorers running at once: their notes are shown together, and a removed note
/// does not come back, whichever file it was in.
#[test]
fn several_files_on_one_question_are_recalled_as_one() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut shelf = Shelf::new(folder.path().to_owned());
    let mut now = std::time::SystemTime::now();
    let mut newest = |path: &Path| {
        now += std::time::Duration::from_mins(1);
        let file = fs::File::options().append(true).open(path);
        file.expect("there").set_modified(now).expect("set");
    };
    let mut of = |notes: &[&str]| -> PathBuf {
        let mut session = sample::session();
        session.notes = notes.iter().map(|text| note(text)).collect();
        let path = shelf.fresh("day");
        let mut file = SavedFile::new(path.clone(), SessionFile::new(header(), &session));
        file.save(&session, &[]).expect("saved");
        newest(&path);
        path
    };
    of(&["monday", "both"]);
    let tuesday = of(&["both", "tuesday"]);
    let key = sample::session().key();
    let mut recall = || {
        let found = shelf.recall(&key, "").expect("found");
        let texts: Vec<String> = found.notes().into_iter().map(|note| note.text).collect();
        (found, texts)
    };
    let (mut found, texts) = recall();
    assert_eq!(texts, ["both", "tuesday", "monday"]);
    assert_eq!(found.path(), tuesday);
    // The first action is to remove the note of the older file.
    let mut session = sample::session();
    let base = found.notes();
    session.notes = base[..2].to_vec();
    found.save(&session, &base).expect("saved");
    newest(&tuesday);
    assert_eq!(recall().1, ["both", "tuesday"]);
    // This also holds if a third file does not have it.
    let mut shelf = Shelf::new(folder.path().to_owned());
    let third = shelf.fresh("another-day");
    session.notes = vec![note("wednesday")];
    let mut file = SavedFile::new(third.clone(), SessionFile::new(header(), &session));
    file.save(&session, &[]).expect("saved");
    newest(&third);
    assert_eq!(recall().1, ["wednesday", "both", "tuesday"]);
    // A file without notes continues as well.
    let (mut found, _) = recall();
    let base = found.notes();
    session.notes.clear();
    found.save(&session, &base).expect("saved");
    newest(&third);
    let (found, texts) = recall();
    assert_eq!((found.path(), texts), (third.as_path(), Vec::new()));
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
