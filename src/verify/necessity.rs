//! Necessity: do the answer and its log-probability stand without this problem's latents?
//!
//! Two tests, and both must pass before a verdict says NOT NEEDED: no latents at all, and every latent taken from other
//! problems. The first alone could pass because a model has a direct mode of its own; the second alone could fail
//! because foreign latents confuse a model that needs none.

use crate::trace::Necessity;

/// The largest loss of log-probability, in nats, under which an answer still stands; a gain is no need.
///
/// A tenth of a nat is a tenth of the answer's probability (x 0.90). Rounding and batching move a
/// log-probability by less than 0.001, so it is not noise that decides; a latent that the answer rests on moves it by
/// several nats, and an answer that only loses a fifth of its probability does owe something to the latents.
pub const THRESHOLD_NATS: f64 = 0.1;

/// The fewest donors on which "not needed" may rest (field-map.md 5.2): with 16 of 16 kept, the share of donors that
/// would change the answer is below 17 % at 95 % confidence.
pub const MIN_DONORS: usize = 16;

/// The share of donors, in percent, that must keep the answer: one stray donor in twenty is let pass, because a donor
/// may happen to be off the model's distribution; two are not.
pub const MIN_KEPT_PERCENT: usize = 95;

/// What became of the clean answer in a run without this problem's latents.
#[derive(Debug, Clone, PartialEq)]
pub struct Stand {
    /// The answer there.
    pub answer: Option<String>,
    /// Log-probability of the clean answer there, less that in the clean run, in nats.
    pub delta_logprob: f64,
}

/// Decides whether the latents are needed, from the run with zero latents (delimiter forced; none if it was not run)
/// and from one run per donor with all latents resampled. What was not shown to stand counts as needed.
#[must_use]
pub fn decide(clean_answer: &str, without: Option<&Stand>, resampled: &[Stand]) -> Necessity {
    let kept = |stand: &&Stand| {
        stand
            .answer
            .as_deref()
            .is_some_and(|a| a.trim() == clean_answer.trim())
    };
    let donors = resampled.len();
    let donors_kept = resampled.iter().filter(kept).count();
    let mean = |change: fn(&Stand) -> f64| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of donors is far below 2^52"
        )]
        let n = donors as f64;
        (donors > 0).then(|| resampled.iter().map(change).sum::<f64>() / n)
    };
    // A change that is not a number is no evidence: every comparison with it is false.
    let zero_stands = without
        .filter(kept)
        .is_some_and(|s| -s.delta_logprob <= THRESHOLD_NATS);
    let donors_stand = donors >= MIN_DONORS
        && donors_kept * 100 >= donors * MIN_KEPT_PERCENT
        // The mean of losses: one donor's gain must not make up for another's loss.
        && mean(|s| if s.delta_logprob > 0.0 { 0.0 } else { -s.delta_logprob }).is_some_and(|loss| loss <= THRESHOLD_NATS);
    Necessity {
        answer_without_latents: without.and_then(|s| s.answer.clone()),
        delta_without_latents: without.map(|s| s.delta_logprob),
        donors,
        donors_kept,
        delta_resampled: mean(|s| s.delta_logprob),
        threshold: THRESHOLD_NATS,
        needed: !(zero_stands && donors_stand),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(answer: &str, delta_logprob: f64) -> Stand {
        Stand {
            answer: Some(answer.to_owned()),
            delta_logprob,
        }
    }

    #[test]
    fn both_tests_must_pass() {
        let all = |n| vec![stand("19", 0.01); n];
        let with = |n: usize, other: &[Stand]| [all(n).as_slice(), other].concat();
        let keep = Some(stand("19", -0.05));
        for (name, without, donors, needed) in [
            ("both stand", keep.clone(), all(16), false),
            (
                "19 of 20 donors keep it",
                keep.clone(),
                with(19, &[stand("18", -0.2)]),
                false,
            ),
            (
                "15 of 16 donors keep it",
                keep.clone(),
                with(15, &[stand("18", -0.2)]),
                true,
            ),
            ("too few donors", keep.clone(), all(15), true),
            ("no donors", keep.clone(), all(0), true),
            ("zero latents not run", None, all(16), true),
            (
                "zero latents give another answer",
                Some(stand("18", 0.0)),
                all(16),
                true,
            ),
            (
                "zero latents give none",
                Some(Stand {
                    answer: None,
                    delta_logprob: 0.0,
                }),
                all(16),
                true,
            ),
            (
                "probability falls with zero latents",
                Some(stand("19", -0.11)),
                all(16),
                true,
            ),
            (
                "probability rises with zero latents",
                Some(stand("19", 0.3)),
                all(16),
                false,
            ),
            (
                "gains do not make up for losses",
                keep.clone(),
                with(8, &vec![stand("19", -0.3); 8]),
                true,
            ),
            ("not a number", Some(stand("19", f64::NAN)), all(16), true),
            (
                "one donor not a number",
                keep,
                with(16, &[stand("19", f64::NAN)]),
                true,
            ),
        ] {
            assert_eq!(
                decide("19", without.as_ref(), &donors).needed,
                needed,
                "{name}"
            );
        }
    }

    #[test]
    fn the_evidence_is_kept() {
        let donors: Vec<Stand> = [stand("19", -1.0), stand("3", -3.0)].to_vec();
        let necessity = decide("19", Some(&stand("7", -4.0)), &donors);
        assert_eq!(necessity.answer_without_latents.as_deref(), Some("7"));
        assert_eq!((necessity.donors, necessity.donors_kept), (2, 1));
        assert_eq!(necessity.delta_resampled, Some(-2.0));
        assert!(necessity.needed);
    }
}
