//! An independent check of a trace: recomputes every step from the question, the steps and the answer alone.
//!
//! Shares only the number parser with the search. It does not see the latents, so it cannot confirm that a result was read there.
//! Faults are returned as data.

use crate::core::types::{Operand, TraceStep, ValueSource};

use crate::core::problem::Ratio;
use crate::core::problem::numbers::question_numbers;

/// A fault of a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The index of the step, from 0.
    pub step: usize,
    /// The fault.
    pub fault: Fault,
}

/// The kinds of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// There are no steps.
    Empty,
    /// The operator is unknown, or steps of both kinds are mixed.
    Operator,
    /// The number of operands does not fit the operator.
    Operands,
    /// A text that should be a number is not one.
    Number,
    /// The named bytes of the question do not spell the operand.
    NotInQuestion,
    /// The operand is not the result of the step that it names, or that step is not earlier.
    NotEarlier,
    /// The operand's source is neither the question nor a step.
    Source,
    /// The result is not what the operation gives.
    Result,
    /// The step's text does not match its parts.
    Text,
    /// The result is not read at a latent, or not after its operands' latents.
    Position,
    /// No later step uses the result.
    Unused,
    /// The question states no such fact.
    NoFact,
    /// The chain does not start at the entity that the query asks about.
    Entity,
    /// The last result is not, or does not settle, the answer.
    Answer,
}

/// Checks a trace; an empty list means that every step is valid and the last one gives the answer.
#[must_use]
pub fn replay(question: &str, steps: &[TraceStep], answer: &str) -> Vec<Finding> {
    let mut check = Check {
        question,
        steps,
        answer,
        findings: Vec::new(),
    };
    let Some(first) = steps.first() else {
        check.fault(0, Fault::Empty);
        return check.findings;
    };
    check.positions();
    if matches!(first.operator.as_str(), "is-a" | "is" | "is-not") {
        check.chain();
    } else {
        check.sums();
    }
    check.findings
}

struct Check<'a> {
    question: &'a str,
    steps: &'a [TraceStep],
    answer: &'a str,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn fault(&mut self, step: usize, fault: Fault) {
        self.findings.push(Finding { step, fault });
    }

    fn expect(&mut self, holds: bool, step: usize, fault: Fault) {
        if !holds {
            self.fault(step, fault);
        }
    }

    /// Checks that results come from later latents than their operands, that only the last is at the answer, and that all others
    /// are used.
    fn positions(&mut self) {
        let last = self.steps.len() - 1;
        let place = |step: &TraceStep| match step.result.source {
            ValueSource::Latent { latent, .. } if latent.0 > 0 => Some(latent.0),
            ValueSource::Answer => Some(usize::MAX),
            _ => None,
        };
        let mut used = vec![false; self.steps.len()];
        for (i, step) in self.steps.iter().enumerate() {
            let at = place(step);
            let mut rests_on_read = false;
            let mut later = at.is_some();
            for operand in &step.operands {
                let ValueSource::Step { step: source } = operand.source else {
                    continue;
                };
                let Some(earlier) = self
                    .steps
                    .get(source)
                    .filter(|s| source < i && s.result.text == operand.text)
                else {
                    self.fault(i, Fault::NotEarlier);
                    continue;
                };
                used[source] = true;
                rests_on_read = true;
                later &= place(earlier) < at;
            }
            let at_answer = at == Some(usize::MAX);
            self.expect(
                later && (!at_answer || (i == last && rests_on_read)),
                i,
                Fault::Position,
            );
        }
        for (i, used) in used.into_iter().enumerate() {
            self.expect(used || i == last, i, Fault::Unused);
        }
    }

    fn sums(&mut self) {
        let numbers = question_numbers(self.question);
        for (i, step) in self.steps.iter().enumerate() {
            let operators: Vec<&str> = step.operator.split(' ').collect();
            if operators
                .iter()
                .any(|op| !matches!(*op, "+" | "-" | "*" | "/"))
            {
                self.fault(i, Fault::Operator);
                continue;
            }
            if step.operands.len() != operators.len() + 1 || step.operands.len() > 3 {
                self.fault(i, Fault::Operands);
                continue;
            }
            let values: Vec<Option<Ratio>> = step
                .operands
                .iter()
                .map(|o| Ratio::parse(&o.text))
                .collect();
            let Some(values) = values.into_iter().collect::<Option<Vec<Ratio>>>() else {
                self.fault(i, Fault::Number);
                continue;
            };
            for (operand, value) in step.operands.iter().zip(&values) {
                match operand.source {
                    ValueSource::Question { start, end } => {
                        let spelled = numbers
                            .iter()
                            .any(|n| (n.start, n.end, n.value) == (start, end, *value));
                        self.expect(spelled, i, Fault::NotInQuestion);
                    }
                    ValueSource::Step { .. } => {}
                    _ => self.fault(i, Fault::Source),
                }
            }
            let result = values[1..].iter().zip(&operators).try_fold(
                values[0],
                |left, (right, op)| match *op {
                    "+" => left.checked_add(*right),
                    "-" => left.checked_sub(*right),
                    "*" => left.checked_mul(*right),
                    _ => left.checked_div(*right),
                },
            );
            let holds = result.is_some() && result == Ratio::parse(&step.result.text);
            self.expect(holds, i, Fault::Result);
            self.expect(spells(step, &operators), i, Fault::Text);
        }
        if let Some((i, last)) = self.steps.iter().enumerate().next_back() {
            let (result, answer) = (Ratio::parse(&last.result.text), Ratio::parse(self.answer));
            self.expect(result.is_some() && result == answer, i, Fault::Answer);
        }
    }

    fn chain(&mut self) {
        let steps = self.steps;
        for (i, step) in steps.iter().enumerate() {
            if !matches!(step.operator.as_str(), "is-a" | "is" | "is-not") {
                self.fault(i, Fault::Operator);
                continue;
            }
            let [from, fact] = step.operands.as_slice() else {
                self.fault(i, Fault::Operands);
                continue;
            };
            match from.source {
                ValueSource::Question { start, end } => {
                    let is_spelled = self.question.get(start..end) == Some(from.text.as_str());
                    self.expect(is_spelled, i, Fault::NotInQuestion);
                    self.expect(i == 0 && start >= self.query_start(), i, Fault::Entity);
                }
                ValueSource::Step { step: source } => {
                    self.expect(i > 0 && source == i - 1, i, Fault::NotEarlier);
                }
                _ => self.fault(i, Fault::Source),
            }
            self.expect(self.states(from, fact, step), i, Fault::NoFact);
            self.expect(step.text == fact.text, i, Fault::Text);
            // Only "is a" continues a chain; a denial or a property ends it.
            self.expect(
                step.operator == "is-a" || i + 1 == steps.len(),
                i,
                Fault::Result,
            );
        }
        if let Some((i, last)) = steps.iter().enumerate().next_back() {
            let settles = self.settles(last);
            self.expect(settles, i, Fault::Answer);
        }
    }

    /// The first byte of the last sentence.
    fn query_start(&self) -> usize {
        let body = self.question.trim_end().trim_end_matches(['.', '?', '!']);
        body.rfind(['.', '?', '!', '\n']).map_or(0, |at| at + 1)
    }

    /// Whether the fact's bytes are a whole sentence that states the step.
    fn states(&self, from: &Operand, fact: &Operand, step: &TraceStep) -> bool {
        let ValueSource::Question { start, end } = fact.source else {
            return false;
        };
        let (Some(before), Some(text), Some(after)) = (
            self.question.get(..start),
            self.question.get(start..end),
            self.question.get(end..),
        ) else {
            return false;
        };
        let whole = (before.trim_end().is_empty()
            || before.trim_end().ends_with(['.', '!'])
            || before.ends_with('\n'))
            && after.starts_with(['.', '!', '\n']);
        let lower = text.to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let subject = match words.as_slice() {
            ["every" | "each" | "all" | "any" | "a" | "an", noun, ..] | [noun, ..] => *noun,
            [] => return false,
        };
        let object = words.last().copied().unwrap_or_default();
        let denied = words.contains(&"not");
        let verb = words.iter().any(|w| matches!(*w, "is" | "are"));
        // Without an article, properties and nouns look alike ("are rompuses"), so only the sign is checked.
        let article = words.len() >= 2 && matches!(words[words.len() - 2], "a" | "an");
        let kind = match step.operator.as_str() {
            "is-not" => denied,
            "is" => !denied && !article,
            _ => !denied && (article || object != step.result.text.to_lowercase()),
        };
        let same = |word: &str, node: &str| {
            let node = node.to_lowercase();
            word == node
                || word
                    .strip_prefix(node.as_str())
                    .is_some_and(|rest| matches!(rest, "s" | "es"))
                || node
                    .strip_suffix('y')
                    .is_some_and(|stem| word.strip_suffix("ies") == Some(stem))
        };
        whole
            && verb
            && kind
            && text == fact.text
            && same(subject, &from.text)
            && same(object, &step.result.text)
    }

    /// Whether the last step settles the query with the answer.
    fn settles(&self, last: &TraceStep) -> bool {
        let query = self
            .question
            .get(self.query_start()..)
            .unwrap_or_default()
            .to_lowercase();
        let words: Vec<&str> = query
            .split(|c: char| !c.is_alphanumeric() && c != '-')
            .filter(|w| !w.is_empty())
            .collect();
        let answer = self.answer.trim().trim_end_matches('.').to_lowercase();
        let word = answer.split_whitespace().next_back().unwrap_or_default();
        let result = last.result.text.to_lowercase();
        match word {
            "true" | "false" => {
                let claims_not = words.contains(&"not");
                let holds = (last.operator == "is-not") == claims_not;
                words.last() == Some(&result.as_str()) && holds == (word == "true")
            }
            _ => word == result && last.operator == "is-a",
        }
    }
}

/// Whether a step's text is its operands, operators and result, separated by spaces; fractions may be in brackets.
fn spells(step: &TraceStep, operators: &[&str]) -> bool {
    let words: Vec<&str> = step.text.split(' ').collect();
    let operands = step.operands.iter().map(|o| o.text.as_str());
    let mut expected: Vec<&str> = Vec::with_capacity(words.len());
    for (i, operand) in operands.enumerate() {
        if let Some(op) = i.checked_sub(1).and_then(|i| operators.get(i)) {
            expected.push(op);
        }
        expected.push(operand);
    }
    expected.extend(["=", step.result.text.as_str()]);
    let bare = |word: &str, plain: &str| {
        word == plain || word.strip_prefix('(').and_then(|w| w.strip_suffix(')')) == Some(plain)
    };
    words.len() == expected.len()
        && words
            .iter()
            .zip(expected)
            .all(|(word, plain)| bare(word, plain))
}
