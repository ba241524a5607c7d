//! Fuzz targets: what reads untrusted bytes, fed with any bytes. Each input must end as a value or an error, never as a panic, and what
//! is accepted is also used. `fuzz/` runs the targets under libFuzzer (ARCHITECTURE.md, Fuzzing), `tests` on damaged files.

#[cfg(test)]
mod tests;

use std::path::Path;

use crate::core::datasets::templates::Template;
use crate::core::problem_file::{self, decoded, source};
use crate::core::types::{Task, TokenRead};
use crate::explorer::session::Note;
use crate::explorer::session::export::{Format, export};
use crate::explorer::session::store::SessionFile;
use crate::lab::present::write::{csv, json, markdown};
use crate::lab::report;
use crate::lab::rows::journal::{Journal, Reader};
use crate::lab::rows::merge::{How, merge};
use crate::lab::rows::watch::{self, Watch};
use crate::lab::rows::{FILE, parquet};
use crate::verify::edits::{Familiar, Means, edits, spares};
use crate::verify::paper::numbers;
use crate::verify::{self, Case, SearchSettings, facts};

pub use crate::engine::model::fuzzing::{config, index, pickle, tokenizer, weights};
#[cfg(unix)]
pub use crate::explorer::term::input::fuzzing::keys;

/// Choices beside the bytes of a file, drawn from the first four bytes of an input. An input without them draws zeros.
pub(crate) struct Draws(u32);

impl Draws {
    pub(crate) fn split(input: &[u8]) -> (Self, &[u8]) {
        match input.split_first_chunk() {
            Some((start, rest)) => (Self(u32::from_le_bytes(*start)), rest),
            None => (Self(0), input),
        }
    }

    /// Draws a number below `n`.
    pub(crate) fn below(&mut self, n: u32) -> u32 {
        let drawn = self.0 % n;
        self.0 /= n;
        drawn
    }

    pub(crate) fn one_of<T: Copy, const N: usize>(&mut self, all: [T; N]) -> T {
        all[self.below(u32::try_from(N).expect("a short list")) as usize]
    }
}

/// The longest error message, in bytes: a foreign file is not repeated in it.
const LONGEST_ERROR: usize = 400;

fn text(bytes: &[u8], path: &Path) -> Option<String> {
    source::decode(bytes.to_vec(), path).ok()
}

/// Reads a file of problems; written and read again, they are the same.
#[must_use]
pub fn problems(input: &[u8]) -> bool {
    let path = Path::new("fuzz.jsonl");
    let Some(text) = text(input, path) else {
        return false;
    };
    match problem_file::parse(&text, path) {
        Ok(problems) => {
            assert!(!problems.is_empty());
            let again = problem_file::parse(&problem_file::to_jsonl(&problems), path);
            assert_eq!(again.ok(), Some(problems));
            true
        }
        Err(error) => {
            assert!(error.to_string().len() < LONGEST_ERROR, "{error}");
            false
        }
    }
}

/// Reads records of decoded latents.
#[must_use]
pub fn records(input: &[u8]) -> bool {
    let path = Path::new("fuzz.jsonl");
    text(input, path).is_some_and(|text| decoded::parse(&text, path).is_ok())
}

/// Reads a session file, exports the session, writes it again and continues it.
///
/// # Panics
/// If the session is not the same after that.
#[must_use]
pub fn session(input: &[u8]) -> bool {
    let path = Path::new("fuzz.jsonl");
    let Ok(loaded) = SessionFile::read(input, path) else {
        return false;
    };
    let mut file = loaded.file;
    let mut session = file.session();
    for format in [Format::Json, Format::Markdown] {
        let _ = export(&session, format);
    }
    let again = SessionFile::parse(&file.to_text(), path).expect("it was read before");
    assert_eq!(again.file.session(), session);
    session.notes.push(Note {
        target: crate::explorer::session::Target::Problem,
        tag: None,
        text: "note\u{1b}[31m".to_owned(),
        author: "Ada".to_owned(),
        written_at: 9,
    });
    file.update(&session);
    let again = SessionFile::parse(&file.to_text(), path).expect("a note was added");
    assert_eq!(again.file.session().notes.last(), session.notes.last());
    true
}

/// Uses a file of rows in every way that a command does: followed, read, reported, merged, resumed.
///
/// # Panics
/// If resuming loses more than a last incomplete line, or there is no temporary folder to write to.
#[must_use]
pub fn rows(input: &[u8]) -> bool {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let folder = folder.path();
    let path = folder.join(FILE);
    std::fs::write(&path, input).expect("a writable folder");
    let mut header = None;
    if let Ok(Some(mut watch)) = Watch::open(folder) {
        let asked = header.insert(watch.header().clone());
        if let Ok(added) = watch.read(u64::MAX) {
            for item in &added.items {
                let _ = watch::problem(folder, asked, item.index, item.offset);
            }
        }
    }
    let Ok(mut reader) = Reader::open(folder) else {
        return false;
    };
    while let Ok(Some(_)) = reader.value() {}
    let read = report::GatheredRun::read(folder);
    if let Ok(read) = &read {
        let report = report::report(read, Some(read), std::slice::from_ref(read));
        let _ = (
            markdown::document(&report),
            csv::files(&report),
            json::document(&report),
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
    if let Some(Ok((_, resumed))) = header.map(|header| Journal::open(folder, &header)) {
        let after = std::fs::read(&path).expect("still there");
        let kept = input.len() - resumed.torn;
        assert_eq!(after[..kept], input[..kept]);
        assert!(!input[kept..].contains(&b'\n'));
    }
    read.is_ok()
}

/// Searches a question for traces, edits it, and reads it by the published rules.
///
/// The input has the question on its first line, the answer on its second, and then a line of tab-separated tokens for each latent.
#[must_use]
pub fn question(input: &[u8]) -> bool {
    let text = String::from_utf8_lossy(input);
    let mut lines = text.split('\n');
    let (question, answer) = (lines.next().unwrap_or_default(), lines.next());
    let token = |text: &str| TokenRead {
        id: 0,
        text: text.to_owned(),
        logit: 0.0,
        prob: 0.1,
    };
    // A model has few latents, and shows ten tokens of each.
    let latents: Vec<Vec<TokenRead>> = lines
        .take(8)
        .map(|line| line.split('\t').take(10).map(token).collect())
        .collect();
    let settings = SearchSettings {
        three_operands: true,
        list: 3,
        ..SearchSettings::default()
    };
    let template = Template::new(0, question);
    assert_eq!(template.variables.len(), template.var_metadata.len());
    let _ = numbers::backtracking_numbers(question);
    let _ = (
        numbers::chaining_numbers(question),
        numbers::whole_words(question),
    );
    let mut is_found = false;
    for task in [Task::Math, Task::Logic] {
        let case = Case {
            task,
            question,
            unknown_words: &[],
            answer,
        };
        let _ = verify::warnings(&case);
        for fact in facts::parse(question).iter().flat_map(|facts| &facts.facts) {
            assert!(question.get(fact.start..fact.end).is_some());
        }
        let found = verify::search(&settings, &case, &latents);
        is_found |= !found.steps.is_empty();
        let means = Means {
            readable: &|_| true,
            spares: &spares(question),
            familiar: &Familiar::default(),
        };
        for edit in edits(&case, &found.steps, &means, 2) {
            assert_ne!(edit.question, question);
        }
    }
    is_found
}
