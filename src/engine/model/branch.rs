//! A run up to some position: the cache of every layer, and the last position's state of every row.

use candle_core::Tensor;

use super::cache::Cache;
use super::error::{ModelError, Result};
use super::vectors::{Vectors, row_index};

/// A point from which a run can continue in any number of ways. Immutable; clones are handles.
#[derive(Debug, Clone)]
pub struct Branch {
    pub(crate) cache: Cache,
    /// State of the last position after the final norm, (rows, width).
    pub(crate) hidden: Tensor,
}

impl Branch {
    /// Returns the number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.cache.rows()
    }

    /// Returns the number of positions per row.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Returns whether there are no positions; never true for a branch that a model returns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the number of positions stored once for all rows.
    #[cfg(test)]
    pub(crate) fn shared_len(&self) -> usize {
        self.cache.prefix_len()
    }

    /// Rejects ids that are not one per row.
    pub(crate) fn check_ids(&self, ids: &[u32]) -> Result<()> {
        if ids.len() == self.rows() {
            return Ok(());
        }
        Err(ModelError::input(format!(
            "{} ids for {} rows",
            ids.len(),
            self.rows()
        )))
    }

    /// Returns every row's last state, after the final norm.
    #[must_use]
    pub fn hidden(&self) -> Vectors {
        Vectors::new(self.hidden.clone())
    }

    /// Returns the given rows, in that order; rows may repeat. Shared positions are not copied.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let device = self.hidden.device();
        let picked = row_index(rows, self.rows(), device)?;
        Ok(Self {
            cache: self.cache.select(rows, device)?,
            hidden: self.hidden.index_select(&picked, 0)?,
        })
    }

    /// Stacks the rows of several branches of one prompt; their lengths may differ.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there are no branches, or they do not share a prefix.
    pub fn stack(branches: &[&Self]) -> Result<Self> {
        let caches: Vec<&Cache> = branches.iter().map(|b| &b.cache).collect();
        let cache = Cache::stack(&caches)?;
        let hidden: Vec<&Tensor> = branches.iter().map(|b| &b.hidden).collect();
        Ok(Self {
            cache,
            hidden: Tensor::cat(&hidden, 0)?,
        })
    }

    /// Repeats a single row.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there is not exactly one row, or `rows` is 0.
    pub fn fork(&self, rows: usize) -> Result<Self> {
        if self.rows() != 1 {
            return Err(ModelError::input("only a single row can be forked"));
        }
        if rows == 1 {
            Ok(self.clone())
        } else {
            self.select(&vec![0; rows])
        }
    }

    /// Moves a single row's private positions into the prefix shared by its forks.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there is not exactly one row.
    pub fn freeze(&self) -> Result<Self> {
        Ok(Self {
            cache: self.cache.freeze()?,
            hidden: self.hidden.clone(),
        })
    }
}
