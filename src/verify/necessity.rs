//! Necessity: do the answer and its log-probability survive without the content of this problem's latents, and without their
//! positions?
//!
//! Content is tested with the positions kept, so that nothing else changes: every latent is resampled from another problem, set
//! to its mean, or hidden from all later positions. NOT NEEDED requires all three to pass. A single test can fail because the
//! replacement is foreign to the model, so the verdict names the failed tests. A run without latents also shifts every later
//! position, so it tests content and positions at once; it isolates the positions only if content is not needed.

use crate::core::types::{Necessity, Stood};

/// The largest loss of log-probability, in nats, under which an answer counts as unchanged; a gain is no need.
///
/// 0.1 nats is about a tenth of the answer's probability (x 0.90). Rounding and batching move a log-probability by less than
/// 0.001, so noise does not decide. A latent that the answer depends on moves it by several nats, and an answer that loses only a
/// fifth of its probability does owe something to the latents.
pub const THRESHOLD_NATS: f64 = 0.1;

/// The minimum number of donors for "not needed" (docs/methods.md M4.5): with 16 of 16 kept, the share of donors that would change
/// the answer is below 17 % at 95 % confidence.
pub const MIN_DONORS: usize = 16;

/// The percentage of donors that must keep the answer. One stray donor in twenty is tolerated, because a donor may be off the
/// model's distribution; two are not.
pub const MIN_KEPT_PERCENT: usize = 95;

/// The answer of a run without this problem's latents, compared with the clean one.
#[derive(Debug, Clone, PartialEq)]
pub struct AblatedAnswer {
    /// The answer in that run.
    pub answer: Option<String>,
    /// Log-probability of the clean answer in that run minus that in the clean run, in nats.
    pub delta_logprob: f64,
}

/// Runs with no latents, or with all of them changed.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Without {
    /// No latents, delimiter forced; `None` if it was not run.
    pub no_latents: Option<AblatedAnswer>,
    /// All latents resampled, by donor.
    pub resampled: Vec<AblatedAnswer>,
    /// All latents at their means.
    pub mean: Option<AblatedAnswer>,
    /// All latents hidden in place.
    pub hidden: Option<AblatedAnswer>,
}

/// Decides whether the latents are needed. A test that was not run or not passed counts as needed.
#[must_use]
pub fn decide(clean_answer: &str, without: &Without) -> Necessity {
    let resampled = &without.resampled;
    let is_kept = |stand: &AblatedAnswer| {
        let answer = stand.answer.as_deref();
        answer.is_some_and(|a| a.trim() == clean_answer.trim())
    };
    let donors = resampled.len();
    let donors_kept = resampled.iter().filter(|stand| is_kept(stand)).count();
    let mean = |change: fn(&AblatedAnswer) -> f64| {
        #[expect(
            clippy::cast_precision_loss,
            reason = "a count of donors is far below 2^52"
        )]
        let n = donors as f64;
        (donors > 0).then(|| resampled.iter().map(change).sum::<f64>() / n)
    };
    // NaN is no evidence: every comparison with it is false.
    let passes = |stand: &AblatedAnswer| is_kept(stand) && -stand.delta_logprob <= THRESHOLD_NATS;
    let outcome = |stand: &Option<AblatedAnswer>| {
        stand.as_ref().map(|stand| Stood {
            answer: stand.answer.clone(),
            delta_logprob: stand.delta_logprob,
            stands: passes(stand),
        })
    };
    let donors_pass = donors >= MIN_DONORS
        && donors_kept * 100 >= donors * MIN_KEPT_PERCENT
        // The mean of losses: one donor's gain must not offset another's loss.
        && mean(|s| if s.delta_logprob > 0.0 { 0.0 } else { -s.delta_logprob }).is_some_and(|loss| loss <= THRESHOLD_NATS);
    let fell: Vec<String> = [
        (RESAMPLED, donors_pass),
        (MEAN, without.mean.as_ref().is_some_and(passes)),
        (HIDDEN, without.hidden.as_ref().is_some_and(passes)),
    ]
    .into_iter()
    .filter(|(_, passes)| !passes)
    .map(|(name, _)| name.to_owned())
    .collect();
    let no_latents = without.no_latents.as_ref();
    Necessity {
        answer_without_latents: no_latents.and_then(|s| s.answer.clone()),
        delta_without_latents: no_latents.map(|s| s.delta_logprob),
        donors,
        donors_kept,
        delta_resampled: mean(|s| s.delta_logprob),
        mean: outcome(&without.mean),
        hidden: outcome(&without.hidden),
        threshold: THRESHOLD_NATS,
        needed: !fell.is_empty(),
        places: no_latents
            .filter(|_| fell.is_empty())
            .map(|run| !passes(run)),
        fell,
    }
}

/// Names of the content tests, as in [`Necessity::fell`].
const RESAMPLED: &str = "resampled";
const MEAN: &str = "at their means";
const HIDDEN: &str = "hidden in place";

#[cfg(test)]
mod tests {
    use super::*;

    fn stand(answer: &str, delta_logprob: f64) -> AblatedAnswer {
        AblatedAnswer {
            answer: Some(answer.to_owned()),
            delta_logprob,
        }
    }

    #[test]
    fn content_is_needed_unless_every_test_passes() {
        let all = |n| vec![stand("19", 0.01); n];
        let with = |n: usize, other: &[AblatedAnswer]| [all(n).as_slice(), other].concat();
        let keep = Some(stand("19", -0.05));
        let no_answer = Some(AblatedAnswer {
            answer: None,
            delta_logprob: 0.0,
        });
        for (name, hidden, donors, fell) in [
            ("all pass", keep.clone(), all(16), &[][..]),
            (
                "19 of 20 donors keep it",
                keep.clone(),
                with(19, &[stand("18", -0.2)]),
                &[],
            ),
            (
                "15 of 16 donors keep it",
                keep.clone(),
                with(15, &[stand("18", -0.2)]),
                &[RESAMPLED],
            ),
            ("too few donors", keep.clone(), all(15), &[RESAMPLED]),
            ("no donors", keep.clone(), all(0), &[RESAMPLED]),
            ("not hidden", None, all(16), &[HIDDEN]),
            (
                "hidden, another answer",
                Some(stand("18", 0.0)),
                all(16),
                &[HIDDEN],
            ),
            ("hidden, no answer", no_answer, all(16), &[HIDDEN]),
            (
                "probability falls when hidden",
                Some(stand("19", -0.11)),
                all(16),
                &[HIDDEN],
            ),
            (
                "probability rises when hidden",
                Some(stand("19", 0.3)),
                all(16),
                &[],
            ),
            (
                "gains do not make up for losses",
                keep.clone(),
                with(8, &vec![stand("19", -0.3); 8]),
                &[RESAMPLED],
            ),
            (
                "not a number",
                Some(stand("19", f64::NAN)),
                all(16),
                &[HIDDEN],
            ),
            (
                "one donor not a number",
                keep.clone(),
                with(16, &[stand("19", f64::NAN)]),
                &[RESAMPLED],
            ),
        ] {
            let without = Without {
                no_latents: None,
                resampled: donors,
                mean: keep.clone(),
                hidden,
            };
            let necessity = decide("19", &without);
            assert_eq!(
                (necessity.fell.as_slice(), necessity.needed),
                (
                    &fell.iter().map(ToString::to_string).collect::<Vec<_>>()[..],
                    !fell.is_empty()
                ),
                "{name}"
            );
        }
    }

    #[test]
    fn positions_are_judged_only_if_content_is_not_needed() {
        let keep = Some(stand("19", 0.0));
        for (name, no_latents, mean, places) in [
            ("nothing is needed", keep.clone(), keep.clone(), Some(false)),
            (
                "only the places",
                Some(stand("18", -3.0)),
                keep.clone(),
                Some(true),
            ),
            (
                "content, which says nothing of places",
                Some(stand("18", -3.0)),
                None,
                None,
            ),
            ("not run", None, keep.clone(), None),
        ] {
            let without = Without {
                no_latents,
                resampled: vec![stand("19", 0.0); 16],
                mean,
                hidden: keep.clone(),
            };
            assert_eq!(decide("19", &without).places, places, "{name}");
        }
    }

    #[test]
    fn the_evidence_is_kept() {
        let without = Without {
            no_latents: Some(stand("7", -4.0)),
            resampled: [stand("19", -1.0), stand("3", -3.0)].to_vec(),
            mean: Some(stand("19", -0.2)),
            hidden: None,
        };
        let necessity = decide("19", &without);
        assert_eq!(necessity.answer_without_latents.as_deref(), Some("7"));
        assert_eq!((necessity.donors, necessity.donors_kept), (2, 1));
        assert_eq!(necessity.delta_resampled, Some(-2.0));
        assert_eq!(necessity.mean.map(|m| m.stands), Some(false));
        assert!(necessity.needed);
    }
}
