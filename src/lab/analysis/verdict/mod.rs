//! The verdict on a clean run: necessity first, then traces by one strategy after the other, each with its null and with tests by
//! edits (TRACKS) and by replaced latents (USED). Source: docs/methods.md M7 and M9.1.
//!
//! The gold answer is not an input. The search ends if the latents are not needed, a trace tracks, or the budget is used up.

mod bench;
mod edited;
mod replaced;
mod strategy;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::time::Instant;

use crate::core::types::{
    AblationValue, EarlyExit, LatentNodes, Null, Progress, Stage, Standing, Task, TraceStep,
    Tracks, Try, Used, Verdict,
};
use crate::engine::model::{Cancel, ModelError};
use crate::verify::{self, Abstain, Case, Found, Grounds, Hits, Stand, Without};

use super::counterfactual::{self, Subject};
use super::group::DEPTH;
use super::learned::Learned;

use bench::Bench;
use edited::Lent;
pub use strategy::{Budget, Decoder, Strategy};

/// Depth of the first search's top-k lists (docs/methods.md M9.3 argues for 5).
pub const TOP_K: usize = 5;

/// A run to judge, with the means to do so.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// The run, its model and the other problems.
    pub of: Subject<'a>,
    /// The tuned lens, if there is one for the model's weights.
    pub learned: Option<&'a Learned>,
    /// The run's early exits.
    pub exits: &'a [EarlyExit],
    /// The budget of the verdict.
    pub budget: &'a Budget,
}

/// An interim report of an unfinished verdict.
#[derive(Debug, Clone, Copy)]
pub enum Part<'a> {
    /// The settled part of the verdict.
    Settled(&'a Verdict),
    /// The progress of the work.
    Progress(Progress),
}

type OnPart<'a> = &'a mut dyn FnMut(Part<'_>);

/// Judges a clean run, given its early exits; reports interim verdicts as soon as a rung is settled.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn verdict(
    asked: &Asked<'_>,
    on_part: OnPart<'_>,
    cancel: &Cancel,
) -> Result<Verdict, ModelError> {
    let Asked {
        of,
        learned,
        exits,
        budget,
    } = asked;
    let clean = of.clean;
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
    let mut off = |done, value| -> Result<Vec<Stand>, ModelError> {
        on_part(Part::Progress(Progress {
            stage: Stage::Necessity,
            done,
            all: 3,
        }));
        if of.reference.is_empty() && value != AblationValue::KvBlock {
            return Ok(Vec::new());
        }
        let all = counterfactual::all_off(of, value, cancel)?.into_iter();
        Ok(all
            .map(|off| Stand {
                answer: off.answer,
                delta_logprob: off.delta_logprob,
            })
            .collect())
    };
    let without = Without {
        no_latents: without,
        resampled: off(0, AblationValue::Resample)?,
        mean: off(1, AblationValue::Mean)?.pop(),
        hidden: off(2, AblationValue::KvBlock)?.pop(),
    };
    let mut climb = Climb {
        necessity: verify::decide(answer, &without),
        lent: Lent::of(of),
        bench: Bench::new(of, *learned, cancel),
        best: None,
        tried: Vec::new(),
        nodes: Vec::new(),
        hits: Hits::default(),
        tests: 0,
        seen: Vec::new(),
    };
    if of.model.info().task == Task::Logic {
        let own = climb.bench.own(Decoder::Projection)?;
        climb.nodes = verify::nodes::nodes(&clean.run.question, &own, DEPTH);
    }
    climb.up(budget, on_part)?;
    Ok(climb.verdict())
}

/// The verdict on a run without an answer or latents.
fn abstain(why: Abstain) -> Verdict {
    verify::judge(Grounds {
        necessity: verify::decide("", &Without::default()),
        search: Found {
            abstain: Some(why),
            ..Found::default()
        },
        null: nothing(),
        null_answers: None,
        tracks: None,
        used: None,
        decoder: Decoder::Projection.name(),
        top_k: TOP_K,
        tried: Vec::new(),
        nodes: Vec::new(),
        notes: Vec::new(),
    })
}

fn nothing() -> Null {
    verify::null::null_from(0, 0, &mut [])
}

/// Searches a run for traces by one strategy, with the null of the search, without tests.
///
/// # Errors
/// When the model fails or the work is cancelled.
pub fn search(
    of: &Subject<'_>,
    learned: Option<&Learned>,
    strategy: &Strategy,
    cancel: &Cancel,
) -> Result<(Found, Null), ModelError> {
    let (found, null, _) = searched(&mut Bench::new(of, learned, cancel), strategy)?;
    Ok((found, null))
}

fn searched(bench: &mut Bench<'_>, strategy: &Strategy) -> Result<(Found, Null, Hits), ModelError> {
    let settings = strategy.search();
    let case = bench.case();
    let latents = bench.own(strategy.decoder)?;
    let found = verify::search(&settings, &case, &latents);
    if found.abstain.is_some() {
        return Ok((found, nothing(), Hits::default()));
    }
    let others = bench.others(strategy.decoder)?;
    let (null, hits) = verify::null(&settings, &case, others.iter());
    Ok((found, null, hits))
}

/// A trace under test, with the search that found it.
#[derive(Clone)]
struct Attempt {
    strategy: Strategy,
    found: Found,
    null: Null,
    null_answers: Option<Null>,
    tracks: Option<Tracks>,
    used: Option<Used>,
}

impl Attempt {
    /// The strength of the evidence; higher is better. Untested and contradicted traces rank equal, because their order in the
    /// listing is the search's preference, not evidence.
    fn height(&self) -> usize {
        let standing = |s: Option<Standing>| match s {
            Some(Standing::Holds) => 3,
            Some(Standing::Open) => 2,
            Some(Standing::Contradicted | Standing::Untested) | None => 1,
        };
        if self.found.steps.is_empty() {
            return 0;
        }
        let tracks = standing(self.tracks.as_ref().map(|t| t.standing));
        let used = standing(self.used.as_ref().map(|u| u.standing));
        10 * tracks + if tracks == 3 { used } else { 0 }
    }
}

struct Climb<'a> {
    necessity: crate::core::types::Necessity,
    bench: Bench<'a>,
    lent: Lent,
    best: Option<Attempt>,
    tried: Vec<Try>,
    /// The nodes that compete at each latent of a logic question.
    nodes: Vec<LatentNodes>,
    /// The other problems in which any search so far succeeded.
    hits: Hits,
    /// The number of traces tested by edits.
    tests: usize,
    seen: Vec<Vec<TraceStep>>,
}

impl Climb<'_> {
    fn up(&mut self, budget: &Budget, on_part: OnPart<'_>) -> Result<(), ModelError> {
        let suits = budget.strategies.iter().filter(|s| self.bench.suits(s));
        let suits: Vec<&Strategy> = suits.collect();
        for (done, strategy) in suits.iter().enumerate() {
            on_part(Part::Progress(Progress {
                stage: Stage::Search,
                done,
                all: suits.len(),
            }));
            self.attempt(strategy, budget, on_part)?;
            let done = self.best.as_ref().is_some_and(|best| {
                best.found.abstain.is_some()
                    || best
                        .tracks
                        .as_ref()
                        .is_some_and(|t| t.standing == Standing::Holds)
            });
            // If the latents are not needed, no higher rung can be granted.
            if done || !self.necessity.needed {
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
        let Some(before) = best.tracks.as_ref().filter(settled_nothing) else {
            return Ok(());
        };
        let so_far = before.edits.len();
        let wider = Budget {
            edits: budget.more_edits,
            ..budget.clone()
        };
        let attempt = self.test(best.clone(), &wider, on_part)?;
        let is_more = |tracks: &Tracks| tracks.edits.len() > so_far;
        if !attempt.tracks.as_ref().is_some_and(is_more) {
            self.tests -= 1;
            return Ok(());
        }
        self.tried.push(Try {
            name: format!("{}, {} edits", attempt.strategy, budget.more_edits),
            candidates: attempt.found.candidates,
            traces: attempt.found.traces,
            capped: attempt.found.capped,
            null: attempt.null.clone(),
            tested: 1,
            tracks: attempt.tracks.as_ref().map(|t| t.standing),
            used: attempt.used.as_ref().map(|u| u.standing),
            runs: self.bench.runs - runs,
            elapsed_ms: began.elapsed().as_secs_f64() * 1e3,
        });
        // The test with more edits supersedes the first one.
        self.best = Some(attempt);
        on_part(Part::Settled(&self.verdict()));
        Ok(())
    }

    fn attempt(
        &mut self,
        strategy: &Strategy,
        budget: &Budget,
        on_part: OnPart<'_>,
    ) -> Result<(), ModelError> {
        let began = Instant::now();
        let runs = self.bench.runs;
        let (found, null, null_answers) = self.search(strategy)?;
        let at = self.tried.len();
        self.tried.push(Try {
            name: strategy.to_string(),
            candidates: found.candidates,
            traces: found.traces,
            capped: found.capped,
            null: null.clone(),
            tested: 0,
            tracks: None,
            used: None,
            runs: 0,
            elapsed_ms: 0.0,
        });
        let first = Attempt {
            strategy: *strategy,
            null,
            null_answers,
            tracks: None,
            used: None,
            found,
        };
        self.keep(&first);
        on_part(Part::Settled(&self.verdict()));
        if self.necessity.needed {
            let mut waiting: VecDeque<Attempt> = first.with_each_trace(budget.traces).into();
            let mut room = budget.traces;
            while let Some(attempt) = waiting.pop_front() {
                if self.seen.contains(&attempt.found.steps) {
                    continue;
                }
                self.seen.push(attempt.found.steps.clone());
                let attempt = self.test(attempt, budget, on_part)?;
                let tried = &mut self.tried[at];
                tried.tested += 1;
                let tracks = attempt.tracks.as_ref().map(|t| t.standing);
                if self
                    .best
                    .as_ref()
                    .is_none_or(|best| attempt.height() > best.height())
                {
                    tried.tracks = tracks;
                    tried.used = attempt.used.as_ref().map(|u| u.standing);
                } else {
                    tried.tracks = tried.tracks.or(tracks);
                }
                self.keep(&attempt);
                on_part(Part::Settled(&self.verdict()));
                if tracks == Some(Standing::Holds) {
                    break;
                }
                // A trace that predicts more of the same edits is the better guess, listed or not.
                if let Some(better) = attempt.better_rival().filter(|_| room > 0) {
                    room -= 1;
                    waiting.push_front(attempt.with(better));
                }
            }
        }
        let tried = &mut self.tried[at];
        tried.runs = self.bench.runs - runs;
        tried.elapsed_ms = began.elapsed().as_secs_f64() * 1e3;
        Ok(())
    }

    fn keep(&mut self, attempt: &Attempt) {
        let is_better = |best: &Attempt| {
            let now_tested = best.tracks.is_none() && best.found.steps == attempt.found.steps;
            now_tested || attempt.height() > best.height()
        };
        if self.best.as_ref().is_none_or(is_better) {
            self.best = Some(attempt.clone());
        }
    }

    fn search(&mut self, strategy: &Strategy) -> Result<(Found, Null, Option<Null>), ModelError> {
        let clean = self.bench.of.clean;
        let (found, null, hits) = searched(&mut self.bench, strategy)?;
        self.hits.add(&hits);
        if found.abstain.is_some() {
            return Ok((found, null, None));
        }
        let settings = strategy.search();
        let case = self.bench.case();
        let latents = self.bench.own(strategy.decoder)?;
        let reference = self.bench.of.reference;
        let own = case.answer.unwrap_or_default();
        let mut answers = reference.answers(&clean.run.question, found.steps.len());
        answers.retain(|answer| !verify::edits::same_answer(case.task, answer, own));
        let asked = (!found.steps.is_empty() && !answers.is_empty())
            .then(|| verify::null_answers(&settings, &case, &latents, answers));
        Ok((found, null, asked.filter(|null| null.n > 0)))
    }

    fn test(
        &mut self,
        mut attempt: Attempt,
        budget: &Budget,
        on_part: OnPart<'_>,
    ) -> Result<Attempt, ModelError> {
        let mut on = |progress| on_part(Part::Progress(progress));
        self.tests += 1;
        let test = edited::Test {
            steps: &attempt.found.steps,
            strategy: &attempt.strategy,
            competing: &attempt.found.competing,
            lent: &self.lent,
            edits: budget.edits,
            tests: self.tests,
        };
        let (tracks, observed) = edited::run(&mut self.bench, &test, &mut on)?;
        if tracks.standing == Standing::Holds {
            let seen = (&tracks, observed.as_slice());
            let used = replaced::run(&mut self.bench, &test, seen, budget.donors, &mut on)?;
            attempt.used = Some(used);
        }
        attempt.tracks = Some(tracks);
        Ok(attempt)
    }

    fn verdict(&self) -> Verdict {
        let Some(best) = self.best.clone() else {
            return abstain(Abstain::NoStrategy);
        };
        verify::judge(Grounds {
            necessity: self.necessity.clone(),
            search: best.found,
            // The search continued until a trace succeeded, so p covers all searches.
            null: self.hits.null(best.null.candidates_p95),
            null_answers: best.null_answers,
            tracks: best.tracks,
            used: best.used,
            decoder: best.strategy.decoder.name(),
            top_k: best.strategy.top_k,
            tried: self.tried.clone(),
            nodes: self.nodes.clone(),
            notes: verify::warnings(&self.bench.case())
                .into_iter()
                .chain(self.bench.of.reference.warning(self.bench.of.model))
                .collect(),
        })
    }
}

impl Attempt {
    /// Copies of this attempt with each of the search's traces as its subject, best first.
    fn with_each_trace(&self, most: usize) -> Vec<Self> {
        let all = std::iter::once(&self.found.steps).chain(&self.found.competing);
        all.filter(|steps| !steps.is_empty())
            .take(most)
            .map(|steps| self.with(steps.clone()))
            .collect()
    }

    /// A copy of this attempt with another trace as its subject.
    fn with(&self, steps: Vec<TraceStep>) -> Self {
        let mut attempt = self.clone();
        (attempt.tracks, attempt.used) = (None, None);
        attempt.found.competing = std::iter::once(&self.found.steps)
            .chain(&self.found.competing)
            .filter(|other| **other != steps)
            .cloned()
            .collect();
        attempt.found.steps = steps;
        attempt
    }

    /// The steps of a rival trace that predicts more of the edits.
    fn better_rival(&self) -> Option<Vec<TraceStep>> {
        let tracks = self.tracks.as_ref()?;
        let best = tracks.rivals.first()?;
        (best.answered > tracks.answered).then(|| best.steps.clone())
    }
}

/// The question and the model's answer, as the verifier takes them.
fn case<'a>(of: &Subject<'a>) -> Case<'a> {
    Case {
        task: of.model.info().task,
        question: &of.clean.run.question,
        unknown_words: &of.clean.run.unknown_words,
        answer: of.clean.run.answer.value.as_deref(),
    }
}
