//! Greedy generation for many rows at once, and scoring of given ids in one pass.

use candle_core::Tensor;

use super::Model;
use super::backbone::Pass;
use super::branch::Branch;
use super::cancel::Cancel;
use super::error::{ModelError, Result};
use super::vectors::{argmax, log_softmax_at, log_sum_exp};

/// A chosen token.
#[derive(Debug, Clone, Copy)]
pub struct Token<'a> {
    /// Its row in the given branch.
    pub row: usize,
    /// Its id.
    pub id: u32,
    /// The logits it was chosen from, over all rows of the vocabulary.
    pub logits: &'a [f32],
    /// Whether it ends the row; it is then not part of the answer.
    pub stop: bool,
}

/// One row's generation.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Generated {
    /// The ids, without the end token.
    pub ids: Vec<u32>,
    /// The raw logit of each id.
    pub logits: Vec<f32>,
    /// The log-probability of each id, over the ids that the family may generate.
    pub logprobs: Vec<f64>,
    /// The id that ended it; `None` if it reached the limit.
    pub stop: Option<u32>,
}

impl Generated {
    /// Appends an id and its figures, given the logits that it was chosen from.
    pub(crate) fn push(&mut self, id: u32, choices: &[f32]) {
        let logit = choices[id as usize];
        self.ids.push(id);
        self.logits.push(logit);
        self.logprobs.push(f64::from(logit) - log_sum_exp(choices));
    }
}

/// The log-probability of given ids.
#[derive(Debug, Clone, PartialEq)]
pub struct AnswerScore {
    /// Sum over the ids.
    pub logprob: f64,
    /// One per id.
    pub token_logprobs: Vec<f64>,
    /// The logits that the first id was scored with, over the ids that the family may generate.
    pub first_logits: Vec<f32>,
}

impl AnswerScore {
    /// Scores a target, given the logits before each of its ids; at least one row of logits is needed.
    pub(crate) fn new<'a>(
        mut logits: impl Iterator<Item = &'a [f32]> + Clone,
        target: &[u32],
    ) -> Self {
        let token_logprobs: Vec<f64> = target
            .iter()
            .zip(logits.clone())
            .map(|(&id, logits)| log_softmax_at(logits, id))
            .collect();
        Self {
            logprob: token_logprobs.iter().sum(),
            token_logprobs,
            first_logits: logits.next().map_or_else(Vec::new, <[f32]>::to_vec),
        }
    }
}

impl Model {
    /// Generates every row independently and greedily, up to `max_new` ids or the last position; `observe` receives each choice.
    ///
    /// # Errors
    /// [`ModelError::Cancelled`]; [`ModelError::Compute`] if the device fails.
    pub fn generate(
        &self,
        branch: &Branch,
        max_new: usize,
        observe: &mut dyn FnMut(Token<'_>),
        cancel: &Cancel,
    ) -> Result<Vec<Generated>> {
        let mut results = vec![Generated::default(); branch.rows()];
        let mut rows: Vec<usize> = (0..branch.rows()).collect();
        let mut branch = branch.clone();
        for n in 0..max_new {
            cancel.check()?;
            let logits = self.logits(&branch)?;
            let (mut open, mut ids) = (Vec::new(), Vec::new());
            for (i, (&row, logits)) in rows.iter().zip(&logits).enumerate() {
                let choices = self.choices(logits);
                let id = argmax(choices);
                let stop = self.stops(id, n);
                observe(Token {
                    row,
                    id,
                    logits,
                    stop,
                });
                if stop {
                    results[row].stop = Some(id);
                    continue;
                }
                results[row].push(id, choices);
                open.push(i);
                ids.push(id);
            }
            if open.is_empty() || n + 1 == max_new || branch.len() >= self.max_positions() {
                break;
            }
            if open.len() < rows.len() {
                branch = branch.select(&open)?;
                rows = open.iter().map(|&i| rows[i]).collect();
            }
            branch = self.step(&branch, &ids, cancel)?;
        }
        Ok(results)
    }

    /// Scores given ids after a branch, in one pass: one list for all rows, or one per row; lengths may differ.
    ///
    /// # Errors
    /// [`ModelError::Input`] if lists and rows do not match, for unknown ids or too many positions; [`ModelError::Cancelled`].
    pub fn score(
        &self,
        branch: &Branch,
        targets: &[Vec<u32>],
        cancel: &Cancel,
    ) -> Result<Vec<AnswerScore>> {
        cancel.check()?;
        let rows = branch.rows();
        let target = |row: usize| targets.get(row).unwrap_or(&targets[0]);
        if targets.len() != 1 && targets.len() != rows {
            return Err(ModelError::input(format!(
                "{} targets for {rows} rows",
                targets.len()
            )));
        }
        self.check_vocab(targets.iter().flatten())?;
        let longest = targets.iter().map(Vec::len).max().unwrap_or(0);
        // The first id is scored by the branch's own state, so the last one need not be fed.
        let mut states = branch.hidden.unsqueeze(1)?;
        if longest > 1 {
            let fed = longest - 1;
            // Padding is on the right, where no state that is read attends to it.
            let ids: Vec<u32> = (0..rows)
                .flat_map(|row| (0..fed).map(move |i| (row, i)))
                .map(|(row, i)| target(row).get(i).copied().unwrap_or(0))
                .collect();
            let vectors = self.embed(&ids)?.reshape((rows, fed, self.width()))?;
            let output = self.backbone.forward(&Pass::new(&vectors), &branch.cache)?;
            states = Tensor::cat(&[&states, &self.backbone.norm(&output.last)?], 1)?;
        }
        let per_row = states.dims()[1];
        let logits: Vec<Vec<f32>> = self
            .backbone
            .unembed(&states.reshape((rows * per_row, self.width()))?)?
            .to_vec2()?;
        let score = |(row, logits): (usize, &[Vec<f32>])| {
            AnswerScore::new(
                logits.iter().map(|logits| self.choices(logits)),
                target(row),
            )
        };
        Ok(logits
            .chunks_exact(per_row)
            .enumerate()
            .map(score)
            .collect())
    }

    /// Returns whether an id ends a row as its n-th id, counted from 0.
    pub(crate) fn stops(&self, id: u32, n: usize) -> bool {
        self.markers.stop.contains(&id) && !(n == 0 && self.markers.keeps_first)
    }

    /// Returns the logits that the family may generate from.
    pub(crate) fn choices<'a>(&self, logits: &'a [f32]) -> &'a [f32] {
        &logits[..self.markers.answer_vocab.min(logits.len())]
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{question_branch, tiny_model};
    use super::super::{Cancel, ErrorKind, Overrides};
    use crate::core::types::LatentIdx;

    /// Four variants of one question, closed with the delimiter: natural, zero at 1, zero at 3, ones at 2.
    fn variants(model: &super::Model) -> super::Branch {
        let cancel = Cancel::new();
        let mut overrides = Overrides::none(4);
        overrides.set(1, LatentIdx(1), vec![0.0; model.width()]);
        overrides.set(2, LatentIdx(3), vec![0.0; model.width()]);
        overrides.set(3, LatentIdx(2), vec![1.0; model.width()]);
        let rollout = model
            .rollout(&question_branch(model), 4, &overrides, &cancel)
            .expect("rollout");
        model.close(rollout.last(), true, &cancel).expect("close")
    }

    #[test]
    fn a_row_generates_the_same_alone_and_in_company() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let branch = variants(&model);
        let together = model
            .generate(&branch, 6, &mut |_| {}, &cancel)
            .expect("generation");
        for (row, expected) in together.iter().enumerate() {
            let alone = branch.select(&[row]).expect("row");
            let alone = model
                .generate(&alone, 6, &mut |_| {}, &cancel)
                .expect("generation");
            assert_eq!(alone[0].ids, expected.ids, "row {row}");
            assert_eq!(alone[0].stop, expected.stop, "row {row}");
            for (a, b) in alone[0].logprobs.iter().zip(&expected.logprobs) {
                assert!((a - b).abs() < 1e-4, "row {row}: {a} {b}");
            }
        }
    }

    #[test]
    fn a_generation_scores_as_it_was_generated() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let branch = variants(&model);
        let generated = model
            .generate(&branch, 5, &mut |_| {}, &cancel)
            .expect("generation");
        // Rows of different lengths, so that padding matters.
        let mut targets: Vec<Vec<u32>> = generated.iter().map(|g| g.ids.clone()).collect();
        targets[1].extend([3, 4, 5]);
        let scores = model.score(&branch, &targets, &cancel).expect("scores");
        for (row, (score, generated)) in scores.iter().zip(&generated).enumerate() {
            for (a, b) in score.token_logprobs.iter().zip(&generated.logprobs) {
                assert!((a - b).abs() < 1e-4, "row {row}: {a} {b}");
            }
            assert_eq!(super::argmax(&score.first_logits), generated.ids[0]);
            assert!((score.logprob - score.token_logprobs.iter().sum::<f64>()).abs() < 1e-12);
        }
        assert_eq!(scores[1].token_logprobs.len(), targets[1].len());
        let one_for_all = model
            .score(&branch, &targets[..1], &cancel)
            .expect("scores");
        assert!((one_for_all[0].logprob - scores[0].logprob).abs() < 1e-4);
        assert_eq!(one_for_all.len(), 4);
    }

    #[test]
    fn the_observer_sees_every_choice_and_the_stop() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let closed = variants(&model).select(&[0]).expect("row");
        let mut seen = Vec::new();
        let out = model
            .generate(
                &closed,
                6,
                &mut |t| seen.push((t.id, t.stop, super::argmax(t.logits) == t.id)),
                &cancel,
            )
            .expect("generation");
        assert_eq!(
            out[0].stop,
            Some(model.markers().stop[0]),
            "the toy model ends its answers"
        );
        assert_eq!(seen.len(), out[0].ids.len() + 1);
        assert!(seen.iter().all(|s| s.2));
        assert!(seen.last().is_some_and(|s| s.1));
    }

    #[test]
    fn generation_ends_at_the_last_position() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let word = model.encode_text("apples").expect("ids")[0];
        let full = vec![word; model.max_positions()];
        let branch = model.prefill(&[&full], &cancel).expect("fits");
        let out = model
            .generate(&branch, 5, &mut |_| {}, &cancel)
            .expect("generation");
        assert_eq!((out[0].ids.len(), out[0].stop), (1, None));
        let over = vec![word; model.max_positions() + 1];
        assert_eq!(
            model
                .prefill(&[&over], &cancel)
                .expect_err("too long")
                .kind(),
            ErrorKind::Usage
        );
    }

    #[test]
    fn a_raised_flag_stops_the_next_pass() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let branch = variants(&model);
        let other = cancel.clone();
        let mut tokens = 0;
        let stopped = model.generate(
            &branch,
            6,
            &mut |_| {
                tokens += 1;
                other.cancel();
            },
            &cancel,
        );
        assert_eq!(stopped.expect_err("cancelled").kind(), ErrorKind::Cancelled);
        assert_eq!(tokens, 4, "one step of four rows");
        let targets = [vec![3, 4]];
        assert!(model.score(&branch, &targets, &cancel).is_err());
        assert!(
            model
                .rollout(&question_branch(&model), 4, &Overrides::none(1), &cancel)
                .is_err()
        );
    }

    #[test]
    fn mismatched_calls_are_refused() {
        let (model, cancel) = (tiny_model(3), Cancel::new());
        let branch = variants(&model);
        assert!(model.score(&branch, &[vec![1], vec![2]], &cancel).is_err());
        assert!(model.score(&branch, &[vec![u32::MAX]], &cancel).is_err());
        assert!(model.step(&branch, &[1], &cancel).is_err());
        assert!(
            model
                .rollout(&branch, 1, &Overrides::none(3), &cancel)
                .is_err()
        );
        assert!(model.prefill(&[&[1, 2], &[1]], &cancel).is_err());
        assert!(model.prefill(&[], &cancel).is_err());
    }
}
