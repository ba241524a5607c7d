//! Vectors fed in place of a run's own latents, by row.

use std::collections::BTreeMap;
use std::sync::Arc;

use candle_core::Tensor;

use super::error::{ModelError, Result};
use super::vectors::replaced;
use crate::core::types::LatentIdx;

/// Vectors fed in place of a run's own latents; everything after an override is recomputed (total effect).
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    rows: usize,
    /// By latent, then by row.
    at: BTreeMap<LatentIdx, BTreeMap<usize, Arc<[f32]>>>,
}

impl Overrides {
    /// Creates an empty set for `rows` rows.
    #[must_use]
    pub fn none(rows: usize) -> Self {
        Self {
            rows,
            at: BTreeMap::new(),
        }
    }

    /// Replaces one latent of one row; a later call for the same place wins.
    pub fn set(&mut self, row: usize, latent: LatentIdx, vector: impl Into<Arc<[f32]>>) {
        self.at
            .entry(latent)
            .or_default()
            .insert(row, vector.into());
    }

    /// Returns the number of rows of the run.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Returns whether nothing is replaced.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.at.is_empty()
    }

    /// Rejects overrides without effect: rows or latents outside the run.
    pub(crate) fn check(&self, k: usize) -> Result<()> {
        for (latent, rows) in &self.at {
            if latent.0 == 0 || latent.0 > k {
                return Err(ModelError::input(format!(
                    "latent {latent} of a run with {k} latents"
                )));
            }
            if let Some((row, _)) = rows.last_key_value().filter(|(row, _)| **row >= self.rows) {
                return Err(ModelError::input(format!("row {row} of {}", self.rows)));
            }
        }
        Ok(())
    }

    /// Returns the vectors to feed at a latent, (rows, width): `natural` where nothing is replaced.
    pub(crate) fn apply(&self, latent: LatentIdx, natural: &Tensor) -> Result<Tensor> {
        let rows = self.at.get(&latent).into_iter().flatten();
        let vectors: Vec<_> = rows.map(|(row, vector)| (*row, vector)).collect();
        replaced(natural, &vectors)
    }
}

#[cfg(test)]
mod tests {
    use candle_core::Device;

    use super::*;

    #[test]
    fn only_the_named_row_and_latent_change() {
        let natural = Tensor::new(&[[1f32, 2.0], [3.0, 4.0]], &Device::Cpu).expect("tensor");
        let mut overrides = Overrides::none(2);
        overrides.set(1, LatentIdx(2), vec![9.0, 8.0]);
        let at = |latent| {
            overrides
                .apply(LatentIdx(latent), &natural)
                .and_then(|t| Ok(t.to_vec2::<f32>()?))
        };
        assert_eq!(at(1).expect("vectors"), [[1.0, 2.0], [3.0, 4.0]]);
        assert_eq!(at(2).expect("vectors"), [[1.0, 2.0], [9.0, 8.0]]);
    }

    #[test]
    fn a_replacement_that_would_not_happen_is_an_error() {
        let mut beyond = Overrides::none(1);
        beyond.set(0, LatentIdx(3), vec![0.0]);
        assert!(beyond.check(2).is_err());
        assert!(beyond.check(3).is_ok());
        let mut no_such_row = Overrides::none(1);
        no_such_row.set(1, LatentIdx(1), vec![0.0]);
        assert!(no_such_row.check(2).is_err());
        let mut no_such_latent = Overrides::none(1);
        no_such_latent.set(0, LatentIdx(0), vec![0.0]);
        assert!(no_such_latent.check(2).is_err());
    }
}
