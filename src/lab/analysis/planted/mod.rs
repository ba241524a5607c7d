//! Models with known ground truth, and their verdicts: the calibration sheet.

mod circuit;
mod dim;
mod judge;
mod plants;
mod questions;
mod sheet;
#[cfg(test)]
mod tests;

pub use plants::{Plant, Size};
pub use sheet::{
    CalibrationCell, CalibrationRow, CalibrationSheet, FILES, Request, RungCount, WORDS, files,
    names, sheet,
};

#[cfg(test)]
pub(crate) use sheet::Grown;
