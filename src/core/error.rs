//! The error type of the crate: its message and location, its kind (which decides the exit code) and a hint.
//!
//! Paths are quoted with escapes, so that a hostile file name cannot reach the terminal through a message.

use std::io;
use std::path::{Path, PathBuf};

/// A result with [`Error`] as its default error.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The kind of an error; each kind has one exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FailureKind {
    /// A wrong argument or combination of arguments.
    Usage,
    /// A bad configuration file or variable.
    Config,
    /// A model that cannot be found, loaded or run.
    Model,
    /// A data or session file that cannot be understood.
    Data,
    /// A file that cannot be read or written.
    Io,
    /// A bug in this program.
    Internal,
    /// The reader of our output closed it, which is not a failure.
    BrokenPipe,
    /// The verdict is not sound, and `--check` was given.
    VerdictNotSound,
}

impl FailureKind {
    /// Returns the exit code of the process.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::BrokenPipe => 0,
            Self::VerdictNotSound => 1,
            Self::Usage | Self::Config => 2,
            Self::Model | Self::Data | Self::Io => 3,
            Self::Internal => 101,
        }
    }
}

/// Error for a path that is not a regular file although one is needed; wrapped in an [`io::Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is {what}, not a regular file")]
pub struct NotRegular {
    /// The actual kind of file, with its article.
    pub what: &'static str,
}

/// Any error of this crate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A wrong argument or combination of arguments.
    #[error("{message}")]
    Usage {
        /// The problem.
        message: String,
        /// The suggested next step.
        hint: Option<String>,
    },
    /// A bad configuration file or variable.
    #[error("{}: {message}", place(path, *line))]
    Config {
        /// The file, or the name of the variable.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// The problem.
        message: String,
        /// The suggested next step.
        hint: Option<String>,
    },
    /// A model that cannot be found, loaded or run.
    #[error("{message}")]
    Model {
        /// The problem; names the model, file or tensor.
        message: String,
        /// The suggested next step.
        hint: String,
    },
    /// A data or session file that cannot be understood.
    #[error("{}: {message}", place(path, *line))]
    Data {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: Option<usize>,
        /// The problem.
        message: String,
        /// The suggested next step.
        hint: String,
    },
    /// A file that cannot be read or written.
    #[error("cannot {action} {path:?}: {source}")]
    Io {
        /// The attempted operation: `read`, `write`, `create`, ...
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Standard output or the terminal cannot be written.
    #[error("cannot write the output: {source}")]
    Output {
        /// The cause.
        #[from]
        source: io::Error,
    },
    /// The verdict is not sound, and `--check` was given.
    #[error("verdict not sound: {message}")]
    VerdictNotSound {
        /// The verdict and its reason.
        message: String,
    },
    /// A bug in this program.
    #[error("internal error: {message}")]
    Internal {
        /// The violated assumption.
        message: String,
    },
}

impl Error {
    /// Creates a usage error.
    #[must_use]
    pub fn usage(message: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: None,
        }
    }

    /// Creates a usage error with a hint.
    #[must_use]
    pub fn usage_with_hint(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage {
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// Creates an error about a model.
    #[must_use]
    pub fn model(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Model {
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Creates an error about the contents of a file; `line` counts from 1.
    #[must_use]
    pub fn data(
        path: &Path,
        line: Option<usize>,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self::Data {
            path: path.to_owned(),
            line,
            message: message.into(),
            hint: hint.into(),
        }
    }

    /// Creates an error about a file that could not be read or written.
    #[must_use]
    pub fn io(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }

    /// Creates an error for a state that should be impossible.
    #[must_use]
    pub fn internal(message: impl Into<String>) -> Self {
        Self::Internal {
            message: message.into(),
        }
    }

    /// Returns the kind of this error.
    #[must_use]
    pub fn kind(&self) -> FailureKind {
        match self {
            Self::Usage { .. } => FailureKind::Usage,
            Self::Config { .. } => FailureKind::Config,
            Self::Model { .. } => FailureKind::Model,
            Self::Data { .. } => FailureKind::Data,
            Self::Output { source } if source.kind() == io::ErrorKind::BrokenPipe => {
                FailureKind::BrokenPipe
            }
            Self::Io { .. } | Self::Output { .. } => FailureKind::Io,
            Self::VerdictNotSound { .. } => FailureKind::VerdictNotSound,
            Self::Internal { .. } => FailureKind::Internal,
        }
    }

    /// Returns the exit code of the process.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        self.kind().exit_code()
    }

    /// Returns the suggested next step, if there is one.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Usage { hint, .. } => Some(
                hint.clone()
                    .unwrap_or_else(|| "see undertone --help".to_owned()),
            ),
            Self::Config { hint, .. } => hint.clone(),
            Self::Model { hint, .. } | Self::Data { hint, .. } => Some(hint.clone()),
            Self::Io { source, action, .. } => io_hint(source, action),
            Self::Internal { .. } => {
                Some("please report this with the log file; the session is autosaved".to_owned())
            }
            Self::Output { .. } | Self::VerdictNotSound { .. } => None,
        }
    }
}

/// Formats a location: `"file.jsonl", line 3`, or without the line.
fn place(path: &Path, line: Option<usize>) -> String {
    match line {
        Some(line) => format!("{path:?}, line {line}"),
        None => format!("{path:?}"),
    }
}

/// Returns a hint for a file that could not be read or written.
fn io_hint(source: &io::Error, action: &str) -> Option<String> {
    let is_special = source
        .get_ref()
        .is_some_and(<dyn std::error::Error + Send + Sync>::is::<NotRegular>);
    let hint = match source.kind() {
        io::ErrorKind::InvalidInput if is_special && action == "read" => {
            "pass a regular file; to read another program's output, use /dev/stdin"
        }
        io::ErrorKind::InvalidInput if is_special => {
            "name a regular file, or one that does not exist yet"
        }
        io::ErrorKind::NotConnected => "as in: cat FIFO & undertone ... --out FIFO",
        io::ErrorKind::NotFound if action == "read" => "check the path; the file does not exist",
        io::ErrorKind::NotFound => "check the path; its folder does not exist",
        io::ErrorKind::PermissionDenied => "check the permissions, or choose another place",
        io::ErrorKind::StorageFull => "free some space, or choose another disk",
        io::ErrorKind::IsADirectory => "name a file, not a folder",
        io::ErrorKind::AlreadyExists | io::ErrorKind::NotADirectory => {
            "a file exists where a folder is needed; choose another path"
        }
        io::ErrorKind::InvalidData => "the file is not UTF-8 text; check that it is the right one",
        _ => return None,
    };
    Some(hint.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_decide_the_exit_code() {
        let path = Path::new("run.jsonl");
        let pipe = io::Error::from(io::ErrorKind::BrokenPipe);
        let full = || io::Error::from(io::ErrorKind::StorageFull);
        let table = [
            (Error::usage("x"), FailureKind::Usage, 2),
            (Error::model("x", "y"), FailureKind::Model, 3),
            (Error::data(path, None, "x", "y"), FailureKind::Data, 3),
            (Error::io("write", path, full()), FailureKind::Io, 3),
            (Error::from(pipe), FailureKind::BrokenPipe, 0),
            (Error::from(full()), FailureKind::Io, 3),
            (Error::internal("x"), FailureKind::Internal, 101),
            (
                Error::VerdictNotSound {
                    message: "x".to_owned(),
                },
                FailureKind::VerdictNotSound,
                1,
            ),
            (
                Error::Config {
                    path: path.to_owned(),
                    line: Some(1),
                    message: "x".to_owned(),
                    hint: None,
                },
                FailureKind::Config,
                2,
            ),
        ];
        for (error, kind, code) in table {
            assert_eq!((error.kind(), error.exit_code()), (kind, code), "{error:?}");
        }
    }

    #[test]
    fn messages_name_the_file_and_the_next_step() {
        let error = Error::data(
            Path::new("a\u{1b}[31m.jsonl"),
            Some(3),
            "no question",
            "add one",
        );
        assert_eq!(
            error.to_string(),
            "\"a\\u{1b}[31m.jsonl\", line 3: no question"
        );
        assert_eq!(error.hint().as_deref(), Some("add one"));

        let missing = io::Error::from(io::ErrorKind::NotFound);
        let error = Error::io("read", Path::new("p.jsonl"), missing);
        assert!(error.to_string().starts_with("cannot read \"p.jsonl\": "));
        assert!(error.hint().is_some());
    }
}
