//! Graph problems in the manner of ProsQA: two nouns are offered, and exactly one can be
//! reached from the person's noun; the other ends a look-alike chain of another person.

use rand::Rng;
use rand_chacha::ChaCha8Rng;

use super::logic::{Fact, NAMES, NOUNS, World};
use super::{Problem, Split};

/// Draws one problem; `None` when its skeleton belongs to another split.
pub(super) fn draw(
    rng: &mut ChaCha8Rng,
    steps: usize,
    extra: usize,
    split: Split,
) -> Option<Problem> {
    let mut world = World::new(rng);
    let hops = steps - 1;
    let who = world.name()?;
    let chain = world.chain(hops);
    let (start, target) = (*chain.first()?, *chain.last()?);
    world.facts.insert(0, Fact::Person(who, start));
    let solution: Vec<String> = world.facts.iter().map(|f| f.sentence()).collect();

    // The false target ends a chain like the true one, as far as the extra facts allow,
    // so that nothing but following the rules tells the two apart.
    let decoy = world.chain(extra.min(hops));
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
