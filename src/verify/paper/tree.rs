//! The tree that leads from selected steps to the model's answer (docs/methods.md M6.8, M6.9).

use std::collections::HashSet;

use super::chain::ChainingColumns;
use super::enumerate::ORDERS;
use super::grid::Grid;
use super::step::{Operand, OperandOrigin, Operation, Step};

/// Pairs and triples of selected steps tried if no single step gives the answer.
const MAX_COMBINED: usize = 500_000;

/// A tree: selected steps that end in the answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Tree {
    /// The answer.
    pub answer: i128,
    /// Indices of its steps among the selected ones, in the order of their operand columns.
    pub steps: Vec<usize>,
    /// The combination of results that gives the answer if no single step does. It is never verified (Q32).
    pub combination: Option<Combination>,
    /// The step whose result is copied to the answer, if copies are enabled.
    pub copied: Option<usize>,
}

/// Results of two or three steps with the operation that gives the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// The results, in the order of the operation.
    pub values: Vec<i128>,
    /// The operation.
    pub operation: Operation,
}

/// Builds the tree for an answer; returns `None` if no step and no combination gives it.
///
/// As published, this changes the selected steps: in a tree with verified steps an operand whose own step was refuted becomes a
/// plain cell of the operand column (Q31), and explainability is re-evaluated *within* the tree.
pub fn build(
    selected: &mut [Step],
    answer: Option<i128>,
    grid: &Grid,
    layout: ChainingColumns,
    numbers: &[i128],
    copies: bool,
) -> Option<Tree> {
    let answer = answer?;
    let tree =
        direct(selected, answer, grid, layout, copies).or_else(|| combined(selected, answer))?;
    explain(selected, &tree.steps, numbers);
    Some(tree)
}

/// A tree that ends in a step whose result is the answer.
fn direct(
    selected: &mut [Step],
    answer: i128,
    grid: &Grid,
    layout: ChainingColumns,
    copies: bool,
) -> Option<Tree> {
    let gives = (0..selected.len()).filter(|i| selected[*i].result == answer);
    let gives: Vec<usize> = gives.collect();
    let first = *gives
        .iter()
        .min_by_key(|i| (selected[**i].column, selected[**i].place.column()))?;
    let rank = |i: usize| selected[i].rank.value();
    let at_answer = gives.iter().copied();
    let at_answer = at_answer.filter(|i| selected[*i].column == layout.answer_column);
    let at_answer = at_answer.min_by(|a, b| rank(*a).total_cmp(&rank(*b)));
    let copied = Some(first).filter(|i| copies && selected[*i].column < layout.answer_column);
    let end = copied.or(at_answer).unwrap_or(first);
    let mut steps = traced(selected, end);
    if selected[end].verified.is_some() {
        prune(selected, &mut steps, grid);
    }
    steps.sort_by_key(|i| selected[*i].place.column());
    Some(Tree {
        answer,
        steps,
        combination: None,
        copied,
    })
}

/// The steps behind a step: the sources of its intermediate results, one per operand column (Q30), depth first.
fn traced(selected: &[Step], end: usize) -> Vec<usize> {
    let mut steps = vec![end];
    let mut used: HashSet<OperandOrigin> = HashSet::from([selected[end].place]);
    // Each entry is a step and the index of the next candidate source.
    let mut open = vec![(end, 0)];
    while let Some((step, next)) = open.pop() {
        let is_next = |i: &usize| {
            let source = &selected[*i];
            let mut operands = selected[step].operands.iter();
            !used.contains(&source.place) && operands.any(|o| is_source(source, o))
        };
        if let Some(source) = (next..selected.len()).find(is_next) {
            used.insert(selected[source].place);
            steps.push(source);
            open.push((step, source + 1));
            open.push((source, 0));
        }
    }
    steps
}

/// Whether an operand is the intermediate result of a step.
fn is_source(step: &Step, operand: &Operand) -> bool {
    operand.intermediate_at() == Some(step.column) && operand.value == step.result
}

/// Removes refuted steps below verified ones: the operand becomes a plain cell of the operand column.
fn prune(selected: &mut [Step], steps: &mut Vec<usize>, grid: &Grid) {
    let mut refuted: HashSet<OperandOrigin> = HashSet::new();
    for &step in &*steps {
        if selected[step].verified != Some(true) {
            continue;
        }
        let place = selected[step].place;
        for i in 0..selected[step].operands.len() {
            let operand = selected[step].operands[i];
            let mut sources = steps.iter().map(|i| &selected[*i]);
            let source = sources.find(|source| is_source(source, &operand));
            if let Some(source) = source
                && source.verified != Some(true)
            {
                refuted.insert(source.place);
                selected[step].operands[i] = plain(operand, place, grid);
            }
        }
    }
    steps.retain(|i| !refuted.contains(&selected[*i].place));
}

/// An operand as a plain cell of a column; keeps its rank if the column does not hold the value.
fn plain(operand: Operand, place: OperandOrigin, grid: &Grid) -> Operand {
    let rank = place
        .column()
        .and_then(|column| grid.rank_of(column, operand.value));
    Operand {
        rank: rank
            .and_then(|rank| i64::try_from(rank).ok())
            .unwrap_or(operand.rank),
        is_intermediate: false,
        source: place,
        ..operand
    }
}

/// The first two or three steps at different operand columns whose results combine to the answer.
fn combined(selected: &[Step], answer: i128) -> Option<Tree> {
    use Operation::{Add, Div, Mul, Sub};
    let all: Vec<usize> = (0..selected.len())
        .filter(|i| selected[*i].result != answer)
        .collect();
    let mut left = MAX_COMBINED;
    let tree = |steps: Vec<usize>, values: Vec<i128>, operation| Tree {
        answer,
        steps,
        combination: Some(Combination { values, operation }),
        copied: None,
    };
    let gives = |operation: Operation, values: &[i128]| operation.apply(values) == Some(answer);
    for (i, x) in all.iter().enumerate() {
        for y in &all[i + 1..] {
            if selected[*x].place == selected[*y].place {
                continue;
            }
            left = left.checked_sub(1)?;
            let (a, b) = (selected[*x].result, selected[*y].result);
            let tries = [
                (Add, [a, b]),
                (Sub, [a, b]),
                (Sub, [b, a]),
                (Mul, [a, b]),
                (Div, [a, b]),
                (Div, [b, a]),
            ];
            if let Some((operation, values)) = tries.into_iter().find(|(o, v)| gives(*o, v)) {
                return Some(tree(vec![*x, *y], values.to_vec(), operation));
            }
        }
    }
    for (i, x) in all.iter().enumerate() {
        for (j, y) in all.iter().enumerate().skip(i + 1) {
            for z in &all[j + 1..] {
                let steps = [*x, *y, *z].map(|step| &selected[step]);
                let [a, b, c] = steps.map(|step| step.place);
                if a == b || b == c || a == c {
                    continue;
                }
                left = left.checked_sub(1)?;
                let values = steps.map(|step| step.result);
                if let Some((operation, values)) = joined(values, answer) {
                    return Some(tree(vec![*x, *y, *z], values.to_vec(), operation));
                }
            }
        }
    }
    None
}

/// The first operation on three results that gives the answer, without guards.
fn joined(values: [i128; 3], answer: i128) -> Option<(Operation, [i128; 3])> {
    use Operation::{
        Add, AddDiv, AddMul, AddSub, DivAdd, DivDiv, DivSub, Mul, MulAdd, MulDiv, MulSub, SubDiv,
        SubMul, SubSub,
    };
    let orders = ORDERS.map(|order| order.map(|i| values[i]));
    let permuted = [
        AddSub, SubSub, MulDiv, DivDiv, AddMul, SubMul, MulAdd, MulSub, AddDiv, SubDiv, DivAdd,
        DivSub,
    ];
    let whole = [(Add, values), (Mul, values)].into_iter();
    let parts = orders
        .into_iter()
        .flat_map(|values| permuted.map(|operation| (operation, values)));
    whole
        .chain(parts)
        .find(|(operation, values)| operation.apply(values) == Some(answer))
}

/// Marks the steps that lead back to the question within the tree.
fn explain(selected: &mut [Step], steps: &[usize], numbers: &[i128]) {
    for &step in steps {
        let explains = |operand: &Operand| {
            if operand.is_question() {
                return true;
            }
            match operand.intermediate_at() {
                Some(column) => steps.iter().any(|&other| {
                    let source = &selected[other];
                    other != step && source.column == column && source.is_explainable
                }),
                None => numbers.binary_search(&operand.value).is_ok(),
            }
        };
        let explained = selected[step].operands.iter().all(explains);
        selected[step].is_explainable = explained;
    }
}

impl Tree {
    /// Whether every step leads back to the question within the tree.
    #[must_use]
    pub fn is_explainable(&self, selected: &[Step]) -> bool {
        self.steps.iter().all(|step| selected[*step].is_explainable)
    }

    /// Returns the mean rank of the steps.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "a tree has few steps")]
    pub fn mean_rank(&self, selected: &[Step]) -> f64 {
        let ranks = self.steps.iter().map(|step| selected[*step].rank.value());
        ranks.sum::<f64>() / self.steps.len() as f64
    }
}
