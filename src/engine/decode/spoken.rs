//! Values of several tokens that a latent holds: numbers by roll-out, steps by the decoder of a SIM-CoT model.
//!
//! A number that the tokenizer splits (`1200`, `2.5`, `-3`) is never one token of the logit lens. Each of the latent's top tokens
//! that starts a number is fed instead of the latent, and the model's continuation is read as long as it remains a number. A
//! model that writes a whole step from a latent writes it, and its result is read.

use crate::core::types::{Task, TokenRead};
use crate::engine::model::{Branch, Cancel, Model, ModelError, Vectors, argmax, log_softmax_at};

use super::phrase::{BEAM, Voice};

/// The maximum length of a number, in tokens.
const NUMBER_TOKENS: usize = 6;

/// The maximum length of a step, in tokens.
const STEP_TOKENS: usize = 12;

/// How values are generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spoken {
    /// Continues the latent's top tokens as numbers.
    Numbers,
    /// Overrides out the step that the latent represents.
    Steps(Voice, Task),
}

/// One latent of a batch of runs.
#[derive(Clone, Copy)]
pub struct From<'a> {
    /// The runs before the latent is fed.
    pub before: Option<&'a Branch>,
    /// The fed vectors.
    pub fed: &'a Vectors,
    /// The latent's top tokens, by run.
    pub tops: &'a [Vec<TokenRead>],
}

/// Returns the values of one latent of every run, as top-k lists in which a value is one text; in the order of their first tokens.
///
/// # Errors
/// If the model fails or the work is cancelled.
pub fn values(
    model: &Model,
    how: Spoken,
    from: &From<'_>,
    cancel: &Cancel,
) -> Result<Vec<Vec<TokenRead>>, ModelError> {
    match how {
        Spoken::Numbers => numbers(model, from, cancel),
        Spoken::Steps(voice, task) => steps(model, voice, task, from, cancel),
    }
}

fn numbers(
    model: &Model,
    from: &From<'_>,
    cancel: &Cancel,
) -> Result<Vec<Vec<TokenRead>>, ModelError> {
    let mut values = vec![Vec::new(); from.tops.len()];
    let starts: Vec<(usize, TokenRead)> = from
        .tops
        .iter()
        .enumerate()
        .flat_map(|(row, top)| top.iter().take(BEAM).map(move |token| (row, token.clone())))
        .filter(|(_, token)| begins_number(token.text.trim_start()))
        .collect();
    let Some(before) = from.before.filter(|_| !starts.is_empty()) else {
        return Ok(values);
    };
    let rows: Vec<usize> = starts.iter().map(|(row, _)| *row).collect();
    let ids: Vec<u32> = starts.iter().map(|(_, token)| token.id).collect();
    let mut numbers: Vec<(String, f64)> = starts
        .iter()
        .map(|(_, token)| (token.text.trim_start().to_owned(), 0.0))
        .collect();
    let branch = model.step(&before.select(&rows)?, &ids, cancel)?;
    let accept = |row: usize, id: u32, logits: &[f32]| {
        let (text, logprob) = &mut numbers[row];
        let next = model.token_text(id);
        let continues = continues_number(text, &next);
        if continues {
            text.push_str(&next);
            *logprob += log_softmax_at(logits, id);
        }
        continues
    };
    let limit = NUMBER_TOKENS - 1;
    extend_greedily(model, Voice::Model, branch, limit, accept, cancel)?;
    for ((row, token), (text, logprob)) in starts.iter().zip(numbers) {
        if let Some(text) = plain_number(&text) {
            #[expect(clippy::cast_possible_truncation, reason = "a probability")]
            let prob = token.prob * logprob.exp() as f32;
            values[*row].push(TokenRead {
                text,
                prob,
                ..token.clone()
            });
        }
    }
    Ok(values)
}

/// Feeds each row its most likely ids, at most `limit`, until `accept` rejects one: given the row, the id and its logits.
fn extend_greedily(
    model: &Model,
    voice: Voice,
    mut branch: Branch,
    limit: usize,
    mut accept: impl FnMut(usize, u32, &[f32]) -> bool,
    cancel: &Cancel,
) -> Result<(), ModelError> {
    let mut rows: Vec<usize> = (0..branch.rows()).collect();
    for n in 1..=limit {
        let (mut open, mut ids) = (Vec::new(), Vec::new());
        for (at, logits) in voice.logits(model, &branch)?.iter().enumerate() {
            let id = argmax(logits);
            if accept(rows[at], id, logits) {
                open.push(at);
                ids.push(id);
            }
        }
        if open.is_empty() || n == limit {
            break;
        }
        rows = open.iter().map(|&at| rows[at]).collect();
        branch = voice.step(model, &branch.select(&open)?, &ids, cancel)?;
    }
    Ok(())
}

fn begins_number(text: &str) -> bool {
    let text = text.strip_prefix(['-', '$']).unwrap_or(text);
    text.starts_with(|c: char| c.is_ascii_digit() || c == '.') || text.is_empty()
}

/// Returns whether the text so far and the next token still form one number.
fn continues_number(text: &str, next: &str) -> bool {
    let whole = format!("{text}{next}");
    let number = whole.trim_start_matches(['-', '$']);
    !next.is_empty()
        && !next.starts_with(char::is_whitespace)
        && number
            .chars()
            .all(|c| c.is_ascii_digit() || matches!(c, ',' | '.' | '%'))
        && number.matches('.').count() < 2
        && !number.trim_end_matches('%').contains('%')
}

/// Normalizes a number: no dollar sign, no commas, no trailing point; a percent sign is kept.
#[must_use]
pub fn plain_number(text: &str) -> Option<String> {
    let plain: String = text
        .trim()
        .trim_end_matches(['.', ','])
        .chars()
        .filter(|c| !matches!(c, '$' | ','))
        .collect();
    plain
        .contains(|c: char| c.is_ascii_digit())
        .then_some(plain)
}

fn steps(
    model: &Model,
    voice: Voice,
    task: Task,
    from: &From<'_>,
    cancel: &Cancel,
) -> Result<Vec<Vec<TokenRead>>, ModelError> {
    let branch = match voice {
        Voice::StepDecoder => model.decoder_prefill(from.fed, cancel)?,
        Voice::Model => model.prefill_vectors(from.fed, cancel)?,
    };
    let mut steps: Vec<(Vec<u32>, f64)> = vec![(Vec::new(), 0.0); from.fed.rows()];
    let accept = |row: usize, id: u32, logits: &[f32]| {
        let continues = !super::phrase::ends(model, id);
        if continues {
            steps[row].0.push(id);
            steps[row].1 += log_softmax_at(logits, id);
        }
        continues
    };
    extend_greedily(model, voice, branch, STEP_TOKENS, accept, cancel)?;
    steps
        .iter()
        .map(|(ids, logprob)| {
            let text = model.decode(ids)?;
            #[expect(clippy::cast_possible_truncation, reason = "a probability")]
            let token = |text: String| TokenRead {
                id: ids.first().copied().unwrap_or(0),
                text,
                logit: 0.0,
                prob: logprob.exp() as f32,
            };
            Ok(result(task, text.trim()).map(token).into_iter().collect())
        })
        .collect()
}

/// Returns the result of a written step: the lone number beside the equals sign, or the first word.
fn result(task: Task, step: &str) -> Option<String> {
    if task == Task::Logic {
        // A step of one word is the node; "is not happy" keeps its negation.
        let words: Vec<&str> = step.split_whitespace().collect();
        return match words.as_slice() {
            ["is", "not", word, ..] => Some(format!("is not {word}")),
            ["is", word, ..] | [word, ..] => Some((*word).to_owned()),
            [] => None,
        };
    }
    let (left, right) = step.split_once('=')?;
    let lone = |side: &str| {
        let side = side.trim();
        let is_number_char = |c: char| c.is_ascii_digit() || ".,-$%".contains(c);
        plain_number(side).filter(|_| side.chars().all(is_number_char))
    };
    match (lone(left), lone(right)) {
        (Some(value), None) | (None, Some(value)) => Some(value),
        // "19 = 19" is not a step, but contains a value.
        (Some(a), Some(b)) if a == b => Some(a),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_across_tokens() {
        for (said, more, want) in [
            ("12", "00", true),
            ("1", ",200", true),
            ("2", ".5", true),
            ("2.5", ".1", false),
            ("20", "%", true),
            ("20%", "5", false),
            ("-", "3", true),
            ("12", " pens", false),
            ("12", " 5", false),
            ("12", "", false),
            ("12", "x", false),
        ] {
            assert_eq!(continues_number(said, more), want, "{said}{more}");
        }
        for (said, want) in [
            ("1,200", Some("1200")),
            ("$2.50", Some("2.50")),
            ("-3", Some("-3")),
            ("20%", Some("20%")),
            ("12.", Some("12")),
            ("-", None),
        ] {
            assert_eq!(plain_number(said).as_deref(), want, "{said}");
        }
    }

    #[test]
    fn a_written_step_has_one_result() {
        for (step, want) in [
            ("12 + 7 = 19", Some("19")),
            ("19 = 12 + 7", Some("19")),
            ("19 = 19", Some("19")),
            ("19 = 20", None),
            ("12 + 7", None),
        ] {
            assert_eq!(result(Task::Math, step).as_deref(), want, "{step}");
        }
        assert_eq!(
            result(Task::Logic, "bompus zorple").as_deref(),
            Some("bompus")
        );
        assert_eq!(
            result(Task::Logic, "is not happy").as_deref(),
            Some("is not happy")
        );
    }
}
