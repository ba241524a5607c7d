//! The end of many runs at once: what each says, and how likely it holds an expected answer to be.
//!
//! Most variants of a run still give its answer. So the expected text is fed to all rows in one pass, which scores it and at
//! the same time shows how far each row would have said the same; only rows that turn off somewhere go on by themselves,
//! from where they turned.

use candle_core::{D, Tensor};
use rayon::prelude::*;

use super::Model;
use super::backbone::Pass;
use super::branch::Branch;
use super::cancel::Cancel;
use super::error::Result;
use super::generate::{Generated, Score};
use super::vectors::{argmax, log_softmax_at, log_sum_exp};

/// Where a row begins to speak for itself.
#[derive(Debug, Clone, Copy)]
pub enum Spoken<'a> {
    /// After the end marker; the expected text, its delimiter included.
    Free(&'a [u32]),
    /// After a forced delimiter; the expected text is the target.
    Forced,
}

/// What one row came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The target, teacher-forced after a forced delimiter.
    pub score: Score,
    /// What the row says.
    pub generated: Generated,
}

/// How many states are projected at a time: logits of a large vocabulary are large.
const PROJECTED: usize = 128;

/// What is fed to all rows.
struct Text<'a> {
    /// Ids that are fed and not compared.
    lead: Vec<u32>,
    /// Ids that are compared with what a row would say.
    expected: &'a [u32],
    /// Where in them the target begins, if it is there.
    scored: Option<usize>,
}

/// One row while it is compared with the expected text.
struct Row {
    generated: Generated,
    /// Where it turned off the expected text, if it did not end there.
    turned: Option<usize>,
}

impl Model {
    /// Closes the latent phase of every row, scores a target after a forced delimiter and lets the row speak, greedily, up to
    /// `max_new` ids.
    ///
    /// # Errors
    /// [`super::ModelError::Input`] for unknown ids or too many positions; [`super::ModelError::Cancelled`].
    pub fn conclude(
        &self,
        branch: &Branch,
        target: &[u32],
        spoken: Spoken<'_>,
        max_new: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Conclusion>> {
        let delimiter = self.markers.delimiter.as_slice();
        let end: Vec<u32> = self.markers.end.into_iter().collect();
        let forced = [delimiter, target].concat();
        let text = match spoken {
            Spoken::Forced => Text {
                lead: [end.as_slice(), delimiter].concat(),
                expected: target,
                scored: Some(0),
            },
            Spoken::Free(expected) => Text {
                lead: end,
                expected,
                // As a rule a run says the delimiter and its answer, and one pass does for both.
                scored: (expected == forced).then_some(delimiter.len()),
            },
        };
        let fed = text.lead.len() + text.expected.len();
        if target.is_empty() || fed == 0 || branch.len() + fed > self.max_positions() {
            return self.conclude_apart(branch, target, spoken, max_new, cancel);
        }
        let (rows, scores) = self.follow(branch, &text, target, max_new, cancel)?;
        let scores = if text.scored.is_some() {
            scores
        } else {
            let forced = self.close(branch, true, cancel)?;
            self.score(&forced, &[target.to_vec()], cancel)?
        };
        let row = |(score, row): (Score, Row)| Conclusion {
            score,
            generated: row.generated,
        };
        Ok(scores.into_iter().zip(rows).map(row).collect())
    }

    /// Feeds a text to all rows; what each would have said itself, and the scores of the target if it is in the text.
    fn follow(
        &self,
        branch: &Branch,
        text: &Text<'_>,
        target: &[u32],
        max_new: usize,
        cancel: &Cancel,
    ) -> Result<(Vec<Row>, Vec<Score>)> {
        cancel.check()?;
        let (rows, first) = (branch.rows(), text.lead.len());
        let ids = [text.lead.as_slice(), text.expected].concat();
        let (after, states) = self.pass_over(branch, &ids)?;
        // State i is what the model knew ahead of id i, so the one beyond the last says whether it would have stopped there.
        let per_row = text.expected.len() + 1;
        let at_once = (PROJECTED / per_row).max(1);
        let (mut compared, mut scores) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for from in (0..rows).step_by(at_once) {
            cancel.check()?;
            let count = at_once.min(rows - from);
            let part = states
                .narrow(0, from, count)?
                .narrow(1, first, per_row)?
                .contiguous()?
                .reshape((count * per_row, self.width()))?;
            let logits: Vec<Vec<f32>> = self.backbone.unembed(&part)?.to_vec2()?;
            let read: Vec<(Row, Option<Score>)> = logits
                .par_chunks_exact(per_row)
                .map(|own| {
                    let own: Vec<&[f32]> = own.iter().map(|logits| self.choices(logits)).collect();
                    let row = self.compare(&own, text.expected, max_new);
                    (row, text.scored.map(|from| scored(&own[from..], target)))
                })
                .collect();
            for (row, score) in read {
                compared.push(row);
                scores.extend(score);
            }
        }
        self.go_on(
            &after,
            &states,
            (first, ids.len()),
            &mut compared,
            max_new,
            cancel,
        )?;
        Ok((compared, scores))
    }

    /// How far a row says the expected text, given its logits ahead of every id and after the last.
    fn compare(&self, logits: &[&[f32]], expected: &[u32], max_new: usize) -> Row {
        let mut generated = Generated::default();
        for (n, logits) in logits.iter().enumerate() {
            if n == max_new {
                return Row {
                    generated,
                    turned: None,
                };
            }
            let id = argmax(logits);
            if self.stops(id, n) {
                generated.stop = Some(id);
                return Row {
                    generated,
                    turned: None,
                };
            }
            if expected.get(n) != Some(&id) {
                return Row {
                    generated,
                    turned: Some(n),
                };
            }
            generated.ids.push(id);
            generated.logits.push(logits[id as usize]);
            generated
                .logprobs
                .push(f64::from(logits[id as usize]) - log_sum_exp(logits));
        }
        Row {
            generated,
            turned: None,
        }
    }

    /// Lets the rows that turned off go on from there, side by side. `(first, fed)`: the first expected id, and how many ids
    /// were fed.
    fn go_on(
        &self,
        after: &Branch,
        states: &Tensor,
        (first, fed): (usize, usize),
        compared: &mut [Row],
        max_new: usize,
        cancel: &Cancel,
    ) -> Result<()> {
        let mut order = Vec::new();
        let mut parts = Vec::new();
        let longest = compared.iter().filter_map(|row| row.turned).max();
        for n in 0..=longest.unwrap_or(0) {
            let rows: Vec<usize> = (0..compared.len())
                .filter(|&row| compared[row].turned == Some(n))
                .collect();
            if rows.is_empty() {
                continue;
            }
            // Ids fed so far: those ahead of the expected ones, and n of these.
            let kept = first + n;
            let hidden = states.narrow(1, kept, 1)?.squeeze(1)?.contiguous()?;
            let there = Branch {
                cache: after.cache.clone(),
                hidden,
            };
            let mut there = there.select(&rows)?;
            there.cache = there.cache.rewound(fed - kept)?;
            parts.push(there);
            order.extend(rows.iter().map(|&row| (row, n)));
        }
        if order.is_empty() {
            return Ok(());
        }
        let fewest = order.iter().map(|(_, n)| *n).min().unwrap_or(0);
        let branch = Branch::stack(&parts.iter().collect::<Vec<_>>())?;
        let went_on = self.generate(&branch, max_new - fewest, &mut |_| (), cancel)?;
        for ((row, n), rest) in order.into_iter().zip(went_on) {
            let left = max_new - n;
            let own = &mut compared[row].generated;
            own.ids.extend(rest.ids.iter().take(left));
            own.logits.extend(rest.logits.iter().take(left));
            own.logprobs.extend(rest.logprobs.iter().take(left));
            own.stop = rest.stop.filter(|_| rest.ids.len() < left);
        }
        Ok(())
    }

    /// One token after the other, with a pass for the score beside it.
    fn conclude_apart(
        &self,
        branch: &Branch,
        target: &[u32],
        spoken: Spoken<'_>,
        max_new: usize,
        cancel: &Cancel,
    ) -> Result<Vec<Conclusion>> {
        let forced = self.close(branch, true, cancel)?;
        let scores = self.score(&forced, &[target.to_vec()], cancel)?;
        let start = match spoken {
            Spoken::Forced => forced,
            Spoken::Free(_) => self.close(branch, false, cancel)?,
        };
        let generated = self.generate(&start, max_new, &mut |_| (), cancel)?;
        let both = scores.into_iter().zip(generated);
        Ok(both
            .map(|(score, generated)| Conclusion { score, generated })
            .collect())
    }

    /// Feeds the same ids to every row; also returns the states ahead of each id and after the last, (rows, ids + 1, width).
    fn pass_over(&self, branch: &Branch, ids: &[u32]) -> Result<(Branch, Tensor)> {
        let vectors = self.embed(ids)?.unsqueeze(0)?;
        let vectors = vectors.broadcast_as((branch.rows(), ids.len(), self.width()))?;
        let output = self.backbone.forward(&Pass::new(&vectors), &branch.cache)?;
        let normed = self.backbone.norm(&output.last)?;
        let states = Tensor::cat(&[&branch.hidden.unsqueeze(1)?, &normed], 1)?;
        let hidden = states.narrow(1, ids.len(), 1)?.squeeze(1)?.contiguous()?;
        debug_assert_eq!(states.dim(D::Minus1)?, self.width());
        let after = Branch {
            cache: output.cache,
            hidden,
        };
        Ok((after, states))
    }
}

/// The score of a target, given a row's logits ahead of each of its ids.
fn scored(logits: &[&[f32]], target: &[u32]) -> Score {
    let token_logprobs: Vec<f64> = target
        .iter()
        .zip(logits)
        .map(|(&id, logits)| log_softmax_at(logits, id))
        .collect();
    Score {
        logprob: token_logprobs.iter().sum(),
        token_logprobs,
        first_logits: logits[0].to_vec(),
    }
}
