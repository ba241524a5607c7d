//! What is known, as plain data for readers: documents of sections, tables and plots, built once and written in every format.
//!
//! `document` and `plot` are the data, `write` holds a writer for each format. Builders compute; writers only format and escape.

pub mod document;
pub mod plot;
pub mod write;
