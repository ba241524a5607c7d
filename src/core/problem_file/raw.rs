//! The raw text form of GSM8k-Aug (docs/methods.md M3.2): `QUESTION || STEP STEP ## ANSWER`, one example per line.
//!
//! Follows the published conversion exactly: universal newlines, lines and answers trimmed but not questions, steps split on
//! single spaces.

use std::path::Path;

use super::bounds::{Kept, MAX_ROW_BYTES, MAX_ROWS, MAX_STEPS, too_long, too_many};
use super::source::{FORMS, strip, universal_newlines};
use crate::core::error::{Error, Result};
use crate::core::problem::Problem;

/// Reads every non-blank line.
///
/// # Errors
/// Names the line that violates the grammar, and the missing part.
pub(super) fn read(text: &str, path: &Path) -> Result<Vec<Problem>> {
    let failed = |line, message: String| Error::data(path, Some(line), message, FORMS);
    let mut problems: Vec<Problem> = Vec::new();
    let mut kept = Kept::default();
    for (line, number) in universal_newlines(text).split('\n').zip(1..) {
        let line = strip(line);
        if line.is_empty() {
            continue;
        }
        if line.len() > MAX_ROW_BYTES {
            return Err(failed(number, too_long(line.len())));
        }
        if problems.len() == MAX_ROWS {
            return Err(failed(number, too_many()));
        }
        let problem = parse(line).map_err(|lack| failed(number, lack.to_owned()))?;
        if problem.steps.len() > MAX_STEPS {
            return Err(failed(number, format!("more than {MAX_STEPS} steps")));
        }
        kept.add(line.len(), 3 + problem.steps.len())
            .map_err(|why| failed(number, why))?;
        problems.push(problem);
    }
    Ok(problems)
}

/// Parses one trimmed line; the error names the missing part.
fn parse(line: &str) -> Result<Problem, &'static str> {
    let (question, rest) = line.split_once("||").ok_or("no || after the question")?;
    // The conversion splits the whole line on both marks, so a second || also ends the steps.
    let (body, answer) = rest.rsplit_once("##").ok_or("no ## before the answer")?;
    let body = body.split("||").next().unwrap_or_default();
    let steps = strip(body.split("##").next().unwrap_or_default());
    Ok(Problem {
        question: question.to_owned(),
        // Without steps, this is one empty step, as published.
        steps: steps.split(' ').map(str::to_owned).collect(),
        answer: strip(answer).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(question: &str, steps: &[&str], answer: &str) -> Problem {
        Problem {
            question: question.to_owned(),
            steps: steps.iter().map(|step| (*step).to_owned()).collect(),
            answer: answer.to_owned(),
        }
    }

    #[test]
    fn lines_are_split_as_published() {
        let table = [
            // The line, the steps as a whole and the answer are trimmed; the question is not.
            (
                "  Q ? || <<1+2=3>> <<3*2=6>>  ##  6 ",
                problem("Q ? ", &["<<1+2=3>>", "<<3*2=6>>"], "6"),
            ),
            ("Q||<<1+2=3>> #### 3", problem("Q", &["<<1+2=3>>"], "3")),
            // Several ## are allowed; the steps end at the first, the answer follows the last.
            (
                "Q||<<1+2=3>> ## not read ## 3",
                problem("Q", &["<<1+2=3>>"], "3"),
            ),
            // An empty step field is one empty step.
            ("Q|| ## 3", problem("Q", &[""], "3")),
            ("Q||##", problem("Q", &[""], "")),
            ("||##3", problem("", &[""], "3")),
            // Steps are split on single spaces, so a double space yields an empty step.
            ("Q||a  b\tc ##3", problem("Q", &["a", "", "b\tc"], "3")),
            // A ## before the || belongs to the question.
            (
                "Q ## x||<<1+2=3>>##3",
                problem("Q ## x", &["<<1+2=3>>"], "3"),
            ),
            ("Q||<<1+2=3>>||more##3", problem("Q", &["<<1+2=3>>"], "3")),
            ("Q||a##b||c##3", problem("Q", &["a"], "3")),
        ];
        for (line, is) in table {
            assert_eq!(
                read(line, Path::new("t")).expect("readable"),
                [is],
                "{line:?}"
            );
        }
    }

    #[test]
    fn blank_lines_are_skipped_and_any_line_end_counts() {
        let text = "a||##1\r\n\r\n \t\n\u{1c}\nb||##2\rc||##3";
        let read = read(text, Path::new("t")).expect("readable");
        let questions: Vec<_> = read.iter().map(|p| p.question.as_str()).collect();
        assert_eq!(questions, ["a", "b", "c"]);
        assert_eq!(read[0].answer, "1");
    }

    #[test]
    fn a_line_with_a_missing_part_is_named() {
        let long = format!("a||##1\n{}||##1", "q".repeat(MAX_ROW_BYTES));
        let table = [
            ("a||##1\nno marks", "line 2: no || after the question"),
            ("a||##1\r\rb || 3", "line 3: no ## before the answer"),
            ("a ## 1 || 3", "line 1: no ## before the answer"),
            (&long, "line 2: the row has 1048581 bytes"),
        ];
        for (text, expected) in table {
            let error = read(text, Path::new("t")).expect_err("refused");
            assert!(error.to_string().contains(expected), "{error}");
        }
        let many = "||##\n".repeat(MAX_ROWS + 1);
        let error = read(&many, Path::new("t")).expect_err("refused");
        assert!(
            error.to_string().contains("line 1000001: too many rows"),
            "{error}"
        );
    }
}
