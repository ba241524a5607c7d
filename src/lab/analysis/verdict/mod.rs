//! The verdict on a clean run: necessity first, then traces by one strategy after the other, each with its null and with tests by
//! edits (TRACKS) and by replaced latents (USED). Source: docs/methods.md M7 and M9.1.
//!
//! The gold answer is not an input. The search ends when the latents are not needed, a trace tracks, or the budget is spent.

mod bench;
mod edited;
mod replaced;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use crate::core::types::{
    AblationValue, Attempt, EarlyExit, LatentNodes, Necessity, Null, Stage, Standing, Task,
    TraceStep, Tracks, Verdict, VerdictProgress,
};
use crate::engine::model::{Cancel, ModelError};
use crate::verify::{
    self, AblatedAnswer, Abstain, Evidence, Hits, SearchResult, TraceEvidence, Without,
};

use super::counterfactual::{self, Subject};
use super::group::DEPTH;
use super::learned::Learned;

use bench::QuestionCache;
use edited::Lent;
pub use strategy::{Budget, Decoder, Strategy};

/// Depth of the first search's top-k lists (docs/methods.md M9.3 argues for 5).
pub const TOP_K: usize = 5;

/// A run to judge, with the means to do so.
#[derive(Clone, Copy)]
pub struct VerdictInput<'a> {
    /// The run, its model and the other problems.
    pub subject: Subject<'a>,
    /// The tuned lens, if there is one for the model's weights.
    pub learned: Option<&'a Learned>,
    /// The run's early exits.
    pub exits: &'a [EarlyExit],
    /// The budget of the verdict.
    pub budget: &'a Budget,
}

/// An interim report of an unfinished verdict.
#[derive(Debug, Clone, Copy)]
pub enum InterimVerdict<'a> {
    /// The settled part of the verdict.
    Settled(&'a Verdict),
    /// The progress of the work.
    Progress(VerdictProgress),
}

type OnPart<'a> = &'a mut dyn FnMut(InterimVerdict<'_>);

/// Judges a clean run, given its early exits; reports interim verdicts as soon as a rung is settled.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn verdict(
    request: &VerdictInput<'_>,
    on_part: OnPart<'_>,
    cancel: &Cancel,
) -> Result<Verdict, ModelError> {
    let VerdictInput {
        subject,
        learned,
        exits,
        budget,
    } = request;
    let clean = subject.clean;
    if clean.fed.is_empty() {
        return Ok(abstain(Abstain::NoLatents));
    }
    let answer = match &clean.run.answer.value {
        Some(answer) if !clean.answer_ids.is_empty() => answer,
        _ => return Ok(abstain(Abstain::NoAnswer)),
    };
    let no_latents = exits.first().map(|exit| AblatedAnswer {
        answer: exit.value.clone(),
        delta_logprob: exit
            .clean_logprob
            .map_or(f64::NEG_INFINITY, |lp| lp - clean.answer_logprob),
    });
    let mut all_off = |done, value| -> Result<Vec<AblatedAnswer>, ModelError> {
        on_part(InterimVerdict::Progress(VerdictProgress {
            stage: Stage::Necessity,
            done,
            all: 3,
        }));
        if subject.reference.is_empty() && value != AblationValue::KvBlock {
            return Ok(Vec::new());
        }
        counterfactual::all_off(subject, value, cancel)
    };
    let without = Without {
        no_latents,
        resampled: all_off(0, AblationValue::Resample)?,
        mean: all_off(1, AblationValue::Mean)?.pop(),
        hidden: all_off(2, AblationValue::KvBlock)?.pop(),
    };
    let mut search = LadderSearch {
        necessity: verify::decide(answer, &without),
        lent: Lent::new(subject),
        bench: QuestionCache::new(subject, *learned, cancel),
        best: None,
        attempts: Vec::new(),
        nodes: Vec::new(),
        hits: Hits::default(),
        tests: 0,
        tested: Vec::new(),
    };
    if subject.model.info().task == Task::Logic {
        let own = search.bench.own(Decoder::Projection)?;
        search.nodes = verify::nodes::nodes(&clean.run.question, &own, DEPTH);
    }
    search.run(budget, on_part)?;
    Ok(search.verdict())
}

/// The verdict on a run that cannot be judged.
fn abstain(why: Abstain) -> Verdict {
    let search = SearchResult {
        abstain: Some(why),
        ..SearchResult::default()
    };
    verify::judge(Evidence {
        necessity: verify::decide("", &Without::default()),
        trace: TraceEvidence::new(search, verify::null::null_from(0, 0, &mut [])),
        decoder: Decoder::Projection.name(),
        top_k: TOP_K,
        tried: Vec::new(),
        nodes: Vec::new(),
        notes: Vec::new(),
    })
}

/// Searches a run for traces by one strategy, with the null of the search, without tests.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn search(
    subject: &Subject<'_>,
    learned: Option<&Learned>,
    strategy: &Strategy,
    cancel: &Cancel,
) -> Result<(SearchResult, Null), ModelError> {
    let (trace, _) = search_with_null(&mut QuestionCache::new(subject, learned, cancel), strategy)?;
    Ok((trace.search, trace.null))
}

fn search_with_null(
    bench: &mut QuestionCache<'_>,
    strategy: &Strategy,
) -> Result<(TraceEvidence, Hits), ModelError> {
    let settings = strategy.search();
    let case = bench.case();
    let latents = bench.own(strategy.decoder)?;
    let search = verify::search(&settings, &case, &latents);
    let (null, hits) = if search.abstain.is_some() {
        (verify::null::null_from(0, 0, &mut []), Hits::default())
    } else {
        let others = bench.others(strategy.decoder)?;
        verify::null(&settings, &case, others.iter())
    };
    Ok((TraceEvidence::new(search, null), hits))
}

/// A trace under test, with the strategy that found it.
#[derive(Clone)]
struct Candidate {
    strategy: Strategy,
    trace: TraceEvidence,
}

impl Candidate {
    /// The strength of the evidence; higher is better. Untested and contradicted traces rank equal, because their order in the
    /// listing is the search's preference, not evidence.
    fn strength(&self) -> usize {
        let rank = |standing| match standing {
            Some(Standing::Holds) => 3,
            Some(Standing::Open) => 2,
            Some(Standing::Contradicted | Standing::Untested) | None => 1,
        };
        if self.trace.search.steps.is_empty() {
            return 0;
        }
        let tracks = rank(self.trace.tracks());
        10 * tracks
            + if tracks == 3 {
                rank(self.trace.used())
            } else {
                0
            }
    }

    /// The entry of the verdict's list of attempts.
    fn attempt(&self, name: String) -> Attempt {
        let search = &self.trace.search;
        Attempt {
            name,
            candidates: search.candidates,
            traces: search.traces,
            capped: search.capped,
            null: self.trace.null.clone(),
            tested: 0,
            tracks: self.trace.tracks(),
            used: self.trace.used(),
            runs: 0,
            elapsed_ms: 0.0,
        }
    }

    /// Copies with each of the search's traces as subject, best first.
    fn with_each_trace(&self, most: usize) -> Vec<Self> {
        let search = &self.trace.search;
        let all = std::iter::once(&search.steps).chain(&search.competing);
        all.filter(|steps| !steps.is_empty())
            .take(most)
            .map(|steps| self.with_trace(steps.clone()))
            .collect()
    }

    /// An untested copy with another trace as subject.
    fn with_trace(&self, steps: Vec<TraceStep>) -> Self {
        let mut copy = self.clone();
        (copy.trace.tracks, copy.trace.used) = (None, None);
        let search = &self.trace.search;
        copy.trace.search.competing = std::iter::once(&search.steps)
            .chain(&search.competing)
            .filter(|other| **other != steps)
            .cloned()
            .collect();
        copy.trace.search.steps = steps;
        copy
    }

    /// The steps of a rival trace that predicts more of the edits.
    fn better_rival(&self) -> Option<Vec<TraceStep>> {
        let tracks = self.trace.tracks.as_ref()?;
        let best = tracks.rivals.first()?;
        (best.answered > tracks.answered).then(|| best.steps.clone())
    }
}

/// The search for the highest rung: one strategy after the other, each trace with its tests.
struct LadderSearch<'a> {
    necessity: Necessity,
    bench: QuestionCache<'a>,
    lent: Lent,
    best: Option<Candidate>,
    attempts: Vec<Attempt>,
    /// The nodes that compete at each latent of a logic question.
    nodes: Vec<LatentNodes>,
    /// The other problems in which any search so far succeeded.
    hits: Hits,
    /// The number of traces tested by edits.
    tests: usize,
    /// The traces tested so far.
    tested: Vec<Vec<TraceStep>>,
}

impl LadderSearch<'_> {
    fn run(&mut self, budget: &Budget, on_part: OnPart<'_>) -> Result<(), ModelError> {
        let suitable = budget.strategies.iter().filter(|s| self.bench.suits(s));
        let suitable: Vec<&Strategy> = suitable.collect();
        for (done, strategy) in suitable.iter().enumerate() {
            on_part(InterimVerdict::Progress(VerdictProgress {
                stage: Stage::Search,
                done,
                all: suitable.len(),
            }));
            self.attempt(strategy, budget, on_part)?;
            let is_settled = self.best.as_ref().is_some_and(|best| {
                best.trace.search.abstain.is_some() || best.trace.tracks() == Some(Standing::Holds)
            });
            // If the latents are not needed, no higher rung can be granted.
            if is_settled || !self.necessity.needed {
                return Ok(());
            }
        }
        self.more_edits(budget, on_part)
    }

    /// Retests the best trace with more edits if the first ones settled nothing; the correction counts this as another test.
    fn more_edits(&mut self, budget: &Budget, on_part: OnPart<'_>) -> Result<(), ModelError> {
        let began = Instant::now();
        let runs = self.bench.runs;
        let Some(best) = self.best.clone() else {
            return Ok(());
        };
        let settled_nothing = |tracks: &&Tracks| {
            matches!(tracks.standing, Standing::Open | Standing::Untested)
                && budget.more_edits > budget.edits
        };
        let Some(before) = best.trace.tracks.as_ref().filter(settled_nothing) else {
            return Ok(());
        };
        let edits_before = before.edits.len();
        let wider = Budget {
            edits: budget.more_edits,
            ..budget.clone()
        };
        let retested = self.test(best, &wider, on_part)?;
        let has_more = |tracks: &Tracks| tracks.edits.len() > edits_before;
        if !retested.trace.tracks.as_ref().is_some_and(has_more) {
            self.tests -= 1;
            return Ok(());
        }
        self.attempts.push(Attempt {
            tested: 1,
            runs: self.bench.runs - runs,
            elapsed_ms: began.elapsed().as_secs_f64() * 1e3,
            ..retested.attempt(format!("{}, {} edits", retested.strategy, wider.edits))
        });
        // The test with more edits supersedes the first one.
        self.best = Some(retested);
        on_part(InterimVerdict::Settled(&self.verdict()));
        Ok(())
    }

    /// Searches by one strategy and tests the traces that it finds.
    fn attempt(
        &mut self,
        strategy: &Strategy,
        budget: &Budget,
        on_part: OnPart<'_>,
    ) -> Result<(), ModelError> {
        let began = Instant::now();
        let runs = self.bench.runs;
        let first = Candidate {
            strategy: *strategy,
            trace: self.search(strategy)?,
        };
        let at = self.attempts.len();
        self.attempts.push(first.attempt(strategy.to_string()));
        self.keep(&first);
        on_part(InterimVerdict::Settled(&self.verdict()));
        if self.necessity.needed {
            let mut waiting: VecDeque<Candidate> = first.with_each_trace(budget.traces).into();
            let mut room = budget.traces;
            while let Some(candidate) = waiting.pop_front() {
                if self.tested.contains(&candidate.trace.search.steps) {
                    continue;
                }
                self.tested.push(candidate.trace.search.steps.clone());
                let candidate = self.test(candidate, budget, on_part)?;
                let attempt = &mut self.attempts[at];
                attempt.tested += 1;
                let tracks = candidate.trace.tracks();
                let best = self.best.as_ref();
                if best.is_none_or(|best| candidate.strength() > best.strength()) {
                    attempt.tracks = tracks;
                    attempt.used = candidate.trace.used();
                } else {
                    attempt.tracks = attempt.tracks.or(tracks);
                }
                self.keep(&candidate);
                on_part(InterimVerdict::Settled(&self.verdict()));
                if tracks == Some(Standing::Holds) {
                    break;
                }
                // A trace that predicts more of the same edits is the better guess, listed or not.
                if let Some(better) = candidate.better_rival().filter(|_| room > 0) {
                    room -= 1;
                    waiting.push_front(candidate.with_trace(better));
                }
            }
        }
        let attempt = &mut self.attempts[at];
        attempt.runs = self.bench.runs - runs;
        attempt.elapsed_ms = began.elapsed().as_secs_f64() * 1e3;
        Ok(())
    }

    /// Makes a candidate the best one if its evidence is stronger, or if it is the best one after its test.
    fn keep(&mut self, candidate: &Candidate) {
        let is_better = |best: &Candidate| {
            let (trace, best_trace) = (&candidate.trace, &best.trace);
            let is_now_tested =
                best_trace.tracks.is_none() && best_trace.search.steps == trace.search.steps;
            is_now_tested || candidate.strength() > best.strength()
        };
        if self.best.as_ref().is_none_or(is_better) {
            self.best = Some(candidate.clone());
        }
    }

    fn search(&mut self, strategy: &Strategy) -> Result<TraceEvidence, ModelError> {
        let Subject {
            clean, reference, ..
        } = self.bench.subject;
        let (mut trace, hits) = search_with_null(&mut self.bench, strategy)?;
        self.hits.add(&hits);
        if trace.search.abstain.is_some() || trace.search.steps.is_empty() {
            return Ok(trace);
        }
        let case = self.bench.case();
        let latents = self.bench.own(strategy.decoder)?;
        let own = case.answer.unwrap_or_default();
        let mut answers = reference.answers(&clean.run.question, trace.search.steps.len());
        answers.retain(|answer| !verify::edits::same_answer(case.task, answer, own));
        let null = verify::null_answers(&strategy.search(), &case, &latents, answers);
        trace.null_answers = (null.n > 0).then_some(null);
        Ok(trace)
    }

    fn test(
        &mut self,
        mut candidate: Candidate,
        budget: &Budget,
        on_part: OnPart<'_>,
    ) -> Result<Candidate, ModelError> {
        let mut on_progress = |progress| on_part(InterimVerdict::Progress(progress));
        self.tests += 1;
        let test = edited::Test {
            steps: &candidate.trace.search.steps,
            strategy: &candidate.strategy,
            competing: &candidate.trace.search.competing,
            lent: &self.lent,
            edits: budget.edits,
            tests: self.tests,
        };
        let (tracks, observed) = edited::test_tracks(&mut self.bench, &test, &mut on_progress)?;
        if tracks.standing == Standing::Holds {
            let used = replaced::test_used(
                &mut self.bench,
                &test,
                (&tracks, &observed),
                budget.donors,
                &mut on_progress,
            )?;
            candidate.trace.used = Some(used);
        }
        candidate.trace.tracks = Some(tracks);
        Ok(candidate)
    }

    fn verdict(&self) -> Verdict {
        let Some(Candidate { strategy, trace }) = self.best.clone() else {
            return abstain(Abstain::NoStrategy);
        };
        let Subject {
            model, reference, ..
        } = self.bench.subject;
        verify::judge(Evidence {
            necessity: self.necessity.clone(),
            trace: TraceEvidence {
                // The search continued until a trace succeeded, so p covers all searches.
                null: self.hits.null(trace.null.candidates_p95),
                ..trace
            },
            decoder: strategy.decoder.name(),
            top_k: strategy.top_k,
            tried: self.attempts.clone(),
            nodes: self.nodes.clone(),
            notes: verify::warnings(&self.bench.case())
                .into_iter()
                .chain(reference.warning(model))
                .collect(),
        })
    }
}
