//! The filter language that selects problems of a run: `rung=USED correct=no steps>=3`. All terms must hold.
//!
//! A term is a field, an operator and a value; a value with blanks is put in double quotes. A value that was not computed matches
//! `=none` and `!=` with any other value. `needed=none` instead means that no latent is needed alone.

mod display;

use std::cmp::Ordering;

use crate::core::stats::float;
use crate::core::types::Rung;
use crate::explorer::session::{Note, Tag};
use crate::lab::rows::summary::RunItem;

/// The property of a problem that a term tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Field {
    /// The rung of the verdict.
    Rung,
    /// Whether the answer is the gold one.
    Correct,
    /// Steps of the gold solution.
    Steps,
    /// The p-value of the verdict's search.
    P,
    /// The latents that are needed alone.
    Needed,
    /// First match.
    First,
    /// Stable match.
    Stable,
    /// The change of log-probability with all latents off.
    Delta,
    /// The index of the problem, from 0.
    Index,
    /// The model's answer.
    Answer,
    /// The question.
    Text,
    /// The number of notes and tags on the problem.
    Notes,
    /// Any of its tags.
    Tag,
    /// The text of any of its notes.
    Note,
}

/// The kind of value that a field has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Number,
    Rung,
    Truth,
    Latents,
    Text,
}

impl Field {
    /// Every field.
    pub const ALL: [Self; 14] = [
        Self::Rung,
        Self::Correct,
        Self::Steps,
        Self::P,
        Self::Needed,
        Self::First,
        Self::Stable,
        Self::Delta,
        Self::Index,
        Self::Answer,
        Self::Text,
        Self::Notes,
        Self::Tag,
        Self::Note,
    ];

    /// Returns its name in an expression.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Rung => "rung",
            Self::Correct => "correct",
            Self::Steps => "steps",
            Self::P => "p",
            Self::Needed => "needed",
            Self::First => "first",
            Self::Stable => "stable",
            Self::Delta => "delta",
            Self::Index => "index",
            Self::Answer => "answer",
            Self::Text => "text",
            Self::Notes => "notes",
            Self::Tag => "tag",
            Self::Note => "note",
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Rung => Kind::Rung,
            Self::Correct => Kind::Truth,
            Self::Needed => Kind::Latents,
            Self::Answer | Self::Text | Self::Tag | Self::Note => Kind::Text,
            _ => Kind::Number,
        }
    }
}

/// A comparison operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparator {
    /// `=`
    Is,
    /// `!=`
    Not,
    /// `<=`
    AtMost,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `>`
    Above,
    /// `~`
    Has,
}

impl Comparator {
    /// Every operator; longer ones come first, so that they are matched first.
    pub const ALL: [Self; 7] = [
        Self::Not,
        Self::AtMost,
        Self::AtLeast,
        Self::Is,
        Self::Below,
        Self::Above,
        Self::Has,
    ];

    /// Returns the operator as it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Is => "=",
            Self::Not => "!=",
            Self::AtMost => "<=",
            Self::AtLeast => ">=",
            Self::Below => "<",
            Self::Above => ">",
            Self::Has => "~",
        }
    }

    fn is_equality(self) -> bool {
        matches!(self, Self::Is | Self::Not)
    }

    /// Returns whether the operator holds for this ordering of field and value.
    fn holds(self, order: Ordering) -> bool {
        match self {
            Self::Is | Self::Has => order == Ordering::Equal,
            Self::Not => order != Ordering::Equal,
            Self::AtMost => order != Ordering::Greater,
            Self::AtLeast => order != Ordering::Less,
            Self::Below => order == Ordering::Less,
            Self::Above => order == Ordering::Greater,
        }
    }
}

/// The value that a field is compared with.
#[derive(Debug, Clone, PartialEq)]
pub enum FieldValue {
    /// Not computed, or absent.
    None,
    /// A number; for needed latents, their count.
    Number(f64),
    /// A rung.
    Rung(Rung),
    /// Yes or no.
    Truth(bool),
    /// Latents in ascending order.
    Latents(Vec<usize>),
    /// A text.
    Text(String),
}

/// One condition.
#[derive(Debug, Clone, PartialEq)]
pub struct Term {
    /// The field tested.
    pub field: Field,
    /// The operator.
    pub op: Comparator,
    /// The value compared with.
    pub value: FieldValue,
}

/// An expression; without terms it admits every problem.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Filter(pub Vec<Term>);

/// A syntax error in an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// Its position, in characters from the left.
    pub at: usize,
    /// The message.
    pub message: String,
}

impl Filter {
    /// Parses an expression.
    ///
    /// # Errors
    /// The first syntax error and its position.
    pub fn parse(text: &str) -> Result<Self, Wrong> {
        let mut reader = Reader {
            chars: text.chars().collect(),
            at: 0,
        };
        let mut terms = Vec::new();
        loop {
            reader.skip_blanks();
            if reader.at == reader.chars.len() {
                return Ok(Self(terms));
            }
            terms.push(reader.term()?);
        }
    }

    /// Returns whether a problem with these notes passes.
    #[must_use]
    pub fn admits(&self, item: &RunItem, notes: &[Note]) -> bool {
        self.0.iter().all(|term| term.holds(item, notes))
    }
}

impl Term {
    fn holds(&self, item: &RunItem, notes: &[Note]) -> bool {
        let op = self.op;
        let number = |found: Option<f64>| match (&self.value, found) {
            (FieldValue::None, found) => op.holds(found.is_some().cmp(&false)),
            (FieldValue::Number(wanted), Some(found)) => found
                .partial_cmp(wanted)
                .is_some_and(|order| op.holds(order)),
            _ => op == Comparator::Not,
        };
        let whole = |found: Option<usize>| number(found.map(float));
        match self.field {
            Field::Rung => self.rung(item.rung()),
            Field::Correct => match self.value {
                FieldValue::Truth(wanted) => {
                    (item.correct == Some(wanted)) == (op == Comparator::Is)
                }
                _ => item.correct.is_none() == (op == Comparator::Is),
            },
            Field::Steps => whole(Some(item.steps)),
            Field::P => number(item.p()),
            Field::Needed => self.needed(item.needed()),
            Field::First => whole(item.first()),
            Field::Stable => whole(item.early.as_ref().map(|early| early.stable)),
            Field::Delta => number(item.delta()),
            Field::Index => whole(Some(item.index)),
            Field::Answer => self.text(item.answer.as_deref()),
            Field::Text => self.text([item.question.as_str()]),
            Field::Notes => whole(Some(notes.len())),
            Field::Tag => self.text(notes.iter().filter_map(|note| note.tag).map(Tag::as_str)),
            Field::Note => {
                let texts = notes.iter().map(|note| note.text.as_str());
                self.text(texts.filter(|text| !text.is_empty()))
            }
        }
    }

    fn rung(&self, found: Option<Rung>) -> bool {
        let op = self.op;
        match (&self.value, found) {
            (FieldValue::None, found) => op.holds(found.is_some().cmp(&false)),
            (FieldValue::Rung(wanted), Some(found)) if op.is_equality() => {
                (found == *wanted) == (op == Comparator::Is)
            }
            (FieldValue::Rung(wanted), Some(found)) => {
                op.holds(found.strength().cmp(&wanted.strength()))
            }
            (FieldValue::Text(_), Some(found)) => self.text([found.as_str()]),
            _ => op == Comparator::Not,
        }
    }

    fn needed(&self, found: Option<&[usize]>) -> bool {
        let op = self.op;
        match (&self.value, found) {
            (FieldValue::Latents(wanted), Some(found)) if op == Comparator::Has => {
                wanted.iter().all(|latent| found.contains(latent))
            }
            (FieldValue::Latents(wanted), Some(found)) => {
                (found == wanted.as_slice()) == (op == Comparator::Is)
            }
            (FieldValue::Number(wanted), Some(found)) => float(found.len())
                .partial_cmp(wanted)
                .is_some_and(|order| op.holds(order)),
            _ => op == Comparator::Not,
        }
    }

    /// Compares all texts of the field: one that fits is enough.
    fn text<'a>(&self, found: impl IntoIterator<Item = &'a str>) -> bool {
        let mut found = found.into_iter();
        match &self.value {
            FieldValue::None => self.op.holds(found.next().is_some().cmp(&false)),
            FieldValue::Text(wanted) => {
                let wanted = wanted.to_lowercase();
                let mut found = found.map(str::to_lowercase);
                match self.op {
                    Comparator::Has => found.any(|found| found.contains(&wanted)),
                    op => found.any(|found| found == wanted) == (op == Comparator::Is),
                }
            }
            _ => self.op == Comparator::Not,
        }
    }
}

/// Parses an expression from left to right.
struct Reader {
    chars: Vec<char>,
    at: usize,
}

impl Reader {
    fn skip_blanks(&mut self) {
        while self.chars.get(self.at).is_some_and(|c| c.is_whitespace()) {
            self.at += 1;
        }
    }

    fn wrong<T>(at: usize, message: impl Into<String>) -> Result<T, Wrong> {
        let message = message.into();
        Err(Wrong { at, message })
    }

    fn term(&mut self) -> Result<Term, Wrong> {
        let start = self.at;
        let name = self.word(|c| c.is_alphanumeric() || c == '_' || c == '-');
        let lower = name.to_lowercase();
        let field = Field::ALL.into_iter().find(|field| field.as_str() == lower);
        let Some(field) = field else {
            let names: Vec<&str> = Field::ALL.iter().map(|field| field.as_str()).collect();
            let what = if name.is_empty() {
                "a field belongs here".to_owned()
            } else {
                format!("there is no field {name}")
            };
            return Self::wrong(start, format!("{what}: {}", names.join(", ")));
        };
        self.skip_blanks();
        let place = self.at;
        let Some(op) = self.op() else {
            return Self::wrong(place, "one of = != < <= > >= ~ belongs here");
        };
        if !allows(field.kind(), op) {
            let what = format!("{} cannot be compared by {}", field.as_str(), op.as_str());
            return Self::wrong(place, what);
        }
        self.skip_blanks();
        let place = self.at;
        let (text, quoted) = self.value()?;
        match value(field, op, &text, quoted) {
            Ok(value) => Ok(Term { field, op, value }),
            Err(message) => Self::wrong(place, message),
        }
    }

    fn word(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let rest = self.chars[self.at..].iter().copied();
        let word: String = rest.take_while(|c| belongs(*c)).collect();
        self.at += word.chars().count();
        word
    }

    fn op(&mut self) -> Option<Comparator> {
        let rest = &self.chars[self.at..];
        let op = Comparator::ALL.into_iter().find(|op| {
            let length = op.as_str().len();
            rest.len() >= length && rest[..length].iter().copied().eq(op.as_str().chars())
        })?;
        self.at += op.as_str().len();
        Some(op)
    }

    /// Reads the text of a value, and whether it was quoted.
    fn value(&mut self) -> Result<(String, bool), Wrong> {
        if self.chars.get(self.at) != Some(&'"') {
            let start = self.at;
            let text = self.word(|c| !c.is_whitespace());
            if text.is_empty() {
                return Self::wrong(start, "a value belongs here");
            }
            return Ok((text, false));
        }
        let start = self.at;
        let mut text = String::new();
        let mut escaped = false;
        for (i, c) in self.chars.iter().enumerate().skip(start + 1) {
            match c {
                '\\' if !escaped => escaped = true,
                '"' if !escaped => {
                    self.at = i + 1;
                    return Ok((text, true));
                }
                c => {
                    text.push(*c);
                    escaped = false;
                }
            }
        }
        Self::wrong(start, "the quotation mark is not closed")
    }
}

/// Returns whether an operator applies to a kind of value.
fn allows(kind: Kind, op: Comparator) -> bool {
    match kind {
        Kind::Number => op != Comparator::Has,
        Kind::Rung | Kind::Latents => true,
        Kind::Truth => op.is_equality(),
        Kind::Text => op.is_equality() || op == Comparator::Has,
    }
}

fn value(field: Field, op: Comparator, text: &str, quoted: bool) -> Result<FieldValue, String> {
    let is_none = !quoted && op.is_equality() && text.eq_ignore_ascii_case("none");
    let number = || {
        let plain = text.replace('\u{2212}', "-");
        let number = plain.parse::<f64>().ok().filter(|n| !n.is_nan());
        number
            .map(FieldValue::Number)
            .ok_or_else(|| format!("{text} is not a number"))
    };
    match field.kind() {
        Kind::Latents if op.is_equality() && is_none => Ok(FieldValue::Latents(Vec::new())),
        _ if is_none => Ok(FieldValue::None),
        Kind::Latents if op.is_equality() || op == Comparator::Has => latents(text),
        Kind::Number | Kind::Latents => number(),
        Kind::Text => Ok(FieldValue::Text(text.to_owned())),
        Kind::Rung if op == Comparator::Has => Ok(FieldValue::Text(text.to_owned())),
        Kind::Rung => rung(text),
        Kind::Truth => match text.to_lowercase().as_str() {
            "yes" | "true" => Ok(FieldValue::Truth(true)),
            "no" | "false" => Ok(FieldValue::Truth(false)),
            _ => Err("yes, no or none belongs here".to_owned()),
        },
    }
}

fn rung(text: &str) -> Result<FieldValue, String> {
    let wanted = text.replace(['-', '_'], " ");
    let mut all = Rung::ALL.into_iter();
    let found = all.find(|rung| rung.as_str().eq_ignore_ascii_case(&wanted));
    found.map(FieldValue::Rung).ok_or_else(|| {
        let names = Rung::ALL.map(written);
        format!("there is no rung {text}: {}", names.join(", "))
    })
}

/// Writes a rung as one word.
fn written(rung: Rung) -> String {
    rung.as_str().replace(' ', "-")
}

fn latents(text: &str) -> Result<FieldValue, String> {
    let wrong = || format!("{text} is not a list of latents such as 1,3");
    let parts = text.split(',').map(|part| part.trim().parse::<usize>());
    let mut latents: Vec<usize> = parts.collect::<Result<_, _>>().map_err(|_| wrong())?;
    latents.sort_unstable();
    latents.dedup();
    Ok(FieldValue::Latents(latents))
}

#[cfg(test)]
mod tests;
