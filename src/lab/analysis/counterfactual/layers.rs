//! The logit lens after every layer, and the fed vectors in input-embedding space.

use crate::core::types::{Input, LatentIdx, LayerCell, LayerLens, LayerRow, TokenRead};
use crate::engine::decode::lens;
use crate::engine::model::{Cancel, Mode, Model, ModelError, log_softmax_at};
use crate::lab::analysis::run::CleanRun;

/// Tokens listed for every fed vector.
const NEAREST: usize = 5;

/// Computes the lens by layer for a token; `None` selects the first token of the answer or, without an answer, the top token of
/// the first latent.
///
/// # Errors
/// When there is neither, the token is not of the vocabulary, the model fails or the work is cancelled.
pub fn layers(
    model: &Model,
    clean: &CleanRun,
    token: Option<u32>,
    cancel: &Cancel,
) -> Result<LayerLens, ModelError> {
    let first = clean.answer_ids.first().copied();
    let first = first.or_else(|| clean.top_ids().ok()?.first().copied());
    let token = token
        .or(first)
        .ok_or_else(crate::lab::analysis::no_answer)?;
    if token as usize >= model.vocab() {
        return Err(ModelError::refused(
            format!(
                "there is no token {token}: the vocabulary has {}",
                model.vocab()
            ),
            format!("name an id from 0 to {}", model.vocab() - 1),
        ));
    }
    let mut after: Vec<u32> = match clean.mode {
        Mode::Latent => model.markers().end.into_iter().collect(),
        Mode::Direct | Mode::Written => Vec::new(),
    };
    // The last token has no successor to predict.
    if let Some((_, ids)) = clean.run.answer.ids.split_last() {
        after.extend(ids);
    }
    let columns: Vec<String> = std::iter::once("start".to_owned())
        .chain((1..=clean.fed.len()).map(|j| j.to_string()))
        .chain(after.iter().map(|&id| model.token_text(id)))
        .collect();
    let states = model.every_layer(&clean.run.input_ids, &clean.rollout, &after, cancel)?;
    let mut rows = Vec::with_capacity(states.len());
    for (at, layer) in states.iter().enumerate() {
        cancel.check()?;
        let logits = model.project(layer)?;
        let cells = logits.iter().map(|logits| cell(model, logits, token));
        rows.push(LayerRow {
            layer: at + 1,
            cells: cells.collect(),
        });
    }
    Ok(LayerLens {
        token,
        text: model.token_text(token),
        columns,
        rows,
        inputs: inputs(model, clean, cancel)?,
    })
}

/// The rank and probability of a token in one row of logits, and the top token.
pub(in crate::lab::analysis) fn cell(model: &Model, logits: &[f32], token: u32) -> LayerCell {
    let (at, own) = (token as usize, logits[token as usize]);
    // Equal logits are ordered by id.
    let ahead = logits[..at].iter().filter(|logit| **logit >= own);
    let behind = logits[at..].iter().filter(|logit| **logit > own);
    let rank = ahead.count() + behind.count();
    #[expect(clippy::cast_possible_truncation, reason = "a probability fits f32")]
    let prob = log_softmax_at(logits, token).exp() as f32;
    let mut top = lens::read(model, logits, 1).top;
    LayerCell {
        prob,
        rank,
        top: top.remove(0),
    }
}

fn inputs(model: &Model, clean: &CleanRun, cancel: &Cancel) -> Result<Vec<Input>, ModelError> {
    if clean.fed.is_empty() {
        return Ok(Vec::new());
    }
    let fed = model.vectors(&clean.fed)?;
    let nearest = model.nearest_tokens(&fed, NEAREST, cancel)?;
    Ok(nearest
        .into_iter()
        .enumerate()
        .map(|(at, nearest)| Input {
            latent: LatentIdx(at + 1),
            nearest: nearest
                .into_iter()
                .map(|(id, cosine, dot)| TokenRead {
                    id,
                    text: model.token_text(id),
                    logit: dot,
                    prob: cosine,
                })
                .collect(),
        })
        .collect())
}
