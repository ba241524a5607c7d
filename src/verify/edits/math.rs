//! Edits of an arithmetic question: one number at a time is written over.

use std::ops::Range;

use crate::trace::{Operand, Source, TraceStep};
use crate::verify::numbers::{Number, question_numbers};
use crate::verify::ratio::Ratio;

use super::wording::rewordings;
use super::{Edit, Means};

/// Edits by number of the question, the numbers in reading order; those that the trace does not use are controls.
pub(super) fn edits(question: &str, steps: &[TraceStep], means: &Means<'_>) -> Vec<Vec<Edit>> {
    let numbers = question_numbers(question);
    let original = recompute(steps, &|operand| Ratio::parse(&operand.text), None);
    let Some(original) = original else {
        return Vec::new();
    };
    // A new value that stands somewhere already could be read there by chance.
    let taken: Vec<Ratio> = numbers
        .iter()
        .map(|n| n.value)
        .chain(original.iter().copied())
        .collect();
    let of_number = |number: &Number| {
        rewordings(question, number)
            .into_iter()
            .filter(|new| !taken.contains(&new.value))
            .filter_map(|new| {
                let value_of = |operand: &Operand| match operand.source {
                    Source::Question { start, .. } if start == number.start => Some(new.value),
                    _ => Ratio::parse(&operand.text),
                };
                let results = recompute(steps, &value_of, None)?;
                follows(steps, &original, &results, means).then(|| Edit {
                    change: format!("{} to {}", &question[number.start..number.end], new.label()),
                    question: written_over(question, &new.range, &new.text),
                    answer: results.last().map(Ratio::to_string).unwrap_or_default(),
                    concerns: original.iter().zip(&results).map(|(a, b)| a != b).collect(),
                    results: results.iter().map(Ratio::to_string).collect(),
                })
            })
            .collect()
    };
    numbers.iter().map(of_number).collect()
}

/// Whether the new results are ones that a latent could show: whole, positive, one token.
fn follows(steps: &[TraceStep], before: &[Ratio], after: &[Ratio], means: &Means<'_>) -> bool {
    let readable = |result: &Ratio| (means.readable)(&result.to_string());
    steps
        .iter()
        .zip(before)
        .zip(after)
        .all(|((step, before), after)| {
            let at_latent = matches!(step.result.source, Source::Latent { .. });
            let positive = after.to_integer().is_some_and(|n| n > 0);
            // What a trace that ends in a fraction becomes is not for this test to forbid.
            (before.to_integer().is_none() || positive) && (!at_latent || readable(after))
        })
}

/// The last result when a step's result is another value.
pub(super) fn answer_if(steps: &[TraceStep], step: usize, value: &str) -> Option<String> {
    let value = Ratio::parse(value)?;
    let results = recompute(
        steps,
        &|operand| Ratio::parse(&operand.text),
        Some((step, value)),
    )?;
    let answer = results.last()?;
    // Nothing below one is an answer that these questions have.
    (*answer > Ratio::ZERO).then(|| answer.to_string())
}

/// The results of all steps, given the numbers of the question and perhaps one result that is set; none if one is undefined.
fn recompute(
    steps: &[TraceStep],
    value_of: &dyn Fn(&Operand) -> Option<Ratio>,
    set: Option<(usize, Ratio)>,
) -> Option<Vec<Ratio>> {
    let mut results: Vec<Ratio> = Vec::with_capacity(steps.len());
    for (i, step) in steps.iter().enumerate() {
        if let Some((at, value)) = set
            && at == i
        {
            results.push(value);
            continue;
        }
        let value = |operand: &Operand| match operand.source {
            Source::Step { step } => results.get(step).copied(),
            _ => value_of(operand),
        };
        let mut operands = step.operands.iter().map(value);
        let mut result = operands.next()??;
        for (operator, operand) in step.operator.split(' ').zip(operands) {
            result = apply(operator, result, operand?)?;
        }
        results.push(result);
    }
    Some(results)
}

fn apply(operator: &str, left: Ratio, right: Ratio) -> Option<Ratio> {
    match operator {
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => None,
    }
}

fn written_over(question: &str, range: &Range<usize>, text: &str) -> String {
    format!(
        "{}{text}{}",
        &question[..range.start],
        &question[range.end..]
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::trace::Task;
    use crate::verify::tests::tokens;
    use crate::verify::{Case, Search, edits::edits as all, search};

    fn trace(question: &str, answer: &str, latents: &[&[&str]]) -> Vec<TraceStep> {
        let latents: Vec<_> = latents.iter().map(|l| tokens(l)).collect();
        let case = case(question, answer);
        search(&Search::default(), &case, &latents).steps
    }

    fn case<'a>(question: &'a str, answer: &'a str) -> Case<'a> {
        Case {
            task: Task::Math,
            question,
            unknown_words: &[],
            answer: Some(answer),
        }
    }

    fn show(question: &str, answer: &str, latents: &[&[&str]], most: usize) -> Vec<String> {
        let steps = trace(question, answer, latents);
        assert!(!steps.is_empty(), "no trace in {question}");
        let means = Means {
            readable: &|text| text.parse().is_ok_and(|n: i64| n < 100),
            spares: &[],
        };
        let show = |e: &Edit| {
            let marks: Vec<String> = e
                .results
                .iter()
                .zip(&e.concerns)
                .map(|(r, c)| format!("{r}{}", if *c { "!" } else { "" }))
                .collect();
            format!("{}: {} -> {}", e.change, marks.join(" "), e.answer)
        };
        all(&case(question, answer), &steps, &means, most)
            .iter()
            .map(show)
            .collect()
    }

    const PENS: &str = "Tom is 30. Tom has 12 red and 7 blue pens. He doubles them.";

    #[test]
    fn every_number_is_edited_in_turn_and_the_trace_recomputed() {
        assert_eq!(
            show(PENS, "38", &[&["19"], &["38"]], 9),
            [
                "30 to 31: 19 38 -> 38",
                "12 to 13: 20! 40! -> 40",
                "7 to 8: 20! 40! -> 40",
                "doubles to triples: 19 57! -> 57",
                "30 to 29: 19 38 -> 38",
                "12 to 11: 18! 36! -> 36",
                "7 to 6: 18! 36! -> 36",
                "doubles to quadruples: 19 76! -> 76",
                "30 to 32: 19 38 -> 38",
            ]
        );
    }

    #[test]
    fn the_rest_of_the_question_stays_letter_by_letter() {
        let steps = trace(PENS, "38", &[&["19"], &["38"]]);
        let means = Means {
            readable: &|_| true,
            spares: &[],
        };
        let first = all(&case(PENS, "38"), &steps, &means, 2);
        assert_eq!(
            first[1].question,
            "Tom is 30. Tom has 13 red and 7 blue pens. He doubles them."
        );
        assert!(first[0].is_control() && !first[1].is_control());
    }

    #[test]
    fn results_stay_whole_positive_and_readable() {
        // 24 / 3 = 8: only multiples of 3; 3 has the other divisors of 24.
        assert_eq!(
            show("24 pens are shared by 3.", "8", &[&["8"]], 6),
            [
                "24 to 27: 9! -> 9",
                "3 to 4: 6! -> 6",
                "24 to 21: 7! -> 7",
                "3 to 2: 12! -> 12",
                "24 to 30: 10! -> 10",
                "3 to 1: 24! -> 24",
            ]
        );
        assert!(
            show("Ann has 98 and 1.", "99", &[&["99"]], 9)
                .iter()
                .all(|e| !e.contains("100"))
        );
    }

    #[test]
    fn a_step_set_to_another_value_carries_on() {
        let steps = trace(PENS, "38", &[&["19"], &["38"]]);
        let of =
            |step, value| crate::verify::edits::answer_if(&case(PENS, "38"), &steps, step, value);
        assert_eq!(of(0, "20").as_deref(), Some("40"));
        assert_eq!(of(1, "20").as_deref(), Some("20"));
        assert_eq!(of(0, "19"), None, "the same answer is no prediction");
        assert_eq!(of(0, "x"), None);
    }
}
