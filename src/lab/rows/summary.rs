//! The summary of one problem's rows for a table: a few numbers, and the position of the rows in the file.

use super::kept::{self, Early, KeptAblation, KeptAnswers, KeptChaining, KeptGold, KeptVerdict};
use super::row::{Body, Row};
use crate::core::answers::is_correct;
use crate::core::text::sanitize;
use crate::core::types::{Null, Rung};

/// Characters kept of a question.
const QUESTION: usize = 1_000;
/// Characters kept of an answer or a reason.
const SHORT: usize = 80;

/// One problem of a run: what its rows come to. Texts are sanitised.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunItem {
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
    /// The answers by mode and condition.
    pub accuracy: Option<KeptAnswers>,
    /// The answers forced early.
    pub early: Option<Early>,
    /// The answers with latents off.
    pub off: Option<KeptAblation>,
    /// Where the gold trace appears.
    pub gold: Option<KeptGold>,
    /// The rank of each gold step's result at the latent of its number, from 0, and 10 for below the tenth; `None` without a
    /// result.
    pub ranks: Vec<Option<usize>>,
    /// The trace found without the gold one.
    pub chain: Option<KeptChaining>,
    /// The verdict.
    pub verdict: Option<KeptVerdict>,
    /// The decoder that read the verdict's trace.
    pub decoder: Option<String>,
    /// Whether the first phrase of each latent with a gold step states it.
    pub phrases: Vec<bool>,
    /// Why the model could not run.
    pub refused: Option<String>,
    /// Byte offset of its rows in the file.
    pub offset: u64,
}

impl RunItem {
    /// Starts a problem whose first row is at byte `offset`.
    #[must_use]
    pub fn new(index: usize, offset: u64) -> Self {
        Self {
            index,
            offset,
            ..Self::default()
        }
    }

    /// Adds a row; rows come in the order of the file. `gold` is the gold answer, which the row of the problem fills in.
    pub fn add(&mut self, row: Row, gold: &mut Option<String>) {
        self.steps = row.steps;
        self.correct = self.correct.or(row.correct);
        if self.refused.is_none() {
            self.refused = row.refused.as_deref().map(short);
        }
        match row.body {
            Body::Problem(Some(problem)) => {
                self.question = cut(&problem.question, QUESTION);
                self.key = key(&problem.question);
                *gold = Some(problem.gold_answer).filter(|gold| !gold.trim().is_empty());
            }
            Body::Accuracy(Some(found)) => {
                self.answer = found.main.answer.as_deref().map(short);
                self.accuracy = Some(kept::answers(&found));
            }
            Body::EarlyStopping(Some(found)) => {
                let gold = gold.as_deref();
                let is_gold = |answer: Option<&str>| Some(is_correct(answer, gold?));
                self.early = Some(kept::early(&found, is_gold));
            }
            Body::Ablation(Some(found)) => self.off = Some(kept::off(&found)),
            Body::Backtracking(Some(found)) => {
                self.ranks = kept::ranks(&found);
                self.gold = Some(kept::gold_trace(&found));
            }
            Body::ForwardChaining(Some(found)) => self.chain = Some(kept::chain(&found)),
            Body::Verdict(Some(found)) => {
                self.verdict = Some(kept::judged(&found));
                self.phrases = found.phrases.iter().map(|phrase| phrase.is_step).collect();
                self.decoder = (found.verdict.has_trace()).then(|| short(&found.verdict.decoder));
                if self.answer.is_none() {
                    self.answer = found.answer.as_deref().map(short);
                }
            }
            _ => {}
        }
    }

    /// Returns the rung of the verdict.
    #[must_use]
    pub fn rung(&self) -> Option<Rung> {
        Some(self.verdict?.rung)
    }

    /// Returns the p-value of the verdict's search.
    #[must_use]
    pub fn p(&self) -> Option<f64> {
        self.verdict?.p
    }

    /// Returns whether the rung is PRESENT and chance may explain the trace.
    #[must_use]
    pub fn by_chance(&self) -> bool {
        self.rung() == Some(Rung::Present) && self.p().is_some_and(|p| p > Null::CHANCE)
    }

    /// Returns the latents that change the answer when off alone; `None` if not tested.
    #[must_use]
    pub fn needed(&self) -> Option<&[usize]> {
        Some(&self.off.as_ref()?.needed)
    }

    /// Returns the smallest number of latents that already gives the answer.
    #[must_use]
    pub fn first(&self) -> Option<usize> {
        self.early.as_ref()?.first
    }

    /// Returns the change of the answer's log-probability with all latents off, in nats.
    #[must_use]
    pub fn delta(&self) -> Option<f64> {
        self.off.as_ref()?.delta
    }

    /// Returns the log-probability of the answer, in nats.
    #[must_use]
    pub fn logprob(&self) -> Option<f64> {
        Some(self.accuracy?.confidence?.logprob)
    }
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
    use crate::lab::rows::row::{AblationAnswer, AblationRow, EarlyStopping};

    fn off(value: AblationValue, latents: &[usize], delta_logprob: f64) -> AblationAnswer {
        AblationAnswer {
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
        let (mut item, mut gold) = (RunItem::new(4, 77), None);
        let mut add = |row| item.add(row, &mut gold);
        add(row(4, Experiment::Problem));
        add(row(4, Experiment::Accuracy));
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
        add(early);
        let mut ablation = row(4, Experiment::Ablation);
        ablation.body = Body::Ablation(Some(AblationRow {
            each: vec![off(AblationValue::Mean, &[1], -1.0)],
            all: vec![
                off(AblationValue::Zero, &[1, 2], -9.0),
                off(AblationValue::Mean, &[1, 2], -4.5),
            ],
            needed: vec![1],
            sham_max_diff: 0.0,
        }));
        add(ablation);
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
        assert_eq!(item.delta(), Some(-4.5), "by the value of the single ones");
        assert_eq!(item.needed(), Some(&[1][..]));
        let early = item.early.as_ref().expect("forced early");
        assert_eq!((early.first, early.stable), (Some(1), 1));
        let correct: Vec<_> = early.exits.iter().map(|exit| exit.correct).collect();
        assert_eq!(correct, [Some(false), Some(true)]);
        assert_eq!((item.verdict, item.logprob()), (None, Some(-0.1)));
    }

    #[test]
    fn a_refused_problem_says_why() {
        let (mut item, mut gold) = (RunItem::new(0, 9), None);
        item.add(row(0, Experiment::Problem), &mut gold);
        let mut refused = row(0, Experiment::Verdict);
        refused.refused = Some("too long\u{7}".to_owned());
        item.add(refused, &mut gold);
        assert_eq!(item.refused.as_deref(), Some("too long␇"));
    }
}
