//! Fuzz targets for files other than models: sessions, rows of a run, decoded latents.

use std::path::Path;

use rand::Rng;
use serde_json::Value;

use super::mutate::damage;
use super::{Dice, json, run};
use crate::core::problem_file::decoded;
use crate::explorer::session::export::{Format, export};
use crate::explorer::session::store::{self, SessionFile};
use crate::explorer::session::{Note, Tag, Target, sample};
use crate::lab::present::write::{csv, json as report_json, markdown};
use crate::lab::report::{self, made};
use crate::lab::rows::journal::{Journal, Reader};
use crate::lab::rows::merge::{How, merge};
use crate::lab::rows::watch::{self, Watch};
use crate::lab::rows::{FILE, Header, parquet};

/// Damages a file of lines: one line as JSON or as bytes, or lines dropped, repeated, swapped or truncated.
fn lines(dice: &mut Dice, whole: &[String]) -> Vec<u8> {
    let mut lines: Vec<Vec<u8>> = whole.iter().map(|line| line.clone().into_bytes()).collect();
    for _ in 0..dice.random_range(1..=3) {
        let (at, other) = (
            dice.random_range(0..lines.len()),
            dice.random_range(0..whole.len()),
        );
        match dice.random_range(0..10) {
            0..5 => {
                // The first line determines the meaning of all others.
                let at = if at == 0 && dice.random_range(0..4) > 0 {
                    lines.len() - 1
                } else {
                    at
                };
                let seeds: Vec<Value> = [&lines[at][..], whole[other].as_bytes()]
                    .into_iter()
                    .filter_map(|line| serde_json::from_slice(line).ok())
                    .collect();
                if !seeds.is_empty() {
                    lines[at] = json::text(dice, &seeds[..1.max(seeds.len() - 1)]).into_bytes();
                }
            }
            5 => {
                let copy = [whole[other].clone().into_bytes()];
                damage(dice, &mut lines[at], &copy);
            }
            6 => lines.insert(at, whole[other].clone().into_bytes()),
            7 if lines.len() > 1 => drop(lines.remove(at)),
            8 => lines.insert(
                at,
                [&b""[..], b" \r", b"\xef\xbb\xbf", b"{}"][other % 4].to_vec(),
            ),
            _ => {
                let last = lines.len() - 1;
                lines.swap(at, last);
            }
        }
    }
    let mut bytes = lines.join(&b'\n');
    match dice.random_range(0..8) {
        0 => {
            let end = dice.random_range(0..=bytes.len());
            bytes.truncate(end);
        }
        1 => {}
        2 => bytes.splice(0..0, *b"\xef\xbb\xbf").for_each(drop),
        _ => bytes.push(b'\n'),
    }
    bytes
}

fn lines_of(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

fn note(n: u64) -> Note {
    Note {
        target: Target::Problem,
        tag: usize::try_from(n)
            .ok()
            .and_then(|n| Tag::ALL.get(n).copied()),
        text: format!("note {n}\u{1b}[31m"),
        author: "Ada".to_owned(),
        written_at: n,
    }
}

#[test]
fn sessions() {
    let path = Path::new("fuzz.jsonl");
    let header = store::Header::new("0.1.0", 1, serde_json::Map::new());
    let mut session = sample::session();
    let mut file = SessionFile::new(header, &session);
    for n in 0..3 {
        session.notes.push(note(n));
        file.update(&session);
    }
    let whole = lines_of(&file.to_text());
    assert!(SessionFile::parse(&file.to_text(), path).is_ok());
    run("sessions", 600, |dice| {
        let bytes = lines(dice, &whole);
        let text = String::from_utf8_lossy(&bytes);
        let Ok(loaded) = SessionFile::parse(&text, path) else {
            return false;
        };
        let session = loaded.file.session();
        for format in [Format::Json, Format::Markdown] {
            let _ = export(&session, format);
        }
        // Writing and reading again gives the same session.
        let again = SessionFile::parse(&loaded.file.to_text(), path).expect("it was read before");
        assert_eq!(again.file.session(), session);
        // The session can be continued.
        let mut file = loaded.file;
        let mut noted = session.clone();
        noted.notes.push(note(9));
        file.update(&noted);
        let again = SessionFile::parse(&file.to_text(), path).expect("a note was added");
        assert_eq!(again.file.session().notes.last(), noted.notes.last());
        true
    });
}

/// Uses a run's folder in every way that a command does.
fn used(folder: &Path, header: &Header) -> bool {
    let path = folder.join(FILE);
    if let Ok(Some(mut watch)) = Watch::open(folder) {
        let asked = watch.header().clone();
        if let Ok(added) = watch.read(u64::MAX) {
            for item in &added.items {
                let _ = watch::problem(folder, &asked, item.index, item.offset);
            }
        }
    }
    let Ok(mut reader) = Reader::open(folder) else {
        return false;
    };
    while let Ok(Some(_)) = reader.value() {}
    let read = report::Run::read(folder);
    if let Ok(read) = &read {
        let report = report::report(read, Some(read), std::slice::from_ref(read));
        let _ = (
            markdown::document(&report),
            csv::files(&report),
            report_json::document(&report),
        );
    }
    let merged = folder.join("merged");
    let how = How {
        force: true,
        parquet: false,
    };
    if merge(&[folder.to_owned()], &merged, how).is_ok() {
        let _ = parquet::write(&merged);
    }
    // A resumed file loses at most its last line.
    let before = std::fs::read(&path).expect("just written");
    if let Ok((_, resumed)) = Journal::open(folder, header) {
        let after = std::fs::read(&path).expect("still there");
        let kept = before.len() - resumed.torn;
        assert_eq!(after[..kept], before[..kept]);
        assert!(!before[kept..].contains(&b'\n'));
    }
    read.is_ok()
}

#[test]
fn rows() {
    let header = made::header(4);
    let text = |value: serde_json::Result<String>| value.expect("it serialises");
    let mut whole = vec![text(serde_json::to_string(&header))];
    whole.extend(
        made::rows(&header)
            .iter()
            .map(|row| text(serde_json::to_string(row))),
    );
    let folder = tempfile::tempdir().expect("temporary folder");
    let write = |bytes: &[u8]| {
        std::fs::write(folder.path().join(FILE), bytes).expect("a writable folder");
    };
    write((whole.join("\n") + "\n").as_bytes());
    assert!(used(folder.path(), &header));
    run("rows", 200, |dice| {
        write(&lines(dice, &whole));
        used(folder.path(), &header)
    });
}

#[test]
fn decoded_latents() {
    let whole = lines_of(include_str!("../../../../tests/trace/records.jsonl"));
    let path = Path::new("fuzz.jsonl");
    assert!(decoded::parse(&whole.join("\n"), path).is_ok());
    run("decoded_latents", 600, |dice| {
        let mut bytes = lines(dice, &whole[..whole.len().min(6)]);
        if dice.random_range(0..4) == 0 {
            let elements: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
            bytes = [b"[", &elements.join(&b',')[..], b"]"].concat();
        }
        decoded::parse(&String::from_utf8_lossy(&bytes), path).is_ok()
    });
}
