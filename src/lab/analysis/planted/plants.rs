//! The plants: the output of each latent and the source of the answer. Ground truth and weights follow from one design.

use std::collections::BTreeSet;

use super::circuit::{Circuit, Head, Look, previous_output, sum_of, whole};
use super::dim::{Dim, FED};
use super::questions::NumberLayout;
use crate::core::types::Rung;
use crate::engine::model::tiny::NUMBERS;

/// A kind of model with known ground truth. All add the numbers of the question, unless stated otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Plant {
    /// Each latent holds the partial sum, computed from the previous latent; the answer is the last one.
    Uses,
    /// Like `Uses`, but some numbers are misread, and words of the question add noise to the latents.
    Noisy,
    /// Several latents hold the same sum. The answer is their majority, with the question itself as one vote.
    Redundant,
    /// One number is taken from another place of the question that holds an equal number.
    WrongOperand,
    /// Latents hold sums as in `Uses`, but the answer is recomputed from the question.
    Ignores,
    /// Like `Ignores`, but only if the delimiter follows all latents: the answer needs their positions.
    Masked,
    /// Latents show sums but carry the answer hidden, and the answer is read from that.
    Copies,
    /// The last latent shows the answer, computed from the question and not from the previous latent's sum.
    Bypasses,
    /// The first latent shows the answer, the second the sum that should precede it; the answer is read from the first.
    Swapped,
    /// Latents always show the same number and carry the answer hidden.
    Hides,
    /// Latents show numbers of the question and carry the answer hidden.
    Echoes,
    /// Latents show the sum plus an offset, louder than the sum, and carry the answer hidden.
    Shifts,
    /// Latents show a value memorised for a name or a thing, and the answer is that value, whatever the numbers.
    Memoriser,
}

impl Plant {
    /// All plants: those that use what they show, those that do not, those that do not show what they compute.
    pub const ALL: [Self; 13] = [
        Self::Uses,
        Self::Noisy,
        Self::Redundant,
        Self::WrongOperand,
        Self::Ignores,
        Self::Masked,
        Self::Copies,
        Self::Bypasses,
        Self::Swapped,
        Self::Hides,
        Self::Echoes,
        Self::Shifts,
        Self::Memoriser,
    ];

    /// Returns the name in tables and on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Uses => "uses",
            Self::Noisy => "noisy",
            Self::Redundant => "redundant",
            Self::WrongOperand => "wrong-operand",
            Self::Ignores => "ignores",
            Self::Masked => "masked",
            Self::Copies => "copies",
            Self::Bypasses => "bypasses",
            Self::Swapped => "swapped",
            Self::Hides => "hides",
            Self::Echoes => "echoes",
            Self::Shifts => "shifts",
            Self::Memoriser => "memoriser",
        }
    }

    /// Returns a short description of the ground truth.
    #[must_use]
    pub fn truth(self) -> &'static str {
        match self {
            Self::Uses => "says each sum and uses it",
            Self::Noisy => "the same, misreads some numbers",
            Self::Redundant => "several latents say the sum, most decide",
            Self::WrongOperand => "adds an equal number from elsewhere",
            Self::Ignores => "says sums, answers from the question",
            Self::Masked => "the same, but needs the latents' places",
            Self::Copies => "says sums, carries the answer unsaid",
            Self::Bypasses => "says a sum that the next does not use",
            Self::Swapped => "says the answer before its first sum",
            Self::Hides => "says a constant, carries the answer",
            Self::Echoes => "says numbers of the question",
            Self::Shifts => "says the sum plus 1, 2 or 3 first",
            Self::Memoriser => "says what goes with a name",
        }
    }

    /// Returns the highest rung that is true of it; `None` if no trace is.
    #[must_use]
    pub fn highest(self) -> Option<Rung> {
        match self {
            Self::Uses | Self::Noisy | Self::Redundant | Self::WrongOperand => Some(Rung::Used),
            Self::Ignores | Self::Masked => Some(Rung::NotNeeded),
            Self::Copies | Self::Bypasses | Self::Swapped => Some(Rung::Tracks),
            Self::Hides | Self::Echoes | Self::Shifts | Self::Memoriser => None,
        }
    }

    fn code(self) -> u64 {
        Self::ALL.iter().position(|p| *p == self).unwrap_or(0) as u64
    }
}

/// The size of a plant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Size {
    /// The fewest numbers and latents possible, in one block.
    Small,
    /// One number and one latent more, in two wider blocks, and an unused number in the question.
    Large,
}

impl Size {
    /// Both sizes.
    pub const ALL: [Self; 2] = [Self::Small, Self::Large];

    /// Returns the name in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Large => "large",
        }
    }
}

/// The content of a latent.
#[derive(Debug, Clone)]
enum Says {
    /// The previous latent's value plus these numbers.
    Goes(Vec<usize>),
    /// The sum of these numbers.
    Sum(Vec<usize>),
    /// The sum of these numbers plus an offset first, the sum itself less loud.
    Shifted(Vec<usize>, usize),
    Constant(usize),
    /// The value of a word.
    Memo(Dim),
}

/// The source of the answer.
#[derive(Debug, Clone)]
enum Fetched {
    /// The value that this latent shows.
    Said(usize),
    /// The hidden value of the last latent.
    Carried,
    /// The question.
    Question,
    /// The question, if the delimiter is at its place.
    Placed,
    /// The majority of the latents, with the question as one vote.
    Vote,
}

/// The design of a plant.
pub(super) struct Design {
    says: Vec<Says>,
    /// The numbers that are added, by their index in the question.
    added: Vec<usize>,
    fetched: Fetched,
    misread: f64,
    noise: f32,
    pub(super) layout: NumberLayout,
    large: bool,
    seed: u64,
    /// Values of names and things.
    memos: Vec<(&'static str, usize)>,
}

/// Loudness of the question's words in the latents, relative to a number.
const NOISE: f32 = 0.3;
const LOUD_NOISE: f32 = 2.0;
/// Loudness of the question in a vote, relative to all latents together.
const VOICE: f32 = 0.4;

impl Design {
    pub(super) fn new(plant: Plant, size: Size, seed: u64) -> Self {
        let large = size == Size::Large;
        let more = usize::from(large);
        // Steps of the solution; some plants need at least two.
        let steps = match plant {
            Plant::Redundant => 1,
            Plant::Copies | Plant::Bypasses | Plant::Swapped => 2 + more,
            _ => 1 + more,
        };
        let beside = large || plant == Plant::WrongOperand;
        let layout = NumberLayout {
            added: steps + 1,
            beside,
        };
        let mut added: Vec<usize> = (0..=steps).collect();
        if plant == Plant::WrongOperand {
            added[1] = layout.beside_role();
        }
        let upto = |n: usize| added[..=n].to_vec();
        let chain = |n: usize| {
            let goes = (2..=n).map(|step| Says::Goes(vec![added[step]]));
            std::iter::once(Says::Sum(upto(1))).chain(goes).collect()
        };
        let says: Vec<Says> = match plant {
            Plant::Uses | Plant::Noisy | Plant::WrongOperand | Plant::Ignores | Plant::Masked => {
                chain(steps)
            }
            Plant::Redundant => vec![Says::Sum(upto(1)); 2 + more],
            Plant::Copies => chain(steps - 1),
            Plant::Bypasses => {
                let mut says: Vec<Says> = chain(steps - 1);
                says.push(Says::Sum(upto(steps)));
                says
            }
            Plant::Swapped => {
                let partial = (1..steps).map(|n| Says::Sum(upto(n)));
                std::iter::once(Says::Sum(upto(steps)))
                    .chain(partial)
                    .collect()
            }
            Plant::Hides => (0..steps).map(|n| Says::Constant(1 + 3 * n)).collect(),
            Plant::Echoes => (0..steps).map(|n| Says::Sum(vec![added[n]])).collect(),
            Plant::Shifts => {
                let by = 1 + usize::try_from(seed % 3).unwrap_or(0);
                (1..=steps).map(|n| Says::Shifted(upto(n), by)).collect()
            }
            Plant::Memoriser => [Dim::Name, Dim::Thing]
                .into_iter()
                .take(steps)
                .map(Says::Memo)
                .collect(),
        };
        let fetched = match plant {
            Plant::Ignores => Fetched::Question,
            Plant::Masked => Fetched::Placed,
            Plant::Copies | Plant::Hides | Plant::Echoes | Plant::Shifts => Fetched::Carried,
            Plant::Redundant => Fetched::Vote,
            Plant::Swapped => Fetched::Said(0),
            _ => Fetched::Said(says.len() - 1),
        };
        let is_noisy = plant == Plant::Noisy;
        let mut design = Self {
            says,
            added,
            fetched,
            misread: if is_noisy { 0.1 } else { 0.0 },
            noise: if is_noisy { LOUD_NOISE } else { NOISE },
            layout,
            large,
            seed: seed * 64 + 2 * plant.code() + u64::from(large),
            memos: Vec::new(),
        };
        if plant == Plant::Memoriser {
            design.memos = NumberLayout::memos(design.seed);
        }
        design
    }

    pub(super) fn latents(&self) -> usize {
        self.says.len()
    }

    /// Seed of the draws other than the weights.
    pub(super) fn seed(&self) -> u64 {
        self.seed
    }

    /// The numbers whose sum a latent shows; `None` if it shows something else.
    pub(super) fn sum_at(&self, latent: usize) -> Option<BTreeSet<usize>> {
        match self.says.get(latent)? {
            Says::Sum(numbers) => Some(numbers.iter().copied().collect()),
            Says::Goes(more) => {
                let mut sum = self.sum_at(latent.checked_sub(1)?)?;
                sum.extend(more);
                Some(sum)
            }
            Says::Shifted(..) | Says::Constant(_) | Says::Memo(_) => None,
        }
    }

    /// Whether the answer depends on what a latent shows.
    pub(super) fn is_used(&self, latent: usize) -> bool {
        match self.fetched {
            Fetched::Vote => true,
            Fetched::Said(fetched) => {
                // From the fetched latent back to the one that computed its value from the question.
                let is_first = |n: &usize| !matches!(self.says[*n], Says::Goes(_));
                let first = (0..=fetched).rev().find(is_first).unwrap_or(fetched);
                (first..=fetched).contains(&latent)
            }
            Fetched::Carried | Fetched::Question | Fetched::Placed => false,
        }
    }

    /// Whether the answer depends on any content of the latents.
    pub(super) fn needs_content(&self) -> bool {
        !matches!(self.fetched, Fetched::Question | Fetched::Placed)
    }

    /// The numbers whose sum is the answer; `None` if it is not such a sum.
    pub(super) fn answer(&self) -> Option<BTreeSet<usize>> {
        match self.fetched {
            Fetched::Said(latent) => self.sum_at(latent),
            Fetched::Vote => self.sum_at(0),
            Fetched::Carried | Fetched::Question | Fetched::Placed => {
                Some(self.added.iter().copied().collect())
            }
        }
    }

    /// The memorised value of a word.
    pub(super) fn memo(&self, word: &str) -> Option<usize> {
        self.memos
            .iter()
            .find(|(memo, _)| *memo == word)
            .map(|(_, value)| *value)
    }

    /// Builds the weights.
    pub(super) fn circuit(&self) -> Circuit {
        let latents = self.latents();
        let mut circuit = Circuit::new(self.large, latents, self.seed);
        circuit.misread = self.misread;
        for (word, value) in &self.memos {
            circuit.memo(word, *value);
        }
        for (position, mark) in self.layout.marks() {
            circuit.place(position, mark);
        }
        circuit.place(self.layout.delimiter(latents), Dim::Place);
        let mut reader = Head::default();
        for (n, says) in self.says.iter().enumerate() {
            let from = n.checked_sub(1).map_or(Dim::Start, Dim::Latent);
            let look = |to| Look {
                from: vec![from],
                to,
            };
            match says {
                Says::Goes(numbers) | Says::Sum(numbers) | Says::Shifted(numbers, _) => {
                    reader
                        .looks
                        .extend(numbers.iter().map(|n| look(Dim::Role(*n))));
                }
                Says::Memo(word) => reader.looks.push(look(*word)),
                Says::Constant(_) => {}
            }
            match says {
                Says::Goes(numbers) => {
                    circuit.says(from, &[sum_of(numbers.len()), whole(Dim::Before)], 1.0, 0);
                }
                Says::Sum(numbers) => circuit.says(from, &[sum_of(numbers.len())], 1.0, 0),
                Says::Shifted(numbers, by) => {
                    circuit.says(from, &[sum_of(numbers.len())], 1.0, *by);
                    circuit.says(from, &[sum_of(numbers.len())], 0.7, 0);
                }
                Says::Constant(value) => circuit.says(from, &[], 1.0, *value),
                Says::Memo(_) => circuit.says(from, &[whole(Dim::Sum)], 1.0, 0),
            }
        }
        let source = |says: &Says| match says {
            Says::Memo(_) => Dim::Memo,
            _ => Dim::Amount,
        };
        let read = self.says.first().map_or(Dim::Amount, source);
        reader.copies.push((read, Dim::Sum, 1.0));
        circuit.head(reader);
        circuit.head(itself(latents, previous_output()));
        circuit.noise(self.noise);
        self.fetch(&mut circuit);
        circuit
    }

    /// Adds the head that produces the answer at the delimiter.
    fn fetch(&self, circuit: &mut Circuit) {
        let latents = self.latents();
        let at = |to| Look {
            from: vec![Dim::Delimiter],
            to,
        };
        let question = |from: &[Dim]| Head {
            looks: self
                .added
                .iter()
                .map(|n| Look {
                    from: from.to_vec(),
                    to: Dim::Role(*n),
                })
                .collect(),
            copies: vec![(Dim::Amount, Dim::Sum, 1.0)],
        };
        let copies = || {
            (0..NUMBERS)
                .map(|n| (Dim::Say(n), Dim::Say(n), 1.0 / FED))
                .collect()
        };
        let sum = [sum_of(self.added.len())];
        match self.fetched {
            Fetched::Said(latent) => circuit.head(Head {
                looks: vec![at(Dim::Latent(latent))],
                copies: copies(),
            }),
            Fetched::Vote => {
                circuit.head(Head {
                    looks: (0..latents).map(|n| at(Dim::Latent(n))).collect(),
                    copies: copies(),
                });
                circuit.head(question(&[Dim::Delimiter]));
                circuit.says(Dim::Delimiter, &sum, VOICE, 0);
            }
            Fetched::Question => {
                circuit.head(question(&[Dim::Delimiter]));
                circuit.says(Dim::Delimiter, &sum, 1.0, 0);
            }
            Fetched::Placed => {
                circuit.head(question(&[Dim::Delimiter, Dim::Place]));
                circuit.says(Dim::Delimiter, &sum, 1.0, 0);
            }
            Fetched::Carried => {
                #[expect(clippy::cast_precision_loss, reason = "a few numbers")]
                let terms = self.added.len() as f32;
                let keeps = (Dim::Hidden, Dim::Hidden, 1.0 / FED - 1.0);
                let mut carries = itself(latents, vec![keeps]);
                carries.copies.push((Dim::Amount, Dim::Hidden, terms));
                carries.looks.extend(self.added.iter().map(|n| Look {
                    from: vec![Dim::Start],
                    to: Dim::Role(*n),
                }));
                circuit.head(carries);
                circuit.head(Head {
                    looks: vec![at(Dim::Latent(latents - 1))],
                    copies: vec![(Dim::Hidden, Dim::Sum, 1.0 / FED)],
                });
                circuit.says(Dim::Delimiter, &[whole(Dim::Sum)], 1.0, 0);
            }
        }
    }
}

/// A head by which each latent that produces another attends to itself.
fn itself(latents: usize, copies: Vec<(Dim, Dim, f32)>) -> Head {
    let looks = (0..latents).map(|n| Look {
        from: vec![Dim::Latent(n)],
        to: Dim::Latent(n),
    });
    Head {
        looks: looks.collect(),
        copies,
    }
}
