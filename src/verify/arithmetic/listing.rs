//! Lists the traces in a graph of explained values and keeps the best one.

use std::collections::{HashMap, HashSet};

use crate::core::types::{Operand, Source, TraceStep};
use crate::verify::{Score, result_source};

use super::{Graph, Op, Step, Term};

/// Partial traces looked at before the listing stops.
const MAX_PARTIAL: usize = 20_000;

/// What a listing found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The best traces with different steps, best first, as many as were asked for.
    pub(super) best: Vec<Vec<TraceStep>>,
    /// How many traces differ in their steps (not just in the place of a read or in which of two equal numbers is meant).
    pub(super) traces: usize,
    /// Whether a limit was hit.
    pub(super) capped: bool,
}

impl Listing {
    pub(super) fn of(graph: &Graph<'_>, max_traces: usize, list: usize) -> Self {
        let mut walk = Walk {
            graph,
            labels: Labels::of(graph),
            max_traces: max_traces.max(1),
            list: list.max(1),
            chosen: Vec::new(),
            seen: HashSet::new(),
            kept: Vec::new(),
            partial: 0,
            capped: false,
        };
        for &end in &graph.ends {
            walk.expand(&mut vec![end], 0);
        }
        Self {
            traces: walk.seen.len(),
            capped: walk.capped,
            best: walk
                .kept
                .iter()
                .map(|kept| write(graph, &kept.chosen))
                .collect(),
        }
    }
}

/// A number for each text that an operand or result has, so that steps compare without being written.
struct Labels {
    numbers: Vec<u32>,
    nodes: Vec<u32>,
}

impl Labels {
    fn of(graph: &Graph<'_>) -> Self {
        let mut known: HashMap<String, u32> = HashMap::new();
        let mut number = |label: String| {
            let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
            *known.entry(label).or_insert(next)
        };
        let numbers = graph.question.numbers.iter().map(super::Number::label);
        let numbers = numbers.map(&mut number).collect();
        let values = graph.nodes.iter().map(|node| node.value.to_string());
        Self {
            numbers,
            nodes: values.map(&mut number).collect(),
        }
    }

    fn term(&self, term: Term) -> u32 {
        match term {
            Term::Number(i) => self.numbers[i],
            Term::Node(n) => self.nodes[n],
        }
    }

    /// The step as numbers; equal sums and products are the same in either order.
    fn key(&self, node: usize, step: &Step) -> StepKey {
        let mut terms = [u32::MAX; 3];
        let mut ops = [None; 2];
        terms[0] = self.term(step.first);
        for (i, (op, term)) in step.rest.iter().flatten().enumerate() {
            (ops[i], terms[i + 1]) = (Some(*op), self.term(*term));
        }
        if commutes(step) {
            terms.sort_unstable();
        }
        (terms, ops, self.nodes[node])
    }
}

/// Operands, operators and result.
type StepKey = ([u32; 3], [Option<Op>; 2], u32);

/// A trace that is kept.
struct Kept {
    score: Score,
    key: Vec<StepKey>,
    chosen: Vec<Choice>,
}

/// A node with the step chosen for it.
type Choice = (usize, Step);

struct Walk<'a> {
    graph: &'a Graph<'a>,
    max_traces: usize,
    labels: Labels,
    list: usize,
    chosen: Vec<Choice>,
    seen: HashSet<Vec<StepKey>>,
    /// Sorted, best first.
    kept: Vec<Kept>,
    partial: usize,
    capped: bool,
}

impl Walk<'_> {
    /// Chooses a step for the last pending node, in every way that keeps numbers and latents apart.
    fn expand(&mut self, pending: &mut Vec<usize>, used: u128) {
        let Some(node) = pending.pop() else {
            self.record();
            return;
        };
        let graph = self.graph;
        for step in &graph.nodes[node].steps {
            self.partial += 1;
            let full = self.seen.len() >= self.max_traces;
            if full || self.partial > MAX_PARTIAL {
                self.capped = true;
                break;
            }
            let Some(now) = self.admit(step, used | graph.latent_bit(node)) else {
                continue;
            };
            let depth = pending.len();
            pending.extend(step.terms().filter_map(|t| match t {
                Term::Node(n) => Some(n),
                Term::Number(_) => None,
            }));
            self.chosen.push((node, *step));
            self.expand(pending, now);
            self.chosen.pop();
            pending.truncate(depth);
        }
        pending.push(node);
    }

    /// The numbers and latents in use once this step is taken; none if something would serve twice.
    fn admit(&self, step: &Step, used: u128) -> Option<u128> {
        let graph = self.graph;
        let mut now = used;
        for term in step.terms() {
            let bit = match term {
                Term::Number(i) => graph.number_bits[i],
                Term::Node(n) if graph.masks[n].iter().any(|m| m & used == 0) => {
                    graph.latent_bit(n)
                }
                Term::Node(_) => return None,
            };
            if now & bit != 0 {
                return None;
            }
            now |= bit;
        }
        Some(now)
    }

    fn record(&mut self) {
        let graph = self.graph;
        let mut chosen = self.chosen.clone();
        chosen.sort_by_key(|(node, _)| graph.nodes[*node].latent);
        let mut key: Vec<StepKey> = chosen
            .iter()
            .map(|(node, step)| self.labels.key(*node, step))
            .collect();
        key.sort_unstable();
        let mut score = self.score(&chosen);
        if !self.seen.contains(&key) {
            self.seen.insert(key.clone());
        }
        // A score without its text comes before the same with it, so this leaves out only what is worse for certain.
        if self.kept.len() == self.list && self.kept.last().is_some_and(|worst| score > worst.score)
        {
            return;
        }
        score.key = text(graph, &chosen);
        if let Some(same) = self.kept.iter().position(|kept| kept.key == key) {
            if score >= self.kept[same].score {
                return;
            }
            self.kept.remove(same);
        }
        let place = self.kept.partition_point(|kept| kept.score < score);
        self.kept.insert(place, Kept { score, key, chosen });
        self.kept.truncate(self.list);
    }

    /// The score of a trace, without its text.
    fn score(&self, chosen: &[Choice]) -> Score {
        let graph = self.graph;
        let results: Vec<Option<(usize, usize)>> = chosen
            .iter()
            .map(|(node, _)| {
                graph.nodes[*node]
                    .read
                    .map(|(rank, _)| (graph.nodes[*node].latent, rank))
            })
            .collect();
        let terms = chosen.iter().flat_map(|(_, step)| step.terms());
        let order: Vec<usize> = terms
            .filter_map(|t| match t {
                Term::Number(i) => Some(i),
                Term::Node(_) => None,
            })
            .collect();
        let inversions = order.iter().enumerate().map(|(i, at)| {
            let later = order[i + 1..].iter();
            later.filter(|later| *later < at).count()
        });
        let inversions = inversions.sum();
        Score::new(&results, inversions, String::new())
    }
}

/// Whether the order of a step's operands does not matter.
fn commutes(step: &Step) -> bool {
    let ops = step.rest.iter().flatten();
    ops.into_iter()
        .all(|(op, _)| matches!(op, Op::Add | Op::Mul))
}

/// The steps of a trace as text, equal sums and products in one order.
fn text(graph: &Graph<'_>, chosen: &[Choice]) -> String {
    let steps = chosen.iter();
    let steps = steps.map(|(node, step)| equation(graph, *node, step, true));
    steps.collect::<Vec<_>>().join("; ")
}

impl Graph<'_> {
    fn latent_bit(&self, node: usize) -> u128 {
        let latent = self.nodes[node].latent;
        if latent < self.n_latents {
            1 << (super::NUMBER_BITS + latent)
        } else {
            0
        }
    }

    /// An operand as a step writes it.
    fn label(&self, term: Term) -> String {
        match term {
            Term::Number(i) => self.question.numbers[i].label(),
            Term::Node(n) => self.nodes[n].value.to_string(),
        }
    }
}

/// Writes a step as `12 + 7 = 19`; in canonical form equal sums and products read the same in either order.
fn equation(graph: &Graph<'_>, node: usize, step: &Step, canonical: bool) -> String {
    let mut parts: Vec<(&str, String)> = vec![("", bracketed(graph.label(step.first)))];
    parts.extend(
        step.rest
            .iter()
            .flatten()
            .map(|(op, term)| (op.as_str(), bracketed(graph.label(*term)))),
    );
    if canonical && commutes(step) {
        let op = parts.last().map_or("", |(op, _)| *op);
        parts.sort_by(|a, b| a.1.cmp(&b.1));
        for (i, part) in parts.iter_mut().enumerate() {
            part.0 = if i == 0 { "" } else { op };
        }
    }
    let mut text = String::new();
    for (op, label) in parts {
        if !op.is_empty() {
            text.push(' ');
            text.push_str(op);
            text.push(' ');
        }
        text.push_str(&label);
    }
    format!("{text} = {}", graph.nodes[node].value)
}

/// Keeps `30 / (3/4)` apart from `30 / 3 / 4`.
fn bracketed(label: String) -> String {
    if label.contains('/') {
        format!("({label})")
    } else {
        label
    }
}

/// Writes a trace in the order of its latents.
fn write(graph: &Graph<'_>, chosen: &[Choice]) -> Vec<TraceStep> {
    let place = |node: usize| {
        chosen
            .iter()
            .position(|(n, _)| *n == node)
            .unwrap_or_default()
    };
    let operand = |term: Term| {
        let source = match term {
            Term::Number(i) => {
                let number = &graph.question.numbers[i];
                Source::Question {
                    start: number.start,
                    end: number.end,
                }
            }
            Term::Node(n) => Source::Step { step: place(n) },
        };
        Operand {
            text: graph.label(term),
            source,
        }
    };
    let step = |(node, step): &Choice| {
        let at = &graph.nodes[*node];
        let read = at.read.map(|(rank, prob)| (at.latent, rank, prob));
        let ops: Vec<&str> = step
            .rest
            .iter()
            .flatten()
            .map(|(op, _)| op.as_str())
            .collect();
        TraceStep {
            text: equation(graph, *node, step, false),
            operands: step.terms().map(operand).collect(),
            operator: ops.join(" "),
            result: Operand {
                text: at.value.to_string(),
                source: result_source(read),
            },
        }
    };
    chosen.iter().map(step).collect()
}
