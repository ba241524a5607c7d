//! Making data sets: the three GSM8k-Aug test sets and the verifier's templates (methods.md 1.2 to 1.4).
//!
//! Everything here follows the published preparation, quirks included, so that our numbers are of the same rows.
//! It touches no terminal and writes no file; `headless::data` does.

pub mod gsm8k;
pub mod manifest;
pub mod multichain;
pub mod numbers;
pub mod solution;
pub mod templates;
pub mod vocabulary;
pub(crate) mod words;

use regex::Regex;

/// A pattern that is known to be one.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is fixed and tested")
}
