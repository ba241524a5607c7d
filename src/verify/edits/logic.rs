//! Edits of an is-a question: renames or swaps a noun or property, or removes or adds a fact beside the chain.
//!
//! Renaming and swapping keep the graph under other names, so every latent of the chain must show the new name of its node; edits
//! beside the chain must not change it.

use std::collections::HashMap;

use crate::core::types::{TraceStep, ValueSource};
use crate::verify::facts::{self, Facts, Node, Query, Relation};

use super::{Means, QuestionEdit, Touch, with_case};

/// Maximum number of edits of one place.
const PER_PLACE: usize = 16;

/// The word class of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Class {
    Noun,
    Property,
    Name,
}

/// A word of another question that can replace one of the same class.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spare {
    word: String,
    class: Class,
}

/// Returns the words of a question as spares.
pub(super) fn spares(facts: &Facts) -> Vec<Spare> {
    let classes = classes(facts);
    facts
        .nodes
        .iter()
        .zip(classes)
        .map(|(word, class)| Spare {
            word: word.clone(),
            class,
        })
        .collect()
}

/// Edits by place: the nodes of the chain, then other nodes, then facts beside the chain.
pub(super) fn edits(
    question: &str,
    answer: &str,
    steps: &[TraceStep],
    means: &Means<'_>,
    each: usize,
) -> Vec<Vec<QuestionEdit>> {
    let Ok(facts) = facts::parse(question) else {
        return Vec::new();
    };
    let editor = Editor::new(question, answer, steps, &facts, means);
    let (chain, beside) = editor.nodes();
    let mut places: Vec<Vec<QuestionEdit>> = chain
        .iter()
        .map(|node| editor.renamed(*node, &beside))
        .collect();
    places.push(
        beside
            .iter()
            .filter_map(|node| editor.rename_once(*node))
            .collect(),
    );
    places.push(editor.without_facts());
    places.push(editor.with_facts(&beside));
    for edits in &mut places {
        edits.truncate(each);
    }
    places
}

/// Swaps that give a step a node from which the chain settles the query differently; each also with a node beside the chain
/// renamed, for more donors with the same node.
pub(super) fn donors(
    question: &str,
    answer: &str,
    steps: &[TraceStep],
    step: usize,
    means: &Means<'_>,
) -> Vec<Vec<QuestionEdit>> {
    let Ok(facts) = facts::parse(question) else {
        return Vec::new();
    };
    let Some(node) = facts.node(&steps[step].result.text) else {
        return Vec::new();
    };
    let editor = Editor::new(question, answer, steps, &facts, means);
    let differs = |other: &Node| {
        let name = &facts.nodes[*other];
        let predicted = answer_if(question, answer, steps, step, name);
        editor.may_replace(node, name, editor.classes[*other])
            && predicted
                .is_some_and(|p| !super::same_answer(crate::core::types::Task::Logic, &p, answer))
    };
    let (_, beside) = editor.nodes();
    let others: Vec<Node> = beside.iter().copied().filter(differs).collect();
    others
        .into_iter()
        .map(|other| {
            let renamed = beside
                .iter()
                .filter(|third| **third != other)
                .filter_map(|third| {
                    let spare = editor.one_fresh(*third)?;
                    Some(editor.swap_and(node, other, Some((*third, &spare.word))))
                });
            std::iter::once(editor.swap(node, other))
                .chain(renamed)
                .take(PER_PLACE)
                .collect()
        })
        .collect()
}

/// The answer if a node of the chain is replaced: what the new node leads to, if it settles the query.
pub(super) fn answer_if(
    question: &str,
    answer: &str,
    steps: &[TraceStep],
    step: usize,
    value: &str,
) -> Option<String> {
    let facts = facts::parse(question).ok()?;
    let from = facts.node(&value.to_lowercase())?;
    let last = step + 1 == steps.len();
    match &facts.query {
        Query::Which { options } => {
            let reached = facts.reach(from);
            let ends = |option: &&Node| {
                **option == from || (!last && reached.contains(&(**option, false)))
            };
            let mut options_reached = options.iter().filter(ends);
            let (Some(option), None) = (options_reached.next(), options_reached.next()) else {
                return None;
            };
            let old = options.iter().find(|o| {
                words(answer).any(|word| facts.node(&word.to_lowercase()) == Some(**o))
            })?;
            Some(relabelled(
                answer,
                &facts,
                &HashMap::from([(*old, facts.nodes[*option].clone())]),
            ))
        }
        Query::Claim { to, negative } => {
            let reached = facts.reach(from);
            let reaches = |is_not: bool| reached.contains(&(*to, is_not));
            let holds = match (last, reaches(false), reaches(true)) {
                (false, true, false) => !negative,
                (false, false, true) => *negative,
                _ => return None,
            };
            Some(if holds { "True" } else { "False" }.to_owned())
        }
    }
}

struct Editor<'a> {
    question: &'a str,
    answer: &'a str,
    steps: &'a [TraceStep],
    facts: &'a Facts,
    classes: Vec<Class>,
    means: &'a Means<'a>,
}

impl<'a> Editor<'a> {
    fn new(
        question: &'a str,
        answer: &'a str,
        steps: &'a [TraceStep],
        facts: &'a Facts,
        means: &'a Means<'a>,
    ) -> Self {
        Self {
            question,
            answer,
            steps,
            facts,
            classes: classes(facts),
            means,
        }
    }

    /// Splits the nodes into those on the chain and those beside it.
    fn nodes(&self) -> (Vec<Node>, Vec<Node>) {
        let chain: Vec<Node> = self
            .steps
            .iter()
            .filter_map(|step| self.facts.node(&step.result.text))
            .collect();
        let beside = (0..self.facts.nodes.len())
            .filter(|node| !chain.contains(node))
            .collect();
        (chain, beside)
    }

    /// Renames of a chain node alternating with swaps with nodes beside the chain.
    fn renamed(&self, node: Node, beside: &[Node]) -> Vec<QuestionEdit> {
        let renames = self.fresh(node).map(|spare| self.rename(node, spare));
        let swaps = beside
            .iter()
            .filter(|other| {
                self.may_replace(node, &self.facts.nodes[**other], self.classes[**other])
            })
            .map(|other| self.swap(node, *other));
        let (mut renames, mut swaps) = (renames, swaps);
        let mut out = Vec::new();
        while out.len() < PER_PLACE {
            let round = [renames.next(), swaps.next()];
            if round.iter().all(Option::is_none) {
                break;
            }
            out.extend(round.into_iter().flatten());
        }
        out
    }

    fn rename_once(&self, node: Node) -> Option<QuestionEdit> {
        Some(self.rename(node, self.one_fresh(node)?))
    }

    /// Picks a different spare for each node, so that the controls do not all use the same word.
    fn one_fresh(&self, node: Node) -> Option<&Spare> {
        let spares: Vec<&Spare> = self.fresh(node).collect();
        spares.get(node % spares.len().max(1)).copied()
    }

    fn fresh(&self, node: Node) -> impl Iterator<Item = &Spare> {
        self.means.spares.iter().filter(move |spare| {
            self.facts.node(&spare.word).is_none()
                && self.may_replace(node, &spare.word, spare.class)
                && (spare.class == Class::Name || (self.means.readable)(&spare.word))
        })
    }

    /// Whether the word has the node's class and takes the same article ("a" or "an").
    fn may_replace(&self, node: Node, word: &str, class: Class) -> bool {
        let vowel = |w: &str| w.starts_with(['a', 'e', 'i', 'o', 'u']);
        self.classes[node] == class
            && (class == Class::Name || vowel(&self.facts.nodes[node]) == vowel(word))
    }

    fn rename(&self, node: Node, spare: &Spare) -> QuestionEdit {
        let change = format!("{} renamed {}", self.facts.nodes[node], spare.word);
        self.relabel(change, &HashMap::from([(node, spare.word.clone())]))
    }

    fn swap(&self, a: Node, b: Node) -> QuestionEdit {
        self.swap_and(a, b, None)
    }

    /// Swaps two nodes and optionally renames a third.
    fn swap_and(&self, a: Node, b: Node, third: Option<(Node, &str)>) -> QuestionEdit {
        let name = |node: Node| self.facts.nodes[node].clone();
        let mut change = format!("{} and {} swapped", name(a), name(b));
        let mut names = HashMap::from([(a, name(b)), (b, name(a))]);
        if let Some((node, word)) = third {
            change.push_str(&format!(", {} renamed {word}", name(node)));
            names.insert(node, word.to_owned());
        }
        self.relabel(change, &names)
    }

    /// Builds the edit that gives nodes other names.
    fn relabel(&self, change: String, names: &HashMap<Node, String>) -> QuestionEdit {
        let new_name = |step: &TraceStep| {
            let node = self.facts.node(&step.result.text);
            let new = node.and_then(|node| names.get(&node));
            new.cloned().unwrap_or_else(|| step.result.text.clone())
        };
        let results: Vec<String> = self.steps.iter().map(new_name).collect();
        let touch = |(node, new): (&Node, &String)| {
            let text = &self.facts.nodes[*node];
            let mut rest = names.clone();
            rest.remove(node);
            Touch {
                text: text.clone(),
                start: None,
                used: self.steps.iter().any(|step| step.result.text == *text),
                new: new.clone(),
                // The two names of a swap cannot be undone separately.
                without: (names.len() == 1).then(|| relabelled(self.answer, self.facts, &rest)),
            }
        };
        let mut touches: Vec<Touch> = names.iter().map(touch).collect();
        touches.sort_by(|a, b| a.text.cmp(&b.text));
        QuestionEdit {
            touches,
            change,
            question: relabelled(self.question, self.facts, names),
            concerns: self
                .steps
                .iter()
                .zip(&results)
                .map(|(step, new)| step.result.text != *new)
                .collect(),
            results,
            answer: relabelled(self.answer, self.facts, names),
        }
    }

    fn unchanged(&self, change: String, question: String) -> QuestionEdit {
        QuestionEdit {
            change,
            question,
            results: self.steps.iter().map(|s| s.result.text.clone()).collect(),
            concerns: vec![false; self.steps.len()],
            answer: self.answer.to_owned(),
            touches: vec![Touch {
                text: "facts beside the chain".to_owned(),
                start: None,
                used: false,
                new: String::new(),
                without: None,
            }],
        }
    }

    fn is_on_chain(&self, fact: &facts::Fact) -> bool {
        let sources = self
            .steps
            .iter()
            .flat_map(|s| &s.operands)
            .map(|o| &o.source);
        sources.into_iter().any(
            |source| matches!(source, ValueSource::Question { start, .. } if (fact.start..fact.end).contains(start)),
        )
    }

    /// Removes one fact that the chain does not use.
    fn without_facts(&self) -> Vec<QuestionEdit> {
        let beside = self
            .facts
            .facts
            .iter()
            .filter(|fact| !self.is_on_chain(fact));
        beside
            .take(PER_PLACE)
            .filter_map(|fact| {
                let rest = &self.question[fact.end..];
                let after = rest.find(|c: char| c.is_alphanumeric())?;
                let question = format!("{}{}", &self.question[..fact.start], &rest[after..]);
                // The removal must not change how the other sentences are parsed.
                let left = facts::parse(&question).ok()?.facts.len();
                let sentence = &self.question[fact.start..fact.end];
                (left + 1 == self.facts.facts.len())
                    .then(|| self.unchanged(format!("without \"{sentence}\""), question))
            })
            .collect()
    }

    /// Adds a fact about a noun that is not on the chain.
    fn with_facts(&self, beside: &[Node]) -> Vec<QuestionEdit> {
        let nouns: Vec<Node> = beside
            .iter()
            .copied()
            .filter(|node| self.classes[*node] == Class::Noun)
            .collect();
        let Some(first) = self
            .facts
            .facts
            .first()
            .filter(|_| self.question.contains("Every "))
        else {
            return Vec::new();
        };
        let spares = self.means.spares.iter().filter(|spare| {
            spare.class == Class::Noun
                && self.facts.node(&spare.word).is_none()
                && !spare.word.starts_with(['a', 'e', 'i', 'o', 'u'])
        });
        nouns
            .iter()
            .zip(spares)
            .take(PER_PLACE)
            .map(|(node, spare)| {
                let fact = format!("Every {} is a {}.", self.facts.nodes[*node], spare.word);
                let question = format!(
                    "{}{fact} {}",
                    &self.question[..first.start],
                    &self.question[first.start..]
                );
                self.unchanged(format!("with \"{fact}\""), question)
            })
            .collect()
    }
}

/// The words of a text, without separators and punctuation.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|w| !w.is_empty())
}

/// Renames nodes in a text and keeps plurals and capitals.
fn relabelled(text: &str, facts: &Facts, names: &HashMap<Node, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(char::is_alphanumeric) {
        let end = rest[start..]
            .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '\'' | '_')))
            .map_or(rest.len(), |len| start + len);
        let word = &rest[start..end];
        let lower = word.to_lowercase();
        out.push_str(&rest[..start]);
        match facts
            .node(&lower)
            .and_then(|node| Some((node, names.get(&node)?)))
        {
            Some((node, new)) => {
                let new = if lower == facts.nodes[node] {
                    new.clone()
                } else {
                    plural(new)
                };
                out.push_str(&with_case(word, &new));
            }
            None => out.push_str(word),
        }
        rest = &rest[end..];
    }
    out.push_str(rest);
    out
}

fn plural(word: &str) -> String {
    if word.ends_with('s') {
        format!("{word}es")
    } else {
        format!("{word}s")
    }
}

/// The word class of each node.
fn classes(facts: &Facts) -> Vec<Class> {
    let class = |node: Node| {
        let as_noun = |fact: &facts::Fact| {
            (fact.relation == Relation::IsA && fact.to == node)
                || (fact.general && fact.from == node)
        };
        let option = matches!(&facts.query, Query::Which { options } if options.contains(&node));
        if option || facts.facts.iter().any(as_noun) {
            Class::Noun
        } else if facts.facts.iter().any(|fact| fact.to == node)
            || matches!(&facts.query, Query::Claim { to, .. } if *to == node)
        {
            Class::Property
        } else {
            Class::Name
        }
    };
    (0..facts.nodes.len()).map(class).collect()
}

#[cfg(test)]
mod tests;
