//! The clean run of one question, position by position, and the data that later analyses need from it.

use std::sync::Arc;

use crate::core::answers::is_correct;
use crate::core::types::{Answer, LatentIdx, Position, PositionKind, Projection, Run};
use crate::engine::decode::lens;
use crate::engine::model::{
    AnswerScore, Branch, Cancel, Mode, Model, ModelError, Overrides, Prompt, Rollout, Token,
};

use super::answers;

/// The vectors fed at latents 1..N.
type Fed = Vec<Arc<[f32]>>;

/// Maximum number of tokens of an answer (docs/methods.md M3.6).
pub const MAX_NEW_TOKENS: usize = 64;

/// Maximum number of tokens of written steps and the answer together (docs/methods.md M3.7, accuracy).
pub const MAX_WRITTEN_TOKENS: usize = 256;

/// Tokens reserved for a forced answer after written steps that did not end.
const LEAST_ANSWER: usize = 16;

/// A request to a model.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The question.
    pub question: &'a str,
    /// The gold answer, if known: only used to report correctness.
    pub gold: Option<&'a str>,
    /// The number of steps of the gold solution, if known: donors can be matched on it.
    pub steps: Option<usize>,
    /// The mode of the run.
    pub mode: Mode,
    /// Latent tokens; latent mode only.
    pub n_latents: usize,
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// Maximum number of answer tokens; `None` for [`MAX_NEW_TOKENS`].
    pub most_tokens: Option<usize>,
}

/// A finished clean run with the states that ablations, phrases and early exits start from.
#[derive(Debug)]
pub struct CleanRun {
    /// The run as displayed and saved.
    pub run: Run,
    /// The gold answer, if known.
    pub gold: Option<String>,
    /// The number of steps of the gold solution, if known.
    pub steps: Option<usize>,
    /// Maximum number of answer tokens, in this run and in its variants.
    pub most_tokens: usize,
    /// The mode of the run.
    pub mode: Mode,
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// The prompt's cache; one row, frozen.
    pub prompt: Branch,
    /// The clean rollout; without latents outside latent mode.
    pub rollout: Rollout,
    /// The vectors fed at latents 1..N.
    pub fed: Vec<Arc<[f32]>>,
    /// Ids of the written steps, in written mode.
    pub written: Vec<u32>,
    /// Ids of the clean answer after the delimiter: the run's own, or those after a forced delimiter if it wrote none.
    pub answer_ids: Vec<u32>,
    /// Ids of the gold answer after the delimiter.
    pub gold_ids: Option<Vec<u32>>,
    /// Log-probability of `answer_ids`.
    pub answer_logprob: f64,
    /// Logits at the first answer token, delimiter forced.
    pub first_logits: Vec<f32>,
}

impl CleanRun {
    /// Returns the top decoded token of every latent.
    ///
    /// # Errors
    /// [`ModelError::Input`] if the run was read without lists ([`Ask::top_k`] 0).
    pub fn top_ids(&self) -> Result<Vec<u32>, ModelError> {
        let top = |position: &Position| Some(position.projection.as_ref()?.top.first()?.id);
        self.run
            .latents()
            .map(|(_, position)| top(position))
            .collect::<Option<_>>()
            .ok_or_else(|| ModelError::input("the run was read without lists of tokens"))
    }
}

/// Runs a question cleanly and reports each position as it becomes known.
///
/// # Errors
/// When the question does not fit, the model lacks the mode or fails, or the work is cancelled.
pub fn run(
    model: &Model,
    ask: &Ask<'_>,
    cancel: &Cancel,
    on_position: &mut dyn FnMut(&Position),
) -> Result<CleanRun, ModelError> {
    let Ask {
        question,
        gold,
        mode,
        top_k,
        ..
    } = *ask;
    let read = |logits: &[f32]| lens::read(model, logits, top_k);
    let prompt = model.prompt(question, mode)?;
    let branch = model.prefill(&[&prompt.ids], cancel)?;
    let mut positions = Vec::new();
    let mut push = |position: Position, positions: &mut Vec<Position>| {
        on_position(&position);
        positions.push(position);
    };
    let after_prompt = model.logits(&branch)?.first().map(|row| read(row));
    for position in prompt_positions(model, question, &prompt, after_prompt.as_ref()) {
        push(position, &mut positions);
    }

    let n_latents = if mode == Mode::Latent {
        ask.n_latents
    } else {
        0
    };
    let (rollout, fed) = think(model, &branch, n_latents, &read, cancel, &mut |p| {
        push(p, &mut positions);
    })?;
    let closed = if mode == Mode::Latent {
        let closed = model.close(rollout.last(), false, cancel)?;
        if let Some(end) = model.markers().end {
            let after = model.logits(&closed)?.first().map(|row| read(row));
            push(
                token_position(model, PositionKind::End, end, after),
                &mut positions,
            );
        }
        closed
    } else {
        branch.clone()
    };
    let most = max_new_tokens(mode).min(ask.most_tokens.unwrap_or(usize::MAX));
    let mut writer = Writer::new(model, mode);
    let generated = {
        let mut chosen = |token: Token<'_>| {
            if let Some(position) = writer.chosen(model, token, &read) {
                push(position, &mut positions);
            }
        };
        let mut generated = model.generate(&closed, most, &mut chosen, cancel)?;
        generated.remove(0)
    };
    if let Some(position) = writer.last(model) {
        push(position, &mut positions);
    }

    // Steps that never end may fill the model's positions; they are cut, so that a forced answer still fits.
    let behind = 1 + model.markers().delimiter.len() + LEAST_ANSWER;
    let room = model.max_positions().saturating_sub(branch.len() + behind);
    let written = writer
        .written
        .min(if writer.thinking { room } else { usize::MAX });
    let written = generated.ids[..written].to_vec();
    let forced = force(model, mode, &branch, &rollout, &written, cancel)?;
    let most_tokens = ask.most_tokens.unwrap_or(MAX_NEW_TOKENS);
    let scored = score(model, generated.ids, &forced, gold, most_tokens, cancel)?;
    let unknown_words = prompt.unknown.iter().map(|w| w.text.clone()).collect();
    Ok(CleanRun {
        run: Run {
            question: question.to_owned(),
            mode,
            unknown_words,
            input_ids: prompt.ids,
            positions,
            answer: scored.answer,
            gold_logprob: scored.gold_logprob,
            learned: None,
        },
        gold: gold.map(str::to_owned),
        steps: ask.steps,
        most_tokens,
        mode,
        top_k,
        prompt: branch,
        rollout,
        fed,
        written,
        answer_ids: scored.answer_ids,
        gold_ids: scored.gold_ids,
        answer_logprob: scored.clean.logprob,
        first_logits: scored.clean.first_logits,
    })
}

/// The answer of a generated text with its log-probability.
struct Scored {
    answer: Answer,
    answer_ids: Vec<u32>,
    clean: AnswerScore,
    gold_ids: Option<Vec<u32>>,
    gold_logprob: Option<f64>,
}

/// Extracts the answer from the generated ids and scores it, and the gold answer, after the forced delimiter.
fn score(
    model: &Model,
    ids: Vec<u32>,
    forced: &Branch,
    gold: Option<&str>,
    most_tokens: usize,
    cancel: &Cancel,
) -> Result<Scored, ModelError> {
    let value = model.extract_value(&ids)?;
    let answer_ids = answers::value_ids(model, &ids, forced, most_tokens, cancel)?;
    let score = |ids: &Vec<u32>| -> Result<AnswerScore, ModelError> {
        Ok(model
            .score(forced, std::slice::from_ref(ids), cancel)?
            .remove(0))
    };
    let clean = score(&answer_ids)?;
    let gold_ids = gold
        .map(|text| model.encode_continuation(text))
        .transpose()?
        // An answer that exceeds the remaining positions is not scored.
        .filter(|ids| !ids.is_empty() && forced.len() + ids.len() <= model.max_positions());
    let gold_logprob = match &gold_ids {
        Some(ids) => Some(score(ids)?.logprob),
        None => None,
    };
    let answer = Answer {
        text: model.decode(&ids)?,
        correct: gold.map(|gold| is_correct(value.as_deref(), gold)),
        logprob: (value.is_some() && !answer_ids.is_empty()).then_some(clean.logprob),
        value,
        ids,
    };
    Ok(Scored {
        answer,
        answer_ids,
        clean,
        gold_ids,
        gold_logprob,
    })
}

/// Forces the delimiter after the run's thoughts.
fn force(
    model: &Model,
    mode: Mode,
    prompt: &Branch,
    rollout: &Rollout,
    written: &[u32],
    cancel: &Cancel,
) -> Result<Branch, ModelError> {
    match mode {
        Mode::Latent => model.close(rollout.last(), true, cancel),
        // The prompt already ends in the end marker.
        Mode::Direct => model.advance(prompt, &model.markers().delimiter, cancel),
        Mode::Written => model.close(&model.advance(prompt, written, cancel)?, true, cancel),
    }
}

/// Returns the token limit of a mode: written steps take more tokens than an answer.
#[must_use]
pub fn max_new_tokens(mode: Mode) -> usize {
    match mode {
        Mode::Written => MAX_WRITTEN_TOKENS,
        Mode::Latent | Mode::Direct => MAX_NEW_TOKENS,
    }
}

/// Turns generated tokens into positions: written steps up to the end marker or the delimiter, then the answer.
struct Writer {
    /// Whether the steps continue.
    thinking: bool,
    /// The number of generated tokens that belong to the steps.
    written: usize,
    /// The pending answer token, whose distribution is known only when the next token is chosen.
    waiting: Option<(PositionKind, u32)>,
}

impl Writer {
    fn new(model: &Model, mode: Mode) -> Self {
        debug_assert!(!model.markers().delimiter.is_empty());
        Self {
            thinking: mode == Mode::Written,
            written: 0,
            waiting: None,
        }
    }

    fn chosen(
        &mut self,
        model: &Model,
        token: Token<'_>,
        read: &dyn Fn(&[f32]) -> Projection,
    ) -> Option<Position> {
        let before = self
            .waiting
            .take()
            .map(|(kind, id)| token_position(model, kind, id, Some(read(token.logits))));
        if token.stop {
            return before;
        }
        let markers = model.markers();
        if self.thinking {
            let ends = markers.end == Some(token.id);
            if !ends && markers.delimiter.first() != Some(&token.id) {
                self.written += 1;
                // Read like a latent: the prediction at this position.
                let position = token_position(
                    model,
                    PositionKind::Written,
                    token.id,
                    Some(read(token.logits)),
                );
                return Some(position);
            }
            self.thinking = false;
            if ends {
                self.waiting = Some((PositionKind::End, token.id));
                return before;
            }
        }
        self.waiting = Some((PositionKind::Answer, token.id));
        before
    }

    /// The last token, without a successor.
    fn last(&mut self, model: &Model) -> Option<Position> {
        let (kind, id) = self.waiting.take()?;
        Some(token_position(model, kind, id, None))
    }
}

/// The question's tokens and the marker, if any; `after` is the next-token distribution of the last one.
fn prompt_positions(
    model: &Model,
    question: &str,
    prompt: &Prompt,
    after: Option<&Projection>,
) -> Vec<Position> {
    let last = prompt.ids.len().saturating_sub(1);
    let marker = if prompt.mode == Mode::Direct {
        PositionKind::End
    } else {
        PositionKind::Start
    };
    let position = |(i, &id): (usize, &u32)| Position {
        kind: if i < prompt.n_question {
            PositionKind::Question
        } else {
            marker
        },
        id: Some(id),
        text: surface(model, question, &prompt.offsets, i, id),
        unknown: prompt.unknown.iter().any(|word| word.position == i),
        projection: after.filter(|_| i == last).cloned(),
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
    let mut rollout = model.rollout(prompt, 0, &Overrides::none(1), cancel)?;
    let mut fed = Vec::new();
    for j in 1..=n_latents {
        let mut next = model.rollout(rollout.last(), 1, &Overrides::none(1), cancel)?;
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

fn token_position(
    model: &Model,
    kind: PositionKind,
    id: u32,
    projection: Option<Projection>,
) -> Position {
    Position {
        kind,
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

/// The token's spelling in the question, if it has one (unknown words keep their letters), else the token's text.
fn surface(model: &Model, question: &str, offsets: &[(usize, usize)], i: usize, id: u32) -> String {
    offsets
        .get(i)
        .and_then(|&(start, end)| question.get(start..end))
        .filter(|text| !text.is_empty())
        .map_or_else(|| model.token_text(id), str::to_owned)
}
