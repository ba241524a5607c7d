//! The relevant fields of a JSON row, under the names of the published sets. Fields in which other sets keep a part of their
//! question are refused; all others are ignored.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::json::Row;
use super::source::strip;
use super::steps::solution_steps;
use super::values::{Gold, Steps, has_content, options, question_part, text, written_steps};
use crate::core::problem::Problem;

/// A problem as found in files: `ProsQA` and GSM8k-Aug (`question`, `steps` or `cot`, `answer`), openai/gsm8k (steps in
/// `answer`), `MultiChain` (`problem`, `solution`, `answer`), `PrOntoQA` (`question` and `query`), Logic-LM (`context` and
/// `question`), SVAMP (`Body`, `Question`, `Equation`, `Answer`), `MultiArith` (`final_ans`), GSM-Hard (`input`, `target`).
pub(super) struct ProblemRow {
    pub(super) problem: Problem,
    /// Alternative solutions from prepared sets (`gen_solutions`).
    pub(super) others: Vec<Vec<String>>,
}

impl Row for ProblemRow {
    fn size(&self) -> usize {
        let problem = &self.problem;
        let steps = problem.steps.iter().chain(self.others.iter().flatten());
        let steps: usize = steps.map(String::len).sum();
        problem.question.len() + steps + problem.answer.len()
    }

    fn count(&self) -> usize {
        let others: usize = self.others.iter().map(|steps| steps.len() + 1).sum();
        3 + self.problem.steps.len() + others
    }
}

impl<'de> Deserialize<'de> for ProblemRow {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        parser
            .deserialize_map(Object)?
            .row()
            .map_err(D::Error::custom)
    }
}

/// The role of a field in any of the published sets, by its case-insensitive name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The question: in nearly all sets; in `MultiChain`; in GSM-Hard.
    Question,
    Problem,
    Input,
    /// Text that precedes the question: Logic-LM's `context`, SVAMP's `body`.
    Before,
    /// The actual question, after the facts that `PrOntoQA` calls the question.
    Query,
    Steps,
    Cot,
    Solution,
    /// `PrOntoQA`'s steps.
    Chain,
    /// SVAMP's solution: an expression without its result.
    Equation,
    Answer,
    /// An answer alone, next to a field that may hold more: `MultiArith`'s.
    Final,
    /// GSM-Hard's answer. `ProsQA`'s rows have a node of the same name.
    Target,
    /// The options that a letter answer refers to.
    Options,
    Others,
    /// A field in which other sets keep a part of their questions.
    Unjoined,
}

impl Part {
    const NAMES: [(&str, Self); 37] = [
        ("question", Self::Question),
        ("problem", Self::Problem),
        ("input", Self::Input),
        ("context", Self::Before),
        ("body", Self::Before),
        ("query", Self::Query),
        ("steps", Self::Steps),
        ("cot", Self::Cot),
        ("solution", Self::Solution),
        ("chain_of_thought", Self::Chain),
        ("equation", Self::Equation),
        ("answer", Self::Answer),
        ("final_ans", Self::Final),
        ("final_answer", Self::Final),
        ("target", Self::Target),
        ("options", Self::Options),
        ("choices", Self::Options),
        ("gen_solutions", Self::Others),
        ("passage", Self::Unjoined),
        ("paragraph", Self::Unjoined),
        ("story", Self::Unjoined),
        ("scenario", Self::Unjoined),
        ("background", Self::Unjoined),
        ("premise", Self::Unjoined),
        ("premises", Self::Unjoined),
        ("theory", Self::Unjoined),
        ("facts", Self::Unjoined),
        ("rules", Self::Unjoined),
        ("article", Self::Unjoined),
        ("document", Self::Unjoined),
        ("description", Self::Unjoined),
        ("conclusion", Self::Unjoined),
        ("contexts", Self::Unjoined),
        ("hypothesis", Self::Unjoined),
        ("statement", Self::Unjoined),
        ("instruction", Self::Unjoined),
        ("prompt", Self::Unjoined),
    ];

    fn from_name(name: &str) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        let (_, part) = names.find(|(own, _)| own.eq_ignore_ascii_case(name.trim()))?;
        Some(*part)
    }
}

/// Returns whether a field of this name holds a question.
pub(super) fn is_question_field(name: &str) -> bool {
    matches!(
        Part::from_name(name),
        Some(Part::Question | Part::Problem | Part::Input)
    )
}

/// The fields of a row, unprocessed.
#[derive(Default)]
struct Fields {
    question: Option<String>,
    problem: Option<String>,
    input: Option<String>,
    before: Option<String>,
    query: Option<String>,
    steps: Option<Vec<String>>,
    /// Takes precedence over `solution`.
    cot: Option<Vec<String>>,
    solution: Option<Vec<String>>,
    chain: Option<Vec<String>>,
    equation: Option<String>,
    answer: Option<String>,
    last: Option<String>,
    /// Kept as JSON: only the whole row shows whether it is an answer.
    target: Option<Value>,
    options: Vec<String>,
    others: Vec<Vec<String>>,
    unjoined: Option<String>,
}

impl Fields {
    /// Reads the value of a field.
    fn read_field<'de, A: MapAccess<'de>>(
        &mut self,
        name: &str,
        part: Part,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let mut loose = || map.next_value().map(text);
        match part {
            Part::Question => self.question = map.next_value()?,
            Part::Problem => self.problem = loose()?,
            Part::Input => self.input = loose()?,
            Part::Before | Part::Query => {
                let text = question_part(name, &map.next_value()?).map_err(A::Error::custom)?;
                *(if part == Part::Query {
                    &mut self.query
                } else {
                    &mut self.before
                }) = text;
            }
            Part::Cot => self.cot = written_steps(&map.next_value()?).map_err(A::Error::custom)?,
            Part::Solution => {
                self.solution = written_steps(&map.next_value()?).map_err(A::Error::custom)?;
            }
            Part::Equation => self.equation = loose()?,
            Part::Steps => self.steps = map.next_value::<Option<Steps>>()?.map(|steps| steps.0),
            Part::Chain => {
                self.chain = written_steps(&map.next_value()?).map_err(A::Error::custom)?;
            }
            Part::Options => {
                self.options = options(&map.next_value()?).map_err(A::Error::custom)?;
            }
            Part::Answer => self.answer = map.next_value::<Option<Gold>>()?.map(|gold| gold.0),
            Part::Final => self.last = map.next_value::<Option<Gold>>()?.map(|gold| gold.0),
            Part::Target => self.target = map.next_value()?,
            Part::Others => {
                let others: Option<Vec<Steps>> = map.next_value()?;
                self.others = others.into_iter().flatten().map(|steps| steps.0).collect();
            }
            Part::Unjoined => {
                let is_set = has_content(&map.next_value()?);
                self.unjoined = self.unjoined.take().or(is_set.then(|| name.to_owned()));
            }
        }
        Ok(())
    }

    /// Builds the row from its fields.
    fn row(mut self) -> Result<ProblemRow, String> {
        if let Some(name) = self.unjoined {
            return Err(format!(
                "the field `{name}` looks like a part of the question: join both texts under `question`, or rename the field if it \
                 is something else"
            ));
        }
        let is_input = self.question.is_none() && self.problem.is_none();
        let written = self.cot.take().or(self.solution.take());
        let texts = [&self.question, &self.problem, &self.input];
        if texts.iter().filter(|text| text.is_some()).count() > 1 {
            return Err("ambiguous question: more than one of `question`, `problem` and `input` is set; keep only one".to_owned());
        }
        let target = self
            .target
            .filter(|_| is_input)
            .map(Option::<Gold>::deserialize);
        let target = target.transpose().map_err(|why| why.to_string())?.flatten();
        let question = self.question.or(self.problem).or(self.input);
        let question = question.ok_or("missing field `question`")?;
        let parts = [self.before, Some(question), self.query];
        let parts = parts
            .into_iter()
            .flatten()
            .filter(|part| !part.trim().is_empty());
        let parts: Vec<String> = parts.collect();
        let question = match <[String; 1]>::try_from(parts) {
            Ok([alone]) => alone,
            Err(parts) => parts
                .iter()
                .map(|part| part.trim())
                .collect::<Vec<_>>()
                .join(" "),
        };
        // An empty list hides no steps that are written elsewhere.
        let mut lists = self.steps.into_iter().chain(self.chain).chain(written);
        let mut steps = lists.find(|steps| !steps.is_empty());
        let mut answer = self.answer;
        if let Some(last) = self.last {
            // In that case `answer` holds the solution.
            steps = steps.or_else(|| {
                answer
                    .filter(|text| text.contains("<<"))
                    .map(|text| solution_steps(&text))
            });
            answer = Some(last);
        }
        let mut answer = answer.or(target.map(|gold| gold.0)).unwrap_or_default();
        // openai/gsm8k: the solution, then the answer after `####`.
        if let Some((solution, last)) = answer.rsplit_once("####") {
            if !strip(solution).is_empty() {
                steps = steps.or_else(|| Some(solution_steps(solution)));
            }
            answer = strip(last).to_owned();
        }
        if let Some(option) = named_option(&self.options, &answer) {
            answer = option.to_owned();
        } else if is_index(&self.options, &answer) {
            return Err(format!(
                "the answer {answer} looks like an option index: use the option's text as the answer"
            ));
        }
        let equation = self.equation.filter(|_| steps.is_none());
        if let Some(step) = equation.and_then(|text| equation_step(&text, &answer)) {
            steps = Some(vec![step]);
        }
        Ok(ProblemRow {
            others: self.others,
            problem: Problem {
                question,
                steps: steps.unwrap_or_default(),
                answer,
            },
        })
    }
}

/// Returns the option that an answer names: "True" for A, or for "A) True", among "A) True" and "B) False".
fn named_option<'a>(options: &'a [String], answer: &str) -> Option<&'a str> {
    let answer = strip(answer);
    let letter = answer.trim_matches(['(', ')', '.']);
    let names = |option: &&'a String| {
        let is_named = labelled(option).is_some_and(|(own, _)| own.eq_ignore_ascii_case(letter));
        is_named || strip(option) == answer
    };
    let option = options.iter().find(names)?;
    labelled(option).map(|(_, text)| text)
}

/// Splits "A) True" into its letter and its text.
fn labelled(option: &str) -> Option<(&str, &str)> {
    let option = strip(option).trim_start_matches('(');
    let letter = option
        .get(..1)
        .filter(|c| c.bytes().all(|c| c.is_ascii_alphabetic()))?;
    let rest = option[1..].trim_start();
    rest.strip_prefix([')', '.', ':', '-'])
        .map(|text| (letter, strip(text)))
}

/// Returns whether an answer may be the index of an option and is not the text of one: a letter, or a small number.
fn is_index(options: &[String], answer: &str) -> bool {
    let answer = strip(answer);
    let text = |option: &String| {
        labelled(option)
            .map_or(strip(option), |(_, text)| text)
            .to_owned()
    };
    let index: Option<usize> = answer.parse().ok();
    let is_letter = answer.len() == 1 && answer.bytes().all(|c| c.is_ascii_uppercase());
    (is_letter || index.is_some_and(|index| index <= options.len()))
        && !options.is_empty()
        && !options.iter().any(|option| text(option) == answer)
}

/// Returns the step of a single operation, "( 12.0 + 5.0 )"; `None` for longer expressions.
fn equation_step(expression: &str, answer: &str) -> Option<String> {
    let inner = strip(expression).strip_prefix('(')?.strip_suffix(')')?;
    let whole = |number: &str| number.strip_suffix(".0").unwrap_or(number).to_owned();
    let [left, operator, right] = inner.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    let is_number = |text: &str| text.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    let is_step = ["+", "-", "*", "/"].contains(&operator) && is_number(left) && is_number(right);
    let [left, right, answer] = [left, right, strip(answer)].map(whole);
    is_step.then(|| format!("<<{left}{operator}{right}={answer}>>"))
}

/// Accepts only an object, so that anything else is refused with our own message.
struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
        let mut fields = Fields::default();
        let mut seen: Vec<Part> = Vec::new();
        while let Some(name) = map.next_key::<Cow<'de, str>>()? {
            let Some(part) = Part::from_name(&name) else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if part != Part::Unjoined && seen.contains(&part) {
                let name = &*name;
                return Err(A::Error::custom(format!(
                    "the field `{name}` is duplicated, or another field has the same meaning"
                )));
            }
            seen.push(part);
            fields.read_field(&name, part, &mut map)?;
        }
        Ok(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::problem_file::bounds::MAX_STEPS;

    #[test]
    fn rows_of_every_published_set_are_read() {
        let table = [
            r#"{"question":"q","steps":["<<1+2=3>>","<<3*2=6>>"],"answer":"6"}"#,
            r#"{"question":"q","steps":["<<1+2=3>>","<<3*2=6>>"],"answer":6,"problem":7,"solution":[{}],"cot":null}"#,
            r#"{"question":"q","solution":"<<1+2=3>> <<3*2=6>>","answer":6}"#,
            r#"{"question":"q","steps":"<<1+2=3>> <<3*2=6>>","answer":"6","edges":[[0,1]]}"#,
            r#"{"question":"q","cot":"<<1+2=3>> <<3*2=6>>","answer":"6"}"#,
            r#"{"problem":"q","solution":"He has <<1+2=3>>3, so <<3*2=6>>6.","answer":"6","gen_solutions":null}"#,
        ];
        for row in table {
            let ProblemRow { problem, .. } = serde_json::from_str(row).expect(row);
            assert_eq!(problem.question, "q");
            assert_eq!(problem.steps, ["<<1+2=3>>", "<<3*2=6>>"], "{row}");
            assert_eq!(problem.answer, "6", "{row}");
        }
        for (answer, text) in [("true", "True"), ("null", ""), ("2.5", "2.5"), ("-4", "-4")] {
            let row = format!("{{\"question\":\"q\",\"answer\":{answer}}}");
            let ProblemRow { problem, .. } = serde_json::from_str(&row).expect("readable");
            assert_eq!(problem.answer, text);
        }
    }

    #[test]
    fn steps_and_options_are_read_however_they_are_written() {
        let row = |fields: &str| {
            let text = format!(r#"{{"question":"q",{fields}}}"#);
            serde_json::from_str::<ProblemRow>(&text).map(|row| row.problem)
        };
        for fields in [
            r#""cot":["<<1+2=3>>"],"answer":"3""#,
            r#""solution":["<<1+2=3>>"],"answer":"3""#,
            r#""chain_of_thought":"so <<1+2=3>>3","answer":"3""#,
            r#""steps":[],"cot":"<<1+2=3>>","answer":"3""#,
            r#""steps":[],"answer":"It is <<1+2=3>>3.\n#### 3""#,
            r#""cot":"<<1+2=3>>","choices":["8","3"],"answer":"3""#,
            r#""cot":"<<1+2=3>>","options":{"A":"8","B":"3"},"answer":"B""#,
            r#""cot":"<<1+2=3>>","options":["a) 8","b) 3"],"answer":"b""#,
            r#""cot":"<<1+2=3>>","options":["A - 8","B - 3"],"answer":"B""#,
            r#""cot":"<<1+2=3>>","options":["A) 8","B) 3"],"answer":"B) 3""#,
            r#""cot":"<<1+2=3>>","choices":{"label":["A","B"],"text":["8","3"]},"answer":"B""#,
        ] {
            let problem = row(fields).expect(fields);
            assert_eq!(problem.steps, ["<<1+2=3>>"], "{fields}");
            assert_eq!(problem.answer, "3", "{fields}");
        }
        for fields in [
            r#""choices":["8","19","12"],"answer":1"#,
            r#""options":["A) 10","B) 19"],"answer":0"#,
            r#""options":["10","19"],"answer":"B""#,
        ] {
            let error = row(fields).expect_err(fields).to_string();
            assert!(error.contains("option index"), "{fields}: {error}");
        }
    }

    #[test]
    fn malformed_rows_name_the_expected_form() {
        let many = format!(
            "{{\"question\":\"q\",\"steps\":[\"\"{}]}}",
            ",\"\"".repeat(MAX_STEPS)
        );
        let table = [
            (r#"{"steps":[]}"#, "missing field `question`"),
            (r#"{"problem":7}"#, "missing field `question`"),
            (r#"{"question":null}"#, "missing field `question`"),
            ("7", "invalid type: integer `7`, expected an object"),
            (r#"{"question":"q","steps":[7]}"#, "expected a string"),
            (r#"{"question":"q","steps":{}}"#, "expected a list of texts"),
            (
                r#"{"question":"q","answer":[]}"#,
                "expected a text, a number or a truth value",
            ),
            (&many, "more than 10000 steps"),
        ];
        for (row, expected) in table {
            let error = serde_json::from_str::<ProblemRow>(row).map(|row| row.problem);
            let error = error.expect_err(row).to_string();
            assert!(error.contains(expected), "{error}");
        }
    }
}
