//! Gold-free search for arithmetic traces: steps over the question's numbers and results read at earlier latents.
//!
//! All arithmetic is on exact rationals. A step's result is read in the top-k of a latent. Its operands are numbers of the
//! question or results of steps at strictly earlier latents. A trace is a tree that uses every number and every latent at most
//! once. `x * 1`, `x + 0` and the like are not steps.

use crate::core::types::TokenRead;

use super::{Abstain, Reach, SearchResult, SearchSettings};
use crate::core::problem::Ratio;
use crate::core::problem::numbers::{Number, question_numbers};

use listing::Listing;
use pool::{ValuePool, disjoint_unions};

mod listing;
mod pool;

/// Mask bits below this one denote numbers of the question, the bits from it on denote latents.
const NUMBER_BITS: usize = 96;
const LATENT_BITS: usize = 32;
/// Sets of numbers and latents kept per result; further ones are dropped and the search is marked as capped.
const MAX_MASKS: usize = 64;
/// Explained values kept; further ones are dropped and the search is marked as capped.
const MAX_NODES: usize = 1024;

/// A word problem with the model's answer.
#[derive(Debug)]
pub(super) struct ArithmeticQuestion {
    numbers: Vec<Number>,
    answer: Ratio,
    /// The question's numbers with every step among them; `None` before [`ArithmeticQuestion::prepare`].
    ground: Option<ValuePool>,
}

impl ArithmeticQuestion {
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

    /// Combines the question's numbers once for searches of many sets of latents with the same settings. Results do not change;
    /// without it, a question with many numbers repeats that work for every set.
    pub(super) fn prepare(&mut self, settings: &SearchSettings, all: &[&Vec<Vec<TokenRead>>]) {
        let latents = all
            .iter()
            .flat_map(|latents| latents.iter().take(LATENT_BITS));
        let reads = latents.flat_map(|top| numbers(top, settings.top_k));
        let mut values: Vec<Ratio> = reads.map(|read| read.value).collect();
        values.push(self.answer);
        let mut ground = ValuePool::new(values, settings.three_operands, self.numbers.len());
        self.add_numbers(&mut ground, settings);
        self.ground = Some(ground);
    }

    /// Adds the question's numbers to the operands.
    fn add_numbers(&self, pool: &mut ValuePool, settings: &SearchSettings) {
        for (i, number) in self.numbers.iter().take(NUMBER_BITS).enumerate() {
            pool.add(Atom {
                term: Term::Number(i),
                value: number.value,
                factor: number.kind.is_factor(),
                masks: vec![number_bit(settings, i)],
            });
        }
    }

    pub(super) fn reach(&self, settings: &SearchSettings, latents: &[Vec<TokenRead>]) -> Reach {
        let graph = Graph::build(self, settings, latents);
        Reach {
            reached: !graph.ends.is_empty(),
            candidates: graph.candidates,
        }
    }

    pub(super) fn search(
        &self,
        settings: &SearchSettings,
        latents: &[Vec<TokenRead>],
    ) -> SearchResult {
        let graph = Graph::build(self, settings, latents);
        let listing = Listing::new(&graph, settings.max_traces, settings.list);
        let mut best = listing.best.into_iter();
        let steps = best.next().unwrap_or_default();
        SearchResult {
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

    /// Computes the exact result; returns `None` for undefined and trivial steps.
    fn apply(self, left: Ratio, right: Ratio) -> Option<Ratio> {
        let (zero, one) = (Ratio::ZERO, Ratio::ONE);
        match self {
            _ if left == zero || right == zero => None,
            Self::Mul if left == one || right == one => None,
            Self::Div if right == one => None,
            Self::Add => left.checked_add(right),
            Self::Sub => left.checked_sub(right),
            Self::Mul => left.checked_mul(right),
            Self::Div => left.checked_div(right),
        }
    }
}

/// An operand: a number of the question or a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Term {
    Number(usize),
    Node(usize),
}

/// A step: two operands and one operator, or three and two (evaluated left to right).
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

/// A value that is read at a latent and that some step explains.
#[derive(Debug)]
struct Node {
    /// Index of the latent, from 0; the number of latents denotes the answer position.
    latent: usize,
    value: Ratio,
    /// Rank and probability; `None` at the answer position.
    read: Option<(usize, f32)>,
    steps: Vec<Step>,
}

/// A value that steps can use as an operand.
#[derive(Debug, Clone)]
struct Atom {
    term: Term,
    value: Ratio,
    factor: bool,
    /// The minimal sets of numbers and latents behind it.
    masks: Vec<u128>,
}

/// All explained values, built forward from the question.
#[derive(Debug)]
struct Graph<'a> {
    question: &'a ArithmeticQuestion,
    n_latents: usize,
    number_bits: Vec<u128>,
    nodes: Vec<Node>,
    /// The masks of `nodes`.
    masks: Vec<Vec<u128>>,
    /// Nodes whose value is the answer.
    ends: Vec<usize>,
    /// The first latent (from 0) whose top-k holds the answer, explained or not.
    answer_read: Option<usize>,
    candidates: usize,
    from_question_alone: bool,
    capped: bool,
}

impl<'a> Graph<'a> {
    fn build(
        question: &'a ArithmeticQuestion,
        settings: &SearchSettings,
        latents: &[Vec<TokenRead>],
    ) -> Self {
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
            let mut pool = ValuePool::new(values, settings.three_operands, question.numbers.len());
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
        // The last step may happen at the answer position, but only if it uses a value that was read before.
        let steps = pool
            .steps(question.answer)
            .iter()
            .copied()
            .filter(|step| step.has_node() && graph.is_in_order(step, at_answer, settings.offset))
            .collect();
        graph.explain(&mut pool, n_latents, question.answer, None, steps);
        graph.capped |= pool.spent;
        graph
    }

    /// Whether all operands of a step are read early enough for a result at a position.
    fn is_in_order(&self, step: &Step, position: usize, offset: usize) -> bool {
        step.terms().all(|term| match term {
            Term::Number(_) => true,
            Term::Node(n) => self.nodes[n].latent + offset.max(1) <= position,
        })
    }

    /// Adds the nodes that a step at this position may use to the operands.
    fn open(&self, pool: &mut ValuePool, added: &mut usize, position: usize, offset: usize) {
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

    /// Adds a node for a value if at least one step explains it.
    fn explain(
        &mut self,
        pool: &mut ValuePool,
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
                // Lists the unions one by one: there may be thousands, of which few are new.
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

    /// Describes the closest miss of a search that found nothing.
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

/// The mask of a number; 0 if numbers may be reused.
fn number_bit(settings: &SearchSettings, i: usize) -> u128 {
    if settings.reuse_numbers { 0 } else { 1 << i }
}

/// A number in a top-k list.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Read {
    pub(super) value: Ratio,
    rank: usize,
    prob: f32,
}

/// The numbers of a top-k list, best first; `9` and ` 9` are one value. Only plain spellings count: no leading zeros, no plus
/// sign. Decimals and percentages are accepted.
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
    // Fast path: nearly all numbers are whole, and a null reads the lists of every problem.
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

/// The values of the numbers of a top-k list, best first.
pub(super) fn read_values(top: &[TokenRead], top_k: usize) -> impl Iterator<Item = Ratio> {
    numbers(top, top_k).into_iter().map(|read| read.value)
}

/// Adds a mask unless a subset of it is present, and drops its supersets; returns false if there is no room.
fn insert_minimal(masks: &mut Vec<u128>, mask: u128) -> bool {
    if masks.iter().any(|m| m & mask == *m) {
        return true;
    }
    // Supersets are rare, and a scan that moves nothing is much faster than `retain`.
    if masks.iter().any(|m| m & mask == mask) {
        masks.retain(|m| m & mask != mask);
    }
    let room = masks.len() < MAX_MASKS;
    if room {
        masks.push(mask);
    }
    room
}
