//! Graph problems in the style of `ProsQA`: of two nouns, exactly one is reachable from the person's noun; the other ends a
//! similar chain that belongs to another person.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::logic::{Fact, NAMES, NOUNS, World};
use super::{Problem, Split};

/// Draws one problem; returns `None` if its skeleton belongs to another split.
pub(super) fn draw(
    rng: &mut ChaCha8Rng,
    steps: usize,
    extra: usize,
    split: Split,
) -> Option<Problem> {
    let mut world = World::new(rng);
    let hops = steps - 1;
    let who = world.name()?;
    let chain = world.chain(hops)?;
    let (start, target) = (*chain.first()?, *chain.last()?);
    world.facts.insert(0, Fact::Person(who, start));
    let solution: Vec<String> = world.facts.iter().map(|f| f.sentence()).collect();

    // The false target ends a chain like the true one, as far as the extra facts allow, so that only following the rules
    // distinguishes the two.
    let decoy = world.chain(extra.min(hops))?;
    let false_target = *decoy.last()?;
    if extra > hops {
        let other = world.name()?;
        world.facts.push(Fact::Person(other, *decoy.first()?));
        for _ in hops + 1..extra {
            world.add_extra(rng);
        }
    }

    let key = (target.min(false_target), target.max(false_target));
    let skeleton = world.skeleton(&format!("{} {} {}", NAMES[who], NOUNS[key.0], NOUNS[key.1]));
    if !split.admits(&skeleton) {
        return None;
    }
    let (first, second) = if rng.random_bool(0.5) {
        (target, false_target)
    } else {
        (false_target, target)
    };
    let name = NAMES[who];
    let facts = world.text(rng);
    Some(Problem {
        question: format!("{facts} Is {name} a {} or {}?", NOUNS[first], NOUNS[second]),
        steps: solution,
        answer: format!("{name} is a {}.", NOUNS[target]),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::logic::check::parse;
    use super::super::{Family, Spec, generate};
    use super::*;

    fn make(split: Split, n: usize) -> Vec<Problem> {
        generate(&Spec::new(Family::Prosqa, split), n, 11).unwrap()
    }

    /// Returns the person and the two options.
    fn query(text: &str) -> (&str, [&str; 2]) {
        let text = text.strip_prefix("Is ").unwrap().strip_suffix('?').unwrap();
        let (name, options) = text.split_once(" a ").unwrap();
        let (first, second) = options.split_once(" or ").unwrap();
        (name, [first, second])
    }

    fn assert_sound(problem: &Problem) {
        let parsed = parse(&problem.question);
        let (name, options) = query(parsed.query);
        let distances = parsed.distances(parsed.start(name));
        let right: Vec<&str> = options
            .into_iter()
            .filter(|option| distances.contains_key(*option))
            .collect();
        assert_eq!(right.len(), 1, "{problem:?}");
        assert_eq!(problem.answer, format!("{name} is a {}.", right[0]));
        // The steps are the shortest chain, and each is a fact of the question.
        assert_eq!(distances[right[0]] + 1, problem.steps.len(), "{problem:?}");
        assert!(problem.steps[0].starts_with(name));
        for step in &problem.steps {
            assert!(
                parsed.facts.contains(&step.trim_end_matches('.')),
                "{problem:?}"
            );
        }
        for pair in problem.steps.windows(2) {
            let noun = pair[0].trim_end_matches('.').rsplit(' ').next().unwrap();
            assert!(
                pair[1].starts_with(&format!("Every {noun} is a ")),
                "{problem:?}"
            );
        }
    }

    #[test]
    fn exactly_one_option_follows() {
        for split in Split::ALL {
            for problem in make(split, 1000) {
                assert_sound(&problem);
                let parsed = parse(&problem.question);
                let extra = parsed.facts.len() - problem.steps.len();
                let expected = if split == Split::Hard { 6..=10 } else { 4..=8 };
                assert!(expected.contains(&extra), "{problem:?}");
                for option in query(parsed.query).1 {
                    assert!(
                        parsed
                            .facts
                            .iter()
                            .any(|f| f.ends_with(&format!(" a {option}")))
                    );
                }
            }
        }
    }

    #[test]
    fn the_easiest_problems_are_sound_too() {
        let spec = Spec {
            family: Family::Prosqa,
            split: Split::Train,
            steps: Some(2..=2),
            extra_facts: Some(0..=2),
        };
        generate(&spec, 500, 1)
            .unwrap()
            .iter()
            .for_each(assert_sound);
    }

    /// A shallow heuristic: scores an option from the shape of the text; the higher score wins.
    type Guess = fn(&[&str], &str) -> usize;

    #[test]
    fn shallow_guesses_are_near_chance() {
        let guesses: [(&str, Guess); 6] = [
            ("most mentions", |facts, o| {
                facts.iter().filter(|f| mentions(f, o)).count()
            }),
            ("first mention", |facts, o| {
                facts.iter().position(|f| mentions(f, o)).unwrap_or(99)
            }),
            ("last mention", |facts, o| {
                facts.iter().rposition(|f| mentions(f, o)).unwrap_or(99)
            }),
            ("ways in", |facts, o| {
                facts
                    .iter()
                    .filter(|f| f.ends_with(&format!(" {o}")))
                    .count()
            }),
            ("ways out", |facts, o| {
                facts
                    .iter()
                    .filter(|f| f.starts_with(&format!("Every {o} ")))
                    .count()
            }),
            ("alphabet", |_, o| usize::from(o.as_bytes()[0])),
        ];
        let problems = make(Split::Train, 2000);
        for (what, guess) in guesses {
            assert_near_chance(&problems, what, |facts, options| {
                (guess(facts, options[0]), guess(facts, options[1]))
            });
        }
        assert_near_chance(&problems, "first in the question", |_, _| (1, 0));
    }

    fn mentions(fact: &str, noun: &str) -> bool {
        fact.split(' ').any(|word| word == noun)
    }

    /// Asserts that the option with the higher score is right about half of the time; ties count half.
    fn assert_near_chance(
        problems: &[Problem],
        what: &str,
        scores: impl Fn(&[&str], [&str; 2]) -> (usize, usize),
    ) {
        let mut halves = 0;
        for problem in problems {
            let parsed = parse(&problem.question);
            let (name, options) = query(parsed.query);
            let first_right = problem.answer == format!("{name} is a {}.", options[0]);
            let (first, second) = scores(&parsed.facts, options);
            halves += match first.cmp(&second) {
                std::cmp::Ordering::Equal => 1,
                order => 2 * usize::from(first_right == order.is_gt()),
            };
        }
        let percent = halves * 50 / problems.len();
        assert!((40..=60).contains(&percent), "{what}: {percent}%");
    }
}
