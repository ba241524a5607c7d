//! The columns of the table and their sort orders; values not computed come last in either direction.

use std::cmp::Ordering;
use std::collections::HashMap;

use crate::core::types::Rung;
use crate::explorer::session::Note;
use crate::lab::rows::summary::RunItem;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Column {
    /// The index of the problem.
    #[default]
    Index,
    /// The question.
    Question,
    /// Whether the answer is right.
    Correct,
    /// The answer.
    Answer,
    /// The rung.
    Rung,
    /// The p-value of the search.
    P,
    /// Steps of the gold solution.
    Steps,
    /// The needed latents: their number, then which.
    Needed,
    /// First match.
    First,
    /// The change with all latents off.
    Delta,
    /// The number of notes.
    Notes,
}

impl Column {
    /// Every column, from left to right.
    pub const ALL: [Self; 11] = [
        Self::Index,
        Self::Question,
        Self::Correct,
        Self::Answer,
        Self::Rung,
        Self::P,
        Self::Steps,
        Self::Needed,
        Self::First,
        Self::Delta,
        Self::Notes,
    ];

    /// Returns the column to the right or left, wrapping around.
    #[must_use]
    pub fn next(self, right: bool) -> Self {
        let n = Self::ALL.len();
        let at = Self::ALL.iter().position(|column| *column == self);
        let step = if right { 1 } else { n - 1 };
        Self::ALL[(at.unwrap_or_default() + step) % n]
    }

    /// Returns its name in a sentence.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Index => "index",
            Self::Question => "question",
            Self::Answer => "answer",
            Self::Correct => "correct",
            Self::Rung => "rung",
            Self::P => "p",
            Self::Steps => "steps",
            Self::Needed => "needed latents",
            Self::First => "first match",
            Self::Delta => "change with all latents off",
            Self::Notes => "notes",
        }
    }
}

/// Sorts indices into the items; equal problems stay in the order of their index.
pub(super) fn sort(
    shown: &mut [usize],
    items: &[RunItem],
    by: Column,
    reversed: bool,
    notes: &HashMap<u64, Vec<Note>>,
) {
    let turn = |order: Ordering| if reversed { order.reverse() } else { order };
    shown.sort_by(|a, b| {
        let (a, b) = (&items[*a], &items[*b]);
        let order = match by {
            Column::Index => turn(a.index.cmp(&b.index)),
            Column::Question => turn(a.question.cmp(&b.question)),
            Column::Answer => known(answer(a), answer(b), Ord::cmp, turn),
            Column::Correct => known(a.correct, b.correct, Ord::cmp, turn),
            Column::Rung => known(place(a), place(b), Ord::cmp, turn),
            Column::P => known(a.p(), b.p(), f64::total_cmp, turn),
            Column::Steps => turn(a.steps.cmp(&b.steps)),
            Column::Needed => known(needed(a), needed(b), Ord::cmp, turn),
            Column::First => known(a.first(), b.first(), Ord::cmp, turn),
            Column::Delta => known(a.delta(), b.delta(), f64::total_cmp, turn),
            Column::Notes => {
                let of = |item: &RunItem| notes.get(&item.key).map(Vec::len);
                known(of(a), of(b), Ord::cmp, turn)
            }
        };
        order.then(a.index.cmp(&b.index))
    });
}

fn known<T>(
    a: Option<T>,
    b: Option<T>,
    compare: impl Fn(&T, &T) -> Ordering,
    turn: impl Fn(Ordering) -> Ordering,
) -> Ordering {
    match (a, b) {
        (Some(a), Some(b)) => turn(compare(&a, &b)),
        (Some(_), None) => Ordering::Less,
        (None, Some(_)) => Ordering::Greater,
        (None, None) => Ordering::Equal,
    }
}

/// Returns the sort key of a rung: the strongest first, and PRESENT by chance below PRESENT.
fn place(item: &RunItem) -> Option<(usize, bool)> {
    let place = Rung::ALL
        .iter()
        .position(|rung| Some(*rung) == item.rung())?;
    Some((place, item.by_chance()))
}

/// Returns the sort key of an answer: numbers in numeric order, ahead of words.
fn answer(item: &RunItem) -> Option<(bool, i64, &str)> {
    let text = item.answer.as_deref()?;
    let number = text.parse::<f64>().ok().filter(|n| n.is_finite());
    #[expect(clippy::cast_possible_truncation, reason = "an order, cut at the ends")]
    let thousandths = number.map_or(0, |n| (n * 1_000.0).round() as i64);
    Some((number.is_none(), thousandths, text))
}

fn needed(item: &RunItem) -> Option<(usize, &[usize])> {
    let latents = item.needed()?;
    Some((latents.len(), latents))
}
