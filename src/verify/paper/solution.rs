//! A gold solution as backtracking reads it (docs/methods.md M5.1): operands and results, no operators.

use std::sync::LazyLock;

use regex::Regex;

use crate::core::datasets::numbers::{float, step_strings};
use crate::core::datasets::pattern;
use crate::core::datasets::solution::result_texts;

/// The expression is lazy but may match anything: after a result that is not a plain number ("=.5>>") the match extends into the
/// next step, whose operands are joined with the earlier ones (Q14).
static STEP: LazyLock<Regex> = LazyLock::new(|| pattern(r"<<(.+?)=(-?\d+(?:\.\d+)?)>>"));

/// One step: operands and result.
#[derive(Debug, Clone, PartialEq)]
pub struct GoldStep {
    /// The numbers of the expression in order, without signs and zeros, with repeats.
    pub operands: Vec<f64>,
    /// The result.
    pub result: f64,
}

/// A gold solution.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Solution {
    /// The readable steps.
    pub steps: Vec<GoldStep>,
    /// Whether some result cannot be a token of any vocabulary: it contains a "/" or is not a number.
    pub is_impossible: bool,
}

impl Solution {
    /// Parses steps as in the files, `<<12*3=36>>`.
    #[must_use]
    pub fn parse(steps: &[String]) -> Self {
        let is_number = |text: &str| !text.contains('/') && float(text).is_some();
        let mut results = steps.iter().flat_map(|step| result_texts(step));
        let joined = steps.join(" ");
        let read = STEP.captures_iter(&joined).filter_map(|step| {
            let operands = step_strings(step.get(1)?.as_str())
                .into_iter()
                .filter_map(float);
            let result = float(&step[2]).filter(|result| result.is_finite())?;
            Some(GoldStep {
                operands: operands.filter(|o| *o != 0.0 && o.is_finite()).collect(),
                // Normalises -0 to 0.
                result: result + 0.0,
            })
        });
        Self {
            steps: read.collect(),
            is_impossible: !results.all(is_number),
        }
    }

    /// Returns the results of the steps, for comparison by the random baselines.
    pub fn results(&self) -> impl Iterator<Item = f64> {
        self.steps.iter().map(|step| step.result)
    }
}

/// Formats a number like Python's `str`, whole ones as integers: `12`, `0.5`, `1e-05`.
#[must_use]
pub fn number_text(value: f64) -> String {
    if value.fract() == 0.0 {
        return format!("{value:.0}");
    }
    if value.abs() >= 1e-4 {
        return value.to_string();
    }
    // Rust writes 1e-5 for Python's 1e-05.
    let text = format!("{value:e}");
    match text.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => text,
    }
}

#[cfg(test)]
#[allow(clippy::float_cmp, reason = "the values are written down exactly")]
mod tests {
    use super::*;

    fn parse(steps: &[&str]) -> (Vec<(Vec<f64>, f64)>, bool) {
        let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
        let solution = Solution::parse(&steps);
        let steps = solution.steps.into_iter().map(|s| (s.operands, s.result));
        (steps.collect(), solution.is_impossible)
    }

    /// Steps as written, their operands and results, and whether some result is impossible.
    type Row<'a> = (&'a [&'a str], Vec<(Vec<f64>, f64)>, bool);

    #[test]
    fn steps_are_operands_and_a_result() {
        let step = |operands: &[f64], result| (operands.to_vec(), result);
        let table: [Row<'_>; 14] = [
            (
                &["<<16-3-4=9>>", "<<9*2=18>>"],
                vec![step(&[16.0, 3.0, 4.0], 9.0), step(&[9.0, 2.0], 18.0)],
                false,
            ),
            (&["<<5*5=25.00>>"], vec![step(&[5.0, 5.0], 25.0)], false),
            // Signs and zeros are dropped; the result keeps its sign.
            (&["<<-3+0=-3>>"], vec![step(&[3.0], -3.0)], false),
            (&["<<40*.25=10>>"], vec![step(&[40.0, 0.25], 10.0)], false),
            (
                &["<<20%*(5+1)=1.2>>"],
                vec![step(&[20.0, 5.0, 1.0], 1.2)],
                false,
            ),
            // These results do not make a step.
            (&["<<4/8=.5>>"], vec![], false),
            (&["<<3/4=3/4>>"], vec![], true),
            (&["<<20/80=25%>>"], vec![], true),
            (&["<<600*2=1,200>>"], vec![], true),
            // The following step is read into the same one.
            (
                &["<<4/8=.5>>", "<<.5*100=50>>"],
                vec![step(&[4.0, 8.0, 0.5, 0.5, 100.0], 50.0)],
                false,
            ),
            (&["<<1+2=3=3>>"], vec![step(&[1.0, 2.0, 3.0], 3.0)], true),
            (&[""], vec![], false),
            (&[], vec![], false),
            (&["1+2=3", "<<1+2>>"], vec![], false),
        ];
        for (steps, read, is_impossible) in table {
            assert_eq!(parse(steps), (read, is_impossible), "{steps:?}");
        }
        let long = format!("<<{}+1={0}>>", "9".repeat(400));
        assert_eq!(parse(&[&long]).0, [], "what is infinite is no result");
    }

    #[test]
    fn numbers_are_written_as_python_does() {
        for (value, text) in [
            (12.0, "12"),
            (0.5, "0.5"),
            (-3.0, "-3"),
            (1e20, "100000000000000000000"),
            (0.000_1, "0.0001"),
            (0.000_01, "1e-05"),
            (0.000_012_5, "1.25e-05"),
            (0.1, "0.1"),
        ] {
            assert_eq!(number_text(value), text);
        }
    }
}
