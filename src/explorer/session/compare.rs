//! Compares a recorded session with a recomputed one and reports every difference beyond the tolerance.
//!
//! Texts, answers and counts must be equal; log-probabilities and other figures may differ by [`TOLERANCE`].
//! Recorded values that were not recomputed are differences too. Pure.

use std::fmt::Display;

use super::Session;
use crate::core::types::{Answer, Outcome, Projection, Run, Verdict};

/// The largest difference attributed to another machine's arithmetic, in the unit of the figure (nats for log-probabilities).
pub const TOLERANCE: f64 = 1e-3;

/// The outcome of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Comparison {
    /// The number of values compared.
    pub compared: usize,
    /// The places that differ or were not recomputed, e.g. `latent 2, top token 1`.
    pub differences: Vec<String>,
}

impl Comparison {
    /// Returns e.g. `reproduced 41 of 43`.
    #[must_use]
    pub fn summary(&self) -> String {
        let reproduced = self.compared - self.differences.len();
        format!("reproduced {reproduced} of {}", self.compared)
    }

    fn check(&mut self, place: impl Display, same: bool) {
        self.compared += 1;
        if !same {
            self.differences.push(place.to_string());
        }
    }

    fn exact<T: PartialEq>(&mut self, place: impl Display, recorded: &T, recomputed: &T) {
        self.check(place, recorded == recomputed);
    }

    fn figure(&mut self, place: impl Display, recorded: Option<f64>, recomputed: Option<f64>) {
        let same = match (recorded, recomputed) {
            (Some(a), Some(b)) => (a - b).abs() <= TOLERANCE,
            (a, b) => a.is_none() && b.is_none(),
        };
        self.check(place, same);
    }

    fn missing(&mut self, place: impl Display) {
        self.check(place, false);
    }
}

/// Compares every recorded value with the one recomputed from the same problem.
#[must_use]
pub fn compare(recorded: &Session, recomputed: &Session) -> Comparison {
    let mut found = Comparison::default();
    if let Some(model) = &recorded.model {
        let other = recomputed.model.as_ref().map(|m| m.sha256.as_str());
        found.exact("weights (SHA-256)", &Some(model.sha256.as_str()), &other);
    }
    match (&recorded.run, &recomputed.run) {
        (Some(a), Some(b)) => compare_runs(&mut found, a, b),
        (Some(_), None) => found.missing("run"),
        (None, _) => {}
    }
    compare_phrases(&mut found, recorded, recomputed);
    for exit in &recorded.early_exit {
        let place = format!("early exit after {}", exit.k);
        match recomputed.early_exit.iter().find(|other| other.k == exit.k) {
            Some(other) => {
                found.exact(format!("{place}, answer"), &exit.value, &other.value);
                found.figure(format!("{place}, log p"), exit.logprob, other.logprob);
                found.figure(
                    format!("{place}, log p of the clean answer"),
                    exit.clean_logprob,
                    other.clean_logprob,
                );
            }
            None => found.missing(place),
        }
    }
    for outcome in &recorded.outcomes {
        let place = place_of(outcome);
        let mut others = recomputed.outcomes.iter();
        match others.find(|other| other.ablation == outcome.ablation) {
            Some(other) => compare_outcomes(&mut found, &place, outcome, other),
            None => found.missing(place),
        }
    }
    match (&recorded.verdict, &recomputed.verdict) {
        (Some(a), Some(b)) => compare_verdicts(&mut found, a, b),
        (Some(_), None) => found.missing("verdict"),
        (None, _) => {}
    }
    found
}

/// Returns e.g. `ablation of 1, 3 by zero`.
fn place_of(outcome: &Outcome) -> String {
    let off: Vec<String> = outcome
        .ablation
        .off
        .iter()
        .map(ToString::to_string)
        .collect();
    format!(
        "ablation of {} by {}",
        off.join(", "),
        outcome.ablation.value
    )
}

fn compare_runs(found: &mut Comparison, recorded: &Run, recomputed: &Run) {
    found.exact("input ids", &recorded.input_ids, &recomputed.input_ids);
    compare_answers(found, "answer", &recorded.answer, &recomputed.answer);
    found.figure(
        "gold answer, log p",
        recorded.gold_logprob,
        recomputed.gold_logprob,
    );
    for (latent, position) in recorded.latents() {
        let other = recomputed.latents().find(|(other, _)| *other == latent);
        let Some((_, other)) = other else {
            found.missing(format!("latent {latent}"));
            continue;
        };
        found.figure(
            format!("latent {latent}, norm"),
            position.norm.map(f64::from),
            other.norm.map(f64::from),
        );
        match (&position.projection, &other.projection) {
            (Some(a), Some(b)) => compare_projections(found, &format!("latent {latent}"), a, b),
            (Some(_), None) => found.missing(format!("latent {latent}, projection")),
            (None, _) => {}
        }
        match (recorded.learned_at(latent), recomputed.learned_at(latent)) {
            (Some(a), Some(b)) => {
                compare_projections(found, &format!("latent {latent}, learned lens"), a, b);
            }
            (Some(_), None) => found.missing(format!("latent {latent}, learned lens")),
            (None, _) => {}
        }
    }
}

/// Compares two projections rank by rank. Tokens whose log-probabilities differ by less than the tolerance may
/// swap ranks, so a token is also searched for among those of equal log-probability.
fn compare_projections(
    found: &mut Comparison,
    place: &str,
    recorded: &Projection,
    recomputed: &Projection,
) {
    found.figure(
        format!("{place}, entropy"),
        Some(f64::from(recorded.entropy)),
        Some(f64::from(recomputed.entropy)),
    );
    let logprob = |prob: f32| f64::from(prob).ln();
    for (read, rank) in recorded.top.iter().zip(1..) {
        let place = format!("{place}, top token {rank}");
        let Some(at_rank) = recomputed.top.get(rank - 1) else {
            found.missing(place);
            continue;
        };
        let tied = (logprob(read.prob) - logprob(at_rank.prob)).abs() <= TOLERANCE;
        let same_token = recomputed.top.iter().any(|other| {
            other.id == read.id
                && other.text == read.text
                && (logprob(other.prob) - logprob(read.prob)).abs() <= TOLERANCE
        });
        // The last rank may be tied with a token that just missed the list.
        let cut_tie = tied && rank == recorded.top.len();
        found.check(place, tied && (same_token || cut_tie));
    }
}

fn compare_answers(found: &mut Comparison, place: &str, recorded: &Answer, recomputed: &Answer) {
    found.exact(place, &recorded.text, &recomputed.text);
    found.exact(
        format!("{place}, value"),
        &recorded.value,
        &recomputed.value,
    );
    found.figure(
        format!("{place}, log p"),
        recorded.logprob,
        recomputed.logprob,
    );
}

fn compare_phrases(found: &mut Comparison, recorded: &Session, recomputed: &Session) {
    for (latent, phrases) in &recorded.phrases {
        let others = recomputed.phrases.iter().find(|(other, _)| other == latent);
        let others = others.map_or(&[][..], |(_, phrases)| phrases);
        for (phrase, rank) in phrases.iter().zip(1..) {
            let place = format!("latent {latent}, phrase {rank}");
            // Matched by tokens, since two equally good phrases may swap ranks.
            let Some(other) = others.iter().find(|other| other.ids == phrase.ids) else {
                found.missing(place);
                continue;
            };
            found.exact(&place, &phrase.text, &other.text);
            found.figure(
                format!("{place}, log p"),
                Some(phrase.logprob),
                Some(other.logprob),
            );
            found.figure(format!("{place}, lift"), phrase.lift, other.lift);
        }
    }
}

fn compare_outcomes(found: &mut Comparison, place: &str, recorded: &Outcome, recomputed: &Outcome) {
    compare_answers(
        found,
        &format!("{place}, answer"),
        &recorded.answer,
        &recomputed.answer,
    );
    let (a, b) = (&recorded.effect, &recomputed.effect);
    found.exact(format!("{place}, flipped"), &a.flipped, &b.flipped);
    let figures = [
        (
            "change of the clean answer",
            Some(a.delta_logprob),
            Some(b.delta_logprob),
        ),
        (
            "change of the gold answer",
            a.delta_logprob_gold,
            b.delta_logprob_gold,
        ),
        ("KL", Some(a.kl), Some(b.kl)),
        ("relative size", a.relative_size, b.relative_size),
    ];
    for (name, a, b) in figures {
        found.figure(format!("{place}, {name}"), a, b);
    }
    if let Some(donors) = &a.donors {
        found.exact(
            format!("{place}, donors that flip it"),
            &Some((donors.flips, donors.n)),
            &b.donors.as_ref().map(|d| (d.flips, d.n)),
        );
    }
}

fn compare_verdicts(found: &mut Comparison, recorded: &Verdict, recomputed: &Verdict) {
    found.exact("verdict", &recorded.rung, &recomputed.rung);
    found.check(
        "verdict, trace",
        (recorded.steps.iter().map(|step| &step.text))
            .eq(recomputed.steps.iter().map(|step| &step.text)),
    );
    found.exact(
        "verdict, candidates",
        &recorded.candidates,
        &recomputed.candidates,
    );
    let null = |verdict: &Verdict| (verdict.null.hits, verdict.null.n);
    found.exact("verdict, null", &null(recorded), &null(recomputed));
    let (a, b) = (&recorded.necessity, &recomputed.necessity);
    found.exact(
        "verdict, answer without latents",
        &a.answer_without_latents,
        &b.answer_without_latents,
    );
    found.figure(
        "verdict, change without latents",
        a.delta_without_latents,
        b.delta_without_latents,
    );
    found.exact(
        "verdict, donors that keep the answer",
        &(a.donors_kept, a.donors),
        &(b.donors_kept, b.donors),
    );
    found.figure(
        "verdict, change with all resampled",
        a.delta_resampled,
        b.delta_resampled,
    );
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::session::sample;

    type Change = fn(&mut Session);

    /// Compares the sample with a changed copy and returns the places that differ.
    fn places(change: impl FnOnce(&mut Session)) -> Vec<String> {
        let recorded = sample::session();
        let mut recomputed = recorded.clone();
        change(&mut recomputed);
        compare(&recorded, &recomputed).differences
    }

    fn latent_top(session: &mut Session) -> &mut Vec<crate::core::types::TokenRead> {
        let run = session.run.as_mut().expect("the sample has a run");
        &mut run.positions[2].projection.as_mut().expect("a latent").top
    }

    #[test]
    fn the_same_session_is_reproduced_whole() {
        let found = compare(&sample::session(), &sample::session());
        assert_eq!(found.differences, [""; 0]);
        assert!(found.compared > 40, "{}", found.compared);
        assert_eq!(
            found.summary(),
            format!("reproduced {0} of {0}", found.compared)
        );
    }

    #[test]
    fn small_differences_of_arithmetic_are_tolerated() {
        let none = places(|s| {
            s.outcomes[0].effect.kl += 0.9e-3;
            latent_top(s)[0].prob *= 1.0005;
        });
        assert_eq!(none, [""; 0]);
        assert_eq!(
            places(|s| s.outcomes[0].effect.kl += 1.1e-3),
            ["ablation of 1 by resample, KL"]
        );
    }

    #[test]
    fn every_part_is_compared() {
        let run = |s: &mut Session| s.run.take().expect("a run");
        let table: [(Change, &str); 8] = [
            (|s| s.model = None, "weights (SHA-256)"),
            (|s| s.run = None, "run"),
            (|s| s.verdict = None, "verdict"),
            (|s| s.phrases.clear(), "latent 1, phrase 1"),
            (
                |s| s.phrases[0].1[0].lift = None,
                "latent 1, phrase 1, lift",
            ),
            (
                |s| s.early_exit[0].value = None,
                "early exit after 0, answer",
            ),
            (
                |s| s.outcomes[1].answer.text.clear(),
                "ablation of 1, 2 by skip, answer",
            ),
            (
                |s| s.verdict.as_mut().expect("a verdict").null.hits += 1,
                "verdict, null",
            ),
        ];
        for (change, place) in table {
            assert_eq!(places(change)[0], place);
        }
        let shorter = places(|s| {
            let mut run = run(s);
            run.positions.retain(|p| p.text != "38");
            s.run = Some(run);
        });
        assert_eq!(shorter, ["latent 2"]);
    }

    #[test]
    fn only_equals_may_change_places() {
        assert_eq!(
            places(|s| latent_top(s).swap(0, 1)),
            ["latent 1, top token 1", "latent 1, top token 2"]
        );
        let mut recorded = sample::session();
        latent_top(&mut recorded)[1].prob = 0.93;
        let mut recomputed = recorded.clone();
        latent_top(&mut recomputed).swap(0, 1);
        assert_eq!(compare(&recorded, &recomputed).differences, [""; 0]);
        latent_top(&mut recomputed)[1].text = "20".to_owned();
        assert_eq!(compare(&recorded, &recomputed).differences.len(), 1);
    }
}
