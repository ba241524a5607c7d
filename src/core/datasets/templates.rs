//! Templates for the verifier (docs/methods.md M3.5): a question with its numbers replaced by variables.
//!
//! The published passes are followed, including their quirks: a comma right after a price belongs to it ("$5, " loses its comma),
//! and "third" and "half" are divisors even in "third day" and "first half" (Q25).

use std::sync::LazyLock;

use regex::Regex;
use serde::{Serialize, Serializer};

use super::numbers::{ascii_digits, float, python_words};
use super::pattern;
use super::words::{COMPOUND_FRACTIONS, DIVISORS, MULTIPLIERS, NUMBER_WORDS};

/// A question with its numbers replaced, in the verifier's format.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Template {
    /// The row in the set of valid gold reasoning traces, from 0.
    pub source_index: usize,
    /// The question; its first 100 characters are the verifier's key (docs/methods.md Q39).
    pub original_question: String,
    /// The question with `VAR_n` in place of numbers, and compound fractions in capitals.
    pub template_question: String,
    /// The value of each variable, in reading order: the first is `VAR_1`.
    #[serde(serialize_with = "by_name")]
    pub variables: Vec<TemplateValue>,
    /// Metadata of the variables that are words, in the same order.
    #[serde(serialize_with = "words_by_name")]
    pub var_metadata: Vec<Option<TemplateWord>>,
}

/// The value of a variable.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum TemplateValue {
    /// A whole number.
    Whole(u64),
    /// A number with a fraction, or one too large for [`TemplateValue::Whole`].
    Decimal(f64),
}

/// A variable that is a word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateWord {
    /// Its role in an equation.
    pub word_type: WordType,
    /// The word, in lower case.
    pub original_text: String,
    /// Which half of a compound fraction it is, and the variable of the other half.
    #[serde(flatten)]
    pub half: Option<Half>,
}

/// The role of a word in an equation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WordType {
    /// Divides.
    Divisor,
    /// Multiplies.
    Multiplier,
    /// Multiplies by one number and divides by another.
    CompoundFraction,
}

/// Half of a compound fraction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Half {
    /// The multiplying half.
    Numerator {
        /// Always true.
        is_numerator: bool,
        /// The other half's variable.
        paired_var: String,
    },
    /// The dividing half.
    Denominator {
        /// Always true.
        is_denominator: bool,
        /// The other half's variable.
        paired_var: String,
    },
}

/// A number found in a question.
struct Found {
    /// The bytes that the template replaces.
    start: usize,
    end: usize,
    values: Vec<TemplateValue>,
    word: Option<(WordType, String)>,
}

/// The values of a match, and its word if it is one.
type Read = (Vec<TemplateValue>, Option<(WordType, String)>);

/// How a pass parses its match.
#[derive(Debug, Clone, Copy)]
enum SlotKind {
    Currency,
    Percentage,
    Fraction,
    Decimal,
    Whole,
    Compound,
    Divisor,
    Multiplier,
    Number,
}

static PASSES: LazyLock<[(Regex, SlotKind); 10]> = LazyLock::new(|| {
    let words = |words: &mut dyn Iterator<Item = &'static str>| {
        let either: Vec<&str> = words.collect();
        pattern(&format!(r"(?i)\b(?:{})\b", either.join("|")))
    };
    [
        (pattern(r"\$\d[\d,]*(?:\.\d+)?"), SlotKind::Currency),
        (pattern(r"\d+(?:\.\d+)?%"), SlotKind::Percentage),
        (pattern(r"\d+/\d+"), SlotKind::Fraction),
        (pattern(r"\d*\.\d+"), SlotKind::Decimal),
        (pattern(r"\d{1,3}(?:,\d{3})+"), SlotKind::Whole),
        (pattern(r"\d+"), SlotKind::Whole),
        (
            words(&mut COMPOUND_FRACTIONS.iter().map(|(word, _)| *word)),
            SlotKind::Compound,
        ),
        (
            words(&mut DIVISORS.iter().map(|(word, _)| *word)),
            SlotKind::Divisor,
        ),
        (
            words(&mut MULTIPLIERS.iter().map(|(word, _)| *word)),
            SlotKind::Multiplier,
        ),
        (
            words(&mut NUMBER_WORDS.iter().map(|(word, _)| *word)),
            SlotKind::Number,
        ),
    ]
});

impl Template {
    /// Creates the template of a question.
    #[must_use]
    pub fn new(source_index: usize, question: &str) -> Self {
        let (mut variables, mut words) = (Vec::new(), Vec::new());
        let mut template = String::with_capacity(question.len());
        let mut from = 0;
        for number in locate(question) {
            let first = variables.len() + 1;
            template.push_str(&question[from..number.start]);
            match &number.word {
                Some((WordType::CompoundFraction, text)) => {
                    template.push_str(&text.to_uppercase());
                    words.extend(halves(text, first).map(Some));
                }
                word => {
                    let names = (first..).take(number.values.len()).map(variable_name);
                    template.push_str(&names.collect::<Vec<_>>().join("/"));
                    let word = word.as_ref().map(|(word_type, text)| TemplateWord {
                        word_type: *word_type,
                        original_text: text.clone(),
                        half: None,
                    });
                    words.extend(number.values.iter().map(|_| word.clone()));
                }
            }
            variables.extend(number.values);
            from = number.end;
        }
        template.push_str(&question[from..]);
        Self {
            source_index,
            original_question: question.to_owned(),
            template_question: template,
            variables,
            var_metadata: words,
        }
    }
}

/// Returns the name of a variable, counted from 1.
fn variable_name(index: usize) -> String {
    format!("VAR_{index}")
}

/// Returns both halves of a compound fraction; `first` is the variable of its numerator.
fn halves(text: &str, first: usize) -> [TemplateWord; 2] {
    let word = |half| TemplateWord {
        word_type: WordType::CompoundFraction,
        original_text: text.to_owned(),
        half: Some(half),
    };
    [
        word(Half::Numerator {
            is_numerator: true,
            paired_var: variable_name(first + 1),
        }),
        word(Half::Denominator {
            is_denominator: true,
            paired_var: variable_name(first),
        }),
    ]
}

/// Returns the numbers of a question in reading order.
///
/// The passes run in turn; a match that overlaps an earlier one is ignored.
fn locate(question: &str) -> Vec<Found> {
    let words = python_words(question);
    let mut claimed = vec![false; question.len()];
    let mut numbers = Vec::new();
    for (pattern, kind) in &*PASSES {
        for place in pattern.find_iter(&words) {
            if claimed[place.range()].contains(&true) {
                continue;
            }
            // `words` differs from the question only where nothing but `\b` matches.
            let text = &question[place.range()];
            if let Some((values, word)) = parse_match(*kind, text) {
                claimed[place.range()].fill(true);
                numbers.push(Found {
                    // The currency sign stays in the text.
                    start: place.start() + usize::from(matches!(kind, SlotKind::Currency)),
                    end: place.end(),
                    values,
                    word,
                });
            }
        }
    }
    numbers.sort_by_key(|number| number.start);
    numbers
}

/// Parses a match into its values and, if it is a word, its role.
fn parse_match(kind: SlotKind, text: &str) -> Option<Read> {
    let lower = text.to_lowercase();
    let word = |table: &[(&str, u64)]| {
        let (_, value) = table.iter().find(|(word, _)| *word == lower)?;
        Some(vec![TemplateValue::Whole(*value)])
    };
    let numbers = match kind {
        SlotKind::Currency => vec![as_whole(float(&text.replace(['$', ','], ""))?)?],
        SlotKind::Percentage => vec![as_whole(float(text.trim_end_matches('%'))?)?],
        SlotKind::Fraction => {
            let (numerator, denominator) = text.split_once('/')?;
            // A zero denominator is rejected: the published preparation fails on it.
            let denominator =
                whole(denominator).filter(|value| *value != TemplateValue::Whole(0))?;
            vec![whole(numerator)?, denominator]
        }
        SlotKind::Decimal => vec![TemplateValue::Decimal(
            float(text).filter(|value| value.is_finite())?,
        )],
        SlotKind::Whole => vec![whole(text)?],
        SlotKind::Number => word(&NUMBER_WORDS)?,
        SlotKind::Divisor => return Some((word(&DIVISORS)?, Some((WordType::Divisor, lower)))),
        SlotKind::Multiplier => {
            return Some((word(&MULTIPLIERS)?, Some((WordType::Multiplier, lower))));
        }
        SlotKind::Compound => {
            let (_, parts) = COMPOUND_FRACTIONS.iter().find(|(word, _)| *word == lower)?;
            let values = parts.map(TemplateValue::Whole).to_vec();
            return Some((values, Some((WordType::CompoundFraction, lower))));
        }
    };
    Some((numbers, None))
}

/// Parses digits and commas as a number.
fn whole(text: &str) -> Option<TemplateValue> {
    let digits = ascii_digits(text).replace(',', "");
    match digits.parse() {
        Ok(value) => Some(TemplateValue::Whole(value)),
        Err(_) => float(&digits)
            .filter(|value| value.is_finite())
            .map(TemplateValue::Decimal),
    }
}

/// Returns a whole number where the value is one, otherwise a decimal.
fn as_whole(value: f64) -> Option<TemplateValue> {
    /// Above this, not every integer has an exact `f64`.
    const LIMIT: f64 = 9_007_199_254_740_992.0;
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "it is whole, not negative, and below the limit"
    )]
    if value.fract() == 0.0 && (0.0..LIMIT).contains(&value) {
        return Some(TemplateValue::Whole(value as u64));
    }
    value.is_finite().then_some(TemplateValue::Decimal(value))
}

/// Serializes values as an object keyed by variable name.
fn by_name<S: Serializer>(values: &[TemplateValue], out: S) -> Result<S::Ok, S::Error> {
    out.collect_map((1..).map(variable_name).zip(values))
}

/// Serializes words as an object keyed by the names of the variables that are words.
fn words_by_name<S: Serializer>(words: &[Option<TemplateWord>], out: S) -> Result<S::Ok, S::Error> {
    let named = (1..).map(variable_name).zip(words);
    out.collect_map(named.filter_map(|(name, word)| Some((name, word.as_ref()?))))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Returns the template of a question, and its variables as JSON.
    fn template(question: &str) -> (String, String) {
        let template = Template::new(0, question);
        let json = serde_json::to_value(&template).expect("a template is JSON");
        (template.template_question, json["variables"].to_string())
    }

    #[test]
    fn the_published_examples_give_exactly_these_templates() {
        let pens = "Ann buys 12 pens at $3 each and pays 20% less than twice the price.";
        assert_eq!(
            template(pens),
            (
                "Ann buys VAR_1 pens at $VAR_2 each and pays VAR_3 less than VAR_4 the price."
                    .to_owned(),
                r#"{"VAR_1":12,"VAR_2":3,"VAR_3":20,"VAR_4":2}"#.to_owned()
            )
        );
        let pie = "Twenty-five kids ate three-fourths of a pie, double the half of 3/4 of 1,000.";
        assert_eq!(
            template(pie),
            (
                "VAR_1-VAR_2 kids ate THREE-FOURTHS of a pie, VAR_5 the VAR_6 of VAR_7/VAR_8 of VAR_9.".to_owned(),
                r#"{"VAR_1":20,"VAR_2":5,"VAR_3":3,"VAR_4":4,"VAR_5":2,"VAR_6":2,"VAR_7":3,"VAR_8":4,"VAR_9":1000}"#
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_template_is_written_in_the_published_fields() {
        let json =
            serde_json::to_value(Template::new(7, "Two-Thirds of 6, then Half")).expect("JSON");
        let expected = serde_json::json!({
            "source_index": 7,
            "original_question": "Two-Thirds of 6, then Half",
            "template_question": "TWO-THIRDS of VAR_3, then VAR_4",
            "variables": {"VAR_1": 2, "VAR_2": 3, "VAR_3": 6, "VAR_4": 2},
            "var_metadata": {
                "VAR_1": {
                    "word_type": "compound_fraction",
                    "original_text": "two-thirds",
                    "is_numerator": true,
                    "paired_var": "VAR_2"
                },
                "VAR_2": {
                    "word_type": "compound_fraction",
                    "original_text": "two-thirds",
                    "is_denominator": true,
                    "paired_var": "VAR_1"
                },
                "VAR_4": {"word_type": "divisor", "original_text": "half"}
            }
        });
        assert_eq!(json, expected);
        let names: Vec<&String> = json["variables"]
            .as_object()
            .expect("an object")
            .keys()
            .collect();
        assert_eq!(names, ["VAR_1", "VAR_2", "VAR_3", "VAR_4"], "in order");
    }

    #[test]
    fn each_pass_claims_its_own_numbers() {
        let table = [
            ("$1,200.50 or $7.00", "$VAR_1 or $VAR_2", "[1200.5,7]"),
            // A comma after a price belongs to it.
            ("$5, and 6, too", "$VAR_1 and VAR_2, too", "[5,6]"),
            ("12.5% or 50%", "VAR_1 or VAR_2", "[12.5,50]"),
            ("1/2 of 10/4", "VAR_1/VAR_2 of VAR_3/VAR_4", "[1,2,10,4]"),
            ("1/0", "VAR_1/VAR_2", "[1,0]"),
            ("2.0 or .5", "VAR_1 or VAR_2", "[2.0,0.5]"),
            ("1,200 or 1,20", "VAR_1 or VAR_2,VAR_3", "[1200,1,20]"),
            ("5th x7 30mph", "VAR_1th xVAR_2 VAR_3mph", "[5,7,30]"),
            ("one-half and one-hal", "ONE-HALF and VAR_3-hal", "[1,2,1]"),
            (
                "three thirds, third day",
                "VAR_1 thirds, VAR_2 day",
                "[3,3]",
            ),
            ("triple, TWICE, doubled", "VAR_1, VAR_2, doubled", "[3,2]"),
            (
                "two hundred million someone",
                "VAR_1 VAR_2 VAR_3 someone",
                "[2,100,1000000]",
            ),
            ("half\u{301}½²٣", "VAR_1\u{301}½²VAR_2", "[2,3]"),
            ("none", "none", "[]"),
            ("", "", "[]"),
        ];
        for (question, is, values) in table {
            let (text, variables) = template(question);
            assert_eq!(text, is, "{question:?}");
            let variables: serde_json::Value = serde_json::from_str(&variables).expect("JSON");
            let written: Vec<_> = variables.as_object().expect("an object").values().collect();
            assert_eq!(
                serde_json::to_string(&written).expect("JSON"),
                values,
                "{question:?}"
            );
        }
    }

    #[test]
    fn numbers_too_large_for_any_type_are_left_alone() {
        let digits = "9".repeat(400);
        for question in [
            digits.clone(),
            format!("${digits}"),
            format!("{digits}%"),
            format!("{digits}.5"),
        ] {
            let json = serde_json::to_string(&Template::new(0, &question)).expect("JSON");
            assert!(!json.contains("null"), "{json}");
        }
        assert_eq!(
            template("18446744073709551616").1,
            r#"{"VAR_1":1.8446744073709552e+19}"#
        );
    }

    proptest! {
        #[test]
        fn filling_a_template_of_whole_numbers_gives_the_question(
            words in proptest::collection::vec("[0-9]{1,3}|[f-m]{1,5}|[0-9]{1,2}/[1-9]", 0..9),
        ) {
            let question = words.join(" ");
            let template = Template::new(0, &question);
            let mut filled = template.template_question.clone();
            for (i, value) in template.variables.iter().enumerate().rev() {
                let TemplateValue::Whole(value) = value else { panic!("{question}") };
                filled = filled.replace(&variable_name(i + 1), &value.to_string());
            }
            let plain = |word: &String| {
                let parts: Vec<String> = word
                    .split('/')
                    .map(|part| part.parse().map_or(part.to_owned(), |n: u64| n.to_string()))
                    .collect();
                parts.join("/")
            };
            prop_assert_eq!(filled, words.iter().map(plain).collect::<Vec<_>>().join(" "));
        }
    }
}
