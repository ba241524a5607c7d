//! Backtracking: does the grid hold every number of a gold solution, each before the result that uses it (docs/methods.md M5.4)?
//!
//! The published code lists every tree. Here they are counted and the best is found without listing any, with the same order
//! among equals: scores add up over a tree, so the best tree consists of the best trees below it.

use std::collections::HashMap;
use std::rc::Rc;

use super::grid::Grid;
use super::solution::{GoldStep, Solution, number_text};
use super::tokens::Cut;

/// With more combinations of operand trees than this, only the best of each operand are combined.
const MAX_COMBINATIONS: u64 = 10_000;
/// A tree with more nodes than this is counted and scored but not drawn.
const MAX_DRAWN: u64 = 10_000;

/// The columns that backtracking reads.
#[derive(Debug, Clone, Copy)]
pub struct BacktrackingColumns {
    /// Operands are read in the columns before this one.
    pub reasoning_columns: usize,
    /// The column that predicts the first token of the answer.
    pub answer_column: usize,
    /// Whether the result must be in the answer column; otherwise any column after its operands counts.
    pub answer_required: bool,
}

/// Sum over a tree, smaller is better: count of question numbers, then 10 times the column plus the rank of the other nodes.
pub type Score = (u64, u64);

/// The role of a tree node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// The last result.
    Final,
    /// The result of an earlier step.
    Intermediate,
    /// A number read in a column.
    Leaf,
    /// A number of the question.
    Question,
}

/// A value, its column (`None` for the question) and its rank in it.
pub type Point = (f64, Option<usize>, usize);

/// The best tree.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// Nodes from the last step's operands down, the final result last.
    pub nodes: Vec<(Point, Role)>,
    /// From operands to results: edges below an operand first, those to the final result last.
    pub edges: Vec<(Point, Point)>,
}

/// The result of backtracking.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct BacktrackingResult {
    /// Whether a result cannot be a token of any vocabulary; then nothing was searched.
    pub is_impossible: bool,
    /// The number of trees; each capped product counts once.
    pub count: u64,
    /// The best tree's score.
    pub score: Option<Score>,
    /// The best tree; `None` also if it is too large to be drawn.
    pub best: Option<Tree>,
}

/// A grid prepared for backtracking, for many solutions.
pub struct Backtracking<'a> {
    grid: &'a Grid,
    tokens: &'a dyn Cut,
    /// The best rank of each token of each column.
    ranks: Vec<HashMap<&'a str, usize>>,
}

impl<'a> Backtracking<'a> {
    /// Prepares a grid whose numbers were split by a tokenizer.
    #[must_use]
    pub fn new(grid: &'a Grid, tokens: &'a dyn Cut) -> Self {
        let ranks = (0..grid.len()).map(|column| {
            let ranked = grid.tokens(column).iter().map(String::as_str).zip(0..);
            let mut ranks = HashMap::new();
            for (token, rank) in ranked {
                ranks.entry(token).or_insert(rank);
            }
            ranks
        });
        Self {
            grid,
            tokens,
            ranks: ranks.collect(),
        }
    }

    /// Searches for a solution; `numbers` are the usable numbers of the question, empty in runs without them.
    #[must_use]
    pub fn search(
        &self,
        solution: &Solution,
        numbers: &[f64],
        layout: BacktrackingColumns,
    ) -> BacktrackingResult {
        if solution.is_impossible {
            return BacktrackingResult {
                is_impossible: true,
                ..BacktrackingResult::default()
            };
        }
        let Some((last, earlier)) = solution.steps.split_last() else {
            return BacktrackingResult::default();
        };
        let mut walk = Walk {
            backtracking: self,
            earlier,
            results: earlier
                .iter()
                .enumerate()
                .map(|(i, step)| (step.result.to_bits(), i))
                .collect(),
            numbers,
            columns: HashMap::new(),
            ways: HashMap::new(),
        };
        let operands: Vec<Rc<Ways>> = last
            .operands
            .iter()
            .map(|operand| walk.ways(*operand, layout.reasoning_columns, earlier.len()))
            .collect();
        let places = walk.places(last.result, layout);
        finish(last.result, &operands, &places)
    }
}

/// The columns that hold a value, with its ranks.
type Held = Rc<Vec<(usize, usize)>>;

/// One search.
struct Walk<'a> {
    backtracking: &'a Backtracking<'a>,
    earlier: &'a [GoldStep],
    /// The step of each result but the last; of equal results the later one.
    results: HashMap<u64, usize>,
    numbers: &'a [f64],
    columns: HashMap<u64, Held>,
    ways: HashMap<(u64, usize, usize), Rc<Ways>>,
}

/// The trees for one operand.
#[derive(Debug, Default)]
struct Ways {
    roots: Vec<Root>,
    count: u64,
}

/// The trees for one operand at one place.
#[derive(Debug)]
struct Root {
    value: f64,
    column: Option<usize>,
    rank: usize,
    /// The trees of each operand of the step behind it; empty for a leaf.
    below: Vec<Rc<Ways>>,
    count: u64,
    score: Score,
    /// The index of the best tree among those of this root.
    best: u128,
    /// The number of nodes of the best tree.
    size: u64,
}

impl Ways {
    fn new(roots: Vec<Root>) -> Self {
        let count = roots.iter().map(|root| root.count).sum();
        Self { roots, count }
    }

    /// The best tree with its root before a column: its root, and its index among all trees; the first of equals.
    fn best(&self, before: usize) -> Option<(&Root, u128)> {
        let mut start = 0_u128;
        let mut best: Option<(&Root, u128)> = None;
        for root in &self.roots {
            let is_open = root.column.is_none_or(|column| column < before);
            if is_open && best.is_none_or(|(best, _)| root.score < best.score) {
                best = Some((root, start + root.best));
            }
            start += u128::from(root.count);
        }
        best
    }

    /// The number of trees with their root before a column.
    fn count_before(&self, column: usize) -> u64 {
        let open = self.roots.iter();
        let open = open.filter(|root| root.column.is_none_or(|at| at < column));
        open.map(|root| root.count).sum()
    }
}

impl Walk<'_> {
    /// The columns that hold a value, with the better rank of its two spellings.
    fn columns(&mut self, value: f64) -> Held {
        let Backtracking { tokens, ranks, .. } = self.backtracking;
        let columns = self.columns.entry(value.to_bits()).or_insert_with(|| {
            let spellings = tokens.representatives(&number_text(value));
            let rank = |ranks: &HashMap<&str, usize>| {
                let spellings = spellings.iter();
                let ranks = spellings.filter_map(|token| ranks.get(token.as_str()));
                ranks.min().copied()
            };
            let columns = ranks.iter().enumerate();
            Rc::new(
                columns
                    .filter_map(|(i, ranks)| Some((i, rank(ranks)?)))
                    .collect(),
            )
        });
        Rc::clone(columns)
    }

    /// The trees for a value in the columns before `limit`, as an operand of step `user`.
    fn ways(&mut self, value: f64, limit: usize, user: usize) -> Rc<Ways> {
        let key = (value.to_bits(), limit, user);
        if let Some(ways) = self.ways.get(&key) {
            return Rc::clone(ways);
        }
        let columns = self.columns(value);
        let columns = columns.iter().filter(|(column, _)| *column < limit);
        let mut places: Vec<(Option<usize>, usize)> = columns
            .map(|(column, rank)| (Some(*column), *rank))
            .collect();
        let step = self.results.get(&value.to_bits()).copied();
        let step = step.filter(|step| *step < user);
        if step.is_none() && self.numbers.contains(&value) {
            places.push((None, 0));
        }
        let mut roots = Vec::with_capacity(places.len());
        for (column, rank) in places {
            let below = match step {
                Some(step) if self.earlier[step].operands != [value] => {
                    self.below(step, column.unwrap_or(0))
                }
                _ => Some(Vec::new()),
            };
            roots.extend(below.map(|below| root(value, column, rank, below)));
        }
        let ways = Rc::new(Ways::new(roots));
        self.ways.insert(key, Rc::clone(&ways));
        ways
    }

    /// The trees for the operands of a step in the columns before `limit`; `None` if an operand has no tree.
    fn below(&mut self, step: usize, limit: usize) -> Option<Vec<Rc<Ways>>> {
        let earlier = self.earlier;
        let operands = earlier[step].operands.iter();
        operands
            .map(|operand| {
                let ways = self.ways(*operand, limit, step);
                (ways.count > 0).then_some(ways)
            })
            .collect()
    }

    /// The possible places of the final result, with its ranks.
    fn places(&mut self, result: f64, layout: BacktrackingColumns) -> Vec<(usize, usize)> {
        let columns = self.columns(result);
        if !layout.answer_required {
            return columns.to_vec();
        }
        let at = |column: usize| columns.iter().find(|(at, _)| *at == column).copied();
        let past = self.backtracking.grid.past_blanks(layout.answer_column);
        at(layout.answer_column)
            .or_else(|| at(past))
            .into_iter()
            .collect()
    }
}

/// The trees at one place, from those of the operands below it.
fn root(value: f64, column: Option<usize>, rank: usize, below: Vec<Rc<Ways>>) -> Root {
    let mut score = score_at(column, rank);
    let (mut best, mut size) = (0, 1_u64);
    let all = product(below.iter().map(|ways| ways.count));
    let is_listed = all <= MAX_COMBINATIONS;
    for ways in &below {
        if let Some((root, place)) = ways.best(usize::MAX) {
            score = add(score, root.score);
            size = size.saturating_add(root.size);
            best = if is_listed {
                best * u128::from(ways.count) + place
            } else {
                0
            };
        }
    }
    Root {
        value,
        column,
        rank,
        count: if is_listed { all } else { 1 },
        below,
        score,
        best,
        size,
    }
}

fn score_at(column: Option<usize>, rank: usize) -> Score {
    let number = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
    match column {
        None => (1, 0),
        Some(column) => (
            0,
            number(column)
                .saturating_mul(10)
                .saturating_add(number(rank)),
        ),
    }
}

fn add(a: Score, b: Score) -> Score {
    (a.0.saturating_add(b.0), a.1.saturating_add(b.1))
}

fn product(counts: impl Iterator<Item = u64>) -> u64 {
    counts.fold(1, u64::saturating_mul)
}

/// Joins the last step's operands with the places of its result, each after all of them.
fn finish(result: f64, operands: &[Rc<Ways>], places: &[(usize, usize)]) -> BacktrackingResult {
    let all = product(operands.iter().map(|ways| ways.count));
    let is_listed = all <= MAX_COMBINATIONS;
    let mut count = 0;
    let mut best: Option<(Score, Vec<u128>, Point, Vec<&Root>)> = None;
    for (column, rank) in places {
        // Beyond the limit there is one combination, accepted or rejected as a whole.
        let before = if is_listed { *column } else { usize::MAX };
        let chosen = operands.iter().map(|ways| ways.best(before));
        let Some(chosen) = chosen.collect::<Option<Vec<(&Root, u128)>>>() else {
            continue;
        };
        if chosen.iter().any(|(root, _)| root.column >= Some(*column)) {
            continue;
        }
        count += if is_listed {
            product(operands.iter().map(|ways| ways.count_before(*column)))
        } else {
            1
        };
        let (roots, order): (Vec<&Root>, Vec<u128>) = chosen.into_iter().unzip();
        let below = roots.iter().map(|root| root.score);
        let score = below.fold(score_at(Some(*column), *rank), add);
        let is_better =
            |(best, at, ..): &(Score, Vec<u128>, Point, Vec<&Root>)| (score, &order) < (*best, at);
        if best.as_ref().is_none_or(is_better) {
            best = Some((score, order, (result, Some(*column), *rank), roots));
        }
    }
    BacktrackingResult {
        is_impossible: false,
        count,
        score: best.as_ref().map(|(score, ..)| *score),
        best: best.and_then(|(_, _, end, roots)| drawn(end, &roots)),
    }
}

/// The tree of a final result over the best trees of its operands; `None` if it is too large.
fn drawn(end: Point, roots: &[&Root]) -> Option<Tree> {
    let sizes = roots.iter().map(|root| root.size);
    if sizes.fold(0, u64::saturating_add) > MAX_DRAWN {
        return None;
    }
    let mut tree = Tree {
        nodes: Vec::new(),
        edges: Vec::new(),
    };
    for root in roots {
        draw(root, &mut tree);
    }
    let points = roots.iter().map(|root| point(root));
    tree.edges.extend(points.map(|point| (point, end)));
    tree.nodes.push((end, Role::Final));
    Some(tree)
}

/// Adds a root and all nodes below it; depth stays below the number of reasoning columns.
fn draw(root: &Root, tree: &mut Tree) {
    let role = match root.column {
        None => Role::Question,
        Some(_) if root.below.is_empty() => Role::Leaf,
        Some(_) => Role::Intermediate,
    };
    tree.nodes.push((point(root), role));
    for ways in &root.below {
        if let Some((below, _)) = ways.best(usize::MAX) {
            draw(below, tree);
            tree.edges.push((point(below), point(root)));
        }
    }
}

fn point(root: &Root) -> Point {
    (root.value, root.column, root.rank)
}

#[cfg(test)]
mod tests;
