//! The fields of a JSON row that matter, in the spellings of the published sets; every other field is passed over.

use std::fmt;

use serde::Deserialize;
use serde::de::{
    Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
    value::MapAccessDeserializer,
};

use super::json::Row;
use crate::problem::Problem;

/// The most steps a row may have; published rows have at most a few dozen.
pub(super) const MAX_STEPS: usize = 10_000;

/// A problem as files have it: ProsQA, PrOntoQA and GSM8k-Aug (`question`, `steps` or `cot`, `answer`), or MultiChain
/// (`problem`, `solution`, `answer`).
pub(super) struct ProblemRow {
    pub(super) problem: Problem,
    /// Other solutions, as prepared sets have them (`gen_solutions`).
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

#[derive(Deserialize)]
struct Fields {
    question: Option<String>,
    steps: Option<Steps>,
    cot: Option<Loose>,
    answer: Option<Gold>,
    problem: Option<Loose>,
    solution: Option<Loose>,
    gen_solutions: Option<Vec<Steps>>,
}

impl<'de> Deserialize<'de> for ProblemRow {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        let fields = parser.deserialize_map(Object)?;
        let (question, steps) = match (fields.question, fields.problem) {
            (Some(question), _) => (question, fields.cot),
            (None, Some(Loose(Some(problem)))) => (problem, fields.solution),
            _ => return Err(D::Error::missing_field("question")),
        };
        let written = || steps.and_then(|steps| steps.0);
        let others = fields.gen_solutions.unwrap_or_default();
        Ok(Self {
            others: others.into_iter().map(|steps| steps.0).collect(),
            problem: Problem {
                question,
                steps: match fields.steps {
                    Some(Steps(steps)) => steps,
                    None => written().map_or_else(Vec::new, |text| steps_of(&text)),
                },
                answer: fields.answer.map_or_else(String::new, |gold| gold.0),
            },
        })
    }
}

/// Parts a written solution: into its `<<..>>` equations, or, without any, into its lines.
pub(crate) fn steps_of(solution: &str) -> Vec<String> {
    let equations = equations(solution);
    if equations.is_empty() {
        let whole = super::raw::strip(solution);
        let lines = whole.lines().map(str::trim).filter(|line| !line.is_empty());
        return lines.map(str::to_owned).collect();
    }
    equations.into_iter().map(str::to_owned).collect()
}

/// Returns every `<<..>>` with something between that holds no `>`, in order.
pub(crate) fn equations(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = text[from..].find("<<").map(|at| at + from) {
        let inside = open + 2;
        let Some(end) = text[inside..].find('>').map(|at| at + inside) else {
            break;
        };
        if end > inside && text[end..].starts_with(">>") {
            found.push(&text[open..end + 2]);
            from = end + 2;
        } else {
            // Whatever opens before this `>` runs into it as well.
            from = end + 1;
        }
    }
    found
}

/// An object, so that anything else is refused in words of ours.
struct Object;

impl<'de> Visitor<'de> for Object {
    type Value = Fields;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Fields, A::Error> {
        Fields::deserialize(MapAccessDeserializer::new(map))
    }
}

/// The steps: a list of texts, or one text that holds them all.
struct Steps(Vec<String>);

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Seen;

        impl<'de> Visitor<'de> for Seen {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(steps_of(text))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut steps = Vec::new();
                while let Some(step) = list.next_element()? {
                    if steps.len() == MAX_STEPS {
                        return Err(A::Error::custom(format!("more than {MAX_STEPS} steps")));
                    }
                    steps.push(step);
                }
                Ok(steps)
            }
        }

        parser.deserialize_any(Seen).map(Self)
    }
}

/// A gold answer: text, or a bare number or truth value.
struct Gold(String);

impl<'de> Deserialize<'de> for Gold {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Seen;

        impl Visitor<'_> for Seen {
            type Value = String;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number or a truth value as the answer")
            }

            fn visit_str<E>(self, text: &str) -> Result<String, E> {
                Ok(text.to_owned())
            }

            fn visit_u64<E>(self, number: u64) -> Result<String, E> {
                Ok(number.to_string())
            }

            fn visit_i64<E>(self, number: i64) -> Result<String, E> {
                Ok(number.to_string())
            }

            fn visit_f64<E: serde::de::Error>(self, number: f64) -> Result<String, E> {
                let number = serde_json::Number::from_f64(number);
                number
                    .map(|number| number.to_string())
                    .ok_or_else(|| E::custom("the answer is no finite number"))
            }

            fn visit_bool<E>(self, truth: bool) -> Result<String, E> {
                // As PrOntoQA writes them.
                Ok(if truth { "True" } else { "False" }.to_owned())
            }
        }

        parser.deserialize_any(Seen).map(Self)
    }
}

/// A text where there is one; anything else under the same name is some other set's field and is passed over.
pub(crate) struct Loose(pub(crate) Option<String>);

impl<'de> Deserialize<'de> for Loose {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Seen;

        impl<'de> Visitor<'de> for Seen {
            type Value = Option<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("anything")
            }

            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Some(text.to_owned()))
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(None)
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                while list.next_element::<IgnoredAny>()?.is_some() {}
                Ok(None)
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(None)
            }
        }

        parser.deserialize_any(Seen).map(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equations_are_found_in_any_text() {
        let table: [(&str, &[&str]); 9] = [
            ("so <<1+2=3>>3 and <<3*2=6>> 6", &["<<1+2=3>>", "<<3*2=6>>"]),
            ("<<>> <<1=1>>", &["<<1=1>>"]),
            ("<<1>2>> <<4=4>>", &["<<4=4>>"]),
            ("<<a<<b>>", &["<<a<<b>>"]),
            ("<<<1>>", &["<<<1>>"]),
            ("<<1=1>>>", &["<<1=1>>"]),
            ("<<1=1", &[]),
            ("<<1=1> >", &[]),
            ("<<é=1>>", &["<<é=1>>"]),
        ];
        for (text, found) in table {
            assert_eq!(equations(text), found, "{text:?}");
        }
        assert_eq!(
            steps_of("He adds.\n\nHe is done."),
            ["He adds.", "He is done."]
        );
        assert_eq!(steps_of(" "), [""; 0]);
    }

    #[test]
    fn rows_of_every_published_set_are_read() {
        let table = [
            r#"{"question":"q","steps":["<<1+2=3>>","<<3*2=6>>"],"answer":"6"}"#,
            r#"{"question":"q","steps":["<<1+2=3>>","<<3*2=6>>"],"answer":6,"problem":7,"solution":[{}],"cot":null}"#,
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
    fn rows_that_do_not_fit_say_what_was_expected() {
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
        for (row, says) in table {
            let error = serde_json::from_str::<ProblemRow>(row).map(|row| row.problem);
            let error = error.expect_err(row).to_string();
            assert!(error.contains(says), "{error}");
        }
    }
}
