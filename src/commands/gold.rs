//! Notes on gold answers before a run: those reduced to a number, and those the model cannot produce.

use std::collections::HashMap;

use super::print_note;
use crate::core::problem::{Problem, gold};
use crate::core::problem_file::Dressed;
use crate::core::text::{sanitize, truncate};
use crate::core::types::Task;
use crate::engine::model::Model;

/// Number of answers shown.
const SHOWN: usize = 3;
/// The largest width of an answer.
const WIDTH: usize = 40;

/// Prints to standard error the gold answers reduced to a number and those that no answer of the model can equal.
pub fn note(model: &Model, problems: &[&Problem], dressed: &[Dressed]) {
    let all = problems.len();
    if !dressed.is_empty() {
        let shown = dressed.iter().take(SHOWN).map(|dressed| {
            let plain = problems.get(dressed.row).map_or("", |p| p.answer.as_str());
            let (was, is) = (truncate(&dressed.was, WIDTH), truncate(plain, WIDTH));
            format!("row {} {was:?} as {is}", dressed.row)
        });
        let what = format!(
            "{} of {all} gold answers were reduced to a number",
            dressed.len()
        );
        said(&what, &shown.collect::<Vec<_>>(), dressed.len());
    }
    // A cache, because many problems share an answer.
    let mut known: HashMap<&str, bool> = HashMap::new();
    let mut unmet: Vec<(usize, &Problem)> = Vec::new();
    for (row, problem) in problems.iter().enumerate() {
        let gold = problem.answer.as_str();
        let can_be_met = *known
            .entry(gold)
            .or_insert_with(|| can_be_said(model, gold));
        if !gold.is_empty() && !can_be_met {
            unmet.push((row, problem));
        }
    }
    if !unmet.is_empty() {
        let shown = unmet
            .iter()
            .take(SHOWN)
            .map(|(row, problem)| format!("row {row} {:?}", truncate(&problem.answer, WIDTH)));
        let what = format!(
            "{} of {all} gold answers cannot be equalled by any answer of this model",
            unmet.len()
        );
        said(&what, &shown.collect::<Vec<_>>(), unmet.len());
    }
}

fn said(what: &str, shown: &[String], all: usize) {
    let more = if all > shown.len() {
        format!(", and {} more", all - shown.len())
    } else {
        String::new()
    };
    print_note(&sanitize(&format!("{what}: {}{more}", shown.join(", "))));
}

/// Returns whether the model can produce an answer: its vocabulary has every word, and an arithmetic answer is a number.
fn can_be_said(model: &Model, answer: &str) -> bool {
    (model.info().task != Task::Math || gold::is_number(answer))
        && model
            .encode_text(answer)
            .is_ok_and(|ids| !ids.iter().any(|id| model.is_unknown(*id)))
}
