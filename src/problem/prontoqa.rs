//! True-or-false problems in the manner of PrOntoQA: a chain of rules gives a person a
//! property or denies it, beside a look-alike chain that says the opposite of another.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::logic::{ADJECTIVES, Fact, NAMES, World};
use super::{Problem, Split};

/// Draws one problem; `None` when its skeleton belongs to another split.
pub(super) fn draw(
    rng: &mut ChaCha8Rng,
    steps: usize,
    extra: usize,
    split: Split,
) -> Option<Problem> {
    let mut world = World::new(rng);
    let hops = steps - 2;
    let who = world.name()?;
    let chain = world.chain(hops);
    let what = rng.random_range(0..ADJECTIVES.len());
    let holds = rng.random_bool(0.5);
    world.facts.insert(0, Fact::Person(who, *chain.first()?));
    world.facts.push(Fact::Property(*chain.last()?, what, holds));
    let solution: Vec<String> = world.facts.iter().map(|f| f.sentence()).collect();

    // A chain like the true one, as far as the extra facts allow, ends in the opposite.
    if extra > 0 {
        let decoy = world.chain(hops.min(extra - 1));
        world.facts.push(Fact::Property(*decoy.last()?, what, !holds));
        if extra >= steps {
            let other = world.name()?;
            world.facts.push(Fact::Person(other, *decoy.first()?));
        }
        let mut spare: Vec<usize> = (0..ADJECTIVES.len()).filter(|&a| a != what).collect();
        for _ in steps..extra {
            add_extra(rng, &mut world, what, &mut spare);
        }
    }

    if !split.admits(&world.skeleton(&format!("{} {}", NAMES[who], ADJECTIVES[what]))) {
        return None;
    }
    let asked = rng.random_bool(0.5);
    let facts = world.text(rng);
    let (name, adjective) = (NAMES[who], ADJECTIVES[what]);
    let not = if asked { "" } else { "not " };
    Some(Problem {
        question: format!("{facts} True or false: {name} is {not}{adjective}."),
        steps: solution,
        answer: if asked == holds { "True" } else { "False" }.to_owned(),
    })
}

/// Adds a branch, or a property that proves nothing about the person asked for: the same
/// one of a noun nobody is, or another one, each at most once so that none contradict.
fn add_extra(rng: &mut ChaCha8Rng, world: &mut World, what: usize, spare: &mut Vec<usize>) {
    match rng.random_range(0..4) {
        0 => {
            let alone = world.noun();
            world.facts.push(Fact::Property(alone, what, rng.random_bool(0.5)));
        }
        1 if !spare.is_empty() => {
            let other = spare.swap_remove(rng.random_range(0..spare.len()));
            let noun = world.chain_noun(rng);
            world.facts.push(Fact::Property(noun, other, rng.random_bool(0.5)));
        }
        _ => world.add_extra(rng),
    }
}
