//! Forward chaining: from the question on, a step for each column whose first integer needs one (docs/methods.md M6.4, M6.11).

use std::collections::{HashMap, HashSet};

use super::enumerate::{MAX_OPERANDS, TreeBudget, from_operands, from_question};
use super::grid::{Grid, Ranked};
use super::select::{Selection, Selector};
use super::step::{Operand, OperandOrigin, Site, Step};

/// Rank of the question's first number; the others follow.
const QUESTION_RANK: i64 = 1000;

/// The columns that forward chaining reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChainingColumns {
    /// The column that predicts the first token of the answer; operands are read before it.
    pub answer_column: usize,
    /// Distance in columns from operands to their result.
    pub offset: usize,
    /// Whether numbers of the question may be operands.
    pub question_numbers: bool,
}

/// The result of forward chaining.
#[derive(Debug, Clone, Default)]
pub struct ChainingResult {
    /// The candidates of each operand column that has any, in enumeration order.
    pub candidates: Vec<(usize, Vec<Step>)>,
    /// The selected step of each result column with candidates, the pre-phase first.
    pub selected: Vec<Step>,
    /// Whether a bound cut the enumeration, so that the result differs from the published one.
    pub is_capped: bool,
}

impl ChainingResult {
    /// Returns the number of candidates, without the pre-phase, as published.
    #[must_use]
    pub fn n_candidates(&self) -> usize {
        self.candidates.iter().map(|(_, steps)| steps.len()).sum()
    }

    /// Returns the number of candidates whose result is the answer.
    #[must_use]
    pub fn n_answer_steps(&self, answer: Option<i128>) -> usize {
        let steps = self.candidates.iter().flat_map(|(_, steps)| steps);
        steps.filter(|step| Some(step.result) == answer).count()
    }
}

/// Runs forward chaining on a grid; `numbers` are those of [`super::numbers::chaining_numbers`], ascending.
#[must_use]
pub fn chain<'a>(
    grid: &'a Grid,
    numbers: &'a [i128],
    layout: ChainingColumns,
    selection: Selection<'a>,
) -> ChainingResult {
    let mut run = Run {
        grid,
        numbers,
        question_values: numbers.iter().copied().collect(),
        layout,
        budget: TreeBudget::new(),
        selector: Selector::new(grid, selection),
        explained: HashMap::new(),
        results: HashSet::new(),
        chain: ChainingResult::default(),
    };
    if layout.question_numbers {
        run.pre_phase();
    }
    for place in 0..layout.answer_column {
        let column = place + layout.offset;
        if column >= grid.len() {
            break;
        }
        run.column(place, column);
    }
    run.chain.is_capped = run.budget.is_spent;
    run.chain
}

struct Run<'a> {
    grid: &'a Grid,
    numbers: &'a [i128],
    question_values: HashSet<i128>,
    layout: ChainingColumns,
    budget: TreeBudget,
    selector: Selector<'a>,
    /// Whether the step selected at a column is explainable; all of the pre-phase are.
    explained: HashMap<usize, bool>,
    /// Results of selected steps with their columns.
    results: HashSet<(i128, usize)>,
    chain: ChainingResult,
}

impl Run<'_> {
    fn question_operands(&self, is_intermediate: bool) -> impl Iterator<Item = Operand> {
        let ranked = self.numbers.iter().zip(QUESTION_RANK..);
        ranked.map(move |(value, rank)| Operand {
            value: *value,
            rank,
            is_intermediate,
            source: OperandOrigin::Question,
            in_question: true,
        })
    }

    /// The first integer of a column, unless it is a number of the question.
    fn target(&self, column: usize) -> Option<Ranked> {
        let first = self.grid.first(column);
        first.filter(|(value, _)| !self.question_values.contains(value))
    }

    /// Handles the columns that no operand column reaches: steps on the question's numbers.
    fn pre_phase(&mut self) {
        let mut numbers: Vec<Operand> = self.question_operands(false).collect();
        self.limit(&mut numbers);
        for column in 0..self.layout.offset.min(self.grid.len()) {
            let Some(result) = self.target(column) else {
                continue;
            };
            let site = Site {
                place: OperandOrigin::Question,
                column,
                result,
            };
            let mut steps = from_question(&numbers, site, &mut self.budget);
            for step in &mut steps {
                step.is_explainable = true;
            }
            if let Some(step) = self.selector.select_early(&steps, &self.chain.selected) {
                self.keep(step);
            }
        }
    }

    /// Handles one operand column with its result column.
    fn column(&mut self, place: usize, column: usize) {
        let Some(result) = self.target(column) else {
            return;
        };
        let operands = self.operands(place);
        if operands.len() < 2 {
            return;
        }
        let site = Site {
            place: OperandOrigin::Column(place),
            column,
            result,
        };
        let mut steps = from_operands(&operands, site, &mut self.budget);
        for step in &mut steps {
            step.is_explainable = step.operands.iter().all(|o| self.explains(o));
        }
        let selected = &self.chain.selected;
        if let Some(step) = self
            .selector
            .select(&steps, place, selected, &self.question_values)
        {
            self.keep(step);
            self.chain.candidates.push((place, steps));
        }
    }

    fn keep(&mut self, step: Step) {
        let explained = self.explained.entry(step.column).or_default();
        *explained |= step.is_explainable;
        self.results.insert((step.result, step.column));
        self.chain.selected.push(step);
    }

    /// Whether an operand leads back to the question.
    fn explains(&self, operand: &Operand) -> bool {
        if operand.is_question() {
            return true;
        }
        match operand.intermediate_at() {
            Some(source) => self.explained.get(&source) == Some(&true),
            None => self.question_values.contains(&operand.value),
        }
    }

    /// The operands at a column, in the published order.
    fn operands(&mut self, place: usize) -> Vec<Operand> {
        let here = OperandOrigin::Column(place);
        let mut list: Vec<Operand> = Vec::new();
        for (value, rank) in self.grid.integers(place) {
            let in_question = self.question_values.contains(value);
            let is_result = !in_question && self.results.contains(&(*value, place));
            list.push(Operand {
                value: *value,
                rank: if is_result { -1 } else { as_rank(*rank) },
                is_intermediate: is_result,
                source: here,
                in_question,
            });
        }
        // Column 0 is left out, as published.
        let firsts = (1..place).filter_map(|column| {
            let (value, _) = self.grid.first(column)?;
            Some((value, column, 0))
        });
        let reaches = |column: usize| column < place || column < self.layout.offset;
        let selected = self.chain.selected.iter();
        let selected = selected.map(|step| (step.result, step.column, -1));
        let selected = selected.filter(|(_, column, _)| reaches(*column));
        let mut listed: HashSet<(i128, OperandOrigin)> =
            list.iter().map(|o| (o.value, o.source)).collect();
        for (value, column, rank) in firsts.chain(selected) {
            let source = OperandOrigin::Column(column);
            if listed.insert((value, source)) {
                list.push(Operand {
                    value,
                    rank,
                    is_intermediate: true,
                    source,
                    in_question: self.question_values.contains(&value),
                });
            }
        }
        if self.layout.question_numbers {
            let values: HashSet<i128> = list.iter().map(|operand| operand.value).collect();
            let missing = self.question_operands(true);
            list.extend(missing.filter(|operand| !values.contains(&operand.value)));
        }
        self.limit(&mut list);
        list
    }

    /// Truncates operand lists far longer than those of any published question.
    fn limit(&mut self, operands: &mut Vec<Operand>) {
        if operands.len() > MAX_OPERANDS {
            operands.truncate(MAX_OPERANDS);
            self.budget.is_spent = true;
        }
    }
}

fn as_rank(rank: usize) -> i64 {
    i64::try_from(rank).unwrap_or(i64::MAX)
}
