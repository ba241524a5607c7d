//! The null: how often does the same whole search reach this answer in latents that belong to other problems?
//!
//! Rerunning the whole search corrects for everything it tries (field-map.md 5.4).

use crate::trace::{Null, TokenRead};

use super::edits::same_answer;
use super::{Case, Prepared, Search};

/// Searches other problems' latents (each a list of latents in order, best token first) for a trace from this question
/// to this answer. The caller leaves the problem itself out; 200 others or more make p = 0.005 reachable.
#[must_use]
pub fn null(settings: &Search, case: &Case<'_>, others: &[Vec<Vec<TokenRead>>]) -> Null {
    let Ok(prepared) = Prepared::new(case) else {
        return null_from(0, 0, &mut []);
    };
    let mut hits = 0;
    let mut candidates = Vec::with_capacity(others.len());
    for latents in others {
        let reach = prepared.reach(settings, latents);
        hits += usize::from(reach.reached);
        candidates.push(reach.candidates);
    }
    null_from(others.len(), hits, &mut candidates)
}

/// Searches this run's latents for traces to other answers: those of problems with as many steps. An answer that equals the
/// model's own is left out.
#[must_use]
pub fn null_answers(
    settings: &Search,
    case: &Case<'_>,
    latents: &[Vec<TokenRead>],
    answers: &[&str],
) -> Null {
    let own = case.answer.unwrap_or_default();
    let others = answers.iter().filter(|a| !same_answer(case.task, a, own));
    let mut hits = 0;
    let mut candidates = Vec::new();
    for answer in others {
        let case = Case {
            answer: Some(answer),
            ..*case
        };
        // An answer that cannot be one of this question, like another question's noun, is not reached by chance either.
        let Ok(prepared) = Prepared::new(&case) else {
            candidates.push(0);
            continue;
        };
        let reach = prepared.reach(settings, latents);
        hits += usize::from(reach.reached);
        candidates.push(reach.candidates);
    }
    null_from(candidates.len(), hits, &mut candidates)
}

/// Sums up: p = (1 + hits) / (1 + n), and the nearest-rank 95th percentile of the candidates.
pub(super) fn null_from(n: usize, hits: usize, candidates: &mut [usize]) -> Null {
    candidates.sort_unstable();
    let rank = (candidates.len() * 95).div_ceil(100);
    #[expect(
        clippy::cast_precision_loss,
        reason = "a count of problems is far below 2^52"
    )]
    let p_value = (1 + hits) as f64 / (1 + n) as f64;
    Null {
        n,
        hits,
        p_value,
        candidates_p95: rank
            .checked_sub(1)
            .and_then(|i| candidates.get(i))
            .copied()
            .unwrap_or(0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Task;
    use crate::verify::tests::tokens;

    #[test]
    fn p_and_percentile() {
        let null = null_from(199, 1, &mut (1..=199).rev().collect::<Vec<_>>());
        assert_eq!((null.p_value, null.candidates_p95), (0.01, 190));
        let none = null_from(0, 0, &mut []);
        assert_eq!((none.p_value, none.candidates_p95), (1.0, 0));
    }

    #[test]
    fn hits_are_latents_in_which_the_search_succeeds() {
        let case = Case {
            task: Task::Math,
            question: "Tom has 12 pens and buys 7.",
            unknown_words: &[],
            answer: Some("19"),
        };
        let others = vec![
            vec![tokens(&["19", "4"]), tokens(&["x"])],
            vec![tokens(&["18"]), tokens(&["84"])],
            vec![],
        ];
        let null = null(&Search::default(), &case, &others);
        assert_eq!((null.n, null.hits, null.candidates_p95), (3, 1, 1));
    }
}
