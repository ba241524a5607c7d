//! The question that a subcommand is about: typed, from standard input, or from a file of problems.

use std::path::Path;

use crate::error::{Error, Result};
use crate::file;
use crate::problem_file::{self, source};

/// A question and what is known about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// The question.
    pub text: String,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// How many steps its gold solution has, if known.
    pub steps: Option<usize>,
}

/// Reads the question: the text itself, `-` for standard input, or a problem of a file.
///
/// # Errors
/// When nothing is named, the file cannot be read, or it has no such problem.
pub fn read(text: Option<&str>, data: Option<&Path>, index: Option<usize>) -> Result<Question> {
    let typed = |text: String| Question {
        text,
        gold: None,
        steps: None,
    };
    match (text, data) {
        (Some("-"), _) => {
            let text = file::read_stdin(source::MAX_ROW_BYTES as u64)?;
            Ok(typed(source::without_mark(&text).trim().to_owned()))
        }
        (Some(text), _) => Ok(typed(text.to_owned())),
        (None, Some(path)) => {
            let problems = problem_file::read(path)?;
            let count = problems.len();
            let problem = problems
                .into_iter()
                .nth(index.unwrap_or(0))
                .ok_or_else(|| {
                    Error::usage(format!(
                        "{} has {count} problems, so --index goes from 0 to {}",
                        path.display(),
                        count.saturating_sub(1)
                    ))
                })?;
            Ok(Question {
                text: problem.question,
                gold: Some(problem.answer),
                steps: Some(problem.steps.len()),
            })
        }
        (None, None) => Err(Error::usage(
            "pass --question TEXT, or --data FILE with --index I",
        )),
    }
}
