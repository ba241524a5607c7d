//! The published verifier of one step: edits of the question that the step predicts (docs/methods.md M6.7).
//!
//! Pure, except for the [`Runner`] of the caller, which runs the model on an edited question.

use std::collections::HashMap;

use super::grid::Grid;
use super::select::Verify;
use super::step::{OperandOrigin, Operation, Step};
use super::tokens::Cut;
use crate::core::datasets::templates::{Template, TemplateValue};

#[cfg(test)]
pub(super) use edits::next as next_edit;
pub use edits::{VariableEdit, edited_question};

mod edits;

/// The number of edits that each candidate step is tested with.
pub const CHECKS: usize = 3;

/// Runs the model on a question.
pub trait Runner {
    /// Returns the grid of a question; `None` if the run has to be dropped (no delimiter, too few columns).
    fn run(&mut self, question: &str) -> Option<Grid>;
}

impl<F: FnMut(&str) -> Option<Grid>> Runner for F {
    fn run(&mut self, question: &str) -> Option<Grid> {
        self(question)
    }
}

/// Settings of the verifier.
#[derive(Clone, Copy)]
pub struct CheckSettings<'a> {
    /// How many of the three checks have to pass.
    pub required: usize,
    /// Number of leading integers of a column that may be the expected value; 1 means only the first.
    pub max_rank: usize,
    /// The first column whose value is read like the answer.
    pub answer_column: usize,
    /// The model's tokenizer: edited values are one token.
    pub tokens: &'a dyn Cut,
}

/// One edit with its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EditCheck {
    /// The edit.
    pub edit: VariableEdit,
    /// The step's predicted result; `None` if a division is inexact, which fails without a run.
    pub expected: Option<i128>,
    /// The observed value: the first integer of the column, or the answer; `None` if there is neither.
    pub observed: Option<i128>,
    /// Whether the two agree.
    pub passed: bool,
}

/// The verdict on a step.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Verdict {
    /// The checks; empty if fewer than three edits were found or if no operand leads to a variable.
    pub checks: Vec<EditCheck>,
}

impl Verdict {
    /// How many checks passed.
    #[must_use]
    pub fn passes(&self) -> usize {
        self.checks.iter().filter(|check| check.passed).count()
    }
}

/// An operand traced to its origin.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Traced {
    /// A variable of the template, from 0.
    Variable(usize),
    /// A number that edits do not change: one of the published constants (7, 12, 24, 52, 60, 100) or one of unknown origin; the
    /// verdict treats them alike.
    Fixed(i128),
    /// The result of another step.
    Step(Box<TracedStep>),
}

/// A step with its operands traced to variables.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct TracedStep {
    operation: Operation,
    operands: Vec<Traced>,
}

impl TracedStep {
    /// Collects its variables.
    fn variables(&self, variables: &mut Vec<usize>) {
        for operand in &self.operands {
            match operand {
                Traced::Variable(variable) => variables.push(*variable),
                Traced::Fixed(_) => {}
                Traced::Step(step) => step.variables(variables),
            }
        }
    }

    /// Returns its result with these values of the variables.
    fn value(&self, variables: &[i128]) -> Option<i128> {
        let value = |operand: &Traced| match operand {
            Traced::Variable(variable) => variables.get(*variable).copied(),
            Traced::Fixed(value) => Some(*value),
            Traced::Step(step) => step.value(variables),
        };
        let values: Option<Vec<i128>> = self.operands.iter().map(value).collect();
        self.operation.apply(&values?)
    }
}

/// The published verifier for one question. Caches verdicts and runs, since steps recur often.
pub struct Checker<'a> {
    template: &'a Template,
    values: Vec<i128>,
    settings: CheckSettings<'a>,
    runner: &'a mut dyn Runner,
    verdicts: HashMap<(TracedStep, usize, i128), Verdict>,
    runs: HashMap<String, Option<Grid>>,
}

impl<'a> Checker<'a> {
    /// Prepares the verifier for a question's template.
    pub fn new(
        template: &'a Template,
        settings: CheckSettings<'a>,
        runner: &'a mut dyn Runner,
    ) -> Self {
        Self {
            template,
            values: values(template),
            settings,
            runner,
            verdicts: HashMap::new(),
            runs: HashMap::new(),
        }
    }

    /// Checks a step by its edits, given the steps selected before it.
    pub fn check(&mut self, step: &Step, selected: &[Step]) -> Verdict {
        let traced = self.trace(step, selected);
        let key = (traced, step.column, step.result);
        if let Some(verdict) = self.verdicts.get(&key) {
            return verdict.clone();
        }
        let verdict = self.verdict(&key.0, step);
        self.verdicts.insert(key, verdict.clone());
        verdict
    }

    fn verdict(&mut self, traced: &TracedStep, step: &Step) -> Verdict {
        let mut variables = Vec::new();
        traced.variables(&mut variables);
        variables.sort_by_cached_key(|variable| format!("VAR_{}", variable + 1));
        variables.dedup();
        let edits = self.edits(traced, step, &variables);
        if edits.len() < CHECKS {
            return Verdict::default();
        }
        let checks = edits
            .into_iter()
            .map(|edit| self.outcome(edit, traced, step));
        Verdict {
            checks: checks.collect(),
        }
    }

    /// Edits variable i modulo their number; each value of a variable occurs once.
    fn edits(&self, traced: &TracedStep, step: &Step, variables: &[usize]) -> Vec<VariableEdit> {
        if variables.is_empty() {
            return Vec::new();
        }
        let mut edits: Vec<VariableEdit> = Vec::new();
        for i in 0..CHECKS {
            let variable = variables[i % variables.len()];
            let used = edits.iter().filter(|edit| edit.variable == variable);
            let used: Vec<i128> = used.map(|edit| edit.new).collect();
            let expected = |values: &[i128]| traced.value(values);
            let accepts = |values: &[i128]| self.is_telling(expected(values), step.result);
            edits.extend(edits::next(
                self.template,
                &self.values,
                variable,
                &used,
                self.settings.tokens,
                &accepts,
            ));
        }
        edits
    }

    /// Whether an edit's result can be told from the original: it differs, and is one token if the original is.
    fn is_telling(&self, expected: Option<i128>, original: i128) -> bool {
        let single = |value: i128| self.settings.tokens.is_single(&value.to_string());
        expected.is_some_and(|value| value != original && (!single(original) || single(value)))
    }

    fn outcome(&mut self, edit: VariableEdit, traced: &TracedStep, step: &Step) -> EditCheck {
        let mut values = self.values.clone();
        values[edit.variable] = edit.new;
        let expected = traced.value(&values);
        let settings = self.settings;
        let (observed, passed) = expected
            .and_then(|expected| {
                let grid = self.grid(&edited_question(self.template, &values))?;
                Some(observe(grid, step.column, expected, settings))
            })
            .unwrap_or_default();
        EditCheck {
            edit,
            expected,
            observed,
            passed,
        }
    }

    fn grid(&mut self, question: &str) -> Option<&Grid> {
        if !self.runs.contains_key(question) {
            let grid = self.runner.run(question);
            self.runs.insert(question.to_owned(), grid);
        }
        self.runs.get(question)?.as_ref()
    }

    fn trace(&self, step: &Step, selected: &[Step]) -> TracedStep {
        let follow = |operand: &super::step::Operand| {
            let column = operand.intermediate_at();
            let Some(column) = column.filter(|_| !operand.is_question()) else {
                return self.variable(operand.value);
            };
            let is_source = |source: &&Step| {
                (source.column, source.result) == (column, operand.value) && precedes(source, step)
            };
            match selected.iter().find(is_source) {
                Some(source) => Traced::Step(Box::new(self.trace(source, selected))),
                None => Traced::Fixed(operand.value),
            }
        };
        TracedStep {
            operation: step.operation,
            operands: step.operands.iter().map(follow).collect(),
        }
    }

    /// The first variable with this value; without one the value is fixed (Q27).
    fn variable(&self, value: i128) -> Traced {
        let mut variables = self.template.variables.iter();
        let variable = variables.position(|variable| is_equal(*variable, value));
        variable.map_or(Traced::Fixed(value), Traced::Variable)
    }
}

impl Verify for Checker<'_> {
    fn verifies(&mut self, step: &Step, selected: &[Step]) -> bool {
        let verdict = self.check(step, selected);
        !verdict.checks.is_empty() && verdict.passes() >= self.settings.required
    }
}

/// Whether a step's column comes before another's, so that tracing terminates.
fn precedes(source: &Step, step: &Step) -> bool {
    source.column < step.column
        || (source.place == OperandOrigin::Question && step.place != OperandOrigin::Question)
}

/// Reads a column of the grid (docs/methods.md M6.7e): the observed value, and whether the expected one is there.
fn observe(
    grid: &Grid,
    column: usize,
    expected: i128,
    settings: CheckSettings<'_>,
) -> (Option<i128>, bool) {
    if column >= settings.answer_column {
        let spelled = grid.spelled(column);
        return (spelled, spelled == Some(expected));
    }
    let mut first = grid.integers(column).iter().take(settings.max_rank);
    let passed = first.any(|(value, _)| *value == expected);
    (grid.first(column).map(|(value, _)| value), passed)
}

/// The values of a template's variables.
#[must_use]
pub fn values(template: &Template) -> Vec<i128> {
    template
        .variables
        .iter()
        .map(|value| whole(*value))
        .collect()
}

/// A variable's value, truncated to an integer (Q38).
#[allow(
    clippy::cast_possible_truncation,
    reason = "the published code truncates; what is out of range saturates"
)]
fn whole(value: TemplateValue) -> i128 {
    match value {
        TemplateValue::Whole(value) => i128::from(value),
        TemplateValue::Decimal(value) => value as i128,
    }
}

#[allow(
    clippy::cast_precision_loss,
    clippy::float_cmp,
    reason = "the published code compares a number with a float"
)]
fn is_equal(variable: TemplateValue, value: i128) -> bool {
    match variable {
        TemplateValue::Whole(variable) => i128::from(variable) == value,
        TemplateValue::Decimal(variable) => variable == value as f64,
    }
}
