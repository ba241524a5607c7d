//! Lists the traces in a graph of explained values and keeps the best ones.

use std::collections::{HashMap, HashSet};

use crate::core::types::{Operand, TraceStep, ValueSource};
use crate::verify::{Score, result_source};

use super::{Graph, Op, Step, Term};

/// Partial traces visited before the listing stops.
const MAX_PARTIAL: usize = 20_000;

/// The result of a listing.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The best traces with distinct steps, best first, up to the requested number.
    pub(super) best: Vec<Vec<TraceStep>>,
    /// The number of traces with distinct steps; the place of a read and the choice among equal numbers do not count.
    pub(super) traces: usize,
    /// Whether a limit was hit.
    pub(super) capped: bool,
}

impl Listing {
    pub(super) fn new(graph: &Graph<'_>, max_traces: usize, list: usize) -> Self {
        let mut walk = Walk {
            graph,
            labels: Labels::new(graph),
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

/// Numeric labels of operands and results by their text, so that steps compare without formatting.
struct Labels {
    numbers: Vec<u32>,
    nodes: Vec<u32>,
}

impl Labels {
    fn new(graph: &Graph<'_>) -> Self {
        let mut ids: HashMap<String, u32> = HashMap::new();
        let mut id = |label: String| {
            let next = u32::try_from(ids.len()).unwrap_or(u32::MAX);
            *ids.entry(label).or_insert(next)
        };
        let numbers = graph.question.numbers.iter().map(super::Number::label);
        let numbers = numbers.map(&mut id).collect();
        let values = graph.nodes.iter().map(|node| node.value.to_string());
        Self {
            numbers,
            nodes: values.map(&mut id).collect(),
        }
    }

    fn term(&self, term: Term) -> u32 {
        match term {
            Term::Number(i) => self.numbers[i],
            Term::Node(n) => self.nodes[n],
        }
    }

    /// Returns the comparison key of a step; sums and products with reordered operands share one key.
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

/// A node with its chosen step.
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
    /// Tries every step for the last pending node that uses no number or latent twice.
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

    /// The numbers and latents in use after this step; `None` if one would be used twice.
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
        self.seen.insert(key.clone());
        // An empty key sorts before every text, so this rejects only traces that are worse for certain.
        if self.kept.len() == self.list && self.kept.last().is_some_and(|worst| score > worst.score)
        {
            return;
        }
        score.key = trace_text(graph, &chosen);
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

    /// Scores a trace, with an empty text.
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

fn commutes(step: &Step) -> bool {
    let mut ops = step.rest.iter().flatten();
    ops.all(|(op, _)| matches!(op, Op::Add | Op::Mul))
}

/// The steps of a trace as text, with commuting operands in one order.
fn trace_text(graph: &Graph<'_>, chosen: &[Choice]) -> String {
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

    fn label(&self, term: Term) -> String {
        match term {
            Term::Number(i) => self.question.numbers[i].label(),
            Term::Node(n) => self.nodes[n].value.to_string(),
        }
    }
}

/// Formats a step as `12 + 7 = 19`; the canonical form sorts the operands of sums and products.
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
            text.push_str(&format!(" {op} "));
        }
        text.push_str(&label);
    }
    format!("{text} = {}", graph.nodes[node].value)
}

/// Puts fractions in brackets: `30 / (3/4)` is not `30 / 3 / 4`.
fn bracketed(label: String) -> String {
    if label.contains('/') {
        format!("({label})")
    } else {
        label
    }
}

/// Converts a trace to steps in the order of their latents.
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
                ValueSource::Question {
                    start: number.start,
                    end: number.end,
                }
            }
            Term::Node(n) => ValueSource::Step { step: place(n) },
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
