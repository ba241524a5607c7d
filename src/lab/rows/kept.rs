//! What is kept of the result of each experiment on a problem: numbers for tables and reports, without texts and evidence.

use super::row::{self, Confidence};
use crate::core::answers::same;
use crate::core::types::{AblationValue, AnswerOutcome, EarlyExit, Null, Rung, Standing};

/// The rank of a result below the ten that are read.
const BELOW: usize = 10;

/// One mode's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Whether the text contains an answer.
    pub answered: bool,
    /// Whether it is the gold answer.
    pub correct: Option<bool>,
    /// Whether it is the main answer.
    pub same: bool,
    /// Number of output tokens (docs/methods.md M3.6).
    pub tokens: usize,
}

/// The answers of one problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptAnswers {
    /// The answer in the model's main mode.
    pub main: KeptAnswer,
    /// The answer without latents.
    pub no_latents: Option<KeptAnswer>,
    /// The answer after one latent fewer than steps.
    pub one_fewer: Option<KeptAnswer>,
    /// The answer with all latents off by zero.
    pub off_zero: Option<KeptAnswer>,
    /// The answer with all latents off by their mean.
    pub off_mean: Option<KeptAnswer>,
    /// The answer with all latents off by those of one other problem.
    pub off_resample: Option<KeptAnswer>,
    /// The answer in direct mode.
    pub direct: Option<KeptAnswer>,
    /// The answer in written mode.
    pub written: Option<KeptAnswer>,
    /// Confidence in the main answer.
    pub confidence: Option<Confidence>,
}

/// An answer forced after k latents or written steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeptExit {
    /// Number of latents or written steps.
    pub k: usize,
    /// Whether it equals the answer of the full run.
    pub same: bool,
    /// Whether it is the gold answer.
    pub correct: Option<bool>,
}

/// Early stopping of one problem (docs/methods.md M4.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Early {
    /// Number of latents or written steps of the full run.
    pub of: usize,
    /// First match.
    pub first: Option<usize>,
    /// Stable match.
    pub stable: usize,
    /// The forced answers.
    pub exits: Vec<KeptExit>,
}

/// All latents off by one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AllOff {
    /// The replacement.
    pub value: AblationValue,
    /// Whether the answer stood, was mixed or flipped.
    pub outcome: AnswerOutcome,
    /// Whether the answer is the gold answer.
    pub correct: Option<bool>,
}

/// The answers to one problem with latents off.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptAblation {
    /// All latents off, by each value.
    pub all: Vec<AllOff>,
    /// Number of latents that were switched off alone.
    pub latents: usize,
    /// Those that change the answer.
    pub needed: Vec<usize>,
    /// Change of the answer's log-probability with all off, in nats, by the value of the single ones if present, else the first.
    pub delta: Option<f64>,
}

/// Where the gold trace of one problem appears.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptGold {
    /// Number of gold results searched for.
    pub results: usize,
    /// Number of those among some latent's top tokens.
    pub read: usize,
    /// Whether all but the last appear in order; `None` for a solution of one step.
    pub in_order: Option<bool>,
    /// Number of other problems' gold solutions tried.
    pub others: usize,
    /// Number of those that appear in order.
    pub others_in_order: usize,
    /// The published search.
    pub published: Option<row::PublishedSearch>,
}

/// Forward chaining on one problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptChaining {
    /// Whether a trace was found.
    pub found: bool,
    /// Whether a trace was found, and verified, requiring 1, 2 and 3 of three edits; `None` outside paper mode.
    pub required: [Option<(bool, bool)>; 3],
    /// Number of verified steps, requiring 2 of three edits (the published default).
    pub verified_steps: Option<usize>,
    /// The null of our search.
    pub null: Option<Chance>,
    /// Whether the rewritten question keeps the answer.
    pub rewrite_same: Option<bool>,
}

/// How often a search succeeds by chance.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chance {
    /// Number of other problems searched.
    pub n: usize,
    /// Number of those in which the search succeeded.
    pub hits: usize,
    /// (1 + hits) / (1 + n), whether or not the problem's own search found a trace.
    pub p: f64,
}

impl From<&Null> for Chance {
    fn from(null: &Null) -> Self {
        Self {
            n: null.n,
            hits: null.hits,
            #[expect(clippy::cast_precision_loss, reason = "a few hundred problems")]
            p: null
                .p_value
                .unwrap_or((1 + null.hits) as f64 / (1 + null.n) as f64),
        }
    }
}

/// The verdict on one problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KeptVerdict {
    /// The rung.
    pub rung: Rung,
    /// Whether the rung is PRESENT and chance may explain the trace.
    pub by_chance: bool,
    /// The p-value of the search; `None` if it found nothing or had no null.
    pub p: Option<f64>,
    /// Whether latents are needed; `None` if that was not tested.
    pub needed: Option<bool>,
    /// Whether a trace was found.
    pub has_trace: bool,
    /// The null over other problems' latents; `None` if none was searched.
    pub null: Option<Chance>,
    /// The null over other problems' answers.
    pub null_answers: Option<Chance>,
    /// Outcome of the edits.
    pub tracks: Option<Standing>,
    /// Outcome of the replaced latents.
    pub used: Option<Standing>,
}

pub(super) fn answers(found: &row::AccuracyRow) -> KeptAnswers {
    let main = found.main.answer.as_deref();
    let said = |said: &row::RowAnswer| KeptAnswer {
        answered: said.answer.is_some(),
        correct: said.correct,
        same: match (said.answer.as_deref(), main) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a == b,
        },
        tokens: said.tokens,
    };
    KeptAnswers {
        main: said(&found.main),
        no_latents: found.no_latents.as_ref().map(said),
        one_fewer: found.one_fewer.as_ref().map(said),
        off_zero: found.off_zero.as_ref().map(said),
        off_mean: found.off_mean.as_ref().map(said),
        off_resample: found.off_resample.as_ref().map(said),
        direct: found.direct.as_ref().map(said),
        written: found.written.as_ref().map(said),
        confidence: found.confidence,
    }
}

pub(super) fn early(
    found: &row::EarlyStopping,
    is_gold: impl Fn(Option<&str>) -> Option<bool>,
) -> Early {
    // The full run's answer is not in the row, but the first match has it. Without a match no exit equals it.
    let value = |exit: &EarlyExit| exit.value.clone().unwrap_or_default();
    let first = found
        .first_match
        .and_then(|at| found.exits.get(at))
        .map(value);
    let exits = found.exits.iter().map(|exit| KeptExit {
        k: exit.k,
        same: first.as_ref().is_some_and(|free| same(free, &value(exit))),
        correct: is_gold(exit.value.as_deref()),
    });
    Early {
        of: found.of,
        first: found.first_match,
        stable: found.stable_match,
        exits: exits.collect(),
    }
}

pub(super) fn off(found: &row::AblationRow) -> KeptAblation {
    let all = found.all.iter().map(|off| AllOff {
        value: off.value,
        outcome: off.variants().outcome(),
        correct: off.correct,
    });
    KeptAblation {
        all: all.collect(),
        latents: found.each.len(),
        needed: found.needed.clone(),
        delta: delta(found),
    }
}

pub(super) fn gold_trace(found: &row::Backtracking) -> KeptGold {
    let holds = |list: &[bool]| list.iter().filter(|in_order| **in_order).count();
    KeptGold {
        results: found.reads.len(),
        read: found.reads.iter().filter(|r| r.latent.is_some()).count(),
        in_order: found.in_order,
        others: found.in_order_others.len(),
        others_in_order: holds(&found.in_order_others),
        published: found.published.clone(),
    }
}

pub(super) fn ranks(found: &row::Backtracking) -> Vec<Option<usize>> {
    let rank = |read: &row::GoldRead| {
        (!read.result.is_empty()).then_some(read.rank_in_turn.unwrap_or(BELOW))
    };
    found.reads.iter().map(rank).collect()
}

pub(super) fn chain(found: &row::ForwardChaining) -> KeptChaining {
    let at = |passes: usize| found.required.iter().find(|r| r.passes == passes);
    let verified = |r: &row::Required| r.steps.iter().filter(|s| s.verified).count();
    KeptChaining {
        found: found.found,
        required: [1, 2, 3].map(|passes| at(passes).map(|r| (r.found, r.found && r.verified))),
        verified_steps: at(2).map(verified),
        null: found.null.as_ref().filter(|n| n.n > 0).map(Chance::from),
        rewrite_same: found.rewrite.as_ref().map(|rewrite| rewrite.same),
    }
}

pub(super) fn judged(found: &row::JudgedAnswer) -> KeptVerdict {
    let verdict = &found.verdict;
    let necessity = &verdict.necessity;
    let chance = |null: &Null| (null.n > 0).then(|| Chance::from(null));
    KeptVerdict {
        rung: verdict.rung,
        by_chance: verdict.by_chance,
        p: verdict.null.p_value,
        needed: necessity.is_tested().then_some(necessity.needed),
        has_trace: verdict.has_trace(),
        null: chance(&verdict.null),
        null_answers: verdict.null_answers.as_ref().and_then(chance),
        tracks: verdict.tracks.as_ref().map(|tracks| tracks.standing),
        used: verdict.used.as_ref().map(|used| used.standing),
    }
}

/// Returns the change with all latents off, under the value used for single latents if present, else the first value.
fn delta(found: &row::AblationRow) -> Option<f64> {
    let single = found.each.first().map(|off| off.value);
    let all = found.all.iter();
    let same = all.clone().find(|off| Some(off.value) == single);
    same.or_else(|| all.clone().next())
        .map(|off| off.delta_logprob)
        .filter(|delta| !delta.is_nan())
}

/// Values for tests that look at one number of them.
#[cfg(test)]
pub(crate) mod made {
    use super::*;

    pub(crate) fn answers(logprob: f64) -> KeptAnswers {
        let confidence = Confidence {
            logprob,
            first_probability: 0.5,
            entropy: 0.5,
        };
        KeptAnswers {
            confidence: Some(confidence),
            ..super::answers(&row::AccuracyRow::default())
        }
    }

    pub(crate) fn off(needed: Vec<usize>, delta: f64) -> KeptAblation {
        KeptAblation {
            all: Vec::new(),
            latents: 4,
            needed,
            delta: Some(delta),
        }
    }

    pub(crate) fn judged(rung: Rung, p: Option<f64>) -> KeptVerdict {
        KeptVerdict {
            rung,
            by_chance: false,
            p,
            needed: None,
            has_trace: false,
            null: None,
            null_answers: None,
            tracks: None,
            used: None,
        }
    }
}
