//! The latent from which on a run represents its answer.

use crate::core::types::{LatentIdx, Position, PositionKind, Run};

/// The rank within which the answer's first token must be in a latent's logit lens.
pub const TOP: usize = 10;

/// Returns the first latent from which on the answer's first token stays in the top ten of every logit lens.
/// Returns `None` if it does not stay, or if the answer's first token cannot be determined.
#[must_use]
pub fn represented_from(run: &Run) -> Option<LatentIdx> {
    let token = first_answer_token(run)?;
    let latents: Vec<_> = run.latents().collect();
    latents
        .into_iter()
        .rev()
        .take_while(|(_, position)| reads(position, token))
        .last()
        .map(|(latent, _)| latent)
}

/// Returns the first token of the answer's value: the last position from which the rest of the answer spells the value.
#[must_use]
pub fn first_answer_token(run: &Run) -> Option<&Position> {
    let value = squeezed(run.answer.value.as_deref()?);
    if value.is_empty() {
        return None;
    }
    let generated: Vec<&Position> = run
        .positions
        .iter()
        .filter(|position| position.kind == PositionKind::Answer)
        .take(run.answer.ids.len())
        .collect();
    let mut spelt = String::new();
    for position in generated.iter().rev() {
        spelt.insert_str(0, &squeezed(&position.text));
        // Text may follow the value, but none may precede it.
        if spelt.starts_with(&value) {
            return Some(position);
        }
    }
    None
}

/// Removes blanks and commas, as the comparison of answers does.
fn squeezed(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != ',')
        .collect()
}

/// Returns whether a latent's top ten contains a token, with or without its leading blank.
fn reads(position: &Position, token: &Position) -> bool {
    let wanted = token.text.trim();
    position.projection.as_ref().is_some_and(|projection| {
        projection.top.iter().take(TOP).any(|read| {
            Some(read.id) == token.id || (!wanted.is_empty() && read.text.trim() == wanted)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::explorer::tests::fixture;

    #[test]
    fn the_answer_is_represented_once_it_stays_in_the_top() {
        let mut run = fixture::run(fixture::QUESTION, None);
        let token = first_answer_token(&run).map(|position| position.text.as_str());
        assert_eq!(token, Some("8"));
        // 8 is read at latents 2 and 4, but not at 3.
        assert_eq!(represented_from(&run), Some(LatentIdx(4)));
        run.answer.value = Some("9".to_owned());
        assert_eq!(represented_from(&run), None, "9 is not spelt by the tokens");
    }

    #[test]
    fn a_value_of_several_tokens_is_found() {
        let mut run = fixture::run(fixture::QUESTION, None);
        let last = run.positions.last().cloned();
        let mut last = last.expect("the fixture has an answer");
        run.positions.pop();
        for text in ["1", " 20", "4"] {
            last.text = text.to_owned();
            run.positions.push(last.clone());
        }
        run.answer.ids = vec![4, 5, 6, 7];
        run.answer.value = Some("1204".to_owned());
        let token = first_answer_token(&run).map(|position| position.text.as_str());
        assert_eq!(token, Some("1"));
    }
}
