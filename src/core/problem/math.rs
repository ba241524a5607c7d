//! Math word problems: a chain of whole-number operations, one sentence per step, with all numbers and intermediate results
//! between 1 and 99.

use std::fmt::{self, Write as _};

use rand::Rng;
use rand::seq::IndexedRandom;
use rand_chacha::ChaCha8Rng;

use super::math_words::{
    ADD, ADD_OPENINGS, DISTRACTORS, DIV, DIV_OPENINGS, HE_NAMES, Line, MUL, MUL_OPENINGS, OBJECTS,
    OPENINGS, QUESTIONS, SHE_NAMES, SUB, SUB_OPENINGS, push_number,
};
use super::{Problem, Split};

/// The largest number in a problem.
const MAX: u32 = 99;
/// Attempts to find numbers for one list of operations before another list is drawn.
const TRIES: usize = 300;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Add,
    Sub,
    Mul,
    Div,
}

impl Op {
    const ALL: [Self; 4] = [Self::Add, Self::Sub, Self::Mul, Self::Div];

    fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Sub => '-',
            Self::Mul => '*',
            Self::Div => '/',
        }
    }

    /// Returns the sentences for the operation, and those that open a story with it.
    fn templates(self) -> (&'static [Line], &'static [&'static str]) {
        match self {
            Self::Add => (&ADD, &ADD_OPENINGS),
            Self::Sub => (&SUB, &SUB_OPENINGS),
            Self::Mul => (&MUL, &MUL_OPENINGS),
            Self::Div => (&DIV, &DIV_OPENINGS),
        }
    }

    /// Returns the result if it is exact, within `least..=MAX`, and not equal to an operand.
    fn apply(self, left: u32, right: u32, least: u32) -> Option<u32> {
        let result = match self {
            Self::Add => left + right,
            Self::Sub => left.checked_sub(right)?,
            Self::Mul => left * right,
            Self::Div => left.is_multiple_of(right).then_some(left / right)?,
        };
        ((least..=MAX).contains(&result) && result != left && result != right).then_some(result)
    }
}

#[derive(Debug, Clone, Copy)]
struct Step {
    left: u32,
    op: Op,
    right: u32,
    result: u32,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = self.op.sign();
        write!(f, "<<{}{sign}{}={}>>", self.left, self.right, self.result)
    }
}

/// Draws one problem; returns `None` if its skeleton belongs to another split.
pub(super) fn draw(rng: &mut ChaCha8Rng, steps: usize, split: Split) -> Option<Problem> {
    let chain = draw_chain(rng, steps);
    let last = chain.last()?;
    let steps: Vec<String> = chain.iter().map(Step::to_string).collect();
    split.admits(&steps.concat()).then(|| Problem {
        question: question(rng, &chain),
        answer: last.result.to_string(),
        steps,
    })
}

/// Draws operations uniformly, then numbers that suit them. A list without suitable numbers (six products, say) is replaced.
fn draw_chain(rng: &mut ChaCha8Rng, steps: usize) -> Vec<Step> {
    loop {
        let ops: Vec<Op> = (0..steps)
            .map(|_| Op::ALL[rng.random_range(0..4)])
            .collect();
        for _ in 0..TRIES {
            if let Some(chain) = draw_numbers(rng, &ops) {
                return chain;
            }
        }
    }
}

fn draw_numbers(rng: &mut ChaCha8Rng, ops: &[Op]) -> Option<Vec<Step>> {
    let high = if rng.random_bool(0.5) { 20 } else { MAX };
    let mut left = rng.random_range(2..=high);
    let mut chain = Vec::with_capacity(ops.len());
    for (i, &op) in ops.iter().enumerate() {
        let least = if i + 1 == ops.len() { 1 } else { 2 };
        let most = match op {
            Op::Mul | Op::Div => 9,
            // Small amounts in half of the draws keep longer chains possible.
            Op::Add | Op::Sub if rng.random_bool(0.5) => 12,
            Op::Add => MAX.saturating_sub(left),
            Op::Sub => left,
        };
        let fits = |right: &u32| op.apply(left, *right, least).is_some();
        let count = (2..=most).filter(fits).count();
        if count == 0 {
            return None;
        }
        let right = (2..=most).filter(fits).nth(rng.random_range(0..count))?;
        let result = op.apply(left, right, least)?;
        chain.push(Step {
            left,
            op,
            right,
            result,
        });
        left = result;
    }
    // Otherwise small answers would be far too common.
    let keep = match left {
        0..=3 => 0.2,
        4..=9 => 0.5,
        _ => 1.0,
    };
    rng.random_bool(keep).then_some(chain)
}

struct Story {
    name: &'static str,
    he: bool,
    object: &'static str,
}

/// Writes the whole question.
fn question(rng: &mut ChaCha8Rng, chain: &[Step]) -> String {
    let he = rng.random_bool(0.5);
    let names = if he { &HE_NAMES } else { &SHE_NAMES };
    let story = Story {
        name: names[rng.random_range(0..names.len())],
        he,
        object: OBJECTS[rng.random_range(0..OBJECTS.len())],
    };
    let mut lines: Vec<(&str, u32, u32)> = Vec::with_capacity(chain.len() + 3);
    for (i, step) in chain.iter().enumerate() {
        if i == 0 {
            let joint = rng.random_bool(if step.op == Op::Mul { 0.5 } else { 0.2 });
            if joint {
                lines.push((pick(rng, step.op.templates().1), step.left, step.right));
                continue;
            }
            lines.push((pick(rng, &OPENINGS), step.left, 0));
        }
        lines.push((line_for(rng, step), 0, step.right));
    }
    if rng.random_bool(0.25) {
        let (text, low, high) = DISTRACTORS[rng.random_range(0..DISTRACTORS.len())];
        // A pronoun must follow its name.
        let first = usize::from(text.starts_with("{H"));
        let at = rng.random_range(first..=lines.len());
        lines.insert(at, (text, rng.random_range(low..=high), 0));
    }
    lines.push((pick(rng, &QUESTIONS), 0, 0));
    let mut out = String::with_capacity(48 * lines.len());
    for (text, a, b) in lines {
        if !out.is_empty() {
            out.push(' ');
        }
        story.fill(rng, &mut out, text, a, b);
    }
    out
}

fn pick(rng: &mut ChaCha8Rng, from: &[&'static str]) -> &'static str {
    from.choose(rng).copied().unwrap_or_default()
}

/// Returns a template for a step, sometimes preferring one written for exactly this number.
fn line_for(rng: &mut ChaCha8Rng, step: &Step) -> &'static str {
    let lines = step.op.templates().0;
    let special = lines.iter().any(|l| l.only == step.right) && rng.random_bool(0.4);
    let only = if special { step.right } else { 0 };
    loop {
        let line = &lines[rng.random_range(0..lines.len())];
        if line.only == only {
            return line.text;
        }
    }
}

impl Story {
    /// Appends a template with its placeholders filled in.
    fn fill(&self, rng: &mut ChaCha8Rng, out: &mut String, text: &str, a: u32, b: u32) {
        let mut rest = text;
        while let Some((before, tail)) = rest.split_once('{') {
            out.push_str(before);
            let (key, after) = tail.split_once('}').unwrap_or((tail, ""));
            rest = after;
            let gendered = |he, she| if self.he { he } else { she };
            match key {
                "a" => push_number(rng, out, a),
                "b" => push_number(rng, out, b),
                "d" => _ = write!(out, "{a}"),
                "N" => out.push_str(self.name),
                "s" => out.push_str(self.object),
                "o" => out.extend([self.object, "s"]),
                "He" => out.push_str(gendered("He", "She")),
                "he" => out.push_str(gendered("he", "she")),
                "him" => out.push_str(gendered("him", "her")),
                "His" => out.push_str(gendered("His", "Her")),
                "his" => out.push_str(gendered("his", "her")),
                _ => {}
            }
        }
        out.push_str(rest);
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use super::super::math_words::mentions;
    use super::super::{Family, Spec, generate};
    use super::*;

    /// Parses a step independently of the code above: left, sign, right, result.
    fn parse(step: &str) -> (u32, char, u32, u32) {
        let inner = step.trim_start_matches('<').trim_end_matches('>');
        let numbers: Vec<u32> = inner
            .split(['+', '-', '*', '/', '='])
            .map(|number| number.parse().unwrap())
            .collect();
        let sign = inner.find(['+', '-', '*', '/']).unwrap();
        let sign = char::from(inner.as_bytes()[sign]);
        (numbers[0], sign, numbers[1], numbers[2])
    }

    #[test]
    fn every_problem_replays_exactly() {
        let mut ops = [0_usize; 4];
        for split in Split::ALL {
            let spec = Spec::new(Family::Math, split);
            for problem in generate(&spec, 2000, 7).unwrap() {
                let mut last = None;
                for step in &problem.steps {
                    let (left, sign, right, result) = parse(step);
                    let (op, expected) = match sign {
                        '+' => (0, left + right),
                        '-' => (1, left - right),
                        '*' => (2, left * right),
                        _ => (3, left / right),
                    };
                    ops[op] += 1;
                    assert_eq!(expected, result, "{problem:?}");
                    assert!(sign != '/' || left % right == 0, "{problem:?}");
                    assert!(sign != '*' && sign != '/' || (2..=9).contains(&right));
                    assert!([left, right, result].iter().all(|n| (1..=99).contains(n)));
                    assert!(result != left && result != right, "{problem:?}");
                    match last {
                        None => assert!(mentions(&problem.question, left), "{problem:?}"),
                        Some(last) => assert_eq!(left, last, "{problem:?}"),
                    }
                    assert!(mentions(&problem.question, right), "{problem:?}");
                    last = Some(result);
                }
                assert_eq!(problem.answer, last.unwrap().to_string());
                assert!(problem.question.ends_with('?'));
                assert!(!problem.question.contains(['{', '}']));
                let digits = problem.question.split(|c: char| !c.is_ascii_digit());
                assert!(digits.filter(|d| !d.is_empty()).all(|d| d.len() <= 2));
            }
        }
        let total: usize = ops.iter().sum();
        for count in ops {
            assert!((20..=30).contains(&(count * 100 / total)), "{ops:?}");
        }
    }
}
