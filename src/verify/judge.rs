//! From evidence to a rung of the ladder, with one sentence that says why.

use crate::trace::{Necessity, Null, Rung, Source, Verdict};

use super::{Abstain, Found};

/// Gives the verdict on one run. Without an answer there is nothing to judge; NOT NEEDED comes next and holds whether
/// or not a trace could be searched; only then does it matter what the search found.
#[must_use]
pub fn judge(necessity: Necessity, found: Found, null: Null, top_k: usize) -> Verdict {
    let (rung, reason) = match &found.abstain {
        Some(why @ (Abstain::NoAnswer | Abstain::NoLatents)) => (Rung::Abstain, why.to_string()),
        _ if !necessity.needed => (Rung::NotNeeded, not_needed(&necessity)),
        Some(why) => (Rung::Abstain, why.to_string()),
        None if found.steps.is_empty() => (Rung::NoneFound, none_found(&found, top_k)),
        None => (Rung::Present, present(&found, &null, top_k)),
    };
    Verdict {
        rung,
        reason,
        necessity,
        steps: found.steps,
        candidates: found.candidates,
        traces: found.traces,
        from_question_alone: found.from_question_alone,
        top_k,
        null,
    }
}

fn not_needed(necessity: &Necessity) -> String {
    format!(
        "The answer and its log-probability stand with no latents, and with all latents from another problem in {} of {} donors",
        necessity.donors_kept, necessity.donors
    )
}

fn none_found(found: &Found, top_k: usize) -> String {
    let near = found
        .near_miss
        .as_deref()
        .map_or(String::new(), |near| format!("; {near}"));
    let cut = if found.capped {
        "; the search was cut short by its limit"
    } else {
        ""
    };
    format!(
        "No trace from the question to the model's answer is in the top-{top_k} of the latents{near}{cut}"
    )
}

fn present(found: &Found, null: &Null, top_k: usize) -> String {
    let n = found.steps.len();
    let last = found.steps.last().map(|s| &s.result);
    let answer = last.map_or("", |r| r.text.as_str());
    let at_answer = last.is_some_and(|r| r.source == Source::Answer);
    let steps = if n == 1 { "step" } else { "steps" };
    let mut reason = format!(
        "The top-{top_k} of the latents is consistent with a trace of {n} {steps} that ends in {answer}"
    );
    if at_answer {
        reason.push_str(", the last one read at the answer only");
    }
    let tested = if null.n == 0 {
        "; how often chance finds one was not tested".to_owned()
    } else if null.chance_may_explain() {
        format!(
            "; such a trace was also found in {} of {} other problems' latents (p = {:.3}), so chance may explain it",
            null.hits, null.n, null.p_value
        )
    } else {
        format!(
            "; found in {} of {} other problems' latents (p = {:.3})",
            null.hits, null.n, null.p_value
        )
    };
    reason.push_str(&tested);
    if found.from_question_alone {
        reason.push_str("; one step from the question alone gives the answer too");
    }
    reason
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::{LatentIdx, Operand, TraceStep};

    fn necessity(needed: bool) -> Necessity {
        Necessity {
            answer_without_latents: Some("19".to_owned()),
            delta_without_latents: Some(-0.01),
            donors: 16,
            donors_kept: 16,
            delta_resampled: Some(0.0),
            threshold: 0.1,
            needed,
        }
    }

    fn null(hits: usize) -> Null {
        super::super::null::null_from(200, hits, &mut [1; 200])
    }

    fn found(source: Source) -> Found {
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
        Found {
            steps: vec![step],
            candidates: 3,
            traces: 1,
            ..Found::default()
        }
    }

    #[test]
    fn every_rung_has_its_reason() {
        let read = Source::Latent {
            latent: LatentIdx(1),
            rank: 0,
            prob: 0.9,
        };
        let abstain = |why| Found {
            abstain: Some(why),
            ..Found::default()
        };
        let near = Found {
            near_miss: Some("19 is read at latent 2, but no step leads to it".to_owned()),
            ..Found::default()
        };
        let alone = Found {
            from_question_alone: true,
            ..found(read.clone())
        };
        let cases = [
            (
                true,
                found(read.clone()),
                0,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19; found in 0 of 200 other problems' latents (p = 0.005)",
            ),
            (
                true,
                found(read.clone()),
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
                found(Source::Answer),
                0,
                Rung::Present,
                "The top-5 of the latents is consistent with a trace of 1 step that ends in 19, the last one read at the answer only; found in 0 of 200 other problems' latents (p = 0.005)",
            ),
            (
                false,
                found(read),
                0,
                Rung::NotNeeded,
                "The answer and its log-probability stand with no latents, and with all latents from another problem in 16 of 16 donors",
            ),
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
                "The answer and its log-probability stand with no latents, and with all latents from another problem in 16 of 16 donors",
            ),
            (
                false,
                abstain(Abstain::NoAnswer),
                0,
                Rung::Abstain,
                "The model gave no answer to judge",
            ),
        ];
        for (needed, found, hits, rung, reason) in cases {
            let steps = found.steps.len();
            let verdict = judge(necessity(needed), found, null(hits), 5);
            assert_eq!((verdict.rung, verdict.reason.as_str()), (rung, reason));
            assert_eq!(
                verdict.steps.len(),
                steps,
                "the trace stays visible on every rung"
            );
        }
    }

    #[test]
    fn an_untested_null_is_said() {
        let verdict = judge(
            necessity(true),
            found(Source::Answer),
            super::super::null::null_from(0, 0, &mut []),
            5,
        );
        assert!(
            verdict
                .reason
                .ends_with("how often chance finds one was not tested"),
            "{}",
            verdict.reason
        );
    }
}
