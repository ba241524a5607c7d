//! The clean run of one question, position by position, and what later requests need from it.

use std::sync::Arc;

use crate::decode::lens;
use crate::model::{Branch, Cancel, Mode, Model, ModelError, Prompt, Rollout, Writes};
use crate::trace::{Answer, LatentIdx, Position, PositionKind, Projection, Run};

use super::answers;

/// The vectors fed at latents 1..N.
type Fed = Vec<Arc<[f32]>>;

/// How many tokens an answer may have (methods.md 1.7).
pub const MAX_NEW_TOKENS: usize = 64;

/// A finished clean run with the states that ablations, phrases and early exits start from.
#[derive(Debug)]
pub struct CleanRun {
    /// What is shown and saved.
    pub run: Run,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// The prompt's cache; one row, frozen.
    pub prompt: Branch,
    /// The clean rollout.
    pub rollout: Rollout,
    /// The vectors fed at latents 1..N.
    pub fed: Vec<Arc<[f32]>>,
    /// Ids of the clean answer after the delimiter: the run's own, or those of the forced delimiter if it wrote none.
    pub answer_ids: Vec<u32>,
    /// Ids of the gold answer after the delimiter.
    pub gold_ids: Option<Vec<u32>>,
    /// Log-probability of `answer_ids`.
    pub answer_logprob: f64,
    /// Logits at the first answer token, delimiter forced.
    pub first_logits: Vec<f32>,
}

/// Runs a question cleanly with `n_latents` latents, handing out each position as it is known.
///
/// # Errors
/// When the question does not fit, the model fails, or the work is cancelled.
pub fn run(
    model: &Model,
    question: &str,
    gold: Option<&str>,
    n_latents: usize,
    top_k: usize,
    cancel: &Cancel,
    on_position: &mut dyn FnMut(&Position),
) -> Result<CleanRun, ModelError> {
    let read = |logits: &[f32]| lens::projection(logits, top_k, |id| model.token_text(id));
    let prompt = model.prompt(question, Mode::Latent)?;
    let branch = model.prefill(&[&prompt.ids], cancel)?;
    let mut positions = Vec::new();
    let mut push = |position: Position, positions: &mut Vec<Position>| {
        on_position(&position);
        positions.push(position);
    };
    let start = model.logits(&branch)?.first().map(|row| read(row));
    for position in prompt_positions(model, question, &prompt, start.as_ref()) {
        push(position, &mut positions);
    }

    let (rollout, fed) = think(model, &branch, n_latents, &read, cancel, &mut |p| {
        push(p, &mut positions);
    })?;
    let closed = model.close(rollout.last(), false, cancel)?;
    let end = Position {
        kind: PositionKind::End,
        id: Some(model.markers().end),
        text: model.token_text(model.markers().end),
        unknown: false,
        projection: model.logits(&closed)?.first().map(|row| read(row)),
        norm: None,
    };
    push(end, &mut positions);
    let generated = {
        // A token's own distribution is known one step later, when the next token is chosen.
        let mut waiting: Option<u32> = None;
        let mut chosen = |token: crate::model::Token<'_>| {
            if let Some(id) = waiting.take() {
                push(
                    answer_position(model, id, Some(read(token.logits))),
                    &mut positions,
                );
            }
            if !token.stop {
                waiting = Some(token.id);
            }
        };
        let mut generated = model.generate(&closed, MAX_NEW_TOKENS, &mut chosen, cancel)?;
        if let Some(id) = waiting {
            push(answer_position(model, id, None), &mut positions);
        }
        generated.remove(0)
    };

    let value = model.extract_value(&generated.ids)?;
    let forced = model.close(rollout.last(), true, cancel)?;
    let answer_ids = answers::value_ids(model, &generated.ids, &forced, cancel)?;
    let clean = model
        .score(&forced, std::slice::from_ref(&answer_ids), cancel)?
        .remove(0);
    let gold_ids = gold
        .map(|text| model.encode_continuation(text))
        .transpose()?
        .filter(|ids| !ids.is_empty());
    let gold_logprob = match &gold_ids {
        Some(ids) => Some(
            model
                .score(&forced, std::slice::from_ref(ids), cancel)?
                .remove(0)
                .logprob,
        ),
        None => None,
    };
    let answer = Answer {
        text: model.decode(&generated.ids)?,
        correct: gold.map(|gold| answers::is_correct(value.as_deref(), gold)),
        logprob: value.is_some().then_some(clean.logprob),
        value,
        ids: generated.ids,
    };
    Ok(CleanRun {
        run: Run {
            question: question.to_owned(),
            unknown_words: prompt
                .unknown
                .iter()
                .map(|word| word.text.clone())
                .collect(),
            input_ids: prompt.ids,
            positions,
            answer,
            gold_logprob,
        },
        gold: gold.map(str::to_owned),
        top_k,
        prompt: branch,
        rollout,
        fed,
        answer_ids,
        gold_ids,
        answer_logprob: clean.logprob,
        first_logits: clean.first_logits,
    })
}

/// The question's tokens and the start marker, whose next-token distribution is `start`.
fn prompt_positions(
    model: &Model,
    question: &str,
    prompt: &Prompt,
    start: Option<&Projection>,
) -> Vec<Position> {
    let last = prompt.ids.len().saturating_sub(1);
    let position = |(i, &id): (usize, &u32)| Position {
        kind: if i == last {
            PositionKind::Start
        } else {
            PositionKind::Question
        },
        id: Some(id),
        text: surface(model, question, &prompt.offsets, i, id),
        unknown: prompt.unknown.iter().any(|word| word.position == i),
        projection: start.filter(|_| i == last).cloned(),
        norm: None,
    };
    prompt.ids.iter().enumerate().map(position).collect()
}

/// Rolls out one latent at a time, so that the screen can follow and a cancel takes effect within one step.
fn think(
    model: &Model,
    prompt: &Branch,
    n_latents: usize,
    read: &dyn Fn(&[f32]) -> Projection,
    cancel: &Cancel,
    push: &mut dyn FnMut(Position),
) -> Result<(Rollout, Fed), ModelError> {
    let mut rollout = model.rollout(prompt, 0, &Writes::none(1), cancel)?;
    let mut fed = Vec::new();
    for j in 1..=n_latents {
        let mut next = model.rollout(rollout.last(), 1, &Writes::none(1), cancel)?;
        let latent = next.latents.remove(0);
        let projection = model.project(&latent.state)?.first().map(|row| read(row));
        push(Position {
            kind: PositionKind::Latent(LatentIdx(j)),
            id: None,
            text: top_text(projection.as_ref()),
            unknown: false,
            projection,
            norm: latent.fed.norms()?.first().copied(),
        });
        fed.push(latent.fed.to_rows()?.remove(0).into());
        rollout.latents.push(latent);
        rollout.branches.push(next.branches.remove(1));
    }
    Ok((rollout, fed))
}

fn answer_position(model: &Model, id: u32, projection: Option<Projection>) -> Position {
    Position {
        kind: PositionKind::Answer,
        id: Some(id),
        text: model.token_text(id),
        unknown: false,
        projection,
        norm: None,
    }
}

fn top_text(projection: Option<&Projection>) -> String {
    projection
        .and_then(|p| p.top.first())
        .map(|t| t.text.clone())
        .unwrap_or_default()
}

/// The question's own spelling of a token where it has one (an unknown word keeps its letters), else the token's text.
fn surface(model: &Model, question: &str, offsets: &[(usize, usize)], i: usize, id: u32) -> String {
    offsets
        .get(i)
        .and_then(|&(start, end)| question.get(start..end))
        .filter(|text| !text.is_empty())
        .map_or_else(|| model.token_text(id), str::to_owned)
}
