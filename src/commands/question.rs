//! The question of a subcommand: from an option, standard input, or a file of problems.

use std::io::IsTerminal as _;
use std::path::Path;

use crate::core::error::{Error, Result};
use crate::core::file;
use crate::core::problem::Problem;
use crate::core::problem_file::{self, source};

/// A question with its gold solution, if known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GivenQuestion {
    /// The question.
    pub text: String,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// Number of steps of its gold solution, if known.
    pub steps: Option<usize>,
}

impl From<Problem> for GivenQuestion {
    fn from(problem: Problem) -> Self {
        Self {
            text: problem.question,
            gold: Some(problem.answer).filter(|gold| !gold.trim().is_empty()),
            steps: Some(problem.steps.len()),
        }
    }
}

/// The longest question accepted on standard input, in bytes.
const LONGEST: u64 = 1 << 20;

/// Reads the question piped to standard input; returns `None` on a terminal or without input.
///
/// # Errors
/// When the input cannot be read, is too long, or is blank.
pub fn piped() -> Result<Option<GivenQuestion>> {
    if std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let text = standard_input()?;
    if text.is_empty() {
        return Ok(None);
    }
    if text.trim().is_empty() {
        return Err(Error::usage_with_hint(
            "the question on standard input is empty",
            "pipe a question in, or pass --data FILE, or inspect --question TEXT",
        ));
    }
    Ok(Some(GivenQuestion {
        text: text.trim().to_owned(),
        gold: None,
        steps: None,
    }))
}

/// Reads standard input without a byte order mark.
fn standard_input() -> Result<String> {
    let text = file::read_stdin(LONGEST)?;
    Ok(source::without_mark(&text).to_owned())
}

/// Returns the error for an `--index` beyond the end of a list.
#[must_use]
pub fn no_problem(list: &str, index: usize, count: usize) -> Error {
    let last = count.saturating_sub(1);
    Error::usage_with_hint(
        format!("there is no problem {index}: {list} has {count}, counted from 0"),
        format!("pass --index from 0 to {last}"),
    )
}

/// Reads the question: the text itself, `-` for standard input, or a problem of a file.
///
/// # Errors
/// When nothing is named, the file cannot be read, or it has no such problem.
pub fn read(
    text: Option<&str>,
    data: Option<&Path>,
    index: Option<usize>,
) -> Result<GivenQuestion> {
    let typed = |text: String| GivenQuestion {
        text,
        gold: None,
        steps: None,
    };
    match (text, data) {
        (Some("-"), _) => Ok(typed(standard_input()?.trim().to_owned())),
        (Some(text), _) => Ok(typed(text.to_owned())),
        (None, Some(path)) => {
            let problems = problem_file::read(path)?;
            let index = index.unwrap_or(0);
            let count = problems.len();
            let problem = problems.into_iter().nth(index);
            let problem = problem.ok_or_else(|| no_problem(&format!("{path:?}"), index, count))?;
            Ok(problem.into())
        }
        (None, None) => Err(Error::usage(
            "pass --question TEXT, or --data FILE with --index I",
        )),
    }
}
