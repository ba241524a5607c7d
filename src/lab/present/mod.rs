//! What is known, as plain data for readers: documents of sections, tables and plots, built once and written in every format.
//!
//! `document` and `plot` are the data, `write` holds a writer for each format. Builders compute; writers only format and escape.
//! `run`, `ablation`, `verdict` and `evidence` build what is known of one problem, for the explorer's screens and exports alike.

pub mod ablation;
pub mod document;
pub mod evidence;
pub mod number;
pub mod plot;
pub mod run;
pub mod verdict;
pub mod write;
