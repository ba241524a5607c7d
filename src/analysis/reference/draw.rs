//! Draws donors: at random by problem and seed, and spread over the kinds of problems of the set.

use std::collections::BTreeMap;

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// An order of all items, of which the first n are a sample for any n, with the stratum of each given (number of steps, words).
///
/// Each stratum is shuffled and laid out evenly over the order, from a start that is drawn too (systematic sampling): every item
/// is as likely to be among the first n as any other, and n items hold about as large a share of each stratum as all do. The seed
/// goes with the question, so that problems of one run have donors of their own and their errors do not add up.
#[must_use]
pub fn draw<S: Ord + Copy>(strata: &[S], question: &str, seed: u64) -> Vec<usize> {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(question.trim().as_bytes());
    let mut dice = ChaCha8Rng::from_seed(hash.finalize().into());
    let mut by_stratum: BTreeMap<S, Vec<usize>> = BTreeMap::new();
    for (at, stratum) in strata.iter().enumerate() {
        by_stratum.entry(*stratum).or_default().push(at);
    }
    let mut placed: Vec<(f64, usize)> = Vec::with_capacity(strata.len());
    for items in by_stratum.values_mut() {
        items.shuffle(&mut dice);
        let start: f64 = dice.random();
        #[expect(clippy::cast_precision_loss, reason = "a few hundred items")]
        let place = |i: usize| (i as f64 + start) / items.len() as f64;
        placed.extend(items.iter().enumerate().map(|(i, at)| (place(i), *at)));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(_, at)| at).collect()
}

/// A problem that may lend its latents.
pub(super) struct Lender<'a> {
    /// Its place in the list of problems.
    pub(super) problem: usize,
    pub(super) question: &'a str,
    /// How many steps its gold solution has.
    pub(super) steps: usize,
}

/// Which lenders are the donors of a question: `n` of those with so many steps, if asked for. A question never lends to itself.
/// What they hold is not looked at, so that they can be named before they have run.
pub(super) fn donors<'a>(
    lenders: impl Iterator<Item = Lender<'a>>,
    question: &str,
    n: usize,
    steps: Option<usize>,
    seed: u64,
) -> Vec<usize> {
    let suits = |lender: &Lender<'a>| {
        lender.question.trim() != question.trim() && steps.is_none_or(|n| lender.steps == n)
    };
    let mut lenders: Vec<Lender<'a>> = lenders.filter(suits).collect();
    // They come in the order of their making.
    lenders.sort_by_key(|lender| lender.problem);
    let stratum = |l: &Lender<'_>| (l.steps, l.question.split_whitespace().count());
    let strata: Vec<_> = lenders.iter().map(stratum).collect();
    let order = draw(&strata, question, seed).into_iter().take(n);
    order.map(|at| lenders[at].problem).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn strata() -> Vec<usize> {
        [vec![1; 128], vec![2; 64], vec![3; 64]].concat()
    }

    #[test]
    fn a_draw_is_a_function_of_problem_and_seed() {
        let strata = strata();
        let drawn = draw(&strata, "a", 0);
        assert_eq!(drawn, draw(&strata, " a ", 0));
        assert_ne!(drawn, draw(&strata, "a", 1));
        assert_ne!(drawn, draw(&strata, "b", 0));
        let mut all = drawn;
        all.sort_unstable();
        assert_eq!(all, (0..256).collect::<Vec<_>>(), "each once");
    }

    #[test]
    fn sixteen_are_spread_as_all_are_and_every_item_is_as_likely() {
        let strata = strata();
        let mut drawn = vec![0u32; strata.len()];
        for problem in 0..2000 {
            let sixteen = &draw(&strata, &problem.to_string(), 0)[..16];
            let ones = sixteen.iter().filter(|at| strata[**at] == 1).count();
            assert!((7..=9).contains(&ones), "{ones}");
            for at in sixteen {
                drawn[*at] += 1;
            }
        }
        // 2000 draws of 16 in 256: 125 each, with a standard deviation below 11.
        let (least, most) = (drawn.iter().min(), drawn.iter().max());
        assert!(
            least.is_some_and(|n| *n > 80) && most.is_some_and(|n| *n < 170),
            "{least:?} {most:?}"
        );
    }
}
