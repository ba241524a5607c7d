//! The word lists of math problems: names, objects and sentence templates. In a template, `{N}` is the name, `{o}`/`{s}` the
//! objects in plural/singular, `{a}` and `{b}` the two numbers of a step, `{d}` an irrelevant number; the rest are pronouns.

use std::fmt::Write as _;

use rand::Rng;
use rand_chacha::ChaCha8Rng;

/// A sentence template. Some express one fixed value of `{b}` in words.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line {
    /// The sentence, with placeholders.
    pub text: &'static str,
    /// The value of `{b}` that the sentence expresses, or 0 for any.
    pub only: u32,
}

const fn any(text: &'static str) -> Line {
    Line { text, only: 0 }
}

const fn only(only: u32, text: &'static str) -> Line {
    Line { text, only }
}

pub(super) const HE_NAMES: [&str; 12] = [
    "Tom", "Ben", "Sam", "Max", "Leo", "Jack", "Paul", "Omar", "Ivan", "Luke", "Adam", "Noah",
];

pub(super) const SHE_NAMES: [&str; 12] = [
    "Ann", "Mia", "Eva", "Lucy", "Sara", "Nina", "Rosa", "Emma", "Zoe", "Kate", "Ruth", "Lily",
];

/// Countable objects; every plural only adds an s.
pub(super) const OBJECTS: [&str; 24] = [
    "pen", "book", "card", "coin", "ball", "apple", "shell", "stamp", "cup", "toy", "bead", "egg",
    "hat", "stone", "nut", "cake", "key", "ring", "doll", "kite", "plum", "pear", "button",
    "marble",
];

/// Words for the numbers 2 to 12.
const NUMBER_WORDS: [&str; 11] = [
    "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
];

/// First sentences that give one number.
pub(super) const OPENINGS: [&str; 10] = [
    "{N} has {a} {o}.",
    "{N} starts with {a} {o}.",
    "{N} owns {a} {o}.",
    "{N} bought {a} {o}.",
    "{N} finds {a} {o} in a box.",
    "In the morning {N} has {a} {o}.",
    "At first {N} has {a} {o}.",
    "{N} gets {a} {o} as a gift.",
    "{N} has a pile of {a} {o}.",
    "{N} made {a} {o}.",
];

/// First sentences that give both numbers of an addition.
pub(super) const ADD_OPENINGS: [&str; 4] = [
    "{N} has {a} red and {b} blue {o}.",
    "{N} has {a} old {o} and {b} new ones.",
    "{N} finds {a} {o} and then {b} more.",
    "{N} buys {a} big and {b} small {o}.",
];

/// First sentences that give both numbers of a subtraction.
pub(super) const SUB_OPENINGS: [&str; 4] = [
    "{N} had {a} {o} but lost {b}.",
    "{N} had {a} {o} and sold {b} of them.",
    "{N} bought {a} {o} and gave away {b}.",
    "{N} made {a} {o} and used up {b}.",
];

/// First sentences that give both numbers of a product.
pub(super) const MUL_OPENINGS: [&str; 8] = [
    "{N} has {a} boxes with {b} {o} each.",
    "{N} buys {a} bags of {b} {o}.",
    "{N} owns {a} jars with {b} {o} each.",
    "{N} makes {a} rows of {b} {o}.",
    "{N} finds {a} piles of {b} {o}.",
    "{N} gets {a} packs with {b} {o} each.",
    "{N} fills {a} bags with {b} {o} each.",
    "On each of {a} days {N} gets {b} {o}.",
];

/// First sentences that give both numbers of a division.
pub(super) const DIV_OPENINGS: [&str; 4] = [
    "{N} put {a} {o} into {b} equal bags and took one.",
    "{N} split {a} {o} into {b} equal piles and kept one.",
    "{N} had {a} {o} but kept one of every {b}.",
    "{N} made {b} equal rows of {a} {o} and kept one row.",
];

/// Sentences that add `{b}`.
pub(super) const ADD: [Line; 15] = [
    any("{N} buys {b} more {o}."),
    any("A friend gives {him} {b} {o}."),
    any("{He} finds {b} more."),
    any("{He} gets {b} {o} from {his} mother."),
    any("Then {he} wins {b} {o}."),
    any("{He} picks up {b} more {o}."),
    any("{His} sister brings {him} {b} more."),
    any("{N} makes {b} more {o}."),
    any("{He} adds {b} {o} to the pile."),
    any("The teacher hands {him} {b} more."),
    any("Later {he} collects {b} new {o}."),
    any("{N} borrows {b} {o} from a friend."),
    any("{He} is given {b} extra {o}."),
    any("A box of {b} {o} comes for {him}."),
    any("Now {he} has {b} more {o} than before."),
];

/// Sentences that subtract `{b}`.
pub(super) const SUB: [Line; 15] = [
    any("{He} loses {b} of them."),
    any("{N} gives {b} {o} to a friend."),
    any("{He} sells {b} {o}."),
    any("{N} throws away {b} {o}."),
    any("{His} brother takes {b} of them."),
    any("A thief steals {b} {o}."),
    any("{He} gives away {b}."),
    any("{He} returns {b} {o} to the shop."),
    any("{He} hands {b} {o} to {his} sister."),
    any("{N} donates {b} of {his} {o}."),
    any("Then {b} of the {o} get lost."),
    any("A dog runs off with {b} {o}."),
    any("{He} removes {b} {o} from the pile."),
    any("Now {he} has {b} fewer {o} than before."),
    any("{N} uses up {b} of them."),
];

/// Sentences that multiply by `{b}`.
pub(super) const MUL: [Line; 19] = [
    any("Then {he} has {b} times as many."),
    any("Soon {he} has {b} times as many {o}."),
    any("{N} makes the pile {b} times as big."),
    any("{He} swaps each {s} for {b} new ones."),
    any("{He} trades each {s} for {b} {o}."),
    any("A week later {he} has {b} times as many."),
    any("A wizard turns each {s} into {b} {o}."),
    any("{He} multiplies {his} {o} by {b}."),
    any("{He} works until {he} has {b} times as many."),
    any("By night {he} has {b} times as many {o}."),
    any("A machine turns each {s} into {b}."),
    any("For each {s} {he} had, {he} now has {b}."),
    any("The pile of {o} gets {b} times as big."),
    only(2, "{N} doubles {his} {o}."),
    only(2, "Then {he} has twice as many."),
    only(2, "The number of {o} doubles."),
    only(3, "{N} triples {his} {o}."),
    only(3, "Soon {he} has triple that number."),
    only(3, "The number of {o} triples."),
];

/// Sentences that divide by `{b}`.
pub(super) const DIV: [Line; 20] = [
    any("{He} makes {b} equal piles and keeps one."),
    any("{N} splits them into {b} equal groups and keeps one."),
    any("{He} packs them into {b} equal bags and takes one."),
    any("The number of {o} is divided by {b}."),
    any("{He} keeps one of every {b} {o}."),
    any("Only one of every {b} {o} is left."),
    any("{N} swaps every {b} {o} for one new one."),
    any("{He} makes {b} equal rows and keeps one row."),
    any("A machine turns every {b} {o} into one."),
    any("{He} fills {b} equal boxes and keeps one box."),
    any("{N} cuts the pile into {b} equal parts and keeps one."),
    any("{N} divides {his} {o} by {b}."),
    any("{He} trades every {b} {o} for one."),
    only(2, "Half of the {o} get lost."),
    only(2, "{N} gives half of them to a friend."),
    only(2, "{He} sells half of {his} {o}."),
    only(3, "{He} keeps only a third of them."),
    only(3, "{N} is left with a third of the {o}."),
    only(4, "{He} keeps only a quarter of them."),
    only(4, "Only a quarter of the {o} are left."),
];

/// Irrelevant sentences; `{d}` is drawn from the range.
pub(super) const DISTRACTORS: [(&str, u32, u32); 16] = [
    ("It is a sunny day.", 0, 0),
    ("The shop is far away.", 0, 0),
    ("{N} likes {o}.", 0, 0),
    ("{N} lives in a small town.", 0, 0),
    ("{His} dog is asleep.", 0, 0),
    ("{He} is very happy.", 0, 0),
    ("The sky is blue.", 0, 0),
    ("{His} friend likes music.", 0, 0),
    ("{N} is {d} years old.", 5, 60),
    ("The shop opens at {d}.", 6, 11),
    ("The shop closes at {d}.", 4, 10),
    ("{His} sister is {d} years old.", 2, 40),
    ("{His} mother is {d} years old.", 30, 70),
    ("{N} takes bus number {d}.", 2, 99),
    ("{N} lives at number {d}.", 2, 99),
    ("School ends at {d}.", 2, 5),
];

pub(super) const QUESTIONS: [&str; 8] = [
    "How many {o} does {N} have now?",
    "How many {o} does {he} have now?",
    "How many {o} does {he} have?",
    "How many {o} does {N} have in the end?",
    "How many {o} are there now?",
    "How many {o} are left?",
    "How many does {he} have in the end?",
    "What is the number of {o} now?",
];

/// Appends a number; small ones are sometimes written in words.
pub(super) fn push_number(rng: &mut ChaCha8Rng, out: &mut String, number: u32) {
    let words = (2..=12).contains(&number) && rng.random_bool(0.15);
    if !words {
        _ = write!(out, "{number}");
    } else if number == 12 && rng.random_bool(0.5) {
        out.push_str("a dozen");
    } else {
        out.push_str(NUMBER_WORDS[number as usize - 2]);
    }
}

/// Returns whether the text contains the number, in digits or in words; for tests.
#[cfg(test)]
pub(super) fn mentions(question: &str, number: u32) -> bool {
    let words: &[&str] = match number {
        2 => &["half", "Half", "doubles", "twice", "two"],
        3 => &["third", "triple", "triples", "three"],
        4 => &["quarter", "four"],
        12 => &["dozen", "twelve"],
        5..=11 => &NUMBER_WORDS[number as usize - 2..=number as usize - 2],
        _ => &[],
    };
    let digits = number.to_string();
    question
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| word == digits || words.contains(&word))
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn texts() -> Vec<&'static str> {
        let lines = [&ADD[..], &SUB, &MUL, &DIV].concat();
        let joint = [ADD_OPENINGS, SUB_OPENINGS, DIV_OPENINGS].concat();
        let lines = lines.into_iter().map(|l| l.text);
        lines
            .chain(joint)
            .chain(OPENINGS)
            .chain(MUL_OPENINGS)
            .chain(QUESTIONS)
            .chain(DISTRACTORS.map(|d| d.0))
            .collect()
    }

    #[test]
    fn each_operation_has_enough_templates_for_any_number() {
        for lines in [&ADD[..], &SUB, &MUL, &DIV] {
            assert!(lines.iter().filter(|l| l.only == 0).count() >= 12);
            for line in lines {
                assert_eq!(line.only == 0, line.text.contains("{b}"), "{}", line.text);
            }
        }
    }

    #[test]
    fn templates_are_plain_distinct_and_well_formed() {
        let texts = texts();
        assert_eq!(texts.iter().collect::<HashSet<_>>().len(), texts.len());
        let keys = [
            "a", "b", "d", "N", "s", "o", "He", "he", "him", "His", "his",
        ];
        for text in texts {
            assert!(text.ends_with(['.', '?']), "{text}");
            let plain = |c: char| c.is_ascii_alphabetic() || " ,{}.?".contains(c);
            assert!(text.chars().all(plain), "{text}");
            for hole in text.split('{').skip(1) {
                let key = hole.split_once('}').unwrap().0;
                assert!(keys.contains(&key), "{text}");
            }
            // A leading number would need a capital letter when written in words.
            assert!(
                !text.starts_with("{a}") && !text.starts_with("{b}"),
                "{text}"
            );
        }
    }
}
