//! The null: how often does the same whole search reach this answer in latents that belong to other problems?
//!
//! Rerunning the whole search corrects for everything it tries (field-map.md 5.4).

use rayon::prelude::*;

use crate::trace::{Null, TokenRead};

use super::{Case, Prepared, Reach, Search};

/// Searches other problems' latents (each a list of latents in order, best token first) for a trace from this question
/// to this answer. The caller leaves the problem itself out; 200 others or more make p = 0.005 reachable.
#[must_use]
pub fn null<'a>(
    settings: &Search,
    case: &Case<'_>,
    others: impl IntoIterator<Item = &'a Vec<Vec<TokenRead>>>,
) -> Null {
    let Ok(mut prepared) = Prepared::new(case) else {
        return null_from(0, 0, &mut []);
    };
    let others: Vec<_> = others.into_iter().collect();
    prepared.prepare(settings, &others);
    let reached = others.par_iter();
    of_reaches(reached.map(|latents| prepared.reach(settings, latents)))
}

/// Searches the problem's own latents for traces to other problems' answers: the same search, asked for what the model did
/// not say. Answers that cannot be searched for are passed over.
#[must_use]
pub fn null_answers<'a>(
    settings: &Search,
    case: &Case<'_>,
    latents: &[Vec<TokenRead>],
    answers: impl IntoIterator<Item = &'a str>,
) -> Null {
    let answers: Vec<&str> = answers.into_iter().collect();
    let reached = answers.par_iter().filter_map(|answer| {
        let other = Case {
            answer: Some(answer),
            ..*case
        };
        let prepared = Prepared::new(&other).ok()?;
        Some(prepared.reach(settings, latents))
    });
    of_reaches(reached)
}

/// Counts what searches reached.
fn of_reaches(reaches: impl ParallelIterator<Item = Reach>) -> Null {
    let reaches: Vec<Reach> = reaches.collect();
    let hits = reaches.iter().filter(|reach| reach.reached).count();
    let mut candidates: Vec<usize> = reaches.iter().map(|reach| reach.candidates).collect();
    null_from(reaches.len(), hits, &mut candidates)
}

/// Sums up: p = (1 + hits) / (1 + n), and the nearest-rank 95th percentile of the candidates.
#[must_use]
pub fn null_from(n: usize, hits: usize, candidates: &mut [usize]) -> Null {
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
        // 84 is read but no step gives it; "x" is no answer at all.
        let answers = ["19", "5", "84", "x"];
        let own = null_answers(&Search::default(), &case, &others[0], answers);
        assert_eq!((own.n, own.hits), (3, 1));
    }
}
