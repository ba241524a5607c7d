//! Interchange of latents with given vectors, each with its expected answer: the runs behind USED of a verdict.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::Subject;
use super::judge::Judge;
use super::replacements::{Replacements, relative_change};
use crate::core::types::{Ablation, AblationValue, LatentIdx};
use crate::engine::model::{Cancel, Intervention, ModelError, Variant};

/// An interchange and the answer that it should produce.
#[derive(Debug, Clone)]
pub struct PatchAsked {
    /// The replaced latents, each with the vector fed instead, of the model's width. At least one.
    pub vectors: Vec<(LatentIdx, Arc<[f32]>)>,
    /// The expected answer, whose log-probability is measured too.
    pub answer: String,
}

/// The outcome of one interchange.
#[derive(Debug, Clone, PartialEq)]
pub struct PatchRow {
    /// The answer.
    pub answer: Option<String>,
    /// Change in log-probability of the clean answer, in nats.
    pub delta_clean: f64,
    /// Change in log-probability of the expected answer, in nats.
    pub delta_expected: f64,
    /// The largest |replacement - latent| / |latent|.
    pub relative_size: f64,
}

/// All interchanges with their sham control.
#[derive(Debug, Clone, PartialEq)]
pub struct Patched {
    /// In the order of the requests.
    pub rows: Vec<PatchRow>,
    /// Largest difference of any first-answer logit when each latent's own value is written back.
    pub sham_max_diff: f64,
}

/// Runs interchanges in batches; later latents are recomputed.
///
/// # Errors
/// When a sham run moved the logits, the model fails or the work is cancelled.
pub fn patched(
    subject: &Subject<'_>,
    requests: &[PatchAsked],
    cancel: &Cancel,
) -> Result<Patched, ModelError> {
    let (model, clean) = (subject.model, subject.clean);
    if requests.is_empty() {
        return Ok(Patched {
            rows: Vec::new(),
            sham_max_diff: 0.0,
        });
    }
    let manner = Ablation {
        value: AblationValue::Zero,
        ..Ablation::default()
    };
    let replacements = Replacements::new(subject, &manner)?;
    let mut judge = Judge::new(subject, cancel);
    let latents: BTreeSet<LatentIdx> = requests
        .iter()
        .flat_map(|a| a.vectors.iter().map(|(latent, _)| *latent))
        .collect();
    let sham_max_diff = judge.sham(&replacements, &latents)?;
    let variant = |a: &PatchAsked| Variant {
        latents: clean.fed.len(),
        interventions: a
            .vectors
            .iter()
            .map(|(latent, vector)| (*latent, Intervention::Fed(Arc::clone(vector))))
            .collect(),
    };
    let variants: Vec<Variant> = requests.iter().map(variant).collect();
    let targets: Vec<Vec<u32>> = requests
        .iter()
        .map(|a| model.encode_continuation(&a.answer))
        .collect::<Result<_, _>>()?;
    let forced = model.close(clean.rollout.last(), true, cancel)?;
    let mut rows = Vec::with_capacity(requests.len());
    // Batches small enough that their ends can be scored together.
    for ((requests, variants), targets) in requests
        .chunks(super::judge::ROWS)
        .zip(variants.chunks(super::judge::ROWS))
        .zip(targets.chunks(super::judge::ROWS))
    {
        let judged = judge.variants(variants, &replacements.layers)?;
        let unfolded = match judge.whole.take() {
            Some(unfolded) => unfolded,
            None => model.unfold(&clean.rollout, variants, &replacements.layers, cancel)?,
        };
        let ends = model.close(&unfolded.ends.select(&unfolded.rows)?, true, cancel)?;
        let after = model.score(&ends, targets, cancel)?;
        let before = model.score(&forced.fork(targets.len())?, targets, cancel)?;
        let scores = after.into_iter().zip(before);
        for ((request, judged), (after, before)) in requests.iter().zip(judged).zip(scores) {
            rows.push(PatchRow {
                answer: judged.value,
                delta_clean: judged.logprob - clean.answer_logprob,
                delta_expected: after.logprob - before.logprob,
                relative_size: request
                    .vectors
                    .iter()
                    .map(|(latent, vector)| relative_change(&clean.fed[latent.0 - 1], vector))
                    .fold(0.0, f64::max),
            });
        }
    }
    Ok(Patched {
        rows,
        sham_max_diff,
    })
}
