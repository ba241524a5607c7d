//! Deserialization of a row's fields: texts, lists of texts, steps and answers, as loosely as data sets write them.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _, SeqAccess, Visitor};
use serde_json::Value;

use super::bounds::MAX_STEPS;
use super::steps::solution_steps;

/// Steps: a list of texts, or one text with all of them.
pub(super) struct Steps(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for Steps {
    fn deserialize<D: Deserializer<'de>>(parser: D) -> Result<Self, D::Error> {
        struct Seen;

        impl<'de> Visitor<'de> for Seen {
            type Value = Vec<String>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Self::Value, E> {
                Ok(solution_steps(text))
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

/// A gold answer: text, or a bare number or boolean.
pub(super) struct Gold(pub(super) String);

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
                // From here on, adjacent integers share a float.
                if number.abs() >= 9_007_199_254_740_992.0 {
                    return Err(E::custom(
                        "the answer is a number of more digits than are read: write it as a text",
                    ));
                }
                let number = serde_json::Number::from_f64(number);
                number
                    .map(|number| number.to_string())
                    .ok_or_else(|| E::custom("the answer is not a finite number"))
            }

            fn visit_bool<E>(self, truth: bool) -> Result<String, E> {
                // PrOntoQA's spelling.
                Ok(if truth { "True" } else { "False" }.to_owned())
            }
        }

        parser.deserialize_any(Seen).map(Self)
    }
}

/// Returns a text; any other type is another set's field of that name and is ignored.
pub(super) fn text(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

/// Returns a list of texts; any other type is another set's field of that name and is ignored. Fails on a list that is too long.
pub(super) fn texts(value: &Value) -> Result<Option<Vec<String>>, String> {
    let text = |item: &Value| item.as_str().map(str::to_owned);
    let texts: Option<Vec<String>> = value
        .as_array()
        .and_then(|list| list.iter().map(text).collect());
    match texts {
        Some(texts) if texts.len() > MAX_STEPS => Err(format!("more than {MAX_STEPS} steps")),
        texts => Ok(texts),
    }
}

/// Returns written steps: a text split into its steps, or a list of texts; `None` for any other value.
pub(super) fn written_steps(value: &Value) -> Result<Option<Vec<String>>, String> {
    Ok(match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some(solution_steps(text)),
        _ => texts(value)?,
    })
}

/// Returns options, each as "A) text" where letters belong to them: a list of texts, an object of letters, or lists of labels and texts.
pub(super) fn options(value: &Value) -> Result<Vec<String>, String> {
    let Value::Object(fields) = value else {
        return Ok(texts(value)?.unwrap_or_default());
    };
    let list = |name: &str| fields.get(name).map(texts).transpose().map(Option::flatten);
    if let (Some(labels), Some(texts)) = (list("label")?, list("text")?) {
        let pairs = labels.iter().zip(&texts);
        return Ok(pairs
            .map(|(label, text)| format!("{label}) {text}"))
            .collect());
    }
    let pairs = fields.iter().take(MAX_STEPS);
    let texts = pairs.filter_map(|(label, text)| Some(format!("{label}) {}", text.as_str()?)));
    Ok(texts.collect())
}

/// Returns a part of the question: a text, or a list of consecutive texts.
pub(super) fn question_part(name: &str, value: &Value) -> Result<Option<String>, String> {
    match (value, texts(value)?) {
        (Value::Null, _) => Ok(None),
        (Value::String(text), _) => Ok(Some(text.clone())),
        (_, Some(texts)) => Ok(Some(texts.join(" "))),
        _ => Err(format!(
            "the field `{name}` belongs to the question and must be a string or a list of strings"
        )),
    }
}

/// Returns whether a value has content: a non-blank text, or a non-empty list or object.
pub(super) fn has_content(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.trim().is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => false,
    }
}
