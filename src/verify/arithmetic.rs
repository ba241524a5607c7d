//! Gold-free search for arithmetic traces: steps over the question's numbers and results read at earlier latents.
//!
//! Exact rationals only. A step's result is read in the top-k of a latent, its operands are numbers of the question or
//! results of steps at strictly earlier latents; a trace is a tree in which every number of the question and every
//! latent serves once. `x * 1`, `x + 0` and the like are not steps.

use crate::core::types::TokenRead;

use super::{Abstain, Found, Reach, Search};
use crate::core::problem::Ratio;
use crate::core::problem::numbers::{Number, question_numbers};

use listing::Listing;
use pool::{Pool, disjoint_unions};

mod listing;
mod pool;

/// Bits of a mask below this stand for numbers of the question, those above for latents.
const NUMBER_BITS: usize = 96;
const LATENT_BITS: usize = 32;
/// Ways to reach one result that use different numbers and latents; more are dropped and the search is called capped.
const MAX_MASKS: usize = 64;
/// Explained values; more are dropped and the search is called capped.
const MAX_NODES: usize = 1024;

/// A word problem with the model's answer.
#[derive(Debug)]
pub(super) struct Question {
    numbers: Vec<Number>,
    answer: Ratio,
    /// The numbers with every step among them alone, once it is known what is asked of them.
    ground: Option<Pool>,
}

impl Question {
    pub(super) fn new(question: &str, answer: &str) -> Result<Self, Abstain> {
        let numbers = question_numbers(question);
        if numbers.is_empty() {
            return Err(Abstain::NoNumbers);
        }
        let answer =
            Ratio::parse(answer).ok_or_else(|| Abstain::AnswerUnread(answer.to_owned()))?;
        Ok(Self {
            numbers,
            answer,
            ground: None,
        })
    }

    /// Combines the numbers once for searches of many sets of latents under the same settings. Each of these finds what it would
    /// find without; a question with very many numbers would otherwise take as long for every one of them.
    pub(super) fn prepare(&mut self, settings: &Search, all: &[&Vec<Vec<TokenRead>>]) {
        let latents = all
            .iter()
            .flat_map(|latents| latents.iter().take(LATENT_BITS));
        let reads = latents.flat_map(|top| numbers(top, settings.top_k));
        let mut values: Vec<Ratio> = reads.map(|read| read.value).collect();
        values.push(self.answer);
        let mut ground = Pool::new(values, settings.three_operands, self.numbers.len());
        self.add_numbers(&mut ground, settings);
        self.ground = Some(ground);
    }

    /// Adds the numbers to the operands.
    fn add_numbers(&self, pool: &mut Pool, settings: &Search) {
        for (i, number) in self.numbers.iter().take(NUMBER_BITS).enumerate() {
            pool.add(Atom {
                term: Term::Number(i),
                value: number.value,
                factor: number.kind.is_factor(),
                masks: vec![number_bit(settings, i)],
            });
        }
    }

    pub(super) fn reach(&self, settings: &Search, latents: &[Vec<TokenRead>]) -> Reach {
        let graph = Graph::build(self, settings, latents);
        Reach {
            reached: !graph.ends.is_empty(),
            candidates: graph.candidates,
        }
    }

    pub(super) fn search(&self, settings: &Search, latents: &[Vec<TokenRead>]) -> Found {
        let graph = Graph::build(self, settings, latents);
        let listing = Listing::of(&graph, settings.max_traces, settings.list);
        let mut best = listing.best.into_iter();
        let steps = best.next().unwrap_or_default();
        Found {
            near_miss: steps.is_empty().then(|| graph.near_miss()),
            steps,
            competing: best.collect(),
            candidates: graph.candidates,
            traces: listing.traces,
            capped: graph.capped || listing.capped,
            from_question_alone: graph.from_question_alone,
            abstain: None,
        }
    }
}

/// An operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

impl Op {
    fn as_str(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
        }
    }

    /// The exact result of a step that does something.
    fn apply(self, left: Ratio, right: Ratio) -> Option<Ratio> {
        let trivial = |r: Ratio, own: &[Ratio]| own.contains(&r);
        let (zero, one) = (Ratio::ZERO, Ratio::ONE);
        match self {
            _ if trivial(left, &[zero]) || trivial(right, &[zero]) => None,
            Self::Mul if left == one || right == one => None,
            Self::Div if right == one => None,
            Self::Add => left.checked_add(right),
            Self::Sub => left.checked_sub(right),
            Self::Mul => left.checked_mul(right),
            Self::Div => left.checked_div(right),
        }
    }
}

/// An operand: a number of the question, or a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Number(usize),
    Node(usize),
}

/// A step: two operands and an operator, or three and two (left to right).
#[derive(Debug, Clone, Copy)]
struct Step {
    first: Term,
    rest: [Option<(Op, Term)>; 2],
}

impl Step {
    fn terms(&self) -> impl Iterator<Item = Term> {
        std::iter::once(self.first).chain(self.rest.iter().flatten().map(|(_, t)| *t))
    }

    fn has_node(&self) -> bool {
        self.terms().any(|t| matches!(t, Term::Node(_)))
    }
}

/// A value read at a latent that some step explains.
#[derive(Debug)]
struct Node {
    /// From 0; the number of latents stands for the answer position.
    latent: usize,
    value: Ratio,
    /// Rank and probability; none at the answer position.
    read: Option<(usize, f32)>,
    steps: Vec<Step>,
}

/// An operand that steps can start from.
#[derive(Debug, Clone)]
struct Atom {
    term: Term,
    value: Ratio,
    factor: bool,
    /// The sets of numbers and latents behind it, none a superset of another.
    masks: Vec<u128>,
}

/// Everything that can be explained, from the question forward.
#[derive(Debug)]
struct Graph<'a> {
    question: &'a Question,
    n_latents: usize,
    number_bits: Vec<u128>,
    nodes: Vec<Node>,
    /// The masks of `nodes`.
    masks: Vec<Vec<u128>>,
    /// Nodes that hold the answer.
    ends: Vec<usize>,
    /// The first latent (from 0) that reads the answer, explained or not.
    answer_read: Option<usize>,
    candidates: usize,
    from_question_alone: bool,
    capped: bool,
}

impl<'a> Graph<'a> {
    fn build(question: &'a Question, settings: &Search, latents: &[Vec<TokenRead>]) -> Self {
        let n_latents = latents.len().min(LATENT_BITS);
        let reads: Vec<Vec<Read>> = latents
            .iter()
            .take(n_latents)
            .map(|top| numbers(top, settings.top_k))
            .collect();
        let mut graph = Self {
            question,
            n_latents,
            number_bits: (0..question.numbers.len().min(NUMBER_BITS))
                .map(|i| number_bit(settings, i))
                .collect(),
            nodes: Vec::new(),
            masks: Vec::new(),
            ends: Vec::new(),
            answer_read: reads
                .iter()
                .position(|r| r.iter().any(|r| r.value == question.answer)),
            candidates: 0,
            from_question_alone: false,
            capped: latents.len() > LATENT_BITS || question.numbers.len() > NUMBER_BITS,
        };
        let mut values: Vec<Ratio> = reads.iter().flatten().map(|read| read.value).collect();
        values.push(question.answer);
        let mut pool = if let Some(ground) = &question.ground {
            ground.narrowed(values)
        } else {
            let mut pool = Pool::new(values, settings.three_operands, question.numbers.len());
            question.add_numbers(&mut pool, settings);
            pool
        };
        graph.from_question_alone = pool
            .steps(question.answer)
            .iter()
            .any(|step| step.rest[1].is_none());
        let mut added = 0;
        for (latent, reads) in reads.iter().enumerate() {
            graph.open(&mut pool, &mut added, latent, settings.offset);
            for read in reads {
                let steps = pool.steps(read.value).to_vec();
                graph.explain(
                    &mut pool,
                    latent,
                    read.value,
                    Some((read.rank, read.prob)),
                    steps,
                );
            }
        }
        let at_answer = settings.answer_position.unwrap_or(n_latents);
        graph.open(&mut pool, &mut added, at_answer, settings.offset);
        // The last step may happen at the answer position, but then something before it must have been read.
        let steps = pool
            .steps(question.answer)
            .iter()
            .copied()
            .filter(|step| step.has_node() && graph.may_rest(step, at_answer, settings.offset))
            .collect();
        graph.explain(&mut pool, n_latents, question.answer, None, steps);
        graph.capped |= pool.spent;
        graph
    }

    /// Whether all that a step rests on is read early enough for a result at a position.
    fn may_rest(&self, step: &Step, position: usize, offset: usize) -> bool {
        step.terms().all(|term| match term {
            Term::Number(_) => true,
            Term::Node(n) => self.nodes[n].latent + offset.max(1) <= position,
        })
    }

    /// Adds the nodes that a step read at a position may rest on to the operands.
    fn open(&self, pool: &mut Pool, added: &mut usize, position: usize, offset: usize) {
        while let Some(node) = self.nodes.get(*added)
            && node.latent + offset.max(1) <= position
        {
            pool.add(Atom {
                term: Term::Node(*added),
                value: node.value,
                factor: false,
                masks: self.masks[*added].clone(),
            });
            *added += 1;
        }
    }

    /// Adds a node for a value that some step explains.
    fn explain(
        &mut self,
        pool: &mut Pool,
        latent: usize,
        value: Ratio,
        read: Option<(usize, f32)>,
        steps: Vec<Step>,
    ) {
        if steps.is_empty() {
            return;
        }
        if self.nodes.len() == MAX_NODES {
            self.capped = true;
            return;
        }
        let own = if latent < self.n_latents {
            1_u128 << (NUMBER_BITS + latent)
        } else {
            0
        };
        let mut masks = Vec::new();
        for step in &steps {
            let sets = step.terms().map(|term| pool.masks(term).len());
            let weight = sets.product();
            if !pool.take(weight) {
                break;
            }
            let mut joint = vec![own];
            let mut terms = step.terms().peekable();
            while let Some(term) = terms.next() {
                if terms.peek().is_some() {
                    joint = disjoint_unions(&joint, pool.masks(term));
                    continue;
                }
                // The last ones are not listed first: there may be thousands, of which few are new.
                for one in &joint {
                    for other in pool.masks(term).iter().filter(|other| *other & one == 0) {
                        self.capped |= !insert_minimal(&mut masks, one | other);
                    }
                }
            }
        }
        self.candidates += steps.len();
        if value == self.question.answer {
            self.ends.push(self.nodes.len());
        }
        self.masks.push(masks);
        self.nodes.push(Node {
            latent,
            value,
            read,
            steps,
        });
    }

    /// Says what came closest, for a search that found nothing.
    fn near_miss(&self) -> String {
        let answer = self.question.answer;
        match (self.answer_read, self.candidates) {
            (Some(latent), _) => {
                format!(
                    "{answer} is read at latent {}, but no step leads to it",
                    latent + 1
                )
            }
            (None, 0) => "no step from the question's numbers is read at any latent".to_owned(),
            (None, 1) => format!("1 step is read, but it does not lead to {answer}"),
            (None, n) => format!("{n} steps are read, but none leads to {answer}"),
        }
    }
}

/// What stands for a number in a mask: nothing where numbers may serve again.
fn number_bit(settings: &Search, i: usize) -> u128 {
    if settings.reuse_numbers { 0 } else { 1 << i }
}

/// A number of a top-k list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Read {
    pub(super) value: Ratio,
    rank: usize,
    prob: f32,
}

/// The numbers of a top-k list, best first; `9` and ` 9` are one reading. Only plain spellings count: no leading zeros, no
/// plus sign; a decimal or a percentage is one where a decoder wrote it out.
pub(super) fn numbers(top: &[TokenRead], top_k: usize) -> Vec<Read> {
    let mut reads: Vec<Read> = Vec::new();
    for (rank, token) in top.iter().take(top_k).enumerate() {
        let text = token.text.trim();
        let Some(value) = plain(text) else {
            continue;
        };
        if reads.iter().all(|r| r.value != value) {
            reads.push(Read {
                value,
                rank,
                prob: token.prob,
            });
        }
    }
    reads
}

fn plain(text: &str) -> Option<Ratio> {
    // Nearly all are whole numbers, and this is read for every problem of a null.
    if text.bytes().all(|b| b.is_ascii_digit()) {
        let canonical = text == "0" || !text.starts_with('0');
        return text.parse().ok().filter(|_| canonical).map(Ratio::integer);
    }
    is_plain(text).then(|| Ratio::parse(text)).flatten()
}

fn is_plain(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let text = text.strip_suffix('%').unwrap_or(text);
    let (whole, part) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |s: &str| !s.is_empty() && s.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(part) && (whole == "0" || !whole.starts_with('0'))
}

/// The values of the integers of a top-k list, best first.
pub(super) fn read_integers(top: &[TokenRead], top_k: usize) -> impl Iterator<Item = Ratio> {
    numbers(top, top_k).into_iter().map(|read| read.value)
}

/// Adds a mask unless it holds one that is there, and drops those that hold it; false if there is no room.
fn insert_minimal(masks: &mut Vec<u128>, mask: u128) -> bool {
    if masks.iter().any(|m| m & mask == *m) {
        return true;
    }
    // Few are dropped, and what moves nothing is looked through far faster.
    if masks.iter().any(|m| m & mask == mask) {
        masks.retain(|m| m & mask != mask);
    }
    let room = masks.len() < MAX_MASKS;
    if room {
        masks.push(mask);
    }
    room
}
