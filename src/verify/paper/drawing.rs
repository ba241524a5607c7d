//! A tree as nodes and edges, as the published code draws it (docs/methods.md M6.10).

use std::collections::HashSet;

use super::grid::Grid;
use super::step::{Operand, OperandOrigin, Step};
use super::tree::Tree;

/// The place of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum At {
    /// In the question.
    Question,
    /// In a column.
    Column(usize),
    /// No place: the answer of a combination.
    Combined,
}

impl From<OperandOrigin> for At {
    fn from(place: OperandOrigin) -> Self {
        match place {
            OperandOrigin::Question => Self::Question,
            OperandOrigin::Column(column) => Self::Column(column),
        }
    }
}

/// The kind of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NodeKind {
    /// An operand that is not the result of a step of the tree.
    Leaf,
    /// The result of a step.
    Intermediate,
    /// The answer.
    Final,
}

/// A value, its place, and its rank in that place.
pub type Point = (i128, At, usize);

/// Nodes and edges of a tree.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Drawing {
    /// The distinct values at each place, with the rank of their first occurrence.
    pub nodes: Vec<(Point, NodeKind)>,
    /// From operands to results.
    pub edges: Vec<(Point, Point)>,
}

impl Drawing {
    /// Draws a tree over the selected steps that it was built from.
    #[must_use]
    pub fn new(tree: &Tree, selected: &[Step], grid: &Grid, answer_column: usize) -> Self {
        let mut drawing = Self::default();
        let mut seen = HashSet::new();
        let mut add = |nodes: &mut Vec<(Point, NodeKind)>, point: Point, kind| {
            if seen.insert((point.0, point.1)) {
                nodes.push((point, kind));
            }
        };
        let steps: Vec<&Step> = tree.steps.iter().map(|step| &selected[*step]).collect();
        let ends = |step: &Step| {
            tree.combination.is_none() && tree.copied.is_none() && step.result == tree.answer
        };
        for step in &steps {
            let kind = if ends(step) {
                NodeKind::Final
            } else {
                NodeKind::Intermediate
            };
            let result = result_point(step);
            add(&mut drawing.nodes, result, kind);
            for operand in &step.operands {
                let point = operand_point(operand, grid);
                add(&mut drawing.nodes, point, NodeKind::Leaf);
                drawing.edges.push((point, result));
            }
        }
        if let Some(combination) = &tree.combination {
            let end = (tree.answer, At::Combined, 0);
            drawing.nodes.push((end, NodeKind::Final));
            for value in &combination.values {
                let source = steps.iter().find(|step| step.result == *value);
                drawing
                    .edges
                    .extend(source.map(|step| (result_point(step), end)));
            }
        }
        if let Some(copied) = tree.copied {
            let end = (tree.answer, At::Column(answer_column), 0);
            drawing.nodes.push((end, NodeKind::Final));
            drawing.edges.push((result_point(&selected[copied]), end));
        }
        drawing
    }
}

fn result_point(step: &Step) -> Point {
    (step.result, At::Column(step.column), step.result_rank)
}

/// An operand with the rank to draw: its own, or for an intermediate result that of the value in its column.
fn operand_point(operand: &Operand, grid: &Grid) -> Point {
    let rank = match operand.source.column() {
        None => 0,
        Some(column) if operand.is_intermediate => grid.rank_of(column, operand.value).unwrap_or(0),
        Some(_) => usize::try_from(operand.rank).unwrap_or(0),
    };
    (operand.value, operand.source.into(), rank)
}
