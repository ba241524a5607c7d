//! Differences between the rows of a batch: tail places that a row lacks, and places that it must not attend to.
//!
//! Rows of unequal length are aligned at their ends: a shorter one lacks the first places of the tail. These are masked at
//! every layer, and position numbers do not count them.

use std::ops::Range;

use candle_core::{DType, Device, Tensor};

use super::cache::Cache;
use super::error::{ModelError, Result};
use super::mask::causal_mask;

/// The differences; places count from the start of the tail.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Apart {
    /// By row: the number of absent places at the start.
    pub(crate) absent: Vec<usize>,
    /// By row: places that no later position may attend to.
    pub(crate) blocked: Vec<Vec<usize>>,
    /// The layers at which they are blocked.
    pub(crate) layers: Range<usize>,
}

impl Apart {
    /// Creates rows without differences.
    pub(crate) fn none(rows: usize) -> Self {
        Self {
            absent: vec![0; rows],
            blocked: vec![Vec::new(); rows],
            layers: 0..0,
        }
    }

    /// Returns whether no place is absent or blocked.
    pub(crate) fn is_none(&self) -> bool {
        self.absent.iter().all(|&n| n == 0) && self.blocked.iter().all(Vec::is_empty)
    }

    /// Returns the given rows, in that order; they must exist.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        Self {
            absent: rows.iter().map(|&row| self.absent[row]).collect(),
            blocked: rows.iter().map(|&row| self.blocked[row].clone()).collect(),
            layers: self.layers.clone(),
        }
    }

    /// Shifts every place by `by` new absent places.
    pub(crate) fn padded(mut self, by: usize) -> Self {
        for absent in &mut self.absent {
            *absent += by;
        }
        for place in self.blocked.iter_mut().flatten() {
            *place += by;
        }
        self
    }

    /// Drops places from `length` on.
    pub(crate) fn cut(mut self, length: usize) -> Self {
        for row in &mut self.blocked {
            row.retain(|&place| place < length);
        }
        self
    }

    /// Appends the rows of `other`, whose blocked layers must be the same unless it blocks none.
    pub(crate) fn extend(&mut self, other: Self) -> Result<()> {
        let blocks = |rows: &Self| rows.blocked.iter().any(|row| !row.is_empty());
        if blocks(&other) {
            if blocks(self) && self.layers != other.layers {
                return Err(ModelError::input(
                    "rows that are blocked at different layers cannot run side by side",
                ));
            }
            self.layers = other.layers;
        }
        self.absent.extend(other.absent);
        self.blocked.extend(other.blocked);
        Ok(())
    }

    /// Returns the mask of t new positions, (rows, t, cached + t): absent places, and blocked ones if requested.
    fn hidden(
        &self,
        t: usize,
        cache: &Cache,
        with_blocked: bool,
        device: &Device,
    ) -> Result<Tensor> {
        let (rows, width) = (self.absent.len(), cache.len() + t);
        let mut values = vec![0f32; rows * t * width];
        for (i, line) in values.chunks_exact_mut(width).enumerate() {
            let row = i / t;
            let tail = &mut line[cache.prefix_len()..];
            tail[..self.absent[row]].fill(f32::NEG_INFINITY);
            if with_blocked {
                for &place in &self.blocked[row] {
                    tail[place] = f32::NEG_INFINITY;
                }
            }
        }
        Ok(Tensor::from_vec(values, (rows, t, width), device)?)
    }
}

/// The masks of one pass, layer by layer.
pub(crate) struct Masks {
    everywhere: Option<Tensor>,
    blocked: Option<(Range<usize>, Tensor)>,
}

impl Masks {
    /// Creates the masks of t new positions on top of a cache.
    pub(crate) fn new(t: usize, cache: &Cache, dtype: DType, device: &Device) -> Result<Self> {
        let mask =
            |extra: Option<Tensor>| causal_mask(t, cache.len(), extra.as_ref(), dtype, device);
        let Some(ragged) = cache.ragged() else {
            return Ok(Self {
                everywhere: mask(None)?,
                blocked: None,
            });
        };
        let has_absent = ragged.absent.iter().any(|&n| n > 0);
        let absent = has_absent
            .then(|| ragged.hidden(t, cache, false, device))
            .transpose()?;
        let blocked = if ragged.blocked.iter().any(|row| !row.is_empty()) {
            let hidden = ragged.hidden(t, cache, true, device)?;
            mask(Some(hidden))?.map(|mask| (ragged.layers.clone(), mask))
        } else {
            None
        };
        Ok(Self {
            everywhere: mask(absent)?,
            blocked,
        })
    }

    /// Returns the additive mask of a layer, counted from 0; `None` if nothing is hidden.
    pub(crate) fn at(&self, layer: usize) -> Option<&Tensor> {
        match &self.blocked {
            Some((layers, mask)) if layers.contains(&layer) => Some(mask),
            _ => self.everywhere.as_ref(),
        }
    }
}

/// Returns the numbers of t new positions: (t) if all rows have the same ones, else (rows, t); `explicit` ones are only checked.
pub(crate) fn positions(
    explicit: Option<&[u32]>,
    t: usize,
    cache: &Cache,
    available: usize,
) -> Result<Vec<u32>> {
    let too_many = |needed: usize| {
        ModelError::input(format!(
            "the text needs {needed} positions, the model has {available}"
        ))
    };
    let number = |p: usize| u32::try_from(p).map_err(|_| too_many(p));
    let numbers = match (explicit, cache.ragged()) {
        (Some(numbers), _) => numbers.to_vec(),
        (None, Some(ragged)) if ragged.absent.iter().any(|&n| n > 0) => ragged
            .absent
            .iter()
            .flat_map(|&absent| (0..t).map(move |i| (absent, i)))
            .map(|(absent, i)| number(cache.len() - absent + i))
            .collect::<Result<_>>()?,
        _ => (cache.len()..cache.len() + t)
            .map(number)
            .collect::<Result<_>>()?,
    };
    match numbers.iter().max() {
        Some(&last) if last as usize >= available => Err(too_many(last as usize + 1)),
        _ => Ok(numbers),
    }
}
