//! Highlighting of questions: the numbers that the verifier reads, plus what syntect finds with a small custom syntax.
//! The theme sets the colours.
//!
//! The syntax is built in code: loading it from a file would need syntect's YAML loader and its dependency.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::OnceLock;

use crate::core::problem::numbers::question_numbers;
use syntect::parsing::syntax_definition::{
    Context, ContextReference, MatchOperation, MatchPattern, Pattern,
};
use syntect::parsing::{
    ParseState, Scope, ScopeStack, SyntaxDefinition, SyntaxSet, SyntaxSetBuilder,
};

/// The scopes that the theme colours.
const ASK: &str = "markup.question";
const RELATION: &str = "keyword.relation";

/// Patterns highlighted anywhere: words that relate numbers or nouns. The first match wins.
const ATOMS: [(&str, &str); 2] = [
    (
        RELATION,
        r"(?i)\b(more|fewer|less|each|every|equal|times|divided by|multiplies|gives away|gave away|left|altogether|in all|total)\b",
    ),
    (RELATION, r"\bis (not )?an?\b|\bis not\b|\bis\b|\bare\b"),
];
/// Where an interrogative sentence begins; it ends with its question mark.
const ASKS: [&str; 2] = [
    r"(?=\b(How|What|Which|Is|Are|Who)\b[^.?]*\?)",
    r"(?=\bTrue or false\b)",
];
const END_OF_QUESTION: &str = r"\?";

/// The role of a part of a question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    Plain,
    /// A number, in digits or as a word.
    Number,
    /// A word that relates numbers or nouns.
    Relation,
    /// The sentence that asks the question.
    Ask,
}

struct Highlighter {
    set: SyntaxSet,
    slots: [(Scope, Slot); 2],
}

fn highlighter() -> Option<&'static Highlighter> {
    static SHARED: OnceLock<Option<Highlighter>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            let mut builder = SyntaxSetBuilder::new();
            builder.add(definition()?);
            Some(Highlighter {
                set: builder.build(),
                // Later entries win.
                slots: [(scope(ASK)?, Slot::Ask), (scope(RELATION)?, Slot::Relation)],
            })
        })
        .as_ref()
}

/// The syntax: `main` and `question` contain the same atoms. syntect starts at `__start`.
fn definition() -> Option<SyntaxDefinition> {
    let context = |patterns| Context {
        patterns,
        ..Context::new(true)
    };
    let include = |name| Some(Pattern::Include(named(name)?));
    let atom =
        |(name, regex): &(&str, &str)| Some(rule(regex, Some(scope(name)?), MatchOperation::None));
    let question = || Some(MatchOperation::Push(vec![named("question")?]));
    let asks = |regex: &&str| Some(rule(regex, None, question()?));
    let start = rule("", None, MatchOperation::Push(vec![named("main")?]));
    let main = ASKS.iter().map(asks).chain([include("atoms")]);
    let end = rule(END_OF_QUESTION, None, MatchOperation::Pop);
    let contexts = [
        ("__start", context(vec![start])),
        ("main", context(main.collect::<Option<_>>()?)),
        (
            "question",
            Context {
                meta_scope: vec![scope(ASK)?],
                ..context(vec![end, include("atoms")?])
            },
        ),
        (
            "atoms",
            context(ATOMS.iter().map(atom).collect::<Option<_>>()?),
        ),
    ];
    Some(SyntaxDefinition {
        name: "Problem".to_owned(),
        file_extensions: Vec::new(),
        scope: scope("text.problem")?,
        first_line_match: None,
        hidden: false,
        variables: HashMap::new(),
        contexts: contexts
            .map(|(name, context)| (name.to_owned(), context))
            .into(),
    })
}

fn scope(name: &str) -> Option<Scope> {
    Scope::new(name).ok()
}

/// Makes a reference to a context by name, which syntect only allows through deserialization.
fn named(name: &str) -> Option<ContextReference> {
    serde_json::from_value(serde_json::json!({ "Named": name })).ok()
}

fn rule(regex: &str, scope: Option<Scope>, operation: MatchOperation) -> Pattern {
    Pattern::Match(MatchPattern::new(
        false,
        regex.to_owned(),
        scope.into_iter().collect(),
        None,
        operation,
        None,
    ))
}

/// Splits a question into parts that together cover the whole text. Without a usable syntax, returns one plain part.
#[must_use]
pub fn highlight(text: &str) -> Vec<(Range<usize>, Slot)> {
    let parts = parse(text).unwrap_or_else(|| vec![(0..text.len(), Slot::Plain)]);
    let mut numbers = question_numbers(text).into_iter().peekable();
    let mut marked = Vec::with_capacity(parts.len());
    for (mut range, slot) in parts {
        while let Some(number) = numbers.peek().filter(|number| number.start < range.end) {
            let (start, end) = (number.start.max(range.start), number.end.min(range.end));
            marked.push((range.start..start, slot));
            marked.push((start..end, Slot::Number));
            range.start = end;
            if number.end > range.end {
                break;
            }
            numbers.next();
        }
        marked.push((range, slot));
    }
    marked.retain(|(range, _)| !range.is_empty());
    marked
}

fn parse(text: &str) -> Option<Vec<(Range<usize>, Slot)>> {
    let highlighter = highlighter()?;
    let syntax = highlighter.set.syntaxes().first()?;
    let ops = ParseState::new(syntax)
        .parse_line(text, &highlighter.set)
        .ok()?;
    let mut stack = ScopeStack::new();
    let mut parts = Vec::new();
    let mut at = 0;
    for (offset, op) in ops {
        if offset > at {
            parts.push((at..offset, slot_of(&stack, &highlighter.slots)));
            at = offset;
        }
        stack.apply(&op).ok()?;
    }
    if at < text.len() {
        parts.push((at..text.len(), slot_of(&stack, &highlighter.slots)));
    }
    Some(parts)
}

fn slot_of(stack: &ScopeStack, slots: &[(Scope, Slot)]) -> Slot {
    slots
        .iter()
        .rev()
        .find(|(scope, _)| stack.as_slice().iter().any(|s| scope.is_prefix_of(*s)))
        .map_or(Slot::Plain, |(_, slot)| *slot)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, wanted: Slot) -> Vec<&str> {
        highlight(text)
            .into_iter()
            .filter(|(_, slot)| *slot == wanted)
            .map(|(range, _)| text[range].trim())
            .collect()
    }

    #[test]
    fn numbers_relations_and_the_question_stand_out() {
        let text = "Tom has 12 apples. He buys seven more. How many apples does he have now?";
        assert_eq!(words(text, Slot::Number), ["12", "seven"]);
        assert_eq!(words(text, Slot::Relation), ["more"]);
        assert_eq!(
            words(text, Slot::Ask),
            ["How many apples does he have now?"]
        );
    }

    #[test]
    fn what_is_coloured_is_what_is_verified() {
        let text = "He has 3 1/2 of 12 000, not -5, and 3:30 is no number.";
        assert_eq!(words(text, Slot::Number), ["3 1/2", "12 000"]);
    }

    #[test]
    fn logic_premises_have_their_relations() {
        let text = "Tom is a gorpus. Every gorpus is a bompus. Is Tom a bompus or a wumpus?";
        assert_eq!(words(text, Slot::Relation), ["is a", "Every", "is a"]);
        assert_eq!(words(text, Slot::Ask), ["Is Tom a bompus or a wumpus?"]);
    }

    #[test]
    fn the_parts_are_the_whole_text() {
        for text in ["", "日本 3 個?", "How? What? Is 1 or 2?", "a\u{301} 12"] {
            let joined: String = highlight(text).into_iter().map(|(r, _)| &text[r]).collect();
            assert_eq!(joined, text);
        }
    }
}
