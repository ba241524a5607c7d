//! Comma-separated values quoted as in RFC 4180: a header line, then one line per record. Lines end in a line feed alone,
//! which every reader accepts. Untrusted text is sanitised first.

use std::borrow::Cow;

use crate::core::text::{csv_field, sanitize};
use crate::core::types::{Ablation, Cell, LatentIdx, Variants};

use super::Head;

/// The fields of a record with their column names.
pub type Fields = Vec<(&'static str, String)>;

/// A table under construction. Missing fields of a record are empty.
#[derive(Debug)]
pub struct Sheet {
    columns: Vec<&'static str>,
    shared: Fields,
    rows: Vec<Vec<String>>,
}

impl Sheet {
    /// Creates an empty table. `shared` fields come first in every record.
    #[must_use]
    pub fn new(shared: Fields, columns: &[&'static str]) -> Self {
        let names = shared.iter().map(|(name, _)| *name);
        Self {
            columns: names.chain(columns.iter().copied()).collect(),
            shared,
            rows: Vec::new(),
        }
    }

    /// Adds a record. Each field must name a column.
    pub fn push(&mut self, fields: Fields) {
        let mut row = vec![String::new(); self.columns.len()];
        for (name, field) in self.shared.iter().cloned().chain(fields) {
            let at = self.columns.iter().position(|column| *column == name);
            row[at.expect("a record names columns of its table")] = field;
        }
        self.rows.push(row);
    }

    /// Returns the table as text.
    #[must_use]
    pub fn into_text(self) -> String {
        let names = self.columns.iter().map(|name| Cow::Borrowed(*name));
        let mut text = line(names);
        for row in &self.rows {
            text += &line(row.iter().map(|field| Cow::Owned(csv_field(field))));
        }
        text
    }
}

fn line<'a>(fields: impl Iterator<Item = Cow<'a, str>>) -> String {
    let fields: Vec<_> = fields.collect();
    let mut line = fields.join(",");
    line.push('\n');
    line
}

/// The columns of [`cell`].
pub const CELL: [&str; 10] = [
    "off",
    "answer",
    "flipped",
    "delta_logprob",
    "n",
    "flips",
    "outcome",
    "flip_rate",
    "flip_rate_wilson_lo95",
    "flip_rate_wilson_hi95",
];

/// Returns the fields of a cell.
#[must_use]
pub fn cell(cell: &Cell) -> Fields {
    let mut fields = vec![
        ("off", latents(&cell.off)),
        ("answer", text(cell.answer.as_deref())),
        ("flipped", cell.flipped.to_string()),
        ("delta_logprob", cell.delta_logprob.to_string()),
    ];
    fields.extend(outcome(cell.variants()));
    fields
}

/// Returns the fields of an outcome: the counts of variants, the outcome and the flip rate.
#[must_use]
pub fn outcome(variants: Variants) -> Fields {
    let rate = variants.rate();
    vec![
        ("n", variants.n.to_string()),
        ("flips", variants.flips.to_string()),
        ("outcome", variants.outcome().as_str().to_owned()),
        ("flip_rate", known(rate.map(|rate| rate.rate))),
        ("flip_rate_wilson_lo95", known(rate.map(|rate| rate.ci95.0))),
        ("flip_rate_wilson_hi95", known(rate.map(|rate| rate.ci95.1))),
    ]
}

/// Returns the fields on the origin of a record.
#[must_use]
pub fn origin(head: &Head) -> Fields {
    vec![
        ("schema", head.schema.to_owned()),
        ("model", text(Some(&head.model.name))),
        ("sha256", head.model.sha256.clone()),
        ("reference", text(head.reference.as_deref())),
        ("question", text(Some(&head.question))),
        ("clean_answer", text(head.clean.answer.value.as_deref())),
        ("clean_logprob", head.clean.logprob.to_string()),
    ]
}

/// Returns the fields of an ablation.
#[must_use]
pub fn manner(manner: &Ablation) -> Fields {
    let donor = manner.donor;
    vec![
        ("value", manner.value.as_str().to_owned()),
        ("site", manner.site.as_str().to_owned()),
        ("propagation", manner.propagation.as_str().to_owned()),
        ("direction", manner.direction.as_str().to_owned()),
        ("layers", known(manner.layers)),
        ("donor_problem", known(donor.map(|donor| donor.problem))),
        ("donor_latent", known(donor.and_then(|donor| donor.latent))),
        ("matched", manner.matched.to_string()),
        ("variants", known(manner.variants)),
        ("seed", manner.seed.to_string()),
    ]
}

/// Sanitises untrusted text; empty for `None`.
#[must_use]
pub fn text(foreign: Option<&str>) -> String {
    foreign.map_or_else(String::new, |text| sanitize(text).into_string())
}

/// Formats a value; empty for `None`.
#[must_use]
pub fn known<T: ToString>(value: Option<T>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

/// Formats latents separated by spaces.
#[must_use]
pub fn latents<'a>(latents: impl IntoIterator<Item = &'a LatentIdx>) -> String {
    let latents: Vec<String> = latents.into_iter().map(ToString::to_string).collect();
    latents.join(" ")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Parses CSV as described in RFC 4180.
    fn read(text: &str) -> Vec<Vec<String>> {
        let mut rows = vec![vec![String::new()]];
        let mut chars = text.chars().peekable();
        let mut inside = false;
        while let Some(c) = chars.next() {
            let row = rows.last_mut().expect("there is a row");
            let field = row.last_mut().expect("there is a field");
            match c {
                '"' if inside && chars.peek() == Some(&'"') => {
                    chars.next();
                    field.push('"');
                }
                '"' => inside = !inside,
                ',' if !inside => row.push(String::new()),
                '\n' if !inside => rows.push(vec![String::new()]),
                c => field.push(c),
            }
        }
        rows.pop();
        rows
    }

    #[test]
    fn a_record_may_leave_columns_empty() {
        let mut sheet = Sheet::new(vec![("model", "m,1".to_owned())], &["a", "b"]);
        sheet.push(vec![("b", "2".to_owned())]);
        sheet.push(vec![]);
        assert_eq!(sheet.into_text(), "model,a,b\n\"m,1\",,2\n\"m,1\",,\n");
    }

    #[test]
    fn a_cell_says_what_became_of_the_answer() {
        let mut mixed = Cell {
            off: [LatentIdx(2)].into(),
            answer: Some("17".to_owned()),
            flipped: true,
            delta_logprob: -9.16,
            n: 16,
            flips: 9,
        };
        let field = |fields: &Fields, wanted: &str| {
            let found = fields.iter().find(|(name, _)| *name == wanted);
            found.expect(wanted).1.clone()
        };
        let fields = cell(&mixed);
        let names: Vec<&str> = fields.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, CELL);
        assert_eq!(field(&fields, "outcome"), "mixed");
        assert_eq!(field(&fields, "flip_rate"), "0.5625");
        (mixed.n, mixed.flips) = (1, 1);
        let fields = cell(&mixed);
        assert_eq!(field(&fields, "outcome"), "flipped");
        assert_eq!(field(&fields, "flip_rate_wilson_lo95"), "");
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(rows in prop::collection::vec(prop::array::uniform2("[a\",\n\r=+@ -]{0,6}"), 0..5)) {
            let mut sheet = Sheet::new(vec![], &["x", "y"]);
            for [x, y] in &rows {
                sheet.push(vec![("x", x.clone()), ("y", y.clone())]);
            }
            let found = read(&sheet.into_text());
            let shown = |field: String| {
                let text = sanitize(&field).into_string();
                let is_formula = text.trim_start().starts_with(['=', '+', '-', '@']);
                if is_formula { format!("'{text}") } else { text }
            };
            let want: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(shown).into()).collect();
            prop_assert_eq!(&found[1..], &want[..]);
        }
    }
}
