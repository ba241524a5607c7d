//! Exports of a session: pure functions from a session to text.

mod escape;
mod evidence;
pub mod json;
mod latents;
pub mod markdown;
#[cfg(test)]
mod tests;

use super::Session;
use crate::core::text::Page;

/// The formats that a session can be exported in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object with every value as the machine has it.
    Json,
    /// A report to read.
    Markdown,
}

impl Format {
    /// Returns the usual ending of a file of this format, which is also its name on the command line.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }
}

/// Returns the session in the given format; ends in a line end.
#[must_use]
pub fn export(session: &Session, format: Format) -> Page {
    match format {
        Format::Json => json::to_json(session),
        Format::Markdown => markdown::to_markdown(session),
    }
}
