//! A document as Markdown, HTML, CSV and JSON.

pub mod csv;
pub mod html;
pub mod json;
pub mod markdown;
pub mod svg;
