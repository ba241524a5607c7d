//! Alternative solutions from the MultiChain set, cleaned as published (docs/methods.md M3.4).

use std::collections::HashSet;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::solution::{has_letter, is_answer, normalised, result_of_solution, signature};
use crate::core::error::{Error, Result};
use crate::core::problem_file::json::{self, Row};
use crate::core::problem_file::source::strip;
use crate::core::problem_file::source::{self, Form};
use crate::core::problem_file::steps::equations;

const HINT: &str = "expected a JSON array or JSON Lines of {\"problem\", \"solution\", \"answer\", \"gen_solutions\"}, \
     the test split of DJCheng/MultiChain-GSM8k-Aug-dataset";

/// A row of the set.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct MultiChainRow {
    /// The question.
    pub problem: String,
    /// The main solution.
    pub solution: String,
    /// The answer.
    pub answer: String,
    /// Alternative solutions, if any were generated.
    #[serde(default)]
    pub gen_solutions: Option<Vec<String>>,
}

impl Row for MultiChainRow {
    fn size(&self) -> usize {
        let others = self.gen_solutions.iter().flatten().map(String::len);
        self.problem.len() + self.solution.len() + self.answer.len() + others.sum::<usize>()
    }

    fn count(&self) -> usize {
        4 + self.gen_solutions.iter().flatten().count()
    }
}

/// Counts of the cleaning of alternative solutions.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Cleaned {
    /// Alternative solutions in the input.
    pub given: usize,
    /// Dropped because the last equation does not give the answer.
    pub other_result: usize,
    /// Dropped because an equation contains a letter.
    pub with_letters: usize,
    /// Dropped because the normalized text equals the main solution or an earlier one.
    pub duplicates: usize,
    /// Dropped because only the order of summands or factors differs.
    pub reordered_duplicates: usize,
    /// Kept.
    pub kept: usize,
}

/// Parses the set from the text of a file; `path` is only used in errors.
///
/// # Errors
/// Names the offending line.
pub fn parse(text: &str, path: &Path) -> Result<Vec<MultiChainRow>> {
    let text = source::without_mark(text);
    match source::form(text) {
        Form::Array => json::read_array(text, path, HINT),
        Form::Lines | Form::Examples => json::read_lines(text, path, HINT),
        Form::Raw => Err(Error::data(path, Some(1), "this is not JSON", HINT)),
    }
}

/// Returns the valid alternative solutions of a row, each as its list of equations; `None` if there are none.
///
/// Only the final answer and the text of the equations are checked, not whether the equations are correct.
#[must_use]
pub fn alternatives(chain: &MultiChainRow, cleaned: &mut Cleaned) -> Option<Vec<Vec<String>>> {
    let answer = strip(&chain.answer);
    let main = normalised(&chain.solution);
    // The main solution counts as seen in both checks.
    let mut signatures = HashSet::from([signature(&main)]);
    let mut texts = HashSet::from([main]);
    let mut kept = Vec::new();
    for solution in chain.gen_solutions.iter().flatten() {
        cleaned.given += 1;
        if !is_answer(result_of_solution(solution), answer) {
            cleaned.other_result += 1;
            continue;
        }
        let solution = normalised(solution);
        if has_letter(&solution) {
            cleaned.with_letters += 1;
        } else if !texts.insert(solution.clone()) {
            cleaned.duplicates += 1;
        } else if !signatures.insert(signature(&solution)) {
            cleaned.reordered_duplicates += 1;
        } else {
            cleaned.kept += 1;
            let steps = equations(&solution).into_iter().map(str::to_owned);
            kept.push(steps.collect());
        }
    }
    (!kept.is_empty()).then_some(kept)
}

/// Returns whether a row is about the same question, ignoring white space. The published join does not check this.
#[must_use]
pub fn is_about(chain: &MultiChainRow, question: &str) -> bool {
    chain
        .problem
        .split_whitespace()
        .eq(question.split_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(solution: &str, answer: &str, others: &[&str]) -> MultiChainRow {
        MultiChainRow {
            problem: "q".to_owned(),
            solution: solution.to_owned(),
            answer: answer.to_owned(),
            gen_solutions: Some(others.iter().map(|other| (*other).to_owned()).collect()),
        }
    }

    #[test]
    fn each_rule_drops_only_its_own_solutions() {
        let kept = "first <<4+4=8>> then <<8-2=6>>6";
        let table = [
            (kept, "kept"),
            ("<<6=12/2>>", "kept"),
            ("<<12/2=6.0>>", "kept"),
            ("<<5+1=7>>", "other result"),
            ("none", "other result"),
            ("<<12/2=6=6>>", "other result"),
            ("<<2*x=12>> <<12/2=6>>", "letters"),
            ("<<x=6>>", "letters"),
            // Duplicates of the normalized main solution.
            ("<<6=2*3>>", "duplicate"),
            ("<<3*2=6>>", "reordered"),
            (kept, "duplicate"),
            ("first <<8=4+4>> then <<8-2=6>>6", "duplicate"),
            ("other <<8-2=6>>", "kept"),
            ("<<1+5=6>>", "kept"),
            ("<<5+1=6>>", "reordered"),
            ("<<5+1=6>> ", "kept"),
        ];
        let others: Vec<&str> = table.iter().map(|(other, _)| *other).collect();
        let mut cleaned = Cleaned::default();
        let left = alternatives(&chain("<<2*3=6>>", " 6 ", &others), &mut cleaned);
        let left = left.expect("some are kept");
        assert_eq!(left[0], ["<<4+4=8>>", "<<8-2=6>>"]);
        assert_eq!(left[1], ["<<12/2=6>>"], "normalised");
        let count = |what| table.iter().filter(|(_, became)| *became == what).count();
        assert_eq!(
            cleaned,
            Cleaned {
                given: table.len(),
                other_result: count("other result"),
                with_letters: count("letters"),
                duplicates: count("duplicate"),
                reordered_duplicates: count("reordered"),
                kept: count("kept"),
            }
        );
        assert_eq!(left.len(), cleaned.kept);
    }

    #[test]
    fn a_row_without_valid_alternatives_gives_none() {
        let mut cleaned = Cleaned::default();
        for row in [chain("<<2*3=6>>", "6", &["<<3*2=6>>"]), chain("", "6", &[])] {
            assert_eq!(alternatives(&row, &mut cleaned), None);
        }
        let without = MultiChainRow {
            gen_solutions: None,
            ..chain("", "6", &[])
        };
        assert_eq!(alternatives(&without, &mut cleaned), None);
    }

    #[test]
    fn files_are_arrays_or_lines_and_nothing_else() {
        let row = r#"{"problem":"q","solution":"<<2*3=6>>","answer":"6","gen_solutions":["<<6=12/2>>"],"id":1}"#;
        let path = Path::new("m.json");
        for text in [
            format!("[{row},\n{row}]"),
            format!("\u{feff}{row}\r\n\r\n{row}"),
        ] {
            assert_eq!(parse(&text, path).expect("readable").len(), 2);
        }
        let table = [
            ("q||##6".to_owned(), "\"m.json\", line 1: this is not JSON"),
            (
                format!("{row}\n{{}}"),
                "\"m.json\", line 2: missing field `problem`",
            ),
            (
                format!("[{row},{{\"problem\":\"q\"}}]"),
                "line 1: missing field `solution` (row 2)",
            ),
        ];
        for (text, expected) in table {
            let error = parse(&text, path).expect_err("refused");
            assert!(error.to_string().contains(expected), "{error}");
            assert!(
                error
                    .hint()
                    .is_some_and(|hint| hint.contains("gen_solutions"))
            );
        }
    }

    #[test]
    fn questions_agree_but_for_white_space() {
        let row = MultiChainRow {
            problem: "Tom has 3. ".to_owned(),
            ..chain("", "", &[])
        };
        assert!(is_about(&row, " Tom has\n3."));
        assert!(!is_about(&row, "Tom has 4."));
    }
}
