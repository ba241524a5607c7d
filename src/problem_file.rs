//! Files of problems: JSON Lines, or one JSON array as ProsQA and PrOntoQA are published.
//!
//! Fields beyond question, steps and answer are ignored. Errors name the file and the line.

use std::path::Path;

use serde::Deserialize;

use crate::error::{Error, Result};
use crate::file;
use crate::problem::Problem;

/// What to do about a file that does not fit.
const HINT: &str =
    "expected one {\"question\", \"steps\", \"answer\"} object a line, or a JSON array of them";

/// A problem as files have it.
#[derive(Deserialize)]
struct Row {
    question: String,
    #[serde(default)]
    steps: Vec<String>,
    #[serde(default)]
    answer: Gold,
}

/// A gold answer: text, or a bare number or truth value.
#[derive(Default, Deserialize)]
#[serde(untagged)]
enum Gold {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
    #[default]
    Unknown,
}

impl From<Row> for Problem {
    fn from(row: Row) -> Self {
        Self {
            question: row.question,
            steps: row.steps,
            answer: match row.answer {
                Gold::Text(text) => text,
                Gold::Number(number) => number.to_string(),
                // As PrOntoQA writes them.
                Gold::Truth(true) => "True".to_owned(),
                Gold::Truth(false) => "False".to_owned(),
                Gold::Unknown => String::new(),
            },
        }
    }
}

/// Reads a file of problems.
///
/// # Errors
/// Names the file and the line that does not fit; a file without any problem is an error too.
pub fn read(path: &Path) -> Result<Vec<Problem>> {
    parse(&file::read_text(path)?, path)
}

/// Reads problems from the text of a file; `path` only serves its errors.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, path: &Path) -> Result<Vec<Problem>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let failed = |line: usize, why: &serde_json::Error| {
        Error::data(path, Some(line), without_place(why), HINT)
    };
    let rows: Vec<Row> = if text.trim_start().starts_with('[') {
        serde_json::from_str(text).map_err(|why| failed(why.line(), &why))?
    } else {
        text.lines()
            .zip(1..)
            .filter(|(row, _)| !row.trim().is_empty())
            .map(|(row, line)| serde_json::from_str(row).map_err(|why| failed(line, &why)))
            .collect::<Result<_>>()?
    };
    if rows.is_empty() {
        return Err(Error::data(path, None, "the file holds no problem", HINT));
    }
    Ok(rows.into_iter().map(Problem::from).collect())
}

/// The error without its own line and column, which count from the start of one row.
fn without_place(why: &serde_json::Error) -> String {
    let message = why.to_string();
    match message.rfind(" at line ") {
        Some(end) => message[..end].to_owned(),
        None => message,
    }
}

/// Returns problems as JSON Lines.
#[must_use]
pub fn to_jsonl(problems: &[Problem]) -> String {
    let mut text = String::new();
    for problem in problems {
        let row = serde_json::to_string(problem).expect("three text fields always serialise");
        text.push_str(&row);
        text.push('\n');
    }
    text
}

/// Writes problems as JSON Lines, replacing the file as a whole.
///
/// # Errors
/// Names the file when it cannot be written.
pub fn write(path: &Path, problems: &[Problem]) -> Result<()> {
    file::write_atomic(path, to_jsonl(problems).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "problems.jsonl";

    fn problem(question: &str, answer: &str) -> Problem {
        Problem {
            question: question.to_owned(),
            steps: vec!["<<1+2=3>>".to_owned()],
            answer: answer.to_owned(),
        }
    }

    #[test]
    fn both_shapes_are_read() {
        let lines = "\u{feff}{\"question\":\"a\",\"steps\":[\"<<1+2=3>>\"],\"answer\":\"3\"}\r\n\n\
                     {\"question\":\"b\",\"steps\":[\"<<1+2=3>>\"],\"answer\":3,\"edges\":[[0,1]]}";
        let array = "\n[{\"question\":\"a\",\"steps\":[\"<<1+2=3>>\"],\"answer\":\"3\"},\n\
                     {\"idx\":4,\"question\":\"b\",\"steps\":[\"<<1+2=3>>\"],\"answer\":3}]\n";
        for text in [lines, array] {
            let read = parse(text, Path::new(PATH)).expect("readable");
            assert_eq!(read, [problem("a", "3"), problem("b", "3")]);
        }
        let bare = parse("{\"question\":\"q\",\"answer\":true}", Path::new(PATH));
        assert_eq!(bare.expect("readable")[0].answer, "True");
        let bare = parse("{\"question\":\"q\"}", Path::new(PATH)).expect("readable");
        assert_eq!((bare[0].answer.as_str(), bare[0].steps.len()), ("", 0));
    }

    #[test]
    fn errors_name_the_line() {
        let good = "{\"question\":\"a\"}\n";
        let table = [
            (
                String::new(),
                "\"problems.jsonl\": the file holds no problem",
            ),
            (
                "[]".to_owned(),
                "\"problems.jsonl\": the file holds no problem",
            ),
            (
                format!("{good}\n{{\"steps\":[]}}"),
                "\"problems.jsonl\", line 3: missing field `question`",
            ),
            (
                format!("{good}{{\"question\":"),
                "\"problems.jsonl\", line 2: EOF while parsing a value",
            ),
            (
                "[\n{\"question\":\"a\"},\n{\"question\":7}]".to_owned(),
                "\"problems.jsonl\", line 3: invalid type: integer `7`, expected a string",
            ),
        ];
        for (text, message) in table {
            let error = parse(&text, Path::new(PATH)).expect_err("refused");
            assert_eq!(error.to_string(), message);
            assert_eq!(error.hint().as_deref(), Some(HINT));
        }
    }

    #[test]
    fn written_problems_read_back_the_same() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(PATH);
        let problems = [problem("one\ntwo \"quoted\" é", "3"), problem("b", "-4")];
        write(&path, &problems).expect("written");
        assert_eq!(read(&path).expect("readable"), problems);
    }
}
