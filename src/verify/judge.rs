//! Turns evidence into a rung of the ladder, with a one-sentence reason.

use crate::core::types::{
    Attempt, LatentNodes, Necessity, Null, Rung, Standing, Tracks, Used, ValueSource, Verdict,
};

use super::{Abstain, SearchResult};

/// The evidence for one trace: the search that found it, and its tests.
#[derive(Debug, Clone)]
pub struct TraceEvidence {
    /// PRESENT: the result of the search.
    pub search: SearchResult,
    /// The null of the search over other problems' latents.
    pub null: Null,
    /// The null of the search over other problems' answers.
    pub null_answers: Option<Null>,
    /// TRACKS, if a trace was tested by edits.
    pub tracks: Option<Tracks>,
    /// USED, if the trace was tested by replaced latents.
    pub used: Option<Used>,
}

impl TraceEvidence {
    /// The evidence of a search, without tests.
    #[must_use]
    pub fn new(search: SearchResult, null: Null) -> Self {
        Self {
            search,
            null,
            null_answers: None,
            tracks: None,
            used: None,
        }
    }

    /// Returns the outcome of the edits; `None` if the trace was not tested.
    #[must_use]
    pub fn tracks(&self) -> Option<Standing> {
        self.tracks.as_ref().map(|tracks| tracks.standing)
    }

    /// Returns the outcome of the replaced latents; `None` if the trace was not tested.
    #[must_use]
    pub fn used(&self) -> Option<Standing> {
        self.used.as_ref().map(|used| used.standing)
    }
}

/// The evidence behind a verdict.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Necessity.
    pub necessity: Necessity,
    /// PRESENT, TRACKS and USED of the best trace.
    pub trace: TraceEvidence,
    /// The decoder that read the latents.
    pub decoder: String,
    /// Depth of the top-k lists.
    pub top_k: usize,
    /// All searches that were tried.
    pub tried: Vec<Attempt>,
    /// The nodes that compete at each latent of a logic question.
    pub nodes: Vec<LatentNodes>,
    /// Warnings about the question or the answer.
    pub notes: Vec<String>,
}

/// Gives the verdict on one run. Without an answer it abstains; NOT NEEDED comes next and does not depend on the search; only
/// then does the search count. Each rung requires the one below it.
#[must_use]
pub fn judge(evidence: Evidence) -> Verdict {
    let tracking = evidence.trace.tracks();
    let Evidence {
        necessity,
        trace:
            TraceEvidence {
                search,
                mut null,
                null_answers,
                tracks,
                used,
            },
        decoder,
        top_k,
        mut tried,
        nodes,
        notes,
    } = evidence;
    // A trace that was not found has no significance.
    if search.steps.is_empty() {
        null.p_value = None;
    }
    for attempt in tried.iter_mut().filter(|tried| tried.traces == 0) {
        attempt.null.p_value = None;
    }
    let (rung, reason) = match &search.abstain {
        Some(why @ (Abstain::NoAnswer | Abstain::NoLatents)) => (Rung::Abstain, why.to_string()),
        _ if !necessity.needed => (Rung::NotNeeded, not_needed(&necessity)),
        Some(why) => (Rung::Abstain, why.to_string()),
        None if search.steps.is_empty() => (Rung::NoneFound, none_found(&search, top_k, &tried)),
        None => {
            let present = present(&search, &null, top_k, &decoder);
            match (&tracks, &used, tracking) {
                (Some(tracks), Some(used), Some(Standing::Holds))
                    if used.standing == Standing::Holds =>
                {
                    (Rung::Used, uses(&search, tracks, used, &null))
                }
                (Some(tracks), used, Some(Standing::Holds)) => {
                    (Rung::Tracks, follows(&search, tracks, used.as_ref(), &null))
                }
                (Some(tracks), _, Some(Standing::Contradicted)) => (
                    Rung::Contradicted,
                    format!("{present}; but {}", tracks.reason),
                ),
                (Some(tracks), _, _) => (Rung::Present, format!("{present}; {}", tracks.reason)),
                (None, ..) => (Rung::Present, present),
            }
        }
    };
    Verdict {
        by_chance: rung == Rung::Present && null.chance_may_explain(),
        notes,
        rung,
        reason,
        necessity,
        steps: search.steps,
        candidates: search.candidates,
        traces: search.traces,
        from_question_alone: search.from_question_alone,
        top_k,
        null,
        null_answers,
        decoder,
        tracks,
        used,
        competing: search.competing,
        tried,
        nodes,
    }
}

/// Formats `a trace of 2 steps that ends in 19`.
fn named(search: &SearchResult) -> String {
    let n = search.steps.len();
    let answer = search.steps.last().map_or("", |s| s.result.text.as_str());
    let steps = if n == 1 { "step" } else { "steps" };
    format!("a trace of {n} {steps} that ends in {answer}")
}

fn uses(search: &SearchResult, tracks: &Tracks, used: &Used, null: &Null) -> String {
    format!(
        "The answer uses {}: {}; {}{}; {}",
        named(search),
        used.reason,
        tracks.reason,
        equals(tracks),
        alone(null)
    )
}

fn follows(search: &SearchResult, tracks: &Tracks, used: Option<&Used>, null: &Null) -> String {
    let rest = used.map_or_else(
        || "whether the answer depends on them was not tested".to_owned(),
        |used| {
            format!(
                "that the answer depends on them is not established: {}",
                used.reason
            )
        },
    );
    format!(
        "Consistent with {}: {}{}; {rest}; {}",
        named(search),
        tracks.reason,
        equals(tracks),
        alone(null)
    )
}

/// Mentions other traces that the edits do not distinguish from this one.
fn equals(tracks: &Tracks) -> String {
    let (answered, edits) = (tracks.answered, tracks.edits.len());
    let rivals = tracks.rivals.iter();
    let equal = rivals.filter(|r| r.edits > 0 && r.answered * edits >= answered * r.edits);
    match equal.count() {
        0 => String::new(),
        1 => "; another trace fits as many edits".to_owned(),
        n => format!("; {n} other traces fit as many edits"),
    }
}

fn not_needed(necessity: &Necessity) -> String {
    let places = match necessity.places {
        Some(true) => {
            "; their positions are needed: without latents, which shifts every later position, the answer or its log-probability changes"
        }
        Some(false) => "; they are also unchanged without any latents",
        None => "; the run without latents was skipped",
    };
    format!(
        "The answer and its log-probability are unchanged when the latents are hidden in place, set to their means, or resampled from another problem ({} of {} donors){places}",
        necessity.donors_kept, necessity.donors
    )
}

fn none_found(search: &SearchResult, top_k: usize, tried: &[Attempt]) -> String {
    if tried.len() > 1 {
        let names: Vec<&str> = tried.iter().map(|t| t.name.as_str()).collect();
        let cut = if tried.iter().any(|t| t.capped) {
            "; a search was cut short by its limit"
        } else {
            ""
        };
        return format!(
            "No trace from the question to the model's answer within what was searched: {}{cut}",
            names.join("; ")
        );
    }
    let near = search
        .near_miss
        .as_deref()
        .map_or(String::new(), |near| format!("; {near}"));
    let cut = if search.capped {
        "; the search was cut short by its limit"
    } else {
        ""
    };
    format!(
        "No trace from the question to the model's answer is in the top-{top_k} of the latents{near}{cut}"
    )
}

fn present(search: &SearchResult, null: &Null, top_k: usize, decoder: &str) -> String {
    let last = search.steps.last().map(|s| &s.result);
    let at_answer = last.is_some_and(|r| r.source == ValueSource::Answer);
    // The logit lens is the default reading on screen, so it is not named.
    let read = match decoder {
        "projection" => String::new(),
        other => format!(", read by {other},"),
    };
    let mut reason = format!(
        "The top-{top_k} of the latents{read} is consistent with {}",
        named(search)
    );
    if at_answer {
        reason.push_str(", the last one read at the answer only");
    }
    let tested = format!("; {}", chance(null));
    reason.push_str(&tested);
    if search.from_question_alone {
        reason.push_str("; one step from the question alone gives the answer too");
    }
    reason
}

/// What the search alone shows, as context for the edits.
fn alone(null: &Null) -> String {
    null.p_value.map_or_else(
        || chance(null),
        |p| {
            format!(
                "the search alone also finds such a trace in {} of {} other problems' latents (p = {p:.3})",
                null.hits, null.n
            )
        },
    )
}

/// How often chance finds a trace.
fn chance(null: &Null) -> String {
    let Some(p) = null.p_value else {
        return "how often chance finds one was not tested".to_owned();
    };
    let by = match null.searches {
        0 | 1 => String::new(),
        n => format!(" by any of the {n} searches"),
    };
    let Null { hits, n, .. } = null;
    if null.chance_may_explain() {
        format!(
            "such a trace was also found in {hits} of {n} other problems' latents{by} (p = {p:.3}), so chance may explain it"
        )
    } else {
        format!("found in {hits} of {n} other problems' latents{by} (p = {p:.3})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{LatentIdx, Operand, TraceStep};

    fn necessity(needed: bool) -> Necessity {
        Necessity {
            answer_without_latents: Some("19".to_owned()),
            delta_without_latents: Some(-0.01),
            donors: 16,
            donors_kept: 16,
            delta_resampled: Some(0.0),
            threshold: 0.1,
            needed,
            places: (!needed).then_some(false),
            ..Necessity::default()
        }
    }

    fn null(hits: usize) -> Null {
        super::super::null::null_from(200, hits, &mut [1; 200])
    }

    fn search(source: ValueSource) -> SearchResult {
        let result = Operand {
            text: "19".to_owned(),
            source,
        };
        let step = TraceStep {
            text: "12 + 7 = 19".to_owned(),
            operands: vec![],
            operator: "+".to_owned(),
            result,
        };
        SearchResult {
            steps: vec![step],
            candidates: 3,
            traces: 1,
            ..SearchResult::default()
        }
    }

    fn evidence(needed: bool, search: SearchResult, null: Null) -> Evidence {
        Evidence {
            necessity: necessity(needed),
            trace: TraceEvidence::new(search, null),
            decoder: "projection".to_owned(),
            top_k: 5,
            tried: Vec::new(),
            nodes: Vec::new(),
            notes: Vec::new(),
        }
    }

    const NOT_NEEDED: &str = "The answer and its log-probability are unchanged when the latents are hidden in place, set to their means, or resampled from another problem (16 of 16 donors); they are also unchanged without any latents";

    #[test]
    fn every_rung_has_its_reason() {
        let read = ValueSource::Latent {
            latent: LatentIdx(1),
            rank: 0,
            prob: 0.9,
        };
        let abstain = |why| SearchResult {
            abstain: Some(why),
            ..SearchResult::default()
        };
        let near = SearchResult {
            near_miss: Some("19 is read at latent 2, but no step leads to it".to_owned()),
            ..SearchResult::default()
        };
        let alone = SearchResult {
            from_question_alone: true,
            ..search(read.clone())
        };
        let cases = [
            (
                true,
                search(read.clone()),
                0,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19; found in 0 of 200 other problems' latents (p = 0.005)",
            ),
            (
                true,
                search(read.clone()),
                37,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19; such a trace was also found in 37 of 200 other problems' latents (p = 0.189), so chance may explain it",
            ),
            (
                true,
                alone,
                1,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19; found in 1 of 200 other problems' latents (p = 0.010); one step from the question alone gives the answer too",
            ),
            (
                true,
                search(ValueSource::Answer),
                0,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19, the last one read at the answer only; found in 0 of 200 other problems' latents (p = 0.005)",
            ),
            (false, search(read), 0, Rung::NotNeeded, NOT_NEEDED),
            (
                true,
                near,
                0,
                Rung::NoneFound,
                "No trace from the question to the model's answer is in the top-5 of the latents; 19 is read at latent 2, but no step leads to it",
            ),
            (
                true,
                abstain(Abstain::NoNumbers),
                0,
                Rung::Abstain,
                "The question holds no number to start a trace from",
            ),
            (
                false,
                abstain(Abstain::NoNumbers),
                0,
                Rung::NotNeeded,
                NOT_NEEDED,
            ),
            (
                false,
                abstain(Abstain::NoAnswer),
                0,
                Rung::Abstain,
                "The model gave no answer to judge",
            ),
        ];
        for (needed, search, hits, rung, reason) in cases {
            let steps = search.steps.len();
            let verdict = judge(evidence(needed, search, null(hits)));
            assert_eq!((verdict.rung, verdict.reason.as_str()), (rung, reason));
            assert_eq!(
                verdict.steps.len(),
                steps,
                "the trace stays visible on every rung"
            );
        }
    }

    #[test]
    fn an_untested_null_is_stated() {
        let verdict = judge(evidence(
            true,
            search(ValueSource::Answer),
            super::super::null::null_from(0, 0, &mut []),
        ));
        assert!(
            verdict
                .reason
                .ends_with("how often chance finds one was not tested"),
            "{}",
            verdict.reason
        );
    }
}
