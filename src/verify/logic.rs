//! Gold-free search for chains of is-a facts: from the queried entity, fact by fact, to the model's answer.
//!
//! Every node on the way is read in the top-k of a latent, at strictly later latents (latents may be skipped). The last node may
//! instead be at the answer position if one before it was read.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::core::types::{Operand, TokenRead, TraceStep, ValueSource};

use super::facts::{self, Fact, Facts, Node, Query, Relation};
use super::{Abstain, Reach, Score, SearchResult, SearchSettings, result_source};

/// Partial chains visited before the listing stops.
const MAX_PARTIAL: usize = 50_000;

/// A logic question with the claim of the model's answer about the entity.
#[derive(Debug)]
pub(super) struct LogicQuestion {
    text: String,
    facts: Facts,
    goal: Goal,
}

/// The claim that the entity is this node, or is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Goal {
    node: Node,
    negative: bool,
}

impl LogicQuestion {
    pub(super) fn new(question: &str, answer: &str) -> Result<Self, Abstain> {
        let facts = facts::parse(question)?;
        let goal = goal(&facts, answer)?;
        Ok(Self {
            text: question.to_owned(),
            facts,
            goal,
        })
    }

    pub(super) fn reach(&self, settings: &SearchSettings, latents: &[Vec<TokenRead>]) -> Reach {
        self.sweep(&self.reads(settings, latents))
    }

    pub(super) fn search(
        &self,
        settings: &SearchSettings,
        latents: &[Vec<TokenRead>],
    ) -> SearchResult {
        let reads = self.reads(settings, latents);
        let reach = self.sweep(&reads);
        let mut walk = Walk {
            question: self,
            reads: &reads,
            max_traces: settings.max_traces.max(1),
            chain: Vec::new(),
            seen: HashMap::new(),
            partial: 0,
            capped: false,
        };
        if reach.reached {
            walk.extend(self.facts.entity, 0);
        }
        let traces = walk.seen.len();
        let mut chains: Vec<(Score, Vec<Link>)> = walk.seen.into_values().collect();
        chains.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut written = chains
            .iter()
            .take(settings.list.max(1))
            .map(|(_, chain)| self.write(chain));
        let steps = written.next().unwrap_or_default();
        SearchResult {
            near_miss: steps.is_empty().then(|| self.near_miss(&reads)),
            steps,
            competing: written.collect(),
            candidates: reach.candidates,
            traces,
            capped: walk.capped,
            from_question_alone: self
                .facts_from(self.facts.entity)
                .any(|(_, f)| self.ends(f)),
            abstain: None,
        }
    }

    fn facts_from(&self, node: Node) -> impl Iterator<Item = (usize, &Fact)> {
        self.facts
            .facts
            .iter()
            .enumerate()
            .filter(move |(_, f)| f.from == node)
    }

    /// Whether a fact about a node on the chain settles the answer.
    fn ends(&self, fact: &Fact) -> bool {
        fact.to == self.goal.node && (fact.relation == Relation::IsNot) == self.goal.negative
    }

    /// The nodes in each latent's top-k, best first.
    fn reads(&self, settings: &SearchSettings, latents: &[Vec<TokenRead>]) -> Vec<Vec<Read>> {
        let top = |top: &Vec<TokenRead>| {
            let ranked = top.iter().take(settings.top_k).enumerate();
            ranked
                .filter_map(|(rank, token)| parse_token(&self.facts, rank, token))
                .collect()
        };
        latents.iter().map(top).collect()
    }

    /// One pass over the latents: latents only increase, so the earliest read of a node is the best to continue from.
    fn sweep(&self, reads: &[Vec<Read>]) -> Reach {
        let mut since: Vec<Option<usize>> = vec![None; self.facts.nodes.len()];
        let mut reach = Reach {
            reached: false,
            candidates: 0,
        };
        for latent in 0..=reads.len() {
            for fact in &self.facts.facts {
                let is_start = fact.from == self.facts.entity;
                let on_chain = is_start || since[fact.from].is_some_and(|s| s < latent);
                let read = match reads.get(latent) {
                    Some(reads) => reads.iter().any(|r| r.is(fact)),
                    None => self.ends(fact) && !is_start,
                };
                if !on_chain || !read || fact.to == self.facts.entity {
                    continue;
                }
                reach.candidates += 1;
                if self.ends(fact) {
                    reach.reached = true;
                } else if fact.relation == Relation::IsA && since[fact.to].is_none() {
                    since[fact.to] = Some(latent);
                }
            }
        }
        reach
    }

    /// Converts a chain to steps.
    fn write(&self, chain: &[Link]) -> Vec<TraceStep> {
        let name = |node: Node| self.facts.nodes[node].clone();
        let (start, end) = self.facts.entity_range;
        let step = |(i, link): (usize, &Link)| {
            let fact = &self.facts.facts[link.fact];
            let sentence = self
                .text
                .get(fact.start..fact.end)
                .unwrap_or_default()
                .to_owned();
            let from = match i.checked_sub(1) {
                Some(step) => Operand {
                    text: name(fact.from),
                    source: ValueSource::Step { step },
                },
                None => Operand {
                    text: self.text.get(start..end).unwrap_or_default().to_owned(),
                    source: ValueSource::Question { start, end },
                },
            };
            let source = ValueSource::Question {
                start: fact.start,
                end: fact.end,
            };
            TraceStep {
                text: sentence.clone(),
                operands: vec![
                    from,
                    Operand {
                        text: sentence,
                        source,
                    },
                ],
                operator: fact.relation.as_str().to_owned(),
                result: Operand {
                    text: name(fact.to),
                    source: result_source(link.read),
                },
            }
        };
        chain.iter().enumerate().map(step).collect()
    }

    /// Describes the closest miss: how much of the shortest chain to the answer is read anywhere.
    fn near_miss(&self, reads: &[Vec<Read>]) -> String {
        let Some(chain) = self.shortest() else {
            return "the facts of the question do not lead to this answer".to_owned();
        };
        let somewhere = |fact: &usize| {
            reads
                .iter()
                .flatten()
                .any(|r| r.is(&self.facts.facts[*fact]))
        };
        let read = chain.iter().filter(|f| somewhere(f)).count();
        format!(
            "{read} of the {} nodes of the shortest chain are read at any latent",
            chain.len()
        )
    }

    /// The shortest chain of facts from the entity to the answer.
    fn shortest(&self) -> Option<Vec<usize>> {
        let mut arrived_by: Vec<Option<usize>> = vec![None; self.facts.nodes.len()];
        let mut queue = vec![self.facts.entity];
        let mut next = 0;
        while let Some(&node) = queue.get(next) {
            next += 1;
            for (i, fact) in self.facts_from(node) {
                if self.ends(fact) {
                    let mut chain = vec![i];
                    let mut at = node;
                    while let Some(fact) = arrived_by[at] {
                        chain.push(fact);
                        at = self.facts.facts[fact].from;
                    }
                    return Some(chain);
                }
                let new = fact.to != self.facts.entity && arrived_by[fact.to].is_none();
                if fact.relation == Relation::IsA && new {
                    arrived_by[fact.to] = Some(i);
                    queue.push(fact.to);
                }
            }
        }
        None
    }
}

/// A node in a top-k list.
#[derive(Debug, Clone, Copy)]
struct Read {
    node: Node,
    /// Whether the token also asserts or denies it ("not happy").
    negative: Option<bool>,
    rank: usize,
    prob: f32,
}

impl Read {
    fn is(&self, fact: &Fact) -> bool {
        self.node == fact.to
            && self
                .negative
                .is_none_or(|n| n == (fact.relation == Relation::IsNot))
    }
}

/// Parses a token as a node: a bare word, or one with "is", "not" or an article before it.
fn parse_token(facts: &Facts, rank: usize, token: &TokenRead) -> Option<Read> {
    let lower = token.text.trim().trim_end_matches('.').to_lowercase();
    let mut rest = lower.as_str();
    let mut sign = None;
    while let Some((first, tail)) = rest.split_once(' ') {
        sign = match (first, sign) {
            ("not", _) => Some(true),
            ("is" | "are", _) => Some(false),
            ("a" | "an" | "every" | "each", sign) => sign,
            _ => break,
        };
        rest = tail.trim_start();
    }
    let node = facts.node(rest)?;
    Some(Read {
        node,
        negative: sign,
        rank,
        prob: token.prob,
    })
}

/// Returns the node that a token names.
pub(super) fn token_node(facts: &Facts, token: &TokenRead) -> Option<Node> {
    parse_token(facts, 0, token).map(|read| read.node)
}

/// A reader of a question's nodes in top-k lists.
pub(super) struct Reader {
    facts: Facts,
}

impl Reader {
    /// Returns `None` if the question cannot be parsed.
    pub(super) fn new(question: &str) -> Option<Self> {
        let facts = facts::parse(question).ok()?;
        Some(Self { facts })
    }

    /// The nodes of a list, best first, without duplicates.
    pub(super) fn nodes(&self, top: &[TokenRead], top_k: usize) -> Vec<String> {
        let mut nodes: Vec<Node> = Vec::new();
        for (rank, token) in top.iter().take(top_k).enumerate() {
            if let Some(read) = parse_token(&self.facts, rank, token)
                && !nodes.contains(&read.node)
            {
                nodes.push(read.node);
            }
        }
        nodes.iter().map(|n| self.facts.nodes[*n].clone()).collect()
    }
}

/// A fact of a chain with the place where its result was read: latent from 0, rank, probability.
#[derive(Debug, Clone, Copy)]
struct Link {
    fact: usize,
    read: Option<(usize, usize, f32)>,
}

/// The listing of every chain to the answer.
struct Walk<'a> {
    question: &'a LogicQuestion,
    reads: &'a [Vec<Read>],
    max_traces: usize,
    chain: Vec<Link>,
    seen: HashMap<Vec<usize>, (Score, Vec<Link>)>,
    partial: usize,
    capped: bool,
}

impl Walk<'_> {
    /// Extends the chain from a node, with the latents from `from` on.
    fn extend(&mut self, node: Node, from: usize) {
        let (question, reads) = (self.question, self.reads);
        for (i, fact) in question.facts_from(node) {
            let back = fact.to == question.facts.entity
                || self
                    .chain
                    .iter()
                    .any(|l| question.facts.facts[l.fact].from == fact.to);
            if back {
                continue;
            }
            let ends = question.ends(fact);
            for (latent, top) in reads.iter().enumerate().skip(from) {
                let Some(read) = top.iter().find(|r| r.is(fact)) else {
                    continue;
                };
                self.partial += 1;
                if self.seen.len() >= self.max_traces || self.partial > MAX_PARTIAL {
                    self.capped = true;
                    return;
                }
                self.chain.push(Link {
                    fact: i,
                    read: Some((latent, read.rank, read.prob)),
                });
                if ends {
                    self.record();
                } else if fact.relation == Relation::IsA {
                    self.extend(fact.to, latent + 1);
                }
                self.chain.pop();
            }
            if ends && !self.chain.is_empty() {
                self.chain.push(Link {
                    fact: i,
                    read: None,
                });
                self.record();
                self.chain.pop();
            }
        }
    }

    fn record(&mut self) {
        let results: Vec<Option<(usize, usize)>> = self
            .chain
            .iter()
            .map(|l| l.read.map(|(latent, rank, _)| (latent, rank)))
            .collect();
        let facts: Vec<usize> = self.chain.iter().map(|l| l.fact).collect();
        let key = facts
            .iter()
            .map(|f| format!("{f:6}"))
            .collect::<Vec<_>>()
            .join(" ");
        let score = Score::new(&results, 0, key);
        match self.seen.entry(facts) {
            Entry::Vacant(place) => {
                place.insert((score, self.chain.clone()));
            }
            Entry::Occupied(mut place) if score < place.get().0 => {
                place.insert((score, self.chain.clone()));
            }
            Entry::Occupied(_) => {}
        }
    }
}

/// Parses the answer's claim about the entity: "Tom is a gorpus.", "gorpus", or True and False to a claim.
fn goal(facts: &Facts, answer: &str) -> Result<Goal, Abstain> {
    let unread = || Abstain::AnswerUnread(answer.to_owned());
    let lower = answer.trim().trim_end_matches('.').to_lowercase();
    let words: Vec<&str> = lower.split_whitespace().collect();
    match (&facts.query, words.as_slice()) {
        (Query::Claim { to, negative }, ["true" | "false"]) => Ok(Goal {
            node: *to,
            negative: *negative == (words[0] == "true"),
        }),
        (Query::Which { .. }, [name, "is", "a" | "an", _])
            if facts.node(name) != Some(facts.entity) =>
        {
            Err(Abstain::OtherEntity((*name).to_owned()))
        }
        (Query::Which { .. }, [_, "is", "a" | "an", noun] | ["a" | "an", noun] | [noun]) => {
            Ok(Goal {
                node: facts.node(noun).ok_or_else(unread)?,
                negative: false,
            })
        }
        _ => Err(unread()),
    }
}

#[cfg(test)]
mod tests;
