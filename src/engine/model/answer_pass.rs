//! Answers many runs at once: generates each run's answer and scores an expected one.
//!
//! Most variants of a run still give its answer. The expected text is therefore fed to all rows in one pass, which scores it and
//! shows how far each row would have generated the same; only diverging rows are generated further, from where they diverge.

use candle_core::{D, Tensor};
use rayon::prelude::*;

use super::Model;
use super::backbone::Pass;
use super::branch::Branch;
use super::cancel::Cancel;
use super::error::Result;
use super::generate::{AnswerScore, Generated};
use super::vectors::argmax;

/// The point where a row starts to generate freely.
#[derive(Debug, Clone, Copy)]
pub enum Spoken<'a> {
    /// After the end marker; holds the expected text with its delimiter.
    Free(&'a [u32]),
    /// After a forced delimiter; the expected text is the target.
    Forced,
}

/// The result of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct Conclusion {
    /// The score of the target, teacher-forced after a forced delimiter.
    pub score: AnswerScore,
    /// The row's own text.
    pub generated: Generated,
}

/// The maximum number of states projected at once: logits of a large vocabulary need much memory.
const PROJECTED: usize = 128;

/// The text fed to all rows.
struct Text<'a> {
    /// The ids that are fed but not compared.
    lead: Vec<u32>,
    /// The ids that are compared with the row's own choices.
    expected: &'a [u32],
    /// The start of the target in `expected`, if it is contained.
    scored: Option<usize>,
}

/// The comparison of a row with the expected text.
struct Row {
    generated: Generated,
    /// The index at which it leaves the expected text; `None` if it ended before.
    diverged_at: Option<usize>,
}

impl Model {
    /// Closes the latent phase of every row, scores a target after a forced delimiter, and generates each row's own text greedily, up
    /// to `max_new` ids.
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
                // Usually a run generates the delimiter and its answer, so that one pass suffices for both.
                scored: (expected == forced).then_some(delimiter.len()),
            },
        };
        let fed = text.lead.len() + text.expected.len();
        if target.is_empty() || fed == 0 || branch.len() + fed > self.max_positions() {
            return self.conclude_stepwise(branch, target, spoken, max_new, cancel);
        }
        let (rows, scores) = self.follow(branch, &text, target, max_new, cancel)?;
        let scores = if text.scored.is_some() {
            scores
        } else {
            let forced = self.close(branch, true, cancel)?;
            self.score(&forced, &[target.to_vec()], cancel)?
        };
        let generated = rows.into_iter().map(|row| row.generated);
        Ok(conclusions(scores, generated))
    }

    /// Feeds a text to all rows; returns each row's own text, and the scores of the target if the text contains it.
    fn follow(
        &self,
        branch: &Branch,
        text: &Text<'_>,
        target: &[u32],
        max_new: usize,
        cancel: &Cancel,
    ) -> Result<(Vec<Row>, Vec<AnswerScore>)> {
        cancel.check()?;
        let (rows, first) = (branch.rows(), text.lead.len());
        let ids = [text.lead.as_slice(), text.expected].concat();
        let (after, states) = self.feed_text(branch, &ids)?;
        // State i precedes id i, so the one after the last id shows whether the row would have stopped there.
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
            let results: Vec<(Row, Option<AnswerScore>)> = logits
                .par_chunks_exact(per_row)
                .map(|row| {
                    let logits: Vec<&[f32]> = row.iter().map(|row| self.choices(row)).collect();
                    let row = self.compare(&logits, text.expected, max_new);
                    let score =
                        |start: usize| AnswerScore::new(logits[start..].iter().copied(), target);
                    (row, text.scored.map(score))
                })
                .collect();
            for (row, score) in results {
                compared.push(row);
                scores.extend(score);
            }
        }
        self.continue_diverged(
            &after,
            &states,
            (first, ids.len()),
            &mut compared,
            max_new,
            cancel,
        )?;
        Ok((compared, scores))
    }

    /// Compares a row with the expected text, given its logits before every id and after the last.
    fn compare(&self, logits: &[&[f32]], expected: &[u32], max_new: usize) -> Row {
        let mut row = Row {
            generated: Generated::default(),
            diverged_at: None,
        };
        for (n, logits) in logits.iter().enumerate().take(max_new) {
            let id = argmax(logits);
            if self.stops(id, n) {
                row.generated.stop = Some(id);
                break;
            }
            if expected.get(n) != Some(&id) {
                row.diverged_at = Some(n);
                break;
            }
            row.generated.push(id, logits);
        }
        row
    }

    /// Continues the diverging rows from where they diverged, as one batch. `(first, fed)`: the index of the first expected id, and
    /// the number of ids fed.
    fn continue_diverged(
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
        let longest = compared.iter().filter_map(|row| row.diverged_at).max();
        for n in 0..=longest.unwrap_or(0) {
            let rows: Vec<usize> = (0..compared.len())
                .filter(|&row| compared[row].diverged_at == Some(n))
                .collect();
            if rows.is_empty() {
                continue;
            }
            // The ids fed up to here: the lead and n expected ones.
            let kept = first + n;
            let hidden = states.narrow(1, kept, 1)?.squeeze(1)?.contiguous()?;
            let branch = Branch {
                cache: after.cache.clone(),
                hidden,
            };
            let mut branch = branch.select(&rows)?;
            branch.cache = branch.cache.rewound(fed - kept)?;
            parts.push(branch);
            order.extend(rows.iter().map(|&row| (row, n)));
        }
        if order.is_empty() {
            return Ok(());
        }
        let fewest = order.iter().map(|(_, n)| *n).min().unwrap_or(0);
        let branch = Branch::stack(&parts.iter().collect::<Vec<_>>())?;
        let continuations = self.generate(&branch, max_new - fewest, &mut |_| (), cancel)?;
        for ((row, n), rest) in order.into_iter().zip(continuations) {
            let left = max_new - n;
            let generated = &mut compared[row].generated;
            generated.ids.extend(rest.ids.iter().take(left));
            generated.logits.extend(rest.logits.iter().take(left));
            generated.logprobs.extend(rest.logprobs.iter().take(left));
            generated.stop = rest.stop.filter(|_| rest.ids.len() < left);
        }
        Ok(())
    }

    /// Generates token by token, with a separate pass for the score.
    fn conclude_stepwise(
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
        Ok(conclusions(scores, generated))
    }

    /// Feeds the same ids to every row; also returns the states before each id and after the last, (rows, ids + 1, width).
    fn feed_text(&self, branch: &Branch, ids: &[u32]) -> Result<(Branch, Tensor)> {
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

fn conclusions(
    scores: Vec<AnswerScore>,
    generated: impl IntoIterator<Item = Generated>,
) -> Vec<Conclusion> {
    let pairs = scores.into_iter().zip(generated);
    pairs
        .map(|(score, generated)| Conclusion { score, generated })
        .collect()
}
