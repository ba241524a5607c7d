//! Phrases of a latent: the model's continuations in words instead of the latent (docs/methods.md M2.5).
//!
//! `roll-out`: branches the run where the latent would be fed, feeds each of the latent's top tokens as text instead, and lets
//! the model continue. `latent-prefix` (SIM-CoT): feeds only the latent, at position 0, and the network writes the step that it
//! represents. `step-decoder` (SIM-CoT): like `latent-prefix`, with the checkpoint's own decoder. All are beam searches by joint
//! log-probability.

use crate::core::types::Phrase;
use crate::engine::model::{Branch, Cancel, Model, ModelError, Vectors};

use super::lens;

/// The beam width, the number of starting tokens, and the number of phrases returned.
pub const BEAM: usize = 5;

/// The maximum length of a phrase, in tokens.
pub const MAX_TOKENS: usize = 12;

/// The start of a latent's phrases, with the baseline.
#[derive(Debug)]
pub struct Start<'a> {
    /// A one-row branch whose next-token distribution opens the phrase.
    pub branch: &'a Branch,
    /// The state that the logit lens reads (one row), for roll-out; without it, the branch's own distribution is used.
    pub state: Option<&'a Vectors>,
    /// Branch and state of the mean latent at that position, which carries no information about the problem.
    pub baseline: Option<(&'a Branch, Option<&'a Vectors>)>,
    /// The writer of the phrases.
    pub voice: Voice,
}

/// The writer of the phrases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Voice {
    /// The model.
    Model,
    /// The decoder of a SIM-CoT checkpoint, with branches of that decoder.
    StepDecoder,
}

impl Voice {
    pub(super) fn step(
        self,
        model: &Model,
        branch: &Branch,
        ids: &[u32],
        cancel: &Cancel,
    ) -> Result<Branch, ModelError> {
        match self {
            Self::Model => model.step(branch, ids, cancel),
            Self::StepDecoder => model.decoder_step(branch, ids, cancel),
        }
    }

    pub(super) fn logits(
        self,
        model: &Model,
        branch: &Branch,
    ) -> Result<Vec<Vec<f32>>, ModelError> {
        match self {
            Self::Model => model.logits(branch),
            Self::StepDecoder => model.decoder_logits(branch),
        }
    }
}

#[derive(Clone)]
struct Beam {
    ids: Vec<u32>,
    logprob: f64,
    ended: bool,
}

/// Returns the best phrases by mean log-probability per token, best first, each with its lift if there is a baseline.
///
/// # Errors
/// If the model fails or the work is cancelled.
pub fn phrases(
    model: &Model,
    start: &Start<'_>,
    cancel: &Cancel,
) -> Result<Vec<Phrase>, ModelError> {
    let voice = start.voice;
    let opening = opening_logprobs(model, voice, start.branch, start.state)?;
    let mut beams: Vec<Beam> = best(&opening, BEAM)
        .into_iter()
        .map(|(id, logprob)| Beam {
            ids: vec![id],
            logprob,
            ended: ends(model, id),
        })
        .collect();
    // Each beam's row of `branch`, which lacks the last token of an open beam.
    let mut parents: Vec<usize> = vec![0; beams.len()];
    let mut branch = start.branch.clone();
    for _ in 1..MAX_TOKENS {
        let open: Vec<usize> = (0..beams.len()).filter(|&i| !beams[i].ended).collect();
        if open.is_empty() {
            break;
        }
        let rows: Vec<usize> = open.iter().map(|&i| parents[i]).collect();
        let last: Vec<u32> = open
            .iter()
            .filter_map(|&i| beams[i].ids.last().copied())
            .collect();
        branch = voice.step(model, &branch.select(&rows)?, &last, cancel)?;
        let mut grown: Vec<(Beam, usize)> = beams
            .iter()
            .filter(|beam| beam.ended)
            .map(|beam| (beam.clone(), 0))
            .collect();
        for (row, (logits, &i)) in voice.logits(model, &branch)?.iter().zip(&open).enumerate() {
            for (id, logprob) in best(&lens::log_softmax(logits), BEAM) {
                let mut ids = beams[i].ids.clone();
                ids.push(id);
                grown.push((
                    Beam {
                        ids,
                        logprob: beams[i].logprob + logprob,
                        ended: ends(model, id),
                    },
                    row,
                ));
            }
        }
        grown.sort_by(|(a, _), (b, _)| per_token(b).total_cmp(&per_token(a)));
        grown.truncate(BEAM);
        (beams, parents) = grown.into_iter().unzip();
    }
    let baseline = baseline_logprobs(model, start, &beams, cancel)?;
    beams
        .iter()
        .enumerate()
        .map(|(i, beam)| {
            Ok(Phrase {
                text: text(model, &beam.ids)?,
                filler: beam.ids.first().is_some_and(|id| is_end(model, *id)),
                ids: beam.ids.clone(),
                logprob: beam.logprob,
                lift: baseline.as_ref().map(|b| beam.logprob - b[i]),
            })
        })
        .collect()
}

#[allow(clippy::cast_precision_loss, reason = "a phrase has a dozen tokens")]
fn per_token(beam: &Beam) -> f64 {
    beam.logprob / beam.ids.len() as f64
}

fn best(logprobs: &[f64], k: usize) -> Vec<(u32, f64)> {
    #[allow(
        clippy::cast_possible_truncation,
        reason = "only the order matters here"
    )]
    let as_f32: Vec<f32> = logprobs.iter().map(|p| *p as f32).collect();
    lens::top_ids(&as_f32, k)
        .into_iter()
        .filter_map(|i| Some((u32::try_from(i).ok()?, logprobs[i])))
        .collect()
}

fn opening_logprobs(
    model: &Model,
    voice: Voice,
    branch: &Branch,
    state: Option<&Vectors>,
) -> Result<Vec<f64>, ModelError> {
    let logits = match state {
        Some(state) => model.project(state)?,
        None => voice.logits(model, branch)?,
    };
    Ok(logits
        .first()
        .map(|row| lens::log_softmax(row))
        .unwrap_or_default())
}

/// Returns each beam's log-probability under the baseline; `None` without one.
fn baseline_logprobs(
    model: &Model,
    start: &Start<'_>,
    beams: &[Beam],
    cancel: &Cancel,
) -> Result<Option<Vec<f64>>, ModelError> {
    let Some((branch, state)) = start.baseline else {
        return Ok(None);
    };
    let opening = opening_logprobs(model, start.voice, branch, state)?;
    let logprob = |beam: &Beam| -> Result<f64, ModelError> {
        let at = |logprobs: &[f64], id: u32| {
            let logprob = logprobs.get(id as usize).copied();
            logprob.unwrap_or(f64::NEG_INFINITY)
        };
        let mut sum = at(&opening, beam.ids[0]);
        let mut branch = branch.clone();
        for pair in beam.ids.windows(2) {
            branch = start.voice.step(model, &branch, &pair[..1], cancel)?;
            let logits = start.voice.logits(model, &branch)?;
            sum += logits.first().map_or(f64::NEG_INFINITY, |row| {
                at(&lens::log_softmax(row), pair[1])
            });
        }
        Ok(sum)
    };
    beams
        .iter()
        .map(logprob)
        .collect::<Result<Vec<f64>, ModelError>>()
        .map(Some)
}

/// Returns whether a token ends a phrase: the end of a written step, a line, or of thinking.
pub(super) fn ends(model: &Model, id: u32) -> bool {
    is_end(model, id) || matches!(model.token_text(id).trim_matches(' '), ";" | "\n" | ">>")
}

fn is_end(model: &Model, id: u32) -> bool {
    let markers = model.markers();
    markers.end == Some(id) || markers.stop.contains(&id)
}

/// Returns the phrase's text without its end mark.
fn text(model: &Model, ids: &[u32]) -> Result<String, ModelError> {
    let words = match ids {
        [rest @ .., last] if !rest.is_empty() && ends(model, *last) => rest,
        _ => ids,
    };
    Ok(model.decode(words)?.trim().to_owned())
}
