//! Unsupported shapes of data sets: tables, columns, and rows nested in an object. The error names the shape and, if possible, a
//! command that writes the rows as JSON Lines.

use serde_json::{Map, Value};

use super::row::is_question_field;
use super::source::{Form, without_mark};

/// The longest text that is parsed again to identify its shape, in bytes.
const LONGEST: usize = 32 << 20;

/// The shape of an unreadable text, and how to convert its rows to JSON Lines.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct RowShape {
    pub(super) what: String,
    pub(super) way_out: String,
}

/// Identifies the shape of a text, if it is a known one.
pub(super) fn identify(text: &str, form: Form) -> Option<RowShape> {
    let text = without_mark(text).trim_start();
    if text.len() > LONGEST {
        return None;
    }
    match form {
        Form::Raw => table(text.lines().next()?),
        Form::Array | Form::Lines | Form::Examples => {
            let mut values = serde_json::Deserializer::from_str(text).into_iter::<Value>();
            json(&values.next()?.ok()?)
        }
    }
}

/// Detects a table with column names in the first line, or YAML.
fn table(first_line: &str) -> Option<RowShape> {
    // A line of the raw form.
    if first_line.contains("||") {
        return None;
    }
    let first = first_line.trim_start_matches("- ").split(':').next()?;
    if first_line.contains(':') && is_question_field(first) {
        return Some(RowShape {
            what: "it looks like YAML".to_owned(),
            way_out: "write its rows as JSON Lines".to_owned(),
        });
    }
    let (name, separator) = [("TSV", '\t'), ("CSV", ','), ("CSV", ';')]
        .into_iter()
        .find(|(_, separator)| first_line.contains(*separator))?;
    let columns: Vec<&str> = first_line
        .split(separator)
        .map(|column| column.trim().trim_matches('"'))
        .collect();
    columns.iter().any(|column| is_question_field(column)).then(|| {
        let separator = separator.escape_default();
        RowShape {
            what: format!("it is a table with the columns {} ({name})", columns.join(", ")),
            way_out: format!(
                "write its rows as JSON Lines: python3 -c \"import csv, io, json, sys; [print(json.dumps(row)) for row in \
                 csv.DictReader(io.TextIOWrapper(sys.stdin.buffer, 'utf-8-sig', newline=''), delimiter='{separator}')]\" < FILE > \
                 rows.jsonl"
            ),
        }
    })
}

/// Detects rows nested in another value.
fn json(value: &Value) -> Option<RowShape> {
    let within = |name: &str, path: String| {
        // The name comes from the file, and the command is for a shell.
        let is_plain = path
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "[].\"_-".contains(c));
        let command = format!(": jq -c '{path}' FILE > rows.jsonl");
        RowShape {
            what: format!("its rows are under `{name}`"),
            way_out: format!(
                "write them as JSON Lines{}",
                if is_plain { command } else { String::new() }
            ),
        }
    };
    match value {
        Value::Array(rows) => {
            let name = wrapper(rows.first()?)?;
            Some(within(name, format!(".[][\"{name}\"]")))
        }
        // Its error is in another row, or in another field.
        Value::Object(fields) if is_row(fields) => None,
        Value::Object(fields) => {
            let rows = fields
                .values()
                .filter(|value| value.as_object().is_some_and(is_row));
            if rows.count() > 1 {
                return Some(RowShape {
                    what: "its rows are fields of one object".to_owned(),
                    way_out: "write them as JSON Lines: jq -c '.[]' FILE > rows.jsonl".to_owned(),
                });
            }
            if let Some(name) = wrapper(value) {
                return Some(within(name, format!(".[\"{name}\"]")));
            }
            let in_columns = fields.iter().any(|(name, value)| {
                is_question_field(name) && matches!(value, Value::Array(_) | Value::Object(_))
            });
            if in_columns {
                return Some(RowShape {
                    what: "its rows are written as columns".to_owned(),
                    way_out: "write them as JSON Lines; with pandas: table.to_json(\"rows.jsonl\", orient=\"records\", lines=True)"
                        .to_owned(),
                });
            }
            let named = |(name, value): (&String, &Value)| {
                let first = value.as_array()?.first()?;
                let inner = wrapper(first).map(|inner| format!("[\"{inner}\"]"));
                let is_row = first.as_object().is_some_and(is_row);
                let path = format!(".[\"{name}\"][]{}", inner.clone().unwrap_or_default());
                (is_row || inner.is_some()).then(|| within(name, path))
            };
            let lists: Vec<RowShape> = fields.iter().filter_map(named).collect();
            let others = lists.len().saturating_sub(1);
            let mut first = lists.into_iter().next()?;
            if others > 0 {
                first.what += &format!(", others under {others} more of its fields");
            }
            Some(first)
        }
        _ => None,
    }
}

/// Returns the name of the field of an object that holds a row.
fn wrapper(value: &Value) -> Option<&str> {
    let fields = value.as_object().filter(|fields| !is_row(fields))?;
    let holds_row = |value: &Value| value.as_object().is_some_and(is_row);
    let (name, _) = fields.iter().find(|(_, value)| holds_row(value))?;
    Some(name)
}

/// Returns whether an object has a text in a question field.
fn is_row(fields: &Map<String, Value>) -> bool {
    fields
        .iter()
        .any(|(name, value)| is_question_field(name) && value.is_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::problem_file::source::form;

    #[test]
    fn a_name_from_the_file_is_kept_out_of_the_command() {
        let text = r#"{"a'; touch x; '":[{"question":"a"}]}"#;
        let shape = identify(text, form(text)).expect("rows in an object");
        assert_eq!(shape.way_out, "write them as JSON Lines");
    }

    #[test]
    fn each_known_shape_is_named_with_a_command() {
        let table = [
            (
                "question,answer\n\"a\",3\n",
                "question, answer (CSV)",
                "delimiter=','",
            ),
            (
                "id\tQuestion\tAnswer\n1\ta\t3\n",
                "(TSV)",
                "delimiter='\\t'",
            ),
            ("- question: a\n  answer: 3\n", "YAML", "JSON Lines"),
            (
                r#"{"features":[],"rows":[{"row_idx":0,"row":{"question":"a","answer":"3"}}]}"#,
                "under `rows`",
                r#"'.["rows"][]["row"]'"#,
            ),
            (
                r#"{"data":[{"question":"a","answer":"3"}]}"#,
                "under `data`",
                r#"'.["data"][]'"#,
            ),
            (
                "{\"row\":{\"question\":\"a\"}}\n{\"row\":{\"question\":\"b\"}}\n",
                "under `row`",
                r#"'.["row"]'"#,
            ),
            (
                r#"[{"row":{"question":"a"}}]"#,
                "under `row`",
                r#"'.[]["row"]'"#,
            ),
            (
                r#"{"question":{"0":"a"},"answer":{"0":"3"}}"#,
                "columns",
                "orient",
            ),
            (r#"{"question":["a"],"answer":["3"]}"#, "columns", "orient"),
            (
                r#"{"q1":{"question":"a"},"q2":{"question":"b"}}"#,
                "fields of one object",
                "jq -c '.[]'",
            ),
            (
                r#"{"train":[{"question":"a"}],"test":[{"question":"b"}]}"#,
                "under `train`, others under 1 more",
                "train",
            ),
        ];
        for (text, what, way_out) in table {
            let shape = identify(text, form(text)).expect(text);
            assert!(shape.what.contains(what), "{shape:?}");
            assert!(shape.way_out.contains(way_out), "{shape:?}");
        }
        for text in [
            "a, b || c",
            r#"{"text":"a"}"#,
            r#"{"question":"a","input":["x"]}"#,
            r#"{"question":"a","shots":[{"question":"b"}]}"#,
            "Question: a || <<1+1=2>> #### 2",
            r#"{"messages":[{"content":"a"}]}"#,
            "{",
            "",
            "[3]",
        ] {
            assert_eq!(identify(text, form(text)), None, "{text}");
        }
    }
}
