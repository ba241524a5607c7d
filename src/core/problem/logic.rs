//! Parts shared by the two logic families: made-up nouns, facts and their sentences, chains of rules, and extra facts that cannot
//! change what a chain proves.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

pub(super) const NAMES: [&str; 12] = [
    "Tom", "Ann", "Ben", "Mia", "Sam", "Eva", "Max", "Lucy", "Leo", "Nina", "Jack", "Rosa",
];

/// Made-up nouns; all start with a consonant, so that "a" always fits.
pub(super) const NOUNS: [&str; 32] = [
    "bavrik", "corlet", "dorvin", "drimmel", "felkin", "flandor", "glimmet", "gorvel", "harpel",
    "jandle", "jolvik", "kelvot", "kranner", "lurmic", "lostrel", "mabrin", "mivlet", "norpet",
    "nuvolk", "plindor", "pravvy", "quarnet", "rastle", "rolvin", "selgot", "skavil", "tovrin",
    "trumble", "vekmar", "wibbert", "yandor", "zelkit",
];

pub(super) const ADJECTIVES: [&str; 10] = [
    "happy", "cold", "red", "loud", "kind", "small", "bright", "shy", "quick", "brave",
];

/// One fact; the numbers are indices into the word lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A person is an instance of a noun.
    Person(usize, usize),
    /// Every instance of the first noun is one of the second.
    Rule(usize, usize),
    /// Every instance of a noun has a property, or lacks it.
    Property(usize, usize, bool),
}

impl Fact {
    /// Returns the fact as a sentence.
    pub(super) fn sentence(self) -> String {
        match self {
            Self::Person(who, noun) => format!("{} is a {}.", NAMES[who], NOUNS[noun]),
            Self::Rule(from, to) => format!("Every {} is a {}.", NOUNS[from], NOUNS[to]),
            Self::Property(noun, what, holds) => {
                let not = if holds { "" } else { "not " };
                format!("Every {} is {not}{}.", NOUNS[noun], ADJECTIVES[what])
            }
        }
    }
}

/// The facts of a problem under construction.
#[derive(Debug)]
pub(super) struct World {
    pub facts: Vec<Fact>,
    nouns: Vec<usize>,
    names: Vec<usize>,
    /// Nouns on a chain.
    core: Vec<usize>,
    /// Nouns that lead to no chain.
    sinks: Vec<usize>,
    /// Nouns that nothing leads to.
    sources: Vec<usize>,
}

impl World {
    /// Creates an empty world with shuffled words.
    pub(super) fn new(rng: &mut ChaCha8Rng) -> Self {
        let mut nouns: Vec<usize> = (0..NOUNS.len()).collect();
        let mut names: Vec<usize> = (0..NAMES.len()).collect();
        nouns.shuffle(rng);
        names.shuffle(rng);
        Self {
            facts: Vec::with_capacity(24),
            nouns,
            names,
            core: Vec::new(),
            sinks: Vec::new(),
            sources: Vec::new(),
        }
    }

    /// Takes an unused noun. The limits on steps and extra facts leave enough of them.
    pub(super) fn noun(&mut self) -> Option<usize> {
        self.nouns.pop()
    }

    /// Takes an unused person, or returns `None` if there is none left.
    pub(super) fn name(&mut self) -> Option<usize> {
        self.names.pop()
    }

    /// Adds a chain of `rules` rules over unused nouns and returns its nouns in order.
    pub(super) fn chain(&mut self, rules: usize) -> Option<Vec<usize>> {
        let nouns = (0..=rules)
            .map(|_| self.noun())
            .collect::<Option<Vec<_>>>()?;
        self.facts
            .extend(nouns.windows(2).map(|w| Fact::Rule(w[0], w[1])));
        self.core.extend(&nouns);
        Some(nouns)
    }

    /// Returns a random noun of a chain.
    pub(super) fn chain_noun(&self, rng: &mut ChaCha8Rng) -> usize {
        one_of(rng, &self.core)
    }

    /// Adds one fact that changes nothing a chain proves or disproves: a branch off it, a path into it that no person is on, or
    /// another person on it.
    pub(super) fn add_extra(&mut self, rng: &mut ChaCha8Rng) {
        loop {
            let fact = match rng.random_range(0..10) {
                0..3 => {
                    let at = rng.random_range(0..self.core.len() + self.sinks.len());
                    let from = match self.core.get(at) {
                        Some(&noun) => noun,
                        None => self.sinks[at - self.core.len()],
                    };
                    let Some(sink) = self.noun() else { continue };
                    self.sinks.push(sink);
                    Fact::Rule(from, sink)
                }
                3..5 => {
                    let Some(source) = self.noun() else { continue };
                    self.sources.push(source);
                    Fact::Rule(source, one_of(rng, &self.core))
                }
                5..7 if !self.sinks.is_empty() => {
                    Fact::Rule(one_of(rng, &self.core), one_of(rng, &self.sinks))
                }
                7..9 if !self.sources.is_empty() => {
                    Fact::Rule(one_of(rng, &self.sources), one_of(rng, &self.core))
                }
                9 => match self.name() {
                    Some(who) => Fact::Person(who, one_of(rng, &self.core)),
                    None => continue,
                },
                _ => continue,
            };
            if !self.facts.contains(&fact) {
                self.facts.push(fact);
                return;
            }
        }
    }

    /// Returns a key of the world that does not depend on the order of facts, with the query's key appended.
    pub(super) fn skeleton(&self, query: &str) -> String {
        let mut facts = self.facts.clone();
        facts.sort_unstable();
        let mut out = String::with_capacity(32 * facts.len());
        for fact in facts {
            out.push_str(&fact.sentence());
        }
        out.push_str(query);
        out
    }

    /// Returns all facts in random order, as one text.
    pub(super) fn text(&mut self, rng: &mut ChaCha8Rng) -> String {
        self.facts.shuffle(rng);
        let sentences: Vec<String> = self.facts.iter().map(|f| f.sentence()).collect();
        sentences.join(" ")
    }
}

/// Returns a random element of a non-empty list.
fn one_of(rng: &mut ChaCha8Rng, from: &[usize]) -> usize {
    from[rng.random_range(0..from.len())]
}

/// Parses logic questions from their text alone, for the tests of both families.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(super) mod check {
    use std::collections::HashMap;

    pub struct Parsed<'a> {
        /// The facts as sentences without their periods.
        pub facts: Vec<&'a str>,
        /// The last sentence.
        pub query: &'a str,
    }

    pub fn parse(question: &str) -> Parsed<'_> {
        let (facts, query) = question.rsplit_once(". ").unwrap();
        Parsed {
            facts: facts.split(". ").collect(),
            query,
        }
    }

    impl Parsed<'_> {
        /// Returns a key of the problem that does not depend on the order of its words.
        pub fn skeleton(&self) -> String {
            let mut facts = self.facts.clone();
            facts.sort_unstable();
            let mut query: Vec<&str> = self.query.split(' ').collect();
            query.retain(|word| *word != "not");
            for word in &mut query {
                *word = word.trim_end_matches(['?', '.']);
            }
            query.sort_unstable();
            format!("{facts:?} {query:?}")
        }

        /// Returns the noun of a person.
        pub fn start(&self, name: &str) -> &str {
            let person = format!("{name} is a ");
            let mut nouns = self.facts.iter().filter_map(|f| f.strip_prefix(&person));
            let noun = nouns.next().unwrap();
            assert!(nouns.next().is_none(), "{name} is two things");
            noun
        }

        /// Returns the number of rules to every noun reachable from a noun.
        pub fn distances(&self, start: &str) -> HashMap<String, usize> {
            let mut distances = HashMap::from([(start.to_owned(), 0)]);
            let mut queue = vec![start.to_owned()];
            let mut at = 0;
            while let Some(noun) = queue.get(at).cloned() {
                let rule = format!("Every {noun} is a ");
                for next in self.facts.iter().filter_map(|f| f.strip_prefix(&rule)) {
                    if !distances.contains_key(next) {
                        distances.insert(next.to_owned(), distances[&noun] + 1);
                        queue.push(next.to_owned());
                    }
                }
                at += 1;
            }
            distances
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_words_are_distinct_and_fit_after_a() {
        let words: HashSet<&str> = [&NAMES[..], &NOUNS, &ADJECTIVES]
            .concat()
            .into_iter()
            .collect();
        assert_eq!(words.len(), NAMES.len() + NOUNS.len() + ADJECTIVES.len());
        for noun in NOUNS {
            assert!(noun.chars().all(|c| c.is_ascii_lowercase()));
            assert!(!noun.starts_with(['a', 'e', 'i', 'o', 'u']), "{noun}");
        }
    }
}
