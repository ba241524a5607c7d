//! Questions for the plants: sentences of five words, so that every number has a known position.

use rand::seq::{IndexedRandom, SliceRandom};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::dim::Dim;
use super::plants::{Design, Plant};
use crate::core::problem::Problem;

const NAMES: [&str; 2] = ["Tom", "Ann"];
const THINGS: [&str; 4] = ["apples", "pears", "pens", "books"];
const OWNS: [&str; 2] = ["has", "had"];
const GETS: [&str; 3] = ["buys", "gets", "finds"];
/// Words of a sentence with its full stop, and of the question itself.
const SENTENCE: usize = 5;
const QUESTION: usize = 7;
/// The index of the number in its sentence, and of the thing.
const NUMBER: usize = 2;
const THING: usize = 3;
/// Maximum number of consecutive draws that do not suit a plant.
const DRAWS: usize = 100_000;

/// The layout of a question.
#[derive(Debug, Clone, Copy)]
pub(super) struct NumberLayout {
    /// The number of summands of the solution.
    pub(super) added: usize,
    /// Whether another number precedes them.
    pub(super) beside: bool,
}

/// A question with the positions of its numbers.
#[derive(Debug, Clone)]
pub(crate) struct PlantedQuestion {
    pub(crate) problem: Problem,
    /// Start byte of each number, by role.
    pub(super) starts: Vec<usize>,
}

impl NumberLayout {
    /// The role of the number that is not added.
    pub(super) fn beside_role(self) -> usize {
        self.added
    }

    fn first(self) -> usize {
        SENTENCE * usize::from(self.beside)
    }

    /// Marks by position.
    pub(super) fn marks(self) -> Vec<(usize, Dim)> {
        let mut marks = vec![
            (self.first(), Dim::Name),
            (self.first() + THING, Dim::Thing),
        ];
        let added = (0..self.added).map(|n| (self.first() + SENTENCE * n + NUMBER, Dim::Role(n)));
        marks.extend(added);
        if self.beside {
            marks.push((NUMBER, Dim::Role(self.beside_role())));
        }
        marks
    }

    /// The position of the delimiter after all latents: after the newline, the start marker, the latents and the end marker.
    pub(super) fn delimiter(self, latents: usize) -> usize {
        self.first() + SENTENCE * self.added + QUESTION + 1 + 1 + latents + 1
    }

    /// Arbitrary values of names and things. Two numbers can add up to any name's value, and three to any thing's.
    pub(super) fn memos(seed: u64) -> Vec<(&'static str, usize)> {
        let mut dice = ChaCha8Rng::seed_from_u64(seed ^ 0x3e30);
        let names = NAMES.map(|name| (name, dice.random_range(8..=14)));
        let things = THINGS.map(|thing| (thing, dice.random_range(19..=20)));
        names.into_iter().chain(things).collect()
    }
}

/// Draws a question for a plant; if `suits`, one that exercises the plant: the wrong place holds the right number, or the
/// memorised value is the sum.
pub(super) fn draw(
    plant: Plant,
    design: &Design,
    dice: &mut ChaCha8Rng,
    suits: bool,
) -> PlantedQuestion {
    let sample = (0..DRAWS).find_map(|_| try_draw(plant, design, dice, suits));
    sample.expect("a hundred thousand draws include a suitable question")
}

fn try_draw(
    plant: Plant,
    design: &Design,
    dice: &mut ChaCha8Rng,
    suits: bool,
) -> Option<PlantedQuestion> {
    let layout = design.layout;
    let largest = if layout.added > 3 { 9 } else { 12 };
    let mut numbers: Vec<usize> = (2..=largest).collect();
    numbers.shuffle(dice);
    numbers.truncate(layout.added + usize::from(layout.beside));
    if suits && plant == Plant::WrongOperand {
        numbers[layout.beside_role()] = numbers[1];
    }
    let mut names = NAMES;
    names.shuffle(dice);
    let mut things = THINGS;
    things.shuffle(dice);
    if suits && plant == Plant::Memoriser {
        let sum = |n: usize| Some(numbers[..n].iter().sum());
        let fits = sum(2) == design.memo(names[0])
            && (layout.added < 3 || sum(3) == design.memo(things[0]));
        if !fits {
            return None;
        }
    }
    let mut pick = |from: &[&'static str]| *from.choose(dice).expect("there are words");
    let mut sentences: Vec<String> = Vec::new();
    if layout.beside {
        let number = numbers[layout.beside_role()];
        sentences.push(format!(
            "{} {} {number} {}.",
            names[1],
            pick(&OWNS),
            things[1]
        ));
    }
    sentences.push(format!(
        "{} {} {} {}.",
        names[0],
        pick(&OWNS),
        numbers[0],
        things[0]
    ));
    let pronoun = if names[0] == "Tom" { "He" } else { "She" };
    for number in &numbers[1..layout.added] {
        sentences.push(format!("{pronoun} {} {number} {}.", pick(&GETS), things[0]));
    }
    sentences.push(format!("How many {} does {} have?", things[0], names[0]));
    let mut starts = Vec::new();
    let mut at = 0;
    for sentence in &sentences {
        if let Some(byte) = sentence.find(|c: char| c.is_ascii_digit()) {
            starts.push(at + byte);
        }
        at += sentence.len() + 1;
    }
    if layout.beside {
        starts.rotate_left(1);
    }
    let (mut sum, mut steps) = (numbers[0], Vec::new());
    for number in &numbers[1..layout.added] {
        steps.push(format!("<<{sum}+{number}={}>>", sum + number));
        sum += number;
    }
    Some(PlantedQuestion {
        problem: Problem {
            question: sentences.join(" "),
            steps,
            answer: sum.to_string(),
        },
        starts,
    })
}
