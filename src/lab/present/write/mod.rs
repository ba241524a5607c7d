//! A document as Markdown, HTML, CSV, JSON and plain text.

pub mod csv;
pub mod html;
pub mod json;
pub mod markdown;
pub mod svg;
pub mod text;
