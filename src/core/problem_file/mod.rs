//! Problem files in every published form, detected by content (see `source`): JSON arrays and JSON Lines of the rows that `row`
//! supports, PrOntoQA's object of examples, and GSM8k-Aug's raw text.
//!
//! Fields other than question, steps and answer are ignored, unless other sets keep a part of the question there. Errors name the
//! file, the line and the expected form.

mod bounds;
pub mod decoded;
pub(crate) mod json;
pub(crate) mod raw;
pub(crate) mod row;
mod shape;
pub(crate) mod source;
pub(crate) mod steps;
pub(crate) mod values;

use std::path::Path;

use self::row::ProblemRow;
use self::source::{FORMS, Form};
use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::problem::Problem;
use crate::core::problem::gold::plain_answer;

/// Reads a file of problems and normalizes their gold answers; see [`plain_golds`].
///
/// # Errors
/// Names the file and the offending line. A file without problems is an error.
pub fn read(path: &Path) -> Result<Vec<Problem>> {
    let mut problems = parse(&source::read_text(path)?, path)?;
    plain_golds(&mut problems);
    Ok(problems)
}

/// A gold answer that was normalized.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dressed {
    /// Its row, from 0.
    pub row: usize,
    /// The answer in the file.
    pub was: String,
}

/// Normalizes gold answers ([`plain_answer`]); returns those that changed. The published protocol compares them unchanged.
pub fn plain_golds<'a>(problems: impl IntoIterator<Item = &'a mut Problem>) -> Vec<Dressed> {
    let mut dressed = Vec::new();
    for (row, problem) in problems.into_iter().enumerate() {
        let plain = plain_answer(&problem.answer);
        if plain != problem.answer {
            let was = std::mem::replace(&mut problem.answer, plain);
            dressed.push(Dressed { row, was });
        }
    }
    dressed
}

/// Parses problems from the text of a file, without normalizing gold answers; `path` is only used in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, path: &Path) -> Result<Vec<Problem>> {
    let solved = parse_solved(text, path)?;
    Ok(solved.into_iter().map(|solved| solved.problem).collect())
}

/// A problem with the alternative solutions in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Solved {
    /// The problem.
    pub problem: Problem,
    /// Alternative solutions, as steps.
    pub others: Vec<Vec<String>>,
}

impl From<Problem> for Solved {
    fn from(problem: Problem) -> Self {
        Self {
            problem,
            others: Vec::new(),
        }
    }
}

/// Parses problems together with alternative solutions, if the file has any.
///
/// # Errors
/// As [`read`].
pub fn parse_solved(text: &str, path: &Path) -> Result<Vec<Solved>> {
    let text = source::without_mark(text);
    let solved = |rows: Vec<ProblemRow>| {
        let rows = rows.into_iter().map(|row| Solved {
            problem: row.problem,
            others: row.others,
        });
        rows.collect()
    };
    let form = source::form(text);
    let read = match form {
        Form::Array => json::read_array(text, path, FORMS).map(solved),
        Form::Lines => json::read_lines(text, path, FORMS).map(solved),
        Form::Examples => json::read_examples(text, path, FORMS).map(solved),
        Form::Raw => raw::read(text, path).map(|rows| rows.into_iter().map(Solved::from).collect()),
    };
    let problems: Vec<Solved> = read.map_err(|error| match shape::identify(text, form) {
        Some(shape) => Error::data(path, None, shape.what, shape.way_out),
        None => error,
    })?;
    if problems.is_empty() {
        return Err(Error::data(path, None, "the file holds no problem", FORMS));
    }
    Ok(problems)
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
/// Names the file if it cannot be written.
pub fn write(path: &Path, problems: &[Problem]) -> Result<()> {
    file::write_out(path, to_jsonl(problems).as_bytes())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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
                "\"problems.jsonl\", line 3: invalid type: integer `7`, expected a string (row 2)",
            ),
            (
                "[{\"question\":\"a\"},{\"question\":\"b\"".to_owned(),
                "\"problems.jsonl\", line 1: EOF while parsing an object (row 2)",
            ),
            (
                "[{\"question\":\"a\"}] more".to_owned(),
                "\"problems.jsonl\", line 1: trailing characters",
            ),
            (
                "one question".to_owned(),
                "\"problems.jsonl\", line 1: no || after the question",
            ),
        ];
        for (text, message) in table {
            let error = parse(&text, Path::new(PATH)).expect_err("refused");
            assert_eq!(error.to_string(), message);
            assert_eq!(error.hint().as_deref(), Some(FORMS));
        }
    }

    #[test]
    fn the_raw_form_is_read_whatever_the_file_is_called() {
        let text = "\u{feff}a||<<1+2=3>> #### 3\r\nb||<<1+2=3>> #### 3\r\n";
        let read = parse(text, Path::new("data.json")).expect("readable");
        assert_eq!(read, [problem("a", "3"), problem("b", "3")]);
    }

    #[test]
    fn hostile_files_get_one_short_error_or_are_read_as_text() {
        let deep = |n: usize| "[".repeat(n) + &"]".repeat(n);
        let long = "q".repeat(3 << 20);
        let table = [
            // Deep nesting fails in a relevant field; in any other field it is ignored.
            (
                format!("{{\"question\":{}}}", deep(100_000)),
                "expected a string",
            ),
            (
                format!("{{\"question\":\"q\",\"answer\":{}}}", deep(100_000)),
                "expected a text",
            ),
            (format!("[{}]", deep(100_000)), "expected an object"),
            (
                format!("{{\"question\":\"{long}\"}}"),
                "the row has 3145743 bytes",
            ),
            (
                format!("[{{\"question\":\"{long}\"}}]"),
                "the row has 3145743 bytes; at most 1048576 are read (row 1)",
            ),
            (format!("{long}||##1"), "the row has 3145733 bytes"),
            (
                format!("[{{\"question\":\"a\"}},\n\"{long}\"]"),
                "line 2: the row has 3145730 bytes; at most 1048576 are read (row 2)",
            ),
            (format!("[{{\"question\":\"{long}"), "the row has"),
            (format!("[\"{}\"]", "q".repeat(9999)), "…"),
            (
                format!("a||{}##1", "x ".repeat(10_001)),
                "more than 10000 steps",
            ),
            ("{\"question\":\"a\0b\"}".to_owned(), "control character"),
            ("\0\0\0".to_owned(), "no ||"),
        ];
        for (text, expected) in table {
            let error = parse(&text, Path::new(PATH))
                .expect_err(expected)
                .to_string();
            assert!(error.contains(expected) && error.len() < 400, "{error}");
        }
        let beside = format!("{{\"edges\":{},\"question\":\"q\"}}", deep(100));
        assert_eq!(parse(&beside, Path::new(PATH)).expect("readable").len(), 1);
        // Control bytes are data here; the screen and the reports sanitize what they show.
        let escapes = parse("a\u{1b}[2J\0||##\u{7}1", Path::new(PATH)).expect("readable");
        assert_eq!(escapes[0].question, "a\u{1b}[2J\0");
    }

    proptest! {
        #[test]
        fn problems_survive_both_written_forms(
            question in "[^|#\r\n]{0,30}[a-z]",
            steps in proptest::collection::vec("[^|# \r\n\u{1c}-\u{1f}]{0,12}[a-z]", 1..5),
            answer in "[0-9a-z]{1,9}",
        ) {
            let written = Problem { question, steps, answer };
            let lines = to_jsonl(std::slice::from_ref(&written));
            prop_assert_eq!(&parse(&lines, Path::new(PATH)).expect("readable")[0], &written);
            let raw = format!("q||##\n_{}||{}##{}", written.question, written.steps.join(" "), written.answer);
            let read = parse(&raw, Path::new(PATH)).expect("readable");
            prop_assert_eq!(&read[1].question[1..], &written.question);
            let steps = written.steps.join(" ");
            prop_assert_eq!(read[1].steps.join(" "), source::strip(&steps));
            prop_assert_eq!(&read[1].answer, &written.answer);
        }
    }

    #[test]
    fn published_files_open_with_their_counts() {
        // The fixtures hold the first half of each test set: docs/methods.md M3.1 counts 500 and 800.
        let table = [
            ("prosqa_test.json", 250, 3..=6),
            ("prosqa_valid.json", 300, 3..=6),
            ("prontoqa_test.json", 400, 6..=6),
            ("prontoqa_valid.json", 200, 6..=6),
        ];
        for (name, n, steps) in table {
            let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/data");
            let path = Path::new(root).join(name);
            if !path.exists() {
                let line = format!("skipped: no shared fixture data/{name}\n");
                _ = std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes());
                continue;
            }
            let problems = read(&path).expect("readable");
            assert_eq!(problems.len(), n, "{name}");
            for problem in &problems {
                assert!(steps.contains(&problem.steps.len()), "{name}: {problem:?}");
                if name.starts_with("prosqa") {
                    assert!(problem.answer.ends_with('.') && problem.question.ends_with('?'));
                } else {
                    assert!(["True", "False"].contains(&problem.answer.as_str()));
                    assert!(problem.question.contains("True or false: "));
                }
            }
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
