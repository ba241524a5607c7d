//! Lists the traces in a graph of explained values and keeps the best one.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use crate::trace::{Operand, Source, TraceStep};
use crate::verify::{COMPETING, Score, result_source};

use super::{Graph, Op, Step, Term};

/// Partial traces looked at before the listing stops.
const MAX_PARTIAL: usize = 20_000;

/// What a listing found.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// The best trace; empty when there is none.
    pub(super) best: Vec<TraceStep>,
    /// The next best ones.
    pub(super) competing: Vec<Vec<TraceStep>>,
    /// How many traces differ in their steps (not just in the place of a read or in which of two equal numbers is meant).
    pub(super) traces: usize,
    /// Whether a limit was hit.
    pub(super) capped: bool,
}

impl Listing {
    pub(super) fn of(graph: &Graph<'_>, max_traces: usize) -> Self {
        let mut walk = Walk {
            graph,
            max_traces: max_traces.max(1),
            chosen: Vec::new(),
            seen: HashMap::new(),
            partial: 0,
            capped: false,
        };
        for &end in &graph.ends {
            walk.expand(&mut vec![end], 0);
        }
        let mut traces: Vec<(Score, Vec<Choice>)> = walk.seen.into_values().collect();
        let n = traces.len();
        traces.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        let mut written = traces
            .iter()
            .take(1 + COMPETING)
            .map(|(_, chosen)| write(graph, chosen));
        Self {
            traces: n,
            capped: walk.capped,
            best: written.next().unwrap_or_default(),
            competing: written.collect(),
        }
    }
}

/// A node with the step chosen for it.
type Choice = (usize, Step);

struct Walk<'a> {
    graph: &'a Graph<'a>,
    max_traces: usize,
    chosen: Vec<Choice>,
    seen: HashMap<String, (Score, Vec<Choice>)>,
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
        let mut key: Vec<String> = chosen
            .iter()
            .map(|(node, step)| equation(graph, *node, step, true))
            .collect();
        let text = key.join("; ");
        key.sort_unstable();
        let results: Vec<Option<(usize, usize)>> = chosen
            .iter()
            .map(|(node, _)| {
                graph.nodes[*node]
                    .read
                    .map(|(rank, _)| (graph.nodes[*node].latent, rank))
            })
            .collect();
        let order: Vec<usize> = chosen
            .iter()
            .flat_map(|(_, step)| step.terms())
            .filter_map(|t| match t {
                Term::Number(i) => Some(i),
                Term::Node(_) => None,
            })
            .collect();
        let inversions = (0..order.len())
            .map(|i| {
                order[i + 1..]
                    .iter()
                    .filter(|later| **later < order[i])
                    .count()
            })
            .sum();
        let score = Score::new(&results, inversions, text);
        match self.seen.entry(key.join("; ")) {
            Entry::Vacant(place) => {
                place.insert((score, chosen));
            }
            Entry::Occupied(mut place) if score < place.get().0 => {
                place.insert((score, chosen));
            }
            Entry::Occupied(_) => {}
        }
    }
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
    let commutes = step
        .rest
        .iter()
        .flatten()
        .all(|(op, _)| matches!(op, Op::Add | Op::Mul));
    if canonical && commutes {
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
