//! The null: how often does the complete search reach this answer in latents of other problems?
//!
//! Rerunning the complete search corrects for everything it tries (docs/methods.md M9.1). If several searches run in sequence, a
//! problem counts as a hit if any of them succeeds in its latents ([`Hits`]).

use rayon::prelude::*;

use crate::core::types::{Null, TokenRead};

use super::chance::rate;
use super::{Case, Prepared, Reach, SearchSettings};

/// The other problems in which any search so far succeeded.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hits {
    reached: Vec<bool>,
    searches: usize,
}

impl Hits {
    /// Adds a search. Hits of a search over other problems cannot be matched with earlier ones; they are counted as distinct, so
    /// no hit is missed.
    pub fn add(&mut self, search: &Self) {
        self.searches += search.searches;
        if self.reached.is_empty() {
            self.reached.clone_from(&search.reached);
        } else if self.reached.len() == search.reached.len() {
            for (any, one) in self.reached.iter_mut().zip(&search.reached) {
                *any |= one;
            }
        } else {
            let mut more = search.reached.iter().filter(|hit| **hit).count();
            for any in self.reached.iter_mut().filter(|any| !**any) {
                if more == 0 {
                    break;
                }
                *any = true;
                more -= 1;
            }
        }
    }

    /// The null of all searches together, with the candidate count of one of them.
    #[must_use]
    pub fn null(&self, candidates_p95: usize) -> Null {
        let hits = self.reached.iter().filter(|hit| **hit).count();
        Null {
            searches: self.searches,
            candidates_p95,
            ..null_from(self.reached.len(), hits, &mut [])
        }
    }
}

/// Searches other problems' latents (each a list of latents in order, best token first) for a trace from this question to this
/// answer. The caller excludes the problem itself; p = 0.005 takes at least 200 others.
#[must_use]
pub fn null<'a>(
    settings: &SearchSettings,
    case: &Case<'_>,
    others: impl IntoIterator<Item = &'a Vec<Vec<TokenRead>>>,
) -> (Null, Hits) {
    let Ok(mut prepared) = Prepared::new(case) else {
        return (null_from(0, 0, &mut []), Hits::default());
    };
    let others: Vec<_> = others.into_iter().collect();
    prepared.prepare(settings, &others);
    let reaches: Vec<Reach> = others
        .par_iter()
        .map(|latents| prepared.reach(settings, latents))
        .collect();
    let hits = Hits {
        reached: reaches.iter().map(|reach| reach.reached).collect(),
        searches: 1,
    };
    (from_reaches(&reaches), hits)
}

/// Searches the problem's own latents for traces to other problems' answers, which the model did not give. Skips answers that
/// cannot be searched for.
#[must_use]
pub fn null_answers<'a>(
    settings: &SearchSettings,
    case: &Case<'_>,
    latents: &[Vec<TokenRead>],
    answers: impl IntoIterator<Item = &'a str>,
) -> Null {
    let answers: Vec<&str> = answers.into_iter().collect();
    let reaches = answers.par_iter().filter_map(|answer| {
        let other = Case {
            answer: Some(answer),
            ..*case
        };
        let prepared = Prepared::new(&other).ok()?;
        Some(prepared.reach(settings, latents))
    });
    from_reaches(&reaches.collect::<Vec<_>>())
}

fn from_reaches(reaches: &[Reach]) -> Null {
    let hits = reaches.iter().filter(|reach| reach.reached).count();
    let mut candidates: Vec<usize> = reaches.iter().map(|reach| reach.candidates).collect();
    null_from(reaches.len(), hits, &mut candidates)
}

/// Summarises: p = (1 + hits) / (1 + n), and the nearest-rank 95th percentile of the candidates.
#[must_use]
pub fn null_from(n: usize, hits: usize, candidates: &mut [usize]) -> Null {
    candidates.sort_unstable();
    let rank = (candidates.len() * 95).div_ceil(100);
    Null {
        n,
        hits,
        p_value: (n > 0).then(|| rate(hits, n)),
        searches: 1,
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
    use crate::core::types::Task;
    use crate::verify::tests::tokens;

    #[test]
    fn p_and_percentile() {
        let null = null_from(199, 1, &mut (1..=199).rev().collect::<Vec<_>>());
        assert_eq!((null.p_value, null.candidates_p95), (Some(0.01), 190));
        let none = null_from(0, 0, &mut []);
        assert_eq!((none.p_value, none.candidates_p95), (None, 0));
    }

    #[test]
    fn searches_in_sequence_pool_their_hits() {
        let hits = |reached: &[bool]| Hits {
            reached: reached.to_vec(),
            searches: 1,
        };
        let mut all = Hits::default();
        for (next, expected) in [
            (hits(&[true, false, false, false]), 1),
            (hits(&[true, true, false, false]), 2),
            // A search over other problems: its hits count as distinct.
            (hits(&[true, false]), 3),
        ] {
            all.add(&next);
            assert_eq!(all.null(7).hits, expected);
        }
        let null = all.null(7);
        assert_eq!((null.n, null.searches, null.candidates_p95), (4, 3, 7));
        assert_eq!(null.p_value, Some(0.8));
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
        let (null, _) = null(&SearchSettings::default(), &case, &others);
        assert_eq!((null.n, null.hits, null.candidates_p95), (3, 1, 1));
        // 84 is read but no step gives it; "x" is not an answer.
        let answers = ["19", "5", "84", "x"];
        let own = null_answers(&SearchSettings::default(), &case, &others[0], answers);
        assert_eq!((own.n, own.hits), (3, 1));
    }
}
