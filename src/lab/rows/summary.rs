//! The summary of one problem's rows for a table: a few numbers, and the position of the rows in the file.

use super::row::{Ablation, Body, EarlyStopping, Row};
use crate::core::answers::is_correct;
use crate::core::text::sanitize;
use crate::core::types::{Null, Rung};

/// Characters kept of a question.
const QUESTION: usize = 1_000;
/// Characters kept of an answer or a reason.
const SHORT: usize = 80;

/// One problem of a run. Texts are sanitised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Item {
    /// Index of the problem, from 0.
    pub index: usize,
    /// The beginning of the question.
    pub question: String,
    /// Hash of the whole question; see [`key`].
    pub key: u64,
    /// Number of steps of the gold solution.
    pub steps: usize,
    /// Whether the model's answer is the gold one; `None` if there is no gold answer or the model could not run.
    pub correct: Option<bool>,
    /// The model's answer.
    pub answer: Option<String>,
    /// The rung of the verdict.
    pub rung: Option<Rung>,
    /// The p-value of the verdict's search; `None` if it found nothing or had no null.
    pub p: Option<f64>,
    /// The latents that change the answer when off alone; `None` if not tested.
    pub needed: Option<Vec<usize>>,
    /// The smallest number of latents that already gives the answer.
    pub first: Option<usize>,
    /// The smallest number from which on every forced answer equals the last one.
    pub stable: Option<usize>,
    /// The answers forced early.
    pub exits: Vec<Exit>,
    /// Change of the answer's log-probability with all latents off, in nats; see `delta` for the replacement.
    pub delta: Option<f64>,
    /// Log-probability of the answer, in nats.
    pub logprob: Option<f64>,
    /// Why the model could not run.
    pub refused: Option<String>,
    /// Byte offset of its rows in the file.
    pub offset: u64,
}

impl Item {
    /// Returns whether the rung is PRESENT and chance may explain the trace.
    #[must_use]
    pub fn by_chance(&self) -> bool {
        self.rung == Some(Rung::Present) && self.p.is_some_and(|p| p > Null::CHANCE)
    }
}

/// An answer forced after `k` latents.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    /// Number of latents.
    pub k: usize,
    /// Whether it is the gold answer.
    pub correct: Option<bool>,
}

/// Returns the FNV-1a hash of a question's bytes.
#[must_use]
pub fn key(question: &str) -> u64 {
    question
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

/// Builds an item from the rows of a problem, in the order of the file.
#[derive(Debug, Clone)]
pub struct Gather {
    item: Item,
    gold: Option<String>,
}

impl Gather {
    /// Starts a problem whose first row is at byte `offset`.
    #[must_use]
    pub fn new(index: usize, offset: u64) -> Self {
        Self {
            item: Item {
                index,
                offset,
                ..Item::default()
            },
            gold: None,
        }
    }

    /// Adds a row.
    pub fn add(&mut self, row: Row) {
        let item = &mut self.item;
        item.steps = row.steps;
        item.correct = item.correct.or(row.correct);
        if item.refused.is_none() {
            item.refused = row.refused.as_deref().map(short);
        }
        match row.body {
            Body::Problem(Some(problem)) => {
                item.question = cut(&problem.question, QUESTION);
                item.key = key(&problem.question);
                self.gold = Some(problem.gold_answer).filter(|gold| !gold.trim().is_empty());
            }
            Body::Accuracy(Some(found)) => {
                item.answer = found.main.answer.as_deref().map(short);
                item.logprob = found.confidence.map(|confidence| confidence.logprob);
            }
            Body::EarlyStopping(Some(found)) => self.early(&found),
            Body::Ablation(Some(found)) => {
                item.delta = delta(&found);
                item.needed = Some(found.needed);
            }
            Body::Verdict(Some(found)) => {
                let null = &found.verdict.null;
                item.rung = Some(found.verdict.rung);
                item.p = null.p_value;
                if item.answer.is_none() {
                    item.answer = found.answer.as_deref().map(short);
                }
            }
            _ => {}
        }
    }

    /// Returns the item.
    #[must_use]
    pub fn done(self) -> Item {
        self.item
    }

    fn early(&mut self, found: &EarlyStopping) {
        let exits = found.exits.iter().map(|exit| Exit {
            k: exit.k,
            correct: self
                .gold
                .as_deref()
                .map(|gold| is_correct(exit.value.as_deref(), gold)),
        });
        self.item.exits = exits.collect();
        self.item.first = found.first_match;
        self.item.stable = Some(found.stable_match);
    }
}

/// Returns the change with all latents off, under the value used for single latents if present, else the first value.
fn delta(found: &Ablation) -> Option<f64> {
    let single = found.each.first().map(|off| off.value);
    let all = found.all.iter();
    let same = all.clone().find(|off| Some(off.value) == single);
    same.or_else(|| all.clone().next())
        .map(|off| off.delta_logprob)
        .filter(|delta| !delta.is_nan())
}

fn short(text: &str) -> String {
    cut(text, SHORT)
}

/// Returns at most `most` characters of a text, sanitised.
fn cut(text: &str, most: usize) -> String {
    let kept: String = text.chars().take(most).collect();
    sanitize(&kept).into_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::types::{AblationValue, EarlyExit};
    use crate::lab::rows::Experiment;
    use crate::lab::rows::made::row;
    use crate::lab::rows::row::Off;

    fn off(value: AblationValue, latents: &[usize], delta_logprob: f64) -> Off {
        Off {
            off: latents.to_vec(),
            value,
            answer: None,
            flipped: true,
            correct: None,
            delta_logprob,
            n: 1,
            flips: 1,
        }
    }

    #[test]
    fn the_rows_of_a_problem_become_one_item() {
        let mut gather = Gather::new(4, 77);
        gather.add(row(4, Experiment::Problem));
        gather.add(row(4, Experiment::Accuracy));
        let exit = |k, value: &str| EarlyExit {
            k,
            value: Some(value.to_owned()),
            logprob: None,
            clean_logprob: None,
        };
        let mut early = row(4, Experiment::EarlyStopping);
        early.body = Body::EarlyStopping(Some(EarlyStopping {
            of: 1,
            exits: vec![exit(0, "9"), exit(1, "5")],
            first_match: Some(1),
            stable_match: 1,
        }));
        gather.add(early);
        let mut ablation = row(4, Experiment::Ablation);
        ablation.body = Body::Ablation(Some(Ablation {
            each: vec![off(AblationValue::Mean, &[1], -1.0)],
            all: vec![
                off(AblationValue::Zero, &[1, 2], -9.0),
                off(AblationValue::Mean, &[1, 2], -4.5),
            ],
            needed: vec![1],
            sham_max_diff: 0.0,
        }));
        gather.add(ablation);
        let item = gather.done();
        assert_eq!((item.index, item.offset, item.steps), (4, 77, 1));
        assert_eq!(
            item.question, "What is 4 + 1?␛[31m␊",
            "foreign text is cleaned"
        );
        assert_eq!(item.key, key("What is 4 + 1?\u{1b}[31m\n"));
        assert_eq!(
            (item.correct, item.answer.as_deref()),
            (Some(true), Some("5"))
        );
        assert_eq!(item.delta, Some(-4.5), "by the value of the single ones");
        assert_eq!(item.needed, Some(vec![1]));
        assert_eq!((item.first, item.stable), (Some(1), Some(1)));
        let correct: Vec<_> = item.exits.iter().map(|exit| exit.correct).collect();
        assert_eq!(correct, [Some(false), Some(true)]);
        assert_eq!((item.rung, item.p, item.logprob), (None, None, Some(-0.1)));
    }

    #[test]
    fn a_refused_problem_says_why() {
        let mut gather = Gather::new(0, 9);
        gather.add(row(0, Experiment::Problem));
        let mut refused = row(0, Experiment::Verdict);
        refused.refused = Some("too long\u{7}".to_owned());
        gather.add(refused);
        assert_eq!(gather.done().refused.as_deref(), Some("too long␇"));
    }
}
