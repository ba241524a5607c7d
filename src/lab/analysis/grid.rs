//! Builds the grid that the published searches read from a clean run (docs/methods.md M2.2, M2.3).

use super::run::CleanRun;
use crate::core::types::{Mode, PositionKind};
use crate::engine::decode::lens;
use crate::engine::model::{Model, ModelError};
use crate::verify::paper::grid::Grid;

/// Answer columns after the one that predicts the answer's first token.
const ANSWER_COLUMNS: usize = 4;

/// A run's grid with its answer column.
#[derive(Debug, Clone)]
pub struct AnswerGrid {
    /// The start marker, the latents, the end marker, the delimiter and up to four tokens of the answer.
    pub grid: Grid,
    /// The column that predicts the first token of the answer.
    pub answer_column: usize,
}

/// Reads the grid of a clean run whose lists have at least `top_k` tokens. Returns `None` for a run that the published code
/// drops: outside latent mode, without the delimiter, or with too few columns to reach the answer's.
///
/// # Errors
/// When the model fails.
pub fn columns(
    model: &Model,
    clean: &CleanRun,
    top_k: usize,
) -> Result<Option<AnswerGrid>, ModelError> {
    let n = clean.fed.len();
    let delimiter = &model.markers().delimiter;
    let starts = clean.run.answer.ids.starts_with(delimiter);
    if clean.mode != Mode::Latent || n == 0 || clean.top_k < top_k || !starts {
        return Ok(None);
    }
    let texts = |list: &crate::core::types::Projection| -> Vec<String> {
        list.top.iter().map(|read| read.text.clone()).collect()
    };
    // Column j holds the prediction after j latents; for j below their number this is the reading of latent j + 1.
    let latents = clean.run.latents();
    let mut columns: Vec<Vec<String>> = latents
        .filter_map(|(_, position)| position.projection.as_ref().map(texts))
        .collect();
    let last = model.logits(clean.rollout.last())?;
    let last = last.first().map(|row| lens::read(model, row, top_k));
    columns.extend(last.as_ref().map(texts));
    let after = clean
        .run
        .positions
        .iter()
        .filter(|position| matches!(position.kind, PositionKind::End | PositionKind::Answer));
    // The last position has no prediction, as in the published hooks.
    columns.extend(after.map_while(|position| position.projection.as_ref().map(texts)));
    let answer_column = n + 1 + delimiter.len();
    if columns.len() <= answer_column {
        return Ok(None);
    }
    columns.truncate(answer_column + 1 + ANSWER_COLUMNS);
    Ok(Some(AnswerGrid {
        grid: Grid::new(columns, top_k),
        answer_column,
    }))
}
