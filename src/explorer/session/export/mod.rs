//! Exports of a session: pure functions from a session to text.

mod document;
pub mod json;
#[cfg(test)]
mod tests;

use super::Session;
use crate::core::text::Page;
use crate::lab::present::write::markdown;

/// An export format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object with every value at full precision.
    Json,
    /// A report for readers.
    Markdown,
}

impl Format {
    /// Returns the file extension, which is also the name of the format on the command line.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "md",
        }
    }
}

/// Returns the session in the given format, ending in a newline.
#[must_use]
pub fn export(session: &Session, format: Format) -> Page {
    match format {
        Format::Json => json::to_json(session),
        Format::Markdown => markdown::document(&document::document(session)),
    }
}
