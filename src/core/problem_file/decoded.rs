//! Files of decoded latents: one record per line with a question and the top tokens of each position, within limits.
//!
//! A record needs `question`, `latents` and `table_tail`; the rest is optional. Fields not named in [`Record`] are ignored.

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::json::{self, Row};
use super::source;
use crate::core::error::{Error, Result};
use crate::core::problem::gold::plain_answer;

const FORM: &str = "expected JSON Lines of {\"question\", \"latents\": [[text, ...], ...], \"table_tail\": [text, ...]}, with \
     \"index\", \"gold_steps\", \"gold_answer\" and \"prediction\" where they are known";
/// Most columns of a record: latents and the positions after them.
const MAX_COLUMNS: usize = 256;
/// Most tokens of a column.
const MAX_TOKENS: usize = 1000;
/// Most gold steps of a record, and most bytes of all of them.
const MAX_STEPS: usize = 1000;
const MAX_STEP_BYTES: usize = 64 << 10;

/// A question with decoded latents.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Record {
    /// The question's index in its data set.
    #[serde(default)]
    pub index: Option<Value>,
    /// The question.
    pub question: String,
    /// Gold steps as `<<16-3-4=9>>`; empty if unknown.
    #[serde(default, deserialize_with = "null_as_empty")]
    pub gold_steps: Vec<String>,
    /// The gold answer, a number or a text.
    #[serde(default)]
    pub gold_answer: Option<Value>,
    /// The top tokens at the start marker and at each latent, best first.
    pub latents: Vec<Vec<String>>,
    /// The model's answer.
    #[serde(default)]
    pub prediction: Option<Value>,
    /// The top token at each position after the latents: end marker, delimiter, answer.
    pub table_tail: Vec<String>,
    /// Random baselines that the record includes.
    #[serde(default)]
    pub backtracking: Option<Recorded>,
}

/// Results of an earlier search, included in a record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Recorded {
    /// Gold steps of other records.
    #[serde(default)]
    pub baselines: Option<Vec<OtherSteps>>,
}

/// Gold steps of another record.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct OtherSteps {
    /// The index of their question.
    pub source_index: Option<Value>,
    /// The steps.
    pub steps: Vec<String>,
}

impl Record {
    /// Returns the prediction as text, if there is one.
    #[must_use]
    pub fn prediction(&self) -> Option<String> {
        self.prediction.as_ref().and_then(as_text)
    }

    /// Returns the normalized gold answer, if it is known.
    #[must_use]
    pub fn plain_gold(&self) -> Option<String> {
        self.gold_answer().map(|gold| plain_answer(&gold))
    }

    /// Returns the gold answer as text, if it is known.
    #[must_use]
    pub fn gold_answer(&self) -> Option<String> {
        self.gold_answer.as_ref().and_then(as_text)
    }

    /// Returns the gold steps of other records that this record includes.
    fn baselines(&self) -> impl Iterator<Item = &OtherSteps> {
        let recorded = self.backtracking.iter().flat_map(|b| &b.baselines);
        recorded.flatten()
    }

    /// Describes how the record exceeds the limits; `None` if it does not.
    fn excess(&self) -> Option<String> {
        let columns = self.latents.len() + self.table_tail.len();
        let longest = self.latents.iter().map(Vec::len).max().unwrap_or(0);
        let baselines = self.baselines().map(|baseline| &baseline.steps);
        let steps: Vec<&String> = baselines.chain([&self.gold_steps]).flatten().collect();
        let bytes: usize = steps.iter().map(|step| step.len()).sum();
        if columns > MAX_COLUMNS {
            return Some(format!(
                "{columns} positions; at most {MAX_COLUMNS} are read"
            ));
        }
        if longest > MAX_TOKENS {
            return Some(format!(
                "{longest} tokens at one position; at most {MAX_TOKENS} are read"
            ));
        }
        (steps.len() > MAX_STEPS || bytes > MAX_STEP_BYTES).then(|| {
            format!(
                "{} gold steps of {bytes} bytes; at most {MAX_STEPS} of {MAX_STEP_BYTES} bytes are read",
                steps.len()
            )
        })
    }
}

impl Row for Record {
    fn size(&self) -> usize {
        let tokens = self.latents.iter().flatten().chain(&self.table_tail);
        let texts = tokens.chain(&self.gold_steps).map(String::len);
        let baselines = self.baselines().flat_map(|baseline| &baseline.steps);
        self.question.len() + texts.chain(baselines.map(String::len)).sum::<usize>()
    }

    fn count(&self) -> usize {
        let columns: usize = self.latents.iter().map(|tokens| tokens.len() + 1).sum();
        let baselines: usize = self.baselines().map(|b| b.steps.len() + 1).sum();
        let others = [&self.index, &self.gold_answer, &self.prediction];
        let others: usize = others.into_iter().flatten().map(n_values).sum();
        columns + self.table_tail.len() + self.gold_steps.len() + baselines + others + 4
    }
}

/// Reads a file of decoded latents, as JSON Lines or a JSON array.
///
/// # Errors
/// Names the file and the offending line. A file without records is an error.
pub fn read(path: &Path) -> Result<Vec<Record>> {
    parse(&source::read_text(path)?, path)
}

/// Reads decoded latents from the text of a file; `path` is only used in errors.
///
/// # Errors
/// As [`read`].
pub fn parse(text: &str, path: &Path) -> Result<Vec<Record>> {
    let text = source::without_mark(text);
    let is_array = text.trim_start().starts_with('[');
    let mut records: Vec<Record> = if is_array {
        json::read_array(text, path, FORM)?
    } else {
        json::read_lines(text, path, FORM)?
    };
    if records.is_empty() {
        return Err(Error::data(path, None, "the file holds no record", FORM));
    }
    for record in &mut records {
        let tokens = record.latents.iter_mut().flatten();
        tokens.chain(&mut record.table_tail).for_each(spell);
    }
    let mut lines = (1..)
        .zip(text.lines())
        .filter(|(_, line)| !line.trim().is_empty());
    for record in &records {
        let line = lines.next().map(|(line, _)| line).filter(|_| !is_array);
        if let Some(excess) = record.excess() {
            return Err(Error::data(
                path,
                line,
                format!("the record has {excess}"),
                FORM,
            ));
        }
    }
    Ok(records)
}

/// Replaces the white-space markers of vocabulary pieces (byte-level BPE, `SentencePiece`) by white space, since a file may hold
/// raw pieces instead of decoded tokens.
fn spell(token: &mut String) {
    const BYTE_LEVEL: [(char, &str); 4] = [('Ġ', " "), ('Ċ', "\n"), ('ĉ', "\t"), ('č', "\r")];
    if token.starts_with('▁') {
        *token = token.replace('▁', " ");
    } else if token.starts_with(['Ġ', 'Ċ']) || ["ĉ", "č"].contains(&token.as_str()) {
        for (raw, plain) in BYTE_LEVEL {
            *token = token.replace(raw, plain);
        }
    }
}

/// Returns whether no token of any latent contains a letter or digit.
#[must_use]
pub fn is_unreadable(records: &[Record]) -> bool {
    let mut tokens = records
        .iter()
        .flat_map(|record| record.latents.iter().flatten());
    !tokens.any(|token| token.contains(char::is_alphanumeric))
}

/// Deserializes a list; null gives an empty one.
fn null_as_empty<'de, D: serde::Deserializer<'de>>(parser: D) -> Result<Vec<String>, D::Error> {
    Option::<Vec<String>>::deserialize(parser).map(Option::unwrap_or_default)
}

/// Returns the number of JSON values nested in a value, itself included.
fn n_values(value: &Value) -> usize {
    match value {
        Value::Array(list) => 1 + list.iter().map(n_values).sum::<usize>(),
        Value::Object(map) => 1 + map.values().map(n_values).sum::<usize>(),
        _ => 1,
    }
}

/// Returns a number or string as text.
fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "decoded.jsonl";
    const GOOD: &str = r#"{"question":"q","latents":[["1"," 2"]],"table_tail":["The"]}"#;

    fn error(text: &str) -> String {
        let error = parse(text, Path::new(PATH)).expect_err("refused");
        assert_eq!(error.exit_code(), 3, "{error}");
        error.to_string()
    }

    #[test]
    fn raw_pieces_are_read_as_their_tokens() {
        let row = r#"{"question":"q","latents":[["Ġ17","▁17","Ċ","ĊĊ"," 17","čar","Ġnew"]],"table_tail":["Ġ17"]}"#;
        let records = parse(row, Path::new(PATH)).expect("readable");
        assert_eq!(
            records[0].latents[0],
            [" 17", " 17", "\n", "\n\n", " 17", "čar", " new"]
        );
        assert_eq!(records[0].table_tail, [" 17"]);
        assert!(!is_unreadable(&records));
        let row = r#"{"question":"q","latents":[["\ufffd","..."],[]],"table_tail":["17"]}"#;
        assert!(is_unreadable(
            &parse(row, Path::new(PATH)).expect("readable")
        ));
    }

    #[test]
    fn records_are_read_with_and_without_optional_fields() {
        let full = r#"{"index":3,"question":"q","gold_steps":["<<1+2=3>>"],"gold_answer":3,"latents":[["1"],[]],
            "prediction":"3","table_tail":[],"backtracking":{"count":7,"baselines":[{"source_index":9,"steps":["<<1+1=2>>"]}]},
            "forward_chaining":{"x":[1]}}"#;
        let text = format!("\u{feff}{}\r\n\n{GOOD}\n", full.replace('\n', ""));
        let records = parse(&text, Path::new(PATH)).expect("readable");
        assert_eq!(
            (&records[0].index, &records[1].index),
            (&Some(3.into()), &None)
        );
        assert_eq!(records[0].gold_answer().as_deref(), Some("3"));
        assert_eq!(records[0].prediction().as_deref(), Some("3"));
        let baselines = records[0]
            .backtracking
            .as_ref()
            .and_then(|b| b.baselines.as_ref());
        assert_eq!(
            baselines.map(|b| b[0].source_index.clone()),
            Some(Some(9.into()))
        );
        assert_eq!(
            (records[1].gold_steps.len(), records[1].prediction()),
            (0, None)
        );
        let array = format!("[{GOOD},\n{GOOD}]");
        assert_eq!(parse(&array, Path::new(PATH)).expect("readable").len(), 2);
        let nulls = r#"{"question":"q","latents":[],"table_tail":[],"gold_steps":null,"gold_answer":null,"prediction":null}"#;
        assert_eq!(
            parse(nulls, Path::new(PATH)).expect("readable")[0].gold_answer(),
            None
        );
    }

    #[test]
    fn a_line_that_is_no_record_is_named() {
        let many = |n: usize| vec!["\"1\""; n].join(",");
        let steps = format!(
            "{{\"question\":\"q\",\"latents\":[],\"table_tail\":[],\"gold_steps\":[{}]}}",
            many(MAX_STEPS + 1)
        );
        let wide = format!(
            "{{\"question\":\"q\",\"latents\":[[{}]],\"table_tail\":[]}}",
            many(1001)
        );
        let long = format!(
            "{{\"question\":\"q\",\"latents\":[],\"table_tail\":[{}]}}",
            many(257)
        );
        let huge = format!(
            "{{\"question\":\"q\",\"latents\":[[{}]],\"table_tail\":[]}}",
            many(1_000_000)
        );
        let table = [
            ("", "\"decoded.jsonl\": the file holds no record"),
            ("[]", "the file holds no record"),
            ("nonsense", "line 1: expected"),
            (
                r#"{"latents":[],"table_tail":[]}"#,
                "line 1: missing field `question`",
            ),
            (
                r#"{"question":"q","table_tail":[]}"#,
                "line 1: missing field `latents`",
            ),
            (
                r#"{"question":"q","latents":[]}"#,
                "line 1: missing field `table_tail`",
            ),
            (
                r#"{"question":"q","latents":[[1]],"table_tail":[]}"#,
                "line 1: invalid type: integer `1`",
            ),
            (
                r#"{"question":"q","latents":[[NaN]],"table_tail":[]}"#,
                "line 1: expected value",
            ),
            (
                r#"{"question":"q","latents":["a"],"table_tail":[]}"#,
                "line 1: invalid type: string",
            ),
            ("\u{1b}[2J", "line 1: expected value"),
            (&steps, "the record has 1001 gold steps"),
            (&wide, "the record has 1001 tokens at one position"),
            (&long, "the record has 257 positions"),
            (&huge, "the row has"),
        ];
        for (text, expected) in table {
            let message = error(text);
            assert!(message.contains(expected), "{message:?} lacks {expected:?}");
        }
        let third = format!("{GOOD}\n\n{wide}");
        assert!(error(&third).contains("\"decoded.jsonl\", line 3: the record has"));
    }
}
