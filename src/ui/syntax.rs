//! Which parts of a question stand out, found by syntect with a small syntax of our own; colours come from the theme.

use std::ops::Range;
use std::sync::OnceLock;

use syntect::parsing::{
    ParseState, Scope, ScopeStack, SyntaxDefinition, SyntaxSet, SyntaxSetBuilder,
};

const SOURCE: &str = include_str!("../../assets/syntax/problem.sublime-syntax");

/// What a part of a question is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// Nothing special.
    Plain,
    /// A number, in digits or as a word.
    Number,
    /// A word that relates numbers or nouns.
    Relation,
    /// The sentence that asks.
    Ask,
}

struct Highlighter {
    set: SyntaxSet,
    slots: [(Scope, Slot); 3],
}

fn highlighter() -> Option<&'static Highlighter> {
    static SHARED: OnceLock<Option<Highlighter>> = OnceLock::new();
    SHARED
        .get_or_init(|| {
            let syntax = SyntaxDefinition::load_from_str(SOURCE, false, None).ok()?;
            let mut builder = SyntaxSetBuilder::new();
            builder.add(syntax);
            let scope = |name: &str| Scope::new(name).ok();
            Some(Highlighter {
                set: builder.build(),
                // Later ones win: a number inside the question is a number.
                slots: [
                    (scope("markup.question")?, Slot::Ask),
                    (scope("keyword.relation")?, Slot::Relation),
                    (scope("constant.numeric")?, Slot::Number),
                ],
            })
        })
        .as_ref()
}

/// Splits a question into parts; together they are the whole text. Without a usable syntax it is one plain part.
#[must_use]
pub fn highlight(text: &str) -> Vec<(Range<usize>, Slot)> {
    parse(text).unwrap_or_else(|| vec![(0..text.len(), Slot::Plain)])
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
