//! The verdict on a clean run: necessity first, then the trace search with its null (field-map.md 5.1, 5.4).
//!
//! The gold answer is not an input.

use crate::model::{Cancel, Model, ModelError};
use crate::trace::{EarlyExit, Null, TokenRead, Verdict};
use crate::verify::{self, Abstain, Case, Found, Search, Stand};

use super::counterfactual::{self, Subject};
use super::reference::Reference;
use super::run::CleanRun;

/// How many top tokens of each latent the search reads (field-map.md 6 argues for 5).
pub const TOP_K: usize = 5;

/// Judges a clean run, given its early exits.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn verdict(
    model: &Model,
    clean: &CleanRun,
    exits: &[EarlyExit],
    reference: &Reference,
    cancel: &Cancel,
) -> Result<Verdict, ModelError> {
    let judged = match &clean.run.answer.value {
        _ if clean.fed.is_empty() => Err(Abstain::NoLatents),
        None => Err(Abstain::NoAnswer),
        Some(_) if clean.answer_ids.is_empty() => Err(Abstain::NoAnswer),
        Some(answer) => Ok(answer),
    };
    let answer = match judged {
        Ok(answer) => answer,
        Err(why) => return Ok(abstain(why)),
    };
    let without = exits.first().map(|exit| Stand {
        answer: exit.value.clone(),
        delta_logprob: exit
            .clean_logprob
            .map_or(f64::NEG_INFINITY, |lp| lp - clean.answer_logprob),
    });
    let resampled: Vec<Stand> = if reference.is_empty() {
        Vec::new()
    } else {
        let of = Subject {
            model,
            clean,
            reference,
        };
        let donors = counterfactual::resample_all(&of, cancel)?;
        donors
            .into_iter()
            .map(|d| Stand {
                answer: d.answer,
                delta_logprob: d.delta_logprob,
            })
            .collect()
    };
    let necessity = verify::decide(answer, without.as_ref(), &resampled);
    let (found, null) = search(model, clean, reference);
    Ok(verify::judge(necessity, found, null, TOP_K))
}

/// A verdict on a run in which there is nothing to test and nothing to search.
fn abstain(why: Abstain) -> Verdict {
    let found = Found {
        abstain: Some(why),
        ..Found::default()
    };
    let null = Null {
        n: 0,
        hits: 0,
        p_value: 1.0,
        candidates_p95: 0,
    };
    verify::judge(verify::decide("", None, &[]), found, null, TOP_K)
}

/// The trace search on a clean run and its null over the reference set, both by the vocabulary projection.
#[must_use]
pub fn search(model: &Model, clean: &CleanRun, reference: &Reference) -> (Found, Null) {
    let latents: Vec<Vec<TokenRead>> = clean
        .run
        .latents()
        .map(|(_, p)| {
            p.projection
                .as_ref()
                .map(|p| p.top.clone())
                .unwrap_or_default()
        })
        .collect();
    let others: Vec<Vec<Vec<TokenRead>>> = reference
        .others(&clean.run.question)
        .map(|item| item.top.clone())
        .collect();
    search_reads(model, clean, &latents, &others)
}

/// The trace search on what any decoder read: the top tokens of the run's latents, best first, and for the null those of other
/// problems' latents by the same decoder.
#[must_use]
pub fn search_reads(
    model: &Model,
    clean: &CleanRun,
    latents: &[Vec<TokenRead>],
    others: &[Vec<Vec<TokenRead>>],
) -> (Found, Null) {
    let settings = Search {
        top_k: TOP_K,
        ..Search::default()
    };
    let case = Case {
        task: model.info().task,
        question: &clean.run.question,
        unknown_words: &clean.run.unknown_words,
        answer: clean.run.answer.value.as_deref(),
    };
    let found = verify::search(&settings, &case, latents);
    let null = verify::null(&settings, &case, others);
    (found, null)
}
