//! Pieces the two logic families share: made-up nouns, facts and their sentences, chains
//! of rules, and extra facts that cannot change what a chain proves.

use rand::Rng;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;

/// People.
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

/// Properties.
pub(super) const ADJECTIVES: [&str; 10] = [
    "happy", "cold", "red", "loud", "kind", "small", "bright", "shy", "quick", "brave",
];

/// One fact; the numbers are places in the word lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// A person is one of a noun.
    Person(usize, usize),
    /// Every one noun is another.
    Rule(usize, usize),
    /// Every one of a noun has a property, or has it not.
    Property(usize, usize, bool),
}

impl Fact {
    /// The fact as a sentence.
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

/// The facts of one problem while it is being made.
#[derive(Debug)]
pub(super) struct World {
    /// The facts so far.
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
    /// An empty world with shuffled words to draw from.
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

    /// A noun not used yet. The limits on steps and extra facts always leave some.
    pub(super) fn noun(&mut self) -> Option<usize> {
        self.nouns.pop()
    }

    /// A person not used yet, or `None` when all are.
    pub(super) fn name(&mut self) -> Option<usize> {
        self.names.pop()
    }

    /// Adds a chain of `rules` rules over fresh nouns and gives its nouns in order.
    pub(super) fn chain(&mut self, rules: usize) -> Option<Vec<usize>> {
        let nouns = (0..=rules)
            .map(|_| self.noun())
            .collect::<Option<Vec<_>>>()?;
        self.facts
            .extend(nouns.windows(2).map(|w| Fact::Rule(w[0], w[1])));
        self.core.extend(&nouns);
        Some(nouns)
    }

    /// Some noun of a chain.
    pub(super) fn chain_noun(&self, rng: &mut ChaCha8Rng) -> usize {
        one_of(rng, &self.core)
    }

    /// Adds one fact that leaves everything a chain proves, and disproves, as it was: a
    /// branch off it, a way into it that nobody is on, or another person on it.
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

    /// What identifies the world whatever the order of its facts, with the query's own key.
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

    /// All facts in random order, as one text.
    pub(super) fn text(&mut self, rng: &mut ChaCha8Rng) -> String {
        self.facts.shuffle(rng);
        let sentences: Vec<String> = self.facts.iter().map(|f| f.sentence()).collect();
        sentences.join(" ")
    }
}

/// One of a list that is known not to be empty.
fn one_of(rng: &mut ChaCha8Rng, from: &[usize]) -> usize {
    from[rng.random_range(0..from.len())]
}

/// Reads logic questions back from their text alone, for the tests of both families.
#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
pub(super) mod check {
    use std::collections::HashMap;

    /// A question taken apart.
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
        /// What identifies the problem whatever the order of its words.
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

        /// The noun a person is said to be.
        pub fn start(&self, name: &str) -> &str {
            let person = format!("{name} is a ");
            let mut nouns = self.facts.iter().filter_map(|f| f.strip_prefix(&person));
            let noun = nouns.next().unwrap();
            assert!(nouns.next().is_none(), "{name} is two things");
            noun
        }

        /// How many rules away every noun is that can be reached from a noun.
        pub fn distances(&self, start: &str) -> HashMap<String, usize> {
            let mut found = HashMap::from([(start.to_owned(), 0)]);
            let mut queue = vec![start.to_owned()];
            let mut at = 0;
            while let Some(noun) = queue.get(at).cloned() {
                let rule = format!("Every {noun} is a ");
                for next in self.facts.iter().filter_map(|f| f.strip_prefix(&rule)) {
                    if !found.contains_key(next) {
                        found.insert(next.to_owned(), found[&noun] + 1);
                        queue.push(next.to_owned());
                    }
                }
                at += 1;
            }
            found
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
