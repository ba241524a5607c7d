//! Condenses a run's rows to one small item per problem. Rows are read one at a time; evidence is counted and dropped.

use std::collections::BTreeMap;
use std::path::Path;

use crate::core::answers::{is_correct, same};
use crate::core::error::{Error, Result};
use crate::core::types::{AblationValue, AnswerOutcome, EarlyExit, Null, Rung, Standing};
use crate::lab::rows::journal::Reader;
use crate::lab::rows::row::{self, Confidence};
use crate::lab::rows::summary::key;
use crate::lab::rows::{Body, Experiment, FILE, Header, Row};

/// The number of distinct refusal reasons kept per experiment.
const MOST_REASONS: usize = 8;
/// The rank of a result below the ten that are read.
const BELOW: usize = 10;

/// The parts of a run that the report needs.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// How the rows were made.
    pub header: Header,
    /// The run's folder, as named by the user.
    pub folder: String,
    /// Whether the last line was truncated.
    pub is_torn: bool,
    /// Number of rows read.
    pub rows: usize,
    /// Number of rows of a complete run of the header's shard.
    pub planned: usize,
    /// One item per problem.
    pub items: Vec<Item>,
    /// Counts of rows without a result, by experiment and reason.
    pub refused: BTreeMap<(Experiment, String), Refused>,
    /// The gold answer of the last item.
    gold: Option<String>,
}

/// Rows without a result, for one reason.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Refused {
    /// Number of rows.
    pub rows: usize,
    /// Number of rows whose answer is correct.
    pub correct: usize,
    /// Number of rows whose answer is wrong; the rest are unknown.
    pub wrong: usize,
}

/// A summary of one problem's rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Index of the problem.
    pub index: usize,
    /// Hash of its question.
    pub key: u64,
    /// Number of steps of the gold solution.
    pub steps: usize,
    /// Whether the model's answer is the gold one.
    pub correct: Option<bool>,
    /// The answers.
    pub accuracy: Option<Answers>,
    /// The answers forced early.
    pub early: Option<Early>,
    /// The answers with latents off.
    pub off: Option<Off>,
    /// Where the gold trace appears.
    pub gold: Option<Gold>,
    /// The rank of each gold step's result at the latent of its number, from 0, and 10 for below the tenth; `None` without a
    /// result.
    pub ranks: Vec<Option<usize>>,
    /// The trace found without the gold one.
    pub chain: Option<Chain>,
    /// The verdict.
    pub verdict: Option<Judged>,
    /// The decoder that read the trace.
    pub decoder: Option<String>,
    /// Whether the first phrase of each latent with a gold step states it.
    pub phrases: Vec<bool>,
}

/// One mode's answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Said {
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
pub struct Answers {
    /// The answer in the model's main mode.
    pub main: Said,
    /// The answer without latents.
    pub no_latents: Option<Said>,
    /// The answer after one latent fewer than steps.
    pub one_fewer: Option<Said>,
    /// The answer with all latents off by zero.
    pub off_zero: Option<Said>,
    /// The answer with all latents off by their mean.
    pub off_mean: Option<Said>,
    /// The answer with all latents off by those of one other problem.
    pub off_resample: Option<Said>,
    /// The answer in direct mode.
    pub direct: Option<Said>,
    /// The answer in written mode.
    pub written: Option<Said>,
    /// Confidence in the main answer.
    pub confidence: Option<Confidence>,
}

/// An answer forced after k latents or written steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
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
    pub exits: Vec<Exit>,
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Off {
    /// All latents off, by each value.
    pub all: Vec<AllOff>,
    /// Number of latents that were switched off alone.
    pub latents: usize,
    /// Number of those that change the answer.
    pub needed: usize,
}

/// The published backtracking search on one problem.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one flag a published column")]
pub struct Published {
    /// Whether the published code cannot represent the gold solution.
    pub impossible: bool,
    /// Whether the primary gold trace is found without question numbers.
    pub primary_without: bool,
    /// Whether it is found with them.
    pub primary_with: bool,
    /// Whether any gold trace is found without question numbers.
    pub any_without: bool,
    /// Whether any is found with them.
    pub any_with: bool,
    /// Whether the first and whether any baseline is found, without and then with question numbers; `None` without baselines.
    pub base: Option<[bool; 4]>,
    /// Whether the gold answer is in the answer's top ten; see [`row::Published::gold_in_top10`].
    pub gold_in_top10: bool,
}

/// Where the gold trace of one problem appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Gold {
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
    pub published: Option<Published>,
}

/// Forward chaining on one problem.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Chain {
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
pub struct Judged {
    /// The rung.
    pub rung: Rung,
    /// Whether the rung is PRESENT and chance may explain the trace.
    pub by_chance: bool,
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

impl Run {
    /// Starts a run without rows.
    #[must_use]
    pub fn new(header: Header) -> Self {
        Self {
            folder: String::new(),
            is_torn: false,
            rows: 0,
            planned: planned(&header),
            items: Vec::new(),
            refused: BTreeMap::new(),
            gold: None,
            header,
        }
    }

    /// Reads a run's folder.
    ///
    /// # Errors
    /// Names the file and the line that is not a row or not the planned one.
    pub fn read(folder: &Path) -> Result<Self> {
        let mut reader = Reader::open(folder)?;
        let mut plan = reader.header().plan();
        let mut run = Self::new(reader.header().clone());
        run.folder = folder.to_string_lossy().into_owned();
        while let Some(row) = reader.row()? {
            if plan.next() != Some((row.index, row.body.experiment())) {
                let message = format!(
                    "row out of order: problem {} {}",
                    row.index,
                    row.body.experiment().as_str()
                );
                let hint =
                    "the file was changed since it was written: run again into another folder";
                return Err(Error::data(
                    &folder.join(FILE),
                    Some(run.rows + 2),
                    message,
                    hint,
                ));
            }
            run.add(row);
        }
        run.is_torn = reader.is_torn();
        Ok(run)
    }

    /// Returns whether the run holds every row of every shard.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        self.rows == self.planned && self.header.shard.of == 1 && !self.is_torn
    }

    /// Adds a row; rows come in the order of the file.
    pub fn add(&mut self, row: Row) {
        self.rows += 1;
        let experiment = row.body.experiment();
        if self.items.last().is_none_or(|item| item.index != row.index) {
            self.gold = None;
            self.items.push(Item {
                index: row.index,
                steps: row.steps,
                ..Item::default()
            });
        }
        if let Some(reason) = row.refused {
            self.refuse(experiment, reason, row.correct);
        }
        if let Body::Accuracy(Some(found)) = &row.body {
            for (mode, reason) in &found.refused {
                self.refuse(experiment, format!("{mode} mode: {reason}"), row.correct);
            }
        }
        let Some(item) = self.items.last_mut() else {
            return;
        };
        let gold = &mut self.gold;
        item.correct = item.correct.or(row.correct);
        let is_gold = |answer: Option<&str>, gold: &Option<String>| {
            gold.as_deref().map(|gold| is_correct(answer, gold))
        };
        match row.body {
            Body::Problem(problem) => {
                item.key = problem.as_ref().map_or(0, |problem| key(&problem.question));
                *gold = problem
                    .map(|problem| problem.gold_answer)
                    .filter(|answer| !answer.trim().is_empty());
            }
            Body::Accuracy(found) => item.accuracy = found.map(|found| answers(&found)),
            Body::EarlyStopping(found) => {
                item.early = found.map(|found| early(&found, |a| is_gold(a, gold)));
            }
            Body::Ablation(found) => item.off = found.map(|found| off(&found)),
            Body::Backtracking(Some(found)) => {
                item.ranks = ranks(&found);
                item.gold = Some(gold_trace(&found));
            }
            Body::ForwardChaining(found) => item.chain = found.map(|found| chain(&found)),
            Body::Verdict(Some(found)) => {
                item.verdict = Some(judged(&found));
                item.phrases = found.phrases.iter().map(|phrase| phrase.is_step).collect();
                item.decoder = found.verdict.has_trace().then_some(found.verdict.decoder);
            }
            Body::Backtracking(None) | Body::Verdict(None) => {}
        }
    }

    /// Counts a refusal. Reasons beyond the first [`MOST_REASONS`] are counted together.
    fn refuse(&mut self, experiment: Experiment, reason: String, correct: Option<bool>) {
        let kept = self.refused.keys().filter(|(of, _)| *of == experiment);
        let is_full = kept.count() >= MOST_REASONS;
        let key = (experiment, reason);
        let key = if is_full && !self.refused.contains_key(&key) {
            (experiment, "other reasons".to_owned())
        } else {
            key
        };
        let refused = self.refused.entry(key).or_default();
        refused.rows += 1;
        refused.correct += usize::from(correct == Some(true));
        refused.wrong += usize::from(correct == Some(false));
    }
}

/// Returns the number of rows of a complete run of the header's shard, without iterating over its plan.
fn planned(header: &Header) -> usize {
    let (n, batch, shard) = (header.data.n, header.settings.batch.max(1), header.shard);
    let (full, rest) = (n / batch, n % batch);
    let held = full.saturating_add(shard.of - shard.index) / shard.of;
    let last = if shard.holds(full) { rest } else { 0 };
    let problems = held.saturating_mul(batch).saturating_add(last);
    problems.saturating_mul(header.experiments.len())
}

fn answers(found: &row::Accuracy) -> Answers {
    let main = found.main.answer.as_deref();
    let said = |said: &row::Said| Said {
        answered: said.answer.is_some(),
        correct: said.correct,
        same: match (said.answer.as_deref(), main) {
            (Some(a), Some(b)) => same(a, b),
            (a, b) => a == b,
        },
        tokens: said.tokens,
    };
    Answers {
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

fn early(found: &row::EarlyStopping, is_gold: impl Fn(Option<&str>) -> Option<bool>) -> Early {
    // The full run's answer is not in the row, but the first match has it. Without a match no exit equals it.
    let value = |exit: &EarlyExit| exit.value.clone().unwrap_or_default();
    let first = found
        .first_match
        .and_then(|at| found.exits.get(at))
        .map(value);
    let exits = found.exits.iter().map(|exit| Exit {
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

fn off(found: &row::Ablation) -> Off {
    let all = found.all.iter().map(|off| AllOff {
        value: off.value,
        outcome: off.variants().outcome(),
        correct: off.correct,
    });
    Off {
        all: all.collect(),
        latents: found.each.len(),
        needed: found.needed.len(),
    }
}

fn gold_trace(found: &row::Backtracking) -> Gold {
    let published = found.published.as_ref().map(|published| {
        let base = published.baselines.first().map(|first| {
            let any = |of: fn(&(bool, bool)) -> bool| published.baselines.iter().any(of);
            [first.0, any(|b| b.0), first.1, any(|b| b.1)]
        });
        Published {
            impossible: published.impossible,
            primary_without: published.without,
            primary_with: published.with,
            any_without: published.any_without,
            any_with: published.any_with,
            base,
            gold_in_top10: published.gold_in_top10,
        }
    });
    let holds = |list: &[bool]| list.iter().filter(|in_order| **in_order).count();
    Gold {
        results: found.reads.len(),
        read: found.reads.iter().filter(|r| r.latent.is_some()).count(),
        in_order: found.in_order,
        others: found.in_order_others.len(),
        others_in_order: holds(&found.in_order_others),
        published,
    }
}

fn ranks(found: &row::Backtracking) -> Vec<Option<usize>> {
    let rank = |read: &row::GoldRead| {
        (!read.result.is_empty()).then_some(read.rank_in_turn.unwrap_or(BELOW))
    };
    found.reads.iter().map(rank).collect()
}

fn chain(found: &row::ForwardChaining) -> Chain {
    let at = |passes: usize| found.required.iter().find(|r| r.passes == passes);
    let verified = |r: &row::Required| r.steps.iter().filter(|s| s.verified).count();
    Chain {
        found: found.found,
        required: [1, 2, 3].map(|passes| at(passes).map(|r| (r.found, r.found && r.verified))),
        verified_steps: at(2).map(verified),
        null: found.null.as_ref().filter(|n| n.n > 0).map(Chance::from),
        rewrite_same: found.rewrite.as_ref().map(|rewrite| rewrite.same),
    }
}

fn judged(found: &row::Judged) -> Judged {
    let verdict = &found.verdict;
    let necessity = &verdict.necessity;
    let chance = |null: &Null| (null.n > 0).then(|| Chance::from(null));
    Judged {
        rung: verdict.rung,
        by_chance: verdict.by_chance,
        needed: necessity.is_tested().then_some(necessity.needed),
        has_trace: verdict.has_trace(),
        null: chance(&verdict.null),
        null_answers: verdict.null_answers.as_ref().and_then(chance),
        tracks: verdict.tracks.as_ref().map(|tracks| tracks.standing),
        used: verdict.used.as_ref().map(|used| used.standing),
    }
}
