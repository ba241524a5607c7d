//! Selects one of a column's candidates: the first that a verifier accepts (docs/methods.md M6.5, M6.6), or the best by rank.

use std::collections::HashSet;

use super::grid::Grid;
use super::step::{Operand, Step};

/// Decides whether a step holds under edits of the question (docs/methods.md M6.7 is [`super::check::Checker`]).
pub trait Verify {
    /// Whether a candidate is verified, given the steps selected before it.
    fn verifies(&mut self, step: &Step, selected: &[Step]) -> bool;
}

impl<F: FnMut(&Step, &[Step]) -> bool> Verify for F {
    fn verifies(&mut self, step: &Step, selected: &[Step]) -> bool {
        self(step, selected)
    }
}

/// How a candidate is selected.
pub enum Selection<'a> {
    /// The best by rank, without verification.
    ByRank,
    /// The first that is verified, or else the first.
    Verified(&'a mut dyn Verify),
}

/// Selects candidates column by column.
pub(super) struct Selector<'a> {
    grid: &'a Grid,
    selection: Selection<'a>,
    /// Columns whose selected step is verified.
    verified: HashSet<usize>,
    /// Columns with an explainable candidate.
    explainable: HashSet<usize>,
}

impl<'a> Selector<'a> {
    pub(super) fn new(grid: &'a Grid, selection: Selection<'a>) -> Self {
        Self {
            grid,
            selection,
            verified: HashSet::new(),
            explainable: HashSet::new(),
        }
    }

    /// Selects among candidates of the pre-phase, whose operands are all from the question.
    pub(super) fn select_early(&mut self, steps: &[Step], selected: &[Step]) -> Option<Step> {
        match &self.selection {
            Selection::ByRank => {
                let best = steps.iter().min_by(|a, b| by_rank(a, b));
                best.cloned()
            }
            Selection::Verified(_) => {
                let mut order: Vec<&Step> = steps.iter().collect();
                order.sort_by(|a, b| is_long(a).cmp(&is_long(b)).then(by_rank(a, b)));
                self.verify(&order, selected)
            }
        }
    }

    /// Selects among the candidates with operands read at column `place`; `numbers` are the question's.
    pub(super) fn select(
        &mut self,
        steps: &[Step],
        place: usize,
        selected: &[Step],
        numbers: &HashSet<i128>,
    ) -> Option<Step> {
        let column = steps.first()?.column;
        if steps.iter().any(|step| step.is_explainable) {
            self.explainable.insert(column);
        }
        match &self.selection {
            Selection::ByRank => {
                let class = |step: &Step| (!step.is_explainable, is_long(step));
                let best = steps
                    .iter()
                    .min_by(|a, b| class(a).cmp(&class(b)).then(by_rank(a, b)));
                best.cloned()
            }
            Selection::Verified(_) => {
                let here: HashSet<i128> = self
                    .grid
                    .integers(place)
                    .iter()
                    .map(|(value, _)| *value)
                    .collect();
                let worst = |step: &Step| {
                    let priority = |operand: &Operand| self.priority(operand, &here, numbers);
                    step.operands.iter().map(priority).max()
                };
                let keyed = steps
                    .iter()
                    .map(|step| ((worst(step), is_long(step)), step));
                let mut order: Vec<_> = keyed.collect();
                order.sort_by(|(a, x), (b, y)| a.cmp(b).then(by_rank(x, y)));
                let order: Vec<&Step> = order.into_iter().map(|(_, step)| step).collect();
                self.verify(&order, selected)
            }
        }
    }

    /// The priority of an operand, 1 is best (docs/methods.md M6.5); `here` are the integers of the operand column.
    fn priority(&self, operand: &Operand, here: &HashSet<i128>, numbers: &HashSet<i128>) -> u8 {
        let is_here = here.contains(&operand.value);
        match operand.intermediate_at() {
            Some(column) if self.verified.contains(&column) => 1,
            _ if operand.is_question() || numbers.contains(&operand.value) => 3 - u8::from(is_here),
            _ if is_here => 4,
            Some(column) => 6 - u8::from(self.explainable.contains(&column)),
            None => 7,
        }
    }

    /// The first step that is verified, or else the first.
    fn verify(&mut self, order: &[&Step], selected: &[Step]) -> Option<Step> {
        let Selection::Verified(verifier) = &mut self.selection else {
            return None;
        };
        let verified = order.iter().find(|step| verifier.verifies(step, selected));
        let mut step: Step = (*verified.or(order.first())?).clone();
        step.verified = Some(verified.is_some());
        if verified.is_some() {
            self.verified.insert(step.column);
        }
        Some(step)
    }
}

fn is_long(step: &Step) -> bool {
    step.operands.len() == 3
}

fn by_rank(a: &Step, b: &Step) -> std::cmp::Ordering {
    a.rank.value().total_cmp(&b.rank.value())
}
