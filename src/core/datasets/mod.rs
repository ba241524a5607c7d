//! Preparation of data sets: the three GSM8k-Aug test sets and the verifier's templates (docs/methods.md M3.2 to M3.5).
//!
//! Follows the published preparation, including its quirks, so that results refer to the same rows. Does no terminal or file
//! output; `commands::data` does.

pub mod gsm8k;
pub mod manifest;
pub mod multichain;
pub mod numbers;
pub mod solution;
pub mod templates;
pub mod vocabulary;
pub(crate) mod words;

use regex::Regex;

/// Compiles a pattern that is known to be valid.
pub(crate) fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is fixed and tested")
}
