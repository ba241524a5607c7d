//! Models of which the truth is known, and what verdicts say of them: the calibration sheet.

mod circuit;
mod judge;
mod plants;
mod questions;
mod sheet;
#[cfg(test)]
mod tests;

pub use plants::{Plant, Size};
pub use sheet::{Cell, Request, RungCount, Sheet, WORDS, files, sheet};

#[cfg(test)]
pub(crate) use sheet::Grown;
