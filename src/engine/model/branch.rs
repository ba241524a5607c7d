//! A run up to some position: what every layer remembers, and the state of the last position of every row.

use candle_core::Tensor;

use super::cache::Cache;
use super::error::{ModelError, Result};
use super::vectors::{Vectors, row_index};

/// A point from which a run can go on, in any number of ways: it never changes, and clones are handles.
#[derive(Debug, Clone)]
pub struct Branch {
    pub(crate) cache: Cache,
    /// State of the last position after the final norm, (rows, width).
    pub(crate) hidden: Tensor,
}

impl Branch {
    /// How many rows run side by side.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.cache.rows()
    }

    /// How many positions each row has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.cache.len()
    }

    /// Whether no position was run yet; never so for a branch that a model returns.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many of the positions are stored once for all rows.
    #[must_use]
    pub fn shared_len(&self) -> usize {
        self.cache.prefix_len()
    }

    /// Returns the state of the last position of every row, after the final norm.
    #[must_use]
    pub fn hidden(&self) -> Vectors {
        Vectors::new(self.hidden.clone())
    }

    /// Picks rows, in that order, each as often as it is named; what the rows share is not copied.
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

    /// Puts the rows of several branches side by side. They went out from one prompt; some may be longer than others.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there are none, or they do not share a prefix.
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
    /// [`ModelError::Input`] if there is not exactly one row, or none is asked for.
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

    /// Moves the private positions of a single row into the prefix that its forks share.
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
