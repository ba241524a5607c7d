//! Draws donors at random by problem and seed, stratified by the kinds of problems in the set.

use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};

/// Orders all items such that the first n are a stratified sample for every n; `strata` are (number of steps, words).
///
/// Items are shuffled within each stratum and placed on a circle, stratum after stratum. Equally spaced points, rotated by a
/// random angle, select them in an order in which every prefix is evenly spaced (systematic sampling, van der Corput's order).
/// The rotation gives every item the same chance to be among the first n; the spacing keeps each stratum's share. The seed is
/// combined with the question, so that each problem of a run has different donors and their errors do not add up.
fn draw<S: Ord + Copy>(strata: &[S], question: &str, seed: u64) -> Vec<usize> {
    let mut hash = Sha256::new();
    hash.update(seed.to_le_bytes());
    hash.update(question.trim().as_bytes());
    let mut dice = ChaCha8Rng::from_seed(hash.finalize().into());
    let n = strata.len();
    if n == 0 {
        return Vec::new();
    }
    let mut circle: Vec<usize> = (0..n).collect();
    circle.shuffle(&mut dice);
    circle.sort_by_key(|at| strata[*at]);
    // At least one point per item, so that every item is selected.
    let points = n.next_power_of_two();
    let angle = dice.random_range(0..n * points);
    let mut is_drawn = vec![false; n];
    let mut order = Vec::with_capacity(n);
    for point in 0..points {
        let point = point
            .reverse_bits()
            .unbounded_shr(usize::BITS - points.ilog2());
        let at = (point * n + angle) / points % n;
        if !std::mem::replace(&mut is_drawn[at], true) {
            order.push(circle[at]);
        }
    }
    order
}

/// A problem that can be a donor.
pub(super) struct Lender<'a> {
    /// Its index in the list of problems.
    pub(super) problem: usize,
    pub(super) question: &'a str,
    /// The number of steps of its gold solution.
    pub(super) steps: usize,
}

/// Draws `n` donors for a question, of those with `steps` steps if given. A question is never its own donor. The draw does not
/// depend on latents, so it works before the donors have run.
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
    // They arrive in build order.
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
    fn sixteen_are_spread_as_all_are() {
        let strata = strata();
        for problem in 0..500 {
            let drawn = draw(&strata, &problem.to_string(), 0);
            for (stratum, expected) in [(1, 8), (2, 4), (3, 4)] {
                let n = drawn[..16]
                    .iter()
                    .filter(|at| strata[**at] == stratum)
                    .count();
                assert_eq!(n, expected);
            }
        }
    }

    #[test]
    fn every_item_is_as_likely_whatever_the_size_of_its_stratum() {
        // One stratum of 200, and 55 of one item each.
        let strata: Vec<usize> = (0..255_usize).map(|at| at.saturating_sub(199)).collect();
        for n in [1, 4, 16, 100] {
            let problems = 4_000;
            let mut single = 0;
            for problem in 0..problems {
                let drawn = draw(&strata, &problem.to_string(), 0);
                single += drawn[..n].iter().filter(|at| **at >= 200).count();
            }
            let float = |n: usize| f64::from(u32::try_from(n).expect("small"));
            let (all, share) = (f64::from(problems) * float(n), 55.0 / 255.0);
            // Four standard deviations of independent draws; equally spaced ones vary less.
            let room = 4.0 * (all * share * (1.0 - share)).sqrt();
            assert!((float(single) - all * share).abs() < room, "{n}: {single}");
        }
    }

    #[test]
    fn any_number_of_items_is_drawn_to_the_end() {
        for n in 0..70 {
            let mut drawn = draw(&vec![(); n], "a", 0);
            drawn.sort_unstable();
            assert_eq!(drawn, (0..n).collect::<Vec<_>>());
        }
    }
}
