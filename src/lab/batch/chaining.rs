//! Searches for a trace without the gold one: the published search with its verifier, which runs the model on edited
//! questions (docs/methods.md M6), or ours with its null.

use std::collections::HashMap;

use super::subject::Subject;
use super::tokens::Own;
use crate::core::answers::same;
use crate::core::datasets::templates::Template;
use crate::core::types::Task;
use crate::engine::model::{ErrorKind, ModelError};
use crate::lab::analysis::counterfactual;
use crate::lab::analysis::grid::{AnswerGrid, columns};
use crate::lab::analysis::run::Ask;
use crate::lab::analysis::verdict::{self, Decoder, Strategy};
use crate::lab::rows::Protocol;
use crate::lab::rows::row::{CheckedStep, ForwardChaining, Required, Rewrite, RowCheck};
use crate::verify::paper::chain::{ChainingColumns, chain};
use crate::verify::paper::check::{
    CHECKS, CheckSettings, Checker, Runner, edited_question, values,
};
use crate::verify::paper::grid::Grid;
use crate::verify::paper::numbers;
use crate::verify::paper::select::Selection;
use crate::verify::paper::step::Step;
use crate::verify::paper::tree;

/// Number of top tokens that the published search reads.
const DEPTH: usize = 10;
/// The largest rank of an expected value among the integers of a column, in the published runs.
const MAX_RANK: usize = 1;

/// Searches for a trace; returns `None` without latents or an answer, and in paper mode for runs outside the published search.
pub(super) fn forward(
    subject: &Subject<'_>,
    index: usize,
) -> Result<Option<ForwardChaining>, ModelError> {
    let clean = subject.clean;
    if clean.fed.is_empty() || clean.run.answer.value.is_none() {
        return Ok(None);
    }
    match subject.header.settings.mode {
        Protocol::Default => ours(subject).map(Some),
        Protocol::Paper => published(subject, index),
    }
}

fn ours(subject: &Subject<'_>) -> Result<ForwardChaining, ModelError> {
    let of = counterfactual::Subject {
        model: subject.explorer.model(),
        clean: subject.clean,
        reference: subject.explorer.reference(),
    };
    let strategy = Strategy {
        decoder: Decoder::Projection,
        top_k: subject.header.settings.top_k,
        three_operands: false,
    };
    let learned = subject.explorer.learned();
    let (found, null) = verdict::search(&of, learned, &strategy, subject.cancel)?;
    Ok(ForwardChaining {
        answer: subject.clean.run.answer.value.clone(),
        candidates: found.candidates,
        found: !found.steps.is_empty(),
        steps: found.steps.iter().map(|step| step.text.clone()).collect(),
        null: Some(null),
        required: Vec::new(),
        rewrite: None,
    })
}

/// Runs edited questions, each once.
struct Runs<'a> {
    subject: &'a Subject<'a>,
    known: HashMap<String, Option<Grid>>,
    /// The first failure of the model that the question did not cause.
    failed: Option<ModelError>,
}

impl Runs<'_> {
    /// Returns the answer to a question and its columns; `None` for both if the model refuses the question.
    fn answered(&self, question: &str) -> Result<(Option<String>, Option<AnswerGrid>), ModelError> {
        let clean = self.subject.clean;
        let explorer = self.subject.explorer;
        let ask = Ask {
            question,
            gold: None,
            steps: None,
            mode: clean.mode,
            n_latents: clean.fed.len(),
            top_k: DEPTH,
            most_tokens: Some(clean.most_tokens),
        };
        match explorer.run(&ask, self.subject.cancel, &mut |_| ()) {
            Ok(run) => {
                let columns = columns(explorer.model(), &run, DEPTH)?;
                Ok((run.run.answer.value, columns))
            }
            Err(error) if error.kind() == ErrorKind::Usage => Ok((None, None)),
            Err(error) => Err(error),
        }
    }
}

impl Runner for Runs<'_> {
    fn run(&mut self, question: &str) -> Option<Grid> {
        if let Some(known) = self.known.get(question) {
            return known.clone();
        }
        if self.failed.is_some() {
            return None;
        }
        let grid = match self.answered(question) {
            Ok((_, columns)) => columns.map(|columns| columns.grid),
            Err(error) => {
                self.failed = Some(error);
                return None;
            }
        };
        self.known.insert(question.to_owned(), grid.clone());
        grid
    }
}

fn published(subject: &Subject<'_>, index: usize) -> Result<Option<ForwardChaining>, ModelError> {
    let model = subject.explorer.model();
    if model.info().task != Task::Math {
        return Ok(None);
    }
    let Some(read) = columns(model, subject.clean, DEPTH)? else {
        return Ok(None);
    };
    let question = &subject.clean.run.question;
    let template = Template::new(index, question);
    let mut runs = Runs {
        subject,
        known: HashMap::new(),
        failed: None,
    };
    let mut search = Search {
        read: &read,
        numbers: numbers::chaining_numbers(question),
        layout: ChainingColumns {
            answer_column: read.answer_column,
            offset: if model.family().is_codi() { 2 } else { 1 },
            question_numbers: true,
        },
        tokens: Own(model),
        template: &template,
        candidates: 0,
    };
    let required: Vec<Required> = (1..=CHECKS)
        .map(|passes| search.with(passes, &mut runs))
        .collect();
    // The control: the question rewritten but not edited.
    let rewrite = edited_question(&template, &values(&template));
    let (answer, _) = runs.answered(&rewrite)?;
    if let Some(error) = runs.failed {
        return Err(error);
    }
    let own = subject
        .clean
        .run
        .answer
        .value
        .as_deref()
        .unwrap_or_default();
    let spelled = read.grid.spelled(read.answer_column);
    let middle = required.get(1);
    Ok(Some(ForwardChaining {
        answer: spelled.map(|value| value.to_string()),
        candidates: search.candidates,
        found: middle.is_some_and(|required| required.found),
        steps: middle.map_or_else(Vec::new, |required| {
            required
                .steps
                .iter()
                .map(|step| step.text.clone())
                .collect()
        }),
        null: None,
        required,
        rewrite: Some(Rewrite {
            same: answer.as_deref().is_some_and(|answer| same(answer, own)),
            question: rewrite,
            answer,
        }),
    }))
}

/// The published search on one grid.
struct Search<'a> {
    read: &'a AnswerGrid,
    numbers: Vec<i128>,
    layout: ChainingColumns,
    tokens: Own<'a>,
    template: &'a Template,
    candidates: usize,
}

impl Search<'_> {
    /// Searches requiring `passes` of three edits to pass. Each setting needs its own search, because the checks steer the selection.
    fn with(&mut self, passes: usize, runs: &mut Runs<'_>) -> Required {
        let settings = CheckSettings {
            required: passes,
            max_rank: MAX_RANK,
            answer_column: self.layout.answer_column,
            tokens: &self.tokens,
        };
        let mut checker = Checker::new(self.template, settings, runs);
        let grid = &self.read.grid;
        let selection = Selection::Verified(&mut checker);
        let mut found = chain(grid, &self.numbers, self.layout, selection);
        self.candidates = found.n_candidates();
        let answer = grid.spelled(self.layout.answer_column);
        // Building the tree changes the selected steps, as published; their edits belong to the steps before that.
        let before = found.selected.clone();
        let tree = tree::build(
            &mut found.selected,
            answer,
            grid,
            self.layout,
            &self.numbers,
            false,
        );
        let steps: Vec<CheckedStep> = tree
            .iter()
            .flat_map(|tree| &tree.steps)
            .map(|&at| {
                let verdict = checker.check(&before[at], &before[..at]);
                let edits = verdict.checks.iter();
                CheckedStep {
                    text: said(&found.selected[at]),
                    column: found.selected[at].column,
                    verified: found.selected[at].verified == Some(true),
                    checks: edits
                        .map(|check| RowCheck {
                            variable: format!("VAR_{}", check.edit.variable + 1),
                            old: check.edit.old.to_string(),
                            new: check.edit.new.to_string(),
                            expected: check.expected.map(|value| value.to_string()),
                            observed: check.observed.map(|value| value.to_string()),
                            passed: check.passed,
                        })
                        .collect(),
                }
            })
            .collect();
        let of_tree = |holds: &dyn Fn(&Step) -> bool| {
            let mut steps = tree.iter().flat_map(|tree| &tree.steps);
            tree.is_some() && steps.all(|&at| holds(&found.selected[at]))
        };
        Required {
            passes,
            found: tree.is_some(),
            verified: of_tree(&|step| step.verified == Some(true)),
            explainable: of_tree(&|step| step.is_explainable),
            steps,
        }
    }
}

/// Formats a step, e.g. `22 - 5 = 17`.
fn said(step: &Step) -> String {
    let code = step.operation.code();
    let mut operators = code.chars().chain(code.chars().last()).collect::<Vec<_>>();
    if code.len() == 1 {
        operators = vec![operators[0]; step.operands.len().saturating_sub(1)];
    }
    let mut text = String::new();
    for (i, operand) in step.operands.iter().enumerate() {
        if let Some(operator) = i.checked_sub(1).and_then(|at| operators.get(at)) {
            text += &format!(" {operator} ");
        }
        text += &operand.value.to_string();
    }
    format!("{text} = {}", step.result)
}
