//! True-or-false problems in the style of `PrOntoQA`: a chain of rules gives or denies a person a property, next to a similar
//! chain that concludes the opposite for another person.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::logic::{ADJECTIVES, Fact, NAMES, World};
use super::{Problem, Split};

/// Draws one problem; returns `None` if its skeleton belongs to another split.
pub(super) fn draw(
    rng: &mut ChaCha8Rng,
    steps: usize,
    extra: usize,
    split: Split,
) -> Option<Problem> {
    let mut world = World::new(rng);
    let hops = steps - 2;
    let who = world.name()?;
    let chain = world.chain(hops)?;
    let what = rng.random_range(0..ADJECTIVES.len());
    let holds = rng.random_bool(0.5);
    world.facts.insert(0, Fact::Person(who, *chain.first()?));
    world
        .facts
        .push(Fact::Property(*chain.last()?, what, holds));
    let solution: Vec<String> = world.facts.iter().map(|f| f.sentence()).collect();

    // A chain like the true one, as far as the extra facts allow, ends in the opposite property.
    if extra > 0 {
        let decoy = world.chain(hops.min(extra - 1))?;
        world
            .facts
            .push(Fact::Property(*decoy.last()?, what, !holds));
        if extra >= steps {
            let other = world.name()?;
            world.facts.push(Fact::Person(other, *decoy.first()?));
        }
        let mut spare: Vec<usize> = (0..ADJECTIVES.len()).filter(|&a| a != what).collect();
        for _ in steps..extra {
            add_extra(rng, &mut world, what, &mut spare)?;
        }
    }

    if !split.admits(&world.skeleton(&format!("{} {}", NAMES[who], ADJECTIVES[what]))) {
        return None;
    }
    let affirmed = rng.random_bool(0.5);
    let facts = world.text(rng);
    let (name, adjective) = (NAMES[who], ADJECTIVES[what]);
    let not = if affirmed { "" } else { "not " };
    Some(Problem {
        question: format!("{facts} True or false: {name} is {not}{adjective}."),
        steps: solution,
        answer: if affirmed == holds { "True" } else { "False" }.to_owned(),
    })
}

/// Adds a branch, or a property that proves nothing about the queried person: the same property for a noun that nobody has, or
/// another property, each at most once to avoid contradictions.
fn add_extra(
    rng: &mut ChaCha8Rng,
    world: &mut World,
    what: usize,
    spare: &mut Vec<usize>,
) -> Option<()> {
    match rng.random_range(0..4) {
        0 => {
            let alone = world.noun()?;
            world
                .facts
                .push(Fact::Property(alone, what, rng.random_bool(0.5)));
        }
        1 if !spare.is_empty() => {
            let other = spare.swap_remove(rng.random_range(0..spare.len()));
            let noun = world.chain_noun(rng);
            world
                .facts
                .push(Fact::Property(noun, other, rng.random_bool(0.5)));
        }
        _ => world.add_extra(rng),
    }
    Some(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::logic::check::parse;
    use super::super::{Family, Spec, generate};
    use super::*;

    fn make(split: Split, n: usize) -> Vec<Problem> {
        generate(&Spec::new(Family::Prontoqa, split), n, 5).unwrap()
    }

    /// Returns the person, whether the property is affirmed, and the property.
    fn query(text: &str) -> (&str, bool, &str) {
        let text = text.strip_prefix("True or false: ").unwrap();
        let (name, rest) = text.strip_suffix('.').unwrap().split_once(" is ").unwrap();
        match rest.strip_prefix("not ") {
            Some(adjective) => (name, false, adjective),
            None => (name, true, rest),
        }
    }

    /// Returns the signs that the facts give a property, with their nouns.
    fn signs<'a>(facts: &[&'a str], adjective: &str) -> Vec<(&'a str, bool)> {
        let about = |fact: &'a str| {
            let (noun, rest) = fact.strip_prefix("Every ")?.split_once(" is ")?;
            if rest == adjective {
                return Some((noun, true));
            }
            (rest.strip_prefix("not ")? == adjective).then_some((noun, false))
        };
        facts.iter().filter_map(|fact| about(fact)).collect()
    }

    #[test]
    fn the_truth_follows_from_the_text() {
        for split in Split::ALL {
            let problems = make(split, 1000);
            let mut yes = 0;
            for problem in &problems {
                let parsed = parse(&problem.question);
                let (name, affirmed, adjective) = query(parsed.query);
                let distances = parsed.distances(parsed.start(name));
                let proofs: Vec<(&str, bool)> = signs(&parsed.facts, adjective)
                    .into_iter()
                    .filter(|(noun, _)| distances.contains_key(*noun))
                    .collect();
                assert_eq!(proofs.len(), 1, "{problem:?}");
                let (noun, holds) = proofs[0];
                let expected = if affirmed == holds { "True" } else { "False" };
                assert_eq!(problem.answer, expected, "{problem:?}");
                yes += usize::from(affirmed == holds);
                assert_eq!(distances[noun] + 2, problem.steps.len(), "{problem:?}");
                for step in &problem.steps {
                    assert!(parsed.facts.contains(&step.trim_end_matches('.')));
                }
                let not = if holds { "" } else { "not " };
                let rule = format!("Every {noun} is {not}{adjective}.");
                assert_eq!(problem.steps.last(), Some(&rule));
            }
            assert!((400..=600).contains(&yes), "{yes} of 1000 are true");
        }
    }

    #[test]
    fn shallow_guesses_are_near_chance() {
        type Guess = fn(&[(&str, bool)]) -> Option<bool>;
        let guesses: [(&str, Guess); 3] = [
            ("first rule", |signs| signs.first().map(|s| s.1)),
            ("last rule", |signs| signs.last().map(|s| s.1)),
            ("most rules", |signs| {
                let positive = signs.iter().filter(|s| s.1).count();
                let more = (2 * positive).cmp(&signs.len());
                (!more.is_eq()).then_some(more.is_gt())
            }),
        ];
        let problems = make(Split::Train, 2000);
        for (what, guess) in guesses {
            let mut halves = 0;
            for problem in &problems {
                let parsed = parse(&problem.question);
                let (_, affirmed, adjective) = query(parsed.query);
                halves += match guess(&signs(&parsed.facts, adjective)) {
                    None => 1,
                    Some(sign) => 2 * usize::from((problem.answer == "True") == (affirmed == sign)),
                };
            }
            let percent = halves * 50 / problems.len();
            assert!((40..=60).contains(&percent), "{what}: {percent}%");
        }
    }
}
