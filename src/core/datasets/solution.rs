//! Solutions written as `<<expression=result>>` equations: their result, and a common spelling of equal ones (docs/methods.md M3.4).

use super::numbers::{STEP_RESULT, float};
use crate::core::problem_file::source::strip;
use crate::core::problem_file::steps::equations;

/// Returns the result of the last equation in the last step: the trimmed text after the last `=` of the last `<<..=..>>`.
#[must_use]
pub fn result_of_steps(steps: &[String]) -> Option<&str> {
    let mut results = equations(steps.last()?).into_iter().rev();
    results.find_map(|equation| {
        let inside = inside(equation);
        // The sign must not be the last character.
        let last = inside.char_indices().next_back()?.0;
        let sign = inside[..last].rfind('=')?;
        Some(strip(&inside[sign + 1..]))
    })
}

/// Returns the result of a solution's last equation: the number alone on either side of its one `=`.
#[must_use]
pub fn result_of_solution(solution: &str) -> Option<&str> {
    let (left, right) = sides(equations(solution).last()?)?;
    match (float(left), float(right)) {
        (_, Some(_)) => Some(right),
        (Some(_), None) => Some(left),
        (None, None) => None,
    }
}

/// Returns the text between the first `=` and `>>` of each equation of a step.
pub fn result_texts(step: &str) -> impl Iterator<Item = &str> {
    let equations = STEP_RESULT.captures_iter(step);
    equations.filter_map(|equation| Some(equation.get(1)?.as_str()))
}

/// Returns whether a result equals the answer, as text or as a number.
#[must_use]
#[allow(
    clippy::float_cmp,
    reason = "the published rule compares without a tolerance"
)]
pub fn is_answer(result: Option<&str>, answer: &str) -> bool {
    let Some(result) = result else { return false };
    let as_numbers = || Some(float(result)? == float(answer)?);
    result == answer || as_numbers().unwrap_or(false)
}

/// Returns a solution with each equation's result on the right: `<<9=16-7>>` becomes `<<16-7=9>>`.
#[must_use]
pub fn normalised(solution: &str) -> String {
    rewritten(solution, |equation| {
        let (left, right) = sides(equation)?;
        let is_swapped = float(left).is_some() && float(right).is_none();
        is_swapped.then(|| format!("<<{right}={left}>>"))
    })
}

/// Returns whether an equation contains an ASCII letter, as for an unknown.
#[must_use]
pub fn has_letter(solution: &str) -> bool {
    let letter = |equation: &&str| equation.bytes().any(|byte| byte.is_ascii_alphabetic());
    equations(solution).iter().any(letter)
}

/// Returns a text shared by solutions that differ only in the order of two summands or two factors.
///
/// An expression is changed only if splitting it on `+` gives two parts, or else splitting it on `*` does.
#[must_use]
pub fn signature(solution: &str) -> String {
    rewritten(solution, |equation| {
        let (expression, result) = sides(equation)?;
        Some(format!("<<{}={result}>>", ordered(expression)))
    })
}

/// Returns an expression with its two summands or factors in text order; white space stays with its part.
fn ordered(expression: &str) -> String {
    for operator in ["+", "*"] {
        let mut parts: Vec<&str> = expression.split(operator).collect();
        if parts.len() == 2 {
            parts.sort_by_key(|part| strip(part));
            return parts.join(operator);
        }
    }
    expression.to_owned()
}

/// Returns a solution with some equations replaced.
fn rewritten(solution: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    let mut text = String::with_capacity(solution.len());
    let mut rest = solution;
    for equation in equations(solution) {
        // Each equation is searched in the rest after its predecessor.
        let (before, after) = rest.split_once(equation).unwrap_or((rest, ""));
        text.push_str(before);
        text.push_str(&replace(equation).unwrap_or_else(|| equation.to_owned()));
        rest = after;
    }
    text + rest
}

/// Returns the text between `<<` and `>>`.
fn inside(equation: &str) -> &str {
    let inside = equation.strip_prefix("<<").unwrap_or(equation);
    inside.strip_suffix(">>").unwrap_or(inside)
}

/// Returns both trimmed sides of an equation with exactly one `=`.
fn sides(equation: &str) -> Option<(&str, &str)> {
    let (left, right) = inside(equation).split_once('=')?;
    (!right.contains('=')).then(|| (strip(left), strip(right)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_result_of_steps_is_the_last_text_after_an_equals_sign() {
        let table: [(&[&str], Option<&str>); 12] = [
            (&["<<1+2=3>>", "<<3*2=6>>"], Some("6")),
            (&["<<1+2= 3 >>"], Some("3")),
            (&["<<3=1+2=4>>"], Some("4")),
            (&["<<1+2=3>>,<<3*2=6>>"], Some("6")),
            // Without a result, the preceding equation of the same step counts, but never an earlier step.
            (&["<<1+2=3>>,<<3*2>>"], Some("3")),
            (&["<<1+2=3>>", ""], None),
            (&["<<1+2=>>"], None),
            (&["<<1=2=>>"], Some("2=")),
            (&["<<=3>>"], Some("3")),
            (&["1+2=3"], None),
            (&[""], None),
            (&[], None),
        ];
        for (steps, result) in table {
            let steps: Vec<String> = steps.iter().map(|step| (*step).to_owned()).collect();
            assert_eq!(result_of_steps(&steps), result, "{steps:?}");
        }
    }

    #[test]
    fn the_result_of_a_solution_is_the_number_that_stands_alone() {
        let table = [
            ("<<1+2=3>> so <<3*2=6>> 6", Some("6")),
            ("<<6=3*2>>", Some("6")),
            ("<<5=6>>", Some("6")),
            ("<<3*2=x>>", None),
            ("<<3*2=6=6>>", None),
            ("<<3*2>>", None),
            ("<<1+2=3>> <<3*2>>", None),
            ("6", None),
        ];
        for (solution, result) in table {
            assert_eq!(result_of_solution(solution), result, "{solution:?}");
        }
    }

    #[test]
    fn answers_are_equal_as_text_or_as_numbers() {
        for (result, answer) in [
            ("18", "18"),
            ("18.0", "18"),
            ("x", "x"),
            ("1e1", "10"),
            ("1,200", "1,200"),
        ] {
            assert!(is_answer(Some(result), answer), "{result} {answer}");
        }
        for (result, answer) in [("18", "19"), ("1,200", "1200"), ("nan", "NaN"), ("", "0")] {
            assert!(!is_answer(Some(result), answer), "{result} {answer}");
        }
        assert!(!is_answer(None, ""));
    }

    #[test]
    fn equations_get_their_result_on_the_right() {
        let table = [
            ("He has <<9=16-7>>9.", "He has <<16-7=9>>9."),
            ("<< 9 = 16-7 >>", "<<16-7=9>>"),
            ("<< 16-7 = 9 >>", "<< 16-7 = 9 >>"),
            (
                "<<9=9>> <<x=y>> <<1=2=3>> <<7>>",
                "<<9=9>> <<x=y>> <<1=2=3>> <<7>>",
            ),
            ("<<9=16-7>> <<9=16-7>>", "<<16-7=9>> <<16-7=9>>"),
        ];
        for (solution, is) in table {
            assert_eq!(normalised(solution), is);
        }
    }

    #[test]
    fn letters_count_inside_equations_only() {
        assert!(has_letter("<<2*x=6>>") && has_letter("<<3+4=7>><<7=y>>"));
        assert!(!has_letter("x is <<3*2=6>>") && !has_letter("<<é=1>>"));
    }

    #[test]
    fn signatures_ignore_the_order_of_two_summands_or_two_factors() {
        let same = [
            ("<<1+2=3>>", "<<2+1=3>>"),
            ("<<3*2=6>>", "<<2*3=6>>"),
            ("<<2*3+1=7>>", "<<1+2*3=7>>"),
            ("<< 2+1 = 3 >>", "<<1+2=3>>"),
        ];
        for (one, other) in same {
            assert_eq!(signature(one), signature(other));
        }
        let different = [
            // Three summands are not reordered; two are, but not the factors within them.
            ("<<1+2+3=6>>", "<<3+2+1=6>>"),
            ("<<2*3+1=7>>", "<<3*2+1=7>>"),
            ("<<3-1=2>>", "<<1-3=2>>"),
            ("<<1+2=3>>", "<<1+2=3>> "),
        ];
        for (one, other) in different {
            assert_ne!(signature(one), signature(other));
        }
        // With three summands, the product is tried next.
        assert_eq!(signature("<<9+1+2*1=12>>"), "<<1*9+1+2=12>>");
    }

    proptest! {
        #[test]
        fn normalising_twice_changes_nothing_more(solution in "[<>=0-9+*x. ]{0,40}") {
            let once = normalised(&solution);
            prop_assert_eq!(normalised(&once), once.clone());
            prop_assert_eq!(result_of_solution(&once).map(strip), result_of_solution(&solution));
            prop_assert_eq!(has_letter(&once), has_letter(&solution));
            let signed = signature(&once.replace(' ', ""));
            prop_assert_eq!(signature(&signed), signed);
        }

        #[test]
        fn any_text_is_accepted(solution in any::<String>()) {
            let _ = (signature(&solution), has_letter(&solution), result_of_steps(&[normalised(&solution)]));
        }
    }
}
