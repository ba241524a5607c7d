//! Rows of hidden-size vectors on the device, and pure functions on logits.

use std::sync::Arc;

use candle_core::{Device, Tensor};

use super::error::{ModelError, Result};

/// Rows of hidden states or fed vectors, `f32`, (rows, width). Clones are handles.
#[derive(Debug, Clone)]
pub struct Vectors(Tensor);

impl Vectors {
    /// Wraps a (rows, width) tensor.
    pub(crate) fn new(tensor: Tensor) -> Self {
        debug_assert_eq!(tensor.rank(), 2);
        Self(tensor)
    }

    /// Copies rows of equal width to the device.
    pub(crate) fn from_rows(
        rows: &[impl AsRef<[f32]>],
        width: usize,
        device: &Device,
    ) -> Result<Self> {
        let mut flat = Vec::with_capacity(rows.len() * width);
        for row in rows {
            let row = row.as_ref();
            check_width(row, width)?;
            flat.extend_from_slice(row);
        }
        Ok(Self(Tensor::from_vec(flat, (rows.len(), width), device)?))
    }

    pub(crate) fn tensor(&self) -> &Tensor {
        &self.0
    }

    /// Returns the number of vectors.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.0.dims()[0]
    }

    /// Copies all vectors to the host.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails.
    pub fn to_rows(&self) -> Result<Vec<Vec<f32>>> {
        Ok(self.0.to_vec2()?)
    }

    /// Copies one vector to the host.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there is no such row.
    pub fn row(&self, row: usize) -> Result<Arc<[f32]>> {
        if row >= self.rows() {
            return Err(ModelError::input(format!("row {row} of {}", self.rows())));
        }
        Ok(self.0.get(row)?.to_vec1::<f32>()?.into())
    }

    /// Returns the L2 norm of every vector.
    ///
    /// # Errors
    /// [`ModelError::Compute`] if the device fails.
    pub fn norms(&self) -> Result<Vec<f32>> {
        Ok(self.0.sqr()?.sum(1)?.sqrt()?.to_vec1()?)
    }

    /// Returns the given rows, in that order; rows may repeat.
    ///
    /// # Errors
    /// [`ModelError::Input`] if there is no such row.
    pub fn select(&self, rows: &[usize]) -> Result<Self> {
        let picked = row_index(rows, self.rows(), self.0.device())?;
        Ok(Self(self.0.index_select(&picked, 0)?))
    }
}

/// Replaces some rows by vectors, (rows, width).
pub(crate) fn replaced(natural: &Tensor, vectors: &[(usize, &Arc<[f32]>)]) -> Result<Tensor> {
    if vectors.is_empty() {
        return Ok(natural.clone());
    }
    let (rows, width) = natural.dims2()?;
    let mut values = vec![0f32; rows * width];
    let mut mask = vec![0u8; rows * width];
    for (row, vector) in vectors {
        check_width(vector, width)?;
        values[row * width..(row + 1) * width].copy_from_slice(vector);
        mask[row * width..(row + 1) * width].fill(1);
    }
    let values = Tensor::from_vec(values, (rows, width), natural.device())?;
    let mask = Tensor::from_vec(mask, (rows, width), natural.device())?;
    Ok(mask.where_cond(&values, natural)?)
}

fn check_width(vector: &[f32], width: usize) -> Result<()> {
    if vector.len() == width {
        return Ok(());
    }
    Err(ModelError::input(format!(
        "a vector of {} values where {width} are needed",
        vector.len()
    )))
}

/// Returns row numbers as an index tensor, checked against the number of rows.
pub(crate) fn row_index(rows: &[usize], available: usize, device: &Device) -> Result<Tensor> {
    let mut picked = Vec::with_capacity(rows.len());
    for &row in rows {
        match u32::try_from(row) {
            Ok(index) if row < available => picked.push(index),
            _ => return Err(ModelError::input(format!("row {row} of {available}"))),
        }
    }
    if picked.is_empty() {
        return Err(ModelError::input("no rows picked"));
    }
    Ok(Tensor::new(picked, device)?)
}

/// Returns the id of the largest logit, the lowest id on ties.
#[must_use]
pub fn argmax(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    u32::try_from(best).unwrap_or(u32::MAX)
}

/// Returns the natural log of the sum of exponentials, summed in `f64`.
#[must_use]
pub fn log_sum_exp(logits: &[f32]) -> f64 {
    let max = f64::from(logits.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    max + logits
        .iter()
        .map(|&l| (f64::from(l) - max).exp())
        .sum::<f64>()
        .ln()
}

/// Returns the natural log-probability of one id under a softmax over `logits`; negative infinity for an id out of range.
#[must_use]
pub fn log_softmax_at(logits: &[f32], id: u32) -> f64 {
    logits
        .get(id as usize)
        .map_or(f64::NEG_INFINITY, |&l| f64::from(l) - log_sum_exp(logits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn argmax_takes_the_lowest_id_on_ties() {
        assert_eq!(argmax(&[0.0, 3.0, 3.0, 1.0]), 1);
        assert_eq!(argmax(&[-2.0]), 0);
    }

    #[test]
    fn log_softmax_sums_to_one_and_survives_large_logits() {
        let logits = [1000.0, 999.0, -1000.0];
        let total: f64 = (0..3).map(|i| log_softmax_at(&logits, i).exp()).sum();
        assert!((total - 1.0).abs() < 1e-12);
        assert!((log_softmax_at(&logits, 0) - log_softmax_at(&logits, 1) - 1.0).abs() < 1e-12);
        assert!(log_softmax_at(&logits, 3).is_infinite());
    }

    #[test]
    fn rows_go_in_and_out_and_bad_ones_are_refused() {
        let v =
            Vectors::from_rows(&[vec![3.0, 4.0], vec![0.0, 1.0]], 2, &Device::Cpu).expect("valid");
        assert_eq!(v.norms().expect("norms"), [5.0, 1.0]);
        assert_eq!(
            v.select(&[1, 1]).expect("rows").to_rows().expect("rows"),
            [[0.0, 1.0], [0.0, 1.0]]
        );
        assert!(v.select(&[2]).is_err() && v.select(&[]).is_err() && v.row(2).is_err());
        assert!(Vectors::from_rows(&[vec![1.0]], 2, &Device::Cpu).is_err());
    }
}
