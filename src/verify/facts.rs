//! Is-a facts and the query of a logic question, with the byte range of every fact sentence.
//!
//! Reads the ProsQA form ("Every gorpus is a bompus. Is Tom a bompus or flonk?") and the PrOntoQA form ("Wumpuses are not happy.
//! True or false: Tom is happy."), which Logic-LM phrases as "Is the following statement true or false? Tom is happy." Any other
//! sentence makes the question unreadable: a missed fact could hide a trace.

use std::collections::{HashMap, HashSet};

use super::Abstain;

/// A node of the graph (a name, noun or property): its index in [`Facts::nodes`].
pub type Node = usize;

/// The relation of a fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Relation {
    /// The subject is an instance of a noun.
    IsA,
    /// The subject has a property.
    Is,
    /// The subject lacks a property, or is not an instance of a noun.
    IsNot,
}

impl Relation {
    /// The operator in a trace step.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::IsA => "is-a",
            Self::Is => "is",
            Self::IsNot => "is-not",
        }
    }
}

/// One fact sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fact {
    /// The subject.
    pub from: Node,
    /// The object.
    pub to: Node,
    /// The relation.
    pub relation: Relation,
    /// Whether it holds for every instance of the subject, a noun, rather than for a named person.
    pub general: bool,
    /// First byte of the sentence.
    pub start: usize,
    /// End of its last word (exclusive; the full stop is left out).
    pub end: usize,
}

/// The query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Query {
    /// Which of several nouns the entity is.
    Which {
        /// The offered nouns.
        options: Vec<Node>,
    },
    /// Whether a statement about the entity is true.
    Claim {
        /// The object of the statement.
        to: Node,
        /// Whether the statement is negated.
        negative: bool,
    },
}

/// A parsed logic question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts {
    /// The facts in text order, without duplicates.
    pub facts: Vec<Fact>,
    /// Lower-case singular words, by node.
    pub nodes: Vec<String>,
    /// The entity that the query asks about.
    pub entity: Node,
    /// Byte range of the entity's name in the query.
    pub entity_range: (usize, usize),
    /// The query.
    pub query: Query,
    plurals: HashMap<String, Node>,
}

impl Facts {
    /// Returns the node of a lower-case word, singular or plural.
    #[must_use]
    pub fn node(&self, word: &str) -> Option<Node> {
        self.plurals.get(word).copied()
    }

    /// Returns every node that facts lead to, with whether the last fact is negative.
    #[must_use]
    pub fn reach(&self, from: Node) -> Vec<(Node, bool)> {
        let mut reached: Vec<(Node, bool)> = Vec::new();
        let mut queue = vec![from];
        while let Some(node) = queue.pop() {
            for fact in self.facts.iter().filter(|f| f.from == node) {
                let new = (fact.to, fact.relation == Relation::IsNot);
                if reached.contains(&new) {
                    continue;
                }
                reached.push(new);
                if fact.relation == Relation::IsA {
                    queue.push(fact.to);
                }
            }
        }
        reached
    }

    /// Returns the nodes that the facts both assert and deny of the entity.
    #[must_use]
    pub fn contradictions(&self) -> Vec<&str> {
        let reached = self.reach(self.entity);
        let denied = |(node, is_not): &&(Node, bool)| !is_not && reached.contains(&(*node, true));
        reached
            .iter()
            .filter(denied)
            .map(|(node, _)| self.nodes[*node].as_str())
            .collect()
    }
}

/// Parses a question.
///
/// # Errors
/// The reason why the question cannot be judged: no facts, no query, or a sentence that is neither.
pub fn parse(question: &str) -> Result<Facts, Abstain> {
    let mut sentences = sentences(question);
    let last = sentences.pop().ok_or(Abstain::NoFacts)?;
    let is_announced = sentences.pop_if(|before| is_announcement(before)).is_some();
    let mut book = Book {
        nouns: sentences.iter().flat_map(nouns).collect(),
        ..Book::default()
    };
    let query = if is_announced {
        claim(&last, 0)
    } else {
        parse_query(&last)
    };
    let query = query.ok_or(Abstain::NoQuery)?;
    let mut facts: Vec<Fact> = Vec::with_capacity(sentences.len());
    for sentence in &sentences {
        let fact = book
            .fact(sentence)
            .ok_or_else(|| Abstain::SentenceUnread(sentence.text(question).to_owned()))?;
        let is_same = |f: &Fact| (f.from, f.to, f.relation) == (fact.from, fact.to, fact.relation);
        if !facts.iter().any(is_same) {
            facts.push(fact);
        }
    }
    if facts.is_empty() {
        return Err(Abstain::NoFacts);
    }
    let entity = book.intern(query.entity.text);
    let entity_range = (query.entity.start, query.entity.end);
    let query = match query.form {
        Asked::Which(options) => Query::Which {
            options: options.into_iter().map(|o| book.intern(o)).collect(),
        },
        Asked::Claim(to, negative) => Query::Claim {
            to: book.intern(to),
            negative,
        },
    };
    Ok(Facts {
        facts,
        nodes: book.nodes,
        entity,
        entity_range,
        query,
        plurals: book.ids,
    })
}

/// A lower-case word with its byte range.
#[derive(Debug, Clone)]
struct Word {
    text: String,
    start: usize,
    end: usize,
}

/// The words of a sentence, at least one.
#[derive(Debug)]
struct Sentence(Vec<Word>);

impl Sentence {
    fn text<'a>(&self, question: &'a str) -> &'a str {
        let (start, end) = self.range();
        question.get(start..end).unwrap_or_default()
    }

    fn range(&self) -> (usize, usize) {
        let start = self.0.first().map_or(0, |w| w.start);
        (start, self.0.last().map_or(start, |w| w.end))
    }

    fn words(&self) -> Vec<&str> {
        self.0.iter().map(|w| w.text.as_str()).collect()
    }
}

/// Splits a text at full stops, question marks, exclamation marks and line ends; a colon does not end a sentence.
fn sentences(text: &str) -> Vec<Sentence> {
    let mut out = Vec::new();
    let mut from = 0;
    for piece in text.split_inclusive(['.', '?', '!', '\n']) {
        let words = words(piece, from);
        if !words.is_empty() {
            out.push(Sentence(words));
        }
        from += piece.len();
    }
    out
}

fn words(piece: &str, offset: usize) -> Vec<Word> {
    let mut out: Vec<Word> = Vec::new();
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '\'' | '_');
    let mut from = 0;
    while let Some(at) = piece[from..].find(char::is_alphanumeric) {
        let start = from + at;
        let len = piece[start..]
            .find(|c| !inner(c))
            .unwrap_or(piece.len() - start);
        let text = piece[start..start + len].to_lowercase();
        out.push(Word {
            text,
            start: offset + start,
            end: offset + start + len,
        });
        from = start + len;
    }
    out
}

/// A parsed fact sentence: optional quantifier, subject, plural verb, negation, optional article, object.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one word that is there or not"
)]
struct Shape<'a> {
    general: bool,
    subject: &'a str,
    plural: bool,
    negative: bool,
    article: bool,
    object: &'a str,
}

fn shape<'a>(words: &[&'a str]) -> Option<Shape<'a>> {
    let (general, rest) = match words.split_first()? {
        (&("every" | "each" | "all" | "a" | "an" | "any"), rest) => (true, rest),
        _ => (false, words),
    };
    let (&[subject, verb], rest) = rest.split_first_chunk::<2>()?;
    let plural = match verb {
        "is" => false,
        "are" => true,
        _ => return None,
    };
    let (negative, rest) = match rest.split_first()? {
        (&"not", rest) => (true, rest),
        _ => (false, rest),
    };
    let (article, rest) = match rest.split_first()? {
        (&("a" | "an"), rest) => (true, rest),
        _ => (false, rest),
    };
    let &[object] = rest else { return None };
    Some(Shape {
        general,
        subject,
        plural,
        negative,
        article,
        object,
    })
}

/// The words that a sentence shows to be singular nouns.
fn nouns(sentence: &Sentence) -> Vec<String> {
    let words = sentence.words();
    let Some(s) = shape(&words) else {
        return Vec::new();
    };
    let subject = (s.general && !s.plural).then_some(s.subject);
    [subject, s.article.then_some(s.object)]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect()
}

/// The nodes seen so far, under every form in which they occurred.
#[derive(Debug, Default)]
struct Book {
    nodes: Vec<String>,
    ids: HashMap<String, Node>,
    nouns: HashSet<String>,
}

impl Book {
    fn intern(&mut self, word: String) -> Node {
        let next = self.nodes.len();
        let id = *self.ids.entry(word.clone()).or_insert(next);
        if id == next {
            self.nodes.push(word);
        }
        id
    }

    fn fact(&mut self, sentence: &Sentence) -> Option<Fact> {
        let words = sentence.words();
        let s = shape(&words)?;
        let from = if s.plural {
            self.plural(s.subject)?
        } else {
            self.intern(s.subject.to_owned())
        };
        // Tells "Gorpuses are rompuses" from "Gorpuses are luminous".
        let noun = s.article || (s.plural && self.singular(s.object).is_some());
        let to = match (noun, s.plural) {
            (true, true) => self.plural(s.object)?,
            _ => self.intern(s.object.to_owned()),
        };
        let relation = match (s.negative, noun) {
            (true, _) => Relation::IsNot,
            (false, true) => Relation::IsA,
            (false, false) => Relation::Is,
        };
        let (start, end) = sentence.range();
        Some(Fact {
            from,
            to,
            relation,
            general: s.general || s.plural,
            start,
            end,
        })
    }

    /// Interns a plural noun under its singular.
    fn plural(&mut self, word: &str) -> Option<Node> {
        let singular = self.singular(word).or_else(|| {
            let cut = if word.ends_with("ses") { "es" } else { "s" };
            Some(word.strip_suffix(cut)?.to_owned())
        })?;
        let node = self.intern(singular);
        self.ids.insert(word.to_owned(), node);
        Some(node)
    }

    /// The singular of a plural noun, if it is known or the ending is unambiguous.
    fn singular(&self, word: &str) -> Option<String> {
        let cuts = [("es", ""), ("s", ""), ("ies", "y")];
        let noun = cuts.into_iter().find_map(|(cut, add)| {
            let form = format!("{}{add}", word.strip_suffix(cut)?);
            self.nouns.contains(&form).then_some(form)
        });
        noun.or_else(|| Some(format!("{}us", word.strip_suffix("uses")?)))
    }
}

/// A query whose words are not nodes yet.
struct Question {
    entity: Word,
    form: Asked,
}

enum Asked {
    Which(Vec<String>),
    Claim(String, bool),
}

/// Parses "Is Tom a bompus or a flonk?" and "True or false: Tom is not happy."
fn parse_query(sentence: &Sentence) -> Option<Question> {
    let words = sentence.words();
    match words.as_slice() {
        ["is", _, "a" | "an", rest @ ..] => {
            let options: Vec<String> = rest
                .split(|w| *w == "or")
                .map(|option| match option {
                    ["a" | "an", noun] | [noun] => Some((*noun).to_owned()),
                    _ => None,
                })
                .collect::<Option<_>>()?;
            let entity = sentence.0.get(1)?.clone();
            Some(Question {
                entity,
                form: Asked::Which(options),
            })
        }
        ["true", "or", "false", ..] => claim(sentence, 3),
        _ => None,
    }
}

/// Parses "Tom is not happy" starting at word `from` of a sentence.
fn claim(sentence: &Sentence, from: usize) -> Option<Question> {
    let words = sentence.words();
    let s = shape(words.get(from..)?).filter(|s| !s.general && !s.plural)?;
    Some(Question {
        entity: sentence.0.get(from)?.clone(),
        form: Asked::Claim(s.object.to_owned(), s.negative),
    })
}

/// Whether a sentence announces the statement to judge: "Is the following statement true or false?" (Logic-LM).
fn is_announcement(sentence: &Sentence) -> bool {
    matches!(
        sentence.words().as_slice(),
        ["is", "the", "following", _, "true", "or", "false"]
    )
}

#[cfg(test)]
mod tests;
